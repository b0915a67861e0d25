/* SPDX-License-Identifier: BSD-2-Clause */
/* graph_style.h - how what is drawn looks, and what it is called: in images and in xplot's files. */
#ifndef BBTAP_CLI_GRAPH_STYLE_H
#define BBTAP_CLI_GRAPH_STYLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/graph_data.h"

struct graph_style {
	const char *name; /* in the legend */
	uint32_t rgb;
	double width;
	bool inferred;	     /* not read from packets but concluded */
	const char *xplot;   /* xplot's colour */
	const char *letters; /* beside it in xplot, as tcptrace has them; or NULL */
};

const struct graph_style *graph_bar_style(enum graph_bar kind);
const struct graph_style *graph_line_style(enum graph_line line);
const struct graph_style *graph_mark_style(enum graph_mark mark);

#define GRAPH_COLOR_SENT  0x1f5fa8 /* the bins of throughput */
#define GRAPH_COLOR_ACKED 0x2e8b3d

/* The words of a mark: "timeout 412 ms", "MTU 1400". */
void graph_mark_text(enum graph_mark mark, uint32_t value, char *out, size_t bytes);

#endif
