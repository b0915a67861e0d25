/* SPDX-License-Identifier: BSD-2-Clause */
/* ip.h - an IP header, version 4 or 6, down to what it carries. */
#ifndef BBTAP_CAPTURE_IP_H
#define BBTAP_CAPTURE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/decode.h"

#define IP_PROTOCOL_TCP 6

struct ip_packet {
	uint8_t version;
	uint8_t protocol; /* of the payload; in a fragment, of what the whole packet carries */
	uint8_t ttl;
	uint8_t tos;
	uint8_t address_bytes;	  /* of both together: 8 or 32 */
	const uint8_t *addresses; /* source, destination */
	uint32_t payload_offset;  /* in the frame; behind the fragment header if there is one */
	uint32_t payload_bytes;	  /* by the IP header, whatever was captured */
	/* Fragments only */
	bool fragment;
	bool more_fragments;
	uint32_t id; /* IPv4: 16 bits */
	uint32_t fragment_offset_bytes;
	uint32_t fragment_header_offset; /* IPv6: where its fragment header stands, in the frame */
	uint32_t next_header_offset;	 /* IPv6: of the byte that says "fragment header" */
};

/*
 * Reads the header at l3_offset of a frame. Returns DECODE_SEGMENT if `out` is filled in, whatever
 * the protocol; else DECODE_NOT_IP, DECODE_CUT, DECODE_MALFORMED, DECODE_JUMBOGRAM.
 */
enum decode_result ip_parse(const uint8_t *data, uint32_t caplen_bytes, uint32_t wirelen_bytes,
			    uint32_t l3_offset, struct ip_packet *out);

#endif
