/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A write log replayed: what is on the disk when the recorder is killed, or the power is lost, at any point of
 * a run, comes back as whole files with all that was reported as written.
 */
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/frame.h"
#include "store/disk.h"
#include "store/flow_log.h"
#include "store/log_file.h"
#include "store/log_scan.h"
#include "store/repair.h"
#include "tests/unit/made_section.h"
#include "tests/unit/temp_dir.h"

#define OPS_MAX	  20000
#define FDS_MAX	  1024
#define FILES_MAX 512
#define START_NS  UINT64_C(1700000000000000000)
#define SAMPLES	  1000 /* of all runs */

/* The write log. Reports stand in it too: from there on the section must never be lost. */
enum { OP_REPORT = 100 };

struct op {
	int kind;
	char path[256], to[256];
	uint64_t offset;
	uint8_t *bytes;
	size_t count;
};

static struct op ops[OPS_MAX];
static uint32_t op_count;
static char fd_paths[FDS_MAX][256];
static int fail_every; /* of writes: each such one fails with ENOSPC, half of it done; 0: none */
static uint32_t writes;

static struct op *add_op(int kind, const char *path)
{
	struct op *op = &ops[op_count++];

	assert_true(op_count < OPS_MAX);
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	snprintf(op->path, sizeof(op->path), "%s", path ? path : "");
	return op;
}

static int record(void *context, const struct disk_event *event)
{
	const char *path = event->path ? event->path : event->fd >= 0 ? fd_paths[event->fd] : "";
	struct op *op;

	(void)context;
	if (event->op == DISK_CREATE && event->fd < 0)
		return 0;
	if (event->op == DISK_CREATE)
		snprintf(fd_paths[event->fd], sizeof(fd_paths[0]), "%s", event->path);
	op = add_op((int)event->op, path);
	op->offset = event->offset_bytes;
	if (event->to)
		snprintf(op->to, sizeof(op->to), "%s", event->to);
	if (event->op != DISK_WRITE)
		return 0;
	op->count = event->count;
	if (fail_every && ++writes % (uint32_t)fail_every == 0)
		op->count /= 2;
	op->bytes = malloc(op->count + 1);
	memcpy(op->bytes, event->bytes, op->count);
	if (op->count < event->count) {
		/* As the kernel does it: what found room is written. */
		ssize_t written =
			pwrite(event->fd, event->bytes, op->count, (off_t)event->offset_bytes);

		assert_int_equal(written, op->count);
		return -ENOSPC;
	}
	return 0;
}

static uint64_t reported, failed;

static void on_written(void *context, const struct log_section *section)
{
	char name[LOG_NAME_MAX];
	struct op *op;

	(void)context;
	log_name_make(section->file, name);
	op = add_op(OP_REPORT, name);
	op->offset = section->row->offset_bytes;
	op->count = section->row->length_bytes;
	reported++;
}

static void on_failed(void *context, const struct log_section *section, int error)
{
	(void)context;
	(void)section;
	assert_int_equal(error, -ENOSPC);
	failed++;
}

static void on_completed(void *context, const struct log_name *file, uint64_t bytes)
{
	(void)context;
	(void)file;
	assert_true(bytes > 0);
}

/* A run over 150 sections of 1 to 40 records, of three tags, in files of 40 kB. */
static void run(const char *out, enum store_sync sync, int every)
{
	struct log_files_config config = { .dir = out,
					   .rotate_bytes = 40000,
					   .rotate_ns = UINT64_C(60000000000),
					   .sync = sync,
					   .written = on_written,
					   .failed = on_failed,
					   .completed = on_completed };
	static const char *const tags[] = { "web", "", "../x" };
	struct log_files *files;

	for (uint32_t i = 0; i < op_count; i++)
		free(ops[i].bytes);
	op_count = 0;
	reported = failed = 0;
	fail_every = every;
	writes = 0;
	disk_observe(record, NULL);
	assert_int_equal(log_files_open(&files, &config), 0);
	for (uint32_t i = 0; i < 150; i++) {
		struct evlog_head head = { .linktype = LINKTYPE_ETHERNET,
					   .connection = i + 1,
					   .dump_ts_ns = START_NS + i * UINT64_C(1000000000) };
		enum side side = i % 2 ? SIDE_SERVER : SIDE_CLIENT;
		struct pcapng_buffer *buffer;
		struct section_row row;
		int error;

		head.records[side] = 1;
		strcpy(head.tag, tags[rand() % 3]);
		buffer = log_files_begin(files, &head, side, &error);
		assert_non_null(buffer);
		made_section(buffer, &row, i, 1 + (uint32_t)rand() % 40, head.dump_ts_ns, head.tag);
		log_files_end(files, &head, side, &row);
		if (rand() % 4 == 0)
			log_files_flush(files);
	}
	assert_int_equal(log_files_close(&files), 0);
	disk_observe(NULL, NULL);
	assert_int_equal(reported + failed, 150);
}

