/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ledger.h - the second thread of the store, for what must not hold up the writing of sections: the flow log, the
 * catalogue, retention, compression. The store thread puts notes into batches; a note that finds no
 * batch free is not lost for the catalogue, which finds it in the files again, but is for the flow log.
 */
#ifndef BBTAP_STORE_LEDGER_H
#define BBTAP_STORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/iface_table.h"
#include "store/flow_log.h"
#include "store/log_file.h"
#include "store/retention.h"

/* Which connections have a line in the flow log. */
enum flow_choice {
	FLOWS_ALL,
	FLOWS_LOGGED, /* those of which a section was handed over */
	FLOWS_NONE,
};

struct ledger_config {
	const char *dir;
	const struct iface_table *ifaces;
	enum flow_choice flows;
	bool sync;	    /* the flow log's files when they are complete */
	bool live;	    /* the clock says when to flush; else nothing depends on it */
	bool lossless;	    /* ledger_flow() waits for the thread */
	int compress_level; /* of complete log files; 0: not compressed */
	struct retention_config retention;
};

struct ledger_counters {
	uint64_t flows;		/* lines written */
	uint64_t flows_failed;	/* could not be written */
	uint64_t flows_crowded; /* found no batch free */
	uint64_t
		catalog_failed; /* notes for the catalogue that were left to a comparison with the files */
	uint64_t removed_files, removed_bytes; /* by the retention */
	uint64_t compressed_files;
	int first_errno;	 /* of the flow log, negative; or 0 */
	bool floor_out_of_reach; /* all was removed that may be, and still there is not enough room */
};

struct ledger;

/* Brings the catalogue up to date and starts the thread. 0, or a negative errno with words in error. */
int ledger_open(struct ledger **out, const struct ledger_config *config, char *error,
		size_t error_bytes);

/* Notes, from one thread. */
void ledger_section(struct ledger *ledger, const struct log_section *section);
void ledger_flow(struct ledger *ledger, const struct flow_summary *summary,
		 const struct flow_sections *sections);
void ledger_completed(struct ledger *ledger, const struct log_name *file);
/* What was noted is to be worked on; now and then, else it waits for its batch to be full. */
void ledger_flush(struct ledger *ledger);
/* So many bytes were written: the retention keeps that much free ahead. */
void ledger_wrote(struct ledger *ledger, uint64_t bytes);
/* There was no room on the disk: the retention looks at once. */
void ledger_wants_room(struct ledger *ledger);

/* From any thread. */
void ledger_get_counters(struct ledger *ledger, struct ledger_counters *out);

/* Works on what was noted, closes all, ends the thread. 0 or the negative errno of the first failure. */
int ledger_close(struct ledger **ledger, struct ledger_counters *counters);

#endif
