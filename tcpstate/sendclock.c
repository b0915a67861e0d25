/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/sendclock.h"

#include "tcpstate/seq.h"

#define HAS_TIME 0x01
#define HAS_ID	 0x02
/* How often the IP ID went up by one over a pause, 0 .. 3; a jump makes it 0 again. */
#define PAUSES	   0x0c
#define PAUSES_ONE 0x04

/* A step of one raises the trust, a larger one costs some: a counter that all connections share. */
#define STEPS_TRUSTED 8
#define STEPS_MAX     24
/* The clock's rate is measured over so many of its steps, or so long, at least. */
#define RATE_MIN_NS    UINT64_C(100000000)
#define RATE_MIN_TICKS 16
/* What a delay is: more than a hesitation, less than the clock's own drift over a pause. */
#define DELAY_LEAST_US 5000
#define DELAY_MOST_US  120000000
#define MS_NS	       UINT64_C(1000000)
#define STEP_NEAR      32 /* a larger one is no loss or delay, the numbers are drawn at random */

static int16_t id_step(const struct sendclock *clock, const struct segment *seg)
{
	return (int16_t)(seg->ip_id - clock->newest_id);
}

static bool has_id(const struct segment *seg)
{
	return seg->key.ip_version == 4 && seg->ip_id;
}

static void note_id(struct sendclock *clock, const struct segment *seg, bool paused)
{
	int16_t step = id_step(clock, seg);
	int cost = 0;

	if (clock->flags & HAS_ID) {
		if (step == 1)
			cost = -1;
		else if (step > STEP_NEAR || step < -STEP_NEAR)
			cost = 8;
		else if (step > 1)
			cost = 1;
	}
	if (paused && clock->flags & HAS_ID) {
		if (step != 1)
			clock->flags &= (uint8_t)~PAUSES;
		else if ((clock->flags & PAUSES) != PAUSES)
			clock->flags += PAUSES_ONE;
	}
	cost = clock->steps - cost;
	clock->steps = (uint8_t)(cost < 0 ? 0 : cost > STEPS_MAX ? STEPS_MAX : cost);
	if (!(clock->flags & HAS_ID) || step > 0 || step < -STEP_NEAR)
		clock->newest_id = seg->ip_id;
	clock->flags |= HAS_ID;
}

void sendclock_note(struct sendclock *clock, const struct segment *seg, bool paused)
{
	if (has_id(seg))
		note_id(clock, seg, paused);
	if (!(seg->options.seen & TCPOPT_HAS_TIMESTAMP))
		return;
	if (!(clock->flags & HAS_TIME)) {
		clock->flags |= HAS_TIME;
		clock->newest_tsval = clock->base_tsval = seg->options.tsval;
		clock->newest_us = (uint32_t)(seg->ts_ns / 1000);
		clock->base_ns = seg->ts_ns;
	} else if (seq_after(seg->options.tsval, clock->newest_tsval)) {
		clock->newest_tsval = seg->options.tsval;
		clock->newest_us = (uint32_t)(seg->ts_ns / 1000);
	}
}

void sendclock_mark(const struct sendclock *clock, struct sendclock_past *past,
		    const struct segment *seg, uint32_t spacing_us)
{
	uint64_t last_ns = past->marks[(uint8_t)(past->marked - 1) % SENDCLOCK_MARKS].ts_ns;
	bool has_time = seg->options.seen & TCPOPT_HAS_TIMESTAMP;

	if (past->marked && seg->ts_ns < last_ns + spacing_us * UINT64_C(1000))
		return;
	/* What comes late is no mark. */
	if ((has_time && seg->options.tsval != clock->newest_tsval) ||
	    (!has_time && has_id(seg) && seg->ip_id != clock->newest_id))
		return;
	past->marks[past->marked % SENDCLOCK_MARKS].ts_ns = seg->ts_ns;
	past->marks[past->marked % SENDCLOCK_MARKS].tsval = seg->options.tsval;
	past->marks[past->marked % SENDCLOCK_MARKS].ip_id = seg->ip_id;
	past->marked++;
	if (past->marked == 0) /* it means "never" */
		past->marked = SENDCLOCK_MARKS * 2;
}

/* Clocks tick in whole milliseconds, or nearly all do: queues have blurred what was measured. */
static uint64_t whole_tick_ns(uint64_t tick_ns)
{
	uint64_t whole_ns = (tick_ns + MS_NS / 2) / MS_NS * MS_NS;
	uint64_t off_ns = tick_ns > whole_ns ? tick_ns - whole_ns : whole_ns - tick_ns;

	return off_ns <= whole_ns / 8 ? whole_ns : tick_ns;
}

