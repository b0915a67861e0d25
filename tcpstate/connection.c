/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/connection.h"

#include <string.h>

#include "tcpstate/blackbox.h"
#include "tcpstate/classify.h"
#include "tcpstate/conn_log.h"
#include "tcpstate/quoted.h"
#include "tcpstate/seq.h"
#include "tcpstate/tracker_private.h"

/* So many segments in a row far away from a stream are the stream: the capture lost the way there. */
#define FAR_OUT_RESYNC 3

static void note_syn(struct endpoint *s, struct endpoint *r, const struct segment *seg)
{
	s->seen |= SEEN_SYN;
	s->iss = seg->seq;
	s->mss_bytes = seg->options.seen & TCPOPT_HAS_MSS ? seg->options.mss_bytes : 0;
	s->wscale = WSCALE_UNKNOWN;
	if (seg->options.seen & TCPOPT_HAS_WSCALE) {
		/* RFC 7323 2.3: a shift of more than 14 is used as 14. */
		s->wscale = seg->options.wscale > 14 ? 14 : seg->options.wscale;
		s->t_flags |= TF_REQ_SCALE;
		r->t_flags |= TF_RCVD_SCALE;
	}
	if (seg->options.seen & TCPOPT_HAS_TIMESTAMP) {
		s->t_flags |= TF_REQ_TSTMP;
		r->t_flags |= TF_RCVD_TSTMP;
	}
	if (seg->options.seen & TCPOPT_HAS_SACK_PERMITTED)
		r->t_flags |= TF_SACK_PERMIT;
	if (seg->options.seen & TCPOPT_HAS_FASTOPEN)
		s->t_flags |= TF_FASTOPEN;
}

/* RFC 3168 6.1.1 and RFC 9768 3.1.1: what the SYN-ACK's flags answer to the SYN's. */
static void note_ecn(struct endpoint *client, struct endpoint *server, const struct segment *seg)
{
	uint16_t bits = seg->flags & (TCP_AE | TCP_CWR | TCP_ECE);

	if (!(seg->flags & TCP_ACK)) {
		/* Offered; taken back below if the answer says no. */
		if (bits == (TCP_AE | TCP_CWR | TCP_ECE))
			client->t_flags2 |= TF2_ACE_PERMIT;
		if ((bits & (TCP_CWR | TCP_ECE)) == (TCP_CWR | TCP_ECE))
			client->t_flags2 |= TF2_ECN_PERMIT;
		return;
	}
	if (client->t_flags2 & TF2_ACE_PERMIT && (bits == TCP_CWR || bits == (TCP_CWR | TCP_ECE) ||
						  bits == TCP_AE || bits == (TCP_AE | TCP_CWR))) {
		server->t_flags2 |= TF2_ACE_PERMIT | TF2_ECN_PERMIT;
		return;
	}
	client->t_flags2 &= ~(uint32_t)TF2_ACE_PERMIT;
	if (client->t_flags2 & TF2_ECN_PERMIT && (bits & (TCP_CWR | TCP_ECE)) == TCP_ECE)
		server->t_flags2 |= TF2_ECN_PERMIT;
	else if (client->seen & SEEN_SYN)
		client->t_flags2 &= ~(uint32_t)TF2_ECN_PERMIT;
}

static void note_flags(struct endpoint *s, const struct segment *seg)
{
	s->options_seen |= seg->options.seen;
	if (seg->options.seen & TCPOPT_HAS_MD5)
		s->t_flags |= TF_SIGNATURE;
	if (seg->flags & TCP_SYN)
		return;
	s->t_flags2 &= ~(uint32_t)(TF2_ECN_SND_ECE | TF2_ECN_SND_CWR);
	if (s->t_flags2 & TF2_ECN_PERMIT && !(s->t_flags2 & TF2_ACE_PERMIT)) {
		s->t_flags2 |= seg->flags & TCP_ECE ? TF2_ECN_SND_ECE : 0;
		s->t_flags2 |= seg->flags & TCP_CWR ? TF2_ECN_SND_CWR : 0;
	}
}

/* The sender's stream begins here for the tap. */
static void begin_stream(struct endpoint *s, uint32_t seq, bool syn)
{
	s->seen |= SEEN_SND;
	s->iss = syn ? seq : seq - 1;
	s->snd_una = seq;
	s->snd_max = seq;
}

