/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fate.h - which retransmissions were not needed: by DSACK (RFC 2883, RFC 3708), by the time stamp that
 * an ACK echoes (Eifel, RFC 3522), by the ACK of what was not sent again after a timeout (F-RTO,
 * RFC 5682). An episode is a recovery or a row of timeouts; when all of its retransmissions prove
 * needless the sender takes its reduction back, as Linux does (tcp_try_undo_*()).
 */
#ifndef BBTAP_TCPSTATE_FATE_H
#define BBTAP_TCPSTATE_FATE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/segment.h"

#define FATE_RECENT 8 /* a power of two */

/* Retransmissions one behind the other, which may yet prove needless. */
struct retransmitted {
	uint32_t start, end;
	uint16_t count;	   /* of segments, */
	uint16_t needless; /* of which so many are known to be */
	uint8_t cause;	   /* enum cause */
};

/* Zero is one without a retransmission. */
struct fate {
	struct retransmitted recent[FATE_RECENT];
	uint32_t undo_start, undo_end; /* the first retransmission of the episode */
	uint32_t undo_tsval;	       /* its time stamp; 0: it has none */
	uint16_t undo_left;	       /* retransmissions that no DSACK has named */
	uint8_t undo_cause;
	uint8_t next; /* of recent, free running */
	bool undo;    /* the above are valid */
};

/* A verdict. */
struct needless {
	struct tcp_sack_block block;
	uint8_t cause;	/* why it was sent, enum cause */
	uint8_t reason; /* enum bad_retran_reason */
	bool undone;	/* nothing of the episode was needed */
};

/*
 * An episode begins: the next retransmission is its first. Those of before it that are outstanding, a tail-loss
 * probe or what an older episode sent, may yet be named by a DSACK too, and Linux waits for them
 * (tcp_init_undo()).
 */
void fate_begin(struct fate *fate, uint32_t snd_una, uint32_t outstanding);

/* A segment was sent again. */
void fate_sent_again(struct fate *fate, const struct segment *seg, uint8_t cause);

/* A DSACK arrived. True: it names a retransmission, *verdict says which. */
bool fate_on_dsack(struct fate *fate, struct tcp_sack_block block, struct needless *verdict);

/*
 * An ACK arrived that moves SND.UNA, in recovery or after a timeout. original_acked: after a timeout it
 * acknowledges or SACKs what was outstanding then and was not sent again. True: *verdict.
 */
bool fate_on_ack(struct fate *fate, const struct segment *ack, bool original_acked,
		 struct needless *verdict);

#endif
