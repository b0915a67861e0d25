/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * application.h - what a connection is used for: protocol and host name (TLS SNI, HTTP Host), as nDPI finds
 * them. It looks at a connection from its first segment on until it knows or gives up. nDPI allocates
 * while it looks, so that is done only for connections whose rule depends on it.
 */
#ifndef BBTAP_TCPSTATE_APPLICATION_H
#define BBTAP_TCPSTATE_APPLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/rules.h"

/* Connections that can be looked at, at once; of one worker. Further ones count as not known. */
#define APPLICATIONS_MAX 16384

/* What is kept of the names once they are known, the NUL included. */
#define APPLICATION_PROTO_MAX 32
#define APPLICATION_HOST_MAX  80

struct application_names {
	char proto[APPLICATION_PROTO_MAX];
	char host[APPLICATION_HOST_MAX];
};

struct applications;

/*
 * connections_max: of so many the names can be kept. NULL: no memory. Not from several threads at
 * once.
 */
struct applications *applications_open(uint32_t connections_max);
void applications_close(struct applications **applications);

/* Begins to look; facts are copied. Returns a number > 0, or 0: there are too many. */
uint32_t applications_begin(struct applications *applications, const struct rule_facts *facts);

/*
 * The next segment, in the order they passed. NULL: nothing is decided. Else what is known now, for good:
 * the facts with proto and host ("" if nDPI gave up), valid until applications_drop().
 */
const struct rule_facts *applications_segment(struct applications *applications, uint32_t number,
					      const struct segment *seg);

/* No more segments come: what is known by now. */
const struct rule_facts *applications_give_up(struct applications *applications, uint32_t number);

void applications_drop(struct applications *applications, uint32_t number);

/*
 * Keeps the names of what was decided, cut to what there is room for. Returns another kind of number > 0,
 * or 0: there is nothing to keep.
 */
uint32_t applications_keep(struct applications *applications, const struct rule_facts *facts);

/* Valid until applications_forget(). */
const struct application_names *applications_names(const struct applications *applications,
						   uint32_t kept);

void applications_forget(struct applications *applications, uint32_t kept);

#endif
