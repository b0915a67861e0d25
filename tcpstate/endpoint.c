/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/endpoint.h"

#include <string.h>

#include "tcpstate/event.h"
#include "tcpstate/sender.h"
#include "tcpstate/seq.h"

_Static_assert(sizeof(struct endpoint) == 152, "see the budget in connection.h");

/*
 * RFC 7323 2.3 keeps windows below 2^30, so a number that is further away than that from what an
 * endpoint sent before can't belong to the same stream.
 */
#define FAR_OUT (1u << 30)

void endpoint_init(struct endpoint *endpoint, uint8_t state)
{
	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->state = state;
	endpoint->wscale = WSCALE_UNKNOWN;
}

void endpoint_forget(struct endpoint_cold *cold, uint32_t start, uint32_t end)
{
	bool none = cold->forgotten_start == cold->forgotten_end;

	cold->forgotten_start = none ? start : seq_min(cold->forgotten_start, start);
	cold->forgotten_end = none ? end : seq_max(cold->forgotten_end, end);
}

bool endpoint_forgot(struct endpoint_cold *cold, uint32_t start, uint32_t end)
{
	bool some = cold->forgotten_start != cold->forgotten_end &&
		    seq_before(cold->forgotten_start, end) && seq_before(start, cold->forgotten_end);

	if (seq_upto(cold->forgotten_end, end))
		cold->forgotten_start = cold->forgotten_end;
	else if (some)
		cold->forgotten_start = seq_max(cold->forgotten_start, end);
	return some;
}

bool endpoint_is_far_out(const struct endpoint *sender, const struct segment *seg)
{
	uint32_t distance = seg->seq - sender->snd_max;

	if (!(sender->seen & SEEN_SND) || seg->flags & (TCP_SYN | TCP_RST))
		return false;
	return distance + FAR_OUT > 2 * FAR_OUT;
}

/* RFC 9293 3.8.4 and 3.8.6.1: one old byte, or none, right below the next new one. */
static bool is_probe(const struct endpoint *sender, const struct segment *seg)
{
	return seg->payload_bytes <= 1 && !(seg->flags & (TCP_SYN | TCP_FIN)) &&
	       sender->snd_una == sender->snd_max && seg->seq + 1 == sender->snd_max;
}

/*
 * A mirror port may show the two directions out of step: an ACK in front of its data, which still comes
 * in front of what was sent behind it. Sent again it would be after a timeout at the earliest, for the
 * receiver has it (RFC 6298; 200 ms is Linux's floor).
 */
#define LATE_NS UINT64_C(200000000)

bool endpoint_is_late(const struct endpoint *sender, const struct endpoint_cold *receiver_cold,
		      const struct segment *seg)
{
	uint32_t length = segment_length(seg);

	return receiver_cold && length && !(seg->flags & (TCP_SYN | TCP_RST)) &&
	       receiver_cold->gap_start != receiver_cold->gap_end &&
	       sender->snd_max == receiver_cold->gap_end &&
	       !seq_before(seg->seq, receiver_cold->gap_start) &&
	       seq_upto(seg->seq + length, receiver_cold->gap_end) &&
	       seg->ts_ns >= receiver_cold->gap_ns && seg->ts_ns - receiver_cold->gap_ns < LATE_NS;
}

/* The window opened: the stream goes on, from the byte on that probed it. */
static bool follows_probe(const struct endpoint *sender, const struct endpoint_cold *receiver_cold,
			  const struct segment *seg)
{
	return receiver_cold && receiver_cold->window_probes && seg->payload_bytes > 1 &&
	       seg->seq == sender->snd_una && seg->seq + 1 == sender->snd_max &&
	       receiver_cold->probe_end == sender->snd_max;
}

static uint32_t seen_before(const struct endpoint *receiver, const struct endpoint_cold *cold,
			    uint32_t start, uint32_t end)
{
	uint32_t sum = 0;

	if (receiver->seen & SEEN_RCV && seq_before(start, receiver->rcv_nxt))
		sum += seq_min(end, receiver->rcv_nxt) - start;
	if (cold)
		sum += seqrange_overlap(&cold->recvq, start, end);
	return sum;
}

