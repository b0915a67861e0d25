/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/blackbox.h"

#include <string.h>

#include "tcpstate/conn_log.h"
#include "tcpstate/tracker_private.h"

#define NO_RULES 0 /* the policy of the configuration, if there are no rules */
/* The store builds a section in memory: whole packets must not make it huge. */
#define SECTION_CHUNKS_MAX 8192
#define LINGERING_LOOKS	   1024

static const struct log_policy *policy_of(const struct tracker *tracker,
					  const struct connection *conn)
{
	return blackbox_policy(&tracker->policies, conn);
}

static struct watch *watch_of(const struct tracker *tracker, const struct connection *conn)
{
	return conn->watch ? &tracker->watches[conn->watch - 1] : NULL;
}

/* NULL: no memory for it is left; its triggers then are not looked at. */
static struct watch *watch_make(struct tracker *tracker, struct connection *conn)
{
	if (conn->watch)
		return watch_of(tracker, conn);
	if (tracker->watches_free) {
		conn->watch = tracker->watches_free;
		memcpy(&tracker->watches_free, watch_of(tracker, conn),
		       sizeof(tracker->watches_free));
	} else if (tracker->watches_touched < tracker->watches_total) {
		conn->watch = ++tracker->watches_touched;
	} else {
		tracker->counters.cold_full++;
		return NULL;
	}
	*watch_of(tracker, conn) = (struct watch){ 0 };
	return watch_of(tracker, conn);
}

static void watch_drop(struct tracker *tracker, struct connection *conn)
{
	if (!conn->watch)
		return;
	memcpy(watch_of(tracker, conn), &tracker->watches_free, sizeof(tracker->watches_free));
	tracker->watches_free = conn->watch;
	conn->watch = 0;
}

