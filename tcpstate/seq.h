/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seq.h - sequence numbers, compared through their difference modulo 2^32 (RFC 9293 3.4). Two
 * numbers are ordered only while they are less than 2^31 apart.
 */
#ifndef BBTAP_TCPSTATE_SEQ_H
#define BBTAP_TCPSTATE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* a <= b */
static inline bool seq_upto(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_after(a, b) ? a : b;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_before(a, b) ? a : b;
}

#endif
