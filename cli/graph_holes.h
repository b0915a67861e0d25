/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_holes.h - ranges of sequence numbers that were passed over: what comes later fills them, and what
 * is acknowledged without having come was lost by the capture.
 */
#ifndef BBTAP_CLI_GRAPH_HOLES_H
#define BBTAP_CLI_GRAPH_HOLES_H

#include <stdbool.h>
#include <stdint.h>

#define GRAPH_HOLES_MAX 32

struct graph_hole {
	int64_t low, high; /* low < high */
};

struct graph_holes {
	struct graph_hole holes[GRAPH_HOLES_MAX];
	uint32_t count;
};

/* low < high. When there are too many the oldest is forgotten. */
void graph_holes_add(struct graph_holes *holes, int64_t low, int64_t high);

/* Takes low to high out of the holes. Whether any of it was in one. */
bool graph_holes_fill(struct graph_holes *holes, int64_t low, int64_t high);

/* Takes out the part of a hole that is below una, if there is one; call it until there is none. */
bool graph_holes_take_acked(struct graph_holes *holes, int64_t una, struct graph_hole *out);

#endif
