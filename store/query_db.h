/* SPDX-License-Identifier: BSD-2-Clause */
/* query_db.h - one query over the catalogues of many hours, for query_sections.c and query_flows.c. */
#ifndef BBTAP_STORE_QUERY_DB_H
#define BBTAP_STORE_QUERY_DB_H

#include <sqlite3.h>
#include <stdbool.h>

#include "store/query.h"

#define QUERY_SQL_MAX 8192

struct query_db {
	const struct query *query;
	sqlite3 *db; /* each hour is attached to it as "h" in its turn */
	char *error;
	size_t error_bytes;
	char folder[4096]; /* of the catalogues */
	bool is_temporary;
	/* The conditions, and what is bound to their parameters. */
	char where[QUERY_SQL_MAX];
	size_t where_length;
	int parameters;
	struct {
		bool is_blob, is_text;
		const void *bytes;
		int length;
		sqlite3_int64 number;
	} values[128];
};

/* 0, or a negative errno with words in query_db->error. */
int query_db_open(struct query_db *out, const struct query *query, char *error, size_t error_bytes);
void query_db_close(struct query_db *db);

/* Conditions, joined by AND. */
void query_db_and(struct query_db *db, const char *sql);
void query_db_and_number(struct query_db *db, const char *sql, uint64_t number);
void query_db_and_match(struct query_db *db, const char *column, const char *pattern);
/* Both columns of an address, and of a port: the terms, and the filter itself. */
void query_db_and_ends(struct query_db *db, const char *address_a, const char *port_a,
		       const char *address_b, const char *port_b);

/*
 * Runs "SELECT <columns> <from> WHERE <conditions> <tail>" on each hour, in order, and hands out each row. "h." is the
 * hour. If sorted is not NULL, the rows of all hours are gathered first, under the names of the columns, and
 * "SELECT <select> FROM gathered <sorted>" is handed out. Stops when row() returns false.
 */
struct query_statement {
	const char *columns, *from, *tail;
	const char *select, *sorted;
};
int query_db_run(struct query_db *db, const struct query_statement *statement,
		 bool (*row)(void *context, sqlite3_stmt *statement), void *context);

/* Gathers rows of all hours in a table of its own: statement->sorted, the name of it. Then all conditions
 * are forgotten. 1: there is a table; 0: there is no hour; or a negative errno. */
int query_db_gather(struct query_db *db, const struct query_statement *statement);

/* SQL without an answer, on what was gathered. */
int query_db_exec(struct query_db *db, const char *sql);

uint64_t query_db_number(sqlite3_stmt *statement, int column);
void query_db_text(sqlite3_stmt *statement, int column, char *out, size_t room);
/* Into 16 bytes, IPv4 in the last 4. Returns 4 or 6. */
uint8_t query_db_address(sqlite3_stmt *statement, int column, uint8_t out[16]);

#endif
