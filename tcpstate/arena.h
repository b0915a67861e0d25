/* SPDX-License-Identifier: BSD-2-Clause */
/* arena.h - memory reserved at start: address space, of which a page costs memory when first touched. */
#ifndef BBTAP_TCPSTATE_ARENA_H
#define BBTAP_TCPSTATE_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

/* From here on huge pages pay: connections come in any order, and each page of them is a miss of the TLB. */
#define ARENA_HUGE_BYTES (UINT64_C(16) << 20)

/* Zeroed memory, or NULL. */
static inline void *arena_reserve(uint64_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (bytes >= ARENA_HUGE_BYTES)
		madvise(memory, bytes, MADV_HUGEPAGE); /* a wish; without it all works as well */
	return memory;
}

static inline void arena_release(void *memory, uint64_t bytes)
{
	if (memory)
		munmap(memory, bytes);
}

#endif
