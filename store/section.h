/* SPDX-License-Identifier: BSD-2-Clause */
/* section.h - a chain of chunks as the pcapng section of one view. */
#ifndef BBTAP_STORE_SECTION_H
#define BBTAP_STORE_SECTION_H

#include "capture/iface_table.h"
#include "store/pcapng_write.h"
#include "store/section_row.h"
#include "tcpstate/evlog.h"

/*
 * Appends the section of each side in `views` to its buffer, and fills in its row, but for the offset. The buffers say
 * if there was no memory. skipped_before: records of this log, by side, that could not be written before; told behind
 * the first record. scratch: EVLOG_CAPLEN_MAX bytes. version: for shb_userappl.
 */
void section_write_views(struct pcapng_buffer *buffers[2], const struct chunk *chain, uint8_t views,
			 const struct iface_table *ifaces, const char *version, uint8_t *scratch,
			 const uint32_t skipped_before[2], struct section_row rows[2]);

#endif
