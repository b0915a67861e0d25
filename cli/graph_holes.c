/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/graph_holes.h"

#include <string.h>

static void drop(struct graph_holes *holes, uint32_t number)
{
	holes->count--;
	memmove(&holes->holes[number], &holes->holes[number + 1],
		(holes->count - number) * sizeof(holes->holes[0]));
}

void graph_holes_add(struct graph_holes *holes, int64_t low, int64_t high)
{
	if (holes->count == GRAPH_HOLES_MAX)
		drop(holes, 0);
	holes->holes[holes->count++] = (struct graph_hole){ low, high };
}

bool graph_holes_fill(struct graph_holes *holes, int64_t low, int64_t high)
{
	bool filled = false;

	for (uint32_t i = 0; i < holes->count;) {
		struct graph_hole *hole = &holes->holes[i];
		struct graph_hole rest = { high, hole->high };

		if (high <= hole->low || low >= hole->high) {
			i++;
			continue;
		}
		filled = true;
		if (low > hole->low) {
			hole->high = low;
			i++;
		} else {
			drop(holes, i);
		}
		/* What is left behind it is looked at again, in vain. */
		if (rest.low < rest.high)
			graph_holes_add(holes, rest.low, rest.high);
	}
	return filled;
}

bool graph_holes_take_acked(struct graph_holes *holes, int64_t una, struct graph_hole *out)
{
	for (uint32_t i = 0; i < holes->count; i++) {
		struct graph_hole *hole = &holes->holes[i];

		if (hole->low >= una)
			continue;
		*out = *hole;
		if (hole->high > una) {
			out->high = una;
			hole->low = una;
		} else {
			drop(holes, i);
		}
		return true;
	}
	return false;
}
