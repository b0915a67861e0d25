/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * icmp.h - ICMP and ICMPv6 errors, down to the TCP segment that they quote. Hosts and routers quote at
 * least the IP header and 8 bytes behind it (RFC 792), mostly more (RFC 1812 4.3.2.3, RFC 4443 2.4);
 * what stands behind the quoted packet (RFC 4884) is left alone.
 *
 * Errors are the types in segment.h. A redirect is none: it says nothing of what became of the packet.
 */
#ifndef BBTAP_CAPTURE_ICMP_H
#define BBTAP_CAPTURE_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/ip.h"
#include "capture/segment.h"

#define IP_PROTOCOL_ICMP   1
#define IP_PROTOCOL_ICMPV6 58

/* The quoted packet, as far as it is there. */
struct icmp_quote {
	struct ip_packet ip; /* payload_offset: of the TCP header, in the frame */
	uint32_t l3_offset;  /* of the quoted IP header, in the frame */
	uint32_t end;	     /* behind what is there of it, in the frame */
	uint32_t seq;
	uint32_t payload_bytes; /* 0 if the TCP header is not whole */
};

/* Whether the packet is one of ICMP's in its own version of IP. */
static inline bool icmp_is(const struct ip_packet *ip)
{
	return ip->protocol == (ip->version == 4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMPV6);
}

/*
 * Reads the ICMP message that an IP packet carries; data and caplen_bytes are the frame. Returns
 * DECODE_ICMP_ERROR if `out` and `quote` are filled in, else DECODE_NOT_TCP (no error, or about another
 * protocol or a fragment without ports), DECODE_CUT (by the capture), DECODE_MALFORMED (too little is
 * quoted, or lengths contradict each other) or DECODE_JUMBOGRAM.
 */
enum decode_result icmp_parse(const uint8_t *data, uint32_t caplen_bytes,
			      const struct ip_packet *ip, struct icmp_error *out,
			      struct icmp_quote *quote);

/* The message's own checksum (RFC 792, RFC 4443 2.3): good, bad, or unchecked if it is not all there. */
enum checksum_state icmp_checksum(const uint8_t *data, uint32_t caplen_bytes,
				  const struct ip_packet *ip);

#endif
