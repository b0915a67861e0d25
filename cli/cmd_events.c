/* SPDX-License-Identifier: BSD-2-Clause */
#include <argp.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/connection_filter.h"
#include "cli/event_json.h"
#include "cli/event_text.h"
#include "cli/follow_client.h"
#include "cli/log_follow.h"
#include "cli/log_paths.h"
#include "cli/query_options.h"
#include "cli/report.h"
#include "cli/run_options.h"
#include "store/log_name.h"

struct events_options {
	struct query_options query;
	bool wanted[256]; /* by event id */
	bool some_wanted;
	enum time_style time;
	bool verbose, follow;
	uint64_t printed;
	const char **arguments;
	size_t argument_count;
	struct event_view view;
	/* The file that sections are read of, in a DIR with a catalogue. */
	struct section_reader reader;
	char path[PATH_MAX];
	/* Whose events were printed last, where sections are short pieces. */
	bool in_pieces;
	char headline[160];
	bool failed;
};

enum { KEY_EVENT = 0x600 };

#define FOLLOW_NS 200000000 /* between two looks */

static const struct argp_option own_options[] = {
	{ "filter", 'f', "FILTER", 0,
	  "Only connections whose addresses and ports pass this libpcap filter; the same as FILTER "
	  "in front of the files",
	  0 },
	{ "event", KEY_EVENT, "NAME,...", 0, "Only these events, e.g. RTT,REASS", 0 },
	{ "follow", 'F', NULL, 0,
	  "Print what comes from now on, until the recorder ends: the events of the running "
	  "recorder's logs as they "
	  "happen; with DIR, the logs that are handed over there",
	  0 },
	{ "verbose", 'v', NULL, 0, "Print all of the control block", 0 },
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
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->query;
		return 0;
	case 'f':
		o->query.words[o->query.word_count++] = text;
		return 0;
	case KEY_EVENT:
		if (!add_wanted(o, text))
			argp_error(state,
				   "--event %s: names such as IN, OUT, RTT, REASS, PERSIST, "
				   "FLOWEND, CONNEND",
				   text);
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'F':
		o->follow = true;
		return 0;
	case ARGP_KEY_ARG:
		o->arguments[o->argument_count++] = text;
		return 0;
	case ARGP_KEY_END:
		if (o->argument_count == 0 && !o->follow)
			argp_error(state, "which FILE or DIR?");
		if (o->query.csv)
			argp_error(state,
				   "--csv: events differ too much for a table; there is --json");
		if (o->query.query.rule || o->query.query.state >= 0)
			argp_error(state,
				   "--rule and --state are of connections, not of their logs");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &query_options_argp, 0, NULL, 0 }, { 0 } };

static const struct argp argp = {
	.options = own_options,
	.parser = parse,
	.args_doc = "[FILTER] FILE|DIR...\n--follow [FILTER] [DIR]",
	.doc = "Prints black box logs, one line an event. Of a DIR, that `bbtap read` or `bbtap "
	       "record` "
	       "wrote, all log files of one view."
	       "\vA line has the time, the serial number, the event, the segment with relative "
	       "sequence "
	       "numbers as tcpdump has it, and behind the bar the endpoint's state before the "
	       "segment: "
	       "the oldest number not acknowledged (una), the next to send (max), the next "
	       "expected (rcv), "
	       "the window it may send into (wnd) and its smoothed RTT.\n\n"
	       "--limit is a number of events; --sort orders the logs of a DIR, not the events in "
	       "one.",
	.children = children,
};

static bool is_enough(const struct events_options *o)
{
	return o->query.query.limit && o->printed >= o->query.query.limit;
}

/* Of one log, that comes in pieces, one headline is enough. */
static bool is_another(struct events_options *o)
{
	char headline[sizeof(o->headline)];
	bool another;

	snprintf(headline, sizeof(headline), "%s %s %s", o->view.local, o->view.foreign,
		 o->view.view ? o->view.view : "");
	another = !o->in_pieces || strcmp(headline, o->headline) != 0;
	strcpy(o->headline, headline);
	return another;
}

