/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "capture/frame.h"
#include "tcpstate/evlog_writer.h"
#include "tests/unit/log_sink.h"

static struct log_sink sink;
static struct chunk_pool pool;
static struct evlog log_;
static uint8_t *buffer;
static uint8_t frame[4096];
static const struct flow_key key = { .port_be = { 1, 2 }, .ip_version = 4 };

static const struct evlog_identity identity = {
	.key = &key,
	.connection = 7,
	.client = 1,
	.views = VIEW_BOTH,
	.linktype = LINKTYPE_ETHERNET,
};

static void open_pool(uint32_t chunks)
{
	struct chunk_sink as_sink = log_sink_as_chunk_sink(&sink);

	memset(&sink, 0, sizeof(sink));
	memset(&log_, 0, sizeof(log_));
	assert_int_equal(chunk_pool_init(&pool, (uint64_t)chunks * CHUNK_BYTES, false, &as_sink),
			 0);
}

static int setup(void **state)
{
	(void)state;
	buffer = malloc(EVLOG_CAPLEN_MAX);
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(buffer);
	return 0;
}

static struct segment segment_of(uint64_t ts_ns, uint32_t caplen_bytes)
{
	return (struct segment){ .ts_ns = ts_ns,
				 .data = frame,
				 .caplen_bytes = caplen_bytes,
				 .wirelen_bytes = caplen_bytes + 100,
				 .linktype = LINKTYPE_ETHERNET,
				 .iface = 3,
				 .l3_offset = 14,
				 .payload_bytes = 99,
				 .key = key };
}

/* Many packets and events of all sizes, over many chunks, come back as they were. */
static void entries_come_back(void **state)
{
	struct snapshot snaps[2] = { 0 };
	struct evlog_reader reader;
	struct log_entry entry;
	uint32_t n = 0;

	(void)state;
	open_pool(2000);
	assert_true(evlog_open(&log_, &pool, &identity, 1000));
	for (uint32_t i = 0; i < 500; i++) {
		struct segment seg = segment_of(1000 + i, 20 + i * 7);
		struct event event = { .ts_ns = 1000 + i,
				       .id = EVENT_RTT,
				       .flex7 = flex7_make(1, 100),
				       .flex8 = 9,
				       .record_flex = { i, 0 },
				       .stack_flex = { 0, i + 1, 0, 0, 0, 5 } };

		snaps[0].snd_una = i;
		snaps[1].rcv_nxt = i * 3;
		snaps[1].lost = ~i;
		assert_int_equal(evlog_packet(&log_, &pool, &seg, i & 1, flex7_make(8, 50), 1, NULL,
					      VIEW_BOTH, snaps, UINT32_MAX),
				 0);
		assert_int_equal(evlog_event(&log_, &pool, SIDE_SERVER, &event, &snaps[1]), 0);
	}
	assert_int_equal(evlog_records(&log_, SIDE_CLIENT), 500);
	assert_int_equal(evlog_records(&log_, SIDE_SERVER), 1000);
	assert_int_equal(evlog_dump(&log_, &pool, 2000, "a reason that is longer than 31 bytes"),
			 0);
	assert_null(log_.head);
	assert_int_equal(sink.count, 1);
	assert_int_equal(evlog_head(sink.chains[0])->iface_count, 4);
	assert_int_equal(strlen(evlog_head(sink.chains[0])->reason), LOG_REASON_MAX - 1);
	assert_int_equal(evlog_head(sink.chains[0])->records[SIDE_SERVER], 1000);

	evlog_reader_init(&reader, sink.chains[0], buffer);
	for (uint32_t i = 0; i < 500; i++) {
		assert_true(evlog_reader_next(&reader, &entry));
		assert_int_equal(entry.kind, LOG_PACKET);
		assert_int_equal(entry.views, VIEW_BOTH);
		assert_int_equal(entry.sender, i & 1);
		assert_int_equal(entry.event.ts_ns, 1000 + i);
		assert_int_equal(entry.event.flex7, flex7_make(8, 50));
		assert_int_equal(entry.event.flex8, 1);
		assert_int_equal(entry.serial[SIDE_CLIENT], i);
		assert_int_equal(entry.serial[SIDE_SERVER], 2 * i);
		assert_int_equal(entry.snap[0].snd_una, i);
		assert_int_equal(entry.snap[1].rcv_nxt, i * 3);
		assert_int_equal(entry.snap[1].lost, ~i);
		assert_int_equal(entry.caplen_bytes, 20 + i * 7);
		assert_int_equal(entry.wirelen_bytes, 120 + i * 7);
		assert_int_equal(entry.iface, 3);
		assert_memory_equal(entry.data, frame, entry.caplen_bytes);

		assert_true(evlog_reader_next(&reader, &entry));
		assert_int_equal(entry.kind, LOG_EVENT);
		assert_int_equal(entry.views, VIEW_SERVER);
		assert_int_equal(entry.event.id, EVENT_RTT);
		assert_int_equal(entry.event.record_flex[0], i);
		assert_int_equal(entry.event.stack_flex[1], i + 1);
		assert_int_equal(entry.event.stack_flex[5], 5);
		assert_int_equal(entry.serial[SIDE_SERVER], 2 * i + 1);
		n++;
	}
	assert_false(evlog_reader_next(&reader, &entry));
	assert_int_equal(n, 500);
	chunk_pool_dispose(&pool);
}