static void begin_receiving(struct endpoint *r, uint32_t rcv_nxt)
{
	r->seen |= SEEN_RCV;
	r->rcv_nxt = rcv_nxt;
	r->rcv_adv = rcv_nxt;
}

/* The capture lost the way from what was known to this number: go on from here. */
static void resynchronise(struct tracker *tracker, struct connection *conn, enum side sender,
			  uint32_t seq)
{
	struct endpoint *s = &conn->side[sender];

	s->snd_una = seq;
	s->snd_max = seq;
	s->far_out = 0;
	s->rtt.timed_at_ns = 0;
	begin_receiving(&conn->side[side_other(sender)], seq);
	if (conn->cold) {
		struct endpoint_cold *cold = &conn->cold->side[side_other(sender)];

		cold->recvq.count = 0;
		cold->forgotten_start = cold->forgotten_end;
	}
	if (s->sender)
		sender_resync(tracker_sender(tracker, s), &tracker->senders);
}

/* Which copy of a SYN is answered its time stamp will tell. */
static void note_syn_again(struct tracker *tracker, struct connection *conn, enum side sender,
			   const struct segment *seg)
{
	struct connection_cold *cold = tracker_cold(tracker, conn);
	struct endpoint_cold *s = cold ? &cold->side[sender] : NULL;

	if (!s || !(seg->options.seen & TCPOPT_HAS_TIMESTAMP))
		return;
	s->syn[1] = s->syn[0];
	s->syn[0].ts_ns = seg->ts_ns;
	s->syn[0].tsval = seg->options.tsval;
}

/* RFC 7323 4.1, as Linux has it: the echo tells the round trip of a SYN that was sent again. */
static bool syn_echo(struct connection *conn, enum side acked, const struct segment *ack,
		     uint32_t *sample_us)
{
	struct endpoint_cold *cold = conn->cold ? &conn->cold->side[acked] : NULL;

	if (!cold || !(ack->options.seen & TCPOPT_HAS_TIMESTAMP) || conn->side[acked].rtt.samples)
		return false;
	for (int i = 0; i < 2; i++)
		if (cold->syn[i].ts_ns && cold->syn[i].tsval == ack->options.tsecr)
			return rtt_since(&conn->side[acked].rtt, cold->syn[i].ts_ns, ack->ts_ns,
					 sample_us);
	return false;
}

/* The scoreboard; without one, and for a SYN, one segment is timed at a time. */
static void note_outstanding(struct tracker *tracker, struct connection *conn, enum side sender,
			     const struct segment *seg, const struct sent *sent)
{
	struct endpoint *s = &conn->side[sender];
	const struct endpoint *r = &conn->side[side_other(sender)];
	uint32_t end = seg->seq + segment_length(seg);
	struct sender *model = NULL;
	bool unsure;

	if (end == seg->seq)
		return;
	if (!(seg->flags & TCP_SYN))
		model = tracker_sender_make(tracker, conn, sender);
	if (model) {
		if (model->window.mss_bytes == 0)
			window_begin(model, s, r);
		unsure = model->flags & SENDER_UNSURE;
		if (sent->kind != OUT_NOT_QUEUED)
			sender_sent(model, &tracker->senders, s, seg, sent);
		if (model->flags & SENDER_UNSURE && !unsure) {
			tracker->counters.scoreboards_full++;
			conn_log_scoreboard_full(tracker, conn, sender, seg->ts_ns);
		}
	} else if (sent->kind == OUT_RETRANSMISSION) {
		rtt_on_retransmit(&s->rtt, seg->seq);
		if (seg->flags & TCP_SYN)
			note_syn_again(tracker, conn, sender, seg);
	} else if (seq_after(end, s->snd_max) && sent->cause != CAUSE_WINDOW_PROBE) {
		rtt_on_send(&s->rtt, end, seg->ts_ns);
	}
}

static void count_up(uint16_t *counter, bool by)
{
	*counter = (uint16_t)(*counter + (by && *counter < UINT16_MAX));
}

/* What the receiver had acknowledged passes the tap after all: no gap of the capture, or a smaller one. */
static void note_late(struct connection *conn, const struct segment *seg, enum side sender)
{
	struct endpoint_cold *cold = conn->cold ? &conn->cold->side[side_other(sender)] : NULL;

	if (!endpoint_is_late(&conn->side[sender], cold, seg))
		return;
	cold->gap_start = seg->seq + segment_length(seg);
	conn->side[sender].gap_bytes -= segment_length(seg);
}

