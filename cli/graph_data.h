/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_data.h - what of a log is drawn: reads the records of one connection and says what each means
 * for one direction of its data. Takers (graph_sink) keep, thin or write it.
 *
 * Sequence numbers are counted from the sender's ISS (or one before the first that was seen), without
 * wrapping. Times are ns since the connection's first record.
 */
#ifndef BBTAP_CLI_GRAPH_DATA_H
#define BBTAP_CLI_GRAPH_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/graph_find.h"

/* Ranges of sequence numbers at a time. All up to BAR_OUT_OF_ORDER are segments that were sent. */
enum graph_bar {
	BAR_NEW,
	BAR_RECOVERY, /* sent again, and why; BAR_TLP also with new data */
	BAR_TLP,
	BAR_TIMEOUT,
	BAR_HANDSHAKE, /* a SYN or FIN */
	BAR_PROBE,     /* a window probe or keep-alive */
	BAR_AMBIGUOUS, /* or the log of the other end does not tell */
	BAR_OUT_OF_ORDER,
	BAR_GAP, /* acknowledged, but the tap did not see it sent; at the time of the ACK */
	BAR_SACK,
	BAR_COUNT,
};

/* Values over time; each holds until the next. */
enum graph_line {
	LINE_ACK,
	LINE_EDGE, /* of the advertised window */
	LINE_RTT,  /* a sample, ns */
	LINE_SRTT, /* ns */
	LINE_CWND,
	LINE_INFLIGHT,
	LINE_UNACKED,
	LINE_WINDOW,
	LINE_COUNT,
};

#define GRAPH_UNKNOWN INT64_MIN /* as the value of a line */

enum graph_mark {
	MARK_RTO, /* value: the timer, ms */
	MARK_RECOVERY,
	MARK_RECOVERED,
	MARK_ZERO_WINDOW,
	MARK_WINDOW_OPEN,
	MARK_SPURIOUS,
	MARK_TOO_BIG, /* value: the MTU */
	MARK_BLACK_HOLE,
	MARK_ICMP_ERROR, /* any other; value: type << 8 | code */
	MARK_COLLAPSE,
	MARK_HYSTART,
	MARK_RST,
	MARK_MISSING, /* records that are not in the log; value: how many */
	MARK_COUNT,
};

struct graph_sink {
	void (*bar)(void *context, enum graph_bar kind, int64_t at_ns, int64_t low, int64_t high);
	void (*point)(void *context, enum graph_line line, int64_t at_ns, int64_t value);
	void (*mark)(void *context, enum graph_mark kind, int64_t at_ns, uint32_t value);
	void *context;
};

/* One direction of one connection. */
struct graph_subject {
	const struct graph_connection *connection;
	uint32_t connection_number; /* its place in the finding */
	uint8_t sender;		    /* which side's data */
	uint8_t log;		    /* which side's log is read */
};

/* The direction with more payload, unless `from_client` (0 or 1; -1: not asked) says which. */
void graph_subject_choose(struct graph_subject *subject, const struct graph_finding *finding,
			  uint32_t connection_number, int from_client);

/*
 * Reads the subject's sections, in the order of time, and tells each of the sinks. A file that ends
 * early was complained of by graph_find(). 0 or -ENOMEM.
 */
int graph_data_read(const struct graph_subject *subject, const struct graph_finding *finding,
		    const struct log_paths *paths, const struct graph_sink *sinks,
		    uint32_t sink_count);

#endif
