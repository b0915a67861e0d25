/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/connection_filter.h"

#include <string.h>

#include "capture/bytes.h"
#include "capture/filter.h"

bool connection_passes(const struct bpf_program *filter, const struct bblog_section *section)
{
	bool v4 = section->ip_version == 4;
	uint32_t header_bytes = v4 ? 20 : 40, address_bytes = v4 ? 4 : 16;
	uint32_t address_at = v4 ? 12 : 8;

	if (!filter)
		return true;
	for (int direction = 0; direction < 2; direction++) {
		const uint8_t *from = direction ? section->foreign_address : section->local_address;
		const uint8_t *to = direction ? section->local_address : section->foreign_address;
		uint8_t packet[60] = { 0 };

		packet[0] = v4 ? 0x45 : 0x60;
		put_be16(packet + (v4 ? 2 : 4), v4 ? 40 : 20);
		packet[v4 ? 9 : 6] = 6;
		memcpy(packet + address_at, from + 16 - address_bytes, address_bytes);
		memcpy(packet + address_at + address_bytes, to + 16 - address_bytes, address_bytes);
		put_be16(packet + header_bytes,
			 direction ? section->foreign_port : section->local_port);
		put_be16(packet + header_bytes + 2,
			 direction ? section->local_port : section->foreign_port);
		packet[header_bytes + 12] = 0x50;
		if (filter_matches(filter, packet, header_bytes + 20, header_bytes + 20))
			return true;
	}
	return false;
}
