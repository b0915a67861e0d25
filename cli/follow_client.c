/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/follow_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/control_socket.h"

#define SECTION_BYTES_MAX (64u << 20) /* far more than a recorder sends */

struct follow_client {
	FILE *stream;
	int section_fd;
	char *line;
	size_t line_room;
	char section_path[64];
};

static int fail(char *error, size_t error_bytes, int result, const char *words)
{
	snprintf(error, error_bytes, "%s", words);
	return result;
}

/* The next line; NULL: the recorder has closed the connection, or a signal came. */
static json_t *read_line(struct follow_client *client)
{
	ssize_t length = getline(&client->line, &client->line_room, client->stream);

	return length > 0 ? json_loadb(client->line, (size_t)length, 0, NULL) : NULL;
}

static bool send_request(struct follow_client *client, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t length = text ? strlen(text) : 0;
	bool sent;

	if (!text)
		return false;
	text[length++] = '\n'; /* in the place of the NUL */
	sent = send(fileno(client->stream), text, length, MSG_NOSIGNAL) == (ssize_t)length;
	free(text);
	return sent;
}

static int refused(const json_t *answer, char *error, size_t error_bytes)
{
	const char *words = json_string_value(json_object_get(answer, "error"));

	return fail(error, error_bytes, -EPROTO,
		    words ? words : "the recorder's answer is not understood");
}

void follow_client_close(struct follow_client **client)
{
	struct follow_client *c = *client;

	*client = NULL;
	if (!c)
		return;
	if (c->stream)
		fclose(c->stream);
	if (c->section_fd >= 0)
		close(c->section_fd);
	free(c->line);
	free(c);
}

static int begin(struct follow_client *client, const json_t *request, char *error,
		 size_t error_bytes)
{
	json_t *answer = send_request(client, request) ? read_line(client) : NULL;
	int result = 0;

	if (!answer)
		result = fail(error, error_bytes, -EPIPE, "the recorder went away");
	else if (!json_is_true(json_object_get(answer, "ok")))
		result = refused(answer, error, error_bytes);
	json_decref(answer);
	return result;
}

int follow_client_open(struct follow_client **out, const char *socket_path, json_t *request,
		       char *error, size_t error_bytes)
{
	struct follow_client *client = calloc(1, sizeof(*client));
	int fd = control_connect(socket_path, error, error_bytes), result = fd < 0 ? fd : 0;

	*out = client;
	if (client)
		client->section_fd = -1;
	json_object_set_new(request, "cmd", json_string("follow"));
	if (client && fd >= 0) {
		client->stream = fdopen(fd, "r");
		client->section_fd = memfd_create("section", MFD_CLOEXEC);
	}
	if (result == 0 && (!client || !client->stream || client->section_fd < 0))
		result = fail(error, error_bytes, -ENOMEM, "no memory");
	if (fd >= 0 && (!client || !client->stream))
		close(fd);
	if (result == 0) {
		snprintf(client->section_path, sizeof(client->section_path), "/proc/self/fd/%d",
			 client->section_fd);
		result = begin(client, request, error, error_bytes);
	}
	json_decref(request);
	if (result < 0)
		follow_client_close(out);
	return result;
}

/* The bytes behind the line, into the file in memory. */
static bool read_section(struct follow_client *client, uint64_t bytes)
{
	char buffer[65536];

	if (bytes > SECTION_BYTES_MAX || ftruncate(client->section_fd, 0) < 0 ||
	    lseek(client->section_fd, 0, SEEK_SET) < 0)
		return false;
	while (bytes) {
		size_t part = bytes < sizeof(buffer) ? bytes : sizeof(buffer);

		if (fread(buffer, 1, part, client->stream) != part ||
		    write(client->section_fd, buffer, part) != (ssize_t)part)
			return false;
		bytes -= part;
	}
	return true;
}

int follow_client_ask(struct follow_client *client,
		      void (*section)(void *context, const char *view, const char *path),
		      void *context, uint64_t *missed, char *error, size_t error_bytes)
{
	json_t *request = json_pack("{s:s}", "cmd", "events");
	int result = 1;

	if (!request || !send_request(client, request))
		result =
			fail(error, error_bytes, -EPIPE,
			     "the recorder has ended: what its logs got at last is in their files");
	json_decref(request);
	while (result > 0) {
		json_t *row = read_line(client);
		const json_t *bytes = json_object_get(row, "pcapng");

		if (!row) {
			result = fail(error, error_bytes, -EPIPE,
				      "the recorder has ended: what its logs got at last is in "
				      "their files");
		} else if (json_is_integer(bytes)) {
			const char *view = json_string_value(json_object_get(row, "view"));

			if (!read_section(client, (uint64_t)json_integer_value(bytes)))
				result = fail(error, error_bytes, -EPIPE,
					      "the recorder went away in the middle of its answer");
			else
				section(context, view ? view : "", client->section_path);
		} else if (json_is_true(json_object_get(row, "ok"))) {
			*missed = (uint64_t)json_integer_value(json_object_get(row, "logs_missed"));
			result = 0;
		} else {
			/* It has no other reason to refuse. */
			result = fail(error, error_bytes, -EPIPE,
				      "the recorder has ended: what its logs got at last is in "
				      "their files");
		}
		json_decref(row);
	}
	return result;
}
