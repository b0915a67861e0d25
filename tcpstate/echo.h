/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * echo.h - the near half of the path: from the tap to an endpoint and back. What its peer sends carries
 * a time stamp, which the endpoint echoes in what it sends next (RFC 7323 4.1). From one to the other
 * passes the way there, the way back and what the endpoint hesitates; samples are taken only while it
 * sends without a pause, and of three in a row the middle one counts.
 */
#ifndef BBTAP_TCPSTATE_ECHO_H
#define BBTAP_TCPSTATE_ECHO_H

#include <stdint.h>

#define ECHO_MARKS 16 /* a power of two */

/* Zero is one that knows nothing. */
struct echo {
	struct {
		uint64_t ts_ns;
		uint32_t tsval;
	} marks[ECHO_MARKS];   /* the peer's, not yet echoed */
	uint32_t last_us[2];   /* the samples before the last, newest first */
	uint32_t rtt_us;       /* the middle one of the last three; 0: not known yet */
	uint32_t newest_tsval; /* of the peer's */
	uint8_t head, tail;    /* free running */
};

/* The peer's time stamp passes on its way to the endpoint. near_us: the near half, as far as it is known. */
void echo_on_peer(struct echo *echo, uint64_t ts_ns, uint32_t tsval, uint32_t near_us);

/* The endpoint echoes tsecr, and sends without a pause. */
void echo_on_send(struct echo *echo, uint64_t ts_ns, uint32_t tsecr);

#endif
