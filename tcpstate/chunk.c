/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/chunk.h"

#include <errno.h>
#include <stddef.h>

#include "tcpstate/arena.h"

int chunk_pool_init(struct chunk_pool *pool, uint64_t bytes, bool lossless,
		    const struct chunk_sink *sink)
{
	uint64_t total = bytes / CHUNK_BYTES;
	void *arena;

	if (total == 0 || total > UINT32_MAX)
		return -ENOMEM;
	arena = arena_reserve(total * CHUNK_BYTES);
	if (!arena)
		return -ENOMEM;
	*pool = (struct chunk_pool){
		.arena = arena,
		.total = (uint32_t)total,
		.lossless = lossless,
		.sink = *sink,
	};
	return 0;
}

void chunk_pool_dispose(struct chunk_pool *pool)
{
	arena_release(pool->arena, (uint64_t)pool->total * CHUNK_BYTES);
	pool->arena = NULL;
}

void chunk_pool_give(struct chunk_pool *pool, struct chunk *chain)
{
	while (chain) {
		struct chunk *next = chain->next;

		chain->next = pool->free_list;
		pool->free_list = chain;
		pool->free++;
		chain = next;
	}
}

static uint32_t chain_length(const struct chunk *chain)
{
	uint32_t length = 0;

	for (; chain; chain = chain->next)
		length++;
	return length;
}

/* Takes home what the sink has emptied. Returns whether anything came. */
static bool collect(struct chunk_pool *pool, bool wait)
{
	struct chunk *chain = pool->sink.take_back(pool->sink.context, wait);

	if (!chain)
		return false;
	do {
		pool->at_sink -= chain_length(chain);
		chunk_pool_give(pool, chain);
		chain = pool->sink.take_back(pool->sink.context, false);
	} while (chain);
	return true;
}

void chunk_pool_collect(struct chunk_pool *pool)
{
	if (pool->at_sink)
		collect(pool, false);
}

struct chunk *chunk_pool_get(struct chunk_pool *pool)
{
	struct chunk *chunk;

	/* Used chunks first: they are in the cache, and the arena's untouched rest is free of cost. */
	if (!pool->free_list && pool->at_sink)
		collect(pool, false);
	if (!pool->free_list && pool->touched == pool->total) {
		if (!pool->lossless || pool->at_sink == 0 || !collect(pool, true))
			return NULL;
	}
	if (pool->free_list) {
		chunk = pool->free_list;
		pool->free_list = chunk->next;
		pool->free--;
	} else {
		chunk = &pool->arena[pool->touched++];
	}
	chunk->next = NULL;
	chunk->used_bytes = 0;
	chunk->kind = 0;
	chunk->first_entry = CHUNK_NO_ENTRY;
	chunk->records[0] = chunk->records[1] = 0;
	return chunk;
}

bool chunk_pool_put(struct chunk_pool *pool, struct chunk *chain)
{
	uint32_t length = chain_length(chain);

	if (!pool->sink.put(pool->sink.context, chain, pool->lossless))
		return false;
	pool->at_sink += length;
	return true;
}
