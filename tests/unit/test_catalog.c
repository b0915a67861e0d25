/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever happens to the catalogue or to the files, a comparison leads to what is made from nothing. */
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/frame.h"
#include "store/catalog.h"
#include "store/flow_log.h"
#include "store/log_scan.h"
#include "tests/unit/made_section.h"
#include "tests/unit/temp_dir.h"

#define START_NS UINT64_C(1700000000000000000)

static struct iface_table ifaces;
static char out[160];
static const struct log_name name = { .tag = "web",
				      .start_s = START_NS / 1000000000,
				      .number = 1,
				      .side = SIDE_SERVER,
				      .linktype = LINKTYPE_ETHERNET };

static void path_of(const struct log_name *file, char path[700])
{
	char text[LOG_NAME_MAX], tag[TAG_NAME_MAX];

	log_name_tag(file->tag, tag);
	log_name_make(file, text);
	snprintf(path, 700, "%s/logs/%s/%s", out, tag, text);
}

/* A new DIR with a log file of 20 sections and a flow log of 30 lines in 3 frames; rows[] are its sections'. */
static struct section_row rows[20];

static void on_row(void *context, const struct flow_name *file, const struct flow_row *row)
{
	if (context)
		assert_int_equal(catalog_flow(context, file, row), 0);
}

static void on_bytes(void *context, const struct flow_name *file, uint64_t bytes)
{
	if (context)
		assert_int_equal(catalog_flow_bytes(context, file, bytes), 0);
}

static void on_failed(void *context, uint64_t lines, int error)
{
	fail();
}

static void make_files(const char *sub, struct catalog *catalog)
{
	struct flow_log_config config = { .dir = out,
					  .ifaces = &ifaces,
					  .written = on_row,
					  .file_bytes = on_bytes,
					  .failed = on_failed,
					  .context = catalog };
	struct pcapng_buffer buffer = { 0 };
	struct flow_log *log;
	char path[700];
	FILE *file;

	snprintf(path, sizeof(path), "%s/logs", out);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/logs/web", out);
	mkdir(path, 0777);
	for (uint32_t i = 0; i < 20; i++) {
		uint64_t offset = buffer.length;

		made_section(&buffer, &rows[i], i, 1 + i % 5, START_NS + i * UINT64_C(1000000000),
			     "web");
		rows[i].offset_bytes = offset;
	}
	path_of(&name, path);
	file = fopen(path, "wb");
	assert_int_equal(fwrite(buffer.bytes, 1, buffer.length, file), buffer.length);
	fclose(file);
	pcapng_buffer_dispose(&buffer);
	assert_int_equal(flow_log_open(&log, &config), 0);
	for (uint32_t i = 0; i < 30; i++) {
		struct flow_summary summary = { .key = { .ip_version = 4 },
						.connection = i + 1,
						.start = 1,
						.end_reason = 1,
						.first_ts_ns = START_NS,
						.last_ts_ns = START_NS + i };

		snprintf(summary.id, sizeof(summary.id), "id-%u", i % 3);
		assert_int_equal(flow_log_append(log, &summary, NULL), 0);
		if (i % 10 == 9)
			flow_log_flush(log);
	}
	assert_int_equal(flow_log_close(&log), 0);
}

static struct catalog *begin(const char *sub)
{
	struct catalog *catalog;
	char error[256];

	snprintf(out, sizeof(out), "%s/%s", dir, sub);
	mkdir(out, 0777);
	assert_int_equal(catalog_open(&catalog, out, error, sizeof(error)), 0);
	return catalog;
}

static void db_path(char path[700])
{
	snprintf(path, 700, "%s/catalog/20231114T22Z.sqlite", out);
}

/* All rows as one text. */
static char *contents(void)
{
	static const char *const queries[] = {
		"SELECT name, tag, view, bytes, sections, records, skipped, first_ns, last_ns FROM "
		"files ORDER BY 1",
		"SELECT f.name, s.offset, s.length, s.dump_time_s, s.first_ns, s.last_ns, "
		"s.records, s.packets, s.skipped, "
		"hex(s.local), s.local_port, hex(s.foreign_), s.foreign_port, s.id, s.reason FROM "
		"sections s JOIN files f ON "
		"f.id = s.file ORDER BY 1, 2",
		"SELECT name, bytes, lines, first_ns, last_ns FROM flow_files ORDER BY 1",
		"SELECT f.name, c.frame, c.line, c.connection, c.first_ns, c.last_ns, "
		"hex(c.client), c.id FROM connections c "
		"JOIN flow_files f ON f.id = c.file ORDER BY 1, 2, 3",
	};
	char path[700], *text;
	size_t length;
	FILE *to = open_memstream(&text, &length);
	sqlite3 *db;

	db_path(path);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		sqlite3_stmt *statement;

		assert_int_equal(sqlite3_prepare_v2(db, queries[i], -1, &statement, NULL),
				 SQLITE_OK);
		while (sqlite3_step(statement) == SQLITE_ROW) {
			for (int j = 0; j < sqlite3_column_count(statement); j++)
				fprintf(to, "%s|", sqlite3_column_text(statement, j));
			fputc('\n', to);
		}
		sqlite3_finalize(statement);
	}
	sqlite3_close(db);
	fclose(to);
	return text;
}

