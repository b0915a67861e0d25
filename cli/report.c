/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "cli/control_store.h"
#include "cli/event_view.h"
#include "cli/values.h"
#include "tcpstate/event.h"

static bool progress_shown;

void report_progress_end(void)
{
	if (progress_shown)
		fprintf(stderr, "\r\033[K");
	progress_shown = false;
}

void report_progress(void *context, uint64_t frames)
{
	char number[NUMBER_TEXT_MAX];

	(void)context;
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%s frames", number_text(frames, number));
	progress_shown = true;
}

void report_message(const char *message)
{
	report_progress_end();
	fprintf(stderr, "bbtap: %s\n", message);
}

static void print_ends(FILE *to, const struct tracker_counters *tracker)
{
	const char *before = " (";
	char number[NUMBER_TEXT_MAX];

	for (uint8_t reason = 0; reason < 8; reason++) {
		if (!tracker->ended[reason])
			continue;
		fprintf(to, "%s%s %s", before, number_text(tracker->ended[reason], number),
			end_reason_name(reason));
		before = ", ";
	}
	fprintf(to, "%s\n", before[0] == ',' ? ")" : "");
}

static void print_left_out(FILE *to, const struct pipeline_stats *stats)
{
	const char *before = "  left out:        ";
	char number[NUMBER_TEXT_MAX];

	for (int i = 0; i < DECODE_RESULT_COUNT; i++) {
		if (i == DECODE_SEGMENT || i == DECODE_ICMP_ERROR || !stats->decode.results[i])
			continue;
		fprintf(to, "%s%s %s", before, number_text(stats->decode.results[i], number),
			decode_result_name(i));
		before = ", ";
	}
	if (stats->tracker.untracked)
		fprintf(to, "%s%s no room for their connection", before,
			number_text(stats->tracker.untracked, number));
	if (before[0] == ',' || stats->tracker.untracked)
		fprintf(to, "\n");
}

/* What was lost, each under its name; nothing if nothing was. */
static void print_losses(FILE *to, const struct pipeline_stats *stats)
{
	const struct store_counters *store = &stats->store;
	const struct {
		const char *name;
		uint64_t count;
	} losses[] = {
		{ "frames: receive ring full", stats->source.lost_ring_full },
		{ "frames: no buffer", stats->source.lost_no_buffer },
		{ "segments: worker too slow", stats->lost_worker_ring },
		{ "log records: no memory, or the store too slow", stats->tracker.records_lost },
		{ "connections without their ID: too many IDs, or connections of one",
		  stats->tracker.ids_full },
		{ "connections whose proto and host were not looked for: too many at once",
		  stats->tracker.applications_full },
		{ "triggers that reached one worker only: too many at once",
		  stats->group_requests_cut },
		{ "flow records: no memory, or the store too slow",
		  stats->tracker.flow_summaries_lost },
		{ "sections: not written", store->sections_failed },
		{ "flow records: not written", store->flows_failed },
		{ "packets given up: fragments missing", stats->decode.fragments_timed_out },
		{ "packets given up: too many in fragments", stats->decode.fragments_evicted },
	};
	char number[NUMBER_TEXT_MAX];

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		if (losses[i].count)
			fprintf(to, "  lost:            %s %s\n",
				number_text(losses[i].count, number), losses[i].name);
	for (uint32_t i = 0; i < stats->store_failures.count; i++) {
		const struct store_failure *failure = &stats->store_failures.items[i];
		char tag[LOG_TAG_MAX], records[NUMBER_TEXT_MAX];

		plain_text(*failure->tag ? failure->tag : "UNKNOWN", tag, sizeof(tag));
		fprintf(to, "  not written:     %s records of tag %s in %s sections: %s\n",
			number_text(failure->records, records), tag,
			number_text(failure->sections, number), strerror(failure->error));
	}
	if (store->first_errno && !stats->store_failures.count)
		fprintf(to, "  first failure:   %s\n", strerror(store->first_errno));
}

/* What hosts and routers said about the segments; nothing if nothing was said. */
static void print_icmp(FILE *to, const struct tracker_counters *tracker)
{
	char a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX], c[NUMBER_TEXT_MAX];

	if (tracker->icmp_errors)
		fprintf(to, "  ICMP errors:     %s; of no connection here: %s, not believed: %s\n",
			number_text(tracker->icmp_errors, a),
			number_text(tracker->icmp_unmatched, b),
			number_text(tracker->icmp_ignored, c));
	if (tracker->black_holes)
		fprintf(to, "  path MTU:        %s black hole%s\n",
			number_text(tracker->black_holes, a), tracker->black_holes == 1 ? "" : "s");
}

