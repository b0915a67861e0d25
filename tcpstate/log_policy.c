/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/log_policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tcpstate/arena.h"

int log_policies_init(struct log_policies *table)
{
	*table = (struct log_policies){
		.policies = arena_reserve(LOG_POLICIES_MAX * sizeof(table->policies[0])),
		.users = calloc(LOG_POLICIES_MAX, sizeof(table->users[0])),
	};
	if (table->policies && table->users)
		return 0;
	log_policies_dispose(table);
	return -ENOMEM;
}

void log_policies_dispose(struct log_policies *table)
{
	arena_release(table->policies, LOG_POLICIES_MAX * sizeof(table->policies[0]));
	free(table->users);
	*table = (struct log_policies){ 0 };
}

int log_policies_use(struct log_policies *table, const struct log_policy *policy)
{
	uint32_t place = table->touched;

	for (uint32_t i = 0; i < table->touched; i++) {
		if (table->users[i] == 0)
			place = i;
		else if (memcmp(&table->policies[i], policy, sizeof(*policy)) == 0)
			return (int)(table->users[i]++, i);
	}
	if (place == LOG_POLICIES_MAX)
		return -ENOSPC;
	if (place == table->touched)
		table->touched++;
	table->policies[place] = *policy;
	table->users[place] = 1;
	return (int)place;
}
