/* SPDX-License-Identifier: BSD-2-Clause */
/* conn_log.h - what a connection tells: records into its log, and its end. */
#ifndef BBTAP_TCPSTATE_CONN_LOG_H
#define BBTAP_TCPSTATE_CONN_LOG_H

#include "tcpstate/connection.h"
#include "tcpstate/sender.h"

/* The segment, with both TCBs as they are before it is processed. */
void conn_log_segment(struct tracker *tracker, struct connection *conn, const struct segment *seg,
		      enum side sender, const struct sent *sent);

/* An event of one side, with its TCB as it is now. */
void conn_log_event(struct tracker *tracker, struct connection *conn, enum side side,
		    const struct event *event);

/* The named events; arguments as in event.h. */
void conn_log_rtt(struct tracker *tracker, struct connection *conn, enum side side, uint64_t ts_ns,
		  uint32_t sample_us, uint8_t reason);
/* What sending (RTO, ENTREC) and what an ACK showed of the side's sender. */
void conn_log_step(struct tracker *tracker, struct connection *conn, enum side side, uint64_t ts_ns,
		   const struct sender_step *step, uint8_t cause);
void conn_log_ack(struct tracker *tracker, struct connection *conn, enum side side, uint64_t ts_ns,
		  const struct sender_ack *ack);
/* CWND and HYSTART, if the side's window model has news. */
void conn_log_window(struct tracker *tracker, struct connection *conn, enum side side,
		     uint64_t ts_ns);
void conn_log_reass(struct tracker *tracker, struct connection *conn, enum side side,
		    uint64_t ts_ns, enum reass_reason reason);
void conn_log_persist(struct tracker *tracker, struct connection *conn, enum side side,
		      uint64_t ts_ns, enum persist_kind kind, uint64_t closed_ns);

/* More is outstanding than the scoreboard holds: no claims until all is acknowledged. */
void conn_log_scoreboard_full(struct tracker *tracker, struct connection *conn, enum side side,
			      uint64_t ts_ns);

/* An ICMP error about what the side sent; a path MTU black hole that it sends into. */
void conn_log_icmp(struct tracker *tracker, struct connection *conn, enum side side,
		   const struct segment *error, uint8_t confidence);
void conn_log_black_hole(struct tracker *tracker, struct connection *conn, enum side side,
			 uint64_t ts_ns, const struct pmtu_black_hole *hole);
void conn_log_collapse(struct tracker *tracker, struct connection *conn, enum side side,
		       uint64_t ts_ns, uint32_t back_bytes, uint32_t edge, uint8_t confidence);
void conn_log_paws(struct tracker *tracker, struct connection *conn, enum side side, uint64_t ts_ns,
		   enum paws_reason reason, uint8_t confidence, uint32_t tsval);

/* A reset that the receiver takes or must challenge; refused: it answers a SYN. */
void conn_log_reset(struct tracker *tracker, struct connection *conn, uint64_t ts_ns, bool refused);

/* FLOWEND and CONNEND in each view, the end of the log, and the flow summary. */
void conn_log_end(struct tracker *tracker, struct connection *conn, enum end_reason reason);

/* Hands over the flow summaries that wait for a full chunk. */
void conn_log_flush_flows(struct tracker *tracker);

#endif
