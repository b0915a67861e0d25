/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/wording.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "tcpstate/window.h"

#define DURATION_MAX 32

/* snprintf takes longer than all else of a record, so what nearly every record needs goes without it. */
static char *put_number(char *at, uint64_t number)
{
	char digits[20];
	uint32_t count = 0;

	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10));
	while (count)
		*at++ = digits[--count];
	*at = '\0';
	return at;
}

static char *put_thousandths(char *at, uint32_t number)
{
	*at++ = '.';
	*at++ = (char)('0' + number / 100);
	*at++ = (char)('0' + number / 10 % 10);
	*at++ = (char)('0' + number % 10);
	*at = '\0';
	return at;
}

/* Milliseconds are what people think in; below one, microseconds. At most DURATION_MAX; returns the end. */
static char *put_duration(char *at, uint64_t us)
{
	if (us >= 1000000) {
		at = put_thousandths(put_number(at, us / 1000000), us / 1000 % 1000);
		return stpcpy(at, " s");
	}
	if (us >= 1000) {
		at = put_thousandths(put_number(at, us / 1000), us % 1000);
		return stpcpy(at, " ms");
	}
	return stpcpy(put_number(at, us), " us");
}

/* What a segment is for its sender; NULL: an ordinary one. */
static const char *segment_kind(const struct log_entry *entry)
{
	uint8_t cause = (uint8_t)(entry->event.flex7 >> 8);

	if (entry->event.flex8 == OUT_RETRANSMISSION ||
	    entry->event.flex8 == OUT_TLP_RETRANSMISSION)
		return "retransmission";
	switch (cause) {
	case CAUSE_TLP:
		return "tail-loss probe with new data";
	case CAUSE_WINDOW_PROBE:
		return "zero-window probe";
	case CAUSE_KEEPALIVE:
		return "keep-alive";
	case CAUSE_CAPTURE_GAP:
		return "behind packets that the capture lost";
	case CAUSE_MIRROR_DUPLICATE:
		return "a copy: by the mirror or the network";
	case CAUSE_BAD_CHECKSUM:
		return "bad checksum";
	case CAUSE_SUPER_PACKET:
		return "larger than the MSS: merged on the way to the tap";
	case CAUSE_OUT_OF_ORDER:
		return "out of order: fills a hole (reordered, or lost in front of the tap)";
	default:
		return NULL;
	}
}

/* Why it was sent again. */
static const char *retransmission_cause(uint8_t cause)
{
	switch (cause) {
	case CAUSE_RECOVERY:
		return ": fast, SACK or RACK recovery";
	case CAUSE_TLP:
		return ": tail-loss probe";
	case CAUSE_TIMEOUT:
		return ": timeout";
	case CAUSE_SYN:
		return ": SYN";
	case CAUSE_FIN:
		return ": FIN";
	case CAUSE_WINDOW_PROBE:
		return ": zero-window probe";
	default:
		return ": cause not told apart";
	}
}

/* What speaks for the cause. */
static void put_evidence(char out[80], const struct event *event)
{
	uint32_t above = event->stack_flex[0], waited_us = event->stack_flex[1];
	char waited[DURATION_MAX];

	out[0] = '\0';
	if (waited_us == 0)
		return;
	switch (event->flex7 >> 8) {
	case CAUSE_RECOVERY:
		if (above)
			snprintf(out, 80, ", %s%u segment%s above it delivered",
				 above >= 64 ? "at least " : "", above, above == 1 ? "" : "s");
		return;
	case CAUSE_TLP:
	case CAUSE_TIMEOUT:
	case CAUSE_FIN:
		put_duration(waited, waited_us);
		snprintf(out, 80, " after %s", waited);
		return;
	default:
		return;
	}
}

