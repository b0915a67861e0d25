/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the sender model makes of what is sent and acknowledged, as scripts. The tap is at the sender
 * unless a script says otherwise, the round trip takes 20 ms, segments have 1000 bytes. Each script
 * runs with numbers that wrap on the way as well.
 */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "tcpstate/cause.h"
#include "tcpstate/event.h"
#include "tcpstate/sender.h"
#include "tcpstate/seq.h"

#define MS UINT64_C(1000000)

enum outcome {
	NOTHING = 0,
	TIMEOUT = 0x01,	 /* on sending */
	RECOVERY = 0x02, /* on sending */
	RECOVERED = 0x04,
	SPURIOUS = 0x08,
	UNDONE = 0x10,
	DSACKED = 0x20,
	REORDERED = 0x40,
	SAMPLE = 0x80,
};

struct step {
	uint32_t us;	     /* since the step before */
	char what;	     /* 'S' sends, 'F' sends a FIN alone, 'A' is acknowledged */
	uint32_t seq;	     /* in segments; of 'A', the ACK */
	uint32_t count;	     /* segments, one after the other at once */
	uint32_t sack[4];    /* two blocks, in segments; 0, 0: none */
	uint8_t kind, cause; /* of the last one sent */
	uint8_t outcome;
	uint32_t tsecr; /* of 'A': 0 none, else the ms of the script that it echoes */
};

struct script {
	const char *name;
	const struct step *steps;
	uint32_t count;
	bool no_sack, no_timestamps;
	uint32_t near_us;
	uint16_t mss_bytes; /* 0: 1000 */
};

#define STEPS(steps_) .steps = steps_, .count = sizeof(steps_) / sizeof(steps_[0])
#define NEW	      OUT_NEW, CAUSE_NONE
#define FAST	      OUT_RETRANSMISSION, CAUSE_RECOVERY
#define RTO	      OUT_RETRANSMISSION, CAUSE_TIMEOUT
#define TLP	      OUT_TLP_RETRANSMISSION, CAUSE_TLP
#define TLP_NEW	      OUT_TLP_NEW, CAUSE_TLP
#define OPENING                                                                                    \
	{ 0, 'S', 0, 1, { 0 }, NEW, NOTHING, 0 },                                                  \
	{                                                                                          \
		20000, 'A', 1, 0, { 0 }, 0, 0, SAMPLE, 0                                           \
	}

/* clang-format off */
static const struct step sack_recovery[] = {
	OPENING,
	{ 0,     'S', 1, 10, { 0 }, NEW, NOTHING, 0 },
	{ 20000, 'A', 1, 0, { 2, 3 }, 0, 0, SAMPLE, 0 },
	{ 100,   'A', 1, 0, { 2, 4 }, 0, 0, SAMPLE, 0 },
	{ 100,   'A', 1, 0, { 2, 5 }, 0, 0, SAMPLE, 0 },
	{ 0,     'S', 1, 1, { 0 }, FAST, RECOVERY, 0 },
	{ 100,   'A', 1, 0, { 7, 8, 2, 5 }, 0, 0, SAMPLE, 0 },
	{ 0,     'S', 5, 1, { 0 }, FAST, NOTHING, 0 },
	{ 19800, 'A', 5, 0, { 7, 11 }, 0, 0, SAMPLE, 0 },
	{ 200,   'A', 6, 0, { 7, 11 }, 0, 0, NOTHING, 0 },
	{ 0,     'S', 6, 1, { 0 }, FAST, NOTHING, 0 },
	{ 20000, 'A', 11, 0, { 0 }, 0, 0, RECOVERED, 0 },
	{ 0,     'S', 11, 1, { 0 }, NEW, NOTHING, 0 },
	{ 20000, 'A', 12, 0, { 0 }, 0, 0, SAMPLE, 0 },
};

