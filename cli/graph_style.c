/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/graph_style.h"

#include <stdio.h>

/* Colours that people with red-green blindness tell apart by their lightness. */
static const struct graph_style bars[] = {
	[BAR_NEW] = { "new data", 0x30343c, 1.2, false, "white", NULL },
	[BAR_RECOVERY] = { "sent again: recovery", 0xe02020, 2.4, true, "red", "R" },
	[BAR_TLP] = { "tail-loss probe", 0xff8c00, 2.4, true, "orange", "TLP" },
	[BAR_TIMEOUT] = { "timeout", 0x9a00c8, 2.4, true, "magenta", "RTO" },
	[BAR_HANDSHAKE] = { "SYN/FIN again", 0x00a8b8, 2.4, true, "orange", "S" },
	[BAR_PROBE] = { "window probe/keep-alive", 0x8c5a28, 2.4, true, "purple", "P" },
	[BAR_AMBIGUOUS] = { "sent again: cause unknown", 0xf070b0, 2.4, true, "pink", "R?" },
	[BAR_OUT_OF_ORDER] = { "out of order", 0xb0a800, 2.4, true, "pink", "O" },
	[BAR_GAP] = { "capture gap", 0x8890a0, 4, true, "blue", "GAP" },
	[BAR_SACK] = { "SACK", 0x62b4f0, 1.2, false, "purple", "S" },
};

static const struct graph_style lines[] = {
	[LINE_ACK] = { "acknowledged", 0x2e8b3d, 1.4, false, "green", NULL },
	[LINE_EDGE] = { "window edge", 0xc89600, 1.4, false, "yellow", NULL },
	[LINE_RTT] = { "sample", 0x4a90d0, 2.4, false, "red", NULL },
	[LINE_SRTT] = { "srtt", 0x10305c, 1.6, false, "blue", NULL },
	[LINE_CWND] = { "congestion window (inferred)", 0xc0185c, 1.6, true, "yellow", NULL },
	[LINE_INFLIGHT] = { "in flight (inferred)", 0x1f5fa8, 1.4, true, "blue", NULL },
	[LINE_UNACKED] = { "sent, not acknowledged", 0x9aa0a8, 1.2, false, "red", NULL },
	[LINE_WINDOW] = { "receive window", 0xc89600, 1.6, false, "green", NULL },
};

static const struct graph_style marks[] = {
	[MARK_RTO] = { "timeout", 0x9a00c8, 1, true, "magenta", NULL },
	[MARK_RECOVERY] = { "recovery", 0xe02020, 1, true, "red", NULL },
	[MARK_RECOVERED] = { "recovered", 0xa05050, 1, true, "red", NULL },
	[MARK_ZERO_WINDOW] = { "zero window", 0x8c5a28, 1, false, "yellow", NULL },
	[MARK_WINDOW_OPEN] = { "window open", 0x8c5a28, 1, false, "yellow", NULL },
	[MARK_SPURIOUS] = { "spurious", 0xc04080, 1, true, "pink", NULL },
	[MARK_TOO_BIG] = { "ICMP: MTU", 0x000000, 1, false, "white", NULL },
	[MARK_BLACK_HOLE] = { "MTU black hole", 0x000000, 1, true, "white", NULL },
	[MARK_ICMP_ERROR] = { "ICMP error", 0x000000, 1, false, "white", NULL },
	[MARK_COLLAPSE] = { "window taken back", 0x8c5a28, 1, false, "yellow", NULL },
	[MARK_HYSTART] = { "slow start left", 0x3070a0, 1, true, "blue", NULL },
	[MARK_RST] = { "RST", 0x000000, 1, false, "white", NULL },
	[MARK_MISSING] = { "not logged", 0x808080, 1, false, "white", NULL },
};

_Static_assert(sizeof(bars) / sizeof(bars[0]) == BAR_COUNT, "each bar has a style");
_Static_assert(sizeof(lines) / sizeof(lines[0]) == LINE_COUNT, "each line has a style");
_Static_assert(sizeof(marks) / sizeof(marks[0]) == MARK_COUNT, "each mark has a style");

const struct graph_style *graph_bar_style(enum graph_bar kind)
{
	return &bars[kind];
}

const struct graph_style *graph_line_style(enum graph_line line)
{
	return &lines[line];
}

const struct graph_style *graph_mark_style(enum graph_mark mark)
{
	return &marks[mark];
}

void graph_mark_text(enum graph_mark mark, uint32_t value, char *out, size_t bytes)
{
	const char *name = marks[mark].name;

	switch (mark) {
	case MARK_RTO:
		snprintf(out, bytes, "%s %u ms", name, value);
		return;
	case MARK_TOO_BIG:
		if (value)
			snprintf(out, bytes, "%s %u", name, value);
		else
			snprintf(out, bytes, "%s not told", name);
		return;
	case MARK_ICMP_ERROR:
		snprintf(out, bytes, "%s %u/%u", name, value >> 8, value & 255);
		return;
	case MARK_MISSING:
		snprintf(out, bytes, "%u %s", value, name);
		return;
	default:
		snprintf(out, bytes, "%s", name);
	}
}
