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

/* The errors of RFC 792 and RFC 4443. */
enum icmp_type {
	ICMP_UNREACHABLE = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER_PROBLEM = 12,
};

#define ICMP_FRAGMENTATION_NEEDED 4 /* code of ICMP_UNREACHABLE, with an MTU (RFC 1191 4) */

enum icmpv6_type {
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_PACKET_TOO_BIG = 2,
	ICMPV6_TIME_EXCEEDED = 3,
	ICMPV6_PARAMETER_PROBLEM = 4,
};

/*
 * What a host or router said about a TCP segment (RFC 792, RFC 4443). The segment that it quotes is
 * told by struct segment: key and sender, seq, and as far as they are known payload_bytes.
 */
struct icmp_error {
	uint8_t type; /* of ICMP, or of ICMPv6 if the key's ip_version is 6 */
	uint8_t code;
	bool header_whole;    /* all of the quoted TCP header is there: payload_bytes is known */
	uint8_t reporter[16]; /* who sent it; as in flow_key */
	uint32_t mtu_bytes; /* of the next hop, where the type has one; 0: not told (RFC 1191 4) */
	uint32_t quoted_ip_bytes; /* the IP packet that it is about, by its header; 0: unknown */
};

enum segment_kind {
	SEGMENT_TCP,
	SEGMENT_ICMP_ERROR, /* an ICMP error on its way to the connection that it is about */
};

/*
 * A decoded segment. It borrows its bytes from the frame's batch. Of an ICMP error ts_ns, number,
 * iface, key, hash, sender, checksum, seq, payload_bytes and icmp are valid; it lends no bytes.
 */
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
	uint8_t checksum; /* enum checksum_state, of TCP, or of the ICMP error */
	uint8_t kind;	  /* enum segment_kind */
	uint16_t ip_id;	  /* 0 in IPv6 */

	uint16_t flags; /* enum tcp_flag */
	uint32_t seq;
	uint32_t ack;	 /* as sent, also without TCP_ACK */
	uint16_t window; /* as sent, not scaled */
	uint16_t urgent;
	uint32_t payload_bytes; /* from the IP length, whatever the capture cut off */
	union {
		struct tcp_options options;
		struct icmp_error icmp;
	};
};

/* SEG.LEN of RFC 9293 3.4: SYN and FIN count. */
static inline uint32_t segment_length(const struct segment *seg)
{
	return seg->payload_bytes + !!(seg->flags & TCP_SYN) + !!(seg->flags & TCP_FIN);
}

#define SEGMENT_BATCH_MAX 64

#endif
