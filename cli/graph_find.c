/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/graph_find.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/decode.h"
#include "cli/connection_filter.h"
#include "cli/event_view.h"
#include "cli/report.h"
#include "cli/values.h"
#include "store/section_reader.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define SLOTS	     32768 /* a power of two, several times GRAPH_CONNECTIONS_MAX */
#define PRINTED_MAX  10

/* Open addressing; a slot is the connection's place + 1. */
struct connection_table {
	uint32_t slots[SLOTS];
};

/* A section while it is read: it tells which connection it belongs to only record by record. */
struct pending {
	bool wanted, some;
	struct graph_connection found; /* with side's numbers of this section alone */
	uint8_t side;
	uint32_t path, number;
};

static uint32_t hash_of(const struct graph_connection *c)
{
	uint64_t hash = c->starttime ^ (uint64_t)c->port[0] << 32 ^ (uint64_t)c->port[1] << 48;

	for (int i = 0; i < 32; i++)
		hash = (hash ^ c->address[i / 16][i % 16]) * UINT64_C(0x100000001b3);
	return (uint32_t)(hash >> 32) & (SLOTS - 1);
}

static bool is_same(const struct graph_connection *a, const struct graph_connection *b)
{
	return a->starttime == b->starttime && a->ip_version == b->ip_version &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0 &&
	       memcmp(a->port, b->port, sizeof(a->port)) == 0;
}

/* The slot of a connection, or the empty one where it would stand. */
static uint32_t *slot_of(const struct graph_finding *finding, const struct graph_connection *wanted)
{
	uint32_t at = hash_of(wanted);

	for (;; at = (at + 1) & (SLOTS - 1)) {
		uint32_t *slot = &finding->table->slots[at];

		if (!*slot || is_same(&finding->connections[*slot - 1], wanted))
			return slot;
	}
}

static void merge(struct graph_connection *into, const struct graph_connection *section)
{
	for (int side = 0; side < 2; side++) {
		into->records[side] += section->records[side];
		into->sent_bytes[side] += section->sent_bytes[side];
		if (section->iss[side])
			into->iss[side] = section->iss[side];
	}
	if (section->client_known && !into->client_known) {
		into->client = section->client;
		into->client_known = true;
	}
	if (section->first_ts_ns < into->first_ts_ns)
		into->first_ts_ns = section->first_ts_ns;
	if (section->last_ts_ns > into->last_ts_ns)
		into->last_ts_ns = section->last_ts_ns;
}

static int add_section(struct graph_finding *finding, const struct pending *pending,
		       uint32_t connection)
{
	if (finding->section_count == GRAPH_SECTIONS_MAX) {
		finding->more = true;
		return 0;
	}
	if (finding->section_count == finding->section_room) {
		size_t room = finding->section_room ? finding->section_room * 2 : 64;
		struct graph_section *grown =
			realloc(finding->sections, room * sizeof(*finding->sections));

		if (!grown)
			return -ENOMEM;
		finding->sections = grown;
		finding->section_room = room;
	}
	finding->sections[finding->section_count++] =
		(struct graph_section){ .connection = connection,
					.path = pending->path,
					.number = pending->number,
					.side = pending->side,
					.first_ts_ns = pending->found.first_ts_ns };
	return 0;
}

static int end_section(struct graph_finding *finding, struct pending *pending)
{
	uint32_t *slot;

	if (!pending->wanted || !pending->some)
		return 0;
	pending->wanted = false;
	slot = slot_of(finding, &pending->found);
	if (!*slot && finding->count == GRAPH_CONNECTIONS_MAX) {
		finding->more = true;
		return 0;
	}
	if (!*slot) {
		finding->connections[finding->count++] = pending->found;
		*slot = finding->count;
	} else {
		merge(&finding->connections[*slot - 1], &pending->found);
	}
	return add_section(finding, pending, *slot - 1);
}

static void begin_section(struct pending *pending, const struct section_reader *reader,
			  const char *path)
{
	const struct bblog_section *section = &reader->section;
	struct graph_connection *found = &pending->found;
	const char *view = log_path_view(path);
	int order = memcmp(section->local_address, section->foreign_address, 16);
	uint8_t local;

	if (order == 0)
		order = (int)section->local_port - (int)section->foreign_port;
	local = order > 0;
	pending->some = false;
	pending->side = local;
	memset(found, 0, sizeof(*found));
	memcpy(found->address[local], section->local_address, 16);
	memcpy(found->address[!local], section->foreign_address, 16);
	found->port[local] = section->local_port;
	found->port[!local] = section->foreign_port;
	found->ip_version = section->ip_version;
	found->client = found->port[1] > found->port[0];
	if (view) {
		found->client = strcmp(view, "client") == 0 ? local : !local;
		found->client_known = true;
	}
}