/* Why a segment was sent again: with the models if there are any; a SYN comes before them. */
static void count_again(struct tracker *tracker, struct connection *conn, enum side sender,
			uint8_t cause)
{
	struct endpoint *s = &conn->side[sender];
	struct sender *model = tracker_sender(tracker, s);
	struct connection_cold *cold;

	s->retransmitted_segments++;
	tracker->counters.retransmissions++;
	if (model && cause != CAUSE_SYN) {
		sender_sent_again(model, &tracker->senders, s, cause);
	} else if (cause == CAUSE_SYN || cause == CAUSE_FIN) {
		cold = tracker_cold(tracker, conn);
		if (cold && cause == CAUSE_SYN)
			cold->side[sender].syns_again++;
		else if (cold)
			cold->side[sender].fins_again++;
	}
}

/* What the sender's TCB learns from having sent this. False: its numbers are to be ignored. */
static bool account_sent(struct tracker *tracker, struct connection *conn,
			 const struct segment *seg, enum side sender, const struct sent *sent)
{
	struct endpoint *s = &conn->side[sender];
	struct endpoint *r = &conn->side[side_other(sender)];
	uint32_t end = seg->seq + segment_length(seg);

	s->segments++;
	s->payload_bytes += seg->payload_bytes;
	count_up(&s->bad_checksums, seg->checksum == CHECKSUM_BAD);
	count_up(&s->keepalives, sent->cause == CAUSE_KEEPALIVE);
	count_up(&s->mirror_duplicates, sent->cause == CAUSE_MIRROR_DUPLICATE);
	if (sent->kind == OUT_RETRANSMISSION || sent->kind == OUT_TLP_RETRANSMISSION) {
		count_again(tracker, conn, sender, sent->cause);
		s->retransmitted_bytes += seg->payload_bytes < sent->again_bytes
						  ? seg->payload_bytes
						  : sent->again_bytes;
	}
	tracker->counters.mirror_duplicates += sent->cause == CAUSE_MIRROR_DUPLICATE;
	if (sent->cause == CAUSE_OUT_OF_ORDER) {
		s->out_of_order_segments++;
		tracker->counters.out_of_order++;
	}
	if (seg->flags & TCP_RST)
		return false;
	if (sent->cause == CAUSE_OUT_OF_ORDER)
		note_late(conn, seg, sender);
	note_flags(s, seg);
	if (seg->flags & TCP_SYN) {
		/* Refused, but the client does not give up (Windows tries three times). */
		if (conn->flags & CONN_RESET && s->seen & SEEN_SYN && seg->seq == s->iss &&
		    !(r->seen & SEEN_SYN)) {
			conn->flags &= (uint8_t)~CONN_RESET;
			s->state = TCPS_SYN_SENT;
			r->state = TCPS_LISTEN;
		}
		if (s->state == TCPS_SYN_RECEIVED && !(seg->flags & TCP_ACK) &&
		    r->state == TCPS_SYN_SENT)
			conn->flags |= CONN_SIMULTANEOUS_OPEN;
		/* The first SYN, or the same attempt with another ISN, which puts an end to the first. */
		if (!(s->seen & SEEN_SND) || (s->snd_una == s->iss && seg->seq != s->iss)) {
			begin_stream(s, seg->seq, true);
			begin_receiving(r, seg->seq);
		}
		if (s->iss == seg->seq) {
			note_syn(s, r, seg);
			note_ecn(&conn->side[SIDE_CLIENT], &conn->side[SIDE_SERVER], seg);
		}
	}
	if (!(s->seen & SEEN_SND))
		begin_stream(s, seg->seq, false);
	if (!(r->seen & SEEN_RCV))
		begin_receiving(r, seg->seq);
	if (endpoint_is_far_out(s, seg)) {
		if (++s->far_out < FAR_OUT_RESYNC)
			return false;
		resynchronise(tracker, conn, sender, seg->seq);
	}
	s->far_out = 0;
	if (seg->payload_bytes && !s->first_byte_out_ticks)
		s->first_byte_out_ticks = ticks_of(seg->ts_ns);
	if (seg->flags & TCP_FIN) {
		s->seen |= SEEN_FIN;
		s->fin_end = end;
		s->t_flags |= TF_SENTFIN;
	}
	note_outstanding(tracker, conn, sender, seg, sent);
	if (seg->payload_bytes && seq_after(end, s->snd_max)) {
		struct receiver *model = tracker_receiver(tracker, conn, side_other(sender));

		if (sent->cause != CAUSE_WINDOW_PROBE && s->persist == WINDOW_REOPENED)
			s->persist = WINDOW_OPEN;
		if (model)
			model->flags &= (uint8_t)~RECEIVER_GAP;
	}
	if (is_super_packet(r, seg)) {
		struct receiver *model = tracker_receiver(tracker, conn, side_other(sender));

		conn->flags |= CONN_SUPER_PACKETS;
		if (model)
			model->super_packets++;
	}
	s->snd_max = seq_max(s->snd_max, end);
	endpoint_state_on_send(s, seg);
	return true;
}

