/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/graph_draw.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/graph_marks.h"
#include "cli/graph_panel.h"

#define MARGIN	    14.0
#define TITLE_SIZE  15.0
#define TITLE_ROWS  40.0 /* height of title and subtitle */
#define TIME_ROWS   36.0 /* height of the numbers and the name of the time axis */
#define PANEL_GAP   8.0
#define TIME_EVERY  90.0 /* pixels between two numbers of the time axis */
#define SVG_COLUMNS 4000 /* people enlarge an SVG */
#define GREY	    0x606870

enum format { FORMAT_NONE, FORMAT_SVG, FORMAT_PNG, FORMAT_PDF };

/* Of the height that is left. */
static const double shares[PANEL_COUNT] = { 0.46, 0.16, 0.2, 0.18 };

static enum format format_of(const char *path)
{
	size_t length = strlen(path);

	if (length < 5)
		return FORMAT_NONE;
	if (strcasecmp(path + length - 4, ".svg") == 0)
		return FORMAT_SVG;
	if (strcasecmp(path + length - 4, ".png") == 0)
		return FORMAT_PNG;
	return strcasecmp(path + length - 4, ".pdf") == 0 ? FORMAT_PDF : FORMAT_NONE;
}

bool graph_format_known(const char *path)
{
	return format_of(path) != FORMAT_NONE;
}

uint32_t graph_columns(const char *path, uint32_t width)
{
	return format_of(path) != FORMAT_PNG && width < SVG_COLUMNS ? SVG_COLUMNS : width;
}

struct layout {
	const struct graph_picture *picture;
	cairo_t *cairo;
	struct graph_axis time;
	struct graph_panel panels[PANEL_COUNT];
	struct graph_marks marks;
	double left, width;
};

static void plan_panels(struct layout *l)
{
	const struct graph_picture *picture = l->picture;
	double height = picture->height - 2 * MARGIN - TITLE_ROWS - TIME_ROWS -
			PANEL_COUNT * (GRAPH_ROW + PANEL_GAP);
	double numbers = 0;

	for (int i = 0; i < PANEL_COUNT; i++) {
		graph_panel_plan(&l->panels[i], (enum graph_panel_kind)i, picture->series,
				 height * shares[i]);
		numbers = fmax(numbers, graph_panel_numbers_width(&l->panels[i], l->cairo));
	}
	l->left = MARGIN + numbers + 8;
	l->width = picture->width - l->left - MARGIN - 8;
	graph_axis_make(&l->time, (double)picture->series->start_ns,
			(double)picture->series->end_ns, (uint32_t)fmax(2, l->width / TIME_EVERY),
			QUANTITY_TIME);
	for (int i = 0; i < PANEL_COUNT; i++) {
		l->panels[i].x = l->left;
		l->panels[i].width = l->width;
	}
}

/* What titles, legends and labels leave is shared among the panels. */
static void place_panels(struct layout *l)
{
	double y = MARGIN + TITLE_ROWS, free_height;
	uint32_t rows[PANEL_COUNT], all_rows = 0;

	graph_marks_plan(&l->marks, l->cairo, l->picture->series, &l->panels[0], &l->time);
	for (int i = 0; i < PANEL_COUNT; i++) {
		rows[i] = graph_panel_header(&l->panels[i], l->cairo, l->width, false);
		all_rows += rows[i];
	}
	free_height = l->picture->height - MARGIN - y - TIME_ROWS - l->marks.height -
		      all_rows * GRAPH_ROW - PANEL_COUNT * PANEL_GAP;
	l->marks.legend_y = y;
	y += l->marks.legend_height;
	for (int i = 0; i < PANEL_COUNT; i++) {
		struct graph_panel *panel = &l->panels[i];

		panel->header_y = y;
		y += rows[i] * GRAPH_ROW;
		if (i == 0)
			y += l->marks.labels_height;
		panel->y = y + 2;
		panel->height = fmax(10, free_height * shares[i] - 2);
		y = panel->y + panel->height + PANEL_GAP;
	}
}

static void draw_title(const struct layout *l)
{
	cairo_t *cairo = l->cairo;

	graph_set_rgb(cairo, 0, 1);
	graph_set_font(cairo, TITLE_SIZE, true);
	graph_text_at(cairo, l->left, MARGIN + 13, l->picture->title);
	graph_set_rgb(cairo, GREY, 1);
	graph_set_font(cairo, GRAPH_FONT_SIZE, false);
	graph_text_at(cairo, l->left, MARGIN + 31, l->picture->subtitle);
}