static const struct step duplicate_acks[] = { /* RFC 5681 3.2, RFC 6582 */
	OPENING,
	{ 0,     'S', 1, 6, { 0 }, NEW, NOTHING, 0 },
	{ 20000, 'A', 1, 0, { 0 }, 0, 0, NOTHING, 0 },
	{ 100,   'A', 1, 0, { 0 }, 0, 0, NOTHING, 0 },
	{ 100,   'A', 1, 0, { 0 }, 0, 0, NOTHING, 0 },
	{ 0,     'S', 1, 1, { 0 }, FAST, RECOVERY, 0 },
	{ 20000, 'A', 4, 0, { 0 }, 0, 0, NOTHING, 0 }, /* a partial ACK: one more is lost */
	{ 0,     'S', 4, 1, { 0 }, FAST, NOTHING, 0 },
	{ 20000, 'A', 7, 0, { 0 }, 0, 0, NOTHING, 0 }, /* late duplicate ACKs may still come */
	{ 0,     'S', 7, 1, { 0 }, NEW, NOTHING, 0 },
	{ 20000, 'A', 8, 0, { 0 }, 0, 0, SAMPLE | RECOVERED, 0 },
};

static const struct step tail_probe[] = { /* RFC 8985 7: the last of a flight is lost */
	OPENING,
	{ 0,     'S', 1, 4, { 0 }, NEW, NOTHING, 0 },
	{ 20000, 'A', 4, 0, { 0 }, 0, 0, SAMPLE, 0 },
	{ 220000, 'S', 4, 1, { 0 }, TLP, NOTHING, 0 },
	{ 20000, 'A', 5, 0, { 0 }, 0, 0, NOTHING, 0 },
};

static const struct step tail_probe_of_many[] = {
	OPENING,
	{ 0,     'S', 1, 8, { 0 }, NEW, NOTHING, 0 },
	{ 45000, 'S', 8, 1, { 0 }, TLP, NOTHING, 0 },
	{ 20000, 'A', 1, 0, { 2, 9 }, 0, 0, SAMPLE, 0 }, /* only one of the ACKs arrives */
	{ 100,   'S', 1, 1, { 0 }, FAST, RECOVERY, 0 },
	{ 20000, 'A', 9, 0, { 0 }, 0, 0, RECOVERED, 0 },
};

static const struct step timeouts_in_a_row[] = { /* RFC 6298 5.5: the timer doubles */
	OPENING,
	{ 0,      'S', 1, 3, { 0 }, NEW, NOTHING, 0 },
	{ 45000,  'S', 3, 1, { 0 }, TLP, NOTHING, 0 },
	{ 240000, 'S', 1, 1, { 0 }, RTO, TIMEOUT, 0 },
	{ 480000, 'S', 1, 1, { 0 }, RTO, TIMEOUT, 0 },
	{ 20000,  'A', 2, 0, { 0 }, 0, 0, NOTHING, 0 },
	{ 0,      'S', 2, 2, { 0 }, RTO, NOTHING, 0 },
	{ 20000,  'A', 4, 0, { 0 }, 0, 0, RECOVERED, 0 },
};

static const struct step needless_timeout[] = { /* RFC 3522: the ACK echoes the original's time */
	OPENING,
	{ 0,      'S', 1, 2, { 0 }, NEW, NOTHING, 0 },
	{ 45000,  'S', 2, 1, { 0 }, TLP, NOTHING, 0 },
	{ 240000, 'S', 1, 1, { 0 }, RTO, TIMEOUT, 0 },
	{ 5000,   'A', 3, 0, { 0 }, 0, 0, SPURIOUS | UNDONE | RECOVERED | SAMPLE, 20 },
};

/*
 * A probe with new data restarts the retransmission timer, which then waits longer than one timeout for the
 * oldest: that is no sign of a host without probes. The timeout ends the probe, answered or not. The echo of
 * the original gives a sample of 305 ms: the next probe comes after 2 x 55.6 ms.
 */
static const struct step probes_of_new_data[] = {
	OPENING,
	{ 0,      'S', 1, 4, { 0 }, NEW, NOTHING, 0 },
	{ 45000,  'S', 5, 1, { 0 }, TLP_NEW, NOTHING, 0 },
	{ 240000, 'S', 1, 1, { 0 }, RTO, TIMEOUT, 0 },
	{ 20000,  'A', 2, 0, { 0 }, 0, 0, SPURIOUS | UNDONE | RECOVERED | SAMPLE, 20 },
	{ 115000, 'S', 6, 1, { 0 }, TLP_NEW, NOTHING, 0 },
};

/* Two of half the size are two: there is no delayed ACK to wait for. */
static const struct step probe_behind_small_segments[] = {
	OPENING,
	{ 0,     'S', 1, 2, { 0 }, NEW, NOTHING, 0 },
	{ 45000, 'S', 3, 1, { 0 }, TLP_NEW, NOTHING, 0 },
};