/* Records that the modes did not keep; nothing if there are none. */
static void print_not_written(FILE *to, const struct tracker_counters *tracker)
{
	const struct {
		const char *name;
		uint64_t count;
	} fates[] = {
		{ "overwritten by newer ones", tracker->records_overwritten },
		{ "of logs that nothing asked for", tracker->records_discarded },
		{ "given up for want of log memory", tracker->records_recycled },
	};
	const char *before = "  not written:     ";
	char number[NUMBER_TEXT_MAX];

	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++)
		if (fates[i].count) {
			fprintf(to, "%s%s records %s", before, number_text(fates[i].count, number),
				fates[i].name);
			before = ", ";
		}
	if (before[0] == ',')
		fprintf(to, "\n");
	if (tracker->triggers || tracker->trace_points)
		fprintf(to, "  triggers:        %s fired", number_text(tracker->triggers, number));
	if (tracker->trace_points)
		fprintf(to, ", trace points switched %s connections",
			number_text(tracker->trace_points, number));
	if (tracker->triggers || tracker->trace_points)
		fprintf(to, "\n");
}

void report_text(FILE *to, const struct pipeline_stats *stats, const char *dir)
{
	const struct tracker_counters *tracker = &stats->tracker;
	const struct store_counters *store = &stats->store;
	char a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX], c[NUMBER_TEXT_MAX];

	fprintf(to, "%s frames, %s TCP segments, %s connections",
		number_text(stats->source.received, a), number_text(tracker->segments, b),
		number_text(tracker->connections, c));
	print_ends(to, tracker);
	print_left_out(to, stats);
	fprintf(to, "  retransmissions: %s; out of order: %s",
		number_text(tracker->retransmissions, a), number_text(tracker->out_of_order, b));
	if (tracker->mirror_duplicates)
		fprintf(to, "; copies: %s", number_text(tracker->mirror_duplicates, a));
	if (tracker->scoreboards_full)
		fprintf(to, "; flights longer than is followed: %s",
			number_text(tracker->scoreboards_full, a));
	if (stats->decode.checksums[CHECKSUM_BAD] || stats->decode.checksums[CHECKSUM_PARTIAL])
		fprintf(to, "; bad checksums: %s, left to offload: %s",
			number_text(stats->decode.checksums[CHECKSUM_BAD], a),
			number_text(stats->decode.checksums[CHECKSUM_PARTIAL], b));
	fprintf(to, "\n");
	print_icmp(to, tracker);
	if (dir)
		fprintf(to,
			"  logs:            %s records in %s sections, %s files (%s) below %s\n",
			number_text(store->records, a), number_text(store->sections, b),
			number_text(store->files, c),
			bytes_text(store->bytes, (char[NUMBER_TEXT_MAX]){ 0 }), dir);
	if (dir)
		print_not_written(to, tracker);
	print_losses(to, stats);
	fprintf(to,
		"  accounting:      received %" PRIu64 " = processed %" PRIu64
		" + left out %" PRIu64 " + lost %" PRIu64 "%s\n",
		stats->source.received, tracker->segments + tracker->icmp_errors,
		stats->decode.frames - stats->decode.results[DECODE_SEGMENT] -
			stats->decode.results[DECODE_ICMP_ERROR],
		stats->source.lost_ring_full + stats->source.lost_no_buffer +
			stats->lost_worker_ring,
		pipeline_stats_add_up(stats) ? "" : ": DOES NOT ADD UP");
}

