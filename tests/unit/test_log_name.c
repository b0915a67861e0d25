/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "capture/frame.h"
#include "store/log_name.h"

static void tags_never_leave_the_folder(void **state)
{
	static const struct {
		const char *tag, *name;
	} rows[] = {
		{ "", "UNKNOWN" },
		{ "web", "web" },
		{ "web-1_a.b", "web-1_a.b" },
		{ "..", "%2E." },
		{ ".hidden", "%2Ehidden" },
		{ "a/b", "a%2Fb" },
		{ "../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd" },
		{ "a b\n%", "a%20b%0A%25" },
		{ "\xc3\xa4", "%C3%A4" },
	};
	char name[TAG_NAME_MAX], tag[LOG_TAG_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		log_name_tag(rows[i].tag, name);
		assert_string_equal(name, rows[i].name);
		assert_true(log_name_tag_decode(name, strlen(name), tag));
		assert_string_equal(tag, rows[i].tag);
	}
	/* The longest, all odd. */
	log_name_tag("///////////////////////////////", name);
	assert_int_equal(strlen(name), 3 * 31);
	assert_false(log_name_tag_decode("%2f", 3, tag)); /* not as we write it */
	assert_false(log_name_tag_decode("%00", 3, tag));
	assert_false(log_name_tag_decode("..", 2, tag));
	assert_false(log_name_tag_decode("a%2", 3, tag));
	assert_false(log_name_tag_decode("a/b", 3, tag));
}

static void names_come_back(void **state)
{
	static const uint16_t linktypes[] = { LINKTYPE_ETHERNET, LINKTYPE_NULL, LINKTYPE_LINUX_SLL2,
					      LINKTYPE_IPV6, 4711 };

	(void)state;
	srand(1);
	for (int i = 0; i < 100000; i++) {
		struct log_name name = { .start_s = (uint64_t)rand() * 3,
					 .number = 1 + (uint32_t)rand() % 999999,
					 .side = rand() % 2 ? SIDE_SERVER : SIDE_CLIENT,
					 .linktype = linktypes[rand() % 5] },
				back;
		char text[LOG_NAME_MAX + 16];
		int length = rand() % LOG_TAG_MAX;

		for (int j = 0; j < length; j++)
			name.tag[j] = rand() % 3 ? (char)(1 + rand() % 255) : "-.Z0"[rand() % 4];
		/* One with the other's name is the other. */
		if (strcmp(name.tag, "UNKNOWN") == 0)
			continue;
		log_name_make(&name, text);
		assert_null(strchr(text, '/'));
		assert_true(strlen(text) < 255 - 16);
		name.part = rand() % 2;
		name.compressed = rand() % 2;
		if (name.compressed)
			strcat(text, ".zst");
		if (name.part)
			strcat(text, ".part");
		assert_true(log_name_parse(text, &back));
		assert_memory_equal(&name, &back, sizeof(name));
	}
}

static void what_is_none_of_ours(void **state)
{
	static const char *const names[] = {
		"",
		"x",
		".pcapng",
		"web-20231114T221320Z-1.server",
		"web-20231114T221320Z-0.server.pcapng",
		"web-20231114T221320Z-1.pcapng",
		"web-20231114T221320Z-1.middle.pcapng",
		"web-20231314T221320Z-1.server.pcapng",
		"web-20231114T221320Z-1.server.foo.pcapng",
		"../web-20231114T221320Z-1.server.pcapng",
		"web-20231114T221320Z-1x.server.pcapng",
		"web-20231114T221320Z-1.server.pcapng.gz",
		"web-20231114T221320Z-99999999999.server.pcapng",
	};
	struct log_name name;
	struct flow_name flow;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(log_name_parse(names[i], &name));
	assert_true(
		log_name_parse("a-20231114T221320Z-1.x-20231114T221320Z-2.server.pcapng", &name));
	assert_string_equal(name.tag, "a-20231114T221320Z-1.x");
	assert_true(flow_name_parse("20231114T22Z-3.jsonl.zst.part", &flow));
	assert_int_equal(flow.hour, 1700000000 / 3600);
	assert_int_equal(flow.number, 3);
	assert_true(flow.part);
	assert_false(flow_name_parse("20231114T22Z-3.jsonl", &flow));
	assert_false(flow_name_parse("20231114T22Zx.jsonl.zst", &flow));
	assert_false(flow_name_parse("20231114T22Z-.jsonl.zst", &flow));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_never_leave_the_folder),
		cmocka_unit_test(names_come_back),
		cmocka_unit_test(what_is_none_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
