/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/sender.h"

#include <errno.h>
#include <string.h>

#include "tcpstate/arena.h"
#include "tcpstate/event.h"
#include "tcpstate/seq.h"

/* What is looked at, at most, to say how many segments above a loss were delivered. */
#define EVIDENCE_MAX 64
/* Time stamps are matched with their echoes once so many segments were delivered. */
#define ECHO_AFTER 16

int sender_memory_init(struct sender_memory *memory, uint32_t senders, uint64_t scoreboard_bytes)
{
	memset(memory, 0, sizeof(*memory));
	memory->cold_total = senders;
	memory->cold_arena = arena_reserve((uint64_t)senders * sizeof(memory->cold_arena[0]));
	if (memory->cold_arena && sendq_pool_init(&memory->queues, scoreboard_bytes) == 0)
		return 0;
	sender_memory_dispose(memory);
	return -ENOMEM;
}

void sender_memory_dispose(struct sender_memory *memory)
{
	arena_release(memory->cold_arena,
		      (uint64_t)memory->cold_total * sizeof(memory->cold_arena[0]));
	sendq_pool_dispose(&memory->queues);
	memset(memory, 0, sizeof(*memory));
}

uint64_t sender_memory_bytes(const struct sender_memory *memory)
{
	return (uint64_t)memory->cold_touched * sizeof(memory->cold_arena[0]) +
	       sendq_pool_memory_bytes(&memory->queues);
}

void sender_init(struct sender *sender, bool fresh)
{
	if (!fresh)
		memset(sender, 0, sizeof(*sender));
	sendq_init(&sender->queue, sender->own);
}

void sender_dispose(struct sender *sender, struct sender_memory *memory)
{
	sendq_clear(&sender->queue, &memory->queues, sender->own);
	if (!sender->cold)
		return;
	sender->cold->next_free = memory->cold_free;
	memory->cold_free = sender->cold;
	sender->cold = NULL;
}

/* There is one for each sender, so that it can't run out. */
static void make_cold(struct sender *sender, struct sender_memory *memory, uint32_t snd_una)
{
	if (sender->cold)
		return;
	if (memory->cold_free) {
		sender->cold = memory->cold_free;
		memory->cold_free = sender->cold->next_free;
		memset(sender->cold, 0, sizeof(*sender->cold));
	} else {
		sender->cold = &memory->cold_arena[memory->cold_touched++];
	}
	sender->cold->marks.originals_seq = snd_una;
	sender->cold->past.told_bytes = window_initial_bytes(&sender->window);
}

static uint32_t slot_of_cause(uint8_t cause)
{
	return cause < SENDER_CAUSES ? cause : 0;
}

void sender_sent_again(struct sender *sender, struct sender_memory *memory,
		       const struct endpoint *endpoint, uint8_t cause)
{
	make_cold(sender, memory, endpoint->snd_una);
	sender->cold->again_by_cause[slot_of_cause(cause)]++;
}

static void begin_trouble(struct sender *sender, struct sender_memory *memory,
			  const struct endpoint *endpoint)
{
	make_cold(sender, memory, endpoint->snd_una);
	sender->flags |= SENDER_TROUBLE;
}

