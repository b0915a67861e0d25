/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that only ask the running recorder: ids, stats, dump, set, clear, reload, disable, enable. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/control.h"
#include "cli/control_client.h"
#include "cli/event_view.h"
#include "cli/values.h"
#include "tcpstate/log_mode.h"

struct control_options {
	const char *cmd;
	const char *socket;
	const char *id, *tag, *state, *reason;
	const char **words; /* the filter's; of set, the changes among them */
	size_t word_count;
	bool json, all;
	json_t *set;
};

enum { KEY_SOCKET = 0x300, KEY_ID, KEY_TAG, KEY_STATE, KEY_REASON, KEY_ALL };

#define SOCKET_OPTION                                                                              \
	{                                                                                          \
		"socket", KEY_SOCKET, "PATH", 0,                                                   \
			"The recorder's socket (default: $BBTAP_SOCKET, or " CONTROL_SOCKET ")", 9 \
	}
#define CONDITIONS                                                                                 \
	{ "id", KEY_ID, "ID", 0, "Only connections with this ID; * and ? are wildcards", 1 },      \
		{ "tag", KEY_TAG, "TAG", 0, "Only with this tag; wildcards too", 1 },              \
		{ "state",                                                                         \
		  KEY_STATE,                                                                       \
		  "STATE",                                                                         \
		  0,                                                                               \
		  "Only with a side in this state (ESTABLISHED ...)",                              \
		  1 },                                                                             \
	{                                                                                          \
		"all", KEY_ALL, NULL, 0, "All connections: no condition is needed", 1              \
	}

static const struct argp_option plain_options[] = { SOCKET_OPTION, { 0 } };
static const struct argp_option ids_options[] = {
	{ "id", KEY_ID, "ID", 0, "Only IDs like this; * and ? are wildcards", 1 },
	{ "json", 'j', NULL, 0, "Print JSON, one object a line", 1 },
	SOCKET_OPTION,
	{ 0 }
};
static const struct argp_option stats_options[] = { { "json", 'j', NULL, 0, "Print JSON", 1 },
						    SOCKET_OPTION,
						    { 0 } };
static const struct argp_option dump_options[] = {
	CONDITIONS,
	{ "reason", KEY_REASON, "WHY", 0,
	  "What the logs say of it, at most 31 bytes (default: dump)", 2 },
	SOCKET_OPTION,
	{ 0 }
};
static const struct argp_option some_options[] = { CONDITIONS, SOCKET_OPTION, { 0 } };

