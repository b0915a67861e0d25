/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/catalog_db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT(x)	  #x
#define STRING(x) TEXT(x)
#define CACHE_KIB "-16384"
#define BUSY_MS	  2000

static const char schema[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
	"CREATE TABLE files(id INTEGER PRIMARY KEY, name TEXT UNIQUE, tag TEXT, view INT,"
	" linktype INT, start_s INT, number INT, bytes INT, sections INT, records INT, skipped INT,"
	" first_ns INT, last_ns INT);"
	"CREATE TABLE sections(file INT, offset INT, length INT, dump_time_s INT, first_ns INT,"
	" last_ns INT, records INT, packets INT, skipped INT, local BLOB, local_port INT,"
	" foreign_ BLOB, foreign_port INT, id TEXT, reason TEXT, PRIMARY KEY(file, offset))"
	" WITHOUT ROWID;"
	"CREATE INDEX sections_time ON sections(last_ns, first_ns);"
	"CREATE TABLE flow_files(id INTEGER PRIMARY KEY, name TEXT UNIQUE, bytes INT, lines INT,"
	" first_ns INT, last_ns INT);"
	"CREATE TABLE connections(file INT, frame INT, line INT, connection INT, first_ns INT,"
	" last_ns INT, start INT, end INT, sections INT, client BLOB, client_port INT, server BLOB,"
	" server_port INT, client_state INT, server_state INT, client_segments INT,"
	" server_segments INT, client_bytes INT, server_bytes INT, client_retransmitted INT,"
	" server_retransmitted INT, client_ooo INT, server_ooo INT, client_zero_windows INT,"
	" server_zero_windows INT, client_rtt_min INT, server_rtt_min INT, client_rtt_median INT,"
	" server_rtt_median INT, client_rtt_max INT, server_rtt_max INT, client_srtt INT,"
	" server_srtt INT, id TEXT, tag TEXT, rule TEXT, proto TEXT, host TEXT,"
	" PRIMARY KEY(file, frame, line)) WITHOUT ROWID;"
	"CREATE INDEX connections_time ON connections(last_ns, first_ns);"
	"PRAGMA user_version = " STRING(CATALOG_SCHEMA) ";";

static const char late_indexes[] =
	"CREATE INDEX IF NOT EXISTS sections_local ON sections(local);"
	"CREATE INDEX IF NOT EXISTS sections_foreign ON sections(foreign_);"
	"CREATE INDEX IF NOT EXISTS sections_local_port ON sections(local_port);"
	"CREATE INDEX IF NOT EXISTS sections_foreign_port ON sections(foreign_port);"
	"CREATE INDEX IF NOT EXISTS sections_id ON sections(id) WHERE id <> '';"
	"CREATE INDEX IF NOT EXISTS connections_client ON connections(client);"
	"CREATE INDEX IF NOT EXISTS connections_server ON connections(server);"
	"CREATE INDEX IF NOT EXISTS connections_client_port ON connections(client_port);"
	"CREATE INDEX IF NOT EXISTS connections_server_port ON connections(server_port);"
	"CREATE INDEX IF NOT EXISTS connections_id ON connections(id) WHERE id <> '';"
	"PRAGMA analysis_limit = 1000; ANALYZE;";

static const char *const sql[CATALOG_STATEMENTS] = {
	[INSERT_SECTION] = "INSERT INTO sections VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[INSERT_CONNECTION] =
		"INSERT INTO connections VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
		"?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[FIND_LOG] = "SELECT id, bytes, sections, records, skipped, first_ns, last_ns FROM files "
		     "WHERE name = ?",
	[INSERT_LOG] =
		"INSERT INTO files(name, tag, view, linktype, start_s, number, bytes, sections, "
		"records, skipped, first_ns, last_ns) VALUES(?,?,?,?,?,?,0,0,0,0,0,0)",
	[UPDATE_LOG] = "UPDATE files SET bytes = ?2, sections = ?3, records = ?4, skipped = ?5, "
		       "first_ns = ?6, last_ns = ?7 WHERE id = ?1",
	[FIND_FLOW] =
		"SELECT id, bytes, lines, 0, 0, first_ns, last_ns FROM flow_files WHERE name = ?",
	[INSERT_FLOW] = "INSERT INTO flow_files(name, bytes, lines, first_ns, last_ns) VALUES(?, "
			"0, 0, 0, 0)",
	[UPDATE_FLOW] = "UPDATE flow_files SET bytes = ?2, lines = ?3, first_ns = ?6, last_ns = ?7 "
			"WHERE id = ?1",
	[SET_META] = "INSERT OR REPLACE INTO meta VALUES(?, ?)",
};

int catalog_db_error(int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_SCHEMA:
	case SQLITE_ERROR: /* a table or column that is not as it was made */
	case SQLITE_CONSTRAINT:
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	default:
		return -EIO;
	}
}

