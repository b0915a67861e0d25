/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk.h - every change that the store makes to its directory goes through here, so that a test can
 * write it down and replay it up to any point, or make it fail. (The catalogue is not among them: it is
 * made again from the rest.)
 *
 * All return 0, or a descriptor, or a negative errno.
 */
#ifndef BBTAP_STORE_DISK_H
#define BBTAP_STORE_DISK_H

#include <stddef.h>
#include <stdint.h>

/* One that is there already is fine. */
int disk_make_dir(const char *path);

/* A new file, to be written; -EEXIST if there is one of this name. */
int disk_create(const char *path);

/* All of the bytes, or an error; some may have been written then. */
int disk_write(int fd, uint64_t offset_bytes, const void *bytes, size_t count);
int disk_cut(int fd, uint64_t bytes);
int disk_cut_path(const char *path, uint64_t bytes);

/* What was written is on the medium when this returns; and for a folder, its names. */
int disk_sync(int fd);
int disk_sync_dir(const char *path);
int disk_close(int fd);

/* Never overwrites: -EEXIST. */
int disk_rename(const char *from, const char *to);
int disk_remove(const char *path);

enum disk_op {
	DISK_MAKE_DIR,
	DISK_CREATE, /* fd is what it gets */
	DISK_WRITE,
	DISK_CUT,
	DISK_SYNC,
	DISK_CLOSE,
	DISK_RENAME,
	DISK_REMOVE,
};

struct disk_event {
	enum disk_op op;
	int fd;		  /* -1: the path says it */
	const char *path; /* or NULL */
	const char *to;	  /* of a rename */
	uint64_t offset_bytes;
	const void *bytes;
	size_t count;
};

/*
 * For tests. Asked in front of each change, in whatever thread it is made; a negative errno makes it
 * fail. A DISK_CREATE is told again, behind it, with its descriptor. NULL: nobody is asked any more.
 */
void disk_observe(int (*event)(void *context, const struct disk_event *event), void *context);

#endif
