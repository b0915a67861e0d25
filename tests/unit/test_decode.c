/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "capture/decode.h"
#include "capture/filter.h"
#include "tests/unit/packet_builder.h"

#define TCP_IP4 6

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
static enum decode_result decode_exactly(const struct packet *packet, uint16_t linktype,
					 uint32_t caplen_bytes, struct segment *seg)
{
	uint8_t *copy = malloc(caplen_bytes ? caplen_bytes : 1);
	struct frame frame = packet_frame(packet, linktype, 1);
	enum decode_result result;

	memcpy(copy, packet->bytes, caplen_bytes);
	frame.data = copy;
	frame.caplen_bytes = caplen_bytes;
	result = decode_frame(decoder, &frame, seg);
	free(copy);
	return result;
}

static void ipv4_tcp(struct packet *packet)
{
	packet_ipv4(packet, 6, false, 0);
	packet_tcp(packet, false, 100, 200, 0x18, NULL, 0);
	packet_payload(packet, 10);
	packet_end(packet);
}

static void ipv6_tcp(struct packet *packet)
{
	packet_ipv6(packet, 6, false);
	packet_tcp(packet, false, 100, 200, 0x18, NULL, 0);
	packet_payload(packet, 10);
	packet_end(packet);
}

static void link_layers(void **state)
{
	static const struct {
		const char *name;
		uint16_t linktype;
		const char *header;
		uint32_t header_bytes;
		uint8_t ip_version;
		enum decode_result result;
	} rows[] = {
		/* clang-format off */
		{ "Ethernet", 1, "\0\0\0\0\0\0\0\0\0\0\0\0\x08\0", 14, 4, DECODE_SEGMENT },
		{ "Ethernet, IPv6", 1, "\0\0\0\0\0\0\0\0\0\0\0\0\x86\xdd", 14, 6, DECODE_SEGMENT },
		{ "ARP", 1, "\0\0\0\0\0\0\0\0\0\0\0\0\x08\x06", 14, 4, DECODE_NOT_IP },
		{ "802.1Q", 1, "\0\0\0\0\0\0\0\0\0\0\0\0\x81\0\0\1\x08\0", 18, 4, DECODE_SEGMENT },
		{ "QinQ", 1, "\0\0\0\0\0\0\0\0\0\0\0\0\x88\xa8\0\1\x81\0\0\2\x08\0", 22, 4, DECODE_SEGMENT },
		{ "three tags", 1, "\0\0\0\0\0\0\0\0\0\0\0\0\x91\0\0\1\x81\0\0\2\x81\0\0\3\x86\xdd", 26, 6, DECODE_SEGMENT },
		{ "LLC and SNAP", 1, "\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\xaa\xaa\3\0\0\0\x08\0", 22, 4, DECODE_SEGMENT },
		{ "LLC, not SNAP", 1, "\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\x42\x42\3\0\0\0\x08\0", 22, 4, DECODE_NOT_IP },
		{ "SLL", 113, "\0\0\0\1\0\6\0\0\0\0\0\0\0\0\x08\0", 16, 4, DECODE_SEGMENT },
		{ "SLL with a tag", 113, "\0\0\0\1\0\6\0\0\0\0\0\0\0\0\x81\0\0\1\x08\0", 20, 4, DECODE_SEGMENT },
		{ "SLL2", 276, "\x86\xdd\0\0\0\0\0\1\0\1\0\6\0\0\0\0\0\0\0\0", 20, 6, DECODE_SEGMENT },
		{ "raw", 101, "", 0, 4, DECODE_SEGMENT },
		{ "raw, IPv6", 101, "", 0, 6, DECODE_SEGMENT },
		{ "IPv4", 228, "", 0, 4, DECODE_SEGMENT },
		{ "IPv6", 229, "", 0, 6, DECODE_SEGMENT },
		{ "NULL, little endian", 0, "\2\0\0\0", 4, 4, DECODE_SEGMENT },
		{ "NULL, big endian", 0, "\0\0\0\2", 4, 4, DECODE_SEGMENT },
		{ "NULL, IPv6 of FreeBSD", 0, "\x1c\0\0\0", 4, 6, DECODE_SEGMENT },
		{ "NULL, IPv6 of Darwin", 0, "\x1e\0\0\0", 4, 6, DECODE_SEGMENT },
		{ "NULL, AppleTalk", 0, "\x10\0\0\0", 4, 4, DECODE_NOT_IP },
		{ "LOOP", 108, "\0\0\0\2", 4, 4, DECODE_SEGMENT },
		{ "PPP", 9, "\xff\3\0\x21", 4, 4, DECODE_SEGMENT },
		{ "PPP, short", 9, "\x21", 1, 4, DECODE_SEGMENT },
		{ "PPP, no address, IPv6", 9, "\0\x57", 2, 6, DECODE_SEGMENT },
		{ "PPP, LCP", 9, "\xff\3\xc0\x21", 4, 4, DECODE_NOT_IP },
		{ "PPP in HDLC", 50, "\xff\3\0\x21", 4, 4, DECODE_SEGMENT },
		{ "802.11", 105, "", 0, 4, DECODE_LINKTYPE_UNKNOWN },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet packet;
		struct segment seg;

		packet_begin(&packet);
		packet_raw(&packet, rows[i].header, rows[i].header_bytes);
		if (rows[i].ip_version == 4)
			ipv4_tcp(&packet);
		else
			ipv6_tcp(&packet);
		/* Ethernet pads short frames: that is no payload. */
		packet_payload(&packet, 6);
		if (decode_exactly(&packet, rows[i].linktype, packet.length, &seg) !=
		    rows[i].result)
			fail_msg("%s", rows[i].name);
		if (rows[i].result != DECODE_SEGMENT)
			continue;
		assert_int_equal(seg.payload_bytes, 10);
		assert_int_equal(seg.seq, 100);
		assert_int_equal(seg.ack, 200);
		assert_int_equal(seg.flags, TCP_ACK | TCP_PSH);
		assert_int_equal(seg.window, 8192);
		assert_int_equal(seg.l3_offset, rows[i].header_bytes);
		assert_int_equal(seg.key.ip_version, rows[i].ip_version);
		assert_int_equal(seg.checksum, CHECKSUM_GOOD);
		/* Cut anywhere: never a byte too far, a segment as soon as the TCP header is there. */
		for (uint32_t cut = 0; cut < packet.length; cut++) {
			enum decode_result result =
				decode_exactly(&packet, rows[i].linktype, cut, &seg);

			assert_int_equal(result == DECODE_SEGMENT, cut >= packet.tcp_at + 20);
			if (result == DECODE_SEGMENT)
				assert_int_equal(seg.payload_bytes, 10);
			else
				assert_true(result == DECODE_CUT || result == DECODE_NOT_IP);
		}
	}
}

