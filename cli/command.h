/* SPDX-License-Identifier: BSD-2-Clause */
/* command.h - what a command of the bbtap program is; one file for each, cmd_<name>.c. */
#ifndef BBTAP_CLI_COMMAND_H
#define BBTAP_CLI_COMMAND_H

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

struct command {
	const char *name;
	const char *summary; /* one line for `bbtap --help` */
	/* argv[0] is "bbtap NAME". Returns enum exit_status. */
	int (*run)(int argc, char **argv);
};

extern const struct command command_read;
extern const struct command command_record;
extern const struct command command_events;
extern const struct command command_flows;
extern const struct command command_files;
extern const struct command command_export;
extern const struct command command_reindex;
extern const struct command command_graph;
extern const struct command command_rules;
/* These ask the running recorder; all in cmd_control.c. */
extern const struct command command_ids;
extern const struct command command_stats;
extern const struct command command_dump;
extern const struct command command_set;
extern const struct command command_clear;
extern const struct command command_reload;
extern const struct command command_disable;
extern const struct command command_enable;

#endif
