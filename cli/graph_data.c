/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/graph_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/event_view.h"
#include "cli/graph_holes.h"
#include "tcpstate/event.h"

struct reading {
	const struct graph_subject *subject;
	const struct graph_sink *sinks;
	uint32_t sink_count;
	struct event_view view;
	bool own;	  /* the sender's log: it tells causes, samples, windows */
	bool ours;	  /* written by bbtap: stack variables mean what event.h says */
	bool started;	  /* base is known */
	uint32_t base;	  /* the sender's ISS */
	int64_t max, una; /* relative: behind the last that was sent, acknowledged */
	struct graph_holes holes;
	uint32_t last_serial;
	bool some_serial;
	int64_t at_ns;
};

static void tell_bar(const struct reading *r, enum graph_bar kind, int64_t low, int64_t high)
{
	for (uint32_t i = 0; i < r->sink_count; i++)
		r->sinks[i].bar(r->sinks[i].context, kind, r->at_ns, low, high);
}

static void tell_point(const struct reading *r, enum graph_line line, int64_t value)
{
	for (uint32_t i = 0; i < r->sink_count; i++)
		r->sinks[i].point(r->sinks[i].context, line, r->at_ns, value);
}

static void tell_mark(const struct reading *r, enum graph_mark kind, uint32_t value)
{
	for (uint32_t i = 0; i < r->sink_count; i++)
		r->sinks[i].mark(r->sinks[i].context, kind, r->at_ns, value);
}

/* The number nearest to what was sent last: right while it is less than 2^31 away. */
static int64_t unwrap(const struct reading *r, uint32_t seq)
{
	return r->max + (int32_t)(seq - r->base - (uint32_t)r->max);
}

static enum graph_bar kind_by_cause(uint8_t cause)
{
	switch (cause) {
	case CAUSE_RECOVERY:
		return BAR_RECOVERY;
	case CAUSE_TLP:
		return BAR_TLP;
	case CAUSE_TIMEOUT:
		return BAR_TIMEOUT;
	case CAUSE_SYN:
	case CAUSE_FIN:
		return BAR_HANDSHAKE;
	case CAUSE_WINDOW_PROBE:
	case CAUSE_KEEPALIVE:
		return BAR_PROBE;
	default:
		return BAR_AMBIGUOUS;
	}
}

static enum graph_bar kind_of(const struct reading *r, int64_t high, bool fills_hole)
{
	const struct bblog_record *record = &r->view.reader->record;
	uint8_t cause = (uint8_t)(record->stack.flex7 >> 8);

	/* The other end's log, or another recorder's, tells nothing but the numbers. */
	if ((!r->own || !r->ours) && fills_hole)
		return BAR_OUT_OF_ORDER;
	if (!r->own || !r->ours)
		return high <= r->max && r->max ? BAR_AMBIGUOUS : BAR_NEW;
	if (cause == CAUSE_WINDOW_PROBE || cause == CAUSE_KEEPALIVE)
		return BAR_PROBE;
	if (record->stack.flex8 == OUT_RETRANSMISSION ||
	    record->stack.flex8 == OUT_TLP_RETRANSMISSION)
		return kind_by_cause(cause);
	if (record->stack.flex8 == OUT_TLP_NEW)
		return BAR_TLP;
	return cause == CAUSE_OUT_OF_ORDER ? BAR_OUT_OF_ORDER : BAR_NEW;
}

/* The base stays what it was over the sections of a log, but a SYN before all data tells it anew. */
static bool find_base(struct reading *r, bool sent)
{
	const struct event_view *view = &r->view;
	bool syn = sent && view->segment.flags & TCP_SYN;

	if (r->started && !(syn && r->max <= 1))
		return true;
	/* Of a connection that was seen from its middle on, the SYN is no hole. */
	r->max = !syn;
	if (syn)
		r->base = view->segment.seq;
	else if (r->own)
		r->base = view->local_base;
	else if (view->has_peer_base)
		r->base = view->peer_base;
	else
		return false;
	r->started = true;
	return true;
}

static void read_sent(struct reading *r)
{
	const struct segment *seg = &r->view.segment;
	uint8_t cause = (uint8_t)(r->view.reader->record.stack.flex7 >> 8);
	int64_t low = unwrap(r, seg->seq), high = low + segment_length(seg);
	enum graph_bar kind;

	if (r->own && r->ours && cause == CAUSE_MIRROR_DUPLICATE)
		return;
	/* A reset's number may be anything. */
	if (seg->flags & TCP_RST) {
		tell_mark(r, MARK_RST, 0);
		return;
	}
	kind = kind_of(r, high, graph_holes_fill(&r->holes, low, high));
	if (high > low || kind == BAR_PROBE)
		tell_bar(r, kind, low, high);
	if (high <= low)
		return;
	if (low > r->max)
		graph_holes_add(&r->holes, r->max, low);
	if (high > r->max)
		r->max = high;
	tell_point(r, LINE_UNACKED, r->max > r->una ? r->max - r->una : 0);
}

