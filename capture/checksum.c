/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/checksum.h"

#include <string.h>

#include "capture/bytes.h"

static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t checksum_sum(const uint8_t *bytes, uint32_t count, uint16_t start)
{
	uint64_t sum = start;

	/* The sum does not depend on the word size (RFC 1071 2): 32 bits at a time, carries above. */
	while (count >= 8) {
		uint32_t words[2];

		memcpy(words, bytes, sizeof(words));
		sum += (uint64_t)words[0] + words[1];
		bytes += 8;
		count -= 8;
	}
	while (count >= 2) {
		uint16_t word;

		memcpy(&word, bytes, sizeof(word));
		sum += word;
		bytes += 2;
		count -= 2;
	}
	if (count)
		sum += *bytes;
	return fold(sum);
}

uint16_t checksum_ipv4_header(const uint8_t *header, uint32_t length_bytes)
{
	uint16_t sum = checksum_sum(header, 10, 0);

	sum = checksum_sum(header + 12, length_bytes - 12, sum);
	return (uint16_t)~__builtin_bswap16(sum);
}

enum checksum_state checksum_tcp(const uint8_t *tcp, uint32_t tcp_bytes, const uint8_t *addresses,
				 uint32_t address_bytes)
{
	uint8_t rest[8] = { 0, 0, 0, 6 };
	uint16_t pseudo, field, all;

	rest[4] = (uint8_t)(tcp_bytes >> 24);
	rest[5] = (uint8_t)(tcp_bytes >> 16);
	rest[6] = (uint8_t)(tcp_bytes >> 8);
	rest[7] = (uint8_t)tcp_bytes;
	pseudo = checksum_sum(rest, sizeof(rest), checksum_sum(addresses, address_bytes, 0));
	all = checksum_sum(tcp, tcp_bytes, pseudo);
	if (all == 0xffff)
		return CHECKSUM_GOOD;
	memcpy(&field, tcp + 16, sizeof(field));
	if (field == pseudo)
		return CHECKSUM_PARTIAL;
	return CHECKSUM_BAD;
}
