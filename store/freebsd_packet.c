/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/freebsd_packet.h"

#include <string.h>

#include "capture/bytes.h"
#include "capture/checksum.h"
#include "capture/ip.h"

enum {
	FREEBSD_AF_INET = 2,
	FREEBSD_AF_INET6 = 28,
	FAMILY_BYTES = 4,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	TCP_BYTES_MIN = 20,
	HOP_LIMIT = 127,
};

#define IP_LENGTH_MAX 65535

static void put_family(uint8_t *at, uint32_t family)
{
	memcpy(at, &family, FAMILY_BYTES); /* in the order of the host, as link type NULL has it */
}

static void put_ipv4(uint8_t *ip, const uint8_t *source, const uint8_t *destination,
		     uint64_t behind_bytes)
{
	uint64_t total_bytes = IPV4_BYTES + behind_bytes;

	ip[0] = 0x45;
	put_be16(ip + 2, total_bytes > IP_LENGTH_MAX ? 0 : (uint16_t)total_bytes);
	ip[8] = HOP_LIMIT;
	ip[9] = IP_PROTOCOL_TCP;
	memcpy(ip + 12, source + 12, 4);
	memcpy(ip + 16, destination + 12, 4);
	put_be16(ip + 10, checksum_ipv4_header(ip, IPV4_BYTES));
}

static void put_ipv6(uint8_t *ip, const uint8_t *source, const uint8_t *destination,
		     uint64_t behind_bytes)
{
	ip[0] = 0x60;
	put_be16(ip + 4, behind_bytes > IP_LENGTH_MAX ? 0 : (uint16_t)behind_bytes);
	ip[6] = IP_PROTOCOL_TCP;
	ip[7] = HOP_LIMIT;
	memcpy(ip + 8, source, 16);
	memcpy(ip + 24, destination, 16);
}

/* Returns the header's length. It is read here again, as offsets in a segment have 16 bits only. */
static uint32_t put_tcp(uint8_t *tcp, const struct segment *seg)
{
	const uint8_t *from = seg->data + seg->l4_offset;
	uint32_t there = seg->caplen_bytes - seg->l4_offset;
	uint32_t header_bytes = (from[12] >> 4) * 4u;

	if (header_bytes < TCP_BYTES_MIN)
		header_bytes = TCP_BYTES_MIN;
	memcpy(tcp, from, there < header_bytes ? there : header_bytes);
	tcp[12] = (uint8_t)(header_bytes / 4 << 4 | (tcp[12] & 15));
	return header_bytes;
}

/* The payload is zeros and so are the bytes behind it: they add nothing to the sum. */
static void put_tcp_checksum(uint8_t *tcp, uint32_t header_bytes, uint64_t behind_bytes,
			     const uint8_t *addresses, uint32_t address_bytes)
{
	uint8_t pseudo[8] = { [7] = IP_PROTOCOL_TCP };
	uint16_t sum;

	put_be16(pseudo, (uint16_t)(behind_bytes >> 16));
	put_be16(pseudo + 2, (uint16_t)behind_bytes);
	put_be16(tcp + 16, 0);
	sum = checksum_sum(addresses, address_bytes, 0);
	sum = checksum_sum(pseudo, sizeof(pseudo), sum);
	sum = (uint16_t)~checksum_sum(tcp, header_bytes, sum);
	memcpy(tcp + 16, &sum, sizeof(sum));
}

void freebsd_packet_make(struct freebsd_packet *out, const struct bblog_section *section,
			 const struct bblog_record *record, const struct segment *seg)
{
	bool in = record->event_id == EVENT_IN, v4 = section->ip_version == 4;
	const uint8_t *source = in ? section->foreign_address : section->local_address;
	const uint8_t *destination = in ? section->local_address : section->foreign_address;
	uint32_t ip_bytes = v4 ? IPV4_BYTES : IPV6_BYTES;
	uint8_t *ip = out->bytes + FAMILY_BYTES, *tcp = ip + ip_bytes;
	uint64_t behind_bytes, wirelen_bytes;
	uint32_t header_bytes;

	memset(out, 0, sizeof(*out));
	put_family(out->bytes, v4 ? FREEBSD_AF_INET : FREEBSD_AF_INET6);
	header_bytes = put_tcp(tcp, seg);
	behind_bytes = (uint64_t)header_bytes + record->len;
	if (v4)
		put_ipv4(ip, source, destination, behind_bytes);
	else
		put_ipv6(ip, source, destination, behind_bytes);
	put_tcp_checksum(tcp, header_bytes, behind_bytes, ip + (v4 ? 12 : 8), v4 ? 8 : 32);
	wirelen_bytes = FAMILY_BYTES + ip_bytes + behind_bytes;
	out->wirelen_bytes = wirelen_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)wirelen_bytes;
	out->caplen_bytes =
		out->wirelen_bytes > FREEBSD_PACKET_MAX ? FREEBSD_PACKET_MAX : out->wirelen_bytes;
}
