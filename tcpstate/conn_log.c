/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/conn_log.h"

#include <string.h>

#include "tcpstate/blackbox.h"
#include "tcpstate/quoted.h"
#include "tcpstate/tracker_private.h"

static void snapshot(struct tracker *tracker, const struct connection *conn, enum side side,
		     struct snapshot *out)
{
	endpoint_snapshot(
		&conn->side[side], &conn->side[side_other(side)], connection_cold_of(conn, side),
		tracker_sender(tracker, &conn->side[side]), ticks_of(conn->first_ts_ns), out);
	if (blackbox_policy(&tracker->policies, conn)->from_ratio)
		out->t_flags2 |= TF2_LOG_AUTO;
}

void conn_log_segment(struct tracker *tracker, struct connection *conn, const struct segment *seg,
		      enum side sender, const struct sent *sent)
{
	uint32_t evidence[2] = { sent->above, sent->waited_us };
	struct snapshot snaps[2];
	uint32_t keep_bytes = UINT32_MAX;
	uint8_t views = blackbox_ready(tracker, conn, VIEW_BOTH);

	if (views) {
		uint32_t payload_bytes =
			blackbox_policy(&tracker->policies, conn)->capture_payload_bytes;

		if (payload_bytes != CAPTURE_FULL)
			keep_bytes = seg->payload_offset + payload_bytes;
		for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
			if (views & 1 << side)
				snapshot(tracker, conn, side, &snaps[side]);
		blackbox_recorded(tracker, conn, views,
				  evlog_packet(&conn->log, &tracker->pool, seg, sender,
					       flex7_make(sent->cause, sent->confidence),
					       sent->kind, sent->waited_us ? evidence : NULL, views,
					       snaps, keep_bytes));
	}
	if (tracker->watched)
		blackbox_look_at_segment(tracker, conn, seg, sender, sent);
}

void conn_log_event(struct tracker *tracker, struct connection *conn, enum side side,
		    const struct event *event)
{
	uint8_t view = blackbox_ready(tracker, conn, (uint8_t)(1 << side));
	struct snapshot snap;

	if (view) {
		snapshot(tracker, conn, side, &snap);
		blackbox_recorded(tracker, conn, view,
				  evlog_event(&conn->log, &tracker->pool, side, event, &snap));
	}
	if (tracker->watched)
		blackbox_look_at_event(tracker, conn, event);
}

/* Whether anybody wants to know of an event of this side. */
static bool is_wanted(const struct tracker *tracker, const struct connection *conn, enum side side)
{
	return conn->views & 1 << side || tracker->watched;
}

void conn_log_rtt(struct tracker *tracker, struct connection *conn, enum side side, uint64_t ts_ns,
		  uint32_t sample_us, uint8_t reason)
{
	const struct rtt *rtt = &conn->side[side].rtt;
	uint32_t near_min_us = endpoint_near_us(&conn->side[side_other(side)]);

	if (!is_wanted(tracker, conn, side))
		return;
	conn_log_event(
		tracker, conn, side,
		&(struct event){
			.ts_ns = ts_ns,
			.id = EVENT_RTT,
			.flex7 = flex7_make(reason, reason == RTT_REASON_ECHO ? 90 : 100),
			.stack_flex = { sample_us, rtt->srtt_us, rtt->rttvar_us,
					sender_near_us(tracker_sender(tracker, &conn->side[side]),
						       &conn->side[side], near_min_us),
					rtt->min_us, near_min_us } });
}

void conn_log_step(struct tracker *tracker, struct connection *conn, enum side side, uint64_t ts_ns,
		   const struct sender_step *step, uint8_t cause)
{
	struct sender *sender = tracker_sender(tracker, &conn->side[side]);

	if (step->timeout)
		conn_log_event(tracker, conn, side,
			       &(struct event){
				       .ts_ns = ts_ns,
				       .id = EVENT_RTO,
				       .flex7 = flex7_make(RTO_REASON_SILENCE, step->confidence),
				       .record_flex = { 0, step->timer_ms },
				       .stack_flex = { step->backoff, step->timer_ms },
			       });
	if (step->timeout && sender)
		conn_log_window(tracker, conn, side, ts_ns);
	if (step->recovery)
		conn_log_event(
			tracker, conn, side,
			&(struct event){
				.ts_ns = ts_ns,
				.id = EVENT_ENTREC,
				.flex8 = cause,
				.flex7 = flex7_make(cause, step->confidence),
				.stack_flex = { sender->cold->recover, sender->sacked_segments },
			});
}