static uint32_t since_ms(const struct connection *conn, uint64_t ts_ns)
{
	uint64_t ms = ts_ns > conn->first_ts_ns ? (ts_ns - conn->first_ts_ns) / 1000000 : 0;

	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static void set_mode(struct tracker *tracker, struct connection *conn, int8_t mode)
{
	conn->mode = mode;
	conn->views = mode > LOG_OFF && !tracker->disabled ? policy_of(tracker, conn)->views : 0;
	if (!conn->views)
		conn->mode = LOG_OFF;
}

/* Whose sections to write of what is in the log. */
static uint8_t views_to_write(const struct connection *conn, const struct log_policy *policy)
{
	if (!policy->sender_view)
		return policy->views;
	return conn->side[SIDE_CLIENT].payload_bytes > conn->side[SIDE_SERVER].payload_bytes
		       ? VIEW_CLIENT
		       : VIEW_SERVER;
}

/* Whether there is a section now. lost: the records that were lost with it. */
static bool hand_over(struct tracker *tracker, struct evlog *log,
		      const struct evlog_identity *identity, uint32_t *lost)
{
	struct tracker_counters *counters = &tracker->counters;
	uint32_t records = evlog_records(log, SIDE_CLIENT) + evlog_records(log, SIDE_SERVER);
	uint32_t written;

	*lost = evlog_dump(log, &tracker->pool, identity, &written);
	counters->records_lost += *lost;
	counters->records_sent += written;
	/* The others were too old, or of a side whose log is not wanted. */
	counters->records_overwritten += records - written - *lost;
	counters->sections += written != 0;
	return written;
}

struct evlog_identity blackbox_identity(const struct tracker *tracker,
					const struct connection *conn)
{
	const struct log_policy *policy = policy_of(tracker, conn);

	return (struct evlog_identity){
		.key = &conn->key,
		.connection = conn->number,
		.dump_ts_ns = conn->last_ts_ns,
		.client = conn->client,
		.views = views_to_write(conn, policy),
		.section = conn->section,
		.limit = policy->limit,
		.id = log_member_id(&tracker->groups, conn->member),
		.tag = policy->tag,
	};
}

bool blackbox_dump(struct tracker *tracker, struct connection *conn, uint64_t ts_ns,
		   const char *reason)
{
	struct evlog_identity identity;
	uint32_t lost = 0;

	if (!conn->log.tail)
		return false;
	follow_leaves(tracker, conn);
	identity = blackbox_identity(tracker, conn);
	identity.dump_ts_ns = ts_ns;
	identity.reason = reason;
	if (!hand_over(tracker, &conn->log, &identity, &lost))
		return conn->events_lost += lost, false;
	conn->section++;
	return true;
}

static void clear(struct tracker *tracker, struct connection *conn, uint64_t *counter)
{
	follow_leaves(tracker, conn);
	*counter += evlog_clear(&conn->log, &tracker->pool);
}

/* Joins the group of this ID; false: a limit is reached, it goes on without. */
static bool join(struct tracker *tracker, struct connection *conn, const char *id)
{
	uint32_t index = (uint32_t)(conn - tracker->table.records) + 1;

	if (!*id)
		return true;
	conn->member = log_groups_join(&tracker->groups, id, index);
	tracker->counters.ids_full += conn->member == 0;
	return conn->member;
}

static void leave(struct tracker *tracker, struct connection *conn)
{
	if (conn->member)
		log_groups_leave(&tracker->groups, conn->member);
	conn->member = 0;
}

/* 1 of N: by the ID, so that a group is in or out whole; else by turns. */
static bool is_chosen(struct tracker *tracker, const struct rule *rule, const char *id)
{
	uint32_t at = (uint32_t)(rule == &tracker->rules->fallback ? tracker->rules->count
								   : rule - tracker->rules->rules);

	if (rule->ratio <= 1)
		return true;
	if (*id)
		return log_group_hash(id) <= UINT32_MAX / rule->ratio;
	if (tracker->turns[at]++ != 0) {
		if (tracker->turns[at] == rule->ratio)
			tracker->turns[at] = 0;
		return false;
	}
	return true;
}

static void take_policy(struct tracker *tracker, struct connection *conn, uint32_t policy)
{
	log_policies_share(&tracker->policies, policy);
	conn->policy = (uint16_t)policy;
}

static void take_rule(struct tracker *tracker, struct connection *conn,
		      const struct rule_facts *facts, const struct rule *rule,
		      const struct rule *open, bool again)
{
	char id[LOG_ID_MAX];
	struct rule_decision decision = {
		.number = conn->number,
		.ts_ns = conn->first_ts_ns,
		.facts = facts,
		.rule = rule,
		.open = open,
		.id = id,
		.again = again,
	};

	rules_expand(rule == open ? "" : rule->id, facts, id);
	/* Whom a ratio takes is not decided twice. */
	decision.chosen = open ? rule->ratio <= 1 || rule == open : is_chosen(tracker, rule, id);
	take_policy(tracker, conn, tracker_policy_of_rule(tracker, rule, false));
	set_mode(tracker, conn, decision.chosen ? rule->policy.mode : (int8_t)LOG_OFF);
	decision.no_room_for_id = !join(tracker, conn, id);
	if (tracker->config.decided)
		tracker->config.decided(tracker->config.decided_context, &decision);
}

/*
 * Proto and host are still to come, and a rule depends on them. If what is known so far logs nothing, the
 * log is kept as that rule would, so that nothing is missing when it is the one; else it is thrown away.
 */
static void wait_for_application(struct tracker *tracker, struct connection *conn,
				 const struct rule_facts *facts, const struct rule *open)
{
	conn->application = applications_begin(tracker->applications, facts);
	tracker->counters.applications++;
	tracker->counters.applications_full += conn->application == 0;
	if (!conn->application || conn->mode != LOG_OFF || open->policy.mode == LOG_OFF)
		return;
	log_policies_drop(&tracker->policies, conn->policy);
	take_policy(tracker, conn, tracker_policy_of_rule(tracker, open, true));
	set_mode(tracker, conn, LOG_TAIL);
}

void blackbox_begin(struct tracker *tracker, struct connection *conn, const struct segment *seg)
{
	if (!tracker->rules) {
		take_policy(tracker, conn, NO_RULES);
		set_mode(tracker, conn, policy_of(tracker, conn)->mode);
	} else {
		struct rule_facts facts;
		const struct rule *rule, *open;

		rule_facts_init(&facts, seg, conn->client, tracker_iface_name(tracker, seg->iface));
		rule = rules_match(tracker->rules, &facts, &open);
		if (!open && rule_id_is_open(rule, &facts))
			open = rule;
		take_rule(tracker, conn, &facts, rule, open, false);
		if (open)
			wait_for_application(tracker, conn, &facts, open);
	}
	if (trigger_kinds_need_watch(policy_of(tracker, conn)->triggers.kinds))
		watch_make(tracker, conn);
}

/* Proto and host are known, or never will be: the rule is decided, and what was recorded stays. */
static void take_application(struct tracker *tracker, struct connection *conn,
			     const struct rule_facts *facts)
{
	const struct rule *rule, *open;

	rule = rules_match(tracker->rules, facts, &open);
	log_policies_drop(&tracker->policies, conn->policy);
	leave(tracker, conn);
	take_rule(tracker, conn, facts, rule, NULL, true);
	if (conn->mode == LOG_OFF)
		clear(tracker, conn, &tracker->counters.records_discarded);
	if (trigger_kinds_need_watch(policy_of(tracker, conn)->triggers.kinds))
		watch_make(tracker, conn);
	/* What its triggers have done was under another policy. */
	if (conn->watch)
		*watch_of(tracker, conn) = (struct watch){ 0 };
	conn->names = applications_keep(tracker->applications, facts);
	applications_drop(tracker->applications, conn->application);
	conn->application = 0;
}

void blackbox_look_at_application(struct tracker *tracker, struct connection *conn,
				  const struct segment *seg)
{
	const struct rule_facts *facts =
		applications_segment(tracker->applications, conn->application, seg);

	if (facts)
		take_application(tracker, conn, facts);
}

/* HEAD and HEAD_AUTO: the event behind the limit switches off, and takes the last serial number. */
static uint8_t switch_off_full(struct tracker *tracker, struct connection *conn, uint8_t views,
			       uint32_t limit)
{
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (views & 1 << side && evlog_records(&conn->log, side) >= limit) {
			evlog_lose(&conn->log, (uint8_t)(1 << side));
			conn->views &= (uint8_t) ~(1 << side);
			views &= (uint8_t) ~(1 << side);
		}
	if (conn->views)
		return views;
	if (conn->mode == LOG_HEAD_AUTO)
		blackbox_dump(tracker, conn, conn->last_ts_ns, log_mode_reason(conn->mode));
	conn->mode = LOG_OFF;
	return views;
}

static bool is_full(const struct connection *conn, uint8_t views, uint32_t limit)
{
	return (views & VIEW_CLIENT && evlog_records(&conn->log, SIDE_CLIENT) >= limit) ||
	       (views & VIEW_SERVER && evlog_records(&conn->log, SIDE_SERVER) >= limit);
}

/* The oldest of its own events go, for want of memory. */
static void recycled(struct tracker *tracker, struct connection *conn)
{
	tracker->counters.records_recycled += evlog_forget(&conn->log, &tracker->pool);
}

uint8_t blackbox_ready(struct tracker *tracker, struct connection *conn, uint8_t views)
{
	const struct log_policy *policy = policy_of(tracker, conn);
	uint32_t lost;

	views &= conn->views;
	if (!views)
		return 0;
	if (tracker->disabled) {
		clear(tracker, conn, &tracker->counters.records_discarded);
		set_mode(tracker, conn, LOG_OFF);
		return 0;
	}
	if (!conn->log.tail) {
		/* Nothing is in it. */
	} else if (log_mode_is_ring(conn->mode)) {
		if (evlog_chunks(&conn->log) >= EVLOG_CHUNKS_MAX / 2 ||
		    chunk_pool_is_dry(&tracker->pool))
			recycled(tracker, conn);
	} else if (conn->mode == LOG_CONTINUAL) {
		if (is_full(conn, views, policy->limit) ||
		    evlog_chunks(&conn->log) >= SECTION_CHUNKS_MAX)
			blackbox_dump(tracker, conn, conn->last_ts_ns, log_mode_reason(conn->mode));
	} else if (is_full(conn, views, policy->limit)) {
		views = switch_off_full(tracker, conn, views, policy->limit);
		if (!views)
			return 0;
	}
	if (evlog_open(&conn->log, &tracker->pool, conn->linktype))
		return views;
	lost = evlog_lose(&conn->log, views);
	tracker->counters.records += lost;
	tracker->counters.records_lost += lost;
	conn->events_lost += lost;
	return 0;
}

/* The events behind a trigger are handed over too, when there are enough of them. */
static void count_after(struct tracker *tracker, struct connection *conn, struct watch *watch,
			uint8_t views)
{
	const struct log_policy *policy = policy_of(tracker, conn);

	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (views & 1 << side && watch->after_left[side])
			watch->after_left[side]--;
	if (watch->after_left[SIDE_CLIENT] || watch->after_left[SIDE_SERVER])
		return;
	blackbox_dump(tracker, conn, conn->last_ts_ns,
		      policy->triggers.triggers[watch->after_trigger].text);
	if (watch->after_off)
		set_mode(tracker, conn, LOG_OFF);
}

void blackbox_recorded(struct tracker *tracker, struct connection *conn, uint8_t views,
		       uint32_t lost)
{
	const struct log_policy *policy = policy_of(tracker, conn);
	struct watch *watch = watch_of(tracker, conn);

	tracker->counters.records += (uint32_t)__builtin_popcount(views);
	tracker->counters.records_lost += lost;
	conn->events_lost += lost;
	if (log_mode_is_ring(conn->mode))
		tracker->counters.records_overwritten +=
			evlog_keep(&conn->log, &tracker->pool, policy->views, policy->limit);
	if (watch && (watch->after_left[SIDE_CLIENT] || watch->after_left[SIDE_SERVER]))
		count_after(tracker, conn, watch, views);
}

static void fire_trace_point(struct tracker *tracker, struct connection *conn,
			     const struct log_policy *policy, uint8_t index)
{
	struct trace_point *point;

	/* Those of a file that was replaced are no more. */
	if (!tracker->rules || tracker->rules->generation != policy->generation)
		return;
	point = &tracker->rules->trace_points[index];
	if (conn->mode == point->mode ||
	    atomic_load_explicit(&point->left, memory_order_relaxed) == 0)
		return;
	if (atomic_fetch_sub_explicit(&point->left, 1, memory_order_relaxed) == 0) {
		atomic_store_explicit(&point->left, 0, memory_order_relaxed);
		return; /* another worker's took the last */
	}
	tracker->counters.trace_points++;
	set_mode(tracker, conn, point->mode);
}

static void fire(struct tracker *tracker, struct connection *conn, int index, uint64_t ts_ns)
{
	const struct trigger_set *set = &policy_of(tracker, conn)->triggers;
	const struct trigger *trigger;
	struct watch *watch;

	if (index == TRIGGER_NONE)
		return;
	watch = watch_make(tracker, conn);
	if (!watch)
		return;
	trigger = &set->triggers[index];
	watch->fired |= UINT32_C(1) << index;
	watch->fired_ms[index] = since_ms(conn, ts_ns);
	if (trigger->trace_point) {
		fire_trace_point(tracker, conn, policy_of(tracker, conn), trigger->trace_point - 1);
		return;
	}
	tracker->counters.triggers++;
	blackbox_dump(tracker, conn, ts_ns, trigger->text);
	if (set->group && conn->member)
		tracker_ask_dump_group(tracker, log_member_id(&tracker->groups, conn->member),
				       ts_ns, trigger->text);
	if (!set->after_events)
		return;
	watch->after_trigger = (uint8_t)index;
	if (!conn->views && policy_of(tracker, conn)->mode != LOG_OFF) {
		watch->after_off = true;
		set_mode(tracker, conn, policy_of(tracker, conn)->mode);
	}
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		watch->after_left[side] = conn->views & 1 << side ? set->after_events : 0;
}

void blackbox_look_at_segment(struct tracker *tracker, struct connection *conn,
			      const struct segment *seg, enum side sender, const struct sent *sent)
{
	const struct trigger_set *set = &policy_of(tracker, conn)->triggers;
	struct watch *watch = watch_of(tracker, conn);
	struct trigger_segment of = {
		.ts_ns = seg->ts_ns,
		.last_ts_ns = conn->last_ts_ns,
		.side = sender,
		.is_data = seg->payload_bytes && sent->kind != OUT_NOT_QUEUED,
		.is_again =
			sent->kind == OUT_RETRANSMISSION || sent->kind == OUT_TLP_RETRANSMISSION,
		.is_ce = (seg->tos & 3) == 3,
		.is_damaged = sent->cause == CAUSE_BAD_CHECKSUM,
	};

	if (!watch && trigger_kinds_need_watch(set->kinds))
		return;
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		of.una[side] = conn->side[side].snd_una;
		of.max[side] = conn->side[side].snd_max;
	}
	fire(tracker, conn, trigger_on_segment(set, watch, &of, since_ms(conn, seg->ts_ns)),
	     seg->ts_ns);
}

