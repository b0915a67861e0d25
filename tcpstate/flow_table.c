/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/flow_table.h"

#include <errno.h>
#include <stddef.h>

#include "tcpstate/arena.h"

#define INDEX_MASK 0x00ffffffu

int flow_table_init(struct flow_table *table, uint32_t capacity)
{
	uint32_t slots = 64;

	if (capacity == 0 || capacity >= FLOW_TABLE_MAX)
		return -ENOMEM;
	/* At most two thirds full, so that a probe is short. */
	while ((uint64_t)slots * 2 < (uint64_t)capacity * 3)
		slots *= 2;
	*table = (struct flow_table){ .slot_mask = slots - 1, .capacity = capacity };
	table->records = arena_reserve((uint64_t)capacity * sizeof(table->records[0]));
	table->slots = arena_reserve((uint64_t)slots * sizeof(table->slots[0]));
	if (!table->records || !table->slots) {
		flow_table_dispose(table);
		return -ENOMEM;
	}
	return 0;
}

void flow_table_dispose(struct flow_table *table)
{
	arena_release(table->records, (uint64_t)table->capacity * sizeof(table->records[0]));
	arena_release(table->slots, ((uint64_t)table->slot_mask + 1) * sizeof(table->slots[0]));
	table->records = NULL;
	table->slots = NULL;
}

/* The slot's position comes from the low bits of the hash, its tag from the high ones. */
static uint32_t tag_of(uint32_t hash)
{
	return hash & ~INDEX_MASK;
}

static struct connection *record_of(const struct flow_table *table, uint32_t slot)
{
	return &table->records[(slot & INDEX_MASK) - 1];
}

struct connection *flow_table_find(const struct flow_table *table, const struct flow_key *key,
				   uint32_t hash)
{
	for (uint32_t at = hash & table->slot_mask; table->slots[at];
	     at = (at + 1) & table->slot_mask) {
		struct connection *conn;

		if ((table->slots[at] & ~INDEX_MASK) != tag_of(hash))
			continue;
		conn = record_of(table, table->slots[at]);
		if (conn->hash == hash && flow_key_equal(&conn->key, key))
			return conn;
	}
	return NULL;
}

static struct connection *take_record(struct flow_table *table)
{
	struct connection *conn;

	if (table->first_free) {
		conn = &table->records[table->first_free - 1];
		table->first_free = conn->models;
		return conn;
	}
	if (table->touched == table->capacity)
		return NULL;
	return &table->records[table->touched++];
}

struct connection *flow_table_add(struct flow_table *table, const struct flow_key *key,
				  uint32_t hash)
{
	struct connection *conn = take_record(table);
	uint32_t at = hash & table->slot_mask;

	if (!conn)
		return NULL;
	while (table->slots[at])
		at = (at + 1) & table->slot_mask;
	table->slots[at] = tag_of(hash) | (uint32_t)(conn - table->records + 1);
	table->used++;
	conn->key = *key;
	conn->hash = hash;
	return conn;
}

/*
 * No tombstones: what stands behind the gap and could be reached only across it moves into it
 * (Knuth, TAOCP 3, 6.4, algorithm R), so probes do not grow longer with time.
 */
static void close_gap(struct flow_table *table, uint32_t gap)
{
	uint32_t mask = table->slot_mask;

	for (uint32_t at = (gap + 1) & mask; table->slots[at]; at = (at + 1) & mask) {
		uint32_t home = record_of(table, table->slots[at])->hash & mask;

		if (((at - home) & mask) >= ((at - gap) & mask)) {
			table->slots[gap] = table->slots[at];
			gap = at;
		}
	}
	table->slots[gap] = 0;
}

void flow_table_remove(struct flow_table *table, struct connection *conn)
{
	uint32_t index = (uint32_t)(conn - table->records + 1);
	uint32_t at = conn->hash & table->slot_mask;

	while ((table->slots[at] & INDEX_MASK) != index)
		at = (at + 1) & table->slot_mask;
	close_gap(table, at);
	conn->models = table->first_free;
	conn->flags = 0;
	table->first_free = index;
	table->used--;
}

void flow_table_prefetch_slot(const struct flow_table *table, uint32_t hash)
{
	__builtin_prefetch(&table->slots[hash & table->slot_mask]);
}

const struct connection *flow_table_peek(const struct flow_table *table, uint32_t hash)
{
	uint32_t at = hash & table->slot_mask;

	/* The first slot with the right tag is the right one but for one time in 256. */
	for (; table->slots[at]; at = (at + 1) & table->slot_mask)
		if ((table->slots[at] & ~INDEX_MASK) == tag_of(hash))
			return record_of(table, table->slots[at]);
	return NULL;
}

void flow_table_prefetch_record(const struct flow_table *table, uint32_t hash)
{
	const char *record = (const char *)flow_table_peek(table, hash);

	if (!record)
		return;
	for (size_t offset = 0; offset < sizeof(struct connection); offset += 64)
		__builtin_prefetch(record + offset, 1);
}

uint64_t flow_table_memory_bytes(const struct flow_table *table)
{
	return (uint64_t)table->touched * sizeof(table->records[0]) +
	       ((uint64_t)table->slot_mask + 1) * sizeof(table->slots[0]);
}
