/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/quoted.h"

#include "tcpstate/event.h"
#include "tcpstate/seq.h"

#define WINDOW_MIN   65535u /* where the peer's window is not known, or closed */
#define MTU_MIN_IPV4 68	    /* RFC 791 3.2 */
#define MTU_MIN_IPV6 1280   /* RFC 8200 5 */

enum {
	OUTSTANDING = 100,
	JUST_ACKNOWLEDGED = 80, /* a host ignores it; it may be late, or made up */
	NEVER_SEEN = 50,	/* in the window, but the tap has not seen it pass */
	NOT_TO_JUDGE = 40,	/* nothing is known of the endpoint's numbers */
};

static uint32_t window_of(const struct endpoint *sender, const struct endpoint *peer)
{
	uint32_t window = sender->snd_wnd > peer->rcv_wnd_max ? sender->snd_wnd : peer->rcv_wnd_max;

	return window > WINDOW_MIN ? window : WINDOW_MIN;
}

static uint8_t by_number(const struct endpoint *sender, const struct endpoint *peer, uint32_t seq)
{
	uint32_t window = window_of(sender, peer);

	if (!(sender->seen & SEEN_SND))
		return NOT_TO_JUDGE;
	/* A segment without data has the number of the next byte. */
	if (!seq_before(seq, sender->snd_una) && !seq_after(seq, sender->snd_max))
		return OUTSTANDING;
	if (seq_before(seq, sender->snd_una))
		return sender->snd_una - seq <= window ? JUST_ACKNOWLEDGED : 0;
	return seq - sender->snd_max <= window ? NEVER_SEEN : 0;
}

/* An MTU that the packet fits into, or that no link has: a router's mistake, or made up (RFC 5927 7). */
static bool is_odd_mtu(const struct segment *error)
{
	const struct icmp_error *icmp = &error->icmp;
	uint32_t least_bytes = error->key.ip_version == 4 ? MTU_MIN_IPV4 : MTU_MIN_IPV6;

	return icmp->mtu_bytes &&
	       (icmp->mtu_bytes < least_bytes ||
		(icmp->quoted_ip_bytes && icmp->mtu_bytes >= icmp->quoted_ip_bytes));
}

uint8_t quoted_confidence(const struct endpoint *sender, const struct endpoint *peer,
			  const struct segment *error)
{
	uint8_t confidence;

	if (error->checksum == CHECKSUM_BAD)
		return 0;
	confidence = by_number(sender, peer, error->seq);
	return is_odd_mtu(error) ? confidence / 2 : confidence;
}

uint8_t quoted_reason(const struct segment *error)
{
	const struct icmp_error *icmp = &error->icmp;

	if (error->key.ip_version == 6)
		switch (icmp->type) {
		case ICMPV6_PACKET_TOO_BIG:
			return MSGSIZE_TOO_BIG;
		case ICMPV6_UNREACHABLE:
			return MSGSIZE_UNREACHABLE;
		case ICMPV6_TIME_EXCEEDED:
			return MSGSIZE_TIME_EXCEEDED;
		default:
			return MSGSIZE_PARAMETER_PROBLEM;
		}
	switch (icmp->type) {
	case ICMP_UNREACHABLE:
		return icmp->code == ICMP_FRAGMENTATION_NEEDED ? MSGSIZE_TOO_BIG
							       : MSGSIZE_UNREACHABLE;
	case ICMP_TIME_EXCEEDED:
		return MSGSIZE_TIME_EXCEEDED;
	case ICMP_SOURCE_QUENCH:
		return MSGSIZE_SOURCE_QUENCH;
	default:
		return MSGSIZE_PARAMETER_PROBLEM;
	}
}
