/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/job_desk.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "store/spsc_ring.h"

#define BLOCKS	   32 /* of each worker: while some are written out others are filled */
#define RING_SLOTS 64
#define LOOKS	   64 /* connections, between two batches: less than a batch costs */
#define WAIT_NS	   50000

struct job_place {
	struct spsc_ring *empty, *full;
	struct job_block *blocks;
	/* The worker's. */
	struct job_part part;
	struct job_block *filling;
	bool active;
} __attribute__((aligned(64)));

struct job_desk {
	struct spsc_ring *posted;
	struct job_place *places;
	uint32_t workers;
	atomic_bool shut;
	struct job_desk_sources sources;
};

struct job_desk *job_desk_open(uint32_t workers)
{
	struct job_desk *desk = calloc(1, sizeof(*desk));

	if (!desk)
		return NULL;
	desk->workers = workers;
	desk->posted = spsc_ring_open(4);
	desk->places = aligned_alloc(64, workers * sizeof(*desk->places));
	if (!desk->posted || !desk->places) {
		free(desk->places);
		desk->places = NULL;
		job_desk_close(&desk);
		return NULL;
	}
	for (uint32_t i = 0; i < workers; i++)
		desk->places[i] = (struct job_place){ 0 };
	for (uint32_t i = 0; i < workers; i++) {
		struct job_place *place = &desk->places[i];

		place->empty = spsc_ring_open(RING_SLOTS);
		place->full = spsc_ring_open(RING_SLOTS);
		place->blocks = calloc(BLOCKS, sizeof(*place->blocks));
		if (!place->empty || !place->full || !place->blocks) {
			job_desk_close(&desk);
			return NULL;
		}
		for (uint32_t b = 0; b < BLOCKS; b++)
			spsc_ring_put(place->empty, &place->blocks[b]);
	}
	return desk;
}

void job_desk_close(struct job_desk **desk)
{
	struct job_desk *d = *desk;

	*desk = NULL;
	if (!d)
		return;
	for (uint32_t i = 0; d->places && i < d->workers; i++) {
		spsc_ring_close(&d->places[i].empty);
		spsc_ring_close(&d->places[i].full);
		free(d->places[i].blocks);
	}
	spsc_ring_close(&d->posted);
	free(d->places);
	free(d);
}

int job_desk_run(struct job_desk *desk, struct job *job,
		 bool (*block)(void *context, const struct job_block *block), void *context)
{
	uint32_t working = desk->workers;

	atomic_init(&job->cancelled, false);
	if (!spsc_ring_put(desk->posted, job))
		return -ESHUTDOWN;
	while (working) {
		bool any = false;

		for (uint32_t i = 0; i < desk->workers; i++) {
			struct job_block *full = spsc_ring_get(desk->places[i].full);

			if (!full)
				continue;
			any = true;
			working -= full->last;
			if (!atomic_load_explicit(&job->cancelled, memory_order_relaxed) &&
			    !block(context, full))
				atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
			spsc_ring_put(desk->places[i].empty, full);
		}
		if (any)
			continue;
		if (atomic_load_explicit(&desk->shut, memory_order_acquire))
			return -ESHUTDOWN;
		nanosleep(&(struct timespec){ .tv_nsec = WAIT_NS }, NULL);
	}
	return 0;
}

struct job *job_desk_poll(struct job_desk *desk)
{
	return spsc_ring_get(desk->posted);
}

void job_desk_begin(struct job_desk *desk, uint32_t worker, struct job *job)
{
	struct job_place *place = &desk->places[worker];

	place->part = (struct job_part){ .job = job };
	place->active = true;
}

bool job_desk_is_busy(const struct job_desk *desk, uint32_t worker)
{
	return desk->places[worker].active;
}

struct job_desk_sources *job_desk_sources(struct job_desk *desk)
{
	return &desk->sources;
}

bool job_desk_step(struct job_desk *desk, uint32_t worker, struct tracker *tracker)
{
	struct job_place *place = &desk->places[worker];

	if (!place->active)
		return false;
	if (!place->filling) {
		place->filling = spsc_ring_get(place->empty);
		if (!place->filling)
			return false;
		place->filling->count = 0;
	}
	if (!job_step(tracker, &place->part, LOOKS, place->filling))
		return true;
	place->active = !place->filling->last;
	spsc_ring_put(place->full, place->filling);
	place->filling = NULL;
	return true;
}

void job_desk_shut(struct job_desk *desk)
{
	atomic_store_explicit(&desk->shut, true, memory_order_release);
}
