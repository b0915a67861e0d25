/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/frame.h"
#include "store/log_file.h"
#include "tests/unit/temp_dir.h"

static off_t size_of(const char *name)
{
	char path[256];
	struct stat status;

	snprintf(path, sizeof(path), "%s/logs/%s", dir, name);
	return stat(path, &status) == 0 ? status.st_size : -1;
}

static struct evlog_head head_of(const char *tag, uint16_t linktype)
{
	struct evlog_head head = { .linktype = linktype,
				   .dump_ts_ns = UINT64_C(1700000000000000000) };

	strcpy(head.tag, tag);
	return head;
}

static uint32_t written, failed, completed;

static void on_written(void *context, const struct log_section *section)
{
	written++;
}

static void on_failed(void *context, const struct log_section *section, int error)
{
	assert_true(error < 0);
	failed++;
}

static void on_completed(void *context, const struct log_name *file, uint64_t bytes)
{
	completed++;
}

static struct log_files *open_files(uint64_t rotate_bytes, uint64_t rotate_ns)
{
	struct log_files_config config = { .dir = dir,
					   .rotate_bytes = rotate_bytes,
					   .rotate_ns = rotate_ns,
					   .written = on_written,
					   .failed = on_failed,
					   .completed = on_completed };
	struct log_files *files;

	written = failed = completed = 0;
	assert_int_equal(log_files_open(&files, &config), 0);
	return files;
}

static void append(struct log_files *files, struct evlog_head *head, enum side side,
		   const char *bytes, size_t count)
{
	struct section_row row = { .length_bytes = count, .records = 1 };
	struct pcapng_buffer *buffer;
	int error;

	head->records[side] = 1;
	buffer = log_files_begin(files, head, side, &error);
	assert_non_null(buffer);
	pcapng_put(buffer, bytes, count);
	log_files_end(files, head, side, &row);
	head->records[side] = 0;
	log_files_flush(files);
}

static void files_are_named_and_never_overwritten(void **state)
{
	struct evlog_head plain = head_of("", LINKTYPE_ETHERNET);
	struct evlog_head raw = head_of("web", LINKTYPE_RAW);

	(void)state;
	for (int run = 1; run <= 2; run++) {
		struct log_files *files = open_files(1 << 20, 0);
		char name[128];

		append(files, &plain, SIDE_SERVER, "abcd", 4);
		append(files, &plain, SIDE_SERVER, "efgh", 4);
		append(files, &raw, SIDE_CLIENT, "ijkl", 4);
		snprintf(name, sizeof(name),
			 "UNKNOWN/UNKNOWN-20231114T221320Z-%d.server.pcapng.part", run);
		assert_int_equal(size_of(name), 8);
		assert_int_equal(completed, 0);
		assert_int_equal(log_files_close(&files), 0);
		name[strlen(name) - 5] = '\0';
		assert_int_equal(size_of(name), 8);
		snprintf(name, sizeof(name), "web/web-20231114T221320Z-%d.client.raw.pcapng", run);
		assert_int_equal(size_of(name), 4);
	}
}

static void a_full_file_is_followed_by_the_next(void **state)
{
	struct evlog_head head = head_of("rotate", LINKTYPE_ETHERNET);
	struct log_files *files;

	(void)state;
	files = open_files(10, 0);
	for (int i = 0; i < 5; i++)
		append(files, &head, SIDE_SERVER, "12345", 5);
	assert_int_equal(completed, 2);
	assert_int_equal(log_files_close(&files), 0);
	assert_int_equal(size_of("rotate/rotate-20231114T221320Z-1.server.pcapng"), 10);
	assert_int_equal(size_of("rotate/rotate-20231114T221320Z-2.server.pcapng"), 10);
	assert_int_equal(size_of("rotate/rotate-20231114T221320Z-3.server.pcapng"), 5);
}

/* A disk that is full in the middle of a section: the file ends with its last whole one. */
static void a_section_is_written_whole_or_not_at_all(void **state)
{
	struct evlog_head head = head_of("full", LINKTYPE_ETHERNET);
	struct rlimit old, small;
	struct log_files *files;
	char section[1000];

	(void)state;
	memset(section, 'x', sizeof(section));
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 2500;
	files = open_files(1 << 20, 0);
	setrlimit(RLIMIT_FSIZE, &small);
	append(files, &head, SIDE_SERVER, section, 1000);
	append(files, &head, SIDE_SERVER, section, 1000);
	append(files, &head, SIDE_SERVER, section, 1000);
	assert_int_equal(written, 2);
	assert_int_equal(failed, 1);
	assert_int_equal(size_of("full/full-20231114T221320Z-1.server.pcapng.part"), 2000);
	setrlimit(RLIMIT_FSIZE, &old);
	/* There is room again: it goes on by itself. */
	append(files, &head, SIDE_SERVER, section, 1000);
	assert_int_equal(log_files_close(&files), 0);
	assert_int_equal(size_of("full/full-20231114T221320Z-1.server.pcapng"), 3000);
}

/* By the time of what is written, and by the clock while nothing is. */
static void a_file_ends_with_its_span_of_time(void **state)
{
	struct evlog_head head = head_of("span", LINKTYPE_ETHERNET);
	struct log_files *files = open_files(1 << 20, UINT64_C(60000000000));

	(void)state;
	/* 22:13:20, the span ends at 22:14:00. */
	append(files, &head, SIDE_SERVER, "1", 1);
	head.dump_ts_ns += UINT64_C(39999999999);
	append(files, &head, SIDE_SERVER, "2", 1);
	assert_int_equal(completed, 0);
	head.dump_ts_ns += 1;
	append(files, &head, SIDE_SERVER, "3", 1);
	assert_int_equal(completed, 1);
	/* What comes late goes to the file that is open. */
	head.dump_ts_ns -= 1;
	append(files, &head, SIDE_SERVER, "4", 1);
	log_files_tick(files, UINT64_C(1700000099999999999));
	assert_int_equal(completed, 1);
	log_files_tick(files, UINT64_C(1700000100000000000));
	assert_int_equal(completed, 2);
	assert_int_equal(log_files_close(&files), 0);
	assert_int_equal(size_of("span/span-20231114T221320Z-1.server.pcapng"), 2);
	assert_int_equal(size_of("span/span-20231114T221400Z-1.server.pcapng"), 2);
}

/* More tags than files may be open: the one that waits longest is closed, none is mixed up. */
static void many_tags(void **state)
{
	struct log_files *files;

	(void)state;
	files = open_files(1 << 20, 0);
	for (int i = 0; i < 200; i++) {
		struct evlog_head head;
		char tag[LOG_TAG_MAX];

		snprintf(tag, sizeof(tag), "many-%d", i % 100);
		head = head_of(tag, LINKTYPE_ETHERNET);
		append(files, &head, SIDE_CLIENT, "1234", 4);
	}
	assert_int_equal(log_files_close(&files), 0);
	assert_int_equal(size_of("many-7/many-7-20231114T221320Z-1.client.pcapng"), 4);
	assert_int_equal(size_of("many-7/many-7-20231114T221320Z-2.client.pcapng"), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_ends_with_its_span_of_time),
		cmocka_unit_test(files_are_named_and_never_overwritten),
		cmocka_unit_test(a_full_file_is_followed_by_the_next),
		cmocka_unit_test(a_section_is_written_whole_or_not_at_all),
		cmocka_unit_test(many_tags),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
