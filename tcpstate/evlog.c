/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An entry as bytes, in the machine's order, without padding:
 *
 *   struct entry_fixed
 *   LOG_PACKET: struct entry_packet; LOG_SKIP: u32, the number of lost events
 *   u32 for each bit in flex_mask: record_flex[0..1], stack_flex[0..5]
 *   for each side in views, but not LOG_SKIP: u64 mask, u32 for each bit in it
 *   LOG_PACKET: caplen_bytes bytes of the frame
 */
#include "tcpstate/evlog.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "tcpstate/evlog_writer.h"
#include "tcpstate/reframe.h"

struct entry_fixed {
	uint64_t ts_ns;
	uint8_t kind;
	uint8_t views;
	uint8_t event_id; /* LOG_PACKET: the sender's side */
	uint8_t flex_mask;
	uint16_t flex7;
	uint8_t flex8;
	uint8_t zero;
};

struct entry_packet {
	uint32_t caplen_bytes;
	uint32_t wirelen_bytes;
	uint32_t payload_bytes;
	uint16_t iface;
	uint16_t fragments;
};

#define FLEX_WORDS    8
#define EVIDENCE_MASK 0x0c /* stack flex1 and flex2 */
/* The largest entry without its frame. */
#define ENTRY_HEAD_MAX                                                                             \
	(sizeof(struct entry_fixed) + sizeof(struct entry_packet) + FLEX_WORDS * 4 +               \
	 2 * (8 + sizeof(struct snapshot)))

/* An entry under construction. */
struct entry_builder {
	uint32_t length_bytes;
	uint8_t bytes[ENTRY_HEAD_MAX];
};

static inline void build(struct entry_builder *builder, const void *bytes, uint32_t count)
{
	memcpy(builder->bytes + builder->length_bytes, bytes, count);
	builder->length_bytes += count;
}

/* Adds the difference between the side's last snapshot and this one. */
static void build_snapshot(struct entry_builder *builder, const struct snapshot *last,
			   const struct snapshot *now)
{
	uint32_t words[SNAPSHOT_WORDS];
	uint64_t mask;
	uint32_t count = snapshot_diff(last, now, &mask, words);

	build(builder, &mask, sizeof(mask));
	build(builder, words, count * sizeof(words[0]));
}

/* What the writer must remember. It stands at the end of the last chunk, where later the head does. */
struct evlog_state {
	struct snapshot last[2];
	uint64_t last_ts_ns;
	uint32_t records[2];
	uint32_t chunks;
	uint16_t linktype;
	uint16_t iface_count;
};

/* As far as entries may go in the last chunk. */
#define TAIL_BYTES (CHUNK_PAYLOAD_BYTES - (uint32_t)sizeof(struct evlog_state))

_Static_assert(sizeof(struct evlog_head) <= sizeof(struct evlog_state), "a head fits there");
_Static_assert(TAIL_BYTES % 8 == 0 && offsetof(struct chunk, bytes) % 8 == 0, "it is aligned");
_Static_assert(CHUNK_PAYLOAD_BYTES / sizeof(struct entry_fixed) < UINT16_MAX,
	       "records are counted");

static inline struct evlog_state *state_of(const struct chunk *tail)
{
	return (struct evlog_state *)(tail->bytes + TAIL_BYTES);
}

static const struct chunk *last_of(const struct chunk *chain)
{
	while (chain->next)
		chain = chain->next;
	return chain;
}

const struct evlog_head *evlog_head(const struct chunk *chain)
{
	return (const struct evlog_head *)(last_of(chain)->bytes + TAIL_BYTES);
}

bool evlog_open(struct evlog *log, struct chunk_pool *pool, uint16_t linktype)
{
	struct chunk *chunk;

	if (log->tail)
		return true;
	chunk = chunk_pool_get(pool);
	if (!chunk)
		return false;
	chunk->kind = CHUNK_LOG;
	chunk->next = chunk;
	*state_of(chunk) = (struct evlog_state){ .chunks = 1, .linktype = linktype };
	log->tail = chunk;
	return true;
}

