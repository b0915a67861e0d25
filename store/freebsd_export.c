/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/freebsd_export.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/decode.h"
#include "store/freebsd_blocks.h"
#include "store/freebsd_name.h"
#include "store/freebsd_records.h"
#include "store/pcapng_write.h"

#define BUFFER_BYTES (256u << 10)
#define RECORDS_NAME "records"

/* What a record takes in FreeBSD's memory: DUMPINFO counts those bytes. */
#define KERNEL_RECORD_BYTES  328
#define KERNEL_VERBOSE_BYTES 72

struct freebsd_export {
	const char *dir;
	int dir_fd, records_fd;
	int failed;
	char error[PATH_MAX];
	struct freebsd_export_counts counts;
	struct decoder *decoder;
	/* The section */
	bool in_section;
	struct bblog_section section;
	/* Its file; fd is -1 as long as there is no record. */
	int fd;
	char name[FREEBSD_NAME_MAX];
	uint8_t stack_id;
	struct pcapng_buffer buffer;
	size_t dumpinfo_at;
	uint64_t kernel_bytes;
	uint32_t next_serial;
	uint32_t skip_told; /* by the section, in front of the next record */
	struct freebsd_records_line line;
};

static int fail(struct freebsd_export *export, int error, const char *name)
{
	if (!export->failed) {
		export->failed = error;
		snprintf(export->error, sizeof(export->error), "%s%s%s: %s", export->dir,
			 *name ? "/" : "", name, strerror(-error));
	}
	return export->failed;
}

