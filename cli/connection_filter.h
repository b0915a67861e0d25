/* SPDX-License-Identifier: BSD-2-Clause */
/* connection_filter.h - a libpcap filter, asked about a connection instead of a packet. */
#ifndef BBTAP_CLI_CONNECTION_FILTER_H
#define BBTAP_CLI_CONNECTION_FILTER_H

#include <stdbool.h>

#include "store/bblog.h"

struct bpf_program;

/*
 * Whether the filter (filter_compile() made it) takes a packet between the two ends of a section, in
 * either direction. NULL: no filter, all pass.
 */
bool connection_passes(const struct bpf_program *filter, const struct bblog_section *section);

#endif
