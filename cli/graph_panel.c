/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/graph_panel.h"

#include <math.h>
#include <stdio.h>

#include "cli/values.h"

#define TICK_EVERY    26.0 /* pixels, at least, between two numbers of the value axis */
#define BAR_AGAIN_MIN 5	   /* so that none of what was sent again is overlooked */
#define BAR_MIN	      1.5  /* a bar's least height: one byte is to be seen too */
#define GREY	      0x606870
#define GRID	      0xe4e6ea
#define FRAME	      0x9aa0a8

struct range {
	double low, high;
	bool some;
};

static const char *const names[PANEL_COUNT] = {
	[PANEL_SEQUENCE] = "Sequence numbers",
	[PANEL_RTT] = "Round-trip time",
	[PANEL_WINDOWS] = "Windows",
	[PANEL_THROUGHPUT] = "Throughput",
};

static const enum graph_quantity quantities[PANEL_COUNT] = {
	[PANEL_SEQUENCE] = QUANTITY_BYTES,
	[PANEL_RTT] = QUANTITY_TIME,
	[PANEL_WINDOWS] = QUANTITY_BYTES,
	[PANEL_THROUGHPUT] = QUANTITY_RATE,
};

static void include(struct range *range, double value)
{
	if (!range->some || value < range->low)
		range->low = value;
	if (!range->some || value > range->high)
		range->high = value;
	range->some = true;
}

static void include_line(struct range *range, const struct graph_series *series,
			 enum graph_line line)
{
	for (size_t i = 0; i < series->lines[line].count; i++)
		if (series->lines[line].points[i].value != GRAPH_UNKNOWN)
			include(range, (double)series->lines[line].points[i].value);
}

static void add_line_legend(struct graph_panel *panel, enum graph_line line, const char *more)
{
	const struct graph_style *style = graph_line_style(line);

	if (panel->series->lines[line].count)
		graph_legend_add(&panel->legend, style->rgb, "%s%s", style->name, more);
}

static void plan_sequence(struct graph_panel *panel, struct range *range)
{
	const struct graph_series *series = panel->series;
	struct range edge = { 0 };
	char total[NUMBER_TEXT_MAX];
	bool beyond;

	for (int kind = 0; kind < BAR_SACK; kind++) {
		const struct bar_series *bars = &series->bars[kind];
		const struct graph_style *style = graph_bar_style((enum graph_bar)kind);

		for (size_t i = 0; i < bars->count; i++) {
			include(range, (double)bars->bars[i].low);
			include(range, (double)bars->bars[i].high);
		}
		if (bars->total)
			graph_legend_add(&panel->legend, style->rgb, "%s %s", style->name,
					 number_text(bars->total, total));
	}
	include_line(range, series, LINE_ACK);
	include_line(&edge, series, LINE_EDGE);
	/* A window that is much larger than what is sent would press that to the ground. */
	beyond = edge.some && range->some &&
		 edge.high > range->high + 0.6 * fmax(range->high - range->low, 1);
	if (edge.some && !beyond)
		include(range, edge.high);
	add_line_legend(panel, LINE_ACK, "");
	if (series->bars[BAR_SACK].total)
		graph_legend_add(&panel->legend, graph_bar_style(BAR_SACK)->rgb, "SACK");
	add_line_legend(panel, LINE_EDGE, beyond ? " (partly above)" : "");
	if (range->some && range->high - range->low < 1)
		range->high = range->low + 1;
	range->low -= 0.02 * (range->high - range->low);
	range->high += 0.04 * (range->high - range->low);
}

