/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/ledger.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "store/catalog.h"
#include "store/compress.h"
#include "store/spsc_ring.h"

#define BATCHES	     1024
#define BATCH_BYTES  (96u << 10)
#define RING_SLOTS   2048
#define IDLE_NS	     2000000
#define NSEC_PER_SEC UINT64_C(1000000000)
#define SECOND_NS    NSEC_PER_SEC
#define COMMIT_NOTES 200000 /* reading files: so often is the catalogue committed */
#define NICENESS     5	    /* packets and sections go first */
#define CATCH_UP_S   10
#define HOURS_OPEN   3 /* so long rows may come for an hour that is over */
#define TO_COMPRESS  4096
#define RETAIN_FILES 64 /* removals at a time */

enum note_kind { NOTE_FLOW, NOTE_SECTION, NOTE_COMPLETED };

struct flow_note {
	struct flow_summary summary;
	struct flow_sections sections;
};

struct section_note {
	struct log_name file;
	struct section_row row;
};

struct note {
	uint32_t kind, bytes; /* of what follows */
};

struct batch {
	uint32_t used_bytes;
	uint8_t bytes[BATCH_BYTES] __attribute__((aligned(8)));
};

struct ledger {
	struct ledger_config config;
	pthread_t thread;
	struct spsc_ring *full, *empty;
	struct batch *pool;
	struct batch *filling; /* the store thread's, or NULL */
	atomic_bool stopping;
	atomic_bool wants_room;
	atomic_uint_fast64_t wrote_bytes, crowded;
	pthread_mutex_t lock; /* of shown */
	struct ledger_counters shown;
	/* The thread's own */
	struct ledger_counters counters;
	struct flow_log *flow_log;
	struct catalog *catalog;
	uint64_t notes; /* since the last commit */
	uint64_t next_second_ns;
	uint64_t seen_bytes; /* of wrote_bytes, at the last look */
	bool more_to_remove;
	uint32_t seconds_behind;
	/* Complete files that are to be compressed. */
	struct log_name *to_compress;
	uint32_t compress_first, compress_count;
	uint64_t compress_dropped;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static void note_catalog(struct ledger *ledger, int result)
{
	ledger->counters.catalog_failed += result < 0;
	ledger->notes++;
}

static void flow_written(void *context, const struct flow_name *file, const struct flow_row *row)
{
	struct ledger *ledger = context;

	ledger->counters.flows++;
	note_catalog(ledger, catalog_flow(ledger->catalog, file, row));
}

static void flow_bytes(void *context, const struct flow_name *file, uint64_t bytes)
{
	struct ledger *ledger = context;

	note_catalog(ledger, catalog_flow_bytes(ledger->catalog, file, bytes));
}

static void flow_failed(void *context, uint64_t lines, int error)
{
	struct ledger *ledger = context;

	ledger->counters.flows_failed += lines;
	if (!ledger->counters.first_errno)
		ledger->counters.first_errno = error;
	atomic_store_explicit(&ledger->wants_room, true, memory_order_relaxed);
}

static void do_flow(struct ledger *ledger, const struct flow_note *note)
{
	int result = flow_log_append(ledger->flow_log, &note->summary, &note->sections);

	if (result < 0)
		flow_failed(ledger, 1, result);
}

static void do_completed(struct ledger *ledger, const struct log_name *name)
{
	if (!ledger->config.compress_level)
		return;
	/* One that finds no room stays as it is. */
	if (ledger->compress_count == TO_COMPRESS) {
		ledger->compress_dropped++;
		return;
	}
	ledger->to_compress[(ledger->compress_first + ledger->compress_count++) % TO_COMPRESS] =
		*name;
}

static void do_batch(struct ledger *ledger, const struct batch *batch)
{
	for (uint32_t at = 0; at < batch->used_bytes;) {
		const struct note *note = (const struct note *)(batch->bytes + at);
		const void *body = note + 1;

		switch ((enum note_kind)note->kind) {
		case NOTE_FLOW:
			do_flow(ledger, body);
			break;
		case NOTE_SECTION: {
			const struct section_note *section = body;

			note_catalog(ledger, catalog_section(ledger->catalog, &section->file,
							     &section->row));
			break;
		}
		case NOTE_COMPLETED:
			do_completed(ledger, body);
			break;
		}
		at += (uint32_t)sizeof(*note) + note->bytes;
	}
}

static void show_counters(struct ledger *ledger)
{
	ledger->counters.flows_crowded =
		atomic_load_explicit(&ledger->crowded, memory_order_relaxed);
	pthread_mutex_lock(&ledger->lock);
	ledger->shown = ledger->counters;
	pthread_mutex_unlock(&ledger->lock);
}

/* What has come so far. Returns whether there was anything. */
static bool do_notes(struct ledger *ledger)
{
	struct batch *batch;
	bool any = false;

	while ((batch = spsc_ring_get(ledger->full))) {
		do_batch(ledger, batch);
		spsc_ring_put(ledger->empty, batch);
		any = true;
		if (ledger->notes >= COMMIT_NOTES) {
			note_catalog(ledger, catalog_commit(ledger->catalog));
			ledger->notes = 0;
		}
	}
	return any;
}

static void forget_log(void *context, const struct log_name *name, uint64_t bytes)
{
	struct ledger *ledger = context;

	ledger->counters.removed_files++;
	ledger->counters.removed_bytes += bytes;
	note_catalog(ledger, catalog_forget_log(ledger->catalog, name));
}

static void forget_flow(void *context, const struct flow_name *name, uint64_t bytes)
{
	struct ledger *ledger = context;

	ledger->counters.removed_files++;
	ledger->counters.removed_bytes += bytes;
	note_catalog(ledger, catalog_forget_flow(ledger->catalog, name));
}

static void retain(struct ledger *ledger)
{
	uint64_t wrote = atomic_load_explicit(&ledger->wrote_bytes, memory_order_relaxed);
	struct retention_result result;

	/* As much as came since the last look may come until the next; and the same again. */
	retention_run(&ledger->config.retention, ledger->config.dir, clock_ns(CLOCK_REALTIME),
		      2 * (wrote - ledger->seen_bytes),
		      &(struct retention_callbacks){ .log_removed = forget_log,
						     .flow_removed = forget_flow,
						     .context = ledger },
		      &result);
	ledger->seen_bytes = wrote;
	ledger->more_to_remove = result.more;
	ledger->counters.floor_out_of_reach = result.out_of_reach;
}

static bool stop_compressing(void *context)
{
	struct ledger *ledger = context;

	/* The file is large: what comes meanwhile must not wait for it. */
	do_notes(ledger);
	return ledger->config.live && atomic_load_explicit(&ledger->stopping, memory_order_acquire);
}

static void compress_one(struct ledger *ledger)
{
	struct log_name name = ledger->to_compress[ledger->compress_first % TO_COMPRESS];
	char tag[TAG_NAME_MAX], text[LOG_NAME_MAX], path[PATH_MAX], error[512];

	ledger->compress_first++;
	ledger->compress_count--;
	log_name_tag(name.tag, tag);
	log_name_make(&name, text);
	snprintf(path, sizeof(path), "%.*s/logs/%s/%s", PATH_MAX - 512, ledger->config.dir, tag,
		 text);
	if (compress_file(path, ledger->config.compress_level, ledger->config.sync,
			  stop_compressing, ledger, error, sizeof(error)) == 0)
		ledger->counters.compressed_files++;
}

/* What the catalogue missed it reads from the files, when there is time for it. */
static void catch_up(struct ledger *ledger)
{
	struct catalog_sync_counts counts;
	char error[512];

	if (!catalog_is_behind(ledger->catalog) || ++ledger->seconds_behind < CATCH_UP_S)
		return;
	ledger->seconds_behind = 0;
	catalog_sync(ledger->catalog, false, NULL, NULL, &counts, error, sizeof(error));
}

/* Once a second, live: what was noted becomes visible, what is over is closed. */
static void do_second(struct ledger *ledger)
{
	uint64_t hour = clock_ns(CLOCK_REALTIME) / NSEC_PER_SEC / 3600;

	flow_log_flush(ledger->flow_log);
	flow_log_close_hours(ledger->flow_log, hour - HOURS_OPEN);
	note_catalog(ledger, catalog_commit(ledger->catalog));
	ledger->notes = 0;
	catalog_close_hours(ledger->catalog, hour - HOURS_OPEN);
	catch_up(ledger);
	retain(ledger);
	show_counters(ledger);
}

static void *run(void *argument)
{
	struct ledger *ledger = argument;

	/* Of Linux, the niceness is the thread's. */
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
	for (;;) {
		/* Asked before the look: what was put before it was set is seen. */
		bool stopping = atomic_load_explicit(&ledger->stopping, memory_order_acquire);
		bool any = do_notes(ledger);
		uint64_t now_ns;

		if (stopping && !any) {
			/* A recorder ends at once; who reads files has the time. */
			while (!ledger->config.live && ledger->compress_count)
				compress_one(ledger);
			return NULL;
		}
		now_ns = ledger->config.live ? clock_ns(CLOCK_MONOTONIC) : 0;
		if (now_ns >= ledger->next_second_ns && ledger->config.live) {
			ledger->next_second_ns = now_ns + SECOND_NS;
			do_second(ledger);
		} else if (atomic_exchange_explicit(&ledger->wants_room, false,
						    memory_order_relaxed) ||
			   ledger->more_to_remove) {
			retain(ledger);
		}
		if (!any && ledger->compress_count)
			compress_one(ledger);
		else if (!any)
			nanosleep(&(struct timespec){ .tv_nsec = IDLE_NS }, NULL);
	}
}

static struct batch *take_batch(struct ledger *ledger, bool wait)
{
	struct batch *batch;