static void both_directions_have_one_key(void **state)
{
	struct packet packet;
	struct segment there, back;

	(void)state;
	for (int version = 4; version <= 6; version += 2)
		for (int reverse = 0; reverse < 2; reverse++) {
			struct segment *seg = reverse ? &back : &there;

			packet_begin(&packet);
			packet_ethernet(&packet, version == 4 ? 0x0800 : 0x86dd);
			if (version == 4)
				packet_ipv4(&packet, 6, reverse, 0);
			else
				packet_ipv6(&packet, 6, reverse);
			packet_tcp(&packet, reverse, 1, 1, 0x10, NULL, 0);
			packet_end(&packet);
			assert_int_equal(decode_exactly(&packet, 1, packet.length, seg),
					 DECODE_SEGMENT);
			if (!reverse)
				continue;
			assert_true(flow_key_equal(&there.key, &back.key));
			assert_int_equal(there.hash, back.hash);
			assert_int_equal(there.sender, 0);
			assert_int_equal(back.sender, 1);
			assert_int_equal(there.key.port_be[0], __builtin_bswap16(1000));
		}
}

static void headers_in_between(void **state)
{
	struct packet packet;
	struct segment seg;

	(void)state;
	packet_begin(&packet);
	packet_ethernet(&packet, 0x0800);
	packet_ipv4(&packet, 6, false, 8);
	packet_tcp(&packet, false, 1, 1, 0x10, NULL, 0);
	packet_payload(&packet, 3);
	packet_end(&packet);
	assert_int_equal(decode_exactly(&packet, 1, packet.length, &seg), DECODE_SEGMENT);
	assert_int_equal(seg.payload_bytes, 3);
	assert_int_equal(seg.l4_offset, 14 + 28);

	packet_begin(&packet);
	packet_ethernet(&packet, 0x86dd);
	packet_ipv6(&packet, 0, false); /* hop-by-hop, routing, destination, TCP */
	packet_extension(&packet, 43);
	packet_extension(&packet, 60);
	packet_extension(&packet, 6);
	packet_tcp(&packet, false, 1, 1, 0x10, NULL, 0);
	packet_payload(&packet, 3);
	packet_end(&packet);
	assert_int_equal(decode_exactly(&packet, 1, packet.length, &seg), DECODE_SEGMENT);
	assert_int_equal(seg.payload_bytes, 3);
	assert_int_equal(seg.l4_offset, 14 + 40 + 24);
	for (uint32_t cut = 0; cut < packet.tcp_at + 20; cut++)
		assert_int_not_equal(decode_exactly(&packet, 1, cut, &seg), DECODE_SEGMENT);
}

