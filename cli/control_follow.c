/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/control_follow.h"

#include <stdlib.h>

#include "capture/filter.h"
#include "store/section.h"

#define WAYS  4
#define SHOWN 65536 /* connections that are remembered */

struct shown {
	uint64_t connection; /* 0: free */
	uint64_t used;
	bool known[2]; /* by enum side */
	uint32_t next_serial[2];
};

struct follow_session {
	struct job job;
	uint64_t clock;
	uint8_t scratch[EVLOG_CAPLEN_MAX];
	struct shown shown[SHOWN];
};

struct follow_session *follow_session_open(uint32_t place)
{
	struct follow_session *session = calloc(1, sizeof(*session));

	if (session) {
		session->job.kind = JOB_EVENTS;
		session->job.place = place;
		session->job.state = -1;
	}
	return session;
}

void follow_session_close(struct follow_session **session)
{
	if (*session)
		filter_free(&(*session)->job.filter);
	free(*session);
	*session = NULL;
}

struct job *follow_session_job(struct follow_session *session)
{
	return &session->job;
}

static struct shown *shown_of(struct follow_session *session, uint64_t connection)
{
	uint64_t hash = connection * UINT64_C(0x9e3779b97f4a7c15);
	struct shown *set = &session->shown[(hash >> 32) & (SHOWN - 1) & ~(WAYS - 1u)];
	struct shown *place = &set[0];

	for (uint32_t i = 0; i < WAYS; i++) {
		if (set[i].connection == connection) {
			place = &set[i];
			break;
		}
		if (set[i].used < place->used)
			place = &set[i];
	}
	if (place->connection != connection)
		*place = (struct shown){ .connection = connection };
	place->used = ++session->clock;
	return place;
}

/* What is new of a side in a chain. */
struct fresh {
	uint32_t older, records;
	uint32_t first_serial, next_serial;
};

static void look_for_fresh(struct follow_session *session, const struct chunk *chain,
			   const struct shown *shown, uint64_t begun_ns, struct fresh fresh[2])
{
	struct evlog_reader reader;
	struct log_entry entry;

	evlog_reader_init(&reader, chain, session->scratch);
	while (evlog_reader_next(&reader, &entry)) {
		for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
			struct fresh *f = &fresh[side];

			if (!(entry.views & 1 << side) || entry.kind == LOG_SKIP)
				continue;
			/* Serial numbers go round (RFC 1982). */
			if (shown->known[side]
				    ? (int32_t)(entry.serial[side] - shown->next_serial[side]) < 0
				    : entry.event.ts_ns <= begun_ns) {
				f->older++;
				continue;
			}
			if (f->records++ == 0)
				f->first_serial = entry.serial[side];
			f->next_serial = entry.serial[side] + 1;
		}
	}
}

void follow_session_take(struct follow_session *session, struct chunk *chain, uint64_t begun_ns,
			 const struct iface_table *ifaces, struct pcapng_buffer out[2])
{
	struct evlog_head *head = (struct evlog_head *)evlog_head(chain);
	struct shown *shown = shown_of(session, head->connection);
	struct pcapng_buffer *buffers[2] = { &out[0], &out[1] };
	struct fresh fresh[2] = { 0 };
	uint32_t skipped[2] = { 0 };
	struct section_row rows[2];
	uint8_t views = 0;

	pcapng_buffer_clear(&out[0]);
	pcapng_buffer_clear(&out[1]);
	look_for_fresh(session, chain, shown, begun_ns, fresh);
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		struct fresh *f = &fresh[side];

		if (!(head->views & 1 << side) || f->records == 0)
			continue;
		if (shown->known[side])
			skipped[side] = f->first_serial - shown->next_serial[side];
		head->older[side] = f->older;
		head->records[side] = f->records;
		shown->known[side] = true;
		shown->next_serial[side] = f->next_serial;
		views |= (uint8_t)(1 << side);
	}
	if (views)
		section_write_views(buffers, chain, views, ifaces, BBTAP_VERSION, session->scratch,
				    skipped, rows);
}
