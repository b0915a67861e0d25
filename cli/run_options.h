/* SPDX-License-Identifier: BSD-2-Clause */
/* run_options.h - the options that `bbtap read` and `bbtap record` share. */
#ifndef BBTAP_CLI_RUN_OPTIONS_H
#define BBTAP_CLI_RUN_OPTIONS_H

#include <argp.h>
#include <signal.h>
#include <stdbool.h>

#include "cli/pipeline.h"

struct run_options {
	const char *dir;
	bool dir_given;
	bool no_store;
	bool json;
	bool quiet;
	bool no_checksums;
	uint32_t workers;
	uint64_t rotate_bytes;
	struct tracker_config tracker;
};

void run_options_init(struct run_options *options);

/* For struct argp's children; its input is a struct run_options. */
extern const struct argp run_options_argp;

/* Set by SIGINT and SIGTERM once run_options_catch_signals() was called. */
extern volatile sig_atomic_t run_stop;
void run_options_catch_signals(void);

/*
 * Opens the store, runs the pipeline, closes the store and prints the report. config: sources, filter
 * and what is special to the command; the rest is filled in from the options. Returns enum exit_status.
 */
int run_options_run(const struct run_options *options, struct pipeline_config *config,
		    const struct iface_table *ifaces);

#endif
