/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests that go through a worker's connections a few at a time. */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "capture/filter.h"
#include "tcpstate/job.h"
#include "tcpstate/tracker_private.h"
#include "tests/unit/bare_segment.h"
#include "tests/unit/log_sink.h"

#define START_NS UINT64_C(1700000000000000000)

static struct log_sink sink;
static struct tracker *tracker;
static struct job_block *block;

static void open_world(uint32_t connections)
{
	struct tracker_config config;

	memset(&sink, 0, sizeof(sink));
	tracker_config_default(&config);
	config.connections_max = 2000;
	config.log_memory_bytes = 8 << 20;
	config.sink = log_sink_as_chunk_sink(&sink);
	config.policy.mode = LOG_TAIL;
	strcpy(config.policy.tag, "tag");
	tracker = tracker_open(&config);
	assert_non_null(tracker);
	for (uint32_t i = 0; i < connections; i++) {
		struct segment seg = bare_segment(i, i + 1, START_NS + i, TCP_SYN);

		tracker_process(tracker, &seg, 1);
	}
}

/* Does all of a job; returns the rows, and counts the blocks. */
static uint64_t run(struct job *job, uint32_t looks, uint32_t *blocks)
{
	struct job_part part = { .job = job };
	uint64_t rows = 0;

	*blocks = 0;
	block->count = 0;
	for (uint32_t steps = 0; steps < 100000; steps++) {
		if (!job_step(tracker, &part, looks, block))
			continue;
		(*blocks)++;
		rows += block->count;
		if (block->last)
			return rows;
		block->count = 0;
	}
	fail();
	return 0;
}

static void all_are_listed_whatever_the_steps(void **state)
{
	static const uint32_t counts[] = { 0, 1, 255, 256, 257, 512, 1000 },
			      looks[] = { 1, 64, 5000 };

	(void)state;
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		open_world(counts[c]);
		for (size_t l = 0; l < sizeof(looks) / sizeof(looks[0]); l++) {
			struct job job = { .kind = JOB_FLOWS, .state = -1 };
			uint32_t blocks;

			assert_int_equal(run(&job, looks[l], &blocks), counts[c]);
			assert_int_equal(block->done, counts[c]);
			assert_in_range(blocks, 1 + (counts[c] - (counts[c] > 0)) / JOB_BLOCK_ROWS,
					1 + counts[c] / JOB_BLOCK_ROWS);
		}
		tracker_close(&tracker);
	}
}

static void conditions(void **state)
{
	static const struct {
		const char *filter, *id, *tag;
		int state;
		uint64_t rows;
	} rows[] = {
		{ NULL, "", "", -1, 300 },
		{ "src host 10.0.0.7", "", "", -1, 1 }, /* as if the client had sent it */
		{ "dst host 10.0.0.7", "", "", -1, 0 },
		{ "tcp dst port 80", "", "", -1, 300 },
		{ "net 10.0.1.0/24", "", "", -1, 44 },
		{ NULL, "", "t?g", -1, 300 },
		{ NULL, "", "other", -1, 0 },
		{ NULL, "web-*", "", -1, 2 },
		{ NULL, "", "", TCPS_SYN_SENT, 300 },
		{ NULL, "", "", TCPS_ESTABLISHED, 0 },
		{ "host 10.0.0.1", "web-1", "tag", TCPS_SYN_SENT, 1 },
	};

	(void)state;
	open_world(300);
	for (uint32_t i = 1; i < 3; i++) {
		struct log_order order = { .id = i == 1 ? "web-1" : "web-2" };

		assert_true(blackbox_order(tracker, &tracker->table.records[i], &order, START_NS));
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job job = { .kind = JOB_FLOWS, .state = rows[i].state };
		char error[300];
		uint32_t blocks;

		strcpy(job.id, rows[i].id);
		strcpy(job.tag, rows[i].tag);
		if (rows[i].filter)
			assert_non_null(job.filter =
						filter_make(rows[i].filter, error, sizeof(error)));
		assert_int_equal(run(&job, 64, &blocks), rows[i].rows);
		filter_free(&job.filter);
	}
	tracker_close(&tracker);
}

static void orders_and_dumps(void **state)
{
	struct job job = { .kind = JOB_ORDER,
			   .state = -1,
			   .order = { .has_mode = true, .mode = LOG_HEAD, .tag = "new" } };
	struct job dump = { .kind = JOB_DUMP, .state = -1, .reason = "why", .now_ns = START_NS };
	struct job clear = { .kind = JOB_ORDER,
			     .state = -1,
			     .order = { .has_mode = true, .mode = LOG_CLEAR } };
	uint32_t blocks;

	(void)state;
	open_world(300);
	assert_int_equal(run(&job, 64, &blocks), 0);
	assert_int_equal(block->done, 300);
	assert_int_equal(tracker->table.records[299].mode, LOG_HEAD);
	assert_int_equal(tracker->policies.touched, 2); /* one for all */
	run(&dump, 64, &blocks);
	assert_int_equal(block->done, 300);
	assert_int_equal(sink.count, 300);
	assert_string_equal(evlog_head(sink.chains[7])->tag, "new");
	assert_string_equal(evlog_head(sink.chains[7])->reason, "why");
	run(&dump, 64, &blocks);
	assert_int_equal(block->done, 0); /* they are empty */
	run(&clear, 64, &blocks);
	assert_int_equal(tracker->table.records[0].mode, LOG_OFF);
	tracker_close(&tracker);
}

/* Nobody waits any more: it ends with the next step, in whatever state. */
static void cancelled(void **state)
{
	struct job job = { .kind = JOB_FLOWS, .state = -1 };
	struct job_part part = { .job = &job };

	(void)state;
	open_world(300);
	block->count = 0;
	assert_false(job_step(tracker, &part, 10, block));
	atomic_store(&job.cancelled, true);
	assert_true(job_step(tracker, &part, 10, block));
	assert_true(block->last);
	tracker_close(&tracker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_listed_whatever_the_steps),
		cmocka_unit_test(conditions),
		cmocka_unit_test(orders_and_dumps),
		cmocka_unit_test(cancelled),
	};
	int failed;

	block = calloc(1, sizeof(*block));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(block);
	return failed;
}
