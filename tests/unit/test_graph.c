/* SPDX-License-Identifier: BSD-2-Clause */
/* From made logs to what is drawn of them: which connections, which series, thinning, ticks, xplot. */
#include "tests/unit/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/filter.h"
#include "cli/graph_axis.h"
#include "cli/graph_draw.h"
#include "cli/graph_holes.h"
#include "cli/graph_series.h"
#include "cli/graph_style.h"
#include "cli/graph_xplot.h"
#include "store/bblog.h"
#include "store/pcapng_write.h"
#include "tests/unit/packet_builder.h"
#include "tests/unit/temp_dir.h"

#define START_S INT64_C(1700000000)
#define ISS	0xfffffff0u /* sequence numbers wrap at once */

/* A log of 10.0.0.1:1000, the client, which has sent to 10.0.0.2:80. */
struct made_log {
	struct pcapng_buffer buffer;
	size_t section;
	uint32_t starttime, serial;
};

static void begin(struct made_log *log, uint32_t starttime)
{
	struct bblog_section section = { .local_address = { [12] = 10, 0, 0, 1 },
					 .foreign_address = { [12] = 10, 0, 0, 2 },
					 .local_port = 1000,
					 .foreign_port = 80,
					 .ip_version = 4 };
	uint8_t dumpinfo[BBLOG_DUMPINFO_BYTES];

	log->starttime = starttime;
	log->section = pcapng_section_begin(&log->buffer);
	bblog_encode_dumpinfo(&section, 0, dumpinfo);
	pcapng_option_bblog(&log->buffer, BBLOG_OPTION_DUMPINFO, dumpinfo, sizeof(dumpinfo));
	pcapng_option_bblog(&log->buffer, BBLOG_OPTION_STACKNAME, "\0wire", 5);
	pcapng_options_end(&log->buffer);
	pcapng_block_end(&log->buffer);
	pcapng_block_begin(&log->buffer, PCAPNG_IDB);
	pcapng_put32(&log->buffer, LINKTYPE_ETHERNET);
	pcapng_put32(&log->buffer, 262144);
	pcapng_option(&log->buffer, PCAPNG_OPT_IF_TSRESOL, "\x09", 1);
	pcapng_options_end(&log->buffer);
	pcapng_block_end(&log->buffer);
}

static void put_tcpinfo(struct made_log *log, struct bblog_record record, uint32_t at_ms)
{
	uint8_t tcpinfo[BBLOG_TCPINFO_BYTES];

	record.tv_sec = START_S + at_ms / 1000;
	record.tv_usec = at_ms % 1000 * 1000;
	record.serial = log->serial++;
	record.starttime = log->starttime;
	record.event_flags = BBLOG_HAS_STACKINFO;
	bblog_encode_tcpinfo(&record, tcpinfo);
	pcapng_option_bblog(&log->buffer, BBLOG_OPTION_TCPINFO, tcpinfo, sizeof(tcpinfo));
	pcapng_options_end(&log->buffer);
	pcapng_block_end(&log->buffer);
}

static void put_event(struct made_log *log, uint32_t at_ms, struct bblog_record record)
{
	pcapng_block_begin(&log->buffer, BBLOG_CUSTOM_BLOCK);
	pcapng_put32(&log->buffer, BBLOG_PEN);
	pcapng_put32(&log->buffer, BBLOG_BLOCK_EVENT);
	put_tcpinfo(log, record, at_ms);
}

static void put_packet(struct made_log *log, uint32_t at_ms, struct bblog_record record,
		       const struct packet *packet)
{
	uint64_t ts_ns = (uint64_t)START_S * 1000000000 + at_ms * UINT64_C(1000000);

	pcapng_block_begin(&log->buffer, PCAPNG_EPB);
	pcapng_put32(&log->buffer, 0);
	pcapng_put32(&log->buffer, (uint32_t)(ts_ns >> 32));
	pcapng_put32(&log->buffer, (uint32_t)ts_ns);
	pcapng_put32(&log->buffer, packet->length);
	pcapng_put32(&log->buffer, packet->length);
	pcapng_put(&log->buffer, packet->bytes, packet->length);
	pcapng_pad(&log->buffer);
	put_tcpinfo(log, record, at_ms);
}