static void what_is_not_ours_or_wrong(void **state)
{
	static const struct {
		const char *name;
		uint32_t at; /* a byte of a plain frame that is changed */
		uint8_t value;
		enum decode_result result;
	} rows[] = {
		{ "UDP", 14 + 9, 17, DECODE_NOT_TCP },
		{ "IP version 5", 14, 0x55, DECODE_MALFORMED },
		{ "IPv4 header of 16 bytes", 14, 0x44, DECODE_MALFORMED },
		{ "IPv4 total of 10 bytes", 14 + 3, 10, DECODE_MALFORMED },
		{ "TCP header of 16 bytes", 14 + 20 + 12, 0x40, DECODE_MALFORMED },
		{ "TCP header longer than the packet", 14 + 20 + 12, 0xf0, DECODE_MALFORMED },
		{ "a fragment without the start", 14 + 7, 1, DECODE_FRAGMENT_HELD },
	};
	struct packet packet;
	struct segment seg;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		packet_plain(&packet, 1, 10);
		packet.bytes[rows[i].at] = rows[i].value;
		if (decode_exactly(&packet, 1, packet.length, &seg) != rows[i].result)
			fail_msg("%s", rows[i].name);
	}
	packet_begin(&packet);
	packet_ethernet(&packet, 0x86dd);
	packet_ipv6(&packet, 0, false);
	packet_raw(&packet, "\6\0\xc2\4\0\1\0\0", 8); /* RFC 2675: 65536 bytes */
	packet_tcp(&packet, false, 1, 1, 0x10, NULL, 0);
	assert_int_equal(decode_exactly(&packet, 1, packet.length, &seg), DECODE_JUMBOGRAM);
}

static void length_zero_is_the_frames(void **state)
{
	struct packet packet;
	struct segment seg;

	(void)state;
	packet_plain(&packet, 1, 1000);
	packet.bytes[16] = packet.bytes[17] = 0; /* captured before the NIC cuts it into segments */
	assert_int_equal(decode_exactly(&packet, 1, packet.length, &seg), DECODE_SEGMENT);
	assert_int_equal(seg.payload_bytes, 1000);
	/* The wire length counts, not what was captured of it. */
	assert_int_equal(decode_exactly(&packet, 1, 60, &seg), DECODE_SEGMENT);
	assert_int_equal(seg.payload_bytes, 1000);
}

static void checksums(void **state)
{
	struct packet packet;
	struct segment seg;

	(void)state;
	packet_plain(&packet, 1, 11); /* odd */
	assert_int_equal(decode_exactly(&packet, 1, packet.length, &seg), DECODE_SEGMENT);
	assert_int_equal(seg.checksum, CHECKSUM_GOOD);
	assert_int_equal(decode_exactly(&packet, 1, packet.length - 1, &seg), DECODE_SEGMENT);
	assert_int_equal(seg.checksum, CHECKSUM_UNCHECKED);
	packet.bytes[packet.length - 1] ^= 1;
	assert_int_equal(decode_exactly(&packet, 1, packet.length, &seg), DECODE_SEGMENT);
	assert_int_equal(seg.checksum, CHECKSUM_BAD);
	/* 10.0.0.1 + 10.0.0.2 + 6 + 31 bytes of TCP: the pseudo-header's sum alone */
	packet.bytes[packet.tcp_at + 16] = 0x14;
	packet.bytes[packet.tcp_at + 17] = 3 + 6 + 31;
	assert_int_equal(decode_exactly(&packet, 1, packet.length, &seg), DECODE_SEGMENT);
	assert_int_equal(seg.checksum, CHECKSUM_PARTIAL);
}

static void a_filter_sees_the_ip_packet(void **state)
{
	struct bpf_program port_80, port_81;
	struct packet packet;
	struct segment seg;
	char error[256];

	(void)state;
	assert_int_equal(filter_compile("tcp port 80", &port_80, error, sizeof(error)), 0);
	assert_int_equal(filter_compile("tcp port 81", &port_81, error, sizeof(error)), 0);
	packet_begin(&packet);
	packet_ethernet(&packet,
			0x8100); /* a tag, which a filter for Ethernet would not look behind */
	packet_vlan(&packet, 7, 0x0800);
	ipv4_tcp(&packet);
	decoder_set_filter(decoder, &port_80);
	assert_int_equal(decode_exactly(&packet, 1, packet.length, &seg), DECODE_SEGMENT);
	decoder_set_filter(decoder, &port_81);
	assert_int_equal(decode_exactly(&packet, 1, packet.length, &seg), DECODE_FILTERED);
	decoder_set_filter(decoder, NULL);
	pcap_freecode(&port_80);
	pcap_freecode(&port_81);
	assert_int_not_equal(filter_compile("tcp prt 80", &port_80, error, sizeof(error)), 0);
	assert_non_null(strstr(error, "tcp prt 80"));
	assert_int_not_equal(
		filter_compile("ether host 2:0:0:0:0:1", &port_80, error, sizeof(error)), 0);
}

/* Every frame has one result, and the counters know it. */
static void counters_add_up(void **state)
{
	const struct decode_counters *counters = decoder_counters(decoder);
	uint64_t sum = 0;

	(void)state;
	for (int i = 0; i < DECODE_RESULT_COUNT; i++) {
		sum += counters->results[i];
		assert_string_not_equal(decode_result_name(i), "?");
	}
	assert_true(counters->frames > 1000);
	assert_int_equal(sum, counters->frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_layers),
		cmocka_unit_test(both_directions_have_one_key),
		cmocka_unit_test(headers_in_between),
		cmocka_unit_test(what_is_not_ours_or_wrong),
		cmocka_unit_test(length_zero_is_the_frames),
		cmocka_unit_test(checksums),
		cmocka_unit_test(a_filter_sees_the_ip_packet),
		cmocka_unit_test(counters_add_up),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
