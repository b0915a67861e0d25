/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet_builder.h - frames in words: each function appends a header, packet_end() fills in the lengths
 * and checksums of what was appended.
 */
#ifndef BBTAP_TESTS_PACKET_BUILDER_H
#define BBTAP_TESTS_PACKET_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/frame.h"

#define PACKET_MAX 4096

struct packet {
	uint32_t length;
	uint32_t ip_at, tcp_at; /* 0: none */
	uint8_t ip_version;
	bool is_fragment;
	uint8_t bytes[PACKET_MAX];
};

void packet_begin(struct packet *packet);
void packet_raw(struct packet *packet, const void *bytes, uint32_t count);
void packet_be16(struct packet *packet, uint16_t value);
void packet_be32(struct packet *packet, uint32_t value);

/* 12 bytes of addresses and the EtherType. */
void packet_ethernet(struct packet *packet, uint16_t ethertype);
/* A tag whose number stands in front: tag control information and the EtherType behind. */
void packet_vlan(struct packet *packet, uint16_t vlan, uint16_t ethertype);

/* 10.0.0.1 to 10.0.0.2; reverse: the other way. options_bytes: a multiple of 4, NOPs. */
void packet_ipv4(struct packet *packet, uint8_t protocol, bool reverse, uint32_t options_bytes);
/* 2001:db8::1 to 2001:db8::2 */
void packet_ipv6(struct packet *packet, uint8_t next_header, bool reverse);
/* An IPv6 extension header of 8 bytes. */
void packet_extension(struct packet *packet, uint8_t next_header);

/* Ports 1000 to 80, or the other way; options: a multiple of 4 bytes. */
void packet_tcp(struct packet *packet, bool reverse, uint32_t seq, uint32_t ack, uint16_t flags,
		const void *options, uint32_t options_bytes);
void packet_payload(struct packet *packet, uint32_t count);

/* Lengths and checksums. A TCP checksum is left alone in a fragment. */
void packet_end(struct packet *packet);

/* Ethernet, IPv4 and TCP with `payload` bytes, ended. */
void packet_plain(struct packet *packet, uint32_t seq, uint32_t payload);

/* A frame of it. */
struct frame packet_frame(const struct packet *packet, uint16_t linktype, uint64_t ts_ns);

#endif
