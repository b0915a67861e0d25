/* SPDX-License-Identifier: BSD-2-Clause */
/* Which rule takes a connection: at once, and when proto and host are known. */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/decode.h"
#include "capture/iface_table.h"
#include "cli/rules_file.h"
#include "tcpstate/tracker_private.h"
#include "tests/unit/log_sink.h"
#include "tests/unit/packet_builder.h"

#define START_NS UINT64_C(1700000000000000000)

static struct log_sink sink;
static struct tracker *tracker;
static struct decoder *decoder;
static struct iface_table ifaces;
static struct rules *rules;
static uint8_t *buffer;
static uint64_t now_ns;

struct told {
	char rule[RULE_NAME_MAX], id[LOG_ID_MAX];
	bool chosen;
	uint32_t count;
};

static struct told told;

static void note(void *context, const struct rule_decision *decision)
{
	struct told *out = context;

	strcpy(out->rule, decision->rule->policy.rule);
	strcpy(out->id, decision->id);
	out->chosen = decision->chosen;
	assert_int_equal(decision->again, out->count > 0);
	out->count++;
}

static void open_world(const char *text)
{
	struct tracker_config config;
	struct rules_messages messages;

	memset(&sink, 0, sizeof(sink));
	memset(&told, 0, sizeof(told));
	now_ns = START_NS;
	tracker_config_default(&config);
	config.connections_max = 1000;
	config.log_memory_bytes = 8 << 20;
	config.sink = log_sink_as_chunk_sink(&sink);
	config.ifaces = &ifaces;
	config.decided = note;
	config.decided_context = &told;
	rules = rules_file_parse(text, &config.policy, &messages);
	rules_file_complain("test", &messages);
	rules_messages_dispose(&messages);
	assert_non_null(rules);
	config.rules = rules;
	tracker = tracker_open(&config);
	assert_non_null(tracker);
}

static void close_world(void)
{
	tracker_close(&tracker);
	rules_free(&rules);
}

struct made {
	bool reverse, ipv6;
	uint16_t flags;
	uint32_t seq, ack;
	const char *text; /* payload */
	uint16_t vlan[2]; /* 0: none */
};

static void send(const struct made *made)
{
	static struct packet packet;
	struct frame frame;
	struct segment segment;

	packet_begin(&packet);
	packet_ethernet(&packet, made->vlan[0] ? 0x8100 : made->ipv6 ? 0x86dd : 0x0800);
	if (made->vlan[0])
		packet_vlan(&packet, made->vlan[0],
			    made->vlan[1] ? 0x8100
			    : made->ipv6  ? 0x86dd
					  : 0x0800);
	if (made->vlan[1])
		packet_vlan(&packet, made->vlan[1], made->ipv6 ? 0x86dd : 0x0800);
	if (made->ipv6)
		packet_ipv6(&packet, 6, made->reverse);
	else
		packet_ipv4(&packet, 6, made->reverse, 0);
	packet_tcp(&packet, made->reverse, made->seq, made->ack, made->flags, NULL, 0);
	if (made->text)
		packet_raw(&packet, made->text, (uint32_t)strlen(made->text));
	packet_end(&packet);
	now_ns += 1000000;
	frame = packet_frame(&packet, LINKTYPE_ETHERNET, now_ns);
	frame.number = (now_ns - START_NS) / 1000000;
	assert_int_equal(decode_frame(decoder, &frame, &segment), DECODE_SEGMENT);
	tracker_process(tracker, &segment, 1);
	decoder_batch_done(decoder);
}

