/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/time_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/values.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

/* ".5" and so on, behind seconds. */
static bool parse_fraction(const char **at, uint64_t *ns)
{
	uint64_t unit = NSEC_PER_SEC / 10;

	*ns = 0;
	if (**at != '.')
		return true;
	if (!isdigit((unsigned char)*++*at))
		return false;
	for (; isdigit((unsigned char)**at); ++*at, unit /= 10)
		*ns += unit * (uint64_t)(**at - '0');
	return true;
}

static bool is_end(const char *at)
{
	return *at == '\0';
}

static bool to_ns(time_t seconds, uint64_t fraction_ns, uint64_t *ns)
{
	if (seconds < 0 || (uint64_t)seconds >= UINT64_MAX / NSEC_PER_SEC)
		return false;
	*ns = (uint64_t)seconds * NSEC_PER_SEC + fraction_ns;
	return true;
}

/* strptime takes the 30th of February. */
static bool is_a_day(const struct tm *tm)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = tm->tm_year + 1900;
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return tm->tm_mday <= days[tm->tm_mon] && (tm->tm_mon != 1 || tm->tm_mday < 29 || leap);
}

/* "Z", "+01:00", or nothing: local. */
static bool parse_zone(const char *at, struct tm *tm, time_t *seconds)
{
	int hours, minutes, used = 0;

	if (*at == 'Z' && is_end(at + 1)) {
		*seconds = timegm(tm);
		return true;
	}
	if (*at == '+' || *at == '-') {
		if (sscanf(at + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || at[1 + used] ||
		    hours > 23 || minutes > 59)
			return false;
		*seconds = timegm(tm) - (*at == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
		return true;
	}
	tm->tm_isdst = -1;
	*seconds = mktime(tm);
	return is_end(at);
}

/* "14:00[:05[.5]]", then a zone, into the day that tm holds. */
static bool parse_clock(const char *at, struct tm *tm, uint64_t *ns)
{
	uint64_t fraction = 0;
	const char *rest = strptime(at, "%H:%M", tm);
	time_t seconds;

	tm->tm_sec = 0;
	if (!rest)
		return false;
	if (*rest == ':') {
		rest = strptime(rest + 1, "%S", tm);
		if (!rest || !parse_fraction(&rest, &fraction))
			return false;
	}
	return parse_zone(rest, tm, &seconds) && to_ns(seconds, fraction, ns);
}

static bool parse_date(const char *text, uint64_t *ns)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%d", &tm);
	time_t seconds;

	if (!rest || !is_a_day(&tm))
		return false;
	if (*rest == 'T' || *rest == ' ')
		return parse_clock(rest + 1, &tm, ns);
	if (!is_end(rest))
		return false;
	tm.tm_isdst = -1;
	seconds = mktime(&tm);
	return to_ns(seconds, 0, ns);
}

/* Midnight, local, so many days back. */
static uint64_t midnight(uint64_t now_ns, int days_back)
{
	time_t now = (time_t)(now_ns / NSEC_PER_SEC);
	struct tm tm;

	localtime_r(&now, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday -= days_back;
	tm.tm_isdst = -1;
	return (uint64_t)mktime(&tm) * NSEC_PER_SEC;
}

/* "10m ago", "2h30m ago" */
static bool parse_ago(const char *text, uint64_t now_ns, uint64_t *ns)
{
	size_t length = strlen(text);
	char copy[64];
	uint64_t sum = 0;
	char *at;

	if (length < 5 || length >= sizeof(copy) || strcmp(text + length - 4, " ago") != 0)
		return false;
	memcpy(copy, text, length - 4);
	copy[length - 4] = '\0';
	for (at = copy; *at;) {
		size_t digits = strspn(at, "0123456789"), letters;
		char part[64];
		uint64_t one;

		while (at[digits] == ' ')
			memmove(at + digits, at + digits + 1, strlen(at + digits));
		letters = strcspn(at + digits, "0123456789 ");
		snprintf(part, sizeof(part), "%.*s", (int)(digits + letters), at);
		if (!digits || !letters || !value_duration(part, &one))
			return false;
		if (__builtin_add_overflow(sum, one, &sum))
			sum = UINT64_MAX;
		at += digits + letters;
		while (*at == ' ')
			at++;
	}
	*ns = now_ns > sum ? now_ns - sum : 0;
	return true;
}

bool time_text_parse(const char *text, uint64_t now_ns, uint64_t *ns)
{
	time_t now = (time_t)(now_ns / NSEC_PER_SEC);
	struct tm today;
	const char *at;
	char *end;

	localtime_r(&now, &today);
	if (strcmp(text, "now") == 0) {
		*ns = now_ns;
		return true;
	}
	if (strcmp(text, "today") == 0 || strcmp(text, "yesterday") == 0) {
		*ns = midnight(now_ns, *text == 'y');
		return true;
	}
	if (*text == '@') {
		uint64_t fraction;
		unsigned long seconds;

		if (!isdigit((unsigned char)text[1]))
			return false;
		seconds = strtoul(text + 1, &end, 10);
		at = end;
		return parse_fraction(&at, &fraction) && is_end(at) && seconds < INT64_MAX &&
		       to_ns((time_t)seconds, fraction, ns);
	}
	return parse_ago(text, now_ns, ns) || parse_date(text, ns) || parse_clock(text, &today, ns);
}

bool time_show_parse(const char *text, enum time_show *show)
{
	static const char *const names[] = { [SHOW_LOCAL] = "local",
					     [SHOW_UTC] = "utc",
					     [SHOW_RELATIVE] = "relative",
					     [SHOW_DELTA] = "delta" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], text) == 0) {
			*show = (enum time_show)i;
			return true;
		}
	return false;
}

void time_text_put(enum time_show show, uint64_t ns, uint64_t first_ns, uint64_t before_ns,
		   char out[TIME_TEXT_MAX])
{
	time_t seconds = (time_t)(ns / NSEC_PER_SEC);
	uint64_t base = show == SHOW_DELTA ? before_ns ? before_ns : ns : first_ns;
	struct tm tm;
	size_t length;

	if (show == SHOW_RELATIVE || show == SHOW_DELTA) {
		uint64_t span = ns > base ? ns - base : base - ns;

		snprintf(out, TIME_TEXT_MAX, "%s%llu.%06llu", ns < base ? "-" : "",
			 (unsigned long long)(span / NSEC_PER_SEC),
			 (unsigned long long)(span % NSEC_PER_SEC / 1000));
		return;
	}
	if (show == SHOW_UTC)
		gmtime_r(&seconds, &tm);
	else
		localtime_r(&seconds, &tm);
	length = strftime(out, TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(out + length, TIME_TEXT_MAX - length, ".%06llu",
		 (unsigned long long)(ns % NSEC_PER_SEC / 1000));
}

void time_text_heading(enum time_show show, const char *name, char out[TIME_TEXT_MAX])
{
	static const char *const styles[] = { [SHOW_LOCAL] = "",
					      [SHOW_UTC] = " (UTC)",
					      [SHOW_RELATIVE] = " s",
					      [SHOW_DELTA] = " delta s" };

	snprintf(out, TIME_TEXT_MAX, "%s%s", name, styles[show]);
}
