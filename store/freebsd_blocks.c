/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/freebsd_blocks.h"

#include <string.h>

#include "capture/frame.h"
#include "store/freebsd_packet.h"

enum { EPB_INBOUND = 1, EPB_OUTBOUND = 2 };

/* bblog_encode_dumpinfo() counts the header's own bytes too, as the kernel does. */
void freebsd_blocks_dumpinfo(const struct bblog_section *section, uint64_t records_bytes,
			     uint8_t out[BBLOG_DUMPINFO_BYTES])
{
	bblog_encode_dumpinfo(section, records_bytes - BBLOG_DUMPINFO_BYTES, out);
}

static size_t put_section_header(struct pcapng_buffer *buffer, const struct bblog_section *section,
				 uint8_t stack_id, const char *stack_name)
{
	uint8_t dumpinfo[BBLOG_DUMPINFO_BYTES];
	char stack[1 + sizeof(section->stack_name)];
	uint32_t version = BBLOG_VERSION;
	size_t dumpinfo_at;

	freebsd_blocks_dumpinfo(section, 0, dumpinfo);
	stack[0] = (char)stack_id;
	strcpy(stack + 1, stack_name);
	pcapng_block_begin(buffer, PCAPNG_SHB);
	pcapng_put32(buffer, 0x1a2b3c4d);
	pcapng_put32(buffer, 1);	  /* version 1.0 */
	pcapng_put32(buffer, UINT32_MAX); /* 64 bits of length: not told */
	pcapng_put32(buffer, UINT32_MAX);
	pcapng_option_bblog(buffer, BBLOG_OPTION_VERSION, &version, sizeof(version));
	pcapng_option_bblog(buffer, BBLOG_OPTION_DUMPTIME, &section->dump_time_s, 8);
	pcapng_option_bblog(buffer, BBLOG_OPTION_DUMPINFO, dumpinfo, sizeof(dumpinfo));
	dumpinfo_at = buffer->length - sizeof(dumpinfo);
	pcapng_option_bblog(buffer, BBLOG_OPTION_STACKNAME, stack, 1 + strlen(stack + 1));
	pcapng_options_end(buffer);
	pcapng_block_end(buffer);
	return dumpinfo_at;
}

size_t freebsd_blocks_begin(struct pcapng_buffer *buffer, const struct bblog_section *section,
			    uint8_t stack_id, const char *stack_name)
{
	size_t dumpinfo_at = put_section_header(buffer, section, stack_id, stack_name);

	pcapng_block_begin(buffer, PCAPNG_IDB);
	pcapng_put32(buffer, LINKTYPE_NULL);
	pcapng_put32(buffer, FREEBSD_PACKET_MAX);
	pcapng_options_end(buffer);
	pcapng_block_end(buffer);
	return dumpinfo_at;
}

static void put_tcpinfo(struct pcapng_buffer *buffer, const struct bblog_record *record)
{
	uint8_t tcpinfo[BBLOG_TCPINFO_BYTES];

	bblog_encode_tcpinfo(record, tcpinfo);
	pcapng_option_bblog(buffer, BBLOG_OPTION_TCPINFO, tcpinfo, sizeof(tcpinfo));
}

/* In UTC; an interface that says nothing else has microseconds. The times are any numbers. */
static uint64_t utc_us(const struct bblog_section *section, const struct bblog_record *record)
{
	__int128 us = ((__int128)record->tv_sec + section->offset_s) * 1000000 + record->tv_usec +
		      section->offset_us;

	if (us < 0)
		return 0;
	return us > INT64_MAX / 1000 ? INT64_MAX / 1000 : (uint64_t)us;
}

void freebsd_blocks_packet(struct pcapng_buffer *buffer, const struct bblog_section *section,
			   const struct bblog_record *record, const struct segment *seg)
{
	uint32_t direction = record->event_id == EVENT_IN ? EPB_INBOUND : EPB_OUTBOUND;
	uint64_t ts_us = utc_us(section, record);
	struct freebsd_packet packet;

	freebsd_packet_make(&packet, section, record, seg);
	pcapng_block_begin(buffer, PCAPNG_EPB);
	pcapng_put32(buffer, 0);
	pcapng_put32(buffer, (uint32_t)(ts_us >> 32));
	pcapng_put32(buffer, (uint32_t)ts_us);
	pcapng_put32(buffer, packet.caplen_bytes);
	pcapng_put32(buffer, packet.wirelen_bytes);
	pcapng_put(buffer, packet.bytes, packet.caplen_bytes);
	pcapng_pad(buffer);
	put_tcpinfo(buffer, record);
	pcapng_option(buffer, PCAPNG_OPT_EPB_FLAGS, &direction, sizeof(direction));
	pcapng_options_end(buffer);
	pcapng_block_end(buffer);
}

static void begin_custom(struct pcapng_buffer *buffer, uint32_t type)
{
	pcapng_block_begin(buffer, BBLOG_CUSTOM_BLOCK);
	pcapng_put32(buffer, BBLOG_PEN);
	pcapng_put32(buffer, type);
}

void freebsd_blocks_event(struct pcapng_buffer *buffer, const struct bblog_record *record)
{
	begin_custom(buffer, BBLOG_BLOCK_EVENT);
	put_tcpinfo(buffer, record);
	pcapng_options_end(buffer);
	pcapng_block_end(buffer);
}

void freebsd_blocks_skip(struct pcapng_buffer *buffer, uint32_t skipped)
{
	begin_custom(buffer, BBLOG_BLOCK_SKIP);
	pcapng_put32(buffer, skipped);
	pcapng_options_end(buffer);
	pcapng_block_end(buffer);
}
