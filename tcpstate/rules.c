/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/rules.h"

#include <arpa/inet.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/filter.h"
#include "capture/link_layer.h"

#define UNKNOWN "unknown"

static void swap(uint8_t *a, uint8_t *b, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++) {
		uint8_t kept = a[i];

		a[i] = b[i];
		b[i] = kept;
	}
}

/* Addresses and ports of a packet change places. */
static void turn_around(uint8_t *packet, uint32_t bytes, uint8_t ip_version, uint32_t l4_offset)
{
	if (ip_version == 4 && bytes >= 20)
		swap(packet + 12, packet + 16, 4);
	if (ip_version == 6 && bytes >= 40)
		swap(packet + 8, packet + 24, 16);
	if (l4_offset + 4 <= bytes)
		swap(packet + l4_offset, packet + l4_offset + 2, 2);
}

void rule_facts_init(struct rule_facts *facts, const struct segment *seg, uint8_t client,
		     const char *iface_name)
{
	uint32_t bytes = seg->caplen_bytes - seg->l3_offset;

	memset(facts, 0, sizeof(*facts));
	facts->key = &seg->key;
	facts->client = client;
	facts->iface = iface_name ? iface_name : "";
	facts->packet_bytes = bytes < RULE_PACKET_MAX ? bytes : RULE_PACKET_MAX;
	facts->wire_bytes = seg->wirelen_bytes - seg->l3_offset;
	memcpy(facts->packet, seg->data + seg->l3_offset, facts->packet_bytes);
	if (seg->sender != client)
		turn_around(facts->packet, facts->packet_bytes, seg->key.ip_version,
			    (uint32_t)seg->l4_offset - seg->l3_offset);
	link_layer_vlan(seg->linktype, seg->data, seg->l3_offset, facts->vlan);
	strcpy(facts->tunnel, "none");
}

/* "TLS.Google" is TLS, and Google, and TLS.Google. */
static bool proto_matches(const char *pattern, const char *proto)
{
	const char *dot = strchr(proto, '.');
	char master[RULE_TEXT_MAX];

	if (fnmatch(pattern, proto, FNM_CASEFOLD) == 0)
		return true;
	if (!dot)
		return false;
	snprintf(master, sizeof(master), "%.*s", (int)(dot - proto), proto);
	return fnmatch(pattern, master, FNM_CASEFOLD) == 0 ||
	       fnmatch(pattern, dot + 1, FNM_CASEFOLD) == 0;
}

bool rule_matches(const struct rule *rule, const struct rule_facts *facts, bool *open,
		  const char **why)
{
	*open = false;
	if (rule->match &&
	    !filter_matches(rule->match, facts->packet, facts->packet_bytes, facts->wire_bytes))
		return *why = "match", false;
	if (rule->vlan[0] && strcmp(rule->vlan, facts->vlan) != 0)
		return *why = "vlan", false;
	if (rule->tunnel[0] && strcmp(rule->tunnel, facts->tunnel) != 0)
		return *why = "tunnel", false;
	if (rule->iface[0] && fnmatch(rule->iface, facts->iface, 0) != 0)
		return *why = "iface", false;
	if (rule->proto[0] && facts->proto && !proto_matches(rule->proto, facts->proto))
		return *why = "proto", false;
	if (rule->host[0] && facts->host && fnmatch(rule->host, facts->host, FNM_CASEFOLD) != 0)
		return *why = "host", false;
	*open = (rule->proto[0] && !facts->proto) || (rule->host[0] && !facts->host);
	*why = *open ? "proto or host not known yet" : "";
	return !*open;
}

const struct rule *rules_match(const struct rules *rules, const struct rule_facts *facts,
			       const struct rule **open)
{
	*open = NULL;
	for (uint32_t i = 0; i < rules->count; i++) {
		const char *why;
		bool is_open;

		if (rule_matches(&rules->rules[i], facts, &is_open, &why))
			return &rules->rules[i];
		if (is_open && !*open)
			*open = &rules->rules[i];
	}
	return &rules->fallback;
}

static bool template_asks(const char *template)
{
	return strstr(template, "{proto}") || strstr(template, "{host}");
}

