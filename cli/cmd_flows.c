/* SPDX-License-Identifier: BSD-2-Clause */
#include <argp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/control_client.h"
#include "cli/event_view.h"
#include "cli/flow_table.h"
#include "cli/flows_now.h"
#include "cli/query_options.h"
#include "cli/report.h"
#include "cli/run_options.h"
#include "store/query.h"

struct flows_options {
	struct query_options query;
	int group;		  /* enum query_group, or -1 */
	struct flow_lines *lines; /* of a DIR; or */
	struct flows_now *now;	  /* of the running recorder */
	struct flow_table table;
	bool failed;
	char error[512];
};

enum { KEY_BY = 0x600 };

static const struct argp_option options[] = {
	{ "by", KEY_BY, "WHAT", 0,
	  "Sums by server, client, prefix (of the client: /24, /48) or rule", 3 },
	{ 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	static const char *const groups[] = { [GROUP_SERVER] = "server",
					      [GROUP_CLIENT] = "client",
					      [GROUP_PREFIX] = "prefix",
					      [GROUP_RULE] = "rule" };
	struct flows_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->query;
		return 0;
	case KEY_BY:
		for (int i = 0; i < 4; i++)
			if (strcmp(groups[i], text) == 0)
				o->group = i;
		if (o->group < 0)
			argp_error(state, "--by %s: server, client, prefix or rule", text);
		return 0;
	case ARGP_KEY_ARG:
		query_options_argument(&o->query, text);
		return 0;
	case ARGP_KEY_END:
		if (o->query.view_given)
			argp_error(state, "--view is of logs: for files, events and export");
		if (!o->query.query.dir && o->query.query.reason)
			argp_error(state, "--reason is of logs that were written: name a DIR, or "
					  "ask `bbtap files`");
		if (o->query.query.dir && o->query.socket)
			argp_error(state, "--socket is for the running recorder, not for a DIR");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &query_options_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DIR [FILTER]\n[FILTER]",
	.doc = "Lists the connections that ended while `bbtap read` or `bbtap record` wrote to "
	       "DIR; or those that the running "
	       "recorder follows now."
	       "\vSEGMENTS and BYTES are client > server: what each sent, retransmissions "
	       "included. RETR counts "
	       "retransmitted segments, OOO segments that filled a hole, ZWIN closed windows, of "
	       "both sides. RTT is the "
	       "median from the tap to the server and to the client.\n\n"
	       "With --json, a line is that of the flow log.",
	.children = children,
};

/* The flow log's own line: all that is known. */
static bool print_line(struct flows_options *o, const char *path, const struct flow_row *flow)
{
	const char *line;
	size_t bytes;

	if (o->now) {
		o->failed = !flows_now_print(o->now, flow);
		return !o->failed;
	}
	if (flow_lines_get(o->lines, path, flow, &line, &bytes, o->error, sizeof(o->error)) < 0) {
		o->failed = true;
		return false;
	}
	fwrite(line, 1, bytes, stdout);
	putchar('\n');
	return true;
}

static bool take_flow(void *context, const char *path, const struct flow_row *flow)
{
	struct flows_options *o = context;

	/* Only caught where there is a folder to be removed. */
	o->failed |= run_stop;
	if (o->failed)
		return false;
	if (o->query.json)
		return print_line(o, path, flow);
	if (o->query.csv)
		flow_csv_row(flow);
	else
		flow_table_row(&o->table, flow);
	return true;
}

static bool take_sum(void *context, const struct query_sum *sum)
{
	struct flows_options *o = context;

	if (o->query.json)
		flow_sum_json(sum);
	else if (o->query.csv)
		flow_sum_csv(sum);
	else
		flow_sum_row(&o->table, sum);
	return true;
}

static int list(struct flows_options *o)
{
	bool sums = o->group >= 0;
	int result;

	o->table.show = o->query.show;
	if (o->query.csv)
		puts(sums ? FLOW_SUM_CSV_TITLES : FLOW_CSV_TITLES);
	else if (!o->query.json)
		flow_table_titles(&o->table, sums);
	if (sums && !o->query.sort_given) {
		o->query.query.order = BY_BYTES;
		o->query.query.descending = true;
	}
	result = sums ? query_sums(&o->query.query, (enum query_group)o->group, take_sum, o,
				   o->error, sizeof(o->error))
		      : query_flows(&o->query.query, take_flow, o, o->error, sizeof(o->error));
	if (!o->query.json && !o->query.csv && (o->table.rows || result == 0))
		flow_table_totals(&o->table);
	if (result == 0 && !o->failed)
		return EXIT_DONE;
	if (*o->error)
		report_message(o->error);
	return EXIT_FAILED;
}

static int list_dir(struct flows_options *o)
{
	int status;

	if (flow_lines_open(&o->lines, o->query.query.dir) < 0) {
		report_message("no memory");
		return EXIT_FAILED;
	}
	status = list(o);
	flow_lines_close(&o->lines);
	return status;
}

static json_t *request_of(const struct flows_options *o, const char *format)
{
	json_t *request = json_pack("{s:s, s:s}", "cmd", "flows", "format", format);

	if (o->query.filter)
		json_object_set_new(request, "filter", json_string(o->query.filter));
	if (o->query.query.id)
		json_object_set_new(request, "id", json_string(o->query.query.id));
	if (o->query.query.tag)
		json_object_set_new(request, "tag", json_string(o->query.query.tag));
	if (o->query.state_name)
		json_object_set_new(request, "state", json_string(o->query.state_name));
	return request;
}

/* The recorder knows how to do it alone: rows are passed on as they come. */
static bool is_simple(const struct flows_options *o)
{
	return !o->query.query.rule && !o->query.query.since_ns &&
	       o->query.query.until_ns == UINT64_MAX && !o->query.sort_given && !o->query.csv &&
	       !o->query.show_given && !o->query.query.limit && o->group < 0;
}

/* What the running recorder follows now. */
static int ask_recorder(struct flows_options *o)
{
	int status;

	if (is_simple(o))
		return control_client_ask(o->query.socket,
					  request_of(o, o->query.json ? "line" : "text"), NULL,
					  NULL);
	status = flows_now_open(&o->now, o->query.socket, request_of(o, "line"));
	if (status == EXIT_DONE) {
		o->query.query.dir = flows_now_dir(o->now);
		/* Done by the recorder, which knows who the client is. */
		o->query.query.filter = NULL;
		memset(&o->query.query.terms, 0, sizeof(o->query.query.terms));
		status = list(o);
	}
	flows_now_close(&o->now);
	return status;
}

static int run(int argc, char **argv)
{
	struct flows_options o = { .group = -1 };
	int status = EXIT_FAILED;

	if (query_options_init(&o.query, argc)) {
		argp_parse(&argp, argc, argv, 0, NULL, &o);
		status = query_options_finish(&o.query);
		if (status == EXIT_DONE)
			status = o.query.query.dir ? list_dir(&o) : ask_recorder(&o);
	}
	query_options_dispose(&o.query);
	return fflush(stdout) == 0 ? status : EXIT_FAILED;
}

const struct command command_flows = {
	.name = "flows",
	.summary = "list connections with their counters",
	.run = run,
};
