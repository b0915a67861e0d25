/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seqrange.h - a bounded set of disjoint, ordered ranges of sequence numbers: what lies above a hole.
 * It is the receiver's out-of-order queue as the tap sees it. Ranges lie within 2^31 of each other.
 */
#ifndef BBTAP_TCPSTATE_SEQRANGE_H
#define BBTAP_TCPSTATE_SEQRANGE_H

#include <stdbool.h>
#include <stdint.h>

#define SEQRANGE_MAX 32

struct seqrange {
	uint32_t start;
	uint32_t end;	   /* the first number behind the range */
	uint32_t segments; /* that were added to it */
};

struct seqrange_set {
	uint32_t count;
	struct seqrange ranges[SEQRANGE_MAX]; /* ascending, never touching */
};

/*
 * Adds [start, end), start before end. Returns how many of its numbers were not in the set. If there
 * is no room for one more range, nothing is added and *full becomes true.
 */
uint32_t seqrange_add(struct seqrange_set *set, uint32_t start, uint32_t end, bool *full);

/* How many numbers of [start, end) are in the set. */
uint32_t seqrange_overlap(const struct seqrange_set *set, uint32_t start, uint32_t end);

/*
 * Takes out everything below *edge, and what adjoins it: *edge moves to the end of the last range
 * that it reaches. Returns the number of segments taken out.
 */
uint32_t seqrange_release(struct seqrange_set *set, uint32_t *edge);

/* Segments and bytes in the set. */
uint32_t seqrange_segments(const struct seqrange_set *set);
uint32_t seqrange_bytes(const struct seqrange_set *set);

#endif
