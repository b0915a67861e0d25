/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_file.h - the log files below DIR/logs: which file a section goes to, what it is called, and
 * when the next one begins.
 *
 *   DIR/logs/<tag>/<tag>-<UTC start>-<n>.<view>[.<link type>].pcapng      ".part" behind it while open
 *
 * UTC start is the time of the first event; n is the lowest number >= 1 that no file has, so nothing is
 * ever overwritten. The files of both views have the same start and n.
 */
#ifndef BBTAP_STORE_LOG_FILE_H
#define BBTAP_STORE_LOG_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "tcpstate/evlog.h"

struct log_files;

/* Makes DIR and DIR/logs. A file that has reached rotate_bytes is closed. 0 or a negative errno. */
int log_files_open(struct log_files **out, const char *dir, uint64_t rotate_bytes);

/* Closes and renames all. Returns 0 or the negative errno of the first failure. */
int log_files_close(struct log_files **files);

/*
 * Appends a whole section. On a failure the file is cut back to its last whole section, and the
 * negative errno is returned; the next call tries again.
 */
int log_files_append(struct log_files *files, const struct evlog_head *head, enum side side,
		     const void *bytes, size_t count);

/* Files closed so far, and files that are open and will be when log_files_close() is called. */
uint64_t log_files_completed(const struct log_files *files);
uint32_t log_files_open_count(const struct log_files *files);

/* "<tag>" as a part of a file name: odd bytes are percent-encoded; "UNKNOWN" for an empty one. */
#define TAG_NAME_MAX (3 * LOG_TAG_MAX + 1)
void log_file_tag_name(const char *tag, char out[TAG_NAME_MAX]);

/* ".sll" ... with the dot; empty for Ethernet. */
void log_file_linktype_suffix(uint16_t linktype, char out[16]);

#endif