/* "mode=tail": whether it is a change and not a word of the filter. */
static bool take_change(struct control_options *o, const char *word, struct argp_state *state)
{
	const char *value = strchr(word, '=');
	size_t length = value ? (size_t)(value - word) : 0;
	uint64_t number;
	int8_t mode;

	if (!value || !length)
		return false;
	value++;
	if (strncmp(word, "mode", length) == 0 && length == 4) {
		if (!log_mode_parse(value, &mode))
			argp_error(state, "%s: " LOG_MODE_NAMES, word);
		json_object_set_new(o->set, "mode", json_string(value));
	} else if (strncmp(word, "limit", length) == 0 && length == 5) {
		if (!value_number(value, 1, 1000000, &number))
			argp_error(state, "%s: a number from 1 to 1000000", word);
		json_object_set_new(o->set, "limit", json_integer((json_int_t)number));
	} else if (strncmp(word, "tag", length) == 0 && length == 3) {
		json_object_set_new(o->set, "tag", json_string(value));
	} else if (strncmp(word, "id", length) == 0 && length == 2) {
		json_object_set_new(o->set, "id", json_string(value));
	} else {
		return false;
	}
	return true;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct control_options *o = state->input;
	bool wants_conditions = strcmp(o->cmd, "dump") == 0 || strcmp(o->cmd, "set") == 0 ||
				strcmp(o->cmd, "clear") == 0;

	switch (key) {
	case KEY_SOCKET:
		o->socket = text;
		return 0;
	case KEY_ID:
		o->id = text;
		return 0;
	case KEY_TAG:
		o->tag = text;
		return 0;
	case KEY_STATE:
		o->state = text;
		return 0;
	case KEY_REASON:
		o->reason = text;
		return 0;
	case KEY_ALL:
		o->all = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!wants_conditions)
			argp_error(state, "%s: nothing more is needed", text);
		if (strcmp(o->cmd, "set") != 0 || !take_change(o, text, state))
			o->words[o->word_count++] = text;
		return 0;
	case ARGP_KEY_END:
		if (strcmp(o->cmd, "set") == 0 && json_object_size(o->set) == 0)
			argp_error(state, "set what? mode=, limit=, tag= or id=");
		if (wants_conditions && !o->all && !o->word_count && !o->id && !o->tag && !o->state)
			argp_error(state,
				   "which connections? A FILTER, --id, --tag, --state, or --all");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_count(void *context, const json_t *answer)
{
	const char *what = context;
	long long failed = json_integer_value(json_object_get(answer, "failed"));

	printf("%lld %s", (long long)json_integer_value(json_object_get(answer, what)), what);
	if (failed)
		printf(", %lld not: too many IDs, or connections of one", failed);
	putchar('\n');
	if (json_is_false(json_object_get(answer, "written")))
		fprintf(stderr, "bbtap: not all of it is written yet: the disk is slow\n");
	failed = json_integer_value(json_object_get(answer, "sections_failed"));
	if (failed)
		fprintf(stderr,
			"bbtap: %lld sections could not be written meanwhile; `bbtap stats` says why\n",
			failed);
}

static void print_reload(void *context, const json_t *answer)
{
	(void)context;
	printf("%lld rules\n", (long long)json_integer_value(json_object_get(answer, "rules")));
}

static void print_stat(const char *name, const json_t *value)
{
	char number[NUMBER_TEXT_MAX], text[256];

	if (json_is_real(value)) {
		printf("%-28s %.1f\n", name, json_real_value(value));
	} else if (json_is_string(value)) {
		plain_text(json_string_value(value), text, sizeof(text));
		printf("%-28s %s\n", name, text);
	} else if (json_is_integer(value)) {
		printf("%-28s %s\n", name,
		       number_text((uint64_t)json_integer_value(value), number));
	} else if (json_is_true(value)) {
		printf("%-28s yes\n", name);
	}
}

/* What could not be written: a line for each tag and reason. */
static void print_not_written(const json_t *list)
{
	const json_t *failure;
	size_t i;

	json_array_foreach((json_t *)list, i, failure)
	{
		char tag[64], a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX];
		const char *name = json_string_value(json_object_get(failure, "tag"));
		const char *error = json_string_value(json_object_get(failure, "error"));

		plain_text(name && *name ? name : "UNKNOWN", tag, sizeof(tag));
		printf("not written, tag %-11s %s records in %s sections: %s\n", tag,
		       number_text((uint64_t)json_integer_value(json_object_get(failure, "records")),
				   a),
		       number_text((uint64_t)json_integer_value(json_object_get(failure, "sections")),
				   b),
		       error ? error : "?");
	}
}

static void print_stats_of(const json_t *object, const char *prefix)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value)
	{
		char full[80];

		snprintf(full, sizeof(full), "%s%s%s", prefix, *prefix ? " " : "", name);
		if (json_is_object(value))
			print_stats_of(value, name);
		else if (json_is_array(value))
			print_not_written(value);
		else if (strcmp(full, "ok") != 0)
			print_stat(full, value);
	}
}

static void print_stats(void *context, const json_t *answer)
{
	const struct control_options *o = context;

	if (!o->json) {
		print_stats_of(answer, "");
		return;
	}
	json_dumpf(answer, stdout, JSON_COMPACT);
	putchar('\n');
}

