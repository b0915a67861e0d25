/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/follow.h"

#include <string.h>

#include "tcpstate/arena.h"
#include "tcpstate/blackbox.h"
#include "tcpstate/job.h"
#include "tcpstate/tracker_private.h"

/*
 * Time stamps of several queues, and events that are noted later than they happened, are in order but for so much; what is
 * seen twice is told by its number.
 */
#define SLACK_NS UINT64_C(500000000)

bool followers_init(struct followers *followers)
{
	for (uint32_t i = 0; i < FOLLOWERS_MAX; i++) {
		followers->places[i].chunks = arena_reserve(FOLLOW_CHUNKS * CHUNK_BYTES);
		if (!followers->places[i].chunks)
			return false;
	}
	return true;
}

void followers_dispose(struct followers *followers)
{
	for (uint32_t i = 0; i < FOLLOWERS_MAX; i++)
		arena_release(followers->places[i].chunks, FOLLOW_CHUNKS * CHUNK_BYTES);
}

void follow_begin(struct followers *followers, uint32_t place, const struct job *job)
{
	struct follower *follower = &followers->places[place];

	follower->job = job;
	follower->begun_ns = follower->looked_ns = followers->now_ns;
	follower->missed = 0;
	follower->free_list = NULL;
	follower->kept_first = follower->kept_count = 0;
	for (uint32_t i = 0; i < FOLLOW_CHUNKS; i++) {
		follower->chunks[i].next = follower->free_list;
		follower->free_list = &follower->chunks[i];
	}
	followers->count++;
}

void follow_end(struct followers *followers, uint32_t place)
{
	followers->count -= followers->places[place].job != NULL;
	followers->places[place].job = NULL;
}

static uint64_t after_ns(const struct follower *follower)
{
	return follower->looked_ns > SLACK_NS ? follower->looked_ns - SLACK_NS : 0;
}

static bool take_free(struct follower *follower, uint32_t count, struct chunk *out[])
{
	struct chunk *chunk = follower->free_list;

	for (uint32_t i = 0; i < count; i++, chunk = chunk->next) {
		if (!chunk)
			return false;
		out[i] = chunk;
	}
	follower->free_list = chunk;
	return true;
}

static void keep(struct tracker *tracker, struct follower *follower, const struct connection *conn)
{
	struct chunk *out[FOLLOW_COPY_CHUNKS];
	struct evlog_identity identity;
	uint32_t count;

	if (!job_is_meant(tracker, follower->job, conn))
		return;
	count = evlog_newer(&conn->log, after_ns(follower), FOLLOW_COPY_CHUNKS);
	if (count == 0 || !take_free(follower, count, out)) {
		follower->missed += evlog_records(&conn->log, SIDE_CLIENT) ||
				    evlog_records(&conn->log, SIDE_SERVER);
		return;
	}
	identity = blackbox_identity(tracker, conn);
	evlog_copy(&conn->log, &identity, count, out);
	follower->kept[(follower->kept_first + follower->kept_count++) % FOLLOW_CHUNKS] = out[0];
}

void follow_leaves(struct tracker *tracker, const struct connection *conn)
{
	struct followers *followers = &tracker->followers;

	if (followers->count == 0 || !conn->log.tail)
		return;
	for (uint32_t i = 0; i < FOLLOWERS_MAX; i++)
		if (followers->places[i].job)
			keep(tracker, &followers->places[i], conn);
}

/* Moves what was kept into the block. false: there is no room for more. */
static bool give_kept(struct follower *follower, struct job_block *block)
{
	while (follower->kept_count) {
		struct chunk *chain = follower->kept[follower->kept_first], *last = chain, *chunk;
		uint32_t length = 1;

		for (; last->next; last = last->next)
			length++;
		if (block->count + length > JOB_BLOCK_CHUNKS)
			return false;
		for (chunk = chain; chunk; chunk = chunk->next) {
			struct chunk *copy = &block->chunks[block->count++];

			memcpy(copy, chunk, sizeof(*copy));
			copy->next = chunk->next ? copy + 1 : NULL;
		}
		last->next = follower->free_list;
		follower->free_list = chain;
		follower->kept_first = (follower->kept_first + 1) % FOLLOW_CHUNKS;
		follower->kept_count--;
	}
	return true;
}

/* false: there is no room. */
static bool look_at(struct tracker *tracker, struct follower *follower,
		    const struct connection *conn, struct job_block *block)
{
	struct chunk *out[FOLLOW_COPY_CHUNKS];
	struct evlog_identity identity;
	uint32_t count;

	if (!conn->log.tail || conn->last_ts_ns < after_ns(follower) ||
	    !job_is_meant(tracker, follower->job, conn))
		return true;
	count = evlog_newer(&conn->log, after_ns(follower), FOLLOW_COPY_CHUNKS);
	if (count == 0)
		return true;
	if (block->count + count > JOB_BLOCK_CHUNKS)
		return false;
	for (uint32_t i = 0; i < count; i++)
		out[i] = &block->chunks[block->count++];
	identity = blackbox_identity(tracker, conn);
	evlog_copy(&conn->log, &identity, count, out);
	return true;
}

bool follow_step(struct tracker *tracker, struct job_part *part, uint32_t looks,
		 struct job_block *block)
{
	struct follower *follower = &tracker->followers.places[part->job->place];

	block->full = false;
	block->begun_ns = follower->begun_ns;
	if (!follower->job)
		return true;
	if (part->cursor == 0)
		follower->looking_ns = tracker->followers.now_ns;
	/* Before any more is looked at: what a log has lost is older than what is in it. */
	block->full = !give_kept(follower, block);
	while (!block->full && looks-- && part->cursor < tracker->table.touched) {
		const struct connection *conn = &tracker->table.records[part->cursor];

		block->full = conn->flags & CONN_LIVE && !look_at(tracker, follower, conn, block);
		part->cursor += !block->full;
	}
	if (block->full || part->cursor < tracker->table.touched)
		return false;
	follower->looked_ns = follower->looking_ns;
	part->failed += follower->missed;
	follower->missed = 0;
	return true;
}
