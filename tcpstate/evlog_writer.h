/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evlog_writer.h - the worker's side of a connection's log; see evlog.h for what it holds.
 *
 * Every call that makes a record takes a serial number for it, kept or not. A record that finds no
 * memory is lost as a whole and counted; the next one that is kept writes a LOG_SKIP first.
 */
#ifndef BBTAP_TCPSTATE_EVLOG_WRITER_H
#define BBTAP_TCPSTATE_EVLOG_WRITER_H

#include "tcpstate/evlog.h"

/* Part of each connection; zero is a log without records. */
struct evlog {
	struct chunk *head;	 /* NULL: no section open */
	uint32_t next_serial[2]; /* by enum side */
	uint32_t lost[2];	 /* of the last ones, before next_serial */
};

/* What a new section is told about its connection. */
struct evlog_identity {
	const struct flow_key *key;
	uint64_t connection;
	uint8_t client;
	uint8_t views;
	uint16_t linktype;
	uint16_t section;
};

/* A section is open, or there is no chunk for one (false). */
bool evlog_open(struct evlog *log, struct chunk_pool *pool, const struct evlog_identity *identity,
		uint64_t ts_ns);

/*
 * Logs a segment: snaps[side] for each side in views. evidence: stack flex1 and flex2 of OUT, or NULL
 * for none. keep_bytes: how much of the frame to keep.
 * Returns the number of records lost: 0, or one for each view.
 */
uint32_t evlog_packet(struct evlog *log, struct chunk_pool *pool, const struct segment *seg,
		      enum side sender, uint16_t flex7, uint8_t flex8, const uint32_t *evidence,
		      uint8_t views, const struct snapshot snaps[2], uint32_t keep_bytes);

/* Logs an event in the view of one side. Returns the number of records lost, 0 or 1. */
uint32_t evlog_event(struct evlog *log, struct chunk_pool *pool, enum side side,
		     const struct event *event, const struct snapshot *snap);

/* Records of one side in the open section. */
uint32_t evlog_records(const struct evlog *log, enum side side);

/*
 * Closes the section and hands it to the pool's sink. Returns the number of records lost with it: 0
 * unless the sink had no room. dump_ts_ns and reason are for the section's head.
 */
uint32_t evlog_dump(struct evlog *log, struct chunk_pool *pool, uint64_t dump_ts_ns,
		    const char *reason);

#endif
