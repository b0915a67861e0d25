/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iface_table.h - the interfaces of one run, live or from files, in the order in which they were met.
 *
 * Append-only. One thread (the receiver) adds; others may read the first n entries once they got
 * n from that thread through a ring, whose release/acquire order publishes them.
 */
#ifndef BBTAP_CAPTURE_IFACE_TABLE_H
#define BBTAP_CAPTURE_IFACE_TABLE_H

#include <stdint.h>

#define IFACE_NAME_MAX	64
#define IFACE_TABLE_MAX 256

struct iface {
	char name[IFACE_NAME_MAX]; /* UTF-8 or ASCII, ends with a NUL, cut if longer */
	uint16_t linktype;	   /* enum linktype */
};

struct iface_table {
	uint32_t count;
	uint64_t overflowed; /* interfaces that got the last entry because the table was full */
	struct iface entries[IFACE_TABLE_MAX];
};

/*
 * The index of the interface with this name and link type, added if it is new. The name is cut to
 * IFACE_NAME_MAX - 1 bytes. When the table is full, the last entry stands for all further ones
 * (counted in overflowed).
 */
uint16_t iface_table_add(struct iface_table *table, const char *name, uint16_t linktype);

#endif