/* The retransmission timer of the oldest has 20 ms left when the last is sent: the probe comes no later. */
static const struct step probe_bounded_by_the_timer[] = {
	OPENING,
	{ 0,      'S', 1, 1, { 0 }, NEW, NOTHING, 0 },
	{ 200000, 'S', 2, 1, { 0 }, NEW, NOTHING, 0 },
	{ 21000,  'S', 3, 1, { 0 }, TLP_NEW, NOTHING, 0 },
};

/* An ACK that lets nothing be sent sets the probe's timer anew. */
static const struct step probe_behind_an_ack[] = {
	OPENING,
	{ 0,     'S', 1, 4, { 0 }, NEW, NOTHING, 0 },
	{ 20000, 'A', 2, 0, { 0 }, 0, 0, SAMPLE, 0 },
	{ 25000, 'S', 5, 1, { 0 }, NEW, NOTHING, 0 },
	{ 20000, 'A', 3, 0, { 0 }, 0, 0, SAMPLE, 0 },
	{ 60000, 'S', 6, 1, { 0 }, TLP_NEW, NOTHING, 0 },
};

/* A FIN may be what a probe sends again; the next silence is the timeout. */
static const struct step probe_of_a_fin[] = {
	OPENING,
	{ 0,      'S', 1, 1, { 0 }, NEW, NOTHING, 0 },
	{ 0,      'F', 2, 1, { 0 }, NEW, NOTHING, 0 },
	{ 45000,  'F', 2, 1, { 0 }, OUT_TLP_RETRANSMISSION, CAUSE_FIN, NOTHING, 0 },
	{ 20000,  'A', 2, 0, { 0 }, 0, 0, SAMPLE, 0 },
	{ 240000, 'F', 2, 1, { 0 }, OUT_RETRANSMISSION, CAUSE_FIN, TIMEOUT, 0 },
};

static const struct step needless_by_dsack[] = { /* RFC 2883, RFC 3708 */
	OPENING,
	{ 0,     'S', 1, 6, { 0 }, NEW, NOTHING, 0 },
	{ 20000, 'A', 1, 0, { 2, 5 }, 0, 0, SAMPLE, 0 },
	{ 0,     'S', 1, 1, { 0 }, FAST, RECOVERY, 0 },
	{ 1000,  'A', 5, 0, { 0 }, 0, 0, NOTHING, 0 }, /* sent again: no sample (Karn) */
	{ 19000, 'A', 5, 0, { 1, 2 }, 0, 0, SPURIOUS | UNDONE | DSACKED | RECOVERED, 0 },
};

static const struct step reordered[] = {
	OPENING,
	{ 0,     'S', 1, 6, { 0 }, NEW, NOTHING, 0 },
	{ 20000, 'A', 1, 0, { 2, 3 }, 0, 0, SAMPLE, 0 },
	{ 100,   'A', 3, 0, { 0 }, 0, 0, REORDERED | SAMPLE, 0 },
	{ 100,   'A', 7, 0, { 0 }, 0, 0, SAMPLE, 0 },
};

static const struct step doubled_by_the_network[] = {
	OPENING,
	{ 0,     'S', 1, 2, { 0 }, NEW, NOTHING, 0 },
	{ 20000, 'A', 3, 0, { 0 }, 0, 0, SAMPLE, 0 },
	{ 100,   'A', 3, 0, { 2, 3 }, 0, 0, DSACKED, 0 },
};

static const struct step in_the_middle[] = { /* what the sender can't have heard of yet is no evidence */
	OPENING,
	{ 0,     'S', 1, 8, { 0 }, NEW, NOTHING, 0 },
	{ 60000, 'A', 1, 0, { 5, 6 }, 0, 0, SAMPLE, 0 },
	{ 1000,  'S', 8, 1, { 0 }, TLP, NOTHING, 0 },
};

