/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * export_source.h - sections out of log files, in any order. A few files stay open, each with a shared flock(2): the
 * retention does not remove what is being read.
 */
#ifndef BBTAP_CLI_EXPORT_SOURCE_H
#define BBTAP_CLI_EXPORT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/query.h"

#define EXPORT_FILES_OPEN  8
#define EXPORT_PIECE_BYTES (256u << 10)

struct freebsd_export;
struct input;

struct export_file {
	char path[512]; /* below the folder; empty: this place is free */
	int lock_fd;
	struct input *input;
	uint64_t used;
};

struct export_source {
	const char *dir;
	uint64_t clock;
	uint8_t piece[EXPORT_PIECE_BYTES];
	struct export_file files[EXPORT_FILES_OPEN];
};

void export_source_open(struct export_source *source, const char *dir);
void export_source_close(struct export_source *source);

/* The section's bytes, in pieces. False: with the words in error, or piece() returned false and has them. */
bool export_source_bytes(struct export_source *source, const struct query_file *file,
			 const struct section_row *row,
			 bool (*piece)(void *context, const uint8_t *bytes, size_t count),
			 void *context, char *error, size_t error_bytes);

/* The section's records, as FreeBSD would have written them. */
bool export_source_records(struct export_source *source, const struct query_file *file,
			   const struct section_row *row, struct freebsd_export *to, char *error,
			   size_t error_bytes);

#endif
