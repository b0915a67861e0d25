/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_marks.h - events across all panels: lines with words above the first panel as far as there is
 * room without overlap, bands for recoveries and closed windows, and a legend with their numbers.
 */
#ifndef BBTAP_CLI_GRAPH_MARKS_H
#define BBTAP_CLI_GRAPH_MARKS_H

#include "cli/graph_panel.h"

#define GRAPH_LABEL_ROWS_MAX 3
#define GRAPH_LABELS_MAX     256

struct graph_label {
	size_t mark;
	double x; /* where the words begin */
	uint32_t row;
};

struct graph_marks {
	const struct graph_series *series;
	const struct graph_axis *time;
	struct graph_legend legend;
	struct graph_label labels[GRAPH_LABELS_MAX];
	uint32_t label_count, label_rows;
	double legend_height, labels_height, height; /* height: of both */
	double legend_y;			     /* the caller's */
};

/* first: the upmost panel; its x and width are known. */
void graph_marks_plan(struct graph_marks *marks, cairo_t *cairo, const struct graph_series *series,
		      const struct graph_panel *first, const struct graph_axis *time);

/* Beneath the panels, and above them. */
void graph_marks_draw_bands(const struct graph_marks *marks, cairo_t *cairo,
			    const struct graph_panel *panels, uint32_t panel_count);
void graph_marks_draw(const struct graph_marks *marks, cairo_t *cairo,
		      const struct graph_panel *panels, uint32_t panel_count);

#endif