/* A sample of the round trip was taken. */
static void take_rtt(struct tracker *tracker, struct connection *conn, enum side side,
		     uint64_t ts_ns, uint32_t sample_us, uint8_t reason)
{
	struct models *models = tracker_models(tracker, &conn->side[side]);

	if (models)
		rtt_spread_add(&models->rtt_spread, &tracker->rtt_spreads, sample_us);
	conn_log_rtt(tracker, conn, side, ts_ns, sample_us, reason);
}

/* RFC 9293 3.10.7.4, second: an RST counts if its number is RCV.NXT (RFC 5961 3). */
static void take_reset(struct tracker *tracker, struct connection *conn, const struct segment *seg,
		       enum side sender)
{
	struct endpoint *s = &conn->side[sender];
	struct endpoint *r = &conn->side[side_other(sender)];
	bool answers_syn =
		r->state == TCPS_SYN_SENT && seg->flags & TCP_ACK && seg->ack == r->snd_max;
	uint32_t sample_us;
	bool exact = answers_syn || !(s->seen & SEEN_SEGMENT) || seg->seq == r->rcv_nxt;

	s->seen |= SEEN_RST;
	/* A refusal takes a round trip like any other answer. */
	if (answers_syn && rtt_on_ack(&r->rtt, seg->ack, seg->ts_ns, &sample_us))
		take_rtt(tracker, conn, side_other(sender), seg->ts_ns, sample_us, RTT_REASON_KARN);
	/* RFC 9293 3.10.7.3: in SYN-SENT an RST must acknowledge the SYN. */
	if (r->state == TCPS_SYN_SENT && !answers_syn)
		return;
	if (!exact && seg->seq - r->rcv_nxt >= r->rcv_wnd)
		return;
	/* In the window but not exact: the receiver challenges it, its sender is gone all the same. */
	conn->flags |= CONN_RESET;
	endpoint_state_on_send(s, seg);
	if (exact)
		r->state = TCPS_CLOSED;
	conn_log_reset(tracker, conn, seg->ts_ns, answers_syn);
}

/* Data or a FIN for the receiver: RCV.NXT and the out-of-order queue. */
static void take_sequence(struct tracker *tracker, struct connection *conn,
			  const struct segment *seg, enum side sender)
{
	enum side receiver = side_other(sender);
	struct endpoint *s = &conn->side[sender];
	struct endpoint *r = &conn->side[receiver];
	uint32_t end = seg->seq + segment_length(seg), fresh = 0;
	struct connection_cold *cold = conn->cold;
	struct receiver *model = tracker_receiver(tracker, conn, receiver);

	if (seg->payload_bytes && !r->first_byte_in_ticks)
		r->first_byte_in_ticks = ticks_of(seg->ts_ns);
	if (seg->flags & TCP_URG && seq_after(seg->seq + seg->urgent, r->rcv_up))
		r->rcv_up = seg->seq + seg->urgent;
	if (seq_upto(seg->seq, r->rcv_nxt)) {
		r->rcv_nxt = seq_max(r->rcv_nxt, end);
		if (cold && cold->side[receiver].recvq.count &&
		    seqrange_release(&cold->side[receiver].recvq, &r->rcv_nxt))
			conn_log_reass(tracker, conn, receiver, seg->ts_ns, REASS_REASON_RELEASED);
		if (model)
			receiver_advanced(model, r->rcv_nxt);
		if (cold) /* what came after all */
			endpoint_forgot(&cold->side[receiver], r->rcv_nxt, r->rcv_nxt);
	} else if (end != seg->seq) {
		bool full = false;

		cold = tracker_cold(tracker, conn);
		if (cold)
			fresh = seqrange_add(&cold->side[receiver].recvq, seg->seq, end, &full);
		if (!cold || full) {
			if (!(conn->flags & CONN_REASS_FULL))
				conn_log_reass(tracker, conn, receiver, seg->ts_ns,
					       REASS_REASON_FULL);
			conn->flags |= CONN_REASS_FULL;
			/* RCV.NXT stays right; what found no room is no gap when it is acknowledged. */
			if (cold)
				endpoint_forget(&cold->side[receiver], seg->seq, end);
		} else if (fresh) {
			conn_log_reass(tracker, conn, receiver, seg->ts_ns, REASS_REASON_QUEUED);
		}
	}
	if (s->seen & SEEN_FIN && !(r->seen & SEEN_FIN_RECEIVED) &&
	    !seq_before(r->rcv_nxt, s->fin_end)) {
		r->seen |= SEEN_FIN_RECEIVED;
		endpoint_state_on_fin_received(r);
	}
}

