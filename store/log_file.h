/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_file.h - the log files below DIR/logs (names: log_name.h): which file a section goes to, when it is
 * written, when the next file begins.
 *
 * A file's start is the time at which its first section was handed over; its number is the lowest
 * that no file has, so nothing is ever overwritten. The files of both views have the same start and
 * number. Sections gather in memory and go out together; one that can't be written is cut away again.
 *
 * Call log_files_begin(), append the section to the buffer, then log_files_end().
 */
#ifndef BBTAP_STORE_LOG_FILE_H
#define BBTAP_STORE_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/log_name.h"
#include "store/pcapng_write.h"
#include "store/section_row.h"

/* When what was written is on the medium for sure, so that a power loss leaves it. */
enum store_sync {
	SYNC_NONE,   /* when the kernel likes */
	SYNC_ROTATE, /* when a file is complete */
	SYNC_DUMP,   /* before a section counts as written */
};

struct log_section {
	const struct log_name *file;
	const struct section_row *row; /* offset_bytes: where it stands */
	uint64_t connection;
};

struct log_files_config {
	const char *dir;
	uint64_t rotate_bytes; /* a file that has reached this is closed */
	/* A file is closed when the time span that it began in is over; spans begin at multiples since 1970. 0: never */
	uint64_t rotate_ns;
	enum store_sync sync;
	/* The section is in its file, and on the medium if sync is SYNC_DUMP. */
	void (*written)(void *context, const struct log_section *section);
	/* It is not, for this negative errno. */
	void (*failed)(void *context, const struct log_section *section, int error);
	/* The file is complete and has its name. */
	void (*completed)(void *context, const struct log_name *file, uint64_t bytes);
	void *context;
};

struct log_files;

/* Makes DIR and DIR/logs. 0 or a negative errno. */
int log_files_open(struct log_files **out, const struct log_files_config *config);

/* Writes what is left, closes and renames all. Returns 0 or the negative errno of the first failure to. */
int log_files_close(struct log_files **files);

/*
 * The buffer to which the section of this side is to be appended. NULL: there is no file for it, *error says
 * why; nothing has happened, and the next call tries again.
 */
struct pcapng_buffer *log_files_begin(struct log_files *files, const struct evlog_head *head,
				      enum side side, int *error);

/* It is appended. row: all but offset_bytes. A buffer without memory is a failure of this section. */
void log_files_end(struct log_files *files, const struct evlog_head *head, enum side side,
		   const struct section_row *row);

/* Writes all that has gathered. */
void log_files_flush(struct log_files *files);

/* Closes the files whose span is over at this time. */
void log_files_tick(struct log_files *files, uint64_t now_ns);

#endif
