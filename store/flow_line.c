/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of the flow log. Written by hand, without printf: a hundred thousand a second. */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/flow_log.h"
#include "tcpstate/log_mode.h"
#include "tcpstate/snapshot.h"

#define VERSION	     1
#define NSEC_PER_SEC UINT64_C(1000000000)

static const char *const starts[] = { "?", "syn", "syn-ack", "midstream" };

/* By enum cause. */
static const char *const cause_names[SUMMARY_CAUSES] = {
	[CAUSE_RECOVERY] = "recovery",
	[CAUSE_TLP] = "tlp",
	[CAUSE_TIMEOUT] = "timeout",
	[CAUSE_SYN] = "syn",
	[CAUSE_FIN] = "fin",
	[CAUSE_WINDOW_PROBE] = "window_probe",
	[CAUSE_KEEPALIVE] = "keepalive",
	[CAUSE_AMBIGUOUS] = "ambiguous",
};

struct text {
	char *at;
};

static void put_bytes(struct text *t, const char *bytes, size_t count)
{
	memcpy(t->at, bytes, count);
	t->at += count;
}

#define PUT(t, literal) put_bytes(t, literal, sizeof(literal) - 1)

static void put_number(struct text *t, uint64_t number)
{
	char digits[20];
	int count = 0;

	do
		digits[count++] = (char)('0' + number % 10);
	while (number /= 10);
	while (count)
		*t->at++ = digits[--count];
}

