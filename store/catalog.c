/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/catalog.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/catalog_db.h"
#include "store/catalog_private.h"
#include "store/disk.h"

int catalog_open(struct catalog **out, const char *dir, char *error, size_t error_bytes)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s/catalog", PATH_MAX - 512, dir);
	return catalog_open_in(out, dir, folder, error, error_bytes);
}

int catalog_open_in(struct catalog **out, const char *dir, const char *folder, char *error,
		    size_t error_bytes)
{
	struct catalog *catalog = calloc(1, sizeof(*catalog));
	int result = -ENOMEM;

	if (catalog) {
		snprintf(catalog->dir, sizeof(catalog->dir), "%.*s", PATH_MAX - 512, dir);
		snprintf(catalog->folder, sizeof(catalog->folder), "%.*s", PATH_MAX - 512, folder);
		result = disk_make_dir(catalog->folder);
	}
	if (result < 0) {
		snprintf(error, error_bytes, "%s: %s", folder, strerror(-result));
		free(catalog);
		return result;
	}
	*out = catalog;
	return 0;
}

int catalog_close(struct catalog **catalog)
{
	struct catalog *c = *catalog;
	int failed = 0;

	*catalog = NULL;
	if (!c)
		return 0;
	for (uint32_t i = 0; i < CATALOG_HOURS_OPEN; i++) {
		int result = catalog_db_close(&c->hours[i], true);

		failed = failed ? failed : result;
	}
	free(c);
	return failed;
}

void catalog_unindexed(struct catalog *catalog, uint64_t hour)
{
	for (uint32_t i = 0; i < catalog->unindexed_count; i++)
		if (catalog->unindexed[i] == hour)
			return;
	if (catalog->unindexed_count < CATALOG_UNINDEXED_MAX)
		catalog->unindexed[catalog->unindexed_count++] = hour;
}

/* The hour's database, opened if need be. make: it may be a new one; else -ENOENT. */
static int get_hour(struct catalog *catalog, uint64_t hour, bool make, struct catalog_hour **out)
{
	struct catalog_hour *place = &catalog->hours[0];
	char path[4096];

	for (uint32_t i = 0; i < CATALOG_HOURS_OPEN; i++) {
		struct catalog_hour *one = &catalog->hours[i];

		if (one->db && one->hour == hour) {
			*out = one;
			one->used = ++catalog->clock;
			return 0;
		}
		if (place->db && (!one->db || one->used < place->used))
			place = one;
	}
	catalog_db_path(catalog->folder, hour, "", path);
	if (!make && access(path, F_OK) < 0)
		return -ENOENT;
	if (place->db) {
		catalog_unindexed(catalog, place->hour);
		catalog_db_close(place, true);
	}
	*out = place;
	place->used = ++catalog->clock;
	if (catalog_db_open(place, path, hour) < 0) {
		/* Left to a comparison with the files, which makes it anew. */
		catalog->is_behind = true;
		return -EIO;
	}
	place->used = catalog->clock;
	return 0;
}

static int behind(struct catalog *catalog, struct catalog_hour *hour, int result)
{
	catalog_db_mark(hour);
	catalog->is_behind = true;
	return result;
}

int catalog_section(struct catalog *catalog, const struct log_name *name,
		    const struct section_row *row)
{
	struct catalog_hour *hour;
	struct catalog_file *file;
	int result = get_hour(catalog, name->start_s / 3600, true, &hour);

	if (result < 0)
		return result;
	result = catalog_db_log(hour, name, true, &file);
	if (result == 0 && file->bytes != row->offset_bytes)
		result = -EAGAIN;
	if (result == 0)
		result = catalog_db_section(hour, file, row);
	return result < 0 ? behind(catalog, hour, result) : 0;
}

int catalog_flow(struct catalog *catalog, const struct flow_name *name, const struct flow_row *row)
{
	struct catalog_hour *hour;
	struct catalog_file *file;
	int result = get_hour(catalog, name->hour, true, &hour);

	if (result < 0)
		return result;
	result = catalog_db_flow_file(hour, name, true, &file);
	if (result == 0 && (file->bytes != row->frame_bytes || file->frame_lines != row->line))
		result = -EAGAIN;
	if (result == 0)
		result = catalog_db_connection(hour, file, row);
	return result < 0 ? behind(catalog, hour, result) : 0;
}

