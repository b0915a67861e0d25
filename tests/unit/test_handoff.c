/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "capture/decode.h"
#include "cli/handoff.h"
#include "tests/unit/log_sink.h"
#include "tests/unit/packet_builder.h"

#define START_NS     UINT64_C(1700000000000000000)
#define NSEC_PER_SEC UINT64_C(1000000000)
#define SEGMENTS     300

static struct tracker_config config_for(struct chunk_sink sink, uint32_t capture_payload_bytes)
{
	struct tracker_config config;

	tracker_config_default(&config);
	config.connections_max = 64;
	config.log_memory_bytes = 16 << 20;
	config.policy.capture_payload_bytes = capture_payload_bytes;
	config.sink = sink;
	return config;
}

/* Segment i of one connection, decoded from packet, which holds its bytes. */
static struct segment make_segment(struct decoder *decoder, struct packet *packet, uint32_t i)
{
	struct segment segment;
	struct frame frame;

	packet_plain(packet, 1 + i * 100, 100);
	frame = packet_frame(packet, LINKTYPE_ETHERNET, START_NS + i * 1000);
	frame.number = i + 1;
	assert_int_equal(decode_frame(decoder, &frame, &segment), DECODE_SEGMENT);
	return segment;
}

static void assert_same_chains(const struct log_sink *a, const struct log_sink *b)
{
	assert_int_equal(a->count, b->count);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct chunk *x = a->chains[i], *y = b->chains[i];

		assert_int_equal(x->kind, y->kind);
		if (x->kind == CHUNK_LOG)
			assert_memory_equal(evlog_head(x), evlog_head(y),
					    sizeof(struct evlog_head));
		for (; x && y; x = x->next, y = y->next) {
			assert_int_equal(x->used_bytes, y->used_bytes);
			assert_memory_equal(x->bytes, y->bytes, x->used_bytes);
		}
		assert_ptr_equal(x, y); /* both at their end */
	}
}

/* What the log keeps is copied: the frame's memory may be used again at once. */
static void log_is_the_same_as_without_a_thread(void **state)
{
	static const uint32_t captures[] = { CAPTURE_HEADERS, 33, CAPTURE_FULL };
	static struct log_sink direct_sink, handoff_sink;

	(void)state;
	for (size_t c = 0; c < sizeof(captures) / sizeof(captures[0]); c++) {
		struct decoder *decoder = decoder_open(0, false);
		struct tracker_config config;
		struct tracker *tracker;
		struct handoff *handoff;
		struct packet packet;

		memset(&direct_sink, 0, sizeof(direct_sink));
		memset(&handoff_sink, 0, sizeof(handoff_sink));
		config = config_for(log_sink_as_chunk_sink(&direct_sink), captures[c]);
		tracker = tracker_open(&config);
		config.sink = log_sink_as_chunk_sink(&handoff_sink);
		handoff = handoff_open(&config, true, -1);
		assert_true(decoder && tracker && handoff);
		for (uint32_t i = 0; i < SEGMENTS; i++) {
			struct segment segment = make_segment(decoder, &packet, i);

			tracker_process(tracker, &segment, 1);
			assert_true(handoff_segment(handoff, &segment));
			memset(packet.bytes, 0xa5, sizeof(packet.bytes));
		}
		tracker_finish(tracker, START_NS + SEGMENTS * 1000);
		handoff_end(handoff, START_NS + SEGMENTS * 1000);
		assert_int_equal(handoff_join(handoff)->segments, SEGMENTS);
		assert_true(direct_sink.records >= SEGMENTS);
		assert_same_chains(&direct_sink, &handoff_sink);
		handoff_close(&handoff);
		tracker_close(&tracker);
		decoder_close(&decoder);
	}
}

/* A sink that holds its worker up until it is opened. */
struct gate {
	struct log_sink sink;
	atomic_bool open;
};

static bool gate_put(void *context, struct chunk *chain, bool wait)
{
	struct gate *gate = context;

	while (!atomic_load(&gate->open))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	return log_sink_put(&gate->sink, chain, wait);
}

static struct chunk *gate_take_back(void *context, bool wait)
{
	return log_sink_take_back(&((struct gate *)context)->sink, wait);
}

/* Live: a worker that stands still costs segments, all counted, and never holds the receiver up. */
static void full_ring_is_a_loss_that_is_told(void **state)
{
	static struct gate gate = { .sink = { .recycle = true } };
	struct tracker_config config =
		config_for((struct chunk_sink){ gate_put, gate_take_back, &gate }, CAPTURE_HEADERS);
	struct decoder *decoder = decoder_open(0, false);
	uint64_t taken = 0, lost = 0;
	struct handoff *handoff;
	struct packet packet;

	(void)state;
	config.policy.limit = 1;
	handoff = handoff_open(&config, false, -1);
	assert_true(decoder && handoff);
	for (uint32_t i = 0; i < 10000; i++) {
		struct segment segment = make_segment(decoder, &packet, i);

		if (handoff_segment(handoff, &segment))
			taken++;
		else
			lost++;
		/* A tick for a worker that is held up is left out, it does not wait either. */
		if (i % 1000 == 0)
			handoff_tick(handoff, segment.ts_ns);
	}
	assert_true(taken > 0 && lost > 0);
	assert_int_equal(taken + lost, 10000);
	atomic_store(&gate.open, true);
	handoff_end(handoff, START_NS + NSEC_PER_SEC);
	assert_int_equal(handoff_join(handoff)->segments, taken);
	handoff_close(&handoff);
	decoder_close(&decoder);
}

static void tick_ends_an_idle_connection(void **state)
{
	static struct log_sink sink;
	struct tracker_config config = config_for(log_sink_as_chunk_sink(&sink), CAPTURE_HEADERS);
	struct decoder *decoder = decoder_open(0, false);
	struct handoff *handoff = handoff_open(&config, true, -1);
	const struct tracker_counters *counters;
	struct segment segment;
	struct packet packet;

	(void)state;
	assert_true(decoder && handoff);
	segment = make_segment(decoder, &packet, 0);
	assert_true(handoff_segment(handoff, &segment));
	for (uint32_t i = 1; i <= 8; i++)
		handoff_tick(handoff, START_NS + i * (config.idle_timeout_ns + NSEC_PER_SEC));
	/* By the time of the last segment alone it would not be over. */
	handoff_end(handoff, START_NS);
	counters = handoff_join(handoff);
	assert_int_equal(counters->ended[END_IDLE], 1);
	assert_int_equal(counters->ended[END_INPUT], 0);
	handoff_close(&handoff);
	decoder_close(&decoder);
}

/* A start that fails half-way closes workers that have had nothing to do. */
static void close_ends_a_worker_that_runs(void **state)
{
	static struct log_sink sink;
	struct tracker_config config = config_for(log_sink_as_chunk_sink(&sink), CAPTURE_HEADERS);
	struct handoff *handoff = handoff_open(&config, true, -1);

	(void)state;
	assert_non_null(handoff);
	handoff_close(&handoff);
	assert_null(handoff);
	assert_int_equal(sink.count, 0); /* whose sink may be gone by then */
	handoff_close(&handoff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_is_the_same_as_without_a_thread),
		cmocka_unit_test(full_ring_is_a_loss_that_is_told),
		cmocka_unit_test(tick_ends_an_idle_connection),
		cmocka_unit_test(close_ends_a_worker_that_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
