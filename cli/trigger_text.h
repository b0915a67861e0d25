/* SPDX-License-Identifier: BSD-2-Clause */
/* trigger_text.h - a trigger as people write it: "rto >= 2", "retransmit > 5% of 1000". */
#ifndef BBTAP_CLI_TRIGGER_TEXT_H
#define BBTAP_CLI_TRIGGER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "tcpstate/trigger.h"

/*
 * Blanks do not matter. A count may be left out: "rto" is any. False: it is none, and error says what
 * would be right. out->text is the reason, without blanks.
 */
bool trigger_parse(const char *text, struct trigger *out, char *error, size_t error_bytes);

#endif
