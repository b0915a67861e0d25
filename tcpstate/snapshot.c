/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/snapshot.h"

#include <string.h>

static const char *const state_names[] = {
	[TCPS_CLOSED] = "CLOSED",	    [TCPS_LISTEN] = "LISTEN",
	[TCPS_SYN_SENT] = "SYN_SENT",	    [TCPS_SYN_RECEIVED] = "SYN_RECEIVED",
	[TCPS_ESTABLISHED] = "ESTABLISHED", [TCPS_CLOSE_WAIT] = "CLOSE_WAIT",
	[TCPS_FIN_WAIT_1] = "FIN_WAIT_1",   [TCPS_CLOSING] = "CLOSING",
	[TCPS_LAST_ACK] = "LAST_ACK",	    [TCPS_FIN_WAIT_2] = "FIN_WAIT_2",
	[TCPS_TIME_WAIT] = "TIME_WAIT",
};

const char *tcp_state_name(uint32_t state)
{
	if (state >= sizeof(state_names) / sizeof(state_names[0]))
		return "?";
	return state_names[state];
}

uint32_t snapshot_diff(const struct snapshot *before, const struct snapshot *now, uint64_t *mask,
		       uint32_t out[])
{
	const uint32_t *old = (const uint32_t *)before;
	const uint32_t *new = (const uint32_t *)now;
	uint64_t changed = 0;
	uint32_t count = 0;

	/* Most words are the same from one event to the next: look at four at a time first. */
	for (uint32_t i = 0; i < SNAPSHOT_WORDS; i += 4) {
		uint32_t end = i + 4 < SNAPSHOT_WORDS ? i + 4 : SNAPSHOT_WORDS;

		if (end == i + 4 && memcmp(old + i, new + i, 16) == 0)
			continue;
		for (uint32_t j = i; j < end; j++) {
			if (old[j] == new[j])
				continue;
			changed |= UINT64_C(1) << j;
			out[count++] = new[j];
		}
	}
	*mask = changed;
	return count;
}

void snapshot_apply(struct snapshot *snap, uint64_t mask, const uint32_t words[])
{
	uint32_t *out = (uint32_t *)snap;

	for (; mask; mask &= mask - 1) {
		uint32_t word = (uint32_t)__builtin_ctzll(mask);

		if (word >= SNAPSHOT_WORDS)
			return;
		out[word] = *words++;
	}
}