/* seq, ack: relative to the client's ISS and the server's, which is 4999. */
static void put_out(struct made_log *log, uint32_t at_ms, uint16_t flags, uint32_t seq,
		    uint32_t bytes, uint8_t cause, uint8_t kind)
{
	struct packet packet;
	struct bblog_record record = { .event_id = EVENT_OUT, .iss = ISS, .len = bytes };

	packet_begin(&packet);
	packet_ethernet(&packet, 0x0800);
	packet_ipv4(&packet, 6, false, 0);
	packet_tcp(&packet, false, ISS + seq, 5000, flags, NULL, 0);
	packet_payload(&packet, bytes);
	packet_end(&packet);
	record.stack.flex7 = flex7_make(cause, 90);
	record.stack.flex8 = kind;
	put_packet(log, at_ms, record, &packet);
}

static void put_in(struct made_log *log, uint32_t at_ms, uint16_t flags, uint32_t ack)
{
	struct packet packet;

	packet_begin(&packet);
	packet_ethernet(&packet, 0x0800);
	packet_ipv4(&packet, 6, true, 0);
	packet_tcp(&packet, true, flags & TCP_SYN ? 4999 : 5000, ISS + ack, flags, NULL, 0);
	packet_end(&packet);
	put_packet(log, at_ms,
		   (struct bblog_record){ .event_id = EVENT_IN, .iss = ISS, .snd_scale = 2 },
		   &packet);
}

static const char *end(struct made_log *log, const char *name)
{
	static char path[256];
	FILE *file;

	pcapng_section_end(&log->buffer, log->section);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(log->buffer.bytes, 1, log->buffer.length, file),
			 log->buffer.length);
	fclose(file);
	pcapng_buffer_dispose(&log->buffer);
	return path;
}

/* 100 bytes at 10 ms and again at 30 ms; the rest of the file is a later use of the ports. */
static const char *make_log(const char *name)
{
	struct made_log log = { 0 };

	begin(&log, 7);
	put_out(&log, 0, TCP_SYN, 0, 0, 0, OUT_NEW);
	put_in(&log, 8, TCP_SYN | TCP_ACK, 1);
	put_event(&log, 8,
		  (struct bblog_record){ .event_id = EVENT_RTT,
					 .iss = ISS,
					 .stack = { .flex = { 8000, 8000, 0, 500 } } });
	put_out(&log, 10, TCP_ACK, 1, 100, 0, OUT_NEW);
	put_out(&log, 11, TCP_ACK, 101, 100, 0, OUT_NEW);
	put_event(&log, 30,
		  (struct bblog_record){ .event_id = EVENT_RTO, .iss = ISS, .flex2 = 20 });
	put_out(&log, 30, TCP_ACK, 1, 100, CAUSE_TIMEOUT, OUT_RETRANSMISSION);
	put_out(&log, 31, TCP_ACK, 201, 10, CAUSE_TLP, OUT_TLP_NEW);
	put_out(&log, 32, TCP_ACK, 300, 10, CAUSE_CAPTURE_GAP, OUT_NEW);
	put_in(&log, 40, TCP_ACK, 310);
	pcapng_section_end(&log.buffer, log.section);
	begin(&log, 7000);
	log.serial = 0;
	put_out(&log, 7000, TCP_SYN, 0, 0, 0, OUT_NEW);
	return end(&log, name);
}

/* What a sink was told, as text. */
struct notes {
	char text[4096];
	size_t length;
};

