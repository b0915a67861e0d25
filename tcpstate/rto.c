/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/rto.h"

#include "tcpstate/seq.h"

uint64_t rto_us(const struct rto *rto, uint32_t srtt_us)
{
	if (srtt_us == 0)
		return RTO_FIRST_US;
	return (uint64_t)srtt_us + (rto->var_us > RTO_VAR_MIN_US ? rto->var_us : RTO_VAR_MIN_US);
}

void rto_sample(struct rto *rto, uint32_t sample_us, uint32_t srtt_before_us, uint32_t snd_una,
		uint32_t snd_max)
{
	uint32_t first_us = srtt_before_us ? srtt_before_us : sample_us;
	int64_t error_us = (int64_t)sample_us - srtt_before_us, mdev;

	/* The first sample, most often that of the SYN, was taken before there was a model. */
	if (rto->var_us == 0) {
		rto->mdev_us = first_us > UINT32_MAX / 2 ? UINT32_MAX : first_us * 2;
		rto->var_us = rto->mdev_us > RTO_VAR_MIN_US ? rto->mdev_us : RTO_VAR_MIN_US;
		rto->mdev_max_us = rto->var_us;
		rto->round_end = snd_max;
	}
	if (srtt_before_us == 0)
		return;
	mdev = rto->mdev_us;
	if (error_us < 0) {
		error_us = -error_us - mdev / 4;
		if (error_us > 0)
			error_us /= 8;
	} else {
		error_us -= mdev / 4;
	}
	mdev += error_us;
	rto->mdev_us = mdev > 0 ? (uint32_t)mdev : 0;
	if (rto->mdev_us > rto->mdev_max_us) {
		rto->mdev_max_us = rto->mdev_us;
		if (rto->mdev_max_us > rto->var_us)
			rto->var_us = rto->mdev_max_us;
	}
	if (seq_after(snd_una, rto->round_end)) {
		if (rto->mdev_max_us < rto->var_us)
			rto->var_us -= (rto->var_us - rto->mdev_max_us) / 4;
		rto->round_end = snd_max;
		rto->mdev_max_us = RTO_VAR_MIN_US;
	}
}
