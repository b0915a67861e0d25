/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "capture/bytes.h"
#include "capture/checksum.h"
#include "capture/decode.h"
#include "capture/filter.h"
#include "tests/unit/packet_builder.h"

static struct decoder *decoder;

static int setup(void **state)
{
	(void)state;
	decoder = decoder_open(0, true);
	return decoder ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	decoder_close(&decoder);
	return 0;
}

/* Decodes from memory of exactly the captured size, so that a sanitizer sees a byte too far. */
static enum decode_result decode_exactly(const struct packet *packet, uint32_t caplen_bytes,
					 struct segment *seg)
{
	uint8_t *copy = malloc(caplen_bytes ? caplen_bytes : 1);
	struct frame frame = packet_frame(packet, 1, 5);
	enum decode_result result;

	memcpy(copy, packet->bytes, caplen_bytes);
	frame.data = copy;
	frame.caplen_bytes = caplen_bytes;
	result = decode_frame(decoder, &frame, seg);
	free(copy);
	return result;
}

/* An ICMP message about a segment of 1000 bytes from 10.0.0.1:1000 to 10.0.0.2:80, from 10.0.0.2. */
struct message {
	uint8_t ip_version;
	uint8_t type, code;
	uint32_t rest;		/* the second word of its header */
	uint32_t quoted_bytes;	/* of the TCP header and payload */
	uint32_t behind_bytes;	/* that stand behind the quoted packet */
	uint8_t quoted_version; /* 0: the same */
	uint8_t quoted_protocol;
	bool vlan;
	bool extension;		  /* IPv6: one in front of the quoted TCP header */
	uint16_t quoted_fragment; /* IPv4: flags and offset */
};

/* Returns where the quoted TCP header begins. */
static uint32_t build(struct packet *packet, const struct message *m)
{
	uint8_t quoted_version = m->quoted_version ? m->quoted_version : m->ip_version;
	uint32_t outer_at, icmp_at, quoted_at, tcp_at, outer_bytes;
	uint8_t pseudo[8] = { 0, 0, 0, 0, 0, 0, 0, 58 };
	uint16_t sum = 0;

	packet_begin(packet);
	packet_ethernet(packet, m->vlan ? 0x8100 : m->ip_version == 4 ? 0x0800 : 0x86dd);
	if (m->vlan)
		packet_vlan(packet, 7, m->ip_version == 4 ? 0x0800 : 0x86dd);
	outer_at = packet->length;
	if (m->ip_version == 4)
		packet_ipv4(packet, 1, true, 0);
	else
		packet_ipv6(packet, 58, true);
	icmp_at = packet->length;
	packet_be16(packet, (uint16_t)(m->type << 8 | m->code));
	packet_be16(packet, 0);
	packet_be32(packet, m->rest);
	quoted_at = packet->length;
	if (quoted_version == 4) {
		packet_ipv4(packet, m->quoted_protocol ? m->quoted_protocol : 6, false, 0);
		put_be16(packet->bytes + quoted_at + 2, 20 + 20 + 1000);
		put_be16(packet->bytes + quoted_at + 6, m->quoted_fragment);
	} else {
		packet_ipv6(packet,
			    m->extension	 ? 60
			    : m->quoted_protocol ? m->quoted_protocol
						 : 6,
			    false);
		if (m->extension)
			packet_extension(packet, 6);
		put_be16(packet->bytes + quoted_at + 4, (m->extension ? 8 : 0) + 20 + 1000);
	}
	tcp_at = packet->length;
	packet_tcp(packet, false, 0xfffffff0, 7, 0x10, NULL, 0);
	packet_payload(packet, 1000);
	packet->length = tcp_at + m->quoted_bytes;
	packet_payload(packet, m->behind_bytes);

	outer_bytes = packet->length - outer_at;
	if (m->ip_version == 4) {
		put_be16(packet->bytes + outer_at + 2, (uint16_t)outer_bytes);
	} else {
		put_be16(packet->bytes + outer_at + 4, (uint16_t)(outer_bytes - 40));
		put_be16(pseudo + 2, (uint16_t)(outer_bytes - 40));
		sum = checksum_sum(pseudo, 8, checksum_sum(packet->bytes + outer_at + 8, 32, 0));
	}
	sum = (uint16_t)~checksum_sum(packet->bytes + icmp_at, packet->length - icmp_at, sum);
	memcpy(packet->bytes + icmp_at + 2, &sum, 2);
	return tcp_at;
}

