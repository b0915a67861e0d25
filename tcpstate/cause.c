/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/cause.h"

#include "tcpstate/event.h"
#include "tcpstate/seq.h"

#define DUPTHRESH  3 /* RFC 5681 3.2 */
#define IP_ID_NEAR 512
/* What is looked at, at most, to say how many segments above a loss were delivered. */
#define EVIDENCE_MAX 64
/* Linux's clock ticks and its TCP_TIMEOUT_MIN: how late a timer may be. */
#define TIMER_LATE_US  12000
#define TIMER_LEAST_US 2000

static uint64_t since_us(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? (now_ns - then_ns) / 1000 : 0;
}

static bool sack_in_use(const struct endpoint *endpoint)
{
	return endpoint->t_flags & TF_SACK_PERMIT;
}

/* The sender's state and timers, as they were for it when it sent what passes now. */
struct moment {
	uint64_t
		now_ns; /* when it passed; had it not been held up on its way, if that can be told */
	uint32_t lag_us;    /* what passed less than this ago it had not heard of */
	uint64_t quiet_us;  /* it had heard no ACK for so long, */
	uint64_t unsent_us; /* and had sent nothing, by the tap's clock or its own */
	uint64_t rtt_us, rto_us;
	uint8_t phase;	/* enum sender_phase */
	bool may_probe; /* Linux's first answer to silence is a probe (RFC 8985 7.2) */
};

static bool is_unheard(uint64_t now_ns, uint64_t then_ns, uint32_t lag_us)
{
	return since_us(now_ns, then_ns) * 10 < lag_us * UINT64_C(9);
}

/* What it echoes it has heard (RFC 7323 4.3), however near it seems to be. */
static bool echoes_last_ack(const struct sender *sender, const struct segment *seg)
{
	return seg->options.seen & TCPOPT_HAS_TIMESTAMP && sender->peer_ack_tsval &&
	       seq_upto(sender->peer_ack_tsval, seg->options.tsecr);
}

static uint64_t quiet_us_at(const struct sender *sender, const struct segment *seg, uint64_t ts_ns,
			    uint32_t lag_us)
{
	uint64_t heard_ns = sender->peer_ack_ns, quiet_us;

	if (echoes_last_ack(sender, seg)) {
		quiet_us = since_us(ts_ns, heard_ns);
		return quiet_us > lag_us ? quiet_us - lag_us : 0;
	}
	if (is_unheard(ts_ns, heard_ns, lag_us) && sender->ack_gap_us * UINT64_C(1000) < heard_ns)
		heard_ns -= sender->ack_gap_us * UINT64_C(1000);
	if (sender->flags & SENDER_TROUBLE)
		for (int i = 0; i < SENDER_OLDER_ACKS && is_unheard(ts_ns, heard_ns, lag_us); i++)
			if (sender->cold->older_ack_ns[i] &&
			    sender->cold->older_ack_ns[i] < heard_ns)
				heard_ns = sender->cold->older_ack_ns[i];
	quiet_us = since_us(ts_ns, heard_ns);
	return quiet_us > lag_us ? quiet_us - lag_us : 0;
}

static struct moment moment_of(struct sender *sender, const struct endpoint *endpoint,
			       const struct segment *seg, uint32_t near_us)
{
	uint32_t lag_us = sender_lag_us(endpoint, near_us);
	uint64_t pause_us, now_ns = seg->ts_ns - sendclock_delay_us(&sender->clock, seg) * 1000;
	struct moment m = {
		.now_ns = now_ns,
		.lag_us = lag_us,
		.quiet_us = quiet_us_at(sender, seg, now_ns, lag_us),
		.unsent_us = since_us(now_ns, sender->sent_ns),
		.rtt_us = endpoint->rtt.srtt_us + (uint64_t)near_us,
		.phase = sender_phase_at(sender, now_ns, lag_us),
	};

	if (sender_is_still_behind(sender, seg->seq))
		m.phase = PHASE_LOSS;
	pause_us = sendclock_pause_us(&sender->clock, seg);
	if (pause_us > m.unsent_us)
		m.unsent_us = pause_us;
	m.rto_us =
		endpoint->rtt.samples ? rto_us(&sender->rto, (uint32_t)m.rtt_us) : RTO_VAR_MIN_US;
	m.may_probe = m.phase == PHASE_OPEN && sack_in_use(endpoint) &&
		      !(sender->flags & (SENDER_TLP_OUT | SENDER_NO_TLP));
	return m;
}

