/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sender.h - the model of an endpoint that sends data: what is outstanding and what became of it, and
 * whether the sender is in recovery. It puts its parts in order: sendq holds the ranges, cause says why
 * something is sent again, fate whether that was needed, rto when the timer fires, sendclock and echo
 * what time stamps and IP IDs tell.
 *
 * The tap need not stand at the sender. near_us is the time from the tap to the sender and back: what
 * the tap saw less than that ago, the sender did not know when it sent what passes now.
 */
#ifndef BBTAP_TCPSTATE_SENDER_H
#define BBTAP_TCPSTATE_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/segment.h"
#include "tcpstate/echo.h"
#include "tcpstate/endpoint.h"
#include "tcpstate/fate.h"
#include "tcpstate/pipe.h"
#include "tcpstate/pmtu.h"
#include "tcpstate/rto.h"
#include "tcpstate/sendclock.h"
#include "tcpstate/sendq.h"
#include "tcpstate/window.h"

enum sender_phase {
	PHASE_OPEN,
	PHASE_RECOVERY, /* until snd_una reaches recover */
	PHASE_LOSS,	/* the same, after a timeout */
};

enum sender_flag {
	SENDER_TLP_OUT = 0x01,	 /* a tail-loss probe is not answered yet */
	SENDER_NO_TLP = 0x02,	 /* its timeouts come without a probe before them */
	SENDER_UNSURE = 0x04,	 /* the queue overflowed: no claims until all is acknowledged */
	SENDER_FRTO = 0x08,	 /* after the first timeout of a row, RFC 5682 */
	SENDER_TROUBLE = 0x20,	 /* something was lost, late or sent again: the past is kept */
	SENDER_ECHO_OUT = 0x40,	 /* a time stamp of the peer's is awaited back; see echo.h */
	SENDER_TLP_ASKS = 0x80,	 /* a probe that repeated data: was that lost? RFC 8985 7.4 */
	SENDER_FULL_SIZE = 0x10, /* full-size segments get through: pmtu need not watch */
};

/* Its timer fired for what the tap saw acknowledged: that ACK was lost behind the tap. */
enum sender_behind {
	BEHIND_NOT,
	BEHIND_WAITS, /* for the next ACK */
	CAUGHT_UP,    /* it passed, and was heard if the same is not sent again */
};

#define SENDER_OLDER_ACKS 3
#define SENDER_SEEN	  4

/* A packet that passed a moment ago. */
struct seen_packet {
	uint32_t seq, tsval;
	uint16_t bytes; /* of sequence numbers */
	uint16_t ip_id;
};

/* Counts by cause: of enum cause those up to CAUSE_FIN, and at 0 all others. */
#define SENDER_CAUSES 6

/*
 * What a sender needs when something is lost, late or sent again, and what shows only once it has sent
 * for a while. Most connections are short and lose nothing.
 */
struct sender_cold {
	struct window_past past;
	uint32_t sacked_bytes;
	uint32_t again_segments; /* outstanding, sent again and not SACKed */
	uint32_t recover;	 /* valid outside PHASE_OPEN */
	uint32_t unheard_from;	 /* behind: what it takes to be SND.UNA */
	uint64_t evidence_ns;	 /* when the present SACK blocks or duplicate ACKs began; 0: none */
	struct echo echo;
	struct pipe_marks marks;
	uint64_t older_ack_ns
		[SENDER_OLDER_ACKS]; /* before peer_ack_ns, newest first; see sender.c */
	uint64_t left_ns;	     /* when the last phase was left */
	uint64_t heard_ns;	     /* in trouble: the peer's last ACK of any kind */
	uint32_t tlp_end;	     /* snd_max at the tail-loss probe */
	struct tcp_sack_block sacks[TCP_SACK_BLOCKS_MAX]; /* of the last ACK */
	struct fate fate;
	struct pmtu pmtu;
	struct seen_packet seen[SENDER_SEEN];
	struct sendclock_past clock_past;
	uint8_t seen_next;
	uint8_t behind;		/* enum sender_behind */
	uint8_t behind_backoff; /* CAUGHT_UP: timeouts in a row, if it has not */
	struct sender_cold *next_free;
	uint32_t again_by_cause[SENDER_CAUSES];	   /* segments that were sent again */
	uint32_t needless_by_cause[SENDER_CAUSES]; /* verdicts on them; see fate.h */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct sender_cold) == 640, "ten lines, to the last byte");

