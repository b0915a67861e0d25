/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the flow log: frame by frame, so that where a line is found is known. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "store/flow_log.h"

/* A frame has at most so many bytes of lines; of an older kind of file, which is one frame, each line. */
#define PIECE_BYTES (1u << 20)

struct mapped {
	const uint8_t *bytes;
	size_t length;
};

static int map(const char *path, struct mapped *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), result = 0;
	struct stat status;
	void *bytes;

	*out = (struct mapped){ 0 };
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		result = -EINVAL;
	} else if (status.st_size > 0) {
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (bytes == MAP_FAILED)
			result = -errno;
		else
			*out = (struct mapped){ bytes, (size_t)status.st_size };
	}
	close(fd);
	return result;
}

static void unmap(struct mapped *mapped)
{
	if (mapped->bytes)
		munmap((void *)mapped->bytes, mapped->length);
}

/* The length of the whole frame that begins at `at`; 0: there is none. */
static size_t frame_bytes_at(const struct mapped *file, size_t at)
{
	size_t bytes;

	if (at >= file->length)
		return 0;
	bytes = ZSTD_findFrameCompressedSize(file->bytes + at, file->length - at);
	return ZSTD_isError(bytes) ? 0 : bytes;
}

struct frame_reader {
	ZSTD_DCtx *zstd;
	char *piece;
	bool (*line)(void *context, uint64_t frame_bytes, uint32_t number, const char *line,
		     size_t bytes);
	void *context;
};

/* Hands out the lines of a frame. 1: done; 0: the receiver wants no more; -1: it is damaged. */
static int read_frame(struct frame_reader *reader, const struct mapped *file, size_t at,
		      size_t bytes)
{
	ZSTD_inBuffer in = { .src = file->bytes + at, .size = bytes };
	size_t used = 0, left;
	uint32_t number = 0;

	ZSTD_DCtx_reset(reader->zstd, ZSTD_reset_session_only);
	do {
		ZSTD_outBuffer out = { .dst = reader->piece, .size = PIECE_BYTES, .pos = used };
		char *from = reader->piece, *end;

		left = ZSTD_decompressStream(reader->zstd, &out, &in);
		if (ZSTD_isError(left) || (out.pos == used && left && in.pos == in.size))
			return -1;
		used = out.pos;
		while ((end = memchr(from, '\n', used - (size_t)(from - reader->piece)))) {
			if (!reader->line(reader->context, at, number++, from,
					  (size_t)(end - from)))
				return 0;
			from = end + 1;
		}
		used -= (size_t)(from - reader->piece);
		memmove(reader->piece, from, used);
		if (used == PIECE_BYTES)
			return -1; /* a line that is none */
	} while (left);
	return used ? -1 : 1;
}

int flow_log_whole_bytes(const char *path, uint64_t *whole_bytes, uint64_t *file_bytes)
{
	struct mapped file;
	int result = map(path, &file);
	size_t at = 0, bytes;

	*whole_bytes = *file_bytes = 0;
	if (result < 0)
		return result;
	while ((bytes = frame_bytes_at(&file, at)))
		at += bytes;
	*whole_bytes = at;
	*file_bytes = file.length;
	unmap(&file);
	return 0;
}

int flow_log_scan(const char *path, uint64_t from_bytes,
		  bool (*line)(void *context, uint64_t frame_bytes, uint32_t number,
			       const char *line, size_t bytes),
		  void *context, uint64_t *end_bytes, char *error, size_t error_bytes)
{
	struct frame_reader reader = { .zstd = ZSTD_createDCtx(),
				       .piece = malloc(PIECE_BYTES),
				       .line = line,
				       .context = context };
	struct mapped file = { 0 };
	int result = reader.zstd && reader.piece ? map(path, &file) : -ENOMEM;
	int more = 1;
	size_t at = from_bytes, bytes;

	*end_bytes = from_bytes;
	if (result < 0)
		snprintf(error, error_bytes, "%s: %s", path, strerror(-result));
	while (result == 0 && more == 1 && (bytes = frame_bytes_at(&file, at))) {
		more = read_frame(&reader, &file, at, bytes);
		at += bytes;
		if (more >= 0)
			*end_bytes = at;
	}
	unmap(&file);
	ZSTD_freeDCtx(reader.zstd);
	free(reader.piece);
	return result;
}

struct line_reader {
	bool (*line)(void *context, json_t *object);
	void *context;
	bool more;
	uint64_t lines;
	char problem[256];
};

static bool take_line(void *context, uint64_t frame_bytes, uint32_t number, const char *line,
		      size_t bytes)
{
	struct line_reader *reader = context;
	json_error_t problem;
	json_t *object = json_loadb(line, bytes, 0, &problem);

	(void)frame_bytes;
	(void)number;
	reader->lines++;
	if (!object) {
		snprintf(reader->problem, sizeof(reader->problem), "line %llu is not JSON: %s",
			 (unsigned long long)reader->lines, problem.text);
		return false;
	}
	reader->more = reader->line(reader->context, object);
	json_decref(object);
	return reader->more;
}

/* Hands out the lines of one file. A negative errno: it is damaged, or can't be read. */
static int read_file(const char *path, struct line_reader *reader, char *error, size_t error_bytes)
{
	struct flow_name name;
	uint64_t end, whole, length;
	int result = flow_log_scan(path, 0, take_line, reader, &end, error, error_bytes);

	if (result < 0)
		return result;
	if (reader->problem[0]) {
		snprintf(error, error_bytes, "%s: %s", path, reader->problem);
		return -EBADMSG;
	}
	/* What a recorder that still runs, or was killed, is writing has no end yet. */
	if (!reader->more || (flow_name_parse(strrchr(path, '/') + 1, &name) && name.part))
		return 0;
	if (flow_log_whole_bytes(path, &whole, &length) == 0 && end < length) {
		snprintf(error, error_bytes,
			 "%s: damaged at offset %llu, behind line %llu; `bbtap reindex` cuts that "
			 "away",
			 path, (unsigned long long)end, (unsigned long long)reader->lines);
		return -EBADMSG;
	}
	return 0;
}

static int is_flow_file(const struct dirent *entry)
{
	struct flow_name name;

	return flow_name_parse(entry->d_name, &name);
}

int flow_log_read(const char *dir, bool (*line)(void *context, json_t *object), void *context,
		  char *error, size_t error_bytes)
{
	char folder[PATH_MAX];
	struct dirent **names;
	int count, failed = 0;
	bool more = true;

	snprintf(folder, sizeof(folder), "%.*s/connections", PATH_MAX - 300, dir);
	count = scandir(folder, &names, is_flow_file, alphasort);
	if (count < 0) {
		failed = -errno;
		snprintf(error, error_bytes, "%s: no flow log: %s", folder, strerror(errno));
		return failed;
	}
	for (int i = 0; i < count; i++) {
		struct line_reader reader = { .line = line, .context = context, .more = true };
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 280, folder, names[i]->d_name);
		if (more && failed == 0) {
			failed = read_file(path, &reader, error, error_bytes);
			more = reader.more;
		}
		free(names[i]);
	}
	free(names);
	return failed;
}
