/* SPDX-License-Identifier: BSD-2-Clause */
/* control_socket.h - both ends of the control socket: a unix socket's path, folder and mode. */
#ifndef BBTAP_CLI_CONTROL_SOCKET_H
#define BBTAP_CLI_CONTROL_SOCKET_H

#include <stddef.h>

/*
 * The recorder's: makes the socket and its folder, mode 0660, group bbtap if there is one. A socket that nobody
 * answers at is replaced. It listens; or a negative errno with the words in error, -EADDRINUSE: another recorder
 * has it.
 */
int control_listen(const char *path, char *error, size_t error_bytes);

/*
 * A client's: connects. The socket, or a negative errno with the words in error. path: NULL for the usual
 * one, or $BBTAP_SOCKET.
 */
int control_connect(const char *path, char *error, size_t error_bytes);

#endif
