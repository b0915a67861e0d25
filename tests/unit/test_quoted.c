/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include "tcpstate/event.h"
#include "tcpstate/quoted.h"

/* Of a sender with 1000..3000 outstanding and a window of 100000; numbers are relative to a base. */
static const struct row {
	const char *what;
	int32_t seq;
	uint8_t confidence;
	uint32_t mtu_bytes, quoted_ip_bytes;
	uint8_t ip_version;
	uint8_t checksum;
} rows[] = {
	/* clang-format off */
	{ "the oldest outstanding",      1000,   100, 1400, 1500, 4, CHECKSUM_GOOD },
	{ "the youngest",                2999,   100, 1400, 1500, 4, CHECKSUM_UNCHECKED },
	{ "an ACK without data",         3000,   100,    0,   52, 4, CHECKSUM_GOOD },
	{ "acknowledged already",         999,    80, 1400, 1500, 4, CHECKSUM_GOOD },
	{ "a window ago",              -99000,    80, 1400, 1500, 4, CHECKSUM_GOOD },
	{ "longer ago",                -99001,     0, 1400, 1500, 4, CHECKSUM_GOOD },
	{ "not seen yet",                3001,    50, 1400, 1500, 4, CHECKSUM_GOOD },
	{ "behind the window",         103001,     0, 1400, 1500, 4, CHECKSUM_GOOD },
	{ "somewhere",             1000000000,     0, 1400, 1500, 4, CHECKSUM_GOOD },
	{ "it would have got through",   1000,    50, 1500, 1500, 4, CHECKSUM_GOOD },
	{ "no such MTU",                 1000,    50,   67, 1500, 4, CHECKSUM_GOOD },
	{ "the least one",               1000,   100,   68, 1500, 4, CHECKSUM_GOOD },
	{ "no such MTU in IPv6",         1000,    50, 1279, 1500, 6, CHECKSUM_GOOD },
	{ "the least one in IPv6",       1000,   100, 1280, 1500, 6, CHECKSUM_GOOD },
	{ "length not known",            1000,   100, 1400,    0, 4, CHECKSUM_GOOD },
	{ "a bad checksum",              1000,     0, 1400, 1500, 4, CHECKSUM_BAD },
	/* clang-format on */
};

static void run(uint32_t base)
{
	struct endpoint sender = { .seen = SEEN_SND | SEEN_SEGMENT,
				   .snd_una = base + 1000,
				   .snd_max = base + 3000,
				   .snd_wnd = 100000 };
	struct endpoint peer = { .rcv_wnd_max = 90000 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct segment error = {
			.kind = SEGMENT_ICMP_ERROR,
			.key = { .ip_version = rows[i].ip_version },
			.seq = base + (uint32_t)rows[i].seq,
			.checksum = rows[i].checksum,
			.icmp = { .type = ICMP_UNREACHABLE,
				  .code = ICMP_FRAGMENTATION_NEEDED,
				  .mtu_bytes = rows[i].mtu_bytes,
				  .quoted_ip_bytes = rows[i].quoted_ip_bytes },
		};
		uint8_t confidence = quoted_confidence(&sender, &peer, &error);

		if (confidence != rows[i].confidence)
			fail_msg("%s: %u%%, expected %u%%", rows[i].what, confidence,
				 rows[i].confidence);
	}
}

static void numbers_decide(void **state)
{
	(void)state;
	run(1000000);
	run(0xffffffff - 2000);
	run(0x7fffffff - 2000);
}

static void nothing_known_is_no_proof(void **state)
{
	struct endpoint sender = { 0 }, peer = { 0 };
	struct segment error = { .kind = SEGMENT_ICMP_ERROR, .seq = 12345 };

	(void)state;
	assert_int_equal(quoted_confidence(&sender, &peer, &error), 40);
}

static void reasons(void **state)
{
	static const struct {
		uint8_t ip_version, type, code, reason;
	} types[] = {
		{ 4, 3, 4, MSGSIZE_TOO_BIG },
		{ 4, 3, 1, MSGSIZE_UNREACHABLE },
		{ 4, 4, 0, MSGSIZE_SOURCE_QUENCH },
		{ 4, 11, 0, MSGSIZE_TIME_EXCEEDED },
		{ 4, 12, 0, MSGSIZE_PARAMETER_PROBLEM },
		{ 6, 1, 4, MSGSIZE_UNREACHABLE },
		{ 6, 2, 0, MSGSIZE_TOO_BIG },
		{ 6, 3, 0, MSGSIZE_TIME_EXCEEDED },
		{ 6, 4, 0, MSGSIZE_PARAMETER_PROBLEM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct segment error = { .key = { .ip_version = types[i].ip_version },
					 .icmp = { .type = types[i].type, .code = types[i].code } };

		assert_int_equal(quoted_reason(&error), types[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_decide),
		cmocka_unit_test(nothing_known_is_no_proof),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
