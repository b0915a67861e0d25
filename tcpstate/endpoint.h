/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * endpoint.h - the TCP control block of one endpoint as it can be seen from the middle (RFC 9293
 * 3.3.1). Names are the RFC's. An endpoint's `snd` part is moved by what it sends and by what its peer
 * acknowledges, its `rcv` part by what the peer sends and by what it acknowledges itself.
 */
#ifndef BBTAP_TCPSTATE_ENDPOINT_H
#define BBTAP_TCPSTATE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/segment.h"
#include "tcpstate/rtt.h"
#include "tcpstate/seqrange.h"
#include "tcpstate/snapshot.h"

#define WSCALE_UNKNOWN 255

enum endpoint_seen {
	SEEN_SEGMENT = 0x01, /* anything sent by it */
	SEEN_SYN = 0x02,
	SEEN_FIN = 0x04,
	SEEN_RST = 0x08,
	SEEN_SND =
		0x10, /* snd_una and snd_max mean something, from its own or its peer's segments */
	SEEN_RCV = 0x20,	  /* rcv_nxt means something */
	SEEN_WINDOW = 0x40,	  /* snd_wnd: the peer told its window */
	SEEN_FIN_RECEIVED = 0x80, /* the peer's FIN is in order: rcv_nxt went past it */
};

/* The peer's window, as it makes a sender probe (RFC 9293 3.8.6.1). */
enum endpoint_persist {
	WINDOW_OPEN = 0,
	WINDOW_CLOSED = 1,
	WINDOW_REOPENED = 2, /* and the endpoint has sent nothing new since: it may not know */
};

/* 152 bytes; two of them and what they share are a connection. */
struct endpoint {
	struct rtt rtt;	 /* of what it sent */
	uint32_t sender; /* its models, see tracker_sender(); 0: none yet */
	uint32_t iss;	 /* one before the first number seen if its SYN was not */
	uint32_t snd_una;
	uint32_t
		snd_max; /* SND.NXT too: it never goes back, a retransmission is told by its event */
	uint32_t snd_wnd; /* bytes, scaled */
	uint32_t snd_wl1; /* SEG.SEQ of the last window update */
	uint32_t fin_end; /* the number behind its FIN, once SEEN_FIN */
	uint32_t rcv_nxt; /* everything before it passed the tap, or was acknowledged */
	uint32_t rcv_adv; /* the right edge that it offered */
	uint32_t rcv_up;
	uint32_t rcv_wnd;     /* bytes, scaled, as last offered */
	uint32_t rcv_wnd_max; /* the largest that it offered */
	uint32_t t_flags;     /* enum tcp_t_flag */
	uint32_t t_flags2;    /* enum tcp_t_flag2 */
	uint32_t first_byte_in_ticks;
	uint32_t first_byte_out_ticks;
	uint32_t retransmitted_segments;
	uint64_t segments; /* sent */
	uint64_t payload_bytes;
	uint64_t retransmitted_bytes;
	uint32_t out_of_order_segments;
	uint32_t duplicate_acks; /* sent by it */
	uint32_t gap_bytes;
	uint16_t bad_checksums;	    /* this and the next two stay at their maximum */
	uint16_t mirror_duplicates; /* sent once, passed the tap twice */
	uint16_t keepalives;
	uint16_t zero_windows;
	uint16_t options_seen;
	uint16_t mss_bytes;
	uint16_t dupacks; /* received in a row */
	uint8_t state;	  /* enum tcp_state */
	uint8_t seen;	  /* enum endpoint_seen */
	uint8_t wscale;	  /* the shift of the windows that it sends, or WSCALE_UNKNOWN */
	uint8_t snd_numholes;
	uint8_t far_out; /* segments in a row that are far away from its window */
	uint8_t persist; /* enum endpoint_persist */
};

