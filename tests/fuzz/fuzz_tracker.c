/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a capture file, through decoder, models, logs, rules and triggers. Memory is short, so that
 * every limit is reached; each record must have one fate, and what is handed over must be readable.
 */
#include <stdlib.h>
#include <string.h>

#include "capture/decode.h"
#include "capture/pcap_format.h"
#include "capture/pcapng_format.h"
#include "cli/rules_file.h"
#include "store/wording.h"
#include "tcpstate/tracker.h"
#include "tests/fuzz/fuzz_target.h"

static const char *const rules_texts[] = {
	"default { mode = continual limit = 20 }",
	"default { mode = tail limit = 30 id = 'x-{client}' dump = id after = 3 rearm = '1s' dump-on = {\n"
	"  'rst', 'rto', 'retransmit > 1% of 10', 'spurious', 'zero-window > 1ms', 'rtt > 1ms', 'stall > 1s',\n"
	"  'reorder > 1', 'window-collapse', 'checksum', 'capture-gap', 'refused', 'ecn-ce > 1% of 5' } }",
	"rule a { match = 'tcp port 7000' mode = head limit = 5 } rule b { host = '?*' mode = tail-auto ratio = 2 }\n"
	"default { mode = head-auto limit = 9 capture = full } tracepoint rto { count = 3 mode = continual }",
};

static struct pcap_format pcap;
static struct pcapng_format pcapng;
static struct iface_table ifaces;
static uint8_t scratch[EVLOG_CAPLEN_MAX];
static uint64_t records_read;
static struct chunk *home;

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Reads what is handed over, as the store does. */
static bool put(void *context, struct chunk *chain, bool wait)
{
	struct evlog_reader reader;
	struct log_entry entry;
	char words[WORDING_MAX];
	struct chunk *last = chain;

	(void)context;
	(void)wait;
	if (chain->kind == CHUNK_LOG) {
		const struct evlog_head *head = evlog_head(chain);
		uint32_t found[2] = { 0 };

		evlog_reader_init(&reader, chain, scratch);
		while (evlog_reader_next(&reader, &entry))
			for (int side = 0; side < 2; side++)
				if (entry.views & 1 << side && entry.kind != LOG_SKIP) {
					found[side]++;
					wording_of(&entry, (enum side)side, words, sizeof(words));
				}
		for (int side = 0; side < 2; side++) {
			require(!(head->views & 1 << side) ||
				found[side] == head->records[side] + head->older[side]);
			records_read += head->records[side];
		}
	}
	while (last->next)
		last = last->next;
	last->next = home;
	home = chain;
	return true;
}

static struct chunk *take_back(void *context, bool wait)
{
	struct chunk *chain = home;

	(void)context;
	(void)wait;
	home = NULL;
	return chain;
}

static void process(struct tracker *tracker, struct decoder *decoder, const struct frame *frame)
{
	struct segment segment;
	enum decode_result result = decode_frame(decoder, frame, &segment);

	if (result == DECODE_SEGMENT || result == DECODE_ICMP_ERROR)
		tracker_process(tracker, &segment, 1);
	decoder_batch_done(decoder);
}

static void read_frames(struct input *input, bool is_pcap, struct tracker *tracker,
			struct decoder *decoder)
{
	struct frame frame;

	for (uint32_t i = 0; i < 20000; i++) {
		enum next_frame next = is_pcap ? pcap_format_next(&pcap, input, true, &frame)
					       : pcapng_format_next(&pcapng, input, true, &frame);

		if (next != NEXT_FRAME)
			return;
		frame.number = i + 1;
		process(tracker, decoder, &frame);
		if (i % 100 == 99)
			tracker_tick(tracker, frame.ts_ns);
	}
}

static void run(const uint8_t *bytes, size_t count, const char *rules_text)
{
	struct tracker_config config;
	struct rules_messages messages;
	struct input *input;
	struct tracker *tracker;
	struct decoder *decoder = decoder_open(1, true);
	const struct tracker_counters *c;
	const uint8_t *magic;

	ifaces.count = 0;
	iface_table_add(&ifaces, "first", 1);
	tracker_config_default(&config);
	config.connections_max = 64;
	config.log_memory_bytes = 40 * CHUNK_BYTES;
	config.ids_max = 4;
	config.per_id_max = 8;
	config.ifaces = &ifaces;
	config.sink = (struct chunk_sink){ .put = put, .take_back = take_back };
	config.rules = rules_file_parse(rules_text, &config.policy, &messages);
	require(config.rules && decoder);
	tracker = tracker_open(&config);
	require(tracker && input_open_memory(&input, bytes, count) == 0);
	ifaces.count = 0;
	records_read = 0;
	if (input_peek(input, 4, &magic) >= 4) {
		if (pcapng_format_is(magic)) {
			pcapng_format_begin(&pcapng, &ifaces);
			read_frames(input, false, tracker, decoder);
		} else if (pcap_format_is(magic) && pcap_format_begin(&pcap, input, &ifaces)) {
			read_frames(input, true, tracker, decoder);
		}
	}
	tracker_finish(tracker, 0);
	c = tracker_counters(tracker);
	require(c->records == c->records_sent + c->records_lost + c->records_overwritten +
				      c->records_recycled + c->records_discarded);
	require(c->records_sent == records_read);
	require(c->connections_now == 0 && c->ids == 0 && c->lingering == 0);
	input_close(&input);
	tracker_close(&tracker);
	decoder_close(&decoder);
	rules_free(&config.rules);
	home = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	/* Which rules: by the input, so that each input always does the same. */
	run(bytes, count, rules_texts[count ? (bytes[count - 1] + count) % 3 : 0]);
	return 0;
}
