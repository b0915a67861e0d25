/* SPDX-License-Identifier: BSD-2-Clause */
/* bare_segment.h - segments of 10.0.x.y to 192.0.2.1:80, for tests that need connections and not what is in them. */
#ifndef BBTAP_TESTS_BARE_SEGMENT_H
#define BBTAP_TESTS_BARE_SEGMENT_H

#include "capture/frame.h"
#include "capture/segment.h"

/* client: less than 65536; the key has the client first, as 10 < 192. */
static inline struct segment bare_segment(uint32_t client, uint64_t number, uint64_t ts_ns,
					  uint16_t flags)
{
	static const uint8_t frame[64];

	return (struct segment){
		.ts_ns = ts_ns,
		.number = number,
		.data = frame,
		.caplen_bytes = 54,
		.wirelen_bytes = 54,
		.linktype = LINKTYPE_ETHERNET,
		.l3_offset = 14,
		.l4_offset = 34,
		.payload_offset = 54,
		.key = { .addr = { { [12] = 10, 0, (uint8_t)(client >> 8), (uint8_t)client },
				   { [12] = 192, 0, 2, 1 } },
			 .port_be = { 0x1027, 0x5000 },
			 .ip_version = 4 },
		.hash = client * 2654435761u,
		.flags = flags,
	};
}

#endif