static void add_record(struct pending *pending, const struct section_reader *reader)
{
	const struct bblog_record *record = &reader->record;
	struct graph_connection *found = &pending->found;
	uint64_t ts_ns = event_ts_ns(reader);

	if (!pending->some)
		found->first_ts_ns = found->last_ts_ns = ts_ns;
	pending->some = true;
	found->starttime = record->starttime;
	if (record->iss)
		found->iss[pending->side] = record->iss;
	if (record->event_id == EVENT_OUT)
		found->sent_bytes[pending->side] += record->len;
	else if (record->event_id == EVENT_IN)
		found->sent_bytes[!pending->side] += record->len;
	if (!found->client_known && record->state == 2 /* SYN_SENT */) {
		found->client = pending->side;
		found->client_known = true;
	}
	found->records[pending->side]++;
	if (ts_ns < found->first_ts_ns)
		found->first_ts_ns = ts_ns;
	if (ts_ns > found->last_ts_ns)
		found->last_ts_ns = ts_ns;
}

static int find_in_file(struct graph_finding *finding, const char *path, uint32_t path_number,
			const struct bpf_program *filter)
{
	struct pending pending = { .path = path_number, .number = UINT32_MAX };
	struct section_reader reader;
	enum section_item item;
	char error[512];
	int result = 0;

	if (section_reader_open(&reader, path, error, sizeof(error)) < 0) {
		report_message(error);
		finding->damaged = true;
		return 0;
	}
	while (result == 0 && (item = section_reader_next(&reader)) != SECTION_END) {
		if (item == SECTION_DAMAGED) {
			report_message(reader.error);
			finding->damaged = true;
			break;
		}
		if (item == SECTION_HEADER) {
			result = end_section(finding, &pending);
			pending.number++;
			finding->passed_over += !reader.has_dumpinfo;
			pending.wanted =
				reader.has_dumpinfo && connection_passes(filter, &reader.section);
			begin_section(&pending, &reader, path);
		} else if (item == SECTION_RECORD && pending.wanted && reader.has_tcpinfo) {
			add_record(&pending, &reader);
		}
	}
	if (result == 0)
		result = end_section(finding, &pending);
	section_reader_close(&reader);
	return result;
}

static int by_first(const void *a, const void *b, void *context)
{
	const struct graph_connection *list = context;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (list[x].first_ts_ns != list[y].first_ts_ns)
		return list[x].first_ts_ns < list[y].first_ts_ns ? -1 : 1;
	return x < y ? -1 : x > y;
}

int graph_find(struct graph_finding *out, const struct log_paths *paths,
	       const struct bpf_program *filter)
{
	int result = 0;

	*out = (struct graph_finding){ 0 };
	out->connections = calloc(GRAPH_CONNECTIONS_MAX, sizeof(*out->connections));
	out->order = calloc(GRAPH_CONNECTIONS_MAX, sizeof(*out->order));
	out->table = calloc(1, sizeof(*out->table));
	if (!out->connections || !out->order || !out->table)
		return -ENOMEM;
	for (size_t i = 0; result == 0 && i < paths->count; i++)
		result = find_in_file(out, paths->paths[i], (uint32_t)i, filter);
	for (uint32_t i = 0; i < out->count; i++)
		out->order[i] = i;
	qsort_r(out->order, out->count, sizeof(*out->order), by_first, out->connections);
	return result;
}

void graph_finding_dispose(struct graph_finding *finding)
{
	free(finding->connections);
	free(finding->order);
	free(finding->sections);
	free(finding->table);
	*finding = (struct graph_finding){ 0 };
}

void graph_end_text(const struct graph_connection *connection, uint8_t side, char out[64])
{
	address_text(connection->address[side], connection->ip_version, connection->port[side],
		     out);
}

void graph_time_text(uint64_t ts_ns, char out[GRAPH_TIME_MAX])
{
	time_t seconds = (time_t)(ts_ns / NSEC_PER_SEC);
	struct tm utc;
	size_t length;

	gmtime_r(&seconds, &utc);
	length = strftime(out, 32, "%Y-%m-%d %H:%M:%S", &utc);
	snprintf(out + length, GRAPH_TIME_MAX - length, ".%06u UTC",
		 (unsigned int)(ts_ns % NSEC_PER_SEC / 1000));
}

void graph_finding_print(FILE *to, const struct graph_finding *finding)
{
	for (uint32_t i = 0; i < finding->count && i < PRINTED_MAX; i++) {
		const struct graph_connection *c = &finding->connections[finding->order[i]];
		char start[GRAPH_TIME_MAX], client[64], server[64];
		char sent[NUMBER_TEXT_MAX], received[NUMBER_TEXT_MAX];

		graph_time_text(c->first_ts_ns, start);
		graph_end_text(c, c->client, client);
		graph_end_text(c, !c->client, server);
		fprintf(to, "  --nth %-2u  %s  %s > %s  %" PRIu64 " records", i + 1, start, client,
			server, c->records[0] + c->records[1]);
		/* Both logs count both directions. */
		fprintf(to, ", %s > %s\n",
			bytes_text(c->sent_bytes[c->client] /
					   (1 + (c->records[0] && c->records[1])),
				   sent),
			bytes_text(c->sent_bytes[!c->client] /
					   (1 + (c->records[0] && c->records[1])),
				   received));
	}
	if (finding->count > PRINTED_MAX)
		fprintf(to, "  and %u more%s\n", finding->count - PRINTED_MAX,
			finding->more ? ", at least" : "");
}
