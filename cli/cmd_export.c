/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/export_source.h"
#include "cli/query_options.h"
#include "cli/report.h"
#include "cli/values.h"
#include "store/freebsd_export.h"

struct export_options {
	struct query_options query;
	const char *output, *freebsd, *linktype_name;
	uint16_t linktype; /* of the first section; the others must have it too */
	bool mixed, some;
	bool views[2];
	uint64_t sections, bytes; /* to be copied */
	uint64_t done_sections, done_bytes;
	int fd;
	struct freebsd_export *to_freebsd;
	struct export_source source;
	time_t shown;
	bool failed;
	char error[512];
};

enum { KEY_FREEBSD = 0x600, KEY_LINKTYPE };

static const struct argp_option options[] = {
	{ "output", 'o', "OUT.pcapng", 0, "Write one file; - is standard output", 0 },
	{ "freebsd", KEY_FREEBSD, "OUTDIR", 0,
	  "Write files into OUTDIR as FreeBSD's tcplog_dumper does, for bbparse and read_bbrlog",
	  0 },
	{ "linktype", KEY_LINKTYPE, "NAME", 0,
	  "Only logs of this link type, as in the names of files: ethernet, sll, ipv4 ...", 0 },
	{ 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct export_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->query;
		return 0;
	case 'o':
		o->output = text;
		return 0;
	case KEY_FREEBSD:
		o->freebsd = text;
		return 0;
	case KEY_LINKTYPE:
		o->linktype_name = text;
		return 0;
	case ARGP_KEY_ARG:
		query_options_argument(&o->query, text);
		return 0;
	case ARGP_KEY_END:
		if (!o->output == !o->freebsd)
			argp_error(state, "where to? -o OUT.pcapng, or --freebsd OUTDIR");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &query_options_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[DIR] [FILTER] -o OUT.pcapng",
	.doc = "Copies logs out of DIR (or of the running recorder's) into one file, in the order "
	       "of their first events."
	       "\vFILTER is a libpcap expression on the addresses and ports of connections. The "
	       "logs of the server's side are "
	       "taken unless --view says otherwise: with both, each packet would be in the file "
	       "twice.",
	.children = children,
};

static bool has_linktype(const struct export_options *o, uint16_t linktype)
{
	char suffix[LINKTYPE_SUFFIX_MAX];

	if (!o->linktype_name)
		return true;
	log_name_linktype_suffix(linktype, suffix);
	return strcmp(*suffix ? suffix + 1 : "ethernet", o->linktype_name) == 0;
}

static bool count_section(void *context, const struct query_file *file,
			  const struct section_row *row)
{
	struct export_options *o = context;

	if (!has_linktype(o, file->name.linktype))
		return true;
	if (o->some && o->linktype != file->name.linktype)
		o->mixed = true;
	o->linktype = file->name.linktype;
	o->some = true;
	o->views[file->name.side] = true;
	o->sections++;
	o->bytes += row->length_bytes;
	return true;
}

static void show_progress(struct export_options *o)
{
	struct timespec now;
	char a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX];
	int percent, filled;

	if (!isatty(STDERR_FILENO))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec == o->shown)
		return;
	o->shown = now.tv_sec;
	percent = o->bytes ? (int)(o->done_bytes * 100 / o->bytes) : 100;
	filled = percent * 30 / 100;
	fprintf(stderr, "\r[%.*s%.*s] %3d%%  %s of %s", filled, "##############################",
		30 - filled, "                              ", percent,
		bytes_text(o->done_bytes, a), bytes_text(o->bytes, b));
}

static bool write_piece(void *context, const uint8_t *bytes, size_t count)
{
	struct export_options *o = context;

	while (count) {
		ssize_t written = write(o->fd, bytes, count);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			snprintf(o->error, sizeof(o->error), "%.300s: %s", o->output,
				 strerror(written < 0 ? errno : ENOSPC));
			return false;
		}
		bytes += written;
		count -= (size_t)written;
		o->done_bytes += (uint64_t)written;
	}
	return true;
}

