/* SPDX-License-Identifier: BSD-2-Clause */
/* Fragments through the decoder: whether a segment comes out, and that it is whole. */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "capture/bytes.h"
#include "capture/decode.h"
#include "tests/unit/packet_builder.h"

#define SECOND_NS UINT64_C(1000000000)
#define PAYLOAD	  100 /* of TCP; with its header 120 bytes of IP payload */

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

/* Bytes [from, to) of the IP payload of a TCP segment, as a fragment of packet `id`. */
static void fragment(struct packet *out, uint8_t version, uint32_t from, uint32_t to, uint16_t id)
{
	struct packet whole;
	uint32_t payload_at;
	bool more = to < PAYLOAD + 20;

	packet_begin(&whole);
	if (version == 4)
		packet_ipv4(&whole, 6, false, 0);
	else
		packet_ipv6(&whole, 6, false);
	payload_at = whole.length;
	packet_tcp(&whole, false, 1000, 1, 0x10, NULL, 0);
	packet_payload(&whole, PAYLOAD);
	packet_end(&whole);

	packet_begin(out);
	out->is_fragment = true;
	packet_ethernet(out, version == 4 ? 0x0800 : 0x86dd);
	if (version == 4) {
		packet_ipv4(out, 6, false, 0);
		put_be16(out->bytes + out->ip_at + 4, id);
		put_be16(out->bytes + out->ip_at + 6, (uint16_t)(from / 8 | (more ? 0x2000 : 0)));
	} else {
		packet_ipv6(out, 44, false);
		packet_be16(out, 6 << 8);
		packet_be16(out, (uint16_t)(from | more));
		packet_be32(out, id);
	}
	packet_raw(out, whole.bytes + payload_at + from, to - from);
	packet_end(out);
}

static enum decode_result give(uint8_t version, uint32_t from, uint32_t to, uint16_t id,
			       uint64_t ts_ns, uint32_t cut, struct segment *seg)
{
	static struct packet packet; /* until the segment was looked at */
	struct frame frame;

	fragment(&packet, version, from, to, id);
	frame = packet_frame(&packet, LINKTYPE_ETHERNET, ts_ns);
	frame.caplen_bytes -= cut;
	return decode_frame(decoder, &frame, seg);
}

struct step {
	uint32_t from, to;
	enum decode_result result;
};

#define HELD  DECODE_FRAGMENT_HELD
#define WHOLE DECODE_SEGMENT

static const struct {
	const char *name;
	struct step steps[6];
} orders[] = {
	/* clang-format off */
	{ "in order",     { { 0, 40, HELD }, { 40, 80, HELD }, { 80, 120, WHOLE } } },
	{ "backwards",    { { 80, 120, HELD }, { 40, 80, HELD }, { 0, 40, WHOLE } } },
	{ "last in the middle", { { 0, 40, HELD }, { 80, 120, HELD }, { 40, 80, WHOLE } } },
	{ "one twice",    { { 0, 40, HELD }, { 0, 40, HELD }, { 40, 120, WHOLE } } },
	{ "small first",  { { 0, 8, HELD }, { 8, 120, WHOLE } } }, /* without the TCP flags */
	{ "overlap",      { { 0, 40, HELD }, { 32, 80, DECODE_FRAGMENT_OVERLAP }, { 80, 120, HELD } } },
	{ "two ends",     { { 80, 120, HELD }, { 40, 120, DECODE_FRAGMENT_OVERLAP } } },
	/* clang-format on */
};

static void orders_of_arrival(void **state)
{
	uint16_t id = 1;

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2)
		for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++, id++)
			for (const struct step *step = orders[i].steps; step->to; step++) {
				struct segment seg;

				if (give(version, step->from, step->to, id, SECOND_NS, 0, &seg) !=
				    step->result)
					fail_msg("%s, IPv%u, %u:%u", orders[i].name, version,
						 step->from, step->to);
				if (step->result != WHOLE)
					continue;
				assert_int_equal(seg.payload_bytes, PAYLOAD);
				assert_int_equal(seg.seq, 1000);
				assert_true(seg.fragments >= 2);
				/* The bytes are right, so is the header around them. */
				assert_int_equal(seg.checksum, CHECKSUM_GOOD);
				assert_int_equal(seg.caplen_bytes, seg.wirelen_bytes);
				decoder_batch_done(decoder);
			}
	decoder_finish(decoder);
}

