/* SPDX-License-Identifier: BSD-2-Clause */
/* wording.h - what a record means, in one line of English: the opt_comment of its block. */
#ifndef BBTAP_STORE_WORDING_H
#define BBTAP_STORE_WORDING_H

#include <stddef.h>

#include "store/bblog.h"

#define WORDING_MAX 256

/*
 * Writes at most bytes - 1 characters and a NUL. Returns their number; 0 if there is nothing to say:
 * an ordinary segment. The entry must be in the view of `side`.
 */
size_t wording_of(const struct log_entry *entry, enum side side, char *out, size_t bytes);

#endif
