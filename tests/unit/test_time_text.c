/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/time_text.h"

#define S   UINT64_C(1000000000)
#define NOW (1764079200 * S + S / 2) /* 2025-11-25 14:00:00.5 UTC, 15:00:00.5 in Berlin */

/* One after the other: to whole seconds since 1970, or 0 for what is refused. */
static const struct {
	const char *text;
	uint64_t seconds;
	uint32_t ns;
} table[] = {
	{ "now", 1764079200, 500000000 },
	{ "today", 1764025200, 0 },
	{ "yesterday", 1763938800, 0 },
	{ "@0", 0, 0 },
	{ "@1700000000", 1700000000, 0 },
	{ "@1700000000.000000001", 1700000000, 1 },
	{ "2025-11-25T14:00:00Z", 1764079200, 0 },
	{ "2025-11-25 14:00:00.25Z", 1764079200, 250000000 },
	{ "2025-11-25T14:00Z", 1764079200, 0 },
	{ "2025-11-25T15:00+01:00", 1764079200, 0 },
	{ "2025-11-25T09:30-04:30", 1764079200, 0 },
	{ "2025-11-25 15:00", 1764079200, 0 }, /* local */
	{ "2025-07-01 14:00", 1751371200, 0 }, /* summer time */
	{ "2025-11-25", 1764025200, 0 },
	{ "15:00", 1764079200, 0 },
	{ "15:00:01.5", 1764079201, 500000000 },
	{ "14:00Z", 1764079200, 0 },
	{ "10m ago", 1764079200 - 600, 500000000 },
	{ "2h30m ago", 1764079200 - 9000, 500000000 },
	{ "1d 2h ago", 1764079200 - 93600, 500000000 },
	{ "2024-02-29", 1709161200, 0 },
	{ "25000d ago", 0, 0 },
};

static const char *const refused[] = {
	"",
	" ",
	"ago",
	" ago",
	"m ago",
	"10 ago",
	"10x ago",
	"10m",
	"-5m ago",
	"tomorrow",
	"25:00",
	"14:60",
	"14",
	"14:00:",
	"14:00:00.",
	"14:00:00.x",
	"14:00 tomorrow",
	"1000000d ago",
	"14:00+25:00",
	"14:00+01:00x",
	"2025-13-01",
	"2025-02-29",
	"2025-02-30T00:00Z",
	"2025-04-31",
	"1969-12-31T23:59:59Z",
	"9999-01-01",
	"2025-11-25T",
	"2025-11-25x",
	"2025-11-25T14:00:00Zx",
	"@",
	"@-1",
	"@ 1",
	"@1700000000x",
	"@1.",
	"@18446744073709551616",
	"@99999999999",
};

static void what_people_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint64_t ns;

		if (!time_text_parse(table[i].text, NOW, &ns))
			fail_msg("\"%s\" is refused", table[i].text);
		if (ns != table[i].seconds * S + table[i].ns)
			fail_msg("\"%s\" is %llu", table[i].text, (unsigned long long)ns);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		uint64_t ns;

		if (time_text_parse(refused[i], NOW, &ns))
			fail_msg("\"%s\" is taken as %llu", refused[i], (unsigned long long)ns);
	}
}

static void what_people_read(void **state)
{
	static const struct {
		enum time_show show;
		uint64_t ns, first_ns, before_ns;
		const char *text;
	} rows[] = {
		{ SHOW_UTC, NOW, 0, 0, "2025-11-25 14:00:00.500000" },
		{ SHOW_LOCAL, NOW, 0, 0, "2025-11-25 15:00:00.500000" },
		{ SHOW_UTC, 1999, 0, 0, "1970-01-01 00:00:00.000001" },
		{ SHOW_RELATIVE, NOW, NOW - S, 0, "1.000000" },
		{ SHOW_RELATIVE, NOW, NOW + 1500000, 0, "-0.001500" },
		{ SHOW_DELTA, NOW, 0, NOW - 1000, "0.000001" },
		{ SHOW_DELTA, NOW, 0, 0, "0.000000" },
		{ SHOW_UTC, UINT64_MAX, 0, 0, "2554-07-21 23:34:33.709551" },
	};
	char heading[TIME_TEXT_MAX];
	enum time_show show;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[TIME_TEXT_MAX];

		time_text_put(rows[i].show, rows[i].ns, rows[i].first_ns, rows[i].before_ns, text);
		assert_string_equal(text, rows[i].text);
	}
	assert_true(time_show_parse("delta", &show));
	assert_int_equal(show, SHOW_DELTA);
	assert_false(time_show_parse("Delta", &show));
	assert_false(time_show_parse("", &show));
	time_text_heading(SHOW_UTC, "FIRST", heading);
	assert_string_equal(heading, "FIRST (UTC)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_people_write),
		cmocka_unit_test(what_people_read),
	};

	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