/* Whether a segment is younger than another: by time stamp (RFC 7323 3.2), else by IP ID. */
enum order { OLDER, SAME, YOUNGER, ORDER_UNKNOWN };

static enum order order_of(const struct segment *seg, const struct sent_range *than)
{
	int16_t by_id = (int16_t)(seg->ip_id - than->ip_id);
	bool has_time = seg->options.seen & TCPOPT_HAS_TIMESTAMP && than->tsval;
	bool has_id = seg->key.ip_version == 4 && seg->ip_id && than->ip_id;

	if (has_time && seg->options.tsval != than->tsval)
		return seq_after(seg->options.tsval, than->tsval) ? YOUNGER : OLDER;
	/* Hosts count them up, for a connection or for all; or draw them, which says nothing. */
	if (has_id && by_id == 0)
		return SAME;
	if (has_id && by_id > -IP_ID_NEAR && by_id < IP_ID_NEAR)
		return by_id > 0 ? YOUNGER : OLDER;
	/* Numbers far apart are drawn, but they are two. */
	return has_time && !has_id ? SAME : ORDER_UNKNOWN;
}

/* How many segments from i on the peer is known to have. */
static uint8_t delivered_behind(struct sender *sender, uint32_t i)
{
	uint32_t count = sendq_count(&sender->queue);
	uint8_t found = 0;

	if (sender->sacked_segments == 0)
		return 0;
	if (count > i + EVIDENCE_MAX)
		count = i + EVIDENCE_MAX;
	for (; i < count; i++)
		found += !!(sendq_at(&sender->queue, i)->flags & SENT_SACKED);
	return found;
}

static void set(struct sent *sent, uint8_t kind, uint8_t cause, uint8_t confidence)
{
	sent->kind = kind;
	sent->cause = cause;
	if (sent->confidence == 0 || confidence < sent->confidence)
		sent->confidence = confidence;
}

static void set_waited(struct sent *sent, uint64_t waited_us)
{
	sent->waited_us = waited_us > UINT32_MAX ? UINT32_MAX : (uint32_t)waited_us;
}

/*
 * A timer of the sender's ran out. RFC 6298 5.1 and 5.4: the retransmission timer fires for the oldest
 * outstanding segment, after nothing was acknowledged. A probe's timer is bounded by it, so that the
 * two can't be told apart when all that is outstanding is one segment.
 */
static void set_timer(const struct sender *sender, const struct moment *m, bool last, bool only,
		      struct sent *sent)
{
	uint8_t cause = sent->cause;

	if (m->may_probe && last && sender->sacked_segments == 0) {
		set(sent, OUT_TLP_RETRANSMISSION, CAUSE_TLP, only ? 80 : 70);
	} else {
		set(sent, OUT_RETRANSMISSION, CAUSE_TIMEOUT, 97);
		sent->timer = true;
	}
	if (cause == CAUSE_FIN)
		sent->cause = CAUSE_FIN;
}