/* The client is 10.0.0.1:1000 or [2001:db8::1]:1000, the server .2 and ::2, port 80. */
static void the_first_that_matches_wins(void **state)
{
	static const struct {
		const char *text;
		struct made first;
		const char *rule, *id;
	} rows[] = {
		{ "", { .flags = TCP_SYN }, "default", "" },
		{ "rule a { match = 'tcp port 81' } rule b { match = 'tcp port 80' } rule c { }",
		  { .flags = TCP_SYN },
		  "b",
		  "" },
		/* As if the client had sent it, whoever did. */
		{ "rule a { match = 'src host 10.0.0.2' } rule b { match = 'src host 10.0.0.1 and "
		  "dst port "
		  "80' }",
		  { .flags = TCP_SYN | TCP_ACK, .reverse = true },
		  "b",
		  "" },
		{ "rule a { match = 'dst host 2001:db8::2 and tcp dst port 80' id = "
		  "'{client}>{server}/{dport}/{sport}' }",
		  { .flags = TCP_SYN | TCP_ACK, .reverse = true, .ipv6 = true },
		  "a",
		  "2001:db8::1>2001:db8::2/80/1000" },
		{ "rule a { match = 'ip6' } rule b { match = 'tcp[tcpflags] & tcp-syn != 0' }",
		  { .flags = TCP_SYN },
		  "b",
		  "" },
		/* Whatever lies around the IP packet; and what lies there as conditions. */
		{ "rule a { vlan = none } rule b { match = 'tcp port 80' id = "
		  "'v{vlan}-t{tunnel}-{iface}' }",
		  { .flags = TCP_SYN, .vlan = { 100 } },
		  "b",
		  "v100-tnone-eth7" },
		{ "rule a { vlan = 100 } rule b { vlan = '100.200' }",
		  { .flags = TCP_SYN, .vlan = { 100, 200 } },
		  "b",
		  "" },
		{ "rule a { iface = 'eth?' vlan = none } rule b { vlan = 5 }",
		  { .flags = TCP_SYN },
		  "a",
		  "" },
		{ "rule a { iface = 'wlan*' }", { .flags = TCP_SYN }, "default", "" },
		{ "rule a { tunnel = '7' } default { id = 'x' }",
		  { .flags = TCP_SYN },
		  "default",
		  "x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_world(rows[i].text);
		send(&rows[i].first);
		assert_string_equal(told.rule, rows[i].rule);
		assert_string_equal(told.id, rows[i].id);
		assert_int_equal(told.count, 1);
		close_world();
	}
}

#define GET "GET / HTTP/1.1\r\nHost: www.Example.com\r\nUser-Agent: x\r\n\r\n"

/* A connection up to the request. */
static void request(const char *text)
{
	send(&(struct made){ .flags = TCP_SYN });
	send(&(struct made){ .flags = TCP_SYN | TCP_ACK, .reverse = true, .ack = 1 });
	send(&(struct made){ .flags = TCP_ACK, .seq = 1, .ack = 1 });
	send(&(struct made){ .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .text = text });
}

static uint32_t first_serial(const struct chunk *chain)
{
	struct evlog_reader reader;
	struct log_entry entry;

	evlog_reader_init(&reader, chain, buffer);
	assert_true(evlog_reader_next(&reader, &entry));
	return entry.serial[SIDE_CLIENT];
}

/* What was recorded before the host was known is in the log of its tag, also if it was to be logged nowhere. */
static void host_is_known_later_and_nothing_is_lost(void **state)
{
	static const char *const defaults[] = { "off", "tail", "tail-auto", "head" };

	(void)state;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		char text[300];

		snprintf(
			text, sizeof(text),
			"default { mode = %s }\n"
			"rule tls { proto = TLS tag = tls mode = tail-auto }\n"
			"rule web { proto = http host = '*.example.com' tag = web mode = tail-auto "
			"id = '{host}/{proto}' }",
			defaults[i]);
		open_world(text);
		request(GET);
		assert_int_equal(told.count, 2);
		assert_string_equal(told.rule, "web");
		assert_string_equal(told.id, "www.example.com/HTTP");
		assert_int_equal(sink.count, 0);
		assert_int_equal(tracker->table.records[0].application, 0);
		tracker_finish(tracker, now_ns);
		assert_int_equal(sink.chains[0]->kind, CHUNK_LOG);
		assert_string_equal(evlog_head(sink.chains[0])->tag, "web");
		assert_string_equal(evlog_head(sink.chains[0])->id, "www.example.com/HTTP");
		assert_int_equal(first_serial(sink.chains[0]), 0);
		close_world();
	}
}

/* It is another one: what was kept for the rule's sake is thrown away, or logged as the others are. */
static void host_is_another(void **state)
{
	(void)state;
	open_world("default { mode = off } rule web { host = '*.example.org' tag = web mode = "
		   "tail-auto }");
	request(GET);
	assert_int_equal(told.count, 2);
	assert_string_equal(told.rule, "default");
	assert_null(tracker->table.records[0].log.tail);
	tracker_finish(tracker, now_ns);
	assert_int_equal(tracker_counters(tracker)->records_sent, 0);
	close_world();

	open_world("default { mode = tail-auto tag = all } rule web { host = 'x' mode = head }");
	request(GET);
	assert_string_equal(told.rule, "default");
	tracker_finish(tracker, now_ns);
	assert_string_equal(evlog_head(sink.chains[0])->tag, "all");
	assert_int_equal(first_serial(sink.chains[0]), 0);
	close_world();
}

/* It ends before anything is known; or says nothing that nDPI knows. */
static void host_is_never_known(void **state)
{
	(void)state;
	open_world("default { mode = tail-auto tag = all } rule web { host = '*' mode = tail-auto "
		   "tag = web }");
	send(&(struct made){ .flags = TCP_SYN });
	assert_int_equal(told.count, 1);
	tracker_finish(tracker, now_ns);
	assert_int_equal(told.count, 2);
	/* '*' is any host, none too. */
	assert_string_equal(told.rule, "web");
	close_world();

	open_world("default { mode = off } rule web { host = '?*' mode = tail-auto tag = web }");
	request("\x01\x02\x03 nothing that anybody knows");
	for (uint32_t i = 0; i < 30; i++)
		send(&(struct made){ .flags = TCP_ACK, .seq = 100 + i, .ack = 1, .text = "?" });
	assert_int_equal(told.count, 2);
	assert_string_equal(told.rule, "default");
	assert_int_equal(tracker->table.records[0].application, 0);
	assert_null(tracker->table.records[0].log.tail);
	close_world();
}

