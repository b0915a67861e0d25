/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "store/places.h"

static struct places *places;

static int setup(void **state)
{
	(void)state;
	places = places_open(16);
	return places ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	places_close(&places);
	return 0;
}

static struct log_name name_of(uint32_t number, enum side side)
{
	return (struct log_name){
		.tag = "web", .start_s = 1700000000, .number = number, .side = side, .linktype = 1
	};
}

static void written(uint64_t connection, uint32_t file, enum side side, uint64_t offset_bytes)
{
	struct log_name name = name_of(file, side);
	struct section_row row = { .offset_bytes = offset_bytes, .records = 10 };

	places_written(places, &(struct log_section){
				       .file = &name, .row = &row, .connection = connection });
}

static void failed(uint64_t connection, enum side side, uint32_t records, uint32_t skipped)
{
	struct log_name name = name_of(1, side);
	struct section_row row = { .records = records, .skipped = skipped };

	places_failed(places, &(struct log_section){
				      .file = &name, .row = &row, .connection = connection });
}

static void first_and_last(void **state)
{
	struct flow_sections told;

	(void)state;
	written(7, 1, SIDE_SERVER, 1000);
	written(7, 1, SIDE_CLIENT, 10);
	written(7, 1, SIDE_SERVER, 2000);
	written(7, 2, SIDE_SERVER, 0);
	places_take(places, 7, &told);
	assert_int_equal(told.view[SIDE_SERVER].count, 3);
	assert_string_equal(told.view[SIDE_SERVER].first_path,
			    "logs/web/web-20231114T221320Z-1.server.pcapng");
	assert_int_equal(told.view[SIDE_SERVER].first_offset_bytes, 1000);
	assert_string_equal(told.view[SIDE_SERVER].last_path,
			    "logs/web/web-20231114T221320Z-2.server.pcapng");
	assert_int_equal(told.view[SIDE_SERVER].last_offset_bytes, 0);
	assert_int_equal(told.view[SIDE_CLIENT].count, 1);
	assert_string_equal(told.view[SIDE_CLIENT].first_path,
			    "logs/web/web-20231114T221320Z-1.client.pcapng");
	assert_string_equal(told.view[SIDE_CLIENT].first_path, told.view[SIDE_CLIENT].last_path);
	/* It is forgotten. */
	places_take(places, 7, &told);
	assert_int_equal(told.view[SIDE_SERVER].count, 0);
	assert_string_equal(told.view[SIDE_SERVER].first_path, "");
}

static void what_failed_is_told_once(void **state)
{
	struct flow_sections told;

	(void)state;
	assert_int_equal(places_take_skipped(places, 7, SIDE_SERVER), 0);
	failed(7, SIDE_SERVER, 100, 3);
	failed(7, SIDE_SERVER, 10, 0);
	failed(7, SIDE_CLIENT, 5, 0);
	failed(8, SIDE_CLIENT, 1, 0);
	assert_int_equal(places_take_skipped(places, 9, SIDE_SERVER), 0);
	assert_int_equal(places_take_skipped(places, 7, SIDE_SERVER), 113);
	assert_int_equal(places_take_skipped(places, 7, SIDE_SERVER), 0);
	assert_int_equal(places_take_skipped(places, 7, SIDE_CLIENT), 5);
	assert_int_equal(places_take_skipped(places, 8, SIDE_SERVER), 0);
	/* Taken with its connection: it does not come up with another one. */
	places_take(places, 8, &told);
	assert_int_equal(told.view[SIDE_CLIENT].failed, 1);
	assert_int_equal(told.view[SIDE_CLIENT].records_failed, 1);
	assert_int_equal(places_take_skipped(places, 8, SIDE_CLIENT), 0);
	places_take(places, 7, &told);
	assert_int_equal(told.view[SIDE_SERVER].failed, 2);
	assert_int_equal(told.view[SIDE_SERVER].records_failed, 110);
}

/* Many more than it has room for: those that were used last are known, nothing is mixed up. */
static void forgets_when_full(void **state)
{
	struct flow_sections told;
	uint32_t known = 0;

	(void)state;
	for (uint64_t connection = 1; connection <= 1000; connection++) {
		written(connection, 1, SIDE_SERVER, connection);
		failed(connection, SIDE_CLIENT, (uint32_t)connection, 0);
	}
	for (uint64_t connection = 1; connection <= 1000; connection++) {
		uint32_t skipped = places_take_skipped(places, connection, SIDE_CLIENT);

		places_take(places, connection, &told);
		if (!told.view[SIDE_SERVER].count) {
			assert_int_equal(skipped, 0);
			continue;
		}
		assert_int_equal(told.view[SIDE_SERVER].first_offset_bytes, connection);
		assert_int_equal(skipped, connection);
		known++;
	}
	assert_in_range(known, 8, 16);
	assert_int_equal(places_take_skipped(places, 1000, SIDE_CLIENT), 0);
}

/* The names of files are as many as they are; of a file that began long ago it is not known any more. */
static void forgets_names(void **state)
{
	struct flow_sections told;

	(void)state;
	written(7, 1, SIDE_SERVER, 5);
	for (uint32_t file = 2; file <= 10000; file++)
		written(8, file, SIDE_SERVER, file);
	written(7, 10001, SIDE_SERVER, 6);
	places_take(places, 7, &told);
	assert_int_equal(told.view[SIDE_SERVER].count, 2);
	assert_string_equal(told.view[SIDE_SERVER].first_path, "");
	assert_string_equal(told.view[SIDE_SERVER].last_path,
			    "logs/web/web-20231114T221320Z-10001.server.pcapng");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_and_last, setup, teardown),
		cmocka_unit_test_setup_teardown(what_failed_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(forgets_when_full, setup, teardown),
		cmocka_unit_test_setup_teardown(forgets_names, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
