/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/source_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/pcap_format.h"
#include "capture/pcapng_format.h"

enum format { FORMAT_NONE, FORMAT_PCAP, FORMAT_PCAPNG };

struct source_file {
	struct source base; /* first */
	const char *const *paths;
	size_t path_count;
	size_t next_path;
	const char *path; /* of the open input */
	struct iface_table *ifaces;
	struct input *input;
	enum format format;
	uint64_t frames; /* over all files */
	uint64_t frames_of_file;
	uint64_t bytes_before; /* of the files before this one */
	struct pcap_format pcap;
	struct pcapng_format pcapng;
};

static void close_input(struct source_file *file)
{
	if (file->input)
		file->bytes_before += input_offset_bytes(file->input);
	input_close(&file->input);
	file->format = FORMAT_NONE;
}

/* Ends the file with an error that names it and the place. Returns the errno to hand on. */
static int damaged(struct source_file *file, const char *problem)
{
	unsigned long long offset = input_offset_bytes(file->input);
	int failed = input_failed(file->input);

	if (failed == -ECANCELED) { /* asked to stop, in the middle of a record or not */
		close_input(file);
		file->next_path = file->path_count;
		return -ENODATA;
	}
	snprintf(file->base.error, sizeof(file->base.error),
		 "%s: damaged at offset %llu: %s; the %llu packets before it were read", file->path,
		 offset, failed ? input_failure(file->input) : problem,
		 (unsigned long long)file->frames_of_file);
	close_input(file);
	return failed ? failed : -EBADMSG;
}

/* Opens the next file and finds out its format. */
static int open_next(struct source_file *file)
{
	const uint8_t *magic;
	size_t there;
	int result;

	if (file->next_path == file->path_count)
		return -ENODATA;
	file->path = file->paths[file->next_path++];
	file->frames_of_file = 0;
	result = input_open(&file->input, file->path, file->base.stop, file->base.error,
			    sizeof(file->base.error));
	if (result == -ECANCELED)
		return -ENODATA;
	if (result < 0)
		return result;
	there = input_peek(file->input, 4, &magic);
	if (there == 0 && !input_failed(file->input)) {
		snprintf(file->base.error, sizeof(file->base.error),
			 "%s: empty, not a capture file", file->path);
		close_input(file);
		return -EBADMSG;
	}
	if (there >= 4 && pcapng_format_is(magic)) {
		pcapng_format_begin(&file->pcapng, file->ifaces);
		file->format = FORMAT_PCAPNG;
		return 0;
	}
	if (there >= 4 && pcap_format_is(magic)) {
		if (!pcap_format_begin(&file->pcap, file->input, file->ifaces))
			return damaged(file, file->pcap.problem);
		file->format = FORMAT_PCAP;
		return 0;
	}
	if (there < 4)
		return damaged(file, "too short for a capture file");
	snprintf(file->base.error, sizeof(file->base.error),
		 "%s: not a pcap or pcapng file: it begins with %02x %02x %02x %02x", file->path,
		 magic[0], magic[1], magic[2], magic[3]);
	close_input(file);
	return -EBADMSG;
}

static int receive(struct source *source, struct frame_batch *batch)
{
	struct source_file *file = (struct source_file *)source;

	batch->count = 0;
	while (batch->count < FRAME_BATCH_MAX) {
		struct frame *frame = &batch->frames[batch->count];
		/* While frames of this batch are held, their bytes must stay where they are. */
		bool may_read = batch->count == 0;
		enum next_frame next;
		int result;

		if (!file->input) {
			if (!may_read)
				break;
			result = open_next(file);
			if (result < 0)
				return result;
		}
		next = file->format == FORMAT_PCAP
			       ? pcap_format_next(&file->pcap, file->input, may_read, frame)
			       : pcapng_format_next(&file->pcapng, file->input, may_read, frame);
		if (next == NEXT_FRAME) {
			frame->number = ++file->frames;
			file->frames_of_file++;
			batch->count++;
			continue;
		}
		/* The end and damage are found again by the next call, when nothing is held. */
		if (!may_read)
			break;
		if (next == NEXT_DAMAGED)
			return damaged(file, file->format == FORMAT_PCAP ? file->pcap.problem
									 : file->pcapng.problem);
		close_input(file);
	}
	return (int)batch->count;
}

static void release(struct source *source, struct frame_batch *batch)
{
	(void)source;
	batch->count = 0;
}

static void stats(struct source *source, struct source_stats *out)
{
	const struct source_file *file = (const struct source_file *)source;

	*out = (struct source_stats){ .received = file->frames, .delivered = file->frames };
}

static void source_file_close(struct source *source)
{
	struct source_file *file = (struct source_file *)source;

	input_close(&file->input);
	free(file);
}

static const struct source_ops ops = {
	.name = "file",
	.receive = receive,
	.release = release,
	.stats = stats,
	.close = source_file_close,
};

int source_file_open(struct source **out, const char *const paths[], size_t count,
		     struct iface_table *ifaces)
{
	struct source_file *file = calloc(1, sizeof(*file));

	if (!file)
		return -ENOMEM;
	file->base.ops = &ops;
	snprintf(file->base.description, sizeof(file->base.description), "%zu file%s", count,
		 count == 1 ? "" : "s");
	file->paths = paths;
	file->path_count = count;
	file->ifaces = ifaces;
	*out = &file->base;
	return 0;
}

uint64_t source_file_bytes(const struct source *source)
{
	const struct source_file *file = (const struct source_file *)source;

	return file->bytes_before + (file->input ? input_offset_bytes(file->input) : 0);
}