static int word_segment(const struct log_entry *entry, enum side side, char *out, size_t bytes)
{
	const char *kind = segment_kind(entry);
	bool again = kind && strcmp(kind, "retransmission") == 0;
	char fragments[48] = "", evidence[80] = "";

	if (!kind && !entry->fragments)
		return 0;
	if (entry->fragments)
		snprintf(fragments, sizeof(fragments), "%sput together from %u IP fragments",
			 kind ? "; " : "", entry->fragments);
	if (!kind)
		return snprintf(out, bytes, "%s", fragments);
	if (again)
		put_evidence(evidence, &entry->event);
	return snprintf(out, bytes, "%s%s%s%s, %u%%%s", kind,
			entry->sender == side ? "" : " by the peer",
			again ? retransmission_cause((uint8_t)(entry->event.flex7 >> 8)) : "",
			evidence, entry->event.flex7 & 0xff, fragments);
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
				"out-of-order queue: more holes than are followed, the highest are "
				"left out");
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
	char closed[DURATION_MAX];

	switch (event->flex8) {
	case PERSIST_ENTERED:
		return snprintf(out, bytes, "the peer closed its window");
	case PERSIST_PROBE:
		put_duration(closed, event->stack_flex[0]);
		return snprintf(out, bytes, "the peer's window is closed: probe %u, after %s",
				event->stack_flex[1], closed);
	default:
		put_duration(closed, event->stack_flex[0]);
		return snprintf(out, bytes, "the peer opened its window after %s (%u probe%s)",
				closed, event->stack_flex[1], event->stack_flex[1] == 1 ? "" : "s");
	}
}

static const char *cause_words(uint8_t cause)
{
	switch (cause) {
	case CAUSE_RECOVERY:
		return "fast, SACK or RACK recovery";
	case CAUSE_TLP:
		return "tail-loss probe";
	case CAUSE_TIMEOUT:
		return "timeout";
	default:
		return "cause not told apart";
	}
}

static int word_bad_retransmission(const struct event *event, char *out, size_t bytes)
{
	static const char *const evidence[] = {
		[BAD_RETRAN_DSACK] = "the receiver has it twice (DSACK)",
		[BAD_RETRAN_EIFEL] = "the ACK answers the original (Eifel)",
		[BAD_RETRAN_FRTO] = "what was not sent again was acknowledged (F-RTO)",
	};
	unsigned int reason = event->flex7 >> 8;

	return snprintf(out, bytes, "needless retransmission (%s): %s%s, %u%%",
			cause_words(event->flex8),
			reason < sizeof(evidence) / sizeof(evidence[0]) && evidence[reason]
				? evidence[reason]
				: "unknown evidence",
			event->stack_flex[2] ? "; the sender takes its reduction back" : "",
			event->flex7 & 0xff);
}

/* What the sender's model found. */
static int word_sender_event(const struct event *event, char *out, size_t bytes)
{
	unsigned int confidence = event->flex7 & 0xff;
	char late[DURATION_MAX];

	switch (event->id) {
	case EVENT_RTO:
		return snprintf(out, bytes, "retransmission timeout after %u ms, %u in a row, %u%%",
				event->stack_flex[1], event->stack_flex[0], confidence);
	case EVENT_ENTREC:
		return snprintf(
			out, bytes, "recovery begins: %u segment%s behind the loss delivered, %u%%",
			event->stack_flex[1], event->stack_flex[1] == 1 ? "" : "s", confidence);
	case EVENT_EXITREC:
		return snprintf(out, bytes, "recovery ends (%s), %u%%", cause_words(event->flex8),
				confidence);
	case EVENT_BAD_RETRAN:
		return word_bad_retransmission(event, out, bytes);
	case EVENT_REORDER:
		put_duration(late, event->stack_flex[1]);
		return snprintf(out, bytes,
				"reordered by the network: overtaken by %u segment%s sent up to %s "
				"later, %u%%",
				event->stack_flex[0], event->stack_flex[0] == 1 ? "" : "s", late,
				confidence);
	case EVENT_DSACK_HANDLING:
		return snprintf(out, bytes, "DSACK: %s, %u%%",
				event->flex7 >> 8 == DSACK_RETRANSMITTED
					? "a retransmission arrived twice"
					: "something sent once arrived twice",
				confidence);
	default:
		return 0;
	}
}

/* What the codes say, of those that are met. */
static const char *unreachable_words(uint8_t ip_version, uint8_t code)
{
	static const char *const v4[] = { "network",
					  "host",
					  "protocol",
					  "port",
					  [5] = "source route failed",
					  "network unknown",
					  "host unknown",
					  "host isolated",
					  "network prohibited",
					  "host prohibited",
					  "network, for this type of service",
					  "host, for this type of service",
					  "prohibited by a filter",
					  "host precedence",
					  "precedence cut off" };
	static const char *const v6[] = {
		"no route", "prohibited by a filter", "beyond its scope", "address",
		"port",	    "source address refused", "route rejected",	  "source route failed"
	};

	if (ip_version == 4)
		return code < sizeof(v4) / sizeof(v4[0]) && v4[code] ? v4[code] : "unknown code";
	return code < sizeof(v6) / sizeof(v6[0]) ? v6[code] : "unknown code";
}

