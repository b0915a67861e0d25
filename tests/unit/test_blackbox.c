/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Modes, IDs, triggers. What an endpoint's log does is told twice: as rows for a reader, and by a model of
 * FreeBSD's tcp_log_event(), tcp_log_state_change(), tcp_log_set_id() and tcp_log_tcpcbfini() that thousands
 * of random orders are compared with.
 */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/frame.h"
#include "tcpstate/blackbox.h"
#include "tcpstate/conn_log.h"
#include "tcpstate/tracker_private.h"
#include "tests/unit/log_sink.h"

#define START_NS  UINT64_C(1700000000000000000)
#define SECOND_NS UINT64_C(1000000000)
#define LIMIT	  10

static struct log_sink sink;
static struct tracker *tracker;
static uint8_t frame[128];
static uint8_t *buffer;

static void open_world(const struct log_policy *policy, uint32_t chunks)
{
	struct tracker_config config;

	memset(&sink, 0, sizeof(sink));
	tracker_config_default(&config);
	config.connections_max = 1000;
	config.ids_max = 3;
	config.per_id_max = 5;
	config.log_memory_bytes = (uint64_t)chunks * CHUNK_BYTES;
	config.sink = log_sink_as_chunk_sink(&sink);
	if (policy)
		config.policy = *policy;
	tracker = tracker_open(&config);
	assert_non_null(tracker);
}

static struct log_policy policy_with(int8_t mode)
{
	struct log_policy policy = { .rule = "test",
				     .mode = mode,
				     .views = VIEW_SERVER,
				     .limit = LIMIT,
				     .linger_ns = 60 * SECOND_NS };

	strcpy(policy.tag, "tag");
	return policy;
}

/* A connection whose log is empty. */
static struct connection *connect_to(uint16_t port)
{
	struct segment seg = {
		.ts_ns = START_NS,
		.number = port,
		.data = frame,
		.caplen_bytes = 54,
		.wirelen_bytes = 54,
		.linktype = LINKTYPE_ETHERNET,
		.l3_offset = 14,
		.l4_offset = 34,
		.payload_offset = 54,
		.key = { .port_be = { __builtin_bswap16(port), 0x5000 }, .ip_version = 4 },
		.hash = port * 2654435761u,
		.flags = TCP_SYN,
	};
	struct connection *conn = flow_table_add(&tracker->table, &seg.key, seg.hash);

	connection_init(conn, &seg);
	blackbox_begin(tracker, conn, &seg);
	return conn;
}

static void log_events(struct connection *conn, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct event event = { .ts_ns = conn->last_ts_ns, .id = EVENT_RTT };

		conn_log_event(tracker, conn, SIDE_SERVER, &event);
	}
}

static void order(struct connection *conn, int mode, const char *id)
{
	struct log_order what = { .has_mode = mode != INT8_MAX, .mode = (int8_t)mode, .id = id };

	assert_true(blackbox_order(tracker, conn, &what, conn->last_ts_ns));
}

static void end(struct connection *conn, enum end_reason reason)
{
	conn_log_end(tracker, conn, reason);
	flow_table_remove(&tracker->table, conn);
}

/* The n-th section, and the serial numbers of its records. */
static const struct evlog_head *section(uint32_t n, uint32_t serials[LIMIT])
{
	const struct evlog_head *head = evlog_head(sink.chains[n]);
	uint32_t older = head->older[SIDE_SERVER], records = 0;
	struct evlog_reader reader;
	struct log_entry entry;

	evlog_reader_init(&reader, sink.chains[n], buffer);
	while (evlog_reader_next(&reader, &entry)) {
		if (entry.kind != LOG_SKIP && older && older--)
			continue;
		if (entry.kind == LOG_SKIP)
			continue;
		assert_true(records < LIMIT);
		serials[records++] = entry.serial[SIDE_SERVER];
	}
	assert_int_equal(records, head->records[SIDE_SERVER]);
	return head;
}

