/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/pipe.h"

#include <string.h>

#include "tcpstate/sender.h"
#include "tcpstate/seq.h"

#define DUPTHRESH 3
/* RFC 8985 6.2 step 4: recoveries without a DSACK after which the window is narrow again. */
#define REORDER_RECOVERIES 16

static void take(uint32_t *from, uint32_t amount)
{
	*from -= amount < *from ? amount : *from;
}

static void less(uint16_t *count, uint32_t amount)
{
	*count = (uint16_t)(amount < *count ? *count - amount : 0);
}

static uint32_t length_of(const struct sent_range *range)
{
	return range->end - range->start;
}

static void mark_lost(struct pipe *pipe, struct pipe_marks *marks, struct sent_range *range)
{
	marks->lost_total++;
	if (range->flags & SENT_AGAIN_OUT) {
		range->flags &= (uint8_t)~SENT_AGAIN_OUT;
		less(&pipe->again_segments, 1);
		take(&marks->again_bytes, length_of(range));
	}
	if (range->flags & SENT_LOST)
		return;
	range->flags |= SENT_LOST;
	pipe->lost_segments++;
	marks->lost_bytes += length_of(range);
}

static void unmark(struct pipe *pipe, struct pipe_marks *marks, const struct sent_range *range)
{
	if (range->flags & SENT_LOST) {
		less(&pipe->lost_segments, 1);
		take(&marks->lost_bytes, length_of(range));
	}
	if (range->flags & SENT_AGAIN_OUT) {
		less(&pipe->again_segments, 1);
		take(&marks->again_bytes, length_of(range));
	}
}

void pipe_split(struct sender *sender, uint8_t flags)
{
	sender->pipe.lost_segments += !!(flags & SENT_LOST);
	sender->pipe.again_segments += !!(flags & SENT_AGAIN_OUT);
}

void pipe_sent_again(struct sender *sender, struct sent_range *range, bool is_probe)
{
	struct pipe *pipe = &sender->pipe;
	struct pipe_marks *marks = &sender->cold->marks;

	if (range->flags & SENT_SACKED)
		return;
	/* That it is sent again says what its sender thinks. */
	if (range->flags & SENT_AGAIN_OUT || (!is_probe && !(range->flags & SENT_LOST)))
		mark_lost(pipe, marks, range);
	if (pipe->again_segments == 0) {
		marks->again_seq = range->start;
		pipe->again_turn = false;
	} else if (seq_before(range->start, marks->again_seq) && !pipe->again_turn) {
		pipe->again_turn = true;
		marks->again_low = range->start;
	}
	range->flags |= SENT_AGAIN_OUT;
	pipe->again_segments++;
	marks->again_bytes += length_of(range);
}

void pipe_sacked(struct sender *sender, struct sent_range *range)
{
	/* Linux keeps counting what it sent again without need. */
	if (!(range->flags & SENT_LOST))
		return;
	unmark(&sender->pipe, &sender->cold->marks, range);
	range->flags &= (uint8_t) ~(SENT_LOST | SENT_AGAIN_OUT);
}

void pipe_acked(struct sender *sender, const struct sent_range *range)
{
	unmark(&sender->pipe, &sender->cold->marks, range);
}

void pipe_clear(struct sender *sender)
{
	struct pipe *pipe = &sender->pipe;

	pipe->lost_segments = pipe->again_segments = pipe->duplicates = 0;
	if (sender->cold)
		sender->cold->marks.lost_bytes = sender->cold->marks.again_bytes = 0;
}

void pipe_timed_out(struct sender *sender, uint32_t snd_una)
{
	struct pipe *pipe = &sender->pipe;
	struct pipe_marks *marks = &sender->cold->marks;
	uint32_t count = sendq_count(&sender->queue);

	pipe->duplicates = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct sent_range *range = sendq_at(&sender->queue, i);

		if (!(range->flags & SENT_SACKED) &&
		    (range->flags & (SENT_LOST | SENT_AGAIN_OUT)) != SENT_LOST)
			mark_lost(pipe, marks, range);
	}
	marks->originals_seq = count ? sendq_at(&sender->queue, count - 1)->end : snd_una;
}

