/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/disk.h"
#include "store/flow_log.h"
#include "tests/unit/temp_dir.h"

#define HOUR_NS	 (UINT64_C(3600) * 1000000000)
#define START_NS UINT64_C(1700000000000000000)

static struct iface_table ifaces;

static void random_text(char *out, size_t room)
{
	size_t length = (size_t)rand() % room;

	for (size_t i = 0; i < length; i++)
		out[i] = rand() % 2 ? (char)(1 + rand() % 255) : (char)(' ' + rand() % 95);
	out[length] = '\0';
}

static void random_summary(struct flow_summary *out, uint64_t number)
{
	uint8_t *bytes = (uint8_t *)out;

	/* Any numbers; then what they can be. */
	for (size_t i = 0; i < sizeof(*out); i++)
		bytes[i] = rand() % 3 ? 0 : (uint8_t)rand();
	out->key.ip_version = rand() % 2 ? 4 : 6;
	out->client = rand() % 2;
	out->start = (uint8_t)(1 + rand() % 3);
	out->end_reason = (uint8_t)(1 + rand() % 6);
	out->iface = 0;
	out->connection = number;
	out->first_ts_ns = START_NS + (uint64_t)rand() * 1000 + (uint64_t)rand() % 1000;
	out->last_ts_ns = out->first_ts_ns + (uint64_t)rand() % HOUR_NS;
	out->events_lost &= INT32_MAX;
	out->mode = (int8_t)(rand() % 6);
	for (int i = 0; i < 2; i++) {
		struct flow_side_summary *side = &out->side[i];

		if (out->key.ip_version == 4)
			memset(out->key.addr[i], 0, 12);
		side->segments &= INT64_MAX;
		side->payload_bytes &= INT64_MAX;
		side->retransmitted_bytes &= INT64_MAX;
		side->state = (uint8_t)(rand() % 11);
		side->cc_family = (uint8_t)(rand() % CC_BBR);
	}
	random_text(out->id, sizeof(out->id));
	random_text(out->tag, sizeof(out->tag));
	random_text(out->rule, sizeof(out->rule));
	random_text(out->application.proto, sizeof(out->application.proto));
	random_text(out->application.host, sizeof(out->application.host));
}

static void a_line_is_json_and_gives_the_same_row(void **state)
{
	static char line[FLOW_LINE_MAX];

	(void)state;
	srand(2);
	for (int i = 1; i <= 4000; i++) {
		struct flow_summary summary;
		struct flow_sections sections = { .view[1] = { .count = 2,
							       .failed = 1,
							       .first_path = "logs/a/b",
							       .last_path = "logs/\xff\"" } };
		struct flow_row row = { 0 }, back = { 0 };
		json_error_t error;
		json_t *object;
		size_t bytes;

		random_summary(&summary, (uint64_t)i);
		bytes = flow_line_write(line, &summary, rand() % 2 ? &sections : NULL, &ifaces);
		assert_true(bytes < FLOW_LINE_MAX);
		assert_int_equal(line[bytes - 1], '\n');
		assert_null(memchr(line, '\n', bytes - 1));
		object = json_loadb(line, bytes, JSON_REJECT_DUPLICATES, &error);
		if (!object)
			print_message("%.*s\n%s\n", (int)bytes, line, error.text);
		assert_non_null(object);
		assert_int_equal(json_integer_value(json_object_get(object, "version")), 1);
		json_decref(object);
		flow_row_from_summary(&row, &summary);
		assert_true(flow_row_from_line(&back, line, bytes - 1));
		assert_memory_equal(&row, &back, sizeof(row));
	}
}

static void what_is_no_line(void **state)
{
	static const char *const lines[] = {
		"",
		"{",
		"[]",
		"1",
		"{}",
		"{\"first\":1}",
		"{\"first\":\"2023-11-14T22:13:20.000000000Z\",\"last\":\"x\"}",
		"{\"first\":\"2023-11-14T22:13:20.000000000Z\",\"last\":\"2023-11-14T22:13:20."
		"000000000Z\"}",
		"{\"first\":\"2023-11-14T22:13:20.000000000Z\",\"last\":\"2023-11-14T22:13:20."
		"000000000Z\","
		"\"client\":{\"address\":\"1.2.3.4\"},\"server\":{\"address\":\"::1\"}}",
	};
	struct flow_row row;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(flow_row_from_line(&row, lines[i], strlen(lines[i])));
}

static uint64_t written, failed, last_bytes;
static struct flow_name last_name;

static void on_written(void *context, const struct flow_name *file, const struct flow_row *row)
{
	written++;
	last_name = *file;
}

static void on_bytes(void *context, const struct flow_name *file, uint64_t bytes)
{
	last_bytes = bytes;
}

static void on_failed(void *context, uint64_t lines, int error)
{
	assert_int_equal(error, -ENOSPC);
	failed += lines;
}

