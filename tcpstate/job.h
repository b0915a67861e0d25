/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * job.h - a request at run time that goes through all connections of a worker: a list, an order, new rules.
 * It is done a few records at a time between batches, so that no packet waits for it. What connections
 * begin or end meanwhile may or may not be among them.
 */
#ifndef BBTAP_TCPSTATE_JOB_H
#define BBTAP_TCPSTATE_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/blackbox.h"
#include "tcpstate/flow_summary.h"
#include "tcpstate/follow.h"
#include "tcpstate/tracker.h"

enum job_kind {
	JOB_FLOWS,     /* rows: one for each connection */
	JOB_SUMMARIES, /* summaries: one for each connection, as if it ended now, but with END_NONE */
	JOB_IDS,       /* rows: one for each ID; rows of several workers may have the same */
	JOB_STATS,     /* the worker's counters */
	JOB_DUMP,      /* hands over the logs */
	JOB_ORDER,     /* mode, limit, ID, tag */
	JOB_DUMP_ID, /* hands over all logs of job->id; filter and the other conditions do not count */
	JOB_RULES,   /* job->rules from now on, for new connections */
	JOB_DISABLE, /* job->disabled */
	JOB_FOLLOW,  /* job->followed has job->place from now on; NULL: nobody has */
	JOB_EVENTS, /* chains of chunks: what has come to the logs that the follower at job->place means; failed:
			logs that it missed */
};

struct bpf_program;

/* The same for all workers; it does not change but for cancelled. */
struct job {
	enum job_kind kind;
	/* Which connections: all conditions must hold. */
	struct bpf_program *filter; /* as if the client had sent it; or NULL */
	char id[LOG_ID_MAX];	    /* with wildcards; empty: any */
	char tag[LOG_TAG_MAX];
	int state; /* enum tcp_state of either side; -1: any */
	/* What to do. */
	struct log_order order; /* its texts are the next two */
	char order_id[LOG_ID_MAX], order_tag[LOG_TAG_MAX];
	char reason[LOG_REASON_MAX];
	uint64_t now_ns; /* UTC */
	struct rules *rules;
	bool disabled;
	uint32_t place;		    /* of a follower, see follow.h */
	const struct job *followed; /* its conditions */
	atomic_bool cancelled;	    /* nobody waits for it any more */
};

struct job_row {
	struct flow_key key;
	uint8_t client;
	uint8_t state[2]; /* enum tcp_state, by side; and so on */
	int8_t mode;
	uint64_t number, first_ns, last_ns;
	uint64_t segments[2], bytes[2];
	uint32_t retransmitted[2], srtt_us[2], records[2];
	char id[LOG_ID_MAX], tag[LOG_TAG_MAX], rule[RULE_NAME_MAX];
	uint32_t members, lingering; /* JOB_IDS */
};

#define JOB_BLOCK_ROWS	    256
#define JOB_BLOCK_SUMMARIES 80
#define JOB_BLOCK_CHUNKS    FOLLOW_COPY_CHUNKS

struct job_block {
	uint32_t count; /* rows, summaries or chunks */
	bool full;
	bool last; /* of this worker; then done, failed and counters are valid */
	uint64_t done,
		failed; /* connections, or logs handed over; and orders that were not carried out */
	struct tracker_counters counters; /* JOB_STATS */
	uint64_t begun_ns;		  /* JOB_EVENTS: what is older is not for the follower */
	union {
		struct job_row rows[JOB_BLOCK_ROWS];
		struct flow_summary summaries[JOB_BLOCK_SUMMARIES];
		struct chunk chunks[JOB_BLOCK_CHUNKS]; /* chains, one behind the other */
	};
};

/* How far a worker is. Zero is the begin, but for job. */
struct job_part {
	struct job *job;
	uint32_t cursor;
	uint64_t done, failed;
};

/* Whether the connection meets the conditions. */
bool job_is_meant(const struct tracker *tracker, const struct job *job,
		  const struct connection *conn);

/*
 * Goes on: looks at `looks` more records and appends rows to the block. Returns true if the block is to be
 * handed over: it is full, or block->last is set.
 */
bool job_step(struct tracker *tracker, struct job_part *part, uint32_t looks,
	      struct job_block *block);

#endif
