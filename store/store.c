/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/flow_log.h"
#include "store/log_file.h"
#include "store/pcapng_write.h"
#include "store/section.h"
#include "store/spsc_ring.h"
#include "tcpstate/evlog.h"
#include "tcpstate/flow_summary.h"

#define IDLE_NS	     1000000
#define FLUSH_ROUNDS 1000 /* idle rounds between two flushes of the flow log: about a second */
#define WORKERS_MAX  64
/* A buffer that one huge section has grown is given back. */
#define BUFFER_KEEP_BYTES (64u << 20)

struct worker_rings {
	struct spsc_ring *full;	 /* worker to store */
	struct spsc_ring *empty; /* store to worker */
	struct chunk *emptied;	 /* found no room in `empty` yet; the store thread's own */
	struct chunk *emptied_tail;
};

struct store {
	struct store_config config;
	pthread_t thread;
	atomic_bool stopping;
	pthread_mutex_t lock; /* of shown */
	struct store_counters shown;
	/* The thread's own */
	struct store_counters counters;
	struct log_files *files;
	struct flow_log *flows;
	struct pcapng_buffer buffer;
	uint8_t *scratch;
	struct worker_rings rings[WORKERS_MAX];
};

static void note_failure(struct store *store, int error)
{
	if (!store->counters.first_errno)
		store->counters.first_errno = -error;
}

static void write_section(struct store *store, const struct chunk *chain, enum side side)
{
	const struct evlog_head *head = evlog_head(chain);
	struct section_counts counts = { 0 };
	int result = -ENOMEM;

	pcapng_buffer_clear(&store->buffer);
	section_write(&store->buffer, chain, side, store->config.ifaces, store->config.version,
		      store->scratch, &counts);
	if (!store->buffer.no_memory)
		result = log_files_append(store->files, head, side, store->buffer.bytes,
					  store->buffer.length);
	if (result < 0) {
		store->counters.sections_failed++;
		note_failure(store, result);
		return;
	}
	store->counters.sections++;
	store->counters.records += counts.records;
	store->counters.packets += counts.packets;
	store->counters.skipped += counts.skipped;
	store->counters.bytes += store->buffer.length;
	if (store->buffer.room > BUFFER_KEEP_BYTES)
		pcapng_buffer_dispose(&store->buffer);
}

static void write_flows(struct store *store, const struct chunk *chunk)
{
	uint32_t count = chunk->used_bytes / sizeof(struct flow_summary);

	for (uint32_t i = 0; i < count; i++) {
		struct flow_summary summary;
		int result;

		memcpy(&summary, chunk->bytes + i * sizeof(summary), sizeof(summary));
		result = flow_log_append(store->flows, &summary);
		if (result < 0) {
			store->counters.flows_failed++;
			note_failure(store, result);
		} else {
			store->counters.flows++;
		}
	}
}

static void write_chain(struct store *store, const struct chunk *chain)
{
	if (chain->kind == CHUNK_FLOWS) {
		write_flows(store, chain);
		return;
	}
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (evlog_head(chain)->records[side])
			write_section(store, chain, side);
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
		struct chunk *chain = spsc_ring_get(store->rings[i].full);

		if (chain)
			write_chain(store, chain);
		send_home(&store->rings[i], chain);
		any |= chain != NULL;
	}
	return any;
}

static void show_counters(struct store *store)
{
	store->counters.files = log_files_completed(store->files);
	pthread_mutex_lock(&store->lock);
	store->shown = store->counters;
	pthread_mutex_unlock(&store->lock);
}

static void *run(void *argument)
{
	struct store *store = argument;
	uint32_t idle_rounds = 0;

	for (;;) {
		/* Asked before the look at the rings: what was put before it was set is seen. */
		bool stopping = atomic_load_explicit(&store->stopping, memory_order_acquire);

		if (one_round(store)) {
			show_counters(store);
			continue;
		}
		if (stopping)
			return NULL;
		/* Reading files, when bytes are flushed must not depend on the clock. */
		if (store->config.live && ++idle_rounds % FLUSH_ROUNDS == 0) {
			int result = flow_log_flush(store->flows);

			if (result < 0)
				note_failure(store, result);
		}
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

static int free_all(struct store *store)
{
	int flows = flow_log_close(&store->flows);
	int files = log_files_close(&store->files);

	for (uint32_t i = 0; i < store->config.workers; i++) {
		spsc_ring_close(&store->rings[i].full);
		spsc_ring_close(&store->rings[i].empty);
	}
	pcapng_buffer_dispose(&store->buffer);
	free(store->scratch);
	pthread_mutex_destroy(&store->lock);
	free(store);
	return files < 0 ? files : flows;
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
	pthread_mutex_init(&store->lock, NULL);
	result = log_files_open(&store->files, config->dir, config->rotate_bytes);
	if (result == 0)
		result = flow_log_open(&store->flows, config->dir, config->ifaces);
	store->scratch = malloc(EVLOG_CAPLEN_MAX);
	if (result == 0 && !store->scratch)
		result = -ENOMEM;
	for (uint32_t i = 0; i < config->workers; i++) {
		store->rings[i].full = spsc_ring_open(config->ring_chains);
		store->rings[i].empty = spsc_ring_open(config->ring_chains);
		if (!store->rings[i].full || !store->rings[i].empty)
			result = -ENOMEM;
	}
	if (result == 0)
		result = -pthread_create(&store->thread, NULL, run, store);
	if (result < 0) {
		snprintf(error, error_bytes, "%s: can't be written to: %s", config->dir,
			 strerror(-result));
		free_all(store);
		return result;
	}
	*out = store;
	return 0;
}

int store_finish(struct store **store, struct store_counters *counters)
{
	struct store *s = *store;
	struct store_counters last;
	uint64_t completed;
	int result;

	*store = NULL;
	atomic_store_explicit(&s->stopping, true, memory_order_release);
	pthread_join(s->thread, NULL);
	last = s->counters;
	completed = log_files_open_count(s->files) + log_files_completed(s->files);
	last.files = completed;
	result = free_all(s);
	if (result < 0 && !last.first_errno)
		last.first_errno = -result;
	if (counters)
		*counters = last;
	return last.first_errno ? -last.first_errno : 0;
}

void store_get_counters(struct store *store, struct store_counters *out)
{
	pthread_mutex_lock(&store->lock);
	*out = store->shown;
	pthread_mutex_unlock(&store->lock);
}
