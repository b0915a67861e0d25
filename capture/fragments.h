/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fragments.h - IP fragments until their packet is complete (RFC 791 3.2, RFC 8200 4.5). Bounded: so
 * many packets at once, of 64 KB each; memory is reserved at start and touched when first used.
 * Time is packet time.
 */
#ifndef BBTAP_CAPTURE_FRAGMENTS_H
#define BBTAP_CAPTURE_FRAGMENTS_H

#include "capture/frame.h"
#include "capture/ip.h"

struct fragments;

enum fragments_result {
	FRAGMENTS_HELD,
	FRAGMENTS_COMPLETE,  /* *whole is the packet */
	FRAGMENTS_OVERLAP,   /* contradicts what is held; the packet is given up (RFC 5722) */
	FRAGMENTS_MALFORMED, /* beyond 64 KB, or not a multiple of 8 bytes with more to come */
};

/* NULL: no memory. */
struct fragments *fragments_open(void);
void fragments_close(struct fragments **fragments);

/*
 * Takes one fragment. *whole is a frame with the link-layer header of the packet's first fragment and
 * an IP header as if it had never been cut; its time and number are those of the fragment that came
 * last. It stays valid until fragments_batch_done(). *count: the fragments it was made from.
 */
enum fragments_result fragments_add(struct fragments *fragments, const struct frame *frame,
				    uint32_t l3_offset, const struct ip_packet *ip,
				    struct frame *whole, uint16_t *count);

/* At most FRAME_BATCH_MAX packets may become complete between two calls. */
void fragments_batch_done(struct fragments *fragments);

/* Gives up all packets. Returns how many there were. */
uint32_t fragments_drop_all(struct fragments *fragments);

uint64_t fragments_timed_out(const struct fragments *fragments);
uint64_t fragments_evicted(const struct fragments *fragments);
uint64_t fragments_memory_bytes(const struct fragments *fragments);

#endif
