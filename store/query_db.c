/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/query_db.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/filter.h"
#include "store/catalog_db.h"
#include "store/temp_folder.h"

void query_init(struct query *query, const char *dir)
{
	*query = (struct query){
		.dir = dir, .until_ns = UINT64_MAX, .state = -1, .views = VIEW_BOTH
	};
}

static int failed(struct query_db *db, const char *what)
{
	int result = catalog_db_error(sqlite3_errcode(db->db));

	snprintf(db->error, db->error_bytes, "%s: %s", what, sqlite3_errmsg(db->db));
	return result < 0 ? result : -EIO;
}

/* passes(address, port, address, port): whether a packet in either direction passes the filter. */
static void sql_passes(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct query *query = sqlite3_user_data(context);
	uint8_t address[2][16] = { { 0 } };
	struct filter_ends ends = { .address = { address[0], address[1] } };

	(void)count;
	for (int i = 0; i < 2; i++) {
		const void *bytes = sqlite3_value_blob(values[2 * i]);
		int length = sqlite3_value_bytes(values[2 * i]);
		uint8_t ip_version = length == 4 ? 4 : 6;

		if (!bytes || (length != 4 && length != 16) ||
		    (i && ip_version != ends.ip_version)) {
			sqlite3_result_int(context, 0);
			return;
		}
		ends.ip_version = ip_version;
		memcpy(address[i] + 16 - length, bytes, (size_t)length);
		ends.port[i] = (uint16_t)sqlite3_value_int(values[2 * i + 1]);
	}
	sqlite3_result_int(context, filter_matches_either_way(query->filter, &ends));
}

