/* SPDX-License-Identifier: BSD-2-Clause */
/* log_paths.h - the log files that a FILE or DIR argument means. */
#ifndef BBTAP_CLI_LOG_PATHS_H
#define BBTAP_CLI_LOG_PATHS_H

#include <stddef.h>
#include <stdint.h>

struct log_paths {
	char **paths;
	size_t count;
};

/*
 * A file is itself. Of a directory, the log files below DIR/logs in the order of their names, those of
 * the views (enum view); files that are still open (.part) too; and those of FreeBSD's tcplog_dumper,
 * which have no view, below DIR/logs or, without it, DIR. 0, or a negative errno with the words in
 * error.
 */
int log_paths_find(struct log_paths *out, const char *argument, uint8_t views, char *error,
		   size_t error_bytes);
void log_paths_dispose(struct log_paths *paths);

/* "client", "server", or NULL if the name of the file does not tell. */
const char *log_path_view(const char *path);

#endif