/* What is needed for few endpoints only: its out-of-order queue, its closed window, its SYN sent again. */
struct endpoint_cold {
	struct seqrange_set recvq;
	uint64_t zero_window_since_ns; /* 0: the window is not closed */
	uint32_t window_probes;	       /* that its peer sent while it was */
	uint32_t probe_end;	     /* the number behind the byte of the last; 0 bytes: not set */
	uint32_t gap_start, gap_end; /* acknowledged by it, not seen by the tap so far */
	uint64_t gap_ns;	     /* when it was acknowledged */
	uint32_t probes;	     /* of them, since it was closed this time */
	uint32_t forgotten_start;    /* around all that found no room in recvq; */
	uint32_t forgotten_end;	     /* equal: nothing */
	struct {
		uint64_t ts_ns; /* 0: there is none */
		uint32_t tsval;
	} syn[2]; /* its SYN or SYN-ACK, sent again with a time stamp: the last first */
	uint32_t syns_again;
	uint32_t fins_again; /* without a sender model, which counts them else */
};

struct sender;

/* What a segment is for the endpoint that sent it. */
struct sent {
	uint8_t kind;  /* enum out_kind */
	uint8_t cause; /* enum cause */
	uint8_t confidence;
	bool timer;	      /* the retransmission timer fired: this is its segment */
	uint32_t again_bytes; /* sequence numbers in it that the tap has seen before */
	uint32_t waited_us;   /* of what is sent again: since it was sent before; 0: not known */
	uint8_t above;	      /* segments above it that were delivered, EVIDENCE_MAX at most */
};

/* Clears all; state is enum tcp_state. */
void endpoint_init(struct endpoint *endpoint, uint8_t state);

/*
 * What the segment is for its sender, from the TCBs as they are before it. receiver_cold may be NULL.
 * Changes nothing.
 */
struct sent endpoint_classify(const struct endpoint *sender, const struct endpoint *receiver,
			      const struct endpoint_cold *receiver_cold, const struct segment *seg);

/* Whether the segment lies in what the receiver acknowledged before the tap has seen it. */
bool endpoint_is_late(const struct endpoint *sender, const struct endpoint_cold *receiver_cold,
		      const struct segment *seg);
/* [start, end) found no room in the out-of-order queue. */
void endpoint_forget(struct endpoint_cold *cold, uint32_t start, uint32_t end);

/* Whether something of [start, end) was forgotten; and that everything before end is settled now. */
bool endpoint_forgot(struct endpoint_cold *cold, uint32_t start, uint32_t end);

/* Whether the segment's numbers have nothing to do with what the sender has sent so far. */
bool endpoint_is_far_out(const struct endpoint *sender, const struct segment *seg);

/* The window that a segment offers, in bytes. RFC 7323 2.2: that of a SYN is never scaled. */
uint32_t endpoint_window(const struct endpoint *sender, const struct endpoint *receiver,
			 const struct segment *seg);

/*
 * Fills in all fields. cold, sender: the endpoint's own, or NULL. start_ticks: when the connection
 * began.
 */
void endpoint_snapshot(const struct endpoint *endpoint, const struct endpoint *peer,
		       const struct endpoint_cold *cold, struct sender *sender,
		       uint32_t start_ticks, struct snapshot *out);

/*
 * The time from the tap to this endpoint and back, the shortest seen: what its peer sent until it
 * acknowledged it. 0: not known, or the tap is at the endpoint.
 */
static inline uint32_t endpoint_near_us(const struct endpoint *peer)
{
	return peer->rtt.min_us;
}

/* RFC 9293 3.3.2, in the order of a segment's life. Each moves the state and nothing else. */
void endpoint_state_on_send(struct endpoint *sender, const struct segment *seg);
void endpoint_state_on_syn(struct endpoint *receiver, const struct segment *seg);
void endpoint_state_on_acked(struct endpoint *receiver);
void endpoint_state_on_fin_received(struct endpoint *receiver);

#endif
