/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * follow.h - who looks at logs while they are written. A follower has a place in each worker. Several times a second
 * it asks (JOB_EVENTS), and gets copies of what has come to the logs that it means: of chunks, so some of it
 * more than once; serial numbers tell. What leaves a log between two looks (handed over, thrown away, left to linger)
 * is copied then. The logs are not changed, and nobody waits for a follower: what finds no room is
 * counted.
 */
#ifndef BBTAP_TCPSTATE_FOLLOW_H
#define BBTAP_TCPSTATE_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/chunk.h"

#define FOLLOWERS_MAX	   4
#define FOLLOW_CHUNKS	   1024 /* of logs that have left, for each follower: 2 MB */
#define FOLLOW_COPY_CHUNKS 32	/* of one log at a time, the newest */

struct connection;
struct job;
struct job_block;
struct job_part;
struct tracker;

struct follower {
	const struct job *job; /* whose conditions; NULL: the place is free */
	uint64_t begun_ns;     /* when it began: what is older is not for it */
	uint64_t looked_ns;    /* up to here it has looked at all connections */
	uint64_t looking_ns;   /* when the look began that goes on */
	uint64_t missed;       /* logs that left and found no room */
	struct chunk *chunks;  /* FOLLOW_CHUNKS of them */
	struct chunk *free_list;
	struct chunk *kept[FOLLOW_CHUNKS]; /* chains, oldest first, in a ring */
	uint32_t kept_first, kept_count;
};

struct followers {
	uint64_t now_ns; /* of the worker's packets */
	uint32_t count;
	struct follower places[FOLLOWERS_MAX];
};

/* Address space only. false: none to be had. */
bool followers_init(struct followers *followers);
void followers_dispose(struct followers *followers);

/* job: stays as it is until follow_end(); its filter, id, tag and state are conditions. place: < FOLLOWERS_MAX. */
void follow_begin(struct followers *followers, uint32_t place, const struct job *job);
void follow_end(struct followers *followers, uint32_t place);

/* The connection's log is about to leave it. Costs nothing while nobody follows. */
void follow_leaves(struct tracker *tracker, const struct connection *conn);

/*
 * A step of JOB_EVENTS: first what has left, then `looks` more connections. Chains go into the block's chunks. Returns
 * whether all was looked at; block->full: there was no room for more.
 */
bool follow_step(struct tracker *tracker, struct job_part *part, uint32_t looks,
		 struct job_block *block);

#endif
