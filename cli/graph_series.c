/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/graph_series.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/graph_axis.h"

#define BINS_WANTED 150

/* Room for one more; the vector moves. */
static bool make_room(struct graph_series *series, void **vector, size_t count, size_t *room,
		      size_t bytes)
{
	size_t more = *room ? *room * 2 : 64;
	void *grown;

	if (count < *room)
		return true;
	grown = realloc(*vector, more * bytes);
	if (!grown) {
		series->no_memory = true;
		return false;
	}
	*vector = grown;
	*room = more;
	return true;
}

static bool is_inside(const struct graph_series *series, int64_t at_ns)
{
	return at_ns >= series->start_ns && at_ns <= series->end_ns;
}

static uint32_t column_of(const struct graph_series *series, int64_t at_ns)
{
	double share =
		(double)(at_ns - series->start_ns) / (double)(series->end_ns - series->start_ns);
	uint32_t column = (uint32_t)(share * series->columns);

	return column < series->columns ? column : series->columns - 1;
}

static uint32_t bin_of(const struct graph_series *series, int64_t at_ns)
{
	uint64_t bin = (uint64_t)(at_ns - series->start_ns) / (uint64_t)series->bin_ns;

	return bin < series->bin_count ? (uint32_t)bin : series->bin_count - 1;
}

/* Widens the bar of the column that needs the least for it. */
static void join(struct bar_series *bars, int64_t low, int64_t high)
{
	struct series_bar *nearest = NULL;
	int64_t least = 0;

	for (size_t i = bars->column_begin; i < bars->count; i++) {
		struct series_bar *bar = &bars->bars[i];
		int64_t away = low > bar->high	 ? low - bar->high
			       : bar->low > high ? bar->low - high
						 : 0;

		if (!nearest || away < least) {
			nearest = bar;
			least = away;
		}
	}
	if (low < nearest->low)
		nearest->low = low;
	if (high > nearest->high)
		nearest->high = high;
}

static void take_bar(void *context, enum graph_bar kind, int64_t at_ns, int64_t low, int64_t high)
{
	struct graph_series *series = context;
	struct bar_series *bars = &series->bars[kind];
	size_t max = kind >= BAR_RECOVERY && kind <= BAR_OUT_OF_ORDER ? BARS_AGAIN_MAX : BARS_MAX;
	uint32_t column;

	if (!is_inside(series, at_ns))
		return;
	bars->total++;
	if (kind <= BAR_OUT_OF_ORDER)
		series->sent_bytes[bin_of(series, at_ns)] += (uint64_t)(high - low);
	column = column_of(series, at_ns);
	/* A time that goes back is drawn where the log has got to. */
	if (column > bars->column || bars->count == 0) {
		bars->column = column;
		bars->column_begin = bars->count;
	}
	if (bars->count - bars->column_begin >= max) {
		join(bars, low, high);
		return;
	}
	if (make_room(series, (void **)&bars->bars, bars->count, &bars->room, sizeof(*bars->bars)))
		bars->bars[bars->count++] = (struct series_bar){ at_ns, low, high };
}

static void push(struct graph_series *series, struct line_series *line, struct series_point point)
{
	if (make_room(series, (void **)&line->points, line->count, &line->room,
		      sizeof(*line->points)))
		line->points[line->count++] = point;
}

/* The column's points in the order of time, without those that are one. */
static void flush(struct graph_series *series, struct line_series *line)
{
	struct series_point middle[2] = { line->least, line->largest };

	if (!line->some)
		return;
	line->some = false;
	if (middle[0].at_ns > middle[1].at_ns) {
		middle[0] = line->largest;
		middle[1] = line->least;
	}
	push(series, line, line->first);
	for (int i = 0; i < 2; i++)
		if (middle[i].value != line->first.value && middle[i].value != line->last.value)
			push(series, line, middle[i]);
	if (line->last.at_ns != line->first.at_ns || line->last.value != line->first.value)
		push(series, line, line->last);
}

/* Columns only go on: a time that goes back is drawn where the log has got to. */
static uint32_t next_column(const struct graph_series *series, const struct line_series *line,
			    int64_t at_ns)
{
	uint32_t column = column_of(series, at_ns);

	return column > line->column ? column : line->column;
}

static void add_break(struct graph_series *series, struct line_series *line,
		      struct series_point point)
{
	uint32_t column = next_column(series, line, point.at_ns);

