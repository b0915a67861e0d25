/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.h - the store thread: takes chains of chunks from the workers, writes them as BBLog sections
 * into the files of their tag, and sends the empty chunks back. What else there is to do (the flow log,
 * the catalogue, retention) is done by a second thread, see ledger.h.
 */
#ifndef BBTAP_STORE_STORE_H
#define BBTAP_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/iface_table.h"
#include "store/ledger.h"
#include "store/log_file.h"
#include "tcpstate/chunk.h"

struct store_config {
	const char *dir;		  /* made if it is missing */
	const char *version;		  /* for shb_userappl: "bbtap VERSION" */
	const struct iface_table *ifaces; /* borrowed; see there who may read what */
	uint32_t workers;		  /* a pair of rings for each */
	uint32_t ring_chains;		  /* room of each ring; a power of two */
	uint64_t rotate_bytes; /* a log file that is larger is closed, the next one begun */
	uint64_t rotate_ns;    /* and one whose span of time is over; 0: never. See log_file.h */
	enum store_sync sync;
	enum flow_choice flows;
	int compress_level; /* zstd's, of complete log files; 0: they stay as they are */
	struct retention_config retention;
	bool live; /* by the clock: rotation, flushing, retention; else what is written depends on none */
	/* What was mended of an earlier run, in words; may be NULL. */
	void (*tell)(void *context, const char *words);
	void *context;
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
	uint64_t records_failed;  /* in them */
	uint64_t
		flows_failed; /* lines of the flow log: the same, or the second thread is too slow */
	int first_errno;      /* of the first failure, or 0 */
	struct ledger_counters ledger;
};

/* What could not be written, by tag and reason. */
struct store_failure {
	char tag[LOG_TAG_MAX]; /* "*": all tags for which there was no place any more */
	int error;	       /* errno */
	uint64_t sections, records;
};

#define STORE_FAILURES_MAX 64

struct store_failures {
	uint32_t count;
	struct store_failure items[STORE_FAILURES_MAX];
};

struct store;

/*
 * Makes the folders, mends what an earlier run left behind, and starts the threads. One store at a time writes
 * to a DIR: else -EWOULDBLOCK. 0, or a negative errno with the words in error.
 */
int store_open(struct store **out, const struct store_config *config, char *error,
	       size_t error_bytes);

/* The sink of worker 0 .. workers - 1. Each is used by that worker's thread alone. */
struct chunk_sink store_sink(struct store *store, uint32_t worker);

/*
 * All workers are done: writes what is left, closes and renames the files, ends the thread and frees
 * everything. counters and failures may be NULL. Returns 0, or the negative errno of the first failure.
 */
int store_finish(struct store **store, struct store_counters *counters,
		 struct store_failures *failures);

/* Copies of the counters as they are now; from any thread. */
void store_get_counters(struct store *store, struct store_counters *out);
void store_get_failures(struct store *store, struct store_failures *out);

/*
 * Waits until what the workers have put into their sinks by now is written, or counted as not (and, with
 * SYNC_DUMP, is on the medium). False: not within timeout_ns. From any thread but the workers'.
 */
bool store_wait_written(struct store *store, uint64_t timeout_ns);

#endif
