/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipe.h - what a sender takes to be in the network: what is outstanding, less what was SACKed and what
 * it holds to be lost, more what it has sent again (RFC 6675's pipe, Linux's tcp_packets_in_flight).
 * Losses are marked as RFC 8985 (RACK) has it, with the duplicate-ACK threshold of 7.1 step 4 and
 * the reordering window that Linux gives it; after a timeout all that is not SACKed is (RFC 6298 5.4,
 * 8985 6.3); without SACK as RFC 6582 has it.
 *
 * The marks stand in the scoreboard's ranges. Nothing is gone through twice for its own sake: originals
 * are judged in order of sequence number, which is that of their sending, and what was sent again likewise
 * from the lowest to the highest, then anew. Each ACK looks at PIPE_STEPS ranges of each kind at most;
 * the rest has to wait for the next one.
 */
#ifndef BBTAP_TCPSTATE_PIPE_H
#define BBTAP_TCPSTATE_PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/sendq.h"

#define PIPE_STEPS 64

/* Counts of the queue's ranges; they may be a little off after a range was split. 8 bytes. */
struct pipe {
	uint16_t lost_segments;
	uint16_t again_segments; /* sent again, not delivered, not lost again */
	uint16_t duplicates;	 /* without SACK: segments that duplicate ACKs stand for */
	uint8_t reorder_steps;	 /* DSACKs widen the reordering window: RACK.reo_wnd_mult - 1 */
	bool reordered: 1;	 /* it was seen: RACK.reordering_seen */
	bool again_turn: 1;	 /* again_low means something */
};

/* What is needed for losses only: functions that mark or judge want sender->cold. */
struct pipe_marks {
	uint64_t rack_ns;     /* the sender's, when rack_rtt_us was taken */
	uint32_t rack_rtt_us; /* RACK.rtt */
	uint32_t lost_bytes, again_bytes;
	uint32_t lost_total;	/* marks ever made */
	uint32_t originals_seq; /* what was sent once and ends before it has been judged */
	uint32_t again_seq;	/* likewise what was sent again, in this turn */
	uint32_t again_low;	/* below again_seq there is something newer from here on */
	uint8_t recoveries;	/* that the reordering window will stay wide for */
};

struct endpoint;
struct sender;
struct sender_ack;
struct segment;

/* A range with these flags was cut in two. */
void pipe_split(struct sender *sender, uint8_t flags);

/* The range was sent again; its flags are as before. is_probe: a tail-loss probe, which claims no loss. */
void pipe_sent_again(struct sender *sender, struct sent_range *range, bool is_probe);

/* The range is SACKed now. */
void pipe_sacked(struct sender *sender, struct sent_range *range);

/* The range is acknowledged and leaves the queue. */
void pipe_acked(struct sender *sender, const struct sent_range *range);

/* Behind all that an ACK delivered: what is lost now. *out is as sender_acked() hands it out. */
void pipe_judge(struct sender *sender, const struct endpoint *endpoint, const struct segment *ack,
		bool is_duplicate, const struct sender_ack *out);

/* The retransmission timer fired: all is lost that the peer has not SACKed. */
void pipe_timed_out(struct sender *sender, uint32_t snd_una);

/* Nothing is outstanding, or nothing is known of it. */
void pipe_clear(struct sender *sender);

/*
 * What is in flight, in bytes: counted in segments, each as one of mss_bytes, because that is how Linux
 * counts; or the bytes themselves if they are more (segments merged by the host). mss_bytes 0: unknown.
 */
uint32_t pipe_bytes(const struct sender *sender, uint32_t outstanding_bytes, uint32_t mss_bytes);

#endif