/* Every record has one fate. in_logs: what is still there. */
static void assert_adds_up(uint64_t in_logs)
{
	const struct tracker_counters *c = tracker_counters(tracker);

	assert_int_equal(c->records, c->records_sent + c->records_lost + c->records_overwritten +
					     c->records_recycled + c->records_discarded + in_logs);
}

/* --- FreeBSD's endpoint, in a few lines --- */

struct dump {
	uint32_t serials[LIMIT], count;
	char reason[LOG_REASON_MAX];
};

struct model {
	int mode;
	uint32_t serial;
	uint32_t serials[LIMIT], count; /* of the entries */
	uint32_t dumps;
	struct dump last;
	char id[LOG_ID_MAX];
};

static void model_dump(struct model *m, const char *reason)
{
	if (m->count == 0)
		return;
	m->last = (struct dump){ .count = m->count };
	memcpy(m->last.serials, m->serials, sizeof(m->serials));
	snprintf(m->last.reason, LOG_REASON_MAX, "%.31s", reason);
	m->dumps++;
	m->count = 0;
}

static void model_event(struct model *m)
{
	uint32_t serial;

	if (m->mode == LOG_OFF)
		return;
	serial = m->serial++;
	if (m->count == LIMIT) {
		switch (m->mode) {
		case LOG_HEAD_AUTO:
			model_dump(m, "auto-dumped from head");
			m->mode = LOG_OFF;
			return;
		case LOG_HEAD:
			m->mode = LOG_OFF;
			return;
		case LOG_CONTINUAL:
			model_dump(m, "auto-dumped from continual");
			break;
		default:
			memmove(m->serials, m->serials + 1, --m->count * sizeof(m->serials[0]));
			break;
		}
	}
	m->serials[m->count++] = serial;
}

static void model_mode(struct model *m, int mode)
{
	if (mode == LOG_CLEAR)
		m->count = 0;
	m->mode = mode == LOG_CLEAR ? LOG_OFF : mode;
}

static void model_id(struct model *m, const char *id)
{
	if (strcmp(m->id, id) == 0)
		return;
	if (m->mode == LOG_HEAD_AUTO)
		model_dump(m, "auto-dumped from head at id switch");
	if (m->mode == LOG_TAIL_AUTO)
		model_dump(m, "auto-dumped from tail at id switch");
	if (m->mode == LOG_CONTINUAL)
		model_dump(m, "auto-dumped from continual at id switch");
	strcpy(m->id, id);
}

static void model_end(struct model *m)
{
	model_event(m); /* FLOWEND is ours, CONNEND FreeBSD's */
	model_event(m);
	if (m->mode == LOG_HEAD_AUTO)
		model_dump(m, "auto-dumped from head");
	if (m->mode == LOG_TAIL_AUTO)
		model_dump(m, "auto-dumped from tail");
	if (m->mode == LOG_CONTINUAL)
		model_dump(m, "auto-dumped from continual");
	m->mode = LOG_OFF;
}

static void assert_like(const struct connection *conn, const struct model *m)
{
	if (conn) {
		assert_int_equal(conn->mode, m->mode);
		assert_int_equal(conn->log.next_serial[SIDE_SERVER], m->serial);
		assert_string_equal(log_member_id(&tracker->groups, conn->member), m->id);
	}
	assert_int_equal(sink.count, m->dumps);
	if (m->dumps) {
		uint32_t serials[LIMIT];
		const struct evlog_head *head = section(sink.count - 1, serials);

		assert_int_equal(head->records[SIDE_SERVER], m->last.count);
		assert_memory_equal(serials, m->last.serials, m->last.count * sizeof(serials[0]));
		assert_string_equal(head->reason, m->last.reason);
	}
}