bool rule_id_is_open(const struct rule *rule, const struct rule_facts *facts)
{
	return template_asks(rule->id) && (!facts->proto || !facts->host);
}

static bool rule_wants_application(const struct rule *rule)
{
	return rule->proto[0] || rule->host[0] || template_asks(rule->id);
}

bool rules_want_application(const struct rules *rules)
{
	for (uint32_t i = 0; i < rules->count; i++)
		if (rule_wants_application(&rules->rules[i]))
			return true;
	return rule_wants_application(&rules->fallback);
}

uint32_t rules_capture_bytes(const struct rules *rules)
{
	uint32_t most = rules->fallback.policy.capture_payload_bytes;

	if (rules_want_application(rules))
		return CAPTURE_FULL;
	for (uint32_t i = 0; i < rules->count; i++)
		if (rules->rules[i].policy.capture_payload_bytes > most)
			most = rules->rules[i].policy.capture_payload_bytes;
	return most;
}

static const char *const template_words[] = {
	"client", "server", "sport", "dport", "vlan", "tunnel", "host", "proto", "iface",
};

#define WORD_COUNT (sizeof(template_words) / sizeof(template_words[0]))

/* The word at "{", its length with both braces in *length; NULL: it is none. */
static const char *template_word(const char *brace, size_t *length)
{
	for (size_t i = 0; i < WORD_COUNT; i++) {
		*length = strlen(template_words[i]) + 2;
		if (strncmp(brace + 1, template_words[i], *length - 2) == 0 &&
		    brace[*length - 1] == '}')
			return template_words[i];
	}
	return NULL;
}

int rules_template_error(const char *template)
{
	for (const char *at = template; *at; at++) {
		size_t length;

		if (*at == '{' && !template_word(at, &length))
			return (int)(at - template);
	}
	return -1;
}

static void word_value(const char *word, const struct rule_facts *facts, char out[RULE_TEXT_MAX])
{
	const struct flow_key *key = facts->key;
	bool of_server = strcmp(word, "server") == 0 || strcmp(word, "dport") == 0;
	int side = of_server ? !facts->client : facts->client;
	const char *text = UNKNOWN;

	if (strcmp(word, "client") == 0 || strcmp(word, "server") == 0) {
		if (key->ip_version == 4)
			inet_ntop(AF_INET, key->addr[side] + 12, out, RULE_TEXT_MAX);
		else
			inet_ntop(AF_INET6, key->addr[side], out, RULE_TEXT_MAX);
		return;
	}
	if (strcmp(word, "sport") == 0 || strcmp(word, "dport") == 0) {
		snprintf(out, RULE_TEXT_MAX, "%u", ntohs(key->port_be[side]));
		return;
	}
	if (strcmp(word, "vlan") == 0)
		text = facts->vlan;
	else if (strcmp(word, "tunnel") == 0)
		text = facts->tunnel;
	else if (strcmp(word, "iface") == 0)
		text = facts->iface;
	else if (strcmp(word, "host") == 0 && facts->host && *facts->host)
		text = facts->host;
	else if (strcmp(word, "proto") == 0 && facts->proto && *facts->proto)
		text = facts->proto;
	snprintf(out, RULE_TEXT_MAX, "%s", text);
}

void rules_expand(const char *template, const struct rule_facts *facts, char out[LOG_ID_MAX])
{
	size_t used = 0;

	while (*template && used < LOG_ID_MAX - 1) {
		char value[RULE_TEXT_MAX];
		size_t length;
		const char *word = *template == '{' ? template_word(template, &length) : NULL;

		if (!word) {
			out[used++] = *template ++;
			continue;
		}
		word_value(word, facts, value);
		/* It may come from the wire. */
		for (const char *at = value; *at && used < LOG_ID_MAX - 1; at++)
			out[used++] = *at > ' ' && *at < 0x7f ? *at : '_';
		template += length;
	}
	out[used] = '\0';
}

void rules_free(struct rules **rules)
{
	struct rules *r = *rules;

	*rules = NULL;
	if (!r)
		return;
	for (uint32_t i = 0; i < r->count; i++)
		filter_free(&r->rules[i].match);
	filter_free(&r->fallback.match);
	free(r->rules);
	free(r);
}
