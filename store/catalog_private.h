/* SPDX-License-Identifier: BSD-2-Clause */
/* catalog_private.h - for catalog.c and catalog_sync.c. */
#ifndef BBTAP_STORE_CATALOG_PRIVATE_H
#define BBTAP_STORE_CATALOG_PRIVATE_H

#include <limits.h>

#include "store/catalog_db.h"

#define CATALOG_HOURS_OPEN 8

struct catalog {
	char dir[PATH_MAX], folder[PATH_MAX];
	uint64_t clock;
	bool is_behind; /* something was left to a comparison with the files */
	struct catalog_hour hours[CATALOG_HOURS_OPEN];
};

#endif