/* A recovery that an ACK begins or ends. */
static void log_phase(struct tracker *tracker, struct connection *conn, enum side side,
		      uint64_t ts_ns, uint8_t event_id, uint8_t cause)
{
	const struct sender *sender = tracker_sender(tracker, &conn->side[side]);
	struct event event = { .ts_ns = ts_ns,
			       .id = event_id,
			       .flex8 = cause,
			       .flex7 = flex7_make(cause, event_id == EVENT_EXITREC ? 95 : 90) };

	if (event_id == EVENT_ENTREC && sender) {
		event.stack_flex[0] = sender->cold->recover;
		event.stack_flex[1] = sender->sacked_segments;
	}
	conn_log_event(tracker, conn, side, &event);
}

void conn_log_ack(struct tracker *tracker, struct connection *conn, enum side side, uint64_t ts_ns,
		  const struct sender_ack *ack)
{
	if (ack->reordered)
		conn_log_event(tracker, conn, side,
			       &(struct event){
				       .ts_ns = ts_ns,
				       .id = EVENT_REORDER,
				       .flex7 = flex7_make(1, 90),
				       .stack_flex = { ack->reorder_segments, ack->reorder_us },
			       });
	if (ack->dsack)
		conn_log_event(
			tracker, conn, side,
			&(struct event){
				.ts_ns = ts_ns,
				.id = EVENT_DSACK_HANDLING,
				.flex7 = flex7_make(ack->dsack_needless ? DSACK_RETRANSMITTED
									: DSACK_DUPLICATED,
						    ack->dsack_needless ? 98 : 70),
				.stack_flex = { ack->dsack_block.start, ack->dsack_block.end },
			});
	for (uint8_t i = 0; i < ack->needless_count; i++) {
		const struct needless *needless = &ack->needless[i];

		conn_log_event(
			tracker, conn, side,
			&(struct event){
				.ts_ns = ts_ns,
				.id = EVENT_BAD_RETRAN,
				.flex8 = needless->cause,
				.flex7 = flex7_make(needless->reason,
						    needless->reason == BAD_RETRAN_FRTO ? 85 : 95),
				.stack_flex = { needless->block.start, needless->block.end,
						needless->undone },
			});
	}
	if (ack->recovered)
		log_phase(tracker, conn, side, ts_ns, EVENT_EXITREC,
			  ack->recovered_from == PHASE_LOSS ? CAUSE_TIMEOUT : CAUSE_RECOVERY);
	if (ack->entered)
		log_phase(tracker, conn, side, ts_ns, EVENT_ENTREC, CAUSE_RECOVERY);
	if (ack->black_hole)
		conn_log_black_hole(tracker, conn, side, ts_ns, &ack->hole);
}

void conn_log_window(struct tracker *tracker, struct connection *conn, enum side side,
		     uint64_t ts_ns)
{
	const struct endpoint *endpoint = &conn->side[side];
	struct sender *sender = tracker_sender(tracker, endpoint);
	struct window *window = &sender->window;
	uint32_t ssthresh_bytes =
		window->ssthresh_bytes == WINDOW_UNKNOWN ? 0 : window->ssthresh_bytes;

	if (window->flags & WINDOW_LEFT_SLOW_START)
		conn_log_event(tracker, conn, side,
			       &(struct event){
				       .ts_ns = ts_ns,
				       .id = EVENT_HYSTART,
				       .flex7 = flex7_make(CWND_HYSTART, 75),
				       .stack_flex = { window->cwnd_bytes },
			       });
	if (window->flags & WINDOW_TELL)
		conn_log_event(
			tracker, conn, side,
			&(struct event){
				.ts_ns = ts_ns,
				.id = EVENT_CWND,
				.flex8 = window_limit(sender, endpoint),
				.flex7 = flex7_make(window->reason, window_confidence(sender)),
				.stack_flex = { window->cwnd_bytes, sender->cold->past.told_bytes,
						ssthresh_bytes,
						window_in_flight(sender, endpoint) },
			});
	if (window->flags & WINDOW_TELL)
		sender->cold->past.told_bytes = window->cwnd_bytes;
	window->flags &= (uint8_t) ~(WINDOW_TELL | WINDOW_LEFT_SLOW_START);
}