/* By what passed before, and if that is too little by the segment itself, which may be held up. */
static void measure_rate(struct sendclock *clock, const struct segment *seg)
{
	uint32_t ticks = clock->newest_tsval - clock->base_tsval;
	uint64_t span_ns = (uint64_t)(clock->newest_us - (uint32_t)(clock->base_ns / 1000)) * 1000;

	if ((int32_t)ticks < RATE_MIN_TICKS) {
		ticks = seg->options.tsval - clock->base_tsval;
		span_ns = seg->ts_ns > clock->base_ns ? seg->ts_ns - clock->base_ns : 0;
	}
	if ((span_ns >= RATE_MIN_NS || (int32_t)ticks >= RATE_MIN_TICKS) && (int32_t)ticks > 0 &&
	    span_ns / ticks <= UINT32_MAX / 2)
		clock->tick_ns = (uint32_t)whole_tick_ns(span_ns / ticks);
}

uint64_t sendclock_pause_us(struct sendclock *clock, const struct segment *seg)
{
	uint32_t pause = seg->options.tsval - clock->newest_tsval;

	if (!(clock->flags & HAS_TIME) || !(seg->options.seen & TCPOPT_HAS_TIMESTAMP) ||
	    (int32_t)pause <= 0)
		return 0;
	if (clock->tick_ns == 0)
		measure_rate(clock, seg);
	return (uint64_t)clock->tick_ns * pause / 1000;
}

uint64_t sendclock_delay_us(struct sendclock *clock, const struct segment *seg)
{
	uint64_t pause_us = sendclock_pause_us(clock, seg);
	uint64_t gap_us = (uint32_t)(seg->ts_ns / 1000) - clock->newest_us;
	uint64_t steps_us = 2 * (uint64_t)clock->tick_ns / 1000 + DELAY_LEAST_US;

	/* A pause that is longer than the type says nothing. */
	if (pause_us == 0 || gap_us <= pause_us + steps_us || gap_us > DELAY_MOST_US)
		return 0;
	return gap_us - pause_us;
}

static bool counts_ids(const struct sendclock *clock)
{
	return clock->steps >= STEPS_TRUSTED;
}

bool sendclock_is_private(const struct sendclock *clock)
{
	return (clock->flags & PAUSES) == PAUSES;
}

uint32_t sendclock_missing(const struct sendclock *clock, const struct segment *seg)
{
	int16_t step = id_step(clock, seg);

	if (!counts_ids(clock) || !has_id(seg) || step <= 1)
		return 0;
	return (uint32_t)(step - 1);
}

static uint32_t marks_kept(const struct sendclock_past *past)
{
	return past->marked < SENDCLOCK_MARKS ? past->marked : SENDCLOCK_MARKS;
}

uint64_t sendclock_age_us(const struct sendclock *clock, const struct sendclock_past *past,
			  const struct segment *seg)
{
	bool by_time = seg->options.seen & TCPOPT_HAS_TIMESTAMP && clock->flags & HAS_TIME;
	uint64_t age_us = 0;

	if (by_time ? !seq_before(seg->options.tsval, clock->newest_tsval)
		    : !(counts_ids(clock) && has_id(seg) && id_step(clock, seg) < 0))
		return 0;
	/* The oldest mark that was sent behind it. */
	for (uint32_t i = 1; i <= marks_kept(past); i++) {
		uint8_t at = (uint8_t)(past->marked - i) % SENDCLOCK_MARKS;

		if (by_time ? !seq_after(past->marks[at].tsval, seg->options.tsval)
			    : (int16_t)(past->marks[at].ip_id - seg->ip_id) <= 0)
			break;
		if (seg->ts_ns > past->marks[at].ts_ns)
			age_us = (seg->ts_ns - past->marks[at].ts_ns) / 1000;
	}
	return age_us;
}

uint64_t sendclock_when_ns(const struct sendclock_past *past, uint32_t tsval)
{
	for (uint32_t i = 1; i <= marks_kept(past); i++) {
		uint8_t at = (uint8_t)(past->marked - i) % SENDCLOCK_MARKS, after;
		uint32_t ticks;

		if (seq_after(past->marks[at].tsval, tsval))
			continue;
		if (past->marks[at].tsval == tsval)
			return past->marks[at].ts_ns;
		if (i == 1)
			return 0; /* behind the last mark: the caller has better */
		after = (uint8_t)(at + 1) % SENDCLOCK_MARKS;
		ticks = past->marks[after].tsval - past->marks[at].tsval;
		return past->marks[at].ts_ns + (past->marks[after].ts_ns - past->marks[at].ts_ns) /
						       ticks * (tsval - past->marks[at].tsval);
	}
	return 0;
}

uint64_t sendclock_earlier_ns(const struct sendclock *clock, uint64_t ts_ns, uint32_t tsval,
			      uint32_t earlier_tsval)
{
	uint64_t between_ns = clock->tick_ns * (uint64_t)(tsval - earlier_tsval);

	if (!clock->tick_ns || seq_after(earlier_tsval, tsval) || ts_ns <= between_ns)
		return 0;
	return ts_ns - between_ns;
}