/* The rule is clear, its ID is not: it is given late, and a ratio by ID with it. */
static void id_is_known_later(void **state)
{
	uint32_t chosen = 0;

	(void)state;
	open_world(
		"rule web { match = 'tcp port 80' id = 'to-{host}' mode = tail-auto tag = web }");
	send(&(struct made){ .flags = TCP_SYN });
	assert_string_equal(told.rule, "web");
	assert_string_equal(told.id, "");
	memset(&told, 0, sizeof(told));
	close_world();

	for (uint32_t i = 0; i < 64; i++) {
		char text[200];

		snprintf(text, sizeof(text),
			 "rule web { id = 'to-{host}-%u' mode = tail-auto tag = web ratio = 4 }",
			 i);
		open_world(text);
		request(GET);
		assert_int_equal(told.chosen, log_group_hash(told.id) <= UINT32_MAX / 4);
		chosen += told.chosen;
		assert_int_equal(tracker->table.records[0].mode,
				 told.chosen ? LOG_TAIL_AUTO : LOG_OFF);
		close_world();
	}
	assert_in_range(chosen, 6, 28);
}

/* The n-th connection, which has a bad checksum in its second segment. */
static void another(uint16_t n)
{
	struct segment seg = { .ts_ns = START_NS,
			       .data = buffer,
			       .caplen_bytes = 54,
			       .wirelen_bytes = 64,
			       .linktype = LINKTYPE_ETHERNET,
			       .l3_offset = 14,
			       .l4_offset = 34,
			       .payload_offset = 54,
			       .key = { .port_be = { 1, 2 + n }, .ip_version = 4 },
			       .hash = n * 2654435761u,
			       .flags = TCP_ACK,
			       .payload_bytes = 10,
			       .seq = 1,
			       .checksum = CHECKSUM_GOOD };

	told.count = 0;
	tracker_process(tracker, &seg, 1);
	seg.seq = 11;
	seg.checksum = CHECKSUM_BAD;
	tracker_process(tracker, &seg, 1);
}

/* Without an ID a ratio goes by turns. */
static void one_of_three(void **state)
{
	(void)state;
	open_world("default { ratio = 3 mode = tail }");
	for (uint16_t i = 0; i < 9; i++) {
		another(i);
		assert_int_equal(told.chosen, i % 3 == 0);
		assert_int_equal(tracker->table.records[i].mode, i % 3 == 0 ? LOG_TAIL : LOG_OFF);
	}
	close_world();
}

/* The first two that meet the condition are switched, whatever their mode; the others are not. */
static void trace_points_switch_the_first(void **state)
{
	uint32_t switched = 0;

	(void)state;
	open_world("default { mode = off } tracepoint checksum { count = 2 mode = continual }");
	for (uint16_t i = 0; i < 5; i++) {
		another(i);
		switched += tracker->table.records[i].mode == LOG_CONTINUAL;
		assert_int_equal(tracker->table.records[i].mode == LOG_CONTINUAL, i < 2);
	}
	assert_int_equal(switched, 2);
	assert_int_equal(tracker_counters(tracker)->trace_points, 2);
	close_world();
}

/* New rules are for new connections; the old ones' policies are let go with the last connection. */
static void other_rules_at_run_time(void **state)
{
	struct log_policy base = { .rule = "x", .mode = LOG_TAIL, .views = VIEW_BOTH, .limit = 10 };
	struct rules_messages messages;
	struct rules *others;

	(void)state;
	open_world("default { mode = tail tag = old }");
	send(&(struct made){ .flags = TCP_SYN });
	others = rules_file_parse("default { mode = head tag = new }", &base, &messages);
	assert_non_null(others);
	assert_true(tracker_set_rules(tracker, others));
	rules_free(&rules);
	rules = others;
	told.count = 0;
	send(&(struct made){ .flags = TCP_SYN, .ipv6 = true });
	assert_int_equal(tracker->table.records[0].mode, LOG_TAIL);
	assert_string_equal(tracker->policies.policies[tracker->table.records[0].policy].tag,
			    "old");
	assert_int_equal(tracker->table.records[1].mode, LOG_HEAD);
	for (uint32_t i = 0; i < 5000; i++) {
		others = rules_file_parse("default { mode = head tag = new }", &base, &messages);
		assert_true(tracker_set_rules(tracker, others));
		rules_free(&rules);
		rules = others;
	}
	assert_true(tracker->policies.touched < 10);
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_matches_wins),
		cmocka_unit_test(host_is_known_later_and_nothing_is_lost),
		cmocka_unit_test(host_is_another),
		cmocka_unit_test(host_is_never_known),
		cmocka_unit_test(id_is_known_later),
		cmocka_unit_test(one_of_three),
		cmocka_unit_test(trace_points_switch_the_first),
		cmocka_unit_test(other_rules_at_run_time),
	};
	int failed;

	buffer = calloc(1, EVLOG_CAPLEN_MAX);
	decoder = decoder_open(1, true);
	iface_table_add(&ifaces, "eth7", LINKTYPE_ETHERNET);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	decoder_close(&decoder);
	free(buffer);
	return failed;
}
