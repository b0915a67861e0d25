/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * window.h - what can be inferred of a sender's congestion window: its size, the slow-start threshold,
 * what limits the sender, the family of its congestion control and the rate of delivery.
 *
 * A sender that its window limits fills it: behind each of its bursts, what is in flight is the
 * window. So the most that was in flight over the last round trips is the estimate, moved by the rules that
 * all stacks share: slow start grows by what is acknowledged (RFC 5681 3.1), a recovery brings it down
 * to the threshold (RFC 6937), a timeout to one segment, and Linux takes a needless reduction
 * back. How far a reduction goes is measured at each one and remembered for the next: half (RFC 5681)
 * or 0.7 (RFC 9438 4.6).
 *
 * All of it is for a tap at the sender. Elsewhere what is in flight is not what the sender counts, and the
 * window stays unknown.
 */
#ifndef BBTAP_TCPSTATE_WINDOW_H
#define BBTAP_TCPSTATE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* What keeps the sender from sending more. */
enum limit {
	LIMIT_NONE,
	LIMIT_APPLICATION, /* nothing waits to be sent */
	LIMIT_RECEIVER,	   /* the window that the peer offers is used up */
	LIMIT_WINDOW,	   /* the congestion window, or the sender's pacing */
	LIMIT_COUNT,
};

/* "", "application", "receiver", "window" */
const char *limit_name(uint8_t limit);

enum cc_family {
	CC_UNKNOWN,
	CC_RENO,
	CC_CUBIC,
	CC_BBR, /* or another one that does not take a loss for congestion */
	CC_COUNT,
};

/* "unknown", "reno", "cubic", "bbr-like" */
const char *cc_family_name(uint8_t family);

/* Why the estimate changed; reason of EVENT_CWND and EVENT_HYSTART. */
enum cwnd_reason {
	CWND_SLOW_START = 1,
	CWND_AVOIDANCE = 2, /* congestion avoidance, or what replaces it */
	CWND_RECOVERY = 3,  /* a recovery is over */
	CWND_TIMEOUT = 4,
	CWND_UNDO = 5,	  /* a needless reduction is taken back */
	CWND_IDLE = 6,	  /* begun anew after a pause (RFC 2861) */
	CWND_PROBE = 7,	  /* a loss that a tail-loss probe repaired (RFC 8985 7.4.2) */
	CWND_HYSTART = 8, /* slow start was left without a loss (RFC 9406) */
};

enum window_flag {
	WINDOW_SENT = 0x01,	       /* data was sent since the last ACK */
	WINDOW_SHORT = 0x02,	       /* the last data was no full segment: all that there was */
	WINDOW_STARVED = 0x04,	       /* in this round something else than the window limited */
	WINDOW_BURST = 0x08,	       /* no ACK has come since the one that ended the recovery */
	WINDOW_MEASURE = 0x10,	       /* this round shows what the recovery has left */
	WINDOW_ELSEWHERE = 0x20,       /* the tap is not at the sender */
	WINDOW_LEFT_SLOW_START = 0x40, /* to be told */
	WINDOW_TELL = 0x80, /* the estimate changed by more than a segment, and that is news */
};

#define WINDOW_UNKNOWN UINT32_MAX

#define WINDOW_INITIAL_SEGMENTS 10 /* RFC 6928 */

/* What each segment needs. Bytes are whole segments: see pipe_bytes(). 56 bytes. */
struct window {
	uint64_t at_ns; /* up to when the time is shared out; 0: nothing was sent yet */
	uint32_t cwnd_bytes;
	uint32_t ssthresh_bytes;		/* WINDOW_UNKNOWN */
	uint32_t peak_bytes, peak_before_bytes; /* the most in flight, this round and the last */
	uint32_t round_end;			/* acknowledged, the round is over */
	uint32_t delivered;			/* segments, ever */
	uint32_t round_delivered_bytes;
	uint32_t limited_ms[LIMIT_COUNT - 1]; /* by enum limit - 1 */
	uint16_t mss_bytes;
	uint8_t flags;		 /* enum window_flag */
	uint8_t short_bursts: 4; /* in slow start: bursts in a row that did not fill the window */
	uint8_t reason: 4;	 /* enum cwnd_reason: of the last change */
	uint32_t round_us;	 /* when the round began, modulo 2^32 */
};

/* What each round needs, and each reduction; in the sender's cold part. */
struct window_past {
	uint32_t rate,
		rate_max[2];  /* 64 bytes/s: the last round; maxima of ten, and of those before */
	uint32_t told_bytes;  /* the estimate that the last EVENT_CWND told */
	uint32_t burst_bytes; /* the largest of short_bursts */
	uint32_t prior_cwnd_bytes, prior_ssthresh_bytes; /* before the last reduction */
	uint32_t reno_bytes, cubic_bytes;		 /* what these would leave of it */
	uint32_t
		paced; /* sends of a sender that its window limits, when nothing had just come in */
	uint8_t rounds;
	uint8_t reno_votes, cubic_votes, bbr_votes;
};

struct endpoint;
struct segment;
struct sender;
struct sender_ack;
struct sent;

/* The first data is about to be sent. peer: its MSS bounds that of the sender. */
void window_begin(struct sender *sender, const struct endpoint *endpoint,
		  const struct endpoint *peer);

/*
 * Time goes on to ts_ns with the sender as it is. Call first for each segment that changes it; ack: an
 * ACK of its peer.
 */
void window_time(struct sender *sender, const struct endpoint *endpoint, uint64_t ts_ns, bool ack);

/* Data was sent and is in the queue; endpoint->snd_max is still as before it. */
void window_sent(struct sender *sender, const struct endpoint *endpoint, const struct segment *seg,
		 const struct sent *sent);

/* A recovery begins, or the timer has fired (again: not for the first time in a row). */
void window_recovery(struct sender *sender, const struct endpoint *endpoint);
void window_timeout(struct sender *sender, bool again);

/* A tail-loss probe turns out to have repaired a loss: one reduction, no recovery (RFC 8985 7.4.2). */
void window_probe_loss(struct sender *sender);

/* An ACK, behind pipe_judge(); endpoint->snd_una is still as before it. */
void window_acked(struct sender *sender, const struct endpoint *endpoint, const struct segment *ack,
		  uint32_t near_us, const struct sender_ack *out);

/* What limits the sender now: enum limit. */
uint8_t window_limit(const struct sender *sender, const struct endpoint *endpoint);

/* enum cc_family and how sure that is, 0..100. */
uint8_t window_family(const struct sender *sender, uint8_t *confidence);

/* How sure the estimate is, 0..100, by the reason of its last change. */
uint8_t window_confidence(const struct sender *sender);

/* Share of the time for which it was limited by this, percent; 0 if no time has passed. */
uint8_t window_share(const struct window *window, enum limit limit);

/* RFC 6928; what every sender is taken to begin with. */
static inline uint32_t window_initial_bytes(const struct window *window)
{
	return WINDOW_INITIAL_SEGMENTS * (uint32_t)window->mss_bytes;
}

/* What is in flight, as pipe_bytes() counts it. */
uint32_t window_in_flight(const struct sender *sender, const struct endpoint *endpoint);

#endif
