/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bblog.h - FreeBSD's black box log, version 9, as bytes: struct tcp_log_buffer up to the TCP header
 * ("TCPINFO"), struct tcp_log_header ("DUMPINFO"), and the pcapng options that hold them. Fields have
 * FreeBSD's names (sys/netinet/tcp_log_buf.h); in files they are little endian.
 */
#ifndef BBTAP_STORE_BBLOG_H
#define BBTAP_STORE_BBLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/evlog.h"

#define BBLOG_VERSION	    9
#define BBLOG_PEN	    10949 /* Netflix, as a private enterprise number */
#define BBLOG_CUSTOM_OPTION 2989
#define BBLOG_CUSTOM_BLOCK  0x00000bad

/* nflx_type of a custom option */
enum bblog_option {
	BBLOG_OPTION_VERSION = 1,
	BBLOG_OPTION_TCPINFO = 2,
	BBLOG_OPTION_DUMPINFO = 4,
	BBLOG_OPTION_DUMPTIME = 5,
	BBLOG_OPTION_STACKNAME = 6,
};

/* nflx_type of a custom block */
enum bblog_block {
	BBLOG_BLOCK_EVENT = 1,
	BBLOG_BLOCK_SKIP = 2,
};

enum bblog_event_flag {
	BBLOG_HAS_RXBUF = 1,
	BBLOG_HAS_TXBUF = 2,
	BBLOG_HAS_HEADER = 4,
	BBLOG_VERBOSE = 8,
	BBLOG_HAS_STACKINFO = 16,
};

#define BBLOG_TCPINFO_BYTES    268
#define BBLOG_TCPINFO_V8_BYTES 260
#define BBLOG_DUMPINFO_BYTES   208

/* A record's TCPINFO. */
struct bblog_record {
	int64_t tv_sec, tv_usec; /* plus the section's offset: UTC */
	uint32_t ticks, serial;
	uint8_t stack_id, event_id;
	uint16_t event_flags;
	int32_t event_errno;
	uint32_t rxbuf_acc, rxbuf_ccc;
	uint32_t txbuf_acc, txbuf_ccc;
	uint32_t state, starttime, iss;
	uint32_t flags, flags2;
	uint32_t snd_una, snd_max, snd_cwnd, snd_nxt, snd_recover, snd_wnd, snd_ssthresh;
	uint32_t srtt, rttvar; /* us */
	uint32_t rcv_up, rcv_adv, rcv_nxt, rcv_wnd;
	uint32_t dupacks, segqlen, snd_numholes;
	uint32_t flex1, flex2;
	uint32_t first_byte_in, first_byte_out;
	uint8_t snd_scale, rcv_scale;
	struct {
		uint64_t cur_del_rate, del_rate, rtt_prop, bw_inuse;
		uint32_t inflight, applimited, delivered, time_stamp, epoch, lt_epoch, pkts_out;
		uint32_t flex[6];
		uint32_t lost;
		uint16_t pacing_gain, cwnd_gain, flex7;
		uint8_t bbr_state, bbr_substate, inhpts, ininput, use_lt_bw, flex8;
		uint32_t pkt_epoch;
	} stack;
	uint32_t len; /* TCP payload of the packet */
};

/* What all records of a section have in common. */
struct bblog_section {
	uint32_t version;
	int64_t dump_time_s;
	int64_t offset_s, offset_us;
	uint8_t foreign_address[16], local_address[16]; /* IPv4 in the last 4 bytes */
	uint16_t foreign_port, local_port;
	uint8_t ip_version; /* 4 or 6 */
	uint8_t stack_id;
	char id[LOG_ID_MAX], tag[LOG_TAG_MAX], reason[LOG_REASON_MAX];
	char stack_name[64];
	char application[64]; /* shb_userappl */
};

/* The record that an entry is in the view of one side (which is in entry->views). */
void bblog_record_from_entry(struct bblog_record *out, const struct log_entry *entry,
			     enum side side);

/* The section of one side's view. */
void bblog_section_from_head(struct bblog_section *out, const struct evlog_head *head,
			     enum side side);

void bblog_encode_tcpinfo(const struct bblog_record *record, uint8_t out[BBLOG_TCPINFO_BYTES]);
void bblog_decode_tcpinfo(const uint8_t in[BBLOG_TCPINFO_BYTES], struct bblog_record *record);
/* Versions 7 and 8, which know no flags2 and no time of the first byte: those are 0. */
void bblog_decode_tcpinfo_v8(const uint8_t in[BBLOG_TCPINFO_V8_BYTES], struct bblog_record *record);

/* records_bytes: what the records take, as FreeBSD would count them. */
void bblog_encode_dumpinfo(const struct bblog_section *section, uint64_t records_bytes,
			   uint8_t out[BBLOG_DUMPINFO_BYTES]);
void bblog_decode_dumpinfo(const uint8_t in[BBLOG_DUMPINFO_BYTES], struct bblog_section *section);

#endif