static const struct script scripts[] = {
	{ "SACK recovery", STEPS(sack_recovery), false, false, 0 },
	{ "duplicate ACKs", STEPS(duplicate_acks), true, true, 0 },
	{ "tail-loss probe", STEPS(tail_probe), false, false, 0 },
	{ "tail-loss probe of many", STEPS(tail_probe_of_many), false, false, 0 },
	{ "timeouts in a row", STEPS(timeouts_in_a_row), false, false, 0 },
	{ "needless timeout", STEPS(needless_timeout), false, false, 0 },
	{ "probes of new data", STEPS(probes_of_new_data), false, false, 0 },
	{ "probe behind small segments", STEPS(probe_behind_small_segments), false, false, 0, 2000 },
	{ "probe bounded by the timer", STEPS(probe_bounded_by_the_timer), false, false, 0 },
	{ "probe behind an ACK", STEPS(probe_behind_an_ack), false, false, 0 },
	{ "probe of a FIN", STEPS(probe_of_a_fin), false, false, 0 },
	{ "needless by DSACK", STEPS(needless_by_dsack), false, true, 0 },
	{ "reordered", STEPS(reordered), false, false, 0 },
	{ "doubled by the network", STEPS(doubled_by_the_network), false, false, 0 },
	{ "in the middle", STEPS(in_the_middle), false, false, 10000 },
};
/* clang-format on */

struct world {
	struct sender_memory memory;
	struct sender sender;
	struct endpoint endpoint;
	uint64_t start_ns, now_ns;
	uint32_t base;
	uint16_t ip_id;
	const struct script *script;
};

static uint8_t send_one(struct world *w, uint32_t at, bool fin, struct sent *sent)
{
	struct segment seg = {
		.ts_ns = w->now_ns,
		.key.ip_version = 4,
		.ip_id = ++w->ip_id,
		.flags = fin ? TCP_ACK | TCP_FIN : TCP_ACK,
		.seq = w->base + at * 1000,
		.payload_bytes = fin ? 0 : 1000,
	};
	struct sender_step step = { 0 };

	if (!w->script->no_timestamps) {
		seg.options.seen = TCPOPT_HAS_TIMESTAMP;
		seg.options.tsval = 7000 + (uint32_t)((w->now_ns - w->start_ns) / MS);
	}
	*sent = (struct sent){ .kind = OUT_NEW };
	if (seq_before(seg.seq, w->endpoint.snd_max))
		cause_of_old(&w->sender, &w->endpoint, &seg, w->script->near_us, sent);
	else
		cause_of_new(&w->sender, &w->endpoint, &seg, w->script->near_us, sent);
	sender_step(&w->sender, &w->memory, &w->endpoint, &seg, sent, w->script->near_us, &step);
	sender_sent(&w->sender, &w->memory, &w->endpoint, &seg, sent);
	w->endpoint.snd_max = seq_max(w->endpoint.snd_max, seg.seq + segment_length(&seg));
	sender_passed(&w->sender, &w->endpoint, &seg, w->script->near_us);
	return (uint8_t)((step.timeout ? TIMEOUT : 0) | (step.recovery ? RECOVERY : 0));
}

static uint8_t acknowledge(struct world *w, const struct step *step)
{
	struct segment seg = { .ts_ns = w->now_ns,
			       .flags = TCP_ACK,
			       .ack = w->base + step->seq * 1000 };
	struct sender_ack ack;
	bool duplicate =
		seg.ack == w->endpoint.snd_una && w->endpoint.snd_una != w->endpoint.snd_max;

	for (int i = 0; i < 4 && step->sack[i + 1]; i += 2)
		seg.options.sack[seg.options.sack_count++] =
			(struct tcp_sack_block){ w->base + step->sack[i] * 1000,
						 w->base + step->sack[i + 1] * 1000 };
	if (!w->script->no_timestamps) {
		seg.options.seen = TCPOPT_HAS_TIMESTAMP;
		seg.options.tsecr =
			7000 +
			(step->tsecr ? step->tsecr : (uint32_t)((w->now_ns - w->start_ns) / MS));
	}
	sender_acked(&w->sender, &w->memory, &w->endpoint, &seg, duplicate, w->script->near_us,
		     &ack);
	if (ack.has_rtt) {
		uint32_t before_us = w->endpoint.rtt.srtt_us;

		rtt_sample(&w->endpoint.rtt, ack.rtt_us, ack.min_rtt_us);
		rto_sample(&w->sender.rto, ack.rtt_us, before_us, w->endpoint.snd_una,
			   w->endpoint.snd_max);
	}
	w->endpoint.snd_una = seg.ack;
	return (uint8_t)((ack.recovered ? RECOVERED : 0) | (ack.needless_count ? SPURIOUS : 0) |
			 (ack.undone ? UNDONE : 0) | (ack.dsack ? DSACKED : 0) |
			 (ack.reordered ? REORDERED : 0) | (ack.has_rtt ? SAMPLE : 0));
}

