/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/temp_folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int temp_folder_make(const char *name, char *path, size_t room, char *error, size_t error_bytes)
{
	const char *tmp = getenv("TMPDIR");
	int result = 0;

	if (snprintf(path, room, "%s/bbtap-%s-XXXXXX", tmp && *tmp ? tmp : "/tmp", name) >=
	    (int)room)
		result = -ENAMETOOLONG;
	else if (!mkdtemp(path))
		result = -errno;
	if (result < 0) {
		snprintf(error, error_bytes, "%s: %s; set TMPDIR", path, strerror(-result));
		*path = '\0';
	}
	return result;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

void temp_folder_remove(const char *path)
{
	if (*path)
		nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
