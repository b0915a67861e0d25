/* SPDX-License-Identifier: BSD-2-Clause */
/* tracker_private.h - the tracker's inside, for the files of tcpstate/ that work for it. */
#ifndef BBTAP_TCPSTATE_TRACKER_PRIVATE_H
#define BBTAP_TCPSTATE_TRACKER_PRIVATE_H

#include "tcpstate/connection.h"
#include "tcpstate/flow_table.h"
#include "tcpstate/receiver.h"
#include "tcpstate/sender.h"
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
	struct sender *sender_arena;
	struct receiver *receiver_arena; /* of each sender's peer, at the same index */
	uint32_t sender_free; /* index + 1 of the last one given back, linked through own_index */
	uint32_t sender_total;
	uint32_t sender_touched;
	struct sendq_pool sendqs;
	struct chunk *flows; /* summaries that wait to be handed over, or NULL */
	uint32_t hand;	     /* where the look for idle connections goes on */
};

/* The range lists of a connection, allocated now if they are not. NULL: none to be had. */
struct connection_cold *tracker_cold(struct tracker *tracker, struct connection *conn);

/* The sender model of a side, made now if there is none. NULL: none to be had. */
struct sender *tracker_sender_make(struct tracker *tracker, struct endpoint *endpoint);

/* The same, NULL if there is none. */
static inline struct sender *tracker_sender(struct tracker *tracker,
					    const struct endpoint *endpoint)
{
	return endpoint->sender ? &tracker->sender_arena[endpoint->sender - 1] : NULL;
}

/* The receiver model of a side; NULL until its peer has sent data. */
static inline struct receiver *tracker_receiver(struct tracker *tracker,
						const struct connection *conn, enum side side)
{
	uint32_t index = conn->side[side_other(side)].sender;

	return index ? &tracker->receiver_arena[index - 1] : NULL;
}

#endif
