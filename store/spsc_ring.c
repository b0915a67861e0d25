/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/spsc_ring.h"

#include <stdlib.h>
#include <time.h>

#include <ck_ring.h>

/*
 * ThreadSanitizer does not see the fences that order the ring, so it is told of the hand-over; the
 * accesses inside the ring are suppressed by name (tests/tsan.supp).
 */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define HANDS_OVER(pointer) __tsan_release(pointer)
#define TAKES_OVER(pointer) __tsan_acquire(pointer)
#else
#define HANDS_OVER(pointer) ((void)0)
#define TAKES_OVER(pointer) ((void)0)
#endif

struct spsc_ring {
	ck_ring_t ring;
	ck_ring_buffer_t slots[];
};

struct spsc_ring *spsc_ring_open(uint32_t slots)
{
	struct spsc_ring *ring =
		aligned_alloc(64, (sizeof(*ring) + slots * sizeof(ring->slots[0]) + 63) / 64 * 64);

	if (ring)
		ck_ring_init(&ring->ring, slots);
	return ring;
}

void spsc_ring_close(struct spsc_ring **ring)
{
	free(*ring);
	*ring = NULL;
}

bool spsc_ring_put(struct spsc_ring *ring, void *pointer)
{
	HANDS_OVER(pointer);
	return ck_ring_enqueue_spsc(&ring->ring, ring->slots, pointer);
}

void *spsc_ring_get(struct spsc_ring *ring)
{
	void *pointer = NULL;

	if (!ck_ring_dequeue_spsc(&ring->ring, ring->slots, &pointer))
		return NULL;
	TAKES_OVER(pointer);
	return pointer;
}

void spsc_ring_pause(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
}