static void plan_windows(struct graph_panel *panel, struct range *range)
{
	const struct graph_series *series = panel->series;
	struct range window = { 0 };
	char most[32], words[64];
	bool beyond;

	include_line(range, series, LINE_CWND);
	include_line(range, series, LINE_INFLIGHT);
	include_line(range, series, LINE_UNACKED);
	include_line(&window, series, LINE_WINDOW);
	beyond = window.some && range->some && range->high > 0 && window.high > 2.5 * range->high;
	if (window.some && !beyond)
		include(range, window.high);
	add_line_legend(panel, LINE_CWND, "");
	add_line_legend(panel, LINE_INFLIGHT, "");
	add_line_legend(panel, LINE_UNACKED, "");
	graph_quantity_text(window.high, QUANTITY_BYTES, most, sizeof(most));
	snprintf(words, sizeof(words), " (up to %s, above)", most);
	add_line_legend(panel, LINE_WINDOW, beyond ? words : "");
}

static void plan_throughput(struct graph_panel *panel, struct range *range)
{
	const struct graph_series *series = panel->series;
	double factor = 8e9 / (double)series->bin_ns;
	char bin[32];
	bool some = false;

	for (uint32_t i = 0; i < series->bin_count; i++) {
		some |= series->sent_bytes[i] || series->acked_bytes[i];
		include(range, (double)series->sent_bytes[i] * factor);
		include(range, (double)series->acked_bytes[i] * factor);
	}
	range->some = some;
	graph_quantity_text((double)series->bin_ns, QUANTITY_TIME, bin, sizeof(bin));
	graph_legend_add(&panel->legend, GRAPH_COLOR_SENT, "sent, mean of %s", bin);
	graph_legend_add(&panel->legend, GRAPH_COLOR_ACKED, "acknowledged");
}

void graph_panel_plan(struct graph_panel *panel, enum graph_panel_kind kind,
		      const struct graph_series *series, double height)
{
	uint32_t ticks = (uint32_t)fmax(2, fmin(height / TICK_EVERY, 20));
	struct range range = { 0 };
	char total[NUMBER_TEXT_MAX];

	*panel = (struct graph_panel){ .kind = kind, .series = series };
	switch (kind) {
	case PANEL_SEQUENCE:
		plan_sequence(panel, &range);
		break;
	case PANEL_RTT:
		include_line(&range, series, LINE_RTT);
		include_line(&range, series, LINE_SRTT);
		if (series->lines[LINE_RTT].total)
			graph_legend_add(&panel->legend, graph_line_style(LINE_RTT)->rgb,
					 "sample %s",
					 number_text(series->lines[LINE_RTT].total, total));
		add_line_legend(panel, LINE_SRTT, "");
		break;
	case PANEL_WINDOWS:
		plan_windows(panel, &range);
		break;
	default:
		plan_throughput(panel, &range);
	}
	panel->empty = !range.some;
	if (kind != PANEL_SEQUENCE) {
		range.low = 0;
		range.high *= 1.04;
	}
	graph_axis_make(&panel->values, range.low, range.high, ticks, quantities[kind]);
	if (kind != PANEL_SEQUENCE)
		graph_axis_round(&panel->values, ticks, quantities[kind]);
}

double graph_panel_numbers_width(const struct graph_panel *panel, cairo_t *cairo)
{
	char text[GRAPH_TICK_TEXT_MAX];
	double widest = 0;

	graph_set_font(cairo, GRAPH_FONT_SIZE, false);
	for (uint32_t i = 0; i < panel->values.ticks; i++) {
		graph_axis_text(&panel->values, i, text);
		widest = fmax(widest, graph_text_width(cairo, text));
	}
	return widest;
}

uint32_t graph_panel_header(const struct graph_panel *panel, cairo_t *cairo, double width,
			    bool draw)
{
	char name[64];
	double wide;

	snprintf(name, sizeof(name), "%s%s%s", names[panel->kind], panel->empty ? "" : ", ",
		 panel->empty ? "" : panel->values.unit);
	graph_set_font(cairo, GRAPH_FONT_SIZE, true);
	wide = graph_text_width(cairo, name) + 16;
	if (draw) {
		graph_set_rgb(cairo, 0, 1);
		graph_text_at(cairo, panel->x, panel->header_y + 12, name);
	}
	return graph_legend_flow(&panel->legend, cairo, panel->x, panel->x + wide, panel->header_y,
				 width, draw);
}