static struct flow_log *open_log(const char *out)
{
	struct flow_log_config config = { .dir = out,
					  .ifaces = &ifaces,
					  .written = on_written,
					  .file_bytes = on_bytes,
					  .failed = on_failed };
	struct flow_log *log;

	written = failed = 0;
	assert_int_equal(flow_log_open(&log, &config), 0);
	return log;
}

static void append(struct flow_log *log, uint64_t number, uint64_t last_ns)
{
	struct flow_summary summary = { .key = { .ip_version = 4 }, .connection = number };

	summary.first_ts_ns = summary.last_ts_ns = last_ns;
	assert_int_equal(flow_log_append(log, &summary, NULL), 0);
}

static uint64_t next_number;

static bool count_line(void *context, uint64_t frame_bytes, uint32_t number, const char *line,
		       size_t bytes)
{
	struct flow_row row;

	assert_true(flow_row_from_line(&row, line, bytes));
	assert_int_equal(row.connection, ++next_number);
	return true;
}

static void a_file_cut_at_any_byte_is_read_up_to_its_last_frame(void **state)
{
	char out[128], path[256], error[256];
	struct flow_log *log;
	struct stat status;
	uint64_t end, whole, length, last = 0;

	(void)state;
	snprintf(out, sizeof(out), "%s/cut", dir);
	log = open_log(out);
	for (uint64_t i = 1; i <= 12; i++) {
		append(log, i, START_NS);
		if (i % 3 == 0)
			assert_int_equal(flow_log_flush(log), 0);
	}
	assert_int_equal(flow_log_close(&log), 0);
	assert_int_equal(written, 12);
	snprintf(path, sizeof(path), "%s/connections/20231114T22Z.jsonl.zst", out);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, last_bytes);
	for (off_t cut = status.st_size; cut >= 0; cut--) {
		assert_int_equal(truncate(path, cut), 0);
		next_number = 0;
		assert_int_equal(
			flow_log_scan(path, 0, count_line, NULL, &end, error, sizeof(error)), 0);
		assert_int_equal(flow_log_whole_bytes(path, &whole, &length), 0);
		assert_int_equal(whole, end);
		assert_int_equal(length, cut);
		assert_true(end <= (uint64_t)cut);
		assert_int_equal(next_number % 3, 0);
		assert_true(cut == status.st_size || next_number <= last);
		last = next_number;
	}
	assert_int_equal(last, 0);
}

static int fail_at, writes;

static int fail_one(void *context, const struct disk_event *event)
{
	return event->op == DISK_WRITE && ++writes == fail_at ? -ENOSPC : 0;
}

static void a_full_disk_loses_a_frame_and_no_more(void **state)
{
	(void)state;
	for (fail_at = 1; fail_at <= 6; fail_at++) {
		char out[128], path[256];
		struct flow_log *log;
		uint64_t whole, length;

		snprintf(out, sizeof(out), "%s/full-%d", dir, fail_at);
		writes = 0;
		log = open_log(out);
		disk_observe(fail_one, NULL);
		for (uint64_t i = 1; i <= 15; i++) {
			append(log, i, START_NS);
			if (i % 3 == 0)
				flow_log_flush(log);
		}
		assert_int_equal(flow_log_close(&log), 0);
		disk_observe(NULL, NULL);
		assert_int_equal(written + failed, 15);
		assert_int_equal(failed, fail_at <= 5 ? 3 : 0);
		snprintf(path, sizeof(path), "%s/connections/20231114T22Z.jsonl.zst", out);
		assert_int_equal(flow_log_whole_bytes(path, &whole, &length), 0);
		assert_int_equal(whole, length);
	}
}

static void each_hour_has_its_file(void **state)
{
	char out[128], path[256];
	struct flow_log *log;

	(void)state;
	snprintf(out, sizeof(out), "%s/hours", dir);
	log = open_log(out);
	/* More hours than files may be open; then back to the first, whose file has been closed. */
	for (uint64_t i = 0; i < 6; i++)
		append(log, 1, START_NS + i * HOUR_NS);
	append(log, 1, START_NS);
	assert_int_equal(flow_log_close(&log), 0);
	assert_int_equal(written, 7);
	snprintf(path, sizeof(path), "%s/connections/20231114T22Z.jsonl.zst", out);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/connections/20231114T22Z-2.jsonl.zst", out);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/connections/20231115T03Z.jsonl.zst", out);
	assert_int_equal(access(path, F_OK), 0);
}

static int setup(void **state)
{
	iface_table_add(&ifaces, "eth\xff\"7", 1);
	return temp_dir_make(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_json_and_gives_the_same_row),
		cmocka_unit_test(what_is_no_line),
		cmocka_unit_test(a_file_cut_at_any_byte_is_read_up_to_its_last_frame),
		cmocka_unit_test(a_full_disk_loses_a_frame_and_no_more),
		cmocka_unit_test(each_hour_has_its_file),
	};

	return cmocka_run_group_tests(tests, setup, temp_dir_remove);
}
