/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/trigger_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/values.h"

#define SHARE_OF_DEFAULT 1000
#define SHARE_OF_MAX	 1000000
#define COUNT_MAX	 1000000

enum form {
	FORM_PLAIN, /* a name and nothing else */
	FORM_COUNT, /* ">= N" or "> N" */
	FORM_TIME,  /* "> 500ms" */
	FORM_SHARE, /* "> 5% of 1000" */
	FORM_RTT,   /* a time, or "> 3 x minimum" */
};

static const struct trigger_word {
	const char *name;
	enum trigger_kind kind;
	enum form form;
	const char *example;
} words[] = {
	{ "rst", TRIGGER_RST, FORM_PLAIN, "rst" },
	{ "rst-after-data", TRIGGER_RST_AFTER_DATA, FORM_PLAIN, "rst-after-data" },
	{ "refused", TRIGGER_REFUSED, FORM_PLAIN, "refused" },
	{ "syn-timeout", TRIGGER_SYN_TIMEOUT, FORM_PLAIN, "syn-timeout" },
	{ "rto", TRIGGER_RTO, FORM_COUNT, "rto >= 2" },
	{ "retransmit", TRIGGER_RETRANSMIT, FORM_SHARE, "retransmit > 5% of 1000" },
	{ "spurious", TRIGGER_SPURIOUS, FORM_COUNT, "spurious >= 3" },
	{ "zero-window", TRIGGER_ZERO_WINDOW, FORM_TIME, "zero-window > 2s" },
	{ "rtt", TRIGGER_RTT, FORM_RTT, "rtt > 500ms, or rtt > 10 x minimum" },
	{ "stall", TRIGGER_STALL, FORM_TIME, "stall > 5s" },
	{ "reorder", TRIGGER_REORDER, FORM_COUNT, "reorder > 8" },
	{ "window-collapse", TRIGGER_WINDOW_COLLAPSE, FORM_PLAIN, "window-collapse" },
	{ "checksum", TRIGGER_CHECKSUM, FORM_PLAIN, "checksum" },
	{ "capture-gap", TRIGGER_CAPTURE_GAP, FORM_PLAIN, "capture-gap" },
	{ "ecn-ce", TRIGGER_ECN_CE, FORM_SHARE, "ecn-ce > 10% of 1000" },
};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

static const struct trigger_word *word_of(const char *text, size_t length)
{
	for (size_t i = 0; i < WORD_COUNT; i++)
		if (strlen(words[i].name) == length && strncmp(words[i].name, text, length) == 0)
			return &words[i];
	return NULL;
}

static void unknown(const char *text, char *error, size_t error_bytes)
{
	int used = snprintf(error, error_bytes, "\"%s\" is no trigger; there are", text);

	for (size_t i = 0; i < WORD_COUNT && used > 0 && (size_t)used < error_bytes; i++)
		used += snprintf(error + used, error_bytes - (size_t)used, "%s %s", i ? "," : "",
				 words[i].name);
}

/* "5%" or "0.5%", in hundredths of a percent. */
static bool parse_percent(const char *text, size_t length, uint32_t *out)
{
	unsigned int whole = 0, part = 0, digits = 0;
	const char *at = text, *end = text + length;

	for (; at < end && isdigit((unsigned char)*at) && whole < 1000; at++, digits++)
		whole = whole * 10 + (unsigned int)(*at - '0');
	if (at < end && *at == '.') {
		unsigned int weight = 10;

		for (at++; at < end && isdigit((unsigned char)*at); at++, digits++, weight /= 10)
			part += (unsigned int)(*at - '0') * weight;
	}
	*out = whole * 100 + part;
	return digits && at == end && *out <= 10000;
}

static bool parse_share(const char *value, struct trigger *out)
{
	const char *percent = strchr(value, '%');
	uint64_t of = SHARE_OF_DEFAULT;

	if (!percent || !parse_percent(value, (size_t)(percent - value), &out->number))
		return false;
	if (percent[1] && (strncmp(percent + 1, "of", 2) != 0 ||
			   !value_number(percent + 3, 1, SHARE_OF_MAX, &of)))
		return false;
	out->of = (uint32_t)of;
	return true;
}

static bool parse_rtt(const char *value, struct trigger *out)
{
	const char *x = strchr(value, 'x');
	char digits[16];
	uint64_t times;

	if (!x)
		return value_duration(value, &out->time_ns);
	if ((size_t)(x - value) >= sizeof(digits) ||
	    (strcmp(x + 1, "minimum") != 0 && strcmp(x + 1, "min") != 0))
		return false;
	snprintf(digits, sizeof(digits), "%.*s", (int)(x - value), value);
	if (!value_number(digits, 1, COUNT_MAX, &times))
		return false;
	out->kind = TRIGGER_RTT_RATIO;
	out->number = (uint32_t)times;
	return true;
}

static bool parse_value(const struct trigger_word *word, const char *value, struct trigger *out)
{
	uint64_t number;

	switch (word->form) {
	case FORM_COUNT:
		if (!value_number(value, 0, COUNT_MAX, &number))
			return false;
		out->number = (uint32_t)number;
		return true;
	case FORM_TIME:
		return value_duration(value, &out->time_ns);
	case FORM_SHARE:
		return parse_share(value, out);
	case FORM_RTT:
		return parse_rtt(value, out);
	default:
		return false;
	}
}

bool trigger_parse(const char *text, struct trigger *out, char *error, size_t error_bytes)
{
	char tight[64];
	size_t used = 0, name;
	const struct trigger_word *word;
	const char *value;

	memset(out, 0, sizeof(*out));
	for (const char *at = text; *at && used < sizeof(tight) - 1; at++)
		if (!isspace((unsigned char)*at))
			tight[used++] = *at;
	tight[used] = '\0';
	name = strcspn(tight, "<>=");
	word = word_of(tight, name);
	if (!word) {
		unknown(text, error, error_bytes);
		return false;
	}
	out->kind = (uint8_t)word->kind;
	value = tight + name;
	if (*value == '\0' && (word->form == FORM_PLAIN || word->form == FORM_COUNT)) {
		out->or_equal = true;
		out->number = word->form == FORM_COUNT;
	} else if (*value == '>') {
		out->or_equal = value[1] == '=';
		if (!parse_value(word, value + 1 + out->or_equal, out))
			goto wrong;
	} else {
		goto wrong;
	}
	if (used >= TRIGGER_TEXT_MAX)
		goto wrong;
	memcpy(out->text, tight, used + 1);
	return true;
wrong:
	snprintf(error, error_bytes, "\"%s\": write it as %s", text, word->example);
	return false;
}
