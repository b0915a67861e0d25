/* SPDX-License-Identifier: BSD-2-Clause */
/* source_live.h - which way an interface is captured: AF_XDP, or libpcap. */
#ifndef BBTAP_CAPTURE_SOURCE_LIVE_H
#define BBTAP_CAPTURE_SOURCE_LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "capture/iface_table.h"
#include "capture/source.h"
#include "capture/source_xsk.h"

struct source_live_config {
	uint32_t snaplen_bytes; /* 0: whole frames */
	bool force_pcap;	/* libpcap, whatever AF_XDP could do */
	bool force_xdp;	    /* AF_XDP also where it takes the host's own traffic, or not at all */
	enum xsk_mode mode; /* of AF_XDP: XSK_ANY, or only this one */
	bool drop_others;   /* AF_XDP: what is not TCP is dropped, not passed to the host */
};

/*
 * AF_XDP, unless the host itself uses the interface, whose traffic it would take away; then, and where
 * AF_XDP can't be had, libpcap. notice: why it is libpcap, in words, or empty. On failure a negative
 * errno with the words in error.
 */
int source_live_open(struct source **out, const char *interface,
		     const struct source_live_config *config, struct iface_table *ifaces,
		     char *notice, size_t notice_bytes, char *error, size_t error_bytes);

#endif
