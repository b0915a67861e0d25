/* SPDX-License-Identifier: BSD-2-Clause */
/* Each trigger with what just does not, and what does, make it fire. */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "cli/trigger_text.h"

#define MS UINT64_C(1000000)

static struct trigger_set set_of(const char *text)
{
	struct trigger_set set = { 0 };
	struct trigger trigger;
	char error[300];

	assert_true(trigger_parse(text, &trigger, error, sizeof(error)));
	assert_true(trigger_set_add(&set, &trigger));
	return set;
}

static void on_events(void **state)
{
	static const struct {
		const char *trigger;
		struct event event;
		bool fires;
	} rows[] = {
		{ "rto >= 2", { .id = EVENT_RTO, .stack_flex = { 1 } }, false },
		{ "rto >= 2", { .id = EVENT_RTO, .stack_flex = { 2 } }, true },
		{ "rto > 2", { .id = EVENT_RTO, .stack_flex = { 2 } }, false },
		{ "rto", { .id = EVENT_RTO, .stack_flex = { 1 } }, true },
		{ "rto", { .id = EVENT_RTT, .stack_flex = { 5 } }, false },
		{ "zero-window > 2s",
		  { .id = EVENT_PERSIST, .flex8 = PERSIST_PROBE, .stack_flex = { 2000000 } },
		  false },
		{ "zero-window > 2s",
		  { .id = EVENT_PERSIST, .flex8 = PERSIST_PROBE, .stack_flex = { 2000001 } },
		  true },
		{ "zero-window > 2s",
		  { .id = EVENT_PERSIST, .flex8 = PERSIST_LEFT, .stack_flex = { 2000001 } },
		  true },
		{ "zero-window > 0", { .id = EVENT_PERSIST, .flex8 = PERSIST_ENTERED }, false },
		/* Both halves: 300 + 200 ms. */
		{ "rtt > 500ms",
		  { .id = EVENT_RTT, .stack_flex = { 300000, 0, 0, 200000 } },
		  false },
		{ "rtt > 500ms",
		  { .id = EVENT_RTT, .stack_flex = { 300001, 0, 0, 200000 } },
		  true },
		{ "rtt > 3 x minimum",
		  { .id = EVENT_RTT, .stack_flex = { 59000, 0, 0, 1000, 18000, 2000 } },
		  false },
		{ "rtt > 3 x minimum",
		  { .id = EVENT_RTT, .stack_flex = { 59001, 0, 0, 1000, 18000, 2000 } },
		  true },
		{ "reorder > 3", { .id = EVENT_REORDER, .stack_flex = { 3 } }, false },
		{ "reorder > 3", { .id = EVENT_REORDER, .stack_flex = { 4 } }, true },
		{ "window-collapse", { .id = EVENT_COLLAPSE, .stack_flex = { 1 } }, true },
		{ "capture-gap",
		  { .id = EVENT_REASS, .flex7 = (uint16_t)(REASS_REASON_GAP << 8 | 100) },
		  true },
		{ "capture-gap",
		  { .id = EVENT_REASS, .flex7 = (uint16_t)(REASS_REASON_QUEUED << 8 | 100) },
		  false },
		{ "rst", { .id = EVENT_RTO, .stack_flex = { 9 } }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trigger_set set = set_of(rows[i].trigger);
		struct watch watch = { 0 };

		if ((trigger_on_event(&set, &watch, &rows[i].event, 0) == 0) != rows[i].fires)
			fail_msg("row %zu: %s", i, rows[i].trigger);
		/* What needs no memory works without. */
		if (!trigger_kinds_need_watch(set.kinds))
			assert_int_equal(trigger_on_event(&set, NULL, &rows[i].event, 0) == 0,
					 rows[i].fires);
	}
}

static void spurious_are_counted(void **state)
{
	struct trigger_set set = set_of("spurious >= 3");
	struct event event = { .id = EVENT_BAD_RETRAN };
	struct watch watch = { 0 };

	(void)state;
	assert_true(trigger_kinds_need_watch(set.kinds));
	assert_int_equal(trigger_on_event(&set, &watch, &event, 0), TRIGGER_NONE);
	assert_int_equal(trigger_on_event(&set, &watch, &event, 0), TRIGGER_NONE);
	assert_int_equal(trigger_on_event(&set, &watch, &event, 0), 0);
}

/* Sends `count` data segments of a side, of which each `every`-th is marked. Returns after how many it fired, or 0. */
static uint32_t send(struct trigger_set *set, struct watch *watch, enum side side, uint32_t count,
		     uint32_t every, bool ce)
{
	for (uint32_t i = 1; i <= count; i++) {
		struct trigger_segment seg = { .side = side,
					       .is_data = true,
					       .is_again = !ce && i % every == 0,
					       .is_ce = ce && i % every == 0 };

		if (trigger_on_segment(set, watch, &seg, 0) == 0)
			return i;
	}
	return 0;
}

/* More than 5% of 100 is the sixth; each side counts for itself, and each hundred anew. */
static void shares_of_segments(void **state)
{
	(void)state;
	for (int ce = 0; ce < 2; ce++) {
		struct trigger_set set =
			set_of(ce ? "ecn-ce > 5% of 100" : "retransmit > 5% of 100");
		struct watch watch = { 0 };
		struct trigger_segment bare = { .is_again = true, .is_ce = true };

		assert_int_equal(send(&set, &watch, SIDE_SERVER, 1000, 20, ce),
				 0); /* 5 of each 100 */
		watch = (struct watch){ 0 };
		assert_int_equal(send(&set, &watch, SIDE_SERVER, 100, 10, ce), 60);
		watch = (struct watch){ 0 };
		assert_int_equal(send(&set, &watch, SIDE_SERVER, 50, 10, ce), 0);
		assert_int_equal(send(&set, &watch, SIDE_CLIENT, 50, 10, ce), 0);
		for (int i = 0; i < 100; i++) /* no data */
			assert_int_equal(trigger_on_segment(&set, &watch, &bare, 0), TRIGGER_NONE);
		assert_int_equal(send(&set, &watch, SIDE_SERVER, 100, 10, ce), 10);
	}
}

struct stall_step {
	uint32_t ms;	   /* since the begin */
	uint32_t una, max; /* of the client, before this segment */
	bool fires;
};

static void stalls(void **state)
{
	static const struct stall_step acknowledged[] = { { 0, 1, 1, false },
							  { 100, 1, 11, false },
							  { 1000, 1, 11, false },
							  { 1001, 11, 11, false },
							  { 9000, 11, 11, false } };
	/* Sent at 100, looked at with what is sent again. */
	static const struct stall_step silent[] = { { 100, 1, 1, false },
						    { 300, 1, 11, false },
						    { 700, 1, 11, false },
						    { 1100, 1, 11, false },
						    { 1101, 1, 11, true } };
	/* Each ACK is progress, though something is outstanding all the time. */
	static const struct stall_step slow[] = { { 100, 1, 1, false },	   { 1000, 1, 51, false },
						  { 1900, 11, 51, false }, { 2800, 21, 51, false },
						  { 2900, 21, 51, false }, { 2901, 21, 51, true } };
	/* An idle connection: the segment that ends the silence was sent now. */
	static const struct stall_step idle[] = { { 0, 1, 1, false },
						  { 60000, 1, 1, false },
						  { 60001, 1, 11, false } };
	static const struct {
		const struct stall_step *steps;
		uint32_t count;
	} rows[] = { { acknowledged, 5 }, { silent, 5 }, { slow, 6 }, { idle, 3 } };
	struct trigger_set set = set_of("stall > 1s");

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct watch watch = { 0 };
		uint64_t last_ns = 0;

		for (uint32_t i = 0; i < rows[r].count; i++) {
			const struct stall_step *step = &rows[r].steps[i];
			struct trigger_segment seg = { .ts_ns = step->ms * MS,
						       .last_ts_ns = last_ns,
						       .una = { step->una, 7 },
						       .max = { step->max, 7 } };

			if ((trigger_on_segment(&set, &watch, &seg, 0) == 0) != step->fires)
				fail_msg("row %zu, step %u", r, i);
			last_ns = seg.ts_ns;
		}
	}
}

