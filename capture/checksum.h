/* SPDX-License-Identifier: BSD-2-Clause */
/* checksum.h - the Internet checksum (RFC 1071), of TCP with its pseudo-header. */
#ifndef BBTAP_CAPTURE_CHECKSUM_H
#define BBTAP_CAPTURE_CHECKSUM_H

#include <stdint.h>

#include "capture/segment.h"

/* The one's complement sum of the bytes, folded to 16 bits, in the order of memory. */
uint16_t checksum_sum(const uint8_t *bytes, uint32_t count, uint16_t start);

/* What the checksum field of an IPv4 header has to be; the field itself is taken as 0. */
uint16_t checksum_ipv4_header(const uint8_t *header, uint32_t length_bytes);

/*
 * Checks a TCP header and payload of tcp_bytes, all there. addresses: source and destination as they
 * stand in the IP header, address_bytes in all (8 or 32).
 */
enum checksum_state checksum_tcp(const uint8_t *tcp, uint32_t tcp_bytes, const uint8_t *addresses,
				 uint32_t address_bytes);

#endif