/* Cairo's own coordinates are 24 bits before the point: what lies outside is moved near. */
static double near_to(double at, double begin, double length)
{
	return fmin(fmax(at, begin - length), begin + 2 * length);
}

double graph_panel_x(const struct graph_panel *panel, const struct graph_axis *time, double at_ns)
{
	double share = (at_ns - time->low) / (time->high - time->low);

	return near_to(panel->x + share * panel->width, panel->x, panel->width);
}

static double y_of(const struct graph_panel *panel, double value)
{
	double share = (value - panel->values.low) / (panel->values.high - panel->values.low);

	return near_to(panel->y + (1 - share) * panel->height, panel->y, panel->height);
}

static void draw_grid(const struct graph_panel *panel, cairo_t *cairo,
		      const struct graph_axis *time)
{
	char text[GRAPH_TICK_TEXT_MAX];

	graph_set_font(cairo, GRAPH_FONT_SIZE, false);
	cairo_set_line_width(cairo, 1);
	for (uint32_t i = 0; i < panel->values.ticks && !panel->empty; i++) {
		double y = floor(y_of(panel, graph_axis_tick(&panel->values, i))) + 0.5;

		graph_set_rgb(cairo, GRID, 1);
		cairo_move_to(cairo, panel->x, y);
		cairo_line_to(cairo, panel->x + panel->width, y);
		cairo_stroke(cairo);
		graph_axis_text(&panel->values, i, text);
		graph_set_rgb(cairo, GREY, 1);
		graph_text_at(cairo, panel->x - 6 - graph_text_width(cairo, text), y + 4, text);
	}
	graph_set_rgb(cairo, GRID, 1);
	for (uint32_t i = 0; i < time->ticks; i++) {
		double x = floor(graph_panel_x(panel, time, graph_axis_tick(time, i))) + 0.5;

		cairo_move_to(cairo, x, panel->y);
		cairo_line_to(cairo, x, panel->y + panel->height);
	}
	cairo_stroke(cairo);
}

static void draw_bars(const struct graph_panel *panel, cairo_t *cairo,
		      const struct graph_axis *time, enum graph_bar kind)
{
	const struct bar_series *bars = &panel->series->bars[kind];
	const struct graph_style *style = graph_bar_style(kind);
	double least = style->width > 2 ? BAR_AGAIN_MIN : BAR_MIN;

	for (size_t i = 0; i < bars->count; i++) {
		double x = graph_panel_x(panel, time, (double)bars->bars[i].at_ns);
		double low = y_of(panel, (double)bars->bars[i].low);
		double high = y_of(panel, (double)bars->bars[i].high);
		double missing = fmax(0, least - (low - high)) / 2;

		cairo_move_to(cairo, x, low + missing);
		cairo_line_to(cairo, x, high - missing);
	}
	graph_set_rgb(cairo, style->rgb, 1);
	cairo_set_line_width(cairo, style->width);
	cairo_stroke(cairo);
}

/* Each value holds until the next. */
static void draw_steps(const struct graph_panel *panel, cairo_t *cairo,
		       const struct graph_axis *time, enum graph_line kind, int64_t last_ns)
{
	const struct line_series *line = &panel->series->lines[kind];
	const struct graph_style *style = graph_line_style(kind);
	bool drawing = false;
	double y = 0;

	for (size_t i = 0; i < line->count; i++) {
		double x = graph_panel_x(panel, time, (double)line->points[i].at_ns);

		if (drawing)
			cairo_line_to(cairo, x, y);
		drawing = line->points[i].value != GRAPH_UNKNOWN;
		if (!drawing)
			continue;
		y = y_of(panel, (double)line->points[i].value);
		if (cairo_has_current_point(cairo) && i > 0 &&
		    line->points[i - 1].value != GRAPH_UNKNOWN)
			cairo_line_to(cairo, x, y);
		else
			cairo_move_to(cairo, x, y);
	}
	if (drawing)
		cairo_line_to(cairo, graph_panel_x(panel, time, (double)last_ns), y);
	graph_set_rgb(cairo, style->rgb, 1);
	cairo_set_line_width(cairo, style->width);
	cairo_stroke(cairo);
}

