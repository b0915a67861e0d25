/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * freebsd_export.h - black box logs as FreeBSD's tcplog_dumper leaves them in its directory, for the
 * programs that read those: read_bbrlog, libbbparse.
 *
 *   DIR/<id>_<local port>_<foreign address>_<foreign port>.<n>.pcapng   one for each section
 *   DIR/records                                                         a line of JSON for each file
 *
 * n goes on from the files that are there: the logs of one endpoint that were handed over one after the
 * other are 0, 1, 2... A file holds one section with one interface of link type NULL; a packet is its TCP
 * header behind a made IP header (freebsd_packet.h), an event a custom block, and missing serial numbers
 * between two records a block that counts them. Comments are left out: FreeBSD has none; so is the
 * delivery rate in a CONNEND of our own, as FreeBSD has something else in its place. An ID, tag or
 * reason that is empty is "UNKNOWN". A section without records gives no file; one whose records are of
 * several stacks gives one for each change.
 *
 * How it is used, with items as section_reader_next() gives them:
 *
 *   freebsd_export_open()
 *   for each section: freebsd_export_section_begin() at its SECTION_HEADER,
 *                     freebsd_export_record() and _skip() at its items,
 *                     freebsd_export_section_end()
 *   freebsd_export_close()
 *
 * Sections of any readers may follow each other. What comes outside of a section is counted and left out.
 * After a failure every call gives the same error again; what was written whole is there.
 */
#ifndef BBTAP_STORE_FREEBSD_EXPORT_H
#define BBTAP_STORE_FREEBSD_EXPORT_H

#include <stddef.h>
#include <stdint.h>

#include "store/section_reader.h"

struct freebsd_export;

struct freebsd_export_counts {
	uint64_t files;
	uint64_t records; /* with and without a packet */
	uint64_t packets;
	uint64_t skipped; /* events that the blocks between records count */
	/* Left out */
	uint64_t sections_unknown; /* without DUMPINFO: whose log it is is not known */
	uint64_t records_unknown;  /* without TCPINFO, or not in a section that is known */
	uint64_t packets_unknown;  /* not a TCP segment: the record is written as an event */
};

/*
 * Makes DIR if it is not there. 0, or a negative errno with the words in error. dir is borrowed until
 * the export is closed. One descriptor of a log file is open at a time.
 */
int freebsd_export_open(struct freebsd_export **out, const char *dir, char *error,
			size_t error_bytes);

/* The reader stands at a section header; a section that is still open ends. 0 or a negative errno. */
int freebsd_export_section_begin(struct freebsd_export *export,
				 const struct section_reader *reader);
/* The reader stands at a record. */
int freebsd_export_record(struct freebsd_export *export, const struct section_reader *reader);
/* The reader stands at a count of skipped events. */
int freebsd_export_skip(struct freebsd_export *export, const struct section_reader *reader);
/* Completes the file and writes its line. */
int freebsd_export_section_end(struct freebsd_export *export);

/* The words for a failure: "DIR/NAME: No space left on device". */
const char *freebsd_export_error(const struct freebsd_export *export);
const struct freebsd_export_counts *freebsd_export_counts(const struct freebsd_export *export);

/* Ends an open section. 0 or the negative errno of the first failure. */
int freebsd_export_close(struct freebsd_export **export);

#endif
