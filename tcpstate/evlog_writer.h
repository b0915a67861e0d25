/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evlog_writer.h - the worker's side of a connection's log; see evlog.h for what it holds.
 *
 * Every call that makes a record takes a serial number for it, kept or not. A record that finds no
 * memory is lost as a whole and counted; the next one that is kept writes a LOG_SKIP first. What a log
 * forgets at its old end is no LOG_SKIP: the serial numbers of the section begin later.
 */
#ifndef BBTAP_TCPSTATE_EVLOG_WRITER_H
#define BBTAP_TCPSTATE_EVLOG_WRITER_H

#include "tcpstate/evlog.h"

/* Part of each connection; zero is a log without records. */
struct evlog {
	struct chunk
		*tail; /* the last of a ring of chunks: its next is the first. NULL: no records */
	uint32_t next_serial[2]; /* by enum side */
	uint32_t lost[2];	 /* of the last ones, before next_serial */
};

/* No log takes more chunks than this (64 MB): what is to be written at once is put together in memory. */
#define EVLOG_CHUNKS_MAX 32768

/* The log has a chunk, or there is none to be had (false). linktype: of all packets in it. */
bool evlog_open(struct evlog *log, struct chunk_pool *pool, uint16_t linktype);

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

/* A record that there was no evlog_open() for: its number is taken. Returns 1, for each view of views. */
uint32_t evlog_lose(struct evlog *log, uint8_t views);

/* For the cache, ahead of the next; ahead of an entry that is to be appended. */
void evlog_prefetch(const struct evlog *log);
void evlog_prefetch_append(const struct evlog *log);

/* Records of one side, and chunks, in the log. */
uint32_t evlog_records(const struct evlog *log, enum side side);
uint32_t evlog_chunks(const struct evlog *log);

/*
 * A ring: forgets the oldest chunks, as long as each of the views keeps `limit` records or more. To be
 * called after each record; it costs next to nothing. Returns the number of records forgotten.
 */
uint32_t evlog_keep(struct evlog *log, struct chunk_pool *pool, uint8_t views, uint32_t limit);

/* Forgets the oldest chunk; of a log with one chunk, all. Returns the number of records forgotten. */
uint32_t evlog_forget(struct evlog *log, struct chunk_pool *pool);

/* Forgets all. The serial numbers go on. Returns the number of records forgotten. */
uint32_t evlog_clear(struct evlog *log, struct chunk_pool *pool);

/* What a section is told when it is handed over; strings are cut to FreeBSD's sizes. */
struct evlog_identity {
	const struct flow_key *key;
	uint64_t connection;
	uint64_t dump_ts_ns;
	uint32_t limit; /* of each side the last so many records are to be written; 0: all */
	uint8_t client;
	uint8_t views; /* whose sections to write */
	uint16_t section;
	const char *id, *tag, *reason;
};

/*
 * Hands the log to the pool's sink, as a section; then it is empty. Returns the number of records lost
 * with it: 0 unless the sink had no room. *written: the records that are to be written; 0: no section.
 */
uint32_t evlog_dump(struct evlog *log, struct chunk_pool *pool,
		    const struct evlog_identity *identity, uint32_t *written);

/*
 * For who looks at a log that goes on. evlog_newer(): how many chunks at its end hold all entries of after_ns and later,
 * and the last ones in any case, as some are noted later than they happened; at most `room`, if reading can begin at one
 * of these: then what is older is left out. 0: the log is empty, or not even the last entry fits. evlog_copy() copies so many to out[], as a chain with
 * a head, as if they were handed over.
 */
uint32_t evlog_newer(const struct evlog *log, uint64_t after_ns, uint32_t room);
void evlog_copy(const struct evlog *log, const struct evlog_identity *identity, uint32_t count,
		struct chunk *const out[]);

/* A reader of a log that is not handed over; it ends at what is the newest now. */
void evlog_reader_init_open(struct evlog_reader *reader, const struct evlog *log, uint8_t *buffer);

#endif
