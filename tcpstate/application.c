/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/application.h"

#include <ndpi_api.h>
#include <stdlib.h>
#include <string.h>

#include "tcpstate/arena.h"

/* nDPI may want more for what it can't use here (certificates); handshakes apart, it is known by then. */
#define SEGMENTS_MAX 24

struct application {
	struct ndpi_flow_struct *flow;
	uint32_t segments;
	uint32_t next_free; /* number */
	struct flow_key key;
	char iface[RULE_TEXT_MAX];
	char proto[RULE_TEXT_MAX];
	char host[RULE_TEXT_MAX];
	struct rule_facts facts; /* of the first segment; its pointers lead to the fields above */
};

struct applications {
	struct ndpi_detection_module_struct *module;
	struct application *slots; /* APPLICATIONS_MAX */
	uint32_t touched, first_free;
	struct application_names *names; /* names_max */
	uint32_t names_max, names_touched;
	uint32_t names_free; /* number, linked through the first bytes; 0: none */
};

struct applications *applications_open(uint32_t connections_max)
{
	struct applications *a = calloc(1, sizeof(*a));
	NDPI_PROTOCOL_BITMASK all;

	if (!a)
		return NULL;
	a->slots = arena_reserve(APPLICATIONS_MAX * sizeof(a->slots[0]));
	a->names_max = connections_max;
	a->names = arena_reserve(a->names_max * sizeof(a->names[0]));
	a->module = ndpi_init_detection_module(ndpi_dont_load_tor_hosts | ndpi_dont_init_libgcrypt);
	if (!a->slots || !a->names || !a->module) {
		applications_close(&a);
		return NULL;
	}
	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(a->module, &all);
	ndpi_finalize_initialization(a->module);
	return a;
}

void applications_close(struct applications **applications)
{
	struct applications *a = *applications;

	*applications = NULL;
	if (!a)
		return;
	for (uint32_t i = 0; i < a->touched; i++)
		if (a->slots[i].flow)
			ndpi_free_flow(a->slots[i].flow);
	if (a->module)
		ndpi_exit_detection_module(a->module);
	arena_release(a->slots, APPLICATIONS_MAX * sizeof(a->slots[0]));
	arena_release(a->names, a->names_max * sizeof(a->names[0]));
	free(a);
}

static struct application *slot_of(const struct applications *a, uint32_t number)
{
	return &a->slots[number - 1];
}

uint32_t applications_begin(struct applications *a, const struct rule_facts *facts)
{
	struct ndpi_flow_struct *flow = ndpi_flow_malloc(sizeof(*flow));
	uint32_t number = a->first_free;
	struct application *slot;

	if (!flow)
		return 0;
	if (number) {
		a->first_free = slot_of(a, number)->next_free;
	} else if (a->touched < APPLICATIONS_MAX) {
		number = ++a->touched;
	} else {
		ndpi_flow_free(flow);
		return 0;
	}
	memset(flow, 0, sizeof(*flow));
	slot = slot_of(a, number);
	slot->flow = flow;
	slot->segments = 0;
	slot->key = *facts->key;
	strncpy(slot->iface, facts->iface, sizeof(slot->iface) - 1);
	slot->facts = *facts;
	slot->facts.key = &slot->key;
	slot->facts.iface = slot->iface;
	return number;
}

/* The names, as far as nDPI has them. */
static const struct rule_facts *decide(struct applications *a, struct application *slot,
				       ndpi_protocol protocol)
{
	char name[RULE_TEXT_MAX] = "";

	if (protocol.master_protocol != NDPI_PROTOCOL_UNKNOWN ||
	    protocol.app_protocol != NDPI_PROTOCOL_UNKNOWN)
		ndpi_protocol2name(a->module, protocol, name, sizeof(name));
	memcpy(slot->proto, name, sizeof(slot->proto));
	memset(slot->host, 0, sizeof(slot->host));
	strncpy(slot->host, slot->flow->host_server_name, sizeof(slot->host) - 1);
	slot->facts.proto = slot->proto;
	slot->facts.host = slot->host;
	return &slot->facts;
}

const struct rule_facts *applications_segment(struct applications *a, uint32_t number,
					      const struct segment *seg)
{
	struct application *slot = slot_of(a, number);
	/* Not the padding of a short frame, and no more than was captured. */
	uint64_t bytes = (uint64_t)seg->payload_offset - seg->l3_offset + seg->payload_bytes;
	ndpi_protocol protocol;
	bool known;

	if (bytes > seg->caplen_bytes - (uint64_t)seg->l3_offset)
		bytes = seg->caplen_bytes - seg->l3_offset;
	if (bytes > UINT16_MAX)
		bytes = UINT16_MAX;
	protocol = ndpi_detection_process_packet(a->module, slot->flow, seg->data + seg->l3_offset,
						 (unsigned short)bytes, seg->ts_ns / 1000000);
	known = (protocol.app_protocol != NDPI_PROTOCOL_UNKNOWN ||
		 protocol.master_protocol != NDPI_PROTOCOL_UNKNOWN) &&
		(slot->flow->host_server_name[0] ||
		 !ndpi_extra_dissection_possible(a->module, slot->flow));
	if (known)
		return decide(a, slot, protocol);
	return ++slot->segments < SEGMENTS_MAX ? NULL : applications_give_up(a, number);
}

const struct rule_facts *applications_give_up(struct applications *a, uint32_t number)
{
	struct application *slot = slot_of(a, number);
	u_int8_t guessed;

	/* Without a guess by ports: that is not known but hoped. */
	return decide(a, slot, ndpi_detection_giveup(a->module, slot->flow, 0, &guessed));
}

void applications_drop(struct applications *a, uint32_t number)
{
	struct application *slot = slot_of(a, number);

	ndpi_free_flow(slot->flow);
	slot->flow = NULL;
	slot->next_free = a->first_free;
	a->first_free = number;
}

uint32_t applications_keep(struct applications *a, const struct rule_facts *facts)
{
	struct application_names *names;
	uint32_t number = a->names_free;

	if (!*facts->proto && !*facts->host)
		return 0;
	if (number)
		memcpy(&a->names_free, &a->names[number - 1], sizeof(a->names_free));
	else if (a->names_touched < a->names_max)
		number = ++a->names_touched;
	else
		return 0;
	names = &a->names[number - 1];
	memset(names, 0, sizeof(*names));
	strncpy(names->proto, facts->proto, sizeof(names->proto) - 1);
	strncpy(names->host, facts->host, sizeof(names->host) - 1);
	return number;
}

const struct application_names *applications_names(const struct applications *a, uint32_t kept)
{
	return &a->names[kept - 1];
}

void applications_forget(struct applications *a, uint32_t kept)
{
	memcpy(&a->names[kept - 1], &a->names_free, sizeof(a->names_free));
	a->names_free = kept;
}
