/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "store/disk.h"
#include "store/pcapng_write.h"
#include "store/places.h"
#include "store/repair.h"
#include "store/section.h"
#include "store/spsc_ring.h"
#include "tcpstate/evlog.h"
#include "tcpstate/flow_summary.h"

#define IDLE_NS	     1000000
#define NSEC_PER_SEC UINT64_C(1000000000)
#define TICK_NS	     (NSEC_PER_SEC / 10) /* live, between two looks at the clock for rotation */
#define WORKERS_MAX  64
#define PLACES	     (1u << 20) /* connections with sections that have not ended */
#define FLOWS_WAIT   256	/* ended connections that wait until their sections are written */
#define FLUSH_CHAINS 1024	/* what has gathered is written at least behind so many */

struct worker_rings {
	struct spsc_ring *full;	 /* worker to store */
	struct spsc_ring *empty; /* store to worker */
	struct chunk *emptied;	 /* found no room in `empty` yet; the store thread's own */
	struct chunk *emptied_tail;
	atomic_uint_fast64_t put;  /* chains, by the worker */
	uint64_t taken;		   /* the store thread's own */
	atomic_uint_fast64_t done; /* of them, written */
};

struct store {
	struct store_config config;
	pthread_t thread;
	int lock_fd;
	atomic_bool stopping;
	pthread_mutex_t lock; /* of shown and failures */
	struct store_counters shown;
	struct store_failures failures;
	/* The thread's own */
	struct store_counters counters;
	struct log_files *files;
	struct ledger *ledger;
	struct places *places;
	struct flow_summary *flows; /* FLOWS_WAIT of them */
	uint32_t flow_count;
	uint32_t since_flush; /* chains */
	uint64_t next_tick_ns;
	uint64_t told_bytes; /* of counters.bytes, to the ledger */
	uint8_t *scratch;
	struct worker_rings rings[WORKERS_MAX];
};

static void note_failure(struct store *store, const char *tag, int error, uint64_t records)
{
	struct store_failures *failures = &store->failures;
	struct store_failure *failure;
	uint32_t i;

	store->counters.sections_failed++;
	store->counters.records_failed += records;
	if (!store->counters.first_errno)
		store->counters.first_errno = -error;
	pthread_mutex_lock(&store->lock);
	for (i = 0; i < failures->count; i++)
		if (failures->items[i].error == -error &&
		    strncmp(failures->items[i].tag, tag, LOG_TAG_MAX) == 0)
			break;
	if (i == STORE_FAILURES_MAX) {
		i--;
		strcpy(failures->items[i].tag, "*");
	} else if (i == failures->count) {
		failures->count++;
		memcpy(failures->items[i].tag, tag, LOG_TAG_MAX);
		failures->items[i].error = -error;
	}
	failure = &failures->items[i];
	failure->sections++;
	failure->records += records;
	pthread_mutex_unlock(&store->lock);
	ledger_wants_room(store->ledger);
}

static void section_written(void *context, const struct log_section *section)
{
	struct store *store = context;

	store->counters.sections++;
	store->counters.records += section->row->records;
	store->counters.packets += section->row->packets;
	store->counters.skipped += section->row->skipped;
	store->counters.bytes += section->row->length_bytes;
	places_written(store->places, section);
	ledger_section(store->ledger, section);
}

static void section_failed(void *context, const struct log_section *section, int error)
{
	struct store *store = context;

	places_failed(store->places, section);
	note_failure(store, section->file->tag, error, section->row->records);
}

static void file_completed(void *context, const struct log_name *file, uint64_t bytes)
{
	struct store *store = context;

	(void)bytes;
	store->counters.files++;
	ledger_completed(store->ledger, file);
}

/* There is not even a file: as if its section had failed. */
static void no_file(struct store *store, const struct evlog_head *head, enum side side, int error)
{
	struct log_name name = { .side = side };
	struct section_row row = { .records = head->records[side] };

	memcpy(name.tag, head->tag, LOG_TAG_MAX);
	section_failed(
		store,
		&(struct log_section){ .file = &name, .row = &row, .connection = head->connection },
		error);
}

static void write_sections(struct store *store, const struct chunk *chain)
{
	const struct evlog_head *head = evlog_head(chain);
	struct pcapng_buffer *buffers[2] = { NULL };
	struct section_row rows[2];
	uint32_t skipped[2] = { 0 };
	uint8_t views = 0;

	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		int error;

		if (!head->records[side])
			continue;
		buffers[side] = log_files_begin(store->files, head, side, &error);
		if (!buffers[side]) {
			no_file(store, head, side, error);
			continue;
		}
		views |= (uint8_t)(1 << side);
		skipped[side] = places_take_skipped(store->places, head->connection, side);
	}
	section_write_views(buffers, chain, views, store->config.ifaces, store->config.version,
			    store->scratch, skipped, rows);
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (views & 1 << side)
			log_files_end(store->files, head, side, &rows[side]);
}

