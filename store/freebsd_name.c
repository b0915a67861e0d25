/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/freebsd_name.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NUMBER_MAX   (1u << 30)
#define NUMBER_TRIES 1024

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

/* The file's own name, or the one that it would have if it was compressed. */
static bool is_used(int dir_fd, const char *stem, uint32_t number)
{
	static const char *const suffixes[] = { "pcapng", "pcapng.xz" };
	char name[FREEBSD_NAME_MAX];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s.%u.%s", stem, number, suffixes[i]);
		if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

/* A number that is free, behind one that is not: the last one, as numbers are given out without holes. */
static uint32_t free_number(int dir_fd, const char *stem)
{
	uint32_t used = 0, unused = 1;

	if (!is_used(dir_fd, stem, 0))
		return 0;
	while (unused < NUMBER_MAX && is_used(dir_fd, stem, unused)) {
		used = unused;
		unused *= 2;
	}
	while (unused - used > 1) {
		uint32_t middle = used + (unused - used) / 2;

		if (is_used(dir_fd, stem, middle))
			used = middle;
		else
			unused = middle;
	}
	return unused;
}

int freebsd_name_create(int dir_fd, const struct bblog_section *section,
			char name[FREEBSD_NAME_MAX], uint32_t *number)
{
	char stem[FREEBSD_STEM_MAX];
	int fd = -1;

	freebsd_name_stem(section, stem);
	*number = free_number(dir_fd, stem);
	for (uint32_t tries = 0; tries < NUMBER_TRIES; tries++, ++*number) {
		snprintf(name, FREEBSD_NAME_MAX, "%s.%u.pcapng", stem, *number);
		fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	return fd < 0 ? -errno : fd;
}
