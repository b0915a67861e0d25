/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the worker's log through the store thread to the file, and back through the reader: what was
 * logged is what is read, serials add up, flows have their line.
 */
#include "tests/unit/cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/frame.h"
#include "store/disk.h"
#include "store/flow_log.h"
#include "store/section.h"
#include "store/section_reader.h"
#include "store/spsc_ring.h"
#include "store/store.h"
#include "tcpstate/evlog_writer.h"
#include "tcpstate/tracker.h"
#include "tests/unit/log_sink.h"
#include "tests/unit/temp_dir.h"

#define START_NS UINT64_C(1700000000000000000)

static struct iface_table ifaces;
static struct store_failures last_failures;
static uint8_t frame[1514];

static void send_segment(struct tracker *tracker, uint32_t n, uint8_t sender, uint16_t flags,
			 uint32_t seq, uint32_t ack, uint32_t bytes, uint16_t linktype)
{
	struct segment seg = { .ts_ns = START_NS + n * UINT64_C(1000000),
			       .number = n + 1,
			       .data = frame,
			       .caplen_bytes = 54 + bytes,
			       .wirelen_bytes = 54 + bytes,
			       .linktype = linktype,
			       .l3_offset = 14,
			       .l4_offset = 34,
			       .payload_offset = 54,
			       .key = { .addr = { { [12] = 10, 0, 0, 1 }, { [12] = 10, 0, 0, 2 } },
					.port_be = { 0x1027, 0x5000 },
					.ip_version = 4 },
			       .hash = 1,
			       .sender = sender,
			       .flags = flags,
			       .seq = seq,
			       .ack = ack,
			       .window = 1000,
			       .payload_bytes = bytes };

	tracker_process(tracker, &seg, 1);
}

/* One connection of 2 + n segments; returns the path of the server's file in `path`. */
static void write_log(const char *out, uint32_t n, uint32_t per_section,
		      struct store_counters *counters, uint64_t *records)
{
	struct store_config config = { .dir = out,
				       .version = "test",
				       .ifaces = &ifaces,
				       .workers = 1,
				       .ring_chains = 4, /* small: the worker has to wait */
				       .rotate_bytes = 1u << 30 };
	struct tracker_config tracker_config;
	struct tracker *tracker;
	struct store *store;
	char error[256];
	int result;

	assert_int_equal(store_open(&store, &config, error, sizeof(error)), 0);
	tracker_config_default(&tracker_config);
	tracker_config.connections_max = 16;
	tracker_config.log_memory_bytes = 1 << 20;
	tracker_config.policy.limit = per_section;
	tracker_config.lossless = true;
	tracker_config.sink = store_sink(store, 0);
	tracker = tracker_open(&tracker_config);
	send_segment(tracker, 0, 0, TCP_SYN, 99, 0, 0, LINKTYPE_ETHERNET);
	send_segment(tracker, 1, 1, TCP_SYN | TCP_ACK, 499, 100, 0, LINKTYPE_ETHERNET);
	for (uint32_t i = 0; i < n; i++)
		send_segment(tracker, 2 + i, 0, TCP_ACK, 100 + 10 * i, 500, 10, LINKTYPE_ETHERNET);
	tracker_finish(tracker, START_NS);
	*records = tracker_counters(tracker)->records;
	assert_int_equal(tracker_counters(tracker)->records_lost, 0);
	result = store_finish(&store, counters, &last_failures);
	assert_int_equal(result, -counters->first_errno);
	tracker_close(&tracker);
}

/* The log file of this view in DIR/logs/UNKNOWN; there is one. */
static const char *file_name(const char *out, const char *view)
{
	static char found[256];
	char folder[256], middle[32];
	struct dirent *entry;
	DIR *stream;

	snprintf(folder, sizeof(folder), "%s/logs/UNKNOWN", out);
	snprintf(middle, sizeof(middle), ".%s.pcapng", view);
	stream = opendir(folder);
	assert_non_null(stream);
	found[0] = '\0';
	while ((entry = readdir(stream)))
		if (strstr(entry->d_name, middle))
			snprintf(found, sizeof(found), "%s", entry->d_name);
	closedir(stream);
	return found;
}

