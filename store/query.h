/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * query.h - what is below DIR, by its catalogue: sections, files, ended connections. Also while a recorder
 * writes there. What it costs depends on the time span and on the indexed terms, not on the store; memory
 * is bounded (rows are handed out one by one; sorting uses a temporary file).
 *
 * An hour without a usable catalogue (none, damaged, of a newer version) is read from its files into a
 * temporary one, which is said through tell().
 */
#ifndef BBTAP_STORE_QUERY_H
#define BBTAP_STORE_QUERY_H

#include <pcap/pcap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/flow_row.h"
#include "store/log_name.h"
#include "store/section_row.h"

/*
 * Conditions that each connection must meet that passes the filter (filter_terms.h takes them out of its
 * text): one of its ends is in each net, one has each port. For the indexes; the filter itself decides.
 */
#define QUERY_TERMS_MAX 8
struct query_terms {
	uint32_t net_count, port_count;
	struct {
		uint8_t ip_version;
		uint8_t first[16], last[16]; /* addresses, IPv4 in the last 4 bytes */
	} nets[QUERY_TERMS_MAX];
	struct {
		uint16_t first, last;
	} ports[QUERY_TERMS_MAX];
};

enum query_order {
	BY_TIME, /* of the first record or segment */
	BY_DURATION,
	BY_BYTES,
	BY_SEGMENTS,
	BY_RETRANSMISSIONS,
	BY_RTT, /* the larger median of both halves */
	BY_EVENTS,
};

struct query {
	const char *dir;
	uint64_t since_ns, until_ns; /* what overlaps [since, until]; 0 and UINT64_MAX: all */
	const struct bpf_program
		*filter; /* of the packets between the ends, compiled for raw IP; or NULL */
	struct query_terms terms;
	const char *id, *tag, *reason; /* with * and ? (fnmatch(3)); NULL: any */
	const char *rule;	       /* of connections */
	int state;		       /* enum tcp_state of either side of a connection; -1: any */
	uint8_t views;		       /* enum view, of sections and files */
	enum query_order order;
	bool descending;				/* the largest first */
	uint64_t limit;					/* 0: all */
	void (*tell)(void *context, const char *words); /* or NULL */
	void *tell_context;
};

void query_init(struct query *query, const char *dir);

struct query_file {
	struct log_name name; /* as it is on the disk now: part, compressed */
	char path[LOG_NAME_MAX + TAG_NAME_MAX + 16]; /* below dir: "logs/web/web-...pcapng" */
	uint64_t bytes;				     /* uncompressed, of whole sections */
	uint64_t sections, records, skipped;
	uint64_t first_ns, last_ns;
};

/* Those that have a section that is asked for. Return false to stop. All: 0, or a negative errno and words. */
int query_files(const struct query *query,
		bool (*row)(void *context, const struct query_file *file), void *context,
		char *error, size_t error_bytes);

int query_sections(const struct query *query,
		   bool (*row)(void *context, const struct query_file *file,
			       const struct section_row *section),
		   void *context, char *error, size_t error_bytes);

/* path: of the flow log file below dir, as it is on the disk now. */
int query_flows(const struct query *query,
		bool (*row)(void *context, const char *path, const struct flow_row *flow),
		void *context, char *error, size_t error_bytes);

enum query_group {
	GROUP_SERVER, /* address and port */
	GROUP_CLIENT, /* address */
	GROUP_PREFIX, /* of the client: /24 and /48 */
	GROUP_RULE,
};

struct query_sum {
	char key[128]; /* "192.0.2.1:443", "192.0.2.0/24", a rule's name or "-" */
	uint64_t connections, segments, payload_bytes, retransmitted_segments, zero_windows;
	uint64_t resets; /* connections that ended so */
	uint32_t rtt_min_us,
		rtt_median_us; /* the least; the mean of the medians to the server, 0: unknown */
	uint64_t first_ns, last_ns;
};

/* Sums over the connections that are asked for; order, descending and limit are of the sums. */
int query_sums(const struct query *query, enum query_group group,
	       bool (*row)(void *context, const struct query_sum *sum), void *context, char *error,
	       size_t error_bytes);

/*
 * The lines of the flow log for rows, in the order in which they are given: reads each frame once while
 * rows of one frame follow each other. line: without the line feed, valid until the next call.
 */
struct flow_lines;
int flow_lines_open(struct flow_lines **out, const char *dir);
int flow_lines_get(struct flow_lines *lines, const char *path, const struct flow_row *flow,
		   const char **line, size_t *bytes, char *error, size_t error_bytes);
void flow_lines_close(struct flow_lines **lines);

#endif