void blackbox_look_at_event(struct tracker *tracker, struct connection *conn,
			    const struct event *event)
{
	const struct trigger_set *set = &policy_of(tracker, conn)->triggers;
	struct watch *watch = watch_of(tracker, conn);

	if (!watch && trigger_kinds_need_watch(set->kinds))
		return;
	fire(tracker, conn, trigger_on_event(set, watch, event, since_ms(conn, event->ts_ns)),
	     event->ts_ns);
}

static void look_at_kinds(struct tracker *tracker, struct connection *conn, uint32_t kinds,
			  uint64_t ts_ns)
{
	fire(tracker, conn,
	     trigger_on_kinds(&policy_of(tracker, conn)->triggers, watch_of(tracker, conn), kinds,
			      since_ms(conn, ts_ns)),
	     ts_ns);
}

void blackbox_look_at_reset(struct tracker *tracker, struct connection *conn, bool refused,
			    uint64_t ts_ns)
{
	uint32_t kinds = 1u << TRIGGER_RST;

	if (refused)
		kinds |= 1u << TRIGGER_REFUSED;
	if (conn->side[SIDE_CLIENT].payload_bytes || conn->side[SIDE_SERVER].payload_bytes)
		kinds |= 1u << TRIGGER_RST_AFTER_DATA;
	look_at_kinds(tracker, conn, kinds, ts_ns);
}

