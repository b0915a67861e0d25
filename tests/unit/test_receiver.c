/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiver's model as tables. Numbers are relative to a base; each table runs from 1000, across
 * 2^32 and across 2^31.
 */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>

#include "tcpstate/receiver.h"

#define MS UINT64_C(1000000)

static const uint32_t bases[] = { 1000, 0xffffff00u, 0x7fffff00u };
#define BASES (sizeof(bases) / sizeof(bases[0]))

/* A window that is offered, and by how much that takes something back. */
struct offer {
	uint32_t edge;
	uint32_t tsval; /* 0: no time stamp */
	uint16_t ip_id;
	uint32_t rounding_bytes;
	uint32_t expect_back;
};

static const struct offer offers[] = {
	{ 1000, 0, 1, 1, 0 },	   { 1500, 0, 2, 1, 0 },
	{ 1400, 0, 3, 1, 100 },	   { 1400, 0, 4, 1, 0 }, /* said once */
	{ 1300, 0, 5, 128, 0 },				 /* rounding */
	{ 1100, 0, 6, 128, 200 },  { 900, 0, 2, 1, 0 },	 /* an older packet by its ID: overtaken */
	{ 1100, 0, 7, 1, 0 },	   { 2000, 50, 8, 1, 0 },
	{ 1000, 49, 9, 1, 0 }, /* older by its time stamp */
	{ 1000, 51, 10, 1, 1000 },
};

static void window_is_taken_back(void **state)
{
	(void)state;
	for (size_t b = 0; b < BASES; b++) {
		struct receiver receiver;

		receiver_init(&receiver);
		for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
			struct segment seg = { .key.ip_version = 4, .ip_id = offers[i].ip_id };
			uint8_t confidence = 0;
			uint32_t back;

			if (offers[i].tsval) {
				seg.options.seen = TCPOPT_HAS_TIMESTAMP;
				seg.options.tsval = bases[b] + offers[i].tsval;
			}
			back = receiver_window(&receiver, &seg, bases[b] + offers[i].edge,
					       offers[i].rounding_bytes, &confidence);
			if (back != offers[i].expect_back)
				fail_msg("offer %zu of base %#x: %u", i, bases[b], back);
			assert_int_equal(confidence != 0, back != 0);
		}
		assert_int_equal(receiver.collapses, 3);
	}
}

struct arrival {
	uint64_t ms;
	uint32_t seq, bytes, last_ack;
	uint32_t tsval;
	uint16_t flags;
	uint8_t expect; /* confidence */
};

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

static const struct arrival arrivals[] = {
	{ 1, 1, 100, 1, 300, 0, 0 },
	{ 2, 101, 100, 101, 400, 0, 0 },
	{ 3, 301, 100, 101, 500, 0, 0 }, /* behind a hole: TS.Recent stays */
	{ 4, 201, 100, 101, 450, 0, 0 }, /* so the late one is taken */
	{ 5, 401, 100, 401, 600, 0, 0 },
	{ 6, 501, 100, 501, 550, 0, 75 },
	{ 7, 401, 100, 501, 550, 0, 60 }, /* old data too */
	{ 8, 501, 0, 501, 550, 0, 0 },	  /* an ACK that was overtaken */
	{ 9, 501, 0, 501, 550, TCP_RST, 0 },
	{ 10, 501, 100, 501, 600, 0, 0 },	       /* as old is not older */
	{ 10 + 25 * DAY_MS, 601, 100, 601, 10, 0, 0 }, /* RFC 7323 5.5 */
};

static void old_time_stamps_are_rejected(void **state)
{
	(void)state;
	for (size_t b = 0; b < BASES; b++) {
		struct receiver receiver;

		receiver_init(&receiver);
		for (size_t i = 0; i < sizeof(arrivals) / sizeof(arrivals[0]); i++) {
			const struct arrival *a = &arrivals[i];
			struct segment seg = { .ts_ns = a->ms * MS,
					       .seq = bases[b] + a->seq,
					       .payload_bytes = a->bytes,
					       .flags = a->flags };
			uint8_t confidence;

			seg.options.seen = TCPOPT_HAS_TIMESTAMP;
			seg.options.tsval = bases[b] + a->tsval;
			confidence = receiver_timestamp(&receiver, &seg, bases[b] + a->last_ack);
			if (confidence != a->expect)
				fail_msg("arrival %zu of base %#x: %u", i, bases[b], confidence);
		}
		assert_int_equal(receiver.paws_rejects, 2);
		assert_true(receiver_confirms_paws(&receiver));
		assert_false(receiver_confirms_paws(&receiver));
	}
}

