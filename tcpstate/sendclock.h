/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendclock.h - what the headers of an endpoint's packets tell about when it sent them: the time stamp
 * option runs with its clock (RFC 7323 4.1), and many hosts count the IP ID up for each packet of a
 * connection. So the tap can tell the order of sending from that of passing, and how many packets it
 * never saw.
 */
#ifndef BBTAP_TCPSTATE_SENDCLOCK_H
#define BBTAP_TCPSTATE_SENDCLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/segment.h"

#define SENDCLOCK_MARKS 8 /* a power of two */

/* Zero is a clock that knows nothing. This part is needed for each packet, */
struct sendclock {
	uint64_t base_ns;    /* when the first packet passed, */
	uint32_t base_tsval; /* and its time stamp */
	uint32_t tick_ns;    /* of its clock; 0: not known yet */
	uint32_t newest_tsval;
	uint32_t newest_us; /* when the first packet with it passed, modulo 2^32 */
	uint16_t newest_id; /* of all that passed */
	uint8_t flags;	    /* see sendclock.c */
	uint8_t steps;	    /* how sure it is that the IP ID goes up by one, likewise */
} __attribute__((packed, aligned(4))); /* 28 bytes: its owner has a use for the other 4 */

/* and this one when something is lost, late or silent. */
struct sendclock_past {
	struct {
		uint64_t ts_ns;
		uint32_t tsval;
		uint16_t ip_id;
	} marks[SENDCLOCK_MARKS]; /* at least spacing_us apart */
	uint8_t marked;		  /* marks ever made, modulo 256 */
};

/* A packet of the endpoint passed, of any kind. paused: some time behind the one before. */
void sendclock_note(struct sendclock *clock, const struct segment *seg, bool paused);

/* The same packet, behind sendclock_note(): a mark of it, if the last one is spacing_us old. */
void sendclock_mark(const struct sendclock *clock, struct sendclock_past *past,
		    const struct segment *seg, uint32_t spacing_us);

/*
 * How long before this packet the newest one seen was sent, us, by the endpoint's own clock: queues in
 * front of the tap don't change it. 0: the clock's rate is not known yet.
 */
uint64_t sendclock_pause_us(struct sendclock *clock, const struct segment *seg);

/*
 * How much longer than the newest packet seen this one was on its way to the tap, us; 0: no longer, or
 * that can't be told. What is within the clock's steps is not told.
 */
uint64_t sendclock_delay_us(struct sendclock *clock, const struct segment *seg);

/* The IP ID goes up for this connection alone: pauses have shown it. */
bool sendclock_is_private(const struct sendclock *clock);

/* How many packets were sent between the newest one seen and this one; 0 also if it can't be told. */
uint32_t sendclock_missing(const struct sendclock *clock, const struct segment *seg);

/*
 * How long before the newest packet this one was sent at least, us; 0: it is the newest itself, or that
 * can't be told.
 */
uint64_t sendclock_age_us(const struct sendclock *clock, const struct sendclock_past *past,
			  const struct segment *seg);

/* When the endpoint's clock showed this, as the tap saw it; 0: not known. */
uint64_t sendclock_when_ns(const struct sendclock_past *past, uint32_t tsval);

/*
 * The same of a time before a packet's, which passed at ts_ns with the time stamp tsval, reckoned by the
 * clock's rate; 0: it is not known yet, or that is no time before.
 */
uint64_t sendclock_earlier_ns(const struct sendclock *clock, uint64_t ts_ns, uint32_t tsval,
			      uint32_t earlier_tsval);

#endif
