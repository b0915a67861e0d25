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
#include "cli/graph_series.h"
#include "cli/graph_style.h"

#define GRAPH_FONT_SIZE	  11.0
#define GRAPH_ROW	  16.0 /* of a line of text */
#define GRAPH_LEGEND_MAX  16
#define GRAPH_LEGEND_TEXT 80

enum graph_panel_kind {
	PANEL_SEQUENCE,
	PANEL_RTT,
	PANEL_WINDOWS,
	PANEL_THROUGHPUT,
	PANEL_COUNT,
};

struct graph_legend_item {
	char text[GRAPH_LEGEND_TEXT];
	uint32_t rgb;
};

struct graph_legend {
	struct graph_legend_item items[GRAPH_LEGEND_MAX];
	uint32_t count;
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

/* Text and lines, for what is around the panels too. */
void graph_set_rgb(cairo_t *cairo, uint32_t rgb, double alpha);
void graph_set_font(cairo_t *cairo, double size, bool bold);
double graph_text_width(cairo_t *cairo, const char *text);
/* y: the base line. */
void graph_text_at(cairo_t *cairo, double x, double y, const char *text);

/* Where a time is in a panel, not further outside than a panel's width. */
double graph_panel_x(const struct graph_panel *panel, const struct graph_axis *time, double at_ns);

/* Coloured squares with words, from x, y (the top) on, broken into rows; returns how many. */
uint32_t graph_legend_flow(const struct graph_legend *legend, cairo_t *cairo, double x,
			   double first_x, double y, double width, bool draw);
void graph_legend_add(struct graph_legend *legend, uint32_t rgb, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
