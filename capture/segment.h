/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment.h - a decoded TCP segment: what capture/ hands to tcpstate/. All numbers are in host
 * order unless the name ends in _be.
 */
#ifndef BBTAP_CAPTURE_SEGMENT_H
#define BBTAP_CAPTURE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* RFC 9293 3.1; bit 8 is AE (AccECN, RFC 9768), once NS. */
enum tcp_flag {
	TCP_FIN = 0x001,
	TCP_SYN = 0x002,
	TCP_RST = 0x004,
	TCP_PSH = 0x008,
	TCP_ACK = 0x010,
	TCP_URG = 0x020,
	TCP_ECE = 0x040,
	TCP_CWR = 0x080,
	TCP_AE = 0x100,
};

/* Which options a segment carries. An option with a wrong length sets only TCPOPT_HAS_BAD. */
enum tcp_option_seen {
	TCPOPT_HAS_MSS = 0x0001,	    /* RFC 9293 3.2 */
	TCPOPT_HAS_WSCALE = 0x0002,	    /* RFC 7323 2 */
	TCPOPT_HAS_SACK_PERMITTED = 0x0004, /* RFC 2018 2 */
	TCPOPT_HAS_SACK = 0x0008,	    /* RFC 2018 3 */
	TCPOPT_HAS_TIMESTAMP = 0x0010,	    /* RFC 7323 3 */
	TCPOPT_HAS_FASTOPEN = 0x0020,	    /* RFC 7413, kind 34 (and 254 with its magic number) */
	TCPOPT_HAS_MD5 = 0x0040,	    /* RFC 2385, kind 19 */
	TCPOPT_HAS_AO = 0x0080,		    /* RFC 5925, kind 29 */
	TCPOPT_HAS_MPTCP = 0x0100,	    /* RFC 8684, kind 30 */
	TCPOPT_HAS_UNKNOWN = 0x0200,
	TCPOPT_HAS_BAD = 0x0400, /* wrong length, or the list runs over the header's end */
	TCPOPT_IS_CUT = 0x0800,	 /* the capture's snap length ends inside the options */
};

#define TCP_SACK_BLOCKS_MAX 4

struct tcp_sack_block {
	uint32_t start; /* left edge */
	uint32_t end;	/* right edge: the first byte behind the block */
};

struct tcp_options {
	uint16_t seen; /* enum tcp_option_seen */
	uint16_t mss_bytes;
	uint8_t wscale; /* shift count as sent; RFC 7323 2.3: more than 14 is used as 14 */
	uint8_t sack_count;
	uint8_t fastopen_cookie_bytes; /* 0: a cookie request */
	uint8_t mptcp_subtype;	       /* RFC 8684 8: MP_CAPABLE 0, MP_JOIN 1, DSS 2, ... */
	uint32_t tsval;
	uint32_t tsecr;
	struct tcp_sack_block sack[TCP_SACK_BLOCKS_MAX]; /* in the order sent */
};

enum checksum_state {
	CHECKSUM_UNCHECKED, /* not all bytes were captured, or nobody asked */
	CHECKSUM_GOOD,
	CHECKSUM_PARTIAL, /* only the pseudo-header's sum is in it: captured before offload */
	CHECKSUM_BAD,
};

/*
 * Both ends of a connection in canonical order: side 0 is the one whose (address, port) is the
 * smaller in memcmp order. The same key for both directions. Compared and hashed as 40 bytes, so
 * padding is always zero.
 */
struct flow_key {
	uint8_t addr[2][16]; /* IPv4 in the last 4 bytes, the rest zero */
	uint16_t port_be[2];
	uint8_t ip_version; /* 4 or 6 */
	uint8_t zero[3];
};

_Static_assert(sizeof(struct flow_key) == 40, "flow_key is hashed as five 64-bit words");

static inline bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* A decoded segment. It borrows its bytes from the frame's batch. */
struct segment {
	uint64_t ts_ns;	 /* UTC */
	uint64_t number; /* of the frame, see frame.h; of the last fragment if reassembled */

	const uint8_t *data; /* the captured frame, from its link-layer header on */
	uint32_t caplen_bytes;
	uint32_t wirelen_bytes;
	uint16_t linktype;
	uint16_t iface;
	uint16_t l3_offset;	 /* of the IP header around the TCP header, in data */
	uint16_t l4_offset;	 /* of the TCP header, in data */
	uint16_t payload_offset; /* behind the TCP header, in data; may be > caplen_bytes if cut */
	uint16_t fragments;	 /* IP fragments that it was put together from; 0: came whole */

	struct flow_key key;
	uint32_t hash;	  /* of key */
	uint8_t sender;	  /* 0 or 1: which side of key sent it */
	uint8_t ttl;	  /* or hop limit */
	uint8_t tos;	  /* or traffic class: DSCP << 2 | ECN (RFC 3168) */
	uint8_t checksum; /* enum checksum_state, of TCP */
	uint16_t ip_id;	  /* 0 in IPv6 */

	uint16_t flags; /* enum tcp_flag */
	uint32_t seq;
	uint32_t ack;	 /* as sent, also without TCP_ACK */
	uint16_t window; /* as sent, not scaled */
	uint16_t urgent;
	uint32_t payload_bytes; /* from the IP length, whatever the capture cut off */
	struct tcp_options options;
};

/* SEG.LEN of RFC 9293 3.4: SYN and FIN count. */
static inline uint32_t segment_length(const struct segment *seg)
{
	return seg->payload_bytes + !!(seg->flags & TCP_SYN) + !!(seg->flags & TCP_FIN);
}

#define SEGMENT_BATCH_MAX 64

#endif
