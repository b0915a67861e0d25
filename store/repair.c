/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/repair.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/compress.h"
#include "store/disk.h"
#include "store/flow_log.h"
#include "store/log_name.h"
#include "store/log_scan.h"
#include "store/pcapng_write.h"

#define NUMBER_MAX 1000000

struct repair {
	bool all;
	void (*tell)(void *context, const char *words);
	void *context;
	struct repair_counts *counts;
	char *error;
	size_t error_bytes;
};

static void say(struct repair *r, const char *path, const char *what)
{
	char words[PATH_MAX + 512];

	if (!r->tell)
		return;
	snprintf(words, sizeof(words), "%s: %s", path, what);
	r->tell(r->context, words);
}

static void say_failed(struct repair *r, const char *path, const char *what, int error)
{
	char words[256];

	r->counts->failed++;
	snprintf(words, sizeof(words), "%s: %s", what, strerror(-error));
	say(r, path, words);
}

/* Where the last whole section ends, by the lengths in the section headers alone. */
static int hop(const char *path, uint64_t *whole_bytes, uint64_t *file_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint32_t header[7]; /* type, length, magic, version, section length (8), ... */
	struct stat status;
	uint64_t at = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0) {
		int result = -errno;

		close(fd);
		return result;
	}
	*file_bytes = (uint64_t)status.st_size;
	while (*file_bytes - at >= sizeof(header) &&
	       pread(fd, header, sizeof(header), (off_t)at) == (ssize_t)sizeof(header) &&
	       header[0] == PCAPNG_SHB && header[1] >= sizeof(header)) {
		uint64_t section, left = *file_bytes - at;

		memcpy(&section, &header[4], sizeof(section));
		if (header[1] > left || section > left - header[1])
			break;
		at += header[1] + section;
	}
	*whole_bytes = at;
	close(fd);
	return 0;
}

static int scan(const char *path, uint64_t *whole_bytes, uint64_t *file_bytes)
{
	struct log_scan_end end;
	char error[512];
	int result = log_scan(path, 0, NULL, NULL, &end, error, sizeof(error));

	*whole_bytes = end.whole_bytes;
	*file_bytes = end.file_bytes;
	return result;
}

/* What is behind whole_bytes is torn: it goes, and the file with it if nothing is left. False: it stays as it is. */
static bool cut(struct repair *r, const char *path, uint64_t whole_bytes, uint64_t file_bytes)
{
	char what[128];
	int result;

	if (whole_bytes && whole_bytes == file_bytes)
		return true;
	if (whole_bytes == 0) {
		result = disk_remove(path);
		if (result < 0) {
			say_failed(r, path, "nothing whole is in it, and it can't be removed",
				   result);
			return false;
		}
		r->counts->removed++;
		say(r, path, "removed: nothing whole was in it");
		return false;
	}
	result = disk_cut_path(path, whole_bytes);
	if (result < 0) {
		say_failed(r, path, "its torn end can't be cut away", result);
		return false;
	}
	r->counts->cut++;
	r->counts->cut_bytes += file_bytes - whole_bytes;
	snprintf(what, sizeof(what), "%llu torn bytes cut away behind the last whole %s",
		 (unsigned long long)(file_bytes - whole_bytes),
		 strstr(path, ".jsonl") ? "lines" : "section");
	say(r, path, what);
	return true;
}

/* Takes ".part" off a name; where that is taken, with another number. */
static void rename_part(struct repair *r, const char *folder, const char *part,
			void (*make)(void *name, char *text), void *name, uint32_t *number)
{
	for (;;) {
		char path[PATH_MAX], text[LOG_NAME_MAX];
		int result;

		make(name, text);
		snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - LOG_NAME_MAX - 8, folder, text);
		result = disk_rename(part, path);
		if (result == 0) {
			r->counts->renamed++;
			say(r, path, "was open, has its name now");
			return;
		}
		if (result != -EEXIST || ++*number > NUMBER_MAX) {
			say_failed(r, part, "can't be given its name", result);
			return;
		}
	}
}

static void make_log(void *name, char *text)
{
	log_name_make(name, text);
}

static void make_flow(void *name, char *text)
{
	flow_name_make(name, text);
}

static void repair_log(struct repair *r, const char *folder, const char *text)
{
	char path[PATH_MAX];
	struct log_name name;
	uint64_t whole = 0, bytes = 0;
	int result;

	if (!log_name_parse(text, &name) || name.compressed)
		return;
	snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 2 * LOG_NAME_MAX, folder, text);
	r->counts->files++;
	result = name.part || r->all ? scan(path, &whole, &bytes) : hop(path, &whole, &bytes);
	if (result < 0) {
		say_failed(r, path, "can't be read", result);
		return;
	}
	if (cut(r, path, whole, bytes) && name.part)
		rename_part(r, folder, path, make_log, &name, &name.number);
}

static void repair_flows(struct repair *r, const char *folder, const char *text)
{
	char path[PATH_MAX];
	struct flow_name name;
	uint64_t whole = 0, bytes = 0;
	int result;

	if (!flow_name_parse(text, &name))
		return;
	snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 2 * LOG_NAME_MAX, folder, text);
	r->counts->files++;
	result = flow_log_whole_bytes(path, &whole, &bytes);
	if (result < 0) {
		say_failed(r, path, "can't be read", result);
		return;
	}
	if (cut(r, path, whole, bytes) && name.part)
		rename_part(r, folder, path, make_flow, &name, &name.number);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Does each entry of the folder, in the order of names. */
static int each(struct repair *r, const char *folder,
		void (*one)(struct repair *r, const char *folder, const char *name))
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_visible, alphasort);

	if (count < 0 && errno == ENOENT)
		return 0;
	if (count < 0) {
		int result = -errno;

		snprintf(r->error, r->error_bytes, "%s: %s", folder, strerror(errno));
		return result;
	}
	for (int i = 0; i < count; i++) {
		one(r, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

static void repair_tag(struct repair *r, const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "%.*s/%.255s", PATH_MAX - 264, folder, name);
	if (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode))
		return;
	compress_recover(path);
	if (each(r, path, repair_log) < 0)
		say(r, path, "can't be read");
}

int repair(const char *dir, bool all, void (*tell)(void *context, const char *words), void *context,
	   struct repair_counts *counts, char *error, size_t error_bytes)
{
	struct repair r = { .all = all,
			    .tell = tell,
			    .context = context,
			    .counts = counts,
			    .error = error,
			    .error_bytes = error_bytes };
	char folder[PATH_MAX];
	int result;

	memset(counts, 0, sizeof(*counts));
	snprintf(folder, sizeof(folder), "%.*s/logs", PATH_MAX - 512, dir);
	result = each(&r, folder, repair_tag);
	if (result < 0)
		return result;
	snprintf(folder, sizeof(folder), "%.*s/connections", PATH_MAX - 512, dir);
	return each(&r, folder, repair_flows);
}
