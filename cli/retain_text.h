/* SPDX-License-Identifier: BSD-2-Clause */
/* retain_text.h - "web:bytes=10G,age=7d,priority=1" as a rule of retention. */
#ifndef BBTAP_CLI_RETAIN_TEXT_H
#define BBTAP_CLI_RETAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "store/retention.h"

/* Adds the rule. False: it is none, or there are too many; error says what is possible. */
bool retain_text_parse(const char *text, struct retention_config *config, char *error,
		       size_t error_bytes);

#endif
