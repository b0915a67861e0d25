/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/event_view.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NSEC_PER_SEC UINT64_C(1000000000)
#define BASES	     65536

/*
 * A record tells its own endpoint's ISS but not the peer's. The first section of a log shows it; for the
 * later ones it is remembered, in a table that forgets when two connections want one place.
 */
struct peer_base {
	uint8_t local_address[16], foreign_address[16];
	uint16_t local_port, foreign_port;
	uint32_t iss, base;
	bool used;
};

int event_view_open(struct event_view *view)
{
	memset(view, 0, sizeof(*view));
	view->decoder = decoder_open(0, false);
	view->bases = calloc(BASES, sizeof(*view->bases));
	if (view->decoder && view->bases)
		return 0;
	event_view_close(view);
	return -ENOMEM;
}

void event_view_close(struct event_view *view)
{
	decoder_close(&view->decoder);
	free(view->bases);
	view->bases = NULL;
}

void address_text(const uint8_t address[16], uint8_t ip_version, uint16_t port, char out[64])
{
	char text[INET6_ADDRSTRLEN];

	if (ip_version == 4) {
		inet_ntop(AF_INET, address + 12, text, sizeof(text));
		snprintf(out, 64, "%s:%u", text, port);
	} else {
		inet_ntop(AF_INET6, address, text, sizeof(text));
		snprintf(out, 64, "[%s]:%u", text, port);
	}
}

void plain_text(const char *text, char *out, size_t bytes)
{
	size_t i = 0;

	for (; text[i] && i + 1 < bytes; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[i] = '\0';
}

void event_view_section(struct event_view *view)
{
	const struct bblog_section *section = &view->reader->section;

	view->section++;
	view->first = true;
	view->has_peer_base = false;
	address_text(section->local_address, section->ip_version, section->local_port, view->local);
	address_text(section->foreign_address, section->ip_version, section->foreign_port,
		     view->foreign);
}

static struct peer_base *base_of(struct event_view *view)
{
	const struct bblog_section *section = &view->reader->section;
	uint64_t hash = section->local_port * UINT64_C(0x9e3779b97f4a7c15) ^
			section->foreign_port * UINT64_C(0xbb67ae8584caa73b);

	for (int i = 0; i < 16; i++)
		hash = (hash ^ section->local_address[i] ^
			(uint64_t)section->foreign_address[i] << 8) *
		       UINT64_C(0x100000001b3);
	return &view->bases[hash >> 40 & (BASES - 1)];
}

static bool is_base_of(const struct peer_base *base, const struct event_view *view)
{
	const struct bblog_section *section = &view->reader->section;

	return base->used && base->iss == view->local_base &&
	       base->local_port == section->local_port &&
	       base->foreign_port == section->foreign_port &&
	       memcmp(base->local_address, section->local_address, 16) == 0 &&
	       memcmp(base->foreign_address, section->foreign_address, 16) == 0;
}

static void remember_base(struct event_view *view, struct peer_base *base)
{
	const struct bblog_section *section = &view->reader->section;

	*base = (struct peer_base){ .local_port = section->local_port,
				    .foreign_port = section->foreign_port,
				    .iss = view->local_base,
				    .base = view->peer_base,
				    .used = true };
	memcpy(base->local_address, section->local_address, 16);
	memcpy(base->foreign_address, section->foreign_address, 16);
}

static void find_peer_base(struct event_view *view)
{
	const struct segment *seg = &view->segment;
	struct peer_base *base = base_of(view);
	bool in = view->reader->record.event_id == EVENT_IN;

	/* The peer's SYN, whatever was thought before. */
	if (view->has_segment && in && seg->flags & TCP_SYN) {
		view->peer_base = seg->seq;
		view->has_peer_base = true;
	} else if (view->has_peer_base) {
		/* Known; but the endpoint's own number may have become known since. */
	} else if (is_base_of(base, view)) {
		view->peer_base = base->base;
		view->has_peer_base = true;
	} else if (view->has_segment && in) {
		view->peer_base = seg->seq - 1;
		view->has_peer_base = true;
	} else if (view->has_segment && seg->flags & TCP_ACK) {
		view->peer_base = seg->ack - 1;
		view->has_peer_base = true;
	}
	if (view->has_peer_base && !(is_base_of(base, view) && base->base == view->peer_base))
		remember_base(view, base);
}

uint64_t event_ts_ns(const struct section_reader *reader)
{
	const struct bblog_record *record = &reader->record;
	const struct bblog_section *section = &reader->section;

	/* Unsigned: a file may hold any numbers, and these wrap. */
	if (reader->has_packet)
		return reader->ts_ns;
	return ((uint64_t)record->tv_sec + (uint64_t)section->offset_s) * NSEC_PER_SEC +
	       ((uint64_t)record->tv_usec + (uint64_t)section->offset_us) * 1000;
}

void event_view_record(struct event_view *view)
{
	const struct section_reader *reader = view->reader;
	const struct bblog_record *record = &reader->record;

	view->before_ns = view->ts_ns;
	view->ts_ns = event_ts_ns(reader);
	view->has_segment = false;
	if (reader->has_packet) {
		struct frame frame = { .data = reader->data,
				       .caplen_bytes = reader->caplen_bytes,
				       .wirelen_bytes = reader->wirelen_bytes > reader->caplen_bytes
								? reader->wirelen_bytes
								: reader->caplen_bytes,
				       .ts_ns = reader->ts_ns,
				       .linktype = reader->linktype };

		view->has_segment =
			decode_frame(view->decoder, &frame, &view->segment) == DECODE_SEGMENT;
		decoder_batch_done(view->decoder);
	}
	if (view->first)
		view->first_ts_ns = view->before_ns = view->ts_ns;
	view->first = false;
	view->local_base = record->iss;
	/* Before its first segment an endpoint has no ISS yet: that segment shows it. */
	if (view->has_segment && record->event_id == EVENT_OUT && record->iss == 0)
		view->local_base =
			view->segment.flags & TCP_SYN ? view->segment.seq : view->segment.seq - 1;
	else if (view->has_segment && record->iss == 0 && view->segment.flags & TCP_ACK)
		view->local_base = view->segment.ack - 1;
	find_peer_base(view);
}
