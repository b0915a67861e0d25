/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/graph_marks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/values.h"

#define LABEL_ROW 13.0
#define LABEL_GAP 6.0

/* Which words get a place first. The ends of bands need none. */
static const enum graph_mark by_weight[] = {
	MARK_BLACK_HOLE, MARK_RST,	  MARK_RTO,	MARK_ZERO_WINDOW,
	MARK_TOO_BIG,	 MARK_ICMP_ERROR, MARK_MISSING, MARK_COLLAPSE,
	MARK_SPURIOUS,	 MARK_RECOVERY,	  MARK_HYSTART,
};

static double x_of(const struct graph_marks *marks, const struct graph_panel *panel, size_t mark)
{
	return graph_panel_x(panel, marks->time, (double)marks->series->marks[mark].at_ns);
}

static void label_text(const struct graph_marks *marks, size_t mark, char out[64])
{
	const struct series_mark *m = &marks->series->marks[mark];
	size_t length;

	graph_mark_text(m->kind, m->value, out, 48);
	length = strlen(out);
	if (m->count > 1)
		snprintf(out + length, 64 - length, " x%u", m->count);
}

/* Whether the place is free in a row: no words there. */
static bool is_free(const struct graph_marks *marks, const double *widths, uint32_t row, double x,
		    double wide)
{
	for (uint32_t i = 0; i < marks->label_count; i++)
		if (marks->labels[i].row == row && x < marks->labels[i].x + widths[i] + LABEL_GAP &&
		    marks->labels[i].x < x + wide + LABEL_GAP)
			return false;
	return true;
}

static void place_label(struct graph_marks *marks, cairo_t *cairo, const struct graph_panel *panel,
			double *widths, size_t mark)
{
	double x = x_of(marks, panel, mark), wide;
	char text[64];

	label_text(marks, mark, text);
	wide = graph_text_width(cairo, text);
	x = fmax(panel->x, fmin(x - wide / 2, panel->x + panel->width - wide));
	for (uint32_t row = 0; row < GRAPH_LABEL_ROWS_MAX; row++) {
		if (marks->label_count == GRAPH_LABELS_MAX || !is_free(marks, widths, row, x, wide))
			continue;
		widths[marks->label_count] = wide;
		marks->labels[marks->label_count++] =
			(struct graph_label){ .mark = mark, .x = x, .row = row };
		if (row >= marks->label_rows)
			marks->label_rows = row + 1;
		return;
	}
}

static void plan_legend(struct graph_marks *marks)
{
	uint64_t counts[MARK_COUNT] = { 0 };
	char count[NUMBER_TEXT_MAX];

	for (size_t i = 0; i < marks->series->mark_count; i++)
		counts[marks->series->marks[i].kind] += marks->series->marks[i].count;
	for (size_t i = 0; i < sizeof(by_weight) / sizeof(by_weight[0]); i++)
		if (counts[by_weight[i]])
			graph_legend_add(&marks->legend, graph_mark_style(by_weight[i])->rgb,
					 "%s %s", graph_mark_style(by_weight[i])->name,
					 number_text(counts[by_weight[i]], count));
}

static double legend_begin(cairo_t *cairo, double x)
{
	graph_set_font(cairo, GRAPH_FONT_SIZE, true);
	return x + graph_text_width(cairo, "Events") + 16;
}

void graph_marks_plan(struct graph_marks *marks, cairo_t *cairo, const struct graph_series *series,
		      const struct graph_panel *first, const struct graph_axis *time)
{
	double widths[GRAPH_LABELS_MAX];

	*marks = (struct graph_marks){ .series = series, .time = time };
	plan_legend(marks);
	if (marks->legend.count)
		marks->legend_height =
			GRAPH_ROW * graph_legend_flow(&marks->legend, cairo, first->x,
						      legend_begin(cairo, first->x), 0,
						      first->width, false);
	graph_set_font(cairo, GRAPH_FONT_SIZE - 1, false);
	for (size_t i = 0; i < sizeof(by_weight) / sizeof(by_weight[0]); i++)
		for (size_t j = 0; j < series->mark_count; j++)
			if (series->marks[j].kind == by_weight[i])
				place_label(marks, cairo, first, widths, j);
	marks->labels_height = marks->label_rows ? marks->label_rows * LABEL_ROW + 4 : 0;
	marks->height = marks->legend_height + marks->labels_height;
}

static void fill_band(const struct graph_marks *marks, cairo_t *cairo,
		      const struct graph_panel *panel, double from_ns, double to_ns, uint32_t rgb)
{
	double from = fmax(graph_panel_x(panel, marks->time, from_ns), panel->x);
	double to = fmin(graph_panel_x(panel, marks->time, to_ns), panel->x + panel->width);

	graph_set_rgb(cairo, rgb, 0.09);
	cairo_rectangle(cairo, from, panel->y, fmax(to - from, 0.5), panel->height);
	cairo_fill(cairo);
}

