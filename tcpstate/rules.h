/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules.h - which connection is logged how: rules in their order, the first that matches wins. The text
 * of a rules file becomes this in cli/; here it is asked. All workers share one, which does not change
 * but for the counts of the trace points.
 */
#ifndef BBTAP_TCPSTATE_RULES_H
#define BBTAP_TCPSTATE_RULES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tcpstate/log_policy.h"

#define RULES_MAX	 1000
#define RULE_TEXT_MAX	 128
#define TRACE_POINTS_MAX 8
#define RULE_PACKET_MAX	 256 /* bytes of the first packet that a match can look at */

struct bpf_program;

struct rule {
	struct log_policy policy;  /* its name too; mode: of those that are not left out */
	uint32_t line;		   /* in the file */
	struct bpf_program *match; /* or NULL: any */
	char match_text[4 * RULE_TEXT_MAX];
	/* Empty: any. vlan: "100", or "100.200" of two tags; "none". tunnel: "none". */
	char vlan[16];
	char tunnel[16];
	char iface[RULE_TEXT_MAX];
	/* With wildcards, in any case of letters. They are known some packets later. */
	char proto[RULE_TEXT_MAX];
	char host[RULE_TEXT_MAX];
	char id[RULE_TEXT_MAX]; /* a template, see rules_expand(); empty: no ID */
	uint32_t ratio;		/* log 1 of so many; 1: all */
};

/* The first `count` connections that meet the condition switch to a mode. */
struct trace_point {
	struct trigger trigger;
	int8_t mode;
	uint32_t count;
	atomic_uint_least32_t left;
};

struct rules {
	struct rule *rules; /* malloc()ed */
	uint32_t count;
	struct rule fallback; /* what no rule takes; its name is "default" */
	struct trace_point trace_points[TRACE_POINTS_MAX];
	uint32_t trace_point_count;
	uint32_t generation; /* another one for each load */
	/* Limits; 0: not said. */
	uint32_t connections_max, ids_max, per_id_max;
	uint64_t log_memory_bytes;
};

/* What is known of a connection. */
struct rule_facts {
	const struct flow_key *key;
	uint8_t client;
	/* The first IP packet, turned so that the client has sent it. */
	uint8_t packet[RULE_PACKET_MAX];
	uint32_t packet_bytes, wire_bytes;
	char vlan[16];
	char tunnel[16];
	const char *iface;
	/* NULL: not known yet; "": never will be. */
	const char *proto; /* as nDPI has it, master and application: "TLS.Google" */
	const char *host;
};

/* Fills in all; proto and host are not known. iface_name is borrowed. */
void rule_facts_init(struct rule_facts *facts, const struct segment *seg, uint8_t client,
		     const char *iface_name);

/*
 * The rule of a connection; it is never NULL. *open: a rule before it would match if proto or host were
 * what it wants, which is not known yet; or NULL.
 */
const struct rule *rules_match(const struct rules *rules, const struct rule_facts *facts,
			       const struct rule **open);

/* Whether one rule takes the connection, as far as is known; *open as above. Says why not in *why. */
bool rule_matches(const struct rule *rule, const struct rule_facts *facts, bool *open,
		  const char **why);

/* Whether the rule's ID is not known before proto and host are. */
bool rule_id_is_open(const struct rule *rule, const struct rule_facts *facts);

/* Whether any rule, or its ID, asks for proto or host. */
bool rules_want_application(const struct rules *rules);

/* The most payload that any rule keeps; CAPTURE_FULL if a rule wants proto or host. */
uint32_t rules_capture_bytes(const struct rules *rules);

/*
 * The ID of a template: {client} {server} {sport} {dport} {vlan} {tunnel} {host} {proto} {iface} are
 * put in, sport is the client's port, dport the server's; what is not known is "unknown". Cut to
 * LOG_ID_MAX.
 */
void rules_expand(const char *template, const struct rule_facts *facts, char out[LOG_ID_MAX]);

/* The first {word} that is none, as its offset in the template; -1: all are. */
int rules_template_error(const char *template);

void rules_free(struct rules **rules);

#endif
