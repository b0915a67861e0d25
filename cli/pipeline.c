/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/pipeline.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/handoff.h"

#define NSEC_PER_SEC  UINT64_C(1000000000)
#define TICK_NS	      (NSEC_PER_SEC / 10)
#define IDLE_SLEEP_NS 1000000
#define JOB_ROUNDS    16
#define BUSY_SLEEP_NS 50000 /* while a request waits for its answers to be taken */
#define REQUESTS_MAX  4096  /* of all workers between two exchanges */
/* Reading files, triggers act on other connections of their ID every so many frames, in any number of workers. */
#define EXCHANGE_FRAMES 1024
#define LOOK_BATCHES	256 /* while busy, batches between two looks at the clock */
/* After a stop, at most so many frames are still taken out of the receive rings. */
#define DRAIN_FRAMES_MAX 4000000

/* A source with the batch that it handed out last. */
struct feed {
	struct source *source;
	struct frame_batch batch;
	uint32_t next; /* frame of the batch */
	bool asked;    /* and had nothing, after the last batch that any other source handed out */
	bool ended;
};

struct pipeline {
	const struct pipeline_config *config;
	struct pipeline_stats *stats;
	struct decoder *decoder;
	struct tracker *tracker;   /* one worker */
	struct handoff **handoffs; /* more */
	struct feed *feeds;
	uint64_t frames; /* numbered so far, live */
	uint64_t next_tick_ns;
	bool groups;		 /* triggers may ask for all logs of an ID */
	uint32_t since_exchange; /* frames, reading files */
	struct group_request requests[REQUESTS_MAX];
	uint32_t request_count;
	uint32_t segment_count;
	struct segment segments[SEGMENT_BATCH_MAX];
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* High bits choose the worker, without a division; the trackers' tables use the low ones. */
static struct handoff *worker_of(const struct pipeline *p, uint32_t hash)
{
	return p->handoffs[(uint64_t)hash * p->config->workers >> 32];
}

/* Hands the gathered segments on; afterwards nobody holds bytes of a source or of the decoder. */
static void flush_segments(struct pipeline *p)
{
	if (p->tracker)
		tracker_process(p->tracker, p->segments, p->segment_count);
	else
		for (uint32_t i = 0; i < p->segment_count; i++)
			if (!handoff_segment(worker_of(p, p->segments[i].hash), &p->segments[i]))
				p->stats->lost_worker_ring++;
	p->segment_count = 0;
	decoder_batch_done(p->decoder);
}

/* The only worker's triggers ask. Who finds no room acts at once. */
static void ask_dump_group(void *context, const char *id, uint64_t ts_ns, const char *reason)
{
	struct pipeline *p = context;

	if (p->request_count == REQUESTS_MAX) {
		p->stats->group_requests_cut++;
		tracker_dump_group(p->tracker, id, ts_ns, reason);
		return;
	}
	group_request_init(&p->requests[p->request_count++], id, ts_ns, reason);
}

static int by_time(const void *a, const void *b)
{
	const struct group_request *left = a, *right = b;

	if (left->ts_ns != right->ts_ns)
		return left->ts_ns < right->ts_ns ? -1 : 1;
	return strcmp(left->id, right->id);
}

/*
 * What triggers have asked for reaches the other connections of their ID. wait: all workers stand at the
 * same place of the input, so that the number of workers makes no difference.
 */
static void exchange_requests(struct pipeline *p, bool wait)
{
	if (!p->groups)
		return;
	flush_segments(p);
	for (uint32_t i = 0; wait && !p->tracker && i < p->config->workers; i++)
		handoff_sync(p->handoffs[i]);
	for (uint32_t i = 0; !p->tracker && i < p->config->workers; i++)
		while (p->request_count < REQUESTS_MAX &&
		       handoff_take_request(p->handoffs[i], &p->requests[p->request_count]))
			p->request_count++;
	if (p->request_count == 0)
		return;
	qsort(p->requests, p->request_count, sizeof(p->requests[0]), by_time);
	for (uint32_t r = 0; r < p->request_count; r++) {
		const struct group_request *request = &p->requests[r];

		if (p->tracker)
			tracker_dump_group(p->tracker, request->id, request->ts_ns,
					   request->reason);
		for (uint32_t i = 0; !p->tracker && i < p->config->workers; i++)
			handoff_dump_group(p->handoffs[i], request);
	}
	p->request_count = 0;
}

static void note_time(struct pipeline_stats *stats, uint64_t ts_ns)
{
	if (ts_ns > stats->latest_ns)
		stats->latest_ns = ts_ns;
	if (ts_ns < stats->first_ns)
		stats->first_ns = ts_ns;
}

static void take_frame(struct pipeline *p, const struct frame *frame)
{
	enum decode_result result;

	note_time(p->stats, frame->ts_ns);
	result = decode_frame(p->decoder, frame, &p->segments[p->segment_count]);
	if ((result == DECODE_SEGMENT || result == DECODE_ICMP_ERROR) &&
	    ++p->segment_count == SEGMENT_BATCH_MAX)
		flush_segments(p);
	if (p->config->lossless && p->groups && ++p->since_exchange == EXCHANGE_FRAMES) {
		p->since_exchange = 0;
		exchange_requests(p, true);
	}
}

static bool has_frame(const struct feed *feed)
{
	return feed->next < feed->batch.count;
}

/* The next batch of a source, its last one being used up. Returns whether there is any frame. */
static bool refill(struct pipeline *p, struct feed *feed)
{
	int count;

	if (has_frame(feed))
		return true;
	if (feed->batch.count) {
		flush_segments(p);
		source_release(feed->source, &feed->batch);
		feed->batch.count = 0;
	}
	feed->next = 0;
	if (feed->ended)
		return false;
	count = source_receive(feed->source, &feed->batch);
	if (count > 0)
		return true;
	feed->batch.count = 0;
	if (count == -ENODATA) {
		feed->ended = true;
	} else if (count < 0) {
		p->stats->source_errors++;
		p->config->error(feed->source->error);
		/* A live source that fails has nothing more; a file source has the next file. */
		feed->ended = feed->source->live;
	}
	return false;
}

static void take_next(struct pipeline *p, struct feed *feed)
{
	struct frame *frame = &feed->batch.frames[feed->next++];

	if (feed->source->live)
		frame->number = ++p->frames;
	take_frame(p, frame);
}

/*
 * Asks the sources that have nothing at hand; and those that still have nothing again, once another
 * one has handed out a batch: what came to them in the meantime may be earlier. To ask more often
 * is of no use, since a frame that comes now is later than all at hand, and may be a system call.
 */
static void ask_sources(struct pipeline *p)
{
	bool again = true;

	while (again) {
		again = false;
		for (uint32_t i = 0; i < p->config->source_count; i++) {
			struct feed *feed = &p->feeds[i];

			if (has_frame(feed) || feed->asked)
				continue;
			if (refill(p, feed)) {
				for (uint32_t other = 0; other < p->config->source_count; other++)
					p->feeds[other].asked = false;
				again = true;
			} else if (feed->ended || feed->source->live) {
				feed->asked = true;
			} else {
				again = true; /* a damaged file; the next one may be earlier */
			}
		}
	}
}

static struct feed *earliest_feed(struct pipeline *p)
{
	struct feed *first = NULL;

