/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known of a connection when it ends. Scripts of segments, numbers relative to each side's base;
 * each runs again with bases that make the numbers wrap.
 */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "capture/decode.h"
#include "cli/rules_file.h"
#include "tcpstate/tracker_private.h"
#include "tests/unit/log_sink.h"
#include "tests/unit/packet_builder.h"

#define START_NS UINT64_C(1700000000000000000)

enum { C = 0, S = 1 };

#define F TCP_FIN
#define Y TCP_SYN
#define A TCP_ACK

static struct log_sink sink;
static struct tracker *tracker;
static struct rules *rules;
static struct decoder *decoder;
static uint8_t frame[2048];
static uint64_t now_ns;

/* rules_text: NULL for no rules. */
static void open_world(const char *rules_text, bool no_models, uint32_t limit)
{
	struct tracker_config config;
	struct rules_messages messages;

	memset(&sink, 0, sizeof(sink));
	now_ns = START_NS;
	tracker_config_default(&config);
	config.connections_max = 100;
	config.log_memory_bytes = 4 << 20;
	config.no_models = no_models;
	config.policy.limit = limit;
	config.sink = log_sink_as_chunk_sink(&sink);
	if (rules_text) {
		rules = rules_file_parse(rules_text, &config.policy, &messages);
		rules_messages_dispose(&messages);
		assert_non_null(rules);
	}
	config.rules = rules;
	tracker = tracker_open(&config);
	assert_non_null(tracker);
}

static void close_world(void)
{
	tracker_close(&tracker);
	if (rules)
		rules_free(&rules);
	rules = NULL;
}

/* Ends all; the n-th summary. */
static struct flow_summary finish(uint32_t n)
{
	struct flow_summary summary;

	tracker_finish(tracker, now_ns);
	assert_int_equal(tracker_counters(tracker)->flow_summaries_lost, 0);
	for (uint32_t i = 0; i < sink.count; i++) {
		uint32_t count = sink.chains[i]->used_bytes / sizeof(summary);

		if (sink.chains[i]->kind != CHUNK_FLOWS)
			continue;
		if (n < count) {
			memcpy(&summary, sink.chains[i]->bytes + n * sizeof(summary),
			       sizeof(summary));
			return summary;
		}
		n -= count;
	}
	fail_msg("there is no such summary");
	return summary;
}

struct line {
	uint8_t from;
	uint16_t flags;
	uint32_t seq, ack, bytes;
	uint32_t ms;	      /* since the line before */
	uint32_t from_, upto; /* SACK block; equal: none */
	uint16_t window;      /* + 1; 0: 10000 */
	uint8_t checksum;     /* enum checksum_state */
};

static void play(const struct line *line, uint32_t cb, uint32_t sb, bool sack)
{
	uint32_t own = line->from == C ? cb : sb, peer = line->from == C ? sb : cb;
	struct segment seg = {
		.ts_ns = now_ns += line->ms * UINT64_C(1000000),
		.number = 1,
		.data = frame,
		.caplen_bytes = 54,
		.wirelen_bytes = 54 + line->bytes,
		.linktype = LINKTYPE_ETHERNET,
		.l3_offset = 14,
		.l4_offset = 34,
		.payload_offset = 54,
		.key = { .port_be = { __builtin_bswap16(40000), __builtin_bswap16(80) },
			 .ip_version = 4 },
		.hash = 0x12345678,
		.sender = line->from,
		.flags = line->flags,
		.seq = own + line->seq,
		.ack = line->flags & TCP_ACK ? peer + line->ack : 0,
		.window = line->window ? line->window - 1u : 10000,
		.payload_bytes = line->bytes,
		.checksum = line->checksum,
	};

	if (line->flags & TCP_SYN) {
		seg.options.seen = TCPOPT_HAS_MSS | (sack ? TCPOPT_HAS_SACK_PERMITTED : 0);
		seg.options.mss_bytes = 1000;
	}
	if (line->from_ != line->upto) {
		seg.options.seen = TCPOPT_HAS_SACK;
		seg.options.sack_count = 1;
		seg.options.sack[0] =
			(struct tcp_sack_block){ peer + line->from_, peer + line->upto };
	}
	tracker_process(tracker, &seg, 1);
}

