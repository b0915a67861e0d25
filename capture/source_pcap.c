/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/source_pcap.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/netif.h"

#define SNAPLEN_MAX  262144
#define BUFFER_BYTES (64 << 20)		       /* the kernel's */
#define COPY_BYTES   (FRAME_BATCH_MAX * 2048u) /* a batch, if frames are small */

struct source_pcap {
	struct source base; /* first */
	pcap_t *pcap;
	uint64_t ns_per_unit;
	uint64_t delivered;
	uint16_t linktype;
	uint16_t iface;
	uint32_t copied_bytes;
	uint8_t copies[COPY_BYTES + SNAPLEN_MAX];
};

/* libpcap's frame is valid until the next one is asked for, a batch of ours longer: it is copied. */
static int receive(struct source *source, struct frame_batch *batch)
{
	struct source_pcap *live = (struct source_pcap *)source;

	batch->count = 0;
	live->copied_bytes = 0;
	while (batch->count < FRAME_BATCH_MAX && live->copied_bytes < COPY_BYTES) {
		struct frame *frame = &batch->frames[batch->count];
		struct pcap_pkthdr *header;
		const uint8_t *data;
		int result = pcap_next_ex(live->pcap, &header, &data);

		if (result == 0)
			break;
		if (result < 0) {
			if (batch->count)
				break;
			snprintf(source->error, sizeof(source->error), "%s: %s",
				 source->description, pcap_geterr(live->pcap));
			return -EIO;
		}
		memcpy(live->copies + live->copied_bytes, data, header->caplen);
		*frame = (struct frame){
			.data = live->copies + live->copied_bytes,
			.caplen_bytes = header->caplen,
			.wirelen_bytes =
				header->len > header->caplen ? header->len : header->caplen,
			.ts_ns = (uint64_t)header->ts.tv_sec * 1000000000u +
				 (uint64_t)header->ts.tv_usec * live->ns_per_unit,
			.linktype = live->linktype,
			.iface = live->iface,
		};
		live->copied_bytes += header->caplen;
		batch->count++;
	}
	live->delivered += batch->count;
	return (int)batch->count;
}

static void release(struct source *source, struct frame_batch *batch)
{
	(void)source;
	batch->count = 0;
}

/*
 * libpcap counts frames when they pass the kernel's filter, not when they are read; what we mean by
 * received is what was read and what was lost.
 */
static void stats(struct source *source, struct source_stats *out)
{
	struct source_pcap *live = (struct source_pcap *)source;
	struct pcap_stat counts = { 0 };

	pcap_stats(live->pcap, &counts);
	*out = (struct source_stats){ .delivered = live->delivered,
				      .lost_ring_full = counts.ps_drop,
				      .lost_no_buffer = counts.ps_ifdrop };
	out->received = out->delivered + out->lost_ring_full + out->lost_no_buffer;
}

static void source_pcap_close(struct source *source)
{
	struct source_pcap *live = (struct source_pcap *)source;

	pcap_close(live->pcap);
	free(live);
}

static const struct source_ops ops = {
	.name = "pcap",
	.receive = receive,
	.release = release,
	.stats = stats,
	.close = source_pcap_close,
};

/* pcap_datalink() has this system's numbers, files and we have LINKTYPE_*. */
static uint16_t linktype_of(int dlt)
{
	switch (dlt) {
	case DLT_RAW:
		return LINKTYPE_RAW;
	case DLT_PPP_SERIAL:
		return LINKTYPE_PPP_HDLC;
	default:
		return (uint16_t)dlt;
	}
}

static int activate(struct source_pcap *live, const char *interface, uint32_t snaplen_bytes,
		    char *error, size_t error_bytes)
{
	char words[PCAP_ERRBUF_SIZE] = "";
	int result;

	live->pcap = pcap_create(interface, words);
	if (!live->pcap) {
		snprintf(error, error_bytes, "%s: %s", interface, words);
		return -ENODEV;
	}
	pcap_set_snaplen(live->pcap, snaplen_bytes ? (int)snaplen_bytes : SNAPLEN_MAX);
	pcap_set_promisc(live->pcap, 1);
	pcap_set_timeout(live->pcap, 10);
	pcap_set_buffer_size(live->pcap, BUFFER_BYTES);
	live->ns_per_unit = 1000;
	if (pcap_set_tstamp_precision(live->pcap, PCAP_TSTAMP_PRECISION_NANO) == 0)
		live->ns_per_unit = 1;
	result = pcap_activate(live->pcap);
	if (result < 0) {
		snprintf(error, error_bytes, "%s: libpcap: %s", interface,
			 *pcap_geterr(live->pcap) ? pcap_geterr(live->pcap)
						  : pcap_statustostr(result));
		return result == PCAP_ERROR_PERM_DENIED	     ? -EPERM
		       : result == PCAP_ERROR_NO_SUCH_DEVICE ? -ENODEV
							     : -EIO;
	}
	if (pcap_setnonblock(live->pcap, 1, words) < 0) {
		snprintf(error, error_bytes, "%s: %s", interface, words);
		return -EIO;
	}
	return 0;
}

int source_pcap_open(struct source **out, const char *interface, uint32_t snaplen_bytes,
		     struct iface_table *ifaces, char *error, size_t error_bytes)
{
	struct source_pcap *live = calloc(1, sizeof(*live));
	int ready_fd, result;

	if (!live) {
		snprintf(error, error_bytes, "%s: no memory", interface);
		return -ENOMEM;
	}
	/* Sets the link up; libpcap makes it promiscuous itself. "any" is not a link. */
	ready_fd = strcmp(interface, "any") == 0 ? -1 : netif_make_ready(interface);
	result = activate(live, interface, snaplen_bytes, error, error_bytes);
	if (ready_fd >= 0)
		close(ready_fd);
	if (result < 0) {
		if (live->pcap)
			pcap_close(live->pcap);
		free(live);
		return result;
	}
	live->base.ops = &ops;
	live->base.live = true;
	live->linktype = linktype_of(pcap_datalink(live->pcap));
	live->iface = iface_table_add(ifaces, interface, live->linktype);
	snprintf(live->base.description, sizeof(live->base.description), "%s: libpcap", interface);
	*out = &live->base;
	return 0;
}
