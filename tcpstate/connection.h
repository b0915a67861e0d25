/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connection.h - one TCP connection: two endpoints and what they share. It puts the steps of a segment
 * in order; the thinking is in endpoint, rtt and seqrange, the telling in conn_log.
 *
 * Budget: 448 bytes, and about 8 in the flow table, of the 512 that an idle connection may cost.
 */
#ifndef BBTAP_TCPSTATE_CONNECTION_H
#define BBTAP_TCPSTATE_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/segment.h"
#include "tcpstate/endpoint.h"
#include "tcpstate/event.h"
#include "tcpstate/evlog_writer.h"
#include "tcpstate/flow_summary.h"
#include "tcpstate/log_mode.h"

enum connection_flag {
	CONN_LIVE = 0x01,  /* in the flow table */
	CONN_RESET = 0x02, /* an RST that the receiver takes, or must challenge, was seen */
	CONN_SIMULTANEOUS_OPEN = 0x04,
	CONN_REASS_FULL = 0x08, /* said once: the out-of-order model is at its limit */
	/* What has a bad checksum was acknowledged: the capture was made in front of the offload. */
	CONN_OFFLOAD = 0x10,
	CONN_SUPER_PACKETS = 0x20, /* segments larger than the MSS: not as they were on the wire */
};

struct connection_cold {
	struct endpoint_cold side[2];
};

struct connection {
	/* The first line: all that a lookup, or a look for idle connections, needs. */
	struct flow_key key;
	uint32_t hash;
	uint32_t models; /* index in the tracker's arena; 0: none. Of a free record: the next */
	uint64_t last_ts_ns;
	uint8_t client;	  /* which side of key */
	uint8_t start;	  /* enum flow_start */
	uint8_t flags;	  /* enum connection_flag */
	uint8_t views;	  /* enum view: whose logs take records now */
	uint16_t section; /* sections handed over */
	uint16_t linktype;
	struct evlog log;
	uint64_t number;
	uint64_t first_ts_ns;
	struct connection_cold *cold; /* NULL until needed */
	uint32_t events_lost;
	uint16_t iface;
	uint16_t last_digest; /* of the last segment without data, to know a copy */
	/* See blackbox.h. */
	uint32_t member;      /* of the group of its ID; 0: it has none */
	uint32_t watch;	      /* what its triggers remember; 0: nothing yet */
	uint32_t application; /* its detection; 0: none goes on */
	uint16_t policy;
	int8_t mode;		 /* enum log_mode */
	struct endpoint side[2]; /* by enum side */
	uint32_t names;		 /* of its application, once it is decided; 0: not known */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct connection) == 448, "the budget");

/* Where a connection tells what happened and gets memory; the tracker is behind it. */
struct tracker;

/* A new connection that begins with this segment. Fills in all of *conn. */
void connection_init(struct connection *conn, const struct segment *seg);

/*
 * Whether the segment, with the key of conn, begins another connection: a SYN after the end, or
 * with an ISN that can't be of this one (RFC 9293 3.10.7.4, RFC 6191).
 */
bool connection_is_reused_by(const struct connection *conn, const struct segment *seg);

/* Logs the segment and moves both TCBs. */
void connection_segment(struct tracker *tracker, struct connection *conn,
			const struct segment *seg);

/* An ICMP error about a segment of this connection: an event of the side that sent it. */
void connection_icmp_error(struct tracker *tracker, struct connection *conn,
			   const struct segment *error);

/* How long after its last segment the connection counts as ended, ns. */
uint64_t connection_timeout_ns(const struct connection *conn, uint64_t idle_timeout_ns);

/* The reason to give: what the segments say goes before what the tracker found. */
enum end_reason connection_end_reason(const struct connection *conn, enum end_reason found);

static inline enum side connection_sender(const struct connection *conn, const struct segment *seg)
{
	return seg->sender == conn->client ? SIDE_CLIENT : SIDE_SERVER;
}

static inline enum side side_other(enum side side)
{
	return side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
}

static inline const struct endpoint_cold *connection_cold_of(const struct connection *conn,
							     enum side side)
{
	return conn->cold ? &conn->cold->side[side] : NULL;
}

/* FreeBSD's ticks, here ms since 1970 modulo 2^32: a log does not depend on what else was read. */
static inline uint32_t ticks_of(uint64_t ts_ns)
{
	return (uint32_t)(ts_ns / 1000000);
}

#endif
