/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/tracker.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "capture/iface_table.h"
#include "tcpstate/arena.h"
#include "tcpstate/blackbox.h"
#include "tcpstate/conn_log.h"
#include "tcpstate/tracker_private.h"

#define SECOND_NS UINT64_C(1000000000)

/* One connection in so many can have range lists at once. */
#define COLD_SHARE 8
/* And so many logs can linger behind their connections. */
#define LINGERING_SHARE 4
/* All scoreboards beyond the first few segments of each, bytes. */
#define SENDQ_BYTES (UINT64_C(768) << 20)
/* Records that a batch looks at for idle connections, and that a new one may look at for room. */
#define SWEEP_PER_BATCH	  8
#define SWEEP_PER_TICK	  4096
#define SWEEP_FOR_ROOM	  64
#define SWEEP_FOR_MEMORY  1024
#define SAMPLE_FOR_MEMORY 8
/* Batches until the next look, when no log could give anything. */
#define ROOM_PAUSE 256
/* How far ahead of a segment its index slot and its record are fetched. */
#define PREFETCH_SLOT	16
#define PREFETCH_RECORD 8
#define PREFETCH_SENDER 4
#define PREFETCH_COLD	2

void tracker_config_default(struct tracker_config *config)
{
	*config = (struct tracker_config){
		.connections_max = 1000000,
		.log_memory_bytes = UINT64_C(2) << 30,
		.ids_max = 10000,
		.per_id_max = 100000,
		.idle_timeout_ns = 3600 * SECOND_NS,
		.policy = { .rule = "default",
			    .mode = LOG_CONTINUAL,
			    .views = VIEW_BOTH,
			    .limit = 5000,
			    .capture_payload_bytes = CAPTURE_HEADERS,
			    .linger_ns = 60 * SECOND_NS },
	};
}

uint32_t tracker_policy_of_rule(const struct tracker *tracker, const struct rule *rule, bool waits)
{
	const struct rules *rules = tracker->rules;
	uint32_t at = rule == &rules->fallback ? rules->count : (uint32_t)(rule - rules->rules);

	return tracker->rule_policies[waits ? at + rules->count + 1 : at];
}

const char *tracker_iface_name(const struct tracker *tracker, uint16_t iface)
{
	return tracker->config.ifaces ? tracker->config.ifaces->entries[iface].name : "";
}

void tracker_ask_dump_group(struct tracker *tracker, const char *id, uint64_t ts_ns,
			    const char *reason)
{
	if (tracker->config.ask_dump_group)
		tracker->config.ask_dump_group(tracker->config.ask_context, id, ts_ns, reason);
	else
		blackbox_dump_group(tracker, id, ts_ns, reason);
}

uint32_t tracker_dump_group(struct tracker *tracker, const char *id, uint64_t ts_ns,
			    const char *reason)
{
	return blackbox_dump_group(tracker, id, ts_ns, reason);
}

void tracker_disable(struct tracker *tracker, bool disabled)
{
	tracker->disabled = disabled;
}

/* The policies of new rules take the place of the old ones'; who has an old one keeps it. */
bool tracker_set_rules(struct tracker *tracker, struct rules *rules)
{
	uint32_t count = 2 * (rules->count + 1);
	uint16_t *policies = calloc(count, sizeof(*policies));
	uint32_t *turns = calloc((size_t)rules->count + 1, sizeof(*turns));
	uint32_t taken = 0;
	bool watched = tracker->watched, ratios = false;

	for (; policies && turns && taken < count; taken++) {
		uint32_t at = taken % (rules->count + 1);
		const struct rule *rule = at < rules->count ? &rules->rules[at] : &rules->fallback;
		struct log_policy policy = rule->policy;
		int index;

		if (taken != at) {
			policy.mode = LOG_TAIL;
			memset(&policy.triggers, 0, sizeof(policy.triggers));
		}
		index = log_policies_use(&tracker->policies, &policy);
		if (index < 0)
			break;
		policies[taken] = (uint16_t)index;
		watched |= rule->policy.triggers.count != 0;
		ratios |= rule->policy.from_ratio;
	}
	if (!policies || !turns || taken < count ||
	    (!tracker->applications && rules_want_application(rules))) {
		while (taken--)
			log_policies_drop(&tracker->policies, policies[taken]);
		free(policies);
		free(turns);
		return false;
	}
	for (uint32_t i = 0; tracker->rules && i < 2 * (tracker->rules->count + 1); i++)
		log_policies_drop(&tracker->policies, tracker->rule_policies[i]);
	free(tracker->rule_policies);
	free(tracker->turns);
	tracker->rules = rules;
	tracker->rule_policies = policies;
	tracker->turns = turns;
	tracker->watched = watched;
	tracker->ratios |= ratios;
	return true;
}

