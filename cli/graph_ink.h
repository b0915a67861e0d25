/* SPDX-License-Identifier: BSD-2-Clause */
/* graph_ink.h - colours, text and legends in cairo: what panels and the page around them share. */
#ifndef BBTAP_CLI_GRAPH_INK_H
#define BBTAP_CLI_GRAPH_INK_H

#include <cairo.h>
#include <stdbool.h>
#include <stdint.h>

#define GRAPH_FONT_SIZE	  11.0
#define GRAPH_ROW	  16.0 /* of a line of text */
#define GRAPH_LEGEND_MAX  16
#define GRAPH_LEGEND_TEXT 80

struct graph_legend_item {
	char text[GRAPH_LEGEND_TEXT];
	uint32_t rgb;
};

struct graph_legend {
	struct graph_legend_item items[GRAPH_LEGEND_MAX];
	uint32_t count;
};

void graph_set_rgb(cairo_t *cairo, uint32_t rgb, double alpha);
void graph_set_font(cairo_t *cairo, double size, bool bold);
double graph_text_width(cairo_t *cairo, const char *text);
/* y: the base line. */
void graph_text_at(cairo_t *cairo, double x, double y, const char *text);

/* What is more than GRAPH_LEGEND_MAX is left out. */
void graph_legend_add(struct graph_legend *legend, uint32_t rgb, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Coloured squares with words, broken into rows between x and x + width; the first begins at first_x.
 * y: the top. Returns how many rows; draws them if told.
 */
uint32_t graph_legend_flow(const struct graph_legend *legend, cairo_t *cairo, double x,
			   double first_x, double y, double width, bool draw);

#endif
