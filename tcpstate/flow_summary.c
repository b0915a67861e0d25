/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/flow_summary.h"

#include <string.h>

#include "tcpstate/blackbox.h"
#include "tcpstate/tracker_private.h"

static void summarise_side(const struct endpoint *endpoint, const struct endpoint *peer,
			   const struct endpoint_cold *peer_cold, const struct receiver *own,
			   const struct receiver *of_peer, struct flow_side_summary *out)
{
	*out = (struct flow_side_summary){
		.segments = endpoint->segments,
		.payload_bytes = endpoint->payload_bytes,
		.retransmitted_bytes = endpoint->retransmitted_bytes,
		.retransmitted_segments = endpoint->retransmitted_segments,
		.out_of_order_segments = endpoint->out_of_order_segments,
		.duplicate_acks = endpoint->duplicate_acks,
		.zero_windows = endpoint->zero_windows,
		.gap_bytes = endpoint->gap_bytes,
		.bad_checksums = endpoint->bad_checksums,
		.mirror_duplicates = endpoint->mirror_duplicates,
		.keepalives = endpoint->keepalives,
		.window_probes = peer_cold ? peer_cold->window_probes : 0,
		.rtt_samples = endpoint->rtt.samples,
		.rtt_min_us = endpoint->rtt.min_us,
		.srtt_us = endpoint->rtt.srtt_us,
		.rttvar_us = endpoint->rtt.rttvar_us,
		.iss = endpoint->seen & SEEN_SYN ? endpoint->iss : 0,
		.mss_bytes = endpoint->mss_bytes,
		.wscale = endpoint->wscale,
		.state = endpoint->state,
		.syn_seen = !!(endpoint->seen & SEEN_SYN),
		.fin_seen = !!(endpoint->seen & SEEN_FIN),
		.rst_seen = !!(endpoint->seen & SEEN_RST),
		.sack_permitted = !!(peer->t_flags & TF_SACK_PERMIT),
		.options_seen = endpoint->options_seen,
	};
	if (of_peer)
		out->super_packets = of_peer->super_packets;
	if (!own)
		return;
	out->acks = own->acks;
	out->acked_segments = own->acked_segments;
	out->acked_segments_max = own->acked_segments_max;
	out->ack_delay_min_us = own->delay_min_us;
	out->ack_delay_mean_us = own->acks ? (uint32_t)(own->delay_sum_us / own->acks) : 0;
	out->ack_delay_max_us = own->delay_max_us;
	out->delayed_acks = own->delayed_acks;
	out->dsacks = own->dsacks;
	out->paws_rejects = own->paws_rejects;
	out->window_collapses = own->collapses;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Why it sent again. cold, sender: its own; each may be NULL. */
static void summarise_causes(const struct endpoint_cold *cold, const struct sender *sender,
			     struct flow_side_summary *out)
{
	const struct sender_cold *model = sender ? sender->cold : NULL;
	uint32_t known = 0;

	for (int cause = CAUSE_RECOVERY; model && cause < SENDER_CAUSES; cause++)
		out->by_cause[cause] = model->again_by_cause[cause];
	if (cold) {
		out->by_cause[CAUSE_SYN] += cold->syns_again;
		out->by_cause[CAUSE_FIN] += cold->fins_again;
	}
	for (int cause = CAUSE_RECOVERY; cause <= CAUSE_FIN; cause++)
		known += out->by_cause[cause];
	out->by_cause[CAUSE_AMBIGUOUS] = out->retransmitted_segments - known;
	out->by_cause[CAUSE_WINDOW_PROBE] = out->window_probes;
	out->by_cause[CAUSE_KEEPALIVE] = out->keepalives;
	if (!model)
		return;
	for (int cause = CAUSE_RECOVERY; cause < SENDER_CAUSES; cause++)
		out->needless_by_cause[cause] =
			min_u32(model->needless_by_cause[cause], out->by_cause[cause]);
	out->needless_by_cause[CAUSE_AMBIGUOUS] =
		min_u32(model->needless_by_cause[0], out->by_cause[CAUSE_AMBIGUOUS]);
}

static void summarise_rtt(const struct tracker *tracker, const struct endpoint *endpoint,
			  struct flow_side_summary *out)
{
	const struct models *models = tracker_models(tracker, endpoint);

	if (models) {
		out->rtt_median_us = rtt_spread_median_us(
			&models->rtt_spread, &tracker->rtt_spreads, endpoint->rtt.min_us);
		out->rtt_max_us = models->rtt_spread.max_us;
	} else if (endpoint->rtt.samples == 1) {
		out->rtt_median_us = out->rtt_max_us = endpoint->rtt.srtt_us;
	}
}

/* What was inferred of it as a sender. */
static void summarise_sender(const struct sender *sender, struct flow_side_summary *out)
{
	if (!sender)
		return;
	memcpy(out->limited_ms, sender->window.limited_ms, sizeof(out->limited_ms));
	out->cc_family = window_family(sender, &out->cc_confidence);
}

/* How it was logged, and what it was used for. */
static void summarise_log(const struct tracker *tracker, const struct connection *conn,
			  struct flow_summary *out)
{
	const struct log_policy *policy = blackbox_policy(&tracker->policies, conn);

	out->sections = conn->section;
	out->mode = conn->mode;
	if (strcmp(policy->rule, "default") != 0)
		memcpy(out->rule, policy->rule, sizeof(out->rule));
	memcpy(out->tag, policy->tag, sizeof(out->tag));
	if (conn->member)
		memcpy(out->id, log_member_id(&tracker->groups, conn->member), sizeof(out->id));
	if (conn->names)
		out->application = *applications_names(tracker->applications, conn->names);
}

/* Whose logs were written, or may be. */
static uint8_t written_views(const struct tracker *tracker, const struct connection *conn)
{
	return conn->section && !tracker->config.no_logs
		       ? blackbox_policy(&tracker->policies, conn)->views
		       : 0;
}

void flow_summary_of(struct tracker *tracker, const struct connection *conn, enum end_reason reason,
		     struct flow_summary *out)
{
	memset(out, 0, sizeof(*out));
	out->key = conn->key;
	out->client = conn->client;
	out->start = conn->start;
	out->end_reason = reason;
	out->views = written_views(tracker, conn);
	out->iface = conn->iface;
	out->linktype = conn->linktype;
	out->connection = conn->number;
	out->first_ts_ns = conn->first_ts_ns;
	out->last_ts_ns = conn->last_ts_ns;
	out->events_lost = conn->events_lost;
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		summarise_side(&conn->side[side], &conn->side[side_other(side)],
			       connection_cold_of(conn, side_other(side)),
			       tracker_receiver(tracker, conn, side),
			       tracker_receiver(tracker, conn, side_other(side)), &out->side[side]);
		summarise_sender(tracker_sender(tracker, &conn->side[side]), &out->side[side]);
		summarise_causes(connection_cold_of(conn, side),
				 tracker_sender(tracker, &conn->side[side]), &out->side[side]);
		summarise_rtt(tracker, &conn->side[side], &out->side[side]);
		if (reason == END_NONE)
			out->side[side].records = evlog_records(&conn->log, side);
	}
	summarise_log(tracker, conn, out);
}