	for (uint32_t i = 0; i < p->config->source_count; i++) {
		struct feed *feed = &p->feeds[i];

		if (has_frame(feed) && (!first || feed->batch.frames[feed->next].ts_ns <
							  first->batch.frames[first->next].ts_ns))
			first = feed;
	}
	return first;
}

/*
 * Takes what is at hand of several sources in the order of time stamps. Each source with nothing at
 * hand was asked after every batch that is at hand was handed out. So a frame comes out of order
 * only if its source did not show it when asked, by at most the time it was late.
 */
static uint32_t take_merged(struct pipeline *p)
{
	struct feed *feed = NULL;
	uint32_t taken = 0;

	for (uint32_t i = 0; i < p->config->source_count; i++)
		p->feeds[i].asked = false;
	for (; taken < FRAME_BATCH_MAX; taken++) {
		if (!feed || !has_frame(feed))
			ask_sources(p);
		feed = earliest_feed(p);
		if (!feed)
			break;
		take_next(p, feed);
	}
	return taken;
}

/* Takes what is at hand. Returns the number of frames. */
static uint32_t take_round(struct pipeline *p)
{
	struct feed *only = &p->feeds[0];
	uint32_t taken = 0;

	if (p->config->source_count > 1)
		return take_merged(p);
	if (!refill(p, only))
		return 0;
	for (; has_frame(only); taken++)
		take_next(p, only);
	return taken;
}

/* What the sources handed out and a stop left at hand: it is received, so it is processed. */
static void take_rest(struct pipeline *p)
{
	struct feed *feed;

	while ((feed = earliest_feed(p)))
		take_next(p, feed);
}

static bool all_ended(const struct pipeline *p)
{
	for (uint32_t i = 0; i < p->config->source_count; i++)
		if (!p->feeds[i].ended)
			return false;
	return true;
}

static bool any_live(const struct pipeline *p)
{
	for (uint32_t i = 0; i < p->config->source_count; i++)
		if (p->feeds[i].source->live)
			return true;
	return false;
}

/* For whoever asks at run time. */
static void show_sources(const struct pipeline *p, const struct source_stats *sum)
{
	struct job_desk_sources *shown = job_desk_sources(p->config->desk);

	atomic_store_explicit(&shown->received, sum->received, memory_order_relaxed);
	atomic_store_explicit(&shown->lost_ring_full, sum->lost_ring_full, memory_order_relaxed);
	atomic_store_explicit(&shown->lost_no_buffer, sum->lost_no_buffer, memory_order_relaxed);
	atomic_store_explicit(&shown->lost_worker_ring, p->stats->lost_worker_ring,
			      memory_order_relaxed);
}

/* What comes about by time: ticks for idle connections, and the sources' own housekeeping. */
static void tick(struct pipeline *p, uint64_t now_ns)
{
	struct source_stats stats;

	struct source_stats sum = { 0 };

	p->next_tick_ns = now_ns + TICK_NS;
	flush_segments(p);
	if (p->tracker)
		tracker_tick(p->tracker, clock_ns(CLOCK_REALTIME));
	else
		for (uint32_t i = 0; i < p->config->workers; i++)
			handoff_tick(p->handoffs[i], clock_ns(CLOCK_REALTIME));
	for (uint32_t i = 0; i < p->config->source_count; i++) {
		source_get_stats(p->feeds[i].source, &stats);
		sum.received += stats.received;
		sum.lost_ring_full += stats.lost_ring_full;
		sum.lost_no_buffer += stats.lost_no_buffer;
	}
	if (p->config->desk)
		show_sources(p, &sum);
}

static void note_groups(struct pipeline *p, const struct rules *rules)
{
	for (uint32_t i = 0; rules && i < rules->count; i++)
		p->groups |= rules->rules[i].policy.triggers.group;
	p->groups |= rules && rules->fallback.policy.triggers.group;
}

/* Requests at run time. */
static void take_jobs(struct pipeline *p)
{
	struct job_desk *desk = p->config->desk;
	struct job *job = desk ? job_desk_poll(desk) : NULL;

	if (!job)
		return;
	if (job->kind == JOB_RULES)
		note_groups(p, job->rules);
	if (p->tracker)
		job_desk_begin(desk, 0, job);
	for (uint32_t i = 0; !p->tracker && i < p->config->workers; i++)
		handoff_job(p->handoffs[i], job);
}

/* A little of what this thread has to do of a job. */
static bool do_job(struct pipeline *p)
{
	return p->config->desk && p->tracker && job_desk_step(p->config->desk, 0, p->tracker);
}

static bool has_job(const struct pipeline *p)
{
	return p->config->desk && p->tracker && job_desk_is_busy(p->config->desk, 0);
}

static void run_live(struct pipeline *p)
{
	uint64_t drained = 0;
	uint32_t rounds = 0;

	if (p->config->ready)
		p->config->ready(p->config->context);
	while (!*p->config->stop && !all_ended(p)) {
		uint32_t taken = take_round(p);
		uint64_t now_ns;
		/* While frames wait they go first; and yet a request comes to its end. */
		bool busy = (taken < FRAME_BATCH_MAX || rounds % JOB_ROUNDS == 0) && do_job(p);

		if (taken && ++rounds < LOOK_BATCHES)
			continue;
		rounds = 0;
		flush_segments(p);
		if (!p->tracker && !taken)
			for (uint32_t i = 0; i < p->config->workers; i++)
				handoff_flush(p->handoffs[i]);
		exchange_requests(p, false);
		take_jobs(p);
		now_ns = clock_ns(CLOCK_MONOTONIC);
		if (p->config->stop_at_ns && now_ns >= p->config->stop_at_ns)
			break;
		if (now_ns >= p->next_tick_ns) {
			tick(p, now_ns);
			if (p->config->progress)
				p->config->progress(p->config->context, p->frames);
		}
		if (!taken && !busy)
			nanosleep(&(struct timespec){ .tv_nsec = has_job(p) ? BUSY_SLEEP_NS
									    : IDLE_SLEEP_NS },
				  NULL);
	}
	/* What the rings hold was received, so it is processed. */
	for (uint32_t i = 0; i < p->config->source_count; i++)
		source_stop(p->feeds[i].source);
	for (uint32_t taken = 1; taken && drained < DRAIN_FRAMES_MAX; drained += taken)
		taken = take_round(p);
}

static void run_files(struct pipeline *p)
{
	uint32_t rounds = 0;

	while (!*p->config->stop && !all_ended(p)) {
		take_round(p);
		if (p->config->progress && ++rounds >= LOOK_BATCHES) {
			uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

			rounds = 0;
			if (now_ns < p->next_tick_ns)
				continue;
			p->next_tick_ns = now_ns + TICK_NS;
			p->config->progress(p->config->context,
					    decoder_counters(p->decoder)->frames);
		}
	}
}

static void finish(struct pipeline *p)
{
	struct pipeline_stats *stats = p->stats;

	take_rest(p);
	flush_segments(p);
	if (p->config->desk)
		job_desk_shut(p->config->desk);
	for (uint32_t i = 0; i < p->config->source_count; i++) {
		struct source_stats one;

		if (p->feeds[i].batch.count)
			source_release(p->feeds[i].source, &p->feeds[i].batch);
		source_get_stats(p->feeds[i].source, &one);
		stats->source.received += one.received;
		stats->source.delivered += one.delivered;
		stats->source.lost_ring_full += one.lost_ring_full;
		stats->source.lost_no_buffer += one.lost_no_buffer;
		stats->source.passed += one.passed;
	}
	decoder_finish(p->decoder);
	stats->decode = *decoder_counters(p->decoder);
	if (stats->first_ns > stats->latest_ns)
		stats->first_ns = stats->latest_ns;
	/* What fires at the end still finds the logs that linger, of all workers. */
	for (uint32_t i = 0; !p->tracker && i < p->config->workers; i++)
		handoff_end_all(p->handoffs[i], stats->latest_ns);
	if (p->tracker)
		tracker_end_all(p->tracker, stats->latest_ns);
	exchange_requests(p, true);
	if (p->tracker) {
		tracker_finish(p->tracker, stats->latest_ns);
		tracker_counters_add(&stats->tracker, tracker_counters(p->tracker));
		return;
	}
	for (uint32_t i = 0; i < p->config->workers; i++)
		handoff_end(p->handoffs[i], stats->latest_ns);
	for (uint32_t i = 0; i < p->config->workers; i++) {
		tracker_counters_add(&stats->tracker, handoff_join(p->handoffs[i]));
		stats->group_requests_cut += handoff_requests_cut(p->handoffs[i]);
	}
}

/*
 * The processor of worker i, or -1: only if there is one for each worker besides the receiver's, and
 * only of those that this process may use (taskset, systemd's CPUAffinity=).
 */
static int cpu_of(const struct pipeline_config *config, uint32_t i)
{
	uint32_t before = 1 + i; /* the first one is left to the receiver */
	cpu_set_t allowed;

	if (!config->pin || sched_getaffinity(0, sizeof(allowed), &allowed) < 0 ||
	    (uint32_t)CPU_COUNT(&allowed) <= config->workers)
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && before-- == 0)
			return cpu;
	return -1;
}

