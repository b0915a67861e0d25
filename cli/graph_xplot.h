/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_xplot.h - a connection as files for xplot, in the form in which tcptrace writes them:
 * PREFIX_tsg.xpl (time-sequence), _rtt.xpl, _tput.xpl, _owin.xpl. Nothing is thinned: they are written as
 * the log is read. Sequence numbers are relative, times are UTC.
 */
#ifndef BBTAP_CLI_GRAPH_XPLOT_H
#define BBTAP_CLI_GRAPH_XPLOT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/graph_data.h"

enum xplot_file { XPLOT_TSG, XPLOT_RTT, XPLOT_TPUT, XPLOT_OWIN, XPLOT_FILES };

#define XPLOT_MEAN_SEGMENTS 10 /* of the moving mean of throughput, as tcptrace has it */

struct graph_xplot {
	FILE *files[XPLOT_FILES];
	char *paths[XPLOT_FILES];
	uint64_t first_ns;		 /* UTC of time 0 */
	int64_t start_ns, end_ns;	 /* only what is between is written */
	const char *colors[XPLOT_FILES]; /* as last set */
	/* The last value of each line; GRAPH_UNKNOWN: none. */
	int64_t line_ns[LINE_COUNT], line_value[LINE_COUNT];
	/* Throughput: since the first segment, and of the last few. */
	int64_t sent_first_ns, sent_bytes;
	int64_t recent_ns[XPLOT_MEAN_SEGMENTS], recent_bytes[XPLOT_MEAN_SEGMENTS];
	uint64_t sent_segments;
	int64_t tput_ns;	       /* of the last point */
	double tput_mean, tput_recent; /* bytes/s there */
};

/*
 * names: "a_==>_b". bytes: the most that sequence numbers reach, about: xplot's unsigned numbers have 32
 * bits, so beyond that they are written as floating point. 0, or a negative errno with the words.
 */
int graph_xplot_open(struct graph_xplot *xplot, const char *prefix, const char *names,
		     uint64_t first_ns, int64_t start_ns, int64_t end_ns, uint64_t bytes,
		     char *error, size_t error_bytes);

struct graph_sink graph_xplot_sink(struct graph_xplot *xplot);

/* Ends the files. Also after an error of open. 0, or a negative errno with the words. */
int graph_xplot_close(struct graph_xplot *xplot, char *error, size_t error_bytes);

#endif
