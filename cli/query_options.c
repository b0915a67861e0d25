/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/query_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "capture/filter.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/control_client.h"
#include "cli/report.h"
#include "cli/values.h"
#include "store/filter_terms.h"
#include "tcpstate/snapshot.h"

enum {
	KEY_ID = 0x500,
	KEY_TAG,
	KEY_REASON,
	KEY_RULE,
	KEY_STATE,
	KEY_SINCE,
	KEY_UNTIL,
	KEY_SORT,
	KEY_TIME,
	KEY_UTC,
	KEY_JSON,
	KEY_CSV,
	KEY_VIEW,
	KEY_SOCKET,
};

static const struct argp_option options[] = {
	{ "id", KEY_ID, "ID", 0, "Only with this log ID; * and ? are wildcards", 1 },
	{ "tag", KEY_TAG, "TAG", 0, "Only with this tag; wildcards too", 1 },
	{ "reason", KEY_REASON, "WHY", 0,
	  "Only logs that were written for this reason; wildcards too", 1 },
	{ "rule", KEY_RULE, "RULE", 0, "Only connections that this rule took; wildcards too", 1 },
	{ "state", KEY_STATE, "STATE", 0, "Only connections with a side in this state at the end",
	  1 },
	{ "since", KEY_SINCE, "TIME", 0, "Only what goes on at or behind TIME: " TIME_TEXT_FORMS,
	  2 },
	{ "until", KEY_UNTIL, "TIME", 0, "Only what goes on at or in front of TIME", 2 },
	{ "sort", KEY_SORT, "BY", 0,
	  "time (default), or, the largest first: duration, bytes, segments, retransmissions, rtt, "
	  "events",
	  3 },
	{ "limit", 'n', "N", 0, "At most N", 3 },
	{ "time", KEY_TIME, "STYLE", 0,
	  "Show times as local, utc, relative (to the first) or delta", 3 },
	{ "utc", KEY_UTC, NULL, 0, "The same as --time utc", 3 },
	{ "view", KEY_VIEW, "VIEW", 0, "Whose logs: server, client or both", 3 },
	{ "json", KEY_JSON, NULL, 0, "Print JSON, one object a line", 4 },
	{ "csv", KEY_CSV, NULL, 0, "Print comma-separated values under a line of names", 4 },
	{ "socket", KEY_SOCKET, "PATH", 0,
	  "The recorder's socket, if no DIR is named (default: $BBTAP_SOCKET, or " CONTROL_SOCKET
	  ")",
	  9 },
	{ 0 },
};

static bool parse_order(const char *text, struct query *query)
{
	static const char *const names[] = {
		[BY_TIME] = "time",
		[BY_DURATION] = "duration",
		[BY_BYTES] = "bytes",
		[BY_SEGMENTS] = "segments",
		[BY_RETRANSMISSIONS] = "retransmissions",
		[BY_RTT] = "rtt",
		[BY_EVENTS] = "events",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], text) == 0) {
			query->order = (enum query_order)i;
			query->descending = i != BY_TIME;
			return true;
		}
	if (strcmp(text, "start") != 0)
		return false;
	query->order = BY_TIME;
	query->descending = false;
	return true;
}

static bool parse_state(const char *text, int *state)
{
	for (int i = TCPS_CLOSED; i <= TCPS_TIME_WAIT; i++)
		if (strcasecmp(tcp_state_name((uint32_t)i), text) == 0) {
			*state = i;
			return true;
		}
	return false;
}

