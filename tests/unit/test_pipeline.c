/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pipeline.h"
#include "cli/values.h"
#include "tests/unit/packet_builder.h"

#define START_NS     UINT64_C(1700000000000000000)
#define BATCH_FRAMES 7 /* of a made source */

static volatile sig_atomic_t stop;

/* A source that makes frames: of `connections` in turn, with times start, start + step, ... */
struct made {
	struct source base;
	uint32_t count, next;
	uint64_t start_ns, step_ns;
	uint32_t connections;
	int fails_at;	       /* -1: never */
	int stops_at;	       /* sets the stop flag with this frame; -1: never */
	bool (*silent)(void);  /* live: has nothing to show while this is true; or NULL */
	uint32_t asked;	       /* calls of receive() */
	uint64_t first_number; /* that the pipeline gave to the first frame */
	struct packet packets[FRAME_BATCH_MAX];
};

static int receive(struct source *source, struct frame_batch *batch)
{
	struct made *made = (struct made *)source;

	batch->count = 0;
	made->asked++;
	if (made->silent && made->silent())
		return 0;
	if (made->fails_at >= 0 && made->next >= (uint32_t)made->fails_at) {
		made->fails_at = -1;
		strcpy(source->error, "made to fail");
		return -EIO;
	}
	while (batch->count < BATCH_FRAMES && made->next < made->count) {
		struct packet *packet = &made->packets[batch->count];

		if (made->stops_at == (int)made->next)
			stop = 1;

		packet_plain(packet, 1 + made->next / made->connections * 10, 10);
		packet->bytes[26] = (uint8_t)(made->next % made->connections / 250 + 11);
		packet->bytes[27] = (uint8_t)(made->next % made->connections % 250);
		batch->frames[batch->count++] = packet_frame(
			packet, LINKTYPE_ETHERNET, made->start_ns + made->next++ * made->step_ns);
	}
	return batch->count ? (int)batch->count : -ENODATA;
}

static void release(struct source *source, struct frame_batch *batch)
{
	struct made *made = (struct made *)source;

	if (!made->first_number)
		made->first_number = batch->frames[0].number;
	batch->count = 0;
}

static void stats(struct source *source, struct source_stats *out)
{
	const struct made *made = (const struct made *)source;

	*out = (struct source_stats){ .received = made->next, .delivered = made->next };
}

static void close_made(struct source *source)
{
	(void)source;
}

static const struct source_ops ops = {
	.name = "made",
	.receive = receive,
	.release = release,
	.stats = stats,
	.close = close_made,
};

static struct made sources[2];
static uint32_t errors;

static void on_error(const char *message)
{
	assert_string_equal(message, "made to fail");
	errors++;
}

/* Sets up the sources; a test changes what is special to it. */
static void make_sources(bool live, uint32_t count)
{
	stop = 0;
	errors = 0;
	for (uint32_t i = 0; i < 2; i++) {
		struct made *made = &sources[i];

		made->base.ops = &ops;
		made->base.live = live;
		made->count = count;
		made->next = 0;
		made->start_ns = START_NS + i * 5;
		made->step_ns = 10;
		made->connections = 1000;
		made->fails_at = made->stops_at = -1;
		made->silent = NULL;
		made->asked = 0;
		made->first_number = 0;
	}
}

static struct pipeline_stats run_sources(uint32_t source_count, uint32_t workers, bool live)
{
	struct source *pointers[2] = { &sources[0].base, &sources[1].base };
	struct pipeline_config config = { .sources = pointers,
					  .source_count = source_count,
					  .workers = workers,
					  .lossless = !live,
					  .stop = &stop,
					  .error = on_error };
	struct pipeline_stats result;
	char error[256];

	tracker_config_default(&config.tracker);
	config.tracker.connections_max = 8192;
	assert_int_equal(pipeline_run(&config, &result, error, sizeof(error)), 0);
	assert_true(pipeline_stats_add_up(&result));
	return result;
}

static struct pipeline_stats run(uint32_t source_count, uint32_t workers, bool live, uint32_t count)
{
	make_sources(live, count);
	return run_sources(source_count, workers, live);
}

static void any_number_of_workers_sees_the_same(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers++) {
		struct pipeline_stats result = run(1, workers, false, 20000);

		assert_int_equal(result.tracker.segments, 20000);
		assert_int_equal(result.tracker.connections, 1000);
		assert_int_equal(result.tracker.ended[END_INPUT], 1000);
		assert_int_equal(result.tracker.retransmissions, 0);
		assert_int_equal(result.latest_ns, START_NS + 19999 * 10);
		assert_int_equal(result.first_ns, START_NS);
	}
}

/*
 * Two taps see the same connections, one after the other: merged in the order of time each segment
 * of the second is a copy of what the first has shown.
 */
