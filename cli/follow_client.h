/* SPDX-License-Identifier: BSD-2-Clause */
/* follow_client.h - the events of the running recorder's logs as they happen: docs/control.md, `follow`. */
#ifndef BBTAP_CLI_FOLLOW_CLIENT_H
#define BBTAP_CLI_FOLLOW_CLIENT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct follow_client;

/*
 * Connects, and follows what meets the conditions (members of the request, which is taken over) from now on. 0, or a
 * negative errno with words in error.
 */
int follow_client_open(struct follow_client **out, const char *socket_path, json_t *request,
		       char *error, size_t error_bytes);
void follow_client_close(struct follow_client **client);

/*
 * Asks for what has come. section(): the log file of one view ("server", "client") with what is new of one
 * connection, as a path that can be opened until it returns. *missed: so many logs could not be kept for us.
 * 0, -EPIPE: the recorder has ended; or another negative errno with words in error.
 */
int follow_client_ask(struct follow_client *client,
		      void (*section)(void *context, const char *view, const char *path),
		      void *context, uint64_t *missed, char *error, size_t error_bytes);

#endif
