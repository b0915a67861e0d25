/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spsc_ring.h - pointers from one thread to one other, over Concurrency Kit's ring. What the producer
 * wrote before a put is seen by the consumer after the get.
 */
#ifndef BBTAP_STORE_SPSC_RING_H
#define BBTAP_STORE_SPSC_RING_H

#include <stdbool.h>
#include <stdint.h>

struct spsc_ring;

/* slots: a power of two >= 4; slots - 1 pointers fit. NULL: no memory. */
struct spsc_ring *spsc_ring_open(uint32_t slots);
void spsc_ring_close(struct spsc_ring **ring);

/* Producer only. False: full. */
bool spsc_ring_put(struct spsc_ring *ring, void *pointer);

/* Consumer only. NULL: empty. */
void *spsc_ring_get(struct spsc_ring *ring);

/* Lets the other side run for a moment; for whoever has found a ring full or empty and must wait. */
void spsc_ring_pause(void);

#endif
