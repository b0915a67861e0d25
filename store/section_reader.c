/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/section_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/capture_format.h"
#include "capture/input.h"
#include "store/pcapng_write.h"

#define BLOCK_MIN_BYTES	 12
#define BLOCK_MAX_BYTES	 (16u << 20)
#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define IFACES_MAX	 4096

struct iface_of_section {
	uint16_t linktype;
	uint8_t tsresol;
	char name[SECTION_IFACE_MAX];
};

struct section_reader_private {
	struct input *input;
	const char *path;
	bool swapped;
	uint32_t block_bytes; /* of the block that was handed out, to be skipped */
	uint32_t iface_count;
	uint64_t items;
	struct iface_of_section ifaces[IFACES_MAX];
};

int section_reader_open(struct section_reader *reader, const char *path, char *error,
			size_t error_bytes)
{
	int result;

	memset(reader, 0, sizeof(*reader));
	reader->private = calloc(1, sizeof(*reader->private));
	if (!reader->private) {
		snprintf(error, error_bytes, "%s: no memory", path);
		return -ENOMEM;
	}
	reader->private->path = path;
	result = input_open(&reader->private->input, path, NULL, error, error_bytes);
	if (result < 0)
		section_reader_close(reader);
	return result;
}

void section_reader_close(struct section_reader *reader)
{
	if (reader->private)
		input_close(&reader->private->input);
	free(reader->private);
	reader->private = NULL;
}

static uint16_t number16(bool swapped, const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ? __builtin_bswap16(value) : value;
}

static uint32_t number32(bool swapped, const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ? __builtin_bswap32(value) : value;
}

/* In the order of the section. What the black box log adds is little endian in any. */
int section_reader_seek(struct section_reader *reader, uint64_t offset_bytes)
{
	struct section_reader_private *p = reader->private;

	/* The block that was handed out last may be the one that is meant. */
	p->block_bytes = 0;
	p->items = 0;
	return input_skip_to(p->input, offset_bytes) ? 0 : -ESPIPE;
}

static uint16_t get16(const struct section_reader *reader, const uint8_t *at)
{
	return number16(reader->private->swapped, at);
}

static uint32_t get32(const struct section_reader *reader, const uint8_t *at)
{
	return number32(reader->private->swapped, at);
}

static enum section_item damaged(struct section_reader *reader, const char *problem)
{
	const struct section_reader_private *p = reader->private;

	snprintf(reader->error, sizeof(reader->error), "%s: damaged at offset %llu: %s", p->path,
		 (unsigned long long)input_offset_bytes(p->input),
		 input_failed(p->input) ? input_failure(p->input) : problem);
	return SECTION_DAMAGED;
}

/* An option: its code, and its value at *value of *bytes. */
struct option {
	uint16_t code;
	uint16_t bytes;
	const uint8_t *value;
	uint32_t bblog_type; /* of a custom option of the black box log, else 0 */
};

/* The next option of a list in [*at, end). False: there is none. */
static bool next_option(bool swapped, const uint8_t **at, const uint8_t *end, struct option *out)
{
	if (end - *at < 4)
		return false;
	out->code = number16(swapped, *at);
	out->bytes = number16(swapped, *at + 2);
	out->value = *at + 4;
	out->bblog_type = 0;
	if (out->code == PCAPNG_OPT_END || end - out->value < out->bytes)
		return false;
	*at = out->value + out->bytes + (-out->bytes & 3);
	if (*at > end)
		*at = end;
	if (out->code == BBLOG_CUSTOM_OPTION && out->bytes >= 8 &&
	    number32(swapped, out->value) == BBLOG_PEN) {
		out->bblog_type = number32(false, out->value + 4);
		out->value += 8;
		out->bytes -= 8;
	}
	return true;
}

static void copy_text(char *out, size_t room, const struct option *option)
{
	snprintf(out, room, "%.*s", (int)option->bytes, (const char *)option->value);
}

