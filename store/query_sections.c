/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/query_db.h"

#define FILE_COLUMNS                                                                               \
	"f.name AS file_name, f.bytes AS file_bytes, f.sections AS file_sections, "                \
	"f.records AS file_records, f.skipped AS file_skipped, f.first_ns AS file_first, "         \
	"f.last_ns AS file_last"
#define FILE_COLUMN_COUNT 7
#define SECTION_COLUMNS                                                                            \
	"s.offset AS offset, s.length AS length, s.dump_time_s AS dump_time_s, "                   \
	"s.first_ns AS first_ns, s.last_ns AS last_ns, s.records AS records, "                     \
	"s.packets AS packets, s.skipped AS skipped, s.local AS local, "                           \
	"s.local_port AS local_port, s.foreign_ AS foreign_, s.foreign_port AS foreign_port, "     \
	"s.id AS id, s.reason AS reason, f.tag AS tag"

struct sections_query {
	const struct query *query;
	bool (*file)(void *context, const struct query_file *file);
	bool (*section)(void *context, const struct query_file *file,
			const struct section_row *section);
	void *context;
	uint64_t handed_out;
};

static bool is_there(const char *dir, const char *path, const char *suffix)
{
	char whole[4096 + 512];

	snprintf(whole, sizeof(whole), "%.*s/%s%s", 4000, dir, path, suffix);
	return access(whole, F_OK) == 0;
}

/* As it is on the disk now. */
static void find_file(const struct query *query, struct query_file *file)
{
	char tag[TAG_NAME_MAX], name[LOG_NAME_MAX];
	const char *suffix = "";

	log_name_tag(file->name.tag, tag);
	log_name_make(&file->name, name);
	snprintf(file->path, sizeof(file->path), "logs/%s/%s", tag, name);
	if (is_there(query->dir, file->path, ""))
		return;
	if (is_there(query->dir, file->path, ".zst")) {
		file->name.compressed = true;
		suffix = ".zst";
	} else if (is_there(query->dir, file->path, LOG_NAME_PART)) {
		file->name.part = true;
		suffix = LOG_NAME_PART;
	}
	strncat(file->path, suffix, sizeof(file->path) - strlen(file->path) - 1);
}

static bool take_file(sqlite3_stmt *statement, const struct query *query, struct query_file *file)
{
	char name[LOG_NAME_MAX];

	memset(file, 0, sizeof(*file));
	query_db_text(statement, 0, name, sizeof(name));
	if (!log_name_parse(name, &file->name))
		return false;
	file->bytes = query_db_number(statement, 1);
	file->sections = query_db_number(statement, 2);
	file->records = query_db_number(statement, 3);
	file->skipped = query_db_number(statement, 4);
	file->first_ns = query_db_number(statement, 5);
	file->last_ns = query_db_number(statement, 6);
	find_file(query, file);
	return true;
}

static bool on_file(void *context, sqlite3_stmt *statement)
{
	struct sections_query *q = context;
	struct query_file file;

	if (!take_file(statement, q->query, &file))
		return true;
	q->handed_out++;
	return q->file(q->context, &file) && (!q->query->limit || q->handed_out < q->query->limit);
}

static bool on_section(void *context, sqlite3_stmt *statement)
{
	struct sections_query *q = context;
	struct query_file file;
	struct section_row row = { 0 };
	int at = FILE_COLUMN_COUNT;

	if (!take_file(statement, q->query, &file))
		return true;
	row.offset_bytes = query_db_number(statement, at++);
	row.length_bytes = query_db_number(statement, at++);
	row.dump_time_s = (int64_t)query_db_number(statement, at++);
	row.first_ns = query_db_number(statement, at++);
	row.last_ns = query_db_number(statement, at++);
	row.records = (uint32_t)query_db_number(statement, at++);
	row.packets = (uint32_t)query_db_number(statement, at++);
	row.skipped = (uint32_t)query_db_number(statement, at++);
	row.ip_version = query_db_address(statement, at++, row.local_address);
	row.local_port = (uint16_t)query_db_number(statement, at++);
	query_db_address(statement, at++, row.foreign_address);
	row.foreign_port = (uint16_t)query_db_number(statement, at++);
	query_db_text(statement, at++, row.id, sizeof(row.id));
	query_db_text(statement, at++, row.reason, sizeof(row.reason));
	query_db_text(statement, at++, row.tag, sizeof(row.tag));
	q->handed_out++;
	return q->section(q->context, &file, &row) &&
	       (!q->query->limit || q->handed_out < q->query->limit);
}

/* Whether a condition is about sections, and not only about their files. */
static bool looks_at_sections(const struct query *query)
{
	return query->filter || query->id || query->reason || query->since_ns ||
	       query->until_ns != UINT64_MAX;
}

