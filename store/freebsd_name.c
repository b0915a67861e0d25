/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/freebsd_name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* "_65535_", the longest address, "_65535" */
#define ENDS_MAX (7 + INET6_ADDRSTRLEN + 6)

void freebsd_name_address(const uint8_t address[16], uint8_t ip_version, char out[INET6_ADDRSTRLEN])
{
	if (ip_version == 4)
		inet_ntop(AF_INET, address + 12, out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, address, out, INET6_ADDRSTRLEN);
}

static bool is_plain(unsigned char byte, bool first)
{
	if (byte >= 0x80)
		return false;
	if (isalnum(byte) || byte == '_')
		return true;
	/* First, a dot would hide the file and a dash make it an option. */
	return !first && byte && strchr("-.:=@+,", byte);
}

void freebsd_name_stem(const struct bblog_section *section, char out[FREEBSD_STEM_MAX])
{
	const char *id = *section->id ? section->id : FREEBSD_UNKNOWN;
	char address[INET6_ADDRSTRLEN];
	char *to = out, *end = out + FREEBSD_STEM_MAX - ENDS_MAX - 3;

	for (size_t i = 0; i < LOG_ID_MAX && id[i] && to < end; i++) {
		unsigned char byte = (unsigned char)id[i];

		if (is_plain(byte, i == 0))
			*to++ = (char)byte;
		else
			to += sprintf(to, "%%%02X", byte);
	}
	freebsd_name_address(section->foreign_address, section->ip_version, address);
	snprintf(to, (size_t)(out + FREEBSD_STEM_MAX - to), "_%u_%s_%u", section->local_port,
		 address, section->foreign_port);
}
