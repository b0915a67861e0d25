/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/bblog.h"

#include <string.h>

#include "tcpstate/connection.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

/*
 * One list says where each field of TCPINFO stands, for writing and for reading. 156, snd_scale and
 * rcv_scale with four bits each, is not in it.
 */
/* clang-format off */
#define FIELDS(EACH)                                                                               \
	EACH(0, tv_sec) EACH(8, tv_usec) EACH(16, ticks) EACH(20, serial) EACH(24, stack_id)	   \
	EACH(25, event_id) EACH(26, event_flags) EACH(28, event_errno) EACH(32, rxbuf_acc)	   \
	EACH(36, rxbuf_ccc) EACH(44, txbuf_acc) EACH(48, txbuf_ccc) EACH(56, state)		   \
	EACH(60, starttime) EACH(64, iss) EACH(68, flags) EACH(72, snd_una) EACH(76, snd_max)	   \
	EACH(80, snd_cwnd) EACH(84, snd_nxt) EACH(88, snd_recover) EACH(92, snd_wnd)		   \
	EACH(96, snd_ssthresh) EACH(100, srtt) EACH(104, rttvar) EACH(108, rcv_up)		   \
	EACH(112, rcv_adv) EACH(116, flags2) EACH(120, rcv_nxt) EACH(124, rcv_wnd)		   \
	EACH(128, dupacks) EACH(132, segqlen) EACH(136, snd_numholes) EACH(140, flex1)		   \
	EACH(144, flex2) EACH(148, first_byte_in) EACH(152, first_byte_out)			   \
	EACH(160, stack.cur_del_rate) EACH(168, stack.del_rate) EACH(176, stack.rtt_prop)	   \
	EACH(184, stack.bw_inuse) EACH(192, stack.inflight) EACH(196, stack.applimited)		   \
	EACH(200, stack.delivered) EACH(204, stack.time_stamp) EACH(208, stack.epoch)		   \
	EACH(212, stack.lt_epoch) EACH(216, stack.pkts_out) EACH(220, stack.flex[0])		   \
	EACH(224, stack.flex[1]) EACH(228, stack.flex[2]) EACH(232, stack.flex[3])		   \
	EACH(236, stack.flex[4]) EACH(240, stack.flex[5]) EACH(244, stack.lost)			   \
	EACH(248, stack.pacing_gain) EACH(250, stack.cwnd_gain) EACH(252, stack.flex7)		   \
	EACH(254, stack.bbr_state) EACH(255, stack.bbr_substate) EACH(256, stack.inhpts)	   \
	EACH(257, stack.ininput) EACH(258, stack.use_lt_bw) EACH(259, stack.flex8)		   \
	EACH(260, stack.pkt_epoch) EACH(264, len)
/* clang-format on */

#define SCALES_AT 156

/* Files are little endian, and so are the machines that this is built for (capture/bytes.h). */
void bblog_encode_tcpinfo(const struct bblog_record *record, uint8_t out[BBLOG_TCPINFO_BYTES])
{
	memset(out, 0, BBLOG_TCPINFO_BYTES);
#define PUT(offset, member) memcpy(out + (offset), &record->member, sizeof(record->member));
	FIELDS(PUT)
#undef PUT
	out[SCALES_AT] = (uint8_t)((record->snd_scale & 15) | record->rcv_scale << 4);
}

void bblog_decode_tcpinfo(const uint8_t in[BBLOG_TCPINFO_BYTES], struct bblog_record *record)
{
	memset(record, 0, sizeof(*record));
#define GET(offset, member) memcpy(&record->member, in + (offset), sizeof(record->member));
	FIELDS(GET)
#undef GET
	record->snd_scale = in[SCALES_AT] & 15;
	record->rcv_scale = in[SCALES_AT] >> 4;
}

/* RCV.NXT stood where flags2 is now; what is behind flex2 has moved by 8 bytes. */
void bblog_decode_tcpinfo_v8(const uint8_t in[BBLOG_TCPINFO_V8_BYTES], struct bblog_record *record)
{
	uint8_t now[BBLOG_TCPINFO_BYTES] = { 0 };

	memcpy(now, in, 116);
	memcpy(now + 120, in + 116, 4);
	memcpy(now + 124, in + 124, 24);
	memcpy(now + SCALES_AT, in + 148, BBLOG_TCPINFO_V8_BYTES - 148);
	bblog_decode_tcpinfo(now, record);
}

