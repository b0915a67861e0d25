/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/ip.h"

#include <string.h>

#include "capture/bytes.h"

enum {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AH = 51,
	NEXT_DESTINATION = 60,
	NEXT_MOBILITY = 135,
	NEXT_HIP = 139,
	NEXT_SHIM6 = 140,
};

#define IPV6_HEADER_BYTES 40
#define EXTENSIONS_MAX	  16
#define OPTION_JUMBO	  0xc2 /* RFC 2675 2 */

static enum decode_result parse_ipv4(const uint8_t *data, uint32_t caplen_bytes,
				     uint32_t wirelen_bytes, uint32_t l3_offset,
				     struct ip_packet *out)
{
	const uint8_t *header = data + l3_offset;
	uint32_t header_bytes, total_bytes;
	uint16_t fragment;

	if (l3_offset + 20 > caplen_bytes)
		return DECODE_CUT;
	header_bytes = (header[0] & 0x0f) * 4u;
	total_bytes = get_be16(header + 2);
	/* Captured before the NIC cut it into segments: the length is left to the NIC. */
	if (total_bytes == 0)
		total_bytes = wirelen_bytes - l3_offset;
	if (header_bytes < 20 || total_bytes < header_bytes)
		return DECODE_MALFORMED;
	fragment = get_be16(header + 6);
	out->version = 4;
	out->tos = header[1];
	out->ttl = header[8];
	out->protocol = header[9];
	out->id = get_be16(header + 4);
	out->addresses = header + 12;
	out->address_bytes = 8;
	out->more_fragments = fragment & 0x2000;
	out->fragment_offset_bytes = (fragment & 0x1fffu) * 8;
	out->fragment = out->more_fragments || out->fragment_offset_bytes;
	out->payload_offset = l3_offset + header_bytes;
	out->payload_bytes = total_bytes - header_bytes;
	return out->payload_offset > caplen_bytes ? DECODE_CUT : DECODE_SEGMENT;
}

/* RFC 2675: a payload length of 0 and this option in the hop-by-hop header. */
static bool has_jumbo_option(const uint8_t *options, uint32_t bytes)
{
	for (uint32_t at = 0; at < bytes;) {
		if (options[at] == 0) { /* Pad1 */
			at++;
			continue;
		}
		if (options[at] == OPTION_JUMBO)
			return true;
		if (at + 1 >= bytes)
			return false;
		at += 2u + options[at + 1];
	}
	return false;
}

static enum decode_result parse_ipv6(const uint8_t *data, uint32_t caplen_bytes,
				     uint32_t wirelen_bytes, uint32_t l3_offset,
				     struct ip_packet *out)
{
	const uint8_t *header = data + l3_offset;
	uint32_t offset = l3_offset + IPV6_HEADER_BYTES;
	uint32_t next_at = l3_offset + 6;
	uint32_t payload_bytes, end;
	uint8_t next;

	if (offset > caplen_bytes)
		return DECODE_CUT;
	payload_bytes = get_be16(header + 4);
	out->version = 6;
	out->tos = (uint8_t)(get_be16(header) >> 4);
	out->ttl = header[7];
	out->addresses = header + 8;
	out->address_bytes = 32;
	out->id = 0;
	out->fragment = false;
	next = header[6];
	if (payload_bytes == 0) {
		if (next == NEXT_HOP_BY_HOP && offset + 8 <= caplen_bytes &&
		    has_jumbo_option(data + offset + 2, 6))
			return DECODE_JUMBOGRAM;
		if (wirelen_bytes < offset)
			return DECODE_MALFORMED;
		payload_bytes = wirelen_bytes - offset; /* left to the NIC, as in IPv4 */
	}
	end = offset + payload_bytes;
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		uint32_t length;

		switch (next) {
		case NEXT_HOP_BY_HOP:
		case NEXT_ROUTING:
		case NEXT_DESTINATION:
		case NEXT_MOBILITY:
		case NEXT_HIP:
		case NEXT_SHIM6:
		case NEXT_AH:
		case NEXT_FRAGMENT:
			break;
		default:
			out->protocol = next;
			out->payload_offset = offset;
			out->payload_bytes = end - offset;
			return DECODE_SEGMENT;
		}
		if (offset + 8 > end)
			return DECODE_MALFORMED;
		if (offset + 8 > caplen_bytes)
			return DECODE_CUT;
		if (next == NEXT_FRAGMENT) {
			uint16_t field = get_be16(data + offset + 2);

			out->protocol = data[offset];
			out->more_fragments = field & 1;
			out->fragment_offset_bytes = field & 0xfff8u;
			out->id = get_be32(data + offset + 4);
			out->fragment_header_offset = offset;
			out->next_header_offset = next_at;
			/* RFC 6946: an atomic fragment is a packet that is whole. */
			if (out->more_fragments || out->fragment_offset_bytes) {
				out->fragment = true;
				out->payload_offset = offset + 8;
				out->payload_bytes = end - offset - 8;
				return DECODE_SEGMENT;
			}
			length = 8;
		} else if (next == NEXT_AH) {
			length = (data[offset + 1] + 2u) * 4;
		} else {
			length = (data[offset + 1] + 1u) * 8;
		}
		next_at = offset;
		next = data[offset];
		if (length > end - offset)
			return DECODE_MALFORMED;
		offset += length;
		if (offset > caplen_bytes)
			return DECODE_CUT;
	}
	return DECODE_MALFORMED;
}

enum decode_result ip_parse(const uint8_t *data, uint32_t caplen_bytes, uint32_t wirelen_bytes,
			    uint32_t l3_offset, struct ip_packet *out)
{
	if (l3_offset >= caplen_bytes)
		return DECODE_CUT;
	if (wirelen_bytes < l3_offset)
		return DECODE_MALFORMED;
	/* The header says itself what it is, whatever the link layer says. */
	switch (data[l3_offset] >> 4) {
	case 4:
		return parse_ipv4(data, caplen_bytes, wirelen_bytes, l3_offset, out);
	case 6:
		return parse_ipv6(data, caplen_bytes, wirelen_bytes, l3_offset, out);
	default:
		return DECODE_MALFORMED;
	}
}
