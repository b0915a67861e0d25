/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trigger.h - what makes a connection's log be handed over: conditions, and the state that some of them
 * need of each connection. It only says what fired; the acting is in blackbox.h.
 */
#ifndef BBTAP_TCPSTATE_TRIGGER_H
#define BBTAP_TCPSTATE_TRIGGER_H

#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/event.h"
#include "tcpstate/evlog.h"

enum trigger_kind {
	TRIGGER_RST,		/* a reset that the receiver takes, or must challenge */
	TRIGGER_RST_AFTER_DATA, /* the same, when data was sent by either side */
	TRIGGER_REFUSED,	/* a reset answers the SYN */
	TRIGGER_SYN_TIMEOUT,	/* the SYN was never answered, and given up */
	TRIGGER_RTO,		/* retransmission timeouts of a side in a row: at least number */
	TRIGGER_RETRANSMIT,	/* data segments of a side sent again: share of each `of` */
	TRIGGER_SPURIOUS,	/* retransmissions that were not needed: at least number */
	TRIGGER_ZERO_WINDOW,	/* a window was closed for longer than time */
	TRIGGER_RTT,		/* a sample is larger than time */
	TRIGGER_RTT_RATIO,	/* a sample is larger than number times the smallest */
	TRIGGER_STALL,	 /* data outstanding, and nothing acknowledged for longer than time */
	TRIGGER_REORDER, /* overtaken by more than number segments */
	TRIGGER_WINDOW_COLLAPSE, /* a receiver took back a part of its window */
	TRIGGER_CHECKSUM,	 /* a bad checksum */
	TRIGGER_CAPTURE_GAP,	 /* bytes were acknowledged that the tap never saw */
	TRIGGER_ECN_CE,		 /* data segments marked CE: share of each `of` */
	TRIGGER_KIND_COUNT,
};

#define TRIGGER_TEXT_MAX LOG_REASON_MAX
#define TRIGGERS_MAX	 24 /* of a rule, the trace points with them */
#define TRIGGER_NONE	 (-1)

struct trigger {
	uint8_t kind;	     /* enum trigger_kind */
	bool or_equal;	     /* ">=" */
	uint8_t trace_point; /* 1 + index of the trace point that it belongs to; 0: it hands over */
	uint32_t number;     /* of a share: hundredths of a percent */
	uint32_t of;	     /* of a share: data segments */
	uint64_t time_ns;
	char text[TRIGGER_TEXT_MAX]; /* "rto>=2": the reason */
};

/* The triggers of a rule. */
struct trigger_set {
	struct trigger triggers[TRIGGERS_MAX];
	uint32_t kinds; /* bit sets of enum trigger_kind */
	uint8_t count;
	bool group;	       /* hand over all connections with the same ID */
	uint32_t after_events; /* of each endpoint, to hand over later */
	uint64_t rearm_ns;     /* a trigger may fire again so long after; 0: never */
};

/* Appends; false: full, or a second one of a kind of which there can be one (the shares). */
bool trigger_set_add(struct trigger_set *set, const struct trigger *trigger);

/* What a connection's triggers must remember. Zero is nothing. */
struct watch {
	uint32_t fired_ms[TRIGGERS_MAX]; /* since the connection's begin */
	uint32_t fired;			 /* bit set */
	uint32_t spurious;
	struct {
		uint32_t segments, hits;
	} retransmit[2], ce[2];	 /* of the share that is being counted, by side */
	uint64_t progress_ns[2]; /* stall: of the side that has data outstanding */
	uint32_t una[2];
	uint8_t outstanding; /* bit set of sides */
	/* The hand-over that is to follow, see after_events. */
	uint8_t after_trigger;
	bool after_off;		/* then the log is off again */
	uint32_t after_left[2]; /* events; both 0: none is to follow */
};

/* Whether these kinds need a watch from the first segment on. */
bool trigger_kinds_need_watch(uint32_t kinds);

/*
 * Each returns the index of a trigger that fires now, or TRIGGER_NONE. since_ms: since the connection's
 * begin. watch may be NULL if trigger_kinds_need_watch() said so; then nothing has fired yet.
 */
int trigger_on_event(const struct trigger_set *set, struct watch *watch, const struct event *event,
		     uint32_t since_ms);

/* A segment of side `side`, with both TCBs as they are before it. */
struct trigger_segment {
	uint64_t ts_ns, last_ts_ns; /* its own, and that of the connection's segment before it */
	uint32_t una[2], max[2];
	enum side side;
	bool is_data, is_again, is_ce, is_damaged;
};

int trigger_on_segment(const struct trigger_set *set, struct watch *watch,
		       const struct trigger_segment *seg, uint32_t since_ms);

/* A reset; an end: `kinds` are those that it may be. */
int trigger_on_kinds(const struct trigger_set *set, struct watch *watch, uint32_t kinds,
		     uint32_t since_ms);

#endif
