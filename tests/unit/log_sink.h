/* SPDX-License-Identifier: BSD-2-Clause */
/* log_sink.h - a chunk_sink for tests: keeps chains in the order they came, or refuses them. */
#ifndef BBTAP_TESTS_LOG_SINK_H
#define BBTAP_TESTS_LOG_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/chunk.h"
#include "tcpstate/evlog.h"

#define LOG_SINK_MAX 4096

struct log_sink {
	struct chunk *chains[LOG_SINK_MAX];
	uint32_t count;
	uint64_t records;  /* of both sides, in all chains that came */
	uint32_t returned; /* chains[0 .. returned - 1] were taken back */
	bool full;	   /* refuse */
	bool recycle;	   /* give chains back when asked; else they stay readable */
};

static inline bool log_sink_put(void *context, struct chunk *chain, bool wait)
{
	struct log_sink *sink = context;

	(void)wait;
	if (sink->full || sink->count == LOG_SINK_MAX)
		return false;
	sink->chains[sink->count++] = chain;
	if (chain->kind == CHUNK_LOG)
		sink->records += evlog_head(chain)->records[0] + evlog_head(chain)->records[1];
	return true;
}

static inline struct chunk *log_sink_take_back(void *context, bool wait)
{
	struct log_sink *sink = context;

	(void)wait;
	if (!sink->recycle || sink->returned == sink->count)
		return NULL;
	return sink->chains[sink->returned++];
}

static inline struct chunk_sink log_sink_as_chunk_sink(struct log_sink *sink)
{
	return (struct chunk_sink){ .put = log_sink_put,
				    .take_back = log_sink_take_back,
				    .context = sink };
}

#endif