static void draw_time_axis(const struct layout *l)
{
	const struct graph_panel *last = &l->panels[PANEL_COUNT - 1];
	double y = last->y + last->height + 15;
	char text[64];

	graph_set_font(l->cairo, GRAPH_FONT_SIZE, false);
	graph_set_rgb(l->cairo, GREY, 1);
	for (uint32_t i = 0; i < l->time.ticks; i++) {
		double x = graph_panel_x(last, &l->time, graph_axis_tick(&l->time, i)), wide;

		graph_axis_text(&l->time, i, text);
		wide = graph_text_width(l->cairo, text);
		graph_text_at(l->cairo, fmin(x - wide / 2, l->picture->width - MARGIN - wide), y,
			      text);
	}
	snprintf(text, sizeof(text), "time since the first record, %s", l->time.unit);
	graph_text_at(l->cairo, l->left + (l->width - graph_text_width(l->cairo, text)) / 2, y + 16,
		      text);
}

static void draw_why_empty(const struct layout *l, const struct graph_panel *panel)
{
	const char *why = panel->kind == PANEL_RTT && l->picture->why_no_rtt
				  ? l->picture->why_no_rtt
				  : "nothing in this time";

	if (!panel->empty)
		return;
	graph_set_font(l->cairo, GRAPH_FONT_SIZE, false);
	graph_set_rgb(l->cairo, GREY, 1);
	graph_text_at(l->cairo, panel->x + (panel->width - graph_text_width(l->cairo, why)) / 2,
		      panel->y + panel->height / 2 + 4, why);
}

static void draw_all(struct layout *l)
{
	cairo_set_source_rgb(l->cairo, 1, 1, 1);
	cairo_paint(l->cairo);
	plan_panels(l);
	place_panels(l);
	draw_title(l);
	graph_marks_draw_bands(&l->marks, l->cairo, l->panels, PANEL_COUNT);
	for (int i = 0; i < PANEL_COUNT; i++) {
		graph_panel_header(&l->panels[i], l->cairo, l->width, true);
		graph_panel_draw(&l->panels[i], l->cairo, &l->time, l->picture->last_ns);
		draw_why_empty(l, &l->panels[i]);
	}
	graph_marks_draw(&l->marks, l->cairo, l->panels, PANEL_COUNT);
	draw_time_axis(l);
}

static cairo_surface_t *make_surface(const struct graph_picture *picture)
{
	switch (format_of(picture->path)) {
	case FORMAT_SVG: {
		cairo_surface_t *svg =
			cairo_svg_surface_create(picture->path, picture->width, picture->height);

		cairo_svg_surface_set_document_unit(svg, CAIRO_SVG_UNIT_PX);
		return svg;
	}
	case FORMAT_PDF:
		return cairo_pdf_surface_create(picture->path, picture->width, picture->height);
	default:
		return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)picture->width,
						  (int)picture->height);
	}
}

int graph_draw(const struct graph_picture *picture, char *error, size_t error_bytes)
{
	cairo_surface_t *surface = make_surface(picture);
	struct layout layout = { .picture = picture, .cairo = cairo_create(surface) };
	cairo_status_t status = cairo_status(layout.cairo);

	errno = 0;
	if (status == CAIRO_STATUS_SUCCESS) {
		draw_all(&layout);
		status = cairo_status(layout.cairo);
	}
	if (status == CAIRO_STATUS_SUCCESS && format_of(picture->path) == FORMAT_PNG)
		status = cairo_surface_write_to_png(surface, picture->path);
	cairo_destroy(layout.cairo);
	cairo_surface_finish(surface);
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_status(surface);
	cairo_surface_destroy(surface);
	if (status == CAIRO_STATUS_SUCCESS)
		return 0;
	snprintf(error, error_bytes, "%s: can't be written: %s", picture->path,
		 status == CAIRO_STATUS_WRITE_ERROR && errno ? strerror(errno)
							     : cairo_status_to_string(status));
	return status == CAIRO_STATUS_NO_MEMORY ? -ENOMEM : -EIO;
}