static void note_bar(void *context, enum graph_bar kind, int64_t at_ns, int64_t low, int64_t high)
{
	struct notes *notes = context;

	notes->length +=
		(size_t)snprintf(notes->text + notes->length, sizeof(notes->text) - notes->length,
				 "%d ms %s %d:%d\n", (int)(at_ns / 1000000),
				 graph_bar_style(kind)->name, (int)low, (int)high);
}

static void note_point(void *context, enum graph_line line, int64_t at_ns, int64_t value)
{
	struct notes *notes = context;

	if (line == LINE_CWND || line == LINE_INFLIGHT || line == LINE_SRTT || line == LINE_UNACKED)
		return;
	notes->length += (size_t)snprintf(
		notes->text + notes->length, sizeof(notes->text) - notes->length, "%d ms %s %d\n",
		(int)(at_ns / 1000000), graph_line_style(line)->name, (int)value);
}

static void note_mark(void *context, enum graph_mark mark, int64_t at_ns, uint32_t value)
{
	struct notes *notes = context;
	char text[64];

	graph_mark_text(mark, value, text, sizeof(text));
	notes->length +=
		(size_t)snprintf(notes->text + notes->length, sizeof(notes->text) - notes->length,
				 "%d ms %s\n", (int)(at_ns / 1000000), text);
}

static void read_log(const char *path, int from_client, const struct graph_sink *sinks,
		     uint32_t sink_count)
{
	/* Given twice, it counts once. */
	char *names[] = { (char *)path, (char *)path };
	struct log_paths paths = { .paths = names, .count = 2 };
	struct graph_finding finding;
	struct graph_subject subject;

	assert_int_equal(graph_find(&finding, &paths, NULL), 0);
	assert_int_equal(finding.count, 2);
	graph_subject_choose(&subject, &finding, finding.order[0], from_client);
	assert_int_equal(graph_data_read(&subject, &finding, &paths, sinks, sink_count), 0);
	graph_finding_dispose(&finding);
}

static void connections_are_found(void **state)
{
	char *names[] = { (char *)make_log("a.client.pcapng") };
	struct log_paths paths = { .paths = names, .count = 1 };
	struct graph_finding finding;
	const struct graph_connection *c;
	struct bpf_program *filter;
	char error[256], text[64];

	(void)state;
	assert_int_equal(graph_find(&finding, &paths, NULL), 0);
	assert_int_equal(finding.count, 2);
	c = &finding.connections[finding.order[0]];
	assert_int_equal(c->starttime, 7);
	assert_int_equal(c->client, 0);
	assert_int_equal(c->iss[0], ISS);
	assert_int_equal(c->records[0], 10);
	assert_int_equal(c->records[1], 0);
	assert_int_equal(c->sent_bytes[0], 320);
	assert_int_equal(c->last_ts_ns - c->first_ts_ns, 40000000);
	graph_end_text(c, 1, text);
	assert_string_equal(text, "10.0.0.2:80");
	graph_time_text(c->first_ts_ns, text);
	assert_string_equal(text, "2023-11-14 22:13:20.000000 UTC");
	graph_finding_dispose(&finding);

	filter = filter_make("port 81", error, sizeof(error));
	assert_int_equal(graph_find(&finding, &paths, filter), 0);
	assert_int_equal(finding.count, 0);
	graph_finding_dispose(&finding);
	filter_free(&filter);
}

static void records_become_series(void **state)
{
	struct notes notes = { 0 };
	struct graph_sink sink = { note_bar, note_point, note_mark, &notes };

	(void)state;
	read_log(make_log("a.client.pcapng"), -1, &sink, 1);
	assert_string_equal(notes.text, "0 ms new data 0:1\n"
					"8 ms acknowledged 1\n"
					"8 ms window edge 8193\n"
					"8 ms receive window 8192\n"
					"8 ms sample 8500000\n"
					"10 ms new data 1:101\n"
					"11 ms new data 101:201\n"
					"30 ms timeout 20 ms\n"
					"30 ms timeout 1:101\n"
					"31 ms tail-loss probe 201:211\n"
					"32 ms new data 300:310\n"
					"40 ms capture gap 211:300\n"
					"40 ms acknowledged 310\n"
					"40 ms window edge 33078\n"
					"40 ms receive window 32768\n");
}

