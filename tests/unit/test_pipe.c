/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a sender counts as in flight, as scripts of what it sends and what is acknowledged. Expected is
 * what Linux counts: packets_out - sacked_out - lost_out + retrans_out.
 */
#include "tests/unit/sender_script.h"

struct step {
	char what;			 /* 'S' sends, 'A' is acknowledged, 'W' waits */
	uint32_t at;			 /* segment; of 'W', ms */
	uint32_t count;			 /* of 'S' */
	uint32_t from, to;		 /* of 'A': SACK */
	uint32_t in_flight, lost, again; /* segments, behind it */
};

struct script {
	const char *name;
	const struct step *steps;
	uint32_t count;
	bool no_sack;
};

#define STEPS(steps_) .steps = steps_, .count = sizeof(steps_) / sizeof(steps_[0])

/* clang-format off */
static const struct step one_loss[] = {
	{ 'S', 0, 1, 0, 0, 1, 0, 0 }, { 'W', 20, 0, 0, 0, 1, 0, 0 }, { 'A', 1, 0, 0, 0, 0, 0, 0 },
	{ 'S', 1, 10, 0, 0, 10, 0, 0 }, { 'W', 20, 0, 0, 0, 10, 0, 0 },
	{ 'A', 1, 0, 2, 3, 9, 0, 0 },
	{ 'A', 1, 0, 2, 4, 8, 0, 0 },
	{ 'A', 1, 0, 2, 5, 6, 1, 0 }, /* the third: what was sent before is lost (RFC 8985 6.2) */
	{ 'S', 1, 1, 0, 0, 7, 1, 1 },
	{ 'A', 1, 0, 2, 6, 6, 1, 1 },
	{ 'A', 1, 0, 2, 11, 1, 1, 1 },
	{ 'W', 20, 0, 0, 0, 1, 1, 1 },
	{ 'A', 11, 0, 0, 0, 0, 0, 0 },
};

static const struct step retransmission_lost[] = {
	{ 'S', 0, 1, 0, 0, 1, 0, 0 }, { 'W', 20, 0, 0, 0, 1, 0, 0 }, { 'A', 1, 0, 0, 0, 0, 0, 0 },
	{ 'S', 1, 10, 0, 0, 10, 0, 0 }, { 'W', 20, 0, 0, 0, 10, 0, 0 },
	{ 'A', 1, 0, 2, 5, 6, 1, 0 },
	{ 'S', 1, 1, 0, 0, 7, 1, 1 },
	{ 'S', 11, 2, 0, 0, 9, 1, 1 },
	{ 'W', 20, 0, 0, 0, 9, 1, 1 },
	{ 'A', 1, 0, 2, 11, 3, 1, 1 },
	{ 'A', 1, 0, 2, 12, 1, 1, 0 }, /* sent behind the retransmission, and there before it */
	{ 'S', 1, 1, 0, 0, 2, 1, 1 },
	{ 'A', 13, 0, 0, 0, 0, 0, 0 },
};

static const struct step timed_out[] = { /* RFC 6298 5.4: all that is not SACKed is lost */
	{ 'S', 0, 1, 0, 0, 1, 0, 0 }, { 'W', 20, 0, 0, 0, 1, 0, 0 }, { 'A', 1, 0, 0, 0, 0, 0, 0 },
	{ 'S', 1, 6, 0, 0, 6, 0, 0 }, { 'W', 20, 0, 0, 0, 6, 0, 0 },
	{ 'A', 1, 0, 3, 4, 5, 0, 0 },
	{ 'W', 400, 0, 0, 0, 5, 0, 0 },
	{ 'S', 1, 1, 0, 0, 1, 5, 1 },
	{ 'W', 20, 0, 0, 0, 1, 5, 1 },
	{ 'A', 2, 0, 3, 4, 0, 4, 0 },
	{ 'S', 2, 1, 0, 0, 1, 4, 1 },
	{ 'S', 4, 1, 0, 0, 2, 4, 2 },
	{ 'A', 7, 0, 0, 0, 0, 0, 0 },
};

static const struct step tail_probe[] = { /* claims no loss: one more is in flight */
	{ 'S', 0, 1, 0, 0, 1, 0, 0 }, { 'W', 20, 0, 0, 0, 1, 0, 0 }, { 'A', 1, 0, 0, 0, 0, 0, 0 },
	{ 'S', 1, 4, 0, 0, 4, 0, 0 }, { 'W', 45, 0, 0, 0, 4, 0, 0 },
	{ 'S', 4, 1, 0, 0, 5, 0, 1 },
	{ 'W', 20, 0, 0, 0, 5, 0, 1 },
	{ 'A', 5, 0, 0, 0, 0, 0, 0 },
};