static void random_orders_do_as_freebsd(void **state)
{
	static const char *const ids[] = { "", "one", "two" };

	(void)state;
	srandom(4);
	for (int mode = LOG_OFF; mode <= LOG_TAIL_AUTO; mode++)
		for (int round = 0; round < 150; round++) {
			struct log_policy policy = policy_with((int8_t)mode);
			struct model m = { .mode = mode };
			struct connection *conn;

			open_world(&policy, 4000);
			conn = connect_to(1000);
			for (int i = 0; i < 40; i++) {
				long what = random() % 12, arg = random();

				if (what < 8) {
					uint32_t count = (uint32_t)(arg % (LIMIT + 3));

					log_events(conn, count);
					while (count--)
						model_event(&m);
				} else if (what < 9) {
					blackbox_dump(tracker, conn, START_NS, "by hand");
					model_dump(&m, "by hand");
				} else if (what < 10) {
					order(conn, INT8_MAX, ids[arg % 3]);
					model_id(&m, ids[arg % 3]);
				} else {
					order(conn, (int)(arg % 7) - 1, NULL);
					model_mode(&m, (int)(arg % 7) - 1);
				}
				assert_like(conn, &m);
			}
			end(conn, END_CLOSED);
			model_end(&m);
			assert_like(NULL, &m);
			/* With an ID what is left lingers, as FreeBSD's does. */
			assert_int_equal(tracker->groups.lingering, *m.id && m.count);
			blackbox_finish(tracker);
			assert_adds_up(0);
			assert_int_equal(tracker->pool.free + tracker->pool.at_sink +
						 (tracker->flows != NULL),
					 tracker->pool.touched);
			tracker_close(&tracker);
		}
}

/* --- rows --- */

struct row {
	int mode;
	uint32_t events;
	/* Then: */
	int mode_after;
	uint32_t next_serial;
	uint32_t sections;
	const char *reason; /* of the last; and what is in it */
	uint32_t first, count;
	/* And when the connection ends: */
	uint32_t sections_at_end;
	const char *reason_at_end;
	uint32_t first_at_end, count_at_end;
};