/* It was needless: nothing is lost (Linux does so after a timeout alone). */
static void unmark_all(struct sender *sender, uint32_t snd_una)
{
	struct pipe *pipe = &sender->pipe;
	struct pipe_marks *marks = &sender->cold->marks;

	for (uint32_t i = 0; pipe->lost_segments && i < sendq_count(&sender->queue); i++) {
		struct sent_range *range = sendq_at(&sender->queue, i);

		if (!(range->flags & SENT_LOST))
			continue;
		less(&pipe->lost_segments, 1);
		take(&marks->lost_bytes, length_of(range));
		range->flags &= (uint8_t)~SENT_LOST;
	}
	marks->originals_seq = snd_una;
}

/* RACK.reo_wnd (RFC 8985 6.2 step 4). */
static uint32_t reorder_window_us(const struct sender *sender, const struct endpoint *endpoint)
{
	uint64_t window_us = endpoint->rtt.min_us / 4;

	if (!sender->pipe.reordered &&
	    (sender->phase != PHASE_OPEN || sender->sacked_segments >= DUPTHRESH))
		return 0;
	window_us *= 1u + sender->pipe.reorder_steps;
	return window_us < endpoint->rtt.srtt_us ? (uint32_t)window_us : endpoint->rtt.srtt_us;
}

static void judge_originals(struct sender *sender, uint64_t before_ns)
{
	struct pipe *pipe = &sender->pipe;
	struct pipe_marks *marks = &sender->cold->marks;
	struct sendq *queue = &sender->queue;
	uint32_t i, count = sendq_count(queue), last;

	if (count == 0)
		return;
	if (seq_before(marks->originals_seq, sendq_at(queue, 0)->start) ||
	    seq_after(marks->originals_seq, sendq_at(queue, count - 1)->end))
		marks->originals_seq = sendq_at(queue, 0)->start;
	i = sendq_find(queue, marks->originals_seq);
	last = i + PIPE_STEPS < count ? i + PIPE_STEPS : count;
	for (; i < last; i++) {
		struct sent_range *range = sendq_at(queue, i);

		if (!(range->flags & (SENT_SACKED | SENT_LOST | SENT_RETRANSMITTED))) {
			if (range->sent_ns >= before_ns)
				break;
			mark_lost(pipe, marks, range);
		}
		marks->originals_seq = range->end;
	}
}

static void judge_again(struct sender *sender, uint64_t before_ns)
{
	struct pipe *pipe = &sender->pipe;
	struct pipe_marks *marks = &sender->cold->marks;
	struct sendq *queue = &sender->queue;
	uint32_t i, count = sendq_count(queue), last;

	if (pipe->again_segments == 0 || count == 0)
		return;
	if (seq_before(marks->again_seq, sendq_at(queue, 0)->start))
		marks->again_seq = sendq_at(queue, 0)->start;
	i = sendq_find(queue, marks->again_seq);
	last = i + PIPE_STEPS < count ? i + PIPE_STEPS : count;
	for (; i < last; i++) {
		struct sent_range *range = sendq_at(queue, i);

		if ((range->flags & (SENT_AGAIN_OUT | SENT_SACKED)) == SENT_AGAIN_OUT) {
			if (range->sent_ns >= before_ns)
				return;
			mark_lost(pipe, marks, range);
		}
		marks->again_seq = range->end;
		/* Nothing that was sent again is as high as this. */
		if (pipe->again_segments == 0)
			return;
	}
	if (i == count && pipe->again_turn) {
		pipe->again_turn = false;
		marks->again_seq = marks->again_low;
	}
}

