/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/packet_builder.h"

#include <string.h>

#include "capture/bytes.h"
#include "capture/checksum.h"

void packet_begin(struct packet *packet)
{
	memset(packet, 0, sizeof(*packet));
}

void packet_raw(struct packet *packet, const void *bytes, uint32_t count)
{
	memcpy(packet->bytes + packet->length, bytes, count);
	packet->length += count;
}

void packet_be16(struct packet *packet, uint16_t value)
{
	put_be16(packet->bytes + packet->length, value);
	packet->length += 2;
}

void packet_be32(struct packet *packet, uint32_t value)
{
	packet_be16(packet, (uint16_t)(value >> 16));
	packet_be16(packet, (uint16_t)value);
}

void packet_ethernet(struct packet *packet, uint16_t ethertype)
{
	packet_raw(packet, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
	packet_be16(packet, ethertype);
}

void packet_vlan(struct packet *packet, uint16_t vlan, uint16_t ethertype)
{
	packet_be16(packet, vlan);
	packet_be16(packet, ethertype);
}

void packet_ipv4(struct packet *packet, uint8_t protocol, bool reverse, uint32_t options_bytes)
{
	uint8_t header[20] = { 0x45, 0, 0,  0, 0x12, 0x34, 0,  0, 64, 0,
			       0,    0, 10, 0, 0,    1,	   10, 0, 0,  2 };

	packet->ip_at = packet->length;
	packet->ip_version = 4;
	header[0] = (uint8_t)(0x45 + options_bytes / 4);
	header[9] = protocol;
	header[15] = reverse ? 2 : 1;
	header[19] = reverse ? 1 : 2;
	packet_raw(packet, header, sizeof(header));
	memset(packet->bytes + packet->length, 1, options_bytes);
	packet->length += options_bytes;
}

void packet_ipv6(struct packet *packet, uint8_t next_header, bool reverse)
{
	uint8_t header[40] = { 0x60, 0, 0, 0, 0, 0, 0, 64, 0x20, 0x01, 0x0d, 0xb8 };

	packet->ip_at = packet->length;
	packet->ip_version = 6;
	header[6] = next_header;
	header[23] = reverse ? 2 : 1;
	memcpy(header + 24, header + 8, 4);
	header[39] = reverse ? 1 : 2;
	packet_raw(packet, header, sizeof(header));
}

void packet_extension(struct packet *packet, uint8_t next_header)
{
	uint8_t header[8] = { next_header, 0, 1, 4 }; /* PadN */

	packet_raw(packet, header, sizeof(header));
}

void packet_tcp(struct packet *packet, bool reverse, uint32_t seq, uint32_t ack, uint16_t flags,
		const void *options, uint32_t options_bytes)
{
	packet->tcp_at = packet->length;
	packet_be16(packet, reverse ? 80 : 1000);
	packet_be16(packet, reverse ? 1000 : 80);
	packet_be32(packet, seq);
	packet_be32(packet, ack);
	packet_be16(packet, (uint16_t)((5 + options_bytes / 4) << 12 | flags));
	packet_be16(packet, 8192);
	packet_be32(packet, 0);
	if (options_bytes)
		packet_raw(packet, options, options_bytes);
}

void packet_payload(struct packet *packet, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		packet->bytes[packet->length++] = (uint8_t)(i * 31 + 7);
}

void packet_end(struct packet *packet)
{
	uint8_t *ip = packet->bytes + packet->ip_at;
	uint32_t ip_bytes = packet->length - packet->ip_at;
	uint8_t *tcp = packet->bytes + packet->tcp_at;
	uint32_t tcp_bytes = packet->length - packet->tcp_at;
	bool v4 = packet->ip_version == 4;
	uint8_t pseudo[8] = { 0, 0, 0, 6, 0, 0, (uint8_t)(tcp_bytes >> 8), (uint8_t)tcp_bytes };
	uint16_t sum;

	if (v4) {
		put_be16(ip + 2, (uint16_t)ip_bytes);
		put_be16(ip + 10, checksum_ipv4_header(ip, (ip[0] & 15) * 4u));
	} else {
		put_be16(ip + 4, (uint16_t)(ip_bytes - 40));
	}
	if (!packet->tcp_at || packet->is_fragment)
		return;
	memset(tcp + 16, 0, 2);
	sum = checksum_sum(pseudo, sizeof(pseudo),
			   checksum_sum(ip + (v4 ? 12 : 8), v4 ? 8 : 32, 0));
	sum = (uint16_t)~checksum_sum(tcp, tcp_bytes, sum);
	memcpy(tcp + 16, &sum, sizeof(sum));
}

void packet_plain(struct packet *packet, uint32_t seq, uint32_t payload)
{
	packet_begin(packet);
	packet_ethernet(packet, 0x0800);
	packet_ipv4(packet, 6, false, 0);
	packet_tcp(packet, false, seq, 1, 0x10, NULL, 0);
	packet_payload(packet, payload);
	packet_end(packet);
}

struct frame packet_frame(const struct packet *packet, uint16_t linktype, uint64_t ts_ns)
{
	return (struct frame){ .data = packet->bytes,
			       .caplen_bytes = packet->length,
			       .wirelen_bytes = packet->length,
			       .ts_ns = ts_ns,
			       .number = 1,
			       .linktype = linktype };
}