/* clang-format off */
#define OPENED				\
	{ C, Y,     0, 0, 0, 1 },	\
	{ S, Y | A, 0, 1, 0, 10 },	\
	{ C, A,     1, 1, 0, 1 }

static const struct line nothing_again[] = {
	OPENED,
	{ C, A,   1,   1, 100, 1 },
	{ S, A,   1, 101,   0, 10 },
};

static const struct line syns_again[] = {
	{ C, Y,     0, 0, 0, 1 },
	{ C, Y,     0, 0, 0, 1000 },
	{ C, Y,     0, 0, 0, 2000 },
	{ S, Y | A, 0, 1, 0, 10 },
	{ S, Y | A, 0, 1, 0, 1000 },
	{ C, A,     1, 1, 0, 1 },
};

/* What is sent again is delivered once: the receiver got only one of them. */
static const struct line recovery[] = {
	OPENED,
	{ C, A,    1, 1, 1000, 1 },
	{ C, A, 1001, 1, 1000, 0 },
	{ C, A, 2001, 1, 1000, 0 },
	{ C, A, 3001, 1, 1000, 0 },
	{ C, A, 4001, 1, 1000, 0 },
	{ S, A,    1, 1,    0, 10, 1001, 2001 },
	{ S, A,    1, 1,    0, 0,  1001, 3001 },
	{ S, A,    1, 1,    0, 0,  1001, 4001 },
	{ S, A,    1, 1,    0, 0,  1001, 5001 },
	{ C, A,    1, 1, 1000, 1 },
	{ S, A,    1, 5001, 0, 10 },
};

/* The same, but the first was only late: a DSACK says that it came twice. */
static const struct line needless_recovery[] = {
	OPENED,
	{ C, A,    1, 1, 1000, 1 },
	{ C, A, 1001, 1, 1000, 0 },
	{ C, A, 2001, 1, 1000, 0 },
	{ C, A, 3001, 1, 1000, 0 },
	{ C, A, 4001, 1, 1000, 0 },
	{ S, A,    1, 1,    0, 10, 1001, 2001 },
	{ S, A,    1, 1,    0, 0,  1001, 3001 },
	{ S, A,    1, 1,    0, 0,  1001, 4001 },
	{ S, A,    1, 1,    0, 0,  1001, 5001 },
	{ C, A,    1, 1, 1000, 1 },
	{ S, A,    1, 5001, 0, 5 },
	{ S, A,    1, 5001, 0, 10, 1, 1001 },
};

static const struct line probe_then_timeouts[] = {
	OPENED,
	{ C, A,    1, 1, 1000, 1 },
	{ C, A,    1, 1, 1000, 240 },
	{ C, A,    1, 1, 1000, 480 },
	{ C, A,    1, 1, 1000, 960 },
	{ S, A,    1, 1001, 0, 10 },
};

static const struct line timeouts[] = { /* without SACK there are no probes */
	OPENED,
	{ C, A,    1, 1, 1000, 1 },
	{ C, A,    1, 1, 1000, 240 },
	{ C, A,    1, 1, 1000, 480 },
	{ S, A,    1, 1001, 0, 10 },
};

static const struct line fin_again[] = {
	OPENED,
	{ C, A | F, 1, 1, 0, 1 },
	{ C, A | F, 1, 1, 0, 300 },
};

static const struct line closed_window[] = {
	OPENED,
	{ C, A,   1,  1, 10, 1 },
	{ S, A,   1, 11,  0, 1,   .window = 1 },
	{ C, A,  10,  1,  0, 200 },
	{ S, A,   1, 11,  0, 1,   .window = 1 },
	{ C, A,  11,  1,  1, 200 },
	{ S, A,   1, 11,  0, 1,   .window = 1 },
	{ C, A,  11,  1,  1, 400 },
	{ S, A,   1, 12,  0, 1 },
};

static const struct line keep_alive[] = {
	OPENED,
	{ C, A,   1,  1, 10, 1 },
	{ S, A,   1, 11,  0, 1 },
	{ C, A,  10,  1,  0, 30000 },
	{ S, A,   1, 11,  0, 1 },
	{ C, A,  10,  1,  1, 30000 },
};

