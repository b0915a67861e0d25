/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/event.h"

#include <stddef.h>

/* All of FreeBSD's, those too that only a host can log: its own logs are read as well. */
static const char *const event_names[] = {
	[EVENT_IN] = "IN",
	[EVENT_OUT] = "OUT",
	[EVENT_RTO] = "RTO",
	[4] = "SB_WAKE",
	[EVENT_BAD_RETRAN] = "BAD_RETRAN",
	[EVENT_PRR] = "PRR",
	[EVENT_REORDER] = "REORDER",
	[8] = "HPTS",
	[9] = "BBRUPD",
	[10] = "BBRSND",
	[11] = "ACKCLEAR",
	[12] = "INQUEUE",
	[EVENT_TIMERSTAR] = "TIMERSTAR",
	[EVENT_TIMERCANC] = "TIMERCANC",
	[EVENT_ENTREC] = "ENTREC",
	[EVENT_EXITREC] = "EXITREC",
	[EVENT_CWND] = "CWND",
	[EVENT_BWSAMP] = "BWSAMP",
	[EVENT_MSGSIZE] = "MSGSIZE",
	[20] = "BBRRTT",
	[21] = "JUSTRET",
	[22] = "STATE",
	[23] = "PKT_EPOCH",
	[EVENT_PERSIST] = "PERSIST",
	[EVENT_FLOWEND] = "FLOWEND",
	[26] = "BBR_RTO",
	[27] = "DOSEG_DONE",
	[28] = "EXIT_GAIN",
	[29] = "THRESH_CALC",
	[30] = "MAPCHG",
	[31] = "USERSEND",
	[32] = "RSM_CLEARED",
	[33] = "STATE_TARGET",
	[34] = "TIME_EPOCH",
	[35] = "TO_PROCESS",
	[36] = "BBRTSO",
	[37] = "HPTSDIAG",
	[38] = "LOWGAIN",
	[EVENT_PROGRESS] = "PROGRESS",
	[40] = "SOCKET_OPT",
	[41] = "TIMERPREP",
	[42] = "ENOBUF_JMP",
	[43] = "HPTSI_CALC",
	[EVENT_RTT_SHRINKS] = "RTT_SHRINKS",
	[45] = "BW_RED_EV",
	[46] = "REDUCE",
	[EVENT_RTT] = "RTT",
	[48] = "SETTINGS_CHG",
	[49] = "SRTT_GAIN_EVENT",
	[EVENT_REASS] = "REASS",
	[51] = "PACE_SIZE",
	[52] = "HDWR_PACE",
	[EVENT_TSTMP_VAL] = "TSTMP_VAL",
	[EVENT_CONNEND] = "CONNEND",
	[55] = "LRO",
	[EVENT_SACK_FILTER_RES] = "SACK_FILTER_RES",
	[EVENT_SAD_DETECTION] = "SAD_DETECTION",
	[58] = "TIMELY_WORK",
	[59] = "USER_EVENT",
	[60] = "SENDFILE",
	[61] = "HTTP_T",
	[62] = "ACCOUNTING",
	[63] = "FSB",
	[EVENT_DSACK_HANDLING] = "DSACK_HANDLING",
	[EVENT_HYSTART] = "HYSTART",
	[66] = "CHG_QUERY",
	[EVENT_COLLAPSE] = "COLLAPSE",
	[68] = "TP_TRIGGERED",
	[69] = "HYBRID_PACING",
	[70] = "PRU",
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
