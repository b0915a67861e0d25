/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/control_socket.h"
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

/* Of the whole lines at `text`, the last of an answer, which has "ok" first; NULL: it is not there yet. */
static char *find_last(char *text, size_t length)
{
	static const char mark[] = "\n{\"ok\":";
	char *found;

	if (length >= sizeof(mark) - 2 && memcmp(text, mark + 1, sizeof(mark) - 2) == 0)
		return text;
	found = memmem(text, length, mark, sizeof(mark) - 1);
	return found ? found + 1 : NULL;
}

/* What an answer is for. */
struct taker {
	bool (*rows)(void *context, const char *lines, size_t bytes);
	void (*finish)(void *context, const json_t *answer);
	void *context;
};

static bool print_rows(void *context, const char *lines, size_t bytes)
{
	(void)context;
	if (send_all(STDOUT_FILENO, lines, bytes))
		return true;
	report_message("standard output can't be written to");
	return false;
}

/* Rows are handed on as they come, many at once: there may be a million. */
static int read_answer(int fd, const struct taker *taker)
{
	bool wanted = true;
	size_t room = 1 << 20, used = 0;
	char *buffer = malloc(room);
	int status = -1;

	while (buffer && status < 0) {
		char *end, *last;
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
		end = memrchr(buffer, '\n', used);
		if (!end)
			continue;
		last = find_last(buffer, (size_t)(end + 1 - buffer));
		wanted = taker->rows(taker->context, buffer,
				     (size_t)((last ? last : end + 1) - buffer));
		if (!wanted)
			break;
		if (last)
			status = finish_with(last, (size_t)(end - last), taker->finish,
					     taker->context);
		used -= (size_t)(end + 1 - buffer);
		memmove(buffer, end + 1, used);
	}
	free(buffer);
	if (status < 0 && wanted)
		report_message(
			"the answer was not read to its end: the recorder went away, or there "
			"is no memory");
	return status < 0 || fflush(stdout) != 0 ? EXIT_FAILED : status;
}

static int ask(const char *socket_path, json_t *request, const struct taker *taker)
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
		status = read_answer(fd, taker);
	if (fd >= 0)
		close(fd);
	free(line);
	json_decref(request);
	return status;
}

int control_client_ask(const char *socket_path, json_t *request,
		       void (*finish)(void *context, const json_t *answer), void *context)
{
	return ask(socket_path, request,
		   &(struct taker){ .rows = print_rows, .finish = finish, .context = context });
}

int control_client_rows(const char *socket_path, json_t *request,
			bool (*rows)(void *context, const char *lines, size_t bytes), void *context)
{
	return ask(socket_path, request, &(struct taker){ .rows = rows, .context = context });
}
