/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows that are put together by hand are JSON all the same, whatever stands in them. */
#include "tests/unit/cmocka_all.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/control_rows.h"

static struct job_row row_with(const char *id, const char *tag)
{
	struct job_row row = { .key = { .ip_version = 4,
					.addr = { [0] = { [12] = 192, 0, 2, 1 },
						  [1] = { [12] = 198, 51, 100, 255 } },
					.port_be = { 0x5000, 0xffff } },
			       .client = 1,
			       .state = { TCPS_ESTABLISHED, TCPS_FIN_WAIT_2 },
			       .mode = LOG_TAIL_AUTO,
			       .number = 42,
			       .first_ns = UINT64_C(1700000000123456789),
			       .last_ns = UINT64_MAX,
			       .segments = { INT64_MAX, 1 },
			       .bytes = { INT64_MAX, INT64_MAX },
			       .retransmitted = { UINT32_MAX, 3 },
			       .srtt_us = { 0, UINT32_MAX },
			       .records = { 7, UINT32_MAX } };

	strncpy(row.id, id, sizeof(row.id) - 1);
	strncpy(row.tag, tag, sizeof(row.tag) - 1);
	strcpy(row.rule, "a \"rule\"");
	return row;
}

static void rows_are_json(void **state)
{
	static const struct {
		const char *id, *as_read; /* NULL: the same */
	} rows[] = {
		{ "", NULL },
		{ "web-10.0.0.1", NULL },
		{ "\"\\/\b\f\n\r\t\x01\x1f\x7f{}", NULL },
		{ "gr\xc3\xbc\xc3\x9f", NULL },
		{ "cut \xc3", "cut ?" },
		{ "\xff\xfe", "??" },
		/* The longest, all of it to be escaped. */
		{ "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
		  "\x01\x01"
		  "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
		  "\x01\x01"
		  "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01",
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int v6 = 0; v6 < 2; v6++) {
			struct job_row row = row_with(rows[i].id, rows[i].id);
			char out[CONTROL_ROW_MAX];
			const char *expected = rows[i].as_read ? rows[i].as_read : rows[i].id;
			uint32_t length;
			json_t *object;

			if (v6) {
				memset(row.key.addr, 0xab, sizeof(row.key.addr));
				row.key.ip_version = 6;
			}
			length = control_row_json(&row, out);
			assert_int_equal(out[length - 1], '\n');
			object = json_loadb(out, length, JSON_REJECT_DUPLICATES, NULL);
			assert_non_null(object);
			assert_string_equal(json_string_value(json_object_get(object, "id")),
					    expected);
			assert_string_equal(json_string_value(json_object_get(object, "rule")),
					    "a \"rule\"");
			assert_int_equal(json_integer_value(json_object_get(object, "connection")),
					 42);
			assert_true(json_real_value(json_object_get(object, "first")) >
				    1700000000.1);
			assert_string_equal(
				json_string_value(json_object_get(json_object_get(object, "client"),
								  "address")),
				v6 ? "abab:abab:abab:abab:abab:abab:abab:abab" : "198.51.100.255");
			assert_int_equal(json_integer_value(json_object_get(
						 json_object_get(object, "server"), "port")),
					 80);
			json_decref(object);

			length = control_row_text(&row, out);
			assert_int_equal(out[0], ' '); /* how the protocol tells it from JSON */
			assert_int_equal(out[length - 1], '\n');
			for (uint32_t at = 0; at < length - 1; at++)
				assert_in_range(out[at], ' ', '~');
		}
}

/* IDs of several workers become one row. */
static void ids_are_summed(void **state)
{
	struct job_row row = row_with("web", "");
	json_t *ids = json_object(), *web;

	(void)state;
	row.members = 5;
	row.lingering = 2;
	control_rows_add_id(ids, &row);
	row.members = 1;
	row.lingering = 0;
	control_rows_add_id(ids, &row);
	row = row_with("cut \xc3", "");
	row.members = 1;
	control_rows_add_id(ids, &row);
	assert_int_equal(json_object_size(ids), 2);
	web = json_object_get(ids, "web");
	assert_int_equal(json_integer_value(json_object_get(web, "connections")), 4);
	assert_int_equal(json_integer_value(json_object_get(web, "lingering")), 2);
	json_decref(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_json),
		cmocka_unit_test(ids_are_summed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
