/* SPDX-License-Identifier: BSD-2-Clause */
/* flow_summary.h - what is known of a connection when it ends: one line of the flow log. */
#ifndef BBTAP_TCPSTATE_FLOW_SUMMARY_H
#define BBTAP_TCPSTATE_FLOW_SUMMARY_H

#include <stdint.h>

#include "capture/segment.h"
#include "tcpstate/evlog.h"
#include "tcpstate/window.h"

/* How the connection began, as far as the tap saw. */
enum flow_start {
	START_SYN = 1,	  /* the client's SYN was seen */
	START_SYNACK = 2, /* only the server's SYN-ACK was */
	START_MIDSTREAM = 3,
};

/* One endpoint: what it sent, unless the name says otherwise. */
struct flow_side_summary {
	uint64_t segments;
	uint64_t payload_bytes; /* retransmitted bytes too */
	uint64_t retransmitted_bytes;
	uint32_t retransmitted_segments;
	uint32_t out_of_order_segments; /* filled a hole that the tap saw */
	uint32_t duplicate_acks;
	uint32_t zero_windows; /* times that it closed its window */
	uint32_t gap_bytes;    /* of what it sent, acknowledged but never seen by the tap */
	uint32_t bad_checksums;
	uint32_t mirror_duplicates; /* sent once, passed the tap twice */
	uint32_t keepalives;
	uint32_t window_probes;
	/* How it acknowledged what it received; all 0 if it received nothing. */
	uint32_t acks;		     /* of something new */
	uint32_t acked_segments;     /* by these */
	uint32_t acked_segments_max; /* by one of them */
	uint32_t ack_delay_min_us;   /* from a segment at the tap to its ACK, less the round trip */
	uint32_t ack_delay_mean_us;
	uint32_t ack_delay_max_us;
	uint32_t delayed_acks; /* that clearly waited for a timer */
	uint32_t dsacks;       /* RFC 2883: something came to it twice */
	uint32_t paws_rejects;
	uint32_t window_collapses;
	uint32_t super_packets; /* sent, larger than the peer's MSS: merged on the way to the tap */
	uint32_t rtt_samples;	/* taken by this side: its data, the peer's ACK */
	uint32_t rtt_min_us;	/* 0: no sample */
	uint32_t srtt_us;
	uint32_t rttvar_us;
	uint32_t iss;	    /* 0 and meaningless if its SYN was not seen */
	uint16_t mss_bytes; /* from its SYN; 0: unknown */
	uint8_t wscale;	    /* from its SYN; 255: none or unknown */
	uint8_t state;	    /* enum tcp_state at the end */
	uint8_t syn_seen;
	uint8_t fin_seen;
	uint8_t rst_seen;
	uint8_t sack_permitted;
	uint16_t options_seen; /* enum tcp_option_seen, over all its segments */
	/* Inferred; see window.h. From its first data on. */
	uint32_t limited_ms[LIMIT_COUNT - 1]; /* by enum limit - 1 */
	uint8_t cc_family;		      /* enum cc_family */
	uint8_t cc_confidence;		      /* 0..100 */
};

struct flow_summary {
	struct flow_key key;
	uint8_t client;	    /* which side of key is the client */
	uint8_t start;	    /* enum flow_start */
	uint8_t end_reason; /* enum end_reason */
	uint8_t views;	    /* enum view: which logs were written; 0: none */
	uint16_t iface;	    /* of its first frame */
	uint16_t linktype;
	uint64_t connection; /* number of its first frame */
	uint64_t first_ts_ns;
	uint64_t last_ts_ns;
	uint64_t events_lost;		  /* events that did not get into the log, both views */
	struct flow_side_summary side[2]; /* by enum side */
};

struct connection;
struct tracker;

/* Fills in all of *out: what is known of the connection now, which ends for this reason. */
void flow_summary_of(struct tracker *tracker, const struct connection *conn, enum end_reason reason,
		     struct flow_summary *out);

#endif