	while (!(batch = spsc_ring_get(ledger->empty)) && wait)
		spsc_ring_pause();
	if (batch)
		batch->used_bytes = 0;
	return batch;
}

/* Room for a note; NULL: there is none. */
static void *put_note(struct ledger *ledger, enum note_kind kind, uint32_t bytes, bool wait)
{
	struct note *note;

	bytes = (bytes + 7) & ~7u;
	if (ledger->filling && ledger->filling->used_bytes + sizeof(*note) + bytes > BATCH_BYTES)
		ledger_flush(ledger);
	if (!ledger->filling)
		ledger->filling = take_batch(ledger, wait);
	if (!ledger->filling)
		return NULL;
	note = (struct note *)(ledger->filling->bytes + ledger->filling->used_bytes);
	*note = (struct note){ .kind = kind, .bytes = bytes };
	ledger->filling->used_bytes += (uint32_t)sizeof(*note) + bytes;
	return note + 1;
}

void ledger_section(struct ledger *ledger, const struct log_section *section)
{
	struct section_note *note =
		put_note(ledger, NOTE_SECTION, sizeof(*note), ledger->config.lossless);

	if (note) {
		note->file = *section->file;
		note->row = *section->row;
	}
}

void ledger_flow(struct ledger *ledger, const struct flow_summary *summary,
		 const struct flow_sections *sections)
{
	struct flow_note *note;

	if (ledger->config.flows == FLOWS_NONE ||
	    (ledger->config.flows == FLOWS_LOGGED && !summary->sections))
		return;
	note = put_note(ledger, NOTE_FLOW, sizeof(*note), ledger->config.lossless);
	if (!note) {
		atomic_fetch_add_explicit(&ledger->crowded, 1, memory_order_relaxed);
		return;
	}
	note->summary = *summary;
	note->sections = *sections;
}

void ledger_completed(struct ledger *ledger, const struct log_name *file)
{
	struct log_name *note =
		put_note(ledger, NOTE_COMPLETED, sizeof(*note), ledger->config.lossless);

	if (note)
		*note = *file;
}

void ledger_flush(struct ledger *ledger)
{
	if (!ledger->filling || ledger->filling->used_bytes == 0)
		return;
	spsc_ring_put(ledger->full, ledger->filling);
	ledger->filling = NULL;
}

void ledger_wrote(struct ledger *ledger, uint64_t bytes)
{
	atomic_fetch_add_explicit(&ledger->wrote_bytes, bytes, memory_order_relaxed);
}

void ledger_wants_room(struct ledger *ledger)
{
	atomic_store_explicit(&ledger->wants_room, true, memory_order_relaxed);
}

void ledger_get_counters(struct ledger *ledger, struct ledger_counters *out)
{
	pthread_mutex_lock(&ledger->lock);
	*out = ledger->shown;
	pthread_mutex_unlock(&ledger->lock);
}

static void free_all(struct ledger *ledger)
{
	if (ledger->pool)
		munmap(ledger->pool, BATCHES * sizeof(struct batch));
	spsc_ring_close(&ledger->full);
	spsc_ring_close(&ledger->empty);
	free(ledger->to_compress);
	pthread_mutex_destroy(&ledger->lock);
	free(ledger);
}

static int open_files(struct ledger *ledger, char *error, size_t error_bytes)
{
	const struct ledger_config *config = &ledger->config;
	struct flow_log_config flow_config = {
		.dir = config->dir,
		.ifaces = config->ifaces,
		.sync_at_close = config->sync,
		.written = flow_written,
		.file_bytes = flow_bytes,
		.failed = flow_failed,
		.context = ledger,
	};
	struct catalog_sync_counts counts;
	int result = catalog_open(&ledger->catalog, config->dir, error, error_bytes);

	if (result < 0)
		return result;
	/* What it does not know after a crash, it reads from the files. */
	result = catalog_sync(ledger->catalog, false, NULL, NULL, &counts, error, error_bytes);
	if (result == 0) {
		result = flow_log_open(&ledger->flow_log, &flow_config);
		if (result < 0)
			snprintf(error, error_bytes, "%s/connections: %s", config->dir,
				 strerror(-result));
	}
	if (result < 0)
		catalog_close(&ledger->catalog);
	return result;
}

int ledger_open(struct ledger **out, const struct ledger_config *config, char *error,
		size_t error_bytes)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	int result = -ENOMEM;

