/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * section_reader.h - reads black box logs back: sections, records and skipped events of a pcapng file,
 * ours or another recorder's. Also a file that is still being written, and compressed ones.
 */
#ifndef BBTAP_STORE_SECTION_READER_H
#define BBTAP_STORE_SECTION_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/bblog.h"

#define SECTION_COMMENT_MAX 512
#define SECTION_IFACE_MAX   64

enum section_item {
	SECTION_HEADER, /* a new section: reader->section */
	SECTION_RECORD, /* a record: reader->record, reader->comment, and its packet if it has one */
	SECTION_SKIP,	/* reader->skipped events are missing here */
	SECTION_END,	/* of the file */
	SECTION_DAMAGED, /* reader->error says what and where */
};

struct section_reader_private;

struct section_reader {
	struct bblog_section section;
	bool has_dumpinfo; /* of this section; without it the addresses are not known */
	struct bblog_record record;
	char comment[SECTION_COMMENT_MAX]; /* of the record; empty: none. Any bytes may be in it */
	uint32_t skipped;
	/* The record's packet */
	bool has_packet;
	bool has_tcpinfo;    /* a packet without it is of another program: record is empty */
	const uint8_t *data; /* valid until the next call */
	uint32_t caplen_bytes, wirelen_bytes;
	uint64_t ts_ns; /* of the packet */
	uint16_t linktype;
	char iface[SECTION_IFACE_MAX];
	char error[512];
	struct section_reader_private *private;
};

/* 0, or a negative errno with the words in error. "-": standard input. */
int section_reader_open(struct section_reader *reader, const char *path, char *error,
			size_t error_bytes);
void section_reader_close(struct section_reader *reader);

/*
 * Goes on to this offset (of the uncompressed file), where a section begins; the header that was read last at the
 * earliest. 0, or -ESPIPE:
 * the file ends in front of it, or it is behind.
 */
int section_reader_seek(struct section_reader *reader, uint64_t offset_bytes);

/* The next item. After SECTION_END and SECTION_DAMAGED there is none. */
enum section_item section_reader_next(struct section_reader *reader);

#endif
