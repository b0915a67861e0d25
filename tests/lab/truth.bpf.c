/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel's TCB is, at the trace points that TCP has and when its timers expire. The structures are named after the
 * kernel's and hold only what is read; libbpf finds the true offsets in the kernel's BTF (CO-RE).
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "truth.h"

#define AF_INET	 2
#define AF_INET6 10

typedef __u32 u32;
typedef __u16 u16;
typedef __u8 u8;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	u8 s6_addr[16];
};

struct sock_common {
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	volatile u8 skc_state;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct timer_list {
	void *function;
};

struct sock {
	struct sock_common __sk_common;
	struct timer_list sk_timer;
};

struct inet_sock {
	struct sock sk;
};

struct minmax_sample {
	u32 t;
	u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct inet_connection_sock {
	struct timer_list icsk_retransmit_timer;
	u32 icsk_rto;
	u8 icsk_ca_state: 5;
	u8 icsk_retransmits;
	u8 icsk_pending;
	u8 icsk_backoff;
	u8 icsk_probes_out;
};

struct tcp_options_received {
	u16 mss_clamp;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 snd_una, snd_nxt, write_seq, rcv_nxt, rcv_wup, rcv_wnd, snd_wnd;
	u32 snd_cwnd, prior_cwnd, prior_ssthresh, snd_ssthresh, mss_cache;
	u16 advmss;
	u32 srtt_us, mdev_us, rttvar_us;
	struct minmax rtt_min;
	u32 packets_out, sacked_out, lost_out, retrans_out, total_retrans, dsack_dups, reord_seen;
	u32 reordering, undo_marker, tlp_high_seq, high_seq, delivered, lost, app_limited;
	int undo_retrans;
	u8 is_cwnd_limited: 1;
	u8 chrono_type: 2;
	u32 segs_out, segs_in;
};

struct tcp_skb_cb {
	u32 seq;
	u32 end_seq;
	u16 tcp_flags;
};

struct sk_buff {
	char cb[48];
	unsigned char *data;
	u32 len;
};

struct request_sock {
	struct sock_common __req_common;
};

struct tcphdr {
	u16 source, dest;
	u32 seq, ack_seq;
};

#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 << 20);
} rows SEC(".maps");

const volatile unsigned short first_port = 7000, last_port = 7099;
const volatile unsigned long long write_timer, keepalive_timer; /* where they are; 0: unknown */
unsigned long long lost_rows;

static __always_inline int is_ours(const struct sock_common *common)
{
	u16 local = BPF_CORE_READ(common, skc_num);
	u16 remote = bpf_ntohs(BPF_CORE_READ(common, skc_dport));

	return (local >= first_port && local <= last_port) ||
	       (remote >= first_port && remote <= last_port);
}

static __always_inline struct truth_row *row_begin(const struct sock_common *common, u32 event)
{
	struct truth_row *row;

	if (!is_ours(common))
		return 0;
	row = bpf_ringbuf_reserve(&rows, sizeof(*row), 0);
	if (!row) {
		__sync_fetch_and_add(&lost_rows, 1);
		return 0;
	}
	__builtin_memset(row, 0, sizeof(*row));
	row->ts_ns = bpf_ktime_get_ns();
	row->event = event;
	row->family = BPF_CORE_READ(common, skc_family);
	row->local_port = BPF_CORE_READ(common, skc_num);
	row->remote_port = bpf_ntohs(BPF_CORE_READ(common, skc_dport));
	if (row->family == AF_INET) {
		u32 local = BPF_CORE_READ(common, skc_rcv_saddr);
		u32 remote = BPF_CORE_READ(common, skc_daddr);

		__builtin_memcpy(row->local, &local, 4);
		__builtin_memcpy(row->remote, &remote, 4);
	} else {
		BPF_CORE_READ_INTO((struct in6_addr *)row->local, common, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)row->remote, common, skc_v6_daddr);
	}
	return row;
}

static __always_inline void row_tcb(struct truth_row *row, const struct sock *sk)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;
	const struct inet_connection_sock *icsk = (const struct inet_connection_sock *)sk;

	row->state = row->new_state = BPF_CORE_READ(sk, __sk_common.skc_state);
	row->ca_state = row->new_ca_state = BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ca_state);
	row->pending = BPF_CORE_READ(icsk, icsk_pending);
	row->rto_jiffies = BPF_CORE_READ(icsk, icsk_rto);
	row->backoff = BPF_CORE_READ(icsk, icsk_backoff);
	row->retransmits = BPF_CORE_READ(icsk, icsk_retransmits);
	row->probes_out = BPF_CORE_READ(icsk, icsk_probes_out);
