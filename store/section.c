/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/section.h"

#include <stdio.h>
#include <string.h>

#include "store/bblog.h"
#include "store/wording.h"

/* What libpcap takes for any link type; it refuses a file that mixes snap lengths. */
#define SNAPLEN_BYTES 262144

enum { EPB_INBOUND = 1, EPB_OUTBOUND = 2 };

static void write_header(struct pcapng_buffer *buffer, const struct evlog_head *head,
			 enum side side, const char *version)
{
	struct bblog_section section;
	uint8_t dumpinfo[BBLOG_DUMPINFO_BYTES];
	uint32_t bblog_version = BBLOG_VERSION;
	char application[64];
	char stack[1 + sizeof(section.stack_name)];
	int length = snprintf(application, sizeof(application), "bbtap %s", version);

	bblog_section_from_head(&section, head, side);
	bblog_encode_dumpinfo(&section, (uint64_t)head->records[side] * BBLOG_TCPINFO_BYTES,
			      dumpinfo);
	stack[0] = (char)section.stack_id;
	strcpy(stack + 1, section.stack_name);
	pcapng_option(buffer, PCAPNG_OPT_SHB_USERAPPL, application, (size_t)length);
	pcapng_option_bblog(buffer, BBLOG_OPTION_VERSION, &bblog_version, sizeof(bblog_version));
	pcapng_option_bblog(buffer, BBLOG_OPTION_DUMPTIME, &section.dump_time_s,
			    sizeof(section.dump_time_s));
	pcapng_option_bblog(buffer, BBLOG_OPTION_DUMPINFO, dumpinfo, sizeof(dumpinfo));
	pcapng_option_bblog(buffer, BBLOG_OPTION_STACKNAME, stack, 1 + strlen(stack + 1));
	pcapng_options_end(buffer);
	pcapng_block_end(buffer);
}

static void write_ifaces(struct pcapng_buffer *buffer, const struct evlog_head *head,
			 const struct iface_table *ifaces)
{
	static const uint8_t nanoseconds = 9;

	/* A section without packets has none of its own, but Wireshark wants one. */
	for (uint32_t i = 0; i < head->iface_count || i == 0; i++) {
		const char *name = ifaces->entries[i].name;

		pcapng_block_begin(buffer, PCAPNG_IDB);
		pcapng_put32(buffer, head->linktype);
		pcapng_put32(buffer, SNAPLEN_BYTES);
		pcapng_option(buffer, PCAPNG_OPT_IF_NAME, name, strlen(name));
		pcapng_option(buffer, PCAPNG_OPT_IF_TSRESOL, &nanoseconds, 1);
		pcapng_options_end(buffer);
		pcapng_block_end(buffer);
	}
}

static void put_options(struct pcapng_buffer *buffer, const struct bblog_record *record,
			const struct log_entry *entry, enum side side)
{
	char words[WORDING_MAX];
	size_t length = wording_of(entry, side, words, sizeof(words));
	uint8_t *tcpinfo =
		pcapng_option_bblog_room(buffer, BBLOG_OPTION_TCPINFO, BBLOG_TCPINFO_BYTES);

	if (tcpinfo)
		bblog_encode_tcpinfo(record, tcpinfo);
	if (length)
		pcapng_option(buffer, PCAPNG_OPT_COMMENT, words, length);
	pcapng_options_end(buffer);
}

static void write_packet(struct pcapng_buffer *buffer, const struct log_entry *entry,
			 enum side side)
{
	struct bblog_record record;
	uint32_t flags = entry->sender == side ? EPB_OUTBOUND : EPB_INBOUND;

	bblog_record_from_entry(&record, entry, side);
	pcapng_block_begin(buffer, PCAPNG_EPB);
	pcapng_put32(buffer, entry->iface);
	pcapng_put32(buffer, (uint32_t)(entry->event.ts_ns >> 32));
	pcapng_put32(buffer, (uint32_t)entry->event.ts_ns);
	pcapng_put32(buffer, entry->caplen_bytes);
	pcapng_put32(buffer, entry->wirelen_bytes);
	pcapng_put(buffer, entry->data, entry->caplen_bytes);
	pcapng_pad(buffer);
	pcapng_option(buffer, PCAPNG_OPT_EPB_FLAGS, &flags, sizeof(flags));
	put_options(buffer, &record, entry, side);
	pcapng_block_end(buffer);
}