/* The log of a connection with an ID stays for a late trigger (FreeBSD: 60 s). */
static bool linger(struct tracker *tracker, struct connection *conn)
{
	const struct log_policy *policy = policy_of(tracker, conn);
	struct log_member *member;

	if (!conn->member || !conn->log.tail || !policy->linger_ns)
		return false;
	follow_leaves(tracker, conn);
	member = log_member(&tracker->groups, conn->member);
	member->connection = 0;
	member->lingering = (struct lingering_log){
		.key = conn->key,
		.log = conn->log,
		.number = conn->number,
		.last_ts_ns = conn->last_ts_ns,
		.until_ns = conn->last_ts_ns + policy->linger_ns,
		.policy = conn->policy,
		.section = conn->section,
		.client = conn->client,
		.views = views_to_write(conn, policy),
	};
	tracker->groups.lingering++;
	conn->log.tail = NULL;
	conn->member = 0;
	return true;
}

void blackbox_end(struct tracker *tracker, struct connection *conn, enum end_reason reason)
{
	struct watch *watch;
	const char *words;

	if (conn->application)
		take_application(tracker, conn,
				 applications_give_up(tracker->applications, conn->application));
	if (reason == END_IDLE && conn->side[SIDE_CLIENT].state == TCPS_SYN_SENT &&
	    !(conn->side[SIDE_SERVER].seen & SEEN_SEGMENT))
		look_at_kinds(tracker, conn, 1u << TRIGGER_SYN_TIMEOUT, conn->last_ts_ns);
	watch = watch_of(tracker, conn);
	if (watch && (watch->after_left[SIDE_CLIENT] || watch->after_left[SIDE_SERVER]))
		blackbox_dump(
			tracker, conn, conn->last_ts_ns,
			policy_of(tracker, conn)->triggers.triggers[watch->after_trigger].text);
	words = log_mode_reason(conn->mode);
	if (words)
		blackbox_dump(tracker, conn, conn->last_ts_ns, words);
	watch_drop(tracker, conn);
}

