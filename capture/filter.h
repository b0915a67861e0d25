/* SPDX-License-Identifier: BSD-2-Clause */
/* filter.h - libpcap filter expressions, run on the IP packet that holds the TCP header. */
#ifndef BBTAP_CAPTURE_FILTER_H
#define BBTAP_CAPTURE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_program;

/* 0, or -EINVAL with the words in error. Free with pcap_freecode(). */
int filter_compile(const char *expression, struct bpf_program *out, char *error,
		   size_t error_bytes);

/* The same, as memory of its own; NULL: an error, with the words. Free with filter_free(). */
struct bpf_program *filter_make(const char *expression, char *error, size_t error_bytes);
void filter_free(struct bpf_program **filter);

/* Whether an IP packet passes. */
bool filter_matches(const struct bpf_program *filter, const uint8_t *ip, uint32_t caplen_bytes,
		    uint32_t wirelen_bytes);

/* The two ends of a connection: addresses of 16 bytes, IPv4 in the last 4; ports in host order. */
struct filter_ends {
	uint8_t ip_version; /* 4 or 6 */
	const uint8_t *address[2];
	uint16_t port[2];
};

/* Whether an empty segment from the first end to the second passes; or one in either direction. */
bool filter_matches_ends(const struct bpf_program *filter, const struct filter_ends *ends);
bool filter_matches_either_way(const struct bpf_program *filter, const struct filter_ends *ends);

#endif
