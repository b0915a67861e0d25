/* SPDX-License-Identifier: BSD-2-Clause */
/* The catalogue of a day without its files: 1,000 files of 10 million sections. And how fast rows of connections are taken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "store/catalog.h"

#define DAY_S	    UINT64_C(1700006400) /* 00:00 UTC */
#define FILES	    1000
#define SECTIONS    10000000
#define CONNECTIONS 3000000
#define NS	    UINT64_C(1000000000)

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void random_ends(uint8_t client[16], uint8_t server[16])
{
	uint32_t c = (uint32_t)rand() % 100000, s = (uint32_t)rand() % 1000;

	client[12] = 10;
	client[13] = (uint8_t)(c >> 16);
	client[14] = (uint8_t)(c >> 8);
	client[15] = (uint8_t)c;
	server[12] = 192;
	server[13] = 168;
	server[14] = (uint8_t)(s >> 8);
	server[15] = (uint8_t)s;
}

static void make_sections(struct catalog *catalog)
{
	for (uint32_t f = 0; f < FILES; f++) {
		struct log_name name = { .start_s = DAY_S + f * UINT64_C(86400) / FILES,
					 .number = 1,
					 .side = SIDE_SERVER,
					 .linktype = 1 };
		uint64_t offset = 0;

		strcpy(name.tag, f % 2 ? "web" : "db");
		for (uint32_t i = 0; i < SECTIONS / FILES; i++) {
			struct section_row row = { .offset_bytes = offset,
						   .length_bytes = 2000,
						   .records = 5,
						   .packets = 4,
						   .ip_version = 4,
						   .local_port = 443,
						   .foreign_port = (uint16_t)rand() };

			row.first_ns = name.start_s * NS + i * UINT64_C(8640000);
			row.last_ns = row.first_ns + (uint64_t)rand() % (10 * NS);
			row.dump_time_s = (int64_t)(row.last_ns / NS);
			random_ends(row.foreign_address, row.local_address);
			strcpy(row.reason, "auto-dumped from continual");
			catalog_section(catalog, &name, &row);
			offset += row.length_bytes;
		}
		if (f % 10 == 9)
			catalog_commit(catalog);
		while (catalog_close_hours(catalog, name.start_s / 3600) > 0)
			continue;
	}
	while (catalog_close_hours(catalog, UINT64_MAX) > 0)
		continue;
}

static void make_connections(struct catalog *catalog)
{
	struct flow_name name = { .hour = DAY_S / 3600 + 30, .number = 1 };
	double start = seconds(), million = start;

	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		struct flow_row row = { .frame_bytes = i / 100 * UINT64_C(20000),
					.line = i % 100,
					.connection = i + 1,
					.ip_version = 4,
					.start = 1,
					.end_reason = 1 };

		row.last_ns = name.hour * 3600 * NS + i * UINT64_C(1200000);
		row.first_ns = row.last_ns - (uint64_t)rand() % (10 * NS);
		random_ends(row.side[0].address, row.side[1].address);
		row.side[0].port = (uint16_t)rand();
		row.side[1].port = 443;
		catalog_flow(catalog, &name, &row);
		if (i % 100 == 99)
			catalog_flow_bytes(catalog, &name, (i / 100 + 1) * UINT64_C(20000));
		if (i % 100000 == 99999)
			catalog_commit(catalog);
		if (i % 1000000 == 999999) {
			printf("connections, million %u: %.0f rows/s\n", i / 1000000 + 1,
			       1e6 / (seconds() - million));
			million = seconds();
		}
	}
}

int main(int argc, char **argv)
{
	struct catalog *catalog;
	char error[512];
	double start;

	if (argc != 2 || mkdir(argv[1], 0777) < 0 ||
	    catalog_open(&catalog, argv[1], error, sizeof(error)) < 0)
		return 1;
	make_connections(catalog);
	start = seconds();
	make_sections(catalog);
	printf("sections: %.0f rows/s, indexes included\n", SECTIONS / (seconds() - start));
	return catalog_close(&catalog) < 0;
}