/* A folder as the write log leaves it. */
struct replayed {
	char path[256];
	uint8_t *bytes;
	uint64_t length, room, synced;
	bool there;
};

static struct replayed replayed[FILES_MAX];
static uint32_t replayed_count;

static struct replayed *find(const char *path)
{
	for (uint32_t i = 0; i < replayed_count; i++)
		if (replayed[i].there && strcmp(replayed[i].path, path) == 0)
			return &replayed[i];
	return NULL;
}

static void resize(struct replayed *file, uint64_t length)
{
	if (length > file->room) {
		file->room = 2 * length;
		file->bytes = realloc(file->bytes, file->room);
	}
	if (length > file->length)
		memset(file->bytes + file->length, 0, length - file->length);
	file->length = length;
}

static void replay(const struct op *op, size_t bytes_of_write)
{
	struct replayed *file = find(op->path);

	switch (op->kind) {
	case DISK_CREATE:
		file = &replayed[replayed_count++];
		assert_true(replayed_count < FILES_MAX);
		memset(file, 0, sizeof(*file));
		strcpy(file->path, op->path);
		file->there = true;
		break;
	case DISK_WRITE:
		if (op->offset + bytes_of_write > file->length)
			resize(file, op->offset + bytes_of_write);
		memcpy(file->bytes + op->offset, op->bytes, bytes_of_write);
		break;
	case DISK_CUT:
		resize(file, op->offset);
		if (file->synced > op->offset)
			file->synced = op->offset;
		break;
	case DISK_SYNC:
		if (file)
			file->synced = file->length;
		break;
	case DISK_RENAME:
		assert_null(find(op->to));
		strcpy(file->path, op->to);
		break;
	case DISK_REMOVE:
		file->there = false;
		break;
	default:
		break;
	}
}

static void make_parents(const char *path)
{
	char copy[600];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *at = copy + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(copy, 0777);
		*at = '/';
	}
}

/* Makes the folder. lose: what was not synced may be cut, at any byte, or be zeros in its last part. */
static void materialize(const char *root, const char *out, bool lose)
{
	for (uint32_t i = 0; i < replayed_count; i++) {
		struct replayed *file = &replayed[i];
		uint64_t length = file->length, good;
		char path[600];
		FILE *to;

		if (!file->there)
			continue;
		snprintf(path, sizeof(path), "%s%s", root, file->path + strlen(out));
		make_parents(path);
		to = fopen(path, "wb");
		assert_non_null(to);
		if (lose && length > file->synced)
			length =
				file->synced + (uint64_t)rand() % (file->length - file->synced + 1);
		good = length;
		if (lose && length > file->synced && rand() % 2)
			good = file->synced + (uint64_t)rand() % (length - file->synced + 1);
		if (good)
			assert_int_equal(fwrite(file->bytes, 1, good, to), good);
		for (; good < length; good++)
			fputc(0, to);
		fclose(to);
	}
}

static const char *check_root;
static uint32_t checked;

static int check_file(const char *path, const struct stat *status, int type)
{
	struct log_scan_end end;
	char error[256];

	if (type != FTW_F)
		return 0;
	assert_null(strstr(path, ".part"));
	assert_true(status->st_size > 0);
	assert_int_equal(log_scan(path, 0, NULL, NULL, &end, error, sizeof(error)), 0);
	assert_string_equal(end.problem, "");
	assert_int_equal(end.whole_bytes, end.file_bytes);
	checked++;
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	return remove(path);
}

