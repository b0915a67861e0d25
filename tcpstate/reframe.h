/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reframe.h - a link-layer header for a packet that was captured with another link type than the
 * rest of its connection. A pcapng file of ours has one link type (libpcap refuses a mix), and a
 * connection's log shall not be torn apart because its two directions came from different taps.
 */
#ifndef BBTAP_TCPSTATE_REFRAME_H
#define BBTAP_TCPSTATE_REFRAME_H

#include <stdint.h>

#define REFRAME_MAX 20

/*
 * Writes a header of this link type (enum linktype) for an IP packet of this version (4 or 6), with
 * addresses of zero. Returns its length; 0 for raw IP and for link types that are not known, whose
 * packets then begin with the IP header.
 */
uint32_t reframe_header(uint16_t linktype, uint8_t ip_version, uint8_t out[REFRAME_MAX]);

#endif
