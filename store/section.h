/* SPDX-License-Identifier: BSD-2-Clause */
/* section.h - a chain of chunks as the pcapng section of one view. */
#ifndef BBTAP_STORE_SECTION_H
#define BBTAP_STORE_SECTION_H

#include "capture/iface_table.h"
#include "store/pcapng_write.h"
#include "tcpstate/evlog.h"

struct section_counts {
	uint64_t records;
	uint64_t packets;
	uint64_t skipped;
};

/*
 * Appends the section of `side` to the buffer and adds to counts. scratch: EVLOG_CAPLEN_MAX bytes.
 * version: for shb_userappl. The buffer says if there was no memory.
 */
void section_write(struct pcapng_buffer *buffer, const struct chunk *chain, enum side side,
		   const struct iface_table *ifaces, const char *version, uint8_t *scratch,
		   struct section_counts *counts);

#endif