void evlog_prefetch(const struct evlog *log)
{
	if (log->tail)
		__builtin_prefetch(&state_of(log->tail)->records);
}

void evlog_prefetch_append(const struct evlog *log)
{
	const char *state;

	if (!log->tail)
		return;
	state = (const char *)state_of(log->tail);
	__builtin_prefetch(log->tail, 1);
	for (size_t offset = 0; offset < sizeof(struct evlog_state); offset += 64)
		__builtin_prefetch(state + offset, 1);
}

uint32_t evlog_records(const struct evlog *log, enum side side)
{
	return log->tail ? state_of(log->tail)->records[side] : 0;
}

uint32_t evlog_chunks(const struct evlog *log)
{
	return log->tail ? state_of(log->tail)->chunks : 0;
}

uint32_t evlog_lose(struct evlog *log, uint8_t views)
{
	uint32_t lost = 0;

	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (views & 1 << side) {
			log->next_serial[side]++;
			log->lost[side]++;
			lost++;
		}
	return lost;
}

/* What the next entry of a side is told against: all of it, if it is the first that begins in the chunk. */
static const struct snapshot *base_of(const struct evlog *log, enum side side)
{
	static const struct snapshot zero;

	return log->tail->first_entry == CHUNK_NO_ENTRY ? &zero : &state_of(log->tail)->last[side];
}

/*
 * What was lost in front of the record that comes next is written down before it. A loss in front of
 * a log's first record needs no entry: it is the gap between the serial numbers.
 */
static uint32_t skip_bytes(const struct evlog *log, enum side side)
{
	if (log->lost[side] == 0 || state_of(log->tail)->records[side] == 0)
		return 0;
	return sizeof(struct entry_fixed) + sizeof(log->lost[side]);
}

/* Writes at the end of the chunk *at, and of those behind it as they fill up. */
static void put(struct chunk **at, const void *from, uint32_t count)
{
	const uint8_t *bytes = from;

	while (count) {
		struct chunk *chunk = *at;
		uint32_t part = CHUNK_PAYLOAD_BYTES - chunk->used_bytes;

		if (part == 0) {
			*at = chunk->next;
			continue;
		}
		if (part > count)
			part = count;
		memcpy(chunk->bytes + chunk->used_bytes, bytes, part);
		chunk->used_bytes += part;
		bytes += part;
		count -= part;
	}
}

/*
 * Makes sure that `bytes` fit. The last chunk may be filled to its end only when there is another one
 * behind it, to which the writer's state has moved.
 */
static bool reserve(struct evlog *log, struct chunk_pool *pool, uint64_t bytes)
{
	struct chunk *tail = log->tail, *first = tail->next, *more = NULL;
	struct chunk **link = &more, *last = NULL;
	uint64_t room = TAIL_BYTES - tail->used_bytes;
	uint32_t chunks = 0;

	if (bytes <= room)
		return true;
	room = CHUNK_PAYLOAD_BYTES - tail->used_bytes;
	while (chunks == 0 || room + TAIL_BYTES < bytes) {
		if (chunks)
			room += CHUNK_PAYLOAD_BYTES;
		if (state_of(tail)->chunks + chunks >= EVLOG_CHUNKS_MAX ||
		    !(*link = chunk_pool_get(pool))) {
			chunk_pool_give(pool, more);
			return false;
		}
		last = *link;
		last->kind = CHUNK_LOG;
		link = &last->next;
		chunks++;
	}
	memcpy(state_of(last), state_of(tail), sizeof(struct evlog_state));
	state_of(last)->chunks += chunks;
	tail->next = more;
	last->next = first;
	log->tail = last;
	return true;
}

/* Puts a record's serial number down; `chunk` is where its entry begins. */
static void number(struct evlog *log, struct chunk *chunk, enum side side)
{
	struct evlog_state *state = state_of(log->tail);

	if (state->records[side]++ == 0)
		chunk->first_serial[side] = log->next_serial[side];
	chunk->records[side]++;
	log->next_serial[side]++;
}