/* The configuration's own policy is always the first. */
static bool begin_policies(struct tracker *tracker)
{
	if (log_policies_use(&tracker->policies, &tracker->config.policy) < 0)
		return false;
	tracker->watched = tracker->config.policy.triggers.count != 0;
	tracker->disabled = tracker->config.only_decide;
	/* Here, because nDPI can't be set up in several threads at once, and takes its time. */
	if (tracker->config.other_rules_later ||
	    (tracker->config.rules && rules_want_application(tracker->config.rules))) {
		tracker->applications = applications_open(tracker->config.connections_max);
		if (!tracker->applications)
			return false;
	}
	return !tracker->config.rules || tracker_set_rules(tracker, tracker->config.rules);
}

struct tracker *tracker_open(const struct tracker_config *config)
{
	struct tracker *tracker = calloc(1, sizeof(*tracker));

	if (!tracker)
		return NULL;
	tracker->config = *config;
	tracker->cold_total = config->connections_max / COLD_SHARE + 64;
	tracker->cold_arena =
		arena_reserve((uint64_t)tracker->cold_total * sizeof(tracker->cold_arena[0]));
	tracker->watches_total = config->connections_max;
	tracker->watches =
		arena_reserve((uint64_t)tracker->watches_total * sizeof(tracker->watches[0]));
	tracker->models_total = config->connections_max + 1;
	tracker->models_touched = 1;
	tracker->models =
		arena_reserve((uint64_t)tracker->models_total * sizeof(tracker->models[0]));
	if (!tracker->cold_arena || !tracker->models || !tracker->watches ||
	    sender_memory_init(&tracker->senders, 2 * tracker->models_total, SENDQ_BYTES) < 0 ||
	    rtt_spread_pool_init(&tracker->rtt_spreads, 2 * tracker->models_total) < 0 ||
	    flow_table_init(&tracker->table, config->connections_max) < 0 ||
	    log_policies_init(&tracker->policies) < 0 ||
	    log_groups_init(&tracker->groups, config->ids_max,
			    config->connections_max + config->connections_max / LINGERING_SHARE +
				    64,
			    config->per_id_max) < 0 ||
	    (!config->no_logs && chunk_pool_init(&tracker->pool, config->log_memory_bytes,
						 config->lossless, &config->sink) < 0) ||
	    !followers_init(&tracker->followers) || !begin_policies(tracker))
		tracker_close(&tracker);
	return tracker;
}

void tracker_close(struct tracker **tracker)
{
	struct tracker *t = *tracker;

	*tracker = NULL;
	if (!t)
		return;
	chunk_pool_dispose(&t->pool);
	flow_table_dispose(&t->table);
	arena_release(t->models, t->models_total * sizeof(t->models[0]));
	sender_memory_dispose(&t->senders);
	rtt_spread_pool_dispose(&t->rtt_spreads);
	followers_dispose(&t->followers);
	log_policies_dispose(&t->policies);
	log_groups_dispose(&t->groups);
	arena_release(t->watches, t->watches_total * sizeof(t->watches[0]));
	applications_close(&t->applications);
	free(t->rule_policies);
	free(t->turns);
	arena_release(t->cold_arena, t->cold_total * sizeof(t->cold_arena[0]));
	free(t);
}

struct connection_cold *tracker_cold(struct tracker *tracker, struct connection *conn)
{
	struct connection_cold *cold = conn->cold;

	if (cold)
		return cold;
	if (tracker->cold_free) {
		cold = tracker->cold_free;
		tracker->cold_free = *(struct connection_cold **)cold;
	} else if (tracker->cold_touched < tracker->cold_total) {
		cold = &tracker->cold_arena[tracker->cold_touched++];
	} else {
		tracker->counters.cold_full++;
		return NULL;
	}
	*cold = (struct connection_cold){ 0 };
	conn->cold = cold;
	return cold;
}