void conn_log_scoreboard_full(struct tracker *tracker, struct connection *conn, enum side side,
			      uint64_t ts_ns)
{
	const struct endpoint *endpoint = &conn->side[side];

	conn_log_event(tracker, conn, side,
		       &(struct event){
			       .ts_ns = ts_ns,
			       .id = EVENT_SACK_FILTER_RES,
			       .flex7 = flex7_make(SACK_FILTER_SCOREBOARD_FULL, 100),
			       .stack_flex = { endpoint->snd_max - endpoint->snd_una },
		       });
}

void conn_log_reass(struct tracker *tracker, struct connection *conn, enum side side,
		    uint64_t ts_ns, enum reass_reason reason)
{
	const struct endpoint_cold *cold = connection_cold_of(conn, side);
	struct event event = { .ts_ns = ts_ns,
			       .id = EVENT_REASS,
			       .flex7 = flex7_make(reason, 100) };

	if (!is_wanted(tracker, conn, side))
		return;
	if (cold) {
		event.stack_flex[0] = seqrange_segments(&cold->recvq);
		event.stack_flex[1] = seqrange_bytes(&cold->recvq);
		event.stack_flex[2] = cold->recvq.count;
	}
	conn_log_event(tracker, conn, side, &event);
}

void conn_log_persist(struct tracker *tracker, struct connection *conn, enum side side,
		      uint64_t ts_ns, enum persist_kind kind, uint64_t closed_ns)
{
	uint64_t closed_us = closed_ns / 1000;
	const struct endpoint_cold *peer = connection_cold_of(conn, side_other(side));

	conn_log_event(
		tracker, conn, side,
		&(struct event){
			.ts_ns = ts_ns,
			.id = EVENT_PERSIST,
			.flex7 = flex7_make(1, 100),
			.flex8 = kind,
			.stack_flex = { closed_us > UINT32_MAX ? UINT32_MAX : (uint32_t)closed_us,
					peer ? peer->probes : 0 } });
}

void conn_log_reset(struct tracker *tracker, struct connection *conn, uint64_t ts_ns, bool refused)
{
	if (tracker->watched)
		blackbox_look_at_reset(tracker, conn, refused, ts_ns);
}

void conn_log_collapse(struct tracker *tracker, struct connection *conn, enum side side,
		       uint64_t ts_ns, uint32_t back_bytes, uint32_t edge, uint8_t confidence)
{
	conn_log_event(tracker, conn, side,
		       &(struct event){ .ts_ns = ts_ns,
					.id = EVENT_COLLAPSE,
					.flex7 = flex7_make(1, confidence),
					.stack_flex = { back_bytes, edge } });
}

void conn_log_paws(struct tracker *tracker, struct connection *conn, enum side side, uint64_t ts_ns,
		   enum paws_reason reason, uint8_t confidence, uint32_t tsval)
{
	const struct receiver *receiver = tracker_receiver(tracker, conn, side);

	conn_log_event(
		tracker, conn, side,
		&(struct event){ .ts_ns = ts_ns,
				 .id = EVENT_TSTMP_VAL,
				 .flex7 = flex7_make(reason, confidence),
				 .stack_flex = { tsval, receiver ? receiver->ts_recent : 0 } });
}

