/* SPDX-License-Identifier: BSD-2-Clause */
/* control_store.h - what the running recorder tells of its store; also in the report at the end. */
#ifndef BBTAP_CLI_CONTROL_STORE_H
#define BBTAP_CLI_CONTROL_STORE_H

#include <jansson.h>

#include "store/store.h"

/* Adds to the answer to "stats": where it writes, what was written, and what could not be. */
void control_stats_add_store(json_t *stats, struct store *store, const char *dir);

/* [{"tag":, "error":, "sections":, "records":}, ...] */
json_t *store_failures_as_json(const struct store_failures *failures);

/* "disk full", "I/O error" ... as an error's short name: "ENOSPC". */
const char *store_error_name(int error);

#endif
