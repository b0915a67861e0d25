/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_scan.h - a look at the text of a rules file before libConfuse reads it: it stops at the first
 * mistake, takes a missing brace at the end for none, and keeps no lines. What is found wrong is told and
 * blanked out, so that the rest can be read.
 */
#ifndef BBTAP_CLI_RULES_SCAN_H
#define BBTAP_CLI_RULES_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULES_MESSAGES_MAX 100

/* What is wrong with a file; in the order of lines once it is done. */
struct rules_messages {
	struct rules_message {
		uint32_t line; /* 0: of the file as a whole */
		char text[400];
	} * items; /* RULES_MESSAGES_MAX of them, or NULL */
	uint32_t count;
};

void rules_messages_add(struct rules_messages *messages, uint32_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void rules_messages_sort(struct rules_messages *messages);
void rules_messages_dispose(struct rules_messages *messages);

enum rules_section { SECTION_LIMITS, SECTION_DEFAULT, SECTION_RULE, SECTION_TRACE_POINT };

/* An option or, with option NULL, a section; where it stands. */
struct scan_entry {
	enum rules_section kind;
	uint32_t nth;	    /* of its kind */
	const char *option; /* of the list that was handed in */
	uint32_t line;
};

struct rules_scan {
	struct scan_entry *entries;
	uint32_t count, room;
	uint32_t *starts[4]; /* by kind: where the n-th section of it begins in entries */
	uint32_t sections[4];
	bool no_memory;
};

/* The options that each kind of section knows; lists end with NULL. */
struct rules_words {
	const char *const *options[4];
};

/* Looks at `text`, which is changed, see above; behind its NUL there is room for one byte. */
void rules_scan(struct rules_scan *scan, char *text, const struct rules_words *words,
		struct rules_messages *messages);
void rules_scan_dispose(struct rules_scan *scan);

/* The line of an option, or of its section if it has none there. */
uint32_t rules_scan_line(const struct rules_scan *scan, enum rules_section kind, uint32_t nth,
			 const char *option);

#endif
