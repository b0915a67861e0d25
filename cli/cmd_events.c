/* SPDX-License-Identifier: BSD-2-Clause */
#include <argp.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "capture/filter.h"
#include "cli/command.h"
#include "cli/connection_filter.h"
#include "cli/event_json.h"
#include "cli/event_text.h"
#include "cli/log_paths.h"
#include "cli/report.h"
#include "cli/values.h"

struct events_options {
	char *filter;
	struct bpf_program program;
	uint8_t views;
	bool view_given;
	bool wanted[256]; /* by event id */
	bool some_wanted;
	enum time_style time;
	bool verbose;
	bool json;
	uint64_t limit;
	uint64_t printed;
	char **arguments;
	int argument_count;
};

enum { KEY_VIEW = 0x100, KEY_EVENT, KEY_UTC, KEY_JSON };

static const struct argp_option own_options[] = {
	{ "filter", 'f', "FILTER", 0,
	  "Only connections whose addresses and ports pass this libpcap filter", 0 },
	{ "view", KEY_VIEW, "VIEW", 0,
	  "Of a DIR: whose logs, server, client or both (default: server)", 0 },
	{ "event", KEY_EVENT, "NAME,...", 0, "Only these events, e.g. RTT,REASS", 0 },
	{ "utc", KEY_UTC, NULL, 0, "Print UTC instead of the time since the section began", 0 },
	{ "verbose", 'v', NULL, 0, "Print all of the control block", 0 },
	{ "limit", 'n', "N", 0, "Print at most N events", 0 },
	{ "json", KEY_JSON, NULL, 0, "Print JSON, one object a line", 0 },
	{ 0 },
};

static bool add_wanted(struct events_options *o, const char *names)
{
	char *copy = strdup(names), *rest = copy, *name;
	bool known = true;

	while (copy && known && (name = strsep(&rest, ","))) {
		known = false;
		for (int id = 0; id < 256; id++)
			if (strcasecmp(event_name((uint8_t)id), name) == 0 &&
			    event_name((uint8_t)id)[0] != '?')
				known = o->wanted[id] = true;
	}
	o->some_wanted = true;
	free(copy);
	return known;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct events_options *o = state->input;

	switch (key) {
	case 'f':
		o->filter = text;
		return 0;
	case KEY_VIEW:
		if (!value_view(text, &o->views))
			argp_error(state, "--view %s: server, client or both", text);
		return 0;
	case KEY_EVENT:
		if (!add_wanted(o, text))
			argp_error(state,
				   "--event %s: names such as IN, OUT, RTT, REASS, PERSIST, "
				   "FLOWEND, CONNEND",
				   text);
		return 0;
	case KEY_UTC:
		o->time = TIME_UTC;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'n':
		if (!value_number(text, 1, UINT64_MAX, &o->limit))
			argp_error(state, "--limit %s: a number of events", text);
		return 0;
	case KEY_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARGS:
		o->arguments = state->argv + state->next;
		o->argument_count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which FILE or DIR?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = own_options,
	.parser = parse,
	.args_doc = "FILE|DIR...",
	.doc = "Prints black box logs, one line an event. Of a DIR, that `bbtap read` or `bbtap "
	       "record` "
	       "wrote, all log files of one view."
	       "\vA line has the time, the serial number, the event, the segment with relative "
	       "sequence "
	       "numbers as tcpdump has it, and behind the bar the endpoint's state before the "
	       "segment: "
	       "the oldest number not acknowledged (una), the next to send (max), the next "
	       "expected (rcv), "
	       "the window it may send into (wnd) and its smoothed RTT.",
};

static void print_record(struct events_options *o, struct event_view *view, bool *headline)
{
	event_view_record(view);
	if (o->some_wanted && !o->wanted[view->reader->record.event_id])
		return;
	if (o->json) {
		event_json_record(stdout, view);
	} else {
		if (*headline)
			event_text_section(stdout, view);
		*headline = false;
		event_text_record(stdout, view, o->time, o->verbose);
	}
	o->printed++;
}

static int print_file(struct events_options *o, struct event_view *view, const char *path)
{
	struct section_reader reader;
	bool wanted = true, headline = false;
	char error[512];
	int status = EXIT_DONE;
	enum section_item item;

	if (section_reader_open(&reader, path, error, sizeof(error)) < 0) {
		report_message(error);
		return EXIT_FAILED;
	}
	view->reader = &reader;
	view->path = path;
	view->view = log_path_view(path);
	while ((!o->limit || o->printed < o->limit) &&
	       (item = section_reader_next(&reader)) != SECTION_END) {
		if (item == SECTION_DAMAGED) {
			fflush(stdout);
			report_message(reader.error);
			status = EXIT_FAILED;
			break;
		}
		if (item == SECTION_HEADER) {
			event_view_section(view);
			wanted = connection_passes(o->filter ? &o->program : NULL, &reader.section);
			headline = true;
		} else if (wanted && item == SECTION_RECORD) {
			print_record(o, view, &headline);
		} else if (wanted && item == SECTION_SKIP) {
			if (o->json)
				event_json_skip(stdout, view);
			else if (!o->some_wanted)
				event_text_skip(stdout, view);
		}
	}
	section_reader_close(&reader);
	return status;
}

static int print_all(struct events_options *o)
{
	struct event_view view;
	char error[512];
	int status = EXIT_DONE;

	if (event_view_open(&view) < 0) {
		report_message("no memory");
		return EXIT_FAILED;
	}
	for (int i = 0; i < o->argument_count; i++) {
		struct log_paths paths;

		if (log_paths_find(&paths, o->arguments[i], o->views, error, sizeof(error)) < 0) {
			report_message(error);
			status = EXIT_FAILED;
			continue;
		}
		for (size_t j = 0; j < paths.count; j++)
			if (print_file(o, &view, paths.paths[j]) != EXIT_DONE)
				status = EXIT_FAILED;
		log_paths_dispose(&paths);
	}
	event_view_close(&view);
	if (fflush(stdout) != 0)
		status = EXIT_FAILED;
	return status;
}

static int run(int argc, char **argv)
{
	struct events_options o = { .views = VIEW_SERVER };
	char error[512];
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (o.filter && filter_compile(o.filter, &o.program, error, sizeof(error)) < 0) {
		report_message(error);
		return EXIT_USAGE;
	}
	status = print_all(&o);
	if (o.filter)
		pcap_freecode(&o.program);
	return status;
}

const struct command command_events = {
	.name = "events",
	.summary = "print a log, one line an event",
	.run = run,
};
