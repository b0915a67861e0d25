/* SPDX-License-Identifier: BSD-2-Clause */
/* source_pcap.h - live capture through libpcap, where AF_XDP can't be had or is not wanted. */
#ifndef BBTAP_CAPTURE_SOURCE_PCAP_H
#define BBTAP_CAPTURE_SOURCE_PCAP_H

#include <stddef.h>

#include "capture/iface_table.h"
#include "capture/source.h"

/* snaplen_bytes: 0 for whole frames. On failure a negative errno, with the words in error. */
int source_pcap_open(struct source **out, const char *interface, uint32_t snaplen_bytes,
		     struct iface_table *ifaces, char *error, size_t error_bytes);

#endif
