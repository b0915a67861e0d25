/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receiver.h - the model of an endpoint that receives data: how it acknowledges (RFC 9293 3.8.6.3,
 * RFC 5681 4.2), what window it takes back (RFC 9293 3.8.6), what it rejects by its time stamp (RFC
 * 7323 5), and which of its segments are only copies that the mirror made.
 *
 * There is one for each sender model, of that sender's peer, and it lives as long. Callers announce
 * facts; every function returns what they showed. Time is that of the packet.
 */
#ifndef BBTAP_TCPSTATE_RECEIVER_H
#define BBTAP_TCPSTATE_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/segment.h"

#define RECEIVER_COPIES 4

enum receiver_flag {
	RECEIVER_EDGE = 0x01,	    /* edge means something */
	RECEIVER_ACK_TIME = 0x02,   /* ack_tsval, too */
	RECEIVER_REJECTED = 0x04,   /* rejected_start and rejected_end, too */
	RECEIVER_PAWS_OFF = 0x08,   /* it took what PAWS forbids: no claims any more */
	RECEIVER_PAWS_ASKED = 0x10, /* a segment was said to be rejected; its answer is awaited */
	RECEIVER_GAP = 0x20,	    /* the capture lost packets, and nothing new was sent since */
};

/* An ACK without data that this endpoint has sent. */
struct receiver_copy {
	uint32_t digest; /* of all that two segments can differ in */
	uint32_t ts_us;	 /* modulo 2^32 */
};

/* The first line is what each segment needs. */
struct receiver {
	uint64_t ts_recent_ns; /* when ts_recent was taken over; 0: there is none */
	uint32_t ts_recent;    /* RFC 7323 4.3 */
	uint32_t edge;	       /* the right edge that it offered last */
	uint32_t ack_tsval;    /* of the segment that did */
	uint16_t ack_ip_id;
	uint8_t flags; /* enum receiver_flag */
	uint8_t copy_next;
	struct receiver_copy copies[RECEIVER_COPIES];
	uint32_t rejected_start, rejected_end; /* passed the tap, and was (as it seems) not taken */
	uint64_t delay_sum_us;
	uint32_t acks; /* that acknowledged something new */
	uint32_t acked_segments;
	uint32_t acked_segments_max; /* by one ACK */
	uint32_t delay_min_us, delay_max_us;
	uint32_t delayed_acks; /* that waited for a timer, clearly */
	uint32_t dsacks;
	uint32_t paws_rejects;
	uint32_t collapses;
	uint32_t super_packets; /* that came to it: larger than its MSS */
};

void receiver_init(struct receiver *receiver);

/* What two segments can differ in, in 32 bits. */
uint32_t receiver_digest(const struct segment *seg);

/*
 * Whether a segment of this endpoint without data is a copy of one of its last; if not, it is
 * remembered. With an IP ID the copy may be 500 ms late; without one it must follow within 2 ms, and
 * the connection use SACK (has_sack): else duplicate ACKs are alike to the last bit (RFC 5681 3.2,
 * against RFC 2018 4). Returns the confidence; 0: no copy.
 */
uint8_t receiver_is_copy(struct receiver *receiver, const struct segment *seg, bool has_sack);

/* What an ACK of this endpoint showed of the way it acknowledges. */
struct receiver_ack {
	uint32_t segments;    /* that it is the first to acknowledge or SACK */
	uint32_t youngest_us; /* from when the last of these passed the tap */
	uint32_t least_us;    /* the shortest time from the tap to this endpoint and back */
	bool is_last;	      /* nothing is outstanding any more */
};

void receiver_acked(struct receiver *receiver, const struct receiver_ack *ack);

/*
 * The right edge of the window in a segment of this endpoint (SEG.ACK + window), which is no old one by
 * SND.WL1 and SND.WL2. rounding_bytes: what scaling may take away (RFC 7323 2.4). Returns by how many
 * bytes it was taken back, 0: not; *confidence is set if it was.
 */
uint32_t receiver_window(struct receiver *receiver, const struct segment *seg, uint32_t edge,
			 uint32_t rounding_bytes, uint8_t *confidence);

/*
 * A segment comes to this endpoint. last_ack: the highest that the endpoint has acknowledged, as the
 * tap saw (Last.ACK.sent). Returns the confidence that it is rejected by its time stamp (RFC 7323
 * 5.3); 0: it is taken, and its time stamp if it counts (4.3).
 *
 * At the tap TS.Recent is the endpoint's own or older, because an ACK passes the tap late.
 */
uint8_t receiver_timestamp(struct receiver *receiver, const struct segment *seg, uint32_t last_ack);

/* [start, end) passed the tap, and was not taken. Only one such range is kept. */
void receiver_reject(struct receiver *receiver, uint32_t start, uint32_t end);

/* RCV.NXT is there now, by what was taken. */
void receiver_advanced(struct receiver *receiver, uint32_t rcv_nxt);

/*
 * The endpoint acknowledged up to ack what had not been taken by RCV.NXT. Returns how many bytes of
 * [rcv_nxt, ack) passed the tap and were wrongly thought to be rejected.
 */
uint32_t receiver_took(struct receiver *receiver, uint32_t rcv_nxt, uint32_t ack);

/* A duplicate ACK of the endpoint: true if it is the answer to a segment that was rejected. */
bool receiver_confirms_paws(struct receiver *receiver);

#endif