struct sent endpoint_classify(const struct endpoint *sender, const struct endpoint *receiver,
			      const struct endpoint_cold *receiver_cold, const struct segment *seg)
{
	uint32_t length = segment_length(seg);
	uint32_t end = seg->seq + length;
	bool closed_window = sender->seen & SEEN_WINDOW && sender->snd_wnd == 0;
	struct sent sent = { .kind = OUT_NEW, .cause = CAUSE_NONE };

	if (seg->flags & TCP_RST) {
		sent.kind = OUT_NOT_QUEUED;
		return sent;
	}
	if (!(sender->seen & SEEN_SND) || !(sender->seen & SEEN_SEGMENT) ||
	    endpoint_is_far_out(sender, seg))
		return sent;
	if (is_probe(sender, seg)) {
		sent.kind = OUT_NOT_QUEUED;
		/* A window update may be lost behind the tap: who has not used it does not know it. */
		sent.cause = closed_window || sender->persist ? CAUSE_WINDOW_PROBE
							      : CAUSE_KEEPALIVE;
		sent.confidence = sender->persist == WINDOW_REOPENED ? 80 : 95;
		return sent;
	}
	if (length == 0)
		return sent;
	if (closed_window && seg->payload_bytes == 1 && seg->seq == sender->snd_una) {
		/* A byte that was not taken is offered again: nothing was lost. */
		sent.kind = seq_before(seg->seq, sender->snd_max) ? OUT_NOT_QUEUED : OUT_NEW;
		sent.cause = CAUSE_WINDOW_PROBE;
		sent.confidence = 95;
		return sent;
	}
	/* A SYN that is sent again with another ISN is a SYN that is sent again (RFC 9293 3.8.1). */
	if (seg->flags & TCP_SYN && sender->seen & SEEN_SYN) {
		sent.kind = OUT_RETRANSMISSION;
		sent.cause = CAUSE_SYN;
		sent.confidence = seg->seq == sender->iss ? 100 : 80;
		sent.again_bytes = length;
		return sent;
	}
	if (!seq_before(seg->seq, sender->snd_max))
		return sent;
	if (follows_probe(sender, receiver_cold, seg)) {
		sent.again_bytes = 1;
		return sent;
	}
	if (endpoint_is_late(sender, receiver_cold, seg)) {
		sent.cause = CAUSE_OUT_OF_ORDER;
		sent.confidence = 80;
		return sent;
	}
	sent.again_bytes = seen_before(receiver, receiver_cold, seg->seq, end);
	if (sent.again_bytes == 0) {
		sent.cause = CAUSE_OUT_OF_ORDER;
		sent.confidence = 100;
		return sent;
	}
	sent.kind = OUT_RETRANSMISSION;
	sent.cause = CAUSE_AMBIGUOUS;
	sent.confidence = 50;
	if (seg->flags & TCP_FIN && seg->payload_bytes == 0) {
		sent.cause = CAUSE_FIN;
		sent.confidence = 100;
	}
	return sent;
}

uint32_t endpoint_window(const struct endpoint *sender, const struct endpoint *receiver,
			 const struct segment *seg)
{
	/* RFC 7323 2.2: scaling is on only if both SYNs had the option. */
	if (seg->flags & TCP_SYN || sender->wscale == WSCALE_UNKNOWN ||
	    receiver->wscale == WSCALE_UNKNOWN)
		return seg->window;
	return (uint32_t)seg->window << sender->wscale;
}

/* What the sender's model infers; see window.h for what it claims where. */
static void snapshot_window(const struct endpoint *endpoint, const struct sender *sender,
			    struct snapshot *out)
{
	const struct window *window = &sender->window;
	const struct sender_cold *cold = sender->cold;
	uint8_t limit = window_limit(sender, endpoint), confidence;

