/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_table.h - connections by their key: an arena of records, and an open-addressed index into it
 * with linear probing. All memory is reserved at start and touched when first used.
 */
#ifndef BBTAP_TCPSTATE_FLOW_TABLE_H
#define BBTAP_TCPSTATE_FLOW_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/connection.h"

#define FLOW_TABLE_MAX (1u << 24) /* records: an index slot has 24 bits for them */

struct flow_table {
	struct connection *records;
	uint32_t *slots; /* 0: empty; else 8 bits of the hash << 24 | index + 1 */
	uint32_t slot_mask;
	uint32_t capacity;
	uint32_t used;
	uint32_t touched;    /* records ever used */
	uint32_t first_free; /* index + 1 */
};

/* 0, or -ENOMEM. capacity: 1 .. FLOW_TABLE_MAX - 1. */
int flow_table_init(struct flow_table *table, uint32_t capacity);
void flow_table_dispose(struct flow_table *table);

/* NULL: not there. */
struct connection *flow_table_find(const struct flow_table *table, const struct flow_key *key,
				   uint32_t hash);

/* A record that has key and hash set and is in the index; nothing else in it is. NULL: full. */
struct connection *flow_table_add(struct flow_table *table, const struct flow_key *key,
				  uint32_t hash);

void flow_table_remove(struct flow_table *table, struct connection *conn);

/* For the cache, ahead of flow_table_find(): its index slot; then the record that it leads to. */
void flow_table_prefetch_slot(const struct flow_table *table, uint32_t hash);
void flow_table_prefetch_record(const struct flow_table *table, uint32_t hash);
/* The record that was fetched so; NULL: none. It may be another one's with the same hash bits. */
const struct connection *flow_table_peek(const struct flow_table *table, uint32_t hash);

/* Bytes in use: records ever used, and the index. */
uint64_t flow_table_memory_bytes(const struct flow_table *table);

#endif
