/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/handoff.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "cli/job_desk.h"
#include "store/spsc_ring.h"

#define BATCHES	      64
#define REQUESTS      64
#define REQUEST_SLOTS 128
#define RING_SLOTS    128	   /* more than there are batches: a put never fails */
#define BATCH_BYTES   (256u << 10) /* of frames; at least the largest one */
#define LOOKS_BUSY    100	   /* in vain, until the worker is idle */
#define IDLE_SLEEP_NS 500000	   /* of an idle worker between two looks */

_Static_assert(BATCH_BYTES >= EVLOG_CAPLEN_MAX, "any frame fits into an empty batch");

enum batch_kind {
	BATCH_SEGMENTS,
	BATCH_TICK,
	BATCH_GROUP,
	BATCH_DESK,
	BATCH_JOB,
	BATCH_END_ALL,
	BATCH_FINISH
};

struct batch {
	enum batch_kind kind;
	uint32_t count;
	uint32_t used_bytes;
	uint64_t time_ns; /* of a tick, or the largest of all at the end */
	struct group_request group;
	struct job *job;
	struct segment segments[SEGMENT_BATCH_MAX];
	uint8_t bytes[BATCH_BYTES];
};

struct handoff {
	struct spsc_ring *full;	 /* to the worker */
	struct spsc_ring *empty; /* and back */
	struct batch *pool;	 /* BATCHES of them; touched only as far as they are filled */
	struct batch *filling;	 /* the receiver's, or NULL */
	struct tracker *tracker; /* the worker's until its thread has ended */
	pthread_t thread;
	bool started;
	bool lossless;
	uint32_t sent;		 /* batches, by the receiver */
	atomic_uint done;	 /* by the worker */
	struct spsc_ring *asked; /* of requests[], to the receiver */
	struct spsc_ring *asked_free;
	struct group_request requests[REQUESTS];
	uint64_t requests_cut;	/* the worker's until its thread has ended */
	uint32_t payload_bytes; /* to keep of each segment */
	struct job_desk *desk;	/* the worker's; or NULL */
	struct job_desk *desk_to_be;
	uint32_t worker;
};

/*
 * A worker with nothing to do looks for work often at first, then seldom, so that an idle recorder
 * leaves the processor to others. What comes during the longest sleep must find room in the pool:
 * BATCHES * SEGMENT_BATCH_MAX segments are more than live capture brings in a millisecond.
 */
static void wait_for_work(uint32_t looks)
{
	if (looks < LOOKS_BUSY)
		spsc_ring_pause();
	else
		nanosleep(&(struct timespec){ .tv_nsec = IDLE_SLEEP_NS }, NULL);
}

static void *work(void *argument)
{
	struct handoff *handoff = argument;
	uint32_t looks = 0; /* in vain, one after the other */

	for (;;) {
		struct batch *batch = spsc_ring_get(handoff->full);

		if (handoff->desk &&
		    job_desk_step(handoff->desk, handoff->worker, handoff->tracker) && !batch)
			continue;
		if (!batch) {
			wait_for_work(
				handoff->desk && job_desk_is_busy(handoff->desk, handoff->worker)
					? 0
					: looks);
			if (looks < LOOKS_BUSY)
				looks++;
			continue;
		}
		if (batch->kind == BATCH_SEGMENTS)
			looks = 0;
		switch (batch->kind) {
		case BATCH_SEGMENTS:
			tracker_process(handoff->tracker, batch->segments, batch->count);
			break;
		case BATCH_TICK:
			tracker_tick(handoff->tracker, batch->time_ns);
			break;
		case BATCH_GROUP:
			tracker_dump_group(handoff->tracker, batch->group.id, batch->group.ts_ns,
					   batch->group.reason);
			break;
		case BATCH_DESK:
			handoff->desk = handoff->desk_to_be;
			break;
		case BATCH_JOB:
			job_desk_begin(handoff->desk, handoff->worker, batch->job);
			break;
		case BATCH_END_ALL:
			tracker_end_all(handoff->tracker, batch->time_ns);
			break;
		case BATCH_FINISH:
			tracker_finish(handoff->tracker, batch->time_ns);
			return NULL;
		}
		spsc_ring_put(handoff->empty, batch);
		atomic_fetch_add_explicit(&handoff->done, 1, memory_order_release);
	}
}

