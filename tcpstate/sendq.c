/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/sendq.h"

#include <errno.h>
#include <string.h>

#include "tcpstate/arena.h"
#include "tcpstate/seq.h"

const uint32_t sendq_slab_ranges[SENDQ_SLABS] = { 16, 128, 1024, SENDQ_MAX };

static uint64_t slab_bytes(uint32_t slab_class)
{
	return sendq_slab_ranges[slab_class] * sizeof(struct sent_range);
}

int sendq_pool_init(struct sendq_pool *pool, uint64_t bytes)
{
	memset(pool, 0, sizeof(*pool));
	for (uint32_t i = 0; i < SENDQ_SLABS; i++) {
		uint32_t total = (uint32_t)(bytes / SENDQ_SLABS / slab_bytes(i)) + 1;

		pool->classes[i].arena = arena_reserve(total * slab_bytes(i));
		if (!pool->classes[i].arena) {
			sendq_pool_dispose(pool);
			return -ENOMEM;
		}
		pool->classes[i].total = total;
	}
	return 0;
}

void sendq_pool_dispose(struct sendq_pool *pool)
{
	for (uint32_t i = 0; i < SENDQ_SLABS; i++)
		arena_release(pool->classes[i].arena, pool->classes[i].total * slab_bytes(i));
	memset(pool, 0, sizeof(*pool));
}

uint64_t sendq_pool_memory_bytes(const struct sendq_pool *pool)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < SENDQ_SLABS; i++)
		bytes += pool->classes[i].touched * slab_bytes(i);
	return bytes;
}

static struct sent_range *slab_get(struct sendq_pool *pool, uint32_t slab_class)
{
	struct sent_range *slab = pool->classes[slab_class].free;

	if (slab) {
		memcpy(&pool->classes[slab_class].free, slab, sizeof(slab));
		return slab;
	}
	if (pool->classes[slab_class].touched == pool->classes[slab_class].total)
		return NULL;
	return pool->classes[slab_class].arena +
	       (uint64_t)pool->classes[slab_class].touched++ * sendq_slab_ranges[slab_class];
}

static void slab_give(struct sendq_pool *pool, uint32_t slab_class, struct sent_range *slab)
{
	memcpy(slab, &pool->classes[slab_class].free, sizeof(slab));
	pool->classes[slab_class].free = slab;
}

void sendq_init(struct sendq *queue, struct sent_range *own)
{
	*queue = (struct sendq){ .ranges = own, .mask = SENDQ_INLINE - 1 };
}

void sendq_clear(struct sendq *queue, struct sendq_pool *pool, struct sent_range *own)
{
	if (queue->slab_class)
		slab_give(pool, queue->slab_class - 1u, queue->ranges);
	sendq_init(queue, own);
}

/* To the next size, or a larger one if those are all in use. */
bool sendq_grow(struct sendq *queue, struct sendq_pool *pool)
{
	uint32_t slab_class = queue->slab_class, count = sendq_count(queue);
	struct sent_range *slab = NULL;

	while (slab_class < SENDQ_SLABS && !slab)
		slab = slab_get(pool, slab_class++);
	if (!slab)
		return false;
	for (uint32_t i = 0; i < count; i++)
		slab[i] = *sendq_at(queue, i);
	if (queue->slab_class)
		slab_give(pool, queue->slab_class - 1u, queue->ranges);
	queue->ranges = slab;
	queue->slab_class = (uint8_t)slab_class;
	queue->mask = (uint16_t)(sendq_slab_ranges[slab_class - 1] - 1);
	queue->head = 0;
	queue->tail = (uint16_t)count;
	return true;
}

uint32_t sendq_find(struct sendq *queue, uint32_t seq)
{
	uint32_t low = 0, high = sendq_count(queue);

	/* What is looked for is most often the oldest. */
	if (high && seq_after(sendq_at(queue, 0)->end, seq))
		return 0;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (seq_after(sendq_at(queue, middle)->end, seq))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

bool sendq_split(struct sendq *queue, struct sendq_pool *pool, uint32_t i, uint32_t seq)
{
	uint32_t count = sendq_count(queue);

	if (count > queue->mask && !sendq_grow(queue, pool))
		return false;
	/* The shorter side moves away. */
	if (i < count / 2) {
		queue->head--;
		for (uint32_t j = 0; j <= i; j++)
			*sendq_at(queue, j) = *sendq_at(queue, j + 1);
	} else {
		queue->tail++;
		for (uint32_t j = count; j > i; j--)
			*sendq_at(queue, j) = *sendq_at(queue, j - 1);
	}
	sendq_at(queue, i)->end = seq;
	sendq_at(queue, i + 1)->start = seq;
	return true;
}