static void an_atomic_fragment_is_whole(void **state)
{
	struct segment seg;

	(void)state;
	assert_int_equal(give(6, 0, 120, 77, SECOND_NS, 0, &seg), DECODE_SEGMENT);
	assert_int_equal(seg.fragments, 0);
	assert_int_equal(seg.payload_bytes, PAYLOAD);
}

static void packets_do_not_mix(void **state)
{
	struct segment seg;

	(void)state;
	assert_int_equal(give(4, 0, 40, 100, SECOND_NS, 0, &seg), HELD);
	assert_int_equal(give(4, 40, 120, 101, SECOND_NS, 0, &seg), HELD);
	assert_int_equal(give(6, 40, 120, 100, SECOND_NS, 0, &seg), HELD);
	assert_int_equal(give(4, 40, 120, 100, SECOND_NS, 0, &seg), WHOLE);
	decoder_batch_done(decoder);
	decoder_finish(decoder);
}

static void a_snap_length_cuts_the_whole(void **state)
{
	struct segment seg;

	(void)state;
	/* Of the second fragment 10 bytes are missing, so are all behind them. */
	assert_int_equal(give(4, 0, 40, 102, SECOND_NS, 0, &seg), HELD);
	assert_int_equal(give(4, 40, 80, 102, SECOND_NS, 10, &seg), HELD);
	assert_int_equal(give(4, 80, 120, 102, SECOND_NS, 0, &seg), WHOLE);
	assert_int_equal(seg.payload_bytes, PAYLOAD);
	assert_int_equal(seg.wirelen_bytes, 14 + 20 + 120);
	assert_int_equal(seg.caplen_bytes, 14 + 20 + 70);
	assert_int_equal(seg.checksum, CHECKSUM_UNCHECKED);
	decoder_batch_done(decoder);
}

static void packets_time_out(void **state)
{
	uint64_t before = decoder_counters(decoder)->fragments_timed_out;
	struct segment seg;

	(void)state;
	assert_int_equal(give(4, 0, 40, 103, 100 * SECOND_NS, 0, &seg), HELD);
	assert_int_equal(give(4, 40, 120, 103, 131 * SECOND_NS, 0, &seg), HELD);
	assert_int_equal(decoder_counters(decoder)->fragments_timed_out, before + 1);
	assert_int_equal(give(4, 0, 40, 103, 131 * SECOND_NS, 0, &seg), WHOLE);
	decoder_batch_done(decoder);
}

/* More packets than there is room for: the oldest go, the youngest can still become complete. */
static void the_table_is_bounded(void **state)
{
	struct segment seg;

	(void)state;
	decoder_finish(decoder);
	for (uint16_t id = 0; id < 1000; id++)
		assert_int_equal(give(4, 0, 40, id, 200 * SECOND_NS + id, 0, &seg), HELD);
	assert_true(decoder_counters(decoder)->fragments_evicted >= 1000 - 128);
	assert_int_equal(give(4, 40, 120, 0, 201 * SECOND_NS, 0, &seg), HELD);
	/* As many as a batch can make whole. */
	for (uint16_t id = 1000 - 64; id < 1000; id++)
		assert_int_equal(give(4, 40, 120, id, 201 * SECOND_NS, 0, &seg), WHOLE);
	/* And then there is still room for others. */
	assert_int_equal(give(4, 0, 40, 5000, 201 * SECOND_NS, 0, &seg), HELD);
	decoder_batch_done(decoder);
	assert_int_equal(give(4, 40, 120, 5000, 201 * SECOND_NS, 0, &seg), WHOLE);
	decoder_batch_done(decoder);
}

static void lengths_are_checked(void **state)
{
	struct packet packet;
	struct frame frame;
	struct segment seg;

	(void)state;
	/* More to come, but not a multiple of 8. */
	assert_int_equal(give(4, 0, 44, 104, SECOND_NS, 0, &seg), DECODE_MALFORMED);
	/* Beyond 64 KB. */
	fragment(&packet, 4, 80, 120, 105);
	put_be16(packet.bytes + packet.ip_at + 6, 0x1fff);
	frame = packet_frame(&packet, LINKTYPE_ETHERNET, SECOND_NS);
	assert_int_equal(decode_frame(decoder, &frame, &seg), DECODE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_of_arrival),
		cmocka_unit_test(an_atomic_fragment_is_whole),
		cmocka_unit_test(packets_do_not_mix),
		cmocka_unit_test(a_snap_length_cuts_the_whole),
		cmocka_unit_test(packets_time_out),
		cmocka_unit_test(the_table_is_bounded),
		cmocka_unit_test(lengths_are_checked),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
