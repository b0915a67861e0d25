/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/fate.h"

#include "tcpstate/event.h"
#include "tcpstate/seq.h"

void fate_begin(struct fate *fate, uint32_t snd_una, uint32_t outstanding)
{
	fate->undo = outstanding != 0;
	fate->undo_left = (uint16_t)(outstanding < UINT16_MAX ? outstanding : UINT16_MAX);
	fate->undo_start = fate->undo_end = snd_una;
	fate->undo_tsval = 0;
}

void fate_sent_again(struct fate *fate, const struct segment *seg, uint8_t cause)
{
	uint32_t end = seg->seq + segment_length(seg);
	struct retransmitted *last = &fate->recent[(uint8_t)(fate->next - 1) % FATE_RECENT];

	if (last->count && last->count < UINT16_MAX && last->end == seg->seq &&
	    last->cause == cause) {
		last->end = end;
		last->count++;
	} else {
		fate->recent[fate->next++ % FATE_RECENT] = (struct retransmitted){
			.start = seg->seq, .end = end, .count = 1, .cause = cause
		};
	}
	if (fate->undo && fate->undo_left < UINT16_MAX)
		fate->undo_left++;
	else if (!fate->undo)
		fate->undo_left = 1;
	if (fate->undo && fate->undo_end != fate->undo_start)
		return;
	fate->undo = true;
	fate->undo_start = seg->seq;
	fate->undo_end = end;
	fate->undo_cause = cause;
	fate->undo_tsval = seg->options.seen & TCPOPT_HAS_TIMESTAMP ? seg->options.tsval : 0;
}

bool fate_on_dsack(struct fate *fate, struct tcp_sack_block block, struct needless *verdict)
{
	for (uint8_t i = 1; i <= FATE_RECENT; i++) {
		struct retransmitted *one = &fate->recent[(uint8_t)(fate->next - i) % FATE_RECENT];

		if (one->needless >= one->count || !seq_before(one->start, block.end) ||
		    !seq_before(block.start, one->end))
			continue;
		one->needless++;
		*verdict = (struct needless){ .block = block,
					      .cause = one->cause,
					      .reason = BAD_RETRAN_DSACK };
		/* As Linux: one of an earlier episode does not count for this one. */
		if (fate->undo && seq_after(block.end, fate->undo_start) && fate->undo_left &&
		    --fate->undo_left == 0)
			verdict->undone = true;
		return true;
	}
	return false;
}

bool fate_on_ack(struct fate *fate, const struct segment *ack, bool original_acked,
		 struct needless *verdict)
{
	uint8_t reason;

	if (!fate->undo || !seq_after(ack->ack, fate->undo_start))
		return false;
	/* RFC 3522 3.2: the echo of a time before the first retransmission answers the original. */
	if (fate->undo_tsval && ack->options.seen & TCPOPT_HAS_TIMESTAMP && ack->options.tsecr &&
	    seq_before(ack->options.tsecr, fate->undo_tsval))
		reason = BAD_RETRAN_EIFEL;
	else if (original_acked)
		reason = BAD_RETRAN_FRTO;
	else
		return false;
	*verdict = (struct needless){ .block = { fate->undo_start, fate->undo_end },
				      .cause = fate->undo_cause,
				      .reason = reason,
				      .undone = true };
	fate->undo = false;
	return true;
}