/* struct tcp_log_header: version, type and length, then endpoints, offset, names, family. */
enum {
	AT_VERSION = 0,
	AT_TYPE = 4,
	AT_LENGTH = 8,
	AT_FOREIGN_PORT = 16,
	AT_LOCAL_PORT = 18,
	AT_FOREIGN_ADDRESS = 20,
	AT_LOCAL_ADDRESS = 36,
	AT_OFFSET_S = 56,
	AT_OFFSET_US = 64,
	AT_ID = 72,
	AT_REASON = 136,
	AT_TAG = 168,
	AT_FAMILY = 200,
	TYPE_BLACK_BOX = 1,
	FREEBSD_AF_INET = 2,
	FREEBSD_AF_INET6 = 28,
};

static void put_port(uint8_t *at, uint16_t port)
{
	at[0] = (uint8_t)(port >> 8);
	at[1] = (uint8_t)port;
}

static uint16_t get_port(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

void bblog_encode_dumpinfo(const struct bblog_section *section, uint64_t records_bytes,
			   uint8_t out[BBLOG_DUMPINFO_BYTES])
{
	uint32_t version = BBLOG_VERSION, type = TYPE_BLACK_BOX;
	uint64_t length = BBLOG_DUMPINFO_BYTES + records_bytes;

	memset(out, 0, BBLOG_DUMPINFO_BYTES);
	memcpy(out + AT_VERSION, &version, sizeof(version));
	memcpy(out + AT_TYPE, &type, sizeof(type));
	memcpy(out + AT_LENGTH, &length, sizeof(length));
	put_port(out + AT_FOREIGN_PORT, section->foreign_port);
	put_port(out + AT_LOCAL_PORT, section->local_port);
	memcpy(out + AT_FOREIGN_ADDRESS, section->foreign_address, 16);
	memcpy(out + AT_LOCAL_ADDRESS, section->local_address, 16);
	memcpy(out + AT_OFFSET_S, &section->offset_s, 8);
	memcpy(out + AT_OFFSET_US, &section->offset_us, 8);
	memcpy(out + AT_ID, section->id, LOG_ID_MAX);
	memcpy(out + AT_REASON, section->reason, LOG_REASON_MAX);
	memcpy(out + AT_TAG, section->tag, LOG_TAG_MAX);
	out[AT_FAMILY] = section->ip_version == 4 ? FREEBSD_AF_INET : FREEBSD_AF_INET6;
}

static void get_name(char *out, const uint8_t *in, size_t bytes)
{
	memcpy(out, in, bytes - 1);
	out[bytes - 1] = '\0';
}

void bblog_decode_dumpinfo(const uint8_t in[BBLOG_DUMPINFO_BYTES], struct bblog_section *section)
{
	memcpy(&section->version, in + AT_VERSION, sizeof(section->version));
	section->foreign_port = get_port(in + AT_FOREIGN_PORT);
	section->local_port = get_port(in + AT_LOCAL_PORT);
	memcpy(section->foreign_address, in + AT_FOREIGN_ADDRESS, 16);
	memcpy(section->local_address, in + AT_LOCAL_ADDRESS, 16);
	memcpy(&section->offset_s, in + AT_OFFSET_S, 8);
	memcpy(&section->offset_us, in + AT_OFFSET_US, 8);
	get_name(section->id, in + AT_ID, LOG_ID_MAX);
	get_name(section->reason, in + AT_REASON, LOG_REASON_MAX);
	get_name(section->tag, in + AT_TAG, LOG_TAG_MAX);
	section->ip_version = in[AT_FAMILY] == FREEBSD_AF_INET6 ? 6 : 4;
}

static void from_snapshot(struct bblog_record *out, const struct snapshot *snap)
{
	out->rxbuf_acc = out->rxbuf_ccc = snap->rxbuf_bytes;
	out->txbuf_acc = out->txbuf_ccc = snap->txbuf_bytes;
	out->state = snap->t_state;
	out->starttime = snap->start_ticks;
	out->iss = snap->iss;
	out->flags = snap->t_flags;
	out->flags2 = snap->t_flags2;
	out->snd_una = snap->snd_una;
	out->snd_max = snap->snd_max;
	out->snd_cwnd = snap->snd_cwnd;
	out->snd_nxt = snap->snd_nxt;
	out->snd_recover = snap->snd_recover;
	out->snd_wnd = snap->snd_wnd;
	out->snd_ssthresh = snap->snd_ssthresh;
	out->srtt = snap->srtt_us;
	out->rttvar = snap->rttvar_us;
	out->rcv_up = snap->rcv_up;
	out->rcv_adv = snap->rcv_adv;
	out->rcv_nxt = snap->rcv_nxt;
	out->rcv_wnd = snap->rcv_wnd;
	out->dupacks = snap->dupacks;
	out->segqlen = snap->segqlen;
	out->snd_numholes = snap->snd_numholes;
	out->first_byte_in = snap->first_byte_in_ticks;
	out->first_byte_out = snap->first_byte_out_ticks;
	out->snd_scale = snap->scales & 15;
	out->rcv_scale = snap->scales >> 4 & 15;
	out->stack.cur_del_rate = (uint64_t)snap->cur_del_rate_hi << 32 | snap->cur_del_rate_lo;
	out->stack.del_rate = (uint64_t)snap->del_rate_hi << 32 | snap->del_rate_lo;
	out->stack.bw_inuse = (uint64_t)snap->bw_inuse_hi << 32 | snap->bw_inuse_lo;
	out->stack.rtt_prop = snap->rtt_prop_us;
	out->stack.inflight = snap->inflight;
	out->stack.applimited = snap->applimited;
	out->stack.delivered = snap->delivered;
	out->stack.pkts_out = snap->pkts_out;
	out->stack.lost = snap->lost;
	out->stack.bbr_state = (uint8_t)snap->model;
	out->stack.bbr_substate = (uint8_t)(snap->model >> 8);
}

void bblog_record_from_entry(struct bblog_record *out, const struct log_entry *entry,
			     enum side side)
{
	const struct event *event = &entry->event;

	memset(out, 0, sizeof(*out));
	from_snapshot(out, &entry->snap[side]);
	out->tv_sec = (int64_t)(event->ts_ns / NSEC_PER_SEC);
	out->tv_usec = (int64_t)(event->ts_ns % NSEC_PER_SEC / 1000);
	out->ticks = ticks_of(event->ts_ns);
	out->serial = entry->serial[side];
	out->event_flags = BBLOG_HAS_RXBUF | BBLOG_HAS_TXBUF | BBLOG_HAS_STACKINFO;
	out->stack.time_stamp = (uint32_t)(event->ts_ns / 1000);
	if (entry->kind == LOG_PACKET) {
		out->event_id = entry->sender == side ? EVENT_OUT : EVENT_IN;
		out->event_flags |= BBLOG_HAS_HEADER;
		out->len = entry->payload_bytes;
		/* What a segment is, is told of its sender; see event.h. */
		if (out->event_id == EVENT_IN)
			return;
	} else {
		out->event_id = event->id;
	}
	out->flex1 = event->record_flex[0];
	out->flex2 = event->record_flex[1];
	memcpy(out->stack.flex, event->stack_flex, sizeof(out->stack.flex));
	out->stack.flex7 = event->flex7;
	out->stack.flex8 = event->flex8;
}

void bblog_section_from_head(struct bblog_section *out, const struct evlog_head *head,
			     enum side side)
{
	uint8_t local = side == SIDE_CLIENT ? head->client : !head->client;
	uint8_t foreign = !local;

	memset(out, 0, sizeof(*out));
	out->version = BBLOG_VERSION;
	out->dump_time_s = (int64_t)(head->dump_ts_ns / NSEC_PER_SEC);
	memcpy(out->local_address, head->key.addr[local], 16);
	memcpy(out->foreign_address, head->key.addr[foreign], 16);
	out->local_port = __builtin_bswap16(head->key.port_be[local]);
	out->foreign_port = __builtin_bswap16(head->key.port_be[foreign]);
	out->ip_version = head->key.ip_version;
	memcpy(out->id, head->id, LOG_ID_MAX);
	memcpy(out->tag, head->tag, LOG_TAG_MAX);
	memcpy(out->reason, head->reason, LOG_REASON_MAX);
	strcpy(out->stack_name, "wire");
}
