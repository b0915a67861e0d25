/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/window.h"

#include <string.h>

#include "tcpstate/event.h"
#include "tcpstate/sender.h"
#include "tcpstate/seq.h"

#define MSS_GUESS     1448
#define MSS_SANE      16384
#define SHORT_BURSTS  3
#define RATE_ROUNDS   10
#define RATE_SEGMENTS 2
#define PAUSE_MS_MIN  150 /* no timer is shorter */
/* An ACK makes a sender send within this. */
#define PACED_NS	 UINT64_C(150000)
#define PACED_MIN	 32
#define PACED_VOTES	 6 /* as much as two measured reductions */
#define MS_NS		 UINT64_C(1000000)
#define HYSTART_SEGMENTS 24

static const char *const limit_names[LIMIT_COUNT] = { "", "application", "receiver", "window" };
static const char *const family_names[CC_COUNT] = { "unknown", "reno", "cubic", "bbr-like" };

const char *limit_name(uint8_t limit)
{
	return limit < LIMIT_COUNT ? limit_names[limit] : "";
}

const char *cc_family_name(uint8_t family)
{
	return family < CC_COUNT ? family_names[family] : "unknown";
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void window_begin(struct sender *sender, const struct endpoint *endpoint,
		  const struct endpoint *peer)
{
	struct window *window = &sender->window;
	uint32_t options = endpoint->t_flags & peer->t_flags & TF_RCVD_TSTMP ? 12 : 0;
	uint32_t mss = endpoint->mss_bytes;

	if (peer->mss_bytes && (mss == 0 || peer->mss_bytes < mss))
		mss = peer->mss_bytes;
	/* Without the SYNs: what most have; larger segments correct it. */
	window->mss_bytes = (uint16_t)(mss > options + 32 ? mss - options : MSS_GUESS);
	window->cwnd_bytes = window_initial_bytes(window);
	/* RFC 5681 3.1 as Linux has it: what carried the SYN was sent again, more than once. */
	if (endpoint->retransmitted_segments > 1)
		window->cwnd_bytes = window->mss_bytes;
	window->ssthresh_bytes = WINDOW_UNKNOWN;
	window->reason = CWND_SLOW_START;
	window->round_end = endpoint->snd_max;
}

uint32_t window_in_flight(const struct sender *sender, const struct endpoint *endpoint)
{
	return pipe_bytes(sender, endpoint->snd_max - endpoint->snd_una, sender->window.mss_bytes);
}

uint8_t window_share(const struct window *window, enum limit limit)
{
	uint64_t sum_ms = 0;

	for (int i = 0; i < LIMIT_COUNT - 1; i++)
		sum_ms += window->limited_ms[i];
	if (sum_ms == 0 || limit == LIMIT_NONE)
		return 0;
	return (uint8_t)((window->limited_ms[limit - 1] * UINT64_C(100) + sum_ms / 2) / sum_ms);
}

/* window_share() would say less than this; without a division. */
static bool share_is_below(const struct window *window, enum limit limit, uint32_t percent)
{
	uint64_t sum_ms = 0;

	for (int i = 0; i < LIMIT_COUNT - 1; i++)
		sum_ms += window->limited_ms[i];
	return sum_ms == 0 ||
	       window->limited_ms[limit - 1] * UINT64_C(100) + sum_ms / 2 < sum_ms * percent;
}

/* A sender that paces sends when nothing has just come in; so does an application that writes little. */
static bool is_paced(const struct sender *sender)
{
	const struct window *window = &sender->window;
	uint32_t paced = sender->cold ? sender->cold->past.paced : 0;

	return paced >= PACED_MIN && paced * UINT64_C(25) >= window->delivered &&
	       !(window->flags & WINDOW_ELSEWHERE) && share_is_below(window, LIMIT_APPLICATION, 20);
}

uint8_t window_limit(const struct sender *sender, const struct endpoint *endpoint)
{
	const struct window *window = &sender->window;
	uint32_t left_bytes = endpoint->snd_una + endpoint->snd_wnd - endpoint->snd_max;
	uint32_t in_flight, unused_bytes;

	if (window->mss_bytes == 0)
		return LIMIT_NONE;
	in_flight = window_in_flight(sender, endpoint);
	/* RFC 9293 3.8.6.2.1: less than a segment is not worth sending. A window that shrank is below 0. */
	if (endpoint->seen & SEEN_WINDOW && (left_bytes >> 31 || left_bytes == 0 ||
					     (left_bytes < window->mss_bytes &&
					      in_flight + window->mss_bytes <= window->cwnd_bytes)))
		return LIMIT_RECEIVER;
	if (endpoint->snd_una == endpoint->snd_max)
		return LIMIT_APPLICATION;
	if (in_flight + window->mss_bytes > window->cwnd_bytes)
		return LIMIT_WINDOW;
	/*
	 * Not even the wait for more room, so that a larger burst can be sent, leaves so much unused (a
	 * third, in Linux).
	 */
	unused_bytes = window->cwnd_bytes - in_flight;
	if (window->flags & WINDOW_SHORT ||
	    (unused_bytes > window->cwnd_bytes / 3 + 2u * window->mss_bytes && !is_paced(sender)))
		return LIMIT_APPLICATION;
	return LIMIT_WINDOW;
}

/* RFC 2861 3.2: what slow start may go back to, three quarters of the window at least. */
static uint32_t threshold_now(const struct window *window, uint32_t segments)
{
	return max_u32(window->ssthresh_bytes, (segments / 2 + segments / 4) * window->mss_bytes);
}

/* RFC 2861: the window of before the pause is not used at once. */
static void after_pause(struct sender *sender, const struct endpoint *endpoint, uint64_t ts_ns)
{
	struct window *window = &sender->window;
	uint64_t timeout_us = rto_us(&sender->rto, endpoint->rtt.srtt_us);
	uint64_t pause_us = ts_ns > sender->sent_ns ? (ts_ns - sender->sent_ns) / 1000 : 0;
	uint32_t least_bytes = window_initial_bytes(window);

	if (pause_us <= timeout_us || window->cwnd_bytes <= least_bytes)
		return;
	window->ssthresh_bytes = threshold_now(window, window->cwnd_bytes / window->mss_bytes);
	for (; pause_us > timeout_us && window->cwnd_bytes > least_bytes; pause_us -= timeout_us)
		window->cwnd_bytes /= 2;
	window->cwnd_bytes = max_u32(window->cwnd_bytes, least_bytes);
	window->reason = CWND_IDLE;
	window->peak_bytes = window->peak_before_bytes = 0;
}

void window_time(struct sender *sender, const struct endpoint *endpoint, uint64_t ts_ns, bool ack)
{
	struct window *window = &sender->window;
	uint8_t limit = window_limit(sender, endpoint);
	uint64_t ms;

	if (ack && limit != LIMIT_WINDOW)
		window->flags |= WINDOW_STARVED;
	if (!ack && sender->cold && limit != LIMIT_RECEIVER && !(window->flags & WINDOW_SHORT) &&
	    sender->phase == PHASE_OPEN && endpoint->snd_una != endpoint->snd_max &&
	    ts_ns > sender->peer_ack_ns + PACED_NS && ts_ns > sender->sent_ns + PACED_NS)
		sender->cold->past.paced++;
	if (!window->at_ns || limit == LIMIT_NONE) {
		window->at_ns = ts_ns;
		return;
	}
	if (ts_ns < window->at_ns + MS_NS)
		return;
	/* What is less than a millisecond goes to the next one. */
	ms = (ts_ns - window->at_ns) / MS_NS;
	window->at_ns += ms * MS_NS;
	if (ms < UINT32_MAX - window->limited_ms[limit - 1])
		window->limited_ms[limit - 1] += (uint32_t)ms;
	if (!ack && ms >= PAUSE_MS_MIN && endpoint->snd_una == endpoint->snd_max)
		after_pause(sender, endpoint, ts_ns);
}

static bool in_slow_start(const struct window *window)
{
	return window->cwnd_bytes < window->ssthresh_bytes;
}

/* By what its reductions have left, and by more: votes for pacing. */
static uint8_t family_by(const struct sender *sender, uint8_t paced_votes, uint8_t *confidence)
{
	const struct window_past *past;
	uint8_t votes[CC_COUNT] = { 1 };
	uint8_t best = CC_UNKNOWN, against = 0;
	uint32_t sure;

	*confidence = 0;
	if (!sender->cold)
		return CC_UNKNOWN;
	past = &sender->cold->past;
	votes[CC_RENO] = past->reno_votes;
	votes[CC_CUBIC] = past->cubic_votes;
	votes[CC_BBR] = (uint8_t)(past->bbr_votes + paced_votes);
	for (uint8_t family = CC_RENO; family < CC_COUNT; family++)
		if (votes[family] > votes[best])
			best = family;
	for (uint8_t family = CC_RENO; family < CC_COUNT; family++)
		if (family != best)
			against = (uint8_t)max_u32(against, votes[family]);
	sure = votes[best] > against ? 40u + 10u * (uint32_t)(votes[best] - against) : 0;
	if (sender->window.flags & WINDOW_ELSEWHERE && sure > 60)
		sure = 60;
	*confidence = (uint8_t)(sure > 98 ? 98 : sure);
	if (best != CC_UNKNOWN && sure > 0)
		return best;
	*confidence = 0;
	return CC_UNKNOWN;
}

uint8_t window_family(const struct sender *sender, uint8_t *confidence)
{
	return family_by(sender, is_paced(sender) ? PACED_VOTES : 0, confidence);
}

/* Pacing alone, which may be the application's, is no reason to expect that nothing is taken away. */
static uint8_t family_measured(const struct sender *sender)
{
	uint8_t confidence;

	return family_by(sender, 0, &confidence);
}

static void vote(uint8_t *votes, uint8_t count)
{
	*votes = (uint8_t)(*votes < 200 ? *votes + count : 200);
}

/* What a reduction leaves of the window: half (RFC 5681 3.1), 0.7 (RFC 9438 4.6, as Linux has it), or all. */
static void reduce(struct sender *sender)
{
	struct window *window = &sender->window;
	struct window_past *past = &sender->cold->past;
	uint32_t segments = window->cwnd_bytes / window->mss_bytes;

	past->prior_cwnd_bytes = window->cwnd_bytes;
	past->prior_ssthresh_bytes = threshold_now(window, segments);
	/* Whole segments, two at least (RFC 5681 3.1). */
	past->reno_bytes = max_u32(segments / 2, 2) * window->mss_bytes;
	past->cubic_bytes =
		max_u32((uint32_t)((uint64_t)segments * 717 / 1024), 2) * window->mss_bytes;
	switch (family_measured(sender)) {
	case CC_BBR:
		window->ssthresh_bytes = max_u32(segments, 2) * window->mss_bytes;
		break;
	case CC_RENO:
		window->ssthresh_bytes = past->reno_bytes;
		break;
	default:
		window->ssthresh_bytes = past->cubic_bytes;
	}
	window->peak_bytes = window->peak_before_bytes = 0;
	window->flags &= (uint8_t) ~(WINDOW_BURST | WINDOW_MEASURE);
	window->short_bursts = 0;
}

void window_recovery(struct sender *sender, const struct endpoint *endpoint)
{
	struct window *window = &sender->window;
	uint32_t min_us = endpoint->rtt.min_us;

	if (window->mss_bytes == 0)
		return;
	/*
	 * Slow start went on although the round trip had grown far beyond what HyStart bears (RFC 9406
	 * 4.2: an eighth, 4 to 16 ms): then there is none.
	 */
	if (window->ssthresh_bytes == WINDOW_UNKNOWN &&
	    window->cwnd_bytes >= HYSTART_SEGMENTS * (uint32_t)window->mss_bytes &&
	    endpoint->rtt.srtt_us > min_us + min_us / 4 + 16000)
		vote(&sender->cold->past.reno_votes, 1);
	reduce(sender);
}

/* At most once a round, and where a reduction begins or ends. */
static void note_change(struct sender *sender)
{
	struct window *window = &sender->window;
	uint32_t told, now = window->cwnd_bytes;

	if (window->flags & WINDOW_ELSEWHERE || !sender->cold)
		return;
	told = sender->cold->past.told_bytes;
	if (now > told ? now - told > window->mss_bytes : told - now > window->mss_bytes)
		window->flags |= WINDOW_TELL;
}

void window_timeout(struct sender *sender, bool again)
{
	struct window *window = &sender->window;

	if (window->mss_bytes == 0)
		return;
	/*
	 * From a recovery it keeps the threshold of that. In a loss phase the first of a row, behind an ACK
	 * that told of progress, reduces what has grown since (RFC 5681 3.1, Linux's tcp_enter_loss()).
	 */
	if (!again && sender->phase != PHASE_RECOVERY)
		reduce(sender);
	window->flags &= (uint8_t) ~(WINDOW_MEASURE | WINDOW_BURST);
	window->cwnd_bytes = window->mss_bytes;
	window->peak_bytes = window->peak_before_bytes = 0;
	window->reason = CWND_TIMEOUT;
	note_change(sender);
}

void window_probe_loss(struct sender *sender)
{
	struct window *window = &sender->window;

	if (window->mss_bytes == 0)
		return;
	reduce(sender);
	window->cwnd_bytes = window->ssthresh_bytes;
	window->reason = CWND_PROBE;
	note_change(sender);
}

/*
 * Behind a recovery the window is the threshold (RFC 6937 3), and a sender that has more to send fills it at
 * once, before anything can make it grow. So the burst behind the ACK that ended it tells the threshold, also
 * of a sender that has never reduced before. idle: it may have nothing to send, or may not.
 */
static void burst_grows(struct sender *sender, uint32_t in_flight, bool idle)
{
	struct window *window = &sender->window;
	const struct window_past *past = &sender->cold->past;
	uint32_t mss = window->mss_bytes, slack = mss + past->reno_bytes / 16;

	window->peak_bytes = max_u32(window->peak_bytes, in_flight);
	in_flight = window->peak_bytes;
	if (family_measured(sender) == CC_UNKNOWN)
		/* Far less than half: it has nothing to fill it with. */
		window->ssthresh_bytes =
			idle || in_flight > past->reno_bytes || in_flight + slack < past->reno_bytes
				? past->cubic_bytes
				: past->reno_bytes;
	/* That much is in flight, so the window is no smaller; the ACK may have let it grow by one. */
	if (in_flight > window->ssthresh_bytes + mss)
		window->ssthresh_bytes =
			in_flight > past->cubic_bytes + mss ? in_flight : past->cubic_bytes;
	window->cwnd_bytes = max_u32(window->ssthresh_bytes, in_flight);
}

/* The peer's window has no room for another segment. */
static bool is_starved(const struct window *window, const struct endpoint *endpoint,
		       uint32_t snd_max)
{
	uint32_t left_bytes = endpoint->snd_una + endpoint->snd_wnd - snd_max;

	return left_bytes < window->mss_bytes || left_bytes >> 31;
}

void window_sent(struct sender *sender, const struct endpoint *endpoint, const struct segment *seg,
		 const struct sent *sent)
{
	struct window *window = &sender->window;
	uint32_t end = seg->seq + segment_length(seg), snd_max = seq_max(endpoint->snd_max, end);
	uint32_t in_flight;

	if (window->mss_bytes == 0)
		return;
	if (seg->payload_bytes > window->mss_bytes && endpoint->mss_bytes == 0 &&
	    seg->payload_bytes < MSS_SANE)
		window->mss_bytes = (uint16_t)seg->payload_bytes;
	in_flight = pipe_bytes(sender, snd_max - endpoint->snd_una, window->mss_bytes);
	window->flags |= WINDOW_SENT;
	if (!(sent->kind == OUT_RETRANSMISSION || sent->kind == OUT_TLP_RETRANSMISSION)) {
		window->flags &= (uint8_t)~WINDOW_SHORT;
		if (seg->flags & TCP_FIN || seg->payload_bytes < window->mss_bytes)
			window->flags |= WINDOW_SHORT;
	}
	if (sent->cause == CAUSE_TLP)
		return; /* RFC 8985 7.3: whatever the window */
	if (sender->phase == PHASE_RECOVERY) {
		window->cwnd_bytes = max_u32(in_flight, window->mss_bytes);
		window->peak_bytes = max_u32(window->peak_bytes, in_flight);
		return;
	}
	if (window->flags & WINDOW_BURST)
		burst_grows(sender, in_flight,
			    window->flags & WINDOW_SHORT || is_starved(window, endpoint, snd_max));
	if (in_flight > window->peak_bytes)
		window->peak_bytes = in_flight;
	if (in_flight > window->cwnd_bytes) {
		window->cwnd_bytes = in_flight;
		window->reason = in_slow_start(window) ? CWND_SLOW_START : CWND_AVOIDANCE;
	}
}

static bool is_near(uint32_t bytes, uint32_t to_bytes)
{
	return bytes + to_bytes / 32 >= to_bytes && bytes <= to_bytes + to_bytes / 32;
}

static void burst_over(struct window *window, struct window_past *past, bool starved)
{
	uint32_t apart = past->cubic_bytes - past->reno_bytes;
	uint8_t weight = apart > window->mss_bytes ? 3 : apart ? 1 : 0;

	window->flags &= (uint8_t)~WINDOW_BURST;
	if (window->flags & WINDOW_SHORT || starved || weight == 0)
		return;
	if (is_near(window->peak_bytes, past->reno_bytes))
		vote(&past->reno_votes, weight);
	else if (is_near(window->peak_bytes, past->cubic_bytes))
		vote(&past->cubic_votes, weight);
	else
		return;
	window->flags &= (uint8_t)~WINDOW_MEASURE;
}

/* What the first round behind a recovery has in flight is what the reduction has left. */
static void measure_reduction(struct window *window, struct window_past *past)
{
	uint64_t left = window->peak_bytes, prior = past->prior_cwnd_bytes;

	window->flags &= (uint8_t)~WINDOW_MEASURE;
	if (prior < 8 * (uint64_t)window->mss_bytes || left == 0)
		return;
	if (left * 100 >= prior * 86) {
		vote(&past->bbr_votes, 1);
		return;
	}
	if (left * 100 >= prior * 63 && left * 100 <= prior * 80)
		vote(&past->cubic_votes, 3);
	else if (left * 100 >= prior * 44 && left * 100 < prior * 59)
		vote(&past->reno_votes, 3);
	else
		return;
	window->ssthresh_bytes = window->cwnd_bytes = (uint32_t)left;
}

/* In slow start each burst fills a window that has grown by what was acknowledged. */
static void burst_ended(struct window *window, struct window_past *past, uint32_t in_flight)
{
	uint32_t slack = max_u32(2u * window->mss_bytes, window->cwnd_bytes / 16);

	if (window->flags & WINDOW_SHORT || in_flight + slack >= window->cwnd_bytes) {
		if (window->short_bursts) {
			window->short_bursts = 0;
			past->burst_bytes = 0;
		}
		return;
	}
	past->burst_bytes = max_u32(past->burst_bytes, in_flight);
	if (++window->short_bursts < SHORT_BURSTS)
		return;
	window->short_bursts = 0;
	window->cwnd_bytes = past->burst_bytes;
	if (window->ssthresh_bytes == WINDOW_UNKNOWN) {
		vote(&past->cubic_votes, 1);
		window->flags |= WINDOW_LEFT_SLOW_START;
		window->reason = CWND_HYSTART;
	}
	window->ssthresh_bytes = past->burst_bytes;
	past->burst_bytes = 0;
}

/*
 * A round's rate of delivery, in 64 bytes/s. One that delivers next to nothing shows the application's
 * rate, not the path's, and is left out.
 */
static void take_rate(struct window *window, struct window_past *past, uint32_t now_us)
{
	uint32_t us = now_us - window->round_us;
	uint64_t rate;

	if (window->round_delivered_bytes < RATE_SEGMENTS * (uint32_t)window->mss_bytes || us == 0)
		return;
	rate = (uint64_t)window->round_delivered_bytes * 15625 / us;
	past->rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
	if (past->rate > past->rate_max[0])
		past->rate_max[0] = past->rate;
	if (++past->rounds >= RATE_ROUNDS) {
		past->rounds = 0;
		past->rate_max[1] = past->rate_max[0];
		past->rate_max[0] = past->rate;
	}
}

uint8_t window_confidence(const struct sender *sender)
{
	uint8_t sure;

	switch (sender->window.reason) {
	case CWND_TIMEOUT:
	case CWND_UNDO:
		return 90;
	case CWND_RECOVERY:
		/* As sure as the share that a reduction leaves. */
		return window_family(sender, &sure) == CC_UNKNOWN ? 60 : sure;
	case CWND_AVOIDANCE:
		return 90;
	case CWND_IDLE:
		return 60;
	default:
		return 80;
	}
}

static void round_ended(struct sender *sender, const struct endpoint *endpoint, uint64_t ts_ns,
			uint32_t near_us)
{
	struct window *window = &sender->window;
	uint32_t seen = max_u32(window->peak_bytes, window->peak_before_bytes);

	if (sender->cold)
		take_rate(window, &sender->cold->past, (uint32_t)(ts_ns / 1000));
	window->round_us = (uint32_t)(ts_ns / 1000);
	window->round_delivered_bytes = 0;
	window->round_end = endpoint->snd_max;
	/* A quarter of the way: then the bursts that the tap sees are no answer to the ACKs it sees. */
	if (endpoint->rtt.min_us && near_us > endpoint->rtt.min_us / 4)
		window->flags |= WINDOW_ELSEWHERE;
	else
		window->flags &= (uint8_t)~WINDOW_ELSEWHERE;
	if (sender->phase != PHASE_OPEN) {
		window->peak_before_bytes = window->peak_bytes;
		window->peak_bytes = 0;
		return;
	}
	if (window->flags & WINDOW_MEASURE && !(window->flags & WINDOW_STARVED))
		measure_reduction(window, &sender->cold->past);
	else if (!in_slow_start(window) && !(window->flags & WINDOW_STARVED) && seen) {
		if (seen < window->cwnd_bytes)
			window->reason = CWND_AVOIDANCE;
		window->cwnd_bytes = seen;
	}
	window->flags &= (uint8_t) ~(WINDOW_STARVED | WINDOW_MEASURE);
	window->peak_before_bytes = window->peak_bytes;
	window->peak_bytes = 0;
	/* One segment a round is what congestion avoidance does: it adds up until it is told. */
	note_change(sender);
}

void window_acked(struct sender *sender, const struct endpoint *endpoint, const struct segment *ack,
		  uint32_t near_us, const struct sender_ack *out)
{
	struct window *window = &sender->window;
	struct window_past *past = sender->cold ? &sender->cold->past : NULL;
	bool advances = seq_after(ack->ack, endpoint->snd_una);
	bool starved = is_starved(window, endpoint, endpoint->snd_max);
	uint32_t una = advances ? ack->ack : endpoint->snd_una;
	uint32_t in_flight, used;

	if (window->mss_bytes == 0)
		return;
	window->delivered += out->delivered_segments;
	window->round_delivered_bytes += out->delivered_bytes;
	if (window->flags & WINDOW_BURST)
		burst_over(window, past, starved);
	if (out->undone && past && past->prior_cwnd_bytes) {
		window->cwnd_bytes = max_u32(window->cwnd_bytes, past->prior_cwnd_bytes);
		window->ssthresh_bytes =
			max_u32(window->ssthresh_bytes, past->prior_ssthresh_bytes);
		window->reason = CWND_UNDO;
		window->flags &= (uint8_t)~WINDOW_MEASURE;
		window->peak_bytes = window->peak_before_bytes = 0;
	} else if (out->recovered && out->recovered_from == PHASE_RECOVERY) {
		window->reason = CWND_RECOVERY;
		window->peak_bytes = window->peak_before_bytes = 0;
		window->flags |= WINDOW_MEASURE | WINDOW_BURST;
		burst_grows(sender, pipe_bytes(sender, endpoint->snd_max - una, window->mss_bytes),
			    window->flags & WINDOW_SHORT || starved);
		window->round_end = endpoint->snd_max;
		window->flags &= (uint8_t)~WINDOW_STARVED;
	} else if (sender->phase == PHASE_RECOVERY) {
		in_flight = pipe_bytes(sender, endpoint->snd_max - una, window->mss_bytes);
		/* What the peer does not let it send is not taken away. */
		if (!starved || window->cwnd_bytes > window->ssthresh_bytes)
			window->cwnd_bytes = max_u32(in_flight, window->mss_bytes);
	} else if (in_slow_start(window) && advances) {
		/* Before it: what the burst has left. */
		in_flight = pipe_bytes(sender, endpoint->snd_max - una, window->mss_bytes) +
			    out->delivered_bytes;
		if (past && window->flags & WINDOW_SENT && sender->phase == PHASE_OPEN && !starved)
			burst_ended(window, past, in_flight);
		/*
		 * RFC 5681 3.1, and RFC 7661: a window that was not used does not grow, in Linux beyond twice
		 * what was in flight.
		 */
		used = max_u32(in_flight, max_u32(window->peak_bytes, window->peak_before_bytes));
		if (in_slow_start(window) && used * 2 > window->cwnd_bytes) {
			window->cwnd_bytes +=
				max_u32(out->delivered_segments * (uint32_t)window->mss_bytes,
					out->delivered_bytes);
			if (window->cwnd_bytes > window->ssthresh_bytes)
				window->cwnd_bytes = window->ssthresh_bytes;
			window->reason = CWND_SLOW_START;
		}
	}
	if ((out->undone | out->recovered) && past && past->prior_cwnd_bytes)
		note_change(sender);
	window->flags &= (uint8_t)~WINDOW_SENT;
	if (advances && seq_after(ack->ack, window->round_end))
		round_ended(sender, endpoint, ack->ts_ns, near_us);
}
