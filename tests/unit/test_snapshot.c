/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "tcpstate/snapshot.h"

static void difference_is_undone_by_apply(void **state)
{
	struct snapshot before, now, back;
	uint32_t words[SNAPSHOT_WORDS];
	uint64_t mask;

	(void)state;
	/* Every single word on its own, the first and the last among them. */
	for (uint32_t i = 0; i < SNAPSHOT_WORDS; i++) {
		memset(&before, 0x5a, sizeof(before));
		now = before;
		((uint32_t *)&now)[i] ^= 1;
		assert_int_equal(snapshot_diff(&before, &now, &mask, words), 1);
		assert_true(mask == UINT64_C(1) << i);
		back = before;
		snapshot_apply(&back, mask, words);
		assert_memory_equal(&back, &now, sizeof(now));
	}
	/* All words at once. */
	memset(&before, 0, sizeof(before));
	memset(&now, 0xff, sizeof(now));
	assert_int_equal(snapshot_diff(&before, &now, &mask, words), SNAPSHOT_WORDS);
	back = before;
	snapshot_apply(&back, mask, words);
	assert_memory_equal(&back, &now, sizeof(now));
	/* None. */
	assert_int_equal(snapshot_diff(&now, &now, &mask, words), 0);
	assert_true(mask == 0);
}

static void bits_past_the_last_word_are_ignored(void **state)
{
	struct {
		struct snapshot snap;
		uint32_t guard;
	} guarded = { .guard = 0x600d };
	uint32_t words[64] = { 0 };

	(void)state;
	snapshot_apply(&guarded.snap, ~UINT64_C(0), words);
	assert_int_equal(guarded.guard, 0x600d);
}

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(tcp_state_name(TCPS_CLOSED), "CLOSED");
	assert_string_equal(tcp_state_name(TCPS_TIME_WAIT), "TIME_WAIT");
	assert_string_equal(tcp_state_name(11), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(difference_is_undone_by_apply),
		cmocka_unit_test(bits_past_the_last_word_are_ignored),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
