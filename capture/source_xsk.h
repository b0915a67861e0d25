/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_xsk.h - AF_XDP as a source: one socket for each receive queue of an interface, our own XDP
 * program in front (capture/xdp/), attached by a link that ends with the process, however it ends.
 *
 * Frames are handed out where the kernel put them. A frame larger than XSK_FRAME_BYTES_MAX is cut to
 * it; its wire length is right all the same.
 */
#ifndef BBTAP_CAPTURE_SOURCE_XSK_H
#define BBTAP_CAPTURE_SOURCE_XSK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/source.h"

#define XSK_FRAME_BYTES_MAX 3520 /* a page less the headroom and what drivers keep at its end */

enum xsk_mode {
	XSK_ZERO_COPY,
	XSK_COPY,
	XSK_GENERIC,
	XSK_ANY, /* the first of them that works */
};

/* The mode of this name: "zero-copy", "copy", "generic"; XSK_ANY if there is none. */
enum xsk_mode xsk_mode_of(const char *name);

struct source_xsk_config {
	const char *interface;
	uint32_t snaplen_bytes; /* 0: as much as there is room for */
	bool drop_others;	/* what is not ours is dropped, not passed to the host */
	enum xsk_mode mode;	/* XSK_ANY, or only this one */
	uint16_t iface;		/* in the run's table */
};

/*
 * Tries zero-copy, then copy, then generic mode; source->description says which it is. On failure a
 * negative errno, with the reason of each mode in error.
 */
int source_xsk_open(struct source **out, const struct source_xsk_config *config, char *error,
		    size_t error_bytes);

#endif
