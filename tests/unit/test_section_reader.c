/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Logs of FreeBSD's own, made up here as tcplog_dumper writes them on machines of either byte order, in
 * versions 8 and 9, plain and as .xz.
 */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lzma.h>

#include "capture/decode.h"
#include "store/section_reader.h"
#include "tests/unit/packet_builder.h"
#include "tests/unit/temp_dir.h"

/* A file under construction on a machine of either byte order. */
static struct {
	bool swapped;
	uint32_t version;
	size_t length, block_at;
	uint8_t bytes[16384];
} file;

static void put(const void *bytes, size_t count)
{
	memcpy(file.bytes + file.length, bytes, count);
	file.length += count;
}

static void put32_as(bool swapped, uint32_t value)
{
	value = swapped ? __builtin_bswap32(value) : value;
	put(&value, 4);
}

static void put16_as(bool swapped, uint16_t value)
{
	value = swapped ? __builtin_bswap16(value) : value;
	put(&value, 2);
}

static void put32(uint32_t value)
{
	put32_as(file.swapped, value);
}

static void begin_block(uint32_t type)
{
	file.block_at = file.length;
	put32(type);
	put32(0);
}

static void end_block(void)
{
	uint32_t bytes = (uint32_t)(file.length + 4 - file.block_at);

	put32(bytes);
	bytes = file.swapped ? __builtin_bswap32(bytes) : bytes;
	memcpy(file.bytes + file.block_at + 4, &bytes, 4);
}

/* In a custom block all of an option is little endian, else its head is as the machine has it. */
static void put_option(bool swapped, uint32_t type, const void *value, uint16_t bytes)
{
	put16_as(swapped, 2989);
	put16_as(swapped, (uint16_t)(8 + bytes));
	put32_as(swapped, 10949);
	put32_as(false, type);
	put(value, bytes);
	put("\0\0\0", -file.length & 3);
}

static void put_header(uint8_t family)
{
	uint8_t dumpinfo[208] = { 0 };
	int64_t time_s = 1700000000, offset_s = 1699990000, offset_us = 999999;

	memcpy(dumpinfo, &file.version, 4);
	memcpy(dumpinfo + 16, "\x04\xd2\x01\xbb", 4); /* 1234, 443: in network order */
	memset(dumpinfo + 20, 2, 16);
	memset(dumpinfo + 36, 1, 16);
	memcpy(dumpinfo + 56, &offset_s, 8);
	memcpy(dumpinfo + 64, &offset_us, 8);
	strcpy((char *)dumpinfo + 72, "UNKNOWN");
	strcpy((char *)dumpinfo + 136, "auto-dumped from tail");
	dumpinfo[200] = family;
	begin_block(0x0a0d0d0a);
	put32(0x1a2b3c4d);
	put16_as(file.swapped, 1);
	put16_as(file.swapped, 0);
	put32(0xffffffff);
	put32(0xffffffff);
	put_option(file.swapped, 1, &file.version, 4);
	put_option(file.swapped, 5, &time_s, 8);
	put_option(file.swapped, 4, dumpinfo, sizeof(dumpinfo));
	put_option(file.swapped, 6,
		   "\x03"
		   "freebsd",
		   8);
	put32(0);
	end_block();
	begin_block(1);
	put16_as(file.swapped, LINKTYPE_NULL);
	put16_as(file.swapped, 0);
	put32(104);
	put32(0);
	end_block();
}

/* Bytes 0, 1, 2...: each field has a value of its own. */
static void put_tcpinfo(bool swapped, uint8_t event_id, uint32_t serial)
{
	uint8_t tcpinfo[268];
	int64_t seconds = 10000, microseconds = 500000;

	for (size_t i = 0; i < sizeof(tcpinfo); i++)
		tcpinfo[i] = (uint8_t)i;
	memcpy(tcpinfo, &seconds, 8);
	memcpy(tcpinfo + 8, &microseconds, 8);
	memcpy(tcpinfo + 20, &serial, 4);
	tcpinfo[24] = 3;
	tcpinfo[25] = event_id;
	put_option(swapped, 2, tcpinfo, file.version == 9 ? 268 : 260);
}