static void print_record(struct events_options *o, bool *headline)
{
	struct event_view *view = &o->view;

	event_view_record(view);
	if ((o->some_wanted && !o->wanted[view->reader->record.event_id]) ||
	    view->ts_ns < o->query.query.since_ns || view->ts_ns > o->query.query.until_ns)
		return;
	if (o->query.json) {
		event_json_record(stdout, view);
	} else {
		if (*headline && is_another(o))
			event_text_section(stdout, view);
		*headline = false;
		event_text_record(stdout, view, o->time, o->verbose);
	}
	o->printed++;
}

static void print_skip(const struct events_options *o)
{
	if (o->query.json)
		event_json_skip(stdout, &o->view);
	else if (!o->some_wanted)
		event_text_skip(stdout, &o->view);
}

static bool matches(const char *pattern, const char *text)
{
	return !pattern || fnmatch(pattern, text, 0) == 0;
}

static bool is_wanted(const struct events_options *o, const struct bblog_section *section)
{
	const struct query *query = &o->query.query;

	return connection_passes(query->filter, section) && matches(query->id, section->id) &&
	       matches(query->tag, section->tag) && matches(query->reason, section->reason);
}

/* The items of the section whose header was read, up to the next one's. */
static enum section_item print_section(struct events_options *o, struct section_reader *reader)
{
	bool wanted = is_wanted(o, &reader->section), headline = true;
	enum section_item item = SECTION_END;

	event_view_section(&o->view);
	while (!is_enough(o)) {
		item = section_reader_next(reader);
		if (item == SECTION_RECORD && wanted)
			print_record(o, &headline);
		else if (item == SECTION_SKIP && wanted)
			print_skip(o);
		else if (item != SECTION_RECORD && item != SECTION_SKIP)
			break;
	}
	return item;
}

static void complain_of_damage(struct events_options *o, const struct section_reader *reader)
{
	fflush(stdout);
	report_message(reader->error);
	o->failed = true;
}

static void print_file(struct events_options *o, const char *path)
{
	struct section_reader reader;
	char error[512];
	enum section_item item;

	if (section_reader_open(&reader, path, error, sizeof(error)) < 0) {
		report_message(error);
		o->failed = true;
		return;
	}
	o->view.reader = &reader;
	o->view.path = path;
	o->view.view = log_path_view(path);
	item = section_reader_next(&reader);
	while (item == SECTION_HEADER && !is_enough(o))
		item = print_section(o, &reader);
	if (item == SECTION_DAMAGED)
		complain_of_damage(o, &reader);
	section_reader_close(&reader);
}

static bool open_at(struct events_options *o, const char *path, uint64_t offset_bytes)
{
	char error[512];

	/* On in the same file, if the section is in front. */
	if (o->reader.private && strcmp(o->path, path) == 0 &&
	    section_reader_seek(&o->reader, offset_bytes) == 0)
		return true;
	section_reader_close(&o->reader);
	snprintf(o->path, sizeof(o->path), "%s", path);
	if (section_reader_open(&o->reader, o->path, error, sizeof(error)) < 0) {
		report_message(error);
		return false;
	}
	return section_reader_seek(&o->reader, offset_bytes) == 0;
}

static bool on_section(void *context, const struct query_file *file, const struct section_row *row)
{
	struct events_options *o = context;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 600, o->query.query.dir, file->path);
	if (!open_at(o, path, row->offset_bytes) ||
	    section_reader_next(&o->reader) != SECTION_HEADER) {
		o->failed = true;
		return true;
	}
	o->view.reader = &o->reader;
	o->view.path = o->path;
	o->view.view = log_path_view(o->path);
	if (print_section(o, &o->reader) == SECTION_DAMAGED)
		complain_of_damage(o, &o->reader);
	return !is_enough(o);
}

/* By the catalogue: only the sections that are asked for are read. */
static void print_dir(struct events_options *o, const char *dir)
{
	struct query query = o->query.query;
	char error[512];

	query.dir = o->query.query.dir = dir;
	query.limit = 0; /* of events, not of sections */
	if (query_sections(&query, on_section, o, error, sizeof(error)) < 0) {
		report_message(error);
		o->failed = true;
	}
	section_reader_close(&o->reader);
}

static bool has_catalogue(const char *path)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s/catalog", PATH_MAX - 16, path);
	return access(folder, F_OK) == 0;
}