/* RFC 6582 3.2 with Linux's counting: a duplicate ACK stands for a segment that has left the network. */
static void judge_without_sack(struct sender *sender, bool advances, bool is_duplicate,
			       const struct sender_ack *out)
{
	struct pipe *pipe = &sender->pipe;
	struct pipe_marks *marks = &sender->cold->marks;
	uint32_t count = sendq_count(&sender->queue);
	struct sent_range *head;

	if (advances) {
		if (sender->phase == PHASE_OPEN)
			pipe->duplicates = 0;
		else if (out->delivered_segments > 1)
			less(&pipe->duplicates, out->delivered_segments - 1);
	}
	if (is_duplicate && sender->phase != PHASE_LOSS &&
	    pipe->duplicates + pipe->lost_segments < count)
		pipe->duplicates++;
	if (count == 0)
		return;
	head = sendq_at(&sender->queue, 0);
	if (!(head->flags & SENT_LOST) &&
	    (sender->phase == PHASE_OPEN ? pipe->duplicates >= DUPTHRESH
					 : sender->phase == PHASE_RECOVERY && advances))
		mark_lost(pipe, marks, head);
}

void pipe_judge(struct sender *sender, const struct endpoint *endpoint, const struct segment *ack,
		bool is_duplicate, const struct sender_ack *out)
{
	struct pipe *pipe = &sender->pipe;
	struct pipe_marks *marks;
	bool advances = seq_after(ack->ack, endpoint->snd_una);
	uint64_t wait_ns, before_ns;
	uint32_t window_us;

	pipe->reordered |= out->reordered;
	/* Nothing was ever lost, late or out of order. */
	if (!(sender->flags & SENDER_TROUBLE))
		return;
	marks = &sender->cold->marks;
	if (out->recovered && marks->recoveries && --marks->recoveries == 0)
		pipe->reorder_steps = 0;
	if (out->dsack) {
		pipe->reorder_steps += pipe->reorder_steps < UINT8_MAX;
		marks->recoveries = REORDER_RECOVERIES;
	}
	if (out->undone && out->recovered_from == PHASE_LOSS)
		unmark_all(sender, ack->ack);
	if (sendq_count(&sender->queue) == 0) {
		pipe_clear(sender);
		return;
	}
	if (!(endpoint->t_flags & TF_SACK_PERMIT)) {
		if (is_duplicate | advances)
			judge_without_sack(sender, advances, is_duplicate, out);
		return;
	}
	/* Without anything delivered out of order there is no evidence. */
	if (sender->sacked_segments == 0 && sender->phase == PHASE_OPEN)
		return;
	if (marks->rack_ns != sender->rack_ns && ack->ts_ns > sender->rack_ns) {
		marks->rack_ns = sender->rack_ns;
		marks->rack_rtt_us = (uint32_t)((ack->ts_ns - sender->rack_ns) / 1000);
	}
	/* RFC 8985 6.2 step 5: sent before what was delivered, and that RACK.rtt and the window ago. */
	before_ns = sender->rack_ns;
	window_us = reorder_window_us(sender, endpoint);
	wait_ns = (marks->rack_rtt_us + (uint64_t)window_us) * 1000;
	if (window_us && ack->ts_ns < before_ns + wait_ns)
		before_ns = ack->ts_ns > wait_ns ? ack->ts_ns - wait_ns + 1 : 0;
	judge_originals(sender, before_ns);
	judge_again(sender, before_ns);
}

uint32_t pipe_bytes(const struct sender *sender, uint32_t outstanding_bytes, uint32_t mss_bytes)
{
	const struct pipe *pipe = &sender->pipe;
	uint32_t segments = sendq_count(&sender->queue), bytes = outstanding_bytes, gone;

	gone = sender->sacked_segments + pipe->lost_segments + pipe->duplicates;
	if (gone | pipe->again_segments) {
		segments += pipe->again_segments;
		bytes += sender->cold->marks.again_bytes;
		take(&segments, gone);
		take(&bytes, sender->cold->sacked_bytes + sender->cold->marks.lost_bytes +
				     pipe->duplicates * mss_bytes);
	}
	segments *= mss_bytes;
	return segments > bytes ? segments : bytes;
}
