/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/bytes.h"

int filter_compile(const char *expression, struct bpf_program *out, char *error, size_t error_bytes)
{
	/* Raw IP: so that it matches whatever VLANs and link types lie around the packet. */
	pcap_t *pcap = pcap_open_dead(DLT_RAW, 262144);

	if (!pcap) {
		snprintf(error, error_bytes, "filter: no memory");
		return -ENOMEM;
	}
	if (pcap_compile(pcap, out, expression, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		snprintf(error, error_bytes,
			 "filter \"%s\": %s (it is run on the IP packet: hosts, nets, ports, tcp[] "
			 "and "
			 "ip[] can be asked for, the link layer can't)",
			 expression, pcap_geterr(pcap));
		pcap_close(pcap);
		return -EINVAL;
	}
	pcap_close(pcap);
	return 0;
}

struct bpf_program *filter_make(const char *expression, char *error, size_t error_bytes)
{
	struct bpf_program *filter = malloc(sizeof(*filter));

	if (!filter)
		snprintf(error, error_bytes, "filter: no memory");
	if (filter && filter_compile(expression, filter, error, error_bytes) < 0) {
		free(filter);
		filter = NULL;
	}
	return filter;
}

void filter_free(struct bpf_program **filter)
{
	if (!*filter)
		return;
	pcap_freecode(*filter);
	free(*filter);
	*filter = NULL;
}

bool filter_matches(const struct bpf_program *filter, const uint8_t *ip, uint32_t caplen_bytes,
		    uint32_t wirelen_bytes)
{
	struct pcap_pkthdr header = { .caplen = caplen_bytes, .len = wirelen_bytes };

	return pcap_offline_filter(filter, &header, ip) != 0;
}

static bool matches_way(const struct bpf_program *filter, const struct filter_ends *ends, int from)
{
	bool v4 = ends->ip_version == 4;
	uint32_t header_bytes = v4 ? 20 : 40, address_bytes = v4 ? 4 : 16, address_at = v4 ? 12 : 8;
	uint8_t packet[60] = { 0 };

	packet[0] = v4 ? 0x45 : 0x60;
	put_be16(packet + (v4 ? 2 : 4), v4 ? 40 : 20);
	packet[v4 ? 8 : 7] = 64;
	packet[v4 ? 9 : 6] = 6;
	memcpy(packet + address_at, ends->address[from] + 16 - address_bytes, address_bytes);
	memcpy(packet + address_at + address_bytes, ends->address[!from] + 16 - address_bytes,
	       address_bytes);
	put_be16(packet + header_bytes, ends->port[from]);
	put_be16(packet + header_bytes + 2, ends->port[!from]);
	packet[header_bytes + 12] = 0x50;
	packet[header_bytes + 13] = 0x10;
	return filter_matches(filter, packet, header_bytes + 20, header_bytes + 20);
}

bool filter_matches_ends(const struct bpf_program *filter, const struct filter_ends *ends)
{
	return matches_way(filter, ends, 0);
}

bool filter_matches_either_way(const struct bpf_program *filter, const struct filter_ends *ends)
{
	return matches_way(filter, ends, 0) || matches_way(filter, ends, 1);
}
