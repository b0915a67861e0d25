/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracker.h - all TCP state of one worker: the flow table, the connections and their logs. It knows
 * no file, socket, thread or clock: segments come in with their time, chains of chunks go out to a
 * sink. The same segments give the same chains.
 */
#ifndef BBTAP_TCPSTATE_TRACKER_H
#define BBTAP_TCPSTATE_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/segment.h"
#include "tcpstate/chunk.h"
#include "tcpstate/evlog.h"
#include "tcpstate/flow_summary.h"
#include "tcpstate/log_policy.h"
#include "tcpstate/rules.h"

struct iface_table;

/* Which rule a connection has, and why; valid during the call. */
struct rule_decision {
	uint64_t number; /* of the connection: of its first frame */
	uint64_t ts_ns;	 /* of its first frame */
	const struct rule_facts *facts;
	const struct rule *rule;
	const struct rule *
		open; /* would take it before that one, if proto or host were as it wants; or NULL */
	const char *id; /* "": none */
	bool chosen;	/* by the rule's ratio; else it is not logged */
	bool no_room_for_id;
	bool again; /* another decision of the same connection went before */
};

struct tracker_config {
	uint32_t connections_max;  /* at once; the idlest of a sample gives way for one more */
	uint64_t log_memory_bytes; /* for all logs, those on their way to the store included */
	uint32_t ids_max;	   /* log IDs at once */
	uint32_t per_id_max;	   /* connections of one ID, ended ones whose log lingers too */
	bool no_logs;		   /* no logs, no flow summaries */
	struct log_policy policy;  /* of all connections, if there are no rules */
	struct rules *rules; /* or NULL; borrowed until another is set, or the tracker closed */
	/* Other rules, which may ask for proto or host, can come with tracker_set_rules(). */
	bool other_rules_later;
	const struct iface_table
		*ifaces; /* or NULL; for rules that ask for an interface. Borrowed */
	/*
	 * A trigger wants the logs of all with this ID, on all workers: to be answered by
	 * tracker_dump_group(). NULL: this tracker is all there is, and does it at once.
	 */
	void (*ask_dump_group)(void *context, const char *id, uint64_t ts_ns, const char *reason);
	void *ask_context;
	bool no_models;		  /* of senders: counters only, and one timed segment at a time */
	bool lossless;		  /* reading files: wait for the sink instead of losing events */
	uint64_t idle_timeout_ns; /* established connections; shorter ones for the other states */
	/* What a rule was chosen for a connection, now or after all. Or NULL. */
	void (*decided)(void *context, const struct rule_decision *decision);
	void *decided_context;
	bool only_decide;	/* nothing is logged */
	struct chunk_sink sink; /* not used if no_logs */
};

/* What users get if they say nothing. The sink is left empty. */
void tracker_config_default(struct tracker_config *config);

struct tracker_counters {
	uint64_t segments;
	uint64_t untracked;   /* of them, left out: no room for their connection */
	uint64_t connections; /* ever */
	uint64_t connections_now;
	uint64_t ended[8]; /* by enum end_reason */
	uint64_t retransmissions;
	uint64_t out_of_order;
	uint64_t mirror_duplicates;
	uint64_t scoreboards_full; /* times that more was outstanding than a scoreboard holds */
	uint64_t icmp_errors;	   /* that quote a TCP segment; not among the segments */
	uint64_t icmp_unmatched;   /* of them, left out: about no connection that is known */
	uint64_t icmp_ignored; /* of them, left out: bad checksum, or about nothing that was sent */
	uint64_t black_holes;  /* senders whose full-size segments never arrive */
	/* Log records made, both views: the sum of the next five, and what is in the logs now. */
	uint64_t records;
	uint64_t records_sent;	      /* handed to the sink, to be written */
	uint64_t records_lost;	      /* not kept: no chunk free, or the sink was full */
	uint64_t records_overwritten; /* by newer ones than the limit keeps */
	uint64_t records_recycled;    /* given up because log memory ran low */
	uint64_t records_discarded;   /* of logs that nothing asked for until the end */
	uint64_t sections;	      /* chains handed to the sink */
	uint64_t sections_early;      /* of them, handed over because log memory ran low */
	uint64_t triggers;	      /* that fired, and handed over a log */
	uint64_t trace_points;	      /* connections that they switched to another mode */
	uint64_t ids;		      /* log IDs now */
	uint64_t ids_full;     /* connections that got no ID: too many IDs, or connections of one */
	uint64_t lingering;    /* logs of ended connections now */
	uint64_t applications; /* connections that nDPI looked at for proto or host */
	uint64_t applications_full; /* of them, not looked at: too many at once */
	uint64_t flow_summaries_lost;
	uint64_t cold_full;    /* times that a connection got no memory for its range lists */
	uint64_t memory_bytes; /* of the flow table and connections, as used now */
	uint64_t log_bytes;    /* of logs, those on their way to the store included */
};

struct tracker;

/* NULL: no memory. */
struct tracker *tracker_open(const struct tracker_config *config);
void tracker_close(struct tracker **tracker);

/* Processes segments, and ICMP errors among them, in this order. count <= SEGMENT_BATCH_MAX. */
void tracker_process(struct tracker *tracker, const struct segment *segments, uint32_t count);

/*
 * Time goes on without segments (live): looks for idle connections, hands over flow summaries that
 * have waited. now_ns: UTC.
 */
void tracker_tick(struct tracker *tracker, uint64_t now_ns);

/*
 * The end: ends all connections in the order of their numbers. latest_ns: the largest time stamp of the
 * input, of all workers.
 */
void tracker_end_all(struct tracker *tracker, uint64_t latest_ns);

/* The same, unless it is done; and hands over everything. Logs that linger go. */
void tracker_finish(struct tracker *tracker, uint64_t latest_ns);

/*
 * Other rules from now on, for new connections; the others keep what they have. rules as in the
 * configuration; the old ones are not needed any more. false: they have too many different policies.
 */
bool tracker_set_rules(struct tracker *tracker, struct rules *rules);

/* Hands over the logs of all connections with this ID. Returns how many there were. */
uint32_t tracker_dump_group(struct tracker *tracker, const char *id, uint64_t ts_ns,
			    const char *reason);

/* Nothing is logged; what is in logs is thrown away (FreeBSD: net.inet.tcp.bb.disable_all). */
void tracker_disable(struct tracker *tracker, bool disabled);

/* As they are now; valid until the tracker is closed. */
const struct tracker_counters *tracker_counters(struct tracker *tracker);

/* Adds the counters of another worker. */
void tracker_counters_add(struct tracker_counters *sum, const struct tracker_counters *one);

#endif