static void read_section(struct section_reader *reader, const uint8_t *options, const uint8_t *end)
{
	struct bblog_section *section = &reader->section;
	struct option option;

	memset(section, 0, sizeof(*section));
	reader->has_dumpinfo = false;
	reader->private->iface_count = 0;
	while (next_option(reader->private->swapped, &options, end, &option)) {
		if (option.code == PCAPNG_OPT_SHB_USERAPPL)
			copy_text(section->application, sizeof(section->application), &option);
		if (option.bblog_type == BBLOG_OPTION_DUMPTIME && option.bytes >= 8)
			memcpy(&section->dump_time_s, option.value, 8);
		if (option.bblog_type == BBLOG_OPTION_DUMPINFO &&
		    option.bytes >= BBLOG_DUMPINFO_BYTES) {
			bblog_decode_dumpinfo(option.value, section);
			reader->has_dumpinfo = true;
		}
		if (option.bblog_type == BBLOG_OPTION_STACKNAME && option.bytes >= 1) {
			section->stack_id = option.value[0];
			snprintf(section->stack_name, sizeof(section->stack_name), "%.*s",
				 option.bytes - 1, (const char *)option.value + 1);
		}
	}
}

static bool read_iface(struct section_reader *reader, const uint8_t *body, const uint8_t *end)
{
	struct section_reader_private *p = reader->private;
	struct iface_of_section *iface;
	struct option option;

	if (end - body < 8 || p->iface_count == IFACES_MAX)
		return false;
	iface = &p->ifaces[p->iface_count++];
	*iface = (struct iface_of_section){ .linktype = get16(reader, body), .tsresol = 6 };
	body += 8;
	while (next_option(p->swapped, &body, end, &option)) {
		if (option.code == PCAPNG_OPT_IF_NAME)
			copy_text(iface->name, sizeof(iface->name), &option);
		if (option.code == PCAPNG_OPT_IF_TSRESOL && option.bytes == 1)
			iface->tsresol = option.value[0];
	}
	return true;
}

/* Versions 7 and 8 are FreeBSD 12's. */
static bool read_tcpinfo(struct section_reader *reader, const struct option *option)
{
	uint32_t version = reader->section.version;

	if (version == 7 || version == 8) {
		if (option->bytes < BBLOG_TCPINFO_V8_BYTES)
			return false;
		bblog_decode_tcpinfo_v8(option->value, &reader->record);
		return true;
	}
	if (option->bytes < BBLOG_TCPINFO_BYTES)
		return false;
	bblog_decode_tcpinfo(option->value, &reader->record);
	return true;
}

/* TCPINFO and the comment, of a packet or an event. */
static void read_record_options(struct section_reader *reader, bool swapped, const uint8_t *options,
				const uint8_t *end)
{
	struct option option;

	reader->comment[0] = '\0';
	reader->has_tcpinfo = false;
	memset(&reader->record, 0, sizeof(reader->record));
	while (next_option(swapped, &options, end, &option)) {
		if (option.code == PCAPNG_OPT_COMMENT)
			copy_text(reader->comment, sizeof(reader->comment), &option);
		if (option.bblog_type == BBLOG_OPTION_TCPINFO && read_tcpinfo(reader, &option))
			reader->has_tcpinfo = true;
	}
}

/* The usual two resolutions; others are not written by recorders of black box logs. */
static uint64_t to_ns(uint64_t units, uint8_t tsresol)
{
	uint64_t ns;

	if (tsresol == 9)
		return units;
	return __builtin_mul_overflow(units, UINT64_C(1000), &ns) ? 0 : ns;
}

static bool read_packet(struct section_reader *reader, const uint8_t *body, const uint8_t *end)
{
	const struct section_reader_private *p = reader->private;
	uint32_t interface;

	if (end - body < 20)
		return false;
	interface = get32(reader, body);
	reader->caplen_bytes = get32(reader, body + 12);
	reader->wirelen_bytes = get32(reader, body + 16);
	if (interface >= p->iface_count || reader->caplen_bytes > CAPLEN_MAX ||
	    reader->caplen_bytes > (size_t)(end - body - 20))
		return false;
	reader->data = body + 20;
	reader->linktype = p->ifaces[interface].linktype;
	memcpy(reader->iface, p->ifaces[interface].name, sizeof(reader->iface));
	reader->ts_ns = to_ns((uint64_t)get32(reader, body + 4) << 32 | get32(reader, body + 8),
			      p->ifaces[interface].tsresol);
	reader->has_packet = true;
	body += 20 + ((reader->caplen_bytes + 3) & ~3u);
	read_record_options(reader, p->swapped, body < end ? body : end, end);
	return true;
}

