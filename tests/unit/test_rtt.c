/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include "tcpstate/rtt.h"

enum act { SEND, AGAIN, ACK };

/* Sequence numbers are relative to a base that makes them wrap in the second run. */
static const struct row {
	enum act act;
	uint32_t number;
	uint64_t ts_us;
	int32_t sample_us; /* of ACK; -1: none */
	uint32_t srtt_us, rttvar_us;
} rows[] = {
	/* clang-format off */
	{ SEND,  100,   1000,    0,      0,     0 },
	{ SEND,  200,   2000,    0,      0,     0 }, /* one at a time: not this one */
	{ ACK,    50,   5000,   -1,      0,     0 }, /* not yet */
	{ ACK,   200,   9000, 8000,   8000,  4000 }, /* RFC 6298 2.2: SRTT = R, RTTVAR = R/2 */
	{ ACK,   200,   9500,   -1,   8000,  4000 },
	{ SEND,  300,  10000,    0,      0,     0 },
	{ ACK,   300,  26000, 16000,  9000,  5000 }, /* 2.3: 7/8, 1/8; 3/4, 1/4 */
	{ SEND,  400,  30000,    0,      0,     0 },
	{ AGAIN, 350,  40000,    0,      0,     0 }, /* Karn: what was sent twice gives no sample */
	{ ACK,   400,  50000,   -1,   9000,  5000 },
	{ SEND,  500,  60000,    0,      0,     0 },
	{ AGAIN, 500,  61000,    0,      0,     0 }, /* behind the timed one: no harm */
	{ ACK,   500,  62000,  2000,  8125,  5500 },
	{ SEND,  600,  70000,    0,      0,     0 },
	{ ACK,   600,  69000,   -1,   8125,  5500 }, /* the clock went backwards */
	/* clang-format on */
};

static void run(uint32_t base)
{
	struct rtt rtt = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		uint32_t sample_us = 0;

		if (row->act == SEND) {
			rtt_on_send(&rtt, base + row->number, row->ts_us * 1000);
			continue;
		}
		if (row->act == AGAIN) {
			rtt_on_retransmit(&rtt, base + row->number);
			continue;
		}
		assert_int_equal(
			rtt_on_ack(&rtt, base + row->number, row->ts_us * 1000, &sample_us),
			row->sample_us >= 0);
		if (row->sample_us >= 0)
			assert_int_equal(sample_us, row->sample_us);
		assert_int_equal(rtt.srtt_us, row->srtt_us);
		assert_int_equal(rtt.rttvar_us, row->rttvar_us);
	}
	assert_int_equal(rtt.min_us, 2000);
	assert_int_equal(rtt.samples, 3);
}

static void samples_follow_karn_and_rfc_6298(void **state)
{
	(void)state;
	run(0);
	run(0xffffffff - 250);
}

static void the_epoch_is_a_time(void **state)
{
	struct rtt rtt = { 0 };
	uint32_t sample_us;

	(void)state;
	rtt_on_send(&rtt, 100, 0);
	assert_true(rtt_on_ack(&rtt, 100, 0, &sample_us));
	assert_int_equal(sample_us, 0);
	rtt_on_send(&rtt, 200, 0);
	assert_true(rtt_on_ack(&rtt, 200, 5000000, &sample_us));
	assert_int_equal(sample_us, 4999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_follow_karn_and_rfc_6298),
		cmocka_unit_test(the_epoch_is_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