void group_request_init(struct group_request *out, const char *id, uint64_t ts_ns,
			const char *reason)
{
	memset(out, 0, sizeof(*out));
	out->ts_ns = ts_ns;
	snprintf(out->id, sizeof(out->id), "%s", id);
	snprintf(out->reason, sizeof(out->reason), "%s", reason);
}

/* A trigger of this worker's asks; called in its thread. */
static void ask_dump_group(void *context, const char *id, uint64_t ts_ns, const char *reason)
{
	struct handoff *handoff = context;
	struct group_request *request = spsc_ring_get(handoff->asked_free);

	if (!request) {
		handoff->requests_cut++;
		tracker_dump_group(handoff->tracker, id, ts_ns, reason);
		return;
	}
	group_request_init(request, id, ts_ns, reason);
	spsc_ring_put(handoff->asked, request);
}

bool handoff_take_request(struct handoff *handoff, struct group_request *out)
{
	struct group_request *request = spsc_ring_get(handoff->asked);

	if (!request)
		return false;
	*out = *request;
	spsc_ring_put(handoff->asked_free, request);
	return true;
}

uint64_t handoff_requests_cut(const struct handoff *handoff)
{
	return handoff->requests_cut;
}

struct handoff *handoff_open(const struct tracker_config *config, bool lossless, int cpu)
{
	struct handoff *handoff = calloc(1, sizeof(*handoff));
	struct tracker_config own = *config;

	if (!handoff)
		return NULL;
	handoff->lossless = lossless;
	handoff->payload_bytes = config->rules ? rules_capture_bytes(config->rules)
					       : config->policy.capture_payload_bytes;
	handoff->full = spsc_ring_open(RING_SLOTS);
	handoff->empty = spsc_ring_open(RING_SLOTS);
	handoff->asked = spsc_ring_open(REQUEST_SLOTS);
	handoff->asked_free = spsc_ring_open(REQUEST_SLOTS);
	own.ask_dump_group = ask_dump_group;
	own.ask_context = handoff;
	handoff->tracker = tracker_open(&own);
	handoff->pool = mmap(NULL, BATCHES * sizeof(struct batch), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (handoff->pool == MAP_FAILED)
		handoff->pool = NULL;
	if (!handoff->full || !handoff->empty || !handoff->tracker || !handoff->pool ||
	    !handoff->asked || !handoff->asked_free)
		goto err;
	for (uint32_t i = 0; i < REQUESTS; i++)
		spsc_ring_put(handoff->asked_free, &handoff->requests[i]);
	for (uint32_t i = 0; i < BATCHES; i++)
		spsc_ring_put(handoff->empty, &handoff->pool[i]);
	if (pthread_create(&handoff->thread, NULL, work, handoff) != 0)
		goto err;
	handoff->started = true;
	if (cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		/* A wish: where it can't be had the worker runs as well. */
		pthread_setaffinity_np(handoff->thread, sizeof(set), &set);
	}
	return handoff;
err:
	handoff_close(&handoff);
	return NULL;
}

/* An empty batch to fill; NULL: all are with the worker, and nothing may wait. */
static struct batch *take_batch(struct handoff *handoff, bool wait)
{
	struct batch *batch;