void catalog_db_path(const char *folder, uint64_t hour, const char *suffix, char out[4096])
{
	char name[HOUR_NAME_MAX];

	log_name_hour(hour, name);
	snprintf(out, 4096, "%.*s/%s.sqlite%s", 4096 - 64, folder, name, suffix);
}

int catalog_db_exec(struct catalog_hour *hour, const char *text)
{
	return catalog_db_error(sqlite3_exec(hour->db, text, NULL, NULL, NULL));
}

static int set_meta(struct catalog_hour *hour, const char *key, const char *value)
{
	sqlite3_stmt *statement = hour->statements[SET_META];
	int result;

	sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
	result = sqlite3_step(statement);
	sqlite3_reset(statement);
	return catalog_db_error(result);
}

static int one_number(sqlite3 *db, const char *text, int64_t *number)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(db, text, -1, &statement, NULL);

	if (result == SQLITE_OK) {
		result = sqlite3_step(statement);
		*number = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	}
	sqlite3_finalize(statement);
	return catalog_db_error(result);
}

/* As it should be: a schema that is ours, of this version. */
static int check_schema(struct catalog_hour *hour)
{
	int64_t version = 0, tables = 0;
	int result = one_number(hour->db, "PRAGMA user_version", &version);

	if (result == 0)
		result = one_number(hour->db, "SELECT count(*) FROM sqlite_master", &tables);
	if (result < 0)
		return result;
	if (version > CATALOG_SCHEMA)
		return -EPROTO;
	if (version == CATALOG_SCHEMA)
		return 0;
	if (tables)
		return -EBADMSG;
	return catalog_db_exec(hour, schema);
}

int catalog_db_open(struct catalog_hour *out, const char *path, uint64_t hour)
{
	int result;

	memset(out, 0, sizeof(*out));
	out->hour = hour;
	snprintf(out->path, sizeof(out->path), "%s", path);
	result = catalog_db_error(sqlite3_open_v2(
		path, &out->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		NULL));
	if (result == 0) {
		sqlite3_busy_timeout(out->db, BUSY_MS);
		result = catalog_db_exec(out, "PRAGMA journal_mode = WAL;"
					      "PRAGMA synchronous = NORMAL;"
					      "PRAGMA wal_autocheckpoint = 4000;"
					      "PRAGMA cache_size = " CACHE_KIB ";");
	}
	if (result == 0)
		result = check_schema(out);
	for (int i = 0; result == 0 && i < CATALOG_STATEMENTS; i++)
		result = catalog_db_error(sqlite3_prepare_v3(
			out->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &out->statements[i], NULL));
	if (result == 0)
		result = set_meta(out, "state", "open");
	if (result < 0)
		catalog_db_close(out, false);
	return result;
}

int catalog_db_begin(struct catalog_hour *hour)
{
	int result;

	if (hour->in_transaction)
		return 0;
	result = catalog_db_exec(hour, "BEGIN");
	hour->in_transaction = result == 0;
	return result;
}