/* endpoint(address, port): "192.0.2.1:443"; a negative port: the address alone, in prefix(address) its network. */
static void sql_endpoint(sqlite3_context *context, int count, sqlite3_value **values)
{
	const uint8_t *bytes = sqlite3_value_blob(values[0]);
	int length = sqlite3_value_bytes(values[0]), port = sqlite3_value_int(values[1]);
	char address[INET6_ADDRSTRLEN], text[80];

	(void)count;
	if (!bytes || (length != 4 && length != 16)) {
		sqlite3_result_text(context, "?", -1, SQLITE_STATIC);
		return;
	}
	inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, address, sizeof(address));
	if (port < 0)
		snprintf(text, sizeof(text), "%s", address);
	else
		snprintf(text, sizeof(text), length == 4 ? "%s:%d" : "[%s]:%d", address, port);
	sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void sql_prefix(sqlite3_context *context, int count, sqlite3_value **values)
{
	const uint8_t *bytes = sqlite3_value_blob(values[0]);
	int length = sqlite3_value_bytes(values[0]);
	uint8_t net[16] = { 0 };
	char address[INET6_ADDRSTRLEN], text[80];

	(void)count;
	if (!bytes || (length != 4 && length != 16)) {
		sqlite3_result_text(context, "?", -1, SQLITE_STATIC);
		return;
	}
	memcpy(net, bytes, length == 4 ? 3 : 6);
	inet_ntop(length == 4 ? AF_INET : AF_INET6, net, address, sizeof(address));
	snprintf(text, sizeof(text), "%s/%d", address, length == 4 ? 24 : 48);
	sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static int add_functions(struct query_db *db)
{
	int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
	int result = sqlite3_create_function(db->db, "passes", 4, flags, (void *)db->query,
					     sql_passes, NULL, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_create_function(db->db, "endpoint", 2, flags, NULL, sql_endpoint,
						 NULL, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_create_function(db->db, "prefix", 1, flags, NULL, sql_prefix, NULL,
						 NULL);
	return result == SQLITE_OK ? 0 : failed(db, "SQLite");
}

/* A folder that was copied without its catalogue, or of which none was ever made. */
static int make_temporary(struct query_db *db)
{
	struct catalog_sync_counts counts;
	struct catalog *catalog;
	int result = temp_folder_make("catalogue", db->folder, sizeof(db->folder), db->error,
				      db->error_bytes);

	if (result < 0)
		return result;
	db->is_temporary = true;
	if (db->query->tell)
		db->query->tell(
			db->query->tell_context,
			"there is no catalogue: reading the files (`bbtap reindex` makes one)");
	result = catalog_open_in(&catalog, db->query->dir, db->folder, db->error, db->error_bytes);
	if (result < 0)
		return result;
	result = catalog_sync(catalog, false, NULL, NULL, &counts, db->error, db->error_bytes);
	catalog_close(&catalog);
	return result;
}

int query_db_open(struct query_db *out, const struct query *query, char *error, size_t error_bytes)
{
	struct stat status;
	int result;

	memset(out, 0, sizeof(*out));
	out->query = query;
	out->error = error;
	out->error_bytes = error_bytes;
	if (stat(query->dir, &status) < 0 || !S_ISDIR(status.st_mode)) {
		result = errno ? -errno : -ENOTDIR;
		snprintf(error, error_bytes, "%s: %s", query->dir, strerror(-result));
		return result;
	}
	snprintf(out->folder, sizeof(out->folder), "%.*s/catalog", 4000, query->dir);
	result = stat(out->folder, &status) < 0 ? make_temporary(out) : 0;
	/* A database without a name is a file that is gone when it is closed: what is gathered goes there. */
	if (result == 0 && sqlite3_open_v2("", &out->db,
					   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
						   SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
					   NULL) != SQLITE_OK)
		result = failed(out, "SQLite");
	if (result == 0) {
		sqlite3_busy_timeout(out->db, 5000);
		sqlite3_exec(out->db,
			     "PRAGMA temp_store = FILE; PRAGMA cache_size = -8192;"
			     "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;",
			     NULL, NULL, NULL);
		result = add_functions(out);
	}
	if (result < 0)
		query_db_close(out);
	else
		query_db_and(out, "1");
	return result;
}

void query_db_close(struct query_db *db)
{
	sqlite3_close(db->db);
	db->db = NULL;
	if (db->is_temporary)
		temp_folder_remove(db->folder);
	db->is_temporary = false;
}

void query_db_and(struct query_db *db, const char *sql)
{
	size_t room = sizeof(db->where) - db->where_length;
	int length = snprintf(db->where + db->where_length, room, "%s(%s)",
			      db->where_length ? " AND " : "", sql);

	/* All of them together are far shorter. */
	if (length > 0 && (size_t)length < room)
		db->where_length += (size_t)length;
}

static void bind_number(struct query_db *db, uint64_t number)
{
	db->values[db->parameters++].number =
		number > INT64_MAX ? INT64_MAX : (sqlite3_int64)number;
}

void query_db_and_number(struct query_db *db, const char *sql, uint64_t number)
{
	bind_number(db, number);
	query_db_and(db, sql);
}

static void bind_bytes(struct query_db *db, const void *bytes, int length, bool is_text)
{
	db->values[db->parameters].is_blob = !is_text;
	db->values[db->parameters].is_text = is_text;
	db->values[db->parameters].bytes = bytes;
	db->values[db->parameters++].length = length;
}

void query_db_and_match(struct query_db *db, const char *column, const char *pattern)
{
	char sql[128];
	bool wild;

	if (!pattern)
		return;
	wild = strpbrk(pattern, "*?[");
	bind_bytes(db, pattern, -1, true);
	/* The index is of those that have one. */
	snprintf(sql, sizeof(sql),
		 wild	    ? "%s GLOB ?"
		 : *pattern ? "%s = ? AND %s <> ''"
			    : "%s = ?",
		 column, column);
	query_db_and(db, sql);
}

void query_db_and_ends(struct query_db *db, const char *address_a, const char *port_a,
		       const char *address_b, const char *port_b)
{
	const struct query_terms *terms = &db->query->terms;
	char sql[512];

	for (uint32_t i = 0; i < terms->net_count; i++) {
		bool v4 = terms->nets[i].ip_version == 4;
		int skip = v4 ? 12 : 0, length = v4 ? 4 : 16;

		for (int both = 0; both < 2; both++) {
			bind_bytes(db, terms->nets[i].first + skip, length, false);
			bind_bytes(db, terms->nets[i].last + skip, length, false);
		}
		snprintf(sql, sizeof(sql), "%s BETWEEN ? AND ? OR %s BETWEEN ? AND ?", address_a,
			 address_b);
		query_db_and(db, sql);
	}
	for (uint32_t i = 0; i < terms->port_count; i++) {
		for (int both = 0; both < 2; both++) {
			bind_number(db, terms->ports[i].first);
			bind_number(db, terms->ports[i].last);
		}
		snprintf(sql, sizeof(sql), "%s BETWEEN ? AND ? OR %s BETWEEN ? AND ?", port_a,
			 port_b);
		query_db_and(db, sql);
	}
	if (!db->query->filter)
		return;
	snprintf(sql, sizeof(sql), "passes(%s, %s, %s, %s)", address_a, port_a, address_b, port_b);
	query_db_and(db, sql);
}

/* "file:" URI: what has a meaning in one is encoded. */
static void uri_of(const char *path, const char *options, char *out, size_t room)
{
	size_t length = (size_t)snprintf(out, room, "file:");

	for (; *path && length + 4 < room; path++)
		if (strchr("?#%'", *path))
			length += (size_t)snprintf(out + length, room - length, "%%%02X",
						   (unsigned char)*path);
		else
			out[length++] = *path;
	snprintf(out + length, room - length, "?%s", options);
}

static int attach(struct query_db *db, const char *name)
{
	/* Who may read but not write can't make the files beside it that WAL needs. */
	static const char *const options[] = { "mode=ro", "mode=ro&immutable=1" };
	char path[4400], uri[9000], sql[9100];
	sqlite3_stmt *statement = NULL;

	snprintf(path, sizeof(path), "%s/%s", db->folder, name);
	for (size_t i = 0; i < 2; i++) {
		int64_t version = -1;

		uri_of(path, options[i], uri, sizeof(uri));
		snprintf(sql, sizeof(sql), "ATTACH '%s' AS h", uri);
		if (sqlite3_exec(db->db, sql, NULL, NULL, NULL) != SQLITE_OK)
			continue;
		if (sqlite3_prepare_v2(db->db, "PRAGMA h.user_version", -1, &statement, NULL) ==
			    SQLITE_OK &&
		    sqlite3_step(statement) == SQLITE_ROW)
			version = sqlite3_column_int64(statement, 0);
		sqlite3_finalize(statement);
		if (version == CATALOG_SCHEMA)
			return 0;
		sqlite3_exec(db->db, "DETACH h", NULL, NULL, NULL);
	}
	return -EBADMSG;
}

static void tell_unusable(struct query_db *db, const char *name)
{
	char words[512];

	if (!db->query->tell)
		return;
	snprintf(words, sizeof(words),
		 "the catalogue %.200s can't be used, what is in it is left out: `bbtap reindex` "
		 "mends that",
		 name);
	db->query->tell(db->query->tell_context, words);
}

static int bind_all(struct query_db *db, sqlite3_stmt *statement)
{
	for (int i = 0; i < db->parameters; i++) {
		if (db->values[i].is_blob)
			sqlite3_bind_blob(statement, i + 1, db->values[i].bytes,
					  db->values[i].length, SQLITE_STATIC);
		else if (db->values[i].is_text)
			sqlite3_bind_text(statement, i + 1, db->values[i].bytes, -1, SQLITE_STATIC);
		else
			sqlite3_bind_int64(statement, i + 1, db->values[i].number);
	}
	return 0;
}

/* 1: go on; 0: the receiver wants no more; negative: an error. */
static int hand_out(struct query_db *db, const char *sql, bool with_values,
		    bool (*row)(void *context, sqlite3_stmt *statement), void *context)
{
	sqlite3_stmt *statement;
	int result, more = 1;

	if (sqlite3_prepare_v2(db->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return failed(db, "SQLite");
	if (with_values)
		bind_all(db, statement);
	while ((result = sqlite3_step(statement)) == SQLITE_ROW)
		if (row && !row(context, statement)) {
			more = 0;
			break;
		}
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		more = failed(db, "SQLite");
	sqlite3_finalize(statement);
	return more;
}

static int is_hour(const struct dirent *entry)
{
	uint64_t hour;
	size_t length = strlen(entry->d_name);

	return log_name_hour_parse(entry->d_name, &hour) && length > 7 &&
	       strcmp(entry->d_name + length - 7, ".sqlite") == 0;
}

static int run_hour(struct query_db *db, const struct query_statement *statement, const char *table,
		    bool *gathering, bool (*row)(void *context, sqlite3_stmt *statement),
		    void *context)
{
	char sql[2 * QUERY_SQL_MAX];

	snprintf(sql, sizeof(sql), "%s%s%sSELECT %s %s WHERE %s %s",
		 !table	      ? ""
		 : *gathering ? "INSERT INTO temp."
			      : "CREATE TEMP TABLE ",
		 table ? table : "",
		 !table	      ? ""
		 : *gathering ? " "
			      : " AS ",
		 statement->columns, statement->from, db->where,
		 statement->tail ? statement->tail : "");
	if (!table)
		return hand_out(db, sql, true, row, context);
	*gathering = true;
	return hand_out(db, sql, true, NULL, NULL);
}

/* 1: there may be more; 0: the receiver wants no more; negative: an error. */
static int each_hour(struct query_db *db, const struct query_statement *statement,
		     const char *table, bool *gathering,
		     bool (*row)(void *context, sqlite3_stmt *statement), void *context)
{
	struct dirent **hours;
	int count = scandir(db->folder, &hours, is_hour, alphasort), result = 1;

	if (count < 0) {
		result = -errno;
		snprintf(db->error, db->error_bytes, "%s: %s", db->folder, strerror(errno));
		return result;
	}
	for (int i = 0; i < count; i++) {
		if (result == 1) {
			if (attach(db, hours[i]->d_name) < 0) {
				tell_unusable(db, hours[i]->d_name);
			} else {
				result = run_hour(db, statement, table, gathering, row, context);
				sqlite3_exec(db->db, "DETACH h", NULL, NULL, NULL);
			}
		}
		free(hours[i]);
	}
	free(hours);
	return result;
}

int query_db_exec(struct query_db *db, const char *sql)
{
	return sqlite3_exec(db->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(db, "SQLite");
}

int query_db_gather(struct query_db *db, const struct query_statement *statement)
{
	bool gathering = false;
	int result = each_hour(db, statement, statement->sorted, &gathering, NULL, NULL);

	db->where_length = 0;
	db->parameters = 0;
	query_db_and(db, "1");
	return result < 0 ? result : gathering;
}

int query_db_run(struct query_db *db, const struct query_statement *statement,
		 bool (*row)(void *context, sqlite3_stmt *statement), void *context)
{
	char sql[QUERY_SQL_MAX];
	bool gathering = false;
	int result = each_hour(db, statement, statement->sorted ? "gathered" : NULL, &gathering,
			       row, context);

	if (result == 1 && gathering) {
		snprintf(sql, sizeof(sql), "SELECT %s FROM gathered %s", statement->select,
			 statement->sorted);
		result = hand_out(db, sql, false, row, context);
	}
	return result < 0 ? result : 0;
}

uint64_t query_db_number(sqlite3_stmt *statement, int column)
{
	sqlite3_int64 number = sqlite3_column_int64(statement, column);

	return number > 0 ? (uint64_t)number : 0;
}

void query_db_text(sqlite3_stmt *statement, int column, char *out, size_t room)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	snprintf(out, room, "%s", text ? text : "");
}

uint8_t query_db_address(sqlite3_stmt *statement, int column, uint8_t out[16])
{
	const void *bytes = sqlite3_column_blob(statement, column);
	int length = sqlite3_column_bytes(statement, column);

	memset(out, 0, 16);
	if (bytes && length == 4)
		memcpy(out + 12, bytes, 4);
	else if (bytes && length == 16)
		memcpy(out, bytes, 16);
	return length == 16 ? 6 : 4;
}