static void events_up_to_the_limit_and_behind(void **state)
{
	static const char head[] = "auto-dumped from head", tail[] = "auto-dumped from tail",
			  continual[] = "auto-dumped from continual";
	/* clang-format off */
	static const struct row rows[] = {
		{ LOG_OFF,       30, LOG_OFF,       0,  0, NULL,      0,  0,  0, NULL,      0,  0 },
		{ LOG_TAIL,       9, LOG_TAIL,      9,  0, NULL,      0,  0,  0, NULL,      0,  0 },
		{ LOG_TAIL,      10, LOG_TAIL,     10,  0, NULL,      0,  0,  0, NULL,      0,  0 },
		{ LOG_TAIL,      11, LOG_TAIL,     11,  0, NULL,      0,  0,  0, NULL,      0,  0 },
		{ LOG_TAIL,      30, LOG_TAIL,     30,  0, NULL,      0,  0,  0, NULL,      0,  0 },
		{ LOG_HEAD,       9, LOG_HEAD,      9,  0, NULL,      0,  0,  0, NULL,      0,  0 },
		{ LOG_HEAD,      10, LOG_HEAD,     10,  0, NULL,      0,  0,  0, NULL,      0,  0 },
		{ LOG_HEAD,      11, LOG_OFF,      11,  0, NULL,      0,  0,  0, NULL,      0,  0 },
		{ LOG_HEAD,      30, LOG_OFF,      11,  0, NULL,      0,  0,  0, NULL,      0,  0 },
		{ LOG_HEAD_AUTO,  9, LOG_HEAD_AUTO, 9,  0, NULL,      0,  0,  1, head,      0, 10 },
		{ LOG_HEAD_AUTO, 10, LOG_HEAD_AUTO,10,  0, NULL,      0,  0,  1, head,      0, 10 },
		{ LOG_HEAD_AUTO, 11, LOG_OFF,      11,  1, head,      0, 10,  1, head,      0, 10 },
		{ LOG_HEAD_AUTO, 30, LOG_OFF,      11,  1, head,      0, 10,  1, head,      0, 10 },
		{ LOG_CONTINUAL,  9, LOG_CONTINUAL, 9,  0, NULL,      0,  0,  2, continual, 10, 1 },
		{ LOG_CONTINUAL, 10, LOG_CONTINUAL,10,  0, NULL,      0,  0,  2, continual, 10, 2 },
		{ LOG_CONTINUAL, 11, LOG_CONTINUAL,11,  1, continual, 0, 10,  2, continual, 10, 3 },
		{ LOG_CONTINUAL, 30, LOG_CONTINUAL,30,  2, continual, 10,10,  4, continual, 30, 2 },
		{ LOG_TAIL_AUTO,  9, LOG_TAIL_AUTO, 9,  0, NULL,      0,  0,  1, tail,      1, 10 },
		{ LOG_TAIL_AUTO, 10, LOG_TAIL_AUTO,10,  0, NULL,      0,  0,  1, tail,      2, 10 },
		{ LOG_TAIL_AUTO, 11, LOG_TAIL_AUTO,11,  0, NULL,      0,  0,  1, tail,      3, 10 },
		{ LOG_TAIL_AUTO, 30, LOG_TAIL_AUTO,30,  0, NULL,      0,  0,  1, tail,     22, 10 },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct log_policy policy = policy_with((int8_t)row->mode);
		const struct evlog_head *head_of;
		struct connection *conn;
		uint32_t serials[LIMIT] = { 0 };

		open_world(&policy, 1000);
		conn = connect_to(1000);
		log_events(conn, row->events);
		assert_int_equal(conn->mode, row->mode_after);
		assert_int_equal(conn->log.next_serial[SIDE_SERVER], row->next_serial);
		assert_int_equal(sink.count, row->sections);
		if (row->sections) {
			head_of = section(sink.count - 1, serials);
			assert_string_equal(head_of->reason, row->reason);
			assert_int_equal(head_of->records[SIDE_SERVER], row->count);
			assert_int_equal(serials[0], row->first);
		}
		end(conn, END_CLOSED);
		assert_int_equal(sink.count, row->sections_at_end);
		if (row->sections_at_end) {
			head_of = section(sink.count - 1, serials);
			assert_string_equal(head_of->reason, row->reason_at_end);
			assert_int_equal(head_of->records[SIDE_SERVER], row->count_at_end);
			assert_int_equal(serials[0], row->first_at_end);
			assert_string_equal(head_of->tag, "tag");
		}
		assert_adds_up(0);
		tracker_close(&tracker);
	}
}

/* FreeBSD cuts a reason to 31 bytes, an ID to 63. */
static void words_are_cut_as_freebsd_cuts_them(void **state)
{
	static const char long_id[] =
		"0123456789012345678901234567890123456789012345678901234567890123"
		"456789";
	struct log_policy policy = policy_with(LOG_CONTINUAL);
	struct connection *conn;

	(void)state;
	open_world(&policy, 100);
	conn = connect_to(1000);
	order(conn, INT8_MAX, long_id);
	log_events(conn, 3);
	order(conn, INT8_MAX, "other");
	assert_string_equal(evlog_head(sink.chains[0])->reason, "auto-dumped from continual at i");
	assert_int_equal(strlen(evlog_head(sink.chains[0])->id), LOG_ID_MAX - 1);
	assert_memory_equal(evlog_head(sink.chains[0])->id, long_id, LOG_ID_MAX - 1);
	/* The same ID again is no change, nor is one that is the same behind the cut. */
	log_events(conn, 3);
	order(conn, INT8_MAX, "other");
	assert_int_equal(sink.count, 1);
	order(conn, INT8_MAX, long_id);
	log_events(conn, 3);
	order(conn, INT8_MAX, long_id);
	assert_int_equal(sink.count, 2);
	tracker_close(&tracker);
}

