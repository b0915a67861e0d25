/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/source_live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/netif.h"
#include "capture/source_pcap.h"

int source_live_open(struct source **out, const char *interface,
		     const struct source_live_config *config, struct iface_table *ifaces,
		     char *notice, size_t notice_bytes, char *error, size_t error_bytes)
{
	struct source_xsk_config xsk = { .interface = interface,
					 .snaplen_bytes = config->snaplen_bytes,
					 .mode = config->mode,
					 .drop_others = config->drop_others };
	bool any = strcmp(interface, "any") == 0;
	char why[256];
	int result;

	notice[0] = '\0';
	if (!any && netif_index(interface) == 0) {
		snprintf(error, error_bytes, "%s: there is no such interface", interface);
		return -ENODEV;
	}
	if (config->force_pcap || (any && !config->force_xdp))
		return source_pcap_open(out, interface, config->snaplen_bytes, ifaces, error,
					error_bytes);
	if (!config->force_xdp && netif_in_use(interface, why, sizeof(why))) {
		snprintf(notice, notice_bytes,
			 "%s: libpcap, because AF_XDP would take the host's own traffic away: %s "
			 "(--xdp does it all the same)",
			 interface, why);
		return source_pcap_open(out, interface, config->snaplen_bytes, ifaces, error,
					error_bytes);
	}
	xsk.iface = iface_table_add(ifaces, interface, LINKTYPE_ETHERNET);
	result = source_xsk_open(out, &xsk, error, error_bytes);
	if (result == 0 || config->force_xdp)
		return result;
	snprintf(notice, notice_bytes, "%s; libpcap is used", error);
	return source_pcap_open(out, interface, config->snaplen_bytes, ifaces, error, error_bytes);
}
