/* SPDX-License-Identifier: BSD-2-Clause */
/* freebsd_blocks.h - the pcapng blocks of a file of tcplog_dumper's, in its order of options. */
#ifndef BBTAP_STORE_FREEBSD_BLOCKS_H
#define BBTAP_STORE_FREEBSD_BLOCKS_H

#include "capture/segment.h"
#include "store/bblog.h"
#include "store/pcapng_write.h"

/*
 * The section header, with no records counted, and the one interface. Returns where DUMPINFO stands, to be
 * written again at the end.
 */
size_t freebsd_blocks_begin(struct pcapng_buffer *buffer, const struct bblog_section *section,
			    uint8_t stack_id, const char *stack_name);

/* DUMPINFO with its length as tcplog_dumper leaves it: of the records alone, in FreeBSD's memory. */
void freebsd_blocks_dumpinfo(const struct bblog_section *section, uint64_t records_bytes,
			     uint8_t out[BBLOG_DUMPINFO_BYTES]);

void freebsd_blocks_packet(struct pcapng_buffer *buffer, const struct bblog_section *section,
			   const struct bblog_record *record, const struct segment *seg);
void freebsd_blocks_event(struct pcapng_buffer *buffer, const struct bblog_record *record);
void freebsd_blocks_skip(struct pcapng_buffer *buffer, uint32_t skipped);

#endif