/* It passes the tap damaged: sent again it was, but why is not asked. */
static const struct line damaged_again[] = {
	OPENED,
	{ C, A,   1,  1, 10, 1 },
	{ C, A,  11,  1, 10, 1 },
	{ C, A,   1,  1, 10, 240, .checksum = CHECKSUM_BAD },
};

static const struct line data_and_fin_again[] = {
	OPENED,
	{ C, A,     1,  1, 10, 1 },
	{ C, A,     1,  1, 10, 240 },
	{ C, A | F, 11, 1,  0, 1 },
	{ C, A | F, 11, 1,  0, 300 },
};

#define SCRIPT(lines_) .lines = lines_, .count = sizeof(lines_) / sizeof(lines_[0])

static const struct script {
	const char *name;
	const struct line *lines;
	uint32_t count;
	bool no_sack, no_models;
	/* Of the client, by cause; retransmitted_segments too. */
	uint32_t again, by_cause[SUMMARY_CAUSES], needless[SUMMARY_CAUSES];
	uint32_t server_syns;
} scripts[] = {
	{ "nothing", SCRIPT(nothing_again) },
	{ "SYN", SCRIPT(syns_again), .again = 2, .by_cause = { [CAUSE_SYN] = 2 }, .server_syns = 1 },
	{ "SYN, no models", SCRIPT(syns_again), .no_models = true, .again = 2,
	  .by_cause = { [CAUSE_SYN] = 2 }, .server_syns = 1 },
	{ "recovery", SCRIPT(recovery), .again = 1, .by_cause = { [CAUSE_RECOVERY] = 1 } },
	{ "needless recovery", SCRIPT(needless_recovery), .again = 1,
	  .by_cause = { [CAUSE_RECOVERY] = 1 }, .needless = { [CAUSE_RECOVERY] = 1 } },
	{ "probe, then timeouts", SCRIPT(probe_then_timeouts), .again = 3,
	  .by_cause = { [CAUSE_TLP] = 1, [CAUSE_TIMEOUT] = 2 } },
	{ "timeouts", SCRIPT(timeouts), .no_sack = true, .again = 2,
	  .by_cause = { [CAUSE_TIMEOUT] = 2 } },
	{ "timeouts, no models", SCRIPT(timeouts), .no_models = true, .again = 2,
	  .by_cause = { [CAUSE_AMBIGUOUS] = 2 } },
	{ "FIN", SCRIPT(fin_again), .again = 1, .by_cause = { [CAUSE_FIN] = 1 } },
	{ "closed window", SCRIPT(closed_window), .by_cause = { [CAUSE_WINDOW_PROBE] = 3 } },
	{ "keep-alive", SCRIPT(keep_alive), .by_cause = { [CAUSE_KEEPALIVE] = 2 } },
	{ "damaged", SCRIPT(damaged_again), .again = 1, .by_cause = { [CAUSE_AMBIGUOUS] = 1 } },
	{ "data and FIN, no models", SCRIPT(data_and_fin_again), .no_models = true, .again = 2,
	  .by_cause = { [CAUSE_FIN] = 1, [CAUSE_AMBIGUOUS] = 1 } },
};
/* clang-format on */

static uint32_t retransmissions(const uint32_t by_cause[SUMMARY_CAUSES])
{
	uint32_t sum = 0;

	for (int cause = CAUSE_NONE; cause < SUMMARY_CAUSES; cause++)
		if (cause != CAUSE_WINDOW_PROBE && cause != CAUSE_KEEPALIVE)
			sum += by_cause[cause];
	return sum;
}

static void run(const struct script *script, uint32_t cb, uint32_t sb)
{
	struct flow_summary summary;
	const struct flow_side_summary *client = &summary.side[C], *server = &summary.side[S];

	open_world(NULL, script->no_models, 5000);
	for (uint32_t i = 0; i < script->count; i++)
		play(&script->lines[i], cb, sb, !script->no_sack);
	summary = finish(0);
	for (int cause = 0; cause < SUMMARY_CAUSES; cause++)
		if (client->by_cause[cause] != script->by_cause[cause] ||
		    client->needless_by_cause[cause] != script->needless[cause])
			fail_msg("%s: cause %d: %u, needless %u", script->name, cause,
				 client->by_cause[cause], client->needless_by_cause[cause]);
	assert_int_equal(client->retransmitted_segments, script->again);
	assert_int_equal(retransmissions(client->by_cause), script->again);
	assert_int_equal(server->by_cause[CAUSE_SYN], script->server_syns);
	assert_int_equal(server->retransmitted_segments, script->server_syns);
	close_world();
}

