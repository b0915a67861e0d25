/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "tcpstate/seqrange.h"

struct step {
	uint32_t start, end; /* added */
	uint32_t fresh;	     /* expected */
	uint32_t count;	     /* ranges afterwards */
};

static const struct step steps[] = {
	/* clang-format off */
	{ 100, 200, 100, 1 },
	{ 300, 400, 100, 2 },
	{ 100, 200,   0, 2 }, /* again */
	{ 150, 180,   0, 2 }, /* inside */
	{  50,  60,  10, 3 }, /* in front */
	{ 200, 220,  20, 3 }, /* adjoins behind */
	{ 280, 300,  20, 3 }, /* adjoins in front */
	{ 210, 290,  60, 2 }, /* closes the gap */
	{   0, 500, 190, 1 }, /* swallows all */
	/* clang-format on */
};

static void run(uint32_t base)
{
	struct seqrange_set set = { 0 };
	uint32_t edge;
	bool full = false;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(
			seqrange_add(&set, base + steps[i].start, base + steps[i].end, &full),
			steps[i].fresh);
		assert_int_equal(set.count, steps[i].count);
		assert_false(full);
	}
	assert_int_equal(seqrange_bytes(&set), 500);
	assert_int_equal(seqrange_overlap(&set, base + 450, base + 600), 50);
	edge = base + 20;
	assert_int_equal(seqrange_release(&set, &edge), 7);
	assert_int_equal(edge, base + 500);
	assert_int_equal(set.count, 0);
}

static void adds_and_merges(void **state)
{
	(void)state;
	run(1000);
	run(0xffffffff - 250); /* the same across 2^32 */
	run(0x7fffffff - 250);
}

static void release_stops_at_a_hole(void **state)
{
	struct seqrange_set set = { 0 };
	uint32_t edge = 10;
	bool full = false;

	(void)state;
	seqrange_add(&set, 20, 30, &full);
	seqrange_add(&set, 40, 50, &full);
	assert_int_equal(seqrange_release(&set, &edge), 0);
	assert_int_equal(edge, 10);
	edge = 20;
	assert_int_equal(seqrange_release(&set, &edge), 1);
	assert_int_equal(edge, 30);
	assert_int_equal(set.count, 1);
}

static void is_bounded(void **state)
{
	struct seqrange_set set = { 0 };
	bool full = false;

	(void)state;
	for (uint32_t i = 0; i < SEQRANGE_MAX; i++)
		assert_int_equal(seqrange_add(&set, 10 * i, 10 * i + 5, &full), 5);
	assert_false(full);
	assert_int_equal(seqrange_add(&set, 1000, 1005, &full), 0);
	assert_true(full);
	assert_int_equal(set.count, SEQRANGE_MAX);
	/* What touches a range still gets in. */
	full = false;
	assert_int_equal(seqrange_add(&set, 5, 10, &full), 5);
	assert_false(full);
	assert_int_equal(set.count, SEQRANGE_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_and_merges),
		cmocka_unit_test(release_stops_at_a_hole),
		cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