	snprintf(error, error_bytes, "no memory");
	if (!ledger)
		return result;
	ledger->config = *config;
	pthread_mutex_init(&ledger->lock, NULL);
	ledger->full = spsc_ring_open(RING_SLOTS);
	ledger->empty = spsc_ring_open(RING_SLOTS);
	ledger->to_compress = malloc(TO_COMPRESS * sizeof(*ledger->to_compress));
	ledger->pool = mmap(NULL, BATCHES * sizeof(struct batch), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ledger->pool == MAP_FAILED)
		ledger->pool = NULL;
	if (ledger->full && ledger->empty && ledger->pool && ledger->to_compress)
		result = open_files(ledger, error, error_bytes);
	if (result < 0) {
		free_all(ledger);
		return result;
	}
	for (uint32_t i = 0; i < BATCHES; i++)
		spsc_ring_put(ledger->empty, &ledger->pool[i]);
	result = -pthread_create(&ledger->thread, NULL, run, ledger);
	if (result < 0) {
		flow_log_close(&ledger->flow_log);
		catalog_close(&ledger->catalog);
		free_all(ledger);
		return result;
	}
	*out = ledger;
	return 0;
}

int ledger_close(struct ledger **ledger, struct ledger_counters *counters)
{
	struct ledger *l = *ledger;
	int result;

	*ledger = NULL;
	if (!l)
		return 0;
	ledger_flush(l);
	atomic_store_explicit(&l->stopping, true, memory_order_release);
	pthread_join(l->thread, NULL);
	result = flow_log_close(&l->flow_log);
	if (!l->counters.first_errno)
		l->counters.first_errno = result;
	/* A run over files is over at once: what it has found out is indexed for the queries that follow. */
	while (!l->config.live && catalog_close_hours(l->catalog, UINT64_MAX) > 0)
		continue;
	note_catalog(l, catalog_close(&l->catalog));
	l->counters.flows_crowded = atomic_load_explicit(&l->crowded, memory_order_relaxed);
	if (counters)
		*counters = l->counters;
	result = l->counters.first_errno;
	free_all(l);
	return result;
}
