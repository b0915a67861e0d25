/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

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