static void run(const struct script *script, uint32_t base)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	assert_int_equal(sender_memory_init(&w.memory, 1, 1 << 20), 0);
	sender_init(&w.sender, false);
	w.script = script;
	w.base = base;
	w.start_ns = w.now_ns = UINT64_C(1700000000) * 1000 * MS;
	w.endpoint.snd_una = w.endpoint.snd_max = base;
	w.endpoint.mss_bytes = script->mss_bytes ? script->mss_bytes : 1000;
	w.endpoint.t_flags = script->no_sack ? 0 : TF_SACK_PERMIT;
	for (uint32_t i = 0; i < script->count; i++) {
		const struct step *step = &script->steps[i];
		struct sent sent = { 0 };
		uint8_t outcome = 0;

		w.now_ns += step->us * UINT64_C(1000);
		if (step->what == 'A')
			outcome = acknowledge(&w, step);
		for (uint32_t j = 0; step->what != 'A' && j < step->count; j++)
			outcome |= send_one(&w, step->seq + j, step->what == 'F', &sent);
		if (sent.kind != step->kind || sent.cause != step->cause ||
		    outcome != step->outcome)
			fail_msg("%s, step %u: kind %u cause %u outcome %#x, expected %u %u %#x",
				 script->name, i, sent.kind, sent.cause, outcome, step->kind,
				 step->cause, step->outcome);
	}
	sender_memory_dispose(&w.memory);
}

static void scripts_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		run(&scripts[i], 1000);
		run(&scripts[i], UINT32_MAX - 2500);
		run(&scripts[i], INT32_MAX - 2500);
	}
}

/* A flight that is longer than the scoreboard: no claim is made until all of it is acknowledged. */
static void overflow_makes_unsure(void **state)
{
	static struct world w;
	static const struct script script = { .name = "overflow" };
	struct step ack = { .seq = SENDQ_MAX + 10 };
	struct sent sent;

	(void)state;
	assert_int_equal(sender_memory_init(&w.memory, 1, 4 << 20), 0);
	sender_init(&w.sender, false);
	w.script = &script;
	w.now_ns = w.start_ns = 1000 * MS;
	w.endpoint.t_flags = TF_SACK_PERMIT;
	for (uint32_t i = 0; i < SENDQ_MAX + 10; i++)
		send_one(&w, i, false, &sent);
	assert_true(w.sender.flags & SENDER_UNSURE);
	send_one(&w, 5, false, &sent);
	assert_int_equal(sent.kind, OUT_RETRANSMISSION);
	assert_int_equal(sent.cause, CAUSE_AMBIGUOUS);
	assert_int_equal(acknowledge(&w, &ack), NOTHING);
	send_one(&w, SENDQ_MAX + 10, false, &sent);
	assert_false(w.sender.flags & SENDER_UNSURE);
	assert_int_equal(sendq_count(&w.sender.queue), 1);
	sender_memory_dispose(&w.memory);
}

/* Linux's tcp_init_undo(): what is out when an episode begins may be named by a DSACK as well. */
static void what_was_out_before_counts_for_the_undo(void **state)
{
	static const uint32_t bases[] = { 1000, UINT32_MAX - 500, INT32_MAX - 500 };
	static const struct {
		uint32_t outstanding, sent, dsacks; /* as many as it takes */
	} rows[] = { { 0, 1, 1 }, { 1, 1, 2 }, { 2, 0, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++) {
			struct fate fate = { 0 };
			struct segment seg = { .seq = bases[i], .payload_bytes = 1000 };
			struct needless verdict;

			for (uint32_t k = 0; k < rows[j].outstanding; k++)
				fate_sent_again(&fate, &seg, CAUSE_TLP);
			fate_begin(&fate, bases[i], rows[j].outstanding);
			for (uint32_t k = 0; k < rows[j].sent; k++)
				fate_sent_again(&fate, &seg, CAUSE_TIMEOUT);
			for (uint32_t k = 1; k <= rows[j].dsacks; k++) {
				struct tcp_sack_block block = { bases[i], bases[i] + 1000 };

				assert_true(fate_on_dsack(&fate, block, &verdict));
				assert_int_equal(verdict.undone, k == rows[j].dsacks);
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_hold),
		cmocka_unit_test(overflow_makes_unsure),
		cmocka_unit_test(what_was_out_before_counts_for_the_undo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