/* Room for the models of both sides; NULL: none. */
static struct model_pair *models_get(struct tracker *tracker, bool *fresh)
{
	struct model_pair *pair = tracker->models_free;

	*fresh = !pair;
	if (pair)
		tracker->models_free = *(struct model_pair **)pair;
	else if (tracker->models_touched < tracker->models_total)
		pair = &tracker->models[tracker->models_touched++];
	else
		tracker->counters.cold_full++;
	return pair;
}

struct sender *tracker_sender_make(struct tracker *tracker, struct connection *conn, enum side side)
{
	struct endpoint *endpoint = &conn->side[side];
	struct model_pair *pair;
	struct models *models;
	bool fresh = false;

	if (endpoint->sender)
		return tracker_sender(tracker, endpoint);
	if (tracker->config.no_models)
		return NULL;
	pair = conn->models ? &tracker->models[conn->models] : models_get(tracker, &fresh);
	if (!pair)
		return NULL;
	conn->models = (uint32_t)(pair - tracker->models);
	models = &pair->from[side];
	endpoint->sender = (uint32_t)(((char *)models - (char *)tracker->models) / 64);
	sender_init(&models->sender, fresh);
	receiver_init(&models->receiver);
	models->rtt_spread = (struct rtt_spread){ 0 };
	/* The first sample was that of the handshake, and is all of the smoothed one. */
	if (endpoint->rtt.samples == 1)
		rtt_spread_add(&models->rtt_spread, &tracker->rtt_spreads, endpoint->rtt.srtt_us);
	return &models->sender;
}

static void models_give(struct tracker *tracker, struct connection *conn)
{
	struct model_pair *pair = &tracker->models[conn->models];

	if (!conn->models)
		return;
	conn->models = 0;
	for (int i = 0; i < 2; i++) {
		if (conn->side[i].sender)
			sender_dispose(&pair->from[i].sender, &tracker->senders);
		/* Fewer have no histogram, and to look would be a miss of the cache. */
		if (conn->side[i].sender && conn->side[i].rtt.samples > RTT_SPREAD_RECENT)
			rtt_spread_clear(&pair->from[i].rtt_spread, &tracker->rtt_spreads);
		conn->side[i].sender = 0;
	}
	*(struct model_pair **)pair = tracker->models_free;
	tracker->models_free = pair;
}

static void end_connection(struct tracker *tracker, struct connection *conn, enum end_reason found)
{
	enum end_reason reason = connection_end_reason(conn, found);

	tracker->counters.ended[reason]++;
	conn_log_end(tracker, conn, reason);
	models_give(tracker, conn);
	if (conn->cold) {
		*(struct connection_cold **)conn->cold = tracker->cold_free;
		tracker->cold_free = conn->cold;
	}
	flow_table_remove(&tracker->table, conn);
}

/* Time may go backwards between the packets of a file: that is not idleness. */
static uint64_t idle_ns(const struct connection *conn, uint64_t now_ns)
{
	return now_ns > conn->last_ts_ns ? now_ns - conn->last_ts_ns : 0;
}

static bool is_over(const struct tracker *tracker, const struct connection *conn, uint64_t now_ns)
{
	return idle_ns(conn, now_ns) > connection_timeout_ns(conn, tracker->config.idle_timeout_ns);
}

/* The next record under the hand, used or not; NULL: there are none. */
static struct connection *next_under_hand(struct tracker *tracker)
{
	if (tracker->table.touched == 0)
		return NULL;
	if (tracker->hand >= tracker->table.touched)
		tracker->hand = 0;
	return &tracker->table.records[tracker->hand++];
}

/*
 * Looks at the next few records for connections that are over. When it finds one is of no
 * consequence for the log: is_over() is asked again before every segment, and the end is logged with
 * the time of the last segment.
 */
static void sweep(struct tracker *tracker, uint64_t now_ns, uint32_t records)
{
	for (uint32_t i = 0; i < records; i++) {
		struct connection *conn = next_under_hand(tracker);

		if (conn && conn->flags & CONN_LIVE && is_over(tracker, conn, now_ns))
			end_connection(tracker, conn, END_IDLE);
	}
}

