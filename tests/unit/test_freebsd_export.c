/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Logs as FreeBSD's: records and packets come back through the reader, names stay in the directory
 * whatever the ID is, lines of `records` are JSON.
 */
#include "tests/unit/cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "capture/checksum.h"
#include "capture/decode.h"
#include "store/freebsd_export.h"
#include "store/freebsd_name.h"
#include "store/store.h"
#include "tcpstate/tracker.h"
#include "tests/unit/packet_builder.h"
#include "tests/unit/temp_dir.h"

#define START_NS UINT64_C(1700000000000000000)

static struct freebsd_export *export;
static char out[128];

static void open_export(const char *name)
{
	char error[256];

	snprintf(out, sizeof(out), "%s/%s", dir, name);
	if (freebsd_export_open(&export, out, error, sizeof(error)) < 0)
		fail_msg("%s", error);
}

/* A reader that stands at a section of 192.0.2.1:80 or [2001:db8::1]:80. */
static struct section_reader section_of(uint8_t ip_version, const char *id)
{
	struct section_reader reader = { .has_dumpinfo = true,
					 .section = { .version = 9,
						      .dump_time_s = 1700000000,
						      .ip_version = ip_version,
						      .foreign_port = 1000,
						      .local_port = 80,
						      .tag = "a tag",
						      .stack_name = "wire" } };
	struct bblog_section *section = &reader.section;
	const char *ends[2] = { ip_version == 4 ? "192.0.2.1" : "2001:db8::1",
				ip_version == 4 ? "198.51.100.2" : "2001:db8::2" };
	int family = ip_version == 4 ? AF_INET : AF_INET6;

	inet_pton(family, ends[0], section->local_address + (ip_version == 4 ? 12 : 0));
	inet_pton(family, ends[1], section->foreign_address + (ip_version == 4 ? 12 : 0));
	memcpy(section->id, id, strnlen(id, LOG_ID_MAX - 1));
	return reader;
}

static void put_event(struct section_reader *reader, uint8_t event_id, uint32_t serial)
{
	reader->has_packet = false;
	reader->has_tcpinfo = true;
	reader->record = (struct bblog_record){ .event_id = event_id,
						.serial = serial,
						.tv_sec = 1700000000,
						.tv_usec = serial,
						.stack_id = reader->record.stack_id };
	assert_int_equal(freebsd_export_record(export, reader), 0);
}

static void put_packet(struct section_reader *reader, const struct packet *packet, bool in,
		       uint32_t serial)
{
	reader->has_packet = reader->has_tcpinfo = true;
	reader->data = packet->bytes;
	reader->caplen_bytes = reader->wirelen_bytes = packet->length;
	reader->linktype = LINKTYPE_ETHERNET;
	reader->record.event_id = in ? EVENT_IN : EVENT_OUT;
	reader->record.event_flags = BBLOG_HAS_HEADER;
	reader->record.serial = serial;
	assert_int_equal(freebsd_export_record(export, reader), 0);
}

/* One section with one event. */
static void export_one(uint8_t ip_version, const char *id)
{
	struct section_reader reader = section_of(ip_version, id);

	assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
	put_event(&reader, EVENT_CONNEND, 1);
	assert_int_equal(freebsd_export_section_end(export), 0);
}

static void close_export(void)
{
	assert_int_equal(freebsd_export_close(&export), 0);
	assert_null(export);
}

static struct section_reader open_exported(const char *name)
{
	static char path[512];
	struct section_reader reader;
	char error[512];

