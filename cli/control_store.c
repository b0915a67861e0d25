/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/control_store.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/event_view.h"

const char *store_error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "?";
}

json_t *store_failures_as_json(const struct store_failures *failures)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < failures->count; i++) {
		const struct store_failure *failure = &failures->items[i];
		char tag[LOG_TAG_MAX];

		plain_text(failure->tag, tag, sizeof(tag));
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "tag", tag, "error",
						      store_error_name(failure->error), "sections",
						      (json_int_t)failure->sections, "records",
						      (json_int_t)failure->records));
	}
	return list;
}

void control_stats_add_store(json_t *stats, struct store *store, const char *dir)
{
	struct store_counters counters;
	struct store_failures failures;
	char *whole = realpath(dir, NULL);

	store_get_counters(store, &counters);
	store_get_failures(store, &failures);
	/* Who asks may stand in another folder. */
	json_object_set_new(stats, "dir", json_string(whole ? whole : dir));
	free(whole);
	json_object_set_new(
		stats, "store",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}",
			  "sections", (json_int_t)counters.sections, "records",
			  (json_int_t)counters.records, "bytes", (json_int_t)counters.bytes,
			  "files", (json_int_t)counters.files, "flows", (json_int_t)counters.flows,
			  "sections_failed", (json_int_t)counters.sections_failed, "records_failed",
			  (json_int_t)counters.records_failed, "flows_failed",
			  (json_int_t)counters.flows_failed, "catalog_behind",
			  (json_int_t)counters.ledger.catalog_failed, "removed_files",
			  (json_int_t)counters.ledger.removed_files, "removed_bytes",
			  (json_int_t)counters.ledger.removed_bytes, "compressed_files",
			  (json_int_t)counters.ledger.compressed_files, "room_out_of_reach",
			  (int)counters.ledger.floor_out_of_reach));
	json_object_set_new(stats, "not_written", store_failures_as_json(&failures));
}
