/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event_view.h - what printing an event needs besides its record: the decoded segment, and the numbers
 * that sequence numbers are relative to.
 */
#ifndef BBTAP_CLI_EVENT_VIEW_H
#define BBTAP_CLI_EVENT_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/decode.h"
#include "store/section_reader.h"

struct peer_base; /* remembered over the sections of a connection */

struct event_view {
	const struct section_reader *reader;
	const char *path;
	const char *view;     /* "client", "server" or NULL */
	uint32_t section;     /* of the file, from 1 */
	uint64_t first_ts_ns; /* of the section's first record */
	bool first;	      /* no record of the section was seen yet */
	uint64_t ts_ns;	      /* of the record */
	uint64_t before_ns;   /* of the record in front of it, in its section */
	bool has_segment;
	struct segment segment;
	/* Relative numbers begin at these: the ISNs, or one before the first number that was seen. */
	uint32_t local_base, peer_base;
	bool has_peer_base;
	struct decoder *decoder;
	struct peer_base *bases;
	char local[64], foreign[64]; /* "192.0.2.1:80", "[2001:db8::1]:80" */
};

/* 0 or -ENOMEM. */
int event_view_open(struct event_view *view);
void event_view_close(struct event_view *view);

/* The reader stands at a section header. */
void event_view_section(struct event_view *view);

/* The reader stands at a record. */
void event_view_record(struct event_view *view);

/* UTC of the record at which the reader stands. */
uint64_t event_ts_ns(const struct section_reader *reader);

/* "192.0.2.1:80", with brackets around IPv6 (RFC 5952). address: 16 bytes. */
void address_text(const uint8_t address[16], uint8_t ip_version, uint16_t port, char out[64]);

/* The text without control characters and other bytes that are not ASCII. */
void plain_text(const char *text, char *out, size_t bytes);

#endif
