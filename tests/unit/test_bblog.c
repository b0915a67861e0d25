/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "store/bblog.h"
#include "store/wording.h"
#include "tcpstate/window.h"

static uint64_t at(const uint8_t *bytes, uint32_t offset, uint32_t width)
{
	uint64_t value = 0;

	memcpy(&value, bytes + offset, width);
	return value;
}

/* Where each field stands, as struct tcp_log_buffer and struct tcp_log_bbr of FreeBSD have it. */
static void tcpinfo_has_freebsds_layout(void **state)
{
	struct bblog_record record = { 0 }, back;
	uint8_t bytes[BBLOG_TCPINFO_BYTES];

	(void)state;
#define FIELD(member, offset, width)                                                               \
	do {                                                                                       \
		memset(&record, 0, sizeof(record));                                                \
		record.member = (__typeof__(record.member))0x1122334455667788;                     \
		bblog_encode_tcpinfo(&record, bytes);                                              \
		assert_true(at(bytes, offset, width) ==                                            \
			    (width == 8 ? (uint64_t)0x1122334455667788                             \
					: (uint64_t)0x1122334455667788 &                           \
						  ((UINT64_C(1) << 8 * (width % 8)) - 1)));        \
		bblog_decode_tcpinfo(bytes, &back);                                                \
		assert_memory_equal(&back, &record, sizeof(record));                               \
		for (uint32_t i = 0; i < sizeof(bytes); i++)                                       \
			if (i < offset || i >= offset + width)                                     \
				assert_int_equal(bytes[i], 0);                                     \
	} while (0)
	FIELD(tv_sec, 0, 8);
	FIELD(tv_usec, 8, 8);
	FIELD(ticks, 16, 4);
	FIELD(serial, 20, 4);
	FIELD(stack_id, 24, 1);
	FIELD(event_id, 25, 1);
	FIELD(event_flags, 26, 2);
	FIELD(event_errno, 28, 4);
	FIELD(rxbuf_acc, 32, 4);
	FIELD(txbuf_acc, 44, 4);
	FIELD(state, 56, 4);
	FIELD(starttime, 60, 4);
	FIELD(iss, 64, 4);
	FIELD(flags, 68, 4);
	FIELD(snd_una, 72, 4);
	FIELD(snd_max, 76, 4);
	FIELD(snd_cwnd, 80, 4);
	FIELD(snd_nxt, 84, 4);
	FIELD(snd_recover, 88, 4);
	FIELD(snd_wnd, 92, 4);
	FIELD(snd_ssthresh, 96, 4);
	FIELD(srtt, 100, 4);
	FIELD(rttvar, 104, 4);
	FIELD(rcv_up, 108, 4);
	FIELD(rcv_adv, 112, 4);
	FIELD(flags2, 116, 4);
	FIELD(rcv_nxt, 120, 4);
	FIELD(rcv_wnd, 124, 4);
	FIELD(dupacks, 128, 4);
	FIELD(segqlen, 132, 4);
	FIELD(snd_numholes, 136, 4);
	FIELD(flex1, 140, 4);
	FIELD(flex2, 144, 4);
	FIELD(first_byte_in, 148, 4);
	FIELD(first_byte_out, 152, 4);
	FIELD(stack.cur_del_rate, 160, 8);
	FIELD(stack.del_rate, 168, 8);
	FIELD(stack.rtt_prop, 176, 8);
	FIELD(stack.bw_inuse, 184, 8);
	FIELD(stack.inflight, 192, 4);
	FIELD(stack.time_stamp, 204, 4);
	FIELD(stack.pkts_out, 216, 4);
	FIELD(stack.flex[0], 220, 4);
	FIELD(stack.flex[5], 240, 4);
	FIELD(stack.lost, 244, 4);
	FIELD(stack.flex7, 252, 2);
	FIELD(stack.flex8, 259, 1);
	FIELD(stack.pkt_epoch, 260, 4);
	FIELD(len, 264, 4);
#undef FIELD
	memset(&record, 0, sizeof(record));
	record.snd_scale = 7;
	record.rcv_scale = 9;
	bblog_encode_tcpinfo(&record, bytes);
	assert_int_equal(bytes[156], 0x97);
	bblog_decode_tcpinfo(bytes, &back);
	assert_memory_equal(&back, &record, sizeof(record));
}

static void dumpinfo_comes_back(void **state)
{
	struct bblog_section section = { .version = 9,
					 .ip_version = 6,
					 .foreign_port = 443,
					 .local_port = 50000,
					 .id = "an id",
					 .tag = "a tag",
					 .reason = "why" };
	struct bblog_section back = { 0 };
	uint8_t bytes[BBLOG_DUMPINFO_BYTES];

	(void)state;
	memset(section.foreign_address, 0xaa, 16);
	memset(section.local_address, 0xbb, 16);
	bblog_encode_dumpinfo(&section, 268, bytes);
	assert_int_equal(at(bytes, 8, 8), 208 + 268);
	assert_int_equal(bytes[16], 443 >> 8);
	assert_int_equal(bytes[17], 443 & 255);
	assert_int_equal(bytes[20], 0xaa);
	assert_int_equal(bytes[36], 0xbb);
	assert_string_equal((char *)bytes + 72, "an id");
	assert_int_equal(bytes[200], 28);
	bblog_decode_dumpinfo(bytes, &back);
	assert_memory_equal(&back, &section, sizeof(section));
}