/* Without the sender's log there are its segments and the answers, no more. */
static void the_other_ends_log_is_read(void **state)
{
	struct notes notes = { 0 };
	struct graph_sink sink = { note_bar, note_point, note_mark, &notes };

	(void)state;
	read_log(make_log("a.client.pcapng"), 0, &sink, 1);
	assert_string_equal(notes.text, "8 ms new data 0:1\n"
					"10 ms acknowledged 1\n"
					"10 ms window edge 8193\n"
					"10 ms receive window 8192\n"
					"11 ms acknowledged 1\n"
					"11 ms window edge 8193\n"
					"11 ms receive window 8192\n"
					"30 ms acknowledged 1\n"
					"30 ms window edge 8193\n"
					"30 ms receive window 8192\n"
					"31 ms acknowledged 1\n"
					"31 ms window edge 8193\n"
					"31 ms receive window 8192\n"
					"32 ms acknowledged 1\n"
					"32 ms window edge 8193\n"
					"32 ms receive window 8192\n");
}

static void holes_are_filled_or_lost(void **state)
{
	struct graph_holes holes = { 0 };
	struct graph_hole lost;

	(void)state;
	graph_holes_add(&holes, 100, 200);
	graph_holes_add(&holes, 300, 400);
	assert_false(graph_holes_fill(&holes, 0, 100));
	assert_false(graph_holes_fill(&holes, 200, 300));
	assert_true(graph_holes_fill(&holes, 140, 160)); /* 100:140, 300:400, 160:200 */
	assert_int_equal(holes.count, 3);
	assert_true(graph_holes_fill(&holes, 90, 150)); /* 300:400, 160:200 */
	assert_false(graph_holes_take_acked(&holes, 160, &lost));
	assert_true(graph_holes_take_acked(&holes, 350, &lost));
	assert_int_equal(lost.low, 300);
	assert_int_equal(lost.high, 350);
	assert_true(graph_holes_take_acked(&holes, 350, &lost));
	assert_int_equal(lost.low, 160);
	assert_int_equal(lost.high, 200);
	assert_false(graph_holes_take_acked(&holes, 350, &lost));
	assert_true(graph_holes_fill(&holes, 0, 1000));
	assert_int_equal(holes.count, 0);
	for (int64_t i = 0; i < 100; i++)
		graph_holes_add(&holes, i * 10, i * 10 + 5);
	assert_int_equal(holes.count, GRAPH_HOLES_MAX);
	for (int64_t i = 0; i < 100; i++)
		graph_holes_fill(&holes, i * 10 + 2, i * 10 + 3);
	assert_int_equal(holes.count, GRAPH_HOLES_MAX);
}