	out->inflight = window_in_flight(sender, endpoint);
	out->delivered = window->delivered;
	if (cold) {
		const struct window_past *past = &cold->past;
		uint32_t rate_max = past->rate_max[0] > past->rate_max[1] ? past->rate_max[0]
									  : past->rate_max[1];

		out->lost = cold->marks.lost_total;
		/* In 64 bytes/s. */
		out->cur_del_rate_lo = out->bw_inuse_lo = past->rate << 6;
		out->cur_del_rate_hi = out->bw_inuse_hi = past->rate >> 26;
		out->del_rate_lo = rate_max << 6;
		out->del_rate_hi = rate_max >> 26;
	}
	out->model = (uint32_t)limit | (uint32_t)window_family(sender, &confidence) << 8;
	if (window->mss_bytes == 0 || window->flags & WINDOW_ELSEWHERE)
		return;
	out->snd_cwnd = window->cwnd_bytes;
	if (window->ssthresh_bytes != WINDOW_UNKNOWN)
		out->snd_ssthresh = window->ssthresh_bytes;
	/* As Linux has it: until so much is delivered. */
	if (limit == LIMIT_APPLICATION)
		out->applimited = window->delivered + sendq_count(&sender->queue);
}

void endpoint_snapshot(const struct endpoint *endpoint, const struct endpoint *peer,
		       const struct endpoint_cold *cold, struct sender *sender,
		       uint32_t start_ticks, struct snapshot *out)
{
	bool scaled = endpoint->wscale != WSCALE_UNKNOWN && peer->wscale != WSCALE_UNKNOWN;
	/* Of a peer that is never seen nothing is known to be acknowledged. */
	uint32_t in_flight = peer->seen & SEEN_SEGMENT ? endpoint->snd_max - endpoint->snd_una : 0;

	memset(out, 0, sizeof(*out));
	out->t_state = endpoint->state;
	out->t_flags = endpoint->t_flags;
	/* As far as the tap sees: the ACK may be on its way. */
	if (endpoint->seen & SEEN_RCV && peer->seen & SEEN_SND && endpoint->state >= TCPS_ESTABLISHED &&
	    seq_after(endpoint->rcv_nxt, peer->snd_una))
		out->t_flags |= TF_DELACK;
	out->t_flags2 = endpoint->t_flags2;
	out->iss = endpoint->iss;
	out->snd_una = endpoint->snd_una;
	out->snd_max = endpoint->snd_max;
	out->snd_nxt = endpoint->snd_max;
	out->snd_wnd = endpoint->snd_wnd;
	out->snd_ssthresh = SSTHRESH_UNKNOWN;
	out->srtt_us = endpoint->rtt.samples
			       ? endpoint->rtt.srtt_us +
					 sender_near_us(sender, endpoint, endpoint_near_us(peer))
			       : 0;
	out->rttvar_us = endpoint->rtt.rttvar_us;
	out->rcv_up = endpoint->rcv_up;
	out->rcv_adv = endpoint->rcv_adv;
	out->rcv_nxt = endpoint->rcv_nxt;
	out->rcv_wnd = endpoint->rcv_wnd;
	out->dupacks = endpoint->dupacks;
	out->segqlen = cold ? seqrange_segments(&cold->recvq) : 0;
	out->snd_numholes = endpoint->snd_numholes;
	out->start_ticks = start_ticks;
	out->first_byte_in_ticks = endpoint->first_byte_in_ticks;
	out->first_byte_out_ticks = endpoint->first_byte_out_ticks;
	out->scales = scaled ? (uint32_t)(peer->wscale | endpoint->wscale << 4) : 0;
	out->rxbuf_bytes = endpoint->rcv_wnd_max - endpoint->rcv_wnd;
	out->txbuf_bytes = in_flight;
	out->rtt_prop_us =
		endpoint->rtt.samples ? endpoint->rtt.min_us + endpoint_near_us(peer) : 0;
	out->inflight = in_flight;
	if (!sender)
		return;
	snapshot_window(endpoint, sender, out);
	out->pkts_out = sendq_count(&sender->queue);
	if (sender->phase != PHASE_OPEN) {
		out->snd_recover = sender->cold->recover;
		out->t_flags |= sender->phase == PHASE_RECOVERY ? TF_FASTRECOVERY | TF_CONGRECOVERY
								: TF_CONGRECOVERY;
	}
}

