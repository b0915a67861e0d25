/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/log_group.h"

#include <errno.h>
#include <string.h>

#include "tcpstate/arena.h"

int log_groups_init(struct log_groups *groups, uint32_t groups_max, uint32_t members_max,
		    uint32_t per_group_max)
{
	uint32_t buckets = 16;

	while (buckets < groups_max && buckets < 1u << 30)
		buckets *= 2;
	*groups = (struct log_groups){
		.groups = arena_reserve(groups_max * sizeof(groups->groups[0])),
		.members = arena_reserve(members_max * sizeof(groups->members[0])),
		.buckets = arena_reserve(buckets * sizeof(groups->buckets[0])),
		.bucket_mask = buckets - 1,
		.groups_max = groups_max,
		.members_max = members_max,
		.per_group_max = per_group_max,
	};
	if (groups->groups && groups->members && groups->buckets)
		return 0;
	log_groups_dispose(groups);
	return -ENOMEM;
}

void log_groups_dispose(struct log_groups *groups)
{
	arena_release(groups->groups, groups->groups_max * sizeof(groups->groups[0]));
	arena_release(groups->members, groups->members_max * sizeof(groups->members[0]));
	arena_release(groups->buckets,
		      ((uint64_t)groups->bucket_mask + 1) * sizeof(groups->buckets[0]));
	*groups = (struct log_groups){ 0 };
}

uint32_t log_group_hash(const char *id)
{
	uint32_t hash = 2166136261u;

	for (; *id; id++)
		hash = (hash ^ (uint8_t)*id) * 16777619u;
	/* The last bytes alone reach few of its upper bits; a ratio looks at those. */
	hash ^= hash >> 16;
	hash *= 0x85ebca6bu;
	return hash ^ hash >> 13;
}

static uint32_t find(const struct log_groups *groups, const char *id, uint32_t hash)
{
	uint32_t at = groups->buckets[hash & groups->bucket_mask];

	while (at &&
	       (log_group(groups, at)->hash != hash || strcmp(log_group(groups, at)->id, id) != 0))
		at = log_group(groups, at)->next;
	return at;
}

uint32_t log_groups_find(const struct log_groups *groups, const char *id)
{
	return find(groups, id, log_group_hash(id));
}

static uint32_t group_make(struct log_groups *groups, const char id[LOG_ID_MAX], uint32_t hash)
{
	uint32_t *bucket = &groups->buckets[hash & groups->bucket_mask];
	uint32_t at = groups->groups_free;

	if (at)
		groups->groups_free = log_group(groups, at)->next;
	else if (groups->groups_touched < groups->groups_max)
		at = ++groups->groups_touched;
	else
		return 0;
	*log_group(groups, at) = (struct log_group){ .hash = hash, .next = *bucket };
	memcpy(log_group(groups, at)->id, id, LOG_ID_MAX);
	*bucket = at;
	groups->groups_used++;
	return at;
}

static void group_drop(struct log_groups *groups, uint32_t at)
{
	struct log_group *group = log_group(groups, at);
	uint32_t *link = &groups->buckets[group->hash & groups->bucket_mask];

	while (*link != at)
		link = &log_group(groups, *link)->next;
	*link = group->next;
	group->next = groups->groups_free;
	groups->groups_free = at;
	groups->groups_used--;
}

static uint32_t member_get(struct log_groups *groups)
{
	uint32_t at = groups->members_free;

	if (at)
		groups->members_free = log_member(groups, at)->next;
	else if (groups->members_touched < groups->members_max)
		at = ++groups->members_touched;
	else
		return 0;
	groups->members_used++;
	return at;
}

static void member_give(struct log_groups *groups, uint32_t at)
{
	log_member(groups, at)->group = 0;
	log_member(groups, at)->next = groups->members_free;
	groups->members_free = at;
	groups->members_used--;
}

uint32_t log_groups_join(struct log_groups *groups, const char *id, uint32_t connection)
{
	char cut[LOG_ID_MAX] = "";
	uint32_t hash, at, member;
	struct log_group *group;

	strncpy(cut, id, LOG_ID_MAX - 1);
	hash = log_group_hash(cut);
	at = find(groups, cut, hash);
	if (at && log_group(groups, at)->members >= groups->per_group_max)
		return 0;
	member = member_get(groups);
	if (!member)
		return 0;
	if (!at)
		at = group_make(groups, cut, hash);
	if (!at) {
		member_give(groups, member);
		return 0;
	}
	group = log_group(groups, at);
	*log_member(groups, member) =
		(struct log_member){ .group = at, .next = group->first, .connection = connection };
	if (group->first)
		log_member(groups, group->first)->prev = member;
	group->first = member;
	group->members++;
	return member;
}

void log_groups_leave(struct log_groups *groups, uint32_t member)
{
	struct log_member *m = log_member(groups, member);
	uint32_t at = m->group;
	struct log_group *group = log_group(groups, at);

	if (m->prev)
		log_member(groups, m->prev)->next = m->next;
	else
		group->first = m->next;
	if (m->next)
		log_member(groups, m->next)->prev = m->prev;
	if (m->connection == 0)
		groups->lingering--;
	member_give(groups, member);
	if (--group->members == 0)
		group_drop(groups, at);
}
