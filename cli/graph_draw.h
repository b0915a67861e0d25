/* SPDX-License-Identifier: BSD-2-Clause */
/* graph_draw.h - the image of one connection: title, marks, four panels one below the other. */
#ifndef BBTAP_CLI_GRAPH_DRAW_H
#define BBTAP_CLI_GRAPH_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/graph_series.h"

#define GRAPH_WIDTH_MIN	 480
#define GRAPH_HEIGHT_MIN 400
#define GRAPH_SIDE_MAX	 8192

struct graph_picture {
	const char *path;
	uint32_t width, height; /* pixels; points in PDF */
	const char *title, *subtitle;
	/* In the place of a panel's content that this log can't have; or NULL. */
	const char *why_no_rtt;
	const struct graph_series *series;
	int64_t last_ns; /* of the connection, as the series count */
};

/* Whether the end of the name says an image format: .svg, .png or .pdf, in either case. */
bool graph_format_known(const char *path);

/* The columns that a picture of this width can show, for graph_series_init(). */
uint32_t graph_columns(const char *path, uint32_t width);

/* 0, or a negative errno with the words in error; then there is no such file, or not all of it. */
int graph_draw(const struct graph_picture *picture, char *error, size_t error_bytes);

#endif