/* The table is full: the idlest of a sample gives way. */
static void make_room_in_table(struct tracker *tracker, uint64_t now_ns)
{
	struct connection *idlest = NULL;

	for (uint32_t i = 0; i < SWEEP_FOR_ROOM; i++) {
		struct connection *conn = next_under_hand(tracker);

		if (!conn || !(conn->flags & CONN_LIVE))
			continue;
		if (!idlest || idle_ns(conn, now_ns) > idle_ns(idlest, now_ns))
			idlest = conn;
	}
	if (idlest)
		end_connection(tracker, idlest,
			       is_over(tracker, idlest, now_ns) ? END_IDLE : END_TABLE_FULL);
}

/* Of the next few records, the one with a log whose last segment is the oldest; NULL: none has a log. */
static struct connection *idlest_log_of_sample(struct tracker *tracker)
{
	struct connection *idlest = NULL;

	for (uint32_t i = 0; i < SAMPLE_FOR_MEMORY; i++) {
		struct connection *conn = next_under_hand(tracker);

		if (conn && conn->flags & CONN_LIVE && blackbox_can_give_way(tracker, conn) &&
		    (!idlest || conn->last_ts_ns < idlest->last_ts_ns))
			idlest = conn;
	}
	return idlest;
}

static uint32_t chunks_at_hand(const struct chunk_pool *pool)
{
	return pool->free + pool->total - pool->touched + (pool->lossless ? pool->at_sink : 0);
}

/*
 * Log memory is low: sections are handed over before they are full, whichever come next under the
 * hand, until a batch can't run dry. Without loss this depends on the segments alone: what is on its
 * way to the sink counts as at hand, because it comes back.
 */
static void make_room_in_log(struct tracker *tracker, const struct segment *segments,
			     uint32_t count)
{
	struct chunk_pool *pool = &tracker->pool;
	/* Per segment a new section, an end and events; and its bytes. */
	uint64_t need = (uint64_t)count * 6 + SWEEP_PER_BATCH * 3;
	uint32_t looks = tracker->table.touched, futile = 0;

	for (uint32_t i = 0; i < count; i++)
		need += segments[i].caplen_bytes / CHUNK_PAYLOAD_BYTES;
	if (need > pool->total / 2)
		need = pool->total / 2;
	if (chunks_at_hand(pool) >= need)
		return;
	/* Nobody had anything to give: to look at all of them again for each batch would take for ever. */
	if (tracker->room_pause) {
		tracker->room_pause--;
		return;
	}
	chunk_pool_collect(pool);
	/* Live, a batch has no time to look at all of them. */
	if (!pool->lossless && looks > SWEEP_FOR_MEMORY)
		looks = SWEEP_FOR_MEMORY;
	/* First what was chosen by chance, then what lingers, then the others' oldest events. */
	for (uint32_t i = 0; tracker->ratios && chunks_at_hand(pool) < need && i < looks; i++) {
		struct connection *conn = next_under_hand(tracker);

		if (conn && conn->flags & CONN_LIVE)
			blackbox_give_way(tracker, conn, true);
	}
	while (chunks_at_hand(pool) < need && blackbox_give_lingering(tracker))
		;
	/* Without loss until there is nothing left to give. */
	for (uint32_t i = 0; chunks_at_hand(pool) < need && futile < tracker->table.touched &&
			     (pool->lossless || i < looks);
	     i += SAMPLE_FOR_MEMORY) {
		struct connection *conn = idlest_log_of_sample(tracker);

		futile += SAMPLE_FOR_MEMORY;
		if (conn && blackbox_give_way(tracker, conn, false))
			futile = 0;
	}
	if (futile >= tracker->table.touched)
		tracker->room_pause = ROOM_PAUSE;
}

static struct connection *connection_of(struct tracker *tracker, const struct segment *seg)
{
	struct connection *conn = flow_table_find(&tracker->table, &seg->key, seg->hash);

	if (conn && is_over(tracker, conn, seg->ts_ns)) {
		end_connection(tracker, conn, END_IDLE);
		conn = NULL;
	} else if (conn && connection_is_reused_by(conn, seg)) {
		end_connection(tracker, conn, END_PORT_REUSE);
		conn = NULL;
	}
	if (conn)
		return conn;
	if (tracker->table.used == tracker->table.capacity)
		make_room_in_table(tracker, seg->ts_ns);
	conn = flow_table_add(&tracker->table, &seg->key, seg->hash);
	if (!conn)
		return NULL;
	connection_init(conn, seg);
	if (!tracker->config.no_logs)
		blackbox_begin(tracker, conn, seg);
	tracker->counters.connections++;
	return conn;
}