void blackbox_release(struct tracker *tracker, struct connection *conn)
{
	if (conn->names)
		applications_forget(tracker->applications, conn->names);
	conn->names = 0;
	if (linger(tracker, conn))
		return; /* its policy has this user still */
	clear(tracker, conn, &tracker->counters.records_discarded);
	leave(tracker, conn);
	log_policies_drop(&tracker->policies, conn->policy);
}

/* The member is gone, with its log unless that was handed over. */
static void drop_lingering(struct tracker *tracker, uint32_t at, uint64_t *counter)
{
	struct lingering_log *lingering = &log_member(&tracker->groups, at)->lingering;

	*counter += evlog_clear(&lingering->log, &tracker->pool);
	log_policies_drop(&tracker->policies, lingering->policy);
	log_groups_leave(&tracker->groups, at);
}

static bool dump_lingering(struct tracker *tracker, uint32_t at, uint64_t ts_ns, const char *reason)
{
	struct lingering_log *lingering = &log_member(&tracker->groups, at)->lingering;
	const struct log_policy *policy = &tracker->policies.policies[lingering->policy];
	struct evlog_identity identity = {
		.key = &lingering->key,
		.connection = lingering->number,
		.dump_ts_ns = ts_ns,
		.client = lingering->client,
		.views = lingering->views,
		.section = lingering->section,
		.limit = policy->limit,
		.id = log_member_id(&tracker->groups, at),
		.tag = policy->tag,
		.reason = reason,
	};
	uint32_t lost = 0;
	bool sent = hand_over(tracker, &lingering->log, &identity, &lost);

	drop_lingering(tracker, at, &tracker->counters.records_discarded);
	return sent;
}