/* An entry of the last chunk begins here: from there on the log can be read. */
static void mark_first(const struct evlog *log, struct chunk *chunk)
{
	if (chunk->first_entry != CHUNK_NO_ENTRY)
		return;
	chunk->first_entry = (uint16_t)chunk->used_bytes;
	memset(state_of(log->tail)->last, 0, sizeof(state_of(log->tail)->last));
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		chunk->first_serial[side] =
			log->next_serial[side] - (skip_bytes(log, side) ? log->lost[side] : 0);
}

/*
 * Appends an entry of these views, with what is lost in front of it. Returns how many records are lost
 * because there is no room: 0, or one for each view.
 */
static uint32_t append(struct evlog *log, struct chunk_pool *pool, uint8_t views, uint64_t ts_ns,
		       const struct entry_builder *builder, const uint8_t *data,
		       uint32_t data_bytes)
{
	struct chunk *begin = log->tail, *at = begin;
	uint64_t bytes = (uint64_t)builder->length_bytes + data_bytes;

	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (views & 1 << side)
			bytes += skip_bytes(log, side);
	if (!reserve(log, pool, bytes))
		return evlog_lose(log, views);
	mark_first(log, begin);
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		struct entry_fixed skip = { .ts_ns = ts_ns,
					    .kind = LOG_SKIP,
					    .views = (uint8_t)(1 << side) };

		if (!(views & 1 << side))
			continue;
		if (skip_bytes(log, side)) {
			put(&at, &skip, sizeof(skip));
			put(&at, &log->lost[side], sizeof(log->lost[side]));
		}
		log->lost[side] = 0;
		number(log, begin, side);
	}
	put(&at, builder->bytes, builder->length_bytes);
	put(&at, data, data_bytes);
	state_of(log->tail)->last_ts_ns = ts_ns;
	return 0;
}

uint32_t evlog_packet(struct evlog *log, struct chunk_pool *pool, const struct segment *seg,
		      enum side sender, uint16_t flex7, uint8_t flex8, const uint32_t *evidence,
		      uint8_t views, const struct snapshot snaps[2], uint32_t keep_bytes)
{
	uint16_t linktype = state_of(log->tail)->linktype;
	const uint8_t *data = seg->data;
	uint8_t link_header[REFRAME_MAX];
	uint32_t link_bytes = 0;
	struct entry_fixed fixed = { .ts_ns = seg->ts_ns,
				     .kind = LOG_PACKET,
				     .views = views,
				     .event_id = (uint8_t)sender,
				     .flex_mask = evidence ? EVIDENCE_MASK : 0,
				     .flex7 = flex7,
				     .flex8 = flex8 };
	struct entry_packet packet = { .caplen_bytes = keep_bytes,
				       .wirelen_bytes = seg->wirelen_bytes,
				       .payload_bytes = seg->payload_bytes,
				       .iface = seg->iface,
				       .fragments = seg->fragments };
	struct entry_builder builder;
	struct evlog_state *state;

	if (packet.caplen_bytes > seg->caplen_bytes)
		packet.caplen_bytes = seg->caplen_bytes;
	if (packet.caplen_bytes > EVLOG_CAPLEN_MAX - REFRAME_MAX)
		packet.caplen_bytes = EVLOG_CAPLEN_MAX - REFRAME_MAX;
	if (seg->linktype != linktype) {
		link_bytes = reframe_header(linktype, seg->key.ip_version, link_header);
		data += seg->l3_offset;
		packet.caplen_bytes -= seg->l3_offset;
		packet.wirelen_bytes -= seg->l3_offset;
	}
	keep_bytes = packet.caplen_bytes;
	packet.caplen_bytes += link_bytes;
	packet.wirelen_bytes += link_bytes;

	builder.length_bytes = 0;
	build(&builder, &fixed, sizeof(fixed));
	build(&builder, &packet, sizeof(packet));
	if (evidence)
		build(&builder, evidence, 2 * sizeof(*evidence));
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (views & 1 << side)
			build_snapshot(&builder, base_of(log, side), &snaps[side]);
	build(&builder, link_header, link_bytes);
	if (append(log, pool, views, seg->ts_ns, &builder, data, keep_bytes))
		return (uint32_t)__builtin_popcount(views);
	state = state_of(log->tail);
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (views & 1 << side)
			state->last[side] = snaps[side];
	if (seg->iface >= state->iface_count)
		state->iface_count = seg->iface + 1;
	return 0;
}

