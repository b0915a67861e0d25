/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "tcpstate/flow_table.h"

static struct flow_key key_of(uint32_t n)
{
	struct flow_key key = { .ip_version = 4 };

	memcpy(key.addr[0] + 12, &n, sizeof(n));
	return key;
}

/* Hashes that crowd: whatever is removed in between, the others stay reachable. */
static void crowded(void **state)
{
	struct flow_table table;
	uint32_t random = 1;
	bool there[200] = { false };

	(void)state;
	assert_int_equal(flow_table_init(&table, 150), 0);
	for (uint32_t step = 0; step < 20000; step++) {
		uint32_t n, hash, held = table.used;
		struct flow_key key;
		struct connection *conn;

		random = random * 1664525 + 1013904223;
		n = (random >> 8) % 200;
		key = key_of(n);
		hash = (n % 7) * 3 + 0xfc; /* close to the end of the index: probes wrap */
		conn = flow_table_find(&table, &key, hash);
		assert_int_equal(conn != NULL, there[n]);
		if (conn) {
			flow_table_remove(&table, conn);
			there[n] = false;
			assert_int_equal(table.used, held - 1);
		} else if (table.used < 150) {
			assert_non_null(flow_table_add(&table, &key, hash));
			there[n] = true;
		} else {
			assert_null(flow_table_add(&table, &key, hash));
		}
	}
	for (uint32_t n = 0; n < 200; n++) {
		struct flow_key key = key_of(n);

		assert_int_equal(flow_table_find(&table, &key, (n % 7) * 3 + 0xfc) != NULL,
				 there[n]);
	}
	flow_table_dispose(&table);
}

static void capacity_is_checked(void **state)
{
	struct flow_table table;

	(void)state;
	assert_int_not_equal(flow_table_init(&table, 0), 0);
	assert_int_not_equal(flow_table_init(&table, FLOW_TABLE_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crowded),
		cmocka_unit_test(capacity_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
