/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/event_json.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

#include "tcpstate/window.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

static void set_number(json_t *object, const char *name, uint64_t number)
{
	json_object_set_new(object, name, json_integer((json_int_t)number));
}

static void set_text(json_t *object, const char *name, const char *text)
{
	char plain[SECTION_COMMENT_MAX];

	if (!*text)
		return;
	plain_text(text, plain, sizeof(plain));
	json_object_set_new(object, name, json_string(plain));
}

static json_t *begin(const struct event_view *view)
{
	const struct bblog_section *section = &view->reader->section;
	json_t *object = json_object();

	json_object_set_new(object, "local", json_string(view->local));
	json_object_set_new(object, "foreign", json_string(view->foreign));
	if (view->view)
		json_object_set_new(object, "view", json_string(view->view));
	set_text(object, "id", section->id);
	set_text(object, "tag", section->tag);
	set_text(object, "reason", section->reason);
	return object;
}

static void set_time(json_t *object, uint64_t ts_ns)
{
	time_t seconds = (time_t)(ts_ns / NSEC_PER_SEC);
	struct tm utc;
	char text[48];
	size_t length;

	gmtime_r(&seconds, &utc);
	length = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, sizeof(text) - length, ".%09uZ",
		 (unsigned int)(ts_ns % NSEC_PER_SEC));
	json_object_set_new(object, "time", json_string(text));
}

static void set_record(json_t *object, const struct bblog_record *record)
{
	json_t *stack = json_object();
	json_t *flex = json_array();

	set_number(object, "serial", record->serial);
	set_number(object, "event_id", record->event_id);
	json_object_set_new(object, "event", json_string(event_name(record->event_id)));
	json_object_set_new(object, "state", json_string(tcp_state_name(record->state)));
	set_number(object, "flags", record->flags);
	set_number(object, "flags2", record->flags2);
	set_number(object, "iss", record->iss);
	set_number(object, "snd_una", record->snd_una);
	set_number(object, "snd_nxt", record->snd_nxt);
	set_number(object, "snd_max", record->snd_max);
	set_number(object, "snd_wnd", record->snd_wnd);
	set_number(object, "snd_cwnd", record->snd_cwnd);
	set_number(object, "snd_ssthresh", record->snd_ssthresh);
	set_number(object, "snd_recover", record->snd_recover);
	set_number(object, "rcv_nxt", record->rcv_nxt);
	set_number(object, "rcv_wnd", record->rcv_wnd);
	set_number(object, "rcv_adv", record->rcv_adv);
	set_number(object, "rcv_up", record->rcv_up);
	set_number(object, "snd_scale", record->snd_scale);
	set_number(object, "rcv_scale", record->rcv_scale);
	set_number(object, "srtt_us", record->srtt);
	set_number(object, "rttvar_us", record->rttvar);
	set_number(object, "dupacks", record->dupacks);
	set_number(object, "segqlen", record->segqlen);
	set_number(object, "snd_numholes", record->snd_numholes);
	set_number(object, "ticks", record->ticks);
	set_number(object, "starttime", record->starttime);
	set_number(object, "flex1", record->flex1);
	set_number(object, "flex2", record->flex2);
	set_number(stack, "inflight", record->stack.inflight);
	set_number(stack, "rtt_prop_us", record->stack.rtt_prop);
	set_number(stack, "delivered", record->stack.delivered);
	set_number(stack, "lost", record->stack.lost);
	set_number(stack, "pkts_out", record->stack.pkts_out);
	set_number(stack, "applimited", record->stack.applimited);
	set_number(stack, "cur_del_rate", record->stack.cur_del_rate);
	set_number(stack, "del_rate", record->stack.del_rate);
	set_text(stack, "limit", limit_name(record->stack.bbr_state));
	set_text(stack, "cc", cc_family_name(record->stack.bbr_substate));
	for (int i = 0; i < 6; i++)
		json_array_append_new(flex, json_integer(record->stack.flex[i]));
	json_object_set_new(stack, "flex", flex);
	set_number(stack, "flex7", record->stack.flex7);
	set_number(stack, "flex8", record->stack.flex8);
	json_object_set_new(object, "stack", stack);
}

static void set_segment(json_t *object, const struct event_view *view)
{
	const struct segment *seg = &view->segment;
	bool outward = view->reader->record.event_id == EVENT_OUT;
	uint32_t own_base = outward ? view->local_base : view->peer_base;
	uint32_t acked_base = outward ? view->peer_base : view->local_base;
	json_t *packet = json_object();

	set_number(packet, "tcp_flags", seg->flags);
	set_number(packet, "seq", seg->seq);
	set_number(packet, "seq_relative", seg->seq - own_base);
	if (seg->flags & TCP_ACK) {
		set_number(packet, "ack", seg->ack);
		set_number(packet, "ack_relative", seg->ack - acked_base);
	}
	set_number(packet, "window", seg->window);
	set_number(packet, "payload_bytes", seg->payload_bytes);
	set_number(packet, "captured_bytes", view->reader->caplen_bytes);
	set_number(packet, "wire_bytes", view->reader->wirelen_bytes);
	if (seg->options.seen & TCPOPT_HAS_TIMESTAMP) {
		set_number(packet, "tsval", seg->options.tsval);
		set_number(packet, "tsecr", seg->options.tsecr);
	}
	if (seg->options.sack_count) {
		json_t *sack = json_array();

		for (uint8_t i = 0; i < seg->options.sack_count; i++)
			json_array_append_new(
				sack, json_pack("[I, I]", (json_int_t)seg->options.sack[i].start,
						(json_int_t)seg->options.sack[i].end));
		json_object_set_new(packet, "sack", sack);
	}
	set_text(packet, "interface", view->reader->iface);
	json_object_set_new(object, "packet", packet);
}

static void print(FILE *to, json_t *object)
{
	json_dumpf(object, to, JSON_COMPACT);
	fputc('\n', to);
	json_decref(object);
}

void event_json_record(FILE *to, const struct event_view *view)
{
	json_t *object = begin(view);

	set_time(object, view->ts_ns);
	if (view->reader->has_tcpinfo)
		set_record(object, &view->reader->record);
	if (view->has_segment)
		set_segment(object, view);
	set_text(object, "comment", view->reader->comment);
	print(to, object);
}

void event_json_skip(FILE *to, const struct event_view *view)
{
	json_t *object = begin(view);

	set_number(object, "skipped", view->reader->skipped);
	print(to, object);
}