uint32_t blackbox_dump_group(struct tracker *tracker, const char *id, uint64_t ts_ns,
			     const char *reason)
{
	uint32_t group = log_groups_find(&tracker->groups, id), dumped = 0;
	uint32_t at = group ? log_group(&tracker->groups, group)->first : 0, next;

	for (; at; at = next) {
		struct log_member *member = log_member(&tracker->groups, at);

		next = member->next;
		if (member->connection)
			dumped += blackbox_dump(tracker,
						&tracker->table.records[member->connection - 1],
						ts_ns, reason);
		else if (member->lingering.until_ns >= ts_ns)
			dumped += dump_lingering(tracker, at, ts_ns, reason);
		else
			drop_lingering(tracker, at, &tracker->counters.records_discarded);
	}
	return dumped;
}

static bool change_id(struct tracker *tracker, struct connection *conn, const char *id,
		      uint64_t ts_ns)
{
	const char *words = log_mode_id_reason(conn->mode);

	if (strncmp(id, log_member_id(&tracker->groups, conn->member), LOG_ID_MAX - 1) == 0)
		return true;
	if (words)
		blackbox_dump(tracker, conn, ts_ns, words);
	leave(tracker, conn);
	return join(tracker, conn, id);
}

bool blackbox_order(struct tracker *tracker, struct connection *conn, const struct log_order *order,
		    uint64_t ts_ns)
{
	struct log_policy policy = *policy_of(tracker, conn);
	int index;
	bool done = true;

	if (order->id)
		done = change_id(tracker, conn, order->id, ts_ns);
	if (order->tag) {
		memset(policy.tag, 0, sizeof(policy.tag));
		strncpy(policy.tag, order->tag, sizeof(policy.tag) - 1);
	}
	if (order->has_limit)
		policy.limit = order->limit;
	if (order->has_mode) {
		policy.from_ratio = false; /* somebody wants it */
		if (order->mode > LOG_OFF)
			policy.mode = order->mode;
	}
	index = log_policies_use(&tracker->policies, &policy);
	if (index >= 0) {
		log_policies_drop(&tracker->policies, conn->policy);
		conn->policy = (uint16_t)index;
	}
	if (order->has_mode && order->mode == LOG_CLEAR)
		clear(tracker, conn, &tracker->counters.records_discarded);
	if (order->has_mode)
		set_mode(tracker, conn, order->mode);
	return done && index >= 0;
}