static uint64_t since(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/*
 * The ACKs of the last moments that told something new: which of them the sender has heard depends on the
 * tap's distance. One more than the last is always known, the others while there is trouble.
 */
static void note_ack_time(struct sender *sender, const struct segment *ack, uint32_t near_us)
{
	uint64_t ts_ns = ack->ts_ns;
	uint64_t gap_us = since(ts_ns, sender->peer_ack_ns) / 1000;

	if (sender->flags & SENDER_TROUBLE &&
	    since(sender->peer_ack_ns, sender->cold->older_ack_ns[0]) > near_us * UINT64_C(333)) {
		sender->cold->older_ack_ns[2] = sender->cold->older_ack_ns[1];
		sender->cold->older_ack_ns[1] = sender->cold->older_ack_ns[0];
		sender->cold->older_ack_ns[0] = sender->peer_ack_ns;
	}
	/* Of ACKs close to each other one passed about that long ago, whichever it was. */
	if (gap_us <= near_us / 3) {
		gap_us += sender->ack_gap_us;
		if (gap_us > near_us / 3 * UINT64_C(4))
			gap_us = near_us / 3 * UINT64_C(4);
	}
	sender->ack_gap_us = gap_us > UINT32_MAX ? UINT32_MAX : (uint32_t)gap_us;
	sender->peer_ack_ns = ts_ns;
	sender->peer_ack_tsval = ack->options.tsval;
}

static bool sack_in_use(const struct endpoint *endpoint)
{
	return endpoint->t_flags & TF_SACK_PERMIT;
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

/* The retransmission timer of a phase, or none. */
static void begin_phase(struct sender *sender, const struct endpoint *endpoint, uint8_t phase)
{
	sender->phase = phase;
	sender->cold->recover = endpoint->snd_max;
	sender->left_phase = PHASE_OPEN;
}

static void fire_timer(struct sender *sender, const struct endpoint *endpoint,
		       const struct segment *seg, const struct sent *sent, struct sender_step *step)
{
	uint32_t outstanding = sender->pipe.again_segments;
	/*
	 * Several segments were outstanding and none was sent for a probe: this host has no probes. Or
	 * what looked like one has doubled the timer, as only a timeout does.
	 */
	bool many = endpoint->snd_max - seg->seq > segment_length(seg) &&
		    since(seg->ts_ns, sender->sent_ns) / 100 > sent->waited_us * UINT64_C(9);

	if (sender->backoff == 0 && sack_in_use(endpoint) && sender->phase == PHASE_OPEN) {
		if (!(sender->flags & SENDER_TLP_OUT)
			    ? many && sender->sacked_segments == 0 && sent->confidence > 90
			    : since(seg->ts_ns, sender->sent_ns) / 100 >
				      rto_us(&sender->rto, endpoint->rtt.srtt_us) * 18)
			sender->flags |= SENDER_NO_TLP;
	}
	/* As Linux: a probe's loss is known by now, and the next silence gets one of its own. */
	sender->flags &= (uint8_t)~SENDER_TLP_OUT;
	window_timeout(sender, sender->backoff != 0);
	sender->flags &= (uint8_t)~SENDER_TLP_ASKS;
	pipe_timed_out(sender, endpoint->snd_una);
	step->timeout = true;
	step->timer_ms = sent->waited_us / 1000;
	if (sender_is_still_behind(sender, seg->seq))
		sender->backoff = sender->cold->behind_backoff;
	if (sender->backoff < UINT8_MAX)
		sender->backoff++;
	step->backoff = sender->backoff;
	/* Linux: a timeout in the middle of a recovery is no case for RFC 5682. */
	if (sender->backoff == 1) {
		if (sender->phase == PHASE_OPEN)
			fate_begin(&sender->cold->fate, endpoint->snd_una, outstanding);
		sender->flags =
			(uint8_t)(sender->phase == PHASE_OPEN ? sender->flags | SENDER_FRTO
							      : sender->flags & ~SENDER_FRTO);
	}
	begin_phase(sender, endpoint, PHASE_LOSS);
	sender->dupacks = 0;
	if (seq_before(seg->seq, endpoint->snd_una)) {
		sender->cold->behind = BEHIND_WAITS;
		sender->cold->unheard_from = seg->seq;
	}
}

/* The ACK says nothing new to the tap, but to a sender that had not heard the one before. */
static bool catches_up(struct sender *sender, const struct segment *ack)
{
	if (!(sender->flags & SENDER_TROUBLE) || sender->cold->behind != BEHIND_WAITS ||
	    !seq_after(ack->ack, sender->cold->unheard_from))
		return false;
	sender->cold->behind = CAUGHT_UP;
	sender->cold->behind_backoff = sender->backoff;
	return true;
}

void sender_step(struct sender *sender, struct sender_memory *memory,
		 const struct endpoint *endpoint, const struct segment *seg,
		 const struct sent *sent, uint32_t near_us, struct sender_step *step)
{
	*step = (struct sender_step){ .confidence = sent->confidence };
	if (sent->kind != OUT_RETRANSMISSION)
		return;
	begin_trouble(sender, memory, endpoint);
	if (sent->timer) {
		fire_timer(sender, endpoint, seg, sent, step);
	} else if (sent->cause == CAUSE_RECOVERY && sender->phase == PHASE_OPEN) {
		/*
		 * The sender was still in the old recovery. If the ACK that ended it did not reach up to
		 * here, the next one began with that ACK; see follow_at_once().
		 */
		if (sender_phase_at(sender, seg->ts_ns, sender_lag_us(endpoint, near_us)) !=
			    PHASE_OPEN &&
		    seq_before(seg->seq, endpoint->snd_una))
			return;
		step->recovery = true;
		window_recovery(sender, endpoint);
		begin_phase(sender, endpoint, PHASE_RECOVERY);
		sender->flags &= (uint8_t) ~(SENDER_TLP_OUT | SENDER_TLP_ASKS);
		fate_begin(&sender->cold->fate, endpoint->snd_una, sender->pipe.again_segments);
	}
}

#define ETHERNET_MSS 1460u

/* Payload of one segment on the wire: what is larger was captured before it was cut. */
static uint32_t size_of(const struct endpoint *endpoint, uint32_t bytes)
{
	return endpoint->mss_bytes && bytes > endpoint->mss_bytes ? endpoint->mss_bytes : bytes;
}

static void note_size_arrived(struct sender *sender, const struct endpoint *endpoint,
			      uint32_t bytes)
{
	bytes = size_of(endpoint, bytes);
	pmtu_arrived(&sender->sizes, bytes);
	if (endpoint->mss_bytes && bytes + PMTU_OPTIONS_SLACK >= endpoint->mss_bytes)
		sender->flags |= SENDER_FULL_SIZE;
}

bool sender_in_black_hole(struct sender *sender, const struct endpoint *endpoint,
			  const struct segment *seg, uint16_t mss_bytes, bool handshake,
			  struct pmtu_black_hole *out)
{
	struct pmtu_evidence evidence;
	uint32_t count = sendq_count(&sender->queue), bytes = seg->payload_bytes;

	if (!sender->cold || sender->flags & SENDER_UNSURE || seg->seq != endpoint->snd_una)
		return false;
	evidence = (struct pmtu_evidence){
		.peer_heard_ns = sender->cold->heard_ns > sender->peer_ack_ns
					 ? sender->cold->heard_ns
					 : sender->peer_ack_ns,
		.mss_bytes = mss_bytes,
		.smaller_arrived = handshake || endpoint->snd_una != endpoint->iss + 1,
		.full_arrived = sender->flags & SENDER_FULL_SIZE,
	};
	/* How large the pieces were that it was cut into later nobody can say without an MSS. */
	if (bytes > (mss_bytes ? mss_bytes : ETHERNET_MSS))
		return false;
	if (count > EVIDENCE_MAX)
		count = EVIDENCE_MAX;
	for (uint32_t i = 1; sender->sacked_segments && i < count; i++) {
		const struct sent_range *range = sendq_at(&sender->queue, i);
		uint32_t arrived_bytes = size_of(endpoint, range->end - range->start);

		if (range->flags & SENT_SACKED && arrived_bytes > evidence.arrived_behind_bytes)
			evidence.arrived_behind_bytes = arrived_bytes;
	}
	return pmtu_again(&sender->cold->pmtu, &sender->sizes, seg->seq, bytes, seg->ts_ns,
			  &evidence, out);
}

static void forget_outstanding(struct sender *sender, struct sender_memory *memory)
{
	sendq_clear(&sender->queue, &memory->queues, sender->own);
	sender->sacked_segments = 0;
	sender->sack_count = 0;
	if (sender->cold)
		sender->cold->sacked_bytes = sender->cold->again_segments = 0;
	pipe_clear(sender);
}

static void overflow(struct sender *sender, struct sender_memory *memory)
{
	forget_outstanding(sender, memory);
	sender->queue.overflowed = true;
	sender->flags |= SENDER_UNSURE;
}

/* Cuts a range in two: what is counted in segments has one more. */
static bool split(struct sender *sender, struct sender_memory *memory, uint32_t i, uint32_t seq)
{
	uint8_t flags = sendq_at(&sender->queue, i)->flags;

	if (!sendq_split(&sender->queue, &memory->queues, i, seq))
		return false;
	sender->sacked_segments += !!(flags & SENT_SACKED);
	if ((flags & (SENT_RETRANSMITTED | SENT_SACKED)) == SENT_RETRANSMITTED)
		sender->cold->again_segments++;
	pipe_split(sender, flags);
	return true;
}

/* Below snd_max: the ranges that it touches were sent again, or seen for the first time. */
static void sent_below(struct sender *sender, struct sender_memory *memory,
		       const struct segment *seg, const struct sent *sent, uint32_t start,
		       uint32_t end)
{
	struct sendq *queue = &sender->queue;
	uint32_t i = sendq_find(queue, start);
	bool again = sent->kind == OUT_RETRANSMISSION || sent->kind == OUT_TLP_RETRANSMISSION;

	for (; i < sendq_count(queue); i++) {
		struct sent_range *range = sendq_at(queue, i);

		if (!seq_before(range->start, end))
			return;
		/* Only what was sent is marked; a piece that finds no room marks all of it. */
		if (seq_before(range->start, start) && split(sender, memory, i, start))
			continue;
		range = sendq_at(queue, i);
		if (seq_after(range->end, end)) {
			split(sender, memory, i, end);
			range = sendq_at(queue, i);
		}
		if (range->flags & SENT_UNSEEN)
			range->flags = (uint8_t)((range->flags & ~SENT_UNSEEN) | SENT_ONCE_UNSEEN);
		if (again) {
			if (!(range->flags & (SENT_RETRANSMITTED | SENT_SACKED)))
				sender->cold->again_segments++;
			pipe_sent_again(sender, range, sent->cause == CAUSE_TLP);
			range->flags |= SENT_RETRANSMITTED;
			if (range->retransmissions < UINT8_MAX)
				range->retransmissions++;
		}
		range->sent_ns = kept_ns(seg->ts_ns);
		range->tsval = seg->options.seen & TCPOPT_HAS_TIMESTAMP ? seg->options.tsval : 0;
		range->ip_id = seg->ip_id;
	}
}

static void queue_sent(struct sender *sender, struct sender_memory *memory,
		       const struct endpoint *endpoint, const struct segment *seg,
		       const struct sent *sent)
{
	uint32_t start = seg->seq, end = start + segment_length(seg), snd_max = endpoint->snd_max;
	uint32_t tsval = seg->options.seen & TCPOPT_HAS_TIMESTAMP ? seg->options.tsval : 0;
	struct sent_range range = {
		.sent_ns = kept_ns(seg->ts_ns),
		.start = start,
		.end = end,
		.tsval = tsval,
		.ip_id = seg->ip_id,
	};
	bool again;

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
	again = sent->kind == OUT_RETRANSMISSION || sent->kind == OUT_TLP_RETRANSMISSION;
	if (again | (seg->seq != snd_max))
		begin_trouble(sender, memory, endpoint);
	else if (sender->flags & SENDER_TROUBLE && sender->cold->behind == CAUGHT_UP)
		sender->cold->behind = BEHIND_NOT;
	if (again)
		fate_sent_again(&sender->cold->fate, seg, sent->cause);
	if (sent->kind == OUT_TLP_RETRANSMISSION || sent->kind == OUT_TLP_NEW) {
		make_cold(sender, memory, endpoint->snd_una);
		sender->flags |= SENDER_TLP_OUT;
		sender->flags =
			(uint8_t)(sent->kind == OUT_TLP_NEW ? sender->flags & ~SENDER_TLP_ASKS
							    : sender->flags | SENDER_TLP_ASKS);
		sender->cold->tlp_end = seq_max(snd_max, end);
	}
	if (seq_before(start, snd_max)) {
		sent_below(sender, memory, seg, sent, seq_max(start, endpoint->snd_una),
			   seq_min(end, snd_max));
		if (seq_upto(end, snd_max))
			return;
		range.start = snd_max;
	} else if (seq_after(start, snd_max)) {
		struct sent_range hole = range;

		hole.start = snd_max;
		hole.end = start;
		hole.flags = SENT_UNSEEN;
		if (!sendq_push(&sender->queue, &memory->queues, &hole)) {
			overflow(sender, memory);
			return;
		}
	}
	if (seg->payload_bytes >= PMTU_SIZE_MIN && !(sender->flags & SENDER_FULL_SIZE))
		pmtu_sent(&sender->sizes, size_of(endpoint, seg->payload_bytes));
	if (seg->flags & TCP_FIN)
		range.flags |= SENT_FIN;
	if (again) {
		range.flags |= SENT_RETRANSMITTED | SENT_ONCE_UNSEEN;
		range.retransmissions = 1;
		sender->cold->again_segments++;
	}
	if (!sendq_push(&sender->queue, &memory->queues, &range))
		overflow(sender, memory);
}

/* Data follows data so closely that the sender did not wait for its application. */
static bool is_pause(uint64_t now_ns, uint64_t then_ns, uint32_t near_us)
{
	return since(now_ns, then_ns) / 1000 > near_us / 8 + UINT64_C(1000);
}

/* Where the tap is at the sender nothing is asked of the echo: see sender_near_us(). */
static bool needs_echo(const struct sender *sender, const struct endpoint *endpoint,
		       const struct segment *seg, uint32_t near_us)
{
	return sender->cold && seg->options.seen & TCPOPT_HAS_TIMESTAMP &&
	       near_us >= endpoint->rtt.min_us / 8;
}

/* It has sent without a pause for long enough to answer what passed the tap meanwhile. */
static bool in_flow(const struct sender *sender, uint64_t now_ns, uint32_t near_us)
{
	return !is_pause(now_ns, sender->passed_ns, near_us) &&
	       (uint32_t)(now_ns / 1000) - sender->paused_us > near_us;
}

static void note_seen(struct sender_cold *cold, const struct segment *seg)
{
	cold->seen[cold->seen_next++ % SENDER_SEEN] = (struct seen_packet){
		.seq = seg->seq,
		.tsval = seg->options.seen & TCPOPT_HAS_TIMESTAMP ? seg->options.tsval : 0,
		.bytes = (uint16_t)segment_length(seg),
		.ip_id = seg->ip_id,
	};
}

void sender_passed(struct sender *sender, const struct endpoint *endpoint,
		   const struct segment *seg, uint32_t near_us)
{
	uint32_t length = segment_length(seg), rtt_us = endpoint->rtt.srtt_us + near_us;

	if (seg->flags & TCP_ACK)
		sender->last_ack = seg->ack;
	sendclock_note(&sender->clock, seg, is_pause(seg->ts_ns, sender->passed_ns, near_us));
	if (sender->flags & SENDER_TROUBLE)
		sendclock_mark(&sender->clock, &sender->cold->clock_past, seg, rtt_us / 4);
	if (!length)
		return;
	sender->last_seq = seg->seq;
	sender->last_bytes = (uint16_t)length;
	if (sender->flags & SENDER_TROUBLE)
		note_seen(sender->cold, seg);
	if (is_pause(seg->ts_ns, sender->passed_ns, near_us))
		sender->paused_us = (uint32_t)(seg->ts_ns / 1000);
	sender->passed_ns = seg->ts_ns;
	if (sender->flags & SENDER_ECHO_OUT && needs_echo(sender, endpoint, seg, near_us) &&
	    in_flow(sender, seg->ts_ns, near_us)) {
		if (!echo_on_send(&sender->cold->echo, seg->ts_ns, seg->options.tsecr))
			sender->flags &= (uint8_t)~SENDER_ECHO_OUT;
		sender->near_us = sender->cold->echo.rtt_us;
	}
}

void sender_sent(struct sender *sender, struct sender_memory *memory,
		 const struct endpoint *endpoint, const struct segment *seg,
		 const struct sent *sent)
{
	window_time(sender, endpoint, seg->ts_ns, false);
	queue_sent(sender, memory, endpoint, seg, sent);
	if (!(sender->flags & SENDER_UNSURE) && sent->cause != CAUSE_MIRROR_DUPLICATE)
		window_sent(sender, endpoint, seg, sent);
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
	if (range->end - range->start >= PMTU_SIZE_MIN && !(sender->flags & SENDER_FULL_SIZE))
		note_size_arrived(sender, endpoint, range->end - range->start);
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
	uint64_t echoed_ns;			  /* when what it echoes was sent; 0: not found */
	uint64_t first_ns, last_ns;		  /* of what it acknowledges; 0: none */
	uint64_t first_sacked_ns, last_sacked_ns; /* of what it is the first to SACK */
	uint64_t again_ns; /* of what it acknowledges and was sent again, the last time */
	uint32_t again_tsval;
	bool retransmitted;
	bool original; /* what was outstanding at the timeout and not sent again is delivered */
};

/* RFC 5682: only the first transmission of it can have been delivered. */
static bool is_original(const struct sender *sender, const struct sent_range *range)
{
	return sender->phase == PHASE_LOSS &&
	       !(range->flags & (SENT_RETRANSMITTED | SENT_UNSEEN | SENT_ONCE_UNSEEN)) &&
	       seq_upto(range->end, sender->cold->recover);
}

static void sack_part(struct sender *sender, struct sender_memory *memory,
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
			split(sender, memory, i, start);
			continue;
		}
		if (seq_after(range->end, end) && !split(sender, memory, i, end))
			continue;
		range = sendq_at(queue, i);
		note_reordering(sender, range, i, out);
		range->flags |= SENT_SACKED;
		if (range->flags & SENT_RETRANSMITTED)
			sender->cold->again_segments--;
		samples->original |= is_original(sender, range);
		sender->cold->sacked_bytes += range->end - range->start;
		sender->sacked_segments++;
		pipe_sacked(sender, range);
		delivered(sender, endpoint, range, ack, out);
		if (range->flags & (SENT_RETRANSMITTED | SENT_UNSEEN))
			continue;
		if (!samples->first_sacked_ns)
			samples->first_sacked_ns = range->sent_ns;
		samples->last_sacked_ns = range->sent_ns;
	}
}