static enum section_item read_custom(struct section_reader *reader, const uint8_t *body,
				     const uint8_t *end, bool *is_item)
{
	*is_item = false;
	if (end - body < 8 || get32(reader, body) != BBLOG_PEN)
		return SECTION_END;
	if (number32(false, body + 4) == BBLOG_BLOCK_EVENT) {
		reader->has_packet = false;
		read_record_options(reader, false, body + 8, end);
		*is_item = reader->has_tcpinfo;
		return SECTION_RECORD;
	}
	if (number32(false, body + 4) == BBLOG_BLOCK_SKIP && end - body >= 12) {
		reader->skipped = number32(false, body + 8);
		*is_item = true;
		return SECTION_SKIP;
	}
	return SECTION_END;
}

/* The next block, whole, at *block; or why there is none. */
static bool next_block(struct section_reader *reader, const uint8_t **block, enum section_item *why)
{
	struct section_reader_private *p = reader->private;
	size_t there;
	uint32_t type, bytes, magic;

	input_skip(p->input, p->block_bytes);
	p->block_bytes = 0;
	there = input_peek(p->input, BLOCK_MIN_BYTES, block);
	*why = SECTION_END;
	if (there == 0 && !input_failed(p->input))
		return false;
	*why = SECTION_DAMAGED;
	if (there < BLOCK_MIN_BYTES) {
		damaged(reader, "cut short in a block header");
		return false;
	}
	memcpy(&type, *block, sizeof(type));
	if (type == PCAPNG_SHB) {
		memcpy(&magic, *block + 8, sizeof(magic));
		p->swapped = magic == __builtin_bswap32(BYTE_ORDER_MAGIC);
		if (!p->swapped && magic != BYTE_ORDER_MAGIC) {
			damaged(reader, "a section header without a byte-order magic");
			return false;
		}
	} else if (p->items == 0) {
		damaged(reader, "not a pcapng file");
		return false;
	}
	p->items++;
	bytes = get32(reader, *block + 4);
	if (bytes < BLOCK_MIN_BYTES || bytes > BLOCK_MAX_BYTES || bytes % 4) {
		damaged(reader, "a block length that is not possible");
		return false;
	}
	if (input_peek(p->input, bytes, block) < bytes) {
		damaged(reader, "cut short in a block");
		return false;
	}
	if (get32(reader, *block + bytes - 4) != bytes) {
		damaged(reader, "a block whose two lengths differ");
		return false;
	}
	p->block_bytes = bytes;
	return true;
}

enum section_item section_reader_next(struct section_reader *reader)
{
	for (;;) {
		enum section_item item;
		const uint8_t *block, *body, *end;
		bool is_item;

		if (!next_block(reader, &block, &item))
			return item;
		body = block + 8;
		end = block + reader->private->block_bytes - 4;
		switch (get32(reader, block)) {
		case PCAPNG_SHB:
			if (end - body < 16)
				return damaged(reader, "a section header is too short");
			read_section(reader, body + 16, end);
			return SECTION_HEADER;
		case PCAPNG_IDB:
			if (!read_iface(reader, body, end))
				return damaged(reader, "an interface block that can't be used");
			break;
		case PCAPNG_EPB:
			if (!read_packet(reader, body, end))
				return damaged(reader, "a packet block that contradicts itself");
			return SECTION_RECORD;
		case BBLOG_CUSTOM_BLOCK:
			item = read_custom(reader, body, end, &is_item);
			if (is_item)
				return item;
			break;
		default:
			break;
		}
	}
}
