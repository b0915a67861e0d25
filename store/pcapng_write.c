/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/pcapng_write.h"

#include <stdlib.h>
#include <string.h>

#include "store/bblog.h"

#define FIRST_ROOM 65536

static __attribute__((noinline)) bool grow(struct pcapng_buffer *buffer, size_t more)
{
	size_t room = buffer->room ? buffer->room : FIRST_ROOM;
	uint8_t *grown;

	if (buffer->no_memory)
		return false;
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

uint8_t *pcapng_room(struct pcapng_buffer *buffer, size_t count)
{
	uint8_t *at;

	if (buffer->no_memory || (buffer->length + count > buffer->room && !grow(buffer, count)))
		return NULL;
	at = buffer->bytes + buffer->length;
	buffer->length += count;
	return at;
}

void pcapng_buffer_dispose(struct pcapng_buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct pcapng_buffer){ 0 };
}

void pcapng_put(struct pcapng_buffer *buffer, const void *bytes, size_t count)
{
	uint8_t *at = count ? pcapng_room(buffer, count) : NULL;

	if (at)
		memcpy(at, bytes, count);
}

void pcapng_put32(struct pcapng_buffer *buffer, uint32_t value)
{
	uint8_t *at = pcapng_room(buffer, sizeof(value));

	if (at)
		memcpy(at, &value, sizeof(value));
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

/* An option's code and length are put as one word, as a machine of this byte order has it. */
static uint32_t option_word(uint16_t code, size_t bytes)
{
	return code | (uint32_t)bytes << 16;
}

void pcapng_option(struct pcapng_buffer *buffer, uint16_t code, const void *value, size_t bytes)
{
	pcapng_put32(buffer, option_word(code, (uint16_t)bytes));
	pcapng_put(buffer, value, bytes);
	pcapng_pad(buffer);
}

uint8_t *pcapng_option_bblog_room(struct pcapng_buffer *buffer, uint32_t type, size_t bytes)
{
	const uint32_t head[3] = { option_word(BBLOG_CUSTOM_OPTION, (uint16_t)(8 + bytes)),
				   BBLOG_PEN, type };
	uint8_t *at = pcapng_room(buffer, sizeof(head) + bytes);

	if (!at)
		return NULL;
	memcpy(at, head, sizeof(head));
	return at + sizeof(head);
}

void pcapng_option_bblog(struct pcapng_buffer *buffer, uint32_t type, const void *value,
			 size_t bytes)
{
	uint8_t *at = pcapng_option_bblog_room(buffer, type, bytes);

	if (at)
		memcpy(at, value, bytes);
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
