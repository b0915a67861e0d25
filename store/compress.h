/* SPDX-License-Identifier: BSD-2-Clause */
/* compress.h - complete log files as zstd: PATH becomes PATH.zst, which all that reads logs reads as it is. */
#ifndef BBTAP_STORE_COMPRESS_H
#define BBTAP_STORE_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes PATH.zst.part as a sequence of independent frames of 4 MB, gives it its name and removes PATH. Whenever it is
 * interrupted one of the two is whole (compress_recover() removes the other). should_stop() is asked between
 * frames; what was written is removed then: -ECANCELED. sync: on the medium before PATH is removed.
 * The time of the file stays. 0, or a negative errno with words in error.
 */
int compress_file(const char *path, int level, bool sync, bool (*should_stop)(void *context),
		  void *context, char *error, size_t error_bytes);

/* Removes what an interrupted compress_file() left in a folder. 0 or a negative errno. */
int compress_recover(const char *folder);

#endif
