/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/compress.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "store/disk.h"
#include "store/log_name.h"

#define FRAME_BYTES (4u << 20)

struct compressor {
	int from, to;
	uint64_t written;
	ZSTD_CCtx *zstd;
	uint8_t *plain, *packed;
	size_t packed_room;
};

static ssize_t read_all(int fd, uint8_t *to, size_t bytes)
{
	size_t got = 0;

	while (got < bytes) {
		ssize_t part = read(fd, to + got, bytes - got);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return -errno;
		if (part == 0)
			break;
		got += (size_t)part;
	}
	return (ssize_t)got;
}

/* 1: a frame was written; 0: there is nothing left. */
static int one_frame(struct compressor *c, int level)
{
	ssize_t plain = read_all(c->from, c->plain, FRAME_BYTES);
	size_t packed;
	int result;

	if (plain <= 0)
		return (int)plain;
	packed = ZSTD_compressCCtx(c->zstd, c->packed, c->packed_room, c->plain, (size_t)plain,
				   level);
	if (ZSTD_isError(packed))
		return -ENOMEM;
	result = disk_write(c->to, c->written, c->packed, packed);
	c->written += packed;
	return result < 0 ? result : 1;
}

static int all_frames(struct compressor *c, int level, bool (*should_stop)(void *context),
		      void *context)
{
	int result;

	c->packed_room = ZSTD_compressBound(FRAME_BYTES);
	c->zstd = ZSTD_createCCtx();
	c->plain = malloc(FRAME_BYTES);
	c->packed = malloc(c->packed_room);
	if (!c->zstd || !c->plain || !c->packed)
		result = -ENOMEM;
	else
		while ((result = one_frame(c, level)) == 1)
			if (should_stop && should_stop(context)) {
				result = -ECANCELED;
				break;
			}
	ZSTD_freeCCtx(c->zstd);
	free(c->plain);
	free(c->packed);
	return result;
}

static void folder_of(const char *path, char out[PATH_MAX])
{
	char *slash;

	snprintf(out, PATH_MAX, "%s", path);
	slash = strrchr(out, '/');
	if (slash)
		*slash = '\0';
	else
		strcpy(out, ".");
}

int compress_file(const char *path, int level, bool sync, bool (*should_stop)(void *context),
		  void *context, char *error, size_t error_bytes)
{
	struct compressor c = { .from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), .to = -1 };
	char part[PATH_MAX], packed[PATH_MAX], folder[PATH_MAX];
	struct stat status;
	int result = 0, closed;

	snprintf(packed, sizeof(packed), "%.*s.zst", PATH_MAX - 16, path);
	snprintf(part, sizeof(part), "%.*s%s", PATH_MAX - 8, packed, LOG_NAME_PART);
	folder_of(path, folder);
	if (c.from < 0 || fstat(c.from, &status) < 0)
		result = -errno;
	if (result == 0) {
		c.to = disk_create(part);
		result = c.to < 0 ? c.to : all_frames(&c, level, should_stop, context);
	}
	if (c.to >= 0) {
		struct timespec times[2] = { status.st_atim, status.st_mtim };

		futimens(c.to, times);
		if (result == 0 && sync)
			result = disk_sync(c.to);
		closed = disk_close(c.to);
		result = result < 0 ? result : closed;
		if (result == 0)
			result = disk_rename(part, packed);
		if (result < 0)
			disk_remove(part);
	}
	if (result == 0 && sync)
		result = disk_sync_dir(folder);
	if (result == 0)
		result = disk_remove(path);
	if (c.from >= 0)
		close(c.from);
	if (result < 0)
		snprintf(error, error_bytes, "%s: not compressed: %s", path, strerror(-result));
	return result;
}

int compress_recover(const char *folder)
{
	DIR *stream = opendir(folder);
	struct dirent *entry;
	int result = 0;

	if (!stream)
		return -errno;
	while ((entry = readdir(stream))) {
		char path[PATH_MAX];
		struct log_name name;

		if (!log_name_parse(entry->d_name, &name) || !name.compressed)
			continue;
		/* A compressed one that has its name is whole: that which it was made from is too much. */
		snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 260, folder, entry->d_name);
		if (!name.part)
			path[strlen(path) - strlen(".zst")] = '\0';
		if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
			int removed = disk_remove(path);

			result = result < 0 ? result : removed;
		}
	}
	closedir(stream);
	return result;
}
