/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/trigger.h"

#include <stddef.h>

#define BIT(kind)   (UINT32_C(1) << (kind))
#define SHARES	    (BIT(TRIGGER_RETRANSMIT) | BIT(TRIGGER_ECN_CE))
#define REMEMBERING (SHARES | BIT(TRIGGER_SPURIOUS) | BIT(TRIGGER_STALL))
#define SEGMENTS    (SHARES | BIT(TRIGGER_STALL) | BIT(TRIGGER_CHECKSUM))

bool trigger_set_add(struct trigger_set *set, const struct trigger *trigger)
{
	uint32_t bit = BIT(trigger->kind);

	if (set->count == TRIGGERS_MAX || (bit & SHARES && bit & set->kinds))
		return false;
	set->triggers[set->count++] = *trigger;
	set->kinds |= bit;
	return true;
}

bool trigger_kinds_need_watch(uint32_t kinds)
{
	return kinds & REMEMBERING;
}

static bool exceeds(const struct trigger *trigger, uint64_t value, uint64_t bound)
{
	return trigger->or_equal ? value >= bound : value > bound;
}

static bool may_fire(const struct trigger_set *set, const struct watch *watch, uint32_t i,
		     uint32_t since_ms)
{
	if (!watch || !(watch->fired & BIT(i)))
		return true;
	return set->rearm_ns && !set->triggers[i].trace_point &&
	       (since_ms - watch->fired_ms[i]) * UINT64_C(1000000) >= set->rearm_ns;
}

/* What the event counts for this kind of trigger, to be compared with its bound; false: nothing. */
static bool event_value(const struct trigger *trigger, const struct watch *watch,
			const struct event *event, uint64_t *value, uint64_t *bound)
{
	*bound = trigger->number;
	switch (trigger->kind) {
	case TRIGGER_RTO:
		*value = event->stack_flex[0];
		return event->id == EVENT_RTO;
	case TRIGGER_SPURIOUS:
		*value = watch->spurious;
		return event->id == EVENT_BAD_RETRAN;
	case TRIGGER_ZERO_WINDOW:
		*value = event->stack_flex[0] * UINT64_C(1000);
		*bound = trigger->time_ns;
		return event->id == EVENT_PERSIST && event->flex8 != PERSIST_ENTERED;
	case TRIGGER_RTT:
		*value = (event->stack_flex[0] + (uint64_t)event->stack_flex[3]) * 1000;
		*bound = trigger->time_ns;
		return event->id == EVENT_RTT;
	case TRIGGER_RTT_RATIO:
		*value = event->stack_flex[0] + (uint64_t)event->stack_flex[3];
		*bound *= event->stack_flex[4] + (uint64_t)event->stack_flex[5];
		return event->id == EVENT_RTT;
	case TRIGGER_REORDER:
		*value = event->stack_flex[0];
		return event->id == EVENT_REORDER;
	case TRIGGER_WINDOW_COLLAPSE:
		*value = 1;
		*bound = 0;
		return event->id == EVENT_COLLAPSE;
	case TRIGGER_CAPTURE_GAP:
		*value = 1;
		*bound = 0;
		return event->id == EVENT_REASS && event->flex7 >> 8 == REASS_REASON_GAP;
	default:
		return false;
	}
}

int trigger_on_event(const struct trigger_set *set, struct watch *watch, const struct event *event,
		     uint32_t since_ms)
{
	if (event->id == EVENT_BAD_RETRAN && watch)
		watch->spurious++;
	for (uint32_t i = 0; i < set->count; i++) {
		uint64_t value, bound;

		if (event_value(&set->triggers[i], watch, event, &value, &bound) &&
		    exceeds(&set->triggers[i], value, bound) && may_fire(set, watch, i, since_ms))
			return (int)i;
	}
	return TRIGGER_NONE;
}

/* Counts a data segment. Whether the share of hits in the `of` segments at hand is exceeded already. */
static bool share_exceeded(const struct trigger *trigger, uint32_t *segments, uint32_t *hits,
			   bool hit)
{
	bool exceeded;

	*hits += hit;
	exceeded = hit && exceeds(trigger, *hits * UINT64_C(10000),
				  (uint64_t)trigger->number * trigger->of);
	if (++*segments >= trigger->of)
		*segments = *hits = 0;
	return exceeded;
}

static void note_progress(struct watch *watch, const struct trigger_segment *seg)
{
	for (int side = 0; side < 2; side++) {
		uint8_t bit = (uint8_t)(1 << side);

		if (seg->una[side] != watch->una[side] || !(watch->outstanding & bit))
			watch->progress_ns[side] = seg->last_ts_ns;
		watch->una[side] = seg->una[side];
		watch->outstanding &= (uint8_t)~bit;
		if (seg->max[side] != seg->una[side])
			watch->outstanding |= bit;
	}
}

static bool is_stalled(const struct trigger *trigger, const struct watch *watch, uint64_t now_ns)
{
	for (int side = 0; side < 2; side++)
		if (watch->outstanding & 1 << side && now_ns > watch->progress_ns[side] &&
		    exceeds(trigger, now_ns - watch->progress_ns[side], trigger->time_ns))
			return true;
	return false;
}

static bool segment_meets(const struct trigger *trigger, struct watch *watch,
			  const struct trigger_segment *seg)
{
	switch (trigger->kind) {
	case TRIGGER_RETRANSMIT:
		return seg->is_data &&
		       share_exceeded(trigger, &watch->retransmit[seg->side].segments,
				      &watch->retransmit[seg->side].hits, seg->is_again);
	case TRIGGER_ECN_CE:
		return seg->is_data && share_exceeded(trigger, &watch->ce[seg->side].segments,
						      &watch->ce[seg->side].hits, seg->is_ce);
	case TRIGGER_STALL:
		return is_stalled(trigger, watch, seg->ts_ns);
	case TRIGGER_CHECKSUM:
		return seg->is_damaged;
	default:
		return false;
	}
}

int trigger_on_segment(const struct trigger_set *set, struct watch *watch,
		       const struct trigger_segment *seg, uint32_t since_ms)
{
	int fires = TRIGGER_NONE;

	if (!(set->kinds & SEGMENTS))
		return TRIGGER_NONE;
	if (set->kinds & BIT(TRIGGER_STALL))
		note_progress(watch, seg);
	/* Each counts, whichever fires. */
	for (uint32_t i = 0; i < set->count; i++)
		if (segment_meets(&set->triggers[i], watch, seg) && fires == TRIGGER_NONE &&
		    may_fire(set, watch, i, since_ms))
			fires = (int)i;
	return fires;
}

int trigger_on_kinds(const struct trigger_set *set, struct watch *watch, uint32_t kinds,
		     uint32_t since_ms)
{
	if (!(set->kinds & kinds))
		return TRIGGER_NONE;
	for (uint32_t i = 0; i < set->count; i++)
		if (kinds & BIT(set->triggers[i].kind) && may_fire(set, watch, i, since_ms))
			return (int)i;
	return TRIGGER_NONE;
}