/* Why it was sent again. range: as it was sent before; NULL: it is not outstanding for the tap. */
static void find_cause(struct sender *sender, const struct endpoint *endpoint,
		       const struct segment *seg, const struct sent_range *range, uint32_t i,
		       uint32_t near_us, struct sent *sent)
{
	struct moment m = moment_of(sender, endpoint, seg, near_us);
	uint64_t waited_us = range ? since_us(m.now_ns, range->sent_ns) : m.unsent_us;
	bool last = seg->seq + segment_length(seg) == endpoint->snd_max;
	bool lone_fin = seg->flags & TCP_FIN && seg->payload_bytes == 0;
	uint64_t evidence_ns = sender->cold ? sender->cold->evidence_ns : 0;
	bool evidence, known, timer, probe;

	sent->cause = lone_fin ? CAUSE_FIN : CAUSE_NONE;
	sent->above = range ? delivered_behind(sender, i + 1) : 0;
	set_waited(sent, waited_us);
	/* What the tap knows to have arrived is sent again after a silence: its ACK was lost. */
	timer = waited_us * 20 >= m.rto_us * 17 &&
		(range ? seq_upto(seg->seq, endpoint->snd_una) &&
				 m.quiet_us * 10 >=
					 (m.rto_us - (endpoint->rtt.samples ? m.rtt_us : 0)) * 7
		       : true);
	if (timer) {
		set_timer(sender, &m, last, !range || range->start == endpoint->snd_una, sent);
		return;
	}
	/* RFC 8985 6.2, and RFC 5681 3.2 without SACK. */
	evidence = range ? sender->rack_ns > range->sent_ns || sent->above ||
				   sender->dupacks >= DUPTHRESH
			 : evidence_ns != 0;
	known = evidence && since_us(m.now_ns, evidence_ns) * 10 >= (uint64_t)m.lag_us * 9;
	/* RFC 8985 7.2: two round trips without an ACK. */
	probe = last && m.may_probe && !known && m.unsent_us * 10 >= m.rtt_us * 15 &&
		m.quiet_us * 10 >= m.rtt_us * 5;
	if (lone_fin) {
		set(sent, probe ? OUT_TLP_RETRANSMISSION : OUT_RETRANSMISSION, CAUSE_FIN, 100);
		return;
	}
	if (m.phase == PHASE_LOSS) {
		set(sent, OUT_RETRANSMISSION, CAUSE_TIMEOUT, 95);
		return;
	}
	if (m.phase == PHASE_RECOVERY) {
		set(sent, OUT_RETRANSMISSION, CAUSE_RECOVERY, sack_in_use(endpoint) ? 98 : 90);
		return;
	}
	if (probe) {
		set(sent, OUT_TLP_RETRANSMISSION, CAUSE_TLP, 95);
		return;
	}
	/* Nothing else makes a sender send again while it is sending. */
	if (evidence || m.unsent_us * 10 < m.rtt_us * 13) {
		set(sent, OUT_RETRANSMISSION, CAUSE_RECOVERY,
		    known      ? (sack_in_use(endpoint) ? 98 : 90)
		    : evidence ? 75
			       : 60);
		return;
	}
	set(sent, OUT_RETRANSMISSION, CAUSE_AMBIGUOUS, 50);
}

static void set_copy(struct sent *sent, uint8_t confidence)
{
	sent->kind = OUT_NOT_QUEUED;
	sent->cause = CAUSE_MIRROR_DUPLICATE;
	sent->confidence = confidence;
	sent->again_bytes = 0;
}

/* A copy says nothing that was not said before. */
static bool acknowledges_more(const struct sender *sender, const struct segment *seg)
{
	return seg->flags & TCP_ACK && seq_after(seg->ack, sender->last_ack);
}

/* The very packet passed a moment ago and was acknowledged since. */
static bool is_copy_of_recent(const struct sender *sender, const struct segment *seg)
{
	uint32_t tsval = seg->options.seen & TCPOPT_HAS_TIMESTAMP ? seg->options.tsval : 0;
	uint16_t bytes = (uint16_t)segment_length(seg);

	if (seg->key.ip_version != 4 || !seg->ip_id)
		return false;
	if (sender->last_seq == seg->seq && sender->last_bytes == bytes &&
	    sender->clock.newest_id == seg->ip_id &&
	    (!tsval || sender->clock.newest_tsval == tsval))
		return true;
	for (int i = 0; sender->cold && i < SENDER_SEEN; i++) {
		const struct seen_packet *seen = &sender->cold->seen[i];

		if (seen->seq == seg->seq && seen->bytes == bytes && seen->ip_id == seg->ip_id &&
		    seen->tsval == tsval)
			return true;
	}
	return false;
}