/* How long the UTF-8 sequence is that begins here; 0: none does (RFC 3629). */
static size_t sequence_bytes(const unsigned char *at)
{
	size_t bytes = at[0] < 0x80   ? 1
		       : at[0] < 0xc2 ? 0
		       : at[0] < 0xe0 ? 2
		       : at[0] < 0xf0 ? 3
		       : at[0] < 0xf5 ? 4
				      : 0;

	for (size_t i = 1; i < bytes; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return bytes;
}

/* Names come from outside: each byte that is not UTF-8 becomes '?', so that text and row are the same. */
static void clean(char *out, size_t room, const char *in)
{
	const unsigned char *at = (const unsigned char *)in;
	size_t length = 0;

	while (*at && length + 1 < room) {
		size_t bytes = sequence_bytes(at);

		if (length + bytes >= room)
			break;
		if (bytes)
			memcpy(out + length, at, bytes);
		else
			out[length] = '?';
		length += bytes ? bytes : 1;
		at += bytes ? bytes : 1;
	}
	out[length] = '\0';
}

static void put_string(struct text *t, const char *string)
{
	static const char hex[] = "0123456789abcdef";
	char cleaned[512];

	clean(cleaned, sizeof(cleaned), string);
	*t->at++ = '"';
	for (const char *from = cleaned; *from; from++) {
		unsigned char c = (unsigned char)*from;

		if (c == '"' || c == '\\') {
			*t->at++ = '\\';
			*t->at++ = (char)c;
		} else if (c < ' ' || c == 0x7f) {
			PUT(t, "\\u00");
			*t->at++ = hex[c >> 4];
			*t->at++ = hex[c & 15];
		} else {
			*t->at++ = (char)c;
		}
	}
	*t->at++ = '"';
}

#define NUMBER(t, name, value) (PUT(t, ",\"" name "\":"), put_number(t, value))
#define STRING(t, name, value) (PUT(t, ",\"" name "\":"), put_string(t, value))

static void put_bool(struct text *t, bool value)
{
	if (value)
		PUT(t, "true");
	else
		PUT(t, "false");
}

#define BOOL(t, name, value) (PUT(t, ",\"" name "\":"), put_bool(t, value))

static void put_digits(struct text *t, uint64_t number, int digits)
{
	for (int i = digits - 1; i >= 0; i--, number /= 10)
		t->at[i] = (char)('0' + number % 10);
	t->at += digits;
}

static void put_time(struct text *t, uint64_t ns)
{
	time_t seconds = (time_t)(ns / NSEC_PER_SEC);
	struct tm utc;

	gmtime_r(&seconds, &utc);
	*t->at++ = '"';
	put_digits(t, (uint64_t)utc.tm_year + 1900, 4);
	*t->at++ = '-';
	put_digits(t, (uint64_t)utc.tm_mon + 1, 2);
	*t->at++ = '-';
	put_digits(t, (uint64_t)utc.tm_mday, 2);
	*t->at++ = 'T';
	put_digits(t, (uint64_t)utc.tm_hour, 2);
	*t->at++ = ':';
	put_digits(t, (uint64_t)utc.tm_min, 2);
	*t->at++ = ':';
	put_digits(t, (uint64_t)utc.tm_sec, 2);
	*t->at++ = '.';
	put_digits(t, ns % NSEC_PER_SEC, 9);
	PUT(t, "Z\"");
}

static void put_causes(struct text *t, const char *name, const uint32_t counts[SUMMARY_CAUSES])
{
	bool any = false;

	for (int cause = CAUSE_RECOVERY; cause < SUMMARY_CAUSES; cause++) {
		/* These two are members of their own. */
		if (!counts[cause] || cause == CAUSE_WINDOW_PROBE || cause == CAUSE_KEEPALIVE)
			continue;
		if (!any) {
			PUT(t, ",\"");
			put_bytes(t, name, strlen(name));
			PUT(t, "\":{\"");
		} else {
			PUT(t, ",\"");
		}
		put_bytes(t, cause_names[cause], strlen(cause_names[cause]));
		PUT(t, "\":");
		put_number(t, counts[cause]);
		any = true;
	}
	if (any)
		*t->at++ = '}';
}

static void put_address(struct text *t, const struct flow_summary *summary, uint8_t k)
{
	bool v4 = summary->key.ip_version == 4;
	const uint8_t *bytes = summary->key.addr[k];
	char address[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + 12 : bytes, address, sizeof(address));
	PUT(t, "\"address\":\"");
	put_bytes(t, address, strlen(address));
	*t->at++ = '"';
	NUMBER(t, "port", __builtin_bswap16(summary->key.port_be[k]));
}

static void put_acks(struct text *t, const struct flow_side_summary *side)
{
	NUMBER(t, "acks", side->acks);
	NUMBER(t, "acked_segments", side->acked_segments);
	NUMBER(t, "acked_segments_max", side->acked_segments_max);
	NUMBER(t, "ack_delay_min_us", side->ack_delay_min_us);
	NUMBER(t, "ack_delay_mean_us", side->ack_delay_mean_us);
	NUMBER(t, "ack_delay_max_us", side->ack_delay_max_us);
	NUMBER(t, "delayed_acks", side->delayed_acks);
	NUMBER(t, "dsacks", side->dsacks);
	NUMBER(t, "paws_rejects", side->paws_rejects);
	NUMBER(t, "window_collapses", side->window_collapses);
	NUMBER(t, "super_packets", side->super_packets);
}

/* Inferred, of a side that has sent data. */
static void put_limits(struct text *t, const struct flow_side_summary *side)
{
	if (side->limited_ms[0] | side->limited_ms[1] | side->limited_ms[2]) {
		PUT(t, ",\"limited_ms\":{");
		for (uint8_t limit = LIMIT_APPLICATION; limit < LIMIT_COUNT; limit++) {
			const char *name = limit_name(limit);

			if (limit != LIMIT_APPLICATION)
				*t->at++ = ',';
			*t->at++ = '"';
			put_bytes(t, name, strlen(name));
			PUT(t, "\":");
			put_number(t, side->limited_ms[limit - 1]);
		}
		*t->at++ = '}';
	}
	if (side->cc_family != CC_UNKNOWN) {
		STRING(t, "cc", cc_family_name(side->cc_family));
		NUMBER(t, "cc_confidence", side->cc_confidence);
	}
}

static void put_side(struct text *t, const struct flow_summary *summary, enum side which)
{
	const struct flow_side_summary *side = &summary->side[which];

	*t->at++ = '{';
	put_address(t, summary, which == SIDE_CLIENT ? summary->client : !summary->client);
	STRING(t, "state", tcp_state_name(side->state));
	if (summary->end_reason == END_NONE)
		NUMBER(t, "records", side->records);
	NUMBER(t, "segments", side->segments);
	NUMBER(t, "payload_bytes", side->payload_bytes);
	NUMBER(t, "retransmitted_segments", side->retransmitted_segments);
	NUMBER(t, "retransmitted_bytes", side->retransmitted_bytes);
	put_causes(t, "retransmissions", side->by_cause);
	put_causes(t, "needless", side->needless_by_cause);
	NUMBER(t, "out_of_order_segments", side->out_of_order_segments);
	NUMBER(t, "duplicate_acks", side->duplicate_acks);
	NUMBER(t, "zero_windows", side->zero_windows);
	NUMBER(t, "gap_bytes", side->gap_bytes);
	NUMBER(t, "bad_checksums", side->bad_checksums);
	NUMBER(t, "mirror_duplicates", side->mirror_duplicates);
	NUMBER(t, "keepalives", side->keepalives);
	NUMBER(t, "window_probes", side->window_probes);
	NUMBER(t, "rtt_samples", side->rtt_samples);
	NUMBER(t, "rtt_min_us", side->rtt_min_us);
	NUMBER(t, "rtt_median_us", side->rtt_median_us);
	NUMBER(t, "rtt_max_us", side->rtt_max_us);
	NUMBER(t, "srtt_us", side->srtt_us);
	NUMBER(t, "rttvar_us", side->rttvar_us);
	BOOL(t, "syn", side->syn_seen);
	BOOL(t, "fin", side->fin_seen);
	BOOL(t, "rst", side->rst_seen);
	BOOL(t, "sack_permitted", side->sack_permitted);
	put_acks(t, side);
	put_limits(t, side);
	/* What only a SYN tells. */
	if (side->syn_seen) {
		NUMBER(t, "iss", side->iss);
		if (side->mss_bytes)
			NUMBER(t, "mss_bytes", side->mss_bytes);
		if (side->wscale != 255)
			NUMBER(t, "window_scale", side->wscale);
	}
	*t->at++ = '}';
}

static void put_place(struct text *t, const char *path, uint64_t offset_bytes)
{
	PUT(t, "{\"file\":");
	put_string(t, path);
	NUMBER(t, "offset", offset_bytes);
	*t->at++ = '}';
}

static void put_sections(struct text *t, const struct flow_sections *sections)
{
	static const char *const names[2] = { "\"client\":{", "\"server\":{" };
	bool any = false;

	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		if (!sections->view[side].count && !sections->view[side].failed)
			continue;
		if (any)
			*t->at++ = ',';
		else
			PUT(t, ",\"sections\":{");
		any = true;
		put_bytes(t, names[side], strlen(names[side]));
		PUT(t, "\"count\":");
		put_number(t, sections->view[side].count);
		if (*sections->view[side].first_path) {
			PUT(t, ",\"first\":");
			put_place(t, sections->view[side].first_path,
				  sections->view[side].first_offset_bytes);
		}
		if (sections->view[side].count > 1 && *sections->view[side].last_path) {
			PUT(t, ",\"last\":");
			put_place(t, sections->view[side].last_path,
				  sections->view[side].last_offset_bytes);
		}
		if (sections->view[side].failed) {
			NUMBER(t, "failed", sections->view[side].failed);
			NUMBER(t, "records_failed", sections->view[side].records_failed);
		}
		*t->at++ = '}';
	}
	if (any)
		*t->at++ = '}';
}

