/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int (*observer)(void *context, const struct disk_event *event);
static void *observer_context;

void disk_observe(int (*event)(void *context, const struct disk_event *event), void *context)
{
	observer = event;
	observer_context = context;
}

static int ask(struct disk_event event)
{
	return observer ? observer(observer_context, &event) : 0;
}

static int result_of(int result)
{
	return result < 0 ? -errno : 0;
}

int disk_make_dir(const char *path)
{
	int refused = ask((struct disk_event){ .op = DISK_MAKE_DIR, .fd = -1, .path = path });

	if (refused < 0)
		return refused;
	return mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

int disk_create(const char *path)
{
	int fd, refused = ask((struct disk_event){ .op = DISK_CREATE, .fd = -1, .path = path });

	if (refused < 0)
		return refused;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	ask((struct disk_event){ .op = DISK_CREATE, .fd = fd, .path = path });
	return fd;
}

int disk_write(int fd, uint64_t offset_bytes, const void *bytes, size_t count)
{
	const uint8_t *from = bytes;
	int refused = ask((struct disk_event){ .op = DISK_WRITE,
					       .fd = fd,
					       .offset_bytes = offset_bytes,
					       .bytes = bytes,
					       .count = count });

	if (refused < 0)
		return refused;
	while (count) {
		ssize_t written = pwrite(fd, from, count, (off_t)offset_bytes);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		if (written == 0)
			return -ENOSPC;
		from += written;
		offset_bytes += (uint64_t)written;
		count -= (size_t)written;
	}
	return 0;
}

int disk_cut(int fd, uint64_t bytes)
{
	int refused = ask((struct disk_event){ .op = DISK_CUT, .fd = fd, .offset_bytes = bytes });

	return refused < 0 ? refused : result_of(ftruncate(fd, (off_t)bytes));
}

int disk_cut_path(const char *path, uint64_t bytes)
{
	int refused = ask((struct disk_event){
		.op = DISK_CUT, .fd = -1, .path = path, .offset_bytes = bytes });

	return refused < 0 ? refused : result_of(truncate(path, (off_t)bytes));
}

int disk_sync(int fd)
{
	int refused = ask((struct disk_event){ .op = DISK_SYNC, .fd = fd });

	return refused < 0 ? refused : result_of(fdatasync(fd));
}

int disk_sync_dir(const char *path)
{
	int fd, result, refused;

	refused = ask((struct disk_event){ .op = DISK_SYNC, .fd = -1, .path = path });
	if (refused < 0)
		return refused;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	result = result_of(fsync(fd));
	close(fd);
	return result;
}

int disk_close(int fd)
{
	ask((struct disk_event){ .op = DISK_CLOSE, .fd = fd });
	return result_of(close(fd));
}

int disk_rename(const char *from, const char *to)
{
	int refused =
		ask((struct disk_event){ .op = DISK_RENAME, .fd = -1, .path = from, .to = to });

	if (refused < 0)
		return refused;
	return result_of(renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE));
}

int disk_remove(const char *path)
{
	int refused = ask((struct disk_event){ .op = DISK_REMOVE, .fd = -1, .path = path });

	return refused < 0 ? refused : result_of(unlink(path));
}
