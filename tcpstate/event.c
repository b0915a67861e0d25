/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/event.h"

#include <stddef.h>

static const char *const event_names[] = {
	[EVENT_IN] = "IN",
	[EVENT_OUT] = "OUT",
	[EVENT_RTO] = "RTO",
	[EVENT_BAD_RETRAN] = "BAD_RETRAN",
	[EVENT_PRR] = "PRR",
	[EVENT_REORDER] = "REORDER",
	[EVENT_TIMERSTAR] = "TIMERSTAR",
	[EVENT_TIMERCANC] = "TIMERCANC",
	[EVENT_ENTREC] = "ENTREC",
	[EVENT_EXITREC] = "EXITREC",
	[EVENT_CWND] = "CWND",
	[EVENT_BWSAMP] = "BWSAMP",
	[EVENT_MSGSIZE] = "MSGSIZE",
	[EVENT_PERSIST] = "PERSIST",
	[EVENT_FLOWEND] = "FLOWEND",
	[EVENT_PROGRESS] = "PROGRESS",
	[EVENT_RTT_SHRINKS] = "RTT_SHRINKS",
	[EVENT_RTT] = "RTT",
	[EVENT_REASS] = "REASS",
	[EVENT_TSTMP_VAL] = "TSTMP_VAL",
	[EVENT_CONNEND] = "CONNEND",
	[EVENT_SACK_FILTER_RES] = "SACK_FILTER_RES",
	[EVENT_SAD_DETECTION] = "SAD_DETECTION",
	[EVENT_DSACK_HANDLING] = "DSACK_HANDLING",
	[EVENT_HYSTART] = "HYSTART",
	[EVENT_COLLAPSE] = "COLLAPSE",
};

static const char *const end_reason_names[] = {
	[END_NONE] = "open",
	[END_CLOSED] = "closed",
	[END_RESET] = "reset",
	[END_IDLE] = "idle",
	[END_INPUT] = "open at end",
	[END_PORT_REUSE] = "port reused",
	[END_TABLE_FULL] = "table full",
};

const char *event_name(uint8_t event_id)
{
	if (event_id >= sizeof(event_names) / sizeof(event_names[0]) || !event_names[event_id])
		return "?";
	return event_names[event_id];
}

const char *end_reason_name(uint8_t reason)
{
	if (reason >= sizeof(end_reason_names) / sizeof(end_reason_names[0]))
		return "?";
	return end_reason_names[reason];
}
