/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.h - where frames come from: capture files, libpcap live, AF_XDP.
 *
 * A source is a const table of functions with a private context behind it. One thread drives a
 * source. Protocol, in this order, as often as wanted:
 *
 *   1. receive() fills a batch; its frames borrow memory of the source;
 *   2. the caller uses the frames;
 *   3. release() gives the batch's memory back. receive() is not called again before.
 *
 * receive() never blocks in a live source. In a file source it blocks on the file only.
 */
#ifndef BBTAP_CAPTURE_SOURCE_H
#define BBTAP_CAPTURE_SOURCE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/frame.h"

/* What the source itself knows of its frames; all counts since it was opened. */
struct source_stats {
	uint64_t received;  /* frames that the source saw and meant for us, lost ones included */
	uint64_t delivered; /* frames handed out by receive() */
	uint64_t lost_ring_full; /* no room in the receive ring or the kernel's buffer */
	uint64_t lost_no_buffer; /* no free buffer, or frame too large for one (XDP rx_dropped) */
	uint64_t passed; /* frames that the XDP program left to the host: not TCP, no fragment */
};

struct source;

struct source_ops {
	const char *name; /* "xsk", "pcap", "file" */
	/*
	 * Fills batch with 1..FRAME_BATCH_MAX frames and returns their number. 0: nothing there now
	 * (live). -ENODATA: the input is at its end. Another negative errno: something is damaged or
	 * failed; what came before was handed out, source->error has the words, and the next call
	 * goes on with what is left (the next file) or says -ENODATA.
	 */
	int (*receive)(struct source *source, struct frame_batch *batch);
	void (*release)(struct source *source, struct frame_batch *batch);
	void (*stats)(struct source *source, struct source_stats *out);
	/*
	 * Live: no frame comes in any more; what is there can still be received, and afterwards
	 * received == delivered + lost. NULL for a source that needs none.
	 */
	void (*stop)(struct source *source);
	/* Frees all and restores what was changed on the host. */
	void (*close)(struct source *source);
};

#define SOURCE_ERROR_MAX 512

/* The part that all sources share; each embeds it first. */
struct source {
	const struct source_ops *ops;
	/* From the one who drives it: once set, receive() waits for nothing more. NULL: none. */
	const volatile sig_atomic_t *stop;
	bool live;	       /* receive() may return 0 and time goes on by itself */
	char description[128]; /* for people: "veth0 queue 0: AF_XDP, copy mode" */
	char error
		[SOURCE_ERROR_MAX]; /* the last failure: what, where (file and offset), what to do */
};

static inline int source_receive(struct source *source, struct frame_batch *batch)
{
	return source->ops->receive(source, batch);
}

static inline void source_release(struct source *source, struct frame_batch *batch)
{
	source->ops->release(source, batch);
}

static inline void source_get_stats(struct source *source, struct source_stats *out)
{
	source->ops->stats(source, out);
}

static inline void source_stop(struct source *source)
{
	if (source->ops->stop)
		source->ops->stop(source);
}

/* Closes *source, if there is one, and clears the pointer. */
static inline void source_close(struct source **source)
{
	if (*source)
		(*source)->ops->close(*source);
	*source = NULL;
}

#endif
