/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event.h - what is logged of an endpoint: FreeBSD's event numbers (tcp_log_buf.h, enum
 * tcp_log_events) and our own codes for causes, reasons and ends.
 */
#ifndef BBTAP_TCPSTATE_EVENT_H
#define BBTAP_TCPSTATE_EVENT_H

#include <stdint.h>

enum event_id {
	EVENT_IN = 1,
	EVENT_OUT = 2,
	EVENT_RTO = 3,
	EVENT_BAD_RETRAN = 5,
	EVENT_PRR = 6,
	EVENT_REORDER = 7,
	EVENT_TIMERSTAR = 13,
	EVENT_TIMERCANC = 14,
	EVENT_ENTREC = 15,
	EVENT_EXITREC = 16,
	EVENT_CWND = 17,
	EVENT_BWSAMP = 18,
	EVENT_MSGSIZE = 19,
	EVENT_PERSIST = 24,
	EVENT_FLOWEND = 25,
	EVENT_PROGRESS = 39,
	EVENT_RTT_SHRINKS = 44,
	EVENT_RTT = 47,
	EVENT_REASS = 50,
	EVENT_TSTMP_VAL = 53,
	EVENT_CONNEND = 54,
	EVENT_SACK_FILTER_RES = 56,
	EVENT_SAD_DETECTION = 57,
	EVENT_DSACK_HANDLING = 64,
	EVENT_HYSTART = 65,
	EVENT_COLLAPSE = 67,
};

/* "IN", "OUT", "RTO", ...; "?" for a number that FreeBSD has no event for. */
const char *event_name(uint8_t event_id);

/* Stack flex8 of OUT: what the segment is, as FreeBSD's RACK stack says it. */
enum out_kind {
	OUT_NEW = 0,
	OUT_RETRANSMISSION = 1,
	OUT_TLP_RETRANSMISSION = 2,
	OUT_TLP_NEW = 3,
	OUT_NOT_QUEUED = 4, /* RST, keep-alive, challenge ACK: outside the send queue */
};

/*
 * Stack flex7 of OUT is cause << 8 | confidence (0..100). Of what was sent again, stack flex1: segments
 * above it that were delivered, as far as was looked (64); flex2: us since it was sent before.
 */
enum cause {
	CAUSE_NONE = 0,
	CAUSE_RECOVERY = 1, /* fast, SACK or RACK */
	CAUSE_TLP = 2,
	CAUSE_TIMEOUT = 3,
	CAUSE_SYN = 4,
	CAUSE_FIN = 5,
	CAUSE_WINDOW_PROBE = 6,
	CAUSE_KEEPALIVE = 7,
	CAUSE_AMBIGUOUS = 8,
	/* What the tap itself saw; no act of the endpoint's. */
	CAUSE_CAPTURE_GAP = 16, /* before this segment */
	CAUSE_MIRROR_DUPLICATE = 17,
	CAUSE_BAD_CHECKSUM = 18,
	CAUSE_SUPER_PACKET = 19,
	CAUSE_OUT_OF_ORDER =
		20, /* fills a hole that the tap saw: reordered, or lost in front of the tap */
};

/*
 * Stack flex7 of every other event is reason << 8 | confidence. What the flexes of an event mean is
 * said here, once:
 *
 * EVENT_RTT      stack flex1: the sample, us; flex2: srtt, us; flex3: rttvar, us, both with the
 *                sample counted in, from the tap to the peer and back; flex4: the near half, from
 *                the tap to this endpoint and back (smoothed, or the shortest; 0: unknown); flex5,
 *                flex6: the shortest of both halves. reason: RTT_REASON_*
 * EVENT_REASS    stack flex1: out-of-order segments held by this receiver; flex2: their bytes;
 *                flex3: holes. reason: REASS_REASON_*
 * EVENT_PERSIST  stack flex8: PERSIST_*; flex1: how long the window has been zero, us (PERSIST_LEFT,
 *                PERSIST_PROBE); flex2: probes so far
 * EVENT_COLLAPSE the peer took back a part of its window (RFC 9293 3.8.6). stack flex1: by how many
 *                bytes; flex2: the right edge now. reason: 1
 * EVENT_TSTMP_VAL the endpoint rejects a segment by its time stamp (RFC 7323 5). stack flex1: its
 *                TSval; flex2: TS.Recent. reason: PAWS_*
 * EVENT_TIMERSTAR at the end of a log, if the endpoint acknowledged data: how it did. record flex1:
 *                4 (the timer of delayed ACKs); stack flex1..flex6: ACKs of something new, segments
 *                that they acknowledged, and how long the last segment of an ACK waited for it: the
 *                least, mean and largest us, less the shortest round trip from tap to endpoint (what
 *                waits in queues of the path is in it); ACKs that clearly waited for the timer.
 *                reason: 1
 * EVENT_FLOWEND  record flex1: enum end_reason | super-packets sent << 8; stack flex1..flex6: segments
 *                sent, segments received, segments retransmitted, payload bytes sent (low 32 bits),
 *                payload bytes received (low 32 bits), RTT samples; record flex2 and flex8: below
 * EVENT_CONNEND  record flex1: enum end_reason. The last event of a log.
 */
enum rtt_reason {
	RTT_REASON_KARN = 1, /* one transmission, one acknowledgement (RFC 6298 3) */
	RTT_REASON_SACK = 2, /* the same, by SACK */
	RTT_REASON_ECHO = 3, /* sent again, told apart by the time stamp (RFC 7323 4.3) */
};