#define V4(type_, code_, rest_, quoted_)                                                           \
	.ip_version = 4, .type = type_, .code = code_, .rest = rest_, .quoted_bytes = quoted_
#define V6(type_, code_, rest_, quoted_)                                                           \
	.ip_version = 6, .type = type_, .code = code_, .rest = rest_, .quoted_bytes = quoted_

static const struct row {
	const char *name;
	struct message message;
	enum decode_result result;
	uint32_t mtu_bytes;
	bool whole;
} rows[] = {
	/* clang-format off */
	{ "fragmentation needed", { V4(3, 4, 1400, 8) }, DECODE_ICMP_ERROR, 1400, false },
	{ "all of it quoted", { V4(3, 4, 1400, 1020) }, DECODE_ICMP_ERROR, 1400, true },
	{ "the TCP header just so", { V4(3, 4, 1400, 20) }, DECODE_ICMP_ERROR, 1400, true },
	{ "one byte less", { V4(3, 4, 1400, 19) }, DECODE_ICMP_ERROR, 1400, false },
	{ "an old router tells no MTU", { V4(3, 4, 0, 8) }, DECODE_ICMP_ERROR, 0, false },
	{ "behind a VLAN tag", { V4(3, 4, 1400, 8), .vlan = true }, DECODE_ICMP_ERROR, 1400, false },
	{ "host unreachable has no MTU", { V4(3, 1, 1400, 8) }, DECODE_ICMP_ERROR, 0, false },
	{ "source quench", { V4(4, 0, 0, 8) }, DECODE_ICMP_ERROR, 0, false },
	{ "time exceeded", { V4(11, 0, 0, 28) }, DECODE_ICMP_ERROR, 0, true },
	{ "parameter problem", { V4(12, 0, 0, 28) }, DECODE_ICMP_ERROR, 0, true },
	{ "redirect", { V4(5, 1, 0, 28) }, DECODE_NOT_TCP, 0, false },
	{ "echo", { V4(8, 0, 0, 28) }, DECODE_NOT_TCP, 0, false },
	{ "about UDP", { V4(3, 3, 0, 8), .quoted_protocol = 17 }, DECODE_NOT_TCP, 0, false },
	{ "about a first fragment", { V4(11, 1, 0, 28), .quoted_fragment = 0x2000 }, DECODE_ICMP_ERROR, 0, true },
	{ "about a later fragment", { V4(11, 1, 0, 28), .quoted_fragment = 3 }, DECODE_NOT_TCP, 0, false },
	{ "too little is quoted", { V4(3, 4, 1400, 7) }, DECODE_MALFORMED, 0, false },
	{ "a packet of the other IP", { V4(3, 4, 1400, 28), .quoted_version = 6 }, DECODE_MALFORMED, 0, false },
	/* RFC 4884: 32 words of 4 bytes, 16 of 8 bytes, and then an extension. */
	{ "extensions", { V4(3, 1, 32 << 16, 108), .behind_bytes = 40 }, DECODE_ICMP_ERROR, 0, true },
	{ "extensions and an MTU", { V4(3, 4, 32 << 16 | 1400, 108), .behind_bytes = 40 }, DECODE_ICMP_ERROR, 1400, true },
	{ "a length too short to be one", { V4(3, 1, 6 << 16, 108) }, DECODE_ICMP_ERROR, 0, true },
	{ "a length beyond the end", { V4(3, 1, 255 << 16, 108) }, DECODE_ICMP_ERROR, 0, true },
	{ "packet too big", { V6(2, 0, 1400, 1020) }, DECODE_ICMP_ERROR, 1400, true },
	{ "an MTU of 32 bits", { V6(2, 0, 100000, 8) }, DECODE_ICMP_ERROR, 100000, false },
	{ "ICMPv6 unreachable", { V6(1, 4, 0, 100) }, DECODE_ICMP_ERROR, 0, true },
	{ "ICMPv6 time exceeded", { V6(3, 0, 0, 100) }, DECODE_ICMP_ERROR, 0, true },
	{ "ICMPv6 parameter problem", { V6(4, 0, 0, 100) }, DECODE_ICMP_ERROR, 0, true },
	{ "behind an extension header", { V6(2, 0, 1400, 100), .extension = true }, DECODE_ICMP_ERROR, 1400, true },
	{ "ICMPv6 with a tag", { V6(2, 0, 1400, 100), .vlan = true }, DECODE_ICMP_ERROR, 1400, true },
	{ "extensions, ICMPv6", { V6(1, 0, 16u << 24, 88), .behind_bytes = 40 }, DECODE_ICMP_ERROR, 0, true },
	{ "neighbour solicitation", { V6(135, 0, 0, 28) }, DECODE_NOT_TCP, 0, false },
	{ "an echo of ICMPv6", { V6(128, 0, 0, 28) }, DECODE_NOT_TCP, 0, false },
	/* clang-format on */
};

