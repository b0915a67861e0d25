/* SPDX-License-Identifier: BSD-2-Clause */
/* What the window model makes of senders that follow the textbook, each also with numbers that wrap. */
#include "tests/unit/sender_script.h"

static const uint32_t bases[] = { 1000, UINT32_MAX - 20500, INT32_MAX - 20500 };

/* A sender with a window: fills it behind each ACK. */
struct bulk {
	struct world w;
	uint32_t next, acked;
};

static uint32_t cwnd_of(const struct bulk *b)
{
	return b->w.sender.window.cwnd_bytes / MSS;
}

static void fill(struct bulk *b, uint32_t cwnd)
{
	while (world_in_flight(&b->w) < cwnd)
		world_send(&b->w, b->next++, 1, MSS);
}

static void begin(struct bulk *b, uint32_t base)
{
	memset(b, 0, sizeof(*b));
	world_begin(&b->w, base, true);
}

/* A round trip in which each ACK acknowledges one segment and lets `per_ack` new ones out. */
static void round_trip(struct bulk *b, uint32_t *cwnd, bool slow_start)
{
	uint32_t until = b->next;

	b->w.now_ns += 20 * MS;
	while (b->acked < until) {
		world_ack(&b->w, ++b->acked, 0, 0);
		*cwnd += slow_start;
		fill(b, *cwnd);
	}
	if (!slow_start)
		fill(b, ++*cwnd);
}

static void to_avoidance(struct bulk *b, uint32_t *cwnd)
{
	*cwnd = 10;
	fill(b, *cwnd);
	round_trip(b, cwnd, true);
	round_trip(b, cwnd, true);
	assert_int_equal(cwnd_of(b), 40);
	for (int i = 0; i < 4; i++)
		round_trip(b, cwnd, false);
}

/* The oldest segment is lost; the sender comes down to ssthresh by RFC 6937. */
static void recover(struct bulk *b, uint32_t cwnd, uint32_t ssthresh)
{
	uint32_t end = b->next, lost = b->acked, delivered, out = 1;

	b->w.now_ns += 20 * MS;
	for (uint32_t i = 1; i <= 3; i++)
		world_ack(&b->w, lost, lost + 1, lost + 1 + i);
	delivered = 1; /* from the one on that began the recovery */
	assert_int_equal(world_send(&b->w, lost, 1, MSS), OUT_RETRANSMISSION);
	for (uint32_t i = 4; lost + i < end; i++) {
		world_ack(&b->w, lost, lost + 1, lost + 1 + i);
		delivered++;
		if (out < (ssthresh * delivered + cwnd - 1) / cwnd) {
			world_send(&b->w, b->next++, 1, MSS);
			out++;
		}
	}
	b->w.now_ns += 10 * MS;
	b->acked = end;
	world_ack(&b->w, end, 0, 0);
	assert_true(b->w.ack.recovered);
	fill(b, ssthresh);
}

static void slow_start_doubles_and_is_left(void **state)
{
	static struct bulk b;
	uint32_t cwnd;

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		begin(&b, bases[i]);
		assert_int_equal(cwnd_of(&b), 10);
		to_avoidance(&b, &cwnd);
		assert_in_range(cwnd_of(&b), cwnd - 2, cwnd);
		/* It was left without a loss: that is HyStart, and a threshold near the window. */
		assert_true(b.w.sender.window.flags & WINDOW_LEFT_SLOW_START);
		assert_in_range(b.w.sender.window.ssthresh_bytes / MSS, 38, 42);
		assert_int_equal(window_limit(&b.w.sender, &b.w.endpoint), LIMIT_WINDOW);
		world_end(&b.w);
	}
}

/* How far a recovery goes tells the family, and the next one is known from its begin. */
static void reductions_are_measured(void **state)
{
	static const struct {
		uint32_t percent;
		uint8_t family;
	} rows[] = { { 50, CC_RENO }, { 70, CC_CUBIC } };
	static struct bulk b;

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		for (size_t j = 0; j < 2; j++) {
			uint32_t cwnd, left;
			uint8_t confidence;

			begin(&b, bases[i]);
			to_avoidance(&b, &cwnd);
			for (int k = 0; k < 2; k++) {
				left = cwnd * rows[j].percent / 100;
				recover(&b, cwnd, left);
				cwnd = left;
				assert_in_range(cwnd_of(&b), left - 1, left + 1);
				assert_in_range(b.w.sender.window.ssthresh_bytes / MSS, left - 1,
						left + 1);
				for (int r = 0; r < 4; r++)
					round_trip(&b, &cwnd, false);
				assert_in_range(cwnd_of(&b), cwnd - 2, cwnd);
				/* From the first one on. */
				assert_int_equal(window_family(&b.w.sender, &confidence),
						 rows[j].family);
			}
			assert_int_equal(window_family(&b.w.sender, &confidence), rows[j].family);
			assert_in_range(confidence, 60, 98);
			world_end(&b.w);
		}
}

