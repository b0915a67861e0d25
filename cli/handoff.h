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

/*
 * Starts a worker thread with a tracker of its own. lossless: handoff_segment() waits for the
 * worker. cpu: where to pin it, or -1. NULL: no memory or no thread.
 */
struct handoff *handoff_open(const struct tracker_config *config, bool lossless, int cpu);

/* Copies the segment, or ICMP error, and what the log may keep of its frame. False: lost, the worker is slow. */
bool handoff_segment(struct handoff *handoff, const struct segment *seg);

/* Sends what has gathered, if anything. */
void handoff_flush(struct handoff *handoff);

/* Time goes on: tracker_tick() in the worker. Left out if the worker is busy anyway. */
void handoff_tick(struct handoff *handoff, uint64_t now_ns);

/* Everything is sent: the worker ends all connections and its thread, while the caller goes on. */
void handoff_end(struct handoff *handoff, uint64_t latest_ns);

/* Waits for the worker's end, after handoff_end(). The counters are valid until handoff_close(). */
const struct tracker_counters *handoff_join(struct handoff *handoff);

void handoff_close(struct handoff **handoff);

#endif
