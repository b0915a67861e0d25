/* SPDX-License-Identifier: BSD-2-Clause */
/* control_client.h - requests to the running recorder, as the commands make them. */
#ifndef BBTAP_CLI_CONTROL_CLIENT_H
#define BBTAP_CLI_CONTROL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

/*
 * Sends the request, which is taken over, and prints the rows of the answer: lines of JSON, or what the
 * recorder has laid out as text. The last line goes to finish(), which may print too; NULL: nothing.
 * Returns enum exit_status, after a message if the recorder refused.
 */
int control_client_ask(const char *socket_path, json_t *request,
		       void (*finish)(void *context, const json_t *answer), void *context);

/* The same, but rows() is given them, many whole lines at once; false: no more, which is EXIT_FAILED, its words said. */
int control_client_rows(const char *socket_path, json_t *request,
			bool (*rows)(void *context, const char *lines, size_t bytes),
			void *context);

#endif
