/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/flow_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "store/disk.h"

#define HOURS_MAX     4 /* open at once */
#define NUMBER_MAX    1000000
#define ROWS_MAX      1024 /* lines of a frame */
#define LEVEL	      1
#define NSEC_PER_HOUR (UINT64_C(3600) * 1000000000)

struct hour_file {
	int fd; /* -1: not open */
	struct flow_name name;
	uint64_t used;
	uint64_t bytes; /* of whole frames */
	bool is_torn;
	/* The frame that is being gathered. */
	char *lines;
	size_t line_bytes;
	struct flow_row *rows;
	uint32_t row_count;
};

struct flow_log {
	char dir[PATH_MAX];
	struct flow_log_config config;
	uint64_t clock;
	int failed;
	ZSTD_CCtx *zstd;
	uint8_t *frame;
	size_t frame_room;
	struct hour_file hours[HOURS_MAX];
};

static void free_all(struct flow_log *log)
{
	for (uint32_t i = 0; i < HOURS_MAX; i++) {
		free(log->hours[i].lines);
		free(log->hours[i].rows);
	}
	ZSTD_freeCCtx(log->zstd);
	free(log->frame);
	free(log);
}

int flow_log_open(struct flow_log **out, const struct flow_log_config *config)
{
	struct flow_log *log = calloc(1, sizeof(*log));
	int result = -ENAMETOOLONG;

	if (!log)
		return -ENOMEM;
	log->config = *config;
	log->zstd = ZSTD_createCCtx();
	log->frame_room = ZSTD_compressBound(FLOW_FRAME_BYTES);
	log->frame = malloc(log->frame_room);
	for (uint32_t i = 0; i < HOURS_MAX; i++)
		log->hours[i].fd = -1;
	if (snprintf(log->dir, sizeof(log->dir), "%s/connections", config->dir) <
	    PATH_MAX - LOG_NAME_MAX - 16)
		result = disk_make_dir(config->dir);
	if (result == 0)
		result = disk_make_dir(log->dir);
	if (result == 0 && (!log->zstd || !log->frame))
		result = -ENOMEM;
	if (result < 0) {
		free_all(log);
		return result;
	}
	*out = log;
	return 0;
}

static void path_of(const struct flow_log *log, const struct flow_name *name, const char *suffix,
		    char out[PATH_MAX])
{
	char text[LOG_NAME_MAX];

	flow_name_make(name, text);
	snprintf(out, PATH_MAX, "%.*s/%s%s", PATH_MAX - LOG_NAME_MAX - 16, log->dir, text, suffix);
}

static int write_frame(struct flow_log *log, struct hour_file *file)
{
	size_t bytes = ZSTD_compressCCtx(log->zstd, log->frame, log->frame_room, file->lines,
					 file->line_bytes, LEVEL);
	int result;

	if (ZSTD_isError(bytes))
		return -ENOMEM;
	result = disk_write(file->fd, file->bytes, log->frame, bytes);
	if (result < 0) {
		/* Half a frame would hide what follows; if it can't be cut, the next one is written over it. */
		file->is_torn = disk_cut(file->fd, file->bytes) < 0;
		return result;
	}
	for (uint32_t i = 0; i < file->row_count; i++) {
		file->rows[i].frame_bytes = file->bytes;
		file->rows[i].line = i;
		if (log->config.written)
			log->config.written(log->config.context, &file->name, &file->rows[i]);
	}
	file->bytes += bytes;
	if (log->config.file_bytes)
		log->config.file_bytes(log->config.context, &file->name, file->bytes);
	return 0;
}

/* Ends the frame. One that can't be written is gone: what came since is newer, and memory is bounded. */
static int end_frame(struct flow_log *log, struct hour_file *file)
{
	int result;

	if (file->row_count == 0)
		return 0;
	result = write_frame(log, file);
	if (result < 0 && log->config.failed)
		log->config.failed(log->config.context, file->row_count, result);
	file->row_count = 0;
	file->line_bytes = 0;
	return result;
}