static void bad_checksums_and_ends(void **state)
{
	struct trigger_set set = set_of("checksum");
	struct trigger_segment seg = { .is_data = true };

	(void)state;
	assert_int_equal(trigger_on_segment(&set, NULL, &seg, 0), TRIGGER_NONE);
	seg.is_damaged = true;
	assert_int_equal(trigger_on_segment(&set, NULL, &seg, 0), 0);
	set = set_of("refused");
	assert_int_equal(trigger_on_kinds(&set, NULL, 1u << TRIGGER_RST, 0), TRIGGER_NONE);
	assert_int_equal(trigger_on_kinds(&set, NULL, 1u << TRIGGER_RST | 1u << TRIGGER_REFUSED, 0),
			 0);
	set = set_of("syn-timeout");
	assert_int_equal(trigger_on_kinds(&set, NULL, 1u << TRIGGER_SYN_TIMEOUT, 0), 0);
}

/* Of several the first in the rule's order; one that has fired lets the next. */
static void in_the_order_of_the_rule(void **state)
{
	struct trigger_set set = set_of("rto >= 3");
	struct trigger second = set_of("rto >= 2").triggers[0];
	struct event event = { .id = EVENT_RTO, .stack_flex = { 5 } };
	struct watch watch = { 0 };

	(void)state;
	assert_true(trigger_set_add(&set, &second));
	assert_int_equal(trigger_on_event(&set, &watch, &event, 0), 0);
	watch.fired = 1;
	assert_int_equal(trigger_on_event(&set, &watch, &event, 0), 1);
	watch.fired = 3;
	assert_int_equal(trigger_on_event(&set, &watch, &event, 0), TRIGGER_NONE);
	set.rearm_ns = 1000 * MS;
	watch.fired_ms[1] = 500;
	assert_int_equal(trigger_on_event(&set, &watch, &event, 999), TRIGGER_NONE);
	assert_int_equal(trigger_on_event(&set, &watch, &event, 1000), 0);
	watch.fired_ms[0] = 1000;
	assert_int_equal(trigger_on_event(&set, &watch, &event, 1500), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_events),
		cmocka_unit_test(spurious_are_counted),
		cmocka_unit_test(shares_of_segments),
		cmocka_unit_test(stalls),
		cmocka_unit_test(bad_checksums_and_ends),
		cmocka_unit_test(in_the_order_of_the_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
