/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_name.h - where things are below DIR, and what is in their names:
 *
 *   DIR/logs/<tag>/<tag>-<UTC start>-<n>.<view>[.<link type>].pcapng
 *   DIR/connections/<UTC hour>[-<n>].jsonl.zst
 *   DIR/catalog/<UTC hour>.sqlite
 *
 * A file that is being written has ".part" behind its name; a log file that was compressed has ".zst"
 * there. Whatever is asked of a name is told by the name alone: tags come from outside, and odd bytes
 * of them are percent-encoded.
 */
#ifndef BBTAP_STORE_LOG_NAME_H
#define BBTAP_STORE_LOG_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpstate/evlog.h"

#define LOG_NAME_PART ".part"

/* "<tag>" as a part of a file name; "UNKNOWN" for an empty one. */
#define TAG_NAME_MAX (3 * LOG_TAG_MAX + 1)
void log_name_tag(const char *tag, char out[TAG_NAME_MAX]);

/* And back: the longest tag that it can be. False: no such name is made. */
bool log_name_tag_decode(const char *name, size_t bytes, char out[LOG_TAG_MAX]);

/* ".sll" ... with the dot; empty for Ethernet. */
#define LINKTYPE_SUFFIX_MAX 16
void log_name_linktype_suffix(uint16_t linktype, char out[LINKTYPE_SUFFIX_MAX]);

struct log_name {
	char tag[LOG_TAG_MAX];
	uint64_t start_s; /* UTC, since 1970 */
	uint32_t number;
	enum side side; /* the view */
	uint16_t linktype;
	bool part, compressed; /* ".part", ".zst" */
};

/* The name without a folder, without ".part" and ".zst". */
#define LOG_NAME_MAX 256
void log_name_make(const struct log_name *name, char out[LOG_NAME_MAX]);

/* What a file name (without a folder) says. False: it is none of ours. */
bool log_name_parse(const char *text, struct log_name *out);

/* "20231114T22Z" of an hour since 1970, and back from the begin of a name. */
#define HOUR_NAME_MAX 24
void log_name_hour(uint64_t hour, char out[HOUR_NAME_MAX]);
bool log_name_hour_parse(const char *text, uint64_t *hour);

/* What a file name of the flow log says. False: it is none of ours. */
struct flow_name {
	uint64_t hour;
	uint32_t number; /* 1: without one */
	bool part;
};
void flow_name_make(const struct flow_name *name, char out[LOG_NAME_MAX]);
bool flow_name_parse(const char *text, struct flow_name *out);

#endif
