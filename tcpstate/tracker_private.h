/* SPDX-License-Identifier: BSD-2-Clause */
/* tracker_private.h - the tracker's inside, for the files of tcpstate/ that work for it. */
#ifndef BBTAP_TCPSTATE_TRACKER_PRIVATE_H
#define BBTAP_TCPSTATE_TRACKER_PRIVATE_H

#include "tcpstate/connection.h"
#include "tcpstate/flow_table.h"
#include "tcpstate/tracker.h"

struct tracker {
	struct tracker_config config;
	struct tracker_counters counters;
	struct chunk_pool pool;
	struct flow_table table;
	struct connection_cold *cold_arena;
	struct connection_cold *cold_free; /* linked through the first word */
	uint32_t cold_total;
	uint32_t cold_touched;
	struct chunk *flows; /* summaries that wait to be handed over, or NULL */
	uint32_t hand;	     /* where the look for idle connections goes on */
};

/* The range lists of a connection, allocated now if they are not. NULL: none to be had. */
struct connection_cold *tracker_cold(struct tracker *tracker, struct connection *conn);

#endif
