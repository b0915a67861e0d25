/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/export_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "capture/input.h"
#include "store/freebsd_export.h"
#include "store/section_reader.h"

#define PIECE_BYTES (1u << 20)

void export_source_open(struct export_source *source, const char *dir)
{
	memset(source, 0, sizeof(*source));
	source->dir = dir;
}

static void close_file(struct export_file *file)
{
	if (!*file->path)
		return;
	input_close(&file->input);
	if (file->lock_fd >= 0)
		close(file->lock_fd);
	file->path[0] = '\0';
}

void export_source_close(struct export_source *source)
{
	for (int i = 0; i < EXPORT_FILES_OPEN; i++)
		close_file(&source->files[i]);
}

static struct export_file *place_for(struct export_source *source, const char *path)
{
	struct export_file *place = &source->files[0];

	for (int i = 0; i < EXPORT_FILES_OPEN; i++) {
		struct export_file *file = &source->files[i];

		if (strcmp(file->path, path) == 0)
			return file;
		if (*place->path && (!*file->path || file->used < place->used))
			place = file;
	}
	return place;
}

static bool open_file(struct export_source *source, struct export_file *file, const char *path,
		      char *error, size_t error_bytes)
{
	char whole[PATH_MAX];

	close_file(file);
	snprintf(whole, sizeof(whole), "%.*s/%s", PATH_MAX - 520, source->dir, path);
	file->lock_fd = open(whole, O_RDONLY | O_CLOEXEC);
	if (file->lock_fd < 0) {
		snprintf(error, error_bytes, "%s: %s%s", whole, strerror(errno),
			 errno == ENOENT ? ": removed in the meantime" : "");
		return false;
	}
	flock(file->lock_fd, LOCK_SH | LOCK_NB); /* what can't be locked is read as well */
	if (input_open(&file->input, whole, NULL, error, error_bytes) < 0) {
		close(file->lock_fd);
		return false;
	}
	snprintf(file->path, sizeof(file->path), "%s", path);
	return true;
}

/* The input of the file, at this offset. A file is read on, or, for what is in front of that, again. */
static struct input *input_at(struct export_source *source, const char *path, uint64_t offset_bytes,
			      char *error, size_t error_bytes)
{
	struct export_file *file = place_for(source, path);

	file->used = ++source->clock;
	if ((strcmp(file->path, path) != 0 || input_offset_bytes(file->input) > offset_bytes) &&
	    !open_file(source, file, path, error, error_bytes))
		return NULL;
	if (input_skip_to(file->input, offset_bytes))
		return file->input;
	/* It may have grown since it was opened. */
	if (open_file(source, file, path, error, error_bytes) && input_skip_to(file->input, offset_bytes))
		return file->input;
	snprintf(error, error_bytes,
		 "%s: shorter than the catalogue says: `bbtap reindex` mends that", path);
	return NULL;
}

/* Of a plain file, wherever the section stands: they are asked for by time, not by place. */
static bool read_plain(struct export_source *source, const char *path,
		       const struct section_row *row,
		       bool (*piece)(void *context, const uint8_t *bytes, size_t count),
		       void *context, char *error, size_t error_bytes)
{
	struct export_file *file = place_for(source, path);
	uint64_t done = 0;

	file->used = ++source->clock;
	if (strcmp(file->path, path) != 0 && !open_file(source, file, path, error, error_bytes))
		return false;
	while (done < row->length_bytes) {
		uint64_t left = row->length_bytes - done;
		size_t want = left < EXPORT_PIECE_BYTES ? (size_t)left : EXPORT_PIECE_BYTES;
		ssize_t got = pread(file->lock_fd, source->piece, want,
				    (off_t)(row->offset_bytes + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			snprintf(error, error_bytes, "%s: %s", path,
				 got < 0 ? strerror(errno)
					 : "shorter than the catalogue says: `bbtap reindex` mends "
					   "that");
			return false;
		}
		if (!piece(context, source->piece, (size_t)got))
			return false;
		done += (uint64_t)got;
	}
	return true;
}

bool export_source_bytes(struct export_source *source, const struct query_file *file,
			 const struct section_row *row,
			 bool (*piece)(void *context, const uint8_t *bytes, size_t count),
			 void *context, char *error, size_t error_bytes)
{
	uint64_t left = row->length_bytes;
	struct input *input;

	if (!file->name.compressed)
		return read_plain(source, file->path, row, piece, context, error, error_bytes);
	input = input_at(source, file->path, row->offset_bytes, error, error_bytes);
	if (!input)
		return false;
	while (left) {
		const uint8_t *bytes;
		size_t want = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
		size_t there = input_peek(input, want, &bytes);

		if (there < want) {
			/* Opened when it was shorter. */
			close_file(place_for(source, file->path));
			input = input_at(source, file->path,
					 row->offset_bytes + row->length_bytes - left, error,
					 error_bytes);
			if (!input || input_peek(input, want, &bytes) < want) {
				snprintf(error, error_bytes,
					 "%s: shorter than the catalogue says: `bbtap reindex` "
					 "mends that",
					 file->path);
				return false;
			}
		}
		if (!piece(context, bytes, want))
			return false;
		input_skip(input, want);
		left -= want;
	}
	return true;
}

bool export_source_records(struct export_source *source, const struct query_file *file,
			   const struct section_row *row, struct freebsd_export *to, char *error,
			   size_t error_bytes)
{
	char whole[PATH_MAX];
	struct section_reader reader;
	enum section_item item;
	int result;

	snprintf(whole, sizeof(whole), "%.*s/%s", PATH_MAX - 520, source->dir, file->path);
	if (section_reader_open(&reader, whole, error, error_bytes) < 0)
		return false;
	if (section_reader_seek(&reader, row->offset_bytes) < 0 ||
	    section_reader_next(&reader) != SECTION_HEADER) {
		snprintf(error, error_bytes,
			 "%s: no section at offset %llu: `bbtap reindex` mends that", whole,
			 (unsigned long long)row->offset_bytes);
		section_reader_close(&reader);
		return false;
	}
	result = freebsd_export_section_begin(to, &reader);
	while (result == 0 &&
	       ((item = section_reader_next(&reader)) == SECTION_RECORD || item == SECTION_SKIP))
		result = item == SECTION_RECORD ? freebsd_export_record(to, &reader)
						: freebsd_export_skip(to, &reader);
	if (result == 0)
		result = freebsd_export_section_end(to);
	if (result < 0)
		snprintf(error, error_bytes, "%s", freebsd_export_error(to));
	section_reader_close(&reader);
	return result == 0;
}
