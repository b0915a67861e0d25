/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/log_name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/frame.h"

#define TIME_FORMAT "%Y%m%dT%H%M%SZ"
#define TIME_BYTES  16
#define HOUR_FORMAT "%Y%m%dT%HZ"
#define HOUR_BYTES  12
#define SECONDS_MAX UINT64_C(253402300799) /* the end of the year 9999 */
#define UNKNOWN_TAG "UNKNOWN"
#define FLOW_SUFFIX ".jsonl.zst"
#define LOG_SUFFIX  ".pcapng"
#define NUMBER_MAX  UINT32_C(999999999)

static const char *const view_names[2] = { "client", "server" };

static const struct {
	uint16_t linktype;
	const char *suffix;
} linktypes[] = {
	{ LINKTYPE_ETHERNET, "" },	    { LINKTYPE_NULL, ".null" }, { LINKTYPE_PPP, ".ppp" },
	{ LINKTYPE_PPP_HDLC, ".ppp-hdlc" }, { LINKTYPE_RAW, ".raw" },	{ LINKTYPE_LOOP, ".loop" },
	{ LINKTYPE_LINUX_SLL, ".sll" },	    { LINKTYPE_IPV4, ".ipv4" }, { LINKTYPE_IPV6, ".ipv6" },
	{ LINKTYPE_LINUX_SLL2, ".sll2" },
};

#define LINKTYPES (sizeof(linktypes) / sizeof(linktypes[0]))

void log_name_tag(const char *tag, char out[TAG_NAME_MAX])
{
	char *to = out;

	if (!*tag) {
		strcpy(out, UNKNOWN_TAG);
		return;
	}
	for (size_t i = 0; i < LOG_TAG_MAX - 1 && tag[i]; i++) {
		unsigned char byte = (unsigned char)tag[i];

		/* A leading dot would hide the file, or be "." or ".." */
		if (isalnum(byte) || byte == '-' || byte == '_' || (byte == '.' && i > 0))
			*to++ = (char)byte;
		else
			to += sprintf(to, "%%%02X", byte);
	}
	*to = '\0';
}

bool log_name_tag_decode(const char *name, size_t bytes, char out[LOG_TAG_MAX])
{
	char again[TAG_NAME_MAX];
	size_t length = 0;

	if (bytes == strlen(UNKNOWN_TAG) && memcmp(name, UNKNOWN_TAG, bytes) == 0)
		bytes = 0;
	for (size_t i = 0; i < bytes; i++) {
		char byte = name[i];

		if (length == LOG_TAG_MAX - 1)
			return false;
		if (byte == '%') {
			char hex[3] = { 0 };

			if (bytes - i < 3 || !isxdigit((unsigned char)name[i + 1]) ||
			    !isxdigit((unsigned char)name[i + 2]))
				return false;
			memcpy(hex, name + i + 1, 2);
			byte = (char)strtoul(hex, NULL, 16);
			i += 2;
		}
		if (!byte)
			return false;
		out[length++] = byte;
	}
	out[length] = '\0';
	if (bytes == 0)
		return true;
	/* Only what we would write ourselves: a name has one tag and a tag one name. */
	log_name_tag(out, again);
	return strlen(again) == bytes && memcmp(again, name, bytes) == 0;
}

void log_name_linktype_suffix(uint16_t linktype, char out[LINKTYPE_SUFFIX_MAX])
{
	for (size_t i = 0; i < LINKTYPES; i++)
		if (linktypes[i].linktype == linktype) {
			strcpy(out, linktypes[i].suffix);
			return;
		}
	snprintf(out, LINKTYPE_SUFFIX_MAX, ".link-%u", linktype);
}

static bool parse_linktype(const char *suffix, size_t bytes, uint16_t *linktype)
{
	char text[LINKTYPE_SUFFIX_MAX];
	char *end;

	for (size_t i = 0; i < LINKTYPES; i++)
		if (strlen(linktypes[i].suffix) == bytes &&
		    memcmp(linktypes[i].suffix, suffix, bytes) == 0) {
			*linktype = linktypes[i].linktype;
			return true;
		}
	if (bytes < 7 || bytes > 11 || memcmp(suffix, ".link-", 6) != 0)
		return false;
	memcpy(text, suffix + 6, bytes - 6);
	text[bytes - 6] = '\0';
	*linktype = (uint16_t)strtoul(text, &end, 10);
	return !*end && isdigit((unsigned char)text[0]);
}

static void put_time(uint64_t seconds, const char *format, char *out, size_t bytes)
{
	time_t time = (time_t)(seconds < SECONDS_MAX ? seconds : SECONDS_MAX);
	struct tm utc;

	gmtime_r(&time, &utc);
	strftime(out, bytes, format, &utc);
}