/* It fills what the tap never saw: late by itself, or sent again because the first one was lost? */
static bool is_late(const struct endpoint *endpoint, const struct segment *seg,
		    const struct sent_range *hole, uint32_t near_us, struct sent *sent)
{
	uint64_t late_us = since_us(seg->ts_ns, hole->sent_ns);
	uint64_t round_us = (uint64_t)near_us + endpoint->rtt.min_us;

	switch (order_of(seg, hole)) {
	case YOUNGER:
		sent->confidence = 97;
		return false;
	case OLDER:
		sent->confidence = 98;
		return true;
	default:
		/* Sent again it can be only after a round trip, of which the tap has seen a part. */
		sent->confidence = late_us * 10 < round_us * 7 ? (round_us ? 85 : 50) : 80;
		return late_us * 10 < round_us * 7;
	}
}

static void set_late(struct sent *sent)
{
	sent->kind = OUT_NEW;
	sent->cause = CAUSE_OUT_OF_ORDER;
}

void cause_of_old(struct sender *sender, const struct endpoint *endpoint, const struct segment *seg,
		  uint32_t near_us, struct sent *sent)
{
	uint32_t end = seg->seq + segment_length(seg), i = sendq_find(&sender->queue, seg->seq);
	uint64_t rtt_us = endpoint->rtt.min_us + (uint64_t)near_us;
	struct sent_range *range;

	sent->confidence = 0;
	if (sender->flags & SENDER_UNSURE) {
		set(sent, OUT_RETRANSMISSION, CAUSE_AMBIGUOUS, 50);
		return;
	}
	if (i == sendq_count(&sender->queue) || seq_upto(end, endpoint->snd_una)) {
		uint64_t age_us = sender->cold ? sendclock_age_us(&sender->clock,
								  &sender->cold->clock_past, seg)
					       : 0;

		if (is_copy_of_recent(sender, seg)) {
			set_copy(sent, 95);
			return;
		}
		/* What was sent a round trip ago was sent again since then, and comes late itself. */
		if (age_us > 1000 && age_us * 10 >= rtt_us * 7) {
			set_late(sent);
			sent->confidence = 90;
			sent->again_bytes = 0;
			return;
		}
		find_cause(sender, endpoint, seg, NULL, i, near_us, sent);
		if (sent->confidence > 85)
			sent->confidence = 85;
		return;
	}
	range = sendq_at(&sender->queue, i);
	if (range->flags & SENT_UNSEEN) {
		if (is_late(endpoint, seg, range, near_us, sent)) {
			set_late(sent);
			return;
		}
		sent->again_bytes = segment_length(seg);
	} else {
		enum order order = order_of(seg, range);
		uint64_t waited_us = since_us(seg->ts_ns, range->sent_ns);

		/* The same packet once more, however it came about. */
		if (range->start == seg->seq && range->end == end && order == SAME &&
		    !acknowledges_more(sender, seg) &&
		    (seg->key.ip_version == 4 && seg->ip_id ? waited_us < 2000000
							    : waited_us * 2 < rtt_us)) {
			set_copy(sent, seg->ip_id ? 95 : 70);
			return;
		}
		/* Sent before what is known of it: the one that it was sent again for comes late. */
		if (order == OLDER && range->flags & SENT_RETRANSMITTED) {
			set_late(sent);
			sent->confidence = 95;
			sent->again_bytes = 0;
			return;
		}
	}
	find_cause(sender, endpoint, seg, range, i, near_us, sent);
}

/* Packets that were lost in front of the tap, but for those that may have been ACKs alone. */
static uint32_t missing_data(const struct sender *sender, const struct segment *seg)
{
	uint32_t missing = sendclock_missing(&sender->clock, seg);
	uint32_t others = sender->last_ack != seg->ack;

	/* What was cut into several packets behind the tap took a number for each. */
	if (missing && sender->last_bytes > sender->window.mss_bytes && sender->window.mss_bytes)
		others += (sender->last_bytes - 1u) / sender->window.mss_bytes;
	return missing > others ? missing - others : 0;
}

/* So long as a sender waits for its probe or its retransmission timer, no less and not much more. */
static bool is_timers_pause(const struct moment *m)
{
	uint64_t pto_us = 2 * m->rtt_us;

	/* Where a round trip is shorter than a timer can be, any pause looks like one. */
	if (m->unsent_us < TIMER_LEAST_US)
		return false;
	return (m->unsent_us * 20 >= pto_us * 19 &&
		m->unsent_us <= pto_us + pto_us / 8 + TIMER_LATE_US) ||
	       (m->unsent_us * 20 >= m->rto_us * 19 &&
		m->unsent_us <= m->rto_us + m->rto_us / 8 + TIMER_LATE_US);
}

