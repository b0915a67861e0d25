/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/log_paths.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tcpstate/evlog.h"

const char *log_path_view(const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name : path;
	if (strstr(name, ".client."))
		return "client";
	if (strstr(name, ".server."))
		return "server";
	return NULL;
}

static int add(struct log_paths *paths, const char *path)
{
	char **grown = realloc(paths->paths, (paths->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	paths->paths = grown;
	paths->paths[paths->count] = strdup(path);
	return paths->paths[paths->count] ? (paths->count++, 0) : -ENOMEM;
}

/* "<id>_<port>_<address>_<port>.<n>.pcapng", maybe with ".xz": what FreeBSD's tcplog_dumper writes. */
static bool is_freebsds(const char *name)
{
	const char *ports = strrchr(name, '_');
	unsigned int port, number;
	int length = 0;

	if (!ports || sscanf(ports, "_%5u.%9u.pcapng%n", &port, &number, &length) != 2 || !length)
		return false;
	return !ports[length] || strcmp(ports + length, ".xz") == 0;
}

/* A log that FreeBSD wrote has no view: it is that of the host. */
static bool is_wanted(const FTSENT *entry, uint8_t views)
{
	const char *view = log_path_view(entry->fts_name);

	if (entry->fts_info != FTS_F)
		return false;
	if (!view)
		return is_freebsds(entry->fts_name);
	if (!strstr(entry->fts_name, ".pcapng"))
		return false;
	return views & (strcmp(view, "client") == 0 ? VIEW_CLIENT : VIEW_SERVER);
}

/* Numbers in names by what they are worth: the tenth file comes behind the ninth. */
static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strverscmp((*a)->fts_name, (*b)->fts_name);
}

static int find_below(struct log_paths *out, const char *dir, uint8_t views)
{
	char *roots[] = { (char *)dir, NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *entry;
	int result = 0;

	if (!tree)
		return -errno;
	while (result == 0 && (entry = fts_read(tree))) {
		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
			result = -entry->fts_errno;
		else if (is_wanted(entry, views))
			result = add(out, entry->fts_path);
	}
	fts_close(tree);
	return result;
}

int log_paths_find(struct log_paths *out, const char *argument, uint8_t views, char *error,
		   size_t error_bytes)
{
	struct stat status;
	char logs[4096];
	int result;

	*out = (struct log_paths){ 0 };
	if (strcmp(argument, "-") != 0 && stat(argument, &status) < 0) {
		result = -errno;
		snprintf(error, error_bytes, "%s: %s", argument, strerror(errno));
		return result;
	}
	if (strcmp(argument, "-") == 0 || !S_ISDIR(status.st_mode)) {
		result = add(out, argument);
	} else {
		snprintf(logs, sizeof(logs), "%s/logs", argument);
		result = find_below(out, stat(logs, &status) == 0 ? logs : argument, views);
	}
	if (result == 0 && out->count == 0)
		result = -ENOENT;
	if (result < 0) {
		snprintf(error, error_bytes, "%s: %s", argument,
			 result == -ENOENT ? "no log files below it" : strerror(-result));
		log_paths_dispose(out);
	}
	return result;
}

void log_paths_dispose(struct log_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->paths[i]);
	free(paths->paths);
	*paths = (struct log_paths){ 0 };
}
