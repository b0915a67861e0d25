/* SPDX-License-Identifier: BSD-2-Clause */
/* Written by hand, without printf: a list of a million rows must not take seconds. */
#include "cli/control_rows.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct row_text {
	char *begin, *at;
};

static void put_bytes(struct row_text *t, const char *text, size_t length)
{
	memcpy(t->at, text, length);
	t->at += length;
}

#define PUT(t, literal) put_bytes(t, literal, sizeof(literal) - 1)

static void put_number(struct row_text *t, uint64_t number)
{
	char digits[20];
	int count = 0;

	do
		digits[count++] = (char)('0' + number % 10);
	while (number /= 10);
	while (count)
		*t->at++ = digits[--count];
}

/* RFC 8259 7. What is not ASCII goes through a library, which knows UTF-8; it is seldom. */
static void put_json_text(struct row_text *t, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			*t->at++ = '\\';
			*t->at++ = (char)c;
		} else if (c < ' ' || c == 0x7f) {
			PUT(t, "\\u00");
			*t->at++ = hex[c >> 4];
			*t->at++ = hex[c & 15];
		} else {
			*t->at++ = c < 0x80 ? (char)c : '?';
		}
	}
}

static void put_string(struct row_text *t, const char *text)
{
	bool ascii = true;

	for (const char *at = text; *at; at++)
		ascii &= (unsigned char)*at < 0x80;
	*t->at++ = '"';
	if (ascii) {
		put_json_text(t, text);
	} else {
		json_t *string = json_string(text); /* NULL: no UTF-8 */
		char *dumped = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

		if (dumped)
			put_bytes(t, dumped + 1, strlen(dumped) - 2);
		else
			put_json_text(t, text);
		json_decref(string);
		free(dumped);
	}
	*t->at++ = '"';
}

static void put_address(struct row_text *t, const struct job_row *row, int side)
{
	const uint8_t *bytes = row->key.addr[side];

	if (row->key.ip_version == 4) {
		for (int i = 12; i < 16; i++) {
			if (i > 12)
				*t->at++ = '.';
			put_number(t, bytes[i]);
		}
		return;
	}
	inet_ntop(AF_INET6, bytes, t->at, INET6_ADDRSTRLEN);
	t->at += strlen(t->at);
}

static void put_time(struct row_text *t, uint64_t ns)
{
	char fraction[10];

	put_number(t, ns / 1000000000);
	*t->at++ = '.';
	for (int i = 8; i >= 0; i--, ns /= 10)
		fraction[i] = (char)('0' + ns % 10);
	put_bytes(t, fraction, 9);
}

static void put_text(struct row_text *t, const char *text)
{
	put_bytes(t, text, strlen(text));
}

static void put_side(struct row_text *t, const struct job_row *row, int side)
{
	int of_key = side == SIDE_CLIENT ? row->client : !row->client;

	PUT(t, "{\"address\":\"");
	put_address(t, row, of_key);
	PUT(t, "\",\"port\":");
	put_number(t, ntohs(row->key.port_be[of_key]));
	PUT(t, ",\"state\":\"");
	put_text(t, tcp_state_name(row->state[side]));
	PUT(t, "\",\"segments\":");
	put_number(t, row->segments[side]);
	PUT(t, ",\"payload_bytes\":");
	put_number(t, row->bytes[side]);
	PUT(t, ",\"retransmitted_segments\":");
	put_number(t, row->retransmitted[side]);
	PUT(t, ",\"srtt_us\":");
	put_number(t, row->srtt_us[side]);
	PUT(t, ",\"records\":");
	put_number(t, row->records[side]);
	*t->at++ = '}';
}

uint32_t control_row_json(const struct job_row *row, char out[CONTROL_ROW_MAX])
{
	struct row_text t = { out, out };

	PUT(&t, "{\"connection\":");
	put_number(&t, row->number);
	PUT(&t, ",\"first\":");
	put_time(&t, row->first_ns);
	PUT(&t, ",\"last\":");
	put_time(&t, row->last_ns);
	PUT(&t, ",\"rule\":");
	put_string(&t, row->rule);
	PUT(&t, ",\"mode\":\"");
	put_text(&t, log_mode_name(row->mode));
	PUT(&t, "\",\"id\":");
	put_string(&t, row->id);
	PUT(&t, ",\"tag\":");
	put_string(&t, row->tag);
	PUT(&t, ",\"client\":");
	put_side(&t, row, SIDE_CLIENT);
	PUT(&t, ",\"server\":");
	put_side(&t, row, SIDE_SERVER);
	PUT(&t, "}\n");
	return (uint32_t)(t.at - t.begin);
}

/* Blanks up to a column; at least two. */
static void column(struct row_text *t, uint32_t at)
{
	do
		*t->at++ = ' ';
	while (t->at < t->begin + at);
}

static const struct {
	const char *title;
	uint32_t at; /* where the column begins, behind the blank of the protocol */
} columns[] = {
	{ "CONNECTION", 1 }, { "CLIENT", 13 },	 { "SERVER", 36 }, { "STATE", 59 }, { "MODE", 72 },
	{ "RECORDS", 83 },   { "SEGMENTS", 92 }, { "RETR", 102 },  { "TAG", 108 },  { "ID", 120 },
};

