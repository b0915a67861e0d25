/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "tcpstate/rtt_spread.h"

static struct rtt_spread_pool pool;

static int setup(void **state)
{
	(void)state;
	return rtt_spread_pool_init(&pool, 4);
}

static int teardown(void **state)
{
	(void)state;
	rtt_spread_pool_dispose(&pool);
	return 0;
}

/* splitmix64 */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static void buckets_touch_each_other(void **state)
{
	static const uint32_t edges[] = { 0,	1,    7,     8,	    9,		15,
					  16,	17,   18,    31,    32,		1000,
					  1023, 1024, 65535, 65536, 0x7fffffff, UINT32_MAX };
	uint64_t next_us = 0;

	(void)state;
	for (uint32_t bucket = 0; bucket < RTT_BUCKETS; bucket++) {
		uint32_t width_us, start_us = rtt_bucket_start_us((uint8_t)bucket, &width_us);

		assert_int_equal(start_us, next_us);
		assert_int_equal(rtt_bucket(start_us), bucket);
		assert_int_equal(rtt_bucket(start_us + width_us - 1), bucket);
		assert_true(width_us == 1 || width_us <= start_us / 4);
		next_us += width_us;
	}
	assert_true(next_us == UINT64_C(1) << 32);
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		uint32_t width_us, start_us = rtt_bucket_start_us(rtt_bucket(edges[i]), &width_us);

		assert_true(edges[i] >= start_us && edges[i] - start_us < width_us);
	}
}

static void few_samples(void **state)
{
	static const struct {
		uint32_t samples_us[4];
		uint32_t count, min_us, median_us, slack_us;
	} rows[] = {
		{ { 0 }, 0, 0, 0, 0 },
		{ { 12345 }, 1, 12345, 12345, 0 },
		{ { 12345 }, 1, 11000, 12345, 0 }, /* the youngest of its ACK was quicker */
		{ { 0 }, 1, 0, 0, 0 },
		{ { UINT32_MAX }, 1, UINT32_MAX, UINT32_MAX, 0 },
		{ { 10000, 30000 }, 2, 10000, 20000, 0 },
		{ { 30000, 10000 }, 2, 10000, 20000, 0 },
		{ { 10001, 10002 }, 2, 10001, 10001, 0 }, /* of one bucket */
		{ { UINT32_MAX, UINT32_MAX }, 2, UINT32_MAX, UINT32_MAX, 0 },
		{ { 1, 2, 3 }, 3, 1, 2, 0 },
		{ { 1000, 5000, 90000 }, 3, 1000, 5000, 5000 / 4 },
		{ { 1000, 3000, 5000, 90000 }, 4, 1000, 4000, 4000 / 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rtt_spread spread = { 0 };
		uint32_t median_us;

		for (uint32_t k = 0; k < rows[i].count; k++)
			rtt_spread_add(&spread, &pool, rows[i].samples_us[k]);
		median_us = rtt_spread_median_us(&spread, &pool, rows[i].min_us);
		assert_in_range(median_us, rows[i].median_us - rows[i].slack_us,
				rows[i].median_us + rows[i].slack_us);
		assert_int_equal(spread.histogram, 0);
		rtt_spread_clear(&spread, &pool);
	}
}

static int by_size(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* Draws of many kinds, against the exact median. */
static uint32_t draw(uint64_t *random, uint32_t kind)
{
	uint64_t r = random_next(random);

	switch (kind) {
	case 0: /* all alike */
		return 20000 + (uint32_t)(r % 200);
	case 1: /* over all the range, logarithmically */
		return (uint32_t)(r >> (32 + r % 32));
	case 2: /* two humps */
		return (r & 1 << 20 ? 5000 : 300000) + (uint32_t)(r % 1000);
	case 3: /* a queue that fills */
		return 10000 + (uint32_t)(r % 40000);
	default: /* a LAN */
		return (uint32_t)(r % 60);
	}
}

static void near_the_exact_median(void **state)
{
	static uint32_t samples_us[20001];
	static const uint32_t counts[] = { 3, 4, 7, 8, 9, 14, 15, 100, 1001, 20000, 20001 };
	uint64_t random = 1;

	(void)state;
	for (uint32_t round = 0; round < 11 * 5 * 4; round++) {
		uint32_t count = counts[round % 11], kind = round / 11 % 5, low, high, median_us;
		struct rtt_spread spread = { 0 };

		for (uint32_t i = 0; i < count; i++) {
			samples_us[i] = draw(&random, kind);
			rtt_spread_add(&spread, &pool, samples_us[i]);
		}
		qsort(samples_us, count, sizeof(samples_us[0]), by_size);
		low = samples_us[(count - 1) / 2];
		high = samples_us[count / 2];
		median_us = rtt_spread_median_us(&spread, &pool, samples_us[0]);
		assert_int_equal(spread.max_us, samples_us[count - 1]);
		/* 1/4 of each of the two in the middle. */
		low = (uint32_t)(((uint64_t)low + high) / 2);
		assert_in_range(median_us, low - low / 4, low + (uint64_t)low / 4);
		rtt_spread_clear(&spread, &pool);
	}
	assert_int_equal(pool.touched, 1);
}

/* Counts are halved before they overflow: the median stays where the samples are. */
static void a_million_samples(void **state)
{
	struct rtt_spread spread = { 0 };
	uint64_t random = 7;

	(void)state;
	for (uint32_t i = 0; i < 1000000; i++)
		rtt_spread_add(&spread, &pool, draw(&random, 3));
	assert_in_range(rtt_spread_median_us(&spread, &pool, 10000), 30000 - 30000 / 4,
			30000 + 30000 / 4);
	for (uint32_t i = 0; i < 200000; i++)
		rtt_spread_add(&spread, &pool, 1000);
	assert_in_range(rtt_spread_median_us(&spread, &pool, 1000), 1000, 50000);
	for (uint32_t i = 0; i < 8000000; i++)
		rtt_spread_add(&spread, &pool, 1000);
	assert_in_range(rtt_spread_median_us(&spread, &pool, 1000), 896, 1024);
	assert_true(spread.max_us > 49000);
	rtt_spread_clear(&spread, &pool);
}

static void histograms_are_given_back(void **state)
{
	struct rtt_spread spreads[5] = { 0 };

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 4; i++) {
			for (uint32_t k = 0; k < 20; k++)
				rtt_spread_add(&spreads[i], &pool, 100 * (i + 1));
			assert_int_not_equal(spreads[i].histogram, 0);
		}
		for (uint32_t i = 0; i < 4; i++) {
			assert_int_equal(rtt_spread_median_us(&spreads[i], &pool, 100 * (i + 1)),
					 100 * (i + 1));
			rtt_spread_clear(&spreads[i], &pool);
		}
	}
	assert_int_equal(rtt_spread_pool_bytes(&pool), 4 * sizeof(struct rtt_histogram));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(buckets_touch_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(few_samples, setup, teardown),
		cmocka_unit_test_setup_teardown(near_the_exact_median, setup, teardown),
		cmocka_unit_test_setup_teardown(a_million_samples, setup, teardown),
		cmocka_unit_test_setup_teardown(histograms_are_given_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
