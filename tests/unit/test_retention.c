/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/retain_text.h"
#include "store/compress.h"
#include "store/disk.h"
#include "store/log_scan.h"
#include "store/retention.h"
#include "tests/unit/made_section.h"
#include "tests/unit/temp_dir.h"

#define DAY_S UINT64_C(86400)
#define T0_S  UINT64_C(1700006400) /* 2023-11-15 00:00 UTC */
#define NS    UINT64_C(1000000000)
#define UNIT  65536 /* bytes of each file: whole blocks on every file system */

static char out[160];

static void make(const char *folder, const char *name)
{
	char path[512], *bytes = calloc(1, UNIT);
	FILE *file;

	memset(bytes, 'x', UNIT);
	snprintf(path, sizeof(path), "%s/%s", out, folder);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%s", out, folder, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, UNIT, file), UNIT);
	fclose(file);
	free(bytes);
}

static bool there(const char *folder, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s/%s", out, folder, name);
	return access(path, F_OK) == 0;
}

/* Two tags of four days each, what is open, and what is none of ours. */
static void make_dir(const char *sub)
{
	snprintf(out, sizeof(out), "%s/%s", dir, sub);
	mkdir(out, 0777);
	make("logs", "keep-me");
	for (int day = 0; day < 4; day++) {
		char name[128];

		snprintf(name, sizeof(name), "web-202311%02dT000000Z-1.server.pcapng", 15 + day);
		make("logs/web", name);
		snprintf(name, sizeof(name), "db-202311%02dT000000Z-1.server.pcapng", 15 + day);
		make("logs/db", name);
		snprintf(name, sizeof(name), "202311%02dT00Z.jsonl.zst", 15 + day);
		make("connections", name);
	}
	make("logs/web", "web-20231101T000000Z-1.server.pcapng.part");
	make("logs/web", "notes.txt");
	make("logs/..evil", "web-20231101T000000Z-1.server.pcapng");
}

static uint32_t logs_removed, flows_removed;

static void log_removed(void *context, const struct log_name *name, uint64_t bytes)
{
	assert_true(bytes >= UNIT);
	logs_removed++;
}

static void flow_removed(void *context, const struct flow_name *name, uint64_t bytes)
{
	flows_removed++;
}

static struct retention_result run(const struct retention_config *config, uint64_t margin)
{
	struct retention_result result;

	logs_removed = flows_removed = 0;
	assert_int_equal(
		retention_run(config, out, (T0_S + 4 * DAY_S) * NS, margin,
			      &(struct retention_callbacks){ .log_removed = log_removed,
							     .flow_removed = flow_removed },
			      &result),
		0);
	assert_int_equal(result.files, logs_removed + flows_removed);
	assert_true(there("logs", "keep-me"));
	assert_true(there("logs/web", "notes.txt"));
	assert_true(there("logs/web", "web-20231101T000000Z-1.server.pcapng.part"));
	assert_true(there("logs/..evil", "web-20231101T000000Z-1.server.pcapng"));
	return result;
}

static void nothing_is_limited(void **state)
{
	struct retention_config config = { 0 };

	(void)state;
	make_dir("none");
	assert_int_equal(run(&config, 1 << 30).files, 0);
}

static void by_age(void **state)
{
	struct retention_config config = { .age_ns = 2 * DAY_S * NS };
	char error[256];

	(void)state;
	make_dir("age");
	/* At the end of the fourth day: the first one's are older than two days, the second one's are just not. */
	assert_int_equal(run(&config, 0).files, 2 * 3);
	assert_false(there("logs/web", "web-20231116T000000Z-1.server.pcapng"));
	assert_true(there("logs/web", "web-20231117T000000Z-1.server.pcapng"));
	assert_true(retain_text_parse("web:age=1h", &config, error, sizeof(error)));
	assert_true(retain_text_parse(":connections:age=30d", &config, error, sizeof(error)));
	assert_int_equal(run(&config, 0).files, 2);
	assert_int_equal(logs_removed, 2);
	assert_true(there("logs/db", "db-20231117T000000Z-1.server.pcapng"));
}

static void by_size_of_a_tag(void **state)
{
	struct retention_config config = { 0 };
	char error[256], text[64];

	(void)state;
	make_dir("tag");
	/* The open one counts, but stays. */
	snprintf(text, sizeof(text), "w*:bytes=%u", 3 * UNIT);
	assert_true(retain_text_parse(text, &config, error, sizeof(error)));
	assert_int_equal(run(&config, 0).files, 2);
	assert_false(there("logs/web", "web-20231116T000000Z-1.server.pcapng"));
	assert_true(there("logs/web", "web-20231117T000000Z-1.server.pcapng"));
}

