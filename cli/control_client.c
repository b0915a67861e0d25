/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/control.h"
#include "cli/report.h"

static bool send_all(int fd, const char *bytes, size_t count)
{
	while (count) {
		ssize_t sent = write(fd, bytes, count);

		if (sent < 0 && errno != EINTR)
			return false;
		if (sent > 0) {
			bytes += sent;
			count -= (size_t)sent;
		}
	}
	return true;
}

/* "FILE:LINE: ..." of a reload that was refused. */
static void print_mistakes(const json_t *answer)
{
	const char *file = json_string_value(json_object_get(answer, "file"));
	const json_t *mistakes = json_object_get(answer, "mistakes");
	size_t i;
	json_t *mistake;

	json_array_foreach(mistakes, i, mistake)
		fprintf(stderr, "%s:%lld: %s\n", file ? file : "?",
			(long long)json_integer_value(json_object_get(mistake, "line")),
			json_string_value(json_object_get(mistake, "text")));
}

static int finish_with(const char *line, size_t length,
		       void (*finish)(void *context, const json_t *answer), void *context)
{
	json_t *answer = json_loadb(line, length, 0, NULL);
	const char *error = json_string_value(json_object_get(answer, "error"));
	const char *warning = json_string_value(json_object_get(answer, "warning"));
	bool fine = json_is_true(json_object_get(answer, "ok"));

	if (!fine) {
		report_message(error ? error : "the recorder's answer is not understood");
		print_mistakes(answer);
	} else if (finish) {
		finish(context, answer);
	}
	if (warning)
		report_message(warning);
	json_decref(answer);
	return fine ? EXIT_DONE : EXIT_FAILED;
}

/* The last line has "ok" first. */
static bool is_last(const char *line, size_t length)
{
	return length > 6 && strncmp(line, "{\"ok\":", 6) == 0;
}

static int read_answer(int fd, void (*finish)(void *context, const json_t *answer), void *context)
{
	size_t room = 1 << 20, used = 0;
	char *buffer = malloc(room);
	int status = -1;

	setvbuf(stdout, NULL, _IOFBF, 1 << 18);
	while (buffer && status < 0) {
		char *at = buffer, *end;
		ssize_t count;

		if (used == room) {
			char *grown = realloc(buffer, room * 2);

			if (!grown)
				break;
			buffer = grown;
			room *= 2;
		}
		count = read(fd, buffer + used, room - used);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		used += (size_t)count;
		while (status < 0 && (end = memchr(at, '\n', used - (size_t)(at - buffer)))) {
			size_t length = (size_t)(end - at);

			if (is_last(at, length))
				status = finish_with(at, length, finish, context);
			else if (*at == ' ')
				fwrite(at + 1, 1, length, stdout);
			else
				fwrite(at, 1, length + 1, stdout);
			at = end + 1;
		}
		used -= (size_t)(at - buffer);
		memmove(buffer, at, used);
	}
	free(buffer);
	if (status < 0)
		report_message("the recorder went away before it had answered");
	return status < 0 || fflush(stdout) != 0 ? EXIT_FAILED : status;
}

int control_client_ask(const char *socket_path, json_t *request,
		       void (*finish)(void *context, const json_t *answer), void *context)
{
	char *line = json_dumps(request, JSON_COMPACT);
	char error[512];
	int fd = control_connect(socket_path, error, sizeof(error));
	int status = EXIT_FAILED;

	/* To print a long list must not take the processor from the recorder. */
	if (nice(10) < 0)
		errno = 0;
	if (fd < 0)
		report_message(error);
	else if (!line || !send_all(fd, line, strlen(line)) || !send_all(fd, "\n", 1))
		report_message("the request could not be sent");
	else
		status = read_answer(fd, finish, context);
	if (fd >= 0)
		close(fd);
	free(line);
	json_decref(request);
	return status;
}
