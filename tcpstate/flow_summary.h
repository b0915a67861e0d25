/* SPDX-License-Identifier: BSD-2-Clause */
/* flow_summary.h - what is known of a connection when it ends: one line of the flow log. */
#ifndef BBTAP_TCPSTATE_FLOW_SUMMARY_H
#define BBTAP_TCPSTATE_FLOW_SUMMARY_H

#include <stdint.h>

#include "capture/segment.h"
#include "tcpstate/application.h"
#include "tcpstate/event.h"
#include "tcpstate/evlog.h"
#include "tcpstate/log_policy.h"
#include "tcpstate/window.h"

/* How the connection began, as far as the tap saw. */
enum flow_start {
	START_SYN = 1,	  /* the client's SYN was seen */
	START_SYNACK = 2, /* only the server's SYN-ACK was */
	START_MIDSTREAM = 3,
};

#define SUMMARY_CAUSES (CAUSE_AMBIGUOUS + 1)

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
	/*
	 * By enum cause. Retransmissions are all but CAUSE_WINDOW_PROBE and CAUSE_KEEPALIVE: together they are
	 * retransmitted_segments. These two are the counters above again. CAUSE_AMBIGUOUS has, besides
	 * what could not be told, what was damaged (CAUSE_BAD_CHECKSUM) and what there was no memory for.
	 */
	uint32_t by_cause[SUMMARY_CAUSES];
	/*
	 * Of them, proved needless (EVENT_BAD_RETRAN): by DSACK each segment; by Eifel or F-RTO one for an
	 * episode, so the number is a floor. Never more than were sent.
	 */
	uint32_t needless_by_cause[SUMMARY_CAUSES];
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
	uint32_t rtt_min_us;	/* 0: no sample; also of the youngest that an ACK acknowledges */
	/*
	 * Median and largest sample. The largest is exact, the median to 1/4 or better, see rtt_spread.h; of one or
	 * two samples it is exact too. 0: unknown, as when models are off and there is more than one.
	 */
	uint32_t rtt_median_us;
	uint32_t rtt_max_us;
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
	uint32_t records;		      /* in the log's memory; of a connection that has not ended */
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
	/* How it was logged, as it is at the end. */
	uint16_t sections;	  /* handed over (modulo 2^16); what lingers may follow */
	int8_t mode;		  /* enum log_mode */
	char rule[RULE_NAME_MAX]; /* that took it; empty: none did, the default */
	char id[LOG_ID_MAX];	  /* empty: none */
	char tag[LOG_TAG_MAX];	  /* empty: none */
	/* As nDPI has it; empty: not known, or it was not asked. */
	struct application_names application;
};

/* They gather in chunks. */
_Static_assert(2 * sizeof(struct flow_summary) <= CHUNK_PAYLOAD_BYTES, "two to a chunk");

struct connection;
struct tracker;

/*
 * Fills in all of *out: what is known of the connection now, which ends for this reason (call between
 * blackbox_end() and blackbox_release()) or goes on (END_NONE).
 */
void flow_summary_of(struct tracker *tracker, const struct connection *conn, enum end_reason reason,
		     struct flow_summary *out);

#endif
