/* SPDX-License-Identifier: BSD-2-Clause */
/* netif.h - network interfaces of this host: what they are used for, and how they are made ready. */
#ifndef BBTAP_CAPTURE_NETIF_H
#define BBTAP_CAPTURE_NETIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether the host itself uses the interface, so that taking its traffic would cut the host off: it has
 * an address (IPv6 link-local ones do not count), a route or a master. why: in words, e.g. "it has the
 * address 192.0.2.1".
 */
bool netif_in_use(const char *name, char *why, size_t why_bytes);

/* 0 if there is none of this name. */
unsigned int netif_index(const char *name);

/* Receive queues, at least 1. */
uint32_t netif_queues(const char *name);

/*
 * Sets the link up, if it is down, and makes it promiscuous for as long as the descriptor that is
 * returned stays open. Or a negative errno.
 */
int netif_make_ready(const char *name);

#endif
