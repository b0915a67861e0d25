/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include "tcpstate/seq.h"

static const struct {
	uint32_t a, b;
	bool before, upto, after;
} rows[] = {
	/* clang-format off */
	{ 0,           0,           false, true,  false },
	{ 1,           2,           true,  true,  false },
	{ 2,           1,           false, false, true  },
	/* the same across 2^32 */
	{ 0xffffffff,  0xffffffff,  false, true,  false },
	{ 0xffffffff,  0,           true,  true,  false },
	{ 0,           0xffffffff,  false, false, true  },
	{ 0xfffffff0,  0x10,        true,  true,  false },
	/* and across 2^31 */
	{ 0x7fffffff,  0x80000000,  true,  true,  false },
	{ 0x80000000,  0x7fffffff,  false, false, true  },
	{ 0,           0x7fffffff,  true,  true,  false },
	/* clang-format on */
};

static void orders_by_difference(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(seq_before(rows[i].a, rows[i].b), rows[i].before);
		assert_int_equal(seq_upto(rows[i].a, rows[i].b), rows[i].upto);
		assert_int_equal(seq_after(rows[i].a, rows[i].b), rows[i].after);
		assert_int_equal(seq_max(rows[i].a, rows[i].b),
				 rows[i].after ? rows[i].a : rows[i].b);
		assert_int_equal(seq_min(rows[i].a, rows[i].b),
				 rows[i].before ? rows[i].a : rows[i].b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_by_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
