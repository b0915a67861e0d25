/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/fragments.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "capture/bytes.h"
#include "capture/checksum.h"

#define PACKETS_MAX (2 * FRAME_BATCH_MAX) /* half of them may wait for the end of the batch */
#define TIMEOUT_NS  (INT64_C(30) * 1000000000)
#define PAYLOAD_MAX 65536
#define HEADER_ROOM 512
#define UNITS	    (PAYLOAD_MAX / 8) /* fragments begin and, but for the last, end at 8 bytes */
#define NOT_KNOWN   UINT32_MAX

enum packet_state { FREE, FILLING, DONE };

struct packet {
	enum packet_state state;
	/* The key, RFC 791: addresses, protocol, identification. */
	uint8_t version, protocol, address_bytes;
	uint8_t addresses[32];
	uint32_t id;
	int64_t first_ts_ns;
	uint32_t total_bytes; /* of payload; NOT_KNOWN until the last fragment is there */
	uint32_t received_bytes;
	uint32_t cut_at;       /* the lowest byte that the snap length took away */
	uint32_t header_bytes; /* 0 until the first fragment is there */
	uint32_t l3_offset;
	uint32_t next_header_offset; /* IPv6 */
	uint16_t linktype, iface, count;
	uint64_t units[UNITS / 64]; /* which 8-byte units are there */
};

struct fragments {
	uint64_t timed_out;
	uint64_t evicted;
	uint32_t done;
	uint8_t *buffers; /* PACKETS_MAX times HEADER_ROOM + PAYLOAD_MAX */
	struct packet packets[PACKETS_MAX];
};

#define BUFFER_BYTES (HEADER_ROOM + PAYLOAD_MAX)

struct fragments *fragments_open(void)
{
	struct fragments *fragments = calloc(1, sizeof(*fragments));

	if (!fragments)
		return NULL;
	fragments->buffers = mmap(NULL, (size_t)PACKETS_MAX * BUFFER_BYTES, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (fragments->buffers == MAP_FAILED) {
		free(fragments);
		return NULL;
	}
	return fragments;
}

void fragments_close(struct fragments **fragments)
{
	if (*fragments) {
		munmap((*fragments)->buffers, (size_t)PACKETS_MAX * BUFFER_BYTES);
		free(*fragments);
	}
	*fragments = NULL;
}

static uint8_t *payload_of(struct fragments *fragments, const struct packet *packet)
{
	return fragments->buffers + (size_t)(packet - fragments->packets) * BUFFER_BYTES +
	       HEADER_ROOM;
}

static bool is_of(const struct packet *packet, const struct ip_packet *ip)
{
	return packet->state == FILLING && packet->id == ip->id && packet->version == ip->version &&
	       packet->protocol == ip->protocol &&
	       memcmp(packet->addresses, ip->addresses, ip->address_bytes) == 0;
}

static void begin(struct packet *packet, const struct frame *frame, const struct ip_packet *ip)
{
	memset(packet, 0, sizeof(*packet));
	packet->state = FILLING;
	packet->version = ip->version;
	packet->protocol = ip->protocol;
	packet->address_bytes = ip->address_bytes;
	memcpy(packet->addresses, ip->addresses, ip->address_bytes);
	packet->id = ip->id;
	packet->first_ts_ns = (int64_t)frame->ts_ns;
	packet->total_bytes = NOT_KNOWN;
	packet->cut_at = NOT_KNOWN;
}

/* The packet that the fragment belongs to; a new one, in place of the oldest if there is no room. */
static struct packet *find_or_begin(struct fragments *fragments, const struct frame *frame,
				    const struct ip_packet *ip)
{
	struct packet *place = NULL;

	for (uint32_t i = 0; i < PACKETS_MAX; i++) {
		struct packet *packet = &fragments->packets[i];
		int64_t age_ns = (int64_t)frame->ts_ns - packet->first_ts_ns;

		if (packet->state == FILLING && (age_ns > TIMEOUT_NS || age_ns < -TIMEOUT_NS)) {
			packet->state = FREE;
			fragments->timed_out++;
		}
		if (is_of(packet, ip))
			return packet;
		if (packet->state == DONE || (place && place->state == FREE))
			continue;
		if (!place || packet->state == FREE || packet->first_ts_ns < place->first_ts_ns)
			place = packet;
	}
	/* fragments_batch_done() leaves no more than FRAME_BATCH_MAX of them DONE: one was found. */
	if (place->state == FILLING)
		fragments->evicted++;
	begin(place, frame, ip);
	return place;
}

static bool any_unit_there(const struct packet *packet, uint32_t from, uint32_t to)
{
	for (uint32_t unit = from; unit < to; unit++)
		if (packet->units[unit / 64] >> unit % 64 & 1)
			return true;
	return false;
}

static bool all_units_there(const struct packet *packet, uint32_t from, uint32_t to)
{
	for (uint32_t unit = from; unit < to; unit++)
		if (!(packet->units[unit / 64] >> unit % 64 & 1))
			return false;
	return true;
}

/* The headers in front of the payload, as they will stand in the whole frame. */
static bool keep_headers(struct packet *packet, uint8_t *payload, const struct frame *frame,
			 uint32_t l3_offset, const struct ip_packet *ip)
{
	uint32_t bytes = ip->version == 6 ? ip->fragment_header_offset : ip->payload_offset;

	if (bytes > HEADER_ROOM)
		return false;
	packet->header_bytes = bytes;
	packet->l3_offset = l3_offset;
	packet->next_header_offset = ip->next_header_offset;
	packet->linktype = frame->linktype;
	packet->iface = frame->iface;
	memcpy(payload - bytes, frame->data, bytes);
	return true;
}

static void make_whole(struct packet *packet, uint8_t *payload, const struct frame *last,
		       struct frame *whole)
{
	uint8_t *data = payload - packet->header_bytes;
	uint8_t *ip = data + packet->l3_offset;
	uint32_t ip_header_bytes = packet->header_bytes - packet->l3_offset;
	uint32_t kept = packet->total_bytes < packet->cut_at ? packet->total_bytes : packet->cut_at;

