/* SPDX-License-Identifier: BSD-2-Clause */
/* report.h - what a run did: the summary of `bbtap read` and `bbtap record`, and their messages. */
#ifndef BBTAP_CLI_REPORT_H
#define BBTAP_CLI_REPORT_H

#include <stdio.h>

#include "cli/pipeline.h"

/* dir: NULL without a store. */
void report_text(FILE *to, const struct pipeline_stats *stats, const char *dir);
void report_json(FILE *to, const struct pipeline_stats *stats, const char *dir);

/* "bbtap: ..." on standard error, on a line of its own. */
void report_message(const char *message);

/* A line on standard error that is written over and over, on a terminal; and its end. */
void report_progress(void *context, uint64_t frames);
void report_progress_end(void);

#endif
