/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/echo.h"

#include <stdbool.h>

#include "tcpstate/seq.h"

void echo_on_peer(struct echo *echo, uint64_t ts_ns, uint32_t tsval, uint32_t near_us)
{
	bool any = echo->head != echo->tail;
	uint64_t last_ns = echo->marks[(uint8_t)(echo->tail - 1) % ECHO_MARKS].ts_ns;

	if (tsval == echo->newest_tsval)
		return;
	echo->newest_tsval = tsval;
	if (any && ts_ns < last_ns + near_us * UINT64_C(80))
		return;
	if ((uint8_t)(echo->tail - echo->head) == ECHO_MARKS)
		echo->head++;
	echo->marks[echo->tail % ECHO_MARKS].ts_ns = ts_ns;
	echo->marks[echo->tail % ECHO_MARKS].tsval = tsval;
	echo->tail++;
}

/* An endpoint hesitates now and then, and a queue grows: of three samples the middle one. */
static void sample(struct echo *echo, uint32_t sample_us)
{
	uint32_t a = echo->last_us[0], b = echo->last_us[1], low = a < b ? a : b,
		 high = a < b ? b : a;

	echo->rtt_us = sample_us < low ? low : sample_us > high ? high : sample_us;
	if (!low)
		echo->rtt_us = 0;
	echo->last_us[1] = a;
	echo->last_us[0] = sample_us;
}

void echo_on_send(struct echo *echo, uint64_t ts_ns, uint32_t tsecr)
{
	while (echo->head != echo->tail) {
		uint64_t then_ns = echo->marks[echo->head % ECHO_MARKS].ts_ns, us;
		uint32_t tsval = echo->marks[echo->head % ECHO_MARKS].tsval;

		if (seq_after(tsval, tsecr))
			return;
		echo->head++;
		if (tsval != tsecr)
			continue;
		us = ts_ns > then_ns ? (ts_ns - then_ns) / 1000 : 0;
		if (us <= UINT32_MAX)
			sample(echo, us ? (uint32_t)us : 1);
		return;
	}
}
