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

/* Adds the difference between the side's last snapshot in the section and this one. */
static void build_snapshot(struct entry_builder *builder, const struct snapshot *last,
			   const struct snapshot *now)
{
	uint32_t words[SNAPSHOT_WORDS];
	uint64_t mask;
	uint32_t count = snapshot_diff(last, now, &mask, words);

	build(builder, &mask, sizeof(mask));
	build(builder, words, count * sizeof(words[0]));
}

static struct evlog_head *writable_head(const struct evlog *log)
{
	return (struct evlog_head *)log->head->bytes;
}

const struct evlog_head *evlog_head(const struct chunk *chain)
{
	return (const struct evlog_head *)chain->bytes;
}

bool evlog_open(struct evlog *log, struct chunk_pool *pool, const struct evlog_identity *identity,
		uint64_t ts_ns)
{
	struct evlog_head *head;
	struct chunk *chunk = chunk_pool_get(pool);

	_Static_assert(sizeof(struct evlog_head) <= CHUNK_PAYLOAD_BYTES,
		       "a head fits into a chunk");
	if (!chunk)
		return false;
	chunk->kind = CHUNK_LOG;
	chunk->used_bytes = sizeof(*head);
	log->head = chunk;
	head = writable_head(log);
	memset(head, 0, sizeof(*head));
	head->key = *identity->key;
	head->client = identity->client;
	head->views = identity->views;
	head->linktype = identity->linktype;
	head->section = identity->section;
	head->connection = identity->connection;
	head->first_ts_ns = ts_ns;
	head->tail = chunk;
	return true;
}

/* Makes sure that `bytes` more fit behind the tail. The chunks are linked, the tail stays. */
static bool reserve(struct evlog_head *head, struct chunk_pool *pool, uint32_t bytes)
{
	uint32_t room = CHUNK_PAYLOAD_BYTES - head->tail->used_bytes;
	struct chunk **link = &head->tail->next;

	while (room < bytes) {
		*link = chunk_pool_get(pool);
		if (!*link) {
			chunk_pool_give(pool, head->tail->next);
			head->tail->next = NULL;
			return false;
		}
		room += CHUNK_PAYLOAD_BYTES;
		link = &(*link)->next;
	}
	return true;
}

/* Appends to reserved room. */
static void append(struct evlog_head *head, const uint8_t *bytes, uint32_t count)
{
	while (count) {
		struct chunk *tail = head->tail;
		uint32_t part = CHUNK_PAYLOAD_BYTES - tail->used_bytes;

		if (part == 0) {
			head->tail = tail->next;
			continue;
		}
		if (part > count)
			part = count;
		memcpy(tail->bytes + tail->used_bytes, bytes, part);
		tail->used_bytes += part;
		bytes += part;
		count -= part;
	}
}

/* Puts a record's serial number into the head; before its entry is appended. */
static void number(struct evlog *log, struct evlog_head *head, enum side side)
{
	if (head->records[side]++ == 0)
		head->first_serial[side] = log->next_serial[side];
	log->next_serial[side]++;
}

static void lose(struct evlog *log, enum side side)
{
	log->next_serial[side]++;
	log->lost[side]++;
}

/*
 * What was lost in front of the record that comes next is written down before it. A loss in front of
 * a section's first record needs no entry: it is the gap between the serial numbers.
 */
static uint32_t skip_bytes(const struct evlog *log, const struct evlog_head *head, enum side side)
{
	if (log->lost[side] == 0 || head->records[side] == 0)
		return 0;
	return sizeof(struct entry_fixed) + sizeof(log->lost[side]);
}

/* Into reserved room. */
static void append_skip(struct evlog *log, struct evlog_head *head, enum side side, uint64_t ts_ns)
{
	struct entry_fixed fixed = { .ts_ns = ts_ns,
				     .kind = LOG_SKIP,
				     .views = (uint8_t)(1 << side) };

	if (skip_bytes(log, head, side)) {
		append(head, (const uint8_t *)&fixed, sizeof(fixed));
		append(head, (const uint8_t *)&log->lost[side], sizeof(log->lost[side]));
	}
	log->lost[side] = 0;
}

/*
 * Makes room for an entry of so many bytes in these views and puts down what comes in front of it.
 * Returns how many records are lost because there is no room: 0, or one for each view.
 */