/*
 * Four lines of the cache, by use. The last one is all that a segment without data leaves of its sender. A
 * queue that runs empty begins anew at its first place.
 */
struct sender {
	struct sendq queue;
	uint64_t sent_ns;     /* the last data */
	uint64_t rack_ns;     /* when the latest-sent of all that was delivered was sent */
	uint64_t peer_ack_ns; /* the peer's last ACK that told something new, */
	uint32_t peer_ack_tsval; /* and its time stamp, if it has one */
	uint32_t last_seq;	 /* of the last data */
	struct pipe pipe;
	uint8_t phase; /* enum sender_phase */
	uint8_t flags; /* enum sender_flag */
	uint8_t dupacks;
	uint8_t sack_count;  /* of cold->sacks */
	uint8_t left_phase;  /* PHASE_OPEN: cold->left_ns says nothing */
	uint8_t backoff;     /* timeouts in a row */
	uint16_t last_bytes; /* of the last data, in sequence numbers */
	/* The second line. */
	struct window window;
	uint32_t sacked_segments;
	uint32_t ack_gap_us; /* from the ACK with news before to peer_ack_ns; see sender.c */
	/* The third line. */
	struct sent_range own[SENDQ_INLINE];
	struct rto rto;
	/* The fourth line. */
	struct sendclock clock;
	uint32_t last_ack;	  /* that it sent */
	struct sender_cold *cold; /* NULL until needed; SENDER_TROUBLE says that it is there */
	uint64_t passed_ns;	  /* the last data that passed, copies too */
	uint32_t near_us;	  /* cold->echo.rtt_us */
	struct pmtu_sizes sizes;
	uint32_t paused_us; /* when data passed after a pause, modulo 2^32 */
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct sender, window) == 64, "the second line");
_Static_assert(offsetof(struct sender, own) == 128, "the third line");
_Static_assert(offsetof(struct sender, clock) == 192, "the fourth line");
_Static_assert(sizeof(struct sender) == 256, "and no more");

/* What the senders of a worker have in common: room for scoreboards, and for the cold parts. */
struct sender_memory {
	struct sendq_pool queues;
	struct sender_cold *cold_arena; /* there is one for each sender */
	struct sender_cold *cold_free;
	uint32_t cold_touched, cold_total;
};

/* Reserves address space: scoreboard_bytes as sendq_pool_init() takes them. 0 or -ENOMEM. */
int sender_memory_init(struct sender_memory *memory, uint32_t senders, uint64_t scoreboard_bytes);
void sender_memory_dispose(struct sender_memory *memory);
/* Bytes ever used. */
uint64_t sender_memory_bytes(const struct sender_memory *memory);

/* fresh: all of it is zero already. No more than `senders` of a memory may live at once. */
void sender_init(struct sender *sender, bool fresh);
/* Gives back what it has of the memory. */
void sender_dispose(struct sender *sender, struct sender_memory *memory);

/*
 * The time from the tap to the sender and back, us. peer_min_us: the shortest that was seen, from the
 * sender's own ACKs. Where that is next to nothing the sender is at hand, and what the echo adds to it is
 * its hesitation.
 */
static inline uint32_t sender_near_us(const struct sender *sender, const struct endpoint *endpoint,
				      uint32_t peer_min_us)
{
	if (!sender || !sender->near_us || peer_min_us < endpoint->rtt.min_us / 8)
		return peer_min_us;
	return sender->near_us;
}

/*
 * What passed less than this ago the sender can't have acted on. Next to the sender most of what was
 * measured is its own hesitation: it may answer at once another time.
 */
static inline uint32_t sender_lag_us(const struct endpoint *endpoint, uint32_t near_us)
{
	return near_us < endpoint->rtt.min_us / 8 ? 0 : near_us;
}