uint32_t evlog_event(struct evlog *log, struct chunk_pool *pool, enum side side,
		     const struct event *event, const struct snapshot *snap)
{
	struct entry_fixed fixed = { .ts_ns = event->ts_ns,
				     .kind = LOG_EVENT,
				     .views = (uint8_t)(1 << side),
				     .event_id = event->id,
				     .flex7 = event->flex7,
				     .flex8 = event->flex8 };
	struct entry_builder builder = { 0 };
	uint32_t flexes[FLEX_WORDS];
	uint32_t flex_count = 0;

	for (uint32_t i = 0; i < FLEX_WORDS; i++) {
		uint32_t flex = i < 2 ? event->record_flex[i] : event->stack_flex[i - 2];

		if (flex) {
			fixed.flex_mask |= (uint8_t)(1 << i);
			flexes[flex_count++] = flex;
		}
	}
	build(&builder, &fixed, sizeof(fixed));
	build(&builder, flexes, flex_count * sizeof(flexes[0]));
	build_snapshot(&builder, base_of(log, side), snap);
	if (append(log, pool, fixed.views, event->ts_ns, &builder, NULL, 0))
		return 1;
	state_of(log->tail)->last[side] = *snap;
	return 0;
}

/* Takes the first chunk, and what goes on behind it of its last entry, out of the ring. */
static uint32_t forget_first(struct evlog *log, struct chunk_pool *pool)
{
	struct evlog_state *state = state_of(log->tail);
	uint32_t forgotten = 0;

	do {
		struct chunk *first = log->tail->next;

		for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
			state->records[side] -= first->records[side];
			forgotten += first->records[side];
		}
		log->tail->next = first->next;
		state->chunks--;
		first->next = NULL;
		chunk_pool_give(pool, first);
	} while (log->tail->next != log->tail && log->tail->next->first_entry == CHUNK_NO_ENTRY);
	return forgotten;
}

uint32_t evlog_keep(struct evlog *log, struct chunk_pool *pool, uint8_t views, uint32_t limit)
{
	const struct evlog_state *state;
	uint32_t forgotten = 0;

	/* Only when a chunk was added can one have become too many. */
	if (!log->tail || log->tail->first_entry != CHUNK_NO_ENTRY)
		return 0;
	state = state_of(log->tail);
	while (log->tail->next != log->tail) {
		for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
			if (views & 1 << side &&
			    state->records[side] - log->tail->next->records[side] < limit)
				return forgotten;
		forgotten += forget_first(log, pool);
	}
	return forgotten;
}

uint32_t evlog_clear(struct evlog *log, struct chunk_pool *pool)
{
	struct chunk *tail = log->tail, *first;
	uint32_t forgotten;

	if (!tail)
		return 0;
	forgotten = state_of(tail)->records[SIDE_CLIENT] + state_of(tail)->records[SIDE_SERVER];
	first = tail->next;
	tail->next = NULL;
	log->tail = NULL;
	chunk_pool_give(pool, first);
	return forgotten;
}

uint32_t evlog_forget(struct evlog *log, struct chunk_pool *pool)
{
	if (!log->tail || log->tail->next == log->tail)
		return evlog_clear(log, pool);
	return forget_first(log, pool);
}

static void copy_name(char *out, size_t bytes, const char *from)
{
	if (from)
		strncpy(out, from, bytes - 1);
}

static struct evlog_head head_of(const struct evlog *log, const struct evlog_identity *identity)
{
	const struct evlog_state *state = state_of(log->tail);
	const struct chunk *first = log->tail->next;
	struct evlog_head head = {
		.key = *identity->key,
		.client = identity->client,
		.views = identity->views,
		.linktype = state->linktype,
		.iface_count = state->iface_count,
		.section = identity->section,
		.connection = identity->connection,
		.dump_ts_ns = identity->dump_ts_ns,
	};