static void parse_time(struct argp_state *state, const char *name, const char *text, uint64_t *ns)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!time_text_parse(text, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec, ns))
		argp_error(state, "--%s %s: a time such as " TIME_TEXT_FORMS, name, text);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct query_options *o = state->input;

	switch (key) {
	case KEY_ID:
		o->query.id = text;
		return 0;
	case KEY_TAG:
		o->query.tag = text;
		return 0;
	case KEY_REASON:
		o->query.reason = text;
		return 0;
	case KEY_RULE:
		o->query.rule = text;
		return 0;
	case KEY_STATE:
		o->state_name = text;
		if (!parse_state(text, &o->query.state))
			argp_error(state, "--state %s: a state such as ESTABLISHED or TIME_WAIT",
				   text);
		return 0;
	case KEY_SINCE:
		parse_time(state, "since", text, &o->query.since_ns);
		return 0;
	case KEY_UNTIL:
		parse_time(state, "until", text, &o->query.until_ns);
		return 0;
	case KEY_SORT:
		o->sort_given = true;
		if (!parse_order(text, &o->query))
			argp_error(state,
				   "--sort %s: time, duration, bytes, segments, retransmissions, "
				   "rtt or "
				   "events",
				   text);
		return 0;
	case 'n':
		if (!value_number(text, 1, INT64_MAX, &o->query.limit))
			argp_error(state, "--limit %s: a number", text);
		return 0;
	case KEY_TIME:
		o->show_given = true;
		if (!time_show_parse(text, &o->show))
			argp_error(state, "--time %s: local, utc, relative or delta", text);
		return 0;
	case KEY_UTC:
		o->show_given = true;
		o->show = SHOW_UTC;
		return 0;
	case KEY_VIEW:
		o->view_given = true;
		if (!value_view(text, &o->query.views))
			argp_error(state, "--view %s: server, client or both", text);
		return 0;
	case KEY_JSON:
		o->json = true;
		return 0;
	case KEY_CSV:
		o->csv = true;
		return 0;
	case KEY_SOCKET:
		o->socket = text;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp query_options_argp = { .options = options, .parser = parse };

void query_options_tell(void *context, const char *words)
{
	(void)context;
	report_message(words);
}

bool query_options_init(struct query_options *o, int argc)
{
	memset(o, 0, sizeof(*o));
	query_init(&o->query, NULL);
	o->query.tell = query_options_tell;
	o->words = calloc((size_t)argc + 1, sizeof(*o->words));
	if (!o->words)
		report_message("no memory");
	return o->words;
}

void query_options_dispose(struct query_options *o)
{
	filter_free(&o->program);
	free(o->filter);
	free(o->words);
}

static bool is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

void query_options_argument(struct query_options *o, const char *text)
{
	if (!o->query.dir && is_directory(text))
		o->query.dir = text;
	else
		o->words[o->word_count++] = text;
}

int query_options_finish(struct query_options *o)
{
	char error[512], message[1024];

	if (o->word_count == 0)
		return EXIT_DONE;
	o->filter = words_join(o->words, o->word_count);
	o->program = o->filter ? filter_make(o->filter, error, sizeof(error)) : NULL;
	if (!o->program) {
		/* A mistyped folder is no filter. */
		snprintf(message, sizeof(message), "%s: no such directory, and not a filter: %s",
			 o->filter ? o->filter : "?", o->filter ? error : "no memory");
		report_message(message);
		return EXIT_USAGE;
	}
	o->query.filter = o->program;
	filter_terms(o->filter, &o->query.terms);
	return EXIT_DONE;
}

struct dir_of_recorder {
	char *dir;
	size_t room;
};

static void take_dir(void *context, const json_t *answer)
{
	const struct dir_of_recorder *out = context;
	const char *dir = json_string_value(json_object_get(answer, "dir"));

	snprintf(out->dir, out->room, "%s", dir ? dir : "");
}

int query_options_find_dir(struct query_options *o, char *dir, size_t room)
{
	struct dir_of_recorder out = { dir, room };
	int status;

	if (o->query.dir)
		return EXIT_DONE;
	*dir = '\0';
	status = control_client_ask(o->socket, json_pack("{s:s}", "cmd", "stats"), take_dir, &out);
	if (status == EXIT_DONE && !*dir) {
		report_message("the running recorder writes nothing (--no-store); name a DIR");
		status = EXIT_FAILED;
	}
	o->query.dir = dir;
	return status;
}

void csv_text(const char *text, bool first)
{
	if (!first)
		putchar(',');
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

void csv_number(uint64_t number, bool first)
{
	printf(first ? "%llu" : ",%llu", (unsigned long long)number);
}
