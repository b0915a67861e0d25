/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/catalog.h"
#include "store/catalog_private.h"
#include "store/flow_log.h"
#include "store/log_scan.h"

#define FRESH ".new"

/* A file below DIR. */
struct found {
	uint64_t hour;
	bool is_flow;
	struct log_name log;
	struct flow_name flow;
	uint64_t bytes; /* on the disk */
};

struct found_list {
	struct found *items;
	size_t count, room;
};

struct sync {
	struct catalog *catalog;
	bool all;
	void (*tell)(void *context, const char *words);
	void *context;
	struct catalog_sync_counts *counts;
	char *error;
	size_t error_bytes;
	struct found_list files;
	/* Of the file at hand */
	struct catalog_hour *hour;
	struct catalog_file *file;
	bool marked;
	int failed;
};

static void say(struct sync *sync, uint64_t hour, const char *what)
{
	char words[512], name[HOUR_NAME_MAX];

	if (!sync->tell)
		return;
	log_name_hour(hour, name);
	snprintf(words, sizeof(words), "catalogue of %s: %s", name, what);
	sync->tell(sync->context, words);
}

static int add(struct found_list *list, const struct found *found)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 1024;
		struct found *grown = realloc(list->items, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->items = grown;
		list->room = room;
	}
	list->items[list->count++] = *found;
	return 0;
}

static void path_of(const struct sync *sync, const struct found *found, char out[PATH_MAX])
{
	char tag[TAG_NAME_MAX], name[LOG_NAME_MAX];

	if (found->is_flow) {
		flow_name_make(&found->flow, name);
		snprintf(out, PATH_MAX, "%.*s/connections/%s%s", PATH_MAX - 512, sync->catalog->dir,
			 name, found->flow.part ? LOG_NAME_PART : "");
		return;
	}
	log_name_tag(found->log.tag, tag);
	log_name_make(&found->log, name);
	snprintf(out, PATH_MAX, "%.*s/logs/%s/%s%s%s", PATH_MAX - 512, sync->catalog->dir, tag,
		 name, found->log.compressed ? ".zst" : "", found->log.part ? LOG_NAME_PART : "");
}

