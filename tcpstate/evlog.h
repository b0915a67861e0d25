/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evlog.h - the log of one connection in memory: a chain of chunks with entries as one stream of bytes.
 * An entry holds what changed in the TCB since the one before; the first that begins in a chunk holds
 * all of it, so that a log can lose its oldest chunks and be read from there on. The worker writes, the
 * store thread reads what was handed over.
 *
 * One log serves both endpoints ("views"): a segment stands in it once, with the snapshots of its
 * sender and its receiver, and becomes an OUT record in one view and an IN record in the other.
 * Serial numbers are per view, +1 for each event, lost ones too.
 */
#ifndef BBTAP_TCPSTATE_EVLOG_H
#define BBTAP_TCPSTATE_EVLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/segment.h"
#include "tcpstate/chunk.h"
#include "tcpstate/event.h"
#include "tcpstate/snapshot.h"

/* The endpoints of a connection by their role; also the index of arrays of two. */
enum side {
	SIDE_CLIENT = 0,
	SIDE_SERVER = 1,
};

/* Sets of sides. */
enum view {
	VIEW_CLIENT = 1,
	VIEW_SERVER = 2,
	VIEW_BOTH = 3,
};

#define LOG_ID_MAX     64 /* FreeBSD's sizes, the NUL included */
#define LOG_TAG_MAX    32
#define LOG_REASON_MAX 32

/* What all records of a section have in common. */
struct evlog_head {
	struct flow_key key;
	uint8_t client;	      /* which side of key is the client: 0 or 1 */
	uint8_t views;	      /* enum view: sections to write */
	uint16_t linktype;    /* of all packets in it: that of the connection's first */
	uint16_t iface_count; /* interfaces of the run to describe: 1 + the highest index in here */
	uint16_t section;     /* 0 for the first section of this connection, ... (wraps) */
	uint64_t connection;  /* number: that of the connection's first frame */
	uint64_t dump_ts_ns;  /* when the section was closed: time of its last event */
	uint64_t first_ts_ns; /* of its first event */
	uint32_t records[2];  /* by side: to be written; 0: no section for that side */
	uint32_t older[2];    /* by side: records in front of these, which are not to be written */
	char id[LOG_ID_MAX];  /* empty: none */
	char tag[LOG_TAG_MAX]; /* empty: none */
	char reason[LOG_REASON_MAX];
};

enum log_entry_kind {
	LOG_PACKET = 1, /* a segment: OUT of its sender, IN of its receiver */
	LOG_EVENT = 2,	/* an event without a packet, in one view */
	LOG_SKIP = 3,	/* events of one view that were lost here: `skipped` of them */
};

/* An entry as it is read back. */
struct log_entry {
	enum log_entry_kind kind;
	uint8_t views;	/* enum view: where it is a record */
	uint8_t sender; /* LOG_PACKET: enum side */
	uint16_t iface;
	/*
	 * LOG_EVENT: the event. LOG_PACKET: ts_ns, and in flex7, flex8 what the segment is for its
	 * sender (enum cause, enum out_kind); id is 0, the view decides between IN and OUT.
	 */
	struct event event;
	uint32_t skipped;   /* LOG_SKIP */
	uint32_t serial[2]; /* by side, for those in views; LOG_SKIP: of the first lost one */
	struct snapshot
		snap[2]; /* by side, for those in views: the TCB before the segment is processed */
	uint32_t payload_bytes; /* LOG_PACKET: of TCP */
	uint32_t caplen_bytes;	/* LOG_PACKET: kept bytes of the frame */
	uint32_t wirelen_bytes;
	uint16_t fragments;  /* LOG_PACKET: IP fragments that it was put together from, or 0 */
	const uint8_t *data; /* LOG_PACKET: caplen_bytes bytes, in the reader's buffer */
};

/* Largest number of bytes of one frame that a log keeps. */
#define EVLOG_CAPLEN_MAX 262144

struct evlog_reader {
	const struct chunk *chunk;
	const struct chunk *end; /* the last one */
	uint32_t offset_bytes;
	uint8_t *buffer; /* EVLOG_CAPLEN_MAX bytes, the caller's */
	uint32_t next_serial[2];
	struct snapshot snap[2];
};

/* The head of a chain with kind CHUNK_LOG. It looks at each chunk. */
const struct evlog_head *evlog_head(const struct chunk *chain);

/*
 * Reads a chain from its first entry, the older ones of the head too. buffer: EVLOG_CAPLEN_MAX bytes
 * that stay the caller's.
 */
void evlog_reader_init(struct evlog_reader *reader, const struct chunk *chain, uint8_t *buffer);

/* The next entry; false at the end of the section. entry->data is valid until the next call. */
bool evlog_reader_next(struct evlog_reader *reader, struct log_entry *entry);

#endif