static uint32_t word_be(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

void conn_log_icmp(struct tracker *tracker, struct connection *conn, enum side side,
		   const struct segment *error, uint8_t confidence)
{
	const struct icmp_error *icmp = &error->icmp;

	conn_log_event(
		tracker, conn, side,
		&(struct event){
			.ts_ns = error->ts_ns,
			.id = EVENT_MSGSIZE,
			.flex8 = error->key.ip_version,
			.flex7 = flex7_make(quoted_reason(error), confidence),
			.record_flex = { word_be(icmp->reporter), icmp->quoted_ip_bytes },
			.stack_flex = { icmp->mtu_bytes, (uint32_t)icmp->type << 8 | icmp->code,
					error->seq, word_be(icmp->reporter + 4),
					word_be(icmp->reporter + 8), word_be(icmp->reporter + 12) },
		});
}

void conn_log_black_hole(struct tracker *tracker, struct connection *conn, enum side side,
			 uint64_t ts_ns, const struct pmtu_black_hole *hole)
{
	tracker->counters.black_holes++;
	conn_log_event(tracker, conn, side,
		       &(struct event){
			       .ts_ns = ts_ns,
			       .id = EVENT_MSGSIZE,
			       .flex7 = flex7_make(MSGSIZE_BLACK_HOLE, hole->confidence),
			       .stack_flex = { hole->lost_bytes, hole->arrived_bytes, hole->seq,
					       hole->transmissions },
		       });
}

static void log_flow_end(struct tracker *tracker, struct connection *conn, enum side side,
			 enum end_reason reason)
{
	const struct endpoint *own = &conn->side[side];
	const struct endpoint *peer = &conn->side[side_other(side)];
	const struct receiver *receiver = tracker_receiver(tracker, conn, side);
	const struct receiver *of_peer = tracker_receiver(tracker, conn, side_other(side));
	const struct sender *sender = tracker_sender(tracker, own);
	uint8_t family = CC_UNKNOWN, family_confidence = 0;
	uint32_t shares = 0;

	if (receiver && receiver->acks)
		conn_log_event(
			tracker, conn, side,
			&(struct event){
				.ts_ns = conn->last_ts_ns,
				.id = EVENT_TIMERSTAR,
				.flex7 = flex7_make(1, 90),
				.record_flex = { 4, 0 },
				.stack_flex = { receiver->acks, receiver->acked_segments,
						receiver->delay_min_us,
						(uint32_t)(receiver->delay_sum_us / receiver->acks),
						receiver->delay_max_us, receiver->delayed_acks } });
	if (sender) {
		family = window_family(sender, &family_confidence);
		for (int limit = LIMIT_APPLICATION; limit < LIMIT_COUNT; limit++)
			shares = shares << 8 | window_share(&sender->window, (enum limit)limit);
	}
	conn_log_event(
		tracker, conn, side,
		&(struct event){
			.ts_ns = conn->last_ts_ns,
			.id = EVENT_FLOWEND,
			.flex7 = flex7_make(reason, 100),
			.flex8 = family_confidence,
			.record_flex = { reason | (of_peer ? of_peer->super_packets & 0xffffff : 0)
							  << 8,
					 (uint32_t)family << 24 | shares },
			.stack_flex = { (uint32_t)own->segments, (uint32_t)peer->segments,
					own->retransmitted_segments, (uint32_t)own->payload_bytes,
					(uint32_t)peer->payload_bytes, own->rtt.samples } });
	conn_log_event(tracker, conn, side,
		       &(struct event){ .ts_ns = conn->last_ts_ns,
					.id = EVENT_CONNEND,
					.flex7 = flex7_make(reason, 100),
					.record_flex = { reason, 0 } });
}

void conn_log_flush_flows(struct tracker *tracker)
{
	struct chunk *flows = tracker->flows;

	if (!flows)
		return;
	tracker->flows = NULL;
	if (chunk_pool_put(&tracker->pool, flows))
		return;
	tracker->counters.flow_summaries_lost += flows->used_bytes / sizeof(struct flow_summary);
	chunk_pool_give(&tracker->pool, flows);
}

static void summary_add(struct tracker *tracker, const struct flow_summary *summary)
{
	if (tracker->flows && tracker->flows->used_bytes + sizeof(*summary) > CHUNK_PAYLOAD_BYTES)
		conn_log_flush_flows(tracker);
	if (!tracker->flows) {
		tracker->flows = chunk_pool_get(&tracker->pool);
		if (!tracker->flows) {
			tracker->counters.flow_summaries_lost++;
			return;
		}
		tracker->flows->kind = CHUNK_FLOWS;
	}
	memcpy(tracker->flows->bytes + tracker->flows->used_bytes, summary, sizeof(*summary));
	tracker->flows->used_bytes += sizeof(*summary);
}

void conn_log_end(struct tracker *tracker, struct connection *conn, enum end_reason reason)
{
	struct flow_summary summary;

	if (tracker->config.no_logs)
		return;
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		log_flow_end(tracker, conn, side, reason);
	blackbox_end(tracker, conn, reason);
	flow_summary_of(tracker, conn, reason, &summary);
	blackbox_release(tracker, conn);
	summary_add(tracker, &summary);
}