/* All that have the ID, those that ended less than a minute ago too, and no other. */
static void a_group_is_handed_over_whole(void **state)
{
	struct log_policy policy = policy_with(LOG_TAIL);
	struct connection *conns[6];
	static const char *const ids[6] = { "web", "web", "other", "web", "web", "" };

	(void)state;
	open_world(&policy, 1000);
	for (uint16_t i = 0; i < 6; i++) {
		conns[i] = connect_to(1000 + i);
		order(conns[i], INT8_MAX, ids[i]);
		log_events(conns[i], 3);
	}
	end(conns[3], END_CLOSED); /* at START_NS */
	conns[4]->last_ts_ns -= SECOND_NS;
	end(conns[4], END_CLOSED); /* a second before */
	assert_int_equal(tracker->groups.lingering, 2);
	assert_int_equal(tracker_dump_group(tracker, "web", START_NS + 60 * SECOND_NS, "why"), 3);
	assert_int_equal(sink.count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_string_equal(evlog_head(sink.chains[i])->id, "web");
		assert_string_equal(evlog_head(sink.chains[i])->reason, "why");
		assert_int_equal(evlog_head(sink.chains[i])->dump_ts_ns, START_NS + 60 * SECOND_NS);
	}
	/* The ended ones are gone, the others go on. */
	assert_int_equal(tracker->groups.lingering, 0);
	log_events(conns[0], 1);
	assert_int_equal(tracker_dump_group(tracker, "web", START_NS, "again"), 1);
	assert_int_equal(tracker_dump_group(tracker, "none", START_NS, "again"), 0);
	/* What nobody asks for goes when its time is over. */
	log_events(conns[1], 3);
	end(conns[1], END_CLOSED);
	blackbox_sweep(tracker, START_NS + 60 * SECOND_NS, 100);
	assert_int_equal(tracker->groups.lingering, 1);
	blackbox_sweep(tracker, START_NS + 60 * SECOND_NS + 1, 100);
	assert_int_equal(tracker->groups.lingering, 0);
	tracker_close(&tracker);
}

/* Limits of IDs: who finds no room is logged without. */
static void too_many_ids(void **state)
{
	struct log_policy policy = policy_with(LOG_TAIL);
	struct log_order what = { .id = "d" };
	struct connection *conn;

	(void)state;
	open_world(&policy, 1000);
	order(connect_to(1), INT8_MAX, "a");
	order(connect_to(2), INT8_MAX, "b");
	order(connect_to(3), INT8_MAX, "c");
	conn = connect_to(4);
	assert_false(blackbox_order(tracker, conn, &what, START_NS));
	assert_int_equal(conn->member, 0);
	assert_int_equal(tracker_counters(tracker)->ids_full, 1);
	for (uint16_t i = 0; i < 4; i++)
		order(connect_to(10 + i), INT8_MAX, "a");
	what.id = "a";
	assert_false(blackbox_order(tracker, conn, &what, START_NS));
	end(flow_table_find(&tracker->table,
			    &(struct flow_key){ .port_be = { __builtin_bswap16(2), 0x5000 },
						.ip_version = 4 },
			    2 * 2654435761u),
	    END_CLOSED); /* with what it logged at its end, which lingers: b is there still */
	assert_int_equal(tracker_counters(tracker)->ids, 3);
	blackbox_finish(tracker);
	assert_int_equal(tracker_counters(tracker)->ids, 2);
	what.id = "d";
	assert_true(blackbox_order(tracker, conn, &what, START_NS));
	tracker_close(&tracker);
}

static struct log_policy policy_with_trigger(int8_t mode, struct trigger trigger,
					     uint32_t after_events, uint64_t rearm_ns)
{
	struct log_policy policy = policy_with(mode);

	policy.triggers.after_events = after_events;
	policy.triggers.rearm_ns = rearm_ns;
	strcpy(trigger.text, "rto>=2");
	assert_true(trigger_set_add(&policy.triggers, &trigger));
	return policy;
}

