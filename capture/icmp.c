/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/icmp.h"

#include <string.h>

#include "capture/bytes.h"
#include "capture/checksum.h"

#define ICMP_HEADER_BYTES 8
#define TCP_QUOTED_BYTES  8 /* ports and sequence number: the least that is quoted */
#define TCP_HEADER_BYTES  20
/* RFC 4884 5: with extensions behind it the quoted packet has at least so many bytes. */
#define EXTENDED_QUOTE_BYTES 128

static bool is_error(uint8_t version, uint8_t type)
{
	if (version == 6)
		return type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER_PROBLEM;
	return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM;
}

static uint32_t mtu_of(uint8_t version, const uint8_t *icmp)
{
	if (version == 6)
		return icmp[0] == ICMPV6_PACKET_TOO_BIG ? get_be32(icmp + 4) : 0;
	if (icmp[0] == ICMP_UNREACHABLE && icmp[1] == ICMP_FRAGMENTATION_NEEDED)
		return get_be16(icmp + 6);
	return 0;
}

/* RFC 4884 4: how long the quoted packet is, if something stands behind it; 0: not said. */
static uint32_t quote_bytes_said(uint8_t version, const uint8_t *icmp)
{
	uint32_t bytes = 0;

	if (version == 6 && (icmp[0] == ICMPV6_UNREACHABLE || icmp[0] == ICMPV6_TIME_EXCEEDED))
		bytes = icmp[4] * 8u;
	else if (version == 4 && icmp[0] != ICMP_SOURCE_QUENCH)
		bytes = icmp[5] * 4u;
	return bytes >= EXTENDED_QUOTE_BYTES ? bytes : 0;
}

/* The length that the quoted header tells: not that of the quotation. 0: it tells none. */
static uint32_t ip_bytes_of(const uint8_t *ip)
{
	uint32_t bytes;

	if (ip[0] >> 4 == 4)
		return get_be16(ip + 2);
	bytes = get_be16(ip + 4);
	return bytes ? 40 + bytes : 0;
}

enum decode_result icmp_parse(const uint8_t *data, uint32_t caplen_bytes,
			      const struct ip_packet *ip, struct icmp_error *out,
			      struct icmp_quote *quote)
{
	const uint8_t *icmp = data + ip->payload_offset, *tcp;
	uint32_t half = ip->address_bytes / 2, end = ip->payload_offset + ip->payload_bytes;
	uint32_t header_bytes, said_bytes;
	bool cut = end > caplen_bytes;
	enum decode_result too_short = cut ? DECODE_CUT : DECODE_MALFORMED;
	enum decode_result result;

	if (cut)
		end = caplen_bytes;
	memset(quote, 0, sizeof(*quote));
	if (ip->payload_offset >= end)
		return too_short;
	if (!is_error(ip->version, icmp[0]))
		return DECODE_NOT_TCP;
	quote->l3_offset = ip->payload_offset + ICMP_HEADER_BYTES;
	if (quote->l3_offset >= end)
		return too_short;
	said_bytes = quote_bytes_said(ip->version, icmp);
	if (said_bytes && said_bytes < end - quote->l3_offset) {
		end = quote->l3_offset + said_bytes;
		too_short = DECODE_MALFORMED;
	}
	result = ip_parse(data, end, end, quote->l3_offset, &quote->ip);
	if (result != DECODE_SEGMENT)
		return result == DECODE_CUT ? too_short : result;
	if (quote->ip.version != ip->version)
		return DECODE_MALFORMED;
	if (quote->ip.protocol != IP_PROTOCOL_TCP || quote->ip.fragment_offset_bytes)
		return DECODE_NOT_TCP;
	if (quote->ip.payload_offset + TCP_QUOTED_BYTES > end)
		return too_short;

	tcp = data + quote->ip.payload_offset;
	quote->end = end;
	quote->seq = get_be32(tcp + 4);
	memset(out, 0, sizeof(*out));
	out->type = icmp[0];
	out->code = icmp[1];
	out->mtu_bytes = mtu_of(ip->version, icmp);
	out->quoted_ip_bytes = ip_bytes_of(data + quote->l3_offset);
	memcpy(out->reporter + 16 - half, ip->addresses, half);
	if (quote->ip.payload_offset + TCP_HEADER_BYTES > end || !out->quoted_ip_bytes)
		return DECODE_ICMP_ERROR;
	header_bytes = (tcp[12] >> 4) * 4u;
	if (header_bytes < TCP_HEADER_BYTES || header_bytes > quote->ip.payload_bytes ||
	    quote->ip.payload_offset + header_bytes > end)
		return DECODE_ICMP_ERROR;
	out->header_whole = true;
	quote->payload_bytes = quote->ip.payload_bytes - header_bytes;
	return DECODE_ICMP_ERROR;
}

enum checksum_state icmp_checksum(const uint8_t *data, uint32_t caplen_bytes,
				  const struct ip_packet *ip)
{
	uint8_t pseudo[8] = { 0, 0, 0, 0, 0, 0, 0, IP_PROTOCOL_ICMPV6 };
	uint16_t sum = 0;

	if (ip->payload_offset + ip->payload_bytes > caplen_bytes)
		return CHECKSUM_UNCHECKED;
	if (ip->version == 6) {
		put_be16(pseudo, (uint16_t)(ip->payload_bytes >> 16));
		put_be16(pseudo + 2, (uint16_t)ip->payload_bytes);
		sum = checksum_sum(pseudo, sizeof(pseudo),
				   checksum_sum(ip->addresses, ip->address_bytes, 0));
	}
	sum = checksum_sum(data + ip->payload_offset, ip->payload_bytes, sum);
	return sum == 0xffff ? CHECKSUM_GOOD : CHECKSUM_BAD;
}
