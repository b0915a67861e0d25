/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include "tcpstate/pmtu.h"

enum act {
	END, /* of a script */
	SENT,
	ARRIVED,
	AGAIN,
	ACKED,
};

enum { SMALLER = 1, FULL_ARRIVED = 2, PEER_HEARD = 4, NO_MSS = 8 };

/* Sequence numbers are relative to a base that makes them wrap in the second run. MSS: 1460. */
struct line {
	enum act act;
	uint32_t seq;	/* of AGAIN, ACKED */
	uint32_t bytes; /* of all but ACKED */
	uint32_t behind_bytes;
	uint8_t evidence;
	uint8_t confidence; /* 0: nothing is named */
	uint32_t arrived_bytes;
};

/* clang-format off */
static const struct script {
	const char *name;
	struct line lines[16];
} scripts[] = {
	{ "smaller ones arrive behind it", {
		{ ARRIVED, 0,    100, 0, 0, 0, 0 },
		{ AGAIN, 100,   1448, 656, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 656, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 656, SMALLER, 90, 656 },
		{ AGAIN, 100,   1448, 656, SMALLER, 0, 0 }, /* once */
	} },
	{ "the largest that arrives was before", {
		{ ARRIVED, 0,    900, 0, 0, 0, 0 },
		{ AGAIN, 900,   1448, 10, 0, 0, 0 },
		{ AGAIN, 900,   1448, 10, 0, 0, 0 },
		{ AGAIN, 900,   1448, 10, 0, 90, 900 },
	} },
	{ "loss: as large ones arrive behind it", {
		{ AGAIN, 100,   1448, 1448, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 1448, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 1448, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 1448, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 1412, SMALLER, 0, 0 }, /* a SACK option larger: as large */
		{ AGAIN, 100,   1448, 1448, SMALLER, 0, 0 },
	} },
	{ "silence: only smaller ones arrived, before", {
		{ AGAIN,   1,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN,   1,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN,   1,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN,   1,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN,   1,   1448, 0, SMALLER, 50, 0 },
	} },
	{ "the peer is heard meanwhile", {
		{ ARRIVED, 0,    200, 0, 0, 0, 0 },
		{ AGAIN,   1,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN,   1,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN,   1,   1448, 0, SMALLER | PEER_HEARD, 0, 0 },
		{ AGAIN,   1,   1448, 0, SMALLER | PEER_HEARD, 75, 200 },
	} },
	{ "nothing is known to arrive", {
		{ AGAIN,   1,   1448, 0, PEER_HEARD, 0, 0 },
		{ AGAIN,   1,   1448, 0, PEER_HEARD, 0, 0 },
		{ AGAIN,   1,   1448, 0, PEER_HEARD, 0, 0 },
		{ AGAIN,   1,   1448, 0, PEER_HEARD, 0, 0 },
		{ AGAIN,   1,   1448, 0, PEER_HEARD, 0, 0 },
		{ AGAIN,   1,   1448, 0, PEER_HEARD, 0, 0 },
	} },
	{ "an outage: full-size segments arrived before", {
		{ ARRIVED, 0,   1448, 0, 0, 0, 0 },
		{ AGAIN, 100,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 0, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 0, SMALLER, 0, 0 },
	} },
	{ "the path has changed", {
		{ AGAIN, 100,   1448, 300, FULL_ARRIVED, 0, 0 },
		{ AGAIN, 100,   1448, 300, FULL_ARRIVED, 0, 0 },
		{ AGAIN, 100,   1448, 300, FULL_ARRIVED, 0, 0 },
		{ AGAIN, 100,   1448, 300, FULL_ARRIVED, 0, 0 },
		{ AGAIN, 100,   1448, 300, FULL_ARRIVED, 75, 300 },
	} },
	{ "it came through in smaller pieces", {
		{ AGAIN, 100,   1448, 0, 0, 0, 0 },
		{ AGAIN, 100,   1448, 0, 0, 0, 0 },
		{ AGAIN, 100,   1024, 0, 0, 0, 0 },
		{ ACKED, 1124,     0, 0, 0, 97, 1024 },
		{ AGAIN, 1124,   424, 0, 0, 0, 0 },
	} },
	{ "it came itself, late", {
		{ AGAIN, 100,   1448, 0, 0, 0, 0 },
		{ AGAIN, 100,   1448, 0, 0, 0, 0 },
		{ AGAIN, 100,   1024, 0, 0, 0, 0 },
		{ ACKED, 1548,     0, 0, 0, 0, 0 },
	} },
	{ "smaller at once: an ICMP error said why", {
		{ AGAIN, 100,   1348, 0, SMALLER, 0, 0 },
		{ ACKED, 1448,     0, 0, 0, 0, 0 },
		{ AGAIN, 1448,  1348, 0, SMALLER, 0, 0 },
		{ ACKED, 2796,     0, 0, 0, 0, 0 },
	} },
	{ "one more is acknowledged between two losses", {
		{ AGAIN, 100,   1448, 10, SMALLER, 0, 0 },
		{ AGAIN, 100,   1448, 10, SMALLER, 0, 0 },
		{ ACKED, 1548,     0,  0, 0, 0, 0 },
		{ AGAIN, 1548,  1448, 10, SMALLER, 0, 0 },
		{ AGAIN, 1548,  1448, 10, SMALLER, 0, 0 },
		{ AGAIN, 1548,  1448, 10, SMALLER, 90, 10 },
	} },
	{ "each of several once more", {
		{ AGAIN,  100,  1448, 10, SMALLER, 0, 0 },
		{ AGAIN,  100,  1448, 10, SMALLER, 0, 0 },
		{ AGAIN, 1548,  1448, 10, SMALLER, 0, 0 },
		{ AGAIN, 1548,  1448, 10, SMALLER, 0, 0 },
		{ AGAIN, 2996,  1448, 10, SMALLER, 0, 0 },
	} },
	{ "not of full size", {
		{ SENT,   100,  1448, 0, 0, 0, 0 },
		{ AGAIN,  100,   800, 10, SMALLER, 0, 0 },
		{ AGAIN,  100,   800, 10, SMALLER, 0, 0 },
		{ AGAIN,  100,   800, 10, SMALLER, 0, 0 },
		{ AGAIN,  100,   800, 10, SMALLER, 0, 0 },
	} },
	{ "no MSS: the size that the stream is cut into", {
		{ SENT,   100,  1368, 0, 0, 0, 0 },
		{ SENT,  1468,  1368, 0, 0, 0, 0 },
		{ SENT,  2836,    20, 0, 0, 0, 0 },
		{ AGAIN,  100,  1368, 20, NO_MSS, 0, 0 },
		{ AGAIN,  100,  1368, 20, NO_MSS, 0, 0 },
		{ AGAIN,  100,  1368, 20, NO_MSS, 90, 20 },
	} },
	{ "no MSS: one message of that size", {
		{ SENT,   100,  1368, 0, 0, 0, 0 },
		{ SENT,  2836,    20, 0, 0, 0, 0 },
		{ AGAIN,  100,  1368, 20, NO_MSS, 0, 0 },
		{ AGAIN,  100,  1368, 20, NO_MSS, 0, 0 },
		{ AGAIN,  100,  1368, 20, NO_MSS, 0, 0 },
	} },
	{ "what any path takes", {
		{ SENT,   100,   400, 0, 0, 0, 0 },
		{ SENT,   500,   400, 0, 0, 0, 0 },
		{ AGAIN,  100,   400, 20, NO_MSS, 0, 0 },
		{ AGAIN,  100,   400, 20, NO_MSS, 0, 0 },
		{ AGAIN,  100,   400, 20, NO_MSS, 0, 0 },
	} },
	{ "nothing but a FIN", {
		{ AGAIN,  100,     0, 0, SMALLER, 0, 0 },
		{ AGAIN,  100,     0, 0, SMALLER, 0, 0 },
		{ ACKED,  101,     0, 0, 0, 0, 0 },
	} },
};
/* clang-format on */