/* It begins no connection and keeps none from being over. */
static void take_icmp_error(struct tracker *tracker, const struct segment *error)
{
	struct connection *conn = flow_table_find(&tracker->table, &error->key, error->hash);

	tracker->counters.icmp_errors++;
	if (conn && is_over(tracker, conn, error->ts_ns)) {
		end_connection(tracker, conn, END_IDLE);
		conn = NULL;
	}
	if (conn)
		connection_icmp_error(tracker, conn, error);
	else
		tracker->counters.icmp_unmatched++;
}

/*
 * The log's end, and the models that the segment will touch: what it sends is noted with its own side, what it acknowledges
 * with the other. An ACK alone leaves of its own side's only the third line, and looks at the receiver's
 * first.
 */
static void prefetch_behind_record(const struct tracker *tracker, const struct segment *seg)
{
	const struct connection *conn = flow_table_peek(&tracker->table, seg->hash);
	const struct model_pair *pair;

	if (!conn)
		return;
	evlog_prefetch_append(&conn->log);
	if (!conn->models)
		return;
	pair = &tracker->models[conn->models];
	for (int i = 0; i < 2; i++) {
		const struct models *models = &pair->from[i];

		__builtin_prefetch(&models->sender.clock, 1);
		__builtin_prefetch(&models->receiver, 1);
		if (seg->payload_bytes == 0 && i == (int)connection_sender(conn, seg))
			continue;
		__builtin_prefetch(&models->sender, 1);
		__builtin_prefetch(&models->sender.window, 1);
		__builtin_prefetch(&models->sender.own, 1);
		__builtin_prefetch((const char *)&models->receiver + 64, 1);
	}
}

/* What snapshots look at of senders that have had trouble; the senders have come by now. */
static void prefetch_cold(const struct tracker *tracker, const struct segment *seg)
{
	const struct connection *conn = flow_table_peek(&tracker->table, seg->hash);

	if (!conn || !conn->models || !conn->log.tail)
		return;
	for (int i = 0; i < 2; i++) {
		const struct sender_cold *cold = tracker->models[conn->models].from[i].sender.cold;

		if (!cold)
			continue;
		__builtin_prefetch(&cold->past);
		__builtin_prefetch(&cold->marks.lost_total);
	}
}

void tracker_process(struct tracker *tracker, const struct segment *segments, uint32_t count)
{
	struct flow_table *table = &tracker->table;

	if (count == 0)
		return;
	if (!tracker->config.no_logs)
		make_room_in_log(tracker, segments, count);
	for (uint32_t i = 0; i < count && i < PREFETCH_SLOT; i++)
		flow_table_prefetch_slot(table, segments[i].hash);
	for (uint32_t i = 0; i < count && i < PREFETCH_RECORD; i++)
		flow_table_prefetch_record(table, segments[i].hash);
	for (uint32_t i = 0; i < count; i++) {
		struct connection *conn;

		if (i + PREFETCH_SLOT < count)
			flow_table_prefetch_slot(table, segments[i + PREFETCH_SLOT].hash);
		if (i + PREFETCH_RECORD < count)
			flow_table_prefetch_record(table, segments[i + PREFETCH_RECORD].hash);
		if (i + PREFETCH_SENDER < count)
			prefetch_behind_record(tracker, &segments[i + PREFETCH_SENDER]);
		if (i + PREFETCH_COLD < count)
			prefetch_cold(tracker, &segments[i + PREFETCH_COLD]);
		if (segments[i].kind == SEGMENT_ICMP_ERROR) {
			take_icmp_error(tracker, &segments[i]);
			continue;
		}
		conn = connection_of(tracker, &segments[i]);
		tracker->counters.segments++;
		if (conn)
			connection_segment(tracker, conn, &segments[i]);
		else
			tracker->counters.untracked++;
	}
	if (segments[count - 1].ts_ns > tracker->followers.now_ns)
		tracker->followers.now_ns = segments[count - 1].ts_ns;
	sweep(tracker, segments[count - 1].ts_ns, SWEEP_PER_BATCH);
	blackbox_sweep(tracker, segments[count - 1].ts_ns, SWEEP_PER_BATCH);
}