static void put_reporter(const struct event *event, char out[INET6_ADDRSTRLEN])
{
	const uint32_t words[4] = { htonl(event->record_flex[0]), htonl(event->stack_flex[3]),
				    htonl(event->stack_flex[4]), htonl(event->stack_flex[5]) };

	if (event->flex8 == 4)
		inet_ntop(AF_INET, &words[3], out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, words, out, INET6_ADDRSTRLEN);
}

static int word_black_hole(const struct event *event, char *out, size_t bytes)
{
	char smaller[48] = "smaller ones do";

	if (event->stack_flex[1])
		snprintf(smaller, sizeof(smaller), "%u do", event->stack_flex[1]);
	return snprintf(out, bytes,
			"path MTU black hole: segments of %u bytes do not get through (sent %u "
			"times), %s, %u%%",
			event->stack_flex[0], event->stack_flex[3], smaller, event->flex7 & 0xff);
}

static int word_msgsize(const struct event *event, char *out, size_t bytes)
{
	uint8_t code = (uint8_t)event->stack_flex[1];
	char what[80], reporter[INET6_ADDRSTRLEN];

	switch (event->flex7 >> 8) {
	case MSGSIZE_TOO_BIG:
		if (event->flex8 == 4 && event->stack_flex[0] == 0)
			snprintf(what, sizeof(what), "fragmentation needed, MTU not told");
		else
			snprintf(what, sizeof(what), "%s, MTU %u",
				 event->flex8 == 4 ? "fragmentation needed" : "packet too big",
				 event->stack_flex[0]);
		break;
	case MSGSIZE_UNREACHABLE:
		snprintf(what, sizeof(what), "unreachable (%s)",
			 unreachable_words(event->flex8, code));
		break;
	case MSGSIZE_TIME_EXCEEDED:
		snprintf(what, sizeof(what), "time exceeded (%s)",
			 code == 0 ? "hop limit" : "reassembly");
		break;
	case MSGSIZE_PARAMETER_PROBLEM:
		snprintf(what, sizeof(what), "parameter problem (code %u)", code);
		break;
	case MSGSIZE_SOURCE_QUENCH:
		snprintf(what, sizeof(what), "source quench");
		break;
	case MSGSIZE_BLACK_HOLE:
		return word_black_hole(event, out, bytes);
	default:
		return 0;
	}
	put_reporter(event, reporter);
	return snprintf(out, bytes, "ICMP: %s, by %s, %u%%", what, reporter, event->flex7 & 0xff);
}

/* What the receiver's model found. */
static int word_receiver_event(const struct event *event, char *out, size_t bytes)
{
	unsigned int confidence = event->flex7 & 0xff;
	char least[DURATION_MAX], mean[DURATION_MAX], most[DURATION_MAX];

	switch (event->id) {
	case EVENT_COLLAPSE:
		return snprintf(out, bytes,
				"the peer took back %u bytes of its window, edge now %u, %u%%",
				event->stack_flex[0], event->stack_flex[1], confidence);
	case EVENT_TSTMP_VAL:
		if (event->flex7 >> 8 == PAWS_CONFIRMED)
			return snprintf(out, bytes,
					"rejected by its time stamp (PAWS): answered with a "
					"duplicate ACK, %u%%",
					confidence);
		return snprintf(out, bytes, "rejected by its time stamp (PAWS): %u before %u, %u%%",
				event->stack_flex[0], event->stack_flex[1], confidence);
	case EVENT_TIMERSTAR:
		put_duration(least, event->stack_flex[2]);
		put_duration(mean, event->stack_flex[3]);
		put_duration(most, event->stack_flex[4]);
		return snprintf(out, bytes,
				"acknowledged %u segments with %u ACKs, behind the last one by %s "
				"(%s to %s); %u clearly delayed",
				event->stack_flex[1], event->stack_flex[0], mean, least, most,
				event->stack_flex[5]);
	default:
		return 0;
	}
}

