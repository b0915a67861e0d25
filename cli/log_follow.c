/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/log_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/log_paths.h"
#include "store/log_name.h"
#include "store/log_scan.h"

struct followed {
	char *name;	/* as it will be when it is complete */
	uint64_t bytes; /* handed out so far */
	bool seen;
};

struct log_follow {
	char dir[PATH_MAX];
	uint8_t views;
	bool begun;
	struct followed *files;
	size_t count, room;
	/* Of the file at hand */
	const char *path;
	bool (*section)(void *context, const char *path, uint64_t offset_bytes);
	void *context;
	bool more;
};

struct log_follow *log_follow_open(const char *dir, uint8_t views)
{
	struct log_follow *follow = calloc(1, sizeof(*follow));

	if (!follow)
		return NULL;
	snprintf(follow->dir, sizeof(follow->dir), "%s", dir);
	follow->views = views;
	return follow;
}

void log_follow_close(struct log_follow **follow)
{
	struct log_follow *f = *follow;

	*follow = NULL;
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		free(f->files[i].name);
	free(f->files);
	free(f);
}

static struct followed *find(struct log_follow *follow, const char *path)
{
	size_t length = strlen(path), part = strlen(LOG_NAME_PART);
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s", path);
	if (length > part && strcmp(path + length - part, LOG_NAME_PART) == 0)
		name[length - part] = '\0';
	for (size_t i = 0; i < follow->count; i++)
		if (strcmp(follow->files[i].name, name) == 0)
			return &follow->files[i];
	if (follow->count == follow->room) {
		size_t room = follow->room ? 2 * follow->room : 64;
		struct followed *grown = realloc(follow->files, room * sizeof(*grown));

		if (!grown)
			return NULL;
		follow->files = grown;
		follow->room = room;
	}
	follow->files[follow->count] = (struct followed){ .name = strdup(name) };
	return follow->files[follow->count].name ? &follow->files[follow->count++] : NULL;
}

static bool on_section(void *context, const struct section_row *row)
{
	struct log_follow *follow = context;

	if (follow->begun)
		follow->more = follow->section(follow->context, follow->path, row->offset_bytes);
	return follow->more;
}

static void look_at(struct log_follow *follow, const char *path)
{
	struct followed *file = find(follow, path);
	struct log_scan_end end;
	struct stat status;
	char error[512];

	if (!file)
		return;
	/* It may have got its name since the folder was read. */
	if (stat(path, &status) < 0)
		path = file->name;
	if (stat(path, &status) < 0)
		return;
	file->seen = true;
	/* What was complete when it was first seen is of no interest. */
	if (!follow->begun && strcmp(file->name, path) == 0) {
		file->bytes = (uint64_t)status.st_size;
		return;
	}
	if ((uint64_t)status.st_size <= file->bytes)
		return;
	follow->path = path;
	/* Half a section at the end is there whole at the next look. */
	if (log_scan(path, file->bytes, on_section, follow, &end, error, sizeof(error)) == 0)
		file->bytes = end.whole_bytes;
}

static void forget_unseen(struct log_follow *follow)
{
	size_t kept = 0;

	for (size_t i = 0; i < follow->count; i++) {
		if (follow->files[i].seen) {
			follow->files[kept] = follow->files[i];
			follow->files[kept++].seen = false;
		} else {
			free(follow->files[i].name);
		}
	}
	follow->count = kept;
}

int log_follow_look(struct log_follow *follow,
		    bool (*section)(void *context, const char *path, uint64_t offset_bytes),
		    void *context, char *error, size_t error_bytes)
{
	struct log_paths paths;
	int result = log_paths_find(&paths, follow->dir, follow->views, error, error_bytes);

	follow->section = section;
	follow->context = context;
	follow->more = true;
	if (result == -ENOENT && access(follow->dir, F_OK) == 0) {
		follow->begun = true; /* nothing was written yet */
		return 0;
	}
	if (result < 0)
		return result;
	for (size_t i = 0; i < paths.count && follow->more; i++) {
		size_t length = strlen(paths.paths[i]);

		/* A compressed one was followed when it was not. */
		if (length < 4 || !strstr(paths.paths[i] + length - 4, ".zst"))
			look_at(follow, paths.paths[i]);
	}
	log_paths_dispose(&paths);
	if (follow->more)
		forget_unseen(follow);
	follow->begun = true;
	return 0;
}

bool log_follow_is_written(const struct log_follow *follow)
{
	char path[PATH_MAX];
	int fd;
	bool written = false;

	snprintf(path, sizeof(path), "%.*s/.lock", PATH_MAX - 16, follow->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		written = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
		close(fd);
	}
	return written;
}