static int write_file(struct catalog_hour *hour, struct catalog_file *file)
{
	sqlite3_stmt *statement = hour->statements[file->is_flow ? UPDATE_FLOW : UPDATE_LOG];
	int result;

	if (!file->used || !file->is_dirty)
		return 0;
	sqlite3_bind_int64(statement, 1, file->id);
	sqlite3_bind_int64(statement, 2, (int64_t)file->bytes);
	sqlite3_bind_int64(statement, 3, (int64_t)file->sections);
	if (!file->is_flow) {
		sqlite3_bind_int64(statement, 4, (int64_t)file->records);
		sqlite3_bind_int64(statement, 5, (int64_t)file->skipped);
	}
	sqlite3_bind_int64(statement, 6, (int64_t)file->first_ns);
	sqlite3_bind_int64(statement, 7, (int64_t)file->last_ns);
	result = sqlite3_step(statement);
	sqlite3_reset(statement);
	file->is_dirty = false;
	return catalog_db_error(result);
}

int catalog_db_commit(struct catalog_hour *hour)
{
	int result = 0;

	if (!hour->in_transaction)
		return 0;
	for (uint32_t i = 0; i < CATALOG_FILES_OPEN && result == 0; i++)
		result = write_file(hour, &hour->files[i]);
	if (result == 0)
		result = catalog_db_exec(hour, "COMMIT");
	if (result < 0) {
		/* As if nothing had come: the files have it all. */
		catalog_db_exec(hour, "ROLLBACK");
		memset(hour->files, 0, sizeof(hour->files));
	}
	hour->in_transaction = false;
	return result;
}

int catalog_db_mark(struct catalog_hour *hour)
{
	int result;

	if (hour->is_marked)
		return 0;
	result = catalog_db_begin(hour);
	if (result == 0)
		result = set_meta(hour, "marked", "1");
	hour->is_marked = result == 0;
	return result;
}

int catalog_db_close(struct catalog_hour *hour, bool orderly)
{
	int result = 0;

	if (!hour->db)
		return 0;
	if (orderly) {
		result = catalog_db_commit(hour);
		if (result == 0)
			result = set_meta(hour, "state", "closed");
	}
	for (int i = 0; i < CATALOG_STATEMENTS; i++)
		sqlite3_finalize(hour->statements[i]);
	/* Who only reads needs no files beside it then; in vain while somebody does. */
	if (orderly && result == 0)
		catalog_db_exec(hour, "PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE");
	sqlite3_close(hour->db);
	memset(hour, 0, sizeof(*hour));
	return result;
}

bool catalog_db_is_indexed(const struct catalog_hour *hour)
{
	int64_t count = 0;

	return one_number(hour->db,
			  "SELECT count(*) FROM sqlite_master WHERE name = 'connections_id'",
			  &count) == 0 &&
	       count;
}

int catalog_db_build_indexes(struct catalog_hour *hour)
{
	int result = catalog_db_commit(hour);

	if (result == 0)
		result = catalog_db_exec(hour, late_indexes);
	return result;
}

/* The entry at hand, or the place for it: free, or that which was not used for longest. */
static struct catalog_file *entry_of(struct catalog_hour *hour, const char *name, bool is_flow)
{
	struct catalog_file *place = &hour->files[0];

	for (uint32_t i = 0; i < CATALOG_FILES_OPEN; i++) {
		struct catalog_file *file = &hour->files[i];

		if (file->used && file->is_flow == is_flow && strcmp(file->name, name) == 0)
			return file;
		if (place->used && (!file->used || file->clock < place->clock))
			place = file;
	}
	return place;
}

static int find_file(struct catalog_hour *hour, struct catalog_file *file)
{
	sqlite3_stmt *statement = hour->statements[file->is_flow ? FIND_FLOW : FIND_LOG];
	int result;

	sqlite3_bind_text(statement, 1, file->name, -1, SQLITE_STATIC);
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		file->id = sqlite3_column_int64(statement, 0);
		file->bytes = (uint64_t)sqlite3_column_int64(statement, 1);
		file->sections = (uint64_t)sqlite3_column_int64(statement, 2);
		file->records = (uint64_t)sqlite3_column_int64(statement, 3);
		file->skipped = (uint64_t)sqlite3_column_int64(statement, 4);
		file->first_ns = (uint64_t)sqlite3_column_int64(statement, 5);
		file->last_ns = (uint64_t)sqlite3_column_int64(statement, 6);
	}
	sqlite3_reset(statement);
	return result == SQLITE_DONE ? -ENOENT : catalog_db_error(result);
}