/* Out of memory in the middle: whole records are lost, counted, and told by the next that is kept. */
static void a_loss_is_told_by_the_next_record(void **state)
{
	struct segment big = segment_of(5, 1900), small = segment_of(6, 60);
	struct snapshot snaps[2] = { { .snd_una = 1 }, { .snd_una = 2 } };
	struct evlog_reader reader;
	struct log_entry entry;

	(void)state;
	open_pool(2);
	assert_true(evlog_open(&log_, &pool, &identity, 5));
	assert_int_equal(evlog_packet(&log_, &pool, &small, 0, 0, 0, NULL, VIEW_BOTH, snaps, 100),
			 0);
	assert_int_equal(evlog_packet(&log_, &pool, &big, 0, 0, 0, NULL, VIEW_BOTH, snaps, 4000),
			 0);
	assert_int_equal(evlog_packet(&log_, &pool, &big, 0, 0, 0, NULL, VIEW_BOTH, snaps, 4000),
			 2);
	assert_int_equal(evlog_packet(&log_, &pool, &big, 0, 0, 0, NULL, VIEW_CLIENT, snaps, 4000),
			 1);
	assert_int_equal(evlog_packet(&log_, &pool, &small, 0, 0, 0, NULL, VIEW_BOTH, snaps, 100),
			 0);
	assert_int_equal(evlog_dump(&log_, &pool, 6, ""), 0);

	evlog_reader_init(&reader, sink.chains[0], buffer);
	assert_true(evlog_reader_next(&reader, &entry));
	assert_true(evlog_reader_next(&reader, &entry));
	assert_true(evlog_reader_next(&reader, &entry));
	assert_int_equal(entry.kind, LOG_SKIP);
	assert_int_equal(entry.views, VIEW_CLIENT);
	assert_int_equal(entry.skipped, 2);
	assert_true(evlog_reader_next(&reader, &entry));
	assert_int_equal(entry.kind, LOG_SKIP);
	assert_int_equal(entry.views, VIEW_SERVER);
	assert_int_equal(entry.skipped, 1);
	assert_true(evlog_reader_next(&reader, &entry));
	assert_int_equal(entry.kind, LOG_PACKET);
	assert_int_equal(entry.serial[SIDE_CLIENT], 4);
	assert_int_equal(entry.serial[SIDE_SERVER], 3);
	assert_false(evlog_reader_next(&reader, &entry));
	chunk_pool_dispose(&pool);
}

/* A section that the sink refuses is lost as a whole; the next one begins behind the gap. */
static void a_refused_section_is_a_gap_in_the_serials(void **state)
{
	struct segment seg = segment_of(5, 60);
	struct snapshot snaps[2] = { 0 };

	(void)state;
	open_pool(8);
	sink.full = true;
	assert_true(evlog_open(&log_, &pool, &identity, 5));
	assert_int_equal(evlog_packet(&log_, &pool, &seg, 0, 0, 0, NULL, VIEW_BOTH, snaps, 100), 0);
	assert_int_equal(evlog_dump(&log_, &pool, 5, ""), 2);
	sink.full = false;
	assert_true(evlog_open(&log_, &pool, &identity, 6));
	assert_int_equal(evlog_packet(&log_, &pool, &seg, 0, 0, 0, NULL, VIEW_BOTH, snaps, 100), 0);
	assert_int_equal(evlog_dump(&log_, &pool, 6, ""), 0);
	assert_int_equal(evlog_head(sink.chains[0])->first_serial[SIDE_SERVER], 1);
	chunk_pool_dispose(&pool);
}

static void another_link_type_is_reframed(void **state)
{
	struct segment seg = segment_of(5, 74);
	struct snapshot snaps[2] = { 0 };
	struct evlog_reader reader;
	struct log_entry entry;

	(void)state;
	open_pool(8);
	seg.linktype = LINKTYPE_LINUX_SLL;
	seg.l3_offset = 16;
	assert_true(evlog_open(&log_, &pool, &identity, 5));
	assert_int_equal(evlog_packet(&log_, &pool, &seg, 0, 0, 0, NULL, VIEW_BOTH, snaps, 70), 0);
	assert_int_equal(evlog_dump(&log_, &pool, 5, ""), 0);
	evlog_reader_init(&reader, sink.chains[0], buffer);
	assert_true(evlog_reader_next(&reader, &entry));
	assert_int_equal(entry.caplen_bytes, 70 - 16 + 14);
	assert_int_equal(entry.wirelen_bytes, 174 - 16 + 14);
	assert_int_equal(entry.data[12], 0x08);
	assert_memory_equal(entry.data + 14, frame + 16, 54);
	assert_false(evlog_reader_next(&reader, &entry));
	chunk_pool_dispose(&pool);
}

/* The pool uses what comes home before it touches new memory, and knows when it is dry. */
static void chunks_come_home(void **state)
{
	struct chunk *a, *b;

	(void)state;
	open_pool(2);
	a = chunk_pool_get(&pool);
	b = chunk_pool_get(&pool);
	assert_non_null(a);
	assert_non_null(b);
	assert_null(chunk_pool_get(&pool));
	a->next = b;
	assert_true(chunk_pool_put(&pool, a));
	assert_int_equal(pool.at_sink, 2);
	assert_null(chunk_pool_get(&pool));
	sink.recycle = true;
	assert_non_null(chunk_pool_get(&pool));
	assert_int_equal(pool.at_sink, 0);
	assert_int_equal(pool.free, 1);
	chunk_pool_dispose(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_back),
		cmocka_unit_test(a_loss_is_told_by_the_next_record),
		cmocka_unit_test(a_refused_section_is_a_gap_in_the_serials),
		cmocka_unit_test(another_link_type_is_reframed),
		cmocka_unit_test(chunks_come_home),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
