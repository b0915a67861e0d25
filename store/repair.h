/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * repair.h - after a recorder was killed, or the power was lost: every file below DIR becomes one of whole
 * sections, or whole frames of lines, and gets its name. Nobody may write there at the time.
 */
#ifndef BBTAP_STORE_REPAIR_H
#define BBTAP_STORE_REPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct repair_counts {
	uint64_t files;	  /* looked at */
	uint64_t renamed; /* were open */
	uint64_t cut;	  /* had something torn at their end */
	uint64_t cut_bytes;
	uint64_t removed; /* had nothing whole in them */
	uint64_t failed;  /* could not be mended; what was wrong is told */
};

/*
 * Open files (".part") are looked at block by block. Complete ones were synced before they got their name, unless
 * the recorder was told not to: so they are looked at by their sections' lengths, or if all is true, block by block too.
 * tell() (or NULL) gets a line of words for each file that was changed or could not be. 0, or a negative errno with
 * words in error: a folder can't be read. No DIR is no error.
 */
int repair(const char *dir, bool all, void (*tell)(void *context, const char *words), void *context,
	   struct repair_counts *counts, char *error, size_t error_bytes);

#endif
