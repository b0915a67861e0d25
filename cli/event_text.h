/* SPDX-License-Identifier: BSD-2-Clause */
/* event_text.h - events as lines for people. */
#ifndef BBTAP_CLI_EVENT_TEXT_H
#define BBTAP_CLI_EVENT_TEXT_H

#include <stdio.h>

#include "cli/event_view.h"

enum time_style {
	STYLE_RELATIVE, /* to the section's first record */
	STYLE_UTC,
	STYLE_LOCAL,
	STYLE_DELTA, /* to the record before */
};

void event_text_section(FILE *to, const struct event_view *view);
void event_text_record(FILE *to, const struct event_view *view, enum time_style style,
		       bool verbose);
void event_text_skip(FILE *to, const struct event_view *view);

#endif