/* Whether something is asked for that the catalogue knows better than the files in their order. */
static bool asks_catalogue(const struct events_options *o)
{
	const struct query *query = &o->query.query;

	return query->filter || query->id || query->tag || query->reason || query->since_ns ||
	       query->until_ns != UINT64_MAX || o->query.sort_given;
}

static void print_argument(struct events_options *o, const char *argument)
{
	struct log_paths paths;
	char error[512];

	if (asks_catalogue(o) && has_catalogue(argument)) {
		print_dir(o, argument);
		return;
	}
	if (log_paths_find(&paths, argument, o->query.query.views, error, sizeof(error)) < 0) {
		report_message(error);
		o->failed = true;
		return;
	}
	for (size_t i = 0; i < paths.count && !is_enough(o); i++)
		print_file(o, paths.paths[i]);
	log_paths_dispose(&paths);
}

static bool is_file(const char *name)
{
	return strcmp(name, "-") == 0 || access(name, F_OK) == 0;
}

/* The arguments that are not there are the filter; if none is there, all are files, and each is complained of. */
static void find_filter(struct events_options *o)
{
	size_t files = 0;

	for (size_t i = 0; i < o->argument_count; i++)
		files += is_file(o->arguments[i]);
	if (files == 0)
		return;
	files = 0;
	for (size_t i = 0; i < o->argument_count; i++)
		if (is_file(o->arguments[i]))
			o->arguments[files++] = o->arguments[i];
		else
			o->query.words[o->query.word_count++] = o->arguments[i];
	o->argument_count = files;
}

/* Once more, as it has grown; it may be complete by now, and have lost its ".part". */
static bool open_again(struct events_options *o, const char *path, uint64_t offset_bytes)
{
	size_t length = strlen(path), part = strlen(LOG_NAME_PART);
	char error[512];

	section_reader_close(&o->reader);
	snprintf(o->path, sizeof(o->path), "%s", path);
	if (section_reader_open(&o->reader, o->path, error, sizeof(error)) == 0)
		return section_reader_seek(&o->reader, offset_bytes) == 0;
	if (length <= part || strcmp(path + length - part, LOG_NAME_PART) != 0)
		return false;
	o->path[length - part] = '\0';
	return section_reader_open(&o->reader, o->path, error, sizeof(error)) == 0 &&
	       section_reader_seek(&o->reader, offset_bytes) == 0;
}

static bool on_new_section(void *context, const char *path, uint64_t offset_bytes)
{
	struct events_options *o = context;

	if (!open_again(o, path, offset_bytes) || section_reader_next(&o->reader) != SECTION_HEADER)
		return true; /* removed in the meantime */
	o->view.reader = &o->reader;
	o->view.path = o->path;
	o->view.view = log_path_view(o->path);
	print_section(o, &o->reader);
	fflush(stdout);
	return !is_enough(o) && !ferror(stdout);
}

/* Until the recorder ends, or enough is printed, or a signal comes. */
static void follow_dir(struct events_options *o)
{
	struct log_follow *follow = log_follow_open(o->query.query.dir, o->query.query.views);
	char error[512];
	bool written = true;

	if (!follow) {
		report_message("no memory");
		o->failed = true;
		return;
	}
	run_options_catch_signals();
	while (!run_stop && !is_enough(o) && !ferror(stdout) && !o->failed) {
		/* Asked in front of the look: what it wrote at last is seen. */
		bool was_written = log_follow_is_written(follow);

		if (log_follow_look(follow, on_new_section, o, error, sizeof(error)) < 0) {
			report_message(error);
			o->failed = true;
		}
		written = was_written;
		if (!written)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = FOLLOW_NS }, NULL);
	}
	if (!written)
		report_message("no recorder writes there any more");
	section_reader_close(&o->reader);
	log_follow_close(&follow);
}

static void print_piece(void *context, const char *view, const char *path)
{
	struct events_options *o = context;
	struct section_reader reader;
	char error[512];

	if (!(o->query.query.views & (strcmp(view, "client") == 0 ? VIEW_CLIENT : VIEW_SERVER)) ||
	    is_enough(o))
		return;
	if (section_reader_open(&reader, path, error, sizeof(error)) < 0) {
		report_message(error);
		o->failed = true;
		return;
	}
	o->view.reader = &reader;
	o->view.path = "-";
	o->view.view = view;
	if (section_reader_next(&reader) == SECTION_HEADER)
		print_section(o, &reader);
	section_reader_close(&reader);
}

