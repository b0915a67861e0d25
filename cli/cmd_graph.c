/* SPDX-License-Identifier: BSD-2-Clause */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/filter.h"
#include "cli/command.h"
#include "cli/graph_draw.h"
#include "cli/graph_xplot.h"
#include "cli/report.h"
#include "cli/values.h"
#include "tcpstate/evlog.h"

#define NSEC_PER_SEC 1e9
#define SECONDS_MAX  1e9 /* of --since and --until */

struct graph_options {
	const char *filter; /* -f, or joined; NULL: none */
	char *joined;	    /* from the words in front of the files */
	const char *output, *xplot;
	uint64_t nth; /* 0: not asked */
	int from_client;
	double since_s, until_s; /* until < 0: the end */
	uint32_t width, height;
	const char **arguments;
	size_t argument_count;
};

enum { KEY_NTH = 0x100, KEY_FROM, KEY_SINCE, KEY_UNTIL, KEY_SIZE, KEY_XPLOT };

static const struct argp_option own_options[] = {
	{ "output", 'o', "FILE", 0, "Draw into FILE, .svg, .png or .pdf by its name", 0 },
	{ "xplot", KEY_XPLOT, "PREFIX", 0,
	  "Write PREFIX_tsg.xpl, _rtt.xpl, _tput.xpl and _owin.xpl for xplot", 0 },
	{ "filter", 'f', "FILTER", 0, "The same as FILTER in front of the files", 0 },
	{ "nth", KEY_NTH, "N", 0, "Of several connections that pass, the Nth by their begin", 0 },
	{ "from", KEY_FROM, "SIDE", 0,
	  "Whose data: client or server (default: who sent more of it)", 0 },
	{ "since", KEY_SINCE, "SECONDS", 0, "Begin so long after the first record", 0 },
	{ "until", KEY_UNTIL, "SECONDS", 0, "End so long after the first record", 0 },
	{ "size", KEY_SIZE, "WxH", 0, "Pixels of the image (default: 1200x1000)", 0 },
	{ 0 },
};

static bool parse_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return end != text && *end == '\0' && *seconds >= 0 && *seconds <= SECONDS_MAX;
}

static bool parse_size(const char *text, uint32_t *width, uint32_t *height)
{
	char rest;

	return sscanf(text, "%" SCNu32 "x%" SCNu32 "%c", width, height, &rest) == 2 &&
	       *width >= GRAPH_WIDTH_MIN && *width <= GRAPH_SIDE_MAX &&
	       *height >= GRAPH_HEIGHT_MIN && *height <= GRAPH_SIDE_MAX;
}

