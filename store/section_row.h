/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * section_row.h - what is known of a section without its records. Whoever writes a section and whoever
 * reads it again (log_scan.h) come to the same row.
 */
#ifndef BBTAP_STORE_SECTION_ROW_H
#define BBTAP_STORE_SECTION_ROW_H

#include <stdint.h>

#include "tcpstate/evlog.h"

struct section_row {
	uint64_t offset_bytes; /* in its file, uncompressed */
	uint64_t length_bytes; /* with its header block */
	int64_t dump_time_s;
	/*
	 * The smallest and the largest time of its records: a packet's to the nanosecond, an event's to
	 * the microsecond, as the file has them.
	 */
	uint64_t first_ns, last_ns;
	uint32_t records; /* packets and events */
	uint32_t packets;
	uint32_t skipped; /* events told as skipped */
	uint8_t ip_version;
	uint8_t local_address[16], foreign_address[16]; /* IPv4 in the last 4 bytes */
	uint16_t local_port, foreign_port;
	char id[LOG_ID_MAX], tag[LOG_TAG_MAX], reason[LOG_REASON_MAX];
};

#endif
