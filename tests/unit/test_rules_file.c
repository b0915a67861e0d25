/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules files: right ones become rules, of wrong ones every mistake is told (tests/rules/wrong.txt). */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/frame.h"
#include "cli/rules_file.h"
#include "cli/trigger_text.h"
#include "tcpstate/tracker.h"

static struct log_policy base_policy(void)
{
	struct tracker_config config;

	tracker_config_default(&config);
	return config.policy;
}

static struct rules *parse(const char *text)
{
	struct log_policy base = base_policy();
	struct rules_messages messages;
	struct rules *rules = rules_file_parse(text, &base, &messages);

	rules_file_complain("test", &messages);
	rules_messages_dispose(&messages);
	return rules;
}

static void a_file_becomes_rules(void **state)
{
	struct rules *rules = parse(
		"# all that there is\n"
		"limits { events-per-connection = 1000 log-memory = \"64M\" connections = 5000\n"
		"         ids = 10 connections-per-id = 20 linger = \"30s\" }\n"
		"default { mode = tail ratio = 100 view = server }\n"
		"rule frontend {\n"
		"  match = \"tcp port 443 and dst net 203.0.113.0/24\"\n"
		"  vlan = \"100.200\" iface = \"eth*\" proto = 'TLS' host = \"*.example.com\"\n"
		"  id = \"web-{client}\" tag = \"front$end ${HOME}\" mode = 5 limit = 20000\n"
		"  view = sender capture = 33\n"
		"  dump-on = { \"rst\", \"rto >= 2\", \"retransmit > 5% of 1000\",\n"
		"              \"zero-window > 2s\", \"rtt > 500ms\", \"syn-timeout\" }\n"
		"  dump = id after = 50 rearm = \"60s\" linger = 0\n"
		"}\n"
		"/* and\n   what is left */ rule rest { match = \"tcp\" } // end\n"
		"tracepoint \"rto >= 3\" { count = 10 mode = head-auto }\n"
		"tracepoint rto { }\n");
	const struct rule *rule;

	(void)state;
	assert_non_null(rules);
	assert_int_equal(rules->count, 2);
	assert_int_equal(rules->connections_max, 5000);
	assert_int_equal(rules->ids_max, 10);
	assert_int_equal(rules->per_id_max, 20);
	assert_int_equal(rules->log_memory_bytes, 64 << 20);
	assert_int_equal(rules->fallback.policy.mode, LOG_TAIL);
	assert_int_equal(rules->fallback.policy.views, VIEW_SERVER);
	assert_int_equal(rules->fallback.ratio, 100);
	assert_true(rules->fallback.policy.from_ratio);
	assert_int_equal(rules->fallback.policy.limit, 1000);
	rule = &rules->rules[0];
	assert_int_equal(rule->line, 5);
	assert_string_equal(rule->policy.rule, "frontend");
	assert_non_null(rule->match);
	assert_string_equal(rule->vlan, "100.200");
	assert_string_equal(rule->iface, "eth*");
	assert_string_equal(rule->proto, "TLS");
	assert_string_equal(rule->host, "*.example.com");
	assert_string_equal(rule->id, "web-{client}");
	assert_string_equal(rule->policy.tag, "front$end ${HOME}"); /* not the environment's */
	assert_int_equal(rule->policy.mode, LOG_TAIL_AUTO);
	assert_int_equal(rule->policy.limit, 20000);
	assert_true(rule->policy.sender_view);
	assert_int_equal(rule->policy.capture_payload_bytes, 33);
	assert_int_equal(rule->policy.linger_ns, 0);
	assert_int_equal(rule->policy.triggers.count, 6 + 2);
	assert_true(rule->policy.triggers.group);
	assert_int_equal(rule->policy.triggers.after_events, 50);
	assert_int_equal(rule->policy.triggers.rearm_ns, UINT64_C(60000000000));
	rule = &rules->rules[1];
	assert_int_equal(rule->policy.mode,
			 LOG_CONTINUAL); /* of the command line, not of default */
	assert_int_equal(rule->policy.limit, 1000);
	assert_int_equal(rule->policy.linger_ns, UINT64_C(30000000000));
	assert_int_equal(rules->trace_point_count, 2);
	assert_int_equal(rules->trace_points[0].mode, LOG_HEAD_AUTO);
	assert_int_equal(rules->trace_points[1].count, 1);
	assert_int_equal(rules_capture_bytes(rules), CAPTURE_FULL); /* it asks for a host */
	rules_free(&rules);
	assert_non_null(rules = parse(""));
	assert_int_equal(rules->count, 0);
	rules_free(&rules);
}

/* One of the files of wrong.txt. messages: the lines behind "---". */
static int try_wrong(const char *name, const char *text, char *messages)
{
	struct log_policy base = base_policy();
	struct rules_messages got;
	struct rules *rules = rules_file_parse(text, &base, &got);
	uint32_t i = 0;
	int failed = rules != NULL;

	for (char *line = strtok(messages, "\n"); line; line = strtok(NULL, "\n"), i++) {
		char *part;
		unsigned long number = strtoul(line, &part, 10);

		part += 2; /* ": " */
		if (i >= got.count || got.items[i].line != number ||
		    !strstr(got.items[i].text, part))
			failed = 1;
	}
	failed |= i != got.count;
	if (failed) {
		print_error("\"%s\": %u messages, expected %u:\n", name, got.count, i);
		rules_file_complain(name, &got);
	}
	rules_free(&rules);
	rules_messages_dispose(&got);
	return failed;
}

