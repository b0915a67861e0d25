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

static void tags_never_leave_the_folder(void **state)
{
	static const struct {
		const char *tag, *name;
	} rows[] = {
		{ "", "UNKNOWN" },
		{ "web", "web" },
		{ "web-1_a.b", "web-1_a.b" },
		{ "..", "%2E." },
		{ ".hidden", "%2Ehidden" },
		{ "a/b", "a%2Fb" },
		{ "../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd" },
		{ "a b\n%", "a%20b%0A%25" },
		{ "\xc3\xa4", "%C3%A4" },
	};
	char name[TAG_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		log_file_tag_name(rows[i].tag, name);
		assert_string_equal(name, rows[i].name);
	}
	/* The longest, all odd. */
	log_file_tag_name("///////////////////////////////", name);
	assert_int_equal(strlen(name), 3 * 31);
}

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
				   .first_ts_ns = UINT64_C(1700000000000000000) };

	strcpy(head.tag, tag);
	return head;
}

static void files_are_named_and_never_overwritten(void **state)
{
	struct evlog_head plain = head_of("", LINKTYPE_ETHERNET);
	struct evlog_head raw = head_of("web", LINKTYPE_RAW);

	(void)state;
	for (int run = 1; run <= 2; run++) {
		struct log_files *files;
		char name[128];

		assert_int_equal(log_files_open(&files, dir, 1 << 20), 0);
		assert_int_equal(log_files_append(files, &plain, SIDE_SERVER, "abcd", 4), 0);
		assert_int_equal(log_files_append(files, &plain, SIDE_SERVER, "efgh", 4), 0);
		assert_int_equal(log_files_append(files, &raw, SIDE_CLIENT, "ijkl", 4), 0);
		snprintf(name, sizeof(name),
			 "UNKNOWN/UNKNOWN-20231114T221320Z-%d.server.pcapng.part", run);
		assert_int_equal(size_of(name), 8);
		assert_int_equal(log_files_open_count(files), 2);
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
	assert_int_equal(log_files_open(&files, dir, 10), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(log_files_append(files, &head, SIDE_SERVER, "12345", 5), 0);
	assert_int_equal(log_files_completed(files), 2);
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
	assert_int_equal(log_files_open(&files, dir, 1 << 20), 0);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(log_files_append(files, &head, SIDE_SERVER, section, 1000), 0);
	assert_int_equal(log_files_append(files, &head, SIDE_SERVER, section, 1000), 0);
	assert_true(log_files_append(files, &head, SIDE_SERVER, section, 1000) < 0);
	assert_int_equal(size_of("full/full-20231114T221320Z-1.server.pcapng.part"), 2000);
	setrlimit(RLIMIT_FSIZE, &old);
	/* There is room again: it goes on by itself. */
	assert_int_equal(log_files_append(files, &head, SIDE_SERVER, section, 1000), 0);
	assert_int_equal(log_files_close(&files), 0);
	assert_int_equal(size_of("full/full-20231114T221320Z-1.server.pcapng"), 3000);
}

/* More tags than files may be open: the one that waits longest is closed, none is mixed up. */
static void many_tags(void **state)
{
	struct log_files *files;

	(void)state;
	assert_int_equal(log_files_open(&files, dir, 1 << 20), 0);
	for (int i = 0; i < 200; i++) {
		struct evlog_head head;
		char tag[LOG_TAG_MAX];

		snprintf(tag, sizeof(tag), "many-%d", i % 100);
		head = head_of(tag, LINKTYPE_ETHERNET);
		assert_int_equal(log_files_append(files, &head, SIDE_CLIENT, "1234", 4), 0);
	}
	assert_int_equal(log_files_close(&files), 0);
	assert_int_equal(size_of("many-7/many-7-20231114T221320Z-1.client.pcapng"), 4);
	assert_int_equal(size_of("many-7/many-7-20231114T221320Z-2.client.pcapng"), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_never_leave_the_folder),
		cmocka_unit_test(files_are_named_and_never_overwritten),
		cmocka_unit_test(a_full_file_is_followed_by_the_next),
		cmocka_unit_test(a_section_is_written_whole_or_not_at_all),
		cmocka_unit_test(many_tags),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
