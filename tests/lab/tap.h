/* SPDX-License-Identifier: BSD-2-Clause */
/* tap.h - a place on the wire that keeps what passes it and writes it as a capture file in the end. */
#ifndef BBTAP_TESTS_LAB_TAP_H
#define BBTAP_TESTS_LAB_TAP_H

#include <stddef.h>
#include <stdint.h>

struct tap_record {
	uint64_t ts_ns; /* UTC */
	uint64_t order; /* among those of the same time */
	size_t offset;	/* of its bytes */
	uint32_t captured_bytes, wire_bytes;
};

struct tap {
	const char *path; /* NULL: there is no tap */
	struct tap_record *records;
	size_t count, room;
	uint8_t *bytes;
	size_t used_bytes, room_bytes;
	uint64_t not_kept; /* no memory, or more than TAP_BYTES_MAX */
};

#define TAP_BYTES_MAX ((size_t)1 << 30)

/* A frame passes, at this time; the first snap_bytes of it are kept. Times need not be in order. */
void tap_keep(struct tap *tap, uint64_t ts_ns, const uint8_t *frame, uint32_t bytes,
	      uint32_t snap_bytes);

/* Writes all in order of time (pcap, nanoseconds, Ethernet) and frees it. 0 or a negative errno. */
int tap_write(struct tap *tap);

#endif