/* What passes now shows that it has not caught up: the ACK that would have told it was lost too. */
static inline bool sender_is_still_behind(const struct sender *sender, uint32_t seq)
{
	return sender->cold && sender->cold->behind == CAUGHT_UP &&
	       seq == sender->cold->unheard_from;
}

/* The phase that the sender was in when it sent what passes at ts_ns. */
static inline uint8_t sender_phase_at(const struct sender *sender, uint64_t ts_ns, uint32_t lag_us)
{
	if (sender->phase == PHASE_OPEN && sender->left_phase &&
	    ts_ns < sender->cold->left_ns + lag_us * UINT64_C(950))
		return sender->left_phase;
	return sender->phase;
}

/* What sending showed. */
struct sender_step {
	bool timeout;	    /* a retransmission timeout fired */
	bool recovery;	    /* recovery begins */
	uint32_t timer_ms;  /* the timer as observed */
	uint8_t backoff;    /* 1: the first */
	uint8_t confidence; /* of these */
};

/* The phase changes that the segment shows, in front of it. Call before sender_sent(). */
void sender_step(struct sender *sender, struct sender_memory *memory,
		 const struct endpoint *endpoint, const struct segment *seg,
		 const struct sent *sent, uint32_t near_us, struct sender_step *step);

/* The segment was sent; endpoint->snd_max is still as before it. */
void sender_sent(struct sender *sender, struct sender_memory *memory,
		 const struct endpoint *endpoint, const struct segment *seg,
		 const struct sent *sent);

/* The segment counts as one that was sent again, for this cause. */
void sender_sent_again(struct sender *sender, struct sender_memory *memory,
		       const struct endpoint *endpoint, uint8_t cause);

/* A packet of the endpoint passed, of any kind; after all of the above. */
void sender_passed(struct sender *sender, const struct endpoint *endpoint,
		   const struct segment *seg, uint32_t near_us);

/* What an ACK showed. */
struct sender_ack {
	bool has_rtt;
	uint32_t rtt_us;     /* as Linux and RFC 6298 take it: of the oldest that it acknowledges */
	uint32_t min_rtt_us; /* of the youngest */
	uint8_t rtt_reason;  /* enum rtt_reason */
	bool recovered;	     /* the recovery, or the loss phase, is over */
	bool entered;	     /* and the next one begins: more is lost than what it was for */
	uint8_t recovered_from; /* enum sender_phase */
	bool dsack;
	bool dsack_needless; /* it names a retransmission: needless[0] */
	struct tcp_sack_block dsack_block;
	uint8_t needless_count;
	struct needless needless[2]; /* retransmissions that were not needed */
	bool undone;	/* none of the episode was: the sender takes its reduction back */
	bool reordered; /* something came behind what was sent after it */
	uint32_t reorder_segments, reorder_us;
	uint32_t delivered_bytes, delivered_segments;
	bool acked_unseen; /* bytes that the tap never saw: a gap of the capture */
	bool black_hole;   /* what was acknowledged came through only in smaller pieces */
	struct pmtu_black_hole hole;
};

/*
 * The segment, sent again, shows a path MTU black hole, which is said once. Call behind
 * sender_sent(). mss_bytes: the smaller one of both sides, 0 if unknown. handshake: both SYNs were seen.
 */
bool sender_in_black_hole(struct sender *sender, const struct endpoint *endpoint,
			  const struct segment *seg, uint16_t mss_bytes, bool handshake,
			  struct pmtu_black_hole *out);

/*
 * An ACK of the endpoint's peer; endpoint->snd_una is still as before it. is_duplicate: it is one by
 * RFC 5681 2.
 */
void sender_acked(struct sender *sender, struct sender_memory *memory,
		  const struct endpoint *endpoint, const struct segment *ack, bool is_duplicate,
		  uint32_t near_us, struct sender_ack *out);

/* Forgets what is outstanding: the tap lost the way. */
void sender_resync(struct sender *sender, struct sender_memory *memory);

#endif