/* All that has gathered is written, then the connections that waited for it get their lines. */
static void flush(struct store *store)
{
	log_files_flush(store->files);
	for (uint32_t i = 0; i < store->flow_count; i++) {
		struct flow_sections sections;

		places_take(store->places, store->flows[i].connection, &sections);
		ledger_flow(store->ledger, &store->flows[i], &sections);
	}
	store->flow_count = 0;
	store->since_flush = 0;
	if (store->counters.bytes != store->told_bytes) {
		ledger_wrote(store->ledger, store->counters.bytes - store->told_bytes);
		store->told_bytes = store->counters.bytes;
	}
	ledger_flush(store->ledger);
	for (uint32_t i = 0; i < store->config.workers; i++)
		atomic_store_explicit(&store->rings[i].done, store->rings[i].taken,
				      memory_order_release);
}

static void take_flows(struct store *store, const struct chunk *chunk)
{
	uint32_t count = chunk->used_bytes / sizeof(struct flow_summary);

	for (uint32_t i = 0; i < count; i++) {
		if (store->flow_count == FLOWS_WAIT)
			flush(store);
		memcpy(&store->flows[store->flow_count++],
		       chunk->bytes + i * sizeof(struct flow_summary), sizeof(struct flow_summary));
	}
}

/* Sends emptied chunks home, all as one chain, so that one free place in the ring is enough. */
static void send_home(struct worker_rings *rings, struct chunk *chain)
{
	if (chain) {
		struct chunk *tail = chain;

		while (tail->next)
			tail = tail->next;
		if (rings->emptied)
			rings->emptied_tail->next = chain;
		else
			rings->emptied = chain;
		rings->emptied_tail = tail;
	}
	if (rings->emptied && spsc_ring_put(rings->empty, rings->emptied))
		rings->emptied = NULL;
}

/* One chain of each worker. Returns whether there was any. */
static bool one_round(struct store *store)
{
	bool any = false;

	for (uint32_t i = 0; i < store->config.workers; i++) {
		struct worker_rings *rings = &store->rings[i];
		struct chunk *chain = spsc_ring_get(rings->full);

		if (chain) {
			rings->taken++;
			store->since_flush++;
			any = true;
			if (chain->kind == CHUNK_FLOWS)
				take_flows(store, chain);
			else
				write_sections(store, chain);
		}
		send_home(rings, chain);
	}
	return any;
}

static void show_counters(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	store->shown = store->counters;
	pthread_mutex_unlock(&store->lock);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* Live: files are rotated also while nothing comes. */
static void tick(struct store *store)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (now_ns < store->next_tick_ns)
		return;
	store->next_tick_ns = now_ns + TICK_NS;
	log_files_tick(store->files, clock_ns(CLOCK_REALTIME));
}

static void *run(void *argument)
{
	struct store *store = argument;

	for (;;) {
		/* Asked before the look at the rings: what was put before it was set is seen. */
		bool stopping = atomic_load_explicit(&store->stopping, memory_order_acquire);
		bool any = one_round(store);

		if (!any || store->since_flush >= FLUSH_CHAINS) {
			flush(store);
			show_counters(store);
			if (store->config.live)
				tick(store);
		}
		if (any)
			continue;
		if (stopping)
			return NULL;
		nanosleep(&(struct timespec){ .tv_nsec = IDLE_NS }, NULL);
	}
}

static bool sink_put(void *context, struct chunk *chain, bool wait)
{
	struct worker_rings *rings = context;

	while (!spsc_ring_put(rings->full, chain)) {
		if (!wait)
			return false;
		spsc_ring_pause();
	}
	/* Only this thread changes it. */
	atomic_store_explicit(&rings->put,
			      atomic_load_explicit(&rings->put, memory_order_relaxed) + 1,
			      memory_order_release);
	return true;
}

static struct chunk *sink_take_back(void *context, bool wait)
{
	struct worker_rings *rings = context;
	struct chunk *chain;

	while (!(chain = spsc_ring_get(rings->empty)) && wait)
		spsc_ring_pause();
	return chain;
}

struct chunk_sink store_sink(struct store *store, uint32_t worker)
{
	return (struct chunk_sink){ .put = sink_put,
				    .take_back = sink_take_back,
				    .context = &store->rings[worker] };
}

bool store_wait_written(struct store *store, uint64_t timeout_ns)
{
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + timeout_ns;

	for (uint32_t i = 0; i < store->config.workers; i++) {
		struct worker_rings *rings = &store->rings[i];
		uint64_t target = atomic_load_explicit(&rings->put, memory_order_acquire);

		while (atomic_load_explicit(&rings->done, memory_order_acquire) < target) {
			if (clock_ns(CLOCK_MONOTONIC) >= until_ns)
				return false;
			nanosleep(&(struct timespec){ .tv_nsec = IDLE_NS }, NULL);
		}
	}
	return true;
}

static int free_all(struct store *store, struct ledger_counters *counters)
{
	int files = log_files_close(&store->files);
	int ledger;

	store->counters.ledger = (struct ledger_counters){ 0 };
	ledger = ledger_close(&store->ledger, counters);
	for (uint32_t i = 0; i < store->config.workers; i++) {
		spsc_ring_close(&store->rings[i].full);
		spsc_ring_close(&store->rings[i].empty);
	}
	places_close(&store->places);
	free(store->flows);
	free(store->scratch);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	pthread_mutex_destroy(&store->lock);
	return files < 0 ? files : ledger;
}