	if (first->first_entry != CHUNK_NO_ENTRY) /* an entry begins with its time */
		memcpy(&head.first_ts_ns, first->bytes + first->first_entry,
		       sizeof(head.first_ts_ns));
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		uint32_t records = identity->views & 1 << side ? state->records[side] : 0;

		if (identity->limit && records > identity->limit)
			head.older[side] = records - identity->limit;
		head.records[side] = records - head.older[side];
	}
	copy_name(head.id, sizeof(head.id), identity->id);
	copy_name(head.tag, sizeof(head.tag), identity->tag);
	copy_name(head.reason, sizeof(head.reason), identity->reason);
	return head;
}

uint32_t evlog_dump(struct evlog *log, struct chunk_pool *pool,
		    const struct evlog_identity *identity, uint32_t *written)
{
	struct chunk *tail = log->tail, *chain;
	struct evlog_head head;
	uint32_t records;

	*written = 0;
	if (!tail)
		return 0;
	head = head_of(log, identity);
	records = head.records[SIDE_CLIENT] + head.records[SIDE_SERVER];
	memcpy(tail->bytes + TAIL_BYTES, &head, sizeof(head));
	chain = tail->next;
	tail->next = NULL;
	log->tail = NULL;
	if (records && chunk_pool_put(pool, chain)) {
		*written = records;
		return 0;
	}
	chunk_pool_give(pool, chain);
	return records;
}

/* What a connection's end adds, and more, fits into these. */
#define NEWEST_CHUNKS 2

uint32_t evlog_newer(const struct evlog *log, uint64_t after_ns, uint32_t room)
{
	const struct chunk *chunk;
	uint32_t total, start;

	if (!log->tail)
		return 0;
	total = start = state_of(log->tail)->chunks;
	chunk = log->tail->next;
	for (uint32_t i = 0; i < total; i++, chunk = chunk->next) {
		uint64_t ts_ns;
		bool none, too_many, older;

		if (chunk->first_entry == CHUNK_NO_ENTRY)
			continue;
		memcpy(&ts_ns, chunk->bytes + chunk->first_entry, sizeof(ts_ns));
		none = start == total;
		too_many = total - start > room;
		older = ts_ns < after_ns && total - i >= NEWEST_CHUNKS;
		if (none || too_many || older)
			start = i;
	}
	return total - start <= room ? total - start : 0;
}

void evlog_copy(const struct evlog *log, const struct evlog_identity *identity, uint32_t count,
		struct chunk *const out[])
{
	struct evlog_head head = head_of(log, identity);
	const struct chunk *chunk = log->tail->next;

	memset(head.records, 0, sizeof(head.records));
	memset(head.older, 0, sizeof(head.older));
	for (uint32_t i = count; i < state_of(log->tail)->chunks; i++)
		chunk = chunk->next;
	for (uint32_t i = 0; i < count; i++, chunk = chunk->next) {
		memcpy(out[i], chunk, offsetof(struct chunk, bytes) + chunk->used_bytes);
		out[i]->next = i + 1 < count ? out[i + 1] : NULL;
		for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
			if (identity->views & 1 << side)
				head.records[side] += chunk->records[side];
	}
	if (out[0]->first_entry != CHUNK_NO_ENTRY)
		memcpy(&head.first_ts_ns, out[0]->bytes + out[0]->first_entry,
		       sizeof(head.first_ts_ns));
	memcpy(out[count - 1]->bytes + TAIL_BYTES, &head, sizeof(head));
}

static void reader_init(struct evlog_reader *reader, const struct chunk *first,
			const struct chunk *end, uint8_t *buffer)
{
	bool empty = first->first_entry == CHUNK_NO_ENTRY;

	*reader = (struct evlog_reader){
		.chunk = first,
		.end = end,
		.offset_bytes = empty ? first->used_bytes : first->first_entry,
		.buffer = buffer,
	};
}

void evlog_reader_init(struct evlog_reader *reader, const struct chunk *chain, uint8_t *buffer)
{
	reader_init(reader, chain, last_of(chain), buffer);
}

