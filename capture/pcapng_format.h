/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapng_format.h - the pcapng file format (draft-ietf-opsawg-pcapng): several sections of either byte
 * order, several interfaces of any link type and time resolution. Blocks that hold no packet are
 * passed over, our own event blocks among them.
 */
#ifndef BBTAP_CAPTURE_PCAPNG_FORMAT_H
#define BBTAP_CAPTURE_PCAPNG_FORMAT_H

#include "capture/capture_format.h"

#define PCAPNG_IFACES_MAX 4096 /* in one section */

struct pcapng_iface {
	uint16_t linktype;
	uint16_t iface; /* in the run's table */
	uint32_t snaplen_bytes;
	struct time_unit unit;
};

struct pcapng_format {
	bool swapped;
	uint32_t iface_count;
	struct iface_table *table;
	const char *problem;
	struct pcapng_iface ifaces[PCAPNG_IFACES_MAX];
};

bool pcapng_format_is(const uint8_t magic[4]);

/* Begins a file. The section header is read by the first call of pcapng_format_next(). */
void pcapng_format_begin(struct pcapng_format *format, struct iface_table *ifaces);

/* As pcap_format_next(). */
enum next_frame pcapng_format_next(struct pcapng_format *format, struct input *input, bool may_read,
				   struct frame *frame);

#endif
