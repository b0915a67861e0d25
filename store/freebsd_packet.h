/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * freebsd_packet.h - a segment as FreeBSD's tcplog_dumper writes it, which knows no more of a packet
 * than its TCP header: an address family of 4 bytes (link type NULL), an IP header without options, the
 * TCP header, and zeros for the payload.
 */
#ifndef BBTAP_STORE_FREEBSD_PACKET_H
#define BBTAP_STORE_FREEBSD_PACKET_H

#include <stdint.h>

#include "capture/segment.h"
#include "store/bblog.h"

/* Room for the longest headers; longer packets are cut. This is the interface's snap length, too. */
#define FREEBSD_PACKET_MAX (4 + 40 + 60)

struct freebsd_packet {
	uint32_t caplen_bytes;
	uint32_t wirelen_bytes;
	uint8_t bytes[FREEBSD_PACKET_MAX];
};

/*
 * The packet of a record. Addresses are the section's, in the direction that the record's event has; the
 * TCP header is the segment's, with what its capture cut off as zeros. Checksums are those of the packet
 * that is made. A packet that IP can't hold has an IP length of 0, as before segmentation offload.
 */
void freebsd_packet_make(struct freebsd_packet *out, const struct bblog_section *section,
			 const struct bblog_record *record, const struct segment *seg);

#endif
