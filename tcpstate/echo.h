/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * echo.h - the near half of the path: from the tap to an endpoint and back. What its peer sends carries
 * a time stamp, which the endpoint echoes in what it sends next (RFC 7323 4.1). From one to the other
 * passes the way there, the way back and what the endpoint hesitates; samples are taken only while it
 * sends without a pause, one at a time, and of three in a row the middle one counts.
 */
#ifndef BBTAP_TCPSTATE_ECHO_H
#define BBTAP_TCPSTATE_ECHO_H

#include <stdbool.h>
#include <stdint.h>

/* Zero is one that knows nothing. */
struct echo {
	uint64_t mark_ns; /* when the mark passed, a time stamp of the peer's */
	uint32_t mark_tsval;
	uint32_t newest_tsval; /* of the peer's */
	uint32_t last_us[2];   /* the samples before the last, newest first */
	uint32_t rtt_us;       /* the middle one of the last three; 0: not known yet */
};

/* The peer's time stamp passes on its way to the endpoint. True: it is the mark, whose echo is awaited. */
bool echo_on_peer(struct echo *echo, uint64_t ts_ns, uint32_t tsval);

/* A mark is awaited, and the endpoint echoes tsecr while it sends without a pause. False: no longer. */
bool echo_on_send(struct echo *echo, uint64_t ts_ns, uint32_t tsecr);

#endif