static void what_was_logged_is_read(void **state)
{
	static const char *const views[] = { "client", "server" };
	struct store_counters counters;
	uint64_t records, read = 0, sections = 0;

	(void)state;
	write_log(dir, 1000, 64, &counters, &records);
	assert_int_equal(counters.records, records);
	assert_int_equal(counters.packets, 2 * 1002);
	assert_int_equal(counters.files, 2);
	assert_int_equal(counters.flows, 1);
	for (int view = 0; view < 2; view++) {
		struct section_reader reader;
		enum section_item item;
		char path[256], error[256];
		uint32_t serial = 0, packets = 0;

		snprintf(path, sizeof(path), "%s/logs/UNKNOWN/UNKNOWN-20231114T221320Z-1.%s.pcapng",
			 dir, views[view]);
		assert_int_equal(section_reader_open(&reader, path, error, sizeof(error)), 0);
		while ((item = section_reader_next(&reader)) == SECTION_HEADER ||
		       item == SECTION_RECORD) {
			if (item == SECTION_HEADER) {
				sections++;
				assert_true(reader.has_dumpinfo);
				assert_string_equal(reader.section.application, "bbtap test");
				assert_string_equal(reader.section.stack_name, "wire");
				assert_int_equal(reader.section.local_address[15], view ? 2 : 1);
				assert_int_equal(reader.section.local_port, view ? 80 : 10000);
				continue;
			}
			read++;
			packets += reader.has_packet;
			assert_true(reader.has_tcpinfo);
			assert_int_equal(reader.record.serial, serial++);
			if (!reader.has_packet)
				continue;
			assert_string_equal(reader.iface, "eth7");
			assert_int_equal(reader.linktype, LINKTYPE_ETHERNET);
			assert_int_equal(reader.caplen_bytes, 54);
			if (packets > 2)
				assert_int_equal(reader.record.event_id,
						 view ? EVENT_IN : EVENT_OUT);
			if (packets > 3) /* the state before the segment */
				assert_int_equal(view ? reader.record.rcv_nxt
						      : reader.record.snd_max,
						 100 + 10 * (packets - 3));
		}
		assert_int_equal(item, SECTION_END);
		assert_int_equal(packets, 1002);
		section_reader_close(&reader);
	}
	assert_int_equal(read, records);
	assert_int_equal(sections, counters.sections);
	assert_true(sections > 30);
}

static bool take_line(void *context, json_t *object)
{
	json_t **out = context;

	*out = json_incref(object);
	return true;
}

static void a_flow_has_a_line(void **state)
{
	json_t *object = NULL;
	char error[256];
	json_t *client;

	(void)state;
	assert_int_equal(flow_log_read(dir, take_line, &object, error, sizeof(error)), 0);
	assert_non_null(object);
	client = json_object_get(object, "client");
	assert_string_equal(json_string_value(json_object_get(client, "address")), "10.0.0.1");
	assert_int_equal(json_integer_value(json_object_get(client, "port")), 10000);
	assert_int_equal(json_integer_value(json_object_get(client, "segments")), 1001);
	assert_int_equal(json_integer_value(json_object_get(client, "payload_bytes")), 10000);
	assert_string_equal(json_string_value(json_object_get(object, "end")), "open at end");
	assert_string_equal(json_string_value(json_object_get(object, "first")),
			    "2023-11-14T22:13:20.000000000Z");
	json_decref(object);
}

/* An interface of a capture file may have any name: the flow's line is written all the same. */
static void a_name_that_is_no_utf_8(void **state)
{
	struct store_counters counters;
	json_t *object = NULL;
	uint64_t records;
	char out[128], error[256];

	(void)state;
	snprintf(out, sizeof(out), "%s/name", dir);
	strcpy(ifaces.entries[0].name, "a\xff\n");
	write_log(out, 1, 50, &counters, &records);
	strcpy(ifaces.entries[0].name, "eth7");
	assert_int_equal(counters.flows, 1);
	assert_int_equal(flow_log_read(out, take_line, &object, error, sizeof(error)), 0);
	assert_string_equal(json_string_value(json_object_get(object, "interface")), "a?\n");
	json_decref(object);
}

static size_t slurp(const char *path, uint8_t *out, size_t room)
{
	FILE *file = fopen(path, "rb");
	size_t length;

	assert_non_null(file);
	length = fread(out, 1, room, file);
	fclose(file);
	return length;
}

/*
 * Live, a full ring is a loss while packets come in, but not at the end: many connections end at once
 * then, far more than the ring has room for.
 */