static bool copy_section(void *context, const struct query_file *file,
			 const struct section_row *row)
{
	struct export_options *o = context;

	if (!has_linktype(o, file->name.linktype))
		return true;
	if (o->to_freebsd ? !export_source_records(&o->source, file, row, o->to_freebsd, o->error,
						   sizeof(o->error))
			  : !export_source_bytes(&o->source, file, row, write_piece, o, o->error,
						 sizeof(o->error))) {
		o->failed = true;
		return false;
	}
	if (o->to_freebsd)
		o->done_bytes += row->length_bytes;
	o->done_sections++;
	show_progress(o);
	return true;
}

static int copy(struct export_options *o)
{
	int result;

	export_source_open(&o->source, o->query.query.dir);
	result = query_sections(&o->query.query, copy_section, o, o->error, sizeof(o->error));
	export_source_close(&o->source);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	return result < 0 || o->failed ? -1 : 0;
}

/* Into OUT.part, which gets its name when it is whole. */
static int write_file(struct export_options *o)
{
	bool to_stdout = strcmp(o->output, "-") == 0;
	char part[PATH_MAX];
	int result;

	snprintf(part, sizeof(part), "%.*s.part", PATH_MAX - 8, o->output);
	o->fd = to_stdout ? STDOUT_FILENO
			  : open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (o->fd < 0) {
		snprintf(o->error, sizeof(o->error), "%.300s: %s", part, strerror(errno));
		return -1;
	}
	result = copy(o);
	if (to_stdout)
		return result;
	if (result == 0 && (fsync(o->fd) < 0 || rename(part, o->output) < 0)) {
		snprintf(o->error, sizeof(o->error), "%.300s: %s", o->output, strerror(errno));
		result = -1;
	}
	close(o->fd);
	if (result < 0)
		unlink(part);
	return result;
}

static int write_freebsd(struct export_options *o)
{
	int result = freebsd_export_open(&o->to_freebsd, o->freebsd, o->error, sizeof(o->error));

	if (result < 0)
		return -1;
	result = copy(o);
	if (freebsd_export_close(&o->to_freebsd) < 0 && result == 0) {
		snprintf(o->error, sizeof(o->error), "%.300s: not everything could be written",
			 o->freebsd);
		result = -1;
	}
	return result;
}

static int count_all(struct export_options *o)
{
	if (query_sections(&o->query.query, count_section, o, o->error, sizeof(o->error)) < 0) {
		report_message(o->error);
		return EXIT_FAILED;
	}
	if (!o->some) {
		report_message("there is no such log");
		return EXIT_FAILED;
	}
	if (o->mixed && !o->freebsd) {
		report_message("these logs have several link types, and most programs read files "
			       "of one only: choose "
			       "with --linktype; `bbtap files` shows them in the names");
		return EXIT_FAILED;
	}
	if (o->views[0] && o->views[1] && !o->freebsd)
		report_message("both sides' logs in one file: each packet is in it twice, and "
			       "Wireshark will take one for a "
			       "retransmission");
	return EXIT_DONE;
}

static int export_all(struct export_options *o)
{
	char dir[PATH_MAX], a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX];
	int status = query_options_finish(&o->query);

	if (status == EXIT_DONE)
		status = query_options_find_dir(&o->query, dir, sizeof(dir));
	if (!o->query.view_given && !o->freebsd)
		o->query.query.views = VIEW_SERVER;
	if (status == EXIT_DONE)
		status = count_all(o);
	if (status != EXIT_DONE)
		return status;
	if ((o->freebsd ? write_freebsd(o) : write_file(o)) < 0) {
		report_message(o->error);
		return EXIT_FAILED;
	}
	fprintf(stderr, "bbtap: %s section%s, %s\n", number_text(o->done_sections, a),
		o->done_sections == 1 ? "" : "s", bytes_text(o->done_bytes, b));
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct export_options *o = calloc(1, sizeof(*o));
	int status = EXIT_FAILED;

	if (o && query_options_init(&o->query, argc)) {
		argp_parse(&argp, argc, argv, 0, NULL, o);
		status = export_all(o);
	}
	if (o)
		query_options_dispose(&o->query);
	free(o);
	return status;
}

const struct command command_export = {
	.name = "export",
	.summary = "copy logs into one file, or as FreeBSD writes them",
	.run = run,
};