void endpoint_state_on_send(struct endpoint *sender, const struct segment *seg)
{
	uint16_t flags = seg->flags;

	if (flags & TCP_RST) {
		sender->state = TCPS_CLOSED;
		return;
	}
	if (flags & TCP_SYN) {
		if (flags & TCP_ACK) {
			if (sender->state <= TCPS_SYN_SENT)
				sender->state = TCPS_SYN_RECEIVED;
		} else if (sender->state <= TCPS_LISTEN) {
			sender->state = TCPS_SYN_SENT;
		}
	} else if (sender->state == TCPS_SYN_SENT && flags & TCP_ACK) {
		/* The tap missed the SYN-ACK that this acknowledges. */
		sender->state = TCPS_ESTABLISHED;
	}
	if (flags & TCP_FIN) {
		if (sender->state == TCPS_ESTABLISHED || sender->state == TCPS_SYN_RECEIVED)
			sender->state = TCPS_FIN_WAIT_1;
		else if (sender->state == TCPS_CLOSE_WAIT)
			/* If it does not acknowledge the peer's FIN, the two cross on the wire. */
			sender->state = seq_before(seg->ack, sender->rcv_nxt) ? TCPS_CLOSING
									      : TCPS_LAST_ACK;
	}
}

/* RFC 9293 3.10.7.2 and 3.10.7.3 */
void endpoint_state_on_syn(struct endpoint *receiver, const struct segment *seg)
{
	if (!(seg->flags & TCP_ACK)) {
		if (receiver->state == TCPS_LISTEN || receiver->state == TCPS_SYN_SENT)
			receiver->state = TCPS_SYN_RECEIVED;
		return;
	}
	if (receiver->state == TCPS_SYN_SENT) {
		/* SND.UNA < SEG.ACK =< SND.NXT, else the peer answers another SYN */
		if (seq_after(seg->ack, receiver->iss) && seq_upto(seg->ack, receiver->snd_max))
			receiver->state = TCPS_ESTABLISHED;
	} else if (receiver->state == TCPS_CLOSED && !(receiver->seen & SEEN_SEGMENT)) {
		receiver->state = TCPS_ESTABLISHED; /* the tap missed its SYN */
	}
}

/* RFC 9293 3.10.7.4, fifth: SND.UNA has moved */
void endpoint_state_on_acked(struct endpoint *receiver)
{
	if (receiver->state == TCPS_SYN_RECEIVED && seq_after(receiver->snd_una, receiver->iss))
		receiver->state = TCPS_ESTABLISHED;
	if (!(receiver->seen & SEEN_FIN) || seq_before(receiver->snd_una, receiver->fin_end))
		return;
	if (receiver->state == TCPS_FIN_WAIT_1)
		receiver->state = TCPS_FIN_WAIT_2;
	else if (receiver->state == TCPS_CLOSING)
		receiver->state = TCPS_TIME_WAIT;
	else if (receiver->state == TCPS_LAST_ACK)
		receiver->state = TCPS_CLOSED;
}

/* RFC 9293 3.10.7.4, eighth: RCV.NXT went past the peer's FIN */
void endpoint_state_on_fin_received(struct endpoint *receiver)
{
	switch (receiver->state) {
	case TCPS_SYN_SENT: /* the tap missed the SYN-ACK */
	case TCPS_SYN_RECEIVED:
	case TCPS_ESTABLISHED:
		receiver->state = TCPS_CLOSE_WAIT;
		break;
	case TCPS_FIN_WAIT_1:
		receiver->state = TCPS_CLOSING;
		break;
	case TCPS_FIN_WAIT_2:
		receiver->state = TCPS_TIME_WAIT;
		break;
	default:
		break;
	}
}