static void what_was_rejected_may_prove_taken(void **state)
{
	(void)state;
	for (size_t b = 0; b < BASES; b++) {
		struct receiver receiver;
		uint32_t at = bases[b];

		receiver_init(&receiver);
		assert_int_equal(receiver_took(&receiver, at, at + 500), 0);
		receiver_reject(&receiver, at + 100, at + 200);
		receiver_reject(&receiver, at + 200, at + 300); /* adjoins */
		receiver_reject(&receiver, at + 900, at + 950); /* does not: not kept */
		assert_int_equal(receiver_took(&receiver, at + 100, at + 250), 150);
		assert_int_equal(receiver_took(&receiver, at + 100, at + 250), 0);
		receiver_reject(&receiver, at + 300, at + 400);
		receiver_advanced(&receiver, at + 399);
		assert_true(receiver.flags & RECEIVER_REJECTED);
		receiver_advanced(&receiver, at + 400); /* it came again, whole */
		assert_int_equal(receiver_took(&receiver, at + 300, at + 500), 0);
	}
}

/* What another copy of one ACK must differ in, and how late it may be. */
struct copy {
	uint16_t ip_id, other_id;
	uint32_t later_us;
	uint32_t window; /* of the second */
	bool has_sack;
	uint8_t expect;
};

static const struct copy copies[] = {
	{ 7, 7, 5, 100, true, 95 },	{ 7, 7, 400000, 100, false, 95 },
	{ 7, 7, 600000, 100, true, 0 }, { 7, 8, 5, 100, true, 0 }, /* a duplicate ACK */
	{ 7, 7, 5, 101, true, 0 },	{ 0, 0, 5, 100, true, 70 },
	{ 0, 0, 5, 100, false, 0 }, /* alike to the last bit, and yet sent twice */
	{ 0, 0, 3000, 100, true, 0 },
};

static void copies_are_told_from_duplicate_acks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		const struct copy *c = &copies[i];
		struct segment seg = { .ts_ns = 1000 * MS,
				       .key.ip_version = 4,
				       .seq = 5,
				       .ack = 0xfffffff0u,
				       .flags = TCP_ACK,
				       .window = 100,
				       .ip_id = c->ip_id };
		struct receiver receiver;
		uint8_t confidence;

		receiver_init(&receiver);
		assert_int_equal(receiver_is_copy(&receiver, &seg, c->has_sack), 0);
		seg.ts_ns += c->later_us * UINT64_C(1000);
		seg.ip_id = c->other_id;
		seg.window = (uint16_t)c->window;
		confidence = receiver_is_copy(&receiver, &seg, c->has_sack);
		if (confidence != c->expect)
			fail_msg("copy %zu: %u", i, confidence);
	}
}

static void acknowledging_is_measured(void **state)
{
	static const struct receiver_ack acks[] = {
		{ .segments = 2, .youngest_us = 10100, .least_us = 10000, .is_last = true },
		{ .segments = 4, .youngest_us = 10300, .least_us = 10000, .is_last = false },
		{ .segments = 1, .youngest_us = 50000, .least_us = 10000, .is_last = true },
		{ .segments = 1, .youngest_us = 50000, .least_us = 10000, .is_last = false },
		{ .segments = 2, .youngest_us = 50000, .least_us = 10000, .is_last = true },
		{ .segments = 1, .youngest_us = 900000, .least_us = 10000, .is_last = true },
		{ .segments = 0, .youngest_us = 1, .least_us = 10000, .is_last = true },
	};
	struct receiver receiver;

	(void)state;
	receiver_init(&receiver);
	for (size_t i = 0; i < sizeof(acks) / sizeof(acks[0]); i++)
		receiver_acked(&receiver, &acks[i]);
	assert_int_equal(receiver.acks, 6);
	assert_int_equal(receiver.acked_segments, 11);
	assert_int_equal(receiver.acked_segments_max, 4);
	assert_int_equal(receiver.delay_min_us, 100);
	assert_int_equal(receiver.delay_max_us, 890000);
	assert_int_equal(receiver.delay_sum_us, 100 + 300 + 3 * 40000 + 890000);
	assert_int_equal(receiver.delayed_acks, 1); /* the lone one, within a timer's reach */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_is_taken_back),
		cmocka_unit_test(old_time_stamps_are_rejected),
		cmocka_unit_test(what_was_rejected_may_prove_taken),
		cmocka_unit_test(copies_are_told_from_duplicate_acks),
		cmocka_unit_test(acknowledging_is_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
