/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/classify.h"

#include "tcpstate/cause.h"
#include "tcpstate/conn_log.h"
#include "tcpstate/seq.h"
#include "tcpstate/tracker_private.h"

/* A side all of whose segments, so many, have a bad checksum is one that leaves it to its hardware. */
#define OFFLOAD_SEGMENTS 8
/* A copy of a segment without data, where no more than the last one is remembered. */
#define COPY_NS UINT64_C(2000000)

/* A SYN-ACK that comes so long after the SYN is not the first, whatever the tap saw (RFC 6298 2.1). */
#define SYNACK_AGAIN_NS UINT64_C(900000000)

/* The timers of SYN and SYN-ACK; both are also sent again in answer to what the peer sends again. */
static void classify_syn(const struct connection *conn, const struct endpoint *s,
			 const struct segment *seg, struct sent *sent, struct sender_step *step)
{
	uint64_t waited_ns = seg->ts_ns > conn->last_ts_ns ? seg->ts_ns - conn->last_ts_ns : 0;

	if (sent->cause != CAUSE_SYN) {
		if (!(seg->flags & TCP_ACK) || s->seen & SEEN_SEGMENT || conn->start != START_SYN ||
		    waited_ns < SYNACK_AGAIN_NS)
			return;
		*sent = (struct sent){ .kind = OUT_RETRANSMISSION,
				       .cause = CAUSE_SYN,
				       .confidence = 75,
				       .again_bytes = segment_length(seg) };
	}
	if (waited_ns < SYNACK_AGAIN_NS)
		return;
	step->timeout = true;
	step->confidence = sent->confidence;
	step->timer_ms =
		waited_ns / 1000000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(waited_ns / 1000000);
	step->backoff =
		(uint8_t)(s->retransmitted_segments < 254 ? s->retransmitted_segments + 1 : 255);
}

/* The confidence that a segment without data is one that the mirror made twice; 0: it is not. */
static uint8_t is_copy(struct tracker *tracker, struct connection *conn, const struct segment *seg,
		       enum side sender)
{
	struct receiver *model = tracker_receiver(tracker, conn, sender);
	bool has_sack = conn->side[0].t_flags & conn->side[1].t_flags & TF_SACK_PERMIT;
	uint16_t digest, last = conn->last_digest;
	bool has_id = seg->key.ip_version == 4 && seg->ip_id;

	if (!segment_is_bare(seg))
		return 0; /* the scoreboard knows */
	if (model && !(seg->flags & (TCP_SYN | TCP_RST)))
		return receiver_is_copy(model, seg, has_sack);
	digest = (uint16_t)(receiver_digest(seg) >> 16);
	conn->last_digest = digest;
	if (digest != last || seg->ts_ns - conn->last_ts_ns > COPY_NS ||
	    !(conn->side[sender].seen & SEEN_SEGMENT) ||
	    (!has_id && !has_sack && !(seg->flags & (TCP_SYN | TCP_RST))))
		return 0;
	return has_id ? 95 : 70;
}

bool is_damaged(const struct connection *conn, const struct segment *seg, enum side sender)
{
	const struct endpoint *s = &conn->side[sender];

	return seg->checksum == CHECKSUM_BAD && !(conn->flags & CONN_OFFLOAD) &&
	       !(seg->flags & TCP_SYN) &&
	       !(s->bad_checksums >= OFFLOAD_SEGMENTS && s->bad_checksums == s->segments);
}

/* What the tap or the capture did to the segment; kind is what it would be without. */
static void note_capture(struct tracker *tracker, const struct connection *conn,
			 const struct segment *seg, enum side sender, struct sent *sent)
{
	const struct endpoint *s = &conn->side[sender], *r = &conn->side[side_other(sender)];
	const struct receiver *model = tracker_receiver(tracker, conn, side_other(sender));

	if (is_damaged(conn, seg, sender)) {
		sent->cause = CAUSE_BAD_CHECKSUM;
		sent->confidence = 100;
	}
	if (sent->cause != CAUSE_NONE || sent->kind != OUT_NEW || seg->payload_bytes == 0)
		return;
	if (model && model->flags & RECEIVER_GAP && !seq_before(seg->seq, s->snd_max)) {
		sent->cause = CAUSE_CAPTURE_GAP;
		sent->confidence = 90;
	} else if (is_super_packet(r, seg)) {
		sent->cause = CAUSE_SUPER_PACKET;
		sent->confidence = 100;
	}
}

struct sent classify(struct tracker *tracker, struct connection *conn, const struct segment *seg,
		     enum side sender)
{
	struct endpoint *s = &conn->side[sender], *r = &conn->side[side_other(sender)];
	struct sent sent =
		endpoint_classify(s, r, connection_cold_of(conn, side_other(sender)), seg);
	struct sender *model = tracker_sender(tracker, s);
	uint32_t near_us = sender_near_us(model, s, endpoint_near_us(r));
	struct sender_step step = { 0 };
	uint8_t copy = is_copy(tracker, conn, seg, sender);

	if (copy)
		return (struct sent){ .kind = OUT_NOT_QUEUED,
				      .cause = CAUSE_MIRROR_DUPLICATE,
				      .confidence = copy };
	if (seg->flags & TCP_SYN) {
		classify_syn(conn, s, seg, &sent, &step);
	} else if (model && segment_length(seg) && !(seg->flags & TCP_RST) &&
		   sent.cause != CAUSE_WINDOW_PROBE && sent.kind != OUT_NOT_QUEUED &&
		   !endpoint_is_far_out(s, seg)) {
		if (sent.kind == OUT_NEW &&
		    (sent.again_bytes ||
		     endpoint_is_late(s, connection_cold_of(conn, side_other(sender)), seg))) {
			/* It goes on behind a window probe, or comes late: the model knows no better. */
		} else if (seq_before(seg->seq, s->snd_max)) {
			cause_of_old(model, s, seg, near_us, &sent);
			sender_step(model, &tracker->senders, s, seg, &sent, near_us, &step);
		} else {
			cause_of_new(model, s, seg, near_us, &sent);
			sender_step(model, &tracker->senders, s, seg, &sent, near_us, &step);
		}
	}
	if (step.timeout | step.recovery)
		conn_log_step(tracker, conn, sender, seg->ts_ns, &step, sent.cause);
	note_capture(tracker, conn, seg, sender, &sent);
	return sent;
}