static json_t *request_of(struct control_options *o)
{
	json_t *request = json_pack("{s:s}", "cmd", o->cmd);
	char *filter = o->word_count ? words_join(o->words, o->word_count) : NULL;

	if (o->id)
		json_object_set_new(request, "id", json_string(o->id));
	if (o->tag)
		json_object_set_new(request, "tag", json_string(o->tag));
	if (o->state)
		json_object_set_new(request, "state", json_string(o->state));
	if (o->reason)
		json_object_set_new(request, "reason", json_string(o->reason));
	if (filter)
		json_object_set_new(request, "filter", json_string(filter));
	if (json_object_size(o->set))
		json_object_set(request, "set", o->set);
	free(filter);
	return request;
}

static int run(int argc, char **argv, const char *cmd, const struct argp *argp,
	       void (*finish)(void *context, const json_t *answer), const char *count_name)
{
	struct control_options o = { .cmd = cmd, .set = json_object() };
	int status;

	o.words = calloc((size_t)argc + 1, sizeof(*o.words));
	argp_parse(argp, argc, argv, 0, NULL, &o);
	status = control_client_ask(o.socket, request_of(&o), finish,
				    count_name ? (void *)count_name : (void *)&o);
	json_decref(o.set);
	free(o.words);
	return status;
}

#define ARGP(name, options_, args, text)                                                           \
	static const struct argp name = {                                                          \
		.options = options_, .parser = parse, .args_doc = args, .doc = text                \
	}

ARGP(ids_argp, ids_options, NULL,
     "Lists the log IDs of the running recorder: how many connections have each, and how many logs "
     "of ended "
     "ones linger.");
ARGP(stats_argp, stats_options, NULL, "Prints the running recorder's counters.");
ARGP(dump_argp, dump_options, "[FILTER]",
     "Has the running recorder hand over the logs of these connections to the files of their tags, "
     "now."
     "\vFILTER is a libpcap expression on addresses and ports, as if the client had sent the "
     "packet. With "
     "--id alone, the logs that linger behind ended connections are handed over too.");
ARGP(set_argp, some_options, "[FILTER] mode=MODE limit=N tag=TAG id=ID",
     "Changes how the running recorder logs these connections."
     "\vFILTER is a libpcap expression on addresses and ports, as if the client had sent the "
     "packet. An empty "
     "id= takes the ID away. A new ID in an automatic mode hands over what was logged under the "
     "old one.");
ARGP(clear_argp, some_options, "[FILTER]",
     "Throws the logs of these connections away and switches them off.");
ARGP(reload_argp, plain_options, NULL,
     "Has the running recorder read its rules file again, for new connections. A file with "
     "mistakes changes "
     "nothing. The same as SIGHUP.");
ARGP(disable_argp, plain_options, NULL,
     "Switches all logging of the running recorder off, and throws its logs away.");
ARGP(enable_argp, plain_options, NULL, "Takes disable back, for new connections.");

#define COMMAND(name_, summary_, finish_, count_)                                                  \
	static int run_##name_(int argc, char **argv)                                              \
	{                                                                                          \
		return run(argc, argv, #name_, &name_##_argp, finish_, count_);                    \
	}                                                                                          \
	const struct command command_##name_ = { .name = #name_,                                   \
						 .summary = summary_,                              \
						 .run = run_##name_ }

COMMAND(ids, "list the log IDs of the running recorder", NULL, NULL);
COMMAND(stats, "print the counters of the running recorder", print_stats, NULL);
COMMAND(dump, "hand over logs of the running recorder now", print_count, "dumped");
COMMAND(set, "change mode, limit, tag or ID of connections", print_count, "changed");
COMMAND(clear, "throw logs of connections away", print_count, "changed");
COMMAND(reload, "have the rules file read again", print_reload, NULL);
COMMAND(disable, "switch all logging off", NULL, NULL);
COMMAND(enable, "switch it on again, for new connections", NULL, NULL);
