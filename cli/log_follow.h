/* SPDX-License-Identifier: BSD-2-Clause */
/* log_follow.h - the sections that come to the log files below DIR while a recorder writes there. */
#ifndef BBTAP_CLI_LOG_FOLLOW_H
#define BBTAP_CLI_LOG_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_follow;

/* views: enum view. NULL: no memory. */
struct log_follow *log_follow_open(const char *dir, uint8_t views);
void log_follow_close(struct log_follow **follow);

/*
 * Hands out each whole section that has come since the last look, file by file; the first look hands out nothing. Stops when
 * section() returns false. path may have lost its ".part" by the time it is opened. 0, or a negative errno with words in error.
 */
int log_follow_look(struct log_follow *follow,
		    bool (*section)(void *context, const char *path, uint64_t offset_bytes),
		    void *context, char *error, size_t error_bytes);

/* Whether a recorder writes there now. */
bool log_follow_is_written(const struct log_follow *follow);

#endif