/* What is acknowledged and did not pass the tap, the capture has lost. */
static void find_gaps(struct reading *r, int64_t ack)
{
	struct graph_hole gap;

	if (ack > r->max) {
		graph_holes_add(&r->holes, r->max, ack);
		r->max = ack;
	}
	while (graph_holes_take_acked(&r->holes, r->una, &gap))
		tell_bar(r, BAR_GAP, gap.low, gap.high);
}

static void read_acknowledgment(struct reading *r)
{
	const struct segment *seg = &r->view.segment;
	const struct bblog_record *record = &r->view.reader->record;
	uint8_t scale = r->own ? record->snd_scale : record->rcv_scale;
	int64_t ack = unwrap(r, seg->ack), window;

	if (seg->flags & TCP_RST) {
		tell_mark(r, MARK_RST, 0);
		return;
	}
	if (!(seg->flags & TCP_ACK))
		return;
	if (ack > r->una)
		r->una = ack;
	find_gaps(r, ack);
	window = seg->flags & TCP_SYN ? seg->window : (int64_t)seg->window << scale;
	tell_point(r, LINE_ACK, r->una);
	tell_point(r, LINE_EDGE, ack + window);
	tell_point(r, LINE_WINDOW, window);
	tell_point(r, LINE_UNACKED, r->max > r->una ? r->max - r->una : 0);
	for (uint8_t i = 0; i < seg->options.sack_count; i++) {
		int64_t low = unwrap(r, seg->options.sack[i].start);
		int64_t high = unwrap(r, seg->options.sack[i].end);

		if (high > low)
			tell_bar(r, BAR_SACK, low, high);
	}
}

static void read_icmp(const struct reading *r, const struct bblog_record *record)
{
	switch (record->stack.flex7 >> 8) {
	case MSGSIZE_TOO_BIG:
		tell_mark(r, MARK_TOO_BIG, record->stack.flex[0]);
		return;
	case MSGSIZE_BLACK_HOLE:
		tell_mark(r, MARK_BLACK_HOLE, record->stack.flex[0]);
		return;
	default:
		tell_mark(r, MARK_ICMP_ERROR, record->stack.flex[1]);
	}
}

static void read_event(const struct reading *r, const struct bblog_record *record)
{
	switch (record->event_id) {
	case EVENT_RTT:
		/* Both halves, as srtt of a record is. */
		tell_point(r, LINE_RTT,
			   ((int64_t)record->stack.flex[0] + record->stack.flex[3]) * 1000);
		return;
	case EVENT_RTO:
		tell_mark(r, MARK_RTO, record->flex2);
		return;
	case EVENT_ENTREC:
		tell_mark(r, MARK_RECOVERY, 0);
		return;
	case EVENT_EXITREC:
		tell_mark(r, MARK_RECOVERED, 0);
		return;
	case EVENT_PERSIST:
		if (record->stack.flex8 != PERSIST_PROBE)
			tell_mark(r,
				  record->stack.flex8 == PERSIST_ENTERED ? MARK_ZERO_WINDOW
									 : MARK_WINDOW_OPEN,
				  0);
		return;
	case EVENT_MSGSIZE:
		read_icmp(r, record);
		return;
	case EVENT_BAD_RETRAN:
		tell_mark(r, MARK_SPURIOUS, 0);
		return;
	case EVENT_COLLAPSE:
		tell_mark(r, MARK_COLLAPSE, record->stack.flex[0]);
		return;
	case EVENT_HYSTART:
		tell_mark(r, MARK_HYSTART, 0);
		return;
	default:
		return;
	}
}

/* What a snapshot tells of the sender. A flight of nothing while bytes are out: there is no model. */
static void read_snapshot(const struct reading *r, const struct bblog_record *record)
{
	bool modelled = r->ours && record->event_flags & BBLOG_HAS_STACKINFO &&
			(record->stack.inflight || record->snd_una == record->snd_max);

	tell_point(r, LINE_CWND, record->snd_cwnd ? record->snd_cwnd : GRAPH_UNKNOWN);
	tell_point(r, LINE_INFLIGHT, modelled ? record->stack.inflight : GRAPH_UNKNOWN);
	/* Other recorders' srtt is in units of their own. */
	if (r->ours)
		tell_point(r, LINE_SRTT,
			   record->srtt ? (int64_t)record->srtt * 1000 : GRAPH_UNKNOWN);
}