static void write_event(struct pcapng_buffer *buffer, const struct log_entry *entry, enum side side)
{
	struct bblog_record record;

	bblog_record_from_entry(&record, entry, side);
	pcapng_block_begin(buffer, BBLOG_CUSTOM_BLOCK);
	pcapng_put32(buffer, BBLOG_PEN);
	pcapng_put32(buffer, BBLOG_BLOCK_EVENT);
	put_options(buffer, &record, entry, side);
	pcapng_block_end(buffer);
}

static void write_skip(struct pcapng_buffer *buffer, uint32_t skipped)
{
	pcapng_block_begin(buffer, BBLOG_CUSTOM_BLOCK);
	pcapng_put32(buffer, BBLOG_PEN);
	pcapng_put32(buffer, BBLOG_BLOCK_SKIP);
	pcapng_put32(buffer, skipped);
	pcapng_block_end(buffer);
}

/* As the file has it: an event's time to the microsecond. */
static uint64_t time_in_file(const struct log_entry *entry)
{
	return entry->kind == LOG_PACKET ? entry->event.ts_ns : entry->event.ts_ns / 1000 * 1000;
}

static void begin_row(struct section_row *row, const struct evlog_head *head, enum side side)
{
	struct bblog_section section;

	bblog_section_from_head(&section, head, side);
	memset(row, 0, sizeof(*row));
	row->dump_time_s = section.dump_time_s;
	row->ip_version = section.ip_version;
	memcpy(row->local_address, section.local_address, 16);
	memcpy(row->foreign_address, section.foreign_address, 16);
	row->local_port = section.local_port;
	row->foreign_port = section.foreign_port;
	memcpy(row->id, section.id, sizeof(row->id));
	memcpy(row->tag, section.tag, sizeof(row->tag));
	memcpy(row->reason, section.reason, sizeof(row->reason));
}

static void count_record(struct section_row *row, const struct log_entry *entry)
{
	uint64_t ns = time_in_file(entry);

	if (row->records == 0 || ns < row->first_ns)
		row->first_ns = ns;
	if (ns > row->last_ns)
		row->last_ns = ns;
	row->records++;
	row->packets += entry->kind == LOG_PACKET;
}

/* The section of one side while it is being written. */
struct view_writer {
	struct pcapng_buffer *buffer;
	struct section_row *row;
	size_t start;
	uint32_t older;		 /* records in front that are not to be written */
	uint32_t skipped_before; /* not told yet */
};

static void begin_view(struct view_writer *view, const struct evlog_head *head, enum side side,
		       const struct iface_table *ifaces, const char *version)
{
	view->start = pcapng_section_begin(view->buffer);
	view->older = head->older[side];
	begin_row(view->row, head, side);
	write_header(view->buffer, head, side, version);
	write_ifaces(view->buffer, head, ifaces);
}

static void tell_skipped(struct view_writer *view, uint32_t skipped)
{
	write_skip(view->buffer, skipped);
	view->row->skipped += skipped;
}

static void write_entry(struct view_writer *view, const struct log_entry *entry, enum side side)
{
	if (entry->kind == LOG_SKIP) {
		/* In front of the first record it is told by the serial numbers. */
		if (view->row->records)
			tell_skipped(view, entry->skipped);
		return;
	}
	if (view->older) {
		view->older--;
		return;
	}
	if (entry->kind == LOG_PACKET)
		write_packet(view->buffer, entry, side);
	else
		write_event(view->buffer, entry, side);
	count_record(view->row, entry);
	if (view->skipped_before) {
		tell_skipped(view, view->skipped_before);
		view->skipped_before = 0;
	}
}

void section_write_views(struct pcapng_buffer *buffers[2], const struct chunk *chain, uint8_t views,
			 const struct iface_table *ifaces, const char *version, uint8_t *scratch,
			 const uint32_t skipped_before[2], struct section_row rows[2])
{
	const struct evlog_head *head = evlog_head(chain);
	struct view_writer both[2];
	struct evlog_reader reader;
	struct log_entry entry;

	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		both[side] = (struct view_writer){ .buffer = buffers[side],
						   .row = &rows[side],
						   .skipped_before = skipped_before[side] };
		if (views & 1 << side)
			begin_view(&both[side], head, side, ifaces, version);
	}
	evlog_reader_init(&reader, chain, scratch);
	while (evlog_reader_next(&reader, &entry))
		for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
			if (entry.views & views & 1 << side)
				write_entry(&both[side], &entry, side);
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		if (views & 1 << side) {
			pcapng_section_end(buffers[side], both[side].start);
			rows[side].length_bytes = buffers[side]->length - both[side].start;
		}
}