static int add_if_ours(struct sync *sync, const char *folder, const char *text, bool is_flow)
{
	struct found found = { .is_flow = is_flow };
	char path[PATH_MAX];
	struct stat status;

	if (is_flow ? !flow_name_parse(text, &found.flow) : !log_name_parse(text, &found.log))
		return 0;
	/* One that is being compressed is there as it was, too. */
	if (!is_flow && found.log.compressed && found.log.part)
		return 0;
	found.hour = is_flow ? found.flow.hour : found.log.start_s / 3600;
	snprintf(path, sizeof(path), "%.*s/%.300s", PATH_MAX - 320, folder, text);
	if (lstat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return 0;
	found.bytes = (uint64_t)status.st_size;
	return add(&sync->files, &found);
}

static int each_entry(struct sync *sync, const char *folder,
		      int (*one)(struct sync *sync, const char *folder, const char *name))
{
	DIR *stream = opendir(folder);
	struct dirent *entry;
	int result = 0;

	if (!stream)
		return errno == ENOENT ? 0 : -errno;
	while (result == 0 && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			result = one(sync, folder, entry->d_name);
	closedir(stream);
	return result;
}

static int add_log(struct sync *sync, const char *folder, const char *name)
{
	return add_if_ours(sync, folder, name, false);
}

static int add_flow(struct sync *sync, const char *folder, const char *name)
{
	return add_if_ours(sync, folder, name, true);
}

static int add_tag(struct sync *sync, const char *folder, const char *name)
{
	char path[PATH_MAX], tag[LOG_TAG_MAX];

	if (!log_name_tag_decode(name, strlen(name), tag))
		return 0;
	snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 300, folder, name);
	return each_entry(sync, path, add_log) == -ENOMEM ? -ENOMEM : 0;
}

static int by_hour(const void *a, const void *b)
{
	const struct found *left = a, *right = b;
	char l[LOG_NAME_MAX], r[LOG_NAME_MAX];
	int order;

	if (left->hour != right->hour)
		return left->hour < right->hour ? -1 : 1;
	if (left->is_flow != right->is_flow)
		return left->is_flow - right->is_flow;
	if (left->is_flow) {
		flow_name_make(&left->flow, l);
		flow_name_make(&right->flow, r);
	} else {
		log_name_make(&left->log, l);
		log_name_make(&right->log, r);
	}
	order = strcmp(l, r);
	/* The compressed one behind the other: it is the same. */
	return order ? order : left->log.compressed - right->log.compressed;
}

/* The hours of databases without a file count too: they are to be removed. */
static int add_hour(struct sync *sync, const char *folder, const char *name)
{
	struct found found = { .is_flow = true };

	(void)folder;
	if (!log_name_hour_parse(name, &found.hour) || strcmp(name + strlen(name) - 7, ".sqlite"))
		return 0;
	found.bytes = UINT64_MAX; /* stands for no file */
	return add(&sync->files, &found);
}

static bool take_section(void *context, const struct section_row *row)
{
	struct sync *sync = context;

	sync->failed = catalog_db_section(sync->hour, sync->file, row);
	sync->counts->sections++;
	return sync->failed == 0;
}

static void end_frame(struct sync *sync, uint64_t bytes)
{
	struct catalog_file *file = sync->file;

	file->sections += file->frame_lines;
	file->frame_lines = 0;
	file->bytes = bytes;
	file->is_dirty = true;
}

static bool take_line(void *context, uint64_t frame_bytes, uint32_t number, const char *line,
		      size_t bytes)
{
	struct sync *sync = context;
	struct flow_row row = { .frame_bytes = frame_bytes, .line = number };

	if (frame_bytes != sync->file->bytes)
		end_frame(sync, frame_bytes);
	/* What is no line of ours has no row. */
	if (flow_row_from_line(&row, line, bytes)) {
		sync->failed = catalog_db_connection(sync->hour, sync->file, &row);
		sync->counts->flows++;
	}
	return sync->failed == 0;
}

/* Rows of a frame whose end did not get into the catalogue any more. */
static int drop_unfinished(struct sync *sync)
{
	char text[160];

	snprintf(text, sizeof(text), "DELETE FROM connections WHERE file = %lld AND frame >= %lld",
		 (long long)sync->file->id, (long long)sync->file->bytes);
	sync->file->frame_lines = 0;
	return catalog_db_exec(sync->hour, text);
}

static int read_on(struct sync *sync, const struct found *found)
{
	char path[PATH_MAX], error[512];
	struct log_scan_end end;
	uint64_t end_bytes;
	int result;

	path_of(sync, found, path);
	sync->failed = 0;
	if (!found->is_flow) {
		result = log_scan(path, sync->file->bytes, take_section, sync, &end, error,
				  sizeof(error));
		return sync->failed < 0 ? sync->failed : result;
	}
	result = drop_unfinished(sync);
	if (result < 0)
		return result;
	end_bytes = sync->file->bytes;
	result = flow_log_scan(path, sync->file->bytes, take_line, sync, &end_bytes, error,
			       sizeof(error));
	if (result == 0 && sync->failed == 0)
		end_frame(sync, end_bytes);
	return sync->failed < 0 ? sync->failed : result;
}

static int get_file(struct sync *sync, const struct found *found, bool make)
{
	return found->is_flow ? catalog_db_flow_file(sync->hour, &found->flow, make, &sync->file)
			      : catalog_db_log(sync->hour, &found->log, make, &sync->file);
}

/* Whether the catalogue knows all of the file. Of a compressed one the size says nothing. */
static bool is_known(struct sync *sync, const struct found *found)
{
	if (get_file(sync, found, false) < 0)
		return false;
	if (!found->is_flow && found->log.compressed)
		return !sync->marked;
	return sync->file->bytes == found->bytes;
}

static int sync_file(struct sync *sync, const struct found *found)
{
	int result = catalog_db_begin(sync->hour);

	if (result == 0)
		result = get_file(sync, found, true);
	if (result < 0)
		return result;
	if (!(!found->is_flow && found->log.compressed) && found->bytes < sync->file->bytes)
		result = catalog_db_forget(sync->hour, sync->file, false);
	sync->counts->files++;
	return result == 0 ? read_on(sync, found) : result;
}

/* The files of the catalogue that are not on the disk any more. */
static int forget_missing(struct sync *sync, const struct found *first, size_t count, bool is_flow)
{
	sqlite3_stmt *statement;
	int result = catalog_db_error(sqlite3_prepare_v2(
		sync->hour->db, is_flow ? "SELECT name FROM flow_files" : "SELECT name FROM files",
		-1, &statement, NULL));
	char(*missing)[LOG_NAME_MAX] = NULL;
	size_t missing_count = 0;

	while (result == 0 && sqlite3_step(statement) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(statement, 0);
		bool there = false;

		for (size_t i = 0; i < count && !there; i++) {
			char text[LOG_NAME_MAX];

			if (first[i].is_flow != is_flow || first[i].bytes == UINT64_MAX)
				continue;
			if (is_flow)
				flow_name_make(&first[i].flow, text);
			else
				log_name_make(&first[i].log, text);
			there = strcmp(text, name) == 0;
		}
		if (there)
			continue;
		{
			void *grown = realloc(missing, (missing_count + 1) * sizeof(*missing));

			if (!grown) {
				result = -ENOMEM;
				break;
			}
			missing = grown;
			snprintf(missing[missing_count++], LOG_NAME_MAX, "%s", name);
		}
	}
	sqlite3_finalize(statement);
	for (size_t i = 0; i < missing_count && result == 0; i++) {
		struct found found = { .is_flow = is_flow };

		if (is_flow ? !flow_name_parse(missing[i], &found.flow)
			    : !log_name_parse(missing[i], &found.log))
			continue;
		result = get_file(sync, &found, false);
		if (result == 0)
			result = catalog_db_forget(sync->hour, sync->file, true);
		sync->counts->forgotten++;
	}
	free(missing);
	return result;
}

/* Something of it was left to a comparison with the files. */
static bool has_mark(struct catalog_hour *hour)
{
	sqlite3_stmt *statement;
	bool marked = true;

	if (sqlite3_prepare_v2(hour->db, "SELECT 1 FROM meta WHERE key = 'marked'", -1, &statement,
			       NULL) == SQLITE_OK)
		marked = sqlite3_step(statement) == SQLITE_ROW;
	sqlite3_finalize(statement);
	return marked;
}

static int64_t count_files(struct catalog_hour *hour)
{
	sqlite3_stmt *statement;
	int64_t count = -1;

	if (sqlite3_prepare_v2(hour->db,
			       "SELECT (SELECT count(*) FROM files) + "
			       "(SELECT count(*) FROM flow_files)",
			       -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return count;
}

static void remove_db(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char name[4200];

		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
}

static int sync_files(struct sync *sync, const struct found *first, size_t count)
{
	int result = forget_missing(sync, first, count, false);

	if (result == 0)
		result = forget_missing(sync, first, count, true);
	for (size_t i = 0; i < count && result == 0; i++) {
		if (first[i].bytes == UINT64_MAX || is_known(sync, &first[i]))
			continue;
		result = sync_file(sync, &first[i]);
		/* A file that can't be read is passed over: what can be found is found. */
		if (result == -EACCES || result == -ENOENT || result == -EINVAL)
			result = 0;
	}
	if (result == 0)
		result = catalog_db_commit(sync->hour);
	if (result == 0)
		result = catalog_db_exec(sync->hour, "DELETE FROM meta WHERE key = 'marked'");
	return result;
}

/* From nothing, beside the old one, which is there until the new one takes its place. */
static int remake(struct sync *sync, uint64_t number, const struct found *first, size_t count)
{
	struct catalog_hour *hour = calloc(1, sizeof(*hour));
	char path[4096], fresh[4096];
	int result;

	if (!hour)
		return -ENOMEM;
	catalog_db_path(sync->catalog->folder, number, "", path);
	catalog_db_path(sync->catalog->folder, number, FRESH, fresh);
	remove_db(fresh);
	result = catalog_db_open(hour, fresh, number);
	sync->hour = hour;
	if (result == 0)
		result = sync_files(sync, first, count);
	if (result == 0)
		result = catalog_db_build_indexes(hour);
	/* One file, that can be renamed. */
	if (result == 0)
		result = catalog_db_exec(hour, "PRAGMA wal_checkpoint(TRUNCATE)");
	if (result == 0)
		result = catalog_db_close(hour, true);
	else
		catalog_db_close(hour, false);
	free(hour);
	if (result < 0) {
		remove_db(fresh);
		return result;
	}
	remove_db(path);
	return rename(fresh, path) < 0 ? -errno : 0;
}

/* The hour's files are first[0 .. count - 1]. */
static int sync_hour(struct sync *sync, const struct found *first, size_t count)
{
	uint64_t number = first->hour;
	struct catalog_hour *hour;
	char path[4096];
	size_t there = 0;
	bool up_to_date;
	int result;

	for (size_t i = 0; i < count; i++)
		there += first[i].bytes != UINT64_MAX;
	catalog_db_path(sync->catalog->folder, number, "", path);
	if (there == 0) {
		say(sync, number, "removed: there are no files of this hour");
		remove_db(path);
		return 0;
	}
	sync->counts->hours++;
	if (sync->all || access(path, F_OK) < 0) {
		say(sync, number, sync->all ? "made again" : "made");
		return remake(sync, number, first, count);
	}
	hour = calloc(1, sizeof(*hour));
	if (!hour)
		return -ENOMEM;
	result = catalog_db_open(hour, path, number);
	if (result == -EPROTO) {
		say(sync, number, "of a newer version of this program: left as it is");
		free(hour);
		return 0;
	}
	if (result < 0) {
		free(hour);
		say(sync, number, "damaged: made again");
		return remake(sync, number, first, count);
	}
	sync->hour = hour;
	sync->marked = has_mark(hour);
	up_to_date = count_files(hour) == (int64_t)there;
	for (size_t i = 0; i < count && up_to_date; i++)
		if (first[i].bytes != UINT64_MAX)
			up_to_date = is_known(sync, &first[i]);
	if (!up_to_date)
		result = sync_files(sync, first, count);
	if (!up_to_date && result == 0)
		say(sync, number, "brought up to date");
	if (result == 0 && !catalog_db_is_indexed(hour))
		catalog_unindexed(sync->catalog, number);
	result =
		result < 0 ? (catalog_db_close(hour, false), result) : catalog_db_close(hour, true);
	free(hour);
	if (result == -EBADMSG || result == -EIO) {
		say(sync, number, "damaged: made again");
		return remake(sync, number, first, count);
	}
	return result;
}

/* Compressed and not: the same file, once. */
static void drop_twins(struct found_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct found *one = &list->items[i], *before = kept ? &list->items[kept - 1] : NULL;
		char a[LOG_NAME_MAX], b[LOG_NAME_MAX];

		if (before && !one->is_flow && !before->is_flow) {
			log_name_make(&before->log, a);
			log_name_make(&one->log, b);
			if (strcmp(a, b) == 0)
				continue;
		}
		list->items[kept++] = *one;
	}
	list->count = kept;
}

int catalog_sync(struct catalog *catalog, bool all, void (*tell)(void *context, const char *words),
		 void *context, struct catalog_sync_counts *counts, char *error, size_t error_bytes)
{
	struct sync sync = {
		.catalog = catalog, .all = all, .tell = tell, .context = context, .counts = counts
	};
	char folder[PATH_MAX];
	int result;

	memset(counts, 0, sizeof(*counts));
	for (uint32_t i = 0; i < CATALOG_HOURS_OPEN; i++)
		catalog_db_close(&catalog->hours[i], true);
	snprintf(folder, sizeof(folder), "%.*s/logs", PATH_MAX - 512, catalog->dir);
	result = each_entry(&sync, folder, add_tag);
	snprintf(folder, sizeof(folder), "%.*s/connections", PATH_MAX - 512, catalog->dir);
	if (result == 0)
		result = each_entry(&sync, folder, add_flow);
	if (result == 0)
		result = each_entry(&sync, catalog->folder, add_hour);
	if (sync.files.count)
		qsort(sync.files.items, sync.files.count, sizeof(*sync.files.items), by_hour);
	drop_twins(&sync.files);
	for (size_t i = 0, end; i < sync.files.count && result == 0; i = end) {
		for (end = i + 1; end < sync.files.count; end++)
			if (sync.files.items[end].hour != sync.files.items[i].hour)
				break;
		result = sync_hour(&sync, &sync.files.items[i], end - i);
	}
	free(sync.files.items);
	catalog->is_behind = false;
	if (result < 0)
		snprintf(error, error_bytes, "%s: the catalogue can't be made: %s", catalog->folder,
			 strerror(-result));
	return result;
}