static void read_record(struct reading *r)
{
	const struct bblog_record *record = &r->view.reader->record;
	uint64_t first_ns = r->subject->connection->first_ts_ns, since_ns;
	bool sent = record->event_id == (r->own ? EVENT_OUT : EVENT_IN);

	/* A log that is there twice counts once. */
	if (r->some_serial && (int32_t)(record->serial - r->last_serial) <= 0)
		return;
	r->last_serial = record->serial;
	r->some_serial = true;
	event_view_record(&r->view);
	since_ns = r->view.ts_ns > first_ns ? r->view.ts_ns - first_ns : 0;
	r->at_ns = since_ns < INT64_MAX ? (int64_t)since_ns : INT64_MAX;
	if (record->event_id != EVENT_IN && record->event_id != EVENT_OUT) {
		if (r->own && r->ours)
			read_event(r, record);
		return;
	}
	/* Events come while an ACK is worked on: what is in flight is between two states there. */
	if (r->own)
		read_snapshot(r, record);
	if (r->view.has_segment && find_base(r, sent)) {
		if (sent)
			read_sent(r);
		else
			read_acknowledgment(r);
	}
}

static void read_section(struct reading *r, struct section_reader *reader)
{
	event_view_section(&r->view);
	r->ours = strstr(reader->section.stack_name, "wire") != NULL;
}

/* The sections from `at` on that are in one file; returns how many they are. */
static size_t read_file(struct reading *r, const struct graph_section *sections, size_t count,
			const char *path)
{
	struct section_reader reader;
	uint32_t number = UINT32_MAX;
	enum section_item item;
	char error[512];
	size_t next = 0, in_file = 0;
	bool wanted = false;

	while (in_file < count && sections[in_file].path == sections[0].path)
		in_file++;
	if (section_reader_open(&reader, path, error, sizeof(error)) < 0)
		return in_file;
	r->view.reader = &reader;
	while ((item = section_reader_next(&reader)) != SECTION_END && item != SECTION_DAMAGED) {
		if (item == SECTION_HEADER) {
			number++;
			next += wanted;
			if (next == in_file)
				break;
			wanted = number == sections[next].number;
			if (wanted)
				read_section(r, &reader);
		} else if (item == SECTION_RECORD && wanted && reader.has_tcpinfo) {
			read_record(r);
		} else if (item == SECTION_SKIP && wanted) {
			tell_mark(r, MARK_MISSING, reader.skipped);
		}
	}
	section_reader_close(&reader);
	return in_file;
}

/* By file, a file's by their place; files by the time of their first section of this log. */
static int by_place(const void *a, const void *b)
{
	const struct graph_section *x = a, *y = b;

	if (x->first_ts_ns != y->first_ts_ns)
		return x->first_ts_ns < y->first_ts_ns ? -1 : 1;
	if (x->path != y->path)
		return x->path < y->path ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static struct graph_section *sections_of(const struct graph_subject *subject,
					 const struct graph_finding *finding, size_t *count)
{
	struct graph_section *own = calloc(finding->section_count + 1, sizeof(*own));
	uint64_t file_ts_ns = 0;

	*count = 0;
	for (size_t i = 0; own && i < finding->section_count; i++) {
		const struct graph_section *section = &finding->sections[i];

		if (section->connection != subject->connection_number ||
		    section->side != subject->log)
			continue;
		/* The sections of a file lie together in the finding. */
		if (*count == 0 || own[*count - 1].path != section->path)
			file_ts_ns = section->first_ts_ns;
		own[*count] = *section;
		own[(*count)++].first_ts_ns = file_ts_ns;
	}
	if (own)
		qsort(own, *count, sizeof(*own), by_place);
	return own;
}

void graph_subject_choose(struct graph_subject *subject, const struct graph_finding *finding,
			  uint32_t connection_number, int from_client)
{
	const struct graph_connection *c = &finding->connections[connection_number];
	uint8_t client = c->client;

	*subject =
		(struct graph_subject){ .connection = c, .connection_number = connection_number };
	if (from_client >= 0)
		subject->sender = from_client ? client : !client;
	else
		subject->sender = c->sent_bytes[!client] > c->sent_bytes[client] ? !client : client;
	subject->log = c->records[subject->sender] ? subject->sender : !subject->sender;
}

int graph_data_read(const struct graph_subject *subject, const struct graph_finding *finding,
		    const struct log_paths *paths, const struct graph_sink *sinks,
		    uint32_t sink_count)
{
	struct reading r = { .subject = subject,
			     .sinks = sinks,
			     .sink_count = sink_count,
			     .own = subject->log == subject->sender };
	struct graph_section *sections;
	size_t count;

	sections = sections_of(subject, finding, &count);
	if (!sections || event_view_open(&r.view) < 0) {
		free(sections);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count;)
		i += read_file(&r, &sections[i], count - i, paths->paths[sections[i].path]);
	event_view_close(&r.view);
	free(sections);
	return 0;
}
