/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_file.h - capture files as a source: pcap and pcapng, one after the other. Not libpcap's
 * reader, which refuses pcapng with several link types and knows no options.
 *
 * Errors are per file: receive() says the file's error once and goes on with the next file.
 */
#ifndef BBTAP_CAPTURE_SOURCE_FILE_H
#define BBTAP_CAPTURE_SOURCE_FILE_H

#include <stddef.h>

#include "capture/iface_table.h"
#include "capture/source.h"

/* Borrows paths and their strings, and ifaces. "-": standard input. 0 or -ENOMEM. */
int source_file_open(struct source **out, const char *const paths[], size_t count,
		     struct iface_table *ifaces);

/* Bytes of capture data read so far, over all files. */
uint64_t source_file_bytes(const struct source *source);

#endif
