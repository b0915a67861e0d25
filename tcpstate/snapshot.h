/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot.h - what a log keeps of an endpoint's TCP control block at one event: the fields of
 * FreeBSD's struct tcp_log_buffer and struct tcp_log_bbr that the wire can show, and the difference
 * between two of them, which is what logs hold in memory.
 */
#ifndef BBTAP_TCPSTATE_SNAPSHOT_H
#define BBTAP_TCPSTATE_SNAPSHOT_H

#include <stdint.h>

/* FreeBSD's numbers (tcp_fsm.h) for the states of RFC 9293 3.3.2. */
enum tcp_state {
	TCPS_CLOSED = 0,
	TCPS_LISTEN = 1,
	TCPS_SYN_SENT = 2,
	TCPS_SYN_RECEIVED = 3,
	TCPS_ESTABLISHED = 4,
	TCPS_CLOSE_WAIT = 5,
	TCPS_FIN_WAIT_1 = 6,
	TCPS_CLOSING = 7,
	TCPS_LAST_ACK = 8,
	TCPS_FIN_WAIT_2 = 9,
	TCPS_TIME_WAIT = 10,
};

/* "ESTABLISHED" ...; "?" for a number that is none. */
const char *tcp_state_name(uint32_t state);

/* snd_ssthresh while nothing is known of it: TCP_MAXWIN << TCP_MAX_WINSHIFT. */
#define SSTHRESH_UNKNOWN 0x3fffc000u

/* Bits of t_flags (FreeBSD tcp_var.h) that the wire shows. */
enum tcp_t_flag {
	TF_DELACK = 0x00000002, /* an ACK is owed */
	TF_SENTFIN = 0x00000010,
	TF_REQ_SCALE = 0x00000020,
	TF_RCVD_SCALE = 0x00000040,
	TF_REQ_TSTMP = 0x00000080,
	TF_RCVD_TSTMP = 0x00000100,
	TF_SACK_PERMIT = 0x00000200,
	TF_FASTRECOVERY = 0x00100000,
	TF_WASFRECOVERY = 0x00200000,
	TF_SIGNATURE = 0x00400000,
	TF_CONGRECOVERY = 0x20000000,
	TF_FASTOPEN = 0x80000000,
	TF_RXWIN0SENT = 0x00080000,
};

/* Bits of t_flags2 (FreeBSD tcp_var.h). */
enum tcp_t_flag2 {
	TF2_LOG_AUTO = 0x00000008, /* logged because a ratio took it */
	TF2_ECN_PERMIT = 0x00000020,
	TF2_ECN_SND_CWR = 0x00000040,
	TF2_ECN_SND_ECE = 0x00000080,
	TF2_ACE_PERMIT = 0x00000100,
};

/* Sequence numbers are absolute, windows are bytes (scaled), ticks are ms since 1970 modulo 2^32. */
struct snapshot {
	uint32_t t_state; /* enum tcp_state */
	uint32_t t_flags;
	uint32_t t_flags2;
	uint32_t iss;
	uint32_t snd_una;
	uint32_t snd_max;
	uint32_t snd_nxt;
	uint32_t snd_recover;
	uint32_t snd_wnd;
	uint32_t snd_cwnd;     /* 0: unknown */
	uint32_t snd_ssthresh; /* SSTHRESH_UNKNOWN: unknown */
	uint32_t srtt_us;
	uint32_t rttvar_us;
	uint32_t rcv_up;
	uint32_t rcv_adv;
	uint32_t rcv_nxt;
	uint32_t rcv_wnd;
	uint32_t dupacks;
	uint32_t segqlen;
	uint32_t snd_numholes;
	uint32_t start_ticks;
	uint32_t first_byte_in_ticks;
	uint32_t first_byte_out_ticks;
	uint32_t scales; /* snd_scale | rcv_scale << 4 */
	uint32_t rxbuf_bytes;
	uint32_t txbuf_bytes;
	/* struct tcp_log_bbr */
	uint32_t cur_del_rate_lo, cur_del_rate_hi; /* bytes/s */
	uint32_t del_rate_lo, del_rate_hi;	   /* bytes/s */
	uint32_t bw_inuse_lo, bw_inuse_hi;	   /* bytes/s */
	uint32_t rtt_prop_us;
	uint32_t inflight; /* bytes */
	uint32_t applimited;
	uint32_t delivered; /* segments */
	uint32_t pkts_out;  /* segments */
	uint32_t lost;	    /* segments, ever */
	uint32_t model;	    /* what limits the sender: enum limit; enum cc_family << 8 */
};

#define SNAPSHOT_WORDS (sizeof(struct snapshot) / sizeof(uint32_t))
_Static_assert(SNAPSHOT_WORDS <= 64, "a difference is masked by 64 bits");

/*
 * Writes the words of `now` that differ from `before` to out[] (room for SNAPSHOT_WORDS) and sets
 * the mask's bits for them, bit n for word n. Returns their number.
 */
uint32_t snapshot_diff(const struct snapshot *before, const struct snapshot *now, uint64_t *mask,
		       uint32_t out[]);

/* Undoes snapshot_diff(): puts the words of the mask's bits into snap. Bits past the last word are
 * ignored. */
void snapshot_apply(struct snapshot *snap, uint64_t mask, const uint32_t words[]);

#endif