int freebsd_export_open(struct freebsd_export **out, const char *dir, char *error,
			size_t error_bytes)
{
	struct freebsd_export *export = calloc(1, sizeof(*export));
	int result = -ENOMEM;

	*out = NULL;
	if (!export)
		goto err;
	export->dir = dir;
	export->dir_fd = export->records_fd = export->fd = -1;
	export->decoder = decoder_open(0, false);
	if (!export->decoder)
		goto err;
	if (mkdir(dir, 0777) < 0 && errno != EEXIST) {
		result = -errno;
		goto err;
	}
	export->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (export->dir_fd < 0) {
		result = -errno;
		goto err;
	}
	export->records_fd =
		openat(export->dir_fd, RECORDS_NAME,
		       O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
	if (export->records_fd < 0) {
		result = -errno;
		goto err;
	}
	*out = export;
	return 0;
err:
	snprintf(error, error_bytes, "%s: %s", dir, strerror(-result));
	freebsd_export_close(&export);
	return result;
}

static int write_all(int fd, const void *bytes, size_t count)
{
	const uint8_t *from = bytes;

	while (count > 0) {
		ssize_t written = write(fd, from, count);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		from += written;
		count -= (size_t)written;
	}
	return 0;
}

static int write_at(int fd, const void *bytes, size_t count, size_t offset)
{
	ssize_t written = pwrite(fd, bytes, count, (off_t)offset);

	if (written < 0)
		return -errno;
	return (size_t)written == count ? 0 : -EIO;
}

static int flush(struct freebsd_export *export)
{
	int result = export->buffer.no_memory ? -ENOMEM : 0;

	if (result == 0)
		result = write_all(export->fd, export->buffer.bytes, export->buffer.length);
	pcapng_buffer_clear(&export->buffer);
	return result;
}

static const char *stack_name(const struct freebsd_export *export)
{
	const struct bblog_section *section = &export->section;

	return export->stack_id == section->stack_id && *section->stack_name ? section->stack_name
									     : "unknown";
}

/* Half a file is none. */
static int give_up(struct freebsd_export *export, int error)
{
	if (export->fd >= 0) {
		close(export->fd);
		unlinkat(export->dir_fd, export->name, 0);
	}
	export->fd = -1;
	return fail(export, error, export->name);
}

static int begin_file(struct freebsd_export *export, const struct bblog_record *record)
{
	int result;

	export->stack_id = record->stack_id;
	export->kernel_bytes = 0;
	export->skip_told = 0; /* in front of the first record serial numbers tell it */
	export->next_serial = record->serial;
	export->line = (struct freebsd_records_line){ .section = &export->section,
						      .file_name = export->name,
						      .stack = stack_name(export),
						      .first_s = record->tv_sec,
						      .first_us = record->tv_usec };
	pcapng_buffer_clear(&export->buffer);
	result = freebsd_name_create(export->dir_fd, &export->section, export->name,
				     &export->line.number);
	if (result < 0)
		return fail(export, result, export->name);
	export->fd = result;
	export->dumpinfo_at = freebsd_blocks_begin(&export->buffer, &export->section,
						   export->stack_id, export->line.stack);
	return 0;
}

static int end_file(struct freebsd_export *export)
{
	uint8_t dumpinfo[BBLOG_DUMPINFO_BYTES];
	char line[FREEBSD_RECORDS_LINE_MAX];
	size_t length;
	int result;

	if (export->failed || export->fd < 0)
		return export->failed;
	freebsd_blocks_dumpinfo(&export->section, export->kernel_bytes, dumpinfo);
	result = flush(export);
	if (result == 0)
		result = write_at(export->fd, dumpinfo, sizeof(dumpinfo), export->dumpinfo_at);
	if (result < 0)
		return give_up(export, result);
	result = close(export->fd) < 0 ? -errno : 0;
	export->fd = -1;
	if (result < 0) {
		unlinkat(export->dir_fd, export->name, 0);
		return fail(export, result, export->name);
	}
	export->counts.files++;
	length = freebsd_records_line(&export->line, line);
	result = write_all(export->records_fd, line, length);
	return result < 0 ? fail(export, result, RECORDS_NAME) : 0;
}

int freebsd_export_section_begin(struct freebsd_export *export, const struct section_reader *reader)
{
	struct bblog_section *section = &export->section;
	int result = freebsd_export_section_end(export);

	if (result < 0)
		return result;
	if (!reader->has_dumpinfo) {
		export->counts.sections_unknown++;
		return 0;
	}
	*section = reader->section;
	if (!*section->id)
		strcpy(section->id, FREEBSD_UNKNOWN);
	if (!*section->tag)
		strcpy(section->tag, FREEBSD_UNKNOWN);
	if (!*section->reason)
		strcpy(section->reason, FREEBSD_UNKNOWN);
	export->in_section = true;
	return 0;
}

static void put_skip(struct freebsd_export *export, uint32_t skipped)
{
	freebsd_blocks_skip(&export->buffer, skipped);
	export->counts.skipped += skipped;
}

/* Missing serial numbers are what FreeBSD goes by; a count that they do not show is kept. */
static void put_missing(struct freebsd_export *export, uint32_t serial)
{
	uint32_t missing = serial - export->next_serial;

	if (missing == 0 || missing > INT32_MAX)
		missing = export->skip_told;
	export->skip_told = 0;
	if (missing)
		put_skip(export, missing);
}

static bool find_segment(struct freebsd_export *export, const struct section_reader *reader,
			 struct segment *seg)
{
	struct frame frame = { .data = reader->data,
			       .caplen_bytes = reader->caplen_bytes,
			       .wirelen_bytes = reader->wirelen_bytes > reader->caplen_bytes
							? reader->wirelen_bytes
							: reader->caplen_bytes,
			       .ts_ns = reader->ts_ns,
			       .linktype = reader->linktype };

	if (decode_frame(export->decoder, &frame, seg) == DECODE_SEGMENT)
		return true;
	export->counts.packets_unknown++;
	return false;
}

static void adapt(const struct freebsd_export *export, struct bblog_record *record,
		  bool has_segment)
{
	bool ours = strncmp(export->section.application, "bbtap", 5) == 0;

	/* A reader goes by this flag: it shall say what is there. */
	record->event_flags = (uint16_t)(has_segment ? record->event_flags | BBLOG_HAS_HEADER
						     : record->event_flags & ~BBLOG_HAS_HEADER);
	/* FreeBSD has a list of ends here, not the rate; 0 is an empty one. */
	if (ours && !has_segment && record->event_id == EVENT_CONNEND)
		record->stack.cur_del_rate = 0;
}

static void account(struct freebsd_export *export, const struct bblog_record *record,
		    bool has_segment)
{
	export->next_serial = record->serial + 1;
	export->counts.packets += has_segment;
	if (!has_segment && record->event_id == EVENT_CONNEND)
		export->line.connection_ended = true;
	export->kernel_bytes += KERNEL_RECORD_BYTES +
				(record->event_flags & BBLOG_VERBOSE ? KERNEL_VERBOSE_BYTES : 0);
	export->line.records++;
	export->line.last_s = record->tv_sec;
	export->line.last_us = record->tv_usec;
	export->counts.records++;
}

int freebsd_export_record(struct freebsd_export *export, const struct section_reader *reader)
{
	struct bblog_record record = reader->record;
	struct segment seg;
	bool has_segment;
	int result = export->failed;

	if (result < 0)
		return result;
	if (!export->in_section || !reader->has_tcpinfo) {
		export->counts.records_unknown++;
		return 0;
	}
	if (export->fd >= 0 && export->stack_id != record.stack_id)
		result = end_file(export);
	if (result == 0 && export->fd < 0)
		result = begin_file(export, &record);
	if (result < 0)
		return result;
	put_missing(export, record.serial);
	has_segment = reader->has_packet && find_segment(export, reader, &seg);
	adapt(export, &record, has_segment);
	if (has_segment)
		freebsd_blocks_packet(&export->buffer, &export->section, &record, &seg);
	else
		freebsd_blocks_event(&export->buffer, &record);
	decoder_batch_done(export->decoder);
	account(export, &record, has_segment);
	result = export->buffer.length < BUFFER_BYTES && !export->buffer.no_memory ? 0
										   : flush(export);
	return result < 0 ? give_up(export, result) : 0;
}

int freebsd_export_skip(struct freebsd_export *export, const struct section_reader *reader)
{
	if (export->failed == 0 && export->fd >= 0)
		export->skip_told += reader->skipped;
	return export->failed;
}

int freebsd_export_section_end(struct freebsd_export *export)
{
	/* Behind the last record no serial number shows it. */
	if (export->fd >= 0 && export->skip_told)
		put_skip(export, export->skip_told);
	export->skip_told = 0;
	export->in_section = false;
	return end_file(export);
}

const char *freebsd_export_error(const struct freebsd_export *export)
{
	return export->error;
}

const struct freebsd_export_counts *freebsd_export_counts(const struct freebsd_export *export)
{
	return &export->counts;
}

int freebsd_export_close(struct freebsd_export **out)
{
	struct freebsd_export *export = *out;
	int result = 0;

	*out = NULL;
	if (!export)
		return 0;
	if (export->records_fd >= 0) {
		result = freebsd_export_section_end(export);
		if (close(export->records_fd) < 0 && result == 0)
			result = -errno;
	}
	if (export->dir_fd >= 0)
		close(export->dir_fd);
	pcapng_buffer_dispose(&export->buffer);
	decoder_close(&export->decoder);
	free(export);
	return result;
}