void tracker_tick(struct tracker *tracker, uint64_t now_ns)
{
	sweep(tracker, now_ns, SWEEP_PER_TICK);
	blackbox_sweep(tracker, now_ns, SWEEP_PER_TICK);
	if (!tracker->config.no_logs) {
		conn_log_flush_flows(tracker);
		chunk_pool_collect(&tracker->pool);
	}
}

static int by_number(const void *a, const void *b)
{
	const struct connection *const *left = a;
	const struct connection *const *right = b;

	return ((*left)->number > (*right)->number) - ((*left)->number < (*right)->number);
}

void tracker_end_all(struct tracker *tracker, uint64_t latest_ns)
{
	struct flow_table *table = &tracker->table;
	struct connection **live = malloc((table->used + 1) * sizeof(*live));
	uint32_t count = 0;

	/* Live as well: nothing new comes in any more, so there is time to hand over everything. */
	tracker->pool.lossless = true;
	/* Without memory for the order the connections end in that of the table: none is left out. */
	for (uint32_t i = 0; i < table->touched; i++) {
		struct connection *conn = &table->records[i];

		if (!(conn->flags & CONN_LIVE))
			continue;
		if (live)
			live[count++] = conn;
		else
			end_connection(tracker, conn,
				       is_over(tracker, conn, latest_ns) ? END_IDLE : END_INPUT);
	}
	if (live)
		qsort(live, count, sizeof(*live), by_number);
	for (uint32_t i = 0; i < count; i++) {
		if (!tracker->config.no_logs)
			make_room_in_log(tracker, NULL, 0);
		end_connection(tracker, live[i],
			       is_over(tracker, live[i], latest_ns) ? END_IDLE : END_INPUT);
	}
	free(live);
}

void tracker_finish(struct tracker *tracker, uint64_t latest_ns)
{
	tracker_end_all(tracker, latest_ns);
	blackbox_finish(tracker);
	if (!tracker->config.no_logs)
		conn_log_flush_flows(tracker);
}

const struct tracker_counters *tracker_counters(struct tracker *tracker)
{
	tracker->counters.connections_now = tracker->table.used;
	tracker->counters.ids = tracker->groups.groups_used;
	tracker->counters.lingering = tracker->groups.lingering;
	tracker->counters.log_bytes =
		(uint64_t)(tracker->pool.touched - tracker->pool.free) * CHUNK_BYTES;
	tracker->counters.memory_bytes =
		flow_table_memory_bytes(&tracker->table) +
		(uint64_t)tracker->cold_touched * sizeof(tracker->cold_arena[0]) +
		(uint64_t)(tracker->models_touched - 1) * sizeof(tracker->models[0]) +
		sender_memory_bytes(&tracker->senders) +
		rtt_spread_pool_bytes(&tracker->rtt_spreads);
	return &tracker->counters;
}

void tracker_counters_add(struct tracker_counters *sum, const struct tracker_counters *one)
{
	sum->segments += one->segments;
	sum->untracked += one->untracked;
	sum->connections += one->connections;
	sum->connections_now += one->connections_now;
	for (size_t i = 0; i < sizeof(sum->ended) / sizeof(sum->ended[0]); i++)
		sum->ended[i] += one->ended[i];
	sum->retransmissions += one->retransmissions;
	sum->out_of_order += one->out_of_order;
	sum->mirror_duplicates += one->mirror_duplicates;
	sum->scoreboards_full += one->scoreboards_full;
	sum->icmp_errors += one->icmp_errors;
	sum->icmp_unmatched += one->icmp_unmatched;
	sum->icmp_ignored += one->icmp_ignored;
	sum->black_holes += one->black_holes;
	sum->records += one->records;
	sum->records_sent += one->records_sent;
	sum->records_lost += one->records_lost;
	sum->records_overwritten += one->records_overwritten;
	sum->records_recycled += one->records_recycled;
	sum->records_discarded += one->records_discarded;
	sum->triggers += one->triggers;
	sum->trace_points += one->trace_points;
	sum->ids += one->ids;
	sum->ids_full += one->ids_full;
	sum->lingering += one->lingering;
	sum->applications += one->applications;
	sum->applications_full += one->applications_full;
	sum->sections += one->sections;
	sum->sections_early += one->sections_early;
	sum->flow_summaries_lost += one->flow_summaries_lost;
	sum->cold_full += one->cold_full;
	sum->memory_bytes += one->memory_bytes;
	sum->log_bytes += one->log_bytes;
}