uint32_t control_row_titles(char out[CONTROL_ROW_MAX])
{
	struct row_text t = { out, out };

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		column(&t, columns[i].at);
		put_text(&t, columns[i].title);
	}
	*t.at++ = '\n';
	return (uint32_t)(t.at - t.begin);
}

/* For a terminal: what is no printable ASCII is a dot. */
static void put_plain(struct row_text *t, const char *text)
{
	if (!*text)
		*t->at++ = '-';
	for (; *text; text++)
		*t->at++ = *text >= ' ' && *text < 0x7f ? *text : '.';
}

static void put_endpoint(struct row_text *t, const struct job_row *row, int of_key)
{
	bool v6 = row->key.ip_version == 6;

	if (v6)
		*t->at++ = '[';
	put_address(t, row, of_key);
	if (v6)
		*t->at++ = ']';
	*t->at++ = ':';
	put_number(t, ntohs(row->key.port_be[of_key]));
}

uint32_t control_row_text(const struct job_row *row, char out[CONTROL_ROW_MAX])
{
	struct row_text t = { out, out };

	column(&t, columns[0].at);
	put_number(&t, row->number);
	column(&t, columns[1].at);
	put_endpoint(&t, row, row->client);
	column(&t, columns[2].at);
	put_endpoint(&t, row, !row->client);
	column(&t, columns[3].at);
	/* Of an established connection both are the same; else the client's says more. */
	put_text(&t, tcp_state_name(row->state[SIDE_CLIENT]));
	column(&t, columns[4].at);
	put_text(&t, log_mode_name(row->mode));
	column(&t, columns[5].at);
	put_number(&t, (uint64_t)row->records[SIDE_CLIENT] + row->records[SIDE_SERVER]);
	column(&t, columns[6].at);
	put_number(&t, row->segments[SIDE_CLIENT] + row->segments[SIDE_SERVER]);
	column(&t, columns[7].at);
	put_number(&t, (uint64_t)row->retransmitted[SIDE_CLIENT] + row->retransmitted[SIDE_SERVER]);
	column(&t, columns[8].at);
	put_plain(&t, row->tag);
	column(&t, columns[9].at);
	put_plain(&t, row->id);
	*t.at++ = '\n';
	return (uint32_t)(t.at - t.begin);
}

void control_rows_add_id(json_t *ids, const struct job_row *row)
{
	char id[6 * LOG_ID_MAX];
	json_t *string = json_string(row->id), *known;
	struct row_text t = { id, id };

	if (!string) { /* cut in the middle of a character */
		put_json_text(&t, row->id);
		*t.at = '\0';
		string = json_string(id);
	}
	known = json_object_get(ids, json_string_value(string));
	if (known) {
		json_t *connections = json_object_get(known, "connections");
		json_t *lingering = json_object_get(known, "lingering");

		json_integer_set(connections,
				 json_integer_value(connections) + row->members - row->lingering);
		json_integer_set(lingering, json_integer_value(lingering) + row->lingering);
		json_decref(string);
		return;
	}
	json_object_set_new(ids, json_string_value(string),
			    json_pack("{s:O, s:I, s:I}", "id", string, "connections",
				      (json_int_t)row->members - row->lingering, "lingering",
				      (json_int_t)row->lingering));
	json_decref(string);
}

void job_totals_add(struct job_totals *totals, const struct job_block *block)
{
	if (!block->last)
		return;
	totals->done += block->done;
	totals->failed += block->failed;
	tracker_counters_add(&totals->counters, &block->counters);
}

json_t *control_stats(const struct tracker_counters *c, struct job_desk_sources *sources,
		      uint64_t uptime_ns)
{
	return json_pack(
		"{s:b, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, "
		"s:I, s:I, s:I}, "
		"s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"ok", 1, "uptime_s", (double)uptime_ns / 1e9, "received",
		(json_int_t)atomic_load(&sources->received), "lost_ring_full",
		(json_int_t)atomic_load(&sources->lost_ring_full), "lost_no_buffer",
		(json_int_t)atomic_load(&sources->lost_no_buffer), "lost_worker_ring",
		(json_int_t)atomic_load(&sources->lost_worker_ring), "segments",
		(json_int_t)c->segments, "connections", (json_int_t)c->connections,
		"connections_now", (json_int_t)c->connections_now, "untracked",
		(json_int_t)c->untracked, "retransmissions", (json_int_t)c->retransmissions,
		"icmp_errors", (json_int_t)c->icmp_errors, "records", "made",
		(json_int_t)c->records, "handed_over", (json_int_t)c->records_sent, "overwritten",
		(json_int_t)c->records_overwritten, "discarded", (json_int_t)c->records_discarded,
		"recycled", (json_int_t)c->records_recycled, "lost", (json_int_t)c->records_lost,
		"sections", (json_int_t)c->sections, "triggers", (json_int_t)c->triggers,
		"trace_points", (json_int_t)c->trace_points, "ids", (json_int_t)c->ids, "ids_full",
		(json_int_t)c->ids_full, "lingering", (json_int_t)c->lingering, "applications",
		(json_int_t)c->applications, "applications_full", (json_int_t)c->applications_full,
		"log_memory_bytes", (json_int_t)c->log_bytes, "memory_bytes",
		(json_int_t)c->memory_bytes);
}