static void causes_add_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		run(&scripts[i], 1000, 5000000);
		run(&scripts[i], 0xffffffff - 50, 0x7fffffff - 50);
		run(&scripts[i], 0xffffffff, 0xfffffffe);
	}
}

/* The handshake takes 10 ms; then a segment each whose ACK comes so many ms later. */
static struct flow_side_summary timed(uint32_t lines, const uint32_t *ms, uint32_t count,
				      bool no_models)
{
	static const struct line opened[] = { OPENED };
	struct flow_summary summary;

	open_world(NULL, no_models, 5000);
	for (uint32_t i = 0; i < lines; i++)
		play(&opened[i], 1000, 5000, true);
	for (uint32_t i = 0; i < count; i++) {
		play(&(struct line){ C, A, 1 + i * 10, 1, 10, 1 }, 1000, 5000, true);
		play(&(struct line){ S, A, 1, 11 + i * 10, 0, ms[i] }, 1000, 5000, true);
	}
	summary = finish(0);
	close_world();
	return summary.side[C];
}

static void spread_of_the_rtt(void **state)
{
	static uint32_t ms[1000];
	struct flow_side_summary side;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		ms[i] = 20 + i * 37 % 60; /* all of 20..79 alike */
	side = timed(1, ms, 0, false);	  /* an unanswered SYN */
	assert_int_equal(side.rtt_samples, 0);
	assert_int_equal(side.rtt_median_us, 0);
	assert_int_equal(side.rtt_max_us, 0);
	for (int no_models = 0; no_models < 2; no_models++) {
		side = timed(3, ms, 0, no_models);
		assert_int_equal(side.rtt_samples, 1);
		assert_int_equal(side.rtt_min_us, 10000);
		assert_int_equal(side.rtt_median_us, 10000);
		assert_int_equal(side.rtt_max_us, 10000);
	}
	side = timed(3, ms, 1, false);
	assert_int_equal(side.rtt_samples, 2);
	assert_int_equal(side.rtt_min_us, 10000);
	assert_int_equal(side.rtt_median_us, 15000);
	assert_int_equal(side.rtt_max_us, 20000);
	side = timed(3, ms, 1, true);
	assert_int_equal(side.rtt_samples, 2);
	assert_int_equal(side.rtt_median_us, 0); /* not known */
	assert_int_equal(side.rtt_max_us, 0);
	side = timed(3, ms, 1000, false);
	assert_int_equal(side.rtt_samples, 1001);
	assert_int_equal(side.rtt_min_us, 10000);
	assert_int_equal(side.rtt_max_us, 79000);
	assert_in_range(side.rtt_median_us, 49500 - 49500 / 4, 49500 + 49500 / 4);
}

/* From 10.0.0.1:1000 to 10.0.0.2:80, as a frame that nDPI can look at. */
static void send(bool reverse, uint16_t flags, uint32_t seq, uint32_t ack, const char *text)
{
	static struct packet packet;
	struct frame captured;
	struct segment segment;

	packet_begin(&packet);
	packet_ethernet(&packet, 0x0800);
	packet_ipv4(&packet, 6, reverse, 0);
	packet_tcp(&packet, reverse, seq, ack, flags, NULL, 0);
	if (text)
		packet_raw(&packet, text, (uint32_t)strlen(text));
	packet_end(&packet);
	now_ns += 1000000;
	captured = packet_frame(&packet, LINKTYPE_ETHERNET, now_ns);
	assert_int_equal(decode_frame(decoder, &captured, &segment), DECODE_SEGMENT);
	tracker_process(tracker, &segment, 1);
	decoder_batch_done(decoder);
}

static void request(const char *text)
{
	send(false, Y, 0, 0, NULL);
	send(true, Y | A, 0, 1, NULL);
	send(false, A, 1, 1, NULL);
	if (text)
		send(false, A, 1, 1, text);
}

#define X10	 "xxxxxxxxxx"
#define X60	 X10 X10 X10 X10 X10 X10
#define GET	 "GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: x\r\n\r\n"
#define LONG_GET "GET / HTTP/1.1\r\nHost: " X60 "." X60 ".example.com\r\nUser-Agent: x\r\n\r\n"

