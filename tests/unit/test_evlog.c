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

/* limit: as in the identity. Returns the number of records lost. */
static uint32_t dump(const char *reason, uint32_t limit)
{
	struct evlog_identity with = identity;
	uint32_t written;

	with.reason = reason;
	with.limit = limit;
	return evlog_dump(&log_, &pool, &with, &written);
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
	assert_true(evlog_open(&log_, &pool, LINKTYPE_ETHERNET));
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
	assert_int_equal(dump("a reason that is longer than 31 bytes", 0), 0);
	assert_null(log_.tail);
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
	assert_true(evlog_open(&log_, &pool, LINKTYPE_ETHERNET));
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
	assert_int_equal(dump("", 0), 0);

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
	assert_true(evlog_open(&log_, &pool, LINKTYPE_ETHERNET));
	assert_int_equal(evlog_packet(&log_, &pool, &seg, 0, 0, 0, NULL, VIEW_BOTH, snaps, 100), 0);
	assert_int_equal(dump("", 0), 2);
	sink.full = false;
	assert_true(evlog_open(&log_, &pool, LINKTYPE_ETHERNET));
	assert_int_equal(evlog_packet(&log_, &pool, &seg, 0, 0, 0, NULL, VIEW_BOTH, snaps, 100), 0);
	assert_int_equal(dump("", 0), 0);
	assert_int_equal(sink.chains[0]->first_serial[SIDE_SERVER], 1);
	chunk_pool_dispose(&pool);
}

/* Reads the chain as the section of a view is read. Returns the number of records; they follow each other. */
static uint32_t read_view(const struct chunk *chain, enum side side, uint32_t *first_serial)
{
	const struct evlog_head *head = evlog_head(chain);
	uint32_t older = head->older[side], records = 0;
	struct evlog_reader reader;
	struct log_entry entry;

	evlog_reader_init(&reader, chain, buffer);
	while (evlog_reader_next(&reader, &entry)) {
		if (!(entry.views & 1 << side) || (older && older--))
			continue;
		if (records++ == 0)
			*first_serial = entry.serial[side];
		assert_int_equal(entry.serial[side], *first_serial + records - 1);
		/* What ring_of() puts there: the snapshots can be read from any chunk on. */
		assert_int_equal(entry.snap[side].snd_una, entry.event.ts_ns);
		assert_int_equal(entry.snap[side].srtt_us, 7);
	}
	assert_int_equal(records, head->records[side]);
	return records;
}

/* A ring of `limit` records, into which `packets` packets go; with each the server has an event too. */
static void ring_of(uint32_t limit, uint32_t packets, uint32_t frame_bytes)
{
	uint32_t forgotten = 0, chunks_max = 0;

	for (uint32_t i = 0; i < packets; i++) {
		struct segment seg = segment_of(i, frame_bytes);
		struct snapshot snaps[2] = { { .snd_una = i, .srtt_us = 7 },
					     { .snd_una = i, .srtt_us = 7 } };
		struct event event = { .ts_ns = i, .id = EVENT_RTT };

		assert_true(evlog_open(&log_, &pool, LINKTYPE_ETHERNET));
		assert_int_equal(evlog_packet(&log_, &pool, &seg, i & 1, 0, 0, NULL, VIEW_BOTH,
					      snaps, UINT32_MAX),
				 0);
		forgotten += evlog_keep(&log_, &pool, VIEW_BOTH, limit);
		assert_int_equal(evlog_event(&log_, &pool, SIDE_SERVER, &event, &snaps[1]), 0);
		forgotten += evlog_keep(&log_, &pool, VIEW_BOTH, limit);
		if (evlog_chunks(&log_) > chunks_max)
			chunks_max = evlog_chunks(&log_);
	}
	assert_int_equal(forgotten + evlog_records(&log_, 0) + evlog_records(&log_, 1),
			 3 * packets);
	/* Both the ring and what is in front of it in its first chunks; here less than 100 bytes a record. */
	assert_true(chunks_max <= 3 + limit * (100 + frame_bytes) / CHUNK_PAYLOAD_BYTES * 2);
}

/* The last `limit` records of each view, as many and no others, whatever the size of the entries. */
static void a_ring_keeps_the_last_records(void **state)
{
	static const struct {
		uint32_t limit, packets, frame_bytes;
	} rows[] = {
		{ 100, 50, 54 },   { 100, 99, 54 }, { 100, 100, 54 },	 { 100, 101, 54 },
		{ 100, 300, 54 },  { 1, 40, 54 },   { 5, 1, 54 },	 { 50, 5000, 54 },
		{ 10, 100, 3000 }, { 3, 50, 4096 }, { 1000, 3000, 200 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t limit = rows[i].limit, first = 0;
		uint32_t of_client = rows[i].packets, of_server = 2 * rows[i].packets;

		open_pool(4000);
		ring_of(limit, rows[i].packets, rows[i].frame_bytes);
		assert_int_equal(dump("", limit), 0);
		assert_int_equal(read_view(sink.chains[0], SIDE_CLIENT, &first),
				 of_client < limit ? of_client : limit);
		assert_int_equal(first, of_client < limit ? 0 : of_client - limit);
		assert_int_equal(read_view(sink.chains[0], SIDE_SERVER, &first),
				 of_server < limit ? of_server : limit);
		assert_int_equal(first, of_server < limit ? 0 : of_server - limit);
		chunk_pool_dispose(&pool);
	}
}

/* A log gives up its oldest chunks one by one; what is left can be read, the serial numbers tell the rest. */
static void a_log_forgets_from_its_old_end(void **state)
{
	uint32_t first = 0, forgotten = 0;

	(void)state;
	open_pool(4000);
	ring_of(1000000, 1000, 700);
	while (evlog_chunks(&log_) > 20)
		forgotten += evlog_forget(&log_, &pool);
	assert_int_equal(forgotten + evlog_records(&log_, 0) + evlog_records(&log_, 1), 3000);
	assert_int_equal(pool.free, pool.touched - evlog_chunks(&log_));
	assert_int_equal(dump("", 0), 0);
	assert_int_equal(read_view(sink.chains[0], SIDE_CLIENT, &first) + first, 1000);
	assert_int_equal(read_view(sink.chains[0], SIDE_SERVER, &first) + first, 2000);
	ring_of(1000000, 10, 3000);
	assert_int_equal(evlog_clear(&log_, &pool), 30);
	assert_null(log_.tail);
	assert_int_equal(log_.next_serial[SIDE_SERVER], 2020);
	ring_of(1000000, 1, 3000);
	while (log_.tail)
		evlog_forget(&log_, &pool);
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
	assert_true(evlog_open(&log_, &pool, LINKTYPE_ETHERNET));
	assert_int_equal(evlog_packet(&log_, &pool, &seg, 0, 0, 0, NULL, VIEW_BOTH, snaps, 70), 0);
	assert_int_equal(dump("", 0), 0);
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
		cmocka_unit_test(a_ring_keeps_the_last_records),
		cmocka_unit_test(a_log_forgets_from_its_old_end),
		cmocka_unit_test(another_link_type_is_reframed),
		cmocka_unit_test(chunks_come_home),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
