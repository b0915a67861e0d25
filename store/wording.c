/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/wording.h"

#include <stdio.h>

/* Milliseconds are what people think in; below one, microseconds. */
static void put_duration(char out[32], uint64_t us)
{
	if (us >= 1000000)
		snprintf(out, 32, "%llu.%03llu s", (unsigned long long)(us / 1000000),
			 (unsigned long long)(us / 1000 % 1000));
	else if (us >= 1000)
		snprintf(out, 32, "%llu.%03llu ms", (unsigned long long)(us / 1000),
			 (unsigned long long)(us % 1000));
	else
		snprintf(out, 32, "%llu us", (unsigned long long)us);
}

static const char *segment_words(const struct log_entry *entry)
{
	bool again = entry->event.flex8 == OUT_RETRANSMISSION ||
		     entry->event.flex8 == OUT_TLP_RETRANSMISSION;

	switch (entry->event.flex7 >> 8) {
	case CAUSE_RECOVERY:
		return "retransmission: fast, SACK or RACK recovery";
	case CAUSE_TLP:
		return again ? "retransmission: tail-loss probe" : "tail-loss probe with new data";
	case CAUSE_TIMEOUT:
		return "retransmission: timeout";
	case CAUSE_SYN:
		return "retransmission: SYN";
	case CAUSE_FIN:
		return "retransmission: FIN";
	case CAUSE_WINDOW_PROBE:
		return again ? "retransmission: zero-window probe" : "zero-window probe";
	case CAUSE_KEEPALIVE:
		return "keep-alive";
	case CAUSE_AMBIGUOUS:
		return again ? "retransmission: cause not told apart" : "ambiguous";
	case CAUSE_CAPTURE_GAP:
		return "the capture lost packets before this one";
	case CAUSE_MIRROR_DUPLICATE:
		return "copy made by the mirror";
	case CAUSE_BAD_CHECKSUM:
		return "bad checksum";
	case CAUSE_SUPER_PACKET:
		return "larger than the MSS: merged on the way to the tap";
	case CAUSE_OUT_OF_ORDER:
		return "out of order: fills a hole (reordered, or lost in front of the tap)";
	default:
		return again ? "retransmission" : NULL;
	}
}

static int word_segment(const struct log_entry *entry, enum side side, char *out, size_t bytes)
{
	const char *words = segment_words(entry);
	const char *by_peer = entry->sender == side ? "" : " by the peer";
	char fragments[48] = "";

	if (entry->fragments)
		snprintf(fragments, sizeof(fragments), "%sput together from %u IP fragments",
			 words ? "; " : "", entry->fragments);
	if (!words)
		return snprintf(out, bytes, "%s", fragments);
	return snprintf(out, bytes, "%s%s, %u%%%s", words, by_peer, entry->event.flex7 & 0xff,
			fragments);
}

static int word_reass(const struct event *event, char *out, size_t bytes)
{
	uint32_t segments = event->stack_flex[0], queued = event->stack_flex[1];
	uint32_t holes = event->stack_flex[2];

	switch (event->flex7 >> 8) {
	case REASS_REASON_GAP:
		return snprintf(out, bytes,
				"capture gap: bytes acknowledged that the tap never saw");
	case REASS_REASON_FULL:
		return snprintf(out, bytes,
				"out-of-order queue: more holes than are followed, the oldest is given up");
	default:
		break;
	}
	if (segments == 0)
		return snprintf(out, bytes, "out-of-order queue: empty again");
	return snprintf(out, bytes, "out-of-order queue: %u segment%s (%u bytes) behind %u hole%s",
			segments, segments == 1 ? "" : "s", queued, holes, holes == 1 ? "" : "s");
}

static int word_persist(const struct event *event, char *out, size_t bytes)
{
	char closed[32];

	switch (event->flex8) {
	case PERSIST_ENTERED:
		return snprintf(out, bytes, "the peer closed its window");
	case PERSIST_PROBE:
		return snprintf(out, bytes, "the peer's window is closed: probed");
	default:
		put_duration(closed, event->stack_flex[0]);
		return snprintf(out, bytes, "the peer opened its window after %s", closed);
	}
}

static int word_event(const struct event *event, char *out, size_t bytes)
{
	char sample[32], srtt[32], rttvar[32];

	switch (event->id) {
	case EVENT_RTT:
		put_duration(sample, event->stack_flex[0]);
		put_duration(srtt, event->stack_flex[1]);
		put_duration(rttvar, event->stack_flex[2]);
		return snprintf(out, bytes, "RTT sample %s, srtt %s, rttvar %s", sample, srtt,
				rttvar);
	case EVENT_REASS:
		return word_reass(event, out, bytes);
	case EVENT_PERSIST:
		return word_persist(event, out, bytes);
	case EVENT_FLOWEND:
		return snprintf(out, bytes,
				"%s; sent %u segments (%u again, %u bytes), received %u (%u bytes), "
				"%u RTT samples",
				end_reason_name((uint8_t)event->record_flex[0]),
				event->stack_flex[0], event->stack_flex[2], event->stack_flex[3],
				event->stack_flex[1], event->stack_flex[4], event->stack_flex[5]);
	case EVENT_CONNEND:
		return snprintf(out, bytes, "end of the log: %s",
				end_reason_name((uint8_t)event->record_flex[0]));
	default:
		return 0;
	}
}

size_t wording_of(const struct log_entry *entry, enum side side, char *out, size_t bytes)
{
	int length = entry->kind == LOG_PACKET ? word_segment(entry, side, out, bytes) :
						 word_event(&entry->event, out, bytes);

	if (length <= 0)
		return 0;
	return (size_t)length < bytes ? (size_t)length : bytes - 1;
}
