/* SPDX-License-Identifier: BSD-2-Clause */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/filter.h"
#include "capture/source_file.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/run_options.h"
#include "cli/values.h"

struct read_options {
	struct run_options run;
	const char *filter; /* -f, or joined; NULL: none */
	char *joined;	    /* the arguments in front of the files, or NULL */
	const char **files;
	size_t file_count;
};

static const struct argp_option own_options[] = {
	{ "filter", 'f', "FILTER", 0,
	  "Only packets that pass this libpcap filter; the same as FILTER in front of the files",
	  0 },
	{ 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct read_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->run;
		return 0;
	case 'f':
		o->filter = text;
		return 0;
	case ARGP_KEY_ARG:
		o->files[o->file_count++] = text;
		return 0;
	case ARGP_KEY_END:
		if (o->file_count == 0)
			argp_error(state, "which FILE? (- is standard input)");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &run_options_argp, 0, NULL, 0 }, { 0 } };

static const struct argp argp = {
	.options = own_options,
	.parser = parse,
	.args_doc = "[FILTER] FILE...",
	.doc = "Reads capture files (pcap, pcapng; also .gz, .zst and .xz; - is standard input) "
	       "and writes "
	       "the black box log of every TCP connection in them, both endpoints."
	       "\vFILTER is a libpcap expression such as \"tcp port 443\" or \"host 192.0.2.1\", "
	       "in one "
	       "argument or several. Without -f it is all arguments in front of the first that "
	       "names "
	       "a file that is there.\n\n"
	       "A file that is damaged is analysed up to the damage; the message names the place "
	       "and "
	       "the exit status is 1.",
	.children = children,
};

static bool is_file(const char *name)
{
	return strcmp(name, "-") == 0 || access(name, F_OK) == 0;
}

/*
 * The arguments in front of the first file that is there are the filter. If none is there all are
 * files, and each will be complained of. Returns false if there is no memory.
 */
static bool find_filter(struct read_options *o)
{
	size_t words = 0;

	if (o->filter)
		return true;
	while (words < o->file_count && !is_file(o->files[words]))
		words++;
	if (words == 0 || words == o->file_count)
		return true;
	o->filter = o->joined = words_join(o->files, words);
	o->files += words;
	o->file_count -= words;
	return o->joined;
}

/* A filter that is none may be a mistyped file name. */
static void complain_of_filter(const struct read_options *o, const char *error)
{
	char message[1024];

	if (!o->joined) {
		report_message(error);
		return;
	}
	snprintf(message, sizeof(message), "%s: no such file, and not a filter: %s", o->joined,
		 error);
	report_message(message);
}

static int read_files(struct read_options *o)
{
	static struct iface_table ifaces;
	struct bpf_program filter;
	struct source *source;
	struct pipeline_config config = {
		.sources = &source,
		.source_count = 1,
		.lossless = true,
		.progress = report_progress,
	};
	char error[512];
	int status;

	if (!find_filter(o)) {
		report_message("no memory");
		return EXIT_FAILED;
	}
	if (o->filter) {
		if (filter_compile(o->filter, &filter, error, sizeof(error)) < 0) {
			complain_of_filter(o, error);
			return EXIT_USAGE;
		}
		config.filter = &filter;
	}
	if (source_file_open(&source, o->files, o->file_count, &ifaces) < 0) {
		report_message("no memory");
		return EXIT_FAILED;
	}
	run_options_catch_signals();
	status = run_options_run(&o->run, &config, &ifaces);
	source_close(&source);
	if (o->filter)
		pcap_freecode(&filter);
	return status;
}

static int run(int argc, char **argv)
{
	struct read_options o = { 0 };
	const char **arguments;
	int status;

	run_options_init(&o.run);
	o.files = arguments = calloc((size_t)argc + 1, sizeof(*arguments));
	if (!arguments) {
		report_message("no memory");
		return EXIT_FAILED;
	}
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	status = run_options_load_rules(&o.run);
	if (status == EXIT_DONE)
		status = read_files(&o);
	run_options_dispose(&o.run);
	free(o.joined);
	free(arguments);
	return status;
}

const struct command command_read = {
	.name = "read",
	.summary = "write the logs of all connections in capture files",
	.run = run,
};
