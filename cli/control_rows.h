/* SPDX-License-Identifier: BSD-2-Clause */
/* control_rows.h - what the control socket answers, as text: a million connections are to be listed at once. */
#ifndef BBTAP_CLI_CONTROL_ROWS_H
#define BBTAP_CLI_CONTROL_ROWS_H

#include <jansson.h>
#include <stdint.h>

#include "cli/job_desk.h"
#include "tcpstate/job.h"

/* Bytes that a row takes at most. */
#define CONTROL_ROW_MAX 2048

/* Sums of all workers. */
struct job_totals {
	uint64_t done, failed;
	struct tracker_counters counters;
};

void job_totals_add(struct job_totals *totals, const struct job_block *block);

/* A connection as a line: a JSON object; or columns behind a blank, under titles. Returns its bytes. */
uint32_t control_row_json(const struct job_row *row, char out[CONTROL_ROW_MAX]);
uint32_t control_row_text(const struct job_row *row, char out[CONTROL_ROW_MAX]);
uint32_t control_row_titles(char out[CONTROL_ROW_MAX]);

/* Into an object of {"id": ..., "connections": ..., "lingering": ...} by ID. */
void control_rows_add_id(json_t *ids, const struct job_row *row);

/* The recorder's counters; ok is in it. */
json_t *control_stats(const struct tracker_counters *counters, struct job_desk_sources *sources,
		      uint64_t uptime_ns);

#endif