static void sources_are_merged_by_time(void **state)
{
	struct pipeline_stats result = run(2, 1, true, 5000);

	(void)state;
	assert_int_equal(result.tracker.segments, 10000);
	assert_int_equal(result.tracker.connections, 1000);
	assert_int_equal(result.tracker.mirror_duplicates, 5000);
	assert_int_equal(result.tracker.retransmissions, 0);
	assert_int_equal(result.tracker.out_of_order, 0);
}

static void a_failure_is_said_once_and_the_rest_goes_on(void **state)
{
	struct pipeline_stats result;

	(void)state;
	result = run(1, 1, false, 100);
	assert_int_equal(result.source_errors, 0);
	make_sources(false, 100);
	sources[0].fails_at = 50;
	result = run_sources(1, 1, false);
	assert_int_equal(errors, 1);
	assert_int_equal(result.source_errors, 1);
	assert_int_equal(result.tracker.segments, 100);
}

static bool until_second_is_used_up(void)
{
	return sources[1].next < sources[1].count;
}

/* An interface without traffic must not cost a system call for each frame of another one. */
static void silent_source_is_asked_once_for_each_batch_of_another(void **state)
{
	const uint32_t frames = 7000, batches = frames / BATCH_FRAMES,
		       rounds = frames / FRAME_BATCH_MAX;
	struct pipeline_stats result;

	(void)state;
	make_sources(true, frames);
	sources[0].count = 0;
	sources[0].silent = until_second_is_used_up;
	result = run_sources(2, 1, true);
	assert_int_equal(result.tracker.segments, frames);
	assert_in_range(sources[0].asked, batches, batches + rounds + 4);
}

static bool until_second_was_asked(void)
{
	return sources[1].asked == 0;
}

/* What came to a source while another one was asked has its place in front, if it is earlier. */
static void frame_that_came_while_another_source_was_asked_is_in_order(void **state)
{
	(void)state;
	make_sources(true, 1);
	sources[0].silent = until_second_was_asked;
	run_sources(2, 1, true);
	assert_int_equal(sources[0].first_number, 1);
	assert_int_equal(sources[1].first_number, 2);
}

static void stop_leaves_out_nothing_that_was_received(void **state)
{
	(void)state;
	for (uint32_t source_count = 1; source_count <= 2; source_count++) {
		for (uint32_t workers = 1; workers <= 2; workers++) {
			struct pipeline_stats result;

			make_sources(false, 20000);
			sources[0].stops_at = 1000;
			sources[1].step_ns =
				1000; /* the larger part of its batch is still at hand */
			result = run_sources(source_count, workers, false);
			assert_in_range(result.tracker.segments, 1000, 2 * 20000 - 1);
			assert_int_equal(result.tracker.segments, result.source.delivered);
		}
	}
}

static void values_are_what_people_write(void **state)
{
	uint64_t bytes;
	uint32_t capture;
	uint8_t views;
	char text[NUMBER_TEXT_MAX];

	(void)state;
	assert_true(value_size("2G", &bytes) && bytes == UINT64_C(2) << 30);
	assert_true(value_size("64k", &bytes) && bytes == 64 << 10);
	assert_true(value_size("123", &bytes) && bytes == 123);
	assert_false(value_size("", &bytes));
	assert_false(value_size("G", &bytes));
	assert_false(value_size("-1", &bytes));
	assert_false(value_size("1GB", &bytes));
	assert_false(value_size("99999999999999999T", &bytes));
	assert_true(value_capture("headers", &capture) && capture == CAPTURE_HEADERS);
	assert_true(value_capture("full", &capture) && capture == CAPTURE_FULL);
	assert_true(value_capture("128", &capture) && capture == 128);
	assert_false(value_capture("some", &capture));
	assert_true(value_view("both", &views) && views == VIEW_BOTH);
	assert_false(value_view("neither", &views));
	assert_string_equal(number_text(0, text), "0");
	assert_string_equal(number_text(1234567, text), "1,234,567");
	assert_string_equal(bytes_text(999, text), "999 B");
	assert_string_equal(bytes_text(1500, text), "1.50 kB");
	assert_string_equal(bytes_text(1234567890, text), "1.23 GB");
}

static void words_are_joined(void **state)
{
	static const char *const words[] = { "tcp", "port 80", "", "or" };
	static const char *const expect[] = { "", "tcp", "tcp port 80", "tcp port 80 ",
					      "tcp port 80  or" };

	(void)state;
	for (size_t count = 0; count < 5; count++) {
		char *joined = words_join(words, count);

		assert_string_equal(joined, expect[count]);
		free(joined);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_workers_sees_the_same),
		cmocka_unit_test(sources_are_merged_by_time),
		cmocka_unit_test(a_failure_is_said_once_and_the_rest_goes_on),
		cmocka_unit_test(silent_source_is_asked_once_for_each_batch_of_another),
		cmocka_unit_test(frame_that_came_while_another_source_was_asked_is_in_order),
		cmocka_unit_test(stop_leaves_out_nothing_that_was_received),
		cmocka_unit_test(values_are_what_people_write),
		cmocka_unit_test(words_are_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