static int word_window(const struct event *event, char *out, size_t bytes)
{
	static const char *const reasons[] = {
		[CWND_SLOW_START] = "slow start",
		[CWND_AVOIDANCE] = "congestion avoidance",
		[CWND_RECOVERY] = "what the recovery left",
		[CWND_TIMEOUT] = "timeout",
		[CWND_UNDO] = "a needless reduction is taken back",
		[CWND_IDLE] = "begun anew after a pause",
		[CWND_PROBE] = "a tail-loss probe repaired a loss",
		[CWND_HYSTART] = "slow start left without a loss",
	};
	unsigned int reason = event->flex7 >> 8;
	const char *why = reason < sizeof(reasons) / sizeof(reasons[0]) && reasons[reason]
				  ? reasons[reason]
				  : "unknown reason";
	const char *limit = limit_name(event->flex8);

	if (event->id == EVENT_HYSTART)
		return snprintf(out, bytes, "%s, at a window of %u bytes, %u%%", why,
				event->stack_flex[0], event->flex7 & 0xff);
	return snprintf(out, bytes, "inferred window %u bytes, was %u: %s%s%s, %u%%",
			event->stack_flex[0], event->stack_flex[1], why,
			*limit ? "; limited by " : "", limit, event->flex7 & 0xff);
}

static int word_rtt(const struct event *event, char *out, size_t bytes)
{
	char words[WORDING_MAX], *at = words;
	size_t length;

	at = put_duration(stpcpy(at, "RTT sample "), event->stack_flex[0]);
	at = put_duration(stpcpy(at, ", srtt "), event->stack_flex[1]);
	at = put_duration(stpcpy(at, ", rttvar "), event->stack_flex[2]);
	if (event->stack_flex[3])
		at = put_duration(stpcpy(at, "; near side "), event->stack_flex[3]);
	if (event->flex7 >> 8 == RTT_REASON_ECHO)
		at = stpcpy(at, "; by its time stamp");
	length = (size_t)(at - words) < bytes ? (size_t)(at - words) : bytes - 1;
	memcpy(out, words, length);
	out[length] = '\0';
	return (int)length;
}

/* What the summary says of the window: nothing of a side that has sent no data. */
static void put_limits(const struct event *event, char out[128])
{
	uint32_t told = event->record_flex[1];

	*out = '\0';
	if ((told & 0xffffff) == 0)
		return;
	snprintf(out, 128,
		 "; limited by application %u%%, receiver %u%%, window %u%% of the time; %s",
		 told >> 16 & 0xff, told >> 8 & 0xff, told & 0xff,
		 told >> 24 ? cc_family_name((uint8_t)(told >> 24)) : "congestion control unknown");
	if (told >> 24)
		snprintf(out + strlen(out), 128 - strlen(out), ", %u%%", event->flex8);
}

static int word_event(const struct event *event, char *out, size_t bytes)
{
	char limits[128];

	switch (event->id) {
	case EVENT_RTT:
		return word_rtt(event, out, bytes);
	case EVENT_REASS:
		return word_reass(event, out, bytes);
	case EVENT_PERSIST:
		return word_persist(event, out, bytes);
	case EVENT_MSGSIZE:
		return word_msgsize(event, out, bytes);
	case EVENT_SACK_FILTER_RES:
		return snprintf(
			out, bytes,
			"more outstanding than is followed (%u bytes): no claims until all is "
			"acknowledged",
			event->stack_flex[0]);
	case EVENT_CWND:
	case EVENT_HYSTART:
		return word_window(event, out, bytes);
	case EVENT_FLOWEND:
		put_limits(event, limits);
		return snprintf(
			out, bytes,
			"%s; sent %u segments (%u again, %u bytes), received %u (%u bytes), "
			"%u RTT samples%s%s",
			end_reason_name((uint8_t)event->record_flex[0]), event->stack_flex[0],
			event->stack_flex[2], event->stack_flex[3], event->stack_flex[1],
			event->stack_flex[4], event->stack_flex[5], limits,
			event->record_flex[0] >> 8
				? "; segments larger than the MSS: merged on the way to the tap"
				: "");
	case EVENT_COLLAPSE:
	case EVENT_TSTMP_VAL:
	case EVENT_TIMERSTAR:
		return word_receiver_event(event, out, bytes);
	case EVENT_CONNEND:
		return snprintf(out, bytes, "end of the log: %s",
				end_reason_name((uint8_t)event->record_flex[0]));
	default:
		return word_sender_event(event, out, bytes);
	}
}

size_t wording_of(const struct log_entry *entry, enum side side, char *out, size_t bytes)
{
	int length = entry->kind == LOG_PACKET ? word_segment(entry, side, out, bytes)
					       : word_event(&entry->event, out, bytes);

	if (length <= 0)
		return 0;
	return (size_t)length < bytes ? (size_t)length : bytes - 1;
}
