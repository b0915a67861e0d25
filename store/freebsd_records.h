/* SPDX-License-Identifier: BSD-2-Clause */
/* freebsd_records.h - the line of JSON that tcplog_dumper writes for each log file. */
#ifndef BBTAP_STORE_FREEBSD_RECORDS_H
#define BBTAP_STORE_FREEBSD_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/bblog.h"

/* Longer than any line: all names escaped, the longest file name. */
#define FREEBSD_RECORDS_LINE_MAX 1024

struct freebsd_records_line {
	const struct bblog_section *section;
	const char *file_name; /* no character of it needs an escape */
	const char *stack;
	uint32_t number; /* of the file, in its name */
	uint64_t records;
	int64_t first_s, first_us, last_s, last_us; /* of the first and the last record */
	bool connection_ended;
};

/* The line with its newline. Returns its length. */
size_t freebsd_records_line(const struct freebsd_records_line *line,
			    char out[FREEBSD_RECORDS_LINE_MAX]);

#endif
