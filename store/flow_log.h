/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_log.h - the flow log: one line of JSON for every connection that ended (docs/flow-log.md), in
 * zstd-compressed files by the hour of the connection's last segment:
 *
 *   DIR/connections/<UTC hour>[-<n>].jsonl.zst      ".part" behind it while open
 *
 * A file is a sequence of zstd frames, each with whole lines and at most FLOW_FRAME_BYTES of them before
 * compression. A frame is written whole or cut away again; so a file is good up to its last whole frame whatever
 * happened, and a line is found again by its frame.
 */
#ifndef BBTAP_STORE_FLOW_LOG_H
#define BBTAP_STORE_FLOW_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/iface_table.h"
#include "store/flow_row.h"
#include "store/log_name.h"

#define FLOW_FRAME_BYTES (256u << 10)
#define FLOW_LINE_MAX	 16384 /* bytes, the line feed included */

/* Where the sections of a connection were written so far, of each view. */
struct flow_sections {
	struct {
		uint32_t count;
		uint32_t failed; /* could not be written */
		uint32_t records_failed;
		/* The first and the last; path below DIR, without ".part"; empty: not known any more. */
		char first_path[LOG_NAME_MAX + TAG_NAME_MAX + 16];
		char last_path[LOG_NAME_MAX + TAG_NAME_MAX + 16];
		uint64_t first_offset_bytes, last_offset_bytes;
	} view[2]; /* by enum side */
};

/*
 * The line of a summary, with its line feed, into out (FLOW_LINE_MAX bytes). Returns its length. What comes from
 * outside (names) is made valid UTF-8 and escaped.
 */
size_t flow_line_write(char *out, const struct flow_summary *summary,
		       const struct flow_sections *sections, const struct iface_table *ifaces);

/* The row of a summary, and of a line; frame_bytes and line are left alone. False: it is no such line. */
void flow_row_from_summary(struct flow_row *out, const struct flow_summary *summary);
bool flow_row_from_line(struct flow_row *out, const char *line, size_t bytes);

struct flow_log;

struct flow_log_config {
	const char *dir;
	const struct iface_table *ifaces; /* borrowed */
	bool sync_at_close; /* fsync a file in front of its rename, and the folder behind it */
	/* Told when a frame was written: of each of its lines, then how long the file is now. */
	void (*written)(void *context, const struct flow_name *file, const struct flow_row *row);
	void (*file_bytes)(void *context, const struct flow_name *file, uint64_t bytes);
	/* So many lines could not be written, with this negative errno. */
	void (*failed)(void *context, uint64_t lines, int error);
	void *context;
};

/* Makes DIR and DIR/connections. 0 or a negative errno. */
int flow_log_open(struct flow_log **out, const struct flow_log_config *config);

/* Writes what is left, closes and renames all. 0 or the negative errno of the first failure. */
int flow_log_close(struct flow_log **log);

/* Appends a line; it is written with its frame. 0 or a negative errno: this line can't be. */
int flow_log_append(struct flow_log *log, const struct flow_summary *summary,
		    const struct flow_sections *sections);

/* Ends the frames that have begun, so that what was appended is readable, also if the program is killed. */
int flow_log_flush(struct flow_log *log);

/* Closes the files of hours before this one. */
int flow_log_close_hours(struct flow_log *log, uint64_t before_hour);

/* How long the whole frames at the begin of a file are together; and of the file. 0 or a negative errno. */
int flow_log_whole_bytes(const char *path, uint64_t *whole_bytes, uint64_t *file_bytes);

/*
 * Calls line() for each line of the frames of a file from a frame's begin on; false stops. frame_bytes: where its
 * frame begins; number: of the line in it. *end_bytes: behind the last whole frame that was read. 0, or
 * a negative errno with words in error. Memory is bounded whatever the file says.
 */
int flow_log_scan(const char *path, uint64_t from_bytes,
		  bool (*line)(void *context, uint64_t frame_bytes, uint32_t number,
			       const char *line, size_t bytes),
		  void *context, uint64_t *end_bytes, char *error, size_t error_bytes);

struct json_t;

/*
 * Calls line() with each line of the flow log of DIR, in the order of file names; the JSON object is the
 * caller's if its reference count is raised. Stops if line() returns false. 0, or a negative errno with
 * the words (which file) in error; what came before was handed out.
 */
int flow_log_read(const char *dir, bool (*line)(void *context, struct json_t *object),
		  void *context, char *error, size_t error_bytes);

#endif