static bool begins_band(enum graph_mark kind, enum graph_mark begin)
{
	/* A timeout begins a recovery too, and is told by itself. */
	return kind == begin || (begin == MARK_RECOVERY && kind == MARK_RTO);
}

/* From each mark that begins to the next that ends; what is open reaches the panel's edges. */
static void draw_bands_of(const struct graph_marks *marks, cairo_t *cairo,
			  const struct graph_panel *panel, enum graph_mark begin,
			  enum graph_mark end)
{
	uint32_t rgb = graph_mark_style(begin)->rgb;
	double from_ns = marks->time->low;
	bool open = from_ns > 0; /* in a part of the connection its begin may be outside */

	for (size_t i = 0; i < marks->series->mark_count; i++) {
		const struct series_mark *mark = &marks->series->marks[i];

		if (begins_band(mark->kind, begin)) {
			/* The first mark in a part: so nothing was open before it. */
			if (!open || from_ns == marks->time->low)
				from_ns = (double)mark->at_ns;
			open = true;
		} else if (mark->kind == end && open) {
			fill_band(marks, cairo, panel, from_ns, (double)mark->at_ns, rgb);
			open = false;
		}
	}
	if (open && from_ns > marks->time->low)
		fill_band(marks, cairo, panel, from_ns, marks->time->high, rgb);
}

void graph_marks_draw_bands(const struct graph_marks *marks, cairo_t *cairo,
			    const struct graph_panel *panels, uint32_t panel_count)
{
	for (uint32_t i = 0; i < panel_count; i++) {
		draw_bands_of(marks, cairo, &panels[i], MARK_RECOVERY, MARK_RECOVERED);
		draw_bands_of(marks, cairo, &panels[i], MARK_ZERO_WINDOW, MARK_WINDOW_OPEN);
	}
}

static void draw_line(const struct graph_marks *marks, cairo_t *cairo,
		      const struct graph_panel *panels, uint32_t panel_count, size_t mark)
{
	static const double dashes[] = { 3, 3 };

	graph_set_rgb(cairo, graph_mark_style(marks->series->marks[mark].kind)->rgb, 0.45);
	cairo_set_line_width(cairo, 1);
	cairo_set_dash(cairo, dashes, 2, 0);
	for (uint32_t i = 0; i < panel_count; i++) {
		double x = x_of(marks, &panels[i], mark);

		cairo_move_to(cairo, x, panels[i].y);
		cairo_line_to(cairo, x, panels[i].y + panels[i].height);
	}
	cairo_stroke(cairo);
	cairo_set_dash(cairo, NULL, 0, 0);
}

static void draw_label(const struct graph_marks *marks, cairo_t *cairo,
		       const struct graph_panel *first, const struct graph_label *label)
{
	double y = first->y - 4 - label->row * LABEL_ROW;
	double x = x_of(marks, first, label->mark);
	uint32_t rgb = graph_mark_style(marks->series->marks[label->mark].kind)->rgb;
	char text[64];

	label_text(marks, label->mark, text);
	graph_set_rgb(cairo, rgb, 0.45);
	cairo_set_line_width(cairo, 1);
	cairo_move_to(cairo, x, y + 2);
	cairo_line_to(cairo, x, first->y);
	cairo_stroke(cairo);
	/* Lines of marks below pass behind the words. */
	cairo_set_source_rgb(cairo, 1, 1, 1);
	cairo_rectangle(cairo, label->x - 1, y - 9, graph_text_width(cairo, text) + 2, 11);
	cairo_fill(cairo);
	graph_set_rgb(cairo, rgb, 1);
	graph_text_at(cairo, label->x, y, text);
}

void graph_marks_draw(const struct graph_marks *marks, cairo_t *cairo,
		      const struct graph_panel *panels, uint32_t panel_count)
{
	const struct graph_panel *first = &panels[0];

	for (size_t i = 0; i < marks->series->mark_count; i++)
		draw_line(marks, cairo, panels, panel_count, i);
	graph_set_font(cairo, GRAPH_FONT_SIZE - 1, false);
	/* From the top down: words lie over the lines of the rows above. */
	for (uint32_t row = marks->label_rows; row-- > 0;)
		for (uint32_t i = 0; i < marks->label_count; i++)
			if (marks->labels[i].row == row)
				draw_label(marks, cairo, first, &marks->labels[i]);
	if (!marks->legend.count)
		return;
	graph_set_font(cairo, GRAPH_FONT_SIZE, true);
	graph_set_rgb(cairo, 0, 1);
	graph_text_at(cairo, first->x, marks->legend_y + 12, "Events");
	graph_legend_flow(&marks->legend, cairo, first->x, legend_begin(cairo, first->x),
			  marks->legend_y, first->width, true);
}
