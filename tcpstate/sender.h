/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sender.h - the model of an endpoint that sends data: what is outstanding, what became of it, and
 * therefore why something is sent again and whether that was needed. Loss detection follows
 * RFC 8985 (RACK-TLP), RFC 6675 and RFC 6582, timeouts RFC 6298 with the floor of 200 ms that Linux
 * has, spurious retransmissions RFC 3522 (Eifel) and RFC 2883 (DSACK).
 *
 * The tap need not stand at the sender. near_us is the time from the tap to the sender and back: what
 * the tap saw less than that ago, the sender did not know when it sent what passes now.
 */
#ifndef BBTAP_TCPSTATE_SENDER_H
#define BBTAP_TCPSTATE_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/segment.h"
#include "tcpstate/endpoint.h"
#include "tcpstate/sendq.h"

enum sender_phase {
	PHASE_OPEN,
	PHASE_RECOVERY, /* until snd_una reaches recover */
	PHASE_LOSS,	/* the same, after a timeout */
};

enum sender_flag {
	SENDER_TLP_OUT = 0x01,	  /* a tail-loss probe is not answered yet */
	SENDER_UNDO = 0x02,	  /* undo_tsval is that of the episode's first retransmission */
	SENDER_UNSURE = 0x04,	  /* the queue overflowed: no claims until all is acknowledged */
	SENDER_SAID_LIMIT = 0x08, /* and that was said */
};

#define SENDER_RECENT 8

/* A retransmission that may yet prove spurious. */
struct recent_retransmission {
	uint32_t start, end;
	uint8_t cause; /* enum cause */
	uint8_t said;  /* it was spurious, and that was said */
};

/*
 * The first line is all that most segments need, the second all that most ACKs need as well. A queue
 * that runs empty begins anew at its first place, so that the ranges of short flights are there too.
 */
struct sender {
	struct sendq queue;
	uint64_t rack_ns;     /* when the latest-sent of all that was delivered was sent */
	uint64_t peer_ack_ns; /* the peer's last ACK that could mean something */
	uint64_t sent_ns;     /* the last data */
	uint64_t evidence_ns; /* when the present SACK blocks or duplicate ACKs began; 0: none */
	uint8_t phase;	      /* enum sender_phase */
	uint8_t flags;	      /* enum sender_flag */
	uint8_t dupacks;
	uint8_t sack_count; /* of sacks */
	uint32_t sacked_segments;
	/* The second line. mdev and rttvar are Linux's: four times the mean deviation. */
	uint32_t mdev_us, mdev_max_us;
	uint32_t rttvar_us;
	uint32_t rtt_round_end; /* when it takes over mdev_max_us */
	uint64_t older_ack_ns
		[3]; /* ACKs before peer_ack_ns, newest first, a third of near_us apart */
	struct sent_range own[SENDQ_INLINE];
	/* The rest is for losses. */
	uint32_t sacked_bytes;
	uint32_t recover; /* valid outside PHASE_OPEN */
	uint32_t tlp_end; /* snd_max at the tail-loss probe */
	uint32_t undo_tsval;
	uint32_t undo_start; /* of the episode's first retransmission */
	uint32_t undo_left;  /* retransmissions of this episode that no DSACK has named */
	uint32_t own_index;  /* in the arena's list of free ones */
	uint8_t backoff;     /* timeouts in a row */
	uint8_t recent_next;
	struct tcp_sack_block sacks[TCP_SACK_BLOCKS_MAX]; /* of the last ACK */
	struct recent_retransmission recent[SENDER_RECENT];
} __attribute__((aligned(64)));

void sender_init(struct sender *sender);

/*
 * What a segment with data or a FIN, beginning below snd_max, is for its sender. Overrides the cause,
 * confidence, kind and again_bytes of *sent. Changes nothing in the model. evidence: how many
 * segments above it were delivered (SACKed).
 */
void sender_classify(struct sender *sender, const struct endpoint *endpoint,
		     const struct segment *seg, uint32_t near_us, struct sent *sent);

/* New data: whether it is a tail-loss probe (RFC 8985 7.3). Overrides *sent if so. */
void sender_classify_new(struct sender *sender, const struct endpoint *endpoint,
			 const struct segment *seg, uint32_t near_us, struct sent *sent);

/* What sending showed. */
struct sender_step {
	bool timeout;	    /* a retransmission timeout fired */
	bool recovery;	    /* recovery begins */
	uint32_t timer_ms;  /* the timer as observed */
	uint8_t backoff;    /* 1: the first */
	uint8_t confidence; /* of these */
};

/* The phase changes that the segment shows, in front of it. Call before sender_sent(). */
void sender_step(struct sender *sender, const struct endpoint *endpoint, const struct segment *seg,
		 const struct sent *sent, uint32_t near_us, struct sender_step *step);

/* The segment was sent; endpoint->snd_max is still as before it. */
void sender_sent(struct sender *sender, struct sendq_pool *pool, const struct endpoint *endpoint,
		 const struct segment *seg, const struct sent *sent);

/* What an ACK showed. */
struct sender_ack {
	bool has_rtt, has_min_rtt;
	uint32_t rtt_us;     /* as Linux and RFC 6298 take it: of the oldest that it acknowledges */
	uint32_t min_rtt_us; /* of the youngest */
	bool recovered;	     /* the recovery, or the loss phase, is over */
	uint8_t recovered_from; /* enum sender_phase */
	bool dsack;
	struct tcp_sack_block dsack_block;
	bool spurious; /* a retransmission was not needed */
	struct tcp_sack_block spurious_block;
	uint8_t spurious_cause;	 /* why it was sent: enum cause */
	uint8_t spurious_reason; /* enum bad_retran_reason */
	bool undone;		 /* all of the episode was: the sender takes its reduction back */
	bool reordered;		 /* something came behind what was sent after it */
	uint32_t reorder_segments, reorder_us;
	uint32_t delivered_bytes, delivered_segments;
	bool acked_unseen; /* bytes that the tap never saw: a gap of the capture */
};

/*
 * An ACK of the endpoint's peer; endpoint->snd_una is still as before it. is_duplicate: it is one by
 * RFC 5681 2.
 */
void sender_acked(struct sender *sender, struct sendq_pool *pool, const struct endpoint *endpoint,
		  const struct segment *ack, bool is_duplicate, uint32_t near_us,
		  struct sender_ack *out);

/* A round-trip sample for Linux's estimator; srtt_us as it is after it. */
void sender_rtt(struct sender *sender, const struct endpoint *endpoint, uint32_t sample_us,
		uint32_t srtt_before_us);

/* The retransmission timeout as the sender would have it, without backoff. */
uint64_t sender_rto_us(const struct sender *sender, uint32_t srtt_us);

/* Forgets what is outstanding: the tap lost the way. */
void sender_resync(struct sender *sender, struct sendq_pool *pool);

/* Bytes that are thought to be in the network: RFC 6675's pipe, as far as it can be seen. */
uint32_t sender_pipe_bytes(struct sender *sender, const struct endpoint *endpoint);

#endif