static void put_packet(const struct packet *packet, uint32_t family, uint32_t serial)
{
	uint32_t caplen = 4 + packet->length;

	begin_block(6);
	put32(0);
	put32(UINT64_C(1700000001499999) >> 32);
	put32((uint32_t)UINT64_C(1700000001499999));
	put32(caplen);
	put32(caplen);
	put32(family);
	put(packet->bytes, packet->length);
	put("\0\0\0", -file.length & 3);
	put_tcpinfo(file.swapped, 1, serial);
	put16_as(file.swapped, 2);
	put16_as(file.swapped, 4);
	put32(1);
	put32(0);
	end_block();
}

static void begin_custom(uint32_t type)
{
	begin_block(0xbad);
	put32(10949);
	put32_as(false, type);
}

static void make_file(bool swapped, uint32_t version, bool v6)
{
	struct packet packet;

	file.swapped = swapped;
	file.version = version;
	file.length = 0;
	packet_begin(&packet);
	if (v6)
		packet_ipv6(&packet, 6, false);
	else
		packet_ipv4(&packet, 6, false, 0);
	packet_tcp(&packet, false, 4711, 1, 0x10, NULL, 0);
	packet_end(&packet);
	put_header(v6 ? 28 : 2);
	put_packet(&packet, v6 ? 28 : 2, 100);
	begin_custom(2);
	put32_as(false, 7);
	put32(0);
	end_block();
	begin_custom(1);
	put_tcpinfo(false, 4, 108);
	put32(0);
	end_block();
}

static const char *write_bytes(const void *bytes, size_t count)
{
	static char path[128];
	FILE *to;

	snprintf(path, sizeof(path), "%s/log", dir);
	to = fopen(path, "wb");
	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, count, to), count);
	fclose(to);
	return path;
}

static uint32_t word_at(uint32_t offset)
{
	uint32_t first = offset & 255;

	return first | ((first + 1) & 255) << 8 | ((first + 2) & 255) << 16 |
	       ((first + 3) & 255) << 24;
}

static void check_record(const struct bblog_record *record, uint32_t version)
{
	uint32_t moved = version == 9 ? 0 : 8; /* what is behind flex2 */

	assert_int_equal(record->tv_sec, 10000);
	assert_int_equal(record->stack_id, 3);
	assert_int_equal(record->snd_una, word_at(72));
	assert_int_equal(record->rcv_adv, word_at(112));
	assert_int_equal(record->flags2, version == 9 ? word_at(116) : 0);
	assert_int_equal(record->rcv_nxt, word_at(version == 9 ? 120 : 116));
	assert_int_equal(record->rcv_wnd, word_at(124));
	assert_int_equal(record->flex2, word_at(144));
	assert_int_equal(record->first_byte_in, version == 9 ? word_at(148) : 0);
	assert_int_equal(record->first_byte_out, version == 9 ? word_at(152) : 0);
	assert_int_equal(record->snd_scale, (156 - moved) & 15);
	assert_int_equal(record->rcv_scale, (156 - moved) >> 4);
	assert_true(record->stack.cur_del_rate ==
		    (word_at(160 - moved) | (uint64_t)word_at(164 - moved) << 32));
	assert_int_equal(record->stack.pkt_epoch, word_at(260 - moved));
	assert_int_equal(record->len, word_at(264 - moved));
}

static void check_packet(const struct section_reader *reader, bool v6)
{
	struct frame frame = { .data = reader->data,
			       .caplen_bytes = reader->caplen_bytes,
			       .wirelen_bytes = reader->wirelen_bytes,
			       .linktype = reader->linktype };
	struct decoder *decoder = decoder_open(0, true);
	struct segment seg;

	assert_true(reader->has_packet);
	assert_true(reader->ts_ns == UINT64_C(1700000001499999000));
	assert_int_equal(decode_frame(decoder, &frame, &seg), DECODE_SEGMENT);
	assert_int_equal(seg.key.ip_version, v6 ? 6 : 4);
	assert_int_equal(seg.seq, 4711);
	assert_int_equal(seg.checksum, CHECKSUM_GOOD);
	decoder_close(&decoder);
}

