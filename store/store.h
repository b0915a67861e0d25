/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.h - the store thread: takes chains of chunks from the workers, writes them as BBLog sections
 * into the files of their tag and as lines of the flow log, and sends the empty chunks back.
 */
#ifndef BBTAP_STORE_STORE_H
#define BBTAP_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/iface_table.h"
#include "tcpstate/chunk.h"

struct store_config {
	const char *dir;		  /* made if it is missing */
	const char *version;		  /* for shb_userappl: "bbtap VERSION" */
	const struct iface_table *ifaces; /* borrowed; see there who may read what */
	uint32_t workers;		  /* a pair of rings for each */
	uint32_t ring_chains;		  /* room of each ring; a power of two */
	uint64_t rotate_bytes; /* a log file that is larger is closed, the next one begun */
	bool live; /* flush the flow log now and then; else what is written depends on no clock */
};

struct store_counters {
	uint64_t sections;	  /* written, each view */
	uint64_t records;	  /* written, packets and events */
	uint64_t packets;	  /* of them, EPBs */
	uint64_t skipped;	  /* events told as skipped */
	uint64_t flows;		  /* lines of the flow log */
	uint64_t files;		  /* log files completed */
	uint64_t bytes;		  /* of log files */
	uint64_t sections_failed; /* not written: disk full, I/O error */
	uint64_t flows_failed;
	int first_errno; /* of the first failure, or 0 */
};

struct store;

/* Makes the folders and starts the thread. 0, or a negative errno with the words in error. */
int store_open(struct store **out, const struct store_config *config, char *error,
	       size_t error_bytes);

/* The sink of worker 0 .. workers - 1. Each is used by that worker's thread alone. */
struct chunk_sink store_sink(struct store *store, uint32_t worker);

/*
 * All workers are done: writes what is left, closes and renames the files, ends the thread and frees
 * everything. counters may be NULL. Returns 0, or the negative errno of the first failure.
 */
int store_finish(struct store **store, struct store_counters *counters);

/* A copy of the counters as they are now; from any thread. */
void store_get_counters(struct store *store, struct store_counters *out);

#endif