/* Of the reports in front of op `end`, the section must be there, unless may_lose() says that it was not promised. */
static void check_reports(const char *root, uint32_t end, bool completed_only)
{
	for (uint32_t i = 0; i < end; i++) {
		char path[600];
		struct stat status;
		struct log_name name;
		bool completed = false;

		if (ops[i].kind != OP_REPORT)
			continue;
		/* Its file was renamed in front of the end. */
		for (uint32_t j = i; j < end && completed_only; j++)
			if (ops[j].kind == DISK_RENAME &&
			    strcmp(strrchr(ops[j].to, '/') + 1, ops[i].path) == 0)
				completed = true;
		if (completed_only && !completed)
			continue;
		assert_true(log_name_parse(ops[i].path, &name));
		{
			char tag[TAG_NAME_MAX];

			log_name_tag(name.tag, tag);
			snprintf(path, sizeof(path), "%s/logs/%s/%s", root, tag, ops[i].path);
		}
		assert_int_equal(stat(path, &status), 0);
		assert_true((uint64_t)status.st_size >= ops[i].offset + ops[i].count);
	}
}

static void replay_samples(const char *out, bool lose, bool completed_only)
{
	uint32_t step = 4 * op_count / SAMPLES + 1, next = 0;

	replayed_count = 0;
	for (uint32_t i = 0; i <= op_count; i++) {
		struct repair_counts counts;
		char root[256], error[256];

		if (i == next || i == op_count) {
			bool torn = i < op_count && ops[i].kind == DISK_WRITE;

			next += 1 + (uint32_t)rand() % (2 * step - 1);
			/* Thousands of small files: in memory if that can be had. */
			if (access("/dev/shm", W_OK) == 0)
				snprintf(root, sizeof(root), "/dev/shm/bbtap-replay-%d",
					 (int)getpid());
			else
				snprintf(root, sizeof(root), "%s/replay", dir);
			/* In the middle of a write, too. */
			if (torn && rand() % 2)
				replay(&ops[i], (size_t)rand() % (ops[i].count + 1));
			materialize(root, out, lose);
			check_root = root;
			assert_int_equal(
				repair(root, false, NULL, NULL, &counts, error, sizeof(error)), 0);
			assert_int_equal(counts.failed, 0);
			if (access(root, F_OK) == 0) {
				ftw(root, check_file, 16);
				check_reports(root, i, completed_only);
				/* What is whole stays as it is. */
				assert_int_equal(repair(root, true, NULL, NULL, &counts, error,
							sizeof(error)),
						 0);
				assert_int_equal(counts.cut + counts.renamed + counts.removed, 0);
				nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
			}
		}
		if (i < op_count && ops[i].kind != OP_REPORT)
			replay(&ops[i], ops[i].count);
	}
	for (uint32_t i = 0; i < replayed_count; i++)
		free(replayed[i].bytes);
	memset(replayed, 0, sizeof(replayed));
}

static void a_killed_recorder_loses_nothing_that_it_wrote(void **state)
{
	char out[128];

	(void)state;
	snprintf(out, sizeof(out), "%s/killed", dir);
	run(out, SYNC_ROTATE, 0);
	replay_samples(out, false, false);
	assert_true(checked > 1000);
}

static void nor_on_a_disk_that_is_full_now_and_then(void **state)
{
	char out[128];

	(void)state;
	snprintf(out, sizeof(out), "%s/full", dir);
	run(out, SYNC_NONE, 2);
	assert_true(failed >= 5);
	replay_samples(out, false, false);
}

static void power_loss_leaves_what_was_synced_when_files_were_complete(void **state)
{
	char out[128];

	(void)state;
	snprintf(out, sizeof(out), "%s/rotate", dir);
	run(out, SYNC_ROTATE, 0);
	replay_samples(out, true, true);
}

static void power_loss_leaves_each_section_that_was_synced(void **state)
{
	char out[128];

	(void)state;
	snprintf(out, sizeof(out), "%s/dump", dir);
	run(out, SYNC_DUMP, 0);
	replay_samples(out, true, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_recorder_loses_nothing_that_it_wrote),
		cmocka_unit_test(nor_on_a_disk_that_is_full_now_and_then),
		cmocka_unit_test(power_loss_leaves_what_was_synced_when_files_were_complete),
		cmocka_unit_test(power_loss_leaves_each_section_that_was_synced),
	};

	return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
