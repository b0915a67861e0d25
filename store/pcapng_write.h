/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapng_write.h - pcapng blocks into a buffer that grows and is used again. A failed allocation
 * marks the buffer; further writes do nothing, and the one who asks at the end is told.
 */
#ifndef BBTAP_STORE_PCAPNG_WRITE_H
#define BBTAP_STORE_PCAPNG_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pcapng_block {
	PCAPNG_IDB = 1,
	PCAPNG_EPB = 6,
	PCAPNG_SHB = 0x0a0d0d0a,
};

enum pcapng_option {
	PCAPNG_OPT_END = 0,
	PCAPNG_OPT_COMMENT = 1,
	PCAPNG_OPT_IF_NAME = 2,
	PCAPNG_OPT_EPB_FLAGS = 2,
	PCAPNG_OPT_SHB_USERAPPL = 4,
	PCAPNG_OPT_IF_TSRESOL = 9,
};

struct pcapng_buffer {
	uint8_t *bytes;
	size_t length;
	size_t room;
	size_t block_start; /* of the block that is open */
	bool no_memory;
};

void pcapng_buffer_dispose(struct pcapng_buffer *buffer);
static inline void pcapng_buffer_clear(struct pcapng_buffer *buffer)
{
	buffer->length = 0;
	buffer->no_memory = false;
}

/* A block: begin, its fixed part, options, end. */
void pcapng_block_begin(struct pcapng_buffer *buffer, uint32_t type);
void pcapng_block_end(struct pcapng_buffer *buffer);

void pcapng_put(struct pcapng_buffer *buffer, const void *bytes, size_t count);
void pcapng_put32(struct pcapng_buffer *buffer, uint32_t value);
/* The next `count` bytes, for the caller to fill in before anything else is put; NULL: no memory. */
uint8_t *pcapng_room(struct pcapng_buffer *buffer, size_t count);
/* Zero bytes up to a multiple of 4. */
void pcapng_pad(struct pcapng_buffer *buffer);

/* At most 65535 bytes of value. */
void pcapng_option(struct pcapng_buffer *buffer, uint16_t code, const void *value, size_t bytes);
/* A custom option of the black box log: enum bblog_option and its payload. */
void pcapng_option_bblog(struct pcapng_buffer *buffer, uint32_t type, const void *value,
			 size_t bytes);
/* The same, with the payload for the caller to fill in: a multiple of 4 bytes. NULL: no memory. */
uint8_t *pcapng_option_bblog_room(struct pcapng_buffer *buffer, uint32_t type, size_t bytes);
void pcapng_options_end(struct pcapng_buffer *buffer);

/* Section header with a length that is not known yet; options follow. Returns where it stands. */
size_t pcapng_section_begin(struct pcapng_buffer *buffer);
/* Fills in the length of the section that begins at `start` and ends here. */
void pcapng_section_end(struct pcapng_buffer *buffer, size_t start);

#endif
