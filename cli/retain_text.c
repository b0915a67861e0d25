/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/retain_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/values.h"

static bool parse_limit(const char *limit, struct retention_rule *rule)
{
	char *end;
	long priority;

	if (strncmp(limit, "bytes=", 6) == 0)
		return value_size(limit + 6, &rule->bytes) && rule->bytes;
	if (strncmp(limit, "age=", 4) == 0)
		return value_duration(limit + 4, &rule->age_ns) && rule->age_ns;
	if (strncmp(limit, "priority=", 9) != 0 || !limit[9])
		return false;
	errno = 0;
	priority = strtol(limit + 9, &end, 10);
	rule->priority = (int)priority;
	return !errno && !*end && priority >= -1000 && priority <= 1000;
}

bool retain_text_parse(const char *text, struct retention_config *config, char *error,
		       size_t error_bytes)
{
	struct retention_rule rule = { .bytes = 0 };
	char copy[256], *limit, *rest;
	/* The flow log's own name begins with a colon. */
	const char *colon = *text ? strchr(text + 1, ':') : NULL;

	snprintf(error, error_bytes, "TAG:bytes=10G,age=7d,priority=1 is what it looks like");
	if (!colon || !colon[1] || strlen(colon) >= sizeof(copy))
		return false;
	if ((size_t)(colon - text) >= sizeof(rule.tag)) {
		snprintf(error, error_bytes, "a tag is at most %zu bytes", sizeof(rule.tag) - 1);
		return false;
	}
	if (config->rule_count == RETENTION_RULES_MAX) {
		snprintf(error, error_bytes, "at most %d are possible", RETENTION_RULES_MAX);
		return false;
	}
	memcpy(rule.tag, text, (size_t)(colon - text));
	strcpy(copy, colon + 1);
	rest = copy;
	while ((limit = strsep(&rest, ",")))
		if (!parse_limit(limit, &rule)) {
			snprintf(error, error_bytes,
				 "\"%s\" is none of bytes=SIZE, age=TIME, priority=N (-1000 to "
				 "1000)",
				 limit);
			return false;
		}
	config->rules[config->rule_count++] = rule;
	return true;
}
