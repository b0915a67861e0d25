/* SPDX-License-Identifier: BSD-2-Clause */
/* rules_file.h - the rules file: its text, checked, as rules; docs/rules.md says what may stand in it. */
#ifndef BBTAP_CLI_RULES_FILE_H
#define BBTAP_CLI_RULES_FILE_H

#include "cli/rules_scan.h"
#include "tcpstate/rules.h"

/* A file may have as many bytes. */
#define RULES_FILE_MAX (1u << 20)

/*
 * Reads a file. NULL: there are mistakes, all of them are in messages, in the order of lines; line 0 is
 * about the file. base is what rules and limits begin with (the options of the command line). Free with
 * rules_free(), the messages with rules_messages_dispose().
 */
struct rules *rules_file_load(const char *path, const struct log_policy *base,
			      struct rules_messages *messages);

/* The same of a text in memory, which ends with a NUL. */
struct rules *rules_file_parse(const char *text, const struct log_policy *base,
			       struct rules_messages *messages);

/* "FILE:LINE: message" for each, to standard error. */
void rules_file_complain(const char *path, const struct rules_messages *messages);

#endif