static void run(const struct script *script, uint32_t base)
{
	struct pmtu pmtu = { 0 };
	struct pmtu_sizes sizes = { 0 };
	uint64_t ts_ns = 1000;

	for (uint32_t i = 0; i < 16 && script->lines[i].act != END; i++) {
		const struct line *line = &script->lines[i];
		struct pmtu_evidence evidence = {
			.mss_bytes = line->evidence & NO_MSS ? 0 : 1460,
			.arrived_behind_bytes = line->behind_bytes,
			.smaller_arrived = line->evidence & SMALLER,
			.full_arrived = line->evidence & FULL_ARRIVED,
			.peer_heard_ns = line->evidence & PEER_HEARD ? ts_ns - 1 : 0,
		};
		struct pmtu_black_hole hole = { 0 };
		bool named = false;

		if (line->act == SENT)
			pmtu_sent(&sizes, line->bytes);
		else if (line->act == ARRIVED)
			pmtu_arrived(&sizes, line->bytes);
		else if (line->act == ACKED)
			named = pmtu_acked(&pmtu, base + line->seq, &hole);
		else
			named = pmtu_again(&pmtu, &sizes, base + line->seq, line->bytes, ts_ns,
					   &evidence, &hole);
		ts_ns += 1000;
		if (named != (line->confidence != 0) || hole.confidence != line->confidence ||
		    hole.arrived_bytes != line->arrived_bytes)
			fail_msg("%s, line %u: %s, %u%%, %u arrive; expected %u%%, %u",
				 script->name, i + 1, named ? "named" : "not named",
				 hole.confidence, hole.arrived_bytes, line->confidence,
				 line->arrived_bytes);
		if (named)
			assert_true(hole.lost_bytes > hole.arrived_bytes &&
				    hole.transmissions >= 3);
	}
}

static void scripts_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		run(&scripts[i], 1000);
		run(&scripts[i], 0xffffffff - 500);
		run(&scripts[i], 0x7fffffff - 500);
	}
}

/* What is remembered has 16 bits: larger sizes and numbers stand at the limit. */
static void limits_hold(void **state)
{
	struct pmtu_evidence evidence = { .mss_bytes = 1460, .smaller_arrived = true };
	struct pmtu_black_hole hole;
	struct pmtu pmtu = { 0 };
	struct pmtu_sizes sizes = { 0 };

	(void)state;
	pmtu_sent(&sizes, 1 << 20);
	pmtu_arrived(&sizes, 1 << 20);
	assert_int_equal(sizes.largest_bytes, UINT16_MAX);
	assert_int_equal(sizes.arrived_bytes, UINT16_MAX);
	for (uint32_t i = 0; i < 70000; i++)
		assert_false(pmtu_again(&pmtu, &sizes, 1, 1448, i, &evidence, &hole));
	assert_int_equal(pmtu.again, UINT16_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_hold),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
