/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "capture/frame.h"
#include "tcpstate/tracker_private.h"
#include "tests/unit/log_sink.h"

#define START_NS  UINT64_C(1700000000000000000)
#define SECOND_NS UINT64_C(1000000000)

static struct log_sink sink;
static uint8_t frame[2048];
static uint8_t *buffer;

static int setup(void **state)
{
	(void)state;
	buffer = malloc(EVLOG_CAPLEN_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(buffer);
	return 0;
}

static struct tracker *open_tracker(uint32_t connections, uint32_t chunks, uint32_t per_section,
				    bool lossless)
{
	struct tracker_config config;
	struct tracker *tracker;

	memset(&sink, 0, sizeof(sink));
	tracker_config_default(&config);
	config.connections_max = connections;
	config.log_memory_bytes = (uint64_t)chunks * CHUNK_BYTES;
	config.policy.limit = per_section;
	config.lossless = lossless;
	config.sink = log_sink_as_chunk_sink(&sink);
	tracker = tracker_open(&config);
	assert_non_null(tracker);
	return tracker;
}

/* Data of the client of connection n: byte after byte of its stream. */
static void send_data(struct tracker *tracker, uint16_t n, uint32_t seq, uint64_t ts_ns)
{
	struct segment seg = { .ts_ns = ts_ns,
			       .number = ts_ns - START_NS + 1,
			       .data = frame,
			       .caplen_bytes = 64,
			       .wirelen_bytes = 64,
			       .linktype = LINKTYPE_ETHERNET,
			       .l3_offset = 14,
			       .l4_offset = 34,
			       .payload_offset = 54,
			       .key = { .port_be = { __builtin_bswap16(10000 + n), 0x5000 },
					.ip_version = 4 },
			       .hash = n * 2654435761u,
			       .flags = TCP_ACK,
			       .seq = seq,
			       .ack = 1,
			       .window = 1000,
			       .payload_bytes = 10 };

	tracker_process(tracker, &seg, 1);
}

/* The records of one side over all sections of connection n; serials must go on without a gap. */
static uint32_t records_of(uint64_t number, enum side side, uint32_t *sections, uint8_t *last_id)
{
	uint32_t next = 0;

	*sections = 0;
	for (uint32_t i = 0; i < sink.count; i++) {
		struct evlog_reader reader;
		struct log_entry entry;

		if (sink.chains[i]->kind != CHUNK_LOG ||
		    evlog_head(sink.chains[i])->connection != number)
			continue;
		assert_int_equal(evlog_head(sink.chains[i])->section, *sections);
		(*sections)++;
		evlog_reader_init(&reader, sink.chains[i], buffer);
		while (evlog_reader_next(&reader, &entry)) {
			if (!(entry.views & 1 << side))
				continue;
			assert_int_equal(entry.serial[side], next);
			next = entry.serial[side] + (entry.kind == LOG_SKIP ? entry.skipped : 1);
			*last_id = entry.event.id;
		}
	}
	return next;
}

static void sections_turn_and_serials_go_on(void **state)
{
	struct tracker *tracker = open_tracker(10, 1000, 4, false);
	uint32_t sections;
	uint8_t last = 0;

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		send_data(tracker, 1, 1 + 10 * i, START_NS + i);
	tracker_finish(tracker, START_NS + 10);
	/* Ten packets, FLOWEND and CONNEND. */
	assert_int_equal(records_of(1, SIDE_CLIENT, &sections, &last), 12);
	assert_int_equal(sections, 3);
	assert_int_equal(last, EVENT_CONNEND);
	assert_int_equal(records_of(1, SIDE_SERVER, &sections, &last), 12);
	assert_int_equal(sink.chains[sink.count - 1]->kind, CHUNK_FLOWS);
	assert_int_equal(tracker_counters(tracker)->records, 24);
	assert_int_equal(tracker_counters(tracker)->sections, 3);
	assert_int_equal(tracker_counters(tracker)->ended[END_INPUT], 1);
	tracker_close(&tracker);
}

/* Little memory, but nothing may be lost: sections come early, all records are there. */
static void short_memory_makes_sections_early(void **state)
{
	struct tracker *tracker = open_tracker(100, 100, 5000, true);

	(void)state;
	sink.recycle = true;
	for (uint32_t i = 0; i < 30; i++)
		for (uint16_t n = 0; n < 90; n++)
			send_data(tracker, n, 1 + 10 * i, START_NS + i * 90 + n);
	tracker_finish(tracker, START_NS + 10000);
	assert_true(tracker_counters(tracker)->sections_early > 0);
	assert_int_equal(tracker_counters(tracker)->records_lost, 0);
	assert_int_equal(tracker_counters(tracker)->flow_summaries_lost, 0);
	assert_int_equal(tracker_counters(tracker)->records, 2 * 90 * 32);
	assert_int_equal(sink.records, 2 * 90 * 32);
	tracker_close(&tracker);
}

/* Live, a sink that takes nothing costs records, which are counted, and nothing else. */
static void a_full_sink_is_a_counted_loss(void **state)
{
	struct tracker *tracker = open_tracker(10, 64, 5000, false);

	(void)state;
	sink.full = true;
	for (uint32_t i = 0; i < 5000; i++)
		send_data(tracker, 1, 1 + 10 * i, START_NS + i);
	sink.full = false;
	send_data(tracker, 1, 50001, START_NS + 5000);
	tracker_finish(tracker, START_NS + 5001);
	assert_true(tracker_counters(tracker)->records_lost > 0);
	assert_int_equal(tracker_counters(tracker)->records, 2 * 5003);
	assert_int_equal(sink.records + tracker_counters(tracker)->records_lost,
			 tracker_counters(tracker)->records);
	tracker_close(&tracker);
}

static void a_full_table_lets_the_idlest_go(void **state)
{
	struct tracker *tracker = open_tracker(4, 1000, 5000, false);

	(void)state;
	for (uint16_t n = 0; n < 5; n++)
		send_data(tracker, n, 1, START_NS + n);
	assert_int_equal(tracker_counters(tracker)->connections_now, 4);
	assert_int_equal(tracker_counters(tracker)->ended[END_TABLE_FULL], 1);
	assert_int_equal(evlog_head(sink.chains[0])->connection, 1); /* the oldest */
	assert_int_equal(tracker_counters(tracker)->untracked, 0);
	tracker_close(&tracker);
}

/* Found by the hand, by the next segment or at the end: an idle connection's log is the same. */
static void idleness_is_found_late_but_told_the_same(void **state)
{
	uint32_t records[3];

	(void)state;
	for (int way = 0; way < 3; way++) {
		struct tracker *tracker = open_tracker(10, 1000, 5000, false);
		uint64_t late_ns = START_NS + 4000 * SECOND_NS;
		const struct evlog_head *head;

		send_data(tracker, 1, 1, START_NS);
		if (way == 0)
			tracker_tick(tracker, late_ns);
		else if (way == 1)
			send_data(tracker, 1, 11, late_ns);
		else
			tracker_finish(tracker, late_ns);
		assert_int_equal(tracker_counters(tracker)->ended[END_IDLE], 1);
		head = evlog_head(sink.chains[0]);
		assert_int_equal(head->dump_ts_ns, START_NS);
		assert_string_equal(head->reason, "auto-dumped from continual");
		records[way] = head->records[SIDE_SERVER];
		tracker_close(&tracker);
	}
	assert_int_equal(records[0], 3);
	assert_int_equal(records[1], 3);
	assert_int_equal(records[2], 3);
}

/* Time goes back a day in the middle of a file: nobody has been idle. */
static void time_that_goes_back_is_no_idleness(void **state)
{
	struct tracker *tracker = open_tracker(10, 1000, 5000, false);

	(void)state;
	send_data(tracker, 1, 1, START_NS + 86400 * SECOND_NS);
	send_data(tracker, 2, 1, START_NS);
	send_data(tracker, 1, 11, START_NS);
	assert_int_equal(tracker_counters(tracker)->connections, 2);
	assert_int_equal(tracker_counters(tracker)->connections_now, 2);
	tracker_close(&tracker);
}

static void the_end_comes_in_order_of_number(void **state)
{
	struct tracker *tracker = open_tracker(100, 4000, 5000, false);
	uint64_t before = 0;

	(void)state;
	for (uint16_t n = 0; n < 50; n++)
		send_data(tracker, n * 37 % 50, 1, START_NS + n);
	tracker_finish(tracker, START_NS + 100);
	for (uint32_t i = 0; i < sink.count; i++) {
		if (sink.chains[i]->kind != CHUNK_LOG)
			continue;
		assert_true(evlog_head(sink.chains[i])->connection > before);
		before = evlog_head(sink.chains[i])->connection;
	}
	assert_int_equal(before, 50);
	tracker_close(&tracker);
}

static void without_views_nothing_leaves(void **state)
{
	struct tracker_config config;
	struct tracker *tracker;

	(void)state;
	tracker_config_default(&config);
	config.no_logs = true;
	config.connections_max = 10;
	tracker = tracker_open(&config);
	assert_non_null(tracker);
	send_data(tracker, 1, 1, START_NS);
	tracker_tick(tracker, START_NS);
	tracker_finish(tracker, START_NS);
	assert_int_equal(tracker_counters(tracker)->segments, 1);
	assert_int_equal(tracker_counters(tracker)->records, 0);
	tracker_close(&tracker);
}

/* An ICMP error about what side `quoted` of connection n sent. */
static void send_icmp(struct tracker *tracker, uint16_t n, uint8_t quoted, uint32_t seq,
		      uint8_t checksum, uint64_t ts_ns)
{
	struct segment error = {
		.kind = SEGMENT_ICMP_ERROR,
		.ts_ns = ts_ns,
		.number = 99,
		.data = frame,
		.key = { .port_be = { __builtin_bswap16(10000 + n), 0x5000 }, .ip_version = 4 },
		.hash = n * 2654435761u,
		.sender = quoted,
		.checksum = checksum,
		.seq = seq,
		.icmp = { .type = ICMP_UNREACHABLE,
			  .code = ICMP_FRAGMENTATION_NEEDED,
			  .mtu_bytes = 1400,
			  .quoted_ip_bytes = 1500,
			  .reporter = { [12] = 192, 0, 2, 1 } },
	};

	tracker_process(tracker, &error, 1);
}

static void icmp_errors_reach_their_connection(void **state)
{
	struct tracker *tracker = open_tracker(10, 1000, 5000, false);
	const struct tracker_counters *counters;
	uint32_t events = 0;

	(void)state;
	send_data(tracker, 1, 0xfffffffb, START_NS); /* up to 5 */
	send_icmp(tracker, 1, 0, 0xfffffffb, CHECKSUM_GOOD, START_NS + 1);
	send_icmp(tracker, 1, 0, 1, CHECKSUM_UNCHECKED, START_NS + 2);
	send_icmp(tracker, 1, 0, 1000000000, CHECKSUM_GOOD, START_NS + 3); /* made up */
	send_icmp(tracker, 1, 0, 0xfffffffb, CHECKSUM_BAD, START_NS + 4);
	send_icmp(tracker, 2, 0, 1, CHECKSUM_GOOD, START_NS + 5); /* of a connection not seen */
	/* It begins none, and does not keep one from being over. */
	send_icmp(tracker, 1, 0, 1, CHECKSUM_GOOD, START_NS + 4000 * SECOND_NS);
	tracker_finish(tracker, START_NS + 4000 * SECOND_NS);
	counters = tracker_counters(tracker);
	assert_int_equal(counters->segments, 1);
	assert_int_equal(counters->connections, 1);
	assert_int_equal(counters->icmp_errors, 6);
	assert_int_equal(counters->icmp_ignored, 2);
	assert_int_equal(counters->icmp_unmatched, 2);
	assert_int_equal(counters->ended[END_IDLE], 1);

	for (uint32_t i = 0; i < sink.count; i++) {
		struct evlog_reader reader;
		struct log_entry entry;

		if (sink.chains[i]->kind != CHUNK_LOG)
			continue;
		evlog_reader_init(&reader, sink.chains[i], buffer);
		while (evlog_reader_next(&reader, &entry)) {
			if (entry.event.id != EVENT_MSGSIZE)
				continue;
			/* In the view of the one who sent it, and in that one alone. */
			assert_int_equal(entry.views, VIEW_CLIENT);
			assert_int_equal(entry.event.flex7, flex7_make(MSGSIZE_TOO_BIG, 100));
			assert_int_equal(entry.event.flex8, 4);
			assert_int_equal(entry.event.stack_flex[0], 1400);
			assert_int_equal(entry.event.stack_flex[1], 3 << 8 | 4);
			assert_int_equal(entry.event.stack_flex[2], events ? 1 : 0xfffffffb);
			assert_int_equal(entry.event.stack_flex[5], 0xc0000201);
			assert_int_equal(entry.event.record_flex[1], 1500);
			events++;
		}
	}
	assert_int_equal(events, 2);
	tracker_close(&tracker);
}

/* A full-size segment again and again, one of 100 bytes behind it that arrives. */
static uint64_t black_holes_of(uint32_t base, uint32_t arrived_bytes)
{
	struct tracker *tracker = open_tracker(10, 1000, 5000, false);
	struct segment seg = { .data = frame,
			       .caplen_bytes = 54,
			       .wirelen_bytes = 1514,
			       .linktype = LINKTYPE_ETHERNET,
			       .l3_offset = 14,
			       .l4_offset = 34,
			       .payload_offset = 54,
			       .key = { .port_be = { 10000, 0x5000 }, .ip_version = 4 },
			       .hash = 1,
			       .window = 60000 };
	struct segment syn = seg, ack = seg;
	uint64_t ts_ns = START_NS, found;

	syn.flags = TCP_SYN;
	syn.seq = base;
	syn.options.seen = TCPOPT_HAS_MSS | TCPOPT_HAS_SACK_PERMITTED;
	syn.options.mss_bytes = 1460;
	syn.ts_ns = ts_ns++;
	tracker_process(tracker, &syn, 1);
	syn.flags |= TCP_ACK;
	syn.seq = 5000;
	syn.ack = base + 1;
	syn.sender = 1;
	syn.ts_ns = ts_ns++;
	tracker_process(tracker, &syn, 1);
	seg.flags = ack.flags = TCP_ACK;
	seg.ack = ack.seq = 5001;
	ack.ack = base + 1;
	ack.sender = 1;
	ack.options.seen = TCPOPT_HAS_SACK;
	ack.options.sack_count = 1;
	ack.options.sack[0].start = base + 1461;
	ack.options.sack[0].end = base + 1461 + arrived_bytes;
	for (uint32_t i = 0; i < 6; i++) {
		seg.seq = base + 1;
		seg.payload_bytes = 1460;
		seg.ts_ns = ts_ns;
		tracker_process(tracker, &seg, 1);
		if (i == 0) {
			seg.seq = base + 1461;
			seg.payload_bytes = arrived_bytes;
			tracker_process(tracker, &seg, 1);
		}
		ack.ts_ns = ts_ns + SECOND_NS / 100;
		tracker_process(tracker, &ack, 1);
		ts_ns += SECOND_NS << i;
	}
	found = tracker_counters(tracker)->black_holes;
	tracker_close(&tracker);
	return found;
}

static void a_black_hole_is_named_once(void **state)
{
	static const uint32_t bases[] = { 1000, 0xffffffff - 1000, 0x7fffffff - 1000 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(black_holes_of(bases[i], 100), 1);
		assert_int_equal(black_holes_of(bases[i], 1460), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_turn_and_serials_go_on),
		cmocka_unit_test(short_memory_makes_sections_early),
		cmocka_unit_test(a_full_sink_is_a_counted_loss),
		cmocka_unit_test(a_full_table_lets_the_idlest_go),
		cmocka_unit_test(idleness_is_found_late_but_told_the_same),
		cmocka_unit_test(time_that_goes_back_is_no_idleness),
		cmocka_unit_test(the_end_comes_in_order_of_number),
		cmocka_unit_test(without_views_nothing_leaves),
		cmocka_unit_test(icmp_errors_reach_their_connection),
		cmocka_unit_test(a_black_hole_is_named_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