static void steps_are_nice(void **state)
{
	static const struct {
		double range;
		uint32_t ticks;
		double step;
	} rows[] = {
		{ 1, 10, 0.1 }, { 1, 9, 0.2 }, { 1, 4, 0.5 },	   { 1, 1, 1 },
		{ 10, 10, 1 },	{ 11, 10, 2 }, { 7e9, 5, 2e9 },	   { 0.003, 3, 1e-3 },
		{ 0, 5, 1 },	{ NAN, 5, 1 }, { INFINITY, 5, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(fabs(graph_nice_step(rows[i].range, rows[i].ticks) / rows[i].step - 1) <
			    1e-9);
}

static void axes_have_units(void **state)
{
	static const struct {
		double low, high;
		enum graph_quantity quantity;
		const char *unit, *first;
		uint32_t ticks;
	} rows[] = {
		{ 0, 1e9, QUANTITY_TIME, "s", "0.0", 6 },
		{ -5e6, 95e6, QUANTITY_TIME, "ms", "0", 5 },
		{ 0, 3, QUANTITY_BYTES, "B", "0", 4 },
		{ 0, 1, QUANTITY_BYTES, "B", "0", 2 },
		{ 1.0e6, 1.5e6, QUANTITY_BYTES, "MB", "1.0", 6 },
		{ 0, 40e6, QUANTITY_RATE, "Mbit/s", "0", 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct graph_axis axis;
		char text[GRAPH_TICK_TEXT_MAX];

		graph_axis_make(&axis, rows[i].low, rows[i].high, 5, rows[i].quantity);
		assert_string_equal(axis.unit, rows[i].unit);
		assert_int_equal(axis.ticks, rows[i].ticks);
		graph_axis_text(&axis, 0, text);
		assert_string_equal(text, rows[i].first);
	}
}

/* Whatever comes, an axis has a width and few ticks. */
static void odd_ranges_make_an_axis(void **state)
{
	static const double odd[] = {
		0, -1, 1e18, -1e300, 1e300, NAN, INFINITY, -INFINITY, 1e-300
	};
	struct graph_axis axis;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		for (size_t j = 0; j < sizeof(odd) / sizeof(odd[0]); j++)
			for (int quantity = 0; quantity <= QUANTITY_RATE; quantity++) {
				graph_axis_make(&axis, odd[i], odd[j], 7,
						(enum graph_quantity)quantity);
				assert_true(isfinite(axis.low) && isfinite(axis.high));
				assert_true(axis.low < axis.high);
				assert_true(axis.ticks <= 9);
			}
}

static void quantities_have_three_digits(void **state)
{
	static const struct {
		double value;
		enum graph_quantity quantity;
		const char *text;
	} rows[] = {
		{ 1512345, QUANTITY_BYTES, "1.51 MB" },	  { 10e6, QUANTITY_TIME, "10 ms" },
		{ 999, QUANTITY_BYTES, "999 B" },	  { 0, QUANTITY_BYTES, "0 B" },
		{ 12e12, QUANTITY_RATE, "12000 Gbit/s" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		graph_quantity_text(rows[i].value, rows[i].quantity, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

/* A million points in 100 columns: few are kept, among them the least and largest. */
static void lines_are_thinned_by_column(void **state)
{
	struct graph_series series;
	struct graph_sink sink;
	int64_t least = INT64_MAX, largest = 0;

	(void)state;
	graph_series_init(&series, 0, 1000000, 100);
	sink = graph_series_sink(&series);
	for (int64_t i = 0; i < 1000000; i++)
		sink.point(sink.context, LINE_WINDOW, i, i == 555555 ? 9999 : 100 + i % 7);
	assert_int_equal(graph_series_finish(&series), 0);
	assert_in_range(series.lines[LINE_WINDOW].count, 200, 400);
	for (size_t i = 0; i < series.lines[LINE_WINDOW].count; i++) {
		const struct series_point *point = &series.lines[LINE_WINDOW].points[i];

		if (i)
			assert_true(point->at_ns >= point[-1].at_ns);
		least = point->value < least ? point->value : least;
		largest = point->value > largest ? point->value : largest;
	}
	assert_int_equal(least, 100);
	assert_int_equal(largest, 9999);
	graph_series_dispose(&series);
}

/* Bars are joined where there are too many, but what they cover stays covered. */
static void bars_are_joined(void **state)
{
	struct graph_series series;
	struct graph_sink sink;
	const struct bar_series *bars;
	int64_t covered = 0;

	(void)state;
	graph_series_init(&series, 0, 1000000, 10);
	sink = graph_series_sink(&series);
	for (int64_t i = 0; i < 100000; i++)
		sink.bar(sink.context, BAR_NEW, i * 10, i * 100, i * 100 + 100);
	for (int64_t i = 0; i < 640; i++)
		sink.bar(sink.context, BAR_TIMEOUT, i * 1563, i, i + 1);
	assert_int_equal(graph_series_finish(&series), 0);
	bars = &series.bars[BAR_NEW];
	assert_int_equal(bars->total, 100000);
	assert_int_equal(bars->count, 10 * BARS_MAX);
	for (size_t i = 0; i < bars->count; i++)
		covered += bars->bars[i].high - bars->bars[i].low;
	assert_int_equal(covered, 100000 * 100);
	assert_int_equal(series.bars[BAR_TIMEOUT].count, 640);
	graph_series_dispose(&series);
}

/* However often a value is unknown, and whichever way time runs, memory stays bounded. */
static void breaks_and_odd_times_are_bounded(void **state)
{
	struct graph_series series;
	struct graph_sink sink;

	(void)state;
	graph_series_init(&series, 0, 1000, 10);
	sink = graph_series_sink(&series);
	for (int64_t i = 0; i < 100000; i++) {
		int64_t at_ns = i * 7919 % 1001;

		sink.point(sink.context, LINE_CWND, at_ns, i % 2 ? GRAPH_UNKNOWN : INT64_MAX - i);
		sink.point(sink.context, LINE_ACK, at_ns, i % 3 ? INT64_MIN + 1 : INT64_MAX);
		sink.mark(sink.context, (enum graph_mark)(i % MARK_COUNT), at_ns, 0);
		sink.bar(sink.context, BAR_SACK, at_ns, i, i + 1);
	}
	assert_int_equal(graph_series_finish(&series), 0);
	assert_true(series.lines[LINE_CWND].count <= 10 * 9);
	assert_true(series.lines[LINE_ACK].count <= 10 * 9);
	assert_true(series.mark_count <= 10 * MARK_COUNT);
	assert_true(series.bars[BAR_SACK].count <= 10 * BARS_MAX);
	graph_series_dispose(&series);
}

/* In a part of a connection, lines begin with what they were before it. */
static void a_part_knows_what_was_before(void **state)
{
	struct graph_series series;
	struct graph_sink sink;

	(void)state;
	graph_series_init(&series, 1000, 2000, 100);
	sink = graph_series_sink(&series);
	sink.point(sink.context, LINE_WINDOW, 100, 7);
	sink.point(sink.context, LINE_WINDOW, 200, 8);
	sink.point(sink.context, LINE_RTT, 200, 8);
	sink.point(sink.context, LINE_WINDOW, 5000, 9);
	sink.bar(sink.context, BAR_NEW, 999, 0, 1);
	assert_int_equal(graph_series_finish(&series), 0);
	assert_int_equal(series.lines[LINE_WINDOW].count, 1);
	assert_int_equal(series.lines[LINE_WINDOW].points[0].at_ns, 1000);
	assert_int_equal(series.lines[LINE_WINDOW].points[0].value, 8);
	assert_int_equal(series.lines[LINE_RTT].count, 0);
	assert_int_equal(series.bars[BAR_NEW].total, 0);
	graph_series_dispose(&series);
}

static void formats_are_told_by_suffix(void **state)
{
	(void)state;
	assert_true(graph_format_known("a.svg"));
	assert_true(graph_format_known("a.PNG"));
	assert_true(graph_format_known("dir.x/a.pdf"));
	assert_false(graph_format_known("a.jpg"));
	assert_false(graph_format_known("svg"));
	assert_false(graph_format_known(".svg"));
	assert_false(graph_format_known(""));
}

static void read_file(const char *path, char *out, size_t bytes)
{
	FILE *file = fopen(path, "r");
	size_t length;

	assert_non_null(file);
	length = fread(out, 1, bytes - 1, file);
	out[length] = '\0';
	fclose(file);
}

static void xplot_files_are_as_tcptraces(void **state)
{
	struct graph_xplot xplot;
	struct graph_sink sink;
	char prefix[128], path[160], error[256], text[8192];

	(void)state;
	snprintf(prefix, sizeof(prefix), "%s/x", dir);
	assert_int_equal(graph_xplot_open(&xplot, prefix, "a:1_==>_b:2",
					  (uint64_t)START_S * 1000000000, 0, 1000000000, 320, error,
					  sizeof(error)),
			 0);
	sink = graph_xplot_sink(&xplot);
	read_log(make_log("a.client.pcapng"), -1, &sink, 1);
	assert_int_equal(graph_xplot_close(&xplot, error, sizeof(error)), 0);
	snprintf(path, sizeof(path), "%s_tsg.xpl", prefix);
	read_file(path, text, sizeof(text));
	assert_memory_equal(text,
			    "timeval unsigned\ntitle\na:1_==>_b:2 (time sequence graph)\nxlabel\n"
			    "time\nylabel\nsequence offset\n",
			    strlen("timeval unsigned\ntitle\na:1_==>_b:2 (time sequence graph)\n"
				   "xlabel\ntime\nylabel\nsequence offset\n"));
	assert_non_null(strstr(text, "white\nline 1700000000.000000 0 1700000000.000000 1\n"));
	assert_non_null(strstr(text, "line 1700000000.010000 1 1700000000.010000 101\n"
				     "darrow 1700000000.010000 1\n"
				     "uarrow 1700000000.010000 101\n"));
	assert_non_null(strstr(text, "line 1700000000.030000 1 1700000000.030000 101\n"
				     "darrow 1700000000.030000 1\nuarrow 1700000000.030000 101\n"
				     "atext 1700000000.030000 101\nRTO\n"));
	assert_non_null(strstr(text, "green\nline 1700000000.008000 1 1700000000.040000 1\n"
				     "line 1700000000.040000 1 1700000000.040000 310\n"));
	assert_string_equal(text + strlen(text) - 4, "\ngo\n");
	snprintf(path, sizeof(path), "%s_rtt.xpl", prefix);
	read_file(path, text, sizeof(text));
	assert_non_null(strstr(text, "timeval double\n"));
	assert_non_null(strstr(text, "red\ndiamond 1700000000.008000 8.500\n"));
	snprintf(path, sizeof(path), "%s_owin.xpl", prefix);
	read_file(path, text, sizeof(text));
	assert_non_null(strstr(text, "line 1700000000.010000 100 1700000000.011000 100\n"));
	snprintf(path, sizeof(path), "%s_tput.xpl", prefix);
	read_file(path, text, sizeof(text));
	/* 100 bytes in 1 ms. */
	assert_non_null(strstr(text, "dot 1700000000.011000 100000\n"));
}

static void xplot_says_what_it_cant_write(void **state)
{
	struct graph_xplot xplot;
	char error[256];

	(void)state;
	assert_true(graph_xplot_open(&xplot, "/dev/null/x", "", 0, 0, 1, 0, error, sizeof(error)) <
		    0);
	assert_non_null(strstr(error, "/dev/null/x_tsg.xpl: can't be written"));
	assert_int_equal(graph_xplot_close(&xplot, error, sizeof(error)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_found),
		cmocka_unit_test(records_become_series),
		cmocka_unit_test(the_other_ends_log_is_read),
		cmocka_unit_test(holes_are_filled_or_lost),
		cmocka_unit_test(steps_are_nice),
		cmocka_unit_test(axes_have_units),
		cmocka_unit_test(odd_ranges_make_an_axis),
		cmocka_unit_test(quantities_have_three_digits),
		cmocka_unit_test(lines_are_thinned_by_column),
		cmocka_unit_test(bars_are_joined),
		cmocka_unit_test(breaks_and_odd_times_are_bounded),
		cmocka_unit_test(a_part_knows_what_was_before),
		cmocka_unit_test(formats_are_told_by_suffix),
		cmocka_unit_test(xplot_files_are_as_tcptraces),
		cmocka_unit_test(xplot_says_what_it_cant_write),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
