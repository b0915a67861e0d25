/* SPDX-License-Identifier: BSD-2-Clause */
/* made_section.h - small valid sections of any length, without a log behind them. */
#ifndef BBTAP_TESTS_MADE_SECTION_H
#define BBTAP_TESTS_MADE_SECTION_H

#include <string.h>

#include "store/bblog.h"
#include "store/pcapng_write.h"
#include "store/section_row.h"

/* Appends a section of `records` events, the first at first_ns, each a millisecond behind the one before. */
static inline void made_section(struct pcapng_buffer *buffer, struct section_row *row,
				uint32_t number, uint32_t records, uint64_t first_ns,
				const char *tag)
{
	struct bblog_section section = {
		.version = BBLOG_VERSION,
		.dump_time_s = (int64_t)(first_ns / 1000000000),
		.foreign_address = { [12] = 192, 0, 2, 1 },
		.local_address = { [12] = 198, 51, 100, (uint8_t)(number % 250) },
		.foreign_port = (uint16_t)(1024 + number),
		.local_port = 80,
		.ip_version = 4
	};
	uint8_t dumpinfo[BBLOG_DUMPINFO_BYTES], tcpinfo[BBLOG_TCPINFO_BYTES];
	size_t start = pcapng_section_begin(buffer);

	snprintf(section.id, sizeof(section.id), "id-%u", number);
	snprintf(section.tag, sizeof(section.tag), "%s", tag);
	strcpy(section.reason, "made");
	bblog_encode_dumpinfo(&section, (uint64_t)records * BBLOG_TCPINFO_BYTES, dumpinfo);
	pcapng_option_bblog(buffer, BBLOG_OPTION_DUMPTIME, &section.dump_time_s, 8);
	pcapng_option_bblog(buffer, BBLOG_OPTION_DUMPINFO, dumpinfo, sizeof(dumpinfo));
	pcapng_options_end(buffer);
	pcapng_block_end(buffer);
	pcapng_block_begin(buffer, PCAPNG_IDB);
	pcapng_put32(buffer, 1);
	pcapng_put32(buffer, 262144);
	pcapng_options_end(buffer);
	pcapng_block_end(buffer);
	for (uint32_t i = 0; i < records; i++) {
		uint64_t us = first_ns / 1000 + i * 1000;
		struct bblog_record record = { .tv_sec = (int64_t)(us / 1000000),
					       .tv_usec = (int64_t)(us % 1000000),
					       .serial = i,
					       .event_id = EVENT_RTT };

		bblog_encode_tcpinfo(&record, tcpinfo);
		pcapng_block_begin(buffer, BBLOG_CUSTOM_BLOCK);
		pcapng_put32(buffer, BBLOG_PEN);
		pcapng_put32(buffer, BBLOG_BLOCK_EVENT);
		pcapng_option_bblog(buffer, BBLOG_OPTION_TCPINFO, tcpinfo, sizeof(tcpinfo));
		pcapng_options_end(buffer);
		pcapng_block_end(buffer);
	}
	pcapng_section_end(buffer, start);
	*row = (struct section_row){ .length_bytes = buffer->length - start,
				     .dump_time_s = section.dump_time_s,
				     .first_ns = first_ns / 1000 * 1000,
				     .last_ns = (first_ns / 1000 + (records - 1) * UINT64_C(1000)) *
						1000,
				     .records = records,
				     .ip_version = 4,
				     .local_port = section.local_port,
				     .foreign_port = section.foreign_port };
	memcpy(row->local_address, section.local_address, 16);
	memcpy(row->foreign_address, section.foreign_address, 16);
	memcpy(row->id, section.id, sizeof(row->id));
	memcpy(row->tag, section.tag, sizeof(row->tag));
	memcpy(row->reason, section.reason, sizeof(row->reason));
}

#endif