static void check_file(const char *path, uint32_t version, bool v6)
{
	struct section_reader reader;
	char error[512];

	if (section_reader_open(&reader, path, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	assert_int_equal(section_reader_next(&reader), SECTION_HEADER);
	assert_true(reader.has_dumpinfo);
	assert_int_equal(reader.section.version, version);
	assert_int_equal(reader.section.dump_time_s, 1700000000);
	assert_int_equal(reader.section.foreign_port, 1234);
	assert_int_equal(reader.section.local_port, 443);
	assert_int_equal(reader.section.ip_version, v6 ? 6 : 4);
	assert_int_equal(reader.section.offset_us, 999999);
	assert_string_equal(reader.section.id, "UNKNOWN");
	assert_string_equal(reader.section.reason, "auto-dumped from tail");
	assert_string_equal(reader.section.stack_name, "freebsd");
	assert_int_equal(reader.section.stack_id, 3);

	assert_int_equal(section_reader_next(&reader), SECTION_RECORD);
	assert_true(reader.has_tcpinfo);
	assert_int_equal(reader.record.serial, 100);
	assert_int_equal(reader.record.event_id, EVENT_IN);
	check_record(&reader.record, version);
	check_packet(&reader, v6);
	assert_int_equal(section_reader_next(&reader), SECTION_SKIP);
	assert_int_equal(reader.skipped, 7);
	assert_int_equal(section_reader_next(&reader), SECTION_RECORD);
	assert_false(reader.has_packet);
	assert_int_equal(reader.record.serial, 108);
	assert_string_equal(event_name(reader.record.event_id), "SB_WAKE");
	check_record(&reader.record, version);
	assert_int_equal(section_reader_next(&reader), SECTION_END);
	section_reader_close(&reader);
}

static void logs_of_freebsd(void **state)
{
	static const struct {
		bool swapped;
		uint32_t version;
		bool v6;
	} rows[] = {
		{ false, 9, false }, { false, 9, true },  { true, 9, false },
		{ true, 9, true },   { false, 8, false }, { false, 7, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_file(rows[i].swapped, rows[i].version, rows[i].v6);
		check_file(write_bytes(file.bytes, file.length), rows[i].version, rows[i].v6);
	}
}

static void compressed_by_tcplog_dumper(void **state)
{
	static uint8_t packed[32768];
	struct section_reader reader;
	size_t length = 0;
	char error[512];
	enum section_item item;

	(void)state;
	make_file(false, 9, false);
	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, file.bytes, file.length,
						 packed, &length, sizeof(packed)),
			 LZMA_OK);
	check_file(write_bytes(packed, length), 9, false);

	/* The dumper was killed: what there is, and where it ends. */
	assert_int_equal(section_reader_open(&reader, write_bytes(packed, length - 30), error,
					     sizeof(error)),
			 0);
	while ((item = section_reader_next(&reader)) != SECTION_END && item != SECTION_DAMAGED)
		;
	assert_int_equal(item, SECTION_DAMAGED);
	assert_non_null(strstr(reader.error, "xz stream cut short at compressed offset"));
	section_reader_close(&reader);
}

/* A record that is shorter than its version has it is none. */
static void short_records(void **state)
{
	struct section_reader reader;
	char error[512];

	(void)state;
	make_file(false, 8, false);
	memcpy(file.bytes + 24 + 16 + 20 + 12, "\x09", 1); /* DUMPINFO says 9 */
	assert_int_equal(section_reader_open(&reader, write_bytes(file.bytes, file.length), error,
					     sizeof(error)),
			 0);
	assert_int_equal(section_reader_next(&reader), SECTION_HEADER);
	assert_int_equal(reader.section.version, 9);
	assert_int_equal(section_reader_next(&reader), SECTION_RECORD);
	assert_true(reader.has_packet);
	assert_false(reader.has_tcpinfo);
	assert_int_equal(section_reader_next(&reader), SECTION_SKIP);
	assert_int_equal(section_reader_next(&reader), SECTION_END);
	section_reader_close(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_of_freebsd),
		cmocka_unit_test(compressed_by_tcplog_dumper),
		cmocka_unit_test(short_records),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