static void the_end_is_never_a_loss(void **state)
{
	struct store_config config = { .dir = dir,
				       .version = "test",
				       .ifaces = &ifaces,
				       .workers = 1,
				       .ring_chains = 4,
				       .rotate_bytes = 1u << 30,
				       .live = true };
	struct tracker_config tracker_config;
	struct store_counters counters;
	struct tracker *tracker;
	struct store *store;
	char error[256];

	(void)state;
	assert_int_equal(store_open(&store, &config, error, sizeof(error)), 0);
	tracker_config_default(&tracker_config);
	tracker_config.connections_max = 4096;
	tracker_config.log_memory_bytes = 16 << 20;
	tracker_config.sink = store_sink(store, 0);
	tracker = tracker_open(&tracker_config);
	for (uint16_t n = 0; n < 2000; n++) {
		struct segment seg = { .ts_ns = START_NS,
				       .number = n + 1,
				       .data = frame,
				       .caplen_bytes = 54,
				       .wirelen_bytes = 54,
				       .linktype = LINKTYPE_ETHERNET,
				       .l3_offset = 14,
				       .l4_offset = 34,
				       .payload_offset = 54,
				       .key = { .port_be = { n, 0x5000 }, .ip_version = 4 },
				       .hash = n,
				       .flags = TCP_SYN };

		tracker_process(tracker, &seg, 1);
	}
	tracker_finish(tracker, START_NS);
	assert_int_equal(tracker_counters(tracker)->records_lost, 0);
	assert_int_equal(tracker_counters(tracker)->flow_summaries_lost, 0);
	assert_int_equal(store_finish(&store, &counters, NULL), 0);
	assert_int_equal(counters.records, tracker_counters(tracker)->records);
	assert_int_equal(counters.flows, 2000);
	tracker_close(&tracker);
}

/*
 * Records that found no memory in the middle of a section stand in the file as a block that says how many
 * they were. $BBTAP_KEEP_SKIP: where to leave the file, for a look with Wireshark.
 */
static void lost_records_are_told_in_the_file(void **state)
{
	static uint8_t scratch[EVLOG_CAPLEN_MAX], arena_frame[1900];
	struct chunk_pool pool;
	struct log_sink sink = { 0 };
	struct chunk_sink as_sink = log_sink_as_chunk_sink(&sink);
	struct evlog log = { 0 };
	struct flow_key key = { .port_be = { 1, 2 }, .ip_version = 4 };
	struct evlog_identity identity = { .key = &key, .views = VIEW_BOTH };
	struct segment seg = { .ts_ns = START_NS,
			       .data = arena_frame,
			       .caplen_bytes = 60,
			       .wirelen_bytes = 1900,
			       .linktype = LINKTYPE_ETHERNET,
			       .key = key };
	struct snapshot snaps[2] = { 0 };
	struct pcapng_buffer buffer = { 0 };
	struct section_row counts;
	struct section_reader reader;
	const char *keep = getenv("BBTAP_KEEP_SKIP");
	char path[256], error[256];
	FILE *out;
	uint32_t written;

	(void)state;
	assert_int_equal(chunk_pool_init(&pool, 2 * CHUNK_BYTES, false, &as_sink), 0);
	assert_true(evlog_open(&log, &pool, LINKTYPE_ETHERNET));
	assert_int_equal(evlog_packet(&log, &pool, &seg, 0, 0, 0, NULL, VIEW_BOTH, snaps, 60), 0);
	seg.caplen_bytes = 1900;
	while (evlog_packet(&log, &pool, &seg, 0, 0, 0, NULL, VIEW_BOTH, snaps, 1900) == 0)
		;
	assert_int_equal(evlog_packet(&log, &pool, &seg, 0, 0, 0, NULL, VIEW_BOTH, snaps, 1900), 2);
	seg.caplen_bytes = 60;
	assert_int_equal(evlog_packet(&log, &pool, &seg, 0, 0, 0, NULL, VIEW_BOTH, snaps, 60), 0);
	assert_int_equal(evlog_dump(&log, &pool, &identity, &written), 0);
	assert_int_not_equal(written, 0);
	section_write_views((struct pcapng_buffer *[2]){ NULL, &buffer }, sink.chains[0],
			    VIEW_SERVER, &ifaces, "test", scratch, (uint32_t[2]){ 0 },
			    (struct section_row[2]){ 0 });
	/* Again, with events that could not be written before: told behind the first record. */
	pcapng_buffer_clear(&buffer);
	{
		struct section_row rows[2];

		section_write_views((struct pcapng_buffer *[2]){ NULL, &buffer }, sink.chains[0],
				    VIEW_SERVER, &ifaces, "test", scratch, (uint32_t[2]){ 0, 7 },
				    rows);
		counts = rows[SIDE_SERVER];
	}
	assert_false(buffer.no_memory);
	assert_int_equal(counts.skipped, 2 + 7);
	assert_int_equal(counts.length_bytes, buffer.length);
	snprintf(path, sizeof(path), "%s/skip.pcapng", dir);
	out = fopen(keep ? keep : path, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(buffer.bytes, 1, buffer.length, out), buffer.length);
	fclose(out);

	assert_int_equal(section_reader_open(&reader, keep ? keep : path, error, sizeof(error)), 0);
	assert_int_equal(section_reader_next(&reader), SECTION_HEADER);
	for (uint32_t i = 0; i < counts.records - 1; i++) {
		assert_int_equal(section_reader_next(&reader), SECTION_RECORD);
		assert_int_equal(reader.record.serial, i);
		if (i == 0) {
			assert_int_equal(section_reader_next(&reader), SECTION_SKIP);
			assert_int_equal(reader.skipped, 7);
		}
	}
	assert_int_equal(section_reader_next(&reader), SECTION_SKIP);
	assert_int_equal(reader.skipped, 2);
	assert_int_equal(section_reader_next(&reader), SECTION_RECORD);
	assert_int_equal(reader.record.serial, counts.records + 1);
	assert_int_equal(section_reader_next(&reader), SECTION_END);
	section_reader_close(&reader);
	pcapng_buffer_dispose(&buffer);
	chunk_pool_dispose(&pool);
}

