/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quoted.h - whether an ICMP error can be about what an endpoint sent (RFC 5927 4.1), and how sure that
 * is. A host believes only what quotes data that is outstanding; the tap also tells what came too late
 * for the host, because the ACK overtook it.
 */
#ifndef BBTAP_TCPSTATE_QUOTED_H
#define BBTAP_TCPSTATE_QUOTED_H

#include <stdint.h>

#include "capture/segment.h"
#include "tcpstate/endpoint.h"

/*
 * sender: whose segment the error quotes; peer: the other endpoint. Returns a confidence in percent; 0:
 * it can't be about anything that the endpoint sent, or its checksum is wrong. Changes nothing.
 */
uint8_t quoted_confidence(const struct endpoint *sender, const struct endpoint *peer,
			  const struct segment *error);

/* What the error says: enum msgsize_reason. */
uint8_t quoted_reason(const struct segment *error);

#endif