static void timeout(struct connection *conn, uint32_t in_a_row, uint64_t ts_ns)
{
	struct event event = { .ts_ns = ts_ns, .id = EVENT_RTO, .stack_flex = { in_a_row } };

	conn->last_ts_ns = ts_ns;
	conn_log_event(tracker, conn, SIDE_SERVER, &event);
}

/* It fires once, the log with what it fired for is handed over, and so is what comes behind it. */
static void a_trigger_fires_and_what_follows_is_kept(void **state)
{
	struct trigger rto = { .kind = TRIGGER_RTO, .or_equal = true, .number = 2 };
	struct log_policy policy = policy_with_trigger(LOG_TAIL, rto, 4, 0);
	struct connection *conn;
	uint32_t serials[LIMIT] = { 0 };

	(void)state;
	open_world(&policy, 1000);
	conn = connect_to(1000);
	log_events(conn, 30);
	timeout(conn, 1, START_NS + 1);
	assert_int_equal(sink.count, 0);
	timeout(conn, 2, START_NS + 2);
	assert_int_equal(sink.count, 1);
	assert_string_equal(section(0, serials)->reason, "rto>=2");
	assert_int_equal(serials[0], 32 - LIMIT);
	log_events(conn, 3);
	assert_int_equal(sink.count, 1);
	timeout(conn, 3, START_NS + 3); /* the fourth; it does not fire again */
	assert_int_equal(sink.count, 2);
	assert_string_equal(section(1, serials)->reason, "rto>=2");
	assert_int_equal(serials[0], 32);
	assert_int_equal(evlog_head(sink.chains[1])->records[SIDE_SERVER], 4);
	log_events(conn, 30);
	assert_int_equal(sink.count, 2);
	assert_int_equal(tracker_counters(tracker)->triggers, 1);
	end(conn, END_CLOSED);
	assert_int_equal(sink.count, 2);
	tracker_close(&tracker);

	/* It ends before there are so many. */
	policy = policy_with_trigger(LOG_TAIL, rto, 100, SECOND_NS);
	open_world(&policy, 1000);
	conn = connect_to(1000);
	timeout(conn, 2, START_NS);
	timeout(conn, 3, START_NS + SECOND_NS - 1);
	assert_int_equal(sink.count, 1);
	timeout(conn, 4, START_NS + SECOND_NS); /* armed again */
	assert_int_equal(sink.count, 2);
	end(conn, END_CLOSED);
	assert_int_equal(sink.count, 3);
	assert_string_equal(evlog_head(sink.chains[2])->reason, "rto>=2");
	tracker_close(&tracker);

	/* A head log that is full and off is on again for what follows. */
	policy = policy_with_trigger(LOG_HEAD, rto, 3, 0);
	open_world(&policy, 1000);
	conn = connect_to(1000);
	log_events(conn, 30);
	assert_int_equal(conn->mode, LOG_OFF);
	timeout(conn, 2, START_NS);
	assert_int_equal(sink.count, 1);
	assert_int_equal(evlog_head(sink.chains[0])->records[SIDE_SERVER], LIMIT);
	log_events(conn, 5);
	assert_int_equal(sink.count, 2);
	assert_int_equal(evlog_head(sink.chains[1])->records[SIDE_SERVER], 3);
	assert_int_equal(conn->mode, LOG_OFF);
	tracker_close(&tracker);
}

/* disable_all: logs are thrown away and none is made, until it is taken back; then for new ones. */
static void all_logging_is_disabled(void **state)
{
	struct log_policy policy = policy_with(LOG_CONTINUAL);
	struct connection *conn;

	(void)state;
	open_world(&policy, 1000);
	conn = connect_to(1000);
	log_events(conn, 3);
	tracker_disable(tracker, true);
	log_events(conn, 3);
	assert_int_equal(conn->mode, LOG_OFF);
	assert_null(conn->log.tail);
	assert_int_equal(connect_to(1001)->mode, LOG_OFF);
	tracker_disable(tracker, false);
	assert_int_equal(connect_to(1002)->mode, LOG_CONTINUAL);
	end(conn, END_CLOSED);
	assert_int_equal(sink.count, 0);
	assert_adds_up(0);
	tracker_close(&tracker);
}