/* Without a store nothing is handed over. */
static bool refuse(void *context, struct chunk *chain, bool wait)
{
	return false;
}

static struct chunk *nothing(void *context, bool wait)
{
	return NULL;
}

static int open_workers(struct pipeline *p)
{
	const struct pipeline_config *config = p->config;
	struct tracker_config tracker = config->tracker;

	tracker.lossless = config->lossless;
	tracker.log_memory_bytes /= config->workers;
	tracker.connections_max /= config->workers;
	tracker.no_logs = !config->store && !tracker.only_decide;
	if (!config->store)
		tracker.sink = (struct chunk_sink){ .put = refuse, .take_back = nothing };
	note_groups(p, tracker.rules);
	if (config->workers == 1) {
		if (config->store)
			tracker.sink = store_sink(config->store, 0);
		tracker.ask_dump_group = ask_dump_group;
		tracker.ask_context = p;
		p->tracker = tracker_open(&tracker);
		return p->tracker ? 0 : -ENOMEM;
	}
	p->handoffs = calloc(config->workers, sizeof(*p->handoffs));
	if (!p->handoffs)
		return -ENOMEM;
	for (uint32_t i = 0; i < config->workers; i++) {
		if (config->store)
			tracker.sink = store_sink(config->store, i);
		p->handoffs[i] = handoff_open(&tracker, config->lossless, cpu_of(config, i));
		if (!p->handoffs[i])
			return -ENOMEM;
		if (config->desk)
			handoff_set_desk(p->handoffs[i], config->desk, i);
	}
	return 0;
}