static void add_conditions(struct query_db *db, const struct query *query, bool sections)
{
	if (query->since_ns) {
		query_db_and_number(db, "f.last_ns >= ?", query->since_ns);
		if (sections)
			query_db_and_number(db, "s.last_ns >= ?", query->since_ns);
	}
	if (query->until_ns != UINT64_MAX) {
		query_db_and_number(db, "f.first_ns <= ?", query->until_ns);
		if (sections)
			query_db_and_number(db, "s.first_ns <= ?", query->until_ns);
	}
	if (query->views != VIEW_BOTH)
		query_db_and(db, query->views == VIEW_SERVER ? "f.view = 1" : "f.view = 0");
	query_db_and_match(db, "f.tag", query->tag);
	if (!sections)
		return;
	query_db_and_match(db, "s.id", query->id);
	query_db_and_match(db, "s.reason", query->reason);
	query_db_and_ends(db, "s.local", "s.local_port", "s.foreign_", "s.foreign_port");
}

/* Of a short time, the few files of it are the way in; else an address or an ID is. */
static const char *way_in(const struct query *query)
{
	bool by_time = query->since_ns || query->until_ns != UINT64_MAX;

	/* The order is given: what SQLite estimates is far off for conditions with OR. */
	if (query->terms.net_count || (query->id && !strpbrk(query->id, "*?[")))
		return "FROM h.sections s CROSS JOIN h.files f ON f.id = s.file";
	return by_time ? "FROM h.files f CROSS JOIN h.sections s ON s.file = f.id"
		       : "FROM h.sections s JOIN h.files f ON f.id = s.file";
}

static const char *order_of(const struct query *query, char out[160])
{
	static const char *const keys[] = {
		[BY_TIME] = "first_ns",
		[BY_DURATION] = "last_ns - first_ns",
		[BY_BYTES] = "length",
		[BY_SEGMENTS] = "packets",
		[BY_RETRANSMISSIONS] = "records",
		[BY_RTT] = "records",
		[BY_EVENTS] = "records",
	};

	if (query->order == BY_TIME && !query->descending)
		return NULL;
	snprintf(out, 160, "ORDER BY %s %s, first_ns LIMIT %lld", keys[query->order],
		 query->descending ? "DESC" : "", query->limit ? (long long)query->limit : -1LL);
	return out;
}

int query_sections(const struct query *query,
		   bool (*row)(void *context, const struct query_file *file,
			       const struct section_row *section),
		   void *context, char *error, size_t error_bytes)
{
	struct sections_query q = { .query = query, .section = row, .context = context };
	char order[160];
	struct query_statement statement = {
		.columns = FILE_COLUMNS ", " SECTION_COLUMNS,
		.from = way_in(query),
		.tail = "ORDER BY s.first_ns",
		.select = "*",
		.sorted = order_of(query, order),
	};
	struct query_db db;
	int result = query_db_open(&db, query, error, error_bytes);

	if (result < 0)
		return result;
	if (statement.sorted)
		statement.tail = NULL;
	add_conditions(&db, query, true);
	result = query_db_run(&db, &statement, on_section, &q);
	query_db_close(&db);
	return result;
}

int query_files(const struct query *query,
		bool (*row)(void *context, const struct query_file *file), void *context,
		char *error, size_t error_bytes)
{
	struct sections_query q = { .query = query, .file = row, .context = context };
	bool sections = looks_at_sections(query);
	struct query_statement statement = {
		.columns = sections ? "DISTINCT " FILE_COLUMNS : FILE_COLUMNS,
		.from = sections ? way_in(query) : "FROM h.files f",
		.tail = "ORDER BY f.start_s, f.name",
	};
	static const char *const keys[] = {
		[BY_TIME] = "file_first",
		[BY_DURATION] = "file_last - file_first",
		[BY_BYTES] = "file_bytes",
		[BY_SEGMENTS] = "file_sections",
		[BY_RETRANSMISSIONS] = "file_records",
		[BY_RTT] = "file_records",
		[BY_EVENTS] = "file_records",
	};
	char order[160];
	struct query_db db;
	int result = query_db_open(&db, query, error, error_bytes);

	if (result < 0)
		return result;
	if (query->order != BY_TIME || query->descending) {
		snprintf(order, sizeof(order), "ORDER BY %s %s, file_first LIMIT %lld",
			 keys[query->order], query->descending ? "DESC" : "",
			 query->limit ? (long long)query->limit : -1LL);
		statement.sorted = order;
		statement.select = "*";
		statement.tail = NULL;
	}
	add_conditions(&db, query, sections);
	result = query_db_run(&db, &statement, on_file, &q);
	query_db_close(&db);
	return result;
}
