/* SPDX-License-Identifier: BSD-2-Clause */
/* control_private.h - the control thread, for control.c (who is connected) and control_requests.c (what they ask). */
#ifndef BBTAP_CLI_CONTROL_PRIVATE_H
#define BBTAP_CLI_CONTROL_PRIVATE_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "cli/control.h"
#include "cli/control_follow.h"
#include "cli/control_rows.h"

#define CONTROL_OUT_BYTES (1u << 18)

struct client {
	int fd;
	struct follow_session *follow; /* or NULL */
	uint32_t used;
	char line[CONTROL_REQUEST_MAX];
};

struct control {
	struct control_config config;
	pthread_mutex_t store_lock; /* of config.store */
	int listener;
	pthread_t thread;
	atomic_bool stopping;
	struct client *clients[CONTROL_CLIENTS_MAX];
	/* Of the request at hand; workers may look at the job until they have ended. */
	struct job job;
	bool as_text, gone; /* the client does not take more */
	struct job_totals totals;
	json_t *ids;
	struct client *client;			    /* that is answered */
	struct follow_session *left[FOLLOWERS_MAX]; /* until the workers have ended */
	struct pcapng_buffer sections[2];	    /* by enum side */
	uint32_t out_used;
	char out[CONTROL_OUT_BYTES];
};

/* A line of c->client, which is answered; c->gone: it does not take the answer. */
void control_request(struct control *c, const char *line, size_t length);

/* An answer in front of any request, sent at once. */
void control_refuse(struct control *c, const char *error);

/* Reads the rules file again. Returns the answer. */
json_t *control_reload(struct control *c);

/* The client follows no more. */
void control_end_follow(struct control *c, struct client *client);

#endif