/* One at a time: who comes second would mend what the first one is writing. */
static int lock_dir(struct store *store, char *error, size_t error_bytes)
{
	char path[PATH_MAX];
	int result = disk_make_dir(store->config.dir);

	snprintf(path, sizeof(path), "%.*s/.lock", PATH_MAX - 16, store->config.dir);
	if (result == 0) {
		store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
		result = store->lock_fd < 0 || flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0 ? -errno
											    : 0;
	}
	if (result == -EWOULDBLOCK)
		snprintf(error, error_bytes,
			 "%s: another bbtap writes there; choose another folder with -o",
			 store->config.dir);
	else if (result < 0)
		snprintf(error, error_bytes, "%s: can't be written to: %s", store->config.dir,
			 strerror(-result));
	return result;
}

static int open_parts(struct store *store, char *error, size_t error_bytes)
{
	const struct store_config *config = &store->config;
	struct log_files_config files = {
		.dir = config->dir,
		.rotate_bytes = config->rotate_bytes,
		.rotate_ns = config->rotate_ns,
		.sync = config->sync,
		.written = section_written,
		.failed = section_failed,
		.completed = file_completed,
		.context = store,
	};
	struct ledger_config ledger = {
		.dir = config->dir,
		.ifaces = config->ifaces,
		.flows = config->flows,
		.sync = config->sync != SYNC_NONE,
		.live = config->live,
		.lossless = !config->live,
		.compress_level = config->compress_level,
		.retention = config->retention,
	};
	struct repair_counts mended;
	int result = lock_dir(store, error, error_bytes);

	if (result == 0)
		result = repair(config->dir, false, config->tell, config->context, &mended, error,
				error_bytes);
	if (result == 0)
		result = ledger_open(&store->ledger, &ledger, error, error_bytes);
	if (result < 0)
		return result;
	result = log_files_open(&store->files, &files);
	store->places = places_open(PLACES);
	store->flows = malloc(FLOWS_WAIT * sizeof(*store->flows));
	store->scratch = malloc(EVLOG_CAPLEN_MAX);
	if (result == 0 && (!store->places || !store->flows || !store->scratch))
		result = -ENOMEM;
	for (uint32_t i = 0; i < config->workers; i++) {
		store->rings[i].full = spsc_ring_open(config->ring_chains);
		store->rings[i].empty = spsc_ring_open(config->ring_chains);
		if (!store->rings[i].full || !store->rings[i].empty)
			result = -ENOMEM;
	}
	if (result == 0)
		result = -pthread_create(&store->thread, NULL, run, store);
	if (result < 0)
		snprintf(error, error_bytes, "%s: can't be written to: %s", config->dir,
			 strerror(-result));
	return result;
}

int store_open(struct store **out, const struct store_config *config, char *error,
	       size_t error_bytes)
{
	struct store *store;
	int result = -EINVAL;

	if (config->workers == 0 || config->workers > WORKERS_MAX) {
		snprintf(error, error_bytes, "1 to %d workers are possible", WORKERS_MAX);
		return result;
	}
	store = calloc(1, sizeof(*store));
	if (!store) {
		snprintf(error, error_bytes, "no memory");
		return -ENOMEM;
	}
	store->config = *config;
	store->lock_fd = -1;
	pthread_mutex_init(&store->lock, NULL);
	result = open_parts(store, error, error_bytes);
	if (result < 0) {
		free_all(store, NULL);
		free(store);
		return result;
	}
	*out = store;
	return 0;
}

static void add_ledger(struct store_counters *counters, const struct ledger_counters *ledger)
{
	counters->ledger = *ledger;
	counters->flows = ledger->flows;
	counters->flows_failed = ledger->flows_failed + ledger->flows_crowded;
	if (!counters->first_errno)
		counters->first_errno = -ledger->first_errno;
}

int store_finish(struct store **store, struct store_counters *counters,
		 struct store_failures *failures)
{
	struct store *s = *store;
	struct ledger_counters ledger = { 0 };
	int result;

	*store = NULL;
	atomic_store_explicit(&s->stopping, true, memory_order_release);
	pthread_join(s->thread, NULL);
	result = free_all(s, &ledger);
	add_ledger(&s->counters, &ledger);
	if (result < 0 && !s->counters.first_errno)
		s->counters.first_errno = -result;
	if (counters)
		*counters = s->counters;
	if (failures)
		*failures = s->failures;
	result = -s->counters.first_errno;
	free(s);
	return result;
}

void store_get_counters(struct store *store, struct store_counters *out)
{
	struct ledger_counters ledger;

	pthread_mutex_lock(&store->lock);
	*out = store->shown;
	pthread_mutex_unlock(&store->lock);
	ledger_get_counters(store->ledger, &ledger);
	add_ledger(out, &ledger);
}

void store_get_failures(struct store *store, struct store_failures *out)
{
	pthread_mutex_lock(&store->lock);
	*out = store->failures;
	pthread_mutex_unlock(&store->lock);
}
