/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rto.h - the retransmission timeout as Linux has it (tcp_rtt_estimator(), tcp_set_rto()): RFC 6298
 * with a deviation that falls slowly while samples are smaller than expected, the largest of a round
 * counting, and a floor of 200 ms under its part of the sum.
 */
#ifndef BBTAP_TCPSTATE_RTO_H
#define BBTAP_TCPSTATE_RTO_H

#include <stdint.h>

#define RTO_FIRST_US   UINT64_C(1000000) /* RFC 6298 2.1 */
#define RTO_VAR_MIN_US 200000u		 /* Linux's TCP_RTO_MIN */

/* Zero is one without a sample. Deviations are four times the mean one. */
struct rto {
	uint32_t mdev_us, mdev_max_us;
	uint32_t var_us;
	uint32_t round_end; /* the sequence number at which mdev_max_us is taken over */
};

/* A sample; srtt_before_us: the smoothed one without it, 0 if it is the first. */
void rto_sample(struct rto *rto, uint32_t sample_us, uint32_t srtt_before_us, uint32_t snd_una,
		uint32_t snd_max);

/* Without backoff. srtt_us 0: there was no sample. */
uint64_t rto_us(const struct rto *rto, uint32_t srtt_us);

#endif