	snprintf(path, sizeof(path), "%s/%s", out, name);
	if (section_reader_open(&reader, path, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	return reader;
}

/* How many entries the directory has, and whether this is one of them. */
static int count_files(const char *where, const char *name, bool *found)
{
	DIR *files = opendir(where);
	struct dirent *entry;
	int count = 0;

	assert_non_null(files);
	*found = false;
	while ((entry = readdir(files))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		*found |= strcmp(entry->d_name, name) == 0;
	}
	closedir(files);
	return count;
}

static void names(void **state)
{
	static const struct {
		uint8_t ip_version;
		const char *id, *stem;
	} rows[] = {
		{ 4, "", "UNKNOWN_80_198.51.100.2_1000" },
		{ 6, "", "UNKNOWN_80_2001:db8::2_1000" },
		{ 4, "web-10.0.0.1", "web-10.0.0.1_80_198.51.100.2_1000" },
		{ 4, "../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd_80_198.51.100.2_1000" },
		{ 4, "..", "%2E._80_198.51.100.2_1000" },
		{ 4, "/", "%2F_80_198.51.100.2_1000" },
		{ 4, "-rf *", "%2Drf%20%2A_80_198.51.100.2_1000" },
		{ 4, "100%", "100%25_80_198.51.100.2_1000" },
		{ 4, "a\nb\x01\xff\"\\", "a%0Ab%01%FF%22%5C_80_198.51.100.2_1000" },
		{ 6, "records", "records_80_2001:db8::2_1000" },
	};
	const char *parent = dir;
	int parent_count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct section_reader reader = section_of(rows[i].ip_version, rows[i].id);
		char stem[FREEBSD_STEM_MAX], name[300];
		bool found;

		freebsd_name_stem(&reader.section, stem);
		assert_string_equal(stem, rows[i].stem);
		open_export("names");
		if (i == 0)
			parent_count = count_files(parent, "", &found);
		export_one(rows[i].ip_version, rows[i].id);
		close_export();
		snprintf(name, sizeof(name), "%s.0.pcapng", stem);
		assert_int_equal(count_files(out, name, &found), (int)i + 2);
		assert_true(found);
	}
	assert_int_equal(count_files(parent, "names", &(bool){ false }), parent_count);
}

/* The longest names are still names: an ID of odd bytes is cut, never a code in two. */
static void long_names(void **state)
{
	char id[LOG_ID_MAX] = "", stem[FREEBSD_STEM_MAX];
	struct section_reader reader;

	(void)state;
	memset(id, '/', LOG_ID_MAX - 1);
	reader = section_of(6, id);
	memset(reader.section.foreign_address, 0xaa, 16);
	reader.section.foreign_port = reader.section.local_port = 65535;
	freebsd_name_stem(&reader.section, stem);
	assert_true(strlen(stem) + strlen(".4294967295.pcapng.xz") <= 255);
	assert_non_null(strstr(stem, "%2F_65535_aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa_65535"));
	open_export("long");
	assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
	put_event(&reader, EVENT_CONNEND, 1);
	assert_int_equal(freebsd_export_section_end(export), 0);
	assert_int_equal(freebsd_export_counts(export)->files, 1);
	close_export();
}

/* One connection's logs are numbered, also by later runs; nothing is overwritten. */
static void numbers_go_on(void **state)
{
	bool found;
	char path[256];

	(void)state;
	for (int run = 0; run < 3; run++) {
		open_export("numbers");
		for (int i = 0; i < 7; i++)
			export_one(4, "x");
		close_export();
	}
	assert_int_equal(count_files(out, "x_80_198.51.100.2_1000.20.pcapng", &found), 22);
	assert_true(found);
	/* A file that was compressed since has its number still. */
	snprintf(path, sizeof(path), "%s/y_80_198.51.100.2_1000.0.pcapng.xz", out);
	fclose(fopen(path, "w"));
	open_export("numbers");
	export_one(4, "y");
	close_export();
	count_files(out, "y_80_198.51.100.2_1000.1.pcapng", &found);
	assert_true(found);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* The packet that the reader stands at, as FreeBSD has it. */
static void check_packet(const struct section_reader *reader, uint8_t ip_version, bool in,
			 uint32_t options_bytes, uint32_t payload_bytes)
{
	uint32_t ip_bytes = ip_version == 4 ? 20 : 40;
	uint32_t whole_bytes = 4 + ip_bytes + 20 + options_bytes + payload_bytes;
	struct decoder *decoder = decoder_open(0, true);
	struct frame frame = { .data = reader->data,
			       .caplen_bytes = reader->caplen_bytes,
			       .wirelen_bytes = reader->wirelen_bytes,
			       .linktype = reader->linktype };
	struct segment seg;

	assert_int_equal(reader->linktype, LINKTYPE_NULL);
	assert_int_equal(get32(reader->data), ip_version == 4 ? 2 : 28);
	assert_int_equal(reader->wirelen_bytes, whole_bytes);
	assert_int_equal(reader->caplen_bytes, whole_bytes < 104 ? whole_bytes : 104);
	assert_int_equal(decode_frame(decoder, &frame, &seg), DECODE_SEGMENT);
	assert_int_equal(seg.l4_offset, 4 + ip_bytes);
	assert_int_equal(seg.payload_bytes, payload_bytes);
	assert_int_equal(seg.checksum, whole_bytes <= 104 ? CHECKSUM_GOOD : CHECKSUM_UNCHECKED);
	assert_int_equal(seg.seq, 4711);
	assert_int_equal(seg.ttl, 127);
	/* 192.0.2.1 < 198.51.100.2, 2001:db8::1 < 2001:db8::2 */
	assert_int_equal(seg.sender, in ? 1 : 0);
	if (ip_version == 4)
		assert_int_equal(checksum_ipv4_header(reader->data + 4, 20),
				 reader->data[14] << 8 | reader->data[15]);
	for (uint32_t at = 4 + ip_bytes + 20 + options_bytes; at < reader->caplen_bytes; at++)
		assert_int_equal(reader->data[at], 0);
	decoder_close(&decoder);
}

static void packets_have_freebsds_headers(void **state)
{
	static const struct {
		uint8_t ip_version;
		bool in;
		uint32_t options_bytes, payload_bytes;
		uint32_t cut_bytes; /* so many of the headers were not captured */
	} rows[] = {
		{ 4, false, 0, 0, 0 },	   { 4, true, 0, 0, 0 },   { 6, false, 0, 0, 0 },
		{ 6, true, 0, 0, 0 },	   { 4, false, 12, 1, 0 }, { 4, true, 40, 1448, 0 },
		{ 6, false, 40, 1448, 0 }, { 6, true, 12, 7, 0 },  { 4, false, 40, 0, 30 },
	};
	static const uint8_t nops[40] = { 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct section_reader reader = section_of(rows[i].ip_version, "p");
		struct packet packet;
		char name[64];

		packet_begin(&packet);
		packet_ethernet(&packet, rows[i].ip_version == 4 ? 0x0800 : 0x86dd);
		if (rows[i].ip_version == 4)
			packet_ipv4(&packet, 6, rows[i].in, 8);
		else
			packet_ipv6(&packet, 6, rows[i].in);
		packet_tcp(&packet, rows[i].in, 4711, 1, 0x10, nops, rows[i].options_bytes);
		packet_payload(&packet, rows[i].payload_bytes);
		packet_end(&packet);
		packet.length -= rows[i].cut_bytes;
		snprintf(name, sizeof(name), "packets-%zu", i);
		open_export(name);
		assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
		reader.record = (struct bblog_record){ .tv_sec = 1700000000,
						       .tv_usec = 5,
						       .len = rows[i].payload_bytes };
		put_packet(&reader, &packet, rows[i].in, 1);
		close_export();
		snprintf(name, sizeof(name), "p_80_%s_1000.0.pcapng",
			 rows[i].ip_version == 4 ? "198.51.100.2" : "2001:db8::2");
		reader = open_exported(name);
		assert_int_equal(section_reader_next(&reader), SECTION_HEADER);
		assert_int_equal(section_reader_next(&reader), SECTION_RECORD);
		assert_true(reader.ts_ns == START_NS + 5000);
		check_packet(&reader, rows[i].ip_version, rows[i].in, rows[i].options_bytes,
			     rows[i].payload_bytes);
		assert_int_equal(section_reader_next(&reader), SECTION_END);
		section_reader_close(&reader);
	}
}

/* Blocks as tcplog_dumper's: which, how long, options in which order. */
static void layout(void **state)
{
	static const uint32_t expected[][3] = {
		/* type, bytes, the first word of its body */
		{ 0x0a0d0d0a, 28 + 16 + 20 + 220 + 20 + 4, 0x1a2b3c4d },
		{ 1, 24, 0 },
		{ 6, 32 + 44 + 280 + 8 + 4, 0 },
		{ 0xbad, 28, 10949 },
		{ 0xbad, 20 + 280 + 4, 10949 },
	};
	static uint8_t bytes[4096];
	struct section_reader reader = section_of(4, "l");
	struct packet packet;
	char path[256];
	size_t length, at = 0;
	uint64_t kernel_bytes;
	FILE *file;

	(void)state;
	open_export("layout");
	assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
	packet_plain(&packet, 4711, 0);
	put_packet(&reader, &packet, false, 7);
	put_event(&reader, EVENT_RTT, 10);
	close_export();
	snprintf(path, sizeof(path), "%s/l_80_198.51.100.2_1000.0.pcapng", out);
	file = fopen(path, "rb");
	assert_non_null(file);
	length = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		for (uint32_t word = 0; word < 3; word++)
			assert_int_equal(get32(bytes + at + 4 * word), expected[i][word]);
		at += get32(bytes + at + 4);
		assert_true(at <= length);
		assert_int_equal(get32(bytes + at - 4), get32(bytes + at - expected[i][1] + 4));
	}
	assert_int_equal(at, length);
	/* version, dump time, DUMPINFO with the bytes of two records, stack */
	assert_int_equal(get32(bytes + 16), 0xffffffff);
	assert_int_equal(get32(bytes + 24), 12 << 16 | 2989);
	assert_int_equal(get32(bytes + 24 + 12), 9);
	assert_int_equal(get32(bytes + 40), 16 << 16 | 2989);
	assert_int_equal(get32(bytes + 40 + 8), 5);
	assert_int_equal(get32(bytes + 60), 216 << 16 | 2989);
	memcpy(&kernel_bytes, bytes + 60 + 12 + 8, 8);
	assert_int_equal(kernel_bytes, 2 * 328);
	assert_int_equal(get32(bytes + 60 + 220 + 8), 6);
	assert_memory_equal(bytes + 60 + 220 + 12, "\0wire", 5);
	/* three serial numbers are missing */
	at = expected[0][1] + expected[1][1];
	assert_int_equal(get32(bytes + expected[0][1] + 12), 104); /* the snap length */
	assert_int_equal(get32(bytes + at + 28 + 44 + 8), 2);	   /* TCPINFO first */
	assert_int_equal(get32(bytes + at + 28 + 44 + 280), 4 << 16 | 2);
	assert_int_equal(get32(bytes + at + 28 + 44 + 284), 2); /* outbound */
	at += expected[2][1];
	assert_int_equal(get32(bytes + at + 12), 2);
	assert_int_equal(get32(bytes + at + 16), 2);
}

/* What is missing: between records by serial numbers, else by what the section says. */
static void skips(void **state)
{
	static const struct {
		uint32_t serials[3];
		uint32_t told;	    /* behind the second record */
		uint32_t expect[2]; /* skipped in front of the second and behind the second */
	} rows[] = {
		{ { 1, 2, 3 }, 0, { 0, 0 } },
		{ { 1, 5, 6 }, 0, { 3, 0 } },
		{ { 1, 2, 6 }, 3, { 0, 3 } },
		{ { 1, 2, 3 }, 9, { 0, 9 } },
		{ { 0xffffffff, 1, 2 }, 0, { 1, 0 } },
		{ { 9, 5, 6 }, 0, { 0, 0 } }, /* backwards: nothing is said */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct section_reader reader = section_of(4, "s");
		uint32_t skipped[2] = { 0 };
		int records = 0;
		enum section_item item;
		char name[64];

		snprintf(name, sizeof(name), "skips-%zu", i);
		open_export(name);
		assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
		reader.skipped = 5;
		assert_int_equal(freebsd_export_skip(export, &reader), 0); /* in front of all */
		for (int n = 0; n < 3; n++) {
			put_event(&reader, EVENT_RTT, rows[i].serials[n]);
			reader.skipped = rows[i].told;
			if (n == 1)
				assert_int_equal(freebsd_export_skip(export, &reader), 0);
		}
		reader.skipped = 4;
		assert_int_equal(freebsd_export_skip(export, &reader), 0); /* behind all */
		close_export();
		reader = open_exported("s_80_198.51.100.2_1000.0.pcapng");
		while ((item = section_reader_next(&reader)) != SECTION_END) {
			assert_int_not_equal(item, SECTION_DAMAGED);
			records += item == SECTION_RECORD;
			if (item == SECTION_SKIP && records < 3)
				skipped[records - 1] = reader.skipped;
			else if (item == SECTION_SKIP)
				assert_int_equal(reader.skipped, 4);
		}
		assert_int_equal(records, 3);
		assert_int_equal(skipped[0], rows[i].expect[0]);
		assert_int_equal(skipped[1], rows[i].expect[1]);
		section_reader_close(&reader);
	}
}

static void what_has_no_place_is_left_out(void **state)
{
	const struct freebsd_export_counts *counts;
	struct section_reader reader = section_of(4, "o");
	struct packet packet;
	bool found;

	(void)state;
	open_export("left-out");
	counts = freebsd_export_counts(export);
	put_event(&reader, EVENT_RTT, 1); /* before any section */
	assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
	assert_int_equal(freebsd_export_section_end(export), 0); /* without records */
	reader.has_dumpinfo = false;
	assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
	put_event(&reader, EVENT_RTT, 1);
	reader.has_dumpinfo = true;
	assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
	reader.has_tcpinfo = false;
	assert_int_equal(freebsd_export_record(export, &reader), 0);
	assert_int_equal(count_files(out, "records", &found), 1);
	packet_begin(&packet);
	packet_raw(&packet, "no packet", 9);
	put_packet(&reader, &packet, true, 1);
	assert_int_equal(counts->sections_unknown, 1);
	assert_int_equal(counts->records_unknown, 3);
	assert_int_equal(counts->packets_unknown, 1);
	assert_int_equal(counts->records, 1);
	close_export();
	reader = open_exported("o_80_198.51.100.2_1000.0.pcapng");
	assert_int_equal(section_reader_next(&reader), SECTION_HEADER);
	assert_int_equal(section_reader_next(&reader), SECTION_RECORD);
	assert_false(reader.has_packet);
	assert_int_equal(reader.record.event_id, EVENT_IN);
	assert_int_equal(reader.record.event_flags & BBLOG_HAS_HEADER, 0);
	section_reader_close(&reader);
}

/* A change of the stack begins another file, as FreeBSD's names one stack for all. */
static void stacks(void **state)
{
	static const char *const stacks[] = { "wire", "unknown", "wire" };
	struct section_reader reader = section_of(4, "k");

	(void)state;
	open_export("stacks");
	assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
	for (uint32_t i = 0; i < 3; i++) {
		reader.record.stack_id = i == 1 ? 5 : 0;
		put_event(&reader, EVENT_RTT, i);
	}
	close_export();
	for (int i = 0; i < 3; i++) {
		char name[64];

		snprintf(name, sizeof(name), "k_80_198.51.100.2_1000.%d.pcapng", i);
		reader = open_exported(name);
		assert_int_equal(section_reader_next(&reader), SECTION_HEADER);
		assert_string_equal(reader.section.stack_name, stacks[i]);
		assert_string_equal(reader.section.reason, "UNKNOWN");
		assert_int_equal(section_reader_next(&reader), SECTION_RECORD);
		assert_int_equal(section_reader_next(&reader), SECTION_END);
		section_reader_close(&reader);
	}
}

static const char *text_of(const json_t *line, const char *name)
{
	return json_string_value(json_object_get(line, name));
}

static void lines_of_records(void **state)
{
	struct section_reader reader = section_of(6, "a \"quoted\"\n\\id\xff");
	char path[256], first[2048], error[1024];
	json_t *line;
	FILE *file;

	(void)state;
	strcpy(reader.section.reason, "because");
	open_export("lines");
	assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
	put_event(&reader, EVENT_RTT, 1);
	put_event(&reader, EVENT_CONNEND, 1000003);
	close_export();
	/* Times that make no sense, and the longest of everything. */
	open_export("lines");
	memset(reader.section.id, '"', LOG_ID_MAX - 1);
	memset(reader.section.tag, '\\', LOG_TAG_MAX - 1);
	memset(reader.section.reason, '"', LOG_REASON_MAX - 1);
	memset(reader.section.stack_name, '"', sizeof(reader.section.stack_name) - 1);
	memset(reader.section.foreign_address, 0xaa, 16);
	reader.section.dump_time_s = INT64_MAX;
	reader.section.offset_s = INT64_MAX;
	assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
	reader.record.tv_sec = reader.record.tv_usec = INT64_MIN;
	assert_int_equal(freebsd_export_record(export, &reader), 0);
	reader.record.tv_sec = reader.record.tv_usec = INT64_MAX;
	assert_int_equal(freebsd_export_record(export, &reader), 0);
	close_export();

	snprintf(path, sizeof(path), "%s/records", out);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(first, sizeof(first), file));
	assert_string_equal(
		first, "{\"date\":\"2023-11-14 22:13:20 +0000\", \"pbcid\":\"a \\\"quoted\\\" "
		       "\\\\id?\", \"reason\":\"because\", \"faddr\":\"2001:db8::2\", "
		       "\"fport\":1000, \"laddr\":\"2001:db8::1\", \"lport\":80, "
		       "\"filename\":\"a%20%22quoted%22%0A%5Cid%FF_80_2001:db8::2_1000.0.pcapng\","
		       " \"record_count\":2, \"stack\":\"wire\", \"duration\":1.000002, "
		       "\"connection_ended\":true, \"tag\":\"a tag\", \"compressor\":\"\", "
		       "\"frag_seq\":0}\n");
	line = json_loads(first, 0, NULL);
	assert_non_null(line);
	json_decref(line);
	assert_non_null(fgets(first, sizeof(first), file));
	line = json_loads(first, 0, NULL);
	snprintf(error, sizeof(error), "%.1000s", first);
	if (!line)
		fail_msg("%s", error);
	assert_string_equal(text_of(line, "date"), "unknown");
	assert_int_equal(strlen(text_of(line, "pbcid")), LOG_ID_MAX - 1);
	assert_int_equal(strlen(text_of(line, "stack")), 63);
	assert_null(fgets(first, sizeof(first), file));
	fclose(file);
	json_decref(line);
}

