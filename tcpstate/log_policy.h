/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_policy.h - how a connection is logged: what a rule, or an order at run time, says. Many connections
 * have the same one; a worker keeps each once, with the number of its users.
 */
#ifndef BBTAP_TCPSTATE_LOG_POLICY_H
#define BBTAP_TCPSTATE_LOG_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/evlog.h"
#include "tcpstate/log_mode.h"
#include "tcpstate/trigger.h"

/* Bytes of payload to keep of each segment. */
#define CAPTURE_HEADERS 0
#define CAPTURE_FULL	UINT32_MAX

#define RULE_NAME_MAX 32

struct log_policy {
	char rule[RULE_NAME_MAX]; /* that it comes from; "default" */
	char tag[LOG_TAG_MAX];	  /* empty: none */
	int8_t mode;		  /* enum log_mode, not LOG_CLEAR */
	uint8_t views;		  /* enum view: whose logs */
	bool sender_view; /* of both, the one that has sent more payload when it is handed over */
	bool from_ratio;  /* by chance: gives way first when memory is short */
	uint32_t limit;	  /* events of each endpoint */
	uint32_t capture_payload_bytes; /* CAPTURE_HEADERS, a number, or CAPTURE_FULL */
	uint32_t generation;		/* of the rules that it comes from */
	uint64_t linger_ns; /* how long the log of an ended connection with an ID is kept */
	struct trigger_set triggers;
};

/* As many as a worker keeps at once; each rule of the file has two, one for those chosen by ratio. */
#define LOG_POLICIES_MAX 4096

struct log_policies {
	struct log_policy *policies; /* LOG_POLICIES_MAX of them */
	uint32_t *users;
	uint32_t touched;
};

/* 0 or -ENOMEM. */
int log_policies_init(struct log_policies *table);
void log_policies_dispose(struct log_policies *table);

/*
 * The index of a policy equal to this one, with one user more. All of *policy counts, so it must come
 * from one that was zeroed. -ENOSPC: there are too many different ones.
 */
int log_policies_use(struct log_policies *table, const struct log_policy *policy);

/* The same index has one user more, or less. */
static inline void log_policies_share(struct log_policies *table, uint32_t index)
{
	table->users[index]++;
}

static inline void log_policies_drop(struct log_policies *table, uint32_t index)
{
	table->users[index]--;
}

#endif