static void a_timeout_begins_with_one_segment(void **state)
{
	static struct bulk b;
	uint32_t cwnd;

	(void)state;
	begin(&b, UINT32_MAX - 20500);
	to_avoidance(&b, &cwnd);
	b.w.now_ns += 500 * MS;
	world_send(&b.w, b.acked, 1, MSS);
	assert_int_equal(b.w.sender.phase, PHASE_LOSS);
	assert_int_equal(cwnd_of(&b), 1);
	assert_in_range(b.w.sender.window.ssthresh_bytes / MSS, cwnd * 7 / 10 - 2, cwnd * 7 / 10);
	assert_true(b.w.sender.window.flags & WINDOW_TELL);
	world_end(&b.w);
}

/* A sender that has nothing to fill its window with behind a recovery says nothing by not filling it. */
static void an_idle_sender_is_not_measured(void **state)
{
	static struct bulk b;
	uint32_t cwnd, end, lost;
	uint8_t confidence;

	(void)state;
	begin(&b, UINT32_MAX - 20500);
	to_avoidance(&b, &cwnd);
	lost = b.acked;
	end = b.next;
	b.w.now_ns += 20 * MS;
	for (uint32_t i = 1; i <= 3; i++)
		world_ack(&b.w, lost, lost + 1, lost + 1 + i);
	world_send(&b.w, lost, 1, MSS);
	for (uint32_t i = 4; lost + i < end; i++)
		world_ack(&b.w, lost, lost + 1, lost + 1 + i);
	/* Half of it, and the last is short. */
	b.w.now_ns += 10 * MS;
	world_ack(&b.w, end, 0, 0);
	world_send(&b.w, b.next, cwnd / 2, 300);
	assert_in_range(b.w.sender.window.ssthresh_bytes / MSS, cwnd * 7 / 10 - 2,
			cwnd * 7 / 10 + 1);
	b.w.now_ns += 20 * MS;
	world_ack(&b.w, end + 1, 0, 0);
	assert_int_not_equal(window_family(&b.w.sender, &confidence), CC_RENO);
	world_end(&b.w);
}

static uint32_t threshold_of(const struct bulk *b)
{
	return b->w.sender.window.ssthresh_bytes / MSS;
}

/* Linux's tcp_enter_loss(): a timer in a row changes nothing, the next one behind progress reduces again. */
static void timeouts_behind_progress_reduce_again(void **state)
{
	static struct bulk b;
	uint32_t cwnd, first;

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		begin(&b, bases[i]);
		to_avoidance(&b, &cwnd);
		b.w.now_ns += 500 * MS;
		world_send(&b.w, b.acked, 1, MSS);
		first = threshold_of(&b);
		b.w.now_ns += 1000 * MS;
		world_send(&b.w, b.acked, 1, MSS);
		assert_int_equal(threshold_of(&b), first);
		b.w.now_ns += 20 * MS;
		world_ack(&b.w, ++b.acked, 0, 0);
		world_send(&b.w, b.acked, 2, MSS);
		assert_int_equal(cwnd_of(&b), 2);
		b.w.now_ns += 3000 * MS;
		world_send(&b.w, b.acked, 1, MSS);
		assert_int_equal(b.w.sender.phase, PHASE_LOSS);
		assert_int_equal(threshold_of(&b), 2);
		assert_int_equal(cwnd_of(&b), 1);
		world_end(&b.w);
	}
}

/* RFC 8985 7.4.2. */
static void what_a_probe_repaired_reduces(void **state)
{
	static const struct {
		bool dsack;
		uint32_t cwnd;
	} rows[] = { { false, 7 }, { true, 10 } };
	static struct bulk b;

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		for (size_t j = 0; j < 2; j++) {
			begin(&b, bases[i]);
			world_send(&b.w, 0, 5, MSS);
			b.w.now_ns += 20 * MS;
			world_ack(&b.w, 4, 0, 0);
			b.w.now_ns += 80 * MS;
			assert_int_equal(world_send(&b.w, 4, 1, MSS), OUT_TLP_RETRANSMISSION);
			b.w.now_ns += 20 * MS;
			world_ack(&b.w, 5, rows[j].dsack ? 4 : 0, rows[j].dsack ? 5 : 0);
			assert_int_equal(b.w.sender.window.ssthresh_bytes, WINDOW_UNKNOWN);
			world_send(&b.w, 5, 3, 300);
			b.w.now_ns += 20 * MS;
			world_ack(&b.w, 6, 0, 0);
			assert_int_equal(cwnd_of(&b), rows[j].cwnd);
			world_end(&b.w);
		}
}