static void how_it_was_logged(void **state)
{
	static const struct {
		const char *rules, *request;
		const char *rule, *id, *tag, *proto, *host; /* host NULL: some */
		int8_t mode;
		uint16_t sections;
	} rows[] = {
		{ NULL, GET, "", "", "", "", "", LOG_CONTINUAL, 1 },
		{ "default { mode = tail tag = all }", GET, "", "", "all", "", "", LOG_TAIL, 0 },
		{ "rule web { match = 'tcp port 80' mode = tail-auto tag = t id = 'to-{dport}' }",
		  GET, "web", "to-80", "t", "", "", LOG_TAIL_AUTO, 1 },
		/* nDPI is asked because a rule wants it, whichever it is then. */
		{ "rule web { proto = HTTP mode = tail-auto id = '{host}' }", GET, "web",
		  "www.example.com", "", "HTTP", "www.example.com", LOG_TAIL_AUTO, 1 },
		{ "default { mode = off } rule tls { proto = TLS tag = tls mode = head }", GET, "",
		  "", "", "HTTP", "www.example.com", LOG_OFF, 0 },
		/* It ends before anything is known. */
		{ "default { mode = off } rule tls { proto = TLS tag = tls mode = head }", NULL, "",
		  "", "", "", "", LOG_OFF, 0 },
		{ "rule web { proto = HTTP mode = tail-auto id = '{host}' }", LONG_GET, "web", NULL,
		  "", "HTTP", NULL, LOG_TAIL_AUTO, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flow_summary summary;

		open_world(rows[i].rules, false, 5000);
		request(rows[i].request);
		summary = finish(0);
		assert_string_equal(summary.rule, rows[i].rule);
		assert_string_equal(summary.tag, rows[i].tag);
		assert_string_equal(summary.application.proto, rows[i].proto);
		if (rows[i].id)
			assert_string_equal(summary.id, rows[i].id);
		if (rows[i].host)
			assert_string_equal(summary.application.host, rows[i].host);
		else
			assert_in_range(strnlen(summary.application.host, APPLICATION_HOST_MAX), 1,
					APPLICATION_HOST_MAX - 1);
		assert_in_range(strnlen(summary.id, LOG_ID_MAX), 0, LOG_ID_MAX - 1);
		assert_int_equal(summary.mode, rows[i].mode);
		assert_int_equal(summary.sections, rows[i].sections);
		close_world();
	}
}

/* The names of one that ended are not those of the next, nor lost with another's. */
static void names_are_each_ones_own(void **state)
{
	struct flow_summary summary;

	(void)state;
	open_world("rule web { proto = HTTP mode = tail-auto }", false, 5000);
	for (uint32_t i = 0; i < 3; i++) {
		request(GET);
		send(true, TCP_RST, 1, 0, NULL);
		now_ns += UINT64_C(100000000000);
		request("\x01\x02\x03 nothing that anybody knows");
		send(true, TCP_RST, 1, 0, NULL);
		now_ns += UINT64_C(100000000000);
	}
	for (uint32_t i = 0; i < 6; i++) {
		summary = finish(i);
		assert_string_equal(summary.application.proto, i % 2 ? "" : "HTTP");
		assert_string_equal(summary.application.host, i % 2 ? "" : "www.example.com");
		assert_string_equal(summary.rule, i % 2 ? "" : "web");
	}
	close_world();
}

static void sections_are_counted(void **state)
{
	struct flow_summary summary;

	(void)state;
	open_world(NULL, false, 4);
	request(GET);
	for (uint32_t i = 0; i < 6; i++)
		send(true, A, 1 + i, 1, "?");
	summary = finish(0);
	/* 10 segments, and what is told of them beside. */
	assert_true(summary.sections >= 3);
	assert_int_equal(summary.sections, tracker_counters(tracker)->sections);
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(causes_add_up),	cmocka_unit_test(spread_of_the_rtt),
		cmocka_unit_test(how_it_was_logged),	cmocka_unit_test(names_are_each_ones_own),
		cmocka_unit_test(sections_are_counted),
	};
	int failed;

	decoder = decoder_open(1, true);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	decoder_close(&decoder);
	return failed;
}