/* The endpoint acknowledged bytes that never passed the tap: the capture has a gap, not TCP. */
static void take_gap(struct tracker *tracker, struct connection *conn, uint64_t ts_ns,
		     enum side acker, uint32_t ack)
{
	struct endpoint *a = &conn->side[acker];
	struct endpoint *d = &conn->side[side_other(acker)];
	struct endpoint_cold *cold = conn->cold ? &conn->cold->side[acker] : NULL;
	struct receiver *model = tracker_receiver(tracker, conn, acker);
	uint32_t gap = ack - a->rcv_nxt, start = a->rcv_nxt, end = ack;
	uint32_t took = model ? receiver_took(model, a->rcv_nxt, ack) : 0;

	if (cold && cold->recvq.count)
		end = seq_min(end, cold->recvq.ranges[0].start);
	if (cold)
		gap -= seqrange_overlap(&cold->recvq, a->rcv_nxt, ack);
	gap = gap > took ? gap - took : 0;
	if (!cold ? conn->flags & CONN_REASS_FULL : endpoint_forgot(cold, a->rcv_nxt, ack))
		gap = 0;
	if (took && d->bad_checksums)
		conn->flags |= CONN_OFFLOAD;
	a->rcv_nxt = ack;
	if (cold)
		seqrange_release(&cold->recvq, &a->rcv_nxt);
	d->snd_max = seq_max(d->snd_max, ack);
	/* Of a side that is never seen everything is missing; that is no event. */
	if (!(d->seen & SEEN_SEGMENT) || gap == 0)
		return;
	d->gap_bytes += gap;
	if (tracker_cold(tracker, conn)) {
		cold = &conn->cold->side[acker];
		cold->gap_start = start; /* the first hole, if there are several */
		cold->gap_end = end;
		cold->gap_ns = ts_ns;
	}
	if (model)
		model->flags |= RECEIVER_GAP;
	d->rtt.timed_at_ns = 0;
	conn_log_reass(tracker, conn, acker, ts_ns, REASS_REASON_GAP);
}

/* The scoreboard's part of an ACK. */
static void take_ack_of_model(struct tracker *tracker, struct connection *conn,
			      const struct segment *seg, enum side acked, struct sender *model,
			      bool is_duplicate)
{
	struct endpoint *d = &conn->side[acked];
	struct receiver *receiver = tracker_receiver(tracker, conn, side_other(acked));
	uint32_t srtt_us = d->rtt.srtt_us;
	uint32_t near_us =
		sender_near_us(model, d, endpoint_near_us(&conn->side[side_other(acked)]));
	struct sender_ack ack;

	sender_acked(model, &tracker->senders, d, seg, is_duplicate, near_us, &ack);
	if (receiver && ack.dsack)
		receiver->dsacks++;
	if (ack.has_rtt && !(model->flags & SENDER_UNSURE)) {
		rtt_sample(&d->rtt, ack.rtt_us, ack.min_rtt_us);
		rto_sample(&model->rto, ack.rtt_us, srtt_us, seg->ack, d->snd_max);
		take_rtt(tracker, conn, acked, seg->ts_ns, ack.rtt_us, ack.rtt_reason);
		if (receiver && seg->options.sack_count == 0)
			receiver_acked(receiver,
				       &(struct receiver_ack){ .segments = ack.delivered_segments,
							       .youngest_us = ack.min_rtt_us,
							       .least_us = d->rtt.min_us,
							       .is_last = seg->ack == d->snd_max });
	}
	if (ack.reordered | ack.dsack | ack.needless_count | ack.recovered | ack.black_hole)
		conn_log_ack(tracker, conn, acked, seg->ts_ns, &ack);
}

