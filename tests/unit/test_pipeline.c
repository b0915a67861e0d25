/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pipeline.h"
#include "cli/values.h"
#include "tests/unit/packet_builder.h"

#define START_NS UINT64_C(1700000000000000000)

/* A source that makes frames: of `connections` in turn, with times start, start + step, ... */
struct made {
	struct source base;
	uint32_t count, next;
	uint64_t start_ns, step_ns;
	uint32_t connections;
	int fails_at; /* -1: never */
	struct packet packets[FRAME_BATCH_MAX];
};

static int receive(struct source *source, struct frame_batch *batch)
{
	struct made *made = (struct made *)source;

	batch->count = 0;
	if (made->fails_at >= 0 && made->next >= (uint32_t)made->fails_at) {
		made->fails_at = -1;
		strcpy(source->error, "made to fail");
		return -EIO;
	}
	while (batch->count < 7 && made->next < made->count) {
		struct packet *packet = &made->packets[batch->count];

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
	(void)source;
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
static volatile sig_atomic_t never;
static uint32_t errors;

static void on_error(const char *message)
{
	assert_string_equal(message, "made to fail");
	errors++;
}

static struct pipeline_stats run(uint32_t source_count, uint32_t workers, bool live, uint32_t count)
{
	struct source *pointers[2] = { &sources[0].base, &sources[1].base };
	struct pipeline_config config = { .sources = pointers,
					  .source_count = source_count,
					  .workers = workers,
					  .lossless = !live,
					  .stop = &never,
					  .error = on_error };
	struct pipeline_stats result;
	char error[256];

	errors = 0;
	for (uint32_t i = 0; i < source_count; i++) {
		sources[i].base.ops = &ops;
		sources[i].base.live = live;
		sources[i].count = count;
		sources[i].next = 0;
		sources[i].start_ns = START_NS + i * 5;
		sources[i].step_ns = 10;
		sources[i].connections = 1000;
		sources[i].fails_at = -1;
	}
	tracker_config_default(&config.tracker);
	config.tracker.connections_max = 8192;
	assert_int_equal(pipeline_run(&config, &result, error, sizeof(error)), 0);
	assert_true(pipeline_stats_add_up(&result));
	return result;
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
 * Two taps see the same connections, one after the other: merged in the order of time each segment of
 * the second is a repetition of what the first has shown.
 */
static void sources_are_merged_by_time(void **state)
{
	struct pipeline_stats result = run(2, 1, true, 5000);

	(void)state;
	assert_int_equal(result.tracker.segments, 10000);
	assert_int_equal(result.tracker.connections, 1000);
	assert_int_equal(result.tracker.retransmissions, 5000);
	assert_int_equal(result.tracker.out_of_order, 0);
}

static void a_failure_is_said_once_and_the_rest_goes_on(void **state)
{
	struct pipeline_stats result;

	(void)state;
	result = run(1, 1, false, 100);
	assert_int_equal(result.source_errors, 0);
	sources[0].next = 0;
	sources[0].fails_at = 50;
	{
		struct source *pointer = &sources[0].base;
		struct pipeline_config config = { .sources = &pointer,
						  .source_count = 1,
						  .workers = 1,
						  .lossless = true,
						  .stop = &never,
						  .error = on_error };
		char error[256];

		tracker_config_default(&config.tracker);
		assert_int_equal(pipeline_run(&config, &result, error, sizeof(error)), 0);
	}
	assert_int_equal(errors, 1);
	assert_int_equal(result.source_errors, 1);
	assert_int_equal(result.tracker.segments, 100);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_workers_sees_the_same),
		cmocka_unit_test(sources_are_merged_by_time),
		cmocka_unit_test(a_failure_is_said_once_and_the_rest_goes_on),
		cmocka_unit_test(values_are_what_people_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
