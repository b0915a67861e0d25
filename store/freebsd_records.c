/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/freebsd_records.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/freebsd_name.h"

#define US_PER_S   1000000
#define ESCAPED(n) (2 * (n))

/* As tcplog_dumper has it: white space is a blank, what can't be printed a question mark. */
static void escape(const char *in, char *out, size_t in_max)
{
	for (size_t i = 0; i < in_max - 1 && in[i]; i++) {
		unsigned char byte = (unsigned char)in[i];

		if (byte == '"' || byte == '\\')
			*out++ = '\\';
		*out++ = isspace(byte) ? ' ' : byte < 0x80 && isprint(byte) ? (char)byte : '?';
	}
	*out = '\0';
}

static void put_date(int64_t time_s, char out[40])
{
	time_t seconds = (time_t)time_s;
	struct tm utc;

	/* A section may have no time of its dump: then it is 0. */
	if (time_s <= 0 || !gmtime_r(&seconds, &utc) || !strftime(out, 40, "%F %T +0000", &utc))
		strcpy(out, "unknown");
}

/* Times are anything that stood in the file. */
static int64_t duration_us(const struct freebsd_records_line *line)
{
	__int128 us = ((__int128)line->last_s - line->first_s) * US_PER_S + line->last_us -
		      line->first_us;

	if (us < 0)
		return 0;
	return us > INT64_MAX ? INT64_MAX : (int64_t)us;
}

size_t freebsd_records_line(const struct freebsd_records_line *line,
			    char out[FREEBSD_RECORDS_LINE_MAX])
{
	const struct bblog_section *section = line->section;
	char date[40], id[ESCAPED(LOG_ID_MAX)], reason[ESCAPED(LOG_REASON_MAX)];
	char tag[ESCAPED(LOG_TAG_MAX)], stack[ESCAPED(sizeof(section->stack_name))];
	char foreign[INET6_ADDRSTRLEN], local[INET6_ADDRSTRLEN];
	int64_t us = duration_us(line);
	int length;

	put_date(section->dump_time_s, date);
	escape(section->id, id, LOG_ID_MAX);
	escape(section->reason, reason, LOG_REASON_MAX);
	escape(section->tag, tag, LOG_TAG_MAX);
	escape(line->stack, stack, sizeof(section->stack_name));
	freebsd_name_address(section->foreign_address, section->ip_version, foreign);
	freebsd_name_address(section->local_address, section->ip_version, local);
	length = snprintf(out, FREEBSD_RECORDS_LINE_MAX,
			  "{\"date\":\"%s\", \"pbcid\":\"%s\", \"reason\":\"%s\", "
			  "\"faddr\":\"%s\", \"fport\":%u, \"laddr\":\"%s\", \"lport\":%u, "
			  "\"filename\":\"%s\", \"record_count\":%" PRIu64 ", \"stack\":\"%s\", "
			  "\"duration\":%" PRId64 ".%06" PRId64 ", \"connection_ended\":%s, "
			  "\"tag\":\"%s\", \"compressor\":\"\", \"frag_seq\":%u}\n",
			  date, id, reason, foreign, section->foreign_port, local,
			  section->local_port, line->file_name, line->records, stack, us / US_PER_S,
			  us % US_PER_S, line->connection_ended ? "true" : "false", tag,
			  line->number);
	return (size_t)length;
}
