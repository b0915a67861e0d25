/* SPDX-License-Identifier: BSD-2-Clause */
/* Any text as a rules file: either rules come out, or at least one message says why not. */
#include <stdlib.h>
#include <string.h>

#include "cli/rules_file.h"
#include "tcpstate/tracker.h"
#include "tests/fuzz/fuzz_target.h"

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct tracker_config config;
	struct rules_messages messages;
	struct rules *rules;
	char *text = malloc(count + 1);

	if (!text)
		return 0;
	memcpy(text, bytes, count);
	text[count] = '\0';
	tracker_config_default(&config);
	rules = rules_file_parse(text, &config.policy, &messages);
	require((rules == NULL) == (messages.count > 0));
	for (uint32_t i = 0; i < messages.count; i++) {
		require(messages.items[i].text[0]);
		require(i == 0 || messages.items[i].line >= messages.items[i - 1].line);
	}
	for (uint32_t i = 0; rules && i < rules->count; i++)
		require(rules->rules[i].policy.mode >= LOG_OFF && rules->rules[i].line > 0);
	rules_free(&rules);
	rules_messages_dispose(&messages);
	free(text);
	return 0;
}
