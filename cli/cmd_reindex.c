/* SPDX-License-Identifier: BSD-2-Clause */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/report.h"
#include "cli/values.h"
#include "store/catalog.h"
#include "store/repair.h"

struct reindex_options {
	const char *dir;
	bool changed_only;
};

static const struct argp_option options[] = {
	{ "changed", 'c', NULL, 0,
	  "Only what differs from the files, as a recorder does when it starts (default: all, from "
	  "nothing)",
	  0 },
	{ 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct reindex_options *o = state->input;

	switch (key) {
	case 'c':
		o->changed_only = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->dir)
			argp_error(state, "%s: one DIR", text);
		o->dir = text;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which DIR?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DIR",
	.doc = "Mends the files below DIR after a crash (what is torn is cut away, what was open "
	       "gets its name) and makes "
	       "the catalogue from them anew. No recorder may write there at the time.",
};

static void say(void *context, const char *words)
{
	(void)context;
	puts(words);
}

/* Two would undo each other's work. Returns a descriptor, or a negative errno after a message. */
static int lock_dir(const char *dir)
{
	char path[PATH_MAX], message[PATH_MAX + 128];
	int fd, result;

	snprintf(path, sizeof(path), "%.*s/.lock", PATH_MAX - 16, dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	result = -errno;
	snprintf(message, sizeof(message), "%s: %s", dir,
		 result == -EWOULDBLOCK ? "another bbtap writes there; end it first"
					: strerror(-result));
	report_message(message);
	if (fd >= 0)
		close(fd);
	return result;
}

static int reindex(const struct reindex_options *o)
{
	struct repair_counts mended;
	struct catalog_sync_counts counts = { 0 };
	struct catalog *catalog;
	char error[512], a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX], c[NUMBER_TEXT_MAX],
		d[NUMBER_TEXT_MAX];
	int fd = lock_dir(o->dir), result;

	if (fd < 0)
		return EXIT_FAILED;
	result = repair(o->dir, !o->changed_only, say, NULL, &mended, error, sizeof(error));
	if (result == 0)
		result = catalog_open(&catalog, o->dir, error, sizeof(error));
	if (result == 0) {
		result = catalog_sync(catalog, !o->changed_only, say, NULL, &counts, error,
				      sizeof(error));
		while (result == 0 && catalog_close_hours(catalog, UINT64_MAX) > 0)
			continue;
		catalog_close(&catalog);
	}
	close(fd);
	if (result < 0) {
		report_message(error);
		return EXIT_FAILED;
	}
	printf("%s hours: %s files read, %s sections, %s connections\n",
	       number_text(counts.hours, a), number_text(counts.files, b),
	       number_text(counts.sections, c), number_text(counts.flows, d));
	if (mended.failed) {
		snprintf(error, sizeof(error), "%llu files could not be mended",
			 (unsigned long long)mended.failed);
		report_message(error);
	}
	return mended.failed ? EXIT_FAILED : EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct reindex_options o = { 0 };

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	return reindex(&o);
}

const struct command command_reindex = {
	.name = "reindex",
	.summary = "mend the files after a crash, and make the catalogue anew",
	.run = run,
};
