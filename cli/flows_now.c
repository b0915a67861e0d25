/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/flows_now.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/control_client.h"
#include "cli/report.h"
#include "cli/run_options.h"
#include "store/catalog.h"
#include "store/flow_log.h"
#include "store/temp_folder.h"

struct flows_now {
	char dir[PATH_MAX];
	struct catalog *catalog;
	FILE *lines; /* without a name; a row's frame_bytes is where its line begins */
	uint64_t bytes;
};

void flows_now_close(struct flows_now **now)
{
	struct flows_now *n = *now;

	*now = NULL;
	if (!n)
		return;
	catalog_close(&n->catalog);
	if (n->lines)
		fclose(n->lines);
	temp_folder_remove(n->dir);
	free(n);
}

const char *flows_now_dir(const struct flows_now *now)
{
	return now->dir;
}

static bool fail(const struct flows_now *now, int error)
{
	char message[PATH_MAX + 128];

	snprintf(message, sizeof(message), "%s: the answer can't be kept there: %s; set TMPDIR",
		 now->dir, strerror(error));
	report_message(message);
	return false;
}

static bool take_line(struct flows_now *now, const char *line, size_t bytes)
{
	static const struct flow_name name = { .hour = 0, .number = 1 };
	struct flow_row row = { .frame_bytes = now->bytes };
	int result;

	if (!flow_row_from_line(&row, line, bytes)) {
		report_message("the recorder's answer is not understood");
		return false;
	}
	if (fwrite(line, 1, bytes, now->lines) != bytes)
		return fail(now, errno);
	now->bytes += bytes;
	result = catalog_flow(now->catalog, &name, &row);
	if (result == 0)
		result = catalog_flow_bytes(now->catalog, &name, now->bytes);
	return result == 0 || fail(now, -result);
}

static bool take_rows(void *context, const char *lines, size_t bytes)
{
	struct flows_now *now = context;
	const char *end = lines + bytes;

	while (lines < end) {
		const char *next;

		if (run_stop)
			return false;
		next = memchr(lines, '\n', (size_t)(end - lines));
		next = next ? next + 1 : end;
		if (!take_line(now, lines, (size_t)(next - lines)))
			return false;
		lines = next;
	}
	return true;
}

static int make_folder(struct flows_now *now)
{
	char error[512];

	if (temp_folder_make("flows", now->dir, sizeof(now->dir), error, sizeof(error)) < 0) {
		report_message(error);
		return EXIT_FAILED;
	}
	now->lines = tmpfile();
	if (!now->lines) {
		fail(now, errno);
		return EXIT_FAILED;
	}
	if (catalog_open(&now->catalog, now->dir, error, sizeof(error)) < 0) {
		report_message(error);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

int flows_now_open(struct flows_now **out, const char *socket_path, json_t *request)
{
	struct flows_now *now = calloc(1, sizeof(*now));
	int status = EXIT_FAILED, result;

	*out = now;
	if (!now)
		report_message("no memory");
	else
		status = make_folder(now);
	if (status != EXIT_DONE) {
		json_decref(request);
		return status;
	}
	/* So that the folder is removed. */
	run_options_catch_signals();
	status = control_client_rows(socket_path, request, take_rows, now);
	/* What is open is read by those who ask. */
	result = catalog_close(&now->catalog);
	if (status == EXIT_DONE && (result < 0 || fflush(now->lines) != 0)) {
		fail(now, result < 0 ? -result : errno);
		status = EXIT_FAILED;
	}
	return status;
}

bool flows_now_print(struct flows_now *now, const struct flow_row *row)
{
	char *line = NULL;
	size_t room = 0;
	bool there = fseeko(now->lines, (off_t)row->frame_bytes, SEEK_SET) == 0 &&
		     getline(&line, &room, now->lines) > 0;

	if (there)
		fputs(line, stdout);
	free(line);
	return there || fail(now, errno);
}