static void by_size_of_all(void **state)
{
	/* 13 files of ours are there; one more is to come. */
	struct retention_config config = { .bytes = 10 * UNIT };
	char error[256];

	(void)state;
	make_dir("all");
	assert_true(retain_text_parse("db:priority=-1", &config, error, sizeof(error)));
	assert_int_equal(run(&config, UNIT).files, 4);
	/* Those of the lowest priority, all of them. */
	assert_int_equal(logs_removed, 4);
	assert_true(there("logs/web", "web-20231115T000000Z-1.server.pcapng"));
	config.bytes = 8 * UNIT;
	assert_int_equal(run(&config, 0).files, 1);
	config.bytes = 1;
	assert_true(run(&config, 0).out_of_reach);
	assert_int_equal(run(&config, 0).files, 0);
}

static void what_is_being_read_stays(void **state)
{
	struct retention_config config = { .age_ns = DAY_S * NS };
	struct retention_result result;
	char path[512];
	int ready[2], go[2], status;
	char byte;
	pid_t child;

	(void)state;
	make_dir("busy");
	snprintf(path, sizeof(path), "%s/logs/web/web-20231115T000000Z-1.server.pcapng", out);
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	child = fork();
	if (child == 0) {
		flock(open(path, O_RDONLY), LOCK_SH);
		_exit(write(ready[1], "r", 1) != 1 || read(go[0], &byte, 1) != 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	result = run(&config, 0);
	assert_int_equal(result.busy, 1);
	assert_true(there("logs/web", "web-20231115T000000Z-1.server.pcapng"));
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(run(&config, 0).files, 1);
}

static void rules_as_text(void **state)
{
	static const char *const wrong[] = { "",
					     "web",
					     ":connections",
					     "web:",
					     "web:bytes",
					     "web:bytes=0",
					     "web:age=x",
					     "web:priority=",
					     "web:priority=1001",
					     "web:size=1G",
					     "web:bytes=1G,,",
					     "web:bytes=-1" };
	struct retention_config config = { 0 };
	char error[256];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(retain_text_parse(wrong[i], &config, error, sizeof(error)));
	assert_int_equal(config.rule_count, 0);
	assert_true(retain_text_parse("a:b:bytes=1", &config, error, sizeof(error)) == false);
	assert_true(retain_text_parse("web:bytes=10G,age=1w,priority=-5", &config, error,
				      sizeof(error)));
	assert_int_equal(config.rules[0].bytes, UINT64_C(10) << 30);
	assert_int_equal(config.rules[0].age_ns, 7 * DAY_S * NS);
	assert_int_equal(config.rules[0].priority, -5);
}

/* Compression, and its interruption at each change of the disk. */
static int fail_at, changes;

static int fail_one(void *context, const struct disk_event *event)
{
	return event->op != DISK_CLOSE && ++changes >= fail_at ? -5 : 0;
}

static uint64_t sections_of(const char *path)
{
	struct log_scan_end end;
	char error[256];

	if (log_scan(path, 0, NULL, NULL, &end, error, sizeof(error)) < 0)
		return 0;
	assert_string_equal(end.problem, "");
	return end.sections;
}

static void a_log_is_there_once_compressed_or_not(void **state)
{
	struct pcapng_buffer buffer = { 0 };
	char path[512], packed[520], error[512];
	struct section_row row;

	(void)state;
	snprintf(out, sizeof(out), "%s/zst", dir);
	mkdir(out, 0777);
	snprintf(path, sizeof(path), "%s/web-20231115T000000Z-1.server.pcapng", out);
	snprintf(packed, sizeof(packed), "%s.zst", path);
	/* More than one frame. */
	for (uint32_t i = 0; buffer.length < 9u << 20; i++)
		made_section(&buffer, &row, i, 40, T0_S * NS, "web");
	for (fail_at = 1; fail_at <= 12; fail_at++) {
		FILE *file = fopen(path, "wb");
		uint64_t sections;
		bool is_plain, is_packed;
		int result;

		assert_int_equal(fwrite(buffer.bytes, 1, buffer.length, file), buffer.length);
		fclose(file);
		sections = sections_of(path);
		changes = 0;
		disk_observe(fail_one, NULL);
		result = compress_file(path, 3, true, NULL, NULL, error, sizeof(error));
		disk_observe(NULL, NULL);
		/* From that moment on nothing could be done any more: as if killed. */
		assert_int_equal(compress_recover(out), 0);
		is_plain = access(path, F_OK) == 0;
		is_packed = access(packed, F_OK) == 0;
		assert_true(is_plain != is_packed);
		assert_int_equal(sections_of(is_plain ? path : packed), sections);
		assert_true(result < 0 || is_packed);
		unlink(path);
		unlink(packed);
	}
	assert_int_equal(access(packed, F_OK), -1);
	pcapng_buffer_dispose(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_limited),
		cmocka_unit_test(by_age),
		cmocka_unit_test(by_size_of_a_tag),
		cmocka_unit_test(by_size_of_all),
		cmocka_unit_test(what_is_being_read_stays),
		cmocka_unit_test(rules_as_text),
		cmocka_unit_test(a_log_is_there_once_compressed_or_not),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