static const struct step without_sack[] = { /* RFC 6582 */
	{ 'S', 0, 1, 0, 0, 1, 0, 0 }, { 'W', 20, 0, 0, 0, 1, 0, 0 }, { 'A', 1, 0, 0, 0, 0, 0, 0 },
	{ 'S', 1, 8, 0, 0, 8, 0, 0 }, { 'W', 20, 0, 0, 0, 8, 0, 0 },
	{ 'A', 1, 0, 0, 0, 7, 0, 0 },
	{ 'A', 1, 0, 0, 0, 6, 0, 0 },
	{ 'A', 1, 0, 0, 0, 4, 1, 0 },
	{ 'S', 1, 1, 0, 0, 5, 1, 1 },
	{ 'A', 1, 0, 0, 0, 4, 1, 1 },
	{ 'W', 20, 0, 0, 0, 4, 1, 1 },
	{ 'A', 4, 0, 0, 0, 2, 1, 0 }, /* a partial ACK: the next hole is lost as well */
	{ 'S', 4, 1, 0, 0, 3, 1, 1 },
	{ 'A', 9, 0, 0, 0, 0, 0, 0 },
};
/* clang-format on */

static const struct script scripts[] = {
	{ .name = "one loss", STEPS(one_loss) },
	{ .name = "a retransmission is lost", STEPS(retransmission_lost) },
	{ .name = "a timeout", STEPS(timed_out) },
	{ .name = "a tail-loss probe", STEPS(tail_probe) },
	{ .name = "without SACK", STEPS(without_sack), .no_sack = true },
};

static void run(const struct script *script, uint32_t base)
{
	static struct world w;

	world_begin(&w, base, !script->no_sack);
	for (uint32_t i = 0; i < script->count; i++) {
		const struct step *step = &script->steps[i];
		const struct pipe *pipe = &w.sender.pipe;

		if (step->what == 'S')
			world_send(&w, step->at, step->count, MSS);
		else if (step->what == 'A')
			world_ack(&w, step->at, step->from, step->to);
		else
			w.now_ns += step->at * MS;
		if (world_in_flight(&w) != step->in_flight || pipe->lost_segments != step->lost ||
		    pipe->again_segments != step->again)
			fail_msg("%s, step %u: in flight %u lost %u again %u, expected %u %u %u",
				 script->name, i, world_in_flight(&w), pipe->lost_segments,
				 pipe->again_segments, step->in_flight, step->lost, step->again);
	}
	if (w.sender.cold) {
		assert_int_equal(w.sender.cold->marks.lost_bytes, 0);
		assert_int_equal(w.sender.cold->marks.again_bytes, 0);
	}
	world_end(&w);
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

/* One ACK marks PIPE_STEPS at most, whatever is outstanding; the next ones go on. */
static void the_work_of_an_ack_is_bounded(void **state)
{
	static struct world w;

	(void)state;
	world_begin(&w, UINT32_MAX - 5000, true);
	world_send(&w, 0, 1, MSS);
	w.now_ns += 20 * MS;
	world_ack(&w, 1, 0, 0);
	world_send(&w, 1, 1000, MSS);
	w.now_ns += 20 * MS;
	world_ack(&w, 1, 995, 999);
	assert_int_equal(w.sender.pipe.lost_segments, PIPE_STEPS);
	for (int i = 0; i < 20; i++)
		world_ack(&w, 1, 995, 1001);
	assert_int_equal(w.sender.pipe.lost_segments, 994);
	assert_int_equal(world_in_flight(&w), 0);
	world_end(&w);
}

/* Once the network was seen to reorder, a quarter of the round trip is waited for (RFC 8985 6.2). */
static void reordering_opens_the_window(void **state)
{
	static struct world w;

	(void)state;
	world_begin(&w, 1000, true);
	world_send(&w, 0, 1, MSS);
	w.now_ns += 20 * MS;
	world_ack(&w, 1, 0, 0);
	world_send(&w, 1, 4, MSS);
	w.now_ns += 20 * MS;
	world_ack(&w, 1, 2, 3);
	world_ack(&w, 5, 0, 0);
	assert_true(w.sender.pipe.reordered);
	world_send(&w, 5, 10, MSS);
	w.now_ns += 20 * MS;
	world_ack(&w, 5, 6, 14);
	assert_int_equal(w.sender.pipe.lost_segments, 0);
	w.now_ns += 6 * MS;
	world_ack(&w, 5, 6, 14);
	assert_int_equal(w.sender.pipe.lost_segments, 1);
	world_end(&w);
}

/* Segments that the host merges count by their bytes, small ones as one each, as Linux counts. */
static void segments_count(void **state)
{
	struct sender sender;
	struct sender_cold cold = { 0 };
	struct sent_range range = { .end = 5 };

	(void)state;
	sender_init(&sender, false);
	sender.cold = &cold;
	sender.queue.tail = 3;
	sender.own[0] = range;
	assert_int_equal(pipe_bytes(&sender, 15, 1000), 3000);
	assert_int_equal(pipe_bytes(&sender, 45000, 1000), 45000);
	sender.sacked_segments = 7; /* more than there are: never below 0 */
	cold.sacked_bytes = 50000;
	assert_int_equal(pipe_bytes(&sender, 15, 1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_hold),
		cmocka_unit_test(the_work_of_an_ack_is_bounded),
		cmocka_unit_test(reordering_opens_the_window),
		cmocka_unit_test(segments_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
