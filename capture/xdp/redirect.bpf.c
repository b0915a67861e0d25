/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * redirect.bpf.c - leads TCP, its IP fragments and ICMP errors that quote TCP to our AF_XDP sockets, with
 * the time and the length on the wire in front of each frame, cut to the snap length. All else goes to
 * the host, or nowhere.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "redirect.h"

#define VLAN_TAGS_MAX  4
#define EXTENSIONS_MAX 6
#define PROTOCOL_ICMP  1
#define PROTOCOL_TCP   6
#define PROTOCOL_ICMP6 58
#define ETH_P_QINQ_OLD 0x9100

/* Set before the program is loaded. */
const volatile __u32 snaplen_bytes = 0; /* 0: whole frames */
const volatile __u32 other_action = XDP_PASS;

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, REDIRECT_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REDIRECT_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
}

struct vlan_tag {
	__be16 tci;
	__be16 ethertype;
};

struct extension {
	__u8 next;
	__u8 length;
	__u8 rest[6];
};

struct icmp_header {
	__u8 type;
	__u8 code;
	__u8 rest[6];
};

/* An error that quotes TCP: RFC 792's, but for the redirect. */
static __always_inline int is_icmp_error(void *at, void *end)
{
	struct icmp_header *icmp = at;
	struct iphdr *quoted = (void *)(icmp + 1);

	if ((void *)(quoted + 1) > end)
		return 0;
	return (icmp->type == 3 || icmp->type == 4 || icmp->type == 11 || icmp->type == 12) &&
	       quoted->protocol == PROTOCOL_TCP;
}

/* The same of RFC 4443; behind extension headers TCP may stand in the quoted packet too. */
static __always_inline int is_icmpv6_error(void *at, void *end)
{
	struct icmp_header *icmp = at;
	struct ipv6hdr *quoted = (void *)(icmp + 1);
	__u8 next;

	if ((void *)(quoted + 1) > end)
		return 0;
	next = quoted->nexthdr;
	return icmp->type >= 1 && icmp->type <= 4 &&
	       (next == PROTOCOL_TCP || next == 0 || next == 43 || next == 44 || next == 51 ||
		next == 60);
}

/* TCP, or a fragment of it, or an ICMP error. Extension headers are followed a few steps. */
static __always_inline int is_ours_in_ipv6(void *at, void *end)
{
	struct ipv6hdr *ip = at;
	__u8 next;

	if ((void *)(ip + 1) > end)
		return 0;
	next = ip->nexthdr;
	at = ip + 1;
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		struct extension *extension = at;

		if (next == PROTOCOL_TCP)
			return 1;
		if (next == PROTOCOL_ICMP6)
			return is_icmpv6_error(at, end);
		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60)
			return 0;
		if ((void *)(extension + 1) > end)
			return 0;
		/* Only the first fragment shows more than the next header's number. */
		if (next == 44)
			return extension->next == PROTOCOL_TCP || extension->next == 0 ||
			       extension->next == 43 || extension->next == 51 ||
			       extension->next == 60;
		at += next == 51 ? (extension->length + 2) * 4 : (extension->length + 1) * 8;
		next = extension->next;
	}
	return 0;
}

static __always_inline int is_ours(void *data, void *end)
{
	struct ethhdr *ethernet = data;
	void *at = ethernet + 1;
	__be16 type;

	if (at > end)
		return 0;
	type = ethernet->h_proto;
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct vlan_tag *tag = at;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD) &&
		    type != bpf_htons(ETH_P_QINQ_OLD))
			break;
		if ((void *)(tag + 1) > end)
			return 0;
		type = tag->ethertype;
		at = tag + 1;
	}
	if (type == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = at;

		if ((void *)(ip + 1) > end)
			return 0;
		if (ip->protocol == PROTOCOL_ICMP)
			return is_icmp_error(at + ip->ihl * 4, end);
		/* A fragment says what it belongs to, so it is told like a whole packet. */
		return ip->protocol == PROTOCOL_TCP;
	}
	if (type == bpf_htons(ETH_P_IPV6))
		return is_ours_in_ipv6(at, end);
	return 0;
}

SEC("xdp.frags")
int redirect(struct xdp_md *context)
{
	struct redirect_meta *meta;
	__u32 wirelen_bytes;
	int action;

	if (!is_ours((void *)(long)context->data, (void *)(long)context->data_end)) {
		count(REDIRECT_OTHER);
		return other_action;
	}
	wirelen_bytes = bpf_xdp_get_buff_len(context);
	if (bpf_xdp_adjust_meta(context, -(int)sizeof(*meta)) < 0) {
		count(REDIRECT_NO_META);
		return XDP_PASS;
	}
	meta = (void *)(long)context->data_meta;
	if ((void *)(meta + 1) > (void *)(long)context->data) {
		count(REDIRECT_NO_META);
		return XDP_PASS;
	}
	meta->monotonic_ns = bpf_ktime_get_ns();
	meta->wirelen_bytes = wirelen_bytes;
	meta->magic = REDIRECT_META_MAGIC;
	if (snaplen_bytes && wirelen_bytes > snaplen_bytes &&
	    bpf_xdp_adjust_tail(context, -(int)(wirelen_bytes - snaplen_bytes)) < 0)
		count(REDIRECT_NO_CUT);
	action = bpf_redirect_map(&sockets, context->rx_queue_index, XDP_PASS);
	if (action == XDP_REDIRECT)
		count(REDIRECT_SENT);
	return action;
}

char license_of_program[] SEC("license") = "Dual BSD/GPL";
