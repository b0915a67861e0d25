/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * freebsd_name.h - what FreeBSD's tcplog_dumper calls its files, made safe: an ID comes from outside and
 * never leads out of the directory, hides a file or looks like an option.
 */
#ifndef BBTAP_STORE_FREEBSD_NAME_H
#define BBTAP_STORE_FREEBSD_NAME_H

#include <arpa/inet.h>
#include <stdint.h>

#include "store/bblog.h"

/* What the kernel writes for an ID, a tag or a reason that nobody set. */
#define FREEBSD_UNKNOWN "UNKNOWN"

/* With the longest number and suffix behind it, ".4294967295.pcapng.xz", a stem is a name of 255 bytes. */
#define FREEBSD_NAME_MAX (255 + 1)
#define FREEBSD_STEM_MAX (FREEBSD_NAME_MAX - 21)

/* An IPv4 or IPv6 address of a section as text. */
void freebsd_name_address(const uint8_t address[16], uint8_t ip_version,
			  char out[INET6_ADDRSTRLEN]);

/*
 * "<id>_<local port>_<foreign address>_<foreign port>" with odd bytes of the ID percent-encoded. An ID that
 * is too long then is cut: two such IDs may share a stem, so the number behind it tells files apart.
 */
void freebsd_name_stem(const struct bblog_section *section, char out[FREEBSD_STEM_MAX]);

/*
 * Creates "<stem>.<n>.pcapng" in the directory, n being the lowest that follows those that are there,
 * compressed ones too. Returns a descriptor to write to, or a negative errno; name and number are set.
 */
int freebsd_name_create(int dir_fd, const struct bblog_section *section,
			char name[FREEBSD_NAME_MAX], uint32_t *number);

#endif
