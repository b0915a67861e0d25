/* SPDX-License-Identifier: BSD-2-Clause */
/* query_options.h - the words in which flows, files, events and export are asked. */
#ifndef BBTAP_CLI_QUERY_OPTIONS_H
#define BBTAP_CLI_QUERY_OPTIONS_H

#include <argp.h>
#include <stdbool.h>

#include "cli/time_text.h"
#include "store/query.h"

struct query_options {
	struct query query; /* dir: NULL if none was named */
	const char *socket; /* of the recorder; NULL: the usual one */
	const char *state_name;
	enum time_show show;
	bool show_given;
	bool json, csv;
	bool view_given, sort_given;
	char *filter; /* in memory of its own, or NULL */
	struct bpf_program *program;
	const char **words; /* of the filter, in front of it being joined */
	size_t word_count;
};

/* For struct argp's children; its input is a struct query_options. Arguments are the command's own. */
extern const struct argp query_options_argp;

/* argc bounds the number of words. False: no memory. */
bool query_options_init(struct query_options *options, int argc);
void query_options_dispose(struct query_options *options);

/* An argument: DIR if it is a folder and none was named, else a word of the filter. */
void query_options_argument(struct query_options *options, const char *text);

/* Makes the filter of what was given. Returns enum exit_status, after a message. */
int query_options_finish(struct query_options *options);

/*
 * If no DIR was named, that of the running recorder is asked for, into `room` bytes at dir. Returns enum
 * exit_status, after a message.
 */
int query_options_find_dir(struct query_options *options, char *dir, size_t room);

/* For struct query's tell: what a query has to say. */
void query_options_tell(void *context, const char *words);

/* A field of a CSV line, quoted if it must be (RFC 4180), behind a comma unless it is the first. */
void csv_text(const char *text, bool first);
void csv_number(uint64_t number, bool first);

#endif
