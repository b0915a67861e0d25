/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/filter.h"
#include "cli/control_private.h"
#include "cli/control_socket.h"

#define NICENESS	  10
#define POLL_MS		  100
#define SEND_TIMEOUT_S	  10
#define SEND_BUFFER_BYTES (4 << 20)

static atomic_bool reload_asked; /* by a signal handler, in whatever thread */

void control_ask_reload(void)
{
	atomic_store(&reload_asked, true);
}

static void drop_client(struct control *c, uint32_t i)
{
	control_end_follow(c, c->clients[i]);
	close(c->clients[i]->fd);
	free(c->clients[i]);
	c->clients[i] = NULL;
}

/* What came; each whole line is a request. */
static void read_client(struct control *c, uint32_t i)
{
	struct client *client = c->clients[i];
	ssize_t count = recv(client->fd, client->line + client->used,
			     sizeof(client->line) - client->used, MSG_DONTWAIT);
	char *end;

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0) {
		drop_client(c, i);
		return;
	}
	client->used += (uint32_t)count;
	while ((end = memchr(client->line, '\n', client->used))) {
		size_t length = (size_t)(end - client->line);

		c->client = client;
		control_request(c, client->line, length);
		client->used -= (uint32_t)length + 1;
		memmove(client->line, end + 1, client->used);
		if (c->gone) {
			drop_client(c, i);
			return;
		}
	}
	if (client->used == sizeof(client->line)) {
		c->client = client;
		control_refuse(c, "a request is at most 65535 bytes");
		drop_client(c, i);
	}
}

static void accept_client(struct control *c)
{
	struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
	int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BUFFER_BYTES },
		   sizeof(int)); /* a wish */
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (!c->clients[i]) {
			c->clients[i] = malloc(sizeof(*c->clients[i]));
			if (!c->clients[i])
				break;
			c->clients[i]->fd = fd;
			c->clients[i]->follow = NULL;
			c->clients[i]->used = 0;
			return;
		}
	close(fd); /* too many */
}

static void *serve(void *argument)
{
	struct control *c = argument;

	/* Where processors are few, packets go before answers. Of Linux, the niceness is the thread's. */
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
	while (!atomic_load_explicit(&c->stopping, memory_order_acquire)) {
		struct pollfd fds[1 + CONTROL_CLIENTS_MAX] = { { .fd = c->listener,
								 .events = POLLIN } };
		uint32_t of[1 + CONTROL_CLIENTS_MAX], count = 1;

		for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
			if (c->clients[i]) {
				fds[count] = (struct pollfd){ .fd = c->clients[i]->fd,
							      .events = POLLIN };
				of[count++] = i;
			}
		if (poll(fds, count, POLL_MS) > 0) {
			for (uint32_t n = 1; n < count; n++)
				if (fds[n].revents)
					read_client(c, of[n]);
			if (fds[0].revents)
				accept_client(c);
		}
		if (atomic_exchange(&reload_asked, false))
			json_decref(control_reload(c));
	}
	return NULL;
}

int control_open(struct control **out, const struct control_config *config, char *error,
		 size_t error_bytes)
{
	struct control *c;
	int fd = config->path ? control_listen(config->path, error, error_bytes) : -1;

	if (fd < 0 && config->path)
		return fd;
	c = calloc(1, sizeof(*c));
	if (!c || (c->config = *config, c->listener = fd, pthread_mutex_init(&c->store_lock, NULL),
		   pthread_create(&c->thread, NULL, serve, c) != 0)) {
		snprintf(error, error_bytes, "no memory for the control socket");
		free(c);
		if (fd >= 0) {
			close(fd);
			unlink(config->path);
		}
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void control_forget_store(void *control)
{
	struct control *c = control;

	if (!c)
		return;
	pthread_mutex_lock(&c->store_lock);
	c->config.store = NULL;
	pthread_mutex_unlock(&c->store_lock);
}

void control_close(struct control **control)
{
	struct control *c = *control;

	*control = NULL;
	if (!c)
		return;
	atomic_store_explicit(&c->stopping, true, memory_order_release);
	pthread_join(c->thread, NULL);
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (c->clients[i])
			drop_client(c, i);
	if (c->listener >= 0) {
		close(c->listener);
		unlink(c->config.path);
	}
	for (uint32_t i = 0; i < FOLLOWERS_MAX; i++)
		follow_session_close(&c->left[i]);
	filter_free(&c->job.filter);
	pcapng_buffer_dispose(&c->sections[0]);
	pcapng_buffer_dispose(&c->sections[1]);
	pthread_mutex_destroy(&c->store_lock);
	free(c);
}