/* SND.UNA of the side that the sender of this ACK acknowledges. */
static void take_ack(struct tracker *tracker, struct connection *conn, const struct segment *seg,
		     enum side sender)
{
	enum side acked = side_other(sender);
	struct endpoint *s = &conn->side[sender];
	struct endpoint *d = &conn->side[acked];
	struct sender *model = tracker_sender(tracker, d);
	bool is_duplicate, acks_syn;
	uint32_t sample_us;

	if (!(d->seen & SEEN_SND)) {
		begin_stream(d, seg->ack, false);
		if (!(s->seen & SEEN_RCV))
			begin_receiving(s, seg->ack);
		endpoint_state_on_acked(d); /* its SYN was not seen, but was acknowledged */
	}
	/* Of several SYN-ACKs with different ISNs it is the one that was taken (RFC 9293 3.10.7.3). */
	if (d->seen & SEEN_SYN && d->snd_una == d->iss && d->snd_max == d->iss + 1 &&
	    seg->ack != d->snd_max && d->retransmitted_segments && !(seg->flags & TCP_SYN)) {
		begin_stream(d, seg->ack - 1, true);
		d->snd_max = seg->ack;
		begin_receiving(s, seg->ack);
	}
	if (seg->ack - d->snd_una > (1u << 30))
		return; /* old, or of another connection */
	/* Every one of its checksums is bad, and yet it is acknowledged. */
	if (d->bad_checksums && d->bad_checksums == d->segments && seq_after(seg->ack, d->snd_una))
		conn->flags |= CONN_OFFLOAD;
	if (seq_after(seg->ack, s->rcv_nxt))
		take_gap(tracker, conn, seg->ts_ns, sender, seg->ack);
	/* RFC 5681 2 */
	is_duplicate = seg->ack == d->snd_una && d->snd_max != d->snd_una &&
		       segment_length(seg) == 0 && endpoint_window(s, d, seg) == s->rcv_wnd;
	if (is_duplicate) {
		struct receiver *receiver = tracker_receiver(tracker, conn, sender);

		s->duplicate_acks++;
		d->dupacks++;
		if (receiver && receiver_confirms_paws(receiver))
			conn_log_paws(tracker, conn, sender, seg->ts_ns, PAWS_CONFIRMED, 97, 0);
	}
	/* Of nothing outstanding an ACK says nothing, but for the DSACK of a late copy. */
	if (model && (d->snd_una != d->snd_max || seg->options.sack_count ||
		      (model->flags & SENDER_TROUBLE && model->cold->behind == BEHIND_WAITS)))
		take_ack_of_model(tracker, conn, seg, acked, model, is_duplicate);
	if (seg->ack == d->snd_una)
		return;
	acks_syn = d->seen & SEEN_SYN && d->snd_una == d->iss;
	d->snd_una = seg->ack;
	d->dupacks = 0;
	if (model && model->window.flags & (WINDOW_TELL | WINDOW_LEFT_SLOW_START))
		conn_log_window(tracker, conn, acked, seg->ts_ns);
	if (rtt_on_ack(&d->rtt, seg->ack, seg->ts_ns, &sample_us))
		take_rtt(tracker, conn, acked, seg->ts_ns, sample_us, RTT_REASON_KARN);
	else if (acks_syn && syn_echo(conn, acked, seg, &sample_us))
		take_rtt(tracker, conn, acked, seg->ts_ns, sample_us, RTT_REASON_ECHO);
	endpoint_state_on_acked(d);
}

/* The window that the sender offers: its own RCV.WND, and if it is news the peer's SND.WND. */
static void take_window(struct tracker *tracker, struct connection *conn, const struct segment *seg,
			enum side sender)
{
	enum side peer = side_other(sender);
	struct endpoint *s = &conn->side[sender];
	struct endpoint *p = &conn->side[peer];
	uint32_t window = endpoint_window(s, p, seg);
	struct receiver *model = tracker_receiver(tracker, conn, sender);
	struct connection_cold *cold;