static void check_error(const struct row *row, const struct segment *seg)
{
	const uint8_t *last = &seg->icmp.reporter[15];

	assert_int_equal(seg->kind, SEGMENT_ICMP_ERROR);
	assert_int_equal(seg->ts_ns, 5);
	assert_int_equal(seg->caplen_bytes, 0);
	assert_int_equal(seg->key.ip_version, row->message.ip_version);
	assert_int_equal(seg->sender, 0);
	assert_int_equal(seg->key.port_be[0], __builtin_bswap16(1000));
	assert_int_equal(seg->key.port_be[1], __builtin_bswap16(80));
	assert_int_equal(seg->seq, 0xfffffff0);
	assert_int_equal(seg->icmp.type, row->message.type);
	assert_int_equal(seg->icmp.code, row->message.code);
	assert_int_equal(seg->icmp.mtu_bytes, row->mtu_bytes);
	assert_int_equal(*last, 2);
	assert_int_equal(seg->icmp.reporter[12], row->message.ip_version == 4 ? 10 : 0);
	assert_int_equal(seg->icmp.quoted_ip_bytes, row->message.ip_version == 4 ? 1040
						    : row->message.extension	 ? 1068
										 : 1060);
}

static void errors_and_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct packet packet;
		struct segment seg;
		uint32_t tcp_at = build(&packet, &row->message);

		if (decode_exactly(&packet, packet.length, &seg) != row->result)
			fail_msg("%s", row->name);
		if (row->result != DECODE_ICMP_ERROR)
			continue;
		check_error(row, &seg);
		assert_int_equal(seg.checksum, CHECKSUM_GOOD);
		if (seg.icmp.header_whole != row->whole ||
		    seg.payload_bytes != (row->whole ? 1000 : 0))
			fail_msg("%s: %u bytes", row->name, seg.payload_bytes);
		/* Cut anywhere: never a byte too far, an error as soon as the quoted 8 bytes are there. */
		for (uint32_t cut = 0; cut < packet.length; cut++) {
			enum decode_result result = decode_exactly(&packet, cut, &seg);

			if ((result == DECODE_ICMP_ERROR) != (cut >= tcp_at + 8))
				fail_msg("%s, cut at %u", row->name, cut);
			if (result != DECODE_ICMP_ERROR) {
				assert_true(result == DECODE_CUT || result == DECODE_NOT_IP);
				continue;
			}
			check_error(row, &seg);
			assert_int_equal(seg.checksum, CHECKSUM_UNCHECKED);
			assert_int_equal(seg.icmp.header_whole, cut >= tcp_at + 20 && row->whole);
		}
	}
}

