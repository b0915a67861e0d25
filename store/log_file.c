/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/log_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/frame.h"

#define SETS_MAX     32 /* tags and link types with open files; two files each */
#define NUMBER_MAX   1000000
#define NSEC_PER_SEC UINT64_C(1000000000)

/* The files of one tag and link type: of both views, begun together. */
struct set {
	bool open;
	char tag[LOG_TAG_MAX];
	uint16_t linktype;
	uint64_t used; /* when it was last, to find the one that was not for the longest time */
	char stem[PATH_MAX]; /* path up to the view */
	struct {
		int fd; /* -1: not begun */
		uint64_t bytes;
	} view[2]; /* by enum side */
};

struct log_files {
	char dir[PATH_MAX];
	uint64_t rotate_bytes;
	uint64_t completed;
	uint64_t clock;
	int failed; /* first failure of a close */
	struct set sets[SETS_MAX];
};

static const char *const view_names[2] = { "client", "server" };

void log_file_tag_name(const char *tag, char out[TAG_NAME_MAX])
{
	char *to = out;

	if (!*tag) {
		strcpy(out, "UNKNOWN");
		return;
	}
	for (size_t i = 0; i < LOG_TAG_MAX - 1 && tag[i]; i++) {
		unsigned char byte = (unsigned char)tag[i];

		/* A leading dot would hide the file, or be "." or ".." */
		if (isalnum(byte) || byte == '-' || byte == '_' || (byte == '.' && i > 0))
			*to++ = (char)byte;
		else
			to += sprintf(to, "%%%02X", byte);
	}
	*to = '\0';
}

void log_file_linktype_suffix(uint16_t linktype, char out[16])
{
	static const struct {
		uint16_t linktype;
		const char *suffix;
	} names[] = {
		{ LINKTYPE_ETHERNET, "" },	{ LINKTYPE_NULL, ".null" },
		{ LINKTYPE_PPP, ".ppp" },	{ LINKTYPE_PPP_HDLC, ".ppp-hdlc" },
		{ LINKTYPE_RAW, ".raw" },	{ LINKTYPE_LOOP, ".loop" },
		{ LINKTYPE_LINUX_SLL, ".sll" }, { LINKTYPE_IPV4, ".ipv4" },
		{ LINKTYPE_IPV6, ".ipv6" },	{ LINKTYPE_LINUX_SLL2, ".sll2" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].linktype == linktype) {
			strcpy(out, names[i].suffix);
			return;
		}
	snprintf(out, 16, ".link-%u", linktype);
}

static int make_dir(const char *path)
{
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int log_files_open(struct log_files **out, const char *dir, uint64_t rotate_bytes)
{
	struct log_files *files;
	char logs[PATH_MAX];
	int result;

	if (snprintf(logs, sizeof(logs), "%s/logs", dir) >= (int)sizeof(logs) - 256)
		return -ENAMETOOLONG;
	result = make_dir(dir);
	if (result == 0)
		result = make_dir(logs);
	if (result < 0)
		return result;
	files = calloc(1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	strcpy(files->dir, logs);
	files->rotate_bytes = rotate_bytes;
	*out = files;
	return 0;
}

static void view_path(const struct set *set, enum side side, const char *part, char out[PATH_MAX])
{
	char suffix[16];

	log_file_linktype_suffix(set->linktype, suffix);
	snprintf(out, PATH_MAX, "%.*s.%s%s.pcapng%s", PATH_MAX - 64, set->stem, view_names[side],
		 suffix, part);
}

/* Gives the files their names, but never that of a file that has come in the meantime. */
static void close_set(struct log_files *files, struct set *set)
{
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		char part[PATH_MAX], path[PATH_MAX];

		if (set->view[side].fd < 0)
			continue;
		view_path(set, side, ".part", part);
		view_path(set, side, "", path);
		if (close(set->view[side].fd) < 0 && !files->failed)
			files->failed = -errno;
		if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
			files->completed++;
		else if (!files->failed)
			files->failed = -errno; /* nothing is lost: it stays as .part */
		set->view[side].fd = -1;
	}
	set->open = false;
}

int log_files_close(struct log_files **files)
{
	struct log_files *f = *files;
	int failed;

	*files = NULL;
	if (!f)
		return 0;
	for (uint32_t i = 0; i < SETS_MAX; i++)
		if (f->sets[i].open)
			close_set(f, &f->sets[i]);
	failed = f->failed;
	free(f);
	return failed;
}

static bool any_file(const struct set *set)
{
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		char path[PATH_MAX];
		struct stat status;

		view_path(set, side, "", path);
		if (lstat(path, &status) == 0)
			return true;
		view_path(set, side, ".part", path);
		if (lstat(path, &status) == 0)
			return true;
	}
	return false;
}