static void one_segment_is_out_here_and_in_there(void **state)
{
	struct log_entry entry = { .kind = LOG_PACKET,
				   .views = VIEW_BOTH,
				   .sender = SIDE_SERVER,
				   .serial = { 5, 9 },
				   .payload_bytes = 99,
				   .event = { .ts_ns = UINT64_C(1700000000123456789),
					      .flex8 = OUT_RETRANSMISSION,
					      .flex7 = flex7_make(CAUSE_SYN, 80) } };
	struct bblog_record record;
	char words[WORDING_MAX];

	(void)state;
	entry.snap[SIDE_SERVER].snd_una = 7;
	bblog_record_from_entry(&record, &entry, SIDE_SERVER);
	assert_int_equal(record.event_id, EVENT_OUT);
	assert_int_equal(record.serial, 9);
	assert_int_equal(record.snd_una, 7);
	assert_int_equal(record.tv_sec, 1700000000);
	assert_int_equal(record.tv_usec, 123456);
	assert_int_equal(record.ticks, (uint32_t)UINT64_C(1700000000123));
	assert_int_equal(record.len, 99);
	assert_int_equal(record.stack.flex8, OUT_RETRANSMISSION);
	assert_int_equal(record.stack.flex7, CAUSE_SYN << 8 | 80);
	assert_true(wording_of(&entry, SIDE_SERVER, words, sizeof(words)) > 0);
	assert_string_equal(words, "retransmission: SYN, 80%");
	bblog_record_from_entry(&record, &entry, SIDE_CLIENT);
	assert_int_equal(record.event_id, EVENT_IN);
	assert_int_equal(record.serial, 5);
	assert_int_equal(record.stack.flex8, 0);
	assert_true(wording_of(&entry, SIDE_CLIENT, words, sizeof(words)) > 0);
	assert_string_equal(words, "retransmission by the peer: SYN, 80%");
}

static void events_in_words(void **state)
{
	static const struct {
		struct event event;
		const char *words;
	} rows[] = {
		{ { .id = EVENT_RTT, .stack_flex = { 12345, 999, 1500000 } },
		  "RTT sample 12.345 ms, srtt 999 us, rttvar 1.500 s" },
		{ { .id = EVENT_REASS,
		    .flex7 = REASS_REASON_QUEUED << 8,
		    .stack_flex = { 1, 100, 1 } },
		  "out-of-order queue: 1 segment (100 bytes) behind 1 hole" },
		{ { .id = EVENT_REASS, .flex7 = REASS_REASON_RELEASED << 8 },
		  "out-of-order queue: empty again" },
		{ { .id = EVENT_REASS, .flex7 = REASS_REASON_GAP << 8 },
		  "capture gap: bytes acknowledged that the tap never saw" },
		{ { .id = EVENT_PERSIST, .flex8 = PERSIST_ENTERED }, "the peer closed its window" },
		{ { .id = EVENT_PERSIST, .flex8 = PERSIST_LEFT, .stack_flex = { 2000000 } },
		  "the peer opened its window after 2.000 s (0 probes)" },
		{ { .id = EVENT_FLOWEND,
		    .record_flex = { END_RESET },
		    .stack_flex = { 5, 6, 1, 700, 800, 2 } },
		  "reset; sent 5 segments (1 again, 700 bytes), received 6 (800 bytes), 2 RTT "
		  "samples" },
		{ { .id = EVENT_FLOWEND,
		    .record_flex = { END_RESET, CC_RENO << 24 | 20 << 16 | 5 << 8 | 75 },
		    .flex8 = 90,
		    .stack_flex = { 5, 6, 1, 700, 800, 2 } },
		  "reset; sent 5 segments (1 again, 700 bytes), received 6 (800 bytes), 2 RTT "
		  "samples; limited by application 20%, receiver 5%, window 75% of the time; "
		  "reno, 90%" },
		{ { .id = EVENT_CWND,
		    .flex7 = CWND_TIMEOUT << 8 | 90,
		    .flex8 = LIMIT_WINDOW,
		    .stack_flex = { 1448, 14480 } },
		  "inferred window 1448 bytes, was 14480: timeout; limited by window, 90%" },
		{ { .id = EVENT_HYSTART, .flex7 = CWND_HYSTART << 8 | 75, .stack_flex = { 50000 } },
		  "slow start left without a loss, at a window of 50000 bytes, 75%" },
		{ { .id = EVENT_CONNEND, .record_flex = { END_CLOSED } },
		  "end of the log: closed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct log_entry entry = { .kind = LOG_EVENT, .event = rows[i].event };
		char words[WORDING_MAX];

		assert_int_equal(wording_of(&entry, SIDE_CLIENT, words, sizeof(words)),
				 strlen(rows[i].words));
		assert_string_equal(words, rows[i].words);
		/* Never more than there is room for. */
		assert_int_equal(wording_of(&entry, SIDE_CLIENT, words, 10), 9);
	}
}

static void an_ordinary_segment_needs_no_words(void **state)
{
	struct log_entry entry = { .kind = LOG_PACKET };
	char words[WORDING_MAX];

	(void)state;
	assert_int_equal(wording_of(&entry, SIDE_CLIENT, words, sizeof(words)), 0);
	entry.fragments = 3;
	assert_true(wording_of(&entry, SIDE_CLIENT, words, sizeof(words)) > 0);
	assert_string_equal(words, "put together from 3 IP fragments");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcpinfo_has_freebsds_layout),
		cmocka_unit_test(dumpinfo_comes_back),
		cmocka_unit_test(one_segment_is_out_here_and_in_there),
		cmocka_unit_test(events_in_words),
		cmocka_unit_test(an_ordinary_segment_needs_no_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