static int insert_file(struct catalog_hour *hour, struct catalog_file *file,
		       const struct log_name *name)
{
	sqlite3_stmt *statement = hour->statements[file->is_flow ? INSERT_FLOW : INSERT_LOG];
	int result = catalog_db_begin(hour);

	if (result < 0)
		return result;
	sqlite3_bind_text(statement, 1, file->name, -1, SQLITE_STATIC);
	if (name) {
		sqlite3_bind_text(statement, 2, name->tag, -1, SQLITE_STATIC);
		sqlite3_bind_int(statement, 3, name->side);
		sqlite3_bind_int(statement, 4, name->linktype);
		sqlite3_bind_int64(statement, 5, (int64_t)name->start_s);
		sqlite3_bind_int64(statement, 6, name->number);
	}
	result = sqlite3_step(statement);
	sqlite3_reset(statement);
	file->id = sqlite3_last_insert_rowid(hour->db);
	return catalog_db_error(result);
}

static int get_file(struct catalog_hour *hour, const char *text, const struct log_name *name,
		    bool make, struct catalog_file **out)
{
	struct catalog_file *file = entry_of(hour, text, !name);
	int result = 0;

	*out = file;
	file->clock = ++hour->clock;
	if (file->used && file->is_flow == !name && strcmp(file->name, text) == 0)
		return 0;
	if (file->used)
		result = write_file(hour, file);
	memset(file, 0, sizeof(*file));
	if (result < 0)
		return result;
	file->clock = hour->clock;
	file->is_flow = !name;
	snprintf(file->name, sizeof(file->name), "%s", text);
	result = find_file(hour, file);
	if (result == -ENOENT && make)
		result = insert_file(hour, file, name);
	file->used = result == 0;
	return result;
}

int catalog_db_log(struct catalog_hour *hour, const struct log_name *name, bool make,
		   struct catalog_file **out)
{
	char text[LOG_NAME_MAX];

	log_name_make(name, text);
	return get_file(hour, text, name, make, out);
}

int catalog_db_flow_file(struct catalog_hour *hour, const struct flow_name *name, bool make,
			 struct catalog_file **out)
{
	char text[LOG_NAME_MAX];

	flow_name_make(name, text);
	return get_file(hour, text, NULL, make, out);
}

int catalog_db_forget(struct catalog_hour *hour, struct catalog_file *file, bool with_file)
{
	char text[256];
	int result = catalog_db_begin(hour);

	snprintf(text, sizeof(text), "DELETE FROM %s WHERE file = %lld",
		 file->is_flow ? "connections" : "sections", (long long)file->id);
	if (result == 0)
		result = catalog_db_exec(hour, text);
	file->bytes = file->sections = file->records = file->skipped = 0;
	file->first_ns = file->last_ns = 0;
	file->frame_lines = 0;
	file->is_dirty = true;
	if (!with_file || result < 0)
		return result;
	snprintf(text, sizeof(text), "DELETE FROM %s WHERE id = %lld",
		 file->is_flow ? "flow_files" : "files", (long long)file->id);
	file->used = false;
	return catalog_db_exec(hour, text);
}

static void bind_address(sqlite3_stmt *statement, int at, const uint8_t address[16],
			 uint8_t ip_version)
{
	bool v4 = ip_version == 4;

	sqlite3_bind_blob(statement, at, v4 ? address + 12 : address, v4 ? 4 : 16, SQLITE_STATIC);
}

/* SQLite's integers have a sign. */
static void bind_number(sqlite3_stmt *statement, int at, uint64_t number)
{
	sqlite3_bind_int64(statement, at, number > INT64_MAX ? INT64_MAX : (sqlite3_int64)number);
}

