/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/rtt.h"

#include "tcpstate/seq.h"

void rtt_on_send(struct rtt *rtt, uint32_t end, uint64_t ts_ns)
{
	if (rtt->timed_at_ns)
		return;
	rtt->timed_at_ns = kept_ns(ts_ns);
	rtt->timed_end = end;
}

void rtt_on_retransmit(struct rtt *rtt, uint32_t start)
{
	if (rtt->timed_at_ns && seq_before(start, rtt->timed_end))
		rtt->timed_at_ns = 0;
}

/* RFC 6298 2.2 and 2.3 with its alpha of 1/8 and beta of 1/4, in microseconds. */
static void smooth(struct rtt *rtt, uint32_t sample_us)
{
	uint32_t error_us;

	if (rtt->samples++ == 0) {
		rtt->srtt_us = sample_us;
		rtt->rttvar_us = sample_us / 2;
		rtt->min_us = sample_us;
		return;
	}
	error_us = rtt->srtt_us > sample_us ? rtt->srtt_us - sample_us : sample_us - rtt->srtt_us;
	rtt->rttvar_us = (uint32_t)(((uint64_t)rtt->rttvar_us * 3 + error_us) / 4);
	rtt->srtt_us = (uint32_t)(((uint64_t)rtt->srtt_us * 7 + sample_us) / 8);
	if (sample_us < rtt->min_us)
		rtt->min_us = sample_us;
}

void rtt_sample(struct rtt *rtt, uint32_t sample_us, uint32_t min_us)
{
	smooth(rtt, sample_us);
	if (min_us < rtt->min_us)
		rtt->min_us = min_us;
}

bool rtt_since(struct rtt *rtt, uint64_t sent_ns, uint64_t ts_ns, uint32_t *sample_us)
{
	if (kept_ns(ts_ns) < sent_ns)
		return false;
	ts_ns = kept_ns(ts_ns);
	if ((ts_ns - sent_ns) / 1000 > UINT32_MAX)
		return false;
	*sample_us = (uint32_t)((ts_ns - sent_ns) / 1000);
	smooth(rtt, *sample_us);
	return true;
}

bool rtt_on_ack(struct rtt *rtt, uint32_t ack, uint64_t ts_ns, uint32_t *sample_us)
{
	uint64_t sent_ns = rtt->timed_at_ns;

	if (!sent_ns || seq_before(ack, rtt->timed_end))
		return false;
	rtt->timed_at_ns = 0;
	return rtt_since(rtt, sent_ns, ts_ns, sample_us);
}
