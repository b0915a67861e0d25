/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/graph_ink.h"

#include <stdarg.h>
#include <stdio.h>

#define SWATCH 9.0

void graph_set_rgb(cairo_t *cairo, uint32_t rgb, double alpha)
{
	cairo_set_source_rgba(cairo, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0,
			      (rgb & 255) / 255.0, alpha);
}

void graph_set_font(cairo_t *cairo, double size, bool bold)
{
	cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
			       bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cairo, size);
}

double graph_text_width(cairo_t *cairo, const char *text)
{
	cairo_text_extents_t extents;

	cairo_text_extents(cairo, text, &extents);
	return extents.x_advance;
}

void graph_text_at(cairo_t *cairo, double x, double y, const char *text)
{
	cairo_move_to(cairo, x, y);
	cairo_show_text(cairo, text);
}

void graph_legend_add(struct graph_legend *legend, uint32_t rgb, const char *format, ...)
{
	struct graph_legend_item *item = &legend->items[legend->count];
	va_list arguments;

	if (legend->count == GRAPH_LEGEND_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(item->text, sizeof(item->text), format, arguments);
	va_end(arguments);
	item->rgb = rgb;
	legend->count++;
}

uint32_t graph_legend_flow(const struct graph_legend *legend, cairo_t *cairo, double x,
			   double first_x, double y, double width, bool draw)
{
	double at = first_x;
	uint32_t row = 0;

	graph_set_font(cairo, GRAPH_FONT_SIZE, false);
	for (uint32_t i = 0; i < legend->count; i++) {
		const struct graph_legend_item *item = &legend->items[i];
		double wide = SWATCH + 4 + graph_text_width(cairo, item->text);
		double base;

		if (at + wide > x + width && at > x) {
			at = x;
			row++;
		}
		base = y + row * GRAPH_ROW + 12;
		if (draw) {
			graph_set_rgb(cairo, item->rgb, 1);
			cairo_rectangle(cairo, at, base - SWATCH, SWATCH, SWATCH);
			cairo_fill(cairo);
			graph_set_rgb(cairo, 0, 1);
			graph_text_at(cairo, at + SWATCH + 4, base, item->text);
		}
		at += wide + 14;
	}
	return row + 1;
}
