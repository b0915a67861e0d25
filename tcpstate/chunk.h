/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chunk.h - the memory of logs: chunks of one size from an arena sized at start.
 *
 * Who owns a chunk: the pool of a worker; then a log of that worker; once the sink took it, the
 * store thread; and it comes home through the sink again. A worker never looks at a chunk that the
 * sink took.
 */
#ifndef BBTAP_TCPSTATE_CHUNK_H
#define BBTAP_TCPSTATE_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#define CHUNK_BYTES	    2048
#define CHUNK_PAYLOAD_BYTES (CHUNK_BYTES - 32)
#define CHUNK_NO_ENTRY	    UINT16_MAX

enum chunk_kind {
	CHUNK_LOG =
		1, /* of a section: entries, and behind those of the last one its head; see evlog.h */
	CHUNK_FLOWS = 2, /* an array of struct flow_summary, nothing else, no next chunk */
};

struct chunk {
	struct chunk *next;
	uint32_t used_bytes; /* of bytes[] */
	uint16_t kind;	     /* enum chunk_kind; of a chain, in its first chunk */
	/* CHUNK_LOG: where the first entry that begins in here does, or CHUNK_NO_ENTRY ... */
	uint16_t first_entry;
	uint32_t first_serial[2]; /* ... the numbers that the views' next records have there ... */
	uint16_t records[2];	  /* ... and the records of each view that begin in here */
	uint32_t zero;
	uint8_t bytes[CHUNK_PAYLOAD_BYTES];
};

_Static_assert(sizeof(struct chunk) == CHUNK_BYTES, "a chunk is a power of two");

/*
 * Where full chains go and empty chunks come from. store/ has the real one, tests have theirs.
 */
struct chunk_sink {
	/*
	 * Takes a chain. true: it belongs to the sink now. false: no room; the caller keeps the chain
	 * and counts a loss. wait: wait for room instead.
	 */
	bool (*put)(void *context, struct chunk *chain, bool wait);
	/*
	 * A chain of empty chunks back, or NULL if there is none now. wait: block until there is one;
	 * only called so when the sink holds chunks of the caller.
	 */
	struct chunk *(*take_back)(void *context, bool wait);
	void *context;
};

struct chunk_pool {
	struct chunk *arena;
	struct chunk *free_list;
	uint32_t total;
	uint32_t touched; /* chunks of the arena that were ever used; the rest costs no memory */
	uint32_t free;	  /* on free_list */
	uint32_t at_sink; /* put and not yet back */
	bool lossless;	  /* wait for the sink rather than lose */
	struct chunk_sink sink;
};

/* 0, or -ENOMEM. Reserves address space; pages cost memory when first used. bytes >= CHUNK_BYTES. */
int chunk_pool_init(struct chunk_pool *pool, uint64_t bytes, bool lossless,
		    const struct chunk_sink *sink);
void chunk_pool_dispose(struct chunk_pool *pool);

/* An empty chunk, or NULL: all are in logs, or (live) with the sink. */
struct chunk *chunk_pool_get(struct chunk_pool *pool);

/* Whether chunk_pool_get() would find nothing. Without loss it waits for what the sink holds. */
static inline bool chunk_pool_is_dry(const struct chunk_pool *pool)
{
	return !pool->free_list && pool->touched == pool->total &&
	       !(pool->lossless && pool->at_sink);
}

/* Takes home what the sink has emptied, without waiting. */
void chunk_pool_collect(struct chunk_pool *pool);

/* A chain back to the pool that never left the worker. */
void chunk_pool_give(struct chunk_pool *pool, struct chunk *chain);

/* Hands a chain to the sink. false: the sink has no room, the chain is still the caller's. */
bool chunk_pool_put(struct chunk_pool *pool, struct chunk *chain);

#endif