/* The same segments give the same bytes. */
static void twice_is_the_same(void **state)
{
	static uint8_t bytes[2][1 << 20];
	size_t length[2];
	struct store_counters counters;
	uint64_t records;

	(void)state;
	for (int i = 0; i < 2; i++) {
		char out[128], path[256];

		snprintf(out, sizeof(out), "%s/run-%d", dir, i);
		write_log(out, 300, 50, &counters, &records);
		snprintf(path, sizeof(path),
			 "%s/logs/UNKNOWN/UNKNOWN-20231114T221320Z-1.server.pcapng", out);
		length[i] = slurp(path, bytes[i], sizeof(bytes[i]));
	}
	assert_int_equal(length[0], length[1]);
	assert_memory_equal(bytes[0], bytes[1], length[0]);
}

/* A log cut at any byte is read up to the cut, and the place is named. */
static void a_cut_log_is_read_up_to_the_cut(void **state)
{
	static uint8_t bytes[1 << 16];
	struct store_counters counters;
	char out[128], path[256], cut_path[256], error[256];
	uint64_t records;
	uint32_t last = 0;
	size_t length;

	(void)state;
	snprintf(out, sizeof(out), "%s/cut", dir);
	write_log(out, 3, 50, &counters, &records);
	snprintf(path, sizeof(path), "%s/logs/UNKNOWN/UNKNOWN-20231114T221320Z-1.server.pcapng",
		 out);
	snprintf(cut_path, sizeof(cut_path), "%s/cut.pcapng", dir);
	length = slurp(path, bytes, sizeof(bytes));
	for (size_t cut = 1; cut <= length; cut++) {
		struct section_reader reader;
		enum section_item item;
		uint32_t count = 0;
		FILE *file = fopen(cut_path, "wb");

		fwrite(bytes, 1, cut, file);
		fclose(file);
		assert_int_equal(section_reader_open(&reader, cut_path, error, sizeof(error)), 0);
		while ((item = section_reader_next(&reader)) == SECTION_HEADER ||
		       item == SECTION_RECORD)
			count += item == SECTION_RECORD;
		assert_true(count >= last);
		last = count;
		if (item == SECTION_DAMAGED)
			assert_non_null(strstr(reader.error, "cut.pcapng: damaged at offset"));
		else
			assert_int_equal(item, SECTION_END);
		section_reader_close(&reader);
	}
	assert_int_equal(last, 8); /* 5 segments, RTT, FLOWEND and CONNEND */
}

static int writes, fail_from, fail_to;

static int fail_some(void *context, const struct disk_event *event)
{
	if (event->op != DISK_WRITE)
		return 0;
	writes++;
	return writes >= fail_from && writes < fail_to ? -ENOSPC : 0;
}