bool blackbox_can_give_way(const struct tracker *tracker, const struct connection *conn)
{
	return conn->log.tail && (conn->mode == LOG_CONTINUAL || log_mode_is_ring(conn->mode) ||
				  (policy_of(tracker, conn)->from_ratio && !conn->member));
}

bool blackbox_give_way(struct tracker *tracker, struct connection *conn, bool only_ratio)
{
	const struct log_policy *policy = policy_of(tracker, conn);

	if (!conn->log.tail)
		return false;
	if (policy->from_ratio && !conn->member) {
		clear(tracker, conn, &tracker->counters.records_recycled);
		set_mode(tracker, conn, LOG_OFF);
		return true;
	}
	if (only_ratio)
		return false;
	if (conn->mode == LOG_CONTINUAL) {
		tracker->counters.sections_early++;
		return blackbox_dump(tracker, conn, conn->last_ts_ns, "log memory");
	}
	if (!log_mode_is_ring(conn->mode))
		return false;
	recycled(tracker, conn);
	return true;
}

static uint32_t next_member(struct log_groups *groups)
{
	if (groups->members_touched == 0)
		return 0;
	if (groups->hand >= groups->members_touched)
		groups->hand = 0;
	return ++groups->hand;
}

static bool is_lingering(const struct log_groups *groups, uint32_t at)
{
	return at && log_member(groups, at)->group && log_member(groups, at)->connection == 0;
}

void blackbox_sweep(struct tracker *tracker, uint64_t now_ns, uint32_t looks)
{
	for (uint32_t i = 0; i < looks && tracker->groups.lingering; i++) {
		uint32_t at = next_member(&tracker->groups);

		if (is_lingering(&tracker->groups, at) &&
		    log_member(&tracker->groups, at)->lingering.until_ns < now_ns)
			drop_lingering(tracker, at, &tracker->counters.records_discarded);
	}
}

bool blackbox_give_lingering(struct tracker *tracker)
{
	for (uint32_t i = 0; i < LINGERING_LOOKS && tracker->groups.lingering; i++) {
		uint32_t at = next_member(&tracker->groups);

		if (!is_lingering(&tracker->groups, at))
			continue;
		drop_lingering(tracker, at, &tracker->counters.records_recycled);
		return true;
	}
	return false;
}

void blackbox_finish(struct tracker *tracker)
{
	for (uint32_t at = 1; at <= tracker->groups.members_touched; at++)
		if (is_lingering(&tracker->groups, at))
			drop_lingering(tracker, at, &tracker->counters.records_discarded);
}
