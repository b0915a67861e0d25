/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/tcp_options.h"

#include "capture/bytes.h"

enum {
	KIND_END = 0,
	KIND_NOP = 1,
	KIND_MSS = 2,
	KIND_WSCALE = 3,
	KIND_SACK_PERMITTED = 4,
	KIND_SACK = 5,
	KIND_TIMESTAMP = 8,
	KIND_MD5 = 19,
	KIND_AO = 29,
	KIND_MPTCP = 30,
	KIND_FASTOPEN = 34,
	KIND_EXPERIMENT_1 = 253,
	KIND_EXPERIMENT_2 = 254,
};

#define FASTOPEN_MAGIC 0xf989 /* RFC 7413 A.1 */

/* One option of `length` bytes, kind and length included. False: the length is wrong for its kind. */
static bool parse_one(const uint8_t *option, uint8_t length, struct tcp_options *out)
{
	switch (option[0]) {
	case KIND_MSS:
		if (length != 4)
			return false;
		out->mss_bytes = get_be16(option + 2);
		out->seen |= TCPOPT_HAS_MSS;
		return true;
	case KIND_WSCALE:
		if (length != 3)
			return false;
		out->wscale = option[2];
		out->seen |= TCPOPT_HAS_WSCALE;
		return true;
	case KIND_SACK_PERMITTED:
		if (length != 2)
			return false;
		out->seen |= TCPOPT_HAS_SACK_PERMITTED;
		return true;
	case KIND_SACK:
		if (length < 10 || (length - 2) % 8)
			return false;
		out->seen |= TCPOPT_HAS_SACK;
		out->sack_count = 0;
		for (uint8_t at = 2; at < length && out->sack_count < TCP_SACK_BLOCKS_MAX; at += 8)
			out->sack[out->sack_count++] =
				(struct tcp_sack_block){ .start = get_be32(option + at),
							 .end = get_be32(option + at + 4) };
		return true;
	case KIND_TIMESTAMP:
		if (length != 10)
			return false;
		out->tsval = get_be32(option + 2);
		out->tsecr = get_be32(option + 6);
		out->seen |= TCPOPT_HAS_TIMESTAMP;
		return true;
	case KIND_MD5:
		if (length != 18)
			return false;
		out->seen |= TCPOPT_HAS_MD5;
		return true;
	case KIND_AO:
		if (length < 4)
			return false;
		out->seen |= TCPOPT_HAS_AO;
		return true;
	case KIND_MPTCP:
		if (length < 3)
			return false;
		out->mptcp_subtype = option[2] >> 4;
		out->seen |= TCPOPT_HAS_MPTCP;
		return true;
	case KIND_FASTOPEN:
		if (length != 2 && (length < 6 || length > 18))
			return false;
		out->fastopen_cookie_bytes = (uint8_t)(length - 2);
		out->seen |= TCPOPT_HAS_FASTOPEN;
		return true;
	case KIND_EXPERIMENT_1:
	case KIND_EXPERIMENT_2:
		if (length >= 4 && get_be16(option + 2) == FASTOPEN_MAGIC) {
			out->fastopen_cookie_bytes = (uint8_t)(length - 4);
			out->seen |= TCPOPT_HAS_FASTOPEN;
			return true;
		}
		out->seen |= TCPOPT_HAS_UNKNOWN;
		return true;
	default:
		out->seen |= TCPOPT_HAS_UNKNOWN;
		return true;
	}
}

void tcp_options_parse(const uint8_t *list, uint32_t length_bytes, uint32_t captured_bytes,
		       struct tcp_options *out)
{
	uint32_t at = 0;

	out->seen = 0;
	out->sack_count = 0;
	/* NOP, NOP, Timestamps: what most segments have, and nothing else (RFC 7323 A). */
	if (length_bytes == 12 && captured_bytes >= 12 && get_be32(list) == 0x0101080a) {
		out->tsval = get_be32(list + 4);
		out->tsecr = get_be32(list + 8);
		out->seen = TCPOPT_HAS_TIMESTAMP;
		return;
	}
	if (captured_bytes > length_bytes)
		captured_bytes = length_bytes;
	while (at < captured_bytes) {
		uint8_t length;

		if (list[at] == KIND_END)
			return;
		if (list[at] == KIND_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= captured_bytes)
			break;
		length = list[at + 1];
		if (length < 2 || at + length > length_bytes) {
			out->seen |= TCPOPT_HAS_BAD;
			return;
		}
		if (at + length > captured_bytes)
			break;
		if (!parse_one(list + at, length, out)) {
			out->seen |= TCPOPT_HAS_BAD;
			return;
		}
		at += length;
	}
	if (captured_bytes < length_bytes)
		out->seen |= TCPOPT_IS_CUT;
	else if (at < length_bytes)
		out->seen |= TCPOPT_HAS_BAD; /* a kind without room for its length */
}
