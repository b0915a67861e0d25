/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/sender.h"

#include <string.h>

#include "tcpstate/event.h"
#include "tcpstate/seq.h"

#define RTO_FIRST_US   UINT64_C(1000000) /* RFC 6298 2.1 */
#define RTO_VAR_MIN_US 200000u		 /* Linux's TCP_RTO_MIN: of the variance's part */
#define RTO_MAX_US     UINT64_C(120000000)
#define DUPTHRESH      3 /* RFC 5681 3.2 */
#define IP_ID_NEAR     512
/* What is looked at, at most, to say how many segments above a loss were delivered. */
#define EVIDENCE_MAX 64

void sender_init(struct sender *sender)
{
	memset(sender, 0, sizeof(*sender));
	sendq_init(&sender->queue, sender->own);
}

/* RFC 6298 2.3 as Linux does it: the floor is under the variance, not under the sum. */
uint64_t sender_rto_us(const struct sender *sender, uint32_t srtt_us)
{
	uint32_t var_us = sender->rttvar_us;

	if (srtt_us == 0)
		return RTO_FIRST_US;
	return (uint64_t)srtt_us + (var_us > RTO_VAR_MIN_US ? var_us : RTO_VAR_MIN_US);
}

/*
 * Linux's tcp_rtt_estimator(): a deviation that falls slowly when samples are smaller than expected,
 * and whose maximum over a round is what counts.
 */
void sender_rtt(struct sender *sender, const struct endpoint *endpoint, uint32_t sample_us,
		uint32_t srtt_before_us)
{
	int64_t error_us = (int64_t)sample_us - srtt_before_us, mdev = sender->mdev_us;

	if (srtt_before_us == 0) {
		sender->mdev_us = sample_us * 2;
		sender->rttvar_us =
			sender->mdev_us > RTO_VAR_MIN_US ? sender->mdev_us : RTO_VAR_MIN_US;
		sender->mdev_max_us = sender->rttvar_us;
		sender->rtt_round_end = endpoint->snd_max;
		return;
	}
	/* mdev is four times the mean deviation, as in Linux. */
	if (error_us < 0) {
		error_us = -error_us - mdev / 4;
		if (error_us > 0)
			error_us /= 8;
	} else {
		error_us -= mdev / 4;
	}
	mdev += error_us;
	sender->mdev_us = mdev > 0 ? (uint32_t)mdev : 0;
	if (sender->mdev_us > sender->mdev_max_us) {
		sender->mdev_max_us = sender->mdev_us;
		if (sender->mdev_max_us > sender->rttvar_us)
			sender->rttvar_us = sender->mdev_max_us;
	}
	if (seq_after(endpoint->snd_una, sender->rtt_round_end)) {
		if (sender->mdev_max_us < sender->rttvar_us)
			sender->rttvar_us -= (sender->rttvar_us - sender->mdev_max_us) / 4;
		sender->rtt_round_end = endpoint->snd_max;
		sender->mdev_max_us = RTO_VAR_MIN_US;
	}
}

