/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever passes a filter must meet the terms that were taken out of its text. */
#include "tests/unit/cmocka_all.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/bytes.h"
#include "capture/filter.h"
#include "store/filter_terms.h"

static void what_is_taken(void **state)
{
	static const struct {
		const char *expression;
		uint32_t nets, ports;
	} rows[] = {
		{ "host 10.0.0.1", 1, 0 },
		{ "10.0.0.1", 1, 0 },
		{ "tcp and src host 10.0.0.1 and dst port 80", 1, 1 },
		{ "host 10.0.0.1 and 10.0.0.2", 2, 0 },
		{ "net 10.0.0.0/8 && portrange 80-90", 1, 1 },
		{ "net 10", 1, 0 },
		{ "host ::1", 1, 0 },
		{ "(host 10.0.0.1 and (port 80)) and port 81", 1, 2 },
		{ "host 10.0.0.1 or host 10.0.0.2", 0, 0 },
		{ "host 10.0.0.1 and port 80 or port 81", 0, 0 },
		{ "(host 10.0.0.1 or host 10.0.0.2) and port 80", 0, 1 },
		{ "not host 10.0.0.1", 0, 0 },
		{ "! port 80", 0, 0 },
		{ "not (port 80) and host 10.0.0.1", 1, 0 },
		{ "port http", 0, 0 },
		{ "tcp[13] & 2 != 0", 0, 0 },
		{ "port 80 and 81", 0, 1 },
		{ "", 0, 0 },
		{ ")(", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct query_terms terms;

		filter_terms(rows[i].expression, &terms);
		if (terms.net_count != rows[i].nets || terms.port_count != rows[i].ports)
			print_message("%s: %u nets, %u ports\n", rows[i].expression,
				      terms.net_count, terms.port_count);
		assert_int_equal(terms.net_count, rows[i].nets);
		assert_int_equal(terms.port_count, rows[i].ports);
	}
}

static void put(char *out, size_t room, const char *text)
{
	strncat(out, text, room - strlen(out) - 1);
}

static void random_expression(char *out, size_t room, int depth)
{
	static const char *const directions[] = { "", "", "src ", "dst ", "src or dst " };
	int terms = 1 + rand() % 3;

	for (int i = 0; i < terms; i++) {
		char text[96];

		if (i)
			put(out, room, rand() % 3 ? " and " : rand() % 2 ? " or " : " && ");
		if (rand() % 6 == 0)
			put(out, room, rand() % 2 ? "not " : "! ");
		if (depth && rand() % 4 == 0) {
			put(out, room, "(");
			random_expression(out, room, depth - 1);
			put(out, room, ")");
			continue;
		}
		switch (rand() % 6) {
		case 0:
			snprintf(text, sizeof(text), "%shost 10.0.0.%d", directions[rand() % 5],
				 rand() % 4);
			break;
		case 1:
			snprintf(text, sizeof(text), "%snet 10.0.0.%d/31", directions[rand() % 5],
				 2 * (rand() % 2));
			break;
		case 2:
			snprintf(text, sizeof(text), "%sport %d", directions[rand() % 5],
				 80 + rand() % 4);
			break;
		case 3:
			snprintf(text, sizeof(text), "%sportrange %d-%d", directions[rand() % 5],
				 80 + rand() % 3, 81 + rand() % 3);
			break;
		case 4:
			snprintf(text, sizeof(text), "net 10.0");
			break;
		default:
			snprintf(text, sizeof(text), "tcp");
			break;
		}
		put(out, room, text);
	}
}

static bool meets(const struct query_terms *terms, const uint8_t a[16], uint16_t a_port,
		  const uint8_t b[16], uint16_t b_port)
{
	for (uint32_t i = 0; i < terms->net_count; i++) {
		const uint8_t *first = terms->nets[i].first, *last = terms->nets[i].last;

		if ((memcmp(a, first, 16) < 0 || memcmp(a, last, 16) > 0) &&
		    (memcmp(b, first, 16) < 0 || memcmp(b, last, 16) > 0))
			return false;
	}
	for (uint32_t i = 0; i < terms->port_count; i++)
		if ((a_port < terms->ports[i].first || a_port > terms->ports[i].last) &&
		    (b_port < terms->ports[i].first || b_port > terms->ports[i].last))
			return false;
	return true;
}

static void what_passes_meets_the_terms(void **state)
{
	uint32_t passed = 0, refused = 0;

	(void)state;
	srand(3);
	for (int i = 0; i < 3000; i++) {
		char expression[1024] = "", error[512];
		struct query_terms terms;
		struct bpf_program *filter;

		random_expression(expression, sizeof(expression), 2);
		filter = filter_make(expression, error, sizeof(error));
		if (!filter)
			continue; /* what can never be is refused */
		filter_terms(expression, &terms);
		for (int j = 0; j < 60; j++) {
			uint8_t packet[40] = { 0x45 }, a[16] = { 0 }, b[16] = { 0 };
			uint16_t a_port = (uint16_t)(80 + rand() % 5),
				 b_port = (uint16_t)(80 + rand() % 5);

			a[12] = b[12] = 10;
			a[15] = (uint8_t)(rand() % 5);
			b[15] = (uint8_t)(rand() % 5);
			put_be16(packet + 2, 40);
			packet[9] = 6;
			memcpy(packet + 12, a + 12, 4);
			memcpy(packet + 16, b + 12, 4);
			put_be16(packet + 20, a_port);
			put_be16(packet + 22, b_port);
			packet[32] = 0x50;
			if (!filter_matches(filter, packet, 40, 40)) {
				refused++;
				continue;
			}
			passed++;
			if (!meets(&terms, a, a_port, b, b_port))
				print_message("%s\n", expression);
			assert_true(meets(&terms, a, a_port, b, b_port));
		}
		filter_free(&filter);
	}
	assert_true(passed > 10000 && refused > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken),
		cmocka_unit_test(what_passes_meets_the_terms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
