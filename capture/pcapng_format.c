/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/pcapng_format.h"

#include <stdio.h>
#include <string.h>

enum {
	BLOCK_IDB = 1,
	BLOCK_PB = 2, /* obsolete */
	BLOCK_SPB = 3,
	BLOCK_EPB = 6,
	BLOCK_SHB = 0x0a0d0d0a,
	BYTE_ORDER = 0x1a2b3c4d,
	OPTION_IF_NAME = 2,
	OPTION_IF_TSRESOL = 9,
	OPTION_IF_TSOFFSET = 14,
};

#define BLOCK_HEADER_BYTES 8
#define BLOCK_MIN_BYTES	   12
#define BLOCK_MAX_BYTES	   (16u << 20) /* options and all: the limit of Wireshark's reader */

static uint16_t get16(const struct pcapng_format *format, const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return format->swapped ? __builtin_bswap16(value) : value;
}

static uint32_t get32(const struct pcapng_format *format, const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return format->swapped ? __builtin_bswap32(value) : value;
}

uint64_t time_unit_to_ns(const struct time_unit *unit, uint64_t units)
{
	unsigned __int128 ns;
	__int128 offset = (__int128)unit->offset_s * (__int128)NSEC_PER_SEC;
	__int128 sum;

	if (unit->div == 1)
		ns = (unsigned __int128)units * unit->mul;
	else if (unit->mul == 1)
		ns = units / unit->div;
	else
		ns = (unsigned __int128)units * unit->mul / unit->div;
	sum = (__int128)ns + offset;
	if (sum < 0)
		return 0;
	return sum > (__int128)INT64_MAX ? (uint64_t)INT64_MAX : (uint64_t)sum;
}

/* if_tsresol: 10^-n, or 2^-n if the high bit is set. */
static bool set_resolution(struct time_unit *unit, uint8_t tsresol)
{
	uint8_t power = tsresol & 0x7f;

	unit->mul = unit->div = 1;
	if (tsresol & 0x80) {
		if (power > 63)
			return false;
		unit->mul = NSEC_PER_SEC;
		unit->div = UINT64_C(1) << power;
		if (power == 0)
			unit->div = 1;
		return true;
	}
	if (power > 18)
		return false;
	for (; power < 9; power++)
		unit->mul *= 10;
	for (; power > 9; power--)
		unit->div *= 10;
	return true;
}

bool pcapng_format_is(const uint8_t magic[4])
{
	static const uint8_t shb[4] = { 0x0a, 0x0d, 0x0d, 0x0a }; /* the same in both byte orders */

	return memcmp(magic, shb, sizeof(shb)) == 0;
}

void pcapng_format_begin(struct pcapng_format *format, struct iface_table *ifaces)
{
	format->swapped = false;
	format->iface_count = 0;
	format->table = ifaces;
	format->problem = NULL;
}

static bool read_idb(struct pcapng_format *format, const uint8_t *body, uint32_t bytes)
{
	struct pcapng_iface *iface = &format->ifaces[format->iface_count];
	char name[IFACE_NAME_MAX] = "file";
	uint64_t offset_s = 0;

	if (bytes < 8) {
		format->problem = "an interface block is too short";
		return false;
	}
	if (format->iface_count == PCAPNG_IFACES_MAX) {
		format->problem = "a section has more than 4096 interfaces";
		return false;
	}
	memset(iface, 0, sizeof(*iface));
	iface->linktype = get16(format, body);
	iface->snaplen_bytes = get32(format, body + 4);
	set_resolution(&iface->unit, 6);
	for (uint32_t at = 8; at + 4 <= bytes;) {
		uint16_t code = get16(format, body + at);
		uint16_t length = get16(format, body + at + 2);
		const uint8_t *value = body + at + 4;

		if (code == 0 || at + 4 + length > bytes)
			break;
		if (code == OPTION_IF_NAME)
			snprintf(name, sizeof(name), "%.*s", (int)length, (const char *)value);
		if (code == OPTION_IF_TSRESOL && length == 1 &&
		    !set_resolution(&iface->unit, value[0])) {
			format->problem = "an interface has a time resolution that can't be used";
			return false;
		}
		if (code == OPTION_IF_TSOFFSET && length == 8) {
			memcpy(&offset_s, value, sizeof(offset_s));
			iface->unit.offset_s =
				(int64_t)(format->swapped ? __builtin_bswap64(offset_s) : offset_s);
		}
		at += 4 + ((length + 3u) & ~3u);
	}
	iface->iface = iface_table_add(format->table, name[0] ? name : "file", iface->linktype);
	format->iface_count++;
	return true;
}

/* A packet of this interface with its data at `data`, of which `room` bytes belong to the block. */
static bool set_frame(struct pcapng_format *format, uint32_t interface_id, uint64_t units,
		      uint32_t caplen, uint32_t wirelen, const uint8_t *data, uint32_t room,
		      struct frame *frame)
{
	const struct pcapng_iface *iface;

