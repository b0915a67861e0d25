/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_find.h - which connections are in log files, and which sections of the files are whose. Reads
 * all of them once. A connection is its two ends and the tick at which it began, which the logs of both
 * ends tell: so that ports that were used again give several.
 */
#ifndef BBTAP_CLI_GRAPH_FIND_H
#define BBTAP_CLI_GRAPH_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/log_paths.h"

#define GRAPH_CONNECTIONS_MAX 10000   /* that are told apart; more are only counted as "more" */
#define GRAPH_SECTIONS_MAX    1000000 /* of all of them; what is behind is left out */

struct bpf_program;

/* Sides are 0 and 1: 0 is the end whose address and port are less, byte by byte. */
struct graph_connection {
	uint8_t address[2][16];
	uint16_t port[2];
	uint8_t ip_version;
	uint32_t starttime;	/* ticks */
	uint8_t client;		/* which side */
	bool client_known;	/* by the name of a file or a SYN; else the larger port is taken */
	uint32_t iss[2];	/* as far as this side's log tells; 0: it does not */
	uint64_t records[2];	/* in the log of each side; 0: there is none */
	uint64_t sent_bytes[2]; /* payload, by its sender, sent again too */
	uint64_t first_ts_ns, last_ts_ns;
};

struct graph_section {
	uint32_t connection; /* as its place in the list when it was found; see order */
	uint32_t path;
	uint32_t number; /* in the file, from 0 */
	uint8_t side;	 /* whose log */
	uint64_t first_ts_ns;
};

struct graph_finding {
	struct graph_connection *connections; /* in the order in which they were found */
	uint32_t *order; /* the same by the time of their first record: places in connections */
	uint32_t count;
	bool more; /* there are more than GRAPH_CONNECTIONS_MAX, or sections */
	struct graph_section *sections;
	size_t section_count, section_room;
	uint32_t passed_over; /* sections without addresses: not a black box log */
	bool damaged; /* a file is; it was said on standard error, what is before it counts */
	struct connection_table *table;
};

/*
 * filter: NULL: all. Files that can't be read or are damaged are complained of on standard error. 0 or
 * -ENOMEM. Dispose in any case.
 */
int graph_find(struct graph_finding *out, const struct log_paths *paths,
	       const struct bpf_program *filter);
void graph_finding_dispose(struct graph_finding *finding);

/* "192.0.2.1:80" of a side. */
void graph_end_text(const struct graph_connection *connection, uint8_t side, char out[64]);

/* "2026-11-24 08:24:56.516171 UTC" */
#define GRAPH_TIME_MAX 64
void graph_time_text(uint64_t ts_ns, char out[GRAPH_TIME_MAX]);

/* At most 10 of them, a line each with its number for --nth. */
void graph_finding_print(FILE *to, const struct graph_finding *finding);

#endif
