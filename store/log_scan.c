/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/log_scan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/input.h"
#include "store/bblog.h"
#include "store/pcapng_write.h"

#define BLOCK_MIN_BYTES	 12
#define BLOCK_MAX_BYTES	 (16u << 20)
#define SHB_MIN_BYTES	 28
#define SHB_LENGTH_AT	 16
#define SHB_OPTIONS_AT	 24
#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define EPB_OPTIONS_AT	 28
#define NSEC_PER_SEC	 UINT64_C(1000000000)

struct scan {
	struct input *input;
	struct log_scan_end *end;
	struct section_row row;
	int64_t offset_s, offset_us; /* of the section: added to the times of its events */
};

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static bool torn(struct scan *scan, const char *problem)
{
	if (input_failed(scan->input))
		problem = input_failure(scan->input);
	snprintf(scan->end->problem, sizeof(scan->end->problem), "at offset %llu: %s",
		 (unsigned long long)input_offset_bytes(scan->input), problem);
	return false;
}

/* The next block, whole. False: there is none; end->problem says if it should have been there. */
static bool next_block(struct scan *scan, const uint8_t **block, uint32_t *bytes)
{
	size_t there = input_peek(scan->input, BLOCK_MIN_BYTES, block);

	if (there < BLOCK_MIN_BYTES)
		return there == 0 && !input_failed(scan->input) ? false : torn(scan, "cut short");
	*bytes = get32(*block + 4);
	if (*bytes < BLOCK_MIN_BYTES || *bytes > BLOCK_MAX_BYTES || *bytes % 4)
		return torn(scan, "a block length that is not possible");
	if (input_peek(scan->input, *bytes, block) < *bytes)
		return torn(scan, "cut short in a block");
	if (get32(*block + *bytes - 4) != *bytes)
		return torn(scan, "a block whose two lengths differ");
	return true;
}

/* The value of a custom option of the black box log among the options in [at, end); NULL: it is not there. */
static const uint8_t *bblog_option(const uint8_t *at, const uint8_t *end, uint32_t type,
				   uint32_t bytes)
{
	while (end - at >= 4) {
		uint16_t code = get16(at), length = get16(at + 2);

		if (code == PCAPNG_OPT_END || end - at - 4 < length)
			return NULL;
		if (code == BBLOG_CUSTOM_OPTION && length >= 8 + bytes &&
		    get32(at + 4) == BBLOG_PEN && get32(at + 8) == type)
			return at + 12;
		if (end - at - 4 < ((length + 3) & ~3))
			return NULL;
		at += 4 + ((length + 3) & ~3);
	}
	return NULL;
}

static void begin_row(struct scan *scan, const uint8_t *options, const uint8_t *end)
{
	const uint8_t *info =
		bblog_option(options, end, BBLOG_OPTION_DUMPINFO, BBLOG_DUMPINFO_BYTES);
	const uint8_t *time = bblog_option(options, end, BBLOG_OPTION_DUMPTIME, 8);
	struct section_row *row = &scan->row;
	struct bblog_section section = { 0 };

	memset(row, 0, sizeof(*row));
	if (info)
		bblog_decode_dumpinfo(info, &section);
	if (time)
		memcpy(&row->dump_time_s, time, 8);
	scan->offset_s = section.offset_s;
	scan->offset_us = section.offset_us;
	row->ip_version = section.ip_version;
	memcpy(row->local_address, section.local_address, 16);
	memcpy(row->foreign_address, section.foreign_address, 16);
	row->local_port = section.local_port;
	row->foreign_port = section.foreign_port;
	memcpy(row->id, section.id, sizeof(row->id));
	memcpy(row->tag, section.tag, sizeof(row->tag));
	memcpy(row->reason, section.reason, sizeof(row->reason));
}

static void count_record(struct section_row *row, uint64_t ns, bool packet)
{
	if (row->records == 0 || ns < row->first_ns)
		row->first_ns = ns;
	if (ns > row->last_ns)
		row->last_ns = ns;
	row->records++;
	row->packets += packet;
}

