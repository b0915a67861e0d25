/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * places.h - where the sections of connections that have not ended were written, and what of them could not
 * be: for their lines in the flow log, and for the skipped block in their next section.
 *
 * The table forgets when it is full: a connection's line then says less, nothing else is lost.
 */
#ifndef BBTAP_STORE_PLACES_H
#define BBTAP_STORE_PLACES_H

#include <stdint.h>

#include "store/flow_log.h"
#include "store/log_file.h"

struct places;

/* Address space for `connections` at once (rounded up to a power of two); NULL: no memory. */
struct places *places_open(uint32_t connections);
void places_close(struct places **places);

void places_written(struct places *places, const struct log_section *section);
void places_failed(struct places *places, const struct log_section *section);

/* Records of this side that could not be written since the last section that was; told once. */
uint32_t places_take_skipped(struct places *places, uint64_t connection, enum side side);

/* All that is known of the connection, which has ended: it is forgotten. */
void places_take(struct places *places, uint64_t connection, struct flow_sections *out);

#endif
