/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blackbox.h - the log of a connection as FreeBSD's TCP Blackbox Recorder keeps that of a socket
 * (sys/netinet/tcp_log_buf.c): mode, limit, ID, tag, when it is handed over, when it is thrown away; and
 * the triggers, which FreeBSD has not. What is in it comes from conn_log.h.
 *
 * Both endpoints have one mode, and each a limit of its own. Where FreeBSD hands over the log of an
 * endpoint, here both go together: so a head-auto log goes when the second one is full.
 */
#ifndef BBTAP_TCPSTATE_BLACKBOX_H
#define BBTAP_TCPSTATE_BLACKBOX_H

#include "tcpstate/connection.h"
#include "tcpstate/log_policy.h"
#include "tcpstate/rules.h"

struct tracker;

/* A new connection, whose first segment this is: its rule, mode, ID. */
void blackbox_begin(struct tracker *tracker, struct connection *conn, const struct segment *seg);

/* FLOWEND and CONNEND are logged: its rule is decided if it was not, what is to be handed over is. */
void blackbox_end(struct tracker *tracker, struct connection *conn, enum end_reason reason);

/* Behind it, the last: what lingers does, the rest goes, its policy and ID too. */
void blackbox_release(struct tracker *tracker, struct connection *conn);

/*
 * In front of a record in these views: which of them can take it; the others need none, or it is lost
 * and counted. Then the log is open.
 */
uint8_t blackbox_ready(struct tracker *tracker, struct connection *conn, uint8_t views);

/* Behind it. lost: what evlog_packet() or evlog_event() returned. */
void blackbox_recorded(struct tracker *tracker, struct connection *conn, uint8_t views,
		       uint32_t lost);

static inline const struct log_policy *blackbox_policy(const struct log_policies *policies,
						       const struct connection *conn)
{
	return &policies->policies[conn->policy];
}

/* The next segment of a connection whose conn->application is not 0. */
void blackbox_look_at_application(struct tracker *tracker, struct connection *conn,
				  const struct segment *seg);

/* What the triggers look at; each may hand over the log. */
void blackbox_look_at_segment(struct tracker *tracker, struct connection *conn,
			      const struct segment *seg, enum side sender, const struct sent *sent);
void blackbox_look_at_event(struct tracker *tracker, struct connection *conn,
			    const struct event *event);
void blackbox_look_at_reset(struct tracker *tracker, struct connection *conn, bool refused,
			    uint64_t ts_ns);

/* What a section of the log would be told now, without a reason. Valid until the connection changes. */
struct evlog_identity blackbox_identity(const struct tracker *tracker,
					const struct connection *conn);

/* Hands over the log as it is. False: there was none. */
bool blackbox_dump(struct tracker *tracker, struct connection *conn, uint64_t ts_ns,
		   const char *reason);

/* The same for all that have this ID, ended ones too. Returns how many logs were handed over. */
uint32_t blackbox_dump_group(struct tracker *tracker, const char *id, uint64_t ts_ns,
			     const char *reason);

/* What an order at run time changes; what is NULL, or has_... is false, stays. */
struct log_order {
	bool has_mode, has_limit;
	int8_t mode; /* enum log_mode */
	uint32_t limit;
	const char *tag, *id;
};

/* False: there are too many different policies, or the ID found no room; the rest was done. */
bool blackbox_order(struct tracker *tracker, struct connection *conn, const struct log_order *order,
		    uint64_t ts_ns);

/*
 * Log memory is short: the connection gives up what it can best do without. Never the head of a head
 * log; only_ratio: only one that was chosen by chance and has no ID. False: it had nothing to give.
 */
bool blackbox_give_way(struct tracker *tracker, struct connection *conn, bool only_ratio);

/* Whether there is anything that it could give. */
bool blackbox_can_give_way(const struct tracker *tracker, const struct connection *conn);

/* Looks at so many lingering logs; those whose time is over go. */
void blackbox_sweep(struct tracker *tracker, uint64_t now_ns, uint32_t looks);
/* A lingering log gives way. False: a look around found none. */
bool blackbox_give_lingering(struct tracker *tracker);
/* All lingering logs go: the end. */
void blackbox_finish(struct tracker *tracker);

#endif