static json_t *counters_as_json(const struct pipeline_stats *stats)
{
	json_t *left_out = json_object(), *ended = json_object();

	for (int i = 0; i < DECODE_RESULT_COUNT; i++)
		if (i != DECODE_SEGMENT && i != DECODE_ICMP_ERROR)
			json_object_set_new(left_out, decode_result_name(i),
					    json_integer((json_int_t)stats->decode.results[i]));
	for (uint8_t reason = END_CLOSED; reason <= END_TABLE_FULL; reason++)
		json_object_set_new(ended, end_reason_name(reason),
				    json_integer((json_int_t)stats->tracker.ended[reason]));
	return json_pack(
		"{s:I, s:I, s:I, s:o, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:I, s:I, "
		"s:I, s:I, s:I, s:I, s:I, s:b}",
		"received", (json_int_t)stats->source.received, "delivered",
		(json_int_t)stats->source.delivered, "segments",
		(json_int_t)stats->tracker.segments, "left_out", left_out, "passed_to_host",
		(json_int_t)stats->source.passed, "connections",
		(json_int_t)stats->tracker.connections, "ended", ended, "retransmissions",
		(json_int_t)stats->tracker.retransmissions, "out_of_order",
		(json_int_t)stats->tracker.out_of_order, "mirror_duplicates",
		(json_int_t)stats->tracker.mirror_duplicates, "scoreboards_full",
		(json_int_t)stats->tracker.scoreboards_full, "reassembled",
		(json_int_t)stats->decode.reassembled, "checksums_good",
		(json_int_t)stats->decode.checksums[CHECKSUM_GOOD], "checksums_bad",
		(json_int_t)stats->decode.checksums[CHECKSUM_BAD], "checksums_partial",
		(json_int_t)stats->decode.checksums[CHECKSUM_PARTIAL], "records",
		(json_int_t)stats->tracker.records, "lost_ring_full",
		(json_int_t)stats->source.lost_ring_full, "lost_no_buffer",
		(json_int_t)stats->source.lost_no_buffer, "lost_worker_ring",
		(json_int_t)stats->lost_worker_ring, "lost_records",
		(json_int_t)stats->tracker.records_lost, "lost_flow_records",
		(json_int_t)stats->tracker.flow_summaries_lost, "untracked",
		(json_int_t)stats->tracker.untracked, "sections_early",
		(json_int_t)stats->tracker.sections_early, "memory_bytes",
		(json_int_t)stats->tracker.memory_bytes, "adds_up", pipeline_stats_add_up(stats));
}

void report_json(FILE *to, const struct pipeline_stats *stats, const char *dir)
{
	json_t *object = counters_as_json(stats);
	const struct tracker_counters *tracker = &stats->tracker;
	const struct store_counters *store = &stats->store;

	json_object_set_new(object, "icmp_errors", json_integer((json_int_t)tracker->icmp_errors));
	json_object_set_new(object, "icmp_unmatched",
			    json_integer((json_int_t)tracker->icmp_unmatched));
	json_object_set_new(object, "icmp_ignored",
			    json_integer((json_int_t)tracker->icmp_ignored));
	json_object_set_new(object, "pmtu_black_holes",
			    json_integer((json_int_t)tracker->black_holes));

	json_object_set_new(object, "records_overwritten",
			    json_integer((json_int_t)tracker->records_overwritten));
	json_object_set_new(object, "records_recycled",
			    json_integer((json_int_t)tracker->records_recycled));
	json_object_set_new(object, "records_discarded",
			    json_integer((json_int_t)tracker->records_discarded));
	json_object_set_new(object, "triggers", json_integer((json_int_t)tracker->triggers));
	json_object_set_new(object, "trace_points",
			    json_integer((json_int_t)tracker->trace_points));
	json_object_set_new(object, "ids_full", json_integer((json_int_t)tracker->ids_full));
	json_object_set_new(object, "applications",
			    json_integer((json_int_t)tracker->applications));
	json_object_set_new(object, "applications_full",
			    json_integer((json_int_t)tracker->applications_full));
	json_object_set_new(object, "group_requests_cut",
			    json_integer((json_int_t)stats->group_requests_cut));
	if (dir)
		json_object_set_new(
			object, "store",
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "dir", dir,
				  "sections", (json_int_t)store->sections, "records",
				  (json_int_t)store->records, "packets", (json_int_t)store->packets,
				  "skipped", (json_int_t)store->skipped, "flows",
				  (json_int_t)store->flows, "files", (json_int_t)store->files,
				  "bytes", (json_int_t)store->bytes, "sections_failed",
				  (json_int_t)store->sections_failed, "flows_failed",
				  (json_int_t)store->flows_failed));
	if (dir)
		json_object_set_new(object, "not_written",
				    store_failures_as_json(&stats->store_failures));
	json_dumpf(object, to, JSON_INDENT(2));
	fputc('\n', to);
	json_decref(object);
}
