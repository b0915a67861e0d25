/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/decode.h"

#include <stdlib.h>

#include "capture/bytes.h"
#include "capture/checksum.h"
#include "capture/filter.h"
#include "capture/flow_hash.h"
#include "capture/fragments.h"
#include "capture/icmp.h"
#include "capture/ip.h"
#include "capture/link_layer.h"
#include "capture/tcp_options.h"

#define TCP_HEADER_BYTES 20

struct decoder {
	struct decode_counters counters;
	const struct bpf_program *filter;
	struct fragments *fragments;
	uint64_t hash_key;
	bool check_checksums;
};

static const char *const result_names[] = {
	[DECODE_SEGMENT] = "segment",
	[DECODE_ICMP_ERROR] = "icmp-error",
	[DECODE_FRAGMENT_HELD] = "fragment-held",
	[DECODE_NOT_IP] = "not-ip",
	[DECODE_NOT_TCP] = "not-tcp",
	[DECODE_LINKTYPE_UNKNOWN] = "linktype-unknown",
	[DECODE_CUT] = "cut",
	[DECODE_MALFORMED] = "malformed",
	[DECODE_FRAGMENT_OVERLAP] = "fragment-overlap",
	[DECODE_JUMBOGRAM] = "jumbogram",
	[DECODE_FILTERED] = "filtered",
};

const char *decode_result_name(enum decode_result result)
{
	return result < DECODE_RESULT_COUNT ? result_names[result] : "?";
}

struct decoder *decoder_open(uint64_t hash_key, bool check_checksums)
{
	struct decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return NULL;
	decoder->hash_key = hash_key;
	decoder->check_checksums = check_checksums;
	decoder->fragments = fragments_open();
	if (!decoder->fragments)
		decoder_close(&decoder);
	return decoder;
}

void decoder_close(struct decoder **decoder)
{
	if (*decoder) {
		fragments_close(&(*decoder)->fragments);
		free(*decoder);
	}
	*decoder = NULL;
}

void decoder_set_filter(struct decoder *decoder, const struct bpf_program *filter)
{
	decoder->filter = filter;
}

/* The key in canonical order, and which side of it is the sender. */
static void make_key(struct segment *seg, const struct ip_packet *ip, const uint8_t *tcp)
{
	uint32_t half = ip->address_bytes / 2;
	const uint8_t *source = ip->addresses, *destination = ip->addresses + half;
	int order = memcmp(source, destination, half);
	uint8_t s, d;

	if (order == 0)
		order = memcmp(tcp, tcp + 2, 2);
	s = order > 0;
	d = !s;
	memset(&seg->key, 0, sizeof(seg->key));
	memcpy(seg->key.addr[s] + 16 - half, source, half);
	memcpy(seg->key.addr[d] + 16 - half, destination, half);
	memcpy(&seg->key.port_be[s], tcp, 2);
	memcpy(&seg->key.port_be[d], tcp + 2, 2);
	seg->key.ip_version = ip->version;
	seg->sender = s;
}

static enum decode_result parse_tcp(const struct decoder *decoder, const struct frame *frame,
				    uint32_t l3_offset, const struct ip_packet *ip,
				    struct segment *seg)
{
	const uint8_t *tcp = frame->data + ip->payload_offset;
	uint32_t captured, header_bytes;

	if (ip->payload_bytes < TCP_HEADER_BYTES)
		return DECODE_MALFORMED;
	if (ip->payload_offset + TCP_HEADER_BYTES > frame->caplen_bytes)
		return DECODE_CUT;
	captured = frame->caplen_bytes - ip->payload_offset;
	header_bytes = (tcp[12] >> 4) * 4u;
	if (header_bytes < TCP_HEADER_BYTES || header_bytes > ip->payload_bytes)
		return DECODE_MALFORMED;
	if (decoder->filter &&
	    !filter_matches(decoder->filter, frame->data + l3_offset,
			    frame->caplen_bytes - l3_offset, frame->wirelen_bytes - l3_offset))
		return DECODE_FILTERED;

	seg->kind = SEGMENT_TCP;
	seg->ts_ns = frame->ts_ns;
	seg->number = frame->number;
	seg->data = frame->data;
	seg->caplen_bytes = frame->caplen_bytes;
	seg->wirelen_bytes = frame->wirelen_bytes;
	seg->linktype = frame->linktype;
	seg->iface = frame->iface;
	seg->l3_offset = (uint16_t)l3_offset;
	seg->l4_offset = (uint16_t)ip->payload_offset;
	seg->payload_offset = (uint16_t)(ip->payload_offset + header_bytes);
	seg->fragments = 0;
	seg->ttl = ip->ttl;
	seg->tos = ip->tos;
	seg->ip_id = (uint16_t)ip->id;
	seg->flags = get_be16(tcp + 12) & 0x1ff;
	seg->seq = get_be32(tcp + 4);
	seg->ack = get_be32(tcp + 8);
	seg->window = get_be16(tcp + 14);
	seg->urgent = get_be16(tcp + 18);
	seg->payload_bytes = ip->payload_bytes - header_bytes;
	tcp_options_parse(tcp + TCP_HEADER_BYTES, header_bytes - TCP_HEADER_BYTES,
			  captured - TCP_HEADER_BYTES, &seg->options);
	make_key(seg, ip, tcp);
	seg->hash = flow_hash(&seg->key, decoder->hash_key);
	seg->checksum = CHECKSUM_UNCHECKED;
	if (decoder->check_checksums && captured >= ip->payload_bytes)
		seg->checksum = (uint8_t)checksum_tcp(tcp, ip->payload_bytes, ip->addresses,
						      ip->address_bytes);
	return DECODE_SEGMENT;
}

