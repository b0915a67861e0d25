/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/values.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcpstate/tracker.h"

bool value_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	char *end;
	unsigned long long value;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value < min || value > max)
		return false;
	*number = value;
	return true;
}

bool value_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	char digits[24];
	size_t length = strspn(text, "0123456789");
	const char *unit;
	uint64_t value;

	if (length == 0 || length >= sizeof(digits))
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (!value_number(digits, 0, UINT64_MAX, &value))
		return false;
	if (text[length]) {
		unit = strchr(units, toupper((unsigned char)text[length]));
		if (!unit || text[length + 1])
			return false;
		for (const char *at = units; at <= unit; at++)
			if (__builtin_mul_overflow(value, UINT64_C(1024), &value))
				return false;
	}
	*bytes = value;
	return true;
}

bool value_duration(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", UINT64_C(60) * 1000000000 },
		{ "min", UINT64_C(60) * 1000000000 },
		{ "h", UINT64_C(3600) * 1000000000 },
		{ "d", UINT64_C(86400) * 1000000000 },
		{ "w", UINT64_C(604800) * 1000000000 },
	};
	size_t length = strspn(text, "0123456789");
	char digits[24];
	uint64_t value;

	if (length == 0 || length >= sizeof(digits))
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (!value_number(digits, 0, UINT64_MAX, &value))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text + length, units[i].name) == 0)
			return !__builtin_mul_overflow(value, units[i].ns, ns);
	*ns = 0;
	return value == 0 && text[length] == '\0';
}

bool value_capture(const char *text, uint32_t *payload_bytes)
{
	uint64_t number;

	if (strcmp(text, "headers") == 0) {
		*payload_bytes = CAPTURE_HEADERS;
	} else if (strcmp(text, "full") == 0) {
		*payload_bytes = CAPTURE_FULL;
	} else if (value_number(text, 0, EVLOG_CAPLEN_MAX, &number)) {
		*payload_bytes = (uint32_t)number;
	} else {
		return false;
	}
	return true;
}

bool value_view(const char *text, uint8_t *views)
{
	if (strcmp(text, "server") == 0)
		*views = VIEW_SERVER;
	else if (strcmp(text, "client") == 0)
		*views = VIEW_CLIENT;
	else if (strcmp(text, "both") == 0)
		*views = VIEW_BOTH;
	else
		return false;
	return true;
}

char *words_join(const char *const words[], size_t count)
{
	size_t bytes = 1;
	char *joined, *to;

	for (size_t i = 0; i < count; i++)
		bytes += strlen(words[i]) + 1;
	joined = to = malloc(bytes);
	if (!joined)
		return NULL;
	*to = '\0';
	for (size_t i = 0; i < count; i++) {
		if (i)
			*to++ = ' ';
		to = stpcpy(to, words[i]);
	}
	return joined;
}

const char *number_text(uint64_t number, char out[NUMBER_TEXT_MAX])
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	char *to = out;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return out;
}

const char *bytes_text(uint64_t bytes, char out[NUMBER_TEXT_MAX])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	snprintf(out, NUMBER_TEXT_MAX, unit && value < 9.995 ? "%.2f %s" : "%.0f %s", value,
		 units[unit]);
	return out;
}