static int begin_set(struct log_files *files, struct set *set, const struct evlog_head *head)
{
	char tag[TAG_NAME_MAX], start[32], folder[PATH_MAX];
	time_t seconds = (time_t)(head->first_ts_ns / NSEC_PER_SEC);
	struct tm utc;
	int result;

	memset(set, 0, sizeof(*set));
	set->view[0].fd = set->view[1].fd = -1;
	memcpy(set->tag, head->tag, LOG_TAG_MAX);
	set->linktype = head->linktype;
	log_file_tag_name(head->tag, tag);
	gmtime_r(&seconds, &utc);
	strftime(start, sizeof(start), "%Y%m%dT%H%M%SZ", &utc);
	snprintf(folder, sizeof(folder), "%.*s/%s", PATH_MAX - 200, files->dir, tag);
	result = make_dir(folder);
	if (result < 0)
		return result;
	for (uint32_t n = 1; n < NUMBER_MAX; n++) {
		snprintf(set->stem, sizeof(set->stem), "%.*s/%s-%s-%u", PATH_MAX - 200, folder, tag,
			 start, n);
		if (!any_file(set)) {
			set->open = true;
			return 0;
		}
	}
	return -EEXIST;
}

static int begin_view(struct set *set, enum side side)
{
	char path[PATH_MAX];
	int fd;

	view_path(set, side, ".part", path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	set->view[side].fd = fd;
	return 0;
}

static int find_set(struct log_files *files, const struct evlog_head *head, struct set **out)
{
	struct set *place = &files->sets[0];

	for (uint32_t i = 0; i < SETS_MAX; i++) {
		struct set *set = &files->sets[i];

		if (set->open && set->linktype == head->linktype &&
		    strncmp(set->tag, head->tag, LOG_TAG_MAX) == 0) {
			*out = set;
			return 0;
		}
		if (place->open && (!set->open || set->used < place->used))
			place = set;
	}
	if (place->open)
		close_set(files, place);
	*out = place;
	return begin_set(files, place, head);
}

static int write_all(int fd, const uint8_t *bytes, size_t count)
{
	while (count) {
		ssize_t written = write(fd, bytes, count);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		if (written == 0)
			return -ENOSPC;
		bytes += written;
		count -= (size_t)written;
	}
	return 0;
}

int log_files_append(struct log_files *files, const struct evlog_head *head, enum side side,
		     const void *bytes, size_t count)
{
	struct set *set;
	int result = find_set(files, head, &set);

	if (result < 0)
		return result;
	set->used = ++files->clock;
	if (set->view[side].fd < 0) {
		result = begin_view(set, side);
		if (result < 0)
			return result;
	}
	result = write_all(set->view[side].fd, bytes, count);
	if (result < 0) {
		/* Half a section would make all that follows unreadable. */
		if (ftruncate(set->view[side].fd, (off_t)set->view[side].bytes) < 0 ||
		    lseek(set->view[side].fd, (off_t)set->view[side].bytes, SEEK_SET) < 0)
			close_set(files, set);
		return result;
	}
	set->view[side].bytes += count;
	if (set->view[side].bytes >= files->rotate_bytes)
		close_set(files, set);
	return 0;
}

uint64_t log_files_completed(const struct log_files *files)
{
	return files->completed;
}

uint32_t log_files_open_count(const struct log_files *files)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < SETS_MAX; i++)
		for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
			count += files->sets[i].open && files->sets[i].view[side].fd >= 0 &&
				 files->sets[i].view[side].bytes > 0;
	return count;
}
