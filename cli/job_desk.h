/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * job_desk.h - where the control thread leaves a request and the workers their answers. One request at a
 * time. A worker never waits: if nobody takes its answers, it goes on with packets.
 */
#ifndef BBTAP_CLI_JOB_DESK_H
#define BBTAP_CLI_JOB_DESK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/job.h"

struct job_desk;

/* What the sources have seen, as of the receiver's last look, about ten times a second. */
struct job_desk_sources {
	atomic_uint_least64_t received, lost_ring_full, lost_no_buffer, lost_worker_ring;
};

/* NULL: no memory. */
struct job_desk *job_desk_open(uint32_t workers);
void job_desk_close(struct job_desk **desk);

/*
 * The control thread's: has the job done by all workers and calls block() with each answer, in this
 * thread; a block is gone when that returns. If it returns false nothing more is wanted. Returns 0, or
 * -ESHUTDOWN: the recorder is ending.
 */
int job_desk_run(struct job_desk *desk, struct job *job,
		 bool (*block)(void *context, const struct job_block *block), void *context);

/* The receiver's: a job that was left, to be given to all workers by job_desk_begin(); or NULL. */
struct job *job_desk_poll(struct job_desk *desk);

struct job_desk_sources *job_desk_sources(struct job_desk *desk);

/*
 * The worker's: begins; goes on a little. job_desk_step() returns false if there was nothing to do;
 * job_desk_is_busy() says whether there will be soon, when answers were taken.
 */
void job_desk_begin(struct job_desk *desk, uint32_t worker, struct job *job);
bool job_desk_is_busy(const struct job_desk *desk, uint32_t worker);
bool job_desk_step(struct job_desk *desk, uint32_t worker, struct tracker *tracker);

/* The receiver's: workers are at their end, job_desk_run() returns. */
void job_desk_shut(struct job_desk *desk);

#endif