static void put_names(struct text *t, const struct flow_summary *summary)
{
	STRING(t, "mode", log_mode_name(summary->mode));
	if (*summary->rule)
		STRING(t, "rule", summary->rule);
	if (*summary->id)
		STRING(t, "id", summary->id);
	if (*summary->tag)
		STRING(t, "tag", summary->tag);
	if (*summary->application.proto)
		STRING(t, "proto", summary->application.proto);
	if (*summary->application.host)
		STRING(t, "host", summary->application.host);
}

size_t flow_line_write(char *out, const struct flow_summary *summary,
		       const struct flow_sections *sections, const struct iface_table *ifaces)
{
	struct text text = { .at = out }, *t = &text;
	uint64_t duration_ns = summary->last_ts_ns > summary->first_ts_ns
				       ? summary->last_ts_ns - summary->first_ts_ns
				       : 0;

	PUT(t, "{\"version\":");
	put_number(t, VERSION);
	NUMBER(t, "connection", summary->connection);
	PUT(t, ",\"first\":");
	put_time(t, summary->first_ts_ns);
	PUT(t, ",\"last\":");
	put_time(t, summary->last_ts_ns);
	NUMBER(t, "duration_us", duration_ns / 1000);
	STRING(t, "start", starts[summary->start & 3]);
	STRING(t, "end", end_reason_name(summary->end_reason));
	STRING(t, "interface", ifaces->entries[summary->iface].name);
	put_names(t, summary);
	NUMBER(t, "events_lost", summary->events_lost);
	NUMBER(t, "sections_handed_over", summary->sections);
	if (sections)
		put_sections(t, sections);
	PUT(t, ",\"client\":");
	put_side(t, summary, SIDE_CLIENT);
	PUT(t, ",\"server\":");
	put_side(t, summary, SIDE_SERVER);
	PUT(t, "}\n");
	return (size_t)(t->at - out);
}