int pipeline_run(const struct pipeline_config *config, struct pipeline_stats *stats, char *error,
		 size_t error_bytes)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	int result = -ENOMEM;

	memset(stats, 0, sizeof(*stats));
	stats->first_ns = UINT64_MAX;
	if (!p)
		goto out;
	p->config = config;
	p->stats = stats;
	p->feeds = calloc(config->source_count, sizeof(*p->feeds));
	p->decoder = decoder_open(config->hash_key, config->check_checksums);
	if (!p->feeds || !p->decoder)
		goto out;
	decoder_set_filter(p->decoder, config->filter);
	for (uint32_t i = 0; i < config->source_count; i++) {
		p->feeds[i].source = config->sources[i];
		p->feeds[i].source->stop = config->stop;
	}
	result = open_workers(p);
	if (result < 0)
		goto out;
	if (any_live(p))
		run_live(p);
	else
		run_files(p);
	finish(p);
out:
	if (result < 0)
		snprintf(error, error_bytes, "no memory for %u workers with %u connections",
			 config->workers, config->tracker.connections_max);
	if (config->store) {
		struct store *store = config->store;

		if (config->store_ends)
			config->store_ends(config->store_ends_context);
		store_finish(&store, &stats->store, &stats->store_failures);
	}
	if (p) {
		tracker_close(&p->tracker);
		for (uint32_t i = 0; p->handoffs && i < config->workers; i++)
			handoff_close(&p->handoffs[i]);
		free(p->handoffs);
		decoder_close(&p->decoder);
		free(p->feeds);
		free(p);
	}
	return result;
}

bool pipeline_stats_add_up(const struct pipeline_stats *stats)
{
	const struct source_stats *source = &stats->source;
	uint64_t decoded = 0;

	for (int i = 0; i < DECODE_RESULT_COUNT; i++)
		decoded += stats->decode.results[i];
	return source->received ==
		       source->delivered + source->lost_ring_full + source->lost_no_buffer &&
	       source->delivered == stats->decode.frames && decoded == stats->decode.frames &&
	       stats->decode.results[DECODE_SEGMENT] + stats->decode.results[DECODE_ICMP_ERROR] ==
		       stats->tracker.segments + stats->tracker.icmp_errors +
			       stats->lost_worker_ring;
}