static void sync_it(bool all, struct catalog_sync_counts *counts)
{
	struct catalog *catalog;
	char error[256];

	assert_int_equal(catalog_open(&catalog, out, error, sizeof(error)), 0);
	assert_int_equal(catalog_sync(catalog, all, NULL, NULL, counts, error, sizeof(error)), 0);
	assert_int_equal(catalog_close(&catalog), 0);
}

/* Brought up to date it is as if made from nothing, with so many sections and connections. */
static void check(uint64_t sections, uint64_t flows)
{
	struct catalog_sync_counts counts;
	char *changed, *all;

	sync_it(false, &counts);
	changed = contents();
	sync_it(true, &counts);
	all = contents();
	assert_string_equal(changed, all);
	assert_int_equal(counts.sections, sections);
	assert_int_equal(counts.flows, flows);
	free(changed);
	free(all);
	/* And nothing is left to do. */
	sync_it(false, &counts);
	assert_int_equal(counts.files, 0);
}

static void rows_are_what_the_files_say(void **state)
{
	struct catalog *catalog = begin("rows");
	struct catalog_sync_counts counts;
	char *rows_of_writer, *rows_of_files;

	(void)state;
	make_files("rows", catalog);
	for (int i = 0; i < 20; i++)
		assert_int_equal(catalog_section(catalog, &name, &rows[i]), 0);
	assert_int_equal(catalog_commit(catalog), 0);
	assert_int_equal(catalog_close_hours(catalog, UINT64_MAX), 1);
	assert_int_equal(catalog_close_hours(catalog, UINT64_MAX), 0);
	assert_false(catalog_is_behind(catalog));
	assert_int_equal(catalog_close(&catalog), 0);
	rows_of_writer = contents();
	sync_it(true, &counts);
	rows_of_files = contents();
	assert_string_equal(rows_of_writer, rows_of_files);
	free(rows_of_writer);
	free(rows_of_files);
	check(20, 30);
}

static void a_gap_is_found_in_the_files(void **state)
{
	struct catalog *catalog = begin("gap");

	(void)state;
	make_files("gap", NULL);
	for (int i = 0; i < 20; i++)
		assert_int_equal(catalog_section(catalog, &name, &rows[i == 7 ? 8 : i]),
				 i < 7 ? 0 : -EAGAIN);
	assert_true(catalog_is_behind(catalog));
	assert_int_equal(catalog_close(&catalog), 0);
	check(20, 30);
}

