/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/pcapng_write.h"

#include <stdlib.h>
#include <string.h>

#include "store/bblog.h"

#define FIRST_ROOM 65536

static bool make_room(struct pcapng_buffer *buffer, size_t more)
{
	size_t room = buffer->room ? buffer->room : FIRST_ROOM;
	uint8_t *grown;

	if (buffer->no_memory)
		return false;
	if (buffer->length + more <= buffer->room)
		return true;
	while (room < buffer->length + more)
		room *= 2;
	grown = realloc(buffer->bytes, room);
	if (!grown) {
		buffer->no_memory = true;
		return false;
	}
	buffer->bytes = grown;
	buffer->room = room;
	return true;
}

void pcapng_buffer_dispose(struct pcapng_buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct pcapng_buffer){ 0 };
}

void pcapng_put(struct pcapng_buffer *buffer, const void *bytes, size_t count)
{
	if (count == 0 || !make_room(buffer, count))
		return;
	memcpy(buffer->bytes + buffer->length, bytes, count);
	buffer->length += count;
}

void pcapng_put32(struct pcapng_buffer *buffer, uint32_t value)
{
	pcapng_put(buffer, &value, sizeof(value));
}

static void put16(struct pcapng_buffer *buffer, uint16_t value)
{
	pcapng_put(buffer, &value, sizeof(value));
}

void pcapng_pad(struct pcapng_buffer *buffer)
{
	static const uint8_t zeros[4];

	pcapng_put(buffer, zeros, -buffer->length & 3);
}

void pcapng_block_begin(struct pcapng_buffer *buffer, uint32_t type)
{
	buffer->block_start = buffer->length;
	pcapng_put32(buffer, type);
	pcapng_put32(buffer, 0);
}

void pcapng_block_end(struct pcapng_buffer *buffer)
{
	uint32_t bytes = (uint32_t)(buffer->length + 4 - buffer->block_start);

	pcapng_put32(buffer, bytes);
	if (!buffer->no_memory)
		memcpy(buffer->bytes + buffer->block_start + 4, &bytes, sizeof(bytes));
}

void pcapng_option(struct pcapng_buffer *buffer, uint16_t code, const void *value, size_t bytes)
{
	put16(buffer, code);
	put16(buffer, (uint16_t)bytes);
	pcapng_put(buffer, value, bytes);
	pcapng_pad(buffer);
}

void pcapng_option_bblog(struct pcapng_buffer *buffer, uint32_t type, const void *value,
			 size_t bytes)
{
	put16(buffer, BBLOG_CUSTOM_OPTION);
	put16(buffer, (uint16_t)(8 + bytes));
	pcapng_put32(buffer, BBLOG_PEN);
	pcapng_put32(buffer, type);
	pcapng_put(buffer, value, bytes);
	pcapng_pad(buffer);
}

void pcapng_options_end(struct pcapng_buffer *buffer)
{
	pcapng_put32(buffer, PCAPNG_OPT_END);
}

#define SECTION_LENGTH_AT 16

size_t pcapng_section_begin(struct pcapng_buffer *buffer)
{
	size_t start = buffer->length;

	pcapng_block_begin(buffer, PCAPNG_SHB);
	pcapng_put32(buffer, 0x1a2b3c4d);
	pcapng_put32(buffer, 1); /* version 1.0 */
	pcapng_put32(buffer, 0);
	pcapng_put32(buffer, 0);
	return start;
}

void pcapng_section_end(struct pcapng_buffer *buffer, size_t start)
{
	uint32_t header_bytes;
	uint64_t length;

	if (buffer->no_memory)
		return;
	memcpy(&header_bytes, buffer->bytes + start + 4, sizeof(header_bytes));
	length = buffer->length - start - header_bytes;
	memcpy(buffer->bytes + start + SECTION_LENGTH_AT, &length, sizeof(length));
}
