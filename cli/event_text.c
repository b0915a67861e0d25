/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/event_text.h"

#include "cli/time_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#define NSEC_PER_SEC	UINT64_C(1000000000)
#define SEGMENT_COLUMNS 54

static void put_utc(uint64_t ts_ns, char out[40])
{
	time_t seconds = (time_t)(ts_ns / NSEC_PER_SEC);
	struct tm utc;
	size_t length;

	gmtime_r(&seconds, &utc);
	length = strftime(out, 32, "%Y-%m-%d %H:%M:%S", &utc);
	snprintf(out + length, 40 - length, ".%06u", (unsigned int)(ts_ns % NSEC_PER_SEC / 1000));
}

void event_text_section(FILE *to, const struct event_view *view)
{
	const struct bblog_section *section = &view->reader->section;
	char id[LOG_ID_MAX], tag[LOG_TAG_MAX], reason[LOG_REASON_MAX];

	plain_text(section->id, id, sizeof(id));
	plain_text(section->tag, tag, sizeof(tag));
	plain_text(section->reason, reason, sizeof(reason));
	if (view->section > 1)
		fputc('\n', to);
	fprintf(to, "== log of %s", view->local);
	if (view->view)
		fprintf(to, " (%s)", view->view);
	fprintf(to, ", peer %s", view->foreign);
	if (*id)
		fprintf(to, ", id \"%s\"", id);
	if (*tag)
		fprintf(to, ", tag \"%s\"", tag);
	if (*reason)
		fprintf(to, "; written because: %s", reason);
	fputc('\n', to);
}

static void print_time(FILE *to, const struct event_view *view, enum time_style style)
{
	char utc[TIME_TEXT_MAX];
	uint64_t base_ns = view->first_ts_ns;
	int64_t since_us;

	if (style == STYLE_UTC || style == STYLE_LOCAL) {
		if (style == STYLE_UTC)
			put_utc(view->ts_ns, utc);
		else
			time_text_put(SHOW_LOCAL, view->ts_ns, 0, 0, utc);
		fprintf(to, "%s ", utc);
		return;
	}
	if (style == STYLE_DELTA)
		base_ns = view->before_ns;
	/* Events without a packet have microseconds: two of one time shall show one time. */
	since_us = (int64_t)(view->ts_ns / 1000) - (int64_t)(base_ns / 1000);
	fprintf(to, "%s%5" PRId64 ".%06" PRId64 " ", since_us < 0 ? "-" : " ",
		(since_us < 0 ? -since_us : since_us) / 1000000,
		(since_us < 0 ? -since_us : since_us) % 1000000);
}

/* As tcpdump has them: S F R P . U E W e */
static void put_flags(uint16_t flags, char out[16])
{
	static const struct {
		uint16_t flag;
		char letter;
	} letters[] = { { TCP_FIN, 'F' }, { TCP_SYN, 'S' }, { TCP_RST, 'R' },
			{ TCP_PSH, 'P' }, { TCP_ACK, '.' }, { TCP_URG, 'U' },
			{ TCP_ECE, 'E' }, { TCP_CWR, 'W' }, { TCP_AE, 'e' } };
	char *at = out;

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (flags & letters[i].flag)
			*at++ = letters[i].letter;
	if (at == out)
		*at++ = '-';
	*at = '\0';
}

/* Appends to a text of limited room. */
struct text {
	char *at, *end;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->at, (size_t)(text->end - text->at), format, arguments);
	va_end(arguments);
	text->at += length < text->end - text->at ? length : text->end - text->at - 1;
}

static void add_options(struct text *text, const struct segment *seg, uint32_t acked_base,
			bool verbose)
{
	const struct tcp_options *o = &seg->options;
	const char *before = " <";

#define EACH(condition, ...)                                                                       \
	if (condition) {                                                                           \
		add(text, "%s", before);                                                           \
		add(text, __VA_ARGS__);                                                            \
		before = ",";                                                                      \
	}
	EACH(o->seen & TCPOPT_HAS_MSS, "mss %u", o->mss_bytes)
	EACH(o->seen & TCPOPT_HAS_WSCALE, "ws %u", o->wscale)
	EACH(o->seen & TCPOPT_HAS_SACK_PERMITTED, "sackOK")
	for (uint8_t i = 0; i < o->sack_count; i++)
		EACH(true, "sack %u:%u", o->sack[i].start - acked_base, o->sack[i].end - acked_base)
	EACH(o->seen & TCPOPT_HAS_FASTOPEN, "tfo")
	EACH(o->seen & TCPOPT_HAS_MPTCP, "mptcp")
	EACH(o->seen & TCPOPT_HAS_MD5, "md5")
	EACH(o->seen & TCPOPT_HAS_AO, "ao")
	EACH(verbose && o->seen & TCPOPT_HAS_TIMESTAMP, "ts %u/%u", o->tsval, o->tsecr)
	EACH(o->seen & TCPOPT_HAS_BAD, "bad option")
	EACH(o->seen & TCPOPT_IS_CUT, "options cut")
#undef EACH
	if (before[0] == ',')
		add(text, ">");
}

