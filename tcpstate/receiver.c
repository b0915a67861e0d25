/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/receiver.h"

#include <string.h>

#include "tcpstate/seq.h"

#define COPY_ID_US   500000u
#define COPY_BARE_US 2000u
/* RFC 7323 5.5: a connection that was idle for longer takes any time stamp. */
#define PAWS_IDLE_NS (UINT64_C(24) * 24 * 3600 * 1000000000)
/* Timers of delayed ACKs are 40 ms and more; what came back sooner may have waited in a queue. */
#define DELAYED_MIN_US 20000u
/* RFC 9293 3.8.6.3: not more than half a second. */
#define DELAYED_MAX_US 550000u
#define IP_ID_NEAR     512

void receiver_init(struct receiver *receiver)
{
	memset(receiver, 0, sizeof(*receiver));
}

static uint32_t mix(uint32_t digest, uint32_t word)
{
	digest = (digest ^ word) * 0x9e3779b1u;
	return digest ^ digest >> 15;
}

uint32_t receiver_digest(const struct segment *seg)
{
	const struct tcp_options *options = &seg->options;
	uint32_t digest = mix(seg->seq, seg->flags | (uint32_t)seg->sender << 16);

	digest = mix(digest, seg->ack);
	digest = mix(digest, seg->window | (uint32_t)seg->ip_id << 16);
	digest = mix(digest, seg->payload_bytes ^ (uint32_t)options->seen << 16);
	if (options->seen & TCPOPT_HAS_TIMESTAMP)
		digest = mix(mix(digest, options->tsval), options->tsecr);
	for (uint8_t i = 0; i < options->sack_count; i++)
		digest = mix(mix(digest, options->sack[i].start), options->sack[i].end);
	return digest;
}

uint8_t receiver_is_copy(struct receiver *receiver, const struct segment *seg, bool has_sack)
{
	uint32_t digest = receiver_digest(seg), now_us = (uint32_t)(seg->ts_ns / 1000);
	bool has_id = seg->key.ip_version == 4 && seg->ip_id;

	for (int i = 0; i < RECEIVER_COPIES; i++) {
		const struct receiver_copy *copy = &receiver->copies[i];

		if (copy->digest != digest)
			continue;
		if (has_id && now_us - copy->ts_us <= COPY_ID_US)
			return 95;
		if (!has_id && has_sack && now_us - copy->ts_us <= COPY_BARE_US)
			return 70;
	}
	receiver->copies[receiver->copy_next++ % RECEIVER_COPIES] =
		(struct receiver_copy){ digest, now_us };
	return 0;
}

void receiver_acked(struct receiver *receiver, const struct receiver_ack *ack)
{
	uint32_t delay_us = ack->youngest_us > ack->least_us ? ack->youngest_us - ack->least_us : 0;

	if (ack->segments == 0)
		return;
	if (receiver->acks == 0 || delay_us < receiver->delay_min_us)
		receiver->delay_min_us = delay_us;
	if (delay_us > receiver->delay_max_us)
		receiver->delay_max_us = delay_us;
	receiver->delay_sum_us += delay_us;
	receiver->acks++;
	receiver->acked_segments += ack->segments;
	if (ack->segments > receiver->acked_segments_max)
		receiver->acked_segments_max = ack->segments;
	/* RFC 5681 4.2: every second segment is acknowledged at once, so only a lone one waits. */
	receiver->delayed_acks += ack->segments == 1 && ack->is_last &&
				  delay_us >= DELAYED_MIN_US && delay_us <= DELAYED_MAX_US;
}

