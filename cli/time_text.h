/* SPDX-License-Identifier: BSD-2-Clause */
/* time_text.h - points in time as people write them, and as they want to read them. */
#ifndef BBTAP_CLI_TIME_TEXT_H
#define BBTAP_CLI_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define TIME_TEXT_FORMS                                                                            \
	"2026-11-25T14:00:00Z, \"2026-11-25 14:00\" (local), 14:00, today, yesterday, now, "       \
	"\"10m ago\", or @SECONDS since 1970"

/* now_ns: UTC. False: none of these forms. */
bool time_text_parse(const char *text, uint64_t now_ns, uint64_t *ns);

/* How times are shown; enum time_style of event_text.h has the same for events. */
enum time_show { SHOW_LOCAL, SHOW_UTC, SHOW_RELATIVE, SHOW_DELTA };

/* "local", "utc", "relative", "delta" */
bool time_show_parse(const char *text, enum time_show *show);

/*
 * To the microsecond, at most 32 bytes. SHOW_RELATIVE: seconds since first_ns; SHOW_DELTA: seconds since
 * before_ns (0: there is none).
 */
#define TIME_TEXT_MAX 40
void time_text_put(enum time_show show, uint64_t ns, uint64_t first_ns, uint64_t before_ns,
		   char out[TIME_TEXT_MAX]);

/* The heading of a column of such times: "FIRST (UTC)"; name: "FIRST". */
void time_text_heading(enum time_show show, const char *name, char out[TIME_TEXT_MAX]);

#endif
