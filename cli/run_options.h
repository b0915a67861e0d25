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
	uint64_t rotate_bytes, rotate_ns;
	enum store_sync sync;
	enum flow_choice flows;
	int compress_level; /* 0: complete files stay as they are */
	struct retention_config retention;
	const char *rules_path; /* or NULL */
	const char *socket;	/* record: of the control socket; NULL: the usual one */
	bool no_socket;
	struct rules *rules; /* of run_options_load_rules() */
	bool connections_given, log_memory_given;
	struct tracker_config tracker;
};

void run_options_init(struct run_options *options);

/*
 * Reads the rules file, if one was given; what the command line says of limits goes before what the file
 * says. Returns enum exit_status, after complaints about the file.
 */
int run_options_load_rules(struct run_options *options);
void run_options_dispose(struct run_options *options);

/* The most payload of a packet that any log keeps; as tracker_config has it. */
uint32_t run_options_capture_bytes(const struct run_options *options);

/* For struct argp's children; its input is a struct run_options. */
extern const struct argp run_options_argp;

/* Set by SIGINT and SIGTERM once run_options_catch_signals() was called. */
extern volatile sig_atomic_t run_stop;
void run_options_catch_signals(void);

/*
 * Opens the store, runs the pipeline, closes the store and prints the report. config: sources, filter
 * and what is special to the command; the rest is filled in from the options. Returns enum exit_status.
 */
int run_options_run(struct run_options *options, struct pipeline_config *config,
		    const struct iface_table *ifaces);

#endif
