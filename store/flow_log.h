/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_log.h - one line of JSON for every connection that ended, in zstd-compressed files by the hour
 * of the connection's last segment:
 *
 *   DIR/connections/<UTC hour>[-<n>].jsonl.zst      ".part" behind it while open
 */
#ifndef BBTAP_STORE_FLOW_LOG_H
#define BBTAP_STORE_FLOW_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/iface_table.h"
#include "tcpstate/flow_summary.h"

struct json_t;
struct flow_log;

/* Makes DIR and DIR/connections. Borrows ifaces. 0 or a negative errno. */
int flow_log_open(struct flow_log **out, const char *dir, const struct iface_table *ifaces);

/* Closes and renames all. Returns 0 or the negative errno of the first failure. */
int flow_log_close(struct flow_log **log);

/* Appends a line. 0 or a negative errno. */
int flow_log_append(struct flow_log *log, const struct flow_summary *summary);

/* Makes what was appended readable, also if the program is killed (live: now and then). */
int flow_log_flush(struct flow_log *log);

/*
 * Calls `line` with each line of the flow log of DIR, in the order of file names; the JSON object is
 * the caller's, it stays valid if its reference count is raised. Stops if line() returns false. Returns
 * 0, or a negative errno with the words (which file) in error; what came before was handed out.
 */
int flow_log_read(const char *dir, bool (*line)(void *context, struct json_t *object),
		  void *context, char *error, size_t error_bytes);

#endif