static uint64_t since(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* The ACKs of the last moments: which of them the sender has heard depends on the tap's distance. */
static void note_ack_time(struct sender *sender, uint64_t ts_ns, uint32_t near_us)
{
	if (since(sender->peer_ack_ns, sender->older_ack_ns[0]) > near_us * UINT64_C(333)) {
		sender->older_ack_ns[2] = sender->older_ack_ns[1];
		sender->older_ack_ns[1] = sender->older_ack_ns[0];
		sender->older_ack_ns[0] = sender->peer_ack_ns;
	}
	sender->peer_ack_ns = ts_ns;
}

/* How long the sender had heard no ACK when it sent what passes the tap now. */
static uint64_t quiet_us_at(const struct sender *sender, uint64_t ts_ns, uint32_t near_us)
{
	uint64_t heard_ns = sender->peer_ack_ns, quiet_us;

	for (int i = 0; i < 3 && since(ts_ns, heard_ns) / 100 < near_us * UINT64_C(9); i++)
		if (sender->older_ack_ns[i])
			heard_ns = sender->older_ack_ns[i];
	quiet_us = since(ts_ns, heard_ns) / 1000;
	return quiet_us > near_us ? quiet_us - near_us : 0;
}

static bool sack_in_use(const struct endpoint *endpoint)
{
	return endpoint->t_flags & TF_SACK_PERMIT;
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
	return has_time ? SAME : ORDER_UNKNOWN;
}

/* Segments from i on that the peer is known to have; those with one of the flags are not counted. */
static uint32_t delivered_behind(struct sender *sender, uint32_t i, uint8_t without)
{
	uint32_t count = sendq_count(&sender->queue), found = 0;

	if (sender->sacked_segments == 0)
		return 0;
	if (count > i + EVIDENCE_MAX)
		count = i + EVIDENCE_MAX;
	for (; i < count; i++)
		found += (sendq_at(&sender->queue, i)->flags & (SENT_SACKED | without)) ==
			 SENT_SACKED;
	return found;
}

/* It fills what the tap never saw: late by itself, or sent again because the first one was lost? */
static void classify_filling(struct sender *sender, const struct endpoint *endpoint,
			     const struct segment *seg, const struct sent_range *hole,
			     uint32_t near_us, struct sent *sent)
{
	uint64_t late_us = since(seg->ts_ns, hole->sent_ns) / 1000;
	uint32_t round_us = near_us + endpoint->rtt.min_us;

	switch (order_of(seg, hole)) {
	case YOUNGER:
		sent->confidence = 97;
		break;
	case OLDER:
		sent->cause = CAUSE_OUT_OF_ORDER;
		sent->confidence = 98;
		return;
	default:
		/* Sent again it can be only after a round trip, of which the tap has seen a part. */
		if (late_us * 10 < (uint64_t)round_us * 7) {
			sent->cause = CAUSE_OUT_OF_ORDER;
			sent->confidence = round_us ? 85 : 50;
			return;
		}
		sent->confidence = 80;
	}
	sent->kind = OUT_RETRANSMISSION;
	sent->again_bytes = segment_length(seg);
}

/* RFC 6298 5.1 and 5.4: it fires for the oldest outstanding segment, after nothing was acknowledged. */
static bool is_timeout(const struct sender *sender, const struct endpoint *endpoint,
		       const struct segment *seg, const struct sent_range *range, uint32_t near_us,
		       uint64_t quiet_us)
{
	uint64_t rto_us = sender_rto_us(sender, endpoint->rtt.srtt_us + near_us);
	uint64_t waited_us = since(seg->ts_ns, range->sent_ns) / 1000;
	uint64_t silent_us = rto_us - (endpoint->rtt.srtt_us + near_us);

	if (endpoint->rtt.srtt_us == 0)
		silent_us = rto_us = RTO_VAR_MIN_US;
	return seq_upto(seg->seq, endpoint->snd_una) && waited_us * 20 >= rto_us * 17 &&
	       quiet_us * 10 >= silent_us * 7;
}

static void set(struct sent *sent, uint8_t kind, uint8_t cause, uint8_t confidence)
{
	sent->kind = kind;
	sent->cause = cause;
	if (sent->confidence == 0 || confidence < sent->confidence)
		sent->confidence = confidence;
}

/* Why it was sent again. */
static void find_cause(struct sender *sender, const struct endpoint *endpoint,
		       const struct segment *seg, uint32_t i, uint32_t near_us, struct sent *sent)
{
	const struct sent_range *range = sendq_at(&sender->queue, i);
	uint32_t length = segment_length(seg), rtt_us = endpoint->rtt.srtt_us + near_us;
	/* Since an ACK can have made the sender act. */
	uint64_t quiet_us = quiet_us_at(sender, seg->ts_ns, near_us);
	uint64_t unsent_us = since(seg->ts_ns, sender->sent_ns) / 1000;
	bool last = seg->seq + length == endpoint->snd_max;
	bool evidence, evidence_known;

	if (seg->flags & TCP_FIN && seg->payload_bytes == 0) {
		set(sent, OUT_RETRANSMISSION, CAUSE_FIN, 100);
		return;
	}
	/* RFC 8985 6.2, and RFC 5681 3.2 without SACK; in a recovery a partial ACK will do (RFC 6582). */
	evidence = sender->rack_ns > range->sent_ns || delivered_behind(sender, i + 1, 0) ||
		   sender->dupacks >= DUPTHRESH || sender->phase == PHASE_RECOVERY;
	evidence_known = evidence && (sender->phase == PHASE_RECOVERY ||
				      since(seg->ts_ns, sender->evidence_ns) / 1000 * 10 >=
					      (uint64_t)near_us * 9);
	if (is_timeout(sender, endpoint, seg, range, near_us, quiet_us)) {
		/*
		 * Linux's first answer to silence at the end of what it has sent is a probe, which the
		 * time of the retransmission timeout bounds (RFC 8985 7.2).
		 */
		if (sender->phase == PHASE_OPEN && last && sack_in_use(endpoint) &&
		    sender->sacked_segments == 0 && !(sender->flags & SENDER_TLP_OUT))
			set(sent, OUT_TLP_RETRANSMISSION, CAUSE_TLP, 75);
		else
			set(sent, OUT_RETRANSMISSION, CAUSE_TIMEOUT, 97);
		return;
	}
	if (sender->phase == PHASE_LOSS) {
		set(sent, OUT_RETRANSMISSION, CAUSE_TIMEOUT, 95);
		return;
	}
	if (evidence_known) {
		set(sent, OUT_RETRANSMISSION, CAUSE_RECOVERY, sack_in_use(endpoint) ? 98 : 90);
		return;
	}
	/* RFC 8985 7.2: two round trips without an ACK. */
	if (last && sack_in_use(endpoint) && !(sender->flags & SENDER_TLP_OUT) &&
	    unsent_us * 10 >= (uint64_t)rtt_us * 15 && quiet_us * 10 >= (uint64_t)rtt_us * 5) {
		set(sent, OUT_TLP_RETRANSMISSION, CAUSE_TLP, 95);
		return;
	}
	if (evidence) {
		set(sent, OUT_RETRANSMISSION, CAUSE_RECOVERY, 60);
		return;
	}
	set(sent, OUT_RETRANSMISSION, CAUSE_AMBIGUOUS, 50);
}

void sender_classify(struct sender *sender, const struct endpoint *endpoint,
		     const struct segment *seg, uint32_t near_us, struct sent *sent)
{
	uint32_t end = seg->seq + segment_length(seg), i = sendq_find(&sender->queue, seg->seq);
	struct sent_range *range;

	sent->confidence = 0;
	if (sender->flags & SENDER_UNSURE || i == sendq_count(&sender->queue) ||
	    seq_upto(end, endpoint->snd_una)) {
		/* Acknowledged already, as far as the tap knows: late on its way, or needless. */
		sent->kind = OUT_RETRANSMISSION;
		sent->cause = CAUSE_AMBIGUOUS;
		sent->confidence = 50;
		if (sender->phase != PHASE_OPEN && !(sender->flags & SENDER_UNSURE)) {
			sent->cause = sender->phase == PHASE_LOSS ? CAUSE_TIMEOUT : CAUSE_RECOVERY;
			sent->confidence = 70;
		}
		return;
	}
	range = sendq_at(&sender->queue, i);
	if (range->flags & SENT_UNSEEN) {
		classify_filling(sender, endpoint, seg, range, near_us, sent);
		if (sent->kind != OUT_RETRANSMISSION)
			return;
	} else {
		enum order order = order_of(seg, range);
		uint64_t waited_us = since(seg->ts_ns, range->sent_ns) / 1000;

		/* The same packet once more, however it came about. */
		if (range->start == seg->seq && range->end == end && order == SAME &&
		    (seg->key.ip_version == 4 && seg->ip_id
			     ? waited_us < 2000000
			     : waited_us * 2 < endpoint->rtt.min_us + near_us)) {
			sent->kind = OUT_NOT_QUEUED;
			sent->cause = CAUSE_MIRROR_DUPLICATE;
			sent->confidence = seg->ip_id ? 95 : 70;
			sent->again_bytes = 0;
			return;
		}
	}
	find_cause(sender, endpoint, seg, i, near_us, sent);
}

void sender_classify_new(struct sender *sender, const struct endpoint *endpoint,
			 const struct segment *seg, uint32_t near_us, struct sent *sent)
{
	uint64_t quiet_us = quiet_us_at(sender, seg->ts_ns, near_us);
	uint64_t unsent_us = since(seg->ts_ns, sender->sent_ns) / 1000;
	uint32_t rtt_us = endpoint->rtt.srtt_us + near_us;
	uint64_t pto_us = 2 * (uint64_t)rtt_us;

	if (endpoint->snd_max == endpoint->snd_una || endpoint->rtt.srtt_us == 0 ||
	    !sack_in_use(endpoint) || sender->phase != PHASE_OPEN || sender->sacked_segments ||
	    sender->flags & (SENDER_TLP_OUT | SENDER_UNSURE) ||
	    seg->payload_bytes + 12 < endpoint->mss_bytes)
		return;
	/* Data that the application had ready: it waited for the probe timer, no more and no less. */
	if (unsent_us < pto_us || unsent_us > pto_us + pto_us / 8 + 8000 ||
	    quiet_us * 10 < (uint64_t)rtt_us * 5)
		return;
	sent->kind = OUT_TLP_NEW;
	sent->cause = CAUSE_TLP;
	sent->confidence = 60;
}

void sender_step(struct sender *sender, const struct endpoint *endpoint, const struct segment *seg,
		 const struct sent *sent, uint32_t near_us, struct sender_step *step)
{
	uint32_t i;
	uint64_t waited_us;

	*step = (struct sender_step){ .confidence = sent->confidence };
	if (sent->kind != OUT_RETRANSMISSION)
		return;
	i = sendq_find(&sender->queue, seg->seq);
	if (i == sendq_count(&sender->queue))
		return;
	if (sent->cause == CAUSE_TIMEOUT || sent->cause == CAUSE_FIN) {
		uint64_t quiet_us = quiet_us_at(sender, seg->ts_ns, near_us);
		const struct sent_range *range = sendq_at(&sender->queue, i);

		if (!is_timeout(sender, endpoint, seg, range, near_us, quiet_us))
			return;
		waited_us = since(seg->ts_ns, range->sent_ns) / 1000;
		step->timeout = true;
		step->timer_ms =
			waited_us / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(waited_us / 1000);
		if (sender->backoff < UINT8_MAX)
			sender->backoff++;
		step->backoff = sender->backoff;
		sender->phase = PHASE_LOSS;
		sender->recover = endpoint->snd_max;
		sender->dupacks = 0;
		if (sender->backoff == 1)
			sender->flags &= (uint8_t)~SENDER_UNDO;
		return;
	}
	if (sent->cause == CAUSE_RECOVERY && sender->phase == PHASE_OPEN) {
		step->recovery = true;
		sender->phase = PHASE_RECOVERY;
		sender->recover = endpoint->snd_max;
		sender->flags &= (uint8_t) ~(SENDER_UNDO | SENDER_TLP_OUT);
	}
}

static void remember(struct sender *sender, const struct segment *seg, uint8_t cause)
{
	sender->recent[sender->recent_next++ % SENDER_RECENT] = (struct recent_retransmission){
		.start = seg->seq,
		.end = seg->seq + segment_length(seg),
		.cause = cause,
	};
	if (sender->flags & SENDER_UNDO) {
		sender->undo_left++;
		return;
	}
	sender->flags |= SENDER_UNDO;
	sender->undo_left = 1;
	sender->undo_start = seg->seq;
	sender->undo_tsval = seg->options.seen & TCPOPT_HAS_TIMESTAMP ? seg->options.tsval : 0;
}

static void overflow(struct sender *sender, struct sendq_pool *pool)
{
	sendq_clear(&sender->queue, pool, sender->own);
	sender->queue.overflowed = true;
	sender->flags |= SENDER_UNSURE;
	sender->sacked_bytes = sender->sacked_segments = 0;
	sender->sack_count = 0;
}

/* Below snd_max: the ranges that it touches were sent again, or seen for the first time. */
static void sent_below(struct sender *sender, struct sendq_pool *pool, const struct segment *seg,
		       const struct sent *sent, uint32_t start, uint32_t end)
{
	struct sendq *queue = &sender->queue;
	uint32_t i = sendq_find(queue, start);
	bool again = sent->kind == OUT_RETRANSMISSION || sent->kind == OUT_TLP_RETRANSMISSION;

	for (; i < sendq_count(queue); i++) {
		struct sent_range *range = sendq_at(queue, i);

		if (!seq_before(range->start, end))
			return;
		/* Only what was sent is marked; a piece that finds no room marks all of it. */
		if (seq_before(range->start, start) && sendq_split(queue, pool, i, start))
			continue;
		range = sendq_at(queue, i);
		if (seq_after(range->end, end)) {
			sendq_split(queue, pool, i, end);
			range = sendq_at(queue, i);
		}
		if (range->flags & SENT_UNSEEN)
			range->flags = (uint8_t)((range->flags & ~SENT_UNSEEN) | SENT_ONCE_UNSEEN);
		if (again) {
			range->flags |= SENT_RETRANSMITTED;
			if (range->retransmissions < UINT8_MAX)
				range->retransmissions++;
		}
		range->sent_ns = seg->ts_ns;
		range->tsval = seg->options.seen & TCPOPT_HAS_TIMESTAMP ? seg->options.tsval : 0;
		range->ip_id = seg->ip_id;
	}
}

void sender_sent(struct sender *sender, struct sendq_pool *pool, const struct endpoint *endpoint,
		 const struct segment *seg, const struct sent *sent)
{
	uint32_t start = seg->seq, end = start + segment_length(seg), snd_max = endpoint->snd_max;
	uint32_t tsval = seg->options.seen & TCPOPT_HAS_TIMESTAMP ? seg->options.tsval : 0;
	struct sent_range range = {
		.sent_ns = seg->ts_ns,
		.start = start,
		.end = end,
		.tsval = tsval,
		.ip_id = seg->ip_id,
	};

	if (sent->cause == CAUSE_MIRROR_DUPLICATE)
		return;
	if (sender->flags & SENDER_UNSURE) {
		/* With nothing outstanding a new start can be made. */
		if (endpoint->snd_una != snd_max)
			return;
		sender->flags &= (uint8_t)~SENDER_UNSURE;
		sender->queue.overflowed = false;
	}
	sender->sent_ns = seg->ts_ns;
	if (sent->kind == OUT_RETRANSMISSION || sent->kind == OUT_TLP_RETRANSMISSION)
		remember(sender, seg, sent->cause);
	if (sent->cause == CAUSE_TLP) {
		sender->flags |= SENDER_TLP_OUT;
		sender->tlp_end = seq_max(snd_max, end);
	}
	if (seq_before(start, snd_max)) {
		sent_below(sender, pool, seg, sent, seq_max(start, endpoint->snd_una),
			   seq_min(end, snd_max));
		if (seq_upto(end, snd_max))
			return;
		range.start = snd_max;
	} else if (seq_after(start, snd_max)) {
		struct sent_range hole = range;

		hole.start = snd_max;
		hole.end = start;
		hole.flags = SENT_UNSEEN;
		if (!sendq_push(&sender->queue, pool, &hole)) {
			overflow(sender, pool);
			return;
		}
	}
	if (seg->flags & TCP_FIN)
		range.flags |= SENT_FIN;
	if (!sendq_push(&sender->queue, pool, &range))
		overflow(sender, pool);
}

/* What the sender learns when a range is delivered, by ACK or SACK. */
static void delivered(struct sender *sender, const struct endpoint *endpoint,
		      const struct sent_range *range, const struct segment *ack,
		      struct sender_ack *out)
{
	uint64_t rtt_us = since(ack->ts_ns, range->sent_ns) / 1000;

	out->delivered_bytes += range->end - range->start;
	out->delivered_segments++;
	if (range->flags & SENT_UNSEEN)
		return;
	/* RFC 8985 6.2 step 2: an ACK too early for the retransmission answers the original. */
	if (range->flags & SENT_RETRANSMITTED && rtt_us < endpoint->rtt.min_us)
		return;
	if (range->sent_ns > sender->rack_ns)
		sender->rack_ns = range->sent_ns;
}

/* It came although what was sent behind it came first, and nobody sent it again. */
static void note_reordering(struct sender *sender, const struct sent_range *range, uint32_t i,
			    struct sender_ack *out)
{
	uint32_t overtaken;

	if (range->flags & (SENT_RETRANSMITTED | SENT_UNSEEN | SENT_ONCE_UNSEEN))
		return;
	/* What was sent again is no witness: it may have come by its first copy or by its second. */
	overtaken = delivered_behind(sender, i + 1, SENT_RETRANSMITTED);
	if (overtaken <= out->reorder_segments)
		return;
	out->reordered = true;
	out->reorder_segments = overtaken;
	out->reorder_us = (uint32_t)(since(sender->rack_ns, range->sent_ns) / 1000);
}

/* Samples of one ACK, as Linux's tcp_clean_rtx_queue() takes them. */
struct samples {
	uint64_t first_ns, last_ns;		  /* of what it acknowledges; 0: none */
	uint64_t first_sacked_ns, last_sacked_ns; /* of what it is the first to SACK */
	bool retransmitted;
};

static void sack_part(struct sender *sender, struct sendq_pool *pool,
		      const struct endpoint *endpoint, const struct segment *ack, uint32_t start,
		      uint32_t end, struct samples *samples, struct sender_ack *out)
{
	struct sendq *queue = &sender->queue;

	for (uint32_t i = sendq_find(queue, start); i < sendq_count(queue); i++) {
		struct sent_range *range = sendq_at(queue, i);

		if (!seq_before(range->start, end))
			return;
		if (range->flags & SENT_SACKED)
			continue;
		/* A part only: the peer's edges are the true ones. */
		if (seq_before(range->start, start)) {
			sendq_split(queue, pool, i, start);
			continue;
		}
		if (seq_after(range->end, end) && !sendq_split(queue, pool, i, end))
			continue;
		range = sendq_at(queue, i);
		note_reordering(sender, range, i, out);
		range->flags |= SENT_SACKED;
		sender->sacked_bytes += range->end - range->start;
		sender->sacked_segments++;
		delivered(sender, endpoint, range, ack, out);
		if (range->flags & (SENT_RETRANSMITTED | SENT_UNSEEN))
			continue;
		if (!samples->first_sacked_ns)
			samples->first_sacked_ns = range->sent_ns;
		samples->last_sacked_ns = range->sent_ns;
	}
}

/* One block; what the last ACK's block already said is not gone through again. */
static void sack_block(struct sender *sender, struct sendq_pool *pool,
		       const struct endpoint *endpoint, const struct segment *ack,
		       struct tcp_sack_block block, struct samples *samples, struct sender_ack *out)
{
	for (uint8_t i = 0; i < sender->sack_count; i++) {
		struct tcp_sack_block before = sender->sacks[i];

		if (seq_after(before.start, block.end) || seq_after(block.start, before.end))
			continue;
		if (seq_before(block.start, before.start))
			sack_part(sender, pool, endpoint, ack, block.start, before.start, samples,
				  out);
		block.start = seq_max(block.start, before.end);
		if (!seq_before(block.start, block.end))
			return;
	}
	sack_part(sender, pool, endpoint, ack, block.start, block.end, samples, out);
}

/* RFC 2883 4: the first block below the ACK, or inside the second one. */
static bool find_dsack(const struct endpoint *endpoint, const struct segment *ack,
		       struct tcp_sack_block *block)
{
	const struct tcp_sack_block *sack = ack->options.sack;

	if (ack->options.sack_count == 0 || !seq_before(sack[0].start, sack[0].end))
		return false;
	if (seq_before(sack[0].start, ack->ack) ||
	    (ack->options.sack_count > 1 && !seq_before(sack[0].start, sack[1].start) &&
	     !seq_after(sack[0].end, sack[1].end))) {
		*block = sack[0];
		/* Older than all that can be meant. */
		return endpoint->snd_max - sack[0].start < 1u << 30;
	}
	return false;
}

static void take_dsack(struct sender *sender, struct sender_ack *out)
{
	for (uint8_t i = 1; i <= SENDER_RECENT; i++) {
		struct recent_retransmission *one =
			&sender->recent[(uint8_t)(sender->recent_next - i) % SENDER_RECENT];

		if (one->start == one->end || one->said ||
		    !seq_before(one->start, out->dsack_block.end) ||
		    !seq_before(out->dsack_block.start, one->end))
			continue;
		one->said = true;
		out->spurious = true;
		out->spurious_block = out->dsack_block;
		out->spurious_cause = one->cause;
		out->spurious_reason = BAD_RETRAN_DSACK;
		if (sender->flags & SENDER_UNDO && sender->undo_left && --sender->undo_left == 0)
			out->undone = true;
		return;
	}
}

/*
 * RFC 3522 3.2 with time stamps: an ACK that echoes a time before the first retransmission of the
 * episode answers the original. RFC 5682: after a timeout, what was not sent again is acknowledged.
 */
static void take_eifel(struct sender *sender, const struct segment *ack, bool original_acked,
		       struct sender_ack *out)
{
	const struct recent_retransmission *one;
	uint8_t reason;

	if (!(sender->flags & SENDER_UNDO) || sender->phase == PHASE_OPEN ||
	    !seq_after(ack->ack, sender->undo_start))
		return;
	if (sender->undo_tsval && ack->options.seen & TCPOPT_HAS_TIMESTAMP) {
		if (!ack->options.tsecr || !seq_before(ack->options.tsecr, sender->undo_tsval))
			return;
		reason = BAD_RETRAN_EIFEL;
	} else if (sender->phase == PHASE_LOSS && original_acked) {
		reason = BAD_RETRAN_FRTO;
	} else {
		return;
	}
	for (uint8_t i = 1; i <= SENDER_RECENT; i++) {
		one = &sender->recent[(uint8_t)(sender->recent_next - i) % SENDER_RECENT];
		if (one->start == sender->undo_start && one->start != one->end)
			break;
	}
	out->spurious = true;
	out->spurious_block = (struct tcp_sack_block){ sender->undo_start, one->end };
	out->spurious_cause = one->cause;
	out->spurious_reason = reason;
	out->undone = true;
}

static void leave_phase(struct sender *sender, struct sender_ack *out)
{
	out->recovered = true;
	out->recovered_from = sender->phase;
	sender->phase = PHASE_OPEN;
	sender->evidence_ns = 0;
}

void sender_acked(struct sender *sender, struct sendq_pool *pool, const struct endpoint *endpoint,
		  const struct segment *ack, bool is_duplicate, uint32_t near_us,
		  struct sender_ack *out)
{
	struct sendq *queue = &sender->queue;
	struct samples samples = { 0 };
	bool advances = seq_after(ack->ack, endpoint->snd_una);
	bool original_acked = false;

	memset(out, 0, sizeof(*out));
	note_ack_time(sender, ack->ts_ns, near_us);
	while (advances && sendq_count(queue)) {
		struct sent_range *range = sendq_at(queue, 0);

		if (!seq_before(range->start, ack->ack))
			break;
		if (seq_after(range->end, ack->ack) && !sendq_split(queue, pool, 0, ack->ack))
			break;
		range = sendq_at(queue, 0);
		out->acked_unseen |= !!(range->flags & SENT_UNSEEN);
		if (range->flags & SENT_SACKED) {
			sender->sacked_bytes -= range->end - range->start;
			sender->sacked_segments--;
		} else {
			note_reordering(sender, range, 0, out);
			delivered(sender, endpoint, range, ack, out);
			original_acked |=
				!(range->flags & SENT_RETRANSMITTED) && sender->phase == PHASE_LOSS;
		}
		if (range->flags & SENT_RETRANSMITTED) {
			samples.retransmitted = true;
		} else if (!(range->flags & (SENT_SACKED | SENT_UNSEEN | SENT_ONCE_UNSEEN))) {
			if (!samples.first_ns)
				samples.first_ns = range->sent_ns;
			samples.last_ns = range->sent_ns;
		}
		sendq_pop(queue);
	}
	out->dsack = find_dsack(endpoint, ack, &out->dsack_block);
	for (uint8_t i = out->dsack; i < ack->options.sack_count; i++) {
		struct tcp_sack_block block = ack->options.sack[i];

		/* Outside of what is outstanding it says nothing (RFC 2018 5.1, CVE-2004-0744 alike). */
		if (!seq_before(block.start, block.end) ||
		    seq_after(block.end, endpoint->snd_max) || seq_before(block.start, ack->ack))
			continue;
		sack_block(sender, pool, endpoint, ack, block, &samples, out);
	}
	sender->sack_count = 0;
	for (uint8_t i = out->dsack; i < ack->options.sack_count; i++)
		if (seq_before(ack->options.sack[i].start, ack->options.sack[i].end) &&
		    !seq_before(ack->options.sack[i].start, ack->ack) &&
		    !seq_after(ack->options.sack[i].end, endpoint->snd_max))
			sender->sacks[sender->sack_count++] = ack->options.sack[i];
	if (out->dsack)
		take_dsack(sender, out);
	if (advances)
		take_eifel(sender, ack, original_acked, out);

	if (samples.first_ns && !samples.retransmitted) {
		out->has_rtt = out->has_min_rtt = true;
		out->rtt_us = (uint32_t)(since(ack->ts_ns, samples.first_ns) / 1000);
		out->min_rtt_us = (uint32_t)(since(ack->ts_ns, samples.last_ns) / 1000);
	} else if (samples.first_sacked_ns) {
		out->has_rtt = out->has_min_rtt = true;
		out->rtt_us = (uint32_t)(since(ack->ts_ns, samples.first_sacked_ns) / 1000);
		out->min_rtt_us = (uint32_t)(since(ack->ts_ns, samples.last_sacked_ns) / 1000);
	}

	if (advances) {
		sender->dupacks = 0;
		if (sender->phase == PHASE_LOSS)
			sender->backoff = 0;
		if (sender->phase == PHASE_OPEN && sender->sacked_segments == 0)
			sender->evidence_ns = 0;
	}
	if (sender->flags & SENDER_TLP_OUT && !seq_before(ack->ack, sender->tlp_end))
		sender->flags &= (uint8_t)~SENDER_TLP_OUT;
	if ((is_duplicate || sender->sacked_segments) && !sender->evidence_ns)
		sender->evidence_ns = ack->ts_ns;
	if (is_duplicate && sender->dupacks < UINT8_MAX)
		sender->dupacks++;
	if (sender->phase != PHASE_OPEN &&
	    (out->undone || (advances && !seq_before(ack->ack, sender->recover))))
		leave_phase(sender, out);
	if (out->undone || (sender->phase == PHASE_OPEN && out->recovered))
		sender->dupacks = 0;
	if (out->undone)
		sender->flags &= (uint8_t)~SENDER_UNDO;
	if (sendq_count(queue) == 0)
		sendq_clear(queue, pool, sender->own);
}

void sender_resync(struct sender *sender, struct sendq_pool *pool)
{
	sendq_clear(&sender->queue, pool, sender->own);
	sender->phase = PHASE_OPEN;
	sender->flags = 0;
	sender->backoff = sender->dupacks = sender->sack_count = 0;
	sender->sacked_bytes = sender->sacked_segments = 0;
	sender->evidence_ns = 0;
}

uint32_t sender_pipe_bytes(struct sender *sender, const struct endpoint *endpoint)
{
	uint32_t outstanding = endpoint->snd_max - endpoint->snd_una;

	return outstanding > sender->sacked_bytes ? outstanding - sender->sacked_bytes : 0;
}