/* Killed after any number of rows, committed or not. */
static void a_killed_writer(void **state)
{
	(void)state;
	for (int rows_taken = 0; rows_taken <= 20; rows_taken += 4) {
		char sub[32];
		int status;
		pid_t child;

		snprintf(sub, sizeof(sub), "killed-%d", rows_taken);
		catalog_close(&(struct catalog *){ begin(sub) });
		make_files(sub, NULL);
		child = fork();
		if (child == 0) {
			struct catalog *catalog = begin(sub);

			for (int i = 0; i < rows_taken; i++) {
				catalog_section(catalog, &name, &rows[i]);
				if (i % 3 == 0)
					catalog_commit(catalog);
			}
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		check(20, 30);
	}
}

static void files_that_changed(void **state)
{
	struct catalog_sync_counts counts;
	char path[700];

	(void)state;
	catalog_close(&(struct catalog *){ begin("changed") });
	make_files("changed", NULL);
	check(20, 30);
	/* Shorter: the power was lost. */
	path_of(&name, path);
	assert_int_equal(truncate(path, (off_t)rows[12].offset_bytes), 0);
	check(12, 30);
	/* Gone. */
	unlink(path);
	sync_it(false, &counts);
	assert_int_equal(counts.forgotten, 1);
	check(0, 30);
	/* All of the hour. */
	snprintf(path, sizeof(path), "%s/connections/20231114T22Z.jsonl.zst", out);
	unlink(path);
	sync_it(false, &counts);
	db_path(path);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_damaged_catalogue_is_made_again(void **state)
{
	char path[700];

	(void)state;
	catalog_close(&(struct catalog *){ begin("damaged") });
	make_files("damaged", NULL);
	check(20, 30);
	db_path(path);
	for (off_t length = 0; length < 40000; length += 4096 + 100) {
		FILE *file;

		assert_int_equal(truncate(path, length), 0);
		check(20, 30);
		file = fopen(path, "r+b");
		fseek(file, length, SEEK_SET);
		for (int i = 0; i < 3000; i++)
			fputc(rand(), file);
		fclose(file);
		{
			/* Some damage is not seen by who looks for what has changed; a new one is right. */
			struct catalog_sync_counts counts;

			sync_it(true, &counts);
			assert_int_equal(counts.sections, 20);
		}
		check(20, 30);
	}
}

static void a_newer_version_is_left_alone(void **state)
{
	struct catalog_sync_counts counts;
	char path[700];
	sqlite3 *db;

	(void)state;
	catalog_close(&(struct catalog *){ begin("newer") });
	make_files("newer", NULL);
	check(20, 30);
	db_path(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA user_version = 99; CREATE TABLE future(x)", NULL, NULL, NULL);
	sqlite3_close(db);
	sync_it(false, &counts);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "SELECT * FROM future", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	check(20, 30);
}

static int setup(void **state)
{
	iface_table_add(&ifaces, "eth7", 1);
	return temp_dir_make(state);
}

static uint32_t indexed_hours(void)
{
	uint32_t indexed = 0;

	for (uint64_t hour = START_NS / UINT64_C(3600000000000), end = hour + 12; hour < end;
	     hour++) {
		char path[700], text[HOUR_NAME_MAX];
		sqlite3_stmt *statement;
		sqlite3 *db;

		log_name_hour(hour, text);
		snprintf(path, sizeof(path), "%s/catalog/%s.sqlite", out, text);
		if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
			assert_int_equal(
				sqlite3_prepare_v2(db,
						   "SELECT count(*) FROM sqlite_master WHERE name "
						   "IN ('sections_local', 'connections_id')",
						   -1, &statement, NULL),
				SQLITE_OK);
			assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
			indexed += sqlite3_column_int(statement, 0) == 2;
			sqlite3_finalize(statement);
		}
		sqlite3_close(db);
	}
	return indexed;
}

/* Rows of more hours than are kept open, and of one run after the other: each hour gets its indexes. */
static void every_hour_is_indexed_in_the_end(void **state)
{
	struct catalog *catalog = begin("hours");
	struct catalog_sync_counts counts;
	char error[256];

	(void)state;
	make_files("hours", NULL);
	for (uint32_t hour = 0; hour < 12; hour++) {
		struct log_name file = name;
		struct section_row row = rows[0];

		file.start_s += hour * 3600;
		assert_int_equal(catalog_section(catalog, &file, &row), 0);
	}
	assert_int_equal(indexed_hours(), 0);
	while (catalog_close_hours(catalog, name.start_s / 3600 + 11) > 0)
		continue;
	assert_int_equal(indexed_hours(), 11);
	/* The twelfth was not over when the run ended. */
	assert_int_equal(catalog_close(&catalog), 0);
	assert_int_equal(indexed_hours(), 11);

	catalog = begin("restarted");
	make_files("restarted", NULL);
	assert_int_equal(catalog_section(catalog, &name, &rows[0]), 0);
	assert_int_equal(catalog_close(&catalog), 0);
	catalog = begin("restarted");
	assert_int_equal(catalog_sync(catalog, false, NULL, NULL, &counts, error, sizeof(error)),
			 0);
	assert_int_equal(indexed_hours(), 0);
	assert_int_equal(catalog_close_hours(catalog, name.start_s / 3600), 0);
	assert_int_equal(catalog_close_hours(catalog, name.start_s / 3600 + 1), 1);
	assert_int_equal(indexed_hours(), 1);
	assert_int_equal(catalog_close_hours(catalog, name.start_s / 3600 + 1), 0);
	assert_int_equal(catalog_close(&catalog), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_what_the_files_say),
		cmocka_unit_test(a_gap_is_found_in_the_files),
		cmocka_unit_test(a_killed_writer),
		cmocka_unit_test(files_that_changed),
		cmocka_unit_test(a_damaged_catalogue_is_made_again),
		cmocka_unit_test(a_newer_version_is_left_alone),
		cmocka_unit_test(every_hour_is_indexed_in_the_end),
	};

	return cmocka_run_group_tests(tests, setup, temp_dir_remove);
}
