/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtt_spread.h - how the RTT samples of a sender are spread: their median and their largest, in bounded
 * memory. Samples are counted in buckets, four to a power of two; below 8 us each number has its own.
 *
 * Accuracy: the largest sample is exact. Any other is known to its bucket and taken to lie at its place among
 * those of the bucket, so the median is off by less than a bucket is wide: at most 1/4 of it. Over samples
 * that are drawn at random it is off by 4% of three samples, 2% of 30 and 1% of 300 in the mean. When a
 * bucket has counted 65,535 all counts are halved; from then on the median leans to the later samples, and
 * no more is said of how near it is.
 *
 * Memory: 16 bytes with the sender for the first seven samples; the histogram is taken from the pool with
 * the eighth, and touched with every seventh sample. Eight buckets to a power of two were twice as exact, and
 * cost 2% of a packet where these cost nothing that can be measured: what is paid for is lines of the cache.
 */
#ifndef BBTAP_TCPSTATE_RTT_SPREAD_H
#define BBTAP_TCPSTATE_RTT_SPREAD_H

#include <stdint.h>

#define RTT_BUCKETS	  124
#define RTT_SPREAD_RECENT 7

/* Eight powers of two are a line of the cache: most paths need one or two of the four. */
struct rtt_histogram {
	uint16_t counts[RTT_BUCKETS];
} __attribute__((aligned(64)));

/* Zero is one without samples. 16 bytes: what is left of the lines of its owner. */
struct rtt_spread {
	uint32_t max_us;
	uint32_t histogram;		   /* index + 1; 0: none yet */
	uint8_t recent[RTT_SPREAD_RECENT]; /* buckets of samples that are not in it */
	uint8_t recent_count;
};

/* The histograms of a worker. */
struct rtt_spread_pool {
	struct rtt_histogram *arena;
	uint32_t free; /* index + 1, linked through the first bytes; 0: none */
	uint32_t touched, total;
};

/* Reserves address space; no more than `spreads` may live at once. 0 or -ENOMEM. */
int rtt_spread_pool_init(struct rtt_spread_pool *pool, uint32_t spreads);
void rtt_spread_pool_dispose(struct rtt_spread_pool *pool);
/* Bytes ever used. */
uint64_t rtt_spread_pool_bytes(const struct rtt_spread_pool *pool);

/* The bucket of a sample, and the smallest sample of a bucket with the number of samples it stands for. */
static inline uint8_t rtt_bucket(uint32_t sample_us)
{
	uint32_t shift;

	if (sample_us < 8)
		return (uint8_t)sample_us;
	shift = 29 - (uint32_t)__builtin_clz(sample_us);
	return (uint8_t)(4 * shift + (sample_us >> shift));
}

static inline uint32_t rtt_bucket_start_us(uint8_t bucket, uint32_t *width_us)
{
	uint32_t shift = bucket < 8 ? 0 : bucket / 4 - 1u;

	*width_us = UINT32_C(1) << shift;
	return (bucket - 4 * shift) << shift;
}

/* Behind the seventh: what waits moves to the histogram. */
void rtt_spread_settle(struct rtt_spread *spread, struct rtt_spread_pool *pool);

static inline void rtt_spread_add(struct rtt_spread *spread, struct rtt_spread_pool *pool,
				  uint32_t sample_us)
{
	if (spread->recent_count == RTT_SPREAD_RECENT)
		rtt_spread_settle(spread, pool);
	spread->recent[spread->recent_count++] = rtt_bucket(sample_us);
	if (sample_us > spread->max_us)
		spread->max_us = sample_us;
}

/* A sample may be about to come: what it would touch of the histogram is fetched meanwhile. */
static inline void rtt_spread_prefetch(const struct rtt_spread *spread,
				       const struct rtt_spread_pool *pool)
{
	if (spread->recent_count != RTT_SPREAD_RECENT || !spread->histogram)
		return;
	for (uint32_t i = 0; i < RTT_SPREAD_RECENT; i++)
		__builtin_prefetch(&pool->arena[spread->histogram - 1].counts[spread->recent[i]],
				   1);
}

/*
 * The median of all that was added; of an even number the mean of the two in the middle. min_us: what is known
 * to be the smallest, or less. 0: there was no sample. For the end: it looks at all buckets, and divides.
 */
uint32_t rtt_spread_median_us(const struct rtt_spread *spread, const struct rtt_spread_pool *pool,
			      uint32_t min_us);

/* Gives back its histogram; it is without samples then. */
void rtt_spread_clear(struct rtt_spread *spread, struct rtt_spread_pool *pool);

#endif
