/* SPDX-License-Identifier: BSD-2-Clause */
/* graph_axis.h - an axis: its range, ticks at 1, 2 or 5 times a power of ten, the unit of its numbers. */
#ifndef BBTAP_CLI_GRAPH_AXIS_H
#define BBTAP_CLI_GRAPH_AXIS_H

#include <stddef.h>
#include <stdint.h>

enum graph_quantity {
	QUANTITY_TIME, /* ns */
	QUANTITY_BYTES,
	QUANTITY_RATE, /* bit/s */
};

#define GRAPH_TICKS_MAX	    64
#define GRAPH_TICK_TEXT_MAX 32

struct graph_axis {
	double low, high; /* low < high, finite */
	double first;	  /* the first tick that is >= low */
	double step;
	uint32_t ticks;	  /* <= GRAPH_TICKS_MAX */
	double scale;	  /* numbers are printed divided by it */
	const char *unit; /* "ms", "kB", "Mbit/s" ... */
	int decimals;
};

/* The least of 1, 2, 5 times a power of ten with which a range has at most `ticks` steps. */
double graph_nice_step(double range, uint32_t ticks);

/* An axis from low to high. A range that is empty or no number becomes one of some width. */
void graph_axis_make(struct graph_axis *axis, double low, double high, uint32_t ticks,
		     enum graph_quantity quantity);

/* The same, with its ends moved outward to ticks. */
void graph_axis_round(struct graph_axis *axis, uint32_t ticks, enum graph_quantity quantity);

double graph_axis_tick(const struct graph_axis *axis, uint32_t number);
void graph_axis_text(const struct graph_axis *axis, uint32_t number, char out[GRAPH_TICK_TEXT_MAX]);

/* A quantity with its unit, three digits: "1.51 MB", "23.4 ms". */
void graph_quantity_text(double value, enum graph_quantity quantity, char *out, size_t bytes);

#endif
