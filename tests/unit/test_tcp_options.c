/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "capture/tcp_options.h"

static const struct row {
	const char *name;
	const char *bytes;
	uint32_t length;
	uint16_t seen;
} rows[] = {
	/* clang-format off */
	{ "none", "", 0, 0 },
	{ "NOPs", "\1\1\1\1", 4, 0 },
	{ "end, then rubbish", "\0\xff\xff\xff", 4, 0 },
	{ "MSS", "\2\4\x05\xb4", 4, TCPOPT_HAS_MSS },
	{ "MSS of 3 bytes", "\2\3\x05\1", 4, TCPOPT_HAS_BAD },
	{ "window scale", "\3\3\7\1", 4, TCPOPT_HAS_WSCALE },
	{ "SACK permitted", "\4\2\1\1", 4, TCPOPT_HAS_SACK_PERMITTED },
	{ "time stamps", "\1\1\x08\x0a\0\0\0\1\0\0\0\2", 12, TCPOPT_HAS_TIMESTAMP },
	{ "time stamps, other order", "\x08\x0a\0\0\0\1\0\0\0\2\1\1", 12, TCPOPT_HAS_TIMESTAMP },
	{ "time stamps of 8 bytes", "\x08\x08\0\0\0\1\0\0", 8, TCPOPT_HAS_BAD },
	{ "SACK, one block", "\1\1\5\x0a\0\0\0\1\0\0\0\2", 12, TCPOPT_HAS_SACK },
	{ "SACK, half a block", "\5\6\0\0\0\1\1\1", 8, TCPOPT_HAS_BAD },
	{ "SACK, no block", "\5\2\1\1", 4, TCPOPT_HAS_BAD },
	{ "fast open, request", "\x22\2\1\1", 4, TCPOPT_HAS_FASTOPEN },
	{ "fast open, cookie", "\x22\x0a\1\2\3\4\5\6\7\x08\1\1", 12, TCPOPT_HAS_FASTOPEN },
	{ "fast open, experimental", "\xfe\4\xf9\x89", 4, TCPOPT_HAS_FASTOPEN },
	{ "experimental, another", "\xfd\4\x12\x34", 4, TCPOPT_HAS_UNKNOWN },
	{ "MD5", "\x13\x12................\1\1", 20, TCPOPT_HAS_MD5 },
	{ "MD5 of 4 bytes", "\x13\4..", 4, TCPOPT_HAS_BAD },
	{ "AO", "\x1d\4\1\1", 4, TCPOPT_HAS_AO },
	{ "MPTCP", "\x1e\4\x20\1", 4, TCPOPT_HAS_MPTCP },
	{ "unknown", "\x1b\4\1\1", 4, TCPOPT_HAS_UNKNOWN },
	{ "length 0", "\x1b\0\1\1", 4, TCPOPT_HAS_BAD },
	{ "length over the end", "\x1b\x08\1\1", 4, TCPOPT_HAS_BAD },
	{ "kind without length", "\1\1\1\2", 4, TCPOPT_HAS_BAD },
	{ "a SYN's", "\2\4\x05\xb4\4\2\x08\x0a\0\0\0\1\0\0\0\0\1\3\3\7", 20,
	  TCPOPT_HAS_MSS | TCPOPT_HAS_SACK_PERMITTED | TCPOPT_HAS_TIMESTAMP | TCPOPT_HAS_WSCALE },
	{ "good, then bad", "\2\4\x05\xb4\3\x09\1\1", 8, TCPOPT_HAS_MSS | TCPOPT_HAS_BAD },
	/* clang-format on */
};

static void every_option_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Exactly the captured bytes, for every cut. */
		for (uint32_t cut = 0; cut <= rows[i].length; cut++) {
			uint8_t *copy = malloc(cut ? cut : 1);
			struct tcp_options options;

			memcpy(copy, rows[i].bytes, cut);
			tcp_options_parse(copy, rows[i].length, cut, &options);
			free(copy);
			if (cut == rows[i].length && options.seen != rows[i].seen)
				fail_msg("%s: %#x", rows[i].name, options.seen);
			if (options.seen & TCPOPT_IS_CUT)
				assert_true(cut < rows[i].length);
		}
	}
}

static void values_are_read(void **state)
{
	static const uint8_t sack[] = "\5\x22"
				      "\0\0\0\1\0\0\0\2"
				      "\0\0\0\3\0\0\0\4"
				      "\0\0\0\5\0\0\0\6"
				      "\xff\xff\xff\xff\0\0\0\x08"
				      "\1\1";
	struct tcp_options options;

	(void)state;
	tcp_options_parse((const uint8_t *)"\2\4\x05\xb4\3\3\x0e\1\x08\x0a\1\2\3\4\5\6\7\x08\1\1",
			  20, 20, &options);
	assert_int_equal(options.mss_bytes, 1460);
	assert_int_equal(options.wscale, 14);
	assert_int_equal(options.tsval, 0x01020304);
	assert_int_equal(options.tsecr, 0x05060708);
	tcp_options_parse(sack, 36, 36, &options);
	assert_int_equal(options.sack_count, 4);
	assert_int_equal(options.sack[3].start, 0xffffffff);
	assert_int_equal(options.sack[3].end, 8);
	tcp_options_parse((const uint8_t *)"\x22\x0a........\1\1", 12, 12, &options);
	assert_int_equal(options.fastopen_cookie_bytes, 8);
	tcp_options_parse((const uint8_t *)"\x1e\4\x20\1", 4, 4, &options);
	assert_int_equal(options.mptcp_subtype, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_is_known),
		cmocka_unit_test(values_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
