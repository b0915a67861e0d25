/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_scan.h - the sections of a log file from somewhere on, each as its row; and where the last
 * whole one ends. Block by block, so that half a section is told from a whole one.
 */
#ifndef BBTAP_STORE_LOG_SCAN_H
#define BBTAP_STORE_LOG_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/section_row.h"

struct log_scan_end {
	uint64_t whole_bytes; /* up to here there are whole sections only */
	uint64_t file_bytes;  /* uncompressed; more than whole_bytes: something torn is behind */
	uint64_t sections;
	char problem[256]; /* what is wrong with what is behind; empty: nothing is */
};

/*
 * Hands out each whole section that begins at from_bytes (which must be where one begins, or the end) or
 * behind, until section() returns false. A section is whole if each of its blocks is (both lengths agree,
 * a length makes sense) and together they have the length that its header says; a header without a length
 * is none of ours. path may be compressed (.zst). 0, or a negative errno with words in error: it can't be read.
 */
int log_scan(const char *path, uint64_t from_bytes,
	     bool (*section)(void *context, const struct section_row *row), void *context,
	     struct log_scan_end *end, char *error, size_t error_bytes);

#endif