int catalog_flow_bytes(struct catalog *catalog, const struct flow_name *name, uint64_t bytes)
{
	struct catalog_hour *hour;
	struct catalog_file *file;
	int result = get_hour(catalog, name->hour, true, &hour);

	if (result < 0)
		return result;
	result = catalog_db_flow_file(hour, name, true, &file);
	/* A frame of which rows are missing is not there. */
	if (result == 0 && file->frame_lines == 0)
		result = -EAGAIN;
	if (result == 0) {
		file->bytes = bytes;
		file->sections += file->frame_lines;
		file->frame_lines = 0;
		file->is_dirty = true;
	}
	return result < 0 ? behind(catalog, hour, result) : 0;
}

/* A catalogue without files is removed. */
static int remove_if_empty(struct catalog *catalog, struct catalog_hour *hour)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	sqlite3_stmt *statement;
	bool empty = false;
	uint64_t number = hour->hour;

	if (sqlite3_prepare_v2(hour->db,
			       "SELECT (SELECT count(*) FROM files) + "
			       "(SELECT count(*) FROM flow_files)",
			       -1, &statement, NULL) == SQLITE_OK)
		empty = sqlite3_step(statement) == SQLITE_ROW &&
			sqlite3_column_int64(statement, 0) == 0;
	sqlite3_finalize(statement);
	if (!empty)
		return 0;
	catalog_db_close(hour, true);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char path[4096];

		catalog_db_path(catalog->folder, number, suffixes[i], path);
		unlink(path);
	}
	return 0;
}

static int forget(struct catalog *catalog, struct catalog_hour *hour, struct catalog_file *file,
		  int result)
{
	if (result == 0)
		result = catalog_db_forget(hour, file, true);
	if (result == -ENOENT)
		return 0;
	return result < 0 ? behind(catalog, hour, result) : remove_if_empty(catalog, hour);
}

int catalog_forget_log(struct catalog *catalog, const struct log_name *name)
{
	struct catalog_hour *hour;
	struct catalog_file *file;
	int result = get_hour(catalog, name->start_s / 3600, false, &hour);

	if (result < 0)
		return result == -ENOENT ? 0 : result;
	result = catalog_db_log(hour, name, false, &file);
	return forget(catalog, hour, file, result);
}

int catalog_forget_flow(struct catalog *catalog, const struct flow_name *name)
{
	struct catalog_hour *hour;
	struct catalog_file *file;
	int result = get_hour(catalog, name->hour, false, &hour);

	if (result < 0)
		return result == -ENOENT ? 0 : result;
	result = catalog_db_flow_file(hour, name, false, &file);
	return forget(catalog, hour, file, result);
}

int catalog_commit(struct catalog *catalog)
{
	int failed = 0;

	for (uint32_t i = 0; i < CATALOG_HOURS_OPEN; i++) {
		int result = 0;

		if (catalog->hours[i].db)
			result = catalog_db_commit(&catalog->hours[i]);
		if (result < 0)
			behind(catalog, &catalog->hours[i], result);
		failed = failed ? failed : result;
	}
	return failed;
}

static void forget_unindexed(struct catalog *catalog, uint64_t hour)
{
	for (uint32_t i = 0; i < catalog->unindexed_count; i++)
		if (catalog->unindexed[i] == hour) {
			catalog->unindexed[i] = catalog->unindexed[--catalog->unindexed_count];
			return;
		}
}

/* One that was closed before it had its indexes. */
static bool open_unindexed(struct catalog *catalog, uint64_t before_hour, struct catalog_hour **out)
{
	uint32_t i = 0;

	while (i < catalog->unindexed_count) {
		uint64_t hour = catalog->unindexed[i];

		if (hour >= before_hour) {
			i++;
			continue;
		}
		if (get_hour(catalog, hour, false, out) == 0)
			return true;
		/* It is gone, or can't be opened. */
		forget_unindexed(catalog, hour);
	}
	return false;
}

int catalog_close_hours(struct catalog *catalog, uint64_t before_hour)
{
	struct catalog_hour *hour = NULL;
	int result;

	for (uint32_t i = 0; i < CATALOG_HOURS_OPEN && !hour; i++)
		if (catalog->hours[i].db && catalog->hours[i].hour < before_hour)
			hour = &catalog->hours[i];
	if (!hour && !open_unindexed(catalog, before_hour, &hour))
		return 0;
	forget_unindexed(catalog, hour->hour);
	result = catalog_db_build_indexes(hour);
	if (result < 0)
		behind(catalog, hour, result);
	catalog_db_close(hour, true);
	return 1;
}

bool catalog_is_behind(const struct catalog *catalog)
{
	return catalog->is_behind;
}