static void every_mistake_is_told(void **state)
{
	static char all[65536];
	FILE *in = fopen(WRONG_RULES, "r");
	size_t length;
	uint32_t tried = 0, failed = 0;

	(void)state;
	assert_non_null(in);
	length = fread(all, 1, sizeof(all) - 1, in);
	fclose(in);
	all[length] = '\0';
	for (char *at = strstr(all, "\n=== "), *next; at; at = next) {
		char *name = at + 5, *text = strchr(name, '\n'),
		     *messages = strstr(text, "\n---\n");

		next = strstr(messages, "\n=== ");
		*text++ = '\0';
		messages[1] = '\0'; /* the file ends with its newline */
		messages += 5;
		if (next)
			*next = '\0';
		tried++;
		failed += (uint32_t)try_wrong(name, text, messages);
	}
	assert_true(tried >= 30);
	assert_int_equal(failed, 0);
}

static void triggers_as_text(void **state)
{
	static const struct {
		const char *text;
		int kind; /* -1: wrong */
		bool or_equal;
		uint32_t number, of;
		uint64_t time_ns;
		const char *reason;
	} rows[] = {
		{ "rst", TRIGGER_RST, true, 0, 0, 0, "rst" },
		{ " rst-after-data ", TRIGGER_RST_AFTER_DATA, true, 0, 0, 0, "rst-after-data" },
		{ "rto", TRIGGER_RTO, true, 1, 0, 0, "rto" },
		{ "rto >= 2", TRIGGER_RTO, true, 2, 0, 0, "rto>=2" },
		{ "rto>2", TRIGGER_RTO, false, 2, 0, 0, "rto>2" },
		{ "retransmit > 5% of 1000", TRIGGER_RETRANSMIT, false, 500, 1000, 0,
		  "retransmit>5%of1000" },
		{ "retransmit > 0.25%", TRIGGER_RETRANSMIT, false, 25, 1000, 0,
		  "retransmit>0.25%" },
		{ "ecn-ce > 100 % of 10", TRIGGER_ECN_CE, false, 10000, 10, 0, "ecn-ce>100%of10" },
		{ "zero-window > 2s", TRIGGER_ZERO_WINDOW, false, 0, 0, 2000000000,
		  "zero-window>2s" },
		{ "rtt > 500ms", TRIGGER_RTT, false, 0, 0, 500000000, "rtt>500ms" },
		{ "rtt > 10 x minimum", TRIGGER_RTT_RATIO, false, 10, 0, 0, "rtt>10xminimum" },
		{ "stall > 1m", TRIGGER_STALL, false, 0, 0, UINT64_C(60000000000), "stall>1m" },
		{ "reorder > 8", TRIGGER_REORDER, false, 8, 0, 0, "reorder>8" },
		{ "", -1, 0, 0, 0, 0, NULL },
		{ "rst > 1", -1, 0, 0, 0, 0, NULL },
		{ "rto = 2", -1, 0, 0, 0, 0, NULL },
		{ "rto >= -1", -1, 0, 0, 0, 0, NULL },
		{ "rto >= 99999999999999999999", -1, 0, 0, 0, 0, NULL },
		{ "retransmit > 101%", -1, 0, 0, 0, 0, NULL },
		{ "retransmit > 5", -1, 0, 0, 0, 0, NULL },
		{ "retransmit > 5% of 0", -1, 0, 0, 0, 0, NULL },
		{ "rtt > 0 x minimum", -1, 0, 0, 0, 0, NULL },
		{ "rtt > 5 x maximum", -1, 0, 0, 0, 0, NULL },
		{ "stall", -1, 0, 0, 0, 0, NULL },
		{ "zero-window > 2", -1, 0, 0, 0, 0, NULL },
		{ "zero-window > 00000000000000000000000000002s", -1, 0, 0, 0, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trigger trigger;
		char error[300] = "";
		bool fine = trigger_parse(rows[i].text, &trigger, error, sizeof(error));

		if (fine != (rows[i].kind >= 0))
			fail_msg("\"%s\": %s", rows[i].text, fine ? "taken" : error);
		if (!fine) {
			assert_true(strlen(error) > 10);
			continue;
		}
		assert_int_equal(trigger.kind, rows[i].kind);
		assert_int_equal(trigger.or_equal, rows[i].or_equal);
		assert_int_equal(trigger.number, rows[i].number);
		assert_int_equal(trigger.of, rows[i].of);
		assert_int_equal(trigger.time_ns, rows[i].time_ns);
		assert_string_equal(trigger.text, rows[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_becomes_rules),
		cmocka_unit_test(every_mistake_is_told),
		cmocka_unit_test(triggers_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
