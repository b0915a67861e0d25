/* SPDX-License-Identifier: BSD-2-Clause */
/* frame.h - a captured frame and a batch of them, as every source hands them over. */
#ifndef BBTAP_CAPTURE_FRAME_H
#define BBTAP_CAPTURE_FRAME_H

#include <stdint.h>

/*
 * Link types are the numbers that pcap and pcapng files carry (LINKTYPE_*), never libpcap's DLT_*,
 * which differ between systems.
 */
enum linktype {
	LINKTYPE_NULL = 0,
	LINKTYPE_ETHERNET = 1,
	LINKTYPE_PPP = 9,
	LINKTYPE_PPP_HDLC = 50,
	LINKTYPE_PPP_ETHER = 51,
	LINKTYPE_RAW = 101,
	LINKTYPE_LOOP = 108,
	LINKTYPE_LINUX_SLL = 113,
	LINKTYPE_IPV4 = 228,
	LINKTYPE_IPV6 = 229,
	LINKTYPE_LINUX_SLL2 = 276,
};

/* One captured frame. It borrows its bytes from the source until the batch is released. */
struct frame {
	const uint8_t *data;
	uint32_t caplen_bytes;	/* bytes at data */
	uint32_t wirelen_bytes; /* bytes on the wire; >= caplen_bytes */
	uint64_t ts_ns;		/* UTC, since 1970 */
	uint64_t number;	/* 1 for the first frame of the run, over all sources */
	uint16_t linktype;	/* enum linktype, or a number that is not in it */
	uint16_t iface;		/* index into the run's iface_table */
};

#define FRAME_BATCH_MAX 64

struct frame_batch {
	uint32_t count;
	struct frame frames[FRAME_BATCH_MAX];
};

#endif