void evlog_reader_init_open(struct evlog_reader *reader, const struct evlog *log, uint8_t *buffer)
{
	reader_init(reader, log->tail->next, log->tail, buffer);
}

/* The next `count` bytes of the chain. Only the end of an entry can be the end of the chain. */
static void take(struct evlog_reader *reader, void *out, uint32_t count)
{
	uint8_t *to = out;

	while (count) {
		uint32_t part = reader->chunk->used_bytes - reader->offset_bytes;

		if (part == 0) {
			reader->chunk = reader->chunk->next;
			reader->offset_bytes = 0;
			assert(reader->chunk);
			continue;
		}
		if (part > count)
			part = count;
		memcpy(to, reader->chunk->bytes + reader->offset_bytes, part);
		reader->offset_bytes += part;
		to += part;
		count -= part;
	}
}

/* At the end, or (false) where the next entry begins. */
static bool at_end(struct evlog_reader *reader)
{
	while (reader->offset_bytes == reader->chunk->used_bytes) {
		if (reader->chunk == reader->end)
			return true;
		reader->chunk = reader->chunk->next;
		reader->offset_bytes = 0;
	}
	return false;
}

/* The first entry that begins in a chunk holds all of the snapshots. */
static void begin_chunk(struct evlog_reader *reader)
{
	if (reader->offset_bytes != reader->chunk->first_entry)
		return;
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		reader->next_serial[side] = reader->chunk->first_serial[side];
	memset(reader->snap, 0, sizeof(reader->snap));
}

static void take_flexes(struct evlog_reader *reader, uint8_t mask, struct event *event)
{
	for (uint32_t i = 0; i < FLEX_WORDS; i++) {
		uint32_t *flex = i < 2 ? &event->record_flex[i] : &event->stack_flex[i - 2];

		*flex = 0;
		if (mask & 1 << i)
			take(reader, flex, sizeof(*flex));
	}
}

static void take_snapshot(struct evlog_reader *reader, struct snapshot *snap)
{
	uint32_t words[SNAPSHOT_WORDS];
	uint64_t mask;

	take(reader, &mask, sizeof(mask));
	take(reader, words, (uint32_t)__builtin_popcountll(mask) * (uint32_t)sizeof(words[0]));
	snapshot_apply(snap, mask, words);
}

bool evlog_reader_next(struct evlog_reader *reader, struct log_entry *entry)
{
	struct entry_fixed fixed;
	struct entry_packet packet = { 0 };

	if (at_end(reader))
		return false;
	begin_chunk(reader);
	take(reader, &fixed, sizeof(fixed));
	entry->kind = fixed.kind;
	entry->views = fixed.views;
	entry->event.ts_ns = fixed.ts_ns;
	entry->event.id = fixed.kind == LOG_EVENT ? fixed.event_id : 0;
	entry->event.flex7 = fixed.flex7;
	entry->event.flex8 = fixed.flex8;
	entry->sender = fixed.kind == LOG_PACKET ? fixed.event_id : 0;
	entry->skipped = 0;
	if (fixed.kind == LOG_PACKET)
		take(reader, &packet, sizeof(packet));
	if (fixed.kind == LOG_SKIP)
		take(reader, &entry->skipped, sizeof(entry->skipped));
	take_flexes(reader, fixed.flex_mask, &entry->event);
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		if (!(fixed.views & 1 << side))
			continue;
		entry->serial[side] = reader->next_serial[side];
		if (fixed.kind == LOG_SKIP) {
			reader->next_serial[side] += entry->skipped;
			continue;
		}
		reader->next_serial[side]++;
		take_snapshot(reader, &reader->snap[side]);
		entry->snap[side] = reader->snap[side];
	}
	entry->iface = packet.iface;
	entry->fragments = packet.fragments;
	entry->payload_bytes = packet.payload_bytes;
	entry->caplen_bytes = packet.caplen_bytes;
	entry->wirelen_bytes = packet.wirelen_bytes;
	entry->data = reader->buffer;
	take(reader, reader->buffer, packet.caplen_bytes);
	return true;
}