	/* RFC 9293 3.10.7.4: an old segment does not update the window (SND.WL1). */
	if (p->seen & SEEN_WINDOW && (seq_before(seg->seq, p->snd_wl1) ||
				      (seg->flags & TCP_ACK && seq_before(seg->ack, p->snd_una))))
		return;
	p->snd_wl1 = seg->seq;
	p->snd_wnd = window;
	p->seen |= SEEN_WINDOW;
	if (model && seg->flags & TCP_ACK && !(seg->flags & TCP_SYN) &&
	    s->seen & p->seen & SEEN_SYN) {
		uint32_t rounding_bytes = window == seg->window ? 1 : 1u << s->wscale;
		uint8_t confidence = 0;
		uint32_t back_bytes =
			receiver_window(model, seg, seg->ack + window, rounding_bytes, &confidence);

		if (back_bytes)
			conn_log_collapse(tracker, conn, peer, seg->ts_ns, back_bytes,
					  seg->ack + window, confidence);
	}
	if (seg->flags & TCP_ACK && seq_after(seg->ack + window, s->rcv_adv))
		s->rcv_adv = seg->ack + window;
	if (window == 0 && s->rcv_wnd && !(seg->flags & (TCP_SYN | TCP_FIN))) {
		s->zero_windows++;
		s->t_flags |= TF_RXWIN0SENT;
		cold = tracker_cold(tracker, conn);
		if (cold) {
			cold->side[sender].zero_window_since_ns = seg->ts_ns;
			cold->side[sender].probes = 0;
		}
		p->persist = WINDOW_CLOSED;
		s->rcv_wnd = 0;
		conn_log_persist(tracker, conn, peer, seg->ts_ns, PERSIST_ENTERED, 0);
	} else if (window && s->t_flags & TF_RXWIN0SENT) {
		uint64_t since_ns = conn->cold ? conn->cold->side[sender].zero_window_since_ns : 0;

		s->t_flags &= ~(uint32_t)TF_RXWIN0SENT;
		p->persist = WINDOW_REOPENED;
		s->rcv_wnd = window;
		conn_log_persist(tracker, conn, peer, seg->ts_ns, PERSIST_LEFT,
				 since_ns && since_ns < seg->ts_ns ? seg->ts_ns - since_ns : 0);
	}
	s->rcv_wnd = window;
	if (window > s->rcv_wnd_max)
		s->rcv_wnd_max = window;
}

/* SACK blocks above SND.UNA are the far sides of holes; a block below it is a DSACK (RFC 2883). */
static void take_sack(struct endpoint *acked, const struct segment *seg)
{
	uint8_t holes = 0;

	for (uint8_t i = 0; i < seg->options.sack_count; i++)
		holes += seq_after(seg->options.sack[i].start, seg->ack);
	acked->snd_numholes = holes;
}

/* What is sent again may be too large for the path. */
static void look_for_black_hole(struct tracker *tracker, struct connection *conn,
				const struct segment *seg, enum side sender)
{
	struct endpoint *s = &conn->side[sender], *r = &conn->side[side_other(sender)];
	struct sender *model = tracker_sender(tracker, s);
	bool handshake = s->seen & r->seen & SEEN_SYN;
	uint16_t mss_bytes = s->mss_bytes;
	struct pmtu_black_hole hole;

	if (r->mss_bytes && (mss_bytes == 0 || r->mss_bytes < mss_bytes))
		mss_bytes = r->mss_bytes;
	if (model && sender_in_black_hole(model, s, seg, mss_bytes, handshake, &hole))
		conn_log_black_hole(tracker, conn, sender, seg->ts_ns, &hole);
}

void connection_icmp_error(struct tracker *tracker, struct connection *conn,
			   const struct segment *error)
{
	enum side sender = connection_sender(conn, error);
	uint8_t confidence =
		quoted_confidence(&conn->side[sender], &conn->side[side_other(sender)], error);

	if (confidence == 0) {
		tracker->counters.icmp_ignored++;
		return;
	}
	conn_log_icmp(tracker, conn, sender, error, confidence);
}

