/* SPDX-License-Identifier: BSD-2-Clause */
/* event_json.h - events as lines of JSON, each of which stands alone. */
#ifndef BBTAP_CLI_EVENT_JSON_H
#define BBTAP_CLI_EVENT_JSON_H

#include <stdio.h>

#include "cli/event_view.h"

void event_json_record(FILE *to, const struct event_view *view);
void event_json_skip(FILE *to, const struct event_view *view);

#endif
