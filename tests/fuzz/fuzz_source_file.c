/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a capture file. Plain bytes are read where they are, so that AddressSanitizer sees a
 * read behind the last one. Each frame's bytes are touched, and lengths that contradict each other
 * abort.
 */
#include <stdlib.h>

#include "capture/pcap_format.h"
#include "capture/pcapng_format.h"
#include "tests/fuzz/fuzz_target.h"

static struct pcap_format pcap;
static struct pcapng_format pcapng;
static struct iface_table ifaces;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_frame(const struct frame *frame)
{
	static volatile uint8_t sink;

	require(frame->caplen_bytes <= CAPLEN_MAX);
	require(frame->wirelen_bytes >= frame->caplen_bytes);
	require(frame->iface < ifaces.count);
	require(frame->ts_ns <= INT64_MAX);
	for (uint32_t at = 0; at < frame->caplen_bytes; at++)
		sink ^= frame->data[at];
}

/* As source_file does: within a batch nothing may be read, as that could move the bytes held. */
static void read_frames(struct input *input, bool is_pcap)
{
	struct frame held[FRAME_BATCH_MAX];
	uint32_t count = 0;

	for (;;) {
		uint64_t before_bytes = input_offset_bytes(input);
		enum next_frame next =
			is_pcap ? pcap_format_next(&pcap, input, count == 0, &held[count])
				: pcapng_format_next(&pcapng, input, count == 0, &held[count]);

		if (next == NEXT_FRAME) {
			require(input_offset_bytes(input) > before_bytes);
			if (++count < FRAME_BATCH_MAX)
				continue;
		} else if (count == 0) {
			require(next != NEXT_NOT_YET);
			return;
		}
		while (count > 0)
			check_frame(&held[--count]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct input *input;
	const uint8_t *magic;

	if (input_open_memory(&input, bytes, count) < 0)
		return 0;
	ifaces.count = 0;
	if (input_peek(input, 4, &magic) >= 4) {
		if (pcapng_format_is(magic)) {
			pcapng_format_begin(&pcapng, &ifaces);
			read_frames(input, false);
		} else if (pcap_format_is(magic) && pcap_format_begin(&pcap, input, &ifaces)) {
			read_frames(input, true);
		}
	}
	input_close(&input);
	return 0;
}