/* It is full, or more than what was sent before it: no application had just written it. */
static bool had_to_wait(const struct sender *sender, const struct segment *seg, uint32_t mss_bytes)
{
	return seg->payload_bytes * UINT64_C(2) >= mss_bytes ||
	       seg->payload_bytes > sender->last_bytes;
}

/*
 * RFC 8985 7.2: two round trips, with one segment outstanding the time for a delayed ACK more, which is
 * then about that of the retransmission timer. An ACK sets it anew; what is sent does too, but no longer than
 * the retransmission timer has left.
 */
static bool is_probes_pause(struct sender *sender, const struct moment *m)
{
	const struct sent_range *oldest = sendq_at(&sender->queue, 0);
	uint64_t pto_us = sendq_count(&sender->queue) > 1 ? 2 * m->rtt_us : m->rto_us;
	uint64_t before_us = since_us(sender->sent_ns, oldest->sent_ns), pause_us = m->unsent_us;

	if (m->quiet_us * 8 < pause_us * 7)
		pause_us = m->quiet_us;
	else if (before_us < m->rto_us && m->rto_us - before_us < pto_us)
		pto_us = m->rto_us - before_us;
	return pause_us * 20 >= pto_us * 19 && pause_us <= pto_us + pto_us / 8 + TIMER_LATE_US;
}

void cause_of_new(struct sender *sender, const struct endpoint *endpoint, const struct segment *seg,
		  uint32_t near_us, struct sent *sent)
{
	struct moment m;
	uint32_t missing, mss_bytes = endpoint->mss_bytes ? endpoint->mss_bytes : 1460;
	bool waited;

	/* Most data follows other data at once. */
	if (since_us(seg->ts_ns, sender->sent_ns) * 4 < endpoint->rtt.srtt_us + (uint64_t)near_us ||
	    sender->flags & SENDER_UNSURE || !endpoint->rtt.samples)
		return;
	missing = missing_data(sender, seg);
	waited = had_to_wait(sender, seg, mss_bytes);
	if (!missing && (endpoint->snd_max == endpoint->snd_una || !waited))
		return;
	m = moment_of(sender, endpoint, seg, near_us);
	if (missing && m.unsent_us * 10 >= m.rtt_us * 15) {
		/* Those in front of it, and it: one more than the hole has room for. */
		uint32_t hole = (seg->seq - endpoint->snd_max + mss_bytes - 1) / mss_bytes;

		/*
		 * A counter that other connections share jumps in a pause. So it must be one of this connection's
		 * own, and the pause one of a timer.
		 */
		if (missing <= hole || !is_timers_pause(&m) ||
		    !sendclock_is_private(&sender->clock))
			return;
		sent->confidence = 0;
		sent->cause =
			seg->flags & TCP_FIN && seg->payload_bytes == 0 ? CAUSE_FIN : CAUSE_NONE;
		sent->again_bytes = segment_length(seg);
		if (m.unsent_us * 20 >= m.rto_us * 17) {
			set_waited(sent, m.unsent_us);
			set_timer(sender, &m, missing == hole + 1, true, sent);
		} else if (m.may_probe) {
			uint8_t cause = sent->cause == CAUSE_FIN ? CAUSE_FIN : CAUSE_TLP;

			set(sent, OUT_TLP_RETRANSMISSION, cause, 85);
		} else {
			set(sent, OUT_RETRANSMISSION, CAUSE_AMBIGUOUS, 50);
		}
		if (sent->confidence > 80)
			sent->confidence = 80;
		return;
	}
	/* Data that the application had ready waited for the probe timer, no more and no less. */
	if (sendq_count(&sender->queue) == 0 || !m.may_probe || sender->sacked_segments || !waited)
		return;
	/* Where a round trip is shorter than a timer can be, any pause looks like one. */
	if (m.rtt_us < TIMER_LEAST_US || !is_probes_pause(sender, &m))
		return;
	sent->kind = OUT_TLP_NEW;
	sent->cause = CAUSE_TLP;
	sent->confidence = 60;
}
