/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * retention.h - what is removed below DIR, ahead of need: by age, by the size of a tag's files, by the size of all of
 * DIR, and by the room that must stay free on the file system. Oldest first, and where it is for all tags, those with
 * the lowest priority first. Never a file that is open (".part"), that `bbtap export` reads (it holds a shared
 * flock(2) on it), or whose name is none of ours.
 */
#ifndef BBTAP_STORE_RETENTION_H
#define BBTAP_STORE_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "store/log_name.h"

#define RETENTION_RULES_MAX 64
#define RETENTION_TAG_MAX   64
/* The tag, in rules, of the flow log's files. */
#define RETENTION_FLOW_LOG ":connections"

struct retention_rule {
	char tag[RETENTION_TAG_MAX]; /* fnmatch(3); the first rule that matches is taken */
	uint64_t bytes;		     /* 0: no limit; so are the next ones */
	uint64_t age_ns;
	int priority; /* 0 if there is no rule */
};

struct retention_config {
	uint64_t bytes, age_ns, free_bytes; /* 0: no limit */
	uint32_t rule_count;
	struct retention_rule rules[RETENTION_RULES_MAX];
};

struct retention_callbacks {
	void (*log_removed)(void *context, const struct log_name *name, uint64_t bytes);
	void (*flow_removed)(void *context, const struct flow_name *name, uint64_t bytes);
	void *context;
};

struct retention_result {
	uint64_t files, bytes; /* removed */
	uint64_t busy;	       /* would have been, but are being read */
	uint64_t failed;
	bool more;	   /* there is more to do: at most 256 files a call */
	bool out_of_reach; /* all was removed that may be, and it is still too much */
};

/*
 * Looks at DIR and removes what must go, if anything is limited. margin_bytes: so much more may come until the next
 * call. now_ns: UTC; a file's age is that of its name. 0 or a negative errno.
 */
int retention_run(const struct retention_config *config, const char *dir, uint64_t now_ns,
		  uint64_t margin_bytes, const struct retention_callbacks *callbacks,
		  struct retention_result *result);

#endif
