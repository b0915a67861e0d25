/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sender_script.h - a sender and its scoreboard for tests of the models behind it: numbers are segments of
 * 1000 bytes from a base that may wrap, the tap is at the sender.
 */
#ifndef BBTAP_TESTS_UNIT_SENDER_SCRIPT_H
#define BBTAP_TESTS_UNIT_SENDER_SCRIPT_H

#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "tcpstate/cause.h"
#include "tcpstate/event.h"
#include "tcpstate/sender.h"
#include "tcpstate/seq.h"

#define MS  UINT64_C(1000000)
#define MSS 1000u

struct world {
	struct sender_memory memory;
	struct sender sender;
	struct endpoint endpoint, peer;
	uint64_t now_ns;
	uint32_t base;
	struct sender_ack ack; /* of the last ACK */
};

static inline void world_begin(struct world *w, uint32_t base, bool sack)
{
	memset(w, 0, sizeof(*w));
	assert_int_equal(sender_memory_init(&w->memory, 1, 4 << 20), 0);
	sender_init(&w->sender, false);
	w->base = base;
	w->now_ns = UINT64_C(1700000000) * 1000 * MS;
	w->endpoint.snd_una = w->endpoint.snd_max = base;
	w->endpoint.snd_wnd = 4000 * MSS;
	w->endpoint.seen = SEEN_WINDOW | SEEN_SND | SEEN_SEGMENT;
	w->endpoint.mss_bytes = w->peer.mss_bytes = MSS;
	w->endpoint.t_flags = sack ? TF_SACK_PERMIT : 0;
	window_begin(&w->sender, &w->endpoint, &w->peer);
}

static inline void world_end(struct world *w)
{
	sender_memory_dispose(&w->memory);
}

/* Sends `count` segments from the at-th on; the last one with last_bytes. Returns the last one's kind. */
static inline uint8_t world_send(struct world *w, uint32_t at, uint32_t count, uint32_t last_bytes)
{
	struct sent sent = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		struct segment seg = {
			.ts_ns = w->now_ns += 1000,
			.key.ip_version = 6,
			.flags = TCP_ACK,
			.seq = w->base + (at + i) * MSS,
			.payload_bytes = i + 1 == count ? last_bytes : MSS,
			.options = { .seen = TCPOPT_HAS_TIMESTAMP,
				     .tsval = (uint32_t)(w->now_ns / MS) },
		};
		struct sender_step step;

		sent = (struct sent){ .kind = OUT_NEW };
		if (seq_before(seg.seq, w->endpoint.snd_max)) {
			cause_of_old(&w->sender, &w->endpoint, &seg, 0, &sent);
		} else {
			cause_of_new(&w->sender, &w->endpoint, &seg, 0, &sent);
		}
		sender_step(&w->sender, &w->memory, &w->endpoint, &seg, &sent, 0, &step);
		sender_sent(&w->sender, &w->memory, &w->endpoint, &seg, &sent);
		w->endpoint.snd_max = seq_max(w->endpoint.snd_max, seg.seq + seg.payload_bytes);
	}
	return sent.kind;
}

/* An ACK of all before the at-th, with a SACK block [from, to) if they differ. */
static inline void world_ack(struct world *w, uint32_t at, uint32_t from, uint32_t to)
{
	struct segment seg = { .ts_ns = w->now_ns += 1000,
			       .flags = TCP_ACK,
			       .ack = w->base + at * MSS };
	bool duplicate =
		seg.ack == w->endpoint.snd_una && w->endpoint.snd_una != w->endpoint.snd_max;

	if (from != to) {
		seg.options.sack_count = 1;
		seg.options.sack[0] =
			(struct tcp_sack_block){ w->base + from * MSS, w->base + to * MSS };
	}
	sender_acked(&w->sender, &w->memory, &w->endpoint, &seg, duplicate, 0, &w->ack);
	if (w->ack.has_rtt) {
		uint32_t before_us = w->endpoint.rtt.srtt_us;

		rtt_sample(&w->endpoint.rtt, w->ack.rtt_us, w->ack.min_rtt_us);
		rto_sample(&w->sender.rto, w->ack.rtt_us, before_us, seg.ack, w->endpoint.snd_max);
	}
	w->endpoint.snd_una = seg.ack;
}

/* What is in flight, in segments. */
static inline uint32_t world_in_flight(const struct world *w)
{
	return window_in_flight(&w->sender, &w->endpoint) / MSS;
}

#endif
