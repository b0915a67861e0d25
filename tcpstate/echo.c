/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/echo.h"

#include <stdbool.h>

#include "tcpstate/seq.h"

bool echo_on_peer(struct echo *echo, uint64_t ts_ns, uint32_t tsval)
{
	/* The first packet with a time stamp is the one that its echo answers. */
	if (tsval == echo->newest_tsval)
		return false;
	echo->newest_tsval = tsval;
	echo->mark_ns = ts_ns;
	echo->mark_tsval = tsval;
	return true;
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

bool echo_on_send(struct echo *echo, uint64_t ts_ns, uint32_t tsecr)
{
	uint64_t us = ts_ns > echo->mark_ns ? (ts_ns - echo->mark_ns) / 1000 : 0;

	if (seq_before(tsecr, echo->mark_tsval))
		return true;
	if (tsecr == echo->mark_tsval && us <= UINT32_MAX)
		sample(echo, us ? (uint32_t)us : 1);
	return false;
}