/* Whether the receiver throws the segment away, all of it: damaged, or of another time (PAWS). */
static bool is_thrown_away(struct tracker *tracker, struct connection *conn,
			   const struct segment *seg, enum side sender, bool damaged)
{
	enum side receiver = side_other(sender);
	struct receiver *model = tracker_receiver(tracker, conn, receiver);
	uint32_t end = seg->seq + segment_length(seg);
	uint32_t last_ack = conn->side[sender].snd_una;
	uint8_t confidence = 0;

	if (model && !damaged)
		confidence = receiver_timestamp(model, seg, last_ack);
	if (confidence)
		conn_log_paws(tracker, conn, receiver, seg->ts_ns, PAWS_OLD, confidence,
			      seg->options.tsval);
	if (!damaged && (!confidence || !seq_after(end, last_ack)))
		return false;
	if (model)
		receiver_reject(model, seg->seq, end);
	return true;
}

/* A window probe passed. */
static void note_probe(struct tracker *tracker, struct connection *conn, const struct segment *seg,
		       enum side sender)
{
	struct endpoint_cold *cold = conn->cold ? &conn->cold->side[side_other(sender)] : NULL;
	uint64_t since_ns = cold ? cold->zero_window_since_ns : 0;

	if (cold) {
		cold->probes++;
		cold->window_probes++;
		if (seg->payload_bytes)
			cold->probe_end = seg->seq + seg->payload_bytes;
	}
	conn_log_persist(tracker, conn, sender, seg->ts_ns, PERSIST_PROBE,
			 since_ns && since_ns < seg->ts_ns ? seg->ts_ns - since_ns : 0);
}

/*
 * Neither side has sent anything with a good checksum, and yet one acknowledges just what the other has
 * sent: the capture was made in front of the offload, or its addresses were changed afterwards.
 */
static void look_for_offload(struct connection *conn, const struct segment *seg, enum side sender)
{
	const struct endpoint *s = &conn->side[sender], *r = &conn->side[side_other(sender)];

	if (seg->flags & TCP_ACK && r->segments && r->bad_checksums == r->segments &&
	    s->bad_checksums == s->segments && r->seen & SEEN_SND && seg->ack == r->snd_max)
		conn->flags |= CONN_OFFLOAD;
}

void connection_segment(struct tracker *tracker, struct connection *conn, const struct segment *seg)
{
	enum side sender = connection_sender(conn, seg);
	enum side receiver = side_other(sender);
	struct endpoint *s = &conn->side[sender];
	struct endpoint *r = &conn->side[receiver];
	bool first = !(s->seen & SEEN_SEGMENT), damaged;
	struct sender *model;
	struct sent sent;

	if (r->sender && seg->flags & TCP_ACK)
		rtt_spread_prefetch(&tracker_models(tracker, r)->rtt_spread, &tracker->rtt_spreads);
	if (conn->application)
		blackbox_look_at_application(tracker, conn, seg);
	if (seg->checksum == CHECKSUM_BAD)
		look_for_offload(conn, seg, sender);
	sent = classify(tracker, conn, seg, sender);
	damaged = is_damaged(conn, seg, sender);
	conn_log_segment(tracker, conn, seg, sender, &sent);
	conn->last_ts_ns = seg->ts_ns;
	if (sent.cause == CAUSE_MIRROR_DUPLICATE && segment_is_bare(seg)) {
		s->segments++;
		count_up(&s->bad_checksums, seg->checksum == CHECKSUM_BAD);
		count_up(&s->mirror_duplicates, true);
		tracker->counters.mirror_duplicates++;
			return;
	}
	if (account_sent(tracker, conn, seg, sender, &sent)) {
		if (sent.cause == CAUSE_WINDOW_PROBE)
			note_probe(tracker, conn, seg, sender);
		if (sent.kind == OUT_RETRANSMISSION || sent.kind == OUT_TLP_RETRANSMISSION)
			look_for_black_hole(tracker, conn, seg, sender);
		if (is_thrown_away(tracker, conn, seg, sender, damaged)) {
			s->seen |= SEEN_SEGMENT;
					return;
		}
		if (seg->flags & TCP_SYN)
			endpoint_state_on_syn(r, seg);
		if (seg->flags & TCP_ACK) {
			take_ack(tracker, conn, seg, sender);
			take_sack(r, seg);
		}
		take_sequence(tracker, conn, seg, sender);
		take_window(tracker, conn, seg, sender);
		model = tracker_sender(tracker, s);
		if (model)
			sender_passed(model, s, seg, sender_near_us(model, s, endpoint_near_us(r)));
	} else if (seg->flags & TCP_RST && !damaged) {
		take_reset(tracker, conn, seg, sender);
	}
	if (first)
		s->seen |= SEEN_SEGMENT;
}
