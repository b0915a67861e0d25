/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * catalog.h - the index of what the store has written, DIR/catalog/<UTC hour>.sqlite: log files and their
 * sections by the hour in the file's name, ended connections by the hour in the name of their flow log
 * file. It is a cache: catalog_sync() makes it from the files, and the same one. The one door to SQLite for
 * writing; query.h is the one for reading.
 *
 * One thread uses it. The rows of a file are taken in the order of the file; the row of the file says up to
 * which byte they are there, and is changed in the same transaction as they are. So whatever got lost on the
 * way to the catalogue is found by comparing with the file, and only what is missing is read again.
 */
#ifndef BBTAP_STORE_CATALOG_H
#define BBTAP_STORE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/flow_row.h"
#include "store/log_name.h"
#include "store/section_row.h"

#define CATALOG_SCHEMA 1 /* user_version of the databases */

struct catalog;

/* Makes DIR/catalog. 0, or a negative errno with words in error. */
int catalog_open(struct catalog **out, const char *dir, char *error, size_t error_bytes);

/* The same, of DIR's files but in another folder. */
int catalog_open_in(struct catalog **out, const char *dir, const char *folder, char *error,
		    size_t error_bytes);

/* Commits, and marks what is open as orderly closed. 0 or the negative errno of the first failure. */
int catalog_close(struct catalog **catalog);

/*
 * A section of this log file (its name; part and compressed do not matter), of this flow log file a line. One
 * that does not follow what is known of the file is left to catalog_sync(): -EAGAIN, and the hour is marked.
 * Behind other failures (-EIO, -ENOSPC...) too. Nothing is lost by a failure but time.
 */
int catalog_section(struct catalog *catalog, const struct log_name *file,
		    const struct section_row *row);
int catalog_flow(struct catalog *catalog, const struct flow_name *file, const struct flow_row *row);

/* So long are the file's lines now: behind the last of its rows, at the end of each frame. */
int catalog_flow_bytes(struct catalog *catalog, const struct flow_name *file, uint64_t bytes);

/* The file is gone: its rows go too. A catalogue of an hour without files is removed. */
int catalog_forget_log(struct catalog *catalog, const struct log_name *file);
int catalog_forget_flow(struct catalog *catalog, const struct flow_name *file);

/* What was taken is seen by others. Call it now and then: about once a second. */
int catalog_commit(struct catalog *catalog);

/*
 * Nothing more will come for hours before this one: builds their indexes on addresses, ports and IDs (which
 * cost too much while rows come), brings what is marked up to date, closes them. Does at most one hour's work a
 * call; returns 1 while there is more, 0, or a negative errno.
 */
int catalog_close_hours(struct catalog *catalog, uint64_t before_hour);

/* Something was left to catalog_sync(). */
bool catalog_is_behind(const struct catalog *catalog);

struct catalog_sync_counts {
	uint64_t hours, files, sections, flows; /* looked at, of them read, added */
	uint64_t forgotten;			/* files that are no longer there */
};

/*
 * Compares the catalogue with the files below DIR and mends it. all: every hour from nothing; else only those
 * that were not closed in an orderly way, are marked, are missing or whose files are others than it knows (by name
 * and size). Damaged databases are made again. tell() (or NULL) gets a line of words for each thing that was done.
 */
int catalog_sync(struct catalog *catalog, bool all, void (*tell)(void *context, const char *words),
		 void *context, struct catalog_sync_counts *counts, char *error,
		 size_t error_bytes);

#endif