static json_t *conditions_of(const struct events_options *o)
{
	json_t *request = json_object();

	if (o->query.filter)
		json_object_set_new(request, "filter", json_string(o->query.filter));
	if (o->query.query.id)
		json_object_set_new(request, "id", json_string(o->query.query.id));
	if (o->query.query.tag)
		json_object_set_new(request, "tag", json_string(o->query.query.tag));
	return request;
}

static void tell_missed(uint64_t missed)
{
	char message[128];

	if (missed == 0)
		return;
	snprintf(message, sizeof(message),
		 "%llu logs were too much to be shown: ask for fewer connections",
		 (unsigned long long)missed);
	report_message(message);
}

/* Each event of the running recorder's logs, until it ends, or enough is printed, or a signal comes. */
static void follow_recorder(struct events_options *o)
{
	struct follow_client *client;
	char error[512];
	int result = follow_client_open(&client, o->query.socket, conditions_of(o), error,
					sizeof(error));

	o->in_pieces = true;
	/* The recorder asks it: it knows who the client is. */
	o->query.query.filter = NULL;
	if (result == 0)
		run_options_catch_signals();
	while (result == 0 && !run_stop && !is_enough(o) && !ferror(stdout) && !o->failed) {
		uint64_t missed = 0;

		result = follow_client_ask(client, print_piece, o, &missed, error, sizeof(error));
		tell_missed(missed);
		fflush(stdout);
		if (result == 0)
			nanosleep(&(struct timespec){ .tv_nsec = FOLLOW_NS }, NULL);
	}
	if (result < 0 && !run_stop) {
		report_message(error);
		o->failed = client == NULL || result != -EPIPE;
	}
	follow_client_close(&client);
}

static int print_all(struct events_options *o)
{
	static const enum time_style styles[] = { [SHOW_LOCAL] = STYLE_LOCAL,
						  [SHOW_UTC] = STYLE_UTC,
						  [SHOW_RELATIVE] = STYLE_RELATIVE,
						  [SHOW_DELTA] = STYLE_DELTA };
	int status;

	if (o->follow)
		for (size_t i = 0; i < o->argument_count; i++)
			query_options_argument(&o->query, o->arguments[i]);
	else
		find_filter(o);
	status = query_options_finish(&o->query);
	if (status != EXIT_DONE)
		return status;
	if (o->follow && !o->query.query.dir && o->query.query.reason) {
		report_message("--reason is of logs that were written: name a DIR with --follow");
		return EXIT_USAGE;
	}
	if (!o->query.view_given)
		o->query.query.views = VIEW_SERVER;
	o->time = o->query.show_given		     ? styles[o->query.show]
		  : o->follow && !o->query.query.dir ? STYLE_LOCAL
						     : STYLE_RELATIVE;
	if (event_view_open(&o->view) < 0) {
		report_message("no memory");
		return EXIT_FAILED;
	}
	if (o->follow && o->query.query.dir)
		follow_dir(o);
	else if (o->follow)
		follow_recorder(o);
	for (size_t i = 0; !o->follow && i < o->argument_count && !is_enough(o); i++)
		print_argument(o, o->arguments[i]);
	event_view_close(&o->view);
	return fflush(stdout) == 0 && !o->failed ? EXIT_DONE : EXIT_FAILED;
}

static int run(int argc, char **argv)
{
	struct events_options *o = calloc(1, sizeof(*o));
	const char **arguments = calloc((size_t)argc + 1, sizeof(*arguments));
	int status = EXIT_FAILED;

	if (o && arguments && query_options_init(&o->query, argc)) {
		o->arguments = arguments;
		argp_parse(&argp, argc, argv, 0, NULL, o);
		status = print_all(o);
	} else {
		report_message("no memory");
	}
	if (o)
		query_options_dispose(&o->query);
	free(arguments);
	free(o);
	return status;
}

const struct command command_events = {
	.name = "events",
	.summary = "print a log, one line an event",
	.run = run,
};
