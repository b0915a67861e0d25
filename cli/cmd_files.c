/* SPDX-License-Identifier: BSD-2-Clause */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/event_view.h"
#include "cli/query_options.h"
#include "cli/report.h"
#include "cli/values.h"

struct files_options {
	struct query_options query;
	uint64_t files, sections, records, bytes, skipped;
	uint64_t first_ns, before_ns;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct files_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->query;
		return 0;
	case ARGP_KEY_ARG:
		query_options_argument(&o->query, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &query_options_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
	.parser = parse,
	.args_doc = "[DIR] [FILTER]",
	.doc = "Lists the log files below DIR; without DIR, those of the running recorder. With "
	       "conditions, those that "
	       "have a log that meets them."
	       "\vFILTER is a libpcap expression on the addresses and ports of connections.",
	.children = children,
};

static const char *state_of(const struct query_file *file)
{
	return file->name.part ? "open" : file->name.compressed ? "zst" : "";
}

static void print_json(const struct query_file *file)
{
	char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX], tag[LOG_TAG_MAX];
	json_t *object;

	time_text_put(SHOW_UTC, file->first_ns, 0, 0, first);
	time_text_put(SHOW_UTC, file->last_ns, 0, 0, last);
	plain_text(file->name.tag, tag, sizeof(tag));
	object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:b}", "path",
			   file->path, "tag", tag, "view",
			   file->name.side == SIDE_CLIENT ? "client" : "server", "first", first,
			   "last", last, "bytes", (json_int_t)file->bytes, "sections",
			   (json_int_t)file->sections, "records", (json_int_t)file->records,
			   "skipped", (json_int_t)file->skipped, "open", (int)file->name.part,
			   "compressed", (int)file->name.compressed);
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static void print_csv(const struct query_file *file)
{
	char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX], tag[LOG_TAG_MAX];

	time_text_put(SHOW_UTC, file->first_ns, 0, 0, first);
	time_text_put(SHOW_UTC, file->last_ns, 0, 0, last);
	plain_text(file->name.tag, tag, sizeof(tag));
	csv_text(file->path, true);
	csv_text(tag, false);
	csv_text(file->name.side == SIDE_CLIENT ? "client" : "server", false);
	csv_text(first, false);
	csv_text(last, false);
	csv_number(file->bytes, false);
	csv_number(file->sections, false);
	csv_number(file->records, false);
	csv_number(file->skipped, false);
	csv_text(state_of(file), false);
	putchar('\n');
}

static void print_row(struct files_options *o, const struct query_file *file)
{
	char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX], a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX],
		c[NUMBER_TEXT_MAX];

	if (!o->files)
		o->first_ns = file->first_ns;
	time_text_put(o->query.show, file->first_ns, o->first_ns, o->before_ns, first);
	time_text_put(o->query.show, file->last_ns, o->first_ns, o->before_ns, last);
	o->before_ns = file->first_ns;
	printf("%26s  %26s  %10s  %12s  %9s  %-4s  %s\n", first, last,
	       number_text(file->sections, a), number_text(file->records, b),
	       bytes_text(file->bytes, c), state_of(file), file->path);
}

static bool take_file(void *context, const struct query_file *file)
{
	struct files_options *o = context;

	if (o->query.json)
		print_json(file);
	else if (o->query.csv)
		print_csv(file);
	else
		print_row(o, file);
	o->files++;
	o->sections += file->sections;
	o->records += file->records;
	o->skipped += file->skipped;
	o->bytes += file->bytes;
	return true;
}

static void print_titles(const struct files_options *o)
{
	char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];

	if (o->query.json)
		return;
	if (o->query.csv) {
		puts("path,tag,view,first_utc,last_utc,bytes,sections,records,skipped,state");
		return;
	}
	time_text_heading(o->query.show, "FIRST", first);
	time_text_heading(o->query.show, "LAST", last);
	printf("%-26s  %-26s  %10s  %12s  %9s  %-4s  %s\n", first, last, "SECTIONS", "RECORDS",
	       "SIZE", "", "FILE");
}

static int list(struct files_options *o)
{
	char error[512], dir[PATH_MAX], a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX], c[NUMBER_TEXT_MAX],
		d[NUMBER_TEXT_MAX];
	int status = query_options_finish(&o->query);

	if (status == EXIT_DONE)
		status = query_options_find_dir(&o->query, dir, sizeof(dir));
	if (status != EXIT_DONE)
		return status;
	print_titles(o);
	if (query_files(&o->query.query, take_file, o, error, sizeof(error)) < 0) {
		report_message(error);
		status = EXIT_FAILED;
	}
	if (!o->query.json && !o->query.csv)
		printf("%s files, %s sections, %s records, %s\n", number_text(o->files, a),
		       number_text(o->sections, b), number_text(o->records, c),
		       bytes_text(o->bytes, d));
	return fflush(stdout) == 0 ? status : EXIT_FAILED;
}

static int run(int argc, char **argv)
{
	struct files_options o = { 0 };
	int status = EXIT_FAILED;

	if (query_options_init(&o.query, argc)) {
		argp_parse(&argp, argc, argv, 0, NULL, &o);
		status = list(&o);
	}
	query_options_dispose(&o.query);
	return status;
}

const struct command command_files = {
	.name = "files",
	.summary = "list log files, and find those with certain connections",
	.run = run,
};