static void draw_dots(const struct graph_panel *panel, cairo_t *cairo,
		      const struct graph_axis *time, enum graph_line kind)
{
	const struct line_series *line = &panel->series->lines[kind];
	const struct graph_style *style = graph_line_style(kind);

	for (size_t i = 0; i < line->count; i++) {
		double x = graph_panel_x(panel, time, (double)line->points[i].at_ns);
		double y = y_of(panel, (double)line->points[i].value);

		if (line->points[i].value != GRAPH_UNKNOWN)
			cairo_rectangle(cairo, x - style->width / 2, y - style->width / 2,
					style->width, style->width);
	}
	graph_set_rgb(cairo, style->rgb, 1);
	cairo_fill(cairo);
}

static void draw_bins(const struct graph_panel *panel, cairo_t *cairo,
		      const struct graph_axis *time, const uint64_t *bins, uint32_t rgb)
{
	const struct graph_series *series = panel->series;
	double factor = 8e9 / (double)series->bin_ns;

	for (uint32_t i = 0; i < series->bin_count; i++) {
		double begin = (double)series->start_ns + (double)series->bin_ns * i;
		double y = y_of(panel, (double)bins[i] * factor);

		if (i == 0)
			cairo_move_to(cairo, graph_panel_x(panel, time, begin), y);
		cairo_line_to(cairo, graph_panel_x(panel, time, begin), y);
		cairo_line_to(cairo, graph_panel_x(panel, time, begin + (double)series->bin_ns), y);
	}
	graph_set_rgb(cairo, rgb, 1);
	cairo_set_line_width(cairo, 1.4);
	cairo_stroke(cairo);
}

static void draw_content(const struct graph_panel *panel, cairo_t *cairo,
			 const struct graph_axis *time, int64_t last_ns)
{
	switch (panel->kind) {
	case PANEL_SEQUENCE:
		draw_bars(panel, cairo, time, BAR_SACK);
		draw_steps(panel, cairo, time, LINE_EDGE, last_ns);
		draw_steps(panel, cairo, time, LINE_ACK, last_ns);
		draw_bars(panel, cairo, time, BAR_NEW);
		draw_bars(panel, cairo, time, BAR_GAP);
		for (int kind = BAR_RECOVERY; kind <= BAR_OUT_OF_ORDER; kind++)
			draw_bars(panel, cairo, time, (enum graph_bar)kind);
		return;
	case PANEL_RTT:
		draw_dots(panel, cairo, time, LINE_RTT);
		draw_steps(panel, cairo, time, LINE_SRTT, last_ns);
		return;
	case PANEL_WINDOWS:
		draw_steps(panel, cairo, time, LINE_WINDOW, last_ns);
		draw_steps(panel, cairo, time, LINE_UNACKED, last_ns);
		draw_steps(panel, cairo, time, LINE_INFLIGHT, last_ns);
		draw_steps(panel, cairo, time, LINE_CWND, last_ns);
		return;
	default:
		draw_bins(panel, cairo, time, panel->series->sent_bytes, GRAPH_COLOR_SENT);
		draw_bins(panel, cairo, time, panel->series->acked_bytes, GRAPH_COLOR_ACKED);
	}
}

void graph_panel_draw(const struct graph_panel *panel, cairo_t *cairo,
		      const struct graph_axis *time, int64_t last_ns)
{
	draw_grid(panel, cairo, time);
	cairo_save(cairo);
	cairo_rectangle(cairo, panel->x, panel->y, panel->width, panel->height);
	cairo_clip(cairo);
	if (!panel->empty)
		draw_content(panel, cairo, time, last_ns);
	cairo_restore(cairo);
	graph_set_rgb(cairo, FRAME, 1);
	cairo_set_line_width(cairo, 1);
	cairo_rectangle(cairo, floor(panel->x) + 0.5, floor(panel->y) + 0.5, floor(panel->width),
			floor(panel->height));
	cairo_stroke(cairo);
}
