/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * classify.h - what a segment is for the endpoint that sent it: new or sent again and why, a copy that the
 * mirror made, damaged, merged. It puts the questions in order; endpoint knows what the numbers say,
 * cause what the scoreboard says, receiver which segments without data are copies.
 */
#ifndef BBTAP_TCPSTATE_CLASSIFY_H
#define BBTAP_TCPSTATE_CLASSIFY_H

#include <stdbool.h>

#include "tcpstate/connection.h"

/* Neither data nor a FIN. */
static inline bool segment_is_bare(const struct segment *seg)
{
	return seg->payload_bytes == 0 && !(seg->flags & TCP_FIN);
}

/* More than the peer r takes at once: GRO or LRO in front of the tap, or TSO behind it. */
static inline bool is_super_packet(const struct endpoint *r, const struct segment *seg)
{
	return r->mss_bytes && seg->payload_bytes > r->mss_bytes;
}

/* Whether its receiver throws it away because of its checksum. */
bool is_damaged(const struct connection *conn, const struct segment *seg, enum side sender);

/*
 * What the segment is. Call before anything else learns of it: what its sender must have gone through
 * before (a timeout, the begin of a recovery) is noted with its models and logged here.
 */
struct sent classify(struct tracker *tracker, struct connection *conn, const struct segment *seg,
		     enum side sender);

#endif
