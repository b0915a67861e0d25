/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a black box log: read back, and written again as FreeBSD would, into a directory that is
 * emptied after each. What comes out must be logs that can be read, with as many records.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/freebsd_export.h"
#include "tests/fuzz/fuzz_target.h"

static char dir[] = "/tmp/bbtap-fuzz-XXXXXX";

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void remove_dir(void)
{
	rmdir(dir);
}

/* Reads a log, and exports it if there is an export. Returns its records. */
static uint64_t read_log(const char *path, struct freebsd_export *export, enum section_item *last)
{
	struct section_reader reader;
	uint64_t records = 0;
	char error[512];

	require(section_reader_open(&reader, path, error, sizeof(error)) == 0);
	for (;;) {
		*last = section_reader_next(&reader);
		if (*last == SECTION_END || *last == SECTION_DAMAGED)
			break;
		records += *last == SECTION_RECORD;
		if (!export)
			continue;
		if (*last == SECTION_HEADER)
			require(freebsd_export_section_begin(export, &reader) == 0);
		else if (*last == SECTION_RECORD)
			require(freebsd_export_record(export, &reader) == 0);
		else
			require(freebsd_export_skip(export, &reader) == 0);
	}
	section_reader_close(&reader);
	return records;
}

/* Reads and removes what was exported. */
static uint64_t read_exported(void)
{
	DIR *files = opendir(dir);
	struct dirent *entry;
	uint64_t records = 0;

	require(files != NULL);
	while ((entry = readdir(files))) {
		char path[512];
		enum section_item last;

		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		if (strcmp(entry->d_name, "records") != 0) {
			records += read_log(path, NULL, &last);
			require(last == SECTION_END);
		}
		require(unlink(path) == 0);
	}
	closedir(files);
	return records;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct freebsd_export *export;
	enum section_item last;
	uint64_t records;
	char path[64], error[512];
	int fd = memfd_create("log", 0);

	require(fd >= 0 && write(fd, bytes, count) == (ssize_t)count);
	if (dir[sizeof(dir) - 2] == 'X') {
		require(mkdtemp(dir) != NULL);
		atexit(remove_dir);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	require(freebsd_export_open(&export, dir, error, sizeof(error)) == 0);
	read_log(path, export, &last);
	require(freebsd_export_section_end(export) == 0);
	records = freebsd_export_counts(export)->records;
	require(freebsd_export_close(&export) == 0);
	close(fd);
	require(read_exported() == records);
	return 0;
}
