/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include "tcpstate/sendq.h"

#define POOL_BYTES (4u << 20)

static struct sent_range own[SENDQ_INLINE];

static struct sent_range range_of(uint32_t start, uint32_t end)
{
	return (struct sent_range){ .start = start, .end = end, .sent_ns = start };
}

/* Ranges of 10 from `base` on. */
static void fill(struct sendq *queue, struct sendq_pool *pool, uint32_t base, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct sent_range range = range_of(base + i * 10, base + i * 10 + 10);

		assert_true(sendq_push(queue, pool, &range));
	}
}

static void check_filled(struct sendq *queue, uint32_t base, uint32_t from, uint32_t count)
{
	assert_int_equal(sendq_count(queue), count - from);
	for (uint32_t i = from; i < count; i++)
		assert_int_equal(sendq_at(queue, i - from)->start, base + i * 10);
}

static void grows_and_keeps_what_it_holds(void **state)
{
	static const uint32_t bases[] = { 1000, UINT32_MAX - 300, INT32_MAX - 300 };
	struct sendq_pool pool;
	struct sendq queue;

	(void)state;
	assert_int_equal(sendq_pool_init(&pool, POOL_BYTES), 0);
	for (int b = 0; b < 3; b++) {
		sendq_init(&queue, own);
		fill(&queue, &pool, bases[b], 5);
		for (int i = 0; i < 3; i++)
			sendq_pop(&queue);
		/* Over the end of its own room, then of all sizes of slab. */
		for (uint32_t i = 5; i < 2000; i++) {
			struct sent_range range =
				range_of(bases[b] + i * 10, bases[b] + i * 10 + 10);

			assert_true(sendq_push(&queue, &pool, &range));
		}
		check_filled(&queue, bases[b], 3, 2000);
		for (uint32_t i = 3; i < 2000; i += 7) {
			assert_int_equal(sendq_find(&queue, bases[b] + i * 10), i - 3);
			assert_int_equal(sendq_find(&queue, bases[b] + i * 10 + 9), i - 3);
		}
		assert_int_equal(sendq_find(&queue, bases[b] + 20000), 1997);
		sendq_clear(&queue, &pool, own);
		assert_int_equal(sendq_count(&queue), 0);
	}
	/* The slabs came back: the three rounds used the same ones. */
	assert_int_equal(pool.classes[0].touched + pool.classes[1].touched +
				 pool.classes[2].touched + pool.classes[3].touched,
			 4);
	sendq_pool_dispose(&pool);
}

static void splits_at_either_side(void **state)
{
	struct sendq_pool pool;
	struct sendq queue;

	(void)state;
	assert_int_equal(sendq_pool_init(&pool, POOL_BYTES), 0);
	for (uint32_t at = 0; at < 100; at++) {
		sendq_init(&queue, own);
		fill(&queue, &pool, 0, 100);
		sendq_at(&queue, at)->flags = SENT_SACKED;
		assert_true(sendq_split(&queue, &pool, at, at * 10 + 4));
		assert_int_equal(sendq_count(&queue), 101);
		for (uint32_t i = 0, expected = 0; i < 101; i++) {
			assert_int_equal(sendq_at(&queue, i)->start, expected);
			expected = sendq_at(&queue, i)->end;
		}
		assert_int_equal(sendq_at(&queue, at)->end, at * 10 + 4);
		assert_int_equal(sendq_at(&queue, at)->flags, SENT_SACKED);
		assert_int_equal(sendq_at(&queue, at + 1)->flags, SENT_SACKED);
		sendq_clear(&queue, &pool, own);
	}
	sendq_pool_dispose(&pool);
}

static void says_no_at_its_limit(void **state)
{
	struct sendq_pool pool;
	struct sendq queue;
	struct sent_range range = range_of(0, 10);

	(void)state;
	assert_int_equal(sendq_pool_init(&pool, POOL_BYTES), 0);
	sendq_init(&queue, own);
	fill(&queue, &pool, 0, SENDQ_MAX);
	assert_false(sendq_push(&queue, &pool, &range));
	assert_false(sendq_split(&queue, &pool, 3, 35));
	check_filled(&queue, 0, 0, SENDQ_MAX);
	sendq_clear(&queue, &pool, own);
	sendq_pool_dispose(&pool);
}

static void takes_turns_with_a_pool_that_is_used_up(void **state)
{
	static struct sent_range rooms[64][SENDQ_INLINE];
	static struct sendq queues[64];
	struct sendq_pool pool;
	struct sent_range range = range_of(0, 10);
	uint32_t full = 0;

	(void)state;
	assert_int_equal(sendq_pool_init(&pool, 1), 0); /* one slab of each size */
	for (int i = 0; i < 64; i++) {
		sendq_init(&queues[i], rooms[i]);
		fill(&queues[i], &pool, 0, SENDQ_INLINE);
		full += !sendq_push(&queues[i], &pool, &range);
	}
	assert_int_equal(full, 64 - SENDQ_SLABS);
	sendq_clear(&queues[0], &pool, rooms[0]);
	assert_true(sendq_push(&queues[63], &pool, &range));
	sendq_pool_dispose(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_keeps_what_it_holds),
		cmocka_unit_test(splits_at_either_side),
		cmocka_unit_test(says_no_at_its_limit),
		cmocka_unit_test(takes_turns_with_a_pool_that_is_used_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