	if (interface_id >= format->iface_count) {
		format->problem = "a packet of an interface that the section does not describe";
		return false;
	}
	if (caplen > room || caplen > CAPLEN_MAX) {
		format->problem = "a packet claims more bytes than its block has, or than 262144";
		return false;
	}
	iface = &format->ifaces[interface_id];
	frame->data = data;
	frame->caplen_bytes = caplen;
	frame->wirelen_bytes = wirelen > caplen ? wirelen : caplen;
	frame->ts_ns = time_unit_to_ns(&iface->unit, units);
	frame->linktype = iface->linktype;
	frame->iface = iface->iface;
	return true;
}

static bool read_epb(struct pcapng_format *format, const uint8_t *body, uint32_t bytes,
		     uint32_t type, struct frame *frame)
{
	uint32_t interface_id;

	if (bytes < 20) {
		format->problem = "a packet block is too short";
		return false;
	}
	/* The obsolete block has 16 bits of interface and 16 of drops in the same place. */
	interface_id = type == BLOCK_EPB ? get32(format, body) : get16(format, body);
	return set_frame(format, interface_id,
			 (uint64_t)get32(format, body + 4) << 32 | get32(format, body + 8),
			 get32(format, body + 12), get32(format, body + 16), body + 20, bytes - 20,
			 frame);
}

/* A simple packet has no time; it is cut to the snap length of the first interface. */
static bool read_spb(struct pcapng_format *format, const uint8_t *body, uint32_t bytes,
		     struct frame *frame)
{
	uint32_t wirelen, caplen;

	if (bytes < 4 || format->iface_count == 0) {
		format->problem = "a simple packet block is too short, or without an interface";
		return false;
	}
	wirelen = get32(format, body);
	caplen = wirelen;
	if (format->ifaces[0].snaplen_bytes && caplen > format->ifaces[0].snaplen_bytes)
		caplen = format->ifaces[0].snaplen_bytes;
	if (caplen > bytes - 4)
		caplen = bytes - 4;
	return set_frame(format, 0, 0, caplen, wirelen, body + 4, bytes - 4, frame);
}

/* The byte order of a section stands in its header, behind the length that needs it. */
static bool read_byte_order(struct pcapng_format *format, const uint8_t *block)
{
	uint32_t magic;

	memcpy(&magic, block + 8, sizeof(magic));
	if (magic != BYTE_ORDER && magic != __builtin_bswap32(BYTE_ORDER)) {
		format->problem = "a section header without a byte-order magic";
		return false;
	}
	format->swapped = magic != BYTE_ORDER;
	format->iface_count = 0;
	return true;
}

/* The next block, whole, at *block. */
static enum next_frame next_block(struct pcapng_format *format, struct input *input, bool may_read,
				  const uint8_t **block, uint32_t *type, uint32_t *bytes)
{
	size_t there;

	if (!may_read && !input_has(input, BLOCK_MIN_BYTES))
		return NEXT_NOT_YET;
	there = input_peek(input, BLOCK_MIN_BYTES, block);
	if (there == 0 && !input_failed(input))
		return NEXT_END;
	if (there < BLOCK_MIN_BYTES) {
		format->problem = "cut short in a block header";
		return NEXT_DAMAGED;
	}
	*type = get32(format, *block);
	if (*type == BLOCK_SHB && !read_byte_order(format, *block))
		return NEXT_DAMAGED;
	*bytes = get32(format, *block + 4);
	if (*bytes < BLOCK_MIN_BYTES || *bytes > BLOCK_MAX_BYTES || *bytes % 4) {
		format->problem = "a block length that is not possible";
		return NEXT_DAMAGED;
	}
	if (!may_read && !input_has(input, *bytes))
		return NEXT_NOT_YET;
	if (input_peek(input, *bytes, block) < *bytes) {
		format->problem = "cut short in a block";
		return NEXT_DAMAGED;
	}
	if (get32(format, *block + *bytes - 4) != *bytes) {
		format->problem = "a block whose two lengths differ";
		return NEXT_DAMAGED;
	}
	return NEXT_FRAME;
}

enum next_frame pcapng_format_next(struct pcapng_format *format, struct input *input, bool may_read,
				   struct frame *frame)
{
	for (;;) {
		const uint8_t *block, *body;
		uint32_t type, bytes, body_bytes;
		enum next_frame result = next_block(format, input, may_read, &block, &type, &bytes);
		bool good = true, packet = false;

		if (result != NEXT_FRAME)
			return result;
		body = block + BLOCK_HEADER_BYTES;
		body_bytes = bytes - BLOCK_MIN_BYTES;
		switch (type) {
		case BLOCK_SHB:
			if (body_bytes < 16) {
				format->problem = "a section header is too short";
				good = false;
			} else if (get16(format, body + 4) != 1) {
				format->problem = "not version 1 of the pcapng format";
				good = false;
			}
			break;
		case BLOCK_IDB:
			good = read_idb(format, body, body_bytes);
			break;
		case BLOCK_EPB:
		case BLOCK_PB:
			good = packet = read_epb(format, body, body_bytes, type, frame);
			break;
		case BLOCK_SPB:
			good = packet = read_spb(format, body, body_bytes, frame);
			break;
		default:
			break;
		}
		if (!good)
			return NEXT_DAMAGED;
		input_skip(input, bytes);
		if (packet)
			return NEXT_FRAME;
	}
}