static void send_data(uint16_t port, uint32_t n)
{
	struct segment seg = {
		.ts_ns = START_NS + n * 1000,
		.number = n + 1,
		.data = frame,
		.caplen_bytes = 54,
		.wirelen_bytes = 64,
		.linktype = LINKTYPE_ETHERNET,
		.l3_offset = 14,
		.l4_offset = 34,
		.payload_offset = 54,
		.key = { .port_be = { __builtin_bswap16(port), 0x5000 }, .ip_version = 4 },
		.hash = port * 2654435761u,
		.flags = TCP_ACK,
		.seq = n * 10,
		.payload_bytes = 10,
	};

	tracker_process(tracker, &seg, 1);
}

/*
 * Logs of 900 connections in the memory of 500: those that were chosen by chance give way first, head logs
 * never, of the others the newest events are kept; and each record has one fate.
 */
static void short_memory(void **state)
{
	struct log_policy policy = policy_with(LOG_TAIL);
	uint32_t heads = 0, tails = 0, by_chance = 0, newest = 0;

	(void)state;
	policy.limit = 1000;
	open_world(&policy, 700);
	for (uint16_t i = 0; i < 900; i++) {
		struct connection *conn;

		send_data(1000 + i, i);
		conn = &tracker->table.records[tracker->table.used - 1];
		if (i % 3 == 0) {
			order(conn, LOG_HEAD, NULL);
		} else if (i % 3 == 1) {
			policy.from_ratio = true;
			tracker->ratios = true;
			log_policies_drop(&tracker->policies, conn->policy);
			conn->policy = (uint16_t)log_policies_use(&tracker->policies, &policy);
		}
	}
	for (uint32_t i = 0; i < tracker->table.used; i++) {
		const struct connection *conn = &tracker->table.records[i];

		if (!conn->log.tail)
			continue;
		heads += i % 3 == 0;
		by_chance += i % 3 == 1;
		tails += i % 3 == 2;
		newest += i % 3 == 2 && i > 600;
	}
	assert_int_equal(heads, 300);
	assert_int_equal(tails, 300);
	assert_in_range(by_chance, 1, 300);
	assert_int_equal(newest, 100);
	assert_true(tracker_counters(tracker)->records_recycled >= 900 - 700);
	assert_int_equal(tracker_counters(tracker)->records_lost, 0);
	tracker_finish(tracker, START_NS);
	assert_adds_up(0);
	tracker_close(&tracker);
}

/* All memory is in head logs, which give nothing: that is found out once, and each event is counted. */
static void memory_full_of_heads(void **state)
{
	struct log_policy policy = policy_with(LOG_HEAD);
	const struct tracker_counters *c;

	(void)state;
	policy.limit = 1000;
	open_world(&policy, 100);
	for (uint16_t i = 0; i < 400; i++)
		send_data(1000 + i, i);
	c = tracker_counters(tracker);
	assert_true(tracker->room_pause > 0);
	assert_int_equal(c->records_recycled, 0);
	assert_int_equal(c->records, 400);
	assert_int_equal(c->records_lost, 300);
	tracker_finish(tracker, START_NS);
	assert_adds_up(0);
	tracker_close(&tracker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_up_to_the_limit_and_behind),
		cmocka_unit_test(random_orders_do_as_freebsd),
		cmocka_unit_test(words_are_cut_as_freebsd_cuts_them),
		cmocka_unit_test(a_group_is_handed_over_whole),
		cmocka_unit_test(too_many_ids),
		cmocka_unit_test(a_trigger_fires_and_what_follows_is_kept),
		cmocka_unit_test(all_logging_is_disabled),
		cmocka_unit_test(short_memory),
		cmocka_unit_test(memory_full_of_heads),
	};
	int failed;

	buffer = malloc(EVLOG_CAPLEN_MAX);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(buffer);
	return failed;
}