static void row_side(struct flow_row_side *out, const struct flow_summary *summary, enum side which)
{
	const struct flow_side_summary *side = &summary->side[which];
	uint8_t k = which == SIDE_CLIENT ? summary->client : !summary->client;

	memcpy(out->address, summary->key.addr[k], 16);
	if (summary->key.ip_version == 4)
		memset(out->address, 0, 12);
	out->port = __builtin_bswap16(summary->key.port_be[k]);
	out->state = side->state;
	out->segments = side->segments;
	out->payload_bytes = side->payload_bytes;
	out->retransmitted_segments = side->retransmitted_segments;
	out->out_of_order_segments = side->out_of_order_segments;
	out->zero_windows = side->zero_windows;
	out->rtt_min_us = side->rtt_min_us;
	out->rtt_median_us = side->rtt_median_us;
	out->rtt_max_us = side->rtt_max_us;
	out->srtt_us = side->srtt_us;
}

void flow_row_from_summary(struct flow_row *out, const struct flow_summary *summary)
{
	memset(out, 0, sizeof(*out));
	out->connection = summary->connection;
	out->first_ns = summary->first_ts_ns;
	out->last_ns = summary->last_ts_ns;
	out->ip_version = summary->key.ip_version;
	out->start = summary->start;
	out->end_reason = summary->end_reason;
	out->sections = summary->sections;
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
		row_side(&out->side[side], summary, side);
	clean(out->id, sizeof(out->id), summary->id);
	clean(out->tag, sizeof(out->tag), summary->tag);
	clean(out->rule, sizeof(out->rule), summary->rule);
	clean(out->proto, sizeof(out->proto), summary->application.proto);
	clean(out->host, sizeof(out->host), summary->application.host);
}

static uint64_t get_number(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	return value > 0 ? (uint64_t)value : 0;
}

static void get_string(const json_t *object, const char *name, char *out, size_t room)
{
	const char *value = json_string_value(json_object_get(object, name));

	clean(out, room, value ? value : "");
}