/*
 * EVENT_RTO      record flex1: 0 (the retransmission timer); record flex2 and stack flex2: the timer
 *                as observed, ms; stack flex1: timeouts in a row. reason: RTO_REASON_*
 * EVENT_ENTREC   stack flex8: enum cause; stack flex1: where it ends (recover); flex2: segments that
 *                are known to be delivered behind the loss. reason: the cause again
 * EVENT_EXITREC  stack flex8: enum cause of what ends; reason: the cause again
 * EVENT_BAD_RETRAN stack flex8: why it was sent, enum cause; flex1, flex2: its first number and the
 *                one behind it; flex3: 1 if all of the episode was needless, so that the sender takes
 *                its reduction back. reason: BAD_RETRAN_*
 * EVENT_REORDER  stack flex1: segments that were overtaken; flex2: by how much, us. reason: 1
 * EVENT_DSACK_HANDLING stack flex1, flex2: the block. reason: DSACK_*
 */
/*
 * EVENT_CWND     the inferred window changed by more than a segment since it was last told; at most once
 *                a round trip and at timeouts and the ends of recoveries. stack flex1, flex2: the window
 *                now and as last told; flex3: the slow-start threshold, 0: unknown; flex4: in flight, all
 *                in bytes; flex8: enum limit. reason: enum cwnd_reason (window.h)
 * EVENT_HYSTART  slow start was left without a loss. stack flex1: the window, bytes. reason:
 *                CWND_HYSTART
 * EVENT_FLOWEND  record flex2: enum cc_family << 24 | shares of the time, percent, in which the sender was
 *                limited by the application << 16, the receiver << 8, its window; flex8: confidence of the
 *                family, 0..100
 *
 * In every record bbr_state is enum limit, what limits the sender, and bbr_substate enum cc_family; both
 * inferred.
 */
enum sack_filter_reason { /* EVENT_SACK_FILTER_RES; stack flex1: bytes outstanding */
	SACK_FILTER_SCOREBOARD_FULL = 1, /* the model says nothing until all is acknowledged */
};

enum rto_reason {
	RTO_REASON_SILENCE = 1, /* the oldest outstanding segment again, after a silence */
};

enum bad_retran_reason {
	BAD_RETRAN_DSACK = 1, /* the receiver had it twice (RFC 2883) */
	BAD_RETRAN_EIFEL = 2, /* the ACK answers the original (RFC 3522) */
	BAD_RETRAN_FRTO = 3,  /* what was not sent again was acknowledged first (RFC 5682) */
};

enum dsack_reason {
	DSACK_RETRANSMITTED = 1, /* of something that was sent again */
	DSACK_DUPLICATED = 2,	 /* of something that was sent once: the network made two of it */
};

/*
 * EVENT_MSGSIZE  an ICMP error about what this endpoint sent, or none came and one should have:
 *                reason MSGSIZE_*.
 *                Of an error: stack flex1: the next hop's MTU, 0 if none is told; flex2: type << 8 |
 *                code; flex3: the quoted sequence number; flex8: version of IP, 4 or 6; record flex1,
 *                stack flex4, flex5, flex6: who sent it, four bytes each, IPv4 in flex6 alone; record
 *                flex2: length of the quoted IP packet, 0 if unknown
 *                MSGSIZE_BLACK_HOLE: stack flex1: bytes of payload that do not get through; flex2: the
 *                most that are known to, 0 if no size is known; flex3: sequence number of the
 *                segment; flex4: how often it was sent in vain
 */
enum msgsize_reason {
	MSGSIZE_TOO_BIG = 1, /* fragmentation needed (RFC 1191), packet too big (RFC 8201) */
	MSGSIZE_UNREACHABLE = 2,
	MSGSIZE_TIME_EXCEEDED = 3,
	MSGSIZE_PARAMETER_PROBLEM = 4,
	MSGSIZE_SOURCE_QUENCH = 5,
	MSGSIZE_BLACK_HOLE = 6, /* inferred: path MTU black hole (RFC 2923 2.1) */
};

enum reass_reason {
	REASS_REASON_QUEUED = 1,   /* a segment behind a hole was queued */
	REASS_REASON_RELEASED = 2, /* a hole was filled, segments left the queue */
	REASS_REASON_GAP = 3,	   /* the receiver acknowledged bytes that the tap never saw */
	REASS_REASON_FULL = 4, /* the model of the queue is at its limit; its numbers are a floor */
};

enum paws_reason {
	PAWS_OLD = 1,	    /* older than TS.Recent */
	PAWS_CONFIRMED = 2, /* and the endpoint answered with a duplicate ACK */
};

enum persist_kind {
	PERSIST_LEFT = 0,
	PERSIST_ENTERED = 1,
	PERSIST_PROBE = 2,
};

/* Why the connection's log ends. */
enum end_reason {
	END_NONE = 0,
	END_CLOSED = 1,	    /* FINs of both sides acknowledged */
	END_RESET = 2,	    /* RST */
	END_IDLE = 3,	    /* nothing seen for the idle timeout */
	END_INPUT = 4,	    /* the capture ended, or the recorder was stopped */
	END_PORT_REUSE = 5, /* a new connection between the same ports */
	END_TABLE_FULL = 6, /* room was needed for a new connection */
};

/* "closed", "reset", "idle", "open at end", "port reused", "table full" */
const char *end_reason_name(uint8_t reason);

static inline uint16_t flex7_make(unsigned int code, unsigned int confidence)
{
	return (uint16_t)(code << 8 | confidence);
}

/* An event as the models emit it; the log adds the snapshot and the serial number. */
struct event {
	uint64_t ts_ns;
	uint8_t id;		 /* enum event_id */
	uint8_t flex8;		 /* stack */
	uint16_t flex7;		 /* stack */
	uint32_t record_flex[2]; /* tlb_flex1, tlb_flex2 */
	uint32_t stack_flex[6];	 /* flex1 .. flex6 of struct tcp_log_bbr */
};

#endif