static uint32_t begin_entry(struct evlog *log, struct chunk_pool *pool, uint8_t views,
			    uint64_t ts_ns, uint32_t bytes)
{
	struct evlog_head *head = writable_head(log);
	uint32_t lost = 0;

	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (views & 1 << side)
			bytes += skip_bytes(log, head, side);
	if (!reserve(head, pool, bytes)) {
		for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
			if (views & 1 << side) {
				lose(log, side);
				lost++;
			}
		return lost;
	}
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (views & 1 << side) {
			append_skip(log, head, side, ts_ns);
			number(log, head, side);
		}
	return 0;
}

uint32_t evlog_packet(struct evlog *log, struct chunk_pool *pool, const struct segment *seg,
		      enum side sender, uint16_t flex7, uint8_t flex8, const uint32_t *evidence,
		      uint8_t views, const struct snapshot snaps[2], uint32_t keep_bytes)
{
	struct evlog_head *head = writable_head(log);
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
	uint32_t lost;

	if (packet.caplen_bytes > seg->caplen_bytes)
		packet.caplen_bytes = seg->caplen_bytes;
	if (packet.caplen_bytes > EVLOG_CAPLEN_MAX - REFRAME_MAX)
		packet.caplen_bytes = EVLOG_CAPLEN_MAX - REFRAME_MAX;
	if (seg->linktype != head->linktype) {
		link_bytes = reframe_header(head->linktype, seg->key.ip_version, link_header);
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
			build_snapshot(&builder, &head->last[side], &snaps[side]);
	build(&builder, link_header, link_bytes);

	lost = begin_entry(log, pool, views, seg->ts_ns, builder.length_bytes + keep_bytes);
	if (lost)
		return lost;
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (views & 1 << side)
			head->last[side] = snaps[side];
	append(head, builder.bytes, builder.length_bytes);
	append(head, data, keep_bytes);
	head->packet_bytes += packet.caplen_bytes;
	head->dump_ts_ns = seg->ts_ns;
	if (seg->iface >= head->iface_count)
		head->iface_count = seg->iface + 1;
	return 0;
}

uint32_t evlog_event(struct evlog *log, struct chunk_pool *pool, enum side side,
		     const struct event *event, const struct snapshot *snap)
{
	struct evlog_head *head = writable_head(log);
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
	build_snapshot(&builder, &head->last[side], snap);
	if (begin_entry(log, pool, fixed.views, event->ts_ns, builder.length_bytes))
		return 1;
	head->last[side] = *snap;
	append(head, builder.bytes, builder.length_bytes);
	head->dump_ts_ns = event->ts_ns;
	return 0;
}

uint32_t evlog_records(const struct evlog *log, enum side side)
{
	return log->head ? evlog_head(log->head)->records[side] : 0;
}

uint32_t evlog_dump(struct evlog *log, struct chunk_pool *pool, uint64_t dump_ts_ns,
		    const char *reason)
{
	struct chunk *chain = log->head;
	struct evlog_head *head;
	uint32_t records;

	if (!chain)
		return 0;
	head = writable_head(log);
	head->dump_ts_ns = dump_ts_ns;
	strncpy(head->reason, reason, sizeof(head->reason) - 1);
	records = head->records[SIDE_CLIENT] + head->records[SIDE_SERVER];
	log->head = NULL;
	if (records && chunk_pool_put(pool, chain))
		return 0;
	chunk_pool_give(pool, chain);
	return records;
}

void evlog_reader_init(struct evlog_reader *reader, const struct chunk *chain, uint8_t *buffer)
{
	const struct evlog_head *head = evlog_head(chain);

	*reader = (struct evlog_reader){
		.chunk = chain,
		.offset_bytes = sizeof(*head),
		.buffer = buffer,
		.next_serial = { head->first_serial[0], head->first_serial[1] },
	};
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

static bool at_end(struct evlog_reader *reader)
{
	const struct chunk *chunk = reader->chunk;

	if (reader->offset_bytes < chunk->used_bytes)
		return false;
	/* A chunk that was reserved for an entry that then was lost is linked but empty. */
	for (chunk = chunk->next; chunk; chunk = chunk->next)
		if (chunk->used_bytes)
			return false;
	return true;
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
