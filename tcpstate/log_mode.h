/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_mode.h - what is kept of a connection's log: FreeBSD's modes and their numbers (tcp_log_buf.h,
 * TCP_LOG_STATE_*). Each endpoint has a log of its own; N is its limit.
 *
 *   off         nothing is logged, what is in the log stays
 *   tail        the last N events
 *   head        the first N events; the N+1st switches the log off, and the serial numbers stop
 *   head-auto   the same, and the log is handed over then or at the end
 *   continual   handed over whenever N are in it, and at the end
 *   tail-auto   the last N events, handed over at the end
 *   clear       an order rather than a mode: off, and the log is emptied
 */
#ifndef BBTAP_TCPSTATE_LOG_MODE_H
#define BBTAP_TCPSTATE_LOG_MODE_H

#include <stdbool.h>
#include <stdint.h>

enum log_mode {
	LOG_CLEAR = -1,
	LOG_OFF = 0,
	LOG_TAIL = 1,
	LOG_HEAD = 2,
	LOG_HEAD_AUTO = 3,
	LOG_CONTINUAL = 4,
	LOG_TAIL_AUTO = 5,
};

/* "tail-auto" ...; "?" for a number that is none. */
const char *log_mode_name(int mode);

/* By its name or FreeBSD's number. False: it is none; *mode is as it was. */
bool log_mode_parse(const char *text, int8_t *mode);

/* All names, for messages: "off, tail, head, ...". */
#define LOG_MODE_NAMES "off, tail, head, head-auto, continual, tail-auto or clear"

/* The reason of a hand-over that the mode itself brings about, as FreeBSD words it; NULL: it has none. */
const char *log_mode_reason(int mode);
/* The same when the ID changes; cut to LOG_REASON_MAX by who uses it, as FreeBSD does. */
const char *log_mode_id_reason(int mode);

static inline bool log_mode_is_ring(int mode)
{
	return mode == LOG_TAIL || mode == LOG_TAIL_AUTO;
}

static inline bool log_mode_is_head(int mode)
{
	return mode == LOG_HEAD || mode == LOG_HEAD_AUTO;
}

#endif
