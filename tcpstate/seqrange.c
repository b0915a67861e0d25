/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/seqrange.h"

#include <string.h>

#include "tcpstate/seq.h"

/* Index of the first range that ends at or behind seq: the first one that could touch it. */
static uint32_t first_reaching(const struct seqrange_set *set, uint32_t seq)
{
	uint32_t i = 0;

	while (i < set->count && seq_before(set->ranges[i].end, seq))
		i++;
	return i;
}

static void remove_at(struct seqrange_set *set, uint32_t at, uint32_t count)
{
	memmove(&set->ranges[at], &set->ranges[at + count],
		(set->count - at - count) * sizeof(set->ranges[0]));
	set->count -= count;
}

uint32_t seqrange_overlap(const struct seqrange_set *set, uint32_t start, uint32_t end)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		uint32_t from = seq_max(start, set->ranges[i].start);
		uint32_t to = seq_min(end, set->ranges[i].end);

		if (seq_before(from, to))
			sum += to - from;
	}
	return sum;
}

uint32_t seqrange_add(struct seqrange_set *set, uint32_t start, uint32_t end, bool *full)
{
	uint32_t fresh = end - start - seqrange_overlap(set, start, end);
	uint32_t at = first_reaching(set, start);
	struct seqrange merged = { .start = start, .end = end, .segments = 1 };
	uint32_t touched = 0;

	while (at + touched < set->count && seq_upto(set->ranges[at + touched].start, end)) {
		const struct seqrange *range = &set->ranges[at + touched++];

		merged.start = seq_min(merged.start, range->start);
		merged.end = seq_max(merged.end, range->end);
		merged.segments += range->segments;
	}
	if (fresh == 0)
		return 0;
	if (touched == 0) {
		if (set->count == SEQRANGE_MAX) {
			*full = true;
			return 0;
		}
		memmove(&set->ranges[at + 1], &set->ranges[at],
			(set->count - at) * sizeof(set->ranges[0]));
		set->count++;
	} else {
		remove_at(set, at + 1, touched - 1);
	}
	set->ranges[at] = merged;
	return fresh;
}

uint32_t seqrange_release(struct seqrange_set *set, uint32_t *edge)
{
	uint32_t segments = 0;
	uint32_t count = 0;

	while (count < set->count && seq_upto(set->ranges[count].start, *edge)) {
		*edge = seq_max(*edge, set->ranges[count].end);
		segments += set->ranges[count++].segments;
	}
	if (count)
		remove_at(set, 0, count);
	return segments;
}

uint32_t seqrange_segments(const struct seqrange_set *set)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < set->count; i++)
		sum += set->ranges[i].segments;
	return sum;
}

uint32_t seqrange_bytes(const struct seqrange_set *set)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < set->count; i++)
		sum += set->ranges[i].end - set->ranges[i].start;
	return sum;
}