static void note_times(struct catalog_file *file, uint64_t first_ns, uint64_t last_ns)
{
	if (file->last_ns == 0 || first_ns < file->first_ns)
		file->first_ns = first_ns;
	if (last_ns > file->last_ns)
		file->last_ns = last_ns;
}

int catalog_db_section(struct catalog_hour *hour, struct catalog_file *file,
		       const struct section_row *row)
{
	sqlite3_stmt *statement = hour->statements[INSERT_SECTION];
	int result = catalog_db_begin(hour);

	if (result < 0)
		return result;
	sqlite3_bind_int64(statement, 1, file->id);
	bind_number(statement, 2, row->offset_bytes);
	bind_number(statement, 3, row->length_bytes);
	sqlite3_bind_int64(statement, 4, row->dump_time_s);
	bind_number(statement, 5, row->first_ns);
	bind_number(statement, 6, row->last_ns);
	bind_number(statement, 7, row->records);
	bind_number(statement, 8, row->packets);
	bind_number(statement, 9, row->skipped);
	bind_address(statement, 10, row->local_address, row->ip_version);
	sqlite3_bind_int(statement, 11, row->local_port);
	bind_address(statement, 12, row->foreign_address, row->ip_version);
	sqlite3_bind_int(statement, 13, row->foreign_port);
	sqlite3_bind_text(statement, 14, row->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 15, row->reason, -1, SQLITE_STATIC);
	result = sqlite3_step(statement);
	sqlite3_reset(statement);
	if (result != SQLITE_DONE)
		return catalog_db_error(result);
	note_times(file, row->first_ns, row->last_ns);
	file->bytes += row->length_bytes;
	file->sections++;
	file->records += row->records;
	file->skipped += row->skipped;
	file->is_dirty = true;
	return 0;
}

/* The columns of both sides are next to each other: client, server. */
static void bind_sides(sqlite3_stmt *statement, const struct flow_row *row)
{
	for (int i = 0; i < 2; i++) {
		const struct flow_row_side *side = &row->side[i];

		bind_address(statement, 10 + 2 * i, side->address, row->ip_version);
		sqlite3_bind_int(statement, 11 + 2 * i, side->port);
		sqlite3_bind_int(statement, 14 + i, side->state);
		bind_number(statement, 16 + i, side->segments);
		bind_number(statement, 18 + i, side->payload_bytes);
		bind_number(statement, 20 + i, side->retransmitted_segments);
		bind_number(statement, 22 + i, side->out_of_order_segments);
		bind_number(statement, 24 + i, side->zero_windows);
		bind_number(statement, 26 + i, side->rtt_min_us);
		bind_number(statement, 28 + i, side->rtt_median_us);
		bind_number(statement, 30 + i, side->rtt_max_us);
		bind_number(statement, 32 + i, side->srtt_us);
	}
}

int catalog_db_connection(struct catalog_hour *hour, struct catalog_file *file,
			  const struct flow_row *row)
{
	sqlite3_stmt *statement = hour->statements[INSERT_CONNECTION];
	int result = catalog_db_begin(hour);

	if (result < 0)
		return result;
	sqlite3_bind_int64(statement, 1, file->id);
	bind_number(statement, 2, row->frame_bytes);
	bind_number(statement, 3, row->line);
	bind_number(statement, 4, row->connection);
	bind_number(statement, 5, row->first_ns);
	bind_number(statement, 6, row->last_ns);
	sqlite3_bind_int(statement, 7, row->start);
	sqlite3_bind_int(statement, 8, row->end_reason);
	bind_number(statement, 9, row->sections);
	bind_sides(statement, row);
	sqlite3_bind_text(statement, 34, row->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 35, row->tag, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 36, row->rule, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 37, row->proto, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 38, row->host, -1, SQLITE_STATIC);
	result = sqlite3_step(statement);
	sqlite3_reset(statement);
	if (result != SQLITE_DONE)
		return catalog_db_error(result);
	note_times(file, row->first_ns, row->last_ns);
	file->frame_lines++;
	file->is_dirty = true;
	return 0;
}
