/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipeline.h - from sources to logs: receives, decodes, leads segments to their worker.
 *
 * One thread, the caller's, receives and decodes. With one worker it tracks too, without a copy. With
 * more, segments go to the worker of their hash in batches over rings, with as many bytes of the frame
 * as the log keeps. Reading files a full ring makes the receiver wait; live it is a counted loss.
 */
#ifndef BBTAP_CLI_PIPELINE_H
#define BBTAP_CLI_PIPELINE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/decode.h"
#include "capture/source.h"
#include "cli/job_desk.h"
#include "store/store.h"
#include "tcpstate/tracker.h"

#define PIPELINE_SOURCES_MAX 64
#define PIPELINE_WORKERS_MAX 64

struct pipeline_config {
	struct source **sources;
	uint32_t source_count;
	uint32_t workers;
	uint64_t hash_key;
	bool check_checksums;
	const struct bpf_program *filter; /* or NULL */
	struct tracker_config
		tracker; /* for each worker; memory and sink are set by the pipeline */
	/*
	 * NULL: no logs. The pipeline finishes it, because what is on its way to the store is memory
	 * of the trackers.
	 */
	struct store *store;
	/* Called in front of that: nobody may use the store any more when it returns. Or NULL. */
	void (*store_ends)(void *context);
	void *store_ends_context;
	bool lossless;
	bool pin;		     /* workers to processors */
	volatile sig_atomic_t *stop; /* set: end in an orderly way */
	uint64_t stop_at_ns;	     /* live, CLOCK_MONOTONIC; 0: never */
	struct job_desk *desk; /* live: for requests at run time; or NULL */
	/* A source's error, in words; called in the receiving thread. */
	void (*error)(const char *message);
	/* Live: all threads run. */
	void (*ready)(void *context);
	/* Called about ten times a second, if there. */
	void (*progress)(void *context, uint64_t frames);
	void *context;
};

struct pipeline_stats {
	struct source_stats source; /* sum over all */
	struct decode_counters decode;
	struct tracker_counters tracker; /* sum over all workers */
	struct store_counters store;
	struct store_failures store_failures;
	uint64_t lost_worker_ring; /* segments and ICMP errors: the worker was too slow (live) */
	uint64_t source_errors;
	uint64_t group_requests_cut; /* of triggers: they reached the logs of one worker only */
	uint64_t first_ns, latest_ns; /* least and largest time stamp */
};

/*
 * Runs until the sources are at their end or *stop is set. 0 or a negative errno, with words; what the
 * store could not write is in stats->store.
 */
int pipeline_run(const struct pipeline_config *config, struct pipeline_stats *stats, char *error,
		 size_t error_bytes);

/*
 * Whether every frame is accounted for: what the sources received is what was tracked, plus what was
 * left out or lost under one name each.
 */
bool pipeline_stats_add_up(const struct pipeline_stats *stats);

#endif
