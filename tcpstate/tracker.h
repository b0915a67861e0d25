/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracker.h - all TCP state of one worker: the flow table, the connections and their logs. It knows
 * no file, socket, thread or clock: segments come in with their time, chains of chunks go out to a
 * sink. The same segments give the same chains.
 */
#ifndef BBTAP_TCPSTATE_TRACKER_H
#define BBTAP_TCPSTATE_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/segment.h"
#include "tcpstate/chunk.h"
#include "tcpstate/evlog.h"
#include "tcpstate/flow_summary.h"

/* Bytes of payload to keep of each segment, see tracker_config. */
#define CAPTURE_HEADERS 0
#define CAPTURE_FULL	UINT32_MAX

struct tracker_config {
	uint32_t connections_max;	/* at once; the idlest of a sample gives way for one more */
	uint64_t log_memory_bytes;	/* for all logs, those on their way to the store included */
	uint32_t events_per_section;	/* records of one view; then the section is handed over */
	uint32_t capture_payload_bytes; /* CAPTURE_HEADERS, a number, or CAPTURE_FULL */
	uint8_t views;			/* enum view: whose logs; 0: no logs, no flow summaries */
	bool no_models;		  /* of senders: counters only, and one timed segment at a time */
	bool lossless;		  /* reading files: wait for the sink instead of losing events */
	uint64_t idle_timeout_ns; /* established connections; shorter ones for the other states */
	struct chunk_sink sink;	  /* not used if views is 0 */
};

/* What users get if they say nothing. The sink is left empty. */
void tracker_config_default(struct tracker_config *config);

struct tracker_counters {
	uint64_t segments;
	uint64_t untracked;   /* of them, left out: no room for their connection */
	uint64_t connections; /* ever */
	uint64_t connections_now;
	uint64_t ended[8]; /* by enum end_reason */
	uint64_t retransmissions;
	uint64_t out_of_order;
	uint64_t mirror_duplicates;
	uint64_t scoreboards_full; /* times that more was outstanding than a scoreboard holds */
	uint64_t icmp_errors;	 /* that quote a TCP segment; not among the segments */
	uint64_t icmp_unmatched; /* of them, left out: about no connection that is known */
	uint64_t icmp_ignored; /* of them, left out: bad checksum, or about nothing that was sent */
	uint64_t black_holes;  /* senders whose full-size segments never arrive */
	uint64_t records;      /* log records made, both views */
	uint64_t records_lost; /* and not kept: no chunk free, or the sink was full */
	uint64_t sections;     /* chains handed to the sink */
	uint64_t sections_early; /* of them, handed over because log memory ran low */
	uint64_t flow_summaries_lost;
	uint64_t cold_full;    /* times that a connection got no memory for its range lists */
	uint64_t memory_bytes; /* of the flow table and connections, as used now */
};

struct tracker;

/* NULL: no memory. */
struct tracker *tracker_open(const struct tracker_config *config);
void tracker_close(struct tracker **tracker);

/* Processes segments, and ICMP errors among them, in this order. count <= SEGMENT_BATCH_MAX. */
void tracker_process(struct tracker *tracker, const struct segment *segments, uint32_t count);

/*
 * Time goes on without segments (live): looks for idle connections, hands over flow summaries that
 * have waited. now_ns: UTC.
 */
void tracker_tick(struct tracker *tracker, uint64_t now_ns);

/*
 * The end: ends all connections in the order of their numbers and hands over everything.
 * latest_ns: the largest time stamp of the input, of all workers.
 */
void tracker_finish(struct tracker *tracker, uint64_t latest_ns);

/* As they are now; valid until the tracker is closed. */
const struct tracker_counters *tracker_counters(struct tracker *tracker);

#endif