	while (!(batch = spsc_ring_get(handoff->empty))) {
		if (!wait)
			return NULL;
		spsc_ring_pause();
	}
	batch->kind = BATCH_SEGMENTS;
	batch->count = 0;
	batch->used_bytes = 0;
	return batch;
}

static void send(struct handoff *handoff, struct batch *batch)
{
	handoff->sent++;
	spsc_ring_put(handoff->full, batch);
}

void handoff_flush(struct handoff *handoff)
{
	if (!handoff->filling || handoff->filling->count == 0)
		return;
	send(handoff, handoff->filling);
	handoff->filling = NULL;
}

bool handoff_segment(struct handoff *handoff, const struct segment *seg)
{
	uint32_t keep_bytes = seg->caplen_bytes;
	struct segment *copy;

	if (handoff->payload_bytes != CAPTURE_FULL &&
	    keep_bytes > (uint64_t)seg->payload_offset + handoff->payload_bytes)
		keep_bytes = seg->payload_offset + handoff->payload_bytes;
	if (handoff->filling && (handoff->filling->count == SEGMENT_BATCH_MAX ||
				 handoff->filling->used_bytes + keep_bytes > BATCH_BYTES))
		handoff_flush(handoff);
	if (!handoff->filling)
		handoff->filling = take_batch(handoff, handoff->lossless);
	if (!handoff->filling)
		return false;
	copy = &handoff->filling->segments[handoff->filling->count++];
	*copy = *seg;
	copy->data = handoff->filling->bytes + handoff->filling->used_bytes;
	copy->caplen_bytes = keep_bytes;
	memcpy(handoff->filling->bytes + handoff->filling->used_bytes, seg->data, keep_bytes);
	handoff->filling->used_bytes += keep_bytes;
	return true;
}

void handoff_tick(struct handoff *handoff, uint64_t now_ns)
{
	struct batch *batch;

	handoff_flush(handoff);
	batch = take_batch(handoff, false);
	if (!batch)
		return;
	batch->kind = BATCH_TICK;
	batch->time_ns = now_ns;
	send(handoff, batch);
}

void handoff_dump_group(struct handoff *handoff, const struct group_request *request)
{
	struct batch *batch;

	handoff_flush(handoff);
	batch = take_batch(handoff, true);
	batch->kind = BATCH_GROUP;
	batch->group = *request;
	send(handoff, batch);
}

void handoff_set_desk(struct handoff *handoff, struct job_desk *desk, uint32_t worker)
{
	struct batch *batch = take_batch(handoff, true);

	/* The thread runs already: what comes through the ring is seen whole. */
	batch->kind = BATCH_DESK;
	handoff->desk_to_be = desk;
	handoff->worker = worker;
	send(handoff, batch);
}

void handoff_job(struct handoff *handoff, struct job *job)
{
	struct batch *batch;

	/* It may keep more payload than the rules before. */
	if (job->kind == JOB_RULES && rules_capture_bytes(job->rules) > handoff->payload_bytes)
		handoff->payload_bytes = rules_capture_bytes(job->rules);
	handoff_flush(handoff);
	batch = take_batch(handoff, true);
	batch->kind = BATCH_JOB;
	batch->job = job;
	send(handoff, batch);
}

void handoff_sync(struct handoff *handoff)
{
	handoff_flush(handoff);
	while (atomic_load_explicit(&handoff->done, memory_order_acquire) != handoff->sent)
		spsc_ring_pause();
}

void handoff_end_all(struct handoff *handoff, uint64_t latest_ns)
{
	struct batch *batch;

	handoff_flush(handoff);
	batch = take_batch(handoff, true);
	batch->kind = BATCH_END_ALL;
	batch->time_ns = latest_ns;
	send(handoff, batch);
}

void handoff_end(struct handoff *handoff, uint64_t latest_ns)
{
	struct batch *batch;

	handoff_flush(handoff);
	batch = take_batch(handoff, true);
	batch->kind = BATCH_FINISH;
	batch->time_ns = latest_ns;
	send(handoff, batch);
}

const struct tracker_counters *handoff_join(struct handoff *handoff)
{
	pthread_join(handoff->thread, NULL);
	handoff->started = false;
	return tracker_counters(handoff->tracker);
}

void handoff_close(struct handoff **handoff)
{
	struct handoff *h = *handoff;

	*handoff = NULL;
	if (!h)
		return;
	if (h->started) {
		handoff_end(h, 0);
		handoff_join(h);
	}
	tracker_close(&h->tracker);
	if (h->pool)
		munmap(h->pool, BATCHES * sizeof(struct batch));
	spsc_ring_close(&h->full);
	spsc_ring_close(&h->empty);
	spsc_ring_close(&h->asked);
	spsc_ring_close(&h->asked_free);
	free(h);
}