/* An ICMP error: the connection that it is about is that of the packet that it quotes. */
static enum decode_result parse_icmp(const struct decoder *decoder, const struct frame *frame,
				     const struct ip_packet *ip, struct segment *seg)
{
	struct icmp_quote quote;
	enum decode_result result;
	uint32_t quoted_bytes;

	memset(seg, 0, sizeof(*seg));
	result = icmp_parse(frame->data, frame->caplen_bytes, ip, &seg->icmp, &quote);
	if (result != DECODE_ICMP_ERROR)
		return result;
	quoted_bytes = quote.end - quote.l3_offset;
	if (decoder->filter &&
	    !filter_matches(decoder->filter, frame->data + quote.l3_offset, quoted_bytes,
			    seg->icmp.quoted_ip_bytes > quoted_bytes ? seg->icmp.quoted_ip_bytes
								     : quoted_bytes))
		return DECODE_FILTERED;
	seg->kind = SEGMENT_ICMP_ERROR;
	seg->ts_ns = frame->ts_ns;
	seg->number = frame->number;
	seg->data = frame->data;
	seg->linktype = frame->linktype;
	seg->iface = frame->iface;
	seg->seq = quote.seq;
	seg->payload_bytes = quote.payload_bytes;
	make_key(seg, &quote.ip, frame->data + quote.ip.payload_offset);
	seg->hash = flow_hash(&seg->key, decoder->hash_key);
	seg->checksum = CHECKSUM_UNCHECKED;
	if (decoder->check_checksums)
		seg->checksum = (uint8_t)icmp_checksum(frame->data, frame->caplen_bytes, ip);
	return DECODE_ICMP_ERROR;
}

/* A fragment can hold TCP if it says so, or if more headers of IPv6 come before it. */
static bool may_hold_tcp(const struct ip_packet *ip)
{
	return ip->protocol == IP_PROTOCOL_TCP ||
	       (ip->version == 6 && (ip->protocol == 0 || ip->protocol == 43 ||
				     ip->protocol == 51 || ip->protocol == 60));
}

static enum decode_result reassemble(struct decoder *decoder, const struct frame *frame,
				     uint32_t l3_offset, const struct ip_packet *fragment,
				     struct segment *seg)
{
	enum decode_result result;
	struct ip_packet ip;
	struct frame whole;
	uint16_t count = 0;

	if (!may_hold_tcp(fragment))
		return DECODE_NOT_TCP;
	switch (fragments_add(decoder->fragments, frame, l3_offset, fragment, &whole, &count)) {
	case FRAGMENTS_HELD:
		return DECODE_FRAGMENT_HELD;
	case FRAGMENTS_OVERLAP:
		return DECODE_FRAGMENT_OVERLAP;
	case FRAGMENTS_MALFORMED:
		return DECODE_MALFORMED;
	case FRAGMENTS_COMPLETE:
		break;
	}
	decoder->counters.reassembled++;
	result = link_layer_find_ip(whole.linktype, whole.data, whole.caplen_bytes, &l3_offset);
	if (result == DECODE_SEGMENT)
		result = ip_parse(whole.data, whole.caplen_bytes, whole.wirelen_bytes, l3_offset,
				  &ip);
	if (result != DECODE_SEGMENT)
		return result;
	if (ip.fragment)
		return DECODE_MALFORMED; /* a fragment header inside a fragment */
	if (ip.protocol != IP_PROTOCOL_TCP)
		return DECODE_NOT_TCP;
	result = parse_tcp(decoder, &whole, l3_offset, &ip, seg);
	if (result == DECODE_SEGMENT)
		seg->fragments = count;
	return result;
}

static enum decode_result decode(struct decoder *decoder, const struct frame *frame,
				 struct segment *seg)
{
	struct ip_packet ip;
	uint32_t l3_offset;
	enum decode_result result;

	result = link_layer_find_ip(frame->linktype, frame->data, frame->caplen_bytes, &l3_offset);
	if (result != DECODE_SEGMENT)
		return result;
	result = ip_parse(frame->data, frame->caplen_bytes, frame->wirelen_bytes, l3_offset, &ip);
	if (result != DECODE_SEGMENT)
		return result;
	if (ip.fragment)
		return reassemble(decoder, frame, l3_offset, &ip, seg);
	if (icmp_is(&ip))
		return parse_icmp(decoder, frame, &ip, seg);
	if (ip.protocol != IP_PROTOCOL_TCP)
		return DECODE_NOT_TCP;
	return parse_tcp(decoder, frame, l3_offset, &ip, seg);
}

enum decode_result decode_frame(struct decoder *decoder, const struct frame *frame,
				struct segment *seg)
{
	enum decode_result result = decode(decoder, frame, seg);

	decoder->counters.frames++;
	decoder->counters.results[result]++;
	if (result == DECODE_SEGMENT)
		decoder->counters.checksums[seg->checksum]++;
	return result;
}

void decoder_batch_done(struct decoder *decoder)
{
	fragments_batch_done(decoder->fragments);
}

const struct decode_counters *decoder_counters(struct decoder *decoder)
{
	decoder->counters.fragments_timed_out = fragments_timed_out(decoder->fragments);
	decoder->counters.fragments_evicted = fragments_evicted(decoder->fragments);
	return &decoder->counters;
}

void decoder_finish(struct decoder *decoder)
{
	fragments_drop_all(decoder->fragments);
}

uint64_t decoder_memory_bytes(const struct decoder *decoder)
{
	return fragments_memory_bytes(decoder->fragments);
}
