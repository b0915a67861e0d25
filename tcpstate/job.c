/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/job.h"

#include <fnmatch.h>
#include <string.h>

#include "capture/filter.h"
#include "tcpstate/tracker_private.h"

/* How far ahead of a connection its log is fetched. */
#define PREFETCH 6
/* A summary goes through both senders and receivers: it is as much as so many other looks. */
#define SUMMARY_LOOKS 4

/* As if the client had sent it. */
static bool passes(const struct bpf_program *filter, const struct connection *conn)
{
	const struct flow_key *key = &conn->key;
	uint8_t client = conn->client;

	return filter_matches_ends(
		filter,
		&(struct filter_ends){ .ip_version = key->ip_version,
				       .address = { key->addr[client], key->addr[!client] },
				       .port = { __builtin_bswap16(key->port_be[client]),
						 __builtin_bswap16(key->port_be[!client]) } });
}

bool job_is_meant(const struct tracker *tracker, const struct job *job,
		  const struct connection *conn)
{
	if (job->state >= 0 && conn->side[SIDE_CLIENT].state != job->state &&
	    conn->side[SIDE_SERVER].state != job->state)
		return false;
	if (job->id[0] && fnmatch(job->id, log_member_id(&tracker->groups, conn->member), 0) != 0)
		return false;
	if (job->tag[0] &&
	    fnmatch(job->tag, blackbox_policy(&tracker->policies, conn)->tag, 0) != 0)
		return false;
	return !job->filter || passes(job->filter, conn);
}

static void put_row(const struct tracker *tracker, const struct connection *conn,
		    struct job_block *block)
{
	const struct log_policy *policy = blackbox_policy(&tracker->policies, conn);
	struct job_row *row = &block->rows[block->count++];

	row->key = conn->key;
	row->client = conn->client;
	row->mode = conn->mode;
	row->number = conn->number;
	row->first_ns = conn->first_ts_ns;
	row->last_ns = conn->last_ts_ns;
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		const struct endpoint *endpoint = &conn->side[side];

		row->state[side] = endpoint->state;
		row->segments[side] = endpoint->segments;
		row->bytes[side] = endpoint->payload_bytes;
		row->retransmitted[side] = endpoint->retransmitted_segments;
		row->srtt_us[side] = endpoint->rtt.srtt_us;
		row->records[side] = evlog_records(&conn->log, side);
	}
	memcpy(row->id, log_member_id(&tracker->groups, conn->member),
	       conn->member ? sizeof(row->id) : 1);
	memcpy(row->tag, policy->tag, sizeof(row->tag));
	memcpy(row->rule, policy->rule, sizeof(row->rule));
}

static void do_one(struct tracker *tracker, struct job_part *part, struct connection *conn,
		   struct job_block *block)
{
	const struct job *job = part->job;

	switch (job->kind) {
	case JOB_FLOWS:
		put_row(tracker, conn, block);
		part->done++;
		break;
	case JOB_SUMMARIES:
		flow_summary_of(tracker, conn, END_NONE, &block->summaries[block->count++]);
		part->done++;
		break;
	case JOB_DUMP:
		part->done += blackbox_dump(tracker, conn, job->now_ns, job->reason);
		break;
	default:
		if (blackbox_order(tracker, conn, &job->order, conn->last_ts_ns))
			part->done++;
		else
			part->failed++;
		break;
	}
}

static bool is_full(const struct job *job, const struct job_block *block)
{
	if (job->kind == JOB_EVENTS)
		return block->full;
	return block->count == (job->kind == JOB_SUMMARIES ? JOB_BLOCK_SUMMARIES : JOB_BLOCK_ROWS);
}

/* Returns whether all connections were looked at. */
static bool step_connections(struct tracker *tracker, struct job_part *part, uint32_t looks,
			     struct job_block *block)
{
	if (part->job->kind == JOB_SUMMARIES)
		looks = (looks + SUMMARY_LOOKS - 1) / SUMMARY_LOOKS;
	for (; looks && part->cursor < tracker->table.touched; looks--) {
		struct connection *conn = &tracker->table.records[part->cursor];

		if (is_full(part->job, block))
			return false;
		if (part->cursor + PREFETCH < tracker->table.touched)
			evlog_prefetch(&conn[PREFETCH].log);
		part->cursor++;
		if (conn->flags & CONN_LIVE && job_is_meant(tracker, part->job, conn))
			do_one(tracker, part, conn, block);
	}
	return part->cursor >= tracker->table.touched;
}

static uint32_t lingering_of(const struct log_groups *groups, const struct log_group *group)
{
	uint32_t count = 0;

	for (uint32_t at = group->first; at; at = log_member(groups, at)->next)
		count += log_member(groups, at)->connection == 0;
	return count;
}

static bool step_groups(struct tracker *tracker, struct job_part *part, uint32_t looks,
			struct job_block *block)
{
	const struct log_groups *groups = &tracker->groups;

	for (; looks && part->cursor < groups->groups_touched; looks--) {
		const struct log_group *group = &groups->groups[part->cursor];
		struct job_row *row = &block->rows[block->count];

		if (block->count == JOB_BLOCK_ROWS)
			return false;
		part->cursor++;
		if (group->members == 0 ||
		    (part->job->id[0] && fnmatch(part->job->id, group->id, 0) != 0))
			continue;
		*row = (struct job_row){ .members = group->members };
		row->lingering = groups->lingering ? lingering_of(groups, group) : 0;
		memcpy(row->id, group->id, sizeof(row->id));
		block->count++;
		part->done++;
	}
	return part->cursor >= groups->groups_touched;
}

static bool step(struct tracker *tracker, struct job_part *part, uint32_t looks,
		 struct job_block *block)
{
	const struct job *job = part->job;

	switch (job->kind) {
	case JOB_IDS:
		return step_groups(tracker, part, looks, block);
	case JOB_STATS:
		block->counters = *tracker_counters(tracker);
		return true;
	case JOB_DUMP_ID:
		part->done = tracker_dump_group(tracker, job->id, job->now_ns, job->reason);
		return true;
	case JOB_RULES:
		if (!tracker_set_rules(tracker, job->rules))
			part->failed = 1;
		return true;
	case JOB_DISABLE:
		tracker_disable(tracker, job->disabled);
		return true;
	case JOB_FOLLOW:
		if (job->followed)
			follow_begin(&tracker->followers, job->place, job->followed);
		else
			follow_end(&tracker->followers, job->place);
		return true;
	case JOB_EVENTS:
		return follow_step(tracker, part, looks, block);
	default:
		return step_connections(tracker, part, looks, block);
	}
}

bool job_step(struct tracker *tracker, struct job_part *part, uint32_t looks,
	      struct job_block *block)
{
	block->last = atomic_load_explicit(&part->job->cancelled, memory_order_relaxed) ||
		      step(tracker, part, looks, block);
	block->done = part->done;
	block->failed = part->failed;
	return block->last || is_full(part->job, block);
}