/* Linux's tcp_current_ssthresh(): three quarters of the window are never given up by a needless reduction. */
static void an_undo_leaves_slow_start_to_three_quarters(void **state)
{
	static struct bulk b;
	uint32_t cwnd;

	(void)state;
	begin(&b, INT32_MAX - 20500);
	to_avoidance(&b, &cwnd);
	b.w.sender.window.ssthresh_bytes = 20 * MSS;
	b.w.now_ns += 500 * MS;
	world_send(&b.w, b.acked, 1, MSS);
	assert_int_equal(cwnd_of(&b), 1);
	b.w.now_ns += MS;
	/* Both copies arrived, and all else. */
	world_ack(&b.w, b.next, b.acked, b.acked + 1);
	assert_true(b.w.ack.undone);
	assert_in_range(cwnd_of(&b), cwnd - 1, cwnd + 1);
	assert_in_range(threshold_of(&b), cwnd * 3 / 4 - 2, cwnd * 3 / 4);
	world_end(&b.w);
}

static void what_limits_is_told(void **state)
{
	static struct bulk b;

	(void)state;
	begin(&b, 1000);
	/* All that there was: a short segment, and room in both windows. */
	world_send(&b.w, 0, 2, 300);
	assert_int_equal(window_limit(&b.w.sender, &b.w.endpoint), LIMIT_APPLICATION);
	b.w.now_ns += 30 * MS;
	b.w.endpoint.snd_una = b.w.endpoint.snd_max;
	assert_int_equal(window_limit(&b.w.sender, &b.w.endpoint), LIMIT_APPLICATION);
	world_end(&b.w);

	begin(&b, 1000);
	b.w.endpoint.snd_wnd = 5 * MSS + 500;
	world_send(&b.w, 0, 5, MSS);
	assert_int_equal(window_limit(&b.w.sender, &b.w.endpoint), LIMIT_RECEIVER);
	b.w.now_ns += 20 * MS;
	/* The time until then is the receiver's. */
	world_ack(&b.w, 5, 0, 0);
	assert_int_equal(b.w.sender.window.limited_ms[LIMIT_RECEIVER - 1], 20);
	assert_int_equal(window_share(&b.w.sender.window, LIMIT_RECEIVER), 100);
	b.w.endpoint.snd_wnd = 4000 * MSS;
	world_send(&b.w, 5, 15, MSS);
	assert_int_equal(window_limit(&b.w.sender, &b.w.endpoint), LIMIT_WINDOW);
	world_end(&b.w);
}

/* RFC 2861: after a pause it begins with less. */
static void a_pause_takes_the_window_back(void **state)
{
	static struct bulk b;
	uint32_t cwnd;

	(void)state;
	begin(&b, 1000);
	to_avoidance(&b, &cwnd);
	b.w.now_ns += 20 * MS;
	world_ack(&b.w, b.next, 0, 0);
	b.w.now_ns += 5000 * MS;
	world_send(&b.w, b.next, 1, 300);
	assert_int_equal(cwnd_of(&b), 10);
	assert_int_equal(b.w.sender.window.reason, CWND_IDLE);
	world_end(&b.w);
}

/* RFC 5681 3.1: what carried the SYN was sent again, and again. */
static void a_lost_handshake_begins_with_one_segment(void **state)
{
	struct world w;

	(void)state;
	for (uint32_t again = 0; again < 3; again++) {
		world_begin(&w, 1000, true);
		w.endpoint.retransmitted_segments = again;
		window_begin(&w.sender, &w.endpoint, &w.peer);
		assert_int_equal(w.sender.window.cwnd_bytes / w.sender.window.mss_bytes,
				 again > 1 ? 1 : 10);
		world_end(&w);
	}
}

static void nothing_is_known_without_data(void **state)
{
	struct sender sender;
	struct endpoint endpoint = { 0 };
	uint8_t confidence;

	(void)state;
	sender_init(&sender, false);
	assert_int_equal(window_limit(&sender, &endpoint), LIMIT_NONE);
	assert_int_equal(window_family(&sender, &confidence), CC_UNKNOWN);
	assert_int_equal(confidence, 0);
	window_recovery(&sender, &endpoint);
	window_timeout(&sender, false);
	window_time(&sender, &endpoint, 1, true);
	window_time(&sender, &endpoint, 1000 * MS, true);
	assert_int_equal(window_share(&sender.window, LIMIT_WINDOW), 0);
	assert_string_equal(limit_name(99), "");
	assert_string_equal(cc_family_name(99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_start_doubles_and_is_left),
		cmocka_unit_test(reductions_are_measured),
		cmocka_unit_test(a_timeout_begins_with_one_segment),
		cmocka_unit_test(an_idle_sender_is_not_measured),
		cmocka_unit_test(timeouts_behind_progress_reduce_again),
		cmocka_unit_test(what_a_probe_repaired_reduces),
		cmocka_unit_test(an_undo_leaves_slow_start_to_three_quarters),
		cmocka_unit_test(what_limits_is_told),
		cmocka_unit_test(a_pause_takes_the_window_back),
		cmocka_unit_test(a_lost_handshake_begins_with_one_segment),
		cmocka_unit_test(nothing_is_known_without_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