#define READ(name) row->name = BPF_CORE_READ(tp, name)
	READ(snd_una);
	READ(snd_nxt);
	READ(write_seq);
	READ(rcv_nxt);
	READ(rcv_wup);
	READ(rcv_wnd);
	READ(snd_wnd);
	row->cwnd = BPF_CORE_READ(tp, snd_cwnd);
	READ(prior_cwnd);
	READ(prior_ssthresh);
	row->ssthresh = BPF_CORE_READ(tp, snd_ssthresh);
	READ(mss_cache);
	READ(advmss);
	row->srtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
	READ(mdev_us);
	READ(rttvar_us);
	row->min_rtt_us = BPF_CORE_READ(tp, rtt_min.s[0].v);
	READ(packets_out);
	READ(sacked_out);
	READ(lost_out);
	READ(retrans_out);
	READ(total_retrans);
	READ(dsack_dups);
	READ(reord_seen);
	READ(reordering);
	READ(undo_marker);
	READ(undo_retrans);
	READ(tlp_high_seq);
	READ(high_seq);
	READ(delivered);
	READ(lost);
	READ(app_limited);
	READ(segs_out);
	READ(segs_in);
	row->is_cwnd_limited = BPF_CORE_READ_BITFIELD_PROBED(tp, is_cwnd_limited);
	row->chrono_type = BPF_CORE_READ_BITFIELD_PROBED(tp, chrono_type);
}

static __always_inline void row_cb(struct truth_row *row, const struct sk_buff *skb)
{
	struct tcp_skb_cb *cb = (struct tcp_skb_cb *)((char *)skb + bpf_core_field_offset(skb->cb));

	row->seq = BPF_CORE_READ(cb, seq);
	row->end_seq = BPF_CORE_READ(cb, end_seq);
	row->tcp_flags = BPF_CORE_READ(cb, tcp_flags);
	row->data_len = row->end_seq - row->seq;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(on_probe, struct sock *sk, struct sk_buff *skb)
{
	struct truth_row *row = row_begin(&sk->__sk_common, TRUTH_PROBE);
	struct tcphdr *header;

	if (!row)
		return 0;
	row_tcb(row, sk);
	/* Here data still points to the TCP header; the control buffer has the numbers. */
	row_cb(row, skb);
	header = (struct tcphdr *)BPF_CORE_READ(skb, data);
	row->ack = bpf_ntohl(BPF_CORE_READ(header, ack_seq));
	row->tcp_flags |= BPF_CORE_READ(skb, len) << 16;
	bpf_ringbuf_submit(row, 0);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, struct sock *sk, struct sk_buff *skb)
{
	struct truth_row *row = row_begin(&sk->__sk_common, TRUTH_RETRANSMIT);

	if (!row)
		return 0;
	row_tcb(row, sk);
	row_cb(row, skb);
	bpf_ringbuf_submit(row, 0);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(on_synack, struct sock *sk, struct request_sock *req)
{
	struct truth_row *row = row_begin(&req->__req_common, TRUTH_SYNACK);

	if (!row)
		return 0;
	bpf_ringbuf_submit(row, 0);
	return 0;
}

SEC("tp_btf/tcp_cong_state_set")
int BPF_PROG(on_ca_state, struct sock *sk, u8 ca_state)
{
	struct truth_row *row = row_begin(&sk->__sk_common, TRUTH_CA_STATE);

	if (!row)
		return 0;
	row_tcb(row, sk);
	row->new_ca_state = ca_state;
	bpf_ringbuf_submit(row, 0);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int old_state, int new_state)
{
	struct truth_row *row = row_begin(&sk->__sk_common, TRUTH_STATE);

	if (!row)
		return 0;
	row_tcb(row, sk);
	row->state = old_state;
	row->new_state = new_state;
	bpf_ringbuf_submit(row, 0);
	return 0;
}

/*
 * Probes have no trace point of their own, but the timers that send them have one. Which function a
 * timer calls is told by its address.
 */
SEC("tp_btf/timer_expire_entry")
int BPF_PROG(on_timer, struct timer_list *timer)
{
	unsigned long long function = (unsigned long long)BPF_CORE_READ(timer, function);
	struct truth_row *row;
	struct sock *sk;

	if (function && function == write_timer)
		sk = (struct sock *)((char *)timer -
				     bpf_core_field_offset(struct inet_connection_sock,
							   icsk_retransmit_timer));
	else if (function && function == keepalive_timer)
		sk = (struct sock *)((char *)timer - bpf_core_field_offset(struct sock, sk_timer));
	else
		return 0;
	row = row_begin(&sk->__sk_common, function == write_timer ? TRUTH_TIMER : TRUTH_KEEPALIVE);
	if (!row)
		return 0;
	row_tcb(row, sk);
	bpf_ringbuf_submit(row, 0);
	return 0;
}

char licence[] SEC("license") = "Dual BSD/GPL";
