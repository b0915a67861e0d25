/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handoff.h - segments on their way to another thread's tracker: a worker thread, its tracker, and
 * the rings between it and the receiver. Batches are from a fixed pool and come home when done.
 */
#ifndef BBTAP_CLI_HANDOFF_H
#define BBTAP_CLI_HANDOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/segment.h"
#include "tcpstate/tracker.h"

struct handoff;
struct job_desk;
struct job;

/* A trigger of some worker's wants all logs with an ID. */
struct group_request {
	char id[LOG_ID_MAX];
	uint64_t ts_ns;
	char reason[LOG_REASON_MAX];
};

void group_request_init(struct group_request *out, const char *id, uint64_t ts_ns,
			const char *reason);

/*
 * Starts a worker thread with a tracker of its own. lossless: handoff_segment() waits for the
 * worker. cpu: where to pin it, or -1. NULL: no memory or no thread.
 */
struct handoff *handoff_open(const struct tracker_config *config, bool lossless, int cpu);

/* The worker does jobs between batches, as number `worker` of the desk. Before the first segment. */
void handoff_set_desk(struct handoff *handoff, struct job_desk *desk, uint32_t worker);
/* A job of that desk, for the worker. */
void handoff_job(struct handoff *handoff, struct job *job);

/* Copies the segment, or ICMP error, and what the log may keep of its frame. False: lost, the worker is slow. */
bool handoff_segment(struct handoff *handoff, const struct segment *seg);

/* Sends what has gathered, if anything. */
void handoff_flush(struct handoff *handoff);

/* Time goes on: tracker_tick() in the worker. Left out if the worker is busy anyway. */
void handoff_tick(struct handoff *handoff, uint64_t now_ns);

/*
 * What the worker's triggers have asked for. False: nothing more. Requests that find the list full act on
 * the worker's own connections at once, and are counted.
 */
bool handoff_take_request(struct handoff *handoff, struct group_request *out);
uint64_t handoff_requests_cut(const struct handoff *handoff);

/* The worker hands over its logs of a group, behind what was sent to it before. */
void handoff_dump_group(struct handoff *handoff, const struct group_request *request);

/* Waits until the worker has done all that was sent to it. */
void handoff_sync(struct handoff *handoff);

/* The worker ends all connections; handoff_end() must follow. Does not wait. */
void handoff_end_all(struct handoff *handoff, uint64_t latest_ns);

/* Everything is sent: the worker ends all connections and its thread, while the caller goes on. */
void handoff_end(struct handoff *handoff, uint64_t latest_ns);

/* Waits for the worker's end, after handoff_end(). The counters are valid until handoff_close(). */
const struct tracker_counters *handoff_join(struct handoff *handoff);

void handoff_close(struct handoff **handoff);

#endif
