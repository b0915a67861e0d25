/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cause.h - what a segment is for its sender, and why it was sent again: RFC 8985 (RACK-TLP), RFC 6675,
 * RFC 6582, RFC 6298. The evidence is what the sender knew when it sent the segment: what the tap saw
 * less than near_us ago it had not heard, and what was lost in front of the tap shows in the IP ID.
 */
#ifndef BBTAP_TCPSTATE_CAUSE_H
#define BBTAP_TCPSTATE_CAUSE_H

#include "tcpstate/sender.h"

/*
 * A segment that begins below SND.MAX. Overrides all of *sent; changes nothing in the model. near_us:
 * the time from the tap to the sender and back.
 */
void cause_of_old(struct sender *sender, const struct endpoint *endpoint, const struct segment *seg,
		  uint32_t near_us, struct sent *sent);

/*
 * A segment that begins at SND.MAX or above: a tail-loss probe with new data (RFC 8985 7.3), or
 * something sent again of which the tap has not seen the first. Overrides *sent if so.
 */
void cause_of_new(struct sender *sender, const struct endpoint *endpoint, const struct segment *seg,
		  uint32_t near_us, struct sent *sent);

#endif