	/* At most one a column: that bounds them. */
	if (line->break_column == column + 1)
		return;
	flush(series, line);
	push(series, line, point);
	line->column = column;
	line->break_column = column + 1;
}

static void add_point(struct graph_series *series, struct line_series *line,
		      struct series_point point)
{
	uint32_t column = next_column(series, line, point.at_ns);

	if (line->some && column > line->column)
		flush(series, line);
	line->column = column;
	if (!line->some) {
		line->first = line->least = line->largest = line->last = point;
		line->some = true;
		return;
	}
	if (point.value < line->least.value)
		line->least = point;
	if (point.value > line->largest.value)
		line->largest = point;
	line->last = point;
}

static void take_inside(struct graph_series *series, struct line_series *line,
			struct series_point point)
{
	if (point.value == GRAPH_UNKNOWN) {
		/* Nothing is broken yet, or already. */
		if (line->some ||
		    (line->count && line->points[line->count - 1].value != GRAPH_UNKNOWN))
			add_break(series, line, point);
		return;
	}
	line->total++;
	add_point(series, line, point);
}

static void count_acked(struct graph_series *series, int64_t at_ns, int64_t ack)
{
	if (is_inside(series, at_ns) && ack > series->last_ack)
		series->acked_bytes[bin_of(series, at_ns)] += (uint64_t)(ack - series->last_ack);
	if (ack > series->last_ack)
		series->last_ack = ack;
}

static void take_point(void *context, enum graph_line kind, int64_t at_ns, int64_t value)
{
	struct graph_series *series = context;
	struct line_series *line = &series->lines[kind];
	struct series_point point = { at_ns, value };

	if (kind == LINE_ACK)
		count_acked(series, at_ns, value);
	if (at_ns < series->start_ns) {
		point.at_ns = series->start_ns;
		line->before = point;
		line->has_before = kind != LINE_RTT;
		return;
	}
	if (line->ended)
		return;
	if (line->has_before) {
		line->has_before = false;
		take_inside(series, line, line->before);
	}
	if (at_ns > series->end_ns)
		line->ended = true;
	else
		take_inside(series, line, point);
}

static void take_mark(void *context, enum graph_mark kind, int64_t at_ns, uint32_t value)
{
	struct graph_series *series = context;
	uint32_t column;

	if (!is_inside(series, at_ns))
		return;
	column = column_of(series, at_ns);
	if (series->mark_columns[kind] >= column + 1) {
		series->marks[series->mark_places[kind]].count++;
		return;
	}
	if (!make_room(series, (void **)&series->marks, series->mark_count, &series->mark_room,
		       sizeof(*series->marks)))
		return;
	series->mark_columns[kind] = column + 1;
	series->mark_places[kind] = series->mark_count;
	series->marks[series->mark_count++] =
		(struct series_mark){ .at_ns = at_ns, .value = value, .count = 1, .kind = kind };
}

void graph_series_init(struct graph_series *series, int64_t start_ns, int64_t end_ns,
		       uint32_t columns)
{
	double range_ns = (double)end_ns - (double)start_ns;
	double bins;

	memset(series, 0, sizeof(*series));
	series->start_ns = start_ns;
	series->end_ns = end_ns;
	series->columns = columns;
	series->bin_ns = (int64_t)graph_nice_step(range_ns, BINS_WANTED);
	if (series->bin_ns < 1)
		series->bin_ns = 1;
	bins = ceil(range_ns / (double)series->bin_ns - 1e-9);
	if (bins < 1)
		bins = 1;
	series->bin_count = bins < GRAPH_BINS_MAX ? (uint32_t)bins : GRAPH_BINS_MAX;
}

void graph_series_dispose(struct graph_series *series)
{
	for (int i = 0; i < BAR_COUNT; i++)
		free(series->bars[i].bars);
	for (int i = 0; i < LINE_COUNT; i++)
		free(series->lines[i].points);
	free(series->marks);
	memset(series, 0, sizeof(*series));
}

struct graph_sink graph_series_sink(struct graph_series *series)
{
	return (struct graph_sink){
		.bar = take_bar, .point = take_point, .mark = take_mark, .context = series
	};
}

int graph_series_finish(struct graph_series *series)
{
	for (int i = 0; i < LINE_COUNT; i++) {
		struct line_series *line = &series->lines[i];

		if (line->has_before) {
			line->has_before = false;
			take_inside(series, line, line->before);
		}
		flush(series, line);
	}
	return series->no_memory ? -ENOMEM : 0;
}
