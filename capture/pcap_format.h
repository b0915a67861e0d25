/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap_format.h - the pcap file format, in microseconds and nanoseconds, of either byte order. */
#ifndef BBTAP_CAPTURE_PCAP_FORMAT_H
#define BBTAP_CAPTURE_PCAP_FORMAT_H

#include "capture/capture_format.h"

struct pcap_format {
	bool swapped;
	bool nanoseconds;
	bool lengths_may_be_swapped; /* version 2.0 to 2.3, see pcap_format_next() */
	uint32_t extra_header_bytes; /* of the modified format of old Linux systems */
	uint16_t linktype;
	uint16_t iface;
	const char *problem;
};

/* Whether a file that begins with these 4 bytes is one. */
bool pcap_format_is(const uint8_t magic[4]);

/* Reads the file header. False: damaged, see problem. */
bool pcap_format_begin(struct pcap_format *format, struct input *input, struct iface_table *ifaces);

/* may_read: no frame handed out before is held, so the input may read and move them. */
enum next_frame pcap_format_next(struct pcap_format *format, struct input *input, bool may_read,
				 struct frame *frame);

#endif
