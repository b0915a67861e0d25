/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include "tcpstate/echo.h"

#define MS UINT64_C(1000000)

/* 'P': the peer's time stamp passes, 'S': the endpoint sends and echoes it. */
struct step {
	char what;
	uint32_t ms, ts;
	bool awaited; /* a mark is, behind it */
	uint32_t rtt_us;
};

static const struct step
	steps[] = {
		{ 'P', 0, 100, true, 0 },
		{ 'S', 4, 99, true, 0 }, /* it had not heard of it when it sent this */
		{ 'S', 10, 100, false, 0 },
		{ 'P', 20, 100, false, 0 }, /* once more: its echo answers the first */
		{ 'P', 21, 110, true, 0 },
		{ 'S', 33, 110, false, 0 },
		{ 'P', 40, 120, true, 0 },
		{ 'S', 90, 120, false, 12000 }, /* the middle of 10, 12 and 50 ms */
		{ 'P', 100, 130, true, 12000 },
		{ 'S', 111, 135, false, 12000 }, /* the mark was passed over: no sample */
		{ 'P', 120, 140, true, 12000 },
		{ 'S', 120, 140, false, 12000 }, /* of 12, 50 and next to nothing */
	};

static void run(uint32_t base)
{
	struct echo echo = { 0 };
	bool awaited = false;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct step *step = &steps[i];

		if (step->what == 'P')
			awaited = echo_on_peer(&echo, step->ms * MS, base + step->ts);
		else
			awaited = echo_on_send(&echo, step->ms * MS, base + step->ts);
		if (awaited != step->awaited || echo.rtt_us != step->rtt_us)
			fail_msg("step %zu: awaited %d, %u us, expected %d, %u us", i, awaited,
				 echo.rtt_us, step->awaited, step->rtt_us);
	}
}

static void samples_are_of_echoed_marks(void **state)
{
	(void)state;
	run(1000);
	run(UINT32_MAX - 115);
	run(INT32_MAX - 115);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_of_echoed_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
