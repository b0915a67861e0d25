/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.h - the running recorder's unix socket: one JSON object a line, see docs/control.md. A thread of
 * its own reads requests and lets the workers do them; packets never wait for it.
 */
#ifndef BBTAP_CLI_CONTROL_H
#define BBTAP_CLI_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "capture/iface_table.h"
#include "cli/job_desk.h"
#include "store/store.h"

#define CONTROL_SOCKET	    "/run/bbtap/bbtap.sock"
#define CONTROL_REQUEST_MAX 65536 /* bytes of a line */
#define CONTROL_CLIENTS_MAX 16

struct control;

struct control_config {
	/* NULL: no socket, only control_ask_reload(). */
	const char *
		path; /* its folder is made if it is missing; mode 0660, group bbtap if there is one */
	struct job_desk *desk;
	struct store *store;	/* or NULL: nothing is written; until control_forget_store() */
	const char *dir;	/* that it writes to */
	const struct iface_table *ifaces; /* borrowed; it does not change any more */
	const char *rules_path; /* or NULL: reload is not possible */
	struct rules **rules;	/* those in use; a reload puts others there and frees these */
	const struct log_policy *policy; /* that rules begin with */
	uint32_t capture_bytes_max; /* of payload that frames are cut to; CAPTURE_FULL: whole */
	uint64_t started_ns;	    /* UTC */
};

/* 0, or a negative errno with the words in error; -EADDRINUSE: another recorder has it. */
int control_open(struct control **out, const struct control_config *config, char *error,
		 size_t error_bytes);

/* From a signal handler: reads the rules file again. */
void control_ask_reload(void);

/* The store ends: when this returns it is not used any more. control may be NULL. */
void control_forget_store(void *control);

/* The workers have ended. Removes the socket. */
void control_close(struct control **control);

#endif
