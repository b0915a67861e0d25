/* SPDX-License-Identifier: BSD-2-Clause */
/* Who follows logs gets each record at least once, in order, whatever happens to the log between two looks. */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "tcpstate/job.h"
#include "tcpstate/tracker_private.h"
#include "tests/unit/bare_segment.h"
#include "tests/unit/log_sink.h"

#define START_NS    UINT64_C(1700000000000000000)
#define CONNECTIONS 200
#define PACKETS	    400000

static struct log_sink sink;
static struct tracker *tracker;
static struct job_block *block;
static struct job conditions;
static uint8_t *scratch;
static uint64_t number, ts_ns;
/* By number of the connection: the first that was not shown, of the server's view. */
static uint32_t next_serial[PACKETS + 1];
static uint32_t gaps, twice;

static void follow(uint32_t place, const struct job *with)
{
	struct job job = { .kind = JOB_FOLLOW, .state = -1, .place = place, .followed = with };
	struct job_part part = { .job = &job };

	assert_true(job_step(tracker, &part, 64, block));
}

static void open_world(int8_t mode, uint32_t limit)
{
	struct tracker_config config;

	memset(&sink, 0, sizeof(sink));
	sink.recycle = true;
	memset(next_serial, 0, sizeof(next_serial));
	number = gaps = twice = 0;
	ts_ns = START_NS;
	tracker_config_default(&config);
	config.connections_max = 2000;
	config.log_memory_bytes = 32 << 20;
	config.sink = log_sink_as_chunk_sink(&sink);
	config.policy.mode = mode;
	config.policy.limit = limit;
	config.policy.views = VIEW_SERVER;
	tracker = tracker_open(&config);
	assert_non_null(tracker);
	conditions = (struct job){ .kind = JOB_EVENTS, .state = -1 };
	follow(0, &conditions);
}

static void packet(uint32_t i, uint16_t flags)
{
	struct segment seg = bare_segment(i, ++number, ts_ns += 100000, flags);

	seg.seq = flags & TCP_SYN ? (uint32_t)number * 1000003 : 1;
	tracker_process(tracker, &seg, 1);
}

/* The connection ends, and another one between the same ports begins. */
static void begin_again(uint32_t i)
{
	packet(i, TCP_RST | TCP_ACK);
	packet(i, TCP_SYN);
}

static void take(const struct chunk *chain)
{
	const struct evlog_head *head = evlog_head(chain);
	uint32_t *next = &next_serial[head->connection];
	struct evlog_reader reader;
	struct log_entry entry;
	uint32_t records = 0;

	evlog_reader_init(&reader, chain, scratch);
	while (evlog_reader_next(&reader, &entry)) {
		records++;
		if (entry.serial[SIDE_SERVER] < *next) {
			twice++;
			continue;
		}
		gaps += entry.serial[SIDE_SERVER] - *next;
		*next = entry.serial[SIDE_SERVER] + 1;
	}
	assert_int_equal(head->records[SIDE_SERVER], records);
	assert_int_equal(head->records[SIDE_CLIENT], 0);
}

/* Returns how many logs were missed. */
static uint64_t look(uint32_t looks)
{
	struct job_part part = { .job = &conditions };

	block->count = 0;
	for (uint32_t steps = 0; steps < 100000; steps++) {
		if (!job_step(tracker, &part, looks, block))
			continue;
		for (uint32_t i = 0; i < block->count; i++) {
			take(&block->chunks[i]);
			while (block->chunks[i].next)
				i++;
		}
		if (block->last)
			return block->failed;
		block->count = 0;
	}
	fail();
	return 0;
}

static uint64_t all_shown(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i <= PACKETS; i++)
		sum += next_serial[i];
	return sum;
}

static void close_world(void)
{
	tracker_close(&tracker);
}

/* Rings that go round, logs that are handed over, connections that end: all between two looks, too. */
static void every_record_in_order(void **state)
{
	static const int8_t modes[] = { LOG_TAIL, LOG_CONTINUAL, LOG_TAIL_AUTO, LOG_HEAD };
	static const uint32_t looks[] = { 1, 7, 64, 1000 };

	(void)state;
	for (uint32_t m = 0; m < 4; m++) {
		uint64_t random = m;

		open_world(modes[m], modes[m] == LOG_HEAD ? 100000 : 50);
		for (uint32_t n = 0; n < 40000; n++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			if (n % 97 == 0)
				begin_again((uint32_t)(random >> 33) % CONNECTIONS);
			else
				packet((uint32_t)(random >> 33) % CONNECTIONS, TCP_ACK);
			if (random >> 40 & 1 && n % 300 == 0)
				assert_int_equal(look(looks[n / 300 % 4]), 0);
		}
		tracker_end_all(tracker, ts_ns);
		assert_int_equal(look(64), 0);
		assert_int_equal(gaps, 0);
		assert_int_equal(all_shown(), tracker_counters(tracker)->records);
		assert_true(twice > 0);
		close_world();
	}
}

static void only_what_is_meant_and_from_now_on(void **state)
{
	(void)state;
	open_world(LOG_TAIL, 50);
	follow(0, NULL);
	for (uint32_t i = 0; i < 100; i++)
		packet(i, TCP_SYN);
	/* Nobody follows: nothing is there. */
	look(64);
	assert_int_equal(all_shown(), 0);
	strcpy(conditions.id, "nobody has this");
	follow(0, &conditions);
	for (uint32_t i = 0; i < 100; i++)
		packet(i, TCP_ACK);
	look(64);
	assert_int_equal(all_shown(), 0);
	*conditions.id = '\0';
	look(64);
	assert_true(all_shown() > 0);
	assert_int_equal(block->begun_ns, START_NS + 100 * 100000);
	close_world();
}

/* Nobody looks: what leaves is counted when there is no room for it, and the recorder goes on. */
static void who_does_not_look_misses_logs(void **state)
{
	uint64_t missed;

	(void)state;
	open_world(LOG_TAIL, 50);
	for (uint32_t n = 0; n < PACKETS / 2; n++)
		if (n / CONNECTIONS % 20 == 0)
			begin_again(n % CONNECTIONS);
		else
			packet(n % CONNECTIONS, TCP_ACK);
	missed = look(64);
	assert_true(missed > 1000);
	assert_int_equal(look(64), 0);
	close_world();
}

static void places_are_apart(void **state)
{
	struct job other = { .kind = JOB_EVENTS, .state = -1, .place = 3 };

	(void)state;
	open_world(LOG_TAIL, 50);
	follow(3, &other);
	packet(1, TCP_SYN);
	look(64);
	assert_true(next_serial[1] > 0);
	next_serial[1] = 0;
	follow(0, NULL);
	conditions = other;
	look(64);
	assert_true(next_serial[1] > 0);
	close_world();
}

static int setup(void **state)
{
	(void)state;
	block = calloc(1, sizeof(*block));
	scratch = malloc(EVLOG_CAPLEN_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(block);
	free(scratch);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_in_order),
		cmocka_unit_test(only_what_is_meant_and_from_now_on),
		cmocka_unit_test(who_does_not_look_misses_logs),
		cmocka_unit_test(places_are_apart),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