/* What could not be written is counted by tag and reason, told in the next section and in the flow's line. */
static void a_full_disk_is_told(void **state)
{
	struct store_counters counters;
	struct section_reader reader;
	json_t *object = NULL;
	char out[128], path[512], error[256];
	uint64_t records, skipped = 0, read = 0, told = 0;
	enum section_item item;

	(void)state;
	snprintf(out, sizeof(out), "%s/full", dir);
	writes = 0;
	fail_from = 3;
	fail_to = 9;
	disk_observe(fail_some, NULL);
	write_log(out, 3000, 50, &counters, &records);
	disk_observe(NULL, NULL);
	assert_int_not_equal(counters.records_failed, 0);
	assert_int_equal(counters.records + counters.records_failed, records);
	assert_int_equal(counters.first_errno, ENOSPC);
	assert_int_equal(last_failures.count, 1);
	assert_string_equal(last_failures.items[0].tag, "");
	assert_int_equal(last_failures.items[0].error, ENOSPC);
	assert_int_equal(last_failures.items[0].records, counters.records_failed);
	for (int side = 0; side < 2; side++) {
		snprintf(path, sizeof(path), "%s/logs/UNKNOWN/%s", out,
			 file_name(out, side ? "server" : "client"));
		assert_int_equal(section_reader_open(&reader, path, error, sizeof(error)), 0);
		while ((item = section_reader_next(&reader)) != SECTION_END) {
			assert_int_not_equal(item, SECTION_DAMAGED);
			read += item == SECTION_RECORD;
			skipped += item == SECTION_SKIP ? reader.skipped : 0;
		}
		section_reader_close(&reader);
	}
	assert_int_equal(read, counters.records);
	assert_int_equal(skipped, counters.records_failed);
	assert_int_equal(counters.skipped, skipped);
	assert_int_equal(flow_log_read(out, take_line, &object, error, sizeof(error)), 0);
	/* Which side's is a matter of timing. */
	for (int side = 0; side < 2; side++) {
		const json_t *view = json_object_get(json_object_get(object, "sections"),
						     side ? "server" : "client");

		assert_true(json_integer_value(json_object_get(view, "count")) > 0);
		told += json_integer_value(json_object_get(view, "records_failed"));
	}
	assert_int_equal(told, counters.records_failed);
	json_decref(object);
}

static void a_folder_that_can_not_be_had_is_an_error(void **state)
{
	struct store_config config = { .dir = "/dev/null/x",
				       .version = "",
				       .ifaces = &ifaces,
				       .workers = 1,
				       .ring_chains = 4,
				       .rotate_bytes = 1 };
	struct store *store;
	char error[256];

	(void)state;
	assert_true(store_open(&store, &config, error, sizeof(error)) < 0);
	assert_non_null(strstr(error, "/dev/null/x"));
}

#define NUMBERS 100000

static void *produce(void *argument)
{
	static int numbers[NUMBERS];
	struct spsc_ring *ring = argument;

	for (int i = 0; i < NUMBERS; i++) {
		numbers[i] = i; /* written before the put, read behind the get */
		while (!spsc_ring_put(ring, &numbers[i]))
			spsc_ring_pause();
	}
	return NULL;
}

static void a_ring_keeps_order_between_threads(void **state)
{
	struct spsc_ring *ring = spsc_ring_open(64);
	pthread_t thread;

	(void)state;
	assert_non_null(ring);
	assert_null(spsc_ring_get(ring));
	pthread_create(&thread, NULL, produce, ring);
	for (int i = 0; i < NUMBERS; i++) {
		int *number;

		while (!(number = spsc_ring_get(ring)))
			spsc_ring_pause();
		assert_int_equal(*number, i);
	}
	pthread_join(thread, NULL);
	spsc_ring_close(&ring);
	assert_null(ring);
}

static int setup(void **state)
{
	iface_table_add(&ifaces, "eth7", LINKTYPE_ETHERNET);
	return temp_dir_make(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_logged_is_read),
		cmocka_unit_test(a_flow_has_a_line),
		cmocka_unit_test(a_name_that_is_no_utf_8),
		cmocka_unit_test(the_end_is_never_a_loss),
		cmocka_unit_test(lost_records_are_told_in_the_file),
		cmocka_unit_test(twice_is_the_same),
		cmocka_unit_test(a_cut_log_is_read_up_to_the_cut),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(a_folder_that_can_not_be_had_is_an_error),
		cmocka_unit_test(a_ring_keeps_order_between_threads),
	};

	return cmocka_run_group_tests(tests, setup, temp_dir_remove);
}
