/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * export_freebsd DIR FILE...: the sections of log files as FreeBSD's tcplog_dumper would write them, into
 * DIR; prints how many files, records and packets that is. For tests/cli/freebsd.sh.
 */
#include <inttypes.h>
#include <stdio.h>

#include "store/freebsd_export.h"

static int export_file(struct freebsd_export *export, const char *path)
{
	struct section_reader reader;
	enum section_item item;
	char error[512];
	int result = 0;

	if (section_reader_open(&reader, path, error, sizeof(error)) < 0) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	while (result == 0 && (item = section_reader_next(&reader)) != SECTION_END) {
		if (item == SECTION_DAMAGED) {
			fprintf(stderr, "%s\n", reader.error);
			break;
		}
		if (item == SECTION_HEADER)
			result = freebsd_export_section_begin(export, &reader);
		else if (item == SECTION_RECORD)
			result = freebsd_export_record(export, &reader);
		else
			result = freebsd_export_skip(export, &reader);
	}
	if (result == 0)
		result = freebsd_export_section_end(export);
	if (result < 0)
		fprintf(stderr, "%s\n", freebsd_export_error(export));
	section_reader_close(&reader);
	return result < 0 || item != SECTION_END;
}

int main(int argc, char **argv)
{
	const struct freebsd_export_counts *counts;
	struct freebsd_export *export;
	char error[512];
	int status = 0;

	if (argc < 3)
		return 2;
	if (freebsd_export_open(&export, argv[1], error, sizeof(error)) < 0) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	for (int i = 2; i < argc; i++)
		status |= export_file(export, argv[i]);
	counts = freebsd_export_counts(export);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", counts->files, counts->records,
	       counts->packets);
	return freebsd_export_close(&export) < 0 ? 1 : status;
}
