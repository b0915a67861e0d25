/* SPDX-License-Identifier: BSD-2-Clause */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static const struct command *const commands[] = {
	/* clang-format off */
	&command_record,
	&command_read,
	&command_events,
	&command_flows,
	&command_files,
	&command_export,
	&command_reindex,
	&command_graph,
	&command_rules,
	&command_ids,
	&command_stats,
	&command_dump,
	&command_set,
	&command_clear,
	&command_reload,
	&command_disable,
	&command_enable,
	/* clang-format on */
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *to)
{
	fprintf(to, "Usage: bbtap COMMAND [OPTION...] [ARGUMENT...]\n"
		    "A flight recorder for TCP: rebuilds both endpoints' control blocks from the\n"
		    "packets and keeps FreeBSD-style black box logs that Wireshark opens.\n\n"
		    "Commands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to, "\n  bbtap COMMAND --help   what a command takes\n"
		    "  bbtap --version        print the version\n\n"
		    "Exit status: 0 done, 1 failed, 2 wrong usage.\n");
}

static int unknown_command(const char *name)
{
	fprintf(stderr, "bbtap: there is no command \"%s\"; there are", name);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stderr, "%s %s", i ? "," : "", commands[i]->name);
	fprintf(stderr, " (bbtap --help)\n");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	argp_err_exit_status = EXIT_USAGE;
	argp_program_version = "bbtap " BBTAP_VERSION;
	/* A write behind the end of a size limit is an error to report, not a reason to die. */
	signal(SIGXFSZ, SIG_IGN);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts(argp_program_version);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i]->name) == 0) {
			char name[64];

			snprintf(name, sizeof(name), "bbtap %s", argv[1]);
			argv[1] = name;
			return commands[i]->run(argc - 1, argv + 1);
		}
	return unknown_command(argv[1]);
}
