/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/pcap_format.h"

#include <string.h>

#define FILE_HEADER_BYTES   24
#define RECORD_HEADER_BYTES 16

enum {
	MAGIC_US = 0xa1b2c3d4,
	MAGIC_NS = 0xa1b23c4d,
	MAGIC_MODIFIED = 0xa1b2cd34, /* the patched libpcap of old Linux systems */
};

static uint32_t get32(const struct pcap_format *format, const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return format->swapped ? __builtin_bswap32(value) : value;
}

static uint16_t get16(const struct pcap_format *format, const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return format->swapped ? __builtin_bswap16(value) : value;
}

static bool is_magic(uint32_t magic)
{
	return magic == MAGIC_US || magic == MAGIC_NS || magic == MAGIC_MODIFIED;
}

bool pcap_format_is(const uint8_t magic[4])
{
	uint32_t value;

	memcpy(&value, magic, sizeof(value));
	return is_magic(value) || is_magic(__builtin_bswap32(value));
}

/* Some systems wrote their own DLT numbers for raw IP and others into files. */
static uint16_t linktype_of(uint32_t network)
{
	uint16_t linktype = (uint16_t)network;

	if (linktype == 12 || linktype == 14)
		return LINKTYPE_RAW;
	return linktype;
}

bool pcap_format_begin(struct pcap_format *format, struct input *input, struct iface_table *ifaces)
{
	const uint8_t *header;
	uint32_t magic;
	uint16_t minor;

	memset(format, 0, sizeof(*format));
	if (input_peek(input, FILE_HEADER_BYTES, &header) < FILE_HEADER_BYTES) {
		format->problem = "cut short in the file header";
		return false;
	}
	memcpy(&magic, header, sizeof(magic));
	format->swapped = !is_magic(magic);
	magic = get32(format, header);
	format->nanoseconds = magic == MAGIC_NS;
	format->extra_header_bytes = magic == MAGIC_MODIFIED ? 8 : 0;
	minor = get16(format, header + 6);
	if (get16(format, header + 4) != 2) {
		format->problem = "not version 2 of the pcap format";
		return false;
	}
	format->lengths_may_be_swapped = minor <= 3;
	format->linktype = linktype_of(get32(format, header + 20));
	format->iface = iface_table_add(ifaces, "file", format->linktype);
	input_skip(input, FILE_HEADER_BYTES);
	return true;
}

enum next_frame pcap_format_next(struct pcap_format *format, struct input *input, bool may_read,
				 struct frame *frame)
{
	size_t header_bytes = RECORD_HEADER_BYTES + format->extra_header_bytes;
	const uint8_t *record;
	uint32_t caplen, wirelen;
	uint64_t seconds, fraction;
	size_t there;

	if (!may_read && !input_has(input, header_bytes))
		return NEXT_NOT_YET;
	there = input_peek(input, header_bytes, &record);
	if (there == 0 && !input_failed(input))
		return NEXT_END;
	if (there < header_bytes) {
		format->problem = "cut short in a record header";
		return NEXT_DAMAGED;
	}
	seconds = get32(format, record);
	fraction = get32(format, record + 4);
	caplen = get32(format, record + 8);
	wirelen = get32(format, record + 12);
	/* Old files have the two the other way round; a captured length is never the larger one. */
	if (format->lengths_may_be_swapped && caplen > wirelen) {
		uint32_t lengths = caplen;

		caplen = wirelen;
		wirelen = lengths;
	}
	if (caplen > CAPLEN_MAX) {
		format->problem = "a record claims more than 262144 captured bytes";
		return NEXT_DAMAGED;
	}
	if (!may_read && !input_has(input, header_bytes + caplen))
		return NEXT_NOT_YET;
	if (input_peek(input, header_bytes + caplen, &record) < header_bytes + caplen) {
		format->problem = "cut short in a record";
		return NEXT_DAMAGED;
	}
	frame->data = record + header_bytes;
	frame->caplen_bytes = caplen;
	frame->wirelen_bytes = wirelen > caplen ? wirelen : caplen;
	frame->ts_ns = seconds * NSEC_PER_SEC + fraction * (format->nanoseconds ? 1 : 1000);
	frame->linktype = format->linktype;
	frame->iface = format->iface;
	input_skip(input, header_bytes + caplen);
	return NEXT_FRAME;
}
