/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.h - from a frame down to a TCP segment: link layer, VLAN tags, IPv4/IPv6, fragments, TCP.
 *
 * Decapsulated: Ethernet (II, and LLC/SNAP with OUI 0), 802.1Q, 802.1ad, Linux SLL and SLL2, raw IP,
 * NULL and LOOP, PPP; IPv4 with options, IPv6 with hop-by-hop, routing, destination and fragment
 * headers (also AH). Everything is bounded by the captured bytes before it is read.
 */
#ifndef BBTAP_CAPTURE_DECODE_H
#define BBTAP_CAPTURE_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/frame.h"
#include "capture/segment.h"

/* What became of a frame. Each value but the first three is a reason of its own in the statistics. */
enum decode_result {
	DECODE_SEGMENT,		 /* a TCP segment */
	DECODE_ICMP_ERROR,	 /* an ICMP error that quotes a TCP segment */
	DECODE_FRAGMENT_HELD,	 /* an IP fragment, kept until its packet is complete */
	DECODE_NOT_IP,		 /* ARP, LLDP, MPLS, ...: not ours */
	DECODE_NOT_TCP,		 /* IP with another protocol */
	DECODE_LINKTYPE_UNKNOWN, /* a link type that is not decoded */
	DECODE_CUT,		 /* the snap length ends before the 20 bytes of the TCP header do */
	DECODE_MALFORMED, /* lengths that contradict each other, IP version, data offset < 5 */
	DECODE_FRAGMENT_OVERLAP, /* a fragment that contradicts what is held; its packet is given up */
	DECODE_JUMBOGRAM,	 /* IPv6 payload length 0 (RFC 2675): counted, not followed */
	DECODE_FILTERED,	 /* the user's filter does not want it */
	DECODE_RESULT_COUNT,
};

/* "not-tcp" ... : the name of a result in statistics. */
const char *decode_result_name(enum decode_result result);

struct decode_counters {
	uint64_t frames; /* == sum of results[] */
	uint64_t results[DECODE_RESULT_COUNT];
	uint64_t reassembled;	      /* packets put together from fragments */
	uint64_t fragments_timed_out; /* packets given up: not complete in 30 s of packet time */
	uint64_t fragments_evicted;   /* packets given up: room was needed */
	uint64_t checksums[4];	      /* by enum checksum_state */
};

struct decoder;
struct bpf_program;

/*
 * hash_key: 0 for reading files, so that runs can be repeated; random when live, so that nobody can
 * aim at one bucket. check_checksums: verify TCP checksums where all bytes are there.
 * Returns NULL if there is no memory.
 */
struct decoder *decoder_open(uint64_t hash_key, bool check_checksums);
void decoder_close(struct decoder **decoder);

/*
 * A libpcap filter that each packet must pass, compiled for DLT_RAW: it is run on the IP packet that
 * holds the TCP header, whatever link layer and tags lie around it; of an ICMP error on the packet that
 * it quotes, as far as it does. The decoder borrows the program.
 * NULL: no filter.
 */
void decoder_set_filter(struct decoder *decoder, const struct bpf_program *filter);

/*
 * Decodes one frame into seg, which is valid only with DECODE_SEGMENT, and with DECODE_ICMP_ERROR as
 * far as segment.h says. A reassembled segment
 * borrows memory of the decoder until decoder_batch_done(); all others borrow the frame's.
 * No allocation, no system call.
 */
enum decode_result decode_frame(struct decoder *decoder, const struct frame *frame,
				struct segment *seg);

/* The segments of the batch are no longer used: memory of reassembled packets may be used again. */
void decoder_batch_done(struct decoder *decoder);

/* As they are now; valid until the decoder is closed. */
const struct decode_counters *decoder_counters(struct decoder *decoder);

/* Gives up all fragments that are still held (end of input); counts them as timed out. */
void decoder_finish(struct decoder *decoder);

/* Bytes of memory that decoder_open() took for fragments. */
uint64_t decoder_memory_bytes(const struct decoder *decoder);

#endif
