/* SPDX-License-Identifier: BSD-2-Clause */
/* temp_folder.h - a folder below $TMPDIR (or /tmp) for as long as a command runs. */
#ifndef BBTAP_STORE_TEMP_FOLDER_H
#define BBTAP_STORE_TEMP_FOLDER_H

#include <stddef.h>

/* "$TMPDIR/bbtap-<name>-..." into `room` bytes. 0, or a negative errno with words in error; then path is empty. */
int temp_folder_make(const char *name, char *path, size_t room, char *error, size_t error_bytes);

/* With all that is in it; nothing for an empty path. */
void temp_folder_remove(const char *path);

#endif
