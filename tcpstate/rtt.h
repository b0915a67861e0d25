/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtt.h - round-trip time of one endpoint, as the tap sees it: from the tap to the peer and back
 * (RFC 6298 2 and 3, Karn's rule). The scoreboard hands in samples of its own; for the SYN, and where
 * there is no scoreboard, one segment is timed at a time.
 */
#ifndef BBTAP_TCPSTATE_RTT_H
#define BBTAP_TCPSTATE_RTT_H

#include <stdbool.h>
#include <stdint.h>

/* 0 stands for never where times are kept: what happened at the epoch itself is kept as a nanosecond later. */
static inline uint64_t kept_ns(uint64_t ts_ns)
{
	return ts_ns ? ts_ns : 1;
}

struct rtt {
	uint64_t timed_at_ns; /* when the timed segment was sent; 0: none is */
	uint32_t timed_end;   /* its last sequence number + 1 */
	uint32_t srtt_us;     /* 0: no sample yet */
	uint32_t rttvar_us;
	uint32_t min_us;
	uint32_t samples;
} __attribute__((packed, aligned(4))); /* 28 bytes: its owner has a use for the other 4 */

/* New data up to `end` was sent. */
void rtt_on_send(struct rtt *rtt, uint32_t end, uint64_t ts_ns);

/* [start, ...) was sent again: an ACK for the timed segment would be ambiguous (Karn). */
void rtt_on_retransmit(struct rtt *rtt, uint32_t start);

/* Everything before `ack` was acknowledged. True: a sample was taken, *sample_us. */
bool rtt_on_ack(struct rtt *rtt, uint32_t ack, uint64_t ts_ns, uint32_t *sample_us);

/*
 * A segment sent at sent_ns was answered: as rtt_on_ack(), for a segment that is timed elsewhere. False: a
 * clock that went backwards, or a time longer than the type.
 */
bool rtt_since(struct rtt *rtt, uint64_t sent_ns, uint64_t ts_ns, uint32_t *sample_us);

/* A sample from elsewhere; min_us: the shortest time that the same ACK shows. */
void rtt_sample(struct rtt *rtt, uint32_t sample_us, uint32_t min_us);

#endif