/* One block; what the last ACK's block already said is not gone through again. */
static void sack_block(struct sender *sender, struct sender_memory *memory,
		       const struct endpoint *endpoint, const struct segment *ack,
		       struct tcp_sack_block block, struct samples *samples, struct sender_ack *out)
{
	for (uint8_t i = 0; i < sender->sack_count; i++) {
		struct tcp_sack_block before = sender->cold->sacks[i];

		if (seq_after(before.start, block.end) || seq_after(block.start, before.end))
			continue;
		if (seq_before(block.start, before.start))
			sack_part(sender, memory, endpoint, ack, block.start, before.start, samples,
				  out);
		block.start = seq_max(block.start, before.end);
		if (!seq_before(block.start, block.end))
			return;
	}
	sack_part(sender, memory, endpoint, ack, block.start, block.end, samples, out);
}

/*
 * RFC 2883 4: the first block below the ACK, or inside the second one. The block that the last ACK had
 * above its number, and that this ACK takes in, is a receiver's forgetfulness.
 */
static bool find_dsack(const struct sender *sender, const struct endpoint *endpoint,
		       const struct segment *ack, struct tcp_sack_block *block)
{
	const struct tcp_sack_block *sack = ack->options.sack;

	if (ack->options.sack_count == 0 || !seq_before(sack[0].start, sack[0].end))
		return false;
	for (uint8_t i = 0; i < sender->sack_count; i++)
		if (sender->cold->sacks[i].start == sack[0].start &&
		    sender->cold->sacks[i].end == sack[0].end &&
		    !seq_before(sack[0].start, endpoint->snd_una) &&
		    !seq_before(ack->ack, sack[0].end))
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

static void take_sacks(struct sender *sender, struct sender_memory *memory,
		       const struct endpoint *endpoint, const struct segment *ack,
		       struct samples *samples, struct sender_ack *out)
{
	uint8_t kept = 0;

	out->dsack = find_dsack(sender, endpoint, ack, &out->dsack_block);
	/* Outside of what is outstanding a block says nothing (RFC 2018 5.1). */
	for (uint8_t i = out->dsack; i < ack->options.sack_count; i++) {
		struct tcp_sack_block block = ack->options.sack[i];

		if (seq_before(block.start, block.end) &&
		    !seq_after(block.end, endpoint->snd_max) && !seq_before(block.start, ack->ack))
			sack_block(sender, memory, endpoint, ack, block, samples, out);
	}
	for (uint8_t i = out->dsack; i < ack->options.sack_count; i++)
		if (seq_before(ack->options.sack[i].start, ack->options.sack[i].end) &&
		    !seq_before(ack->options.sack[i].start, ack->ack) &&
		    !seq_after(ack->options.sack[i].end, endpoint->snd_max))
			sender->cold->sacks[kept++] = ack->options.sack[i];
	sender->sack_count = kept;
}

/*
 * RFC 8985 7.4.2 and Linux's tcp_process_tlp_ack(): a DSACK or a duplicate ACK says that the original had come
 * too. Something newer acknowledged without either: it had not.
 */
static void answer_probe(struct sender *sender, const struct endpoint *endpoint,
			 const struct segment *ack, bool is_duplicate, const struct sender_ack *out)
{
	uint32_t end = sender->cold->tlp_end;

	if (seq_before(ack->ack, end))
		return;
	if (!(out->dsack && out->dsack_block.end == end) && seq_after(ack->ack, end)) {
		/* A recovery or a timeout meanwhile has reduced it. */
		if (sender->phase == PHASE_OPEN)
			window_probe_loss(sender);
	} else if (!out->dsack && (ack->ack != endpoint->snd_una || !is_duplicate)) {
		return;
	}
	sender->flags &= (uint8_t)~SENDER_TLP_ASKS;
}

static void add_needless(struct sender *sender, struct sender_ack *out,
			 const struct needless *verdict)
{
	sender->cold->needless_by_cause[slot_of_cause(verdict->cause)]++;
	out->needless[out->needless_count++] = *verdict;
	out->undone |= verdict->undone;
}

static void leave_phase(struct sender *sender, uint64_t ts_ns, struct sender_ack *out)
{
	out->recovered = true;
	out->recovered_from = sender->phase;
	sender->left_phase = sender->phase;
	sender->cold->left_ns = ts_ns;
	sender->phase = PHASE_OPEN;
	sender->cold->evidence_ns = 0;
	sender->flags &= (uint8_t)~SENDER_FRTO;
	sender->backoff = 0;
}

/* What was sent again behind a recovery is counted as lost until it is acknowledged (RFC 6675 5). */
static void follow_at_once(struct sender *sender, const struct endpoint *endpoint, uint32_t ack,
			   struct sender_ack *out)
{
	if (!out->recovered || out->undone || sender->cold->again_segments == 0)
		return;
	out->entered = true;
	window_recovery(sender, endpoint);
	begin_phase(sender, endpoint, PHASE_RECOVERY);
	fate_begin(&sender->cold->fate, ack, sender->pipe.again_segments);
}

/*
 * RFC 6582 3.2 and Linux: without SACK a recovery lasts until something behind it is acknowledged, so
 * that late duplicate ACKs do not begin the next one.
 */
static bool phase_is_over(const struct sender *sender, const struct endpoint *endpoint,
			  uint32_t ack)
{
	return sack_in_use(endpoint) ? !seq_before(ack, sender->cold->recover)
				     : seq_after(ack, sender->cold->recover);
}

/* Takes off what is acknowledged. */
static void take_off(struct sender *sender, struct sender_memory *memory,
		     const struct endpoint *endpoint, const struct segment *ack,
		     struct samples *samples, struct sender_ack *out)
{
	struct sendq *queue = &sender->queue;

	while (sendq_count(queue)) {
		struct sent_range *range = sendq_at(queue, 0);

		if (!seq_before(range->start, ack->ack))
			return;
		if (seq_after(range->end, ack->ack) && !split(sender, memory, 0, ack->ack))
			return;
		range = sendq_at(queue, 0);
		out->acked_unseen |= !!(range->flags & SENT_UNSEEN);
		if (range->flags & SENT_SACKED) {
			sender->cold->sacked_bytes -= range->end - range->start;
			sender->sacked_segments--;
		} else {
			note_reordering(sender, range, 0, out);
			delivered(sender, endpoint, range, ack, out);
			samples->original |= is_original(sender, range);
			if (range->flags & SENT_RETRANSMITTED)
				sender->cold->again_segments--;
		}
		if (range->flags & SENT_RETRANSMITTED) {
			samples->retransmitted = true;
			samples->again_ns = range->sent_ns;
			samples->again_tsval = range->tsval;
			if (range->tsval && range->tsval == ack->options.tsecr)
				samples->echoed_ns = range->sent_ns;
		} else if (!(range->flags & (SENT_SACKED | SENT_UNSEEN))) {
			/* What came late passed the tap once all the same, and from then on it is timed. */
			if (!samples->first_ns)
				samples->first_ns = range->sent_ns;
			samples->last_ns = range->sent_ns;
		}
		if (range->flags & (SENT_LOST | SENT_AGAIN_OUT))
			pipe_acked(sender, range);
		sendq_pop(queue);
	}
}

static void set_rtt(struct sender_ack *out, const struct segment *ack, uint64_t first_ns,
		    uint64_t last_ns, uint8_t reason)
{
	uint64_t rtt_us = since(ack->ts_ns, first_ns) / 1000;

	if (rtt_us > UINT32_MAX)
		return;
	out->has_rtt = true;
	out->rtt_us = (uint32_t)rtt_us;
	out->min_rtt_us = (uint32_t)(since(ack->ts_ns, last_ns) / 1000);
	out->rtt_reason = reason;
}

/* As Linux's tcp_ack_update_rtt(): by Karn's rule, else of what is SACKed, else by the time stamps. */
static void take_rtt(const struct sender *sender, const struct segment *ack, bool advances,
		     struct samples *samples, struct sender_ack *out)
{
	if (samples->first_ns && !samples->retransmitted) {
		set_rtt(out, ack, samples->first_ns, samples->last_ns, RTT_REASON_KARN);
	} else if (samples->first_sacked_ns) {
		set_rtt(out, ack, samples->first_sacked_ns, samples->last_sacked_ns,
			RTT_REASON_SACK);
	} else if (advances && samples->retransmitted && ack->options.seen & TCPOPT_HAS_TIMESTAMP &&
		   ack->options.tsecr) {
		if (!samples->echoed_ns)
			samples->echoed_ns =
				sendclock_when_ns(&sender->cold->clock_past, ack->options.tsecr);
		if (!samples->echoed_ns && samples->again_tsval)
			samples->echoed_ns =
				sendclock_earlier_ns(&sender->clock, samples->again_ns,
						     samples->again_tsval, ack->options.tsecr);
		if (samples->echoed_ns)
			set_rtt(out, ack, samples->echoed_ns, samples->echoed_ns, RTT_REASON_ECHO);
	}
}

void sender_acked(struct sender *sender, struct sender_memory *memory,
		  const struct endpoint *endpoint, const struct segment *ack, bool is_duplicate,
		  uint32_t near_us, struct sender_ack *out)
{
	struct samples samples = { 0 };
	struct needless verdict;
	bool advances = seq_after(ack->ack, endpoint->snd_una), news;

	memset(out, 0, sizeof(*out));
	news = catches_up(sender, ack) || advances;
	is_duplicate = is_duplicate && !news;
	window_time(sender, endpoint, ack->ts_ns, true);
	if (is_duplicate | ack->options.sack_count)
		begin_trouble(sender, memory, endpoint);
	else if (!sender->cold && sender->window.delivered >= ECHO_AFTER)
		make_cold(sender, memory, endpoint->snd_una);
	if (sender->flags & SENDER_TROUBLE)
		sender->cold->heard_ns = ack->ts_ns;
	if (!(sender->flags & SENDER_ECHO_OUT) && needs_echo(sender, endpoint, ack, near_us) &&
	    !is_pause(ack->ts_ns, sender->passed_ns, near_us) &&
	    echo_on_peer(&sender->cold->echo, ack->ts_ns, ack->options.tsval))
		sender->flags |= SENDER_ECHO_OUT;
	if (advances)
		take_off(sender, memory, endpoint, ack, &samples, out);
	if (ack->options.sack_count)
		take_sacks(sender, memory, endpoint, ack, &samples, out);
	else
		sender->sack_count = 0;
	if (out->dsack && fate_on_dsack(&sender->cold->fate, out->dsack_block, &verdict)) {
		out->dsack_needless = true;
		add_needless(sender, out, &verdict);
	}
	if (news && sender->phase != PHASE_OPEN)
		out->black_hole = pmtu_acked(&sender->cold->pmtu, ack->ack, &out->hole);
	if ((news || samples.original) && sender->phase != PHASE_OPEN &&
	    fate_on_ack(&sender->cold->fate, ack, samples.original && sender->flags & SENDER_FRTO,
			&verdict))
		add_needless(sender, out, &verdict);
	take_rtt(sender, ack, advances, &samples, out);
	/* Only what tells something new puts the sender's timers off (RFC 6298 5.3). */
	if (out->delivered_segments || (news && !advances))
		note_ack_time(sender, ack, near_us);
	if (news) {
		sender->dupacks = 0;
		if (sender->phase == PHASE_LOSS)
			sender->backoff = 0;
		if (sender->flags & SENDER_TROUBLE && sender->phase == PHASE_OPEN &&
		    sender->sacked_segments == 0)
			sender->cold->evidence_ns = 0;
	}
	if (sender->flags & SENDER_TLP_ASKS)
		answer_probe(sender, endpoint, ack, is_duplicate, out);
	if (sender->flags & SENDER_TLP_OUT && !seq_before(ack->ack, sender->cold->tlp_end))
		sender->flags &= (uint8_t)~SENDER_TLP_OUT;
	if ((is_duplicate || sender->sacked_segments) && !sender->cold->evidence_ns)
		sender->cold->evidence_ns = ack->ts_ns;
	if (is_duplicate && sender->dupacks < UINT8_MAX)
		sender->dupacks++;
	if (sender->phase != PHASE_OPEN &&
	    (out->undone || (news && phase_is_over(sender, endpoint, ack->ack))))
		leave_phase(sender, ack->ts_ns, out);
	if (out->recovered)
		sender->dupacks = 0;
	pipe_judge(sender, endpoint, ack, is_duplicate, out);
	window_acked(sender, endpoint, ack, near_us, out);
	follow_at_once(sender, endpoint, ack->ack, out);
	if (sendq_count(&sender->queue) == 0)
		sendq_clear(&sender->queue, &memory->queues, sender->own);
}

void sender_resync(struct sender *sender, struct sender_memory *memory)
{
	forget_outstanding(sender, memory);
	sender->phase = PHASE_OPEN;
	sender->flags = 0;
	sender->backoff = sender->dupacks = 0;
	sender->left_phase = PHASE_OPEN;
	if (!sender->cold)
		return;
	sender->cold->evidence_ns = 0;
	fate_begin(&sender->cold->fate, 0, 0);
}
