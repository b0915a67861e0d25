/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pmtu.h - the path MTU black hole (RFC 2923 2.1): an endpoint's full-size segments never arrive and
 * nobody says why, while smaller ones do. Sizes are bytes of payload.
 *
 * Only the oldest outstanding segment is watched, since that is what a sender repeats. A hole is named
 * when it was sent again and again in vain and something smaller arrived: behind it meanwhile, or before
 * it; or when it was acknowledged at last, sent again in smaller pieces (RFC 4821 7.7). It is named
 * once. An outage of the path looks the same if nothing was seen to arrive meanwhile: the confidence
 * says so.
 */
#ifndef BBTAP_TCPSTATE_PMTU_H
#define BBTAP_TCPSTATE_PMTU_H

#include <stdbool.h>
#include <stdint.h>

/* TCP options make segments of one packet size differ by so much. */
#define PMTU_OPTIONS_SLACK 40

/* RFC 1122 4.2.2.6: less than what any path takes can't be too large, options allowed for. */
#define PMTU_SIZE_MIN 500

enum pmtu_flag {
	PMTU_NAMED = 0x01,
	PMTU_FULL_SIZE = 0x04, /* the stuck segment has full size */
};

/* Sizes that a sender used; all zero to begin with. */
struct pmtu_sizes {
	uint16_t arrived_bytes; /* the largest that was seen to arrive */
	uint16_t largest_bytes; /* the largest that was sent for the first time */
	bool largest_again;	/* by more than one segment */
};

/* What became of its oldest segment; likewise. */
struct pmtu {
	uint64_t again_ns;	/* when the stuck segment was sent again for the second time */
	uint32_t stuck_seq;	/* its number */
	uint16_t stuck_bytes;	/* its size; 0: none is stuck */
	uint16_t again;		/* times it was sent again at that size */
	uint16_t reduced_bytes; /* the smaller size it was sent again with; 0: it was not */
	uint8_t flags;		/* enum pmtu_flag */
};

/* What is known of a stuck segment besides. */
struct pmtu_evidence {
	uint64_t peer_heard_ns; /* the peer's last segment; 0: none */
	uint32_t
		arrived_behind_bytes; /* the largest that arrived of what was sent later; 0: none */
	uint16_t mss_bytes;	      /* the smaller one of both sides; 0: unknown */
	bool smaller_arrived;	      /* something did before: the handshake is enough */
	bool full_arrived;	      /* full-size segments arrived before */
};

struct pmtu_black_hole {
	uint32_t seq;
	uint32_t lost_bytes;	/* does not get through */
	uint32_t arrived_bytes; /* the largest size that does; 0: no size is known */
	uint32_t transmissions; /* of the segment, in vain */
	uint8_t confidence;
};

/* A size was sent for the first time. Not needed below PMTU_SIZE_MIN. */
void pmtu_sent(struct pmtu_sizes *sizes, uint32_t bytes);

/* A segment of this size arrived. Not needed below PMTU_SIZE_MIN. */
void pmtu_arrived(struct pmtu_sizes *sizes, uint32_t bytes);

/*
 * The oldest outstanding segment, which begins at seq, is sent again. True: a black hole, now named.
 */
bool pmtu_again(struct pmtu *pmtu, const struct pmtu_sizes *sizes, uint32_t seq, uint32_t bytes,
		uint64_t ts_ns, const struct pmtu_evidence *evidence, struct pmtu_black_hole *out);

/* The peer acknowledged all before `ack`. True: a black hole, now named. */
bool pmtu_acked(struct pmtu *pmtu, uint32_t ack, struct pmtu_black_hole *out);

#endif