/* The connection's own key and hash, whichever of its ends is quoted. */
static void the_key_is_the_connections(void **state)
{
	const struct message message = { V4(3, 4, 1400, 8) };
	struct packet packet;
	struct segment segment, error;

	(void)state;
	packet_begin(&packet);
	packet_ethernet(&packet, 0x0800);
	packet_ipv4(&packet, 6, true, 0);
	packet_tcp(&packet, true, 1, 1, 0x10, NULL, 0);
	packet_end(&packet);
	assert_int_equal(decode_exactly(&packet, packet.length, &segment), DECODE_SEGMENT);
	assert_int_equal(segment.kind, SEGMENT_TCP);
	assert_int_equal(segment.sender, 1);
	build(&packet, &message);
	assert_int_equal(decode_exactly(&packet, packet.length, &error), DECODE_ICMP_ERROR);
	assert_true(flow_key_equal(&segment.key, &error.key));
	assert_int_equal(segment.hash, error.hash);
	assert_int_equal(error.sender, 0);
}

static void a_wrong_checksum_is_told(void **state)
{
	const struct message v4 = { V4(3, 4, 1400, 9) }, v6 = { V6(2, 0, 1400, 9) };
	struct packet packet;
	struct segment seg;

	(void)state;
	build(&packet, &v4);
	packet.bytes[packet.length - 1] ^= 1;
	assert_int_equal(decode_exactly(&packet, packet.length, &seg), DECODE_ICMP_ERROR);
	assert_int_equal(seg.checksum, CHECKSUM_BAD);
	build(&packet, &v6);
	packet.bytes[packet.length - 1] ^= 1;
	assert_int_equal(decode_exactly(&packet, packet.length, &seg), DECODE_ICMP_ERROR);
	assert_int_equal(seg.checksum, CHECKSUM_BAD);
}

/* Any byte of it may be anything: never a byte too far, and one of the results. */
static void damaged_anywhere(void **state)
{
	const struct message messages[] = {
		{ V4(3, 4, 32 << 16 | 1400, 108), .behind_bytes = 20 },
		{ V6(1, 0, 16u << 24, 88), .behind_bytes = 20, .extension = true },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct packet packet;
		struct segment seg;

		build(&packet, &messages[i]);
		for (uint32_t at = 14; at < packet.length; at++) {
			uint8_t before = packet.bytes[at];

			for (uint32_t value = 0; value < 256; value += 5) {
				packet.bytes[at] = (uint8_t)value;
				assert_true(decode_exactly(&packet, packet.length, &seg) <
					    DECODE_RESULT_COUNT);
				decode_exactly(&packet, packet.length - 60, &seg);
			}
			packet.bytes[at] = before;
		}
	}
}

static void a_filter_sees_what_is_quoted(void **state)
{
	static const struct {
		const char *filter;
		enum decode_result result;
	} filters[] = {
		{ "tcp port 80", DECODE_ICMP_ERROR },
		{ "tcp src port 1000 and dst host 10.0.0.2", DECODE_ICMP_ERROR },
		{ "tcp port 81", DECODE_FILTERED },
		{ "icmp", DECODE_FILTERED },
		{ "greater 1040", DECODE_ICMP_ERROR },
		{ "greater 1041", DECODE_FILTERED },
	};
	const struct message message = { V4(3, 4, 1400, 8) };
	struct packet packet;
	struct segment seg;
	char error[256];

	(void)state;
	build(&packet, &message);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct bpf_program program;

		assert_int_equal(filter_compile(filters[i].filter, &program, error, sizeof(error)),
				 0);
		decoder_set_filter(decoder, &program);
		if (decode_exactly(&packet, packet.length, &seg) != filters[i].result)
			fail_msg("%s", filters[i].filter);
		decoder_set_filter(decoder, NULL);
		pcap_freecode(&program);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_and_others),
		cmocka_unit_test(the_key_is_the_connections),
		cmocka_unit_test(a_wrong_checksum_is_told),
		cmocka_unit_test(damaged_anywhere),
		cmocka_unit_test(a_filter_sees_what_is_quoted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
