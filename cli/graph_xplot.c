/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/graph_xplot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/graph_style.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define TIME_TEXT    32

static const struct {
	const char *suffix, *title, *y_label;
} kinds[XPLOT_FILES] = {
	[XPLOT_TSG] = { "_tsg.xpl", "time sequence graph", "sequence offset" },
	[XPLOT_RTT] = { "_rtt.xpl", "rtt samples", "rtt (ms)" },
	[XPLOT_TPUT] = { "_tput.xpl", "throughput", "thruput (bytes/sec)" },
	[XPLOT_OWIN] = { "_owin.xpl", "outstanding data", "outstanding data (bytes)" },
};

static const char *time_text(const struct graph_xplot *xplot, int64_t at_ns, char out[TIME_TEXT])
{
	uint64_t ts_ns = xplot->first_ns + (uint64_t)at_ns;

	snprintf(out, TIME_TEXT, "%" PRIu64 ".%06u", ts_ns / NSEC_PER_SEC,
		 (unsigned int)(ts_ns % NSEC_PER_SEC / 1000));
	return out;
}

static void put(struct graph_xplot *xplot, enum xplot_file file, const char *color,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A command; its colour holds until another one is named. */
static void put(struct graph_xplot *xplot, enum xplot_file file, const char *color,
		const char *format, ...)
{
	va_list arguments;

	if (!xplot->colors[file] || strcmp(xplot->colors[file], color) != 0)
		fprintf(xplot->files[file], "%s\n", color);
	xplot->colors[file] = color;
	va_start(arguments, format);
	vfprintf(xplot->files[file], format, arguments);
	va_end(arguments);
	fputc('\n', xplot->files[file]);
}

static bool is_inside(const struct graph_xplot *xplot, int64_t at_ns)
{
	return at_ns >= xplot->start_ns && at_ns <= xplot->end_ns;
}

static double rate(int64_t bytes, int64_t ns)
{
	return ns > 0 ? (double)bytes * 1e9 / (double)ns : 0;
}

/* As tcptrace: yellow: each segment, red: the mean of the last ten, blue: since the beginning. */
static void put_throughput(struct graph_xplot *xplot, int64_t at_ns, int64_t bytes)
{
	uint64_t n = xplot->sent_segments++;
	uint64_t slot = n % XPLOT_MEAN_SEGMENTS, last = (n - 1) % XPLOT_MEAN_SEGMENTS;
	char time[TIME_TEXT], before[TIME_TEXT];
	double mean, recent;

	if (n == 0) {
		xplot->sent_first_ns = at_ns;
	} else {
		int64_t oldest_ns = xplot->recent_ns[n < XPLOT_MEAN_SEGMENTS ? 0 : slot];
		int64_t recent_bytes = bytes;

		for (uint64_t i = 1; i < XPLOT_MEAN_SEGMENTS && i < n; i++)
			recent_bytes += xplot->recent_bytes[(n - i) % XPLOT_MEAN_SEGMENTS];
		mean = rate(xplot->sent_bytes + bytes, at_ns - xplot->sent_first_ns);
		recent = rate(recent_bytes, at_ns - oldest_ns);
		time_text(xplot, at_ns, time);
		time_text(xplot, xplot->tput_ns, before);
		if (at_ns > xplot->recent_ns[last])
			put(xplot, XPLOT_TPUT, "yellow", "dot %s %.0f", time,
			    rate(bytes, at_ns - xplot->recent_ns[last]));
		if (xplot->tput_mean > 0) {
			put(xplot, XPLOT_TPUT, "blue", "line %s %.0f %s %.0f", before,
			    xplot->tput_mean, time, mean);
			put(xplot, XPLOT_TPUT, "red", "line %s %.0f %s %.0f", before,
			    xplot->tput_recent, time, recent);
		}
		xplot->tput_mean = mean;
		xplot->tput_recent = recent;
	}
	xplot->tput_ns = at_ns;
	xplot->sent_bytes += bytes;
	xplot->recent_ns[slot] = at_ns;
	xplot->recent_bytes[slot] = bytes;
}

static void take_bar(void *context, enum graph_bar kind, int64_t at_ns, int64_t low, int64_t high)
{
	struct graph_xplot *xplot = context;
	const struct graph_style *style = graph_bar_style(kind);
	char time[TIME_TEXT];

	if (!is_inside(xplot, at_ns))
		return;
	time_text(xplot, at_ns, time);
	/* xplot's numbers have no sign. */
	low = low > 0 ? low : 0;
	high = high > 0 ? high : 0;
	put(xplot, XPLOT_TSG, style->xplot, "line %s %" PRId64 " %s %" PRId64, time, low, time,
	    high);
	if (kind == BAR_SACK || kind == BAR_GAP) {
		put(xplot, XPLOT_TSG, style->xplot, "htick %s %" PRId64, time, high);
	} else {
		put(xplot, XPLOT_TSG, style->xplot, "darrow %s %" PRId64, time, low);
		put(xplot, XPLOT_TSG, style->xplot, "uarrow %s %" PRId64, time, high);
		put_throughput(xplot, at_ns, high - low);
	}
	if (style->letters)
		put(xplot, XPLOT_TSG, style->xplot, "atext %s %" PRId64 "\n%s", time, high,
		    style->letters);
}

/* A line that holds its value until now, and steps. */
static void put_step(struct graph_xplot *xplot, enum xplot_file file, enum graph_line line,
		     int64_t at_ns, int64_t value)
{
	const char *color = graph_line_style(line)->xplot;
	int64_t old = xplot->line_value[line];
	char before[TIME_TEXT], time[TIME_TEXT];

	time_text(xplot, at_ns, time);
	if (old == GRAPH_UNKNOWN)
		return;
	time_text(xplot, xplot->line_ns[line], before);
	put(xplot, file, color, "line %s %" PRId64 " %s %" PRId64, before, old, time, old);
	if (value != old && value != GRAPH_UNKNOWN)
		put(xplot, file, color, "line %s %" PRId64 " %s %" PRId64, time, old, time, value);
}

/* A duplicate ACK and a window that stands still show as ticks. */
static void put_sequence_line(struct graph_xplot *xplot, enum graph_line line, int64_t at_ns,
			      int64_t value)
{
	char time[TIME_TEXT];

	put_step(xplot, XPLOT_TSG, line, at_ns, value);
	if (value == xplot->line_value[line])
		put(xplot, XPLOT_TSG, graph_line_style(line)->xplot, "%s %s %" PRId64,
		    line == LINE_ACK ? "dtick" : "utick", time_text(xplot, at_ns, time), value);
}

static void put_rtt(struct graph_xplot *xplot, enum graph_line line, int64_t at_ns, int64_t value)
{
	const char *color = graph_line_style(line)->xplot;
	int64_t old = xplot->line_value[line];
	char before[TIME_TEXT], time[TIME_TEXT];

	if (value == GRAPH_UNKNOWN)
		return;
	time_text(xplot, at_ns, time);
	if (old != GRAPH_UNKNOWN)
		put(xplot, XPLOT_RTT, color, "line %s %.3f %s %.3f",
		    time_text(xplot, xplot->line_ns[line], before), (double)old / 1e6, time,
		    (double)value / 1e6);
	if (line == LINE_RTT)
		put(xplot, XPLOT_RTT, color, "diamond %s %.3f", time, (double)value / 1e6);
}

static void take_point(void *context, enum graph_line line, int64_t at_ns, int64_t value)
{
	struct graph_xplot *xplot = context;
	bool is_owin = line == LINE_UNACKED || line == LINE_CWND || line == LINE_WINDOW ||
		       line == LINE_INFLIGHT;

	if (!is_inside(xplot, at_ns))
		return;
	if (value != GRAPH_UNKNOWN && value < 0)
		value = 0;
	/* Of snapshots that say the same again nothing is written; ACKs that do are of interest. */
	if (value == xplot->line_value[line] &&
	    (line == LINE_SRTT || (is_owin && line != LINE_UNACKED)))
		return;
	if (line == LINE_RTT || line == LINE_SRTT)
		put_rtt(xplot, line, at_ns, value);
	else if (is_owin)
		put_step(xplot, XPLOT_OWIN, line, at_ns, value);
	else
		put_sequence_line(xplot, line, at_ns, value);
	xplot->line_ns[line] = at_ns;
	xplot->line_value[line] = value;
}

static void take_mark(void *context, enum graph_mark kind, int64_t at_ns, uint32_t value)
{
	struct graph_xplot *xplot = context;
	int64_t at = xplot->line_value[LINE_ACK];
	char time[TIME_TEXT], text[64];

	if (!is_inside(xplot, at_ns))
		return;
	graph_mark_text(kind, value, text, sizeof(text));
	put(xplot, XPLOT_TSG, graph_mark_style(kind)->xplot, "btext %s %" PRId64 "\n%s",
	    time_text(xplot, at_ns, time), at == GRAPH_UNKNOWN ? 0 : at, text);
}

static int open_file(struct graph_xplot *xplot, enum xplot_file file, const char *prefix,
		     const char *names, uint64_t bytes)
{
	/* Of xplot's two number types only the second takes fractions, and more than 32 bits. */
	bool real = file == XPLOT_RTT || bytes > UINT32_MAX;

	if (asprintf(&xplot->paths[file], "%s%s", prefix, kinds[file].suffix) < 0) {
		xplot->paths[file] = NULL;
		return -ENOMEM;
	}
	xplot->files[file] = fopen(xplot->paths[file], "w");
	if (!xplot->files[file])
		return -errno;
	fprintf(xplot->files[file], "timeval %s\ntitle\n%s (%s)\nxlabel\ntime\nylabel\n%s\n",
		real ? "double" : "unsigned", names, kinds[file].title, kinds[file].y_label);
	return 0;
}

int graph_xplot_open(struct graph_xplot *xplot, const char *prefix, const char *names,
		     uint64_t first_ns, int64_t start_ns, int64_t end_ns, uint64_t bytes,
		     char *error, size_t error_bytes)
{
	*xplot = (struct graph_xplot){ .first_ns = first_ns,
				       .start_ns = start_ns,
				       .end_ns = end_ns };
	for (int line = 0; line < LINE_COUNT; line++)
		xplot->line_value[line] = GRAPH_UNKNOWN;
	for (int file = 0; file < XPLOT_FILES; file++) {
		int result = open_file(xplot, (enum xplot_file)file, prefix, names, bytes);

		if (result < 0) {
			snprintf(error, error_bytes, "%s%s: can't be written: %s", prefix,
				 kinds[file].suffix, strerror(-result));
			return result;
		}
	}
	return 0;
}

struct graph_sink graph_xplot_sink(struct graph_xplot *xplot)
{
	return (struct graph_sink){
		.bar = take_bar, .point = take_point, .mark = take_mark, .context = xplot
	};
}

int graph_xplot_close(struct graph_xplot *xplot, char *error, size_t error_bytes)
{
	int result = 0;

	for (int file = 0; file < XPLOT_FILES; file++) {
		if (xplot->files[file]) {
			bool failed;

			fputs("go\n", xplot->files[file]);
			failed = ferror(xplot->files[file]);
			if ((fclose(xplot->files[file]) != 0 || failed) && result == 0) {
				result = errno ? -errno : -EIO;
				snprintf(error, error_bytes, "%s: can't be written: %s",
					 xplot->paths[file], strerror(-result));
			}
		}
		free(xplot->paths[file]);
		xplot->files[file] = NULL;
		xplot->paths[file] = NULL;
	}
	return result;
}