static void check(const struct graph_options *o, struct argp_state *state)
{
	if (!o->argument_count)
		argp_error(state, "which DIR or FILE?");
	if (!o->output && !o->xplot)
		argp_error(state, "where to? -o FILE.svg, FILE.png or FILE.pdf, or --xplot PREFIX");
	if (o->until_s >= 0 && o->until_s <= o->since_s)
		argp_error(state, "--until %g: not behind --since %g", o->until_s, o->since_s);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct graph_options *o = state->input;

	switch (key) {
	case 'f':
		o->filter = text;
		return 0;
	case 'o':
		if (!graph_format_known(text))
			argp_error(state, "-o %s: the name shall end in .svg, .png or .pdf", text);
		o->output = text;
		return 0;
	case KEY_XPLOT:
		o->xplot = text;
		return 0;
	case KEY_NTH:
		if (!value_number(text, 1, GRAPH_CONNECTIONS_MAX, &o->nth))
			argp_error(state, "--nth %s: a number from 1 to %d", text,
				   GRAPH_CONNECTIONS_MAX);
		return 0;
	case KEY_FROM:
		if (strcmp(text, "client") != 0 && strcmp(text, "server") != 0)
			argp_error(state, "--from %s: client or server", text);
		o->from_client = strcmp(text, "client") == 0;
		return 0;
	case KEY_SINCE:
	case KEY_UNTIL:
		if (!parse_seconds(text, key == KEY_SINCE ? &o->since_s : &o->until_s))
			argp_error(state, "--%s %s: seconds, such as 1.25",
				   key == KEY_SINCE ? "since" : "until", text);
		return 0;
	case KEY_SIZE:
		if (!parse_size(text, &o->width, &o->height))
			argp_error(state, "--size %s: WIDTHxHEIGHT, from %dx%d to %dx%d", text,
				   GRAPH_WIDTH_MIN, GRAPH_HEIGHT_MIN, GRAPH_SIDE_MAX,
				   GRAPH_SIDE_MAX);
		return 0;
	case ARGP_KEY_ARGS:
		o->arguments = (const char **)(state->argv + state->next);
		o->argument_count = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_SUCCESS:
		check(o, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = own_options,
	.parser = parse,
	.args_doc = "[FILTER] DIR|FILE...",
	.doc = "Draws one connection from black box logs, of a DIR that `bbtap read` or `bbtap "
	       "record` "
	       "wrote, or of log FILEs: sequence numbers over time, round-trip times, windows and "
	       "throughput of one direction."
	       "\vFILTER is a libpcap expression on the connection's addresses and ports. If it "
	       "takes several connections they are listed. What is sent again is coloured by its "
	       "cause. The log of the data's sender is read; where only the other end's is there, "
	       "causes, round-trip times and the congestion window are not known.",
};

static bool is_path(const char *name)
{
	return access(name, F_OK) == 0;
}

/* The arguments in front of the first that is there are the filter. False: no memory. */
static bool find_filter(struct graph_options *o)
{
	size_t words = 0;

	if (o->filter)
		return true;
	while (words < o->argument_count && !is_path(o->arguments[words]))
		words++;
	if (words == 0 || words == o->argument_count)
		return true;
	o->filter = o->joined = words_join(o->arguments, words);
	o->arguments += words;
	o->argument_count -= words;
	return o->joined;
}

/* The log files of all arguments. */
static int find_paths(const struct graph_options *o, struct log_paths *all)
{
	char error[512];

	*all = (struct log_paths){ 0 };
	for (size_t i = 0; i < o->argument_count; i++) {
		struct log_paths some;
		char **grown;

		if (strcmp(o->arguments[i], "-") == 0) {
			report_message("-: a log is read twice for a graph, standard input can't "
				       "be: give a FILE");
			return EXIT_USAGE;
		}
		if (log_paths_find(&some, o->arguments[i], VIEW_SERVER | VIEW_CLIENT, error,
				   sizeof(error)) < 0) {
			report_message(error);
			return is_path(o->arguments[i]) ? EXIT_FAILED : EXIT_USAGE;
		}
		grown = realloc(all->paths, (all->count + some.count) * sizeof(*grown));
		if (!grown) {
			log_paths_dispose(&some);
			report_message("no memory");
			return EXIT_FAILED;
		}
		all->paths = grown;
		memcpy(all->paths + all->count, some.paths, some.count * sizeof(*grown));
		all->count += some.count;
		free(some.paths);
	}
	return EXIT_DONE;
}

/* Which of those that pass; an exit status and words if that is not one. */
static int choose(const struct graph_options *o, const struct graph_finding *finding,
		  uint32_t *number)
{
	if (finding->count == 0) {
		fflush(stdout);
		fprintf(stderr,
			"bbtap: no connection %s%s%s%s: bbtap flows DIR lists those of a "
			"DIR\n",
			o->filter ? "passes the filter \"" : "is in these logs",
			o->filter ? o->filter : "", o->filter ? "\"" : "",
			finding->passed_over ? " (some sections are no black box logs)" : "");
		return EXIT_FAILED;
	}
	if (o->nth > finding->count) {
		fprintf(stderr, "bbtap: --nth %" PRIu64 ": there %s only %u\n", o->nth,
			finding->count == 1 ? "is" : "are", finding->count);
		return EXIT_USAGE;
	}
	if (o->nth || finding->count == 1) {
		*number = finding->order[o->nth ? o->nth - 1 : 0];
		return EXIT_DONE;
	}
	fprintf(stderr,
		"bbtap: %s%u connections pass, a graph shows one: choose with a filter such as "
		"\"host A and port P\", or with --nth:\n",
		finding->more ? "more than " : "", finding->count);
	graph_finding_print(stderr, finding);
	return EXIT_USAGE;
}

static void set_range(const struct graph_options *o, const struct graph_connection *connection,
		      int64_t *start_ns, int64_t *end_ns)
{
	uint64_t all_ns = connection->last_ts_ns - connection->first_ts_ns;
	int64_t margin_ns;
	double end = o->until_s >= 0 ? o->until_s * NSEC_PER_SEC : fmin((double)all_ns, 1e18);

	*start_ns = (int64_t)(o->since_s * NSEC_PER_SEC);
	*end_ns = (int64_t)end;
	/* A connection of one packet has a width too. */
	if (*end_ns - *start_ns < 1000)
		*end_ns = *start_ns + 1000000;
	/* The first and last packet shall not lie on the frame. */
	margin_ns = (*end_ns - *start_ns) / 200;
	if (o->since_s == 0)
		*start_ns -= margin_ns;
	if (o->until_s < 0)
		*end_ns += margin_ns;
}

static void put_words(const struct graph_subject *subject, const struct graph_series *series,
		      char title[256], char subtitle[512])
{
	const struct graph_connection *c = subject->connection;
	bool from_client = subject->sender == c->client;
	char from[64], to[64], start[GRAPH_TIME_MAX];
	char segments[NUMBER_TEXT_MAX], again_text[NUMBER_TEXT_MAX];
	uint64_t again = 0, all;

	graph_end_text(c, subject->sender, from);
	graph_end_text(c, !subject->sender, to);
	graph_time_text(c->first_ts_ns, start);
	for (int kind = BAR_RECOVERY; kind <= BAR_AMBIGUOUS; kind++)
		again += series->bars[kind].total;
	all = again + series->bars[BAR_NEW].total + series->bars[BAR_OUT_OF_ORDER].total;
	snprintf(title, 256, "Data from %s to %s", from, to);
	snprintf(subtitle, 512,
		 "%s, by the %s's log; the first record is of %s; shown: %s segments, %s sent "
		 "again or "
		 "as probes",
		 from_client ? "client to server" : "server to client",
		 subject->log == c->client ? "client" : "server", start, number_text(all, segments),
		 number_text(again, again_text));
}

static int draw(const struct graph_options *o, const struct graph_subject *subject,
		struct graph_series *series)
{
	const struct graph_connection *c = subject->connection;
	char title[256], subtitle[512], error[1024];
	struct graph_picture picture = {
		.path = o->output,
		.width = o->width,
		.height = o->height,
		.title = title,
		.subtitle = subtitle,
		.why_no_rtt = subject->log == subject->sender
				      ? "no RTT samples"
				      : "not known: there is no log of the sender",
		.series = series,
		.last_ns = (int64_t)fmin((double)(c->last_ts_ns - c->first_ts_ns), 1e18),
	};

	if (graph_series_finish(series) < 0) {
		report_message("no memory for the graph");
		return EXIT_FAILED;
	}
	put_words(subject, series, title, subtitle);
	if (graph_draw(&picture, error, sizeof(error)) < 0) {
		report_message(error);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int open_xplot(const struct graph_options *o, struct graph_xplot *xplot,
		      const struct graph_subject *subject, int64_t start_ns, int64_t end_ns)
{
	const struct graph_connection *c = subject->connection;
	char from[64], to[64], names[160], error[1024];

	graph_end_text(c, subject->sender, from);
	graph_end_text(c, !subject->sender, to);
	snprintf(names, sizeof(names), "%s_==>_%s", from, to);
	if (graph_xplot_open(xplot, o->xplot, names, c->first_ts_ns, start_ns, end_ns,
			     c->sent_bytes[subject->sender], error, sizeof(error)) == 0)
		return EXIT_DONE;
	report_message(error);
	return EXIT_FAILED;
}

static int make_graphs(const struct graph_options *o, const struct graph_finding *finding,
		       const struct log_paths *paths, uint32_t number)
{
	struct graph_series series;
	struct graph_xplot xplot = { 0 };
	struct graph_subject subject;
	struct graph_sink sinks[2];
	uint32_t sink_count = 0;
	int64_t start_ns, end_ns;
	char error[1024];
	int status = EXIT_DONE;

	graph_subject_choose(&subject, finding, number, o->from_client);
	set_range(o, subject.connection, &start_ns, &end_ns);
	graph_series_init(&series, start_ns, end_ns,
			  graph_columns(o->output ? o->output : "", o->width));
	if (o->output)
		sinks[sink_count++] = graph_series_sink(&series);
	if (o->xplot) {
		status = open_xplot(o, &xplot, &subject, start_ns, end_ns);
		sinks[sink_count++] = graph_xplot_sink(&xplot);
	}
	if (status == EXIT_DONE &&
	    graph_data_read(&subject, finding, paths, sinks, sink_count) < 0) {
		report_message("no memory to read the log");
		status = EXIT_FAILED;
	}
	if (graph_xplot_close(&xplot, error, sizeof(error)) < 0) {
		report_message(error);
		status = EXIT_FAILED;
	}
	if (status == EXIT_DONE && o->output)
		status = draw(o, &subject, &series);
	graph_series_dispose(&series);
	return status;
}

static int graph(const struct graph_options *o, const struct bpf_program *filter)
{
	struct graph_finding finding = { 0 };
	struct log_paths paths;
	uint32_t number = 0;
	int status = find_paths(o, &paths);

	if (status == EXIT_DONE && graph_find(&finding, &paths, filter) < 0) {
		report_message("no memory");
		status = EXIT_FAILED;
	}
	if (status == EXIT_DONE)
		status = choose(o, &finding, &number);
	if (status == EXIT_DONE)
		status = make_graphs(o, &finding, &paths, number);
	if (status == EXIT_DONE && finding.damaged)
		status = EXIT_FAILED;
	graph_finding_dispose(&finding);
	log_paths_dispose(&paths);
	return status;
}

static int run(int argc, char **argv)
{
	struct graph_options o = {
		.from_client = -1, .until_s = -1, .width = 1200, .height = 1000
	};
	struct bpf_program *filter = NULL;
	char error[1024];
	int status = EXIT_USAGE;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (!find_filter(&o)) {
		report_message("no memory");
		return EXIT_FAILED;
	}
	if (o.filter)
		filter = filter_make(o.filter, error, sizeof(error));
	if (o.filter && !filter)
		report_message(error);
	else
		status = graph(&o, filter);
	filter_free(&filter);
	free(o.joined);
	return status;
}

const struct command command_graph = {
	.name = "graph",
	.summary = "draw a connection: sequence numbers, RTT, windows, throughput",
	.run = run,
};