/* Lengths that IP can't hold. */
static void lengths_that_make_no_sense(void **state)
{
	static const uint32_t lengths[] = { 65536, 0x7fffffff, 0xffffffff };

	(void)state;
	open_export("lengths");
	for (int v6 = 0; v6 < 2; v6++)
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			struct section_reader reader = section_of(v6 ? 6 : 4, "n");
			struct packet packet;

			assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
			packet_plain(&packet, 1, 10);
			reader.record.len = lengths[i];
			put_packet(&reader, &packet, true, 1);
		}
	close_export();
	for (int v6 = 0; v6 < 2; v6++) {
		struct section_reader reader = open_exported(
			v6 ? "n_80_2001:db8::2_1000.2.pcapng" : "n_80_198.51.100.2_1000.2.pcapng");

		assert_int_equal(section_reader_next(&reader), SECTION_HEADER);
		assert_int_equal(section_reader_next(&reader), SECTION_RECORD);
		assert_int_equal(reader.wirelen_bytes, 0xffffffff);
		assert_int_equal(reader.caplen_bytes, 104);
		section_reader_close(&reader);
	}
}

/* No place on the disk: an error with words, again and again; the half file is gone, the whole one there. */
static void no_place(void **state)
{
	struct section_reader reader = section_of(4, "full");
	struct rlimit limit, little;
	bool found;
	int result = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	open_export("full");
	export_one(4, "full");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	little = limit;
	little.rlim_cur = 100000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_int_equal(freebsd_export_section_begin(export, &reader), 0);
	reader.has_tcpinfo = true;
	for (uint32_t i = 0; i < 5000 && result == 0; i++) {
		reader.record.serial = i;
		result = freebsd_export_record(export, &reader);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(result, -EFBIG);
	assert_int_equal(freebsd_export_section_end(export), -EFBIG);
	assert_int_equal(freebsd_export_section_begin(export, &reader), -EFBIG);
	assert_non_null(strstr(freebsd_export_error(export),
			       "/full/full_80_198.51.100.2_1000.1.pcapng: File too large"));
	assert_int_equal(freebsd_export_close(&export), -EFBIG);
	assert_int_equal(count_files(out, "full_80_198.51.100.2_1000.0.pcapng", &found), 2);
	assert_true(found);
}

static void a_directory_that_is_none(void **state)
{
	char error[256], path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/file", dir);
	fclose(fopen(path, "w"));
	assert_int_equal(freebsd_export_open(&export, path, error, sizeof(error)), -ENOTDIR);
	assert_null(export);
	assert_non_null(strstr(error, "/file: Not a directory"));
	assert_int_equal(freebsd_export_close(&export), 0);
	snprintf(path, sizeof(path), "%s/is/not/there", dir);
	assert_int_equal(freebsd_export_open(&export, path, error, sizeof(error)), -ENOENT);
}

/* A connection with loss, through decoder, tracker and store. */
static void write_log(const char *where, bool v6)
{
	static struct iface_table ifaces;
	struct store_config config = { .dir = where,
				       .version = "test",
				       .ifaces = &ifaces,
				       .workers = 1,
				       .ring_chains = 4,
				       .rotate_bytes = 1u << 30 };
	struct tracker_config tracker_config;
	struct decoder *decoder = decoder_open(0, true);
	struct tracker *tracker;
	struct store_counters counters;
	struct store *store;
	char error[256];

	memset(&ifaces, 0, sizeof(ifaces));
	iface_table_add(&ifaces, "eth0", LINKTYPE_ETHERNET);
	assert_int_equal(store_open(&store, &config, error, sizeof(error)), 0);
	tracker_config_default(&tracker_config);
	tracker_config.connections_max = 16;
	tracker_config.log_memory_bytes = 1 << 20;
	tracker_config.policy.limit = 64;
	tracker_config.lossless = true;
	tracker_config.sink = store_sink(store, 0);
	tracker = tracker_open(&tracker_config);
	for (uint32_t n = 0; n < 500; n++) {
		static struct packet packet;
		bool reverse = n == 1 || n % 3 == 2;
		uint32_t payload = n > 2 && !reverse ? 100 : 0;
		struct frame frame;
		struct segment seg;

		packet_begin(&packet);
		packet_ethernet(&packet, v6 ? 0x86dd : 0x0800);
		if (v6)
			packet_ipv6(&packet, 6, reverse);
		else
			packet_ipv4(&packet, 6, reverse, 0);
		packet_tcp(&packet, reverse,
			   n < 2     ? 99
			   : reverse ? 100
				     : 100 + n % 50 * 100,
			   n == 0 ? 0 : 100,
			   n == 0   ? TCP_SYN
			   : n == 1 ? TCP_SYN | TCP_ACK
				    : TCP_ACK,
			   "\1\1\1\1", 4);
		packet_payload(&packet, payload);
		packet_end(&packet);
		frame = packet_frame(&packet, LINKTYPE_ETHERNET, START_NS + n * UINT64_C(1000001));
		assert_int_equal(decode_frame(decoder, &frame, &seg), DECODE_SEGMENT);
		tracker_process(tracker, &seg, 1);
	}
	tracker_finish(tracker, START_NS);
	assert_int_equal(store_finish(&store, &counters, NULL), 0);
	tracker_close(&tracker);
	decoder_close(&decoder);
}

static enum section_item next_of_log(struct section_reader *exported, uint32_t *file, bool v6)
{
	for (;;) {
		enum section_item item = section_reader_next(exported);
		char name[64];

		if (item != SECTION_END)
			return item;
		section_reader_close(exported);
		snprintf(name, sizeof(name), "UNKNOWN_80_%s_1000.%u.pcapng",
			 v6 ? "2001:db8::1" : "10.0.0.1", ++*file);
		*exported = open_exported(name);
	}
}

/* All records of bbtap's own log stand in the files of FreeBSD's kind, in order. */
static void what_was_exported_is_read(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct section_reader own, exported;
		char where[160], path[256], error[256], name[64];
		uint32_t sections = 0, records = 0, file = 0;
		uint64_t rate_at_end = UINT64_MAX;
		enum section_item item;

		snprintf(where, sizeof(where), "%s/own-%d", dir, v6);
		write_log(where, v6);
		snprintf(path, sizeof(path),
			 "%s/logs/UNKNOWN/UNKNOWN-20231114T221320Z-1.server.pcapng", where);
		assert_int_equal(section_reader_open(&own, path, error, sizeof(error)), 0);
		snprintf(name, sizeof(name), "exported-%d", v6);
		open_export(name);
		while ((item = section_reader_next(&own)) != SECTION_END) {
			assert_int_not_equal(item, SECTION_DAMAGED);
			if (item == SECTION_HEADER)
				assert_int_equal(freebsd_export_section_begin(export, &own), 0);
			else if (item == SECTION_RECORD)
				assert_int_equal(freebsd_export_record(export, &own), 0);
			else
				assert_int_equal(freebsd_export_skip(export, &own), 0);
		}
		assert_int_equal(freebsd_export_counts(export)->packets_unknown, 0);
		close_export();
		section_reader_close(&own);

		assert_int_equal(section_reader_open(&own, path, error, sizeof(error)), 0);
		snprintf(name, sizeof(name), "UNKNOWN_80_%s_1000.0.pcapng",
			 v6 ? "2001:db8::1" : "10.0.0.1");
		exported = open_exported(name);
		while ((item = section_reader_next(&own)) != SECTION_END) {
			assert_int_equal(next_of_log(&exported, &file, v6), item);
			sections += item == SECTION_HEADER;
			if (item == SECTION_HEADER) {
				assert_memory_equal(exported.section.local_address,
						    own.section.local_address, 16);
				assert_int_equal(exported.section.dump_time_s,
						 own.section.dump_time_s);
				assert_string_equal(exported.section.id, "UNKNOWN");
			}
			if (item != SECTION_RECORD)
				continue;
			records++;
			if (own.record.event_id == EVENT_CONNEND) {
				rate_at_end = own.record.stack.cur_del_rate;
				own.record.stack.cur_del_rate = 0;
			}
			assert_int_equal(exported.has_packet, own.has_packet);
			assert_memory_equal(&exported.record, &own.record, sizeof(own.record));
			if (own.has_packet)
				assert_true(exported.ts_ns == own.ts_ns / 1000 * 1000);
		}
		assert_true(sections > 5);
		assert_int_equal(sections, file + 1);
		assert_true(records > 500);
		assert_true(rate_at_end != UINT64_MAX);
		assert_int_equal(section_reader_next(&exported), SECTION_END);
		section_reader_close(&exported);
		section_reader_close(&own);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(long_names),
		cmocka_unit_test(numbers_go_on),
		cmocka_unit_test(packets_have_freebsds_headers),
		cmocka_unit_test(layout),
		cmocka_unit_test(skips),
		cmocka_unit_test(what_has_no_place_is_left_out),
		cmocka_unit_test(stacks),
		cmocka_unit_test(lines_of_records),
		cmocka_unit_test(lengths_that_make_no_sense),
		cmocka_unit_test(no_place),
		cmocka_unit_test(a_directory_that_is_none),
		cmocka_unit_test(what_was_exported_is_read),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
