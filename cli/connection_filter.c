/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/connection_filter.h"

#include "capture/filter.h"

bool connection_passes(const struct bpf_program *filter, const struct bblog_section *section)
{
	struct filter_ends ends = {
		.ip_version = section->ip_version,
		.address = { section->local_address, section->foreign_address },
		.port = { section->local_port, section->foreign_port },
	};

	return !filter || filter_matches_either_way(filter, &ends);
}
