/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_row.h - what the catalogue knows of an ended connection: a part of its line in the flow log.
 * From the summary when the line is written, or from the line when it is read again: the same row.
 */
#ifndef BBTAP_STORE_FLOW_ROW_H
#define BBTAP_STORE_FLOW_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpstate/flow_summary.h"

struct flow_row_side {
	uint8_t address[16]; /* IPv4 in the last 4 bytes */
	uint16_t port;
	uint8_t state; /* enum tcp_state at the end */
	uint64_t segments, payload_bytes;
	uint32_t retransmitted_segments, out_of_order_segments, zero_windows;
	uint32_t rtt_min_us, rtt_median_us, rtt_max_us, srtt_us; /* 0: unknown */
};

struct flow_row {
	uint64_t
		frame_bytes; /* where in the (compressed) file the zstd frame with its line begins */
	uint32_t line;	     /* of the frame, from 0 */
	uint64_t connection; /* number of its first frame */
	uint64_t first_ns, last_ns;
	uint8_t ip_version;
	uint8_t start;		      /* enum flow_start */
	uint8_t end_reason;	      /* enum end_reason */
	uint32_t sections;	      /* handed over */
	struct flow_row_side side[2]; /* by enum side */
	char id[LOG_ID_MAX], tag[LOG_TAG_MAX], rule[RULE_NAME_MAX];
	char proto[APPLICATION_PROTO_MAX], host[APPLICATION_HOST_MAX];
};

#endif
