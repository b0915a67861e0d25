/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture_format.h - what the readers of pcap and pcapng have in common. A reader is given the input
 * at the start of a file and hands out one frame a call.
 */
#ifndef BBTAP_CAPTURE_CAPTURE_FORMAT_H
#define BBTAP_CAPTURE_CAPTURE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/frame.h"
#include "capture/iface_table.h"
#include "capture/input.h"

/* Larger captured lengths are damage; tcpdump and Wireshark have the same limit. */
#define CAPLEN_MAX 262144

#define NSEC_PER_SEC UINT64_C(1000000000)

enum next_frame {
	NEXT_FRAME,   /* *frame is filled in, all but its number */
	NEXT_NOT_YET, /* more bytes would have to be read, which could move those handed out */
	NEXT_END,     /* the file ends where it should */
	NEXT_DAMAGED, /* `problem` says why; the input stands where the damage is */
};

/* Names a time unit once, so that no frame costs a division. */
struct time_unit {
	uint64_t mul; /* units * mul / div = ns, one of the two is 1 unless the unit is binary */
	uint64_t div;
	uint64_t per_second;
	int64_t offset_s; /* added to all times */
};

/* ns since 1970 of a time in units; clamped to what 64 bits hold, and to 0. */
uint64_t time_unit_to_ns(const struct time_unit *unit, uint64_t units);

#endif