/* The time at the begin of text; false: there is none. */
static bool get_time(const char *text, const char *format, size_t bytes, uint64_t *seconds)
{
	char again[32], copy[32];
	struct tm utc = { 0 };
	time_t time;

	if (strnlen(text, bytes) < bytes)
		return false;
	memcpy(copy, text, bytes);
	copy[bytes] = '\0';
	if (!strptime(copy, format, &utc))
		return false;
	time = timegm(&utc);
	if (time < 0)
		return false;
	*seconds = (uint64_t)time;
	put_time(*seconds, format, again, sizeof(again));
	return strcmp(again, copy) == 0;
}

void log_name_make(const struct log_name *name, char out[LOG_NAME_MAX])
{
	char tag[TAG_NAME_MAX], start[32], suffix[LINKTYPE_SUFFIX_MAX];

	log_name_tag(name->tag, tag);
	put_time(name->start_s, TIME_FORMAT, start, sizeof(start));
	log_name_linktype_suffix(name->linktype, suffix);
	snprintf(out, LOG_NAME_MAX, "%s-%s-%u.%s%s" LOG_SUFFIX, tag, start, name->number,
		 view_names[name->side], suffix);
}

/* The last bytes of text, if they are these, are taken off. */
static bool take_off(const char *text, size_t *bytes, const char *suffix)
{
	size_t length = strlen(suffix);

	if (*bytes < length || memcmp(text + *bytes - length, suffix, length) != 0)
		return false;
	*bytes -= length;
	return true;
}

static bool get_number(const char *text, const char **end, uint32_t *number)
{
	unsigned long value;
	char *behind;

	if (*text < '1' || *text > '9')
		return false;
	value = strtoul(text, &behind, 10);
	*end = behind;
	*number = (uint32_t)value;
	return value <= NUMBER_MAX;
}

bool log_name_parse(const char *text, struct log_name *out)
{
	size_t bytes = strnlen(text, LOG_NAME_MAX + 16);
	const char *at;

	memset(out, 0, sizeof(*out));
	if (bytes > LOG_NAME_MAX)
		return false;
	out->part = take_off(text, &bytes, LOG_NAME_PART);
	out->compressed = take_off(text, &bytes, ".zst");
	if (!take_off(text, &bytes, LOG_SUFFIX))
		return false;
	/* From behind: a tag may have anything in it. "-<time>-<n>." is the last of its kind. */
	for (at = text + bytes; at > text; at--) {
		const char *rest;

		if (*at != '-' || !get_time(at + 1, TIME_FORMAT, TIME_BYTES, &out->start_s) ||
		    at[1 + TIME_BYTES] != '-' ||
		    !get_number(at + 2 + TIME_BYTES, &rest, &out->number) || *rest != '.')
			continue;
		for (out->side = SIDE_CLIENT; out->side <= SIDE_SERVER; out->side++) {
			size_t length = strlen(view_names[out->side]);

			if (strncmp(rest + 1, view_names[out->side], length) != 0)
				continue;
			rest += 1 + length;
			return rest <= text + bytes &&
			       parse_linktype(rest, (size_t)(text + bytes - rest),
					      &out->linktype) &&
			       log_name_tag_decode(text, (size_t)(at - text), out->tag);
		}
		return false;
	}
	return false;
}

void log_name_hour(uint64_t hour, char out[HOUR_NAME_MAX])
{
	put_time(hour < SECONDS_MAX / 3600 ? hour * 3600 : SECONDS_MAX, HOUR_FORMAT, out,
		 HOUR_NAME_MAX);
}

bool log_name_hour_parse(const char *text, uint64_t *hour)
{
	uint64_t seconds;

	if (!get_time(text, HOUR_FORMAT, HOUR_BYTES, &seconds))
		return false;
	*hour = seconds / 3600;
	return true;
}

void flow_name_make(const struct flow_name *name, char out[LOG_NAME_MAX])
{
	char hour[HOUR_NAME_MAX], number[16] = "";

	log_name_hour(name->hour, hour);
	if (name->number > 1)
		snprintf(number, sizeof(number), "-%u", name->number);
	snprintf(out, LOG_NAME_MAX, "%s%s" FLOW_SUFFIX, hour, number);
}

bool flow_name_parse(const char *text, struct flow_name *out)
{
	size_t bytes = strnlen(text, LOG_NAME_MAX);
	const char *rest = text + HOUR_BYTES;

	memset(out, 0, sizeof(*out));
	if (!log_name_hour_parse(text, &out->hour))
		return false;
	out->part = take_off(text, &bytes, LOG_NAME_PART);
	if (!take_off(text, &bytes, FLOW_SUFFIX))
		return false;
	out->number = 1;
	if (*rest == '-' && !get_number(rest + 1, &rest, &out->number))
		return false;
	return rest == text + bytes;
}
