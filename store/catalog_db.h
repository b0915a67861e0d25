/* SPDX-License-Identifier: BSD-2-Clause */
/* catalog_db.h - the database of one hour, for catalog.c, catalog_sync.c and query.c. */
#ifndef BBTAP_STORE_CATALOG_DB_H
#define BBTAP_STORE_CATALOG_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/catalog.h"

#define CATALOG_FILES_OPEN 128 /* whose counts are at hand, of an hour */

/* What is known of a log file, or (is_flow) of a file of the flow log. */
struct catalog_file {
	bool used, is_flow, is_dirty;
	uint64_t clock;
	char name[LOG_NAME_MAX];
	int64_t id;
	uint64_t bytes; /* up to here its rows are there */
	uint64_t sections, records, skipped, first_ns,
		last_ns;      /* of a flow file: sections are its lines */
	uint32_t frame_lines; /* of the frame behind bytes, that have come so far */
};

enum catalog_statement {
	INSERT_SECTION,
	INSERT_CONNECTION,
	FIND_LOG,
	INSERT_LOG,
	UPDATE_LOG,
	FIND_FLOW,
	INSERT_FLOW,
	UPDATE_FLOW,
	SET_META,
	CATALOG_STATEMENTS,
};

struct catalog_hour {
	sqlite3 *db; /* NULL: this place is free */
	uint64_t hour;
	uint64_t used;
	bool in_transaction;
	bool is_marked;
	char path[4096];
	sqlite3_stmt *statements[CATALOG_STATEMENTS];
	uint64_t clock;
	struct catalog_file files[CATALOG_FILES_OPEN];
};

/* SQLite's result as a negative errno; 0 for SQLITE_OK, _ROW and _DONE. */
int catalog_db_error(int result);

/*
 * Opens or makes the database and marks it as open. -EPROTO: its schema is of a newer version; -EBADMSG: it
 * is damaged, or none.
 */
int catalog_db_open(struct catalog_hour *out, const char *path, uint64_t hour);

/* Commits and closes. orderly: and says so in it. */
int catalog_db_close(struct catalog_hour *hour, bool orderly);

int catalog_db_begin(struct catalog_hour *hour);
int catalog_db_commit(struct catalog_hour *hour);
int catalog_db_mark(struct catalog_hour *hour);
int catalog_db_exec(struct catalog_hour *hour, const char *sql);

/* The file's entry, made if need be. -ENOENT: make is false and it is not known. */
int catalog_db_log(struct catalog_hour *hour, const struct log_name *name, bool make,
		   struct catalog_file **out);
int catalog_db_flow_file(struct catalog_hour *hour, const struct flow_name *name, bool make,
			 struct catalog_file **out);

/* Takes all rows of the file away, and the file if with_file. */
int catalog_db_forget(struct catalog_hour *hour, struct catalog_file *file, bool with_file);

int catalog_db_section(struct catalog_hour *hour, struct catalog_file *file,
		       const struct section_row *row);
int catalog_db_connection(struct catalog_hour *hour, struct catalog_file *file,
			  const struct flow_row *row);

/* The indexes that are built when nothing more comes; whether it has them. */
int catalog_db_build_indexes(struct catalog_hour *hour);
bool catalog_db_is_indexed(const struct catalog_hour *hour);

/* DIR/catalog/<hour>.sqlite */
void catalog_db_path(const char *folder, uint64_t hour, const char *suffix, char out[4096]);

#endif
