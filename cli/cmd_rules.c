/* SPDX-License-Identifier: BSD-2-Clause */
/* bbtap rules: whether a rules file is right, and which connection of a capture it takes how. */
#include <argp.h>
#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/source_file.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/rules_file.h"
#include "cli/run_options.h"

struct decision {
	uint64_t number;
	char client[64], server[64];
	char rule[RULE_NAME_MAX];
	char why[256];
	char id[LOG_ID_MAX];
	char tag[LOG_TAG_MAX];
	const char *mode;
};

struct rules_options {
	const char **arguments;
	size_t count;
	bool json;
	const struct rules *rules;
	struct decision *decisions;
	size_t decision_count, room;
	bool no_memory;
};

static const struct argp_option own_options[] = {
	{ "json", 'j', NULL, 0, "explain: one JSON object for each connection", 0 },
	{ 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct rules_options *o = state->input;

	switch (key) {
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		o->arguments[o->count++] = text;
		return 0;
	case ARGP_KEY_END:
		if (o->count == 0 || (strcmp(o->arguments[0], "check") != 0 &&
				      strcmp(o->arguments[0], "explain") != 0))
			argp_error(state, "check or explain?");
		if (strcmp(o->arguments[0], "check") == 0 && o->count != 2)
			argp_error(state, "check which FILE? One, please");
		if (strcmp(o->arguments[0], "explain") == 0 && o->count < 3)
			argp_error(state, "explain which rules FILE with which CAPTURE?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = own_options,
	.parser = parse,
	.args_doc = "check FILE\nexplain FILE CAPTURE...",
	.doc = "Checks a rules file, or tries it on capture files."
	       "\vcheck names each mistake with its line and what would be right; the exit status "
	       "then "
	       "is 2. explain prints which rule takes which connection, why, and how it would be "
	       "logged; nothing is written. bbtap-rules(5) says what may stand in the file.",
};

static struct rules *load(const char *path)
{
	struct tracker_config config;
	struct rules_messages messages;
	struct rules *rules;

	tracker_config_default(&config);
	rules = rules_file_load(path, &config.policy, &messages);
	rules_file_complain(path, &messages);
	rules_messages_dispose(&messages);
	return rules;
}

static int check(const char *path)
{
	struct rules *rules = load(path);

	if (!rules)
		return EXIT_USAGE;
	printf("%s: %u rule%s, no mistake\n", path, rules->count, rules->count == 1 ? "" : "s");
	rules_free(&rules);
	return EXIT_DONE;
}

static void put_address(const struct flow_key *key, int side, char out[64])
{
	char text[INET6_ADDRSTRLEN];
	bool v4 = key->ip_version == 4;

	inet_ntop(v4 ? AF_INET : AF_INET6, key->addr[side] + (v4 ? 12 : 0), text, sizeof(text));
	snprintf(out, 64, v4 ? "%s:%u" : "[%s]:%u", text, ntohs(key->port_be[side]));
}

/* Why this rule and none before it. */
static void explain_why(const struct rules_options *o, const struct rule_decision *d, char *out,
			size_t bytes)
{
	size_t used = 0;

	out[0] = '\0';
	if (!d->chosen)
		used += (size_t)snprintf(out, bytes, "left out, ratio 1 of %u; ", d->rule->ratio);
	if (d->no_room_for_id)
		used += (size_t)snprintf(out + used, bytes - used, "too many IDs; ");
	for (uint32_t i = 0; i < o->rules->count && used < bytes; i++) {
		const struct rule *rule = &o->rules->rules[i];
		const char *why;
		bool open;

		if (rule == d->rule)
			break;
		rule_matches(rule, d->facts, &open, &why);
		used += (size_t)snprintf(out + used, bytes - used, "not %s (%s); ",
					 rule->policy.rule, why);
	}
	if (used >= bytes)
		return;
	if (d->rule == &o->rules->fallback)
		snprintf(out + used, bytes - used, "no rule takes it");
	else if (*d->rule->match_text)
		snprintf(out + used, bytes - used, "match \"%.150s\"", d->rule->match_text);
	else
		snprintf(out + used, bytes - used, "its conditions hold");
}

static void take_decision(void *context, const struct rule_decision *d)
{
	struct rules_options *o = context;
	struct decision *decision = NULL;

	/* Not many have begun since it was decided first. */
	for (size_t i = o->decision_count; d->again && i-- && !decision;)
		if (o->decisions[i].number == d->number)
			decision = &o->decisions[i];
	if (!decision) {
		if (o->decision_count == o->room) {
			size_t room = o->room ? 2 * o->room : 1024;
			struct decision *grown = realloc(o->decisions, room * sizeof(*grown));

			if (!grown) {
				o->no_memory = true;
				return;
			}
			o->decisions = grown;
			o->room = room;
		}
		decision = &o->decisions[o->decision_count++];
	}
	memset(decision, 0, sizeof(*decision));
	decision->number = d->number;
	put_address(d->facts->key, d->facts->client, decision->client);
	put_address(d->facts->key, !d->facts->client, decision->server);
	strcpy(decision->rule, d->rule->policy.rule);
	explain_why(o, d, decision->why, sizeof(decision->why));
	strcpy(decision->id, d->id);
	strcpy(decision->tag, d->rule->policy.tag);
	decision->mode = log_mode_name(d->chosen ? d->rule->policy.mode : LOG_OFF);
}

static void print_json(const struct decision *d)
{
	json_t *object =
		json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "connection",
			  (json_int_t)d->number, "client", d->client, "server", d->server, "rule",
			  d->rule, "mode", d->mode, "id", d->id, "tag", d->tag, "why", d->why);

	if (object)
		json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static void print_table(const struct rules_options *o)
{
	static const char *const titles[] = { "CONNECTION", "CLIENT", "SERVER", "RULE",
					      "MODE",	    "ID",     "TAG" };
	int width[7];

	for (int c = 0; c < 7; c++)
		width[c] = (int)strlen(titles[c]);
	for (size_t i = 0; i < o->decision_count; i++) {
		const struct decision *d = &o->decisions[i];
		const char *texts[] = { "", d->client, d->server, d->rule, d->mode, d->id, d->tag };

		for (int c = 1; c < 7; c++)
			if ((int)strlen(texts[c]) > width[c])
				width[c] = (int)strlen(texts[c]);
	}
	printf("%-*s  %-*s  %-*s  %-*s  %-*s  %-*s  %-*s  WHY\n", width[0], titles[0], width[1],
	       titles[1], width[2], titles[2], width[3], titles[3], width[4], titles[4], width[5],
	       titles[5], width[6], titles[6]);
	for (size_t i = 0; i < o->decision_count; i++) {
		const struct decision *d = &o->decisions[i];

		printf("%*llu  %-*s  %-*s  %-*s  %-*s  %-*s  %-*s  %s\n", width[0],
		       (unsigned long long)d->number, width[1], d->client, width[2], d->server,
		       width[3], d->rule, width[4], d->mode, width[5], *d->id ? d->id : "-",
		       width[6], *d->tag ? d->tag : "-", d->why);
	}
}

static int by_number(const void *a, const void *b)
{
	const struct decision *left = a, *right = b;

	return (left->number > right->number) - (left->number < right->number);
}

static int explain(struct rules_options *o)
{
	static struct iface_table ifaces;
	struct rules *rules = load(o->arguments[1]);
	struct source *source;
	struct pipeline_stats stats;
	struct pipeline_config config = {
		.sources = &source,
		.source_count = 1,
		.workers = 1,
		.lossless = true,
		.check_checksums = true,
		.stop = &run_stop,
		.error = report_message,
	};
	char error[512];
	int result;

	if (!rules)
		return EXIT_USAGE;
	o->rules = rules;
	tracker_config_default(&config.tracker);
	config.tracker.rules = rules;
	config.tracker.ifaces = &ifaces;
	config.tracker.no_models = true;
	config.tracker.only_decide = true;
	config.tracker.decided = take_decision;
	config.tracker.decided_context = o;
	if (source_file_open(&source, o->arguments + 2, o->count - 2, &ifaces) < 0) {
		report_message("no memory");
		rules_free(&rules);
		return EXIT_FAILED;
	}
	run_options_catch_signals();
	result = pipeline_run(&config, &stats, error, sizeof(error));
	if (result < 0)
		report_message(error);
	source_close(&source);
	if (o->decision_count)
		qsort(o->decisions, o->decision_count, sizeof(o->decisions[0]), by_number);
	if (o->json)
		for (size_t i = 0; i < o->decision_count; i++)
			print_json(&o->decisions[i]);
	else if (result == 0)
		print_table(o);
	rules_free(&rules);
	if (o->no_memory)
		report_message("no memory for all connections");
	return result < 0 || stats.source_errors || o->no_memory || fflush(stdout) != 0
		       ? EXIT_FAILED
		       : EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct rules_options o = { .arguments = calloc((size_t)argc + 1, sizeof(*o.arguments)) };
	int status;

	if (!o.arguments) {
		report_message("no memory");
		return EXIT_FAILED;
	}
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (strcmp(o.arguments[0], "check") == 0)
		status = check(o.arguments[1]);
	else
		status = explain(&o);
	free(o.decisions);
	free(o.arguments);
	return status;
}

const struct command command_rules = {
	.name = "rules",
	.summary = "check a rules file, or try it on a capture",
	.run = run,
};
