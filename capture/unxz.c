/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/unxz.h"

#include <stdlib.h>

#include <lzma.h>

struct unxz {
	lzma_stream stream;
	const char *problem;
};

struct unxz *unxz_open(void)
{
	struct unxz *unxz = calloc(1, sizeof(*unxz));

	if (!unxz)
		return NULL;
	unxz->stream = (lzma_stream)LZMA_STREAM_INIT;
	unxz->problem = "";
	if (lzma_stream_decoder(&unxz->stream, UNXZ_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK)
		unxz_close(&unxz);
	return unxz;
}

void unxz_close(struct unxz **unxz)
{
	if (*unxz)
		lzma_end(&(*unxz)->stream);
	free(*unxz);
	*unxz = NULL;
}

static const char *words_for(lzma_ret result)
{
	switch (result) {
	case LZMA_MEMLIMIT_ERROR:
		return "it needs more than 144 MB to be unpacked";
	case LZMA_MEM_ERROR:
		return "no memory";
	case LZMA_OPTIONS_ERROR:
		return "made with options that are not known here";
	default:
		return "invalid data";
	}
}

enum unxz_result unxz_some(struct unxz *unxz, const uint8_t *packed, size_t *position, size_t end,
			   bool last, uint8_t *out, size_t room, size_t *made)
{
	lzma_stream *stream = &unxz->stream;
	lzma_ret result;

	stream->next_in = packed + *position;
	stream->avail_in = end - *position;
	stream->next_out = out;
	stream->avail_out = room;
	result = lzma_code(stream, last ? LZMA_FINISH : LZMA_RUN);
	*position = end - stream->avail_in;
	*made = room - stream->avail_out;
	switch (result) {
	case LZMA_OK:
		return UNXZ_MORE;
	case LZMA_STREAM_END:
		return UNXZ_END;
	case LZMA_BUF_ERROR: /* nothing to do, again; without `last` more may come */
		return last ? UNXZ_CUT : UNXZ_MORE;
	default:
		unxz->problem = words_for(result);
		return UNXZ_DAMAGED;
	}
}

const char *unxz_problem(const struct unxz *unxz)
{
	return unxz->problem;
}
