/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * truth.h - one row of what the kernel's own TCB was, as the BPF program hands it to user space. A row
 * has the raw values of struct tcp_sock and its parents; reading something into them is the scorer's
 * work. TRUTH_FIELDS lists them in the order of the columns.
 */
#ifndef BBTAP_TESTS_LAB_TRUTH_H
#define BBTAP_TESTS_LAB_TRUTH_H

enum truth_event {
	TRUTH_PROBE,	  /* a segment arrived in ESTABLISHED, before it is processed */
	TRUTH_RETRANSMIT, /* a segment was sent again */
	TRUTH_SYNACK,	  /* a SYN-ACK was sent again */
	TRUTH_CA_STATE,	  /* the congestion state is about to change; new_ca_state */
	TRUTH_STATE,	  /* the TCP state changes; new_state */
	TRUTH_TIMER,	  /* the retransmission timer expires; pending says what it was armed for */
	TRUTH_KEEPALIVE,  /* the keep-alive timer expires: perhaps a keep-alive is sent */
};

#define TRUTH_FIELDS(X)                                                                            \
	X(state)                                                                                   \
	X(new_state) X(ca_state) X(new_ca_state) X(pending) X(seq) X(end_seq) X(tcp_flags) X(ack)  \
		X(data_len) X(snd_una) X(snd_nxt) X(write_seq) X(rcv_nxt) X(rcv_wup) X(rcv_wnd) X( \
			snd_wnd) X(cwnd) X(prior_cwnd) X(prior_ssthresh) X(ssthresh) X(mss_cache)  \
			X(advmss) X(srtt_us) X(mdev_us) X(rttvar_us) X(rto_jiffies) X(min_rtt_us)  \
				X(packets_out) X(sacked_out) X(lost_out) X(retrans_out) X(         \
					total_retrans) X(dsack_dups) X(reord_seen) X(reordering)   \
					X(backoff) X(retransmits) X(probes_out) X(undo_marker)     \
						X(undo_retrans) X(tlp_high_seq) X(high_seq)        \
							X(delivered) X(lost) X(is_cwnd_limited)    \
								X(app_limited) X(chrono_type)      \
									X(segs_out) X(segs_in)

struct truth_row {
	unsigned long long ts_ns; /* CLOCK_MONOTONIC in the ring, UTC in the file */
	unsigned int event;	  /* enum truth_event */
	unsigned short family;
	unsigned short local_port, remote_port; /* host order */
	unsigned char local[16], remote[16];	/* IPv4 in the first 4 */
#define X(name) unsigned int name;
	TRUTH_FIELDS(X)
#undef X
};

#endif