	if (packet->version == 4) {
		put_be16(ip + 2, (uint16_t)(ip_header_bytes + packet->total_bytes));
		put_be16(ip + 6, get_be16(ip + 6) & 0x4000); /* all but DF */
		put_be16(ip + 10, checksum_ipv4_header(ip, ip_header_bytes));
	} else {
		put_be16(ip + 4, (uint16_t)(ip_header_bytes - 40 + packet->total_bytes));
		data[packet->next_header_offset] = packet->protocol;
	}
	*whole = *last;
	whole->data = data;
	whole->caplen_bytes = packet->header_bytes + kept;
	whole->wirelen_bytes = packet->header_bytes + packet->total_bytes;
	whole->linktype = packet->linktype;
	whole->iface = packet->iface;
}

enum fragments_result fragments_add(struct fragments *fragments, const struct frame *frame,
				    uint32_t l3_offset, const struct ip_packet *ip,
				    struct frame *whole, uint16_t *count)
{
	uint32_t start = ip->fragment_offset_bytes;
	uint32_t end = start + ip->payload_bytes;
	uint32_t from = start / 8, to = (end + 7) / 8;
	uint32_t captured = frame->caplen_bytes - ip->payload_offset;
	struct packet *packet;
	uint8_t *payload;

	if (ip->payload_bytes == 0 || end > PAYLOAD_MAX - 60 ||
	    (ip->more_fragments && ip->payload_bytes % 8))
		return FRAGMENTS_MALFORMED;
	if (captured > ip->payload_bytes)
		captured = ip->payload_bytes;
	packet = find_or_begin(fragments, frame, ip);
	payload = payload_of(fragments, packet);
	if (any_unit_there(packet, from, to)) {
		/* The network may duplicate a fragment; anything else is an attack (RFC 1858, 5722). */
		if (all_units_there(packet, from, to) &&
		    memcmp(payload + start, frame->data + ip->payload_offset, captured) == 0)
			return FRAGMENTS_HELD;
		packet->state = FREE;
		return FRAGMENTS_OVERLAP;
	}
	if ((!ip->more_fragments && packet->total_bytes != NOT_KNOWN) ||
	    (packet->total_bytes != NOT_KNOWN && end > packet->total_bytes) ||
	    (start == 0 && !keep_headers(packet, payload, frame, l3_offset, ip))) {
		packet->state = FREE;
		return FRAGMENTS_OVERLAP;
	}
	for (uint32_t unit = from; unit < to; unit++)
		packet->units[unit / 64] |= UINT64_C(1) << unit % 64;
	memcpy(payload + start, frame->data + ip->payload_offset, captured);
	if (captured < ip->payload_bytes && start + captured < packet->cut_at)
		packet->cut_at = start + captured;
	if (!ip->more_fragments)
		packet->total_bytes = end;
	packet->received_bytes += ip->payload_bytes;
	packet->count++;
	if (packet->total_bytes == NOT_KNOWN || packet->received_bytes < packet->total_bytes)
		return FRAGMENTS_HELD;
	/* More than the total: there is something behind the last fragment. */
	if (packet->received_bytes > packet->total_bytes ||
	    packet->header_bytes - packet->l3_offset + packet->total_bytes > 65535) {
		packet->state = FREE;
		return FRAGMENTS_OVERLAP;
	}
	make_whole(packet, payload, frame, whole);
	*count = packet->count;
	packet->state = DONE;
	fragments->done++;
	return FRAGMENTS_COMPLETE;
}

void fragments_batch_done(struct fragments *fragments)
{
	if (fragments->done == 0)
		return;
	for (uint32_t i = 0; i < PACKETS_MAX; i++)
		if (fragments->packets[i].state == DONE)
			fragments->packets[i].state = FREE;
	fragments->done = 0;
}

uint32_t fragments_drop_all(struct fragments *fragments)
{
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < PACKETS_MAX; i++) {
		dropped += fragments->packets[i].state == FILLING;
		fragments->packets[i].state = FREE;
	}
	fragments->done = 0;
	fragments->timed_out += dropped;
	return dropped;
}

uint64_t fragments_timed_out(const struct fragments *fragments)
{
	return fragments->timed_out;
}

uint64_t fragments_evicted(const struct fragments *fragments)
{
	return fragments->evicted;
}

uint64_t fragments_memory_bytes(const struct fragments *fragments)
{
	return sizeof(*fragments) + (uint64_t)PACKETS_MAX * BUFFER_BYTES;
}
