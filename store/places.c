/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define WAYS  4	   /* places that a connection can have */
#define NAMES 8192 /* of files, the latest */

struct place {
	uint64_t connection; /* 0: free; numbers begin with 1 */
	uint64_t used;
	struct {
		uint32_t count, failed, records_failed, skipped;
		uint32_t first_file, last_file; /* numbers of names */
		uint64_t first_offset_bytes, last_offset_bytes;
	} view[2];
};

struct places {
	struct place *table;
	uint32_t slots; /* a power of two */
	uint64_t clock;
	uint64_t untold; /* records that sections still have to tell as skipped, of all; mostly none */
	uint32_t last_name; /* its number; the first is 1 */
	struct log_name names[NAMES];
};

struct places *places_open(uint32_t connections)
{
	struct places *places = calloc(1, sizeof(*places));
	uint32_t slots = WAYS;

	if (!places)
		return NULL;
	while (slots < connections)
		slots *= 2;
	places->slots = slots;
	/* Pages cost memory when first used. */
	places->table = mmap(NULL, slots * sizeof(*places->table), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (places->table == MAP_FAILED) {
		free(places);
		return NULL;
	}
	return places;
}

void places_close(struct places **places)
{
	struct places *p = *places;

	*places = NULL;
	if (!p)
		return;
	munmap(p->table, p->slots * sizeof(*p->table));
	free(p);
}

/* The connection's place, or the one that it would get: free, or of the one that was not used for longest. */
static struct place *find(struct places *places, uint64_t connection)
{
	uint64_t hash = connection * UINT64_C(0x9e3779b97f4a7c15);
	struct place *set = &places->table[(hash >> 32) & (places->slots - 1) & ~(WAYS - 1u)];
	struct place *victim = &set[0];

	for (uint32_t i = 0; i < WAYS; i++) {
		if (set[i].connection == connection)
			return &set[i];
		if (set[i].used < victim->used)
			victim = &set[i];
	}
	return victim;
}

static uint64_t untold_of(const struct place *place)
{
	return (uint64_t)place->view[SIDE_CLIENT].skipped + place->view[SIDE_SERVER].skipped;
}

static struct place *get(struct places *places, uint64_t connection)
{
	struct place *place = find(places, connection);

	if (place->connection != connection) {
		places->untold -= untold_of(place);
		memset(place, 0, sizeof(*place));
		place->connection = connection;
	}
	place->used = ++places->clock;
	return place;
}

static bool same_name(const struct log_name *a, const struct log_name *b)
{
	return a->start_s == b->start_s && a->number == b->number && a->side == b->side &&
	       a->linktype == b->linktype && strcmp(a->tag, b->tag) == 0;
}

static uint32_t number_of(struct places *places, const struct log_name *name)
{
	/* Of the few files that are open. */
	for (uint32_t back = 0; back < 64 && back < places->last_name; back++) {
		uint32_t number = places->last_name - back;

		if (same_name(&places->names[number % NAMES], name))
			return number;
	}
	places->names[++places->last_name % NAMES] = *name;
	return places->last_name;
}

void places_written(struct places *places, const struct log_section *section)
{
	struct place *place = get(places, section->connection);
	enum side side = section->file->side;
	uint32_t file = number_of(places, section->file);

	if (place->view[side].count++ == 0) {
		place->view[side].first_file = file;
		place->view[side].first_offset_bytes = section->row->offset_bytes;
	}
	place->view[side].last_file = file;
	place->view[side].last_offset_bytes = section->row->offset_bytes;
}

void places_failed(struct places *places, const struct log_section *section)
{
	struct place *place = get(places, section->connection);
	enum side side = section->file->side;

	place->view[side].failed++;
	place->view[side].records_failed += section->row->records;
	place->view[side].skipped += section->row->records + section->row->skipped;
	places->untold += section->row->records + section->row->skipped;
}

uint32_t places_take_skipped(struct places *places, uint64_t connection, enum side side)
{
	struct place *place;
	uint32_t skipped;

	if (places->untold == 0)
		return 0;
	place = find(places, connection);
	if (place->connection != connection)
		return 0;
	skipped = place->view[side].skipped;
	place->view[side].skipped = 0;
	places->untold -= skipped;
	return skipped;
}

static void put_path(const struct places *places, uint32_t file, char *out, size_t bytes)
{
	char tag[TAG_NAME_MAX], name[LOG_NAME_MAX];

	out[0] = '\0';
	if (file == 0 || places->last_name - file >= NAMES)
		return;
	log_name_tag(places->names[file % NAMES].tag, tag);
	log_name_make(&places->names[file % NAMES], name);
	snprintf(out, bytes, "logs/%s/%s", tag, name);
}

void places_take(struct places *places, uint64_t connection, struct flow_sections *out)
{
	struct place *place = find(places, connection);

	memset(out, 0, sizeof(*out));
	if (place->connection != connection)
		return;
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		out->view[side].count = place->view[side].count;
		out->view[side].failed = place->view[side].failed;
		out->view[side].records_failed = place->view[side].records_failed;
		put_path(places, place->view[side].first_file, out->view[side].first_path,
			 sizeof(out->view[side].first_path));
		put_path(places, place->view[side].last_file, out->view[side].last_path,
			 sizeof(out->view[side].last_path));
		out->view[side].first_offset_bytes = place->view[side].first_offset_bytes;
		out->view[side].last_offset_bytes = place->view[side].last_offset_bytes;
	}
	places->untold -= untold_of(place);
	memset(place, 0, sizeof(*place));
}