static void count_custom(struct scan *scan, const uint8_t *block, uint32_t bytes)
{
	const uint8_t *end = block + bytes - 4, *info;
	int64_t s, us;

	if (bytes < 24 || get32(block + 8) != BBLOG_PEN)
		return;
	if (get32(block + 12) == BBLOG_BLOCK_SKIP) {
		scan->row.skipped += get32(block + 16);
		return;
	}
	info = bblog_option(block + 16, end, BBLOG_OPTION_TCPINFO, BBLOG_TCPINFO_BYTES);
	if (get32(block + 12) != BBLOG_BLOCK_EVENT || !info)
		return;
	memcpy(&s, info, 8);
	memcpy(&us, info + 8, 8);
	count_record(&scan->row,
		     ((uint64_t)s + (uint64_t)scan->offset_s) * NSEC_PER_SEC +
			     ((uint64_t)us + (uint64_t)scan->offset_us) * 1000,
		     false);
}

static void count_block(struct scan *scan, const uint8_t *block, uint32_t bytes)
{
	switch (get32(block)) {
	case PCAPNG_EPB:
		if (bytes >= EPB_OPTIONS_AT + 4)
			count_record(&scan->row,
				     (uint64_t)get32(block + 12) << 32 | get32(block + 16), true);
		break;
	case BBLOG_CUSTOM_BLOCK:
		count_custom(scan, block, bytes);
		break;
	default:
		break;
	}
}

/* A section, whole. False: there is none, or it is torn. */
static bool next_section(struct scan *scan)
{
	uint64_t start = input_offset_bytes(scan->input), length, done = 0;
	const uint8_t *block;
	uint32_t bytes;

	if (!next_block(scan, &block, &bytes))
		return false;
	if (get32(block) != PCAPNG_SHB || bytes < SHB_MIN_BYTES ||
	    get32(block + 8) != BYTE_ORDER_MAGIC)
		return torn(scan, "no section header of this program");
	memcpy(&length, block + SHB_LENGTH_AT, sizeof(length));
	begin_row(scan, block + SHB_OPTIONS_AT, block + bytes - 4);
	scan->row.offset_bytes = start;
	scan->row.length_bytes = bytes + length;
	input_skip(scan->input, bytes);
	while (done < length) {
		if (!next_block(scan, &block, &bytes))
			return scan->end->problem[0] ? false : torn(scan, "cut short");
		if (get32(block) == PCAPNG_SHB || bytes > length - done)
			return torn(scan, "a section that is not as long as its header says");
		count_block(scan, block, bytes);
		input_skip(scan->input, bytes);
		done += bytes;
	}
	return true;
}

/* How much is left, whatever it is. */
static uint64_t skip_rest(struct input *input)
{
	const uint8_t *bytes;
	size_t there;

	while ((there = input_peek(input, 1, &bytes)))
		input_skip(input, there);
	return input_offset_bytes(input);
}

int log_scan(const char *path, uint64_t from_bytes,
	     bool (*section)(void *context, const struct section_row *row), void *context,
	     struct log_scan_end *end, char *error, size_t error_bytes)
{
	struct scan scan = { .end = end };
	bool more = true;
	int result;

	memset(end, 0, sizeof(*end));
	result = input_open(&scan.input, path, NULL, error, error_bytes);
	if (result < 0)
		return result;
	if (!input_skip_to(scan.input, from_bytes))
		torn(&scan, "shorter than it was");
	else
		end->whole_bytes = from_bytes;
	while (more && !end->problem[0] && next_section(&scan)) {
		end->whole_bytes = input_offset_bytes(scan.input);
		end->sections++;
		if (section)
			more = section(context, &scan.row);
	}
	end->file_bytes = more ? skip_rest(scan.input) : end->whole_bytes;
	input_close(&scan.input);
	return 0;
}