/* "[P.] 1:433(432) ack 1 win 65520 <...>" */
static void put_segment(const struct event_view *view, bool verbose, char *out, size_t bytes)
{
	const struct segment *seg = &view->segment;
	bool outward = view->reader->record.event_id == EVENT_OUT;
	uint32_t own_base = outward ? view->local_base : view->peer_base;
	uint32_t acked_base = outward ? view->peer_base : view->local_base;
	uint32_t seq = seg->seq - own_base;
	uint8_t shift = outward ? view->reader->record.rcv_scale : view->reader->record.snd_scale;
	struct text text = { out, out + bytes };
	char flags[16];

	put_flags(seg->flags, flags);
	add(&text, "[%s] %u", flags, seq);
	if (segment_length(seg))
		add(&text, ":%u(%u)", seq + segment_length(seg), seg->payload_bytes);
	if (seg->flags & TCP_ACK)
		add(&text, " ack %u", seg->ack - acked_base);
	add(&text, " win %u", seg->flags & TCP_SYN ? seg->window : (uint32_t)seg->window << shift);
	if (seg->flags & TCP_URG)
		add(&text, " urg %u", seg->urgent);
	add_options(&text, seg, acked_base, verbose);
}

static void print_state(FILE *to, const struct event_view *view)
{
	const struct bblog_record *record = &view->reader->record;

	fprintf(to, "%-12s una %-9u max %-9u rcv %-9u wnd %u", tcp_state_name(record->state),
		record->snd_una ? record->snd_una - view->local_base : 0,
		record->snd_max ? record->snd_max - view->local_base : 0,
		record->rcv_nxt && view->has_peer_base ? record->rcv_nxt - view->peer_base : 0,
		record->snd_wnd);
	if (record->srtt)
		fprintf(to, " srtt %u.%03u ms", record->srtt / 1000, record->srtt % 1000);
	if (record->snd_cwnd)
		fprintf(to, " cwnd %u", record->snd_cwnd);
}

static void print_verbose(FILE *to, const struct event_view *view)
{
	const struct bblog_record *record = &view->reader->record;

	fprintf(to,
		"\n%24siss %u flags 0x%08x flags2 0x%04x rttvar %u us min rtt %" PRIu64 " us\n"
		"%24sadv %u rcv_wnd %u dupacks %u reass %u holes %u inflight %u ssthresh %u\n"
		"%24sflex %u %u stack flex %u %u %u %u %u %u flex7 0x%04x flex8 %u",
		"", record->iss, record->flags, record->flags2, record->rttvar,
		record->stack.rtt_prop, "", record->rcv_adv, record->rcv_wnd, record->dupacks,
		record->segqlen, record->snd_numholes, record->stack.inflight, record->snd_ssthresh,
		"", record->flex1, record->flex2, record->stack.flex[0], record->stack.flex[1],
		record->stack.flex[2], record->stack.flex[3], record->stack.flex[4],
		record->stack.flex[5], record->stack.flex7, record->stack.flex8);
}

void event_text_record(FILE *to, const struct event_view *view, enum time_style style, bool verbose)
{
	const struct section_reader *reader = view->reader;
	char words[SECTION_COMMENT_MAX], segment[512] = "";

	plain_text(reader->comment, words, sizeof(words));
	print_time(to, view, style);
	if (!reader->has_tcpinfo) {
		fprintf(to, "       a packet without black box information\n");
		return;
	}
	fprintf(to, "%6u %-8s ", reader->record.serial, event_name(reader->record.event_id));
	/*
	 * An event without a segment says in words what it is, in the segment's place. FreeBSD's have no
	 * words: then the state is all there is to say.
	 */
	if (view->has_segment)
		put_segment(view, verbose, segment, sizeof(segment));
	if (!reader->has_packet && *words) {
		fprintf(to, "%s", words);
	} else {
		if (reader->has_packet && !view->has_segment)
			strcpy(segment, "a packet that can't be decoded");
		fprintf(to, "%-*s | ", SEGMENT_COLUMNS, segment);
		print_state(to, view);
		if (*words)
			fprintf(to, "; %s", words);
	}
	if (verbose)
		print_verbose(to, view);
	fputc('\n', to);
}

void event_text_skip(FILE *to, const struct event_view *view)
{
	fprintf(to, "%20s skipped: %u event%s missing here\n", "", view->reader->skipped,
		view->reader->skipped == 1 ? " is" : "s are");
}
