/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_group.h - connections that share a log ID, of one worker. Who has an ID is a member: a connection,
 * or the log of one that ended, for as long as it lingers. All memory is reserved at start.
 */
#ifndef BBTAP_TCPSTATE_LOG_GROUP_H
#define BBTAP_TCPSTATE_LOG_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/evlog_writer.h"

struct log_group {
	char id[LOG_ID_MAX]; /* never empty while there are members */
	uint32_t hash;
	uint32_t next;	  /* in its bucket, or among the free ones; index + 1, 0: none */
	uint32_t first;	  /* member */
	uint32_t members; /* connections and lingering logs */
};

/* The log of a connection that ended. */
struct lingering_log {
	struct flow_key key;
	struct evlog log;
	uint64_t number;
	uint64_t last_ts_ns;
	uint64_t until_ns;
	uint32_t policy;
	uint16_t section;
	uint8_t client;
	uint8_t views;
};

struct log_member {
	uint32_t group;	     /* index + 1; 0: free */
	uint32_t next, prev; /* of the group, or of the free ones; index + 1, 0: none */
	uint32_t connection; /* index + 1 in the flow table; 0: it has ended, and its log lingers */
	struct lingering_log lingering;
};

struct log_groups {
	struct log_group *groups;
	struct log_member *members;
	uint32_t *buckets;
	uint32_t bucket_mask;
	uint32_t groups_max, groups_touched, groups_free, groups_used;
	uint32_t members_max, members_touched, members_free, members_used;
	uint32_t per_group_max;
	uint32_t lingering; /* members whose connection has ended */
	uint32_t hand;	    /* where the look for those whose time is over goes on */
};

/* 0 or -ENOMEM. */
int log_groups_init(struct log_groups *groups, uint32_t groups_max, uint32_t members_max,
		    uint32_t per_group_max);
void log_groups_dispose(struct log_groups *groups);

/* FNV-1a; also what a ratio is decided by. */
uint32_t log_group_hash(const char *id);

/* Index + 1 of the group with this ID; 0: there is none. */
uint32_t log_groups_find(const struct log_groups *groups, const char *id);

/* A new member of the group with this ID, which is made if there is none. Index + 1; 0: a limit is reached. */
uint32_t log_groups_join(struct log_groups *groups, const char *id, uint32_t connection);

/* The member is gone; its group too if it was the last. Its log must be empty. */
void log_groups_leave(struct log_groups *groups, uint32_t member);

static inline struct log_member *log_member(const struct log_groups *groups, uint32_t member)
{
	return &groups->members[member - 1];
}

static inline struct log_group *log_group(const struct log_groups *groups, uint32_t group)
{
	return &groups->groups[group - 1];
}

/* "" for member 0. */
static inline const char *log_member_id(const struct log_groups *groups, uint32_t member)
{
	return member ? log_group(groups, log_member(groups, member)->group)->id : "";
}

#endif
