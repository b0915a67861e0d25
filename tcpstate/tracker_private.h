/* SPDX-License-Identifier: BSD-2-Clause */
/* tracker_private.h - the tracker's inside, for the files of tcpstate/ that work for it. */
#ifndef BBTAP_TCPSTATE_TRACKER_PRIVATE_H
#define BBTAP_TCPSTATE_TRACKER_PRIVATE_H

#include "tcpstate/application.h"
#include "tcpstate/connection.h"
#include "tcpstate/flow_table.h"
#include "tcpstate/follow.h"
#include "tcpstate/log_group.h"
#include "tcpstate/log_policy.h"
#include "tcpstate/receiver.h"
#include "tcpstate/rtt_spread.h"
#include "tcpstate/sender.h"
#include "tcpstate/tracker.h"

/* The models of what a side sends. */
struct models {
	struct sender sender;
	struct receiver receiver;     /* its peer */
	struct rtt_spread rtt_spread; /* of what it sent, in the receiver's last line */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct models) == 384, "six lines of the cache");

/* Both sides', together: a segment needs some of all, and each place of its own is a miss of the TLB. */
struct model_pair {
	struct models from[2]; /* by enum side */
};

struct tracker {
	struct tracker_config config;
	struct tracker_counters counters;
	struct chunk_pool pool;
	struct flow_table table;
	struct connection_cold *cold_arena;
	struct connection_cold *cold_free; /* linked through the first word */
	uint32_t cold_total;
	uint32_t cold_touched;
	struct model_pair *models;	/* the first one is not used */
	struct model_pair *models_free; /* linked through the first word */
	uint32_t models_total;
	uint32_t models_touched;
	struct sender_memory senders;
	struct rtt_spread_pool rtt_spreads;
	struct log_policies policies;
	struct log_groups groups;
	struct watch *watches;
	uint32_t watches_total, watches_touched,
		watches_free; /* index + 1, linked through the first word */
	struct rules *rules;
	/* Of each of them, the fallback last; and again, for who waits for proto or host: tail, no triggers. */
	uint16_t *rule_policies;
	struct applications *applications; /* NULL until rules want them */
	uint32_t *turns;		   /* of each: where the count of its ratio stands */
	bool disabled;
	bool watched;	     /* some policy has triggers */
	bool ratios;	     /* some connections may be logged by chance */
	struct chunk *flows; /* summaries that wait to be handed over, or NULL */
	uint32_t room_pause; /* batches */
	struct followers followers;
	uint32_t hand;	     /* where the look for idle connections goes on */
};

/* The range lists of a connection, allocated now if they are not. NULL: none to be had. */
struct connection_cold *tracker_cold(struct tracker *tracker, struct connection *conn);

/* The sender model of a side, made now if there is none. NULL: none to be had. */
struct sender *tracker_sender_make(struct tracker *tracker, struct connection *conn,
				   enum side side);

/* The policy of a rule of tracker->rules; or the one in its place while proto or host are not known. */
uint32_t tracker_policy_of_rule(const struct tracker *tracker, const struct rule *rule, bool waits);

/* "" if it is not known. */
const char *tracker_iface_name(const struct tracker *tracker, uint16_t iface);

void tracker_ask_dump_group(struct tracker *tracker, const char *id, uint64_t ts_ns,
			    const char *reason);

/* The models of a side; NULL if there are none. endpoint->sender is their place in lines of 64 bytes. */
static inline struct models *tracker_models(const struct tracker *tracker,
					    const struct endpoint *endpoint)
{
	return endpoint->sender ? (struct models *)((char *)tracker->models +
						    (uint64_t)endpoint->sender * 64)
				: NULL;
}

static inline struct sender *tracker_sender(struct tracker *tracker,
					    const struct endpoint *endpoint)
{
	return (struct sender *)tracker_models(tracker, endpoint); /* it comes first */
}

/* The receiver model of a side; NULL until its peer has sent data. */
static inline struct receiver *tracker_receiver(struct tracker *tracker,
						const struct connection *conn, enum side side)
{
	struct models *models = tracker_models(tracker, &conn->side[side_other(side)]);

	return models ? &models->receiver : NULL;
}

#endif