uint32_t receiver_window(struct receiver *receiver, const struct segment *seg, uint32_t edge,
			 uint32_t rounding_bytes, uint8_t *confidence)
{
	bool has_time = seg->options.seen & TCPOPT_HAS_TIMESTAMP;
	bool known = receiver->flags & RECEIVER_EDGE;
	bool timed = known && has_time && receiver->flags & RECEIVER_ACK_TIME;
	int16_t by_id = (int16_t)(seg->ip_id - receiver->ack_ip_id);
	bool has_id = known && seg->key.ip_version == 4 && seg->ip_id && receiver->ack_ip_id;
	uint32_t back_bytes = 0;

	/* SND.WL1 and SND.WL2 do not order segments with the same numbers. */
	if (timed && seq_before(seg->options.tsval, receiver->ack_tsval))
		return 0;
	if (has_id && by_id < 0 && by_id > -IP_ID_NEAR &&
	    (!timed || seg->options.tsval == receiver->ack_tsval))
		return 0;
	if (known && seq_before(edge, receiver->edge)) {
		back_bytes = receiver->edge - edge;
		if (back_bytes < rounding_bytes || back_bytes > 1u << 30)
			back_bytes = 0;
	}
	if (back_bytes) {
		receiver->collapses++;
		*confidence = has_time || has_id ? 95 : 70;
	}
	receiver->edge = edge;
	receiver->ack_tsval = seg->options.tsval;
	receiver->ack_ip_id = seg->ip_id;
	receiver->flags |= RECEIVER_EDGE;
	receiver->flags = (uint8_t)((receiver->flags & ~RECEIVER_ACK_TIME) |
				    (has_time ? RECEIVER_ACK_TIME : 0));
	return back_bytes;
}

uint8_t receiver_timestamp(struct receiver *receiver, const struct segment *seg, uint32_t last_ack)
{
	uint32_t end = seg->seq + segment_length(seg);
	bool known = receiver->ts_recent_ns && seg->ts_ns >= receiver->ts_recent_ns &&
		     seg->ts_ns - receiver->ts_recent_ns < PAWS_IDLE_NS;

	/* RFC 7323 5.2: not an RST; and a SYN has no place in time. */
	if (!(seg->options.seen & TCPOPT_HAS_TIMESTAMP) || seg->flags & (TCP_RST | TCP_SYN))
		return 0;
	if (known && seq_before(seg->options.tsval, receiver->ts_recent)) {
		/* An ACK that was overtaken is taken by many (Linux), and does no harm elsewhere. */
		if (receiver->flags & RECEIVER_PAWS_OFF || end == seg->seq)
			return 0;
		receiver->paws_rejects++;
		/* Late by itself it is old data; new data with an old time is what PAWS is for. */
		if (seq_upto(end, last_ack))
			return 60;
		receiver->flags |= RECEIVER_PAWS_ASKED;
		return 75;
	}
	if (seq_upto(seg->seq, last_ack) && !seq_before(end, last_ack)) {
		receiver->ts_recent = seg->options.tsval;
		receiver->ts_recent_ns = seg->ts_ns;
	}
	return 0;
}

void receiver_reject(struct receiver *receiver, uint32_t start, uint32_t end)
{
	bool kept = receiver->flags & RECEIVER_REJECTED;

	if (start == end)
		return;
	if (kept && seq_upto(start, receiver->rejected_end) &&
	    seq_upto(receiver->rejected_start, end)) {
		receiver->rejected_start = seq_min(receiver->rejected_start, start);
		receiver->rejected_end = seq_max(receiver->rejected_end, end);
	} else if (!kept) {
		receiver->rejected_start = start;
		receiver->rejected_end = end;
		receiver->flags |= RECEIVER_REJECTED;
	}
}

void receiver_advanced(struct receiver *receiver, uint32_t rcv_nxt)
{
	if (receiver->flags & RECEIVER_REJECTED && seq_upto(receiver->rejected_end, rcv_nxt))
		receiver->flags &= (uint8_t)~RECEIVER_REJECTED;
}

uint32_t receiver_took(struct receiver *receiver, uint32_t rcv_nxt, uint32_t ack)
{
	uint32_t start = seq_max(receiver->rejected_start, rcv_nxt);
	uint32_t end = seq_min(receiver->rejected_end, ack);

	if (!(receiver->flags & RECEIVER_REJECTED) || !seq_before(start, end))
		return 0;
	if (receiver->flags & RECEIVER_PAWS_ASKED)
		receiver->flags |= RECEIVER_PAWS_OFF;
	receiver->flags &= (uint8_t) ~(RECEIVER_REJECTED | RECEIVER_PAWS_ASKED);
	return end - start;
}

bool receiver_confirms_paws(struct receiver *receiver)
{
	bool asked = receiver->flags & RECEIVER_PAWS_ASKED;

	receiver->flags &= (uint8_t)~RECEIVER_PAWS_ASKED;
	return asked;
}
