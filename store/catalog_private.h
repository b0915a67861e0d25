/* SPDX-License-Identifier: BSD-2-Clause */
/* catalog_private.h - for catalog.c and catalog_sync.c. */
#ifndef BBTAP_STORE_CATALOG_PRIVATE_H
#define BBTAP_STORE_CATALOG_PRIVATE_H

#include <limits.h>

#include "store/catalog_db.h"

#define CATALOG_HOURS_OPEN    8
#define CATALOG_UNINDEXED_MAX 64

struct catalog {
	char dir[PATH_MAX], folder[PATH_MAX];
	uint64_t clock;
	bool is_behind; /* something was left to a comparison with the files */
	struct catalog_hour hours[CATALOG_HOURS_OPEN];
	/* Not open, and without the indexes for when nothing more comes. One too many waits for the next catalog_sync(). */
	uint64_t unindexed[CATALOG_UNINDEXED_MAX];
	uint32_t unindexed_count;
};

/* Is to be given its indexes by catalog_close_hours(). */
void catalog_unindexed(struct catalog *catalog, uint64_t hour);

#endif
