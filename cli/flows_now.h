/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flows_now.h - the connections that the running recorder follows now, in a folder of their own with a
 * catalogue: so they are asked in the same words, by the same code, as those that have ended.
 */
#ifndef BBTAP_CLI_FLOWS_NOW_H
#define BBTAP_CLI_FLOWS_NOW_H

#include <jansson.h>
#include <stdbool.h>

#include "store/flow_row.h"

struct flows_now;

/*
 * Sends the request, which is taken over, and makes the folder (below $TMPDIR) from the answer. Returns enum
 * exit_status, after a message; *out is to be closed in any case.
 */
int flows_now_open(struct flows_now **out, const char *socket_path, json_t *request);
void flows_now_close(struct flows_now **now);

/* For struct query. */
const char *flows_now_dir(const struct flows_now *now);

/* The line that a row was made of, with its line feed, to standard output. */
bool flows_now_print(struct flows_now *now, const struct flow_row *row);

#endif
