/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* redirect.h - what the XDP program and the source that loads it share. */
#ifndef BBTAP_CAPTURE_XDP_REDIRECT_H
#define BBTAP_CAPTURE_XDP_REDIRECT_H

/* Stands right in front of each frame in the UMEM: the metadata area, a multiple of 4 bytes. */
struct redirect_meta {
	__u64 monotonic_ns;  /* when the driver handed the frame to XDP */
	__u32 wirelen_bytes; /* before it was cut to the snap length */
	__u32 magic;
};

#define REDIRECT_META_MAGIC 0x62627470 /* "bbtp" */

/* Per-CPU counters of frames. */
enum redirect_counter {
	REDIRECT_SENT,	  /* redirected to a socket */
	REDIRECT_OTHER,	  /* not TCP: passed to the host or dropped, as configured */
	REDIRECT_NO_META, /* no room in front of the frame: passed on */
	REDIRECT_NO_CUT,  /* could not be cut: redirected whole */
	REDIRECT_COUNTERS,
};

#define REDIRECT_QUEUES_MAX 256

#endif
