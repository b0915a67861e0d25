/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/rtt_spread.h"

#include <errno.h>
#include <string.h>

#include "tcpstate/arena.h"

_Static_assert(sizeof(struct rtt_spread) == 16, "what is left beside sender and receiver");

int rtt_spread_pool_init(struct rtt_spread_pool *pool, uint32_t spreads)
{
	*pool = (struct rtt_spread_pool){ .total = spreads };
	pool->arena = arena_reserve((uint64_t)spreads * sizeof(pool->arena[0]));
	return pool->arena ? 0 : -ENOMEM;
}

void rtt_spread_pool_dispose(struct rtt_spread_pool *pool)
{
	arena_release(pool->arena, (uint64_t)pool->total * sizeof(pool->arena[0]));
	*pool = (struct rtt_spread_pool){ 0 };
}

uint64_t rtt_spread_pool_bytes(const struct rtt_spread_pool *pool)
{
	return (uint64_t)pool->touched * sizeof(pool->arena[0]);
}

/* Index + 1 of a histogram of zeros; 0: more live than may. */
static uint32_t histogram_get(struct rtt_spread_pool *pool)
{
	uint32_t number = pool->free;

	if (!number)
		return pool->touched < pool->total ? ++pool->touched : 0;
	memcpy(&pool->free, &pool->arena[number - 1], sizeof(pool->free));
	memset(&pool->arena[number - 1], 0, sizeof(pool->arena[0]));
	return number;
}

static void halve(struct rtt_histogram *histogram)
{
	for (uint32_t i = 0; i < RTT_BUCKETS; i++)
		histogram->counts[i] /= 2;
}

static void count(struct rtt_histogram *histogram, const struct rtt_spread *spread)
{
	for (uint32_t i = 0; i < spread->recent_count; i++) {
		uint16_t *bucket = &histogram->counts[spread->recent[i]];

		if (*bucket == UINT16_MAX)
			halve(histogram);
		++*bucket;
	}
}

void rtt_spread_settle(struct rtt_spread *spread, struct rtt_spread_pool *pool)
{
	if (!spread->histogram)
		spread->histogram = histogram_get(pool);
	if (spread->histogram)
		count(&pool->arena[spread->histogram - 1], spread);
	spread->recent_count = 0;
}

/* The sample with `rank` smaller ones, of `total`. */
static uint32_t sample_of_rank(const struct rtt_spread *spread,
			       const struct rtt_histogram *histogram, uint32_t total, uint32_t rank,
			       uint32_t min_us)
{
	uint32_t below = 0, start_us, width_us, value_us;
	uint8_t bucket = 0;

	if (rank + 1 == total)
		return spread->max_us;
	while (below + histogram->counts[bucket] <= rank)
		below += histogram->counts[bucket++];
	if (rank == 0 && rtt_bucket(min_us) == bucket)
		return min_us;
	/* Its place among those of the bucket, which are taken to lie at equal distances. */
	start_us = rtt_bucket_start_us(bucket, &width_us);
	value_us = start_us + (uint32_t)((uint64_t)width_us * (2 * (rank - below) + 1) /
					 (2 * (uint32_t)histogram->counts[bucket]));
	value_us = value_us < min_us ? min_us : value_us;
	return value_us > spread->max_us ? spread->max_us : value_us;
}

uint32_t rtt_spread_median_us(const struct rtt_spread *spread, const struct rtt_spread_pool *pool,
			      uint32_t min_us)
{
	struct rtt_histogram all = { 0 };
	uint32_t total = 0;

	if (spread->histogram)
		all = pool->arena[spread->histogram - 1];
	count(&all, spread);
	for (uint32_t i = 0; i < RTT_BUCKETS; i++)
		total += all.counts[i];
	if (total == 0)
		return 0;
	return (uint32_t)(((uint64_t)sample_of_rank(spread, &all, total, (total - 1) / 2, min_us) +
			   sample_of_rank(spread, &all, total, total / 2, min_us)) /
			  2);
}

void rtt_spread_clear(struct rtt_spread *spread, struct rtt_spread_pool *pool)
{
	if (spread->histogram) {
		memcpy(&pool->arena[spread->histogram - 1], &pool->free, sizeof(pool->free));
		pool->free = spread->histogram;
	}
	*spread = (struct rtt_spread){ 0 };
}
