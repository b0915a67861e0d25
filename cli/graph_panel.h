/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_panel.h - one plot of several that share a time axis: its range, its legend, and drawing it.
 * Lengths are in pixels (points in PDF).
 */
#ifndef BBTAP_CLI_GRAPH_PANEL_H
#define BBTAP_CLI_GRAPH_PANEL_H

#include <cairo.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/graph_axis.h"
#include "cli/graph_ink.h"
#include "cli/graph_series.h"
#include "cli/graph_style.h"

enum graph_panel_kind {
	PANEL_SEQUENCE,
	PANEL_RTT,
	PANEL_WINDOWS,
	PANEL_THROUGHPUT,
	PANEL_COUNT,
};

struct graph_panel {
	enum graph_panel_kind kind;
	const struct graph_series *series;
	bool empty; /* nothing to draw */
	struct graph_axis values;
	struct graph_legend legend;
	double x, y, width, height; /* of the plot itself */
	double header_y;	    /* where its name and legend begin */
};

/* Finds the range and the legend. height: about how high the plot will be. */
void graph_panel_plan(struct graph_panel *panel, enum graph_panel_kind kind,
		      const struct graph_series *series, double height);

/* Width of the widest number beside it. */
double graph_panel_numbers_width(const struct graph_panel *panel, cairo_t *cairo);

/* The rows that name and legend take in this width; draws them at header_y if told. */
uint32_t graph_panel_header(const struct graph_panel *panel, cairo_t *cairo, double width,
			    bool draw);

/* last_ns: of the connection: lines hold their values until then. */
void graph_panel_draw(const struct graph_panel *panel, cairo_t *cairo,
		      const struct graph_axis *time, int64_t last_ns);

/* Where a time is in a panel, not further outside than a panel's width. */
double graph_panel_x(const struct graph_panel *panel, const struct graph_axis *time, double at_ns);

#endif
