/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_series.h - what is drawn of a connection, thinned as it comes to what an image of some columns
 * can show. Memory depends on the columns, not on the log.
 *
 * Of a line, each column keeps the first, least, largest and last value: the picture is the same. Of
 * bars, a column keeps some of each kind and joins what is more to the nearest: new data rarely, what was
 * sent again up to BARS_AGAIN_MAX, so that none vanishes.
 */
#ifndef BBTAP_CLI_GRAPH_SERIES_H
#define BBTAP_CLI_GRAPH_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/graph_data.h"

#define BARS_MAX       8  /* of a kind in a column */
#define BARS_AGAIN_MAX 64 /* the same, of what was sent again */
#define GRAPH_BINS_MAX 500

struct series_bar {
	int64_t at_ns, low, high;
};

struct series_point {
	int64_t at_ns, value; /* GRAPH_UNKNOWN: a break */
};

struct series_mark {
	int64_t at_ns;
	uint32_t value; /* of the first */
	uint32_t count; /* of this kind in this column */
	enum graph_mark kind;
};

struct bar_series {
	struct series_bar *bars;
	size_t count, room;
	uint64_t total; /* before thinning */
	uint32_t column;
	size_t column_begin;
};

struct line_series {
	struct series_point *points;
	size_t count, room;
	uint64_t total;
	/* The column at work. */
	uint32_t column;
	bool some;
	struct series_point first, least, largest, last;
	uint32_t break_column; /* the last that got a break, + 1 */
	/* Around the range, so that lines reach its edges. */
	struct series_point before;
	bool has_before, ended;
};

struct graph_series {
	int64_t start_ns, end_ns; /* what is shown; start < end */
	uint32_t columns;
	struct bar_series bars[BAR_COUNT];
	struct line_series lines[LINE_COUNT];
	struct series_mark *marks;
	size_t mark_count, mark_room;
	uint32_t mark_columns[MARK_COUNT]; /* the last that got one, + 1 */
	size_t mark_places[MARK_COUNT];
	/* Bytes of each bin: sent, and acknowledged for the first time. */
	int64_t bin_ns;
	uint32_t bin_count;
	uint64_t sent_bytes[GRAPH_BINS_MAX], acked_bytes[GRAPH_BINS_MAX];
	int64_t last_ack;
	bool no_memory;
};

/* columns: 1 .. 65536. */
void graph_series_init(struct graph_series *series, int64_t start_ns, int64_t end_ns,
		       uint32_t columns);
void graph_series_dispose(struct graph_series *series);

struct graph_sink graph_series_sink(struct graph_series *series);

/* All was told. 0 or -ENOMEM. */
int graph_series_finish(struct graph_series *series);

#endif