static void note_failure(struct flow_log *log, int result)
{
	if (result < 0 && !log->failed)
		log->failed = result;
}

static void close_hour(struct flow_log *log, struct hour_file *file)
{
	char part[PATH_MAX], path[PATH_MAX];
	int result;

	end_frame(log, file);
	path_of(log, &file->name, LOG_NAME_PART, part);
	path_of(log, &file->name, "", path);
	if (file->is_torn)
		note_failure(log, disk_cut(file->fd, file->bytes));
	if (log->config.sync_at_close)
		note_failure(log, disk_sync(file->fd));
	note_failure(log, disk_close(file->fd));
	file->fd = -1;
	if (file->bytes == 0) {
		note_failure(log, disk_remove(part));
		return;
	}
	result = disk_rename(part, path);
	note_failure(log, result);
	if (result == 0 && log->config.sync_at_close)
		note_failure(log, disk_sync_dir(log->dir));
}

int flow_log_close(struct flow_log **log)
{
	struct flow_log *l = *log;
	int failed;

	*log = NULL;
	if (!l)
		return 0;
	flow_log_close_hours(l, UINT64_MAX);
	failed = l->failed;
	free_all(l);
	return failed;
}

int flow_log_close_hours(struct flow_log *log, uint64_t before_hour)
{
	for (uint32_t i = 0; i < HOURS_MAX; i++)
		if (log->hours[i].fd >= 0 && log->hours[i].name.hour < before_hour)
			close_hour(log, &log->hours[i]);
	return log->failed;
}

static bool is_there(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_hour(struct flow_log *log, struct hour_file *file, uint64_t hour)
{
	char path[PATH_MAX], part[PATH_MAX];

	if (!file->lines)
		file->lines = malloc(FLOW_FRAME_BYTES);
	if (!file->rows)
		file->rows = malloc(ROWS_MAX * sizeof(*file->rows));
	if (!file->lines || !file->rows)
		return -ENOMEM;
	file->name = (struct flow_name){ .hour = hour, .number = 1 };
	for (; file->name.number < NUMBER_MAX; file->name.number++) {
		path_of(log, &file->name, "", path);
		path_of(log, &file->name, LOG_NAME_PART, part);
		if (!is_there(path) && !is_there(part))
			break;
	}
	file->fd = disk_create(part);
	if (file->fd < 0) {
		int result = file->fd;

		file->fd = -1;
		return result;
	}
	file->bytes = 0;
	file->is_torn = false;
	return 0;
}

static int find_hour(struct flow_log *log, uint64_t hour, struct hour_file **out)
{
	struct hour_file *place = &log->hours[0];

	for (uint32_t i = 0; i < HOURS_MAX; i++) {
		struct hour_file *file = &log->hours[i];

		if (file->fd >= 0 && file->name.hour == hour) {
			*out = file;
			return 0;
		}
		if (place->fd >= 0 && (file->fd < 0 || file->used < place->used))
			place = file;
	}
	if (place->fd >= 0)
		close_hour(log, place);
	*out = place;
	return open_hour(log, place, hour);
}

int flow_log_append(struct flow_log *log, const struct flow_summary *summary,
		    const struct flow_sections *sections)
{
	struct hour_file *file;
	int result = find_hour(log, summary->last_ts_ns / NSEC_PER_HOUR, &file);

	if (result < 0)
		return result;
	file->used = ++log->clock;
	if (file->row_count == ROWS_MAX || file->line_bytes + FLOW_LINE_MAX > FLOW_FRAME_BYTES)
		end_frame(log, file);
	flow_row_from_summary(&file->rows[file->row_count++], summary);
	file->line_bytes += flow_line_write(file->lines + file->line_bytes, summary, sections,
					    log->config.ifaces);
	return 0;
}

int flow_log_flush(struct flow_log *log)
{
	int failed = 0;

	for (uint32_t i = 0; i < HOURS_MAX; i++) {
		int result = log->hours[i].fd >= 0 ? end_frame(log, &log->hours[i]) : 0;

		failed = failed ? failed : result;
	}
	return failed;
}