static bool get_time(const json_t *object, const char *name, uint64_t *ns)
{
	const char *text = json_string_value(json_object_get(object, name));
	struct tm utc = { 0 };
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &utc) : NULL;
	time_t seconds = rest ? timegm(&utc) : -1;
	char *end;

	if (seconds < 0 || *rest != '.' || strspn(rest + 1, "0123456789") != 9)
		return false;
	*ns = (uint64_t)seconds * NSEC_PER_SEC + strtoul(rest + 1, &end, 10);
	return strcmp(end, "Z") == 0;
}

static uint8_t index_of(const char *text, const char *(*name_of)(uint32_t), uint8_t count)
{
	for (uint8_t i = 0; text && i < count; i++)
		if (strcmp(name_of(i), text) == 0)
			return i;
	return 0;
}

static const char *state_name(uint32_t state)
{
	return tcp_state_name(state);
}

static const char *reason_name(uint32_t reason)
{
	return end_reason_name((uint8_t)reason);
}

static const char *start_name(uint32_t start)
{
	return starts[start & 3];
}

static bool get_side(struct flow_row_side *out, const json_t *object, uint8_t *ip_version)
{
	const char *address = json_string_value(json_object_get(object, "address"));
	bool v6 = address && strchr(address, ':');

	if (!address ||
	    inet_pton(v6 ? AF_INET6 : AF_INET, address, v6 ? out->address : out->address + 12) != 1)
		return false;
	*ip_version = v6 ? 6 : 4;
	out->port = (uint16_t)get_number(object, "port");
	out->state = index_of(json_string_value(json_object_get(object, "state")), state_name, 11);
	out->segments = get_number(object, "segments");
	out->payload_bytes = get_number(object, "payload_bytes");
	out->retransmitted_segments = (uint32_t)get_number(object, "retransmitted_segments");
	out->out_of_order_segments = (uint32_t)get_number(object, "out_of_order_segments");
	out->zero_windows = (uint32_t)get_number(object, "zero_windows");
	out->rtt_min_us = (uint32_t)get_number(object, "rtt_min_us");
	out->rtt_median_us = (uint32_t)get_number(object, "rtt_median_us");
	out->rtt_max_us = (uint32_t)get_number(object, "rtt_max_us");
	out->srtt_us = (uint32_t)get_number(object, "srtt_us");
	return true;
}

bool flow_row_from_line(struct flow_row *out, const char *line, size_t bytes)
{
	uint64_t frame_bytes = out->frame_bytes;
	uint32_t number = out->line;
	json_t *object = json_loadb(line, bytes, 0, NULL);
	uint8_t versions[2] = { 0 };
	bool is_one;

	memset(out, 0, sizeof(*out));
	out->frame_bytes = frame_bytes;
	out->line = number;
	out->connection = get_number(object, "connection");
	out->start = index_of(json_string_value(json_object_get(object, "start")), start_name, 4);
	out->end_reason =
		index_of(json_string_value(json_object_get(object, "end")), reason_name, 8);
	out->sections = (uint32_t)get_number(object, "sections_handed_over");
	get_string(object, "id", out->id, sizeof(out->id));
	get_string(object, "tag", out->tag, sizeof(out->tag));
	get_string(object, "rule", out->rule, sizeof(out->rule));
	get_string(object, "proto", out->proto, sizeof(out->proto));
	get_string(object, "host", out->host, sizeof(out->host));
	is_one = get_time(object, "first", &out->first_ns) &&
		 get_time(object, "last", &out->last_ns) &&
		 get_side(&out->side[SIDE_CLIENT], json_object_get(object, "client"),
			  &versions[0]) &&
		 get_side(&out->side[SIDE_SERVER], json_object_get(object, "server"),
			  &versions[1]) &&
		 versions[0] == versions[1];
	out->ip_version = versions[0];
	json_decref(object);
	return is_one;
}
