/* SPDX-License-Identifier: BSD-2-Clause */
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more of `bytes` bytes. */
static int make_room(struct tap *tap, uint32_t bytes)
{
	if (tap->count == tap->room) {
		size_t room = tap->room ? tap->room * 2 : 4096;
		void *more = realloc(tap->records, room * sizeof(tap->records[0]));

		if (!more)
			return -ENOMEM;
		tap->records = more;
		tap->room = room;
	}
	if (tap->used_bytes + bytes > tap->room_bytes) {
		size_t room = tap->room_bytes ? tap->room_bytes * 2 : (size_t)1 << 20;
		void *more = room > TAP_BYTES_MAX ? NULL : realloc(tap->bytes, room);

		if (!more)
			return -ENOMEM;
		tap->bytes = more;
		tap->room_bytes = room;
	}
	return 0;
}

void tap_keep(struct tap *tap, uint64_t ts_ns, const uint8_t *frame, uint32_t bytes,
	      uint32_t snap_bytes)
{
	uint32_t captured = bytes < snap_bytes ? bytes : snap_bytes;

	if (!tap->path)
		return;
	if (make_room(tap, captured) < 0) {
		tap->not_kept++;
		return;
	}
	tap->records[tap->count] = (struct tap_record){
		.ts_ns = ts_ns,
		.order = tap->count,
		.offset = tap->used_bytes,
		.captured_bytes = captured,
		.wire_bytes = bytes,
	};
	tap->count++;
	memcpy(tap->bytes + tap->used_bytes, frame, captured);
	tap->used_bytes += captured;
}

static int by_time(const void *a, const void *b)
{
	const struct tap_record *left = a, *right = b;

	if (left->ts_ns != right->ts_ns)
		return left->ts_ns > right->ts_ns ? 1 : -1;
	return (left->order > right->order) - (left->order < right->order);
}

int tap_write(struct tap *tap)
{
	const uint32_t header[] = { 0xa1b23c4d, 4u << 16 | 2u, 0, 0, 262144, 1 };
	FILE *file;
	int result;

	if (!tap->path)
		return 0;
	file = fopen(tap->path, "wb");
	if (!file)
		return -errno;
	if (tap->count)
		qsort(tap->records, tap->count, sizeof(tap->records[0]), by_time);
	fwrite(header, sizeof(header), 1, file);
	for (size_t i = 0; i < tap->count; i++) {
		const struct tap_record *record = &tap->records[i];
		const uint32_t head[] = { (uint32_t)(record->ts_ns / 1000000000),
					  (uint32_t)(record->ts_ns % 1000000000),
					  record->captured_bytes, record->wire_bytes };

		fwrite(head, sizeof(head), 1, file);
		fwrite(tap->bytes + record->offset, 1, record->captured_bytes, file);
	}
	result = ferror(file) ? -EIO : 0;
	if (fclose(file) != 0 && result == 0)
		result = -errno;
	free(tap->records);
	free(tap->bytes);
	return result;
}
