/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a connection learns from its segments, as scripts: each line is a segment and what is known
 * behind it. Numbers are relative to each side's base. Every script runs twice, the second time with
 * bases that make the sequence numbers wrap at 2^32 (client) and 2^31 (server) on the way.
 */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/frame.h"
#include "tcpstate/tracker_private.h"
#include "tests/unit/log_sink.h"

enum { C = 0, S = 1 };

#define F  TCP_FIN
#define Y  TCP_SYN
#define R  TCP_RST
#define A  TCP_ACK
#define NO 0xff /* no state: the connection is not there */

struct line {
	uint8_t from;
	uint16_t flags;
	uint32_t seq, ack;
	uint32_t bytes;
	uint16_t window;
	uint8_t client_state, server_state; /* behind it; enum tcp_state */
	uint8_t kind, cause;		    /* of it; enum out_kind, enum cause */
	uint32_t ms;			    /* since the line before */
	uint16_t options;		    /* of a SYN: enum tcp_option_seen; wscale is 7 */
	uint8_t checksum;		    /* enum checksum_state */
	uint32_t tsval;			    /* 0: no time stamp */
	uint16_t ip_id;
	uint32_t tsecr; /* with tsval */
};

struct script {
	const char *name;
	const struct line *lines;
	uint32_t count;
	uint32_t connections; /* in all */
	void (*check)(struct connection *conn, uint32_t client_base, uint32_t server_base);
	bool midstream; /* side 0 of the key has port 40000, side 1 port 80 in any case */
};

#define SCRIPT(lines_) .lines = lines_, .count = sizeof(lines_) / sizeof(lines_[0])

#define CL TCPS_CLOSED
#define LI TCPS_LISTEN
#define SS TCPS_SYN_SENT
#define SR TCPS_SYN_RECEIVED
#define ES TCPS_ESTABLISHED
#define CW TCPS_CLOSE_WAIT
#define F1 TCPS_FIN_WAIT_1
#define CG TCPS_CLOSING
#define LA TCPS_LAST_ACK
#define F2 TCPS_FIN_WAIT_2
#define TW TCPS_TIME_WAIT

/* clang-format off */
#define OPENED						\
	{ C, Y,     0, 0, 0, 1000, SS, SR, 0, 0, 1 },	\
	{ S, Y | A, 0, 1, 0, 2000, ES, SR, 0, 0, 10 },	\
	{ C, A,     1, 1, 0, 1000, ES, ES, 0, 0, 1 }

static const struct line open_and_close[] = {
	OPENED,
	{ C, A,     1,   1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ S, A,     1, 101, 200, 2000, ES, ES, OUT_NEW, 0, 10 },
	{ C, A | F, 101, 201, 0, 1000, F1, CW, OUT_NEW, 0, 1 },
	{ S, A,     201, 102, 0, 2000, F2, CW, 0, 0, 10 },
	{ S, A | F, 201, 102, 0, 2000, TW, LA, 0, 0, 1 },
	{ C, A,     102, 202, 0, 1000, TW, CL, 0, 0, 1 },
};

static const struct line closing_at_once[] = {
	OPENED,
	{ C, A | F, 1, 1, 0, 1000, F1, CW, 0, 0, 1 },
	{ S, A | F, 1, 1, 0, 2000, CG, CG, 0, 0, 1 }, /* knows nothing of the other FIN */
	{ S, A,     2, 2, 0, 2000, TW, CG, 0, 0, 1 },
	{ C, A,     2, 2, 0, 1000, TW, TW, 0, 0, 1 },
};

static const struct line half_close[] = {
	OPENED,
	{ C, A | F, 1, 1, 0,   1000, F1, CW, 0, 0, 1 },
	{ S, A,     1, 2, 500, 2000, F2, CW, 0, 0, 1 },
	{ S, A,   501, 2, 500, 2000, F2, CW, 0, 0, 1 },
	{ C, A,     2, 1001, 0, 1000, F2, CW, 0, 0, 1 },
	{ S, A | F, 1001, 2, 0, 2000, TW, LA, 0, 0, 1 },
	{ C, A,     2, 1002, 0, 1000, TW, CL, 0, 0, 1 },
};

static const struct line fin_before_its_data[] = {
	OPENED,
	{ C, A | F, 101, 1, 0,   1000, F1, ES, 0, 0, 1 }, /* behind a hole: not received yet */
	{ C, A,       1, 1, 100, 1000, F1, CW, OUT_NEW, CAUSE_OUT_OF_ORDER, 1 },
};

static const struct line fin_again[] = {
	OPENED,
	{ C, A | F, 1, 1, 0, 1000, F1, CW, 0, 0, 1 },
	{ C, A | F, 1, 1, 0, 1000, F1, CW, OUT_RETRANSMISSION, CAUSE_FIN, 300 },
};

static const struct line simultaneous_open[] = {
	{ C, Y,     0, 0, 0, 1000, SS, SR, 0, 0, 1 },
	{ S, Y,     0, 0, 0, 1000, SR, SR, 0, 0, 1 },
	{ C, Y | A, 0, 1, 0, 1000, SR, ES, OUT_RETRANSMISSION, CAUSE_SYN, 1 },
	{ S, Y | A, 0, 1, 0, 1000, ES, ES, OUT_RETRANSMISSION, CAUSE_SYN, 1 },
	{ C, A,     1, 1, 5, 1000, ES, ES, 0, 0, 1 },
};

/* Overtaken in front of the tap, it passes once: its ACK gives a round trip. */
static const struct line late_is_timed[] = {
	OPENED,
	{ C, A, 101, 1, 100, 1000, ES, ES, OUT_NEW, 0, 1, .tsval = 1002 },
	{ C, A,   1, 1, 100, 1000, ES, ES, OUT_NEW, CAUSE_OUT_OF_ORDER, 1, .tsval = 1001 },
	{ S, A,   1, 101, 0, 2000, ES, ES, 0, 0, 10 },
};

/* Both sides send theirs again; which copy an answer is for its echo tells: the second of three, 20 ms ago. */
static const struct line syn_again_told_by_its_echo[] = {
	{ C, Y,     0, 0, 0, 1000, SS, SR, 0, 0, 1, .tsval = 1000 },
	{ C, Y,     0, 0, 0, 1000, SS, SR, OUT_RETRANSMISSION, CAUSE_SYN, 1000, .tsval = 2000 },
	{ S, Y | A, 0, 1, 0, 2000, ES, SR, 0, 0, 10, .tsval = 5000, .tsecr = 2000 },
	{ S, Y | A, 0, 1, 0, 2000, ES, SR, OUT_RETRANSMISSION, CAUSE_SYN, 1000, .tsval = 6000, .tsecr = 2000 },
	{ S, Y | A, 0, 1, 0, 2000, ES, SR, OUT_RETRANSMISSION, CAUSE_SYN, 8, .tsval = 6008, .tsecr = 2000 },
	{ C, A,     1, 1, 0, 1000, ES, ES, 0, 0, 12, .tsval = 3030, .tsecr = 6000 },
};

/* The copy that is answered is none that was kept: no sample. */
static const struct line syn_again_echo_of_the_first[] = {
	{ C, Y,     0, 0, 0, 1000, SS, SR, 0, 0, 1, .tsval = 1000 },
	{ C, Y,     0, 0, 0, 1000, SS, SR, OUT_RETRANSMISSION, CAUSE_SYN, 1000, .tsval = 2000 },
	{ S, Y | A, 0, 1, 0, 2000, ES, SR, 0, 0, 10, .tsval = 5000, .tsecr = 1000 },
};

static const struct line refused[] = {
	{ C, Y,     0, 0, 0, 1000, SS, SR, 0, 0, 1 },
	{ S, R | A, 0, 1, 0, 0,    CL, CL, OUT_NOT_QUEUED, 0, 1 },
};

static const struct line refused_but_tried_again[] = {
	{ C, Y,     0, 0, 0, 1000, SS, SR, 0, 0, 1 },
	{ S, R | A, 0, 1, 0, 0,    CL, CL, OUT_NOT_QUEUED, 0, 1 },
	{ C, Y,     0, 0, 0, 1000, SS, SR, OUT_RETRANSMISSION, CAUSE_SYN, 500 },
	{ S, Y | A, 7000, 1, 0, 2000, ES, SR, 0, 0, 1 },
	{ C, A,     1, 7001, 0, 1000, ES, ES, 0, 0, 1 },
};

static const struct line refused_by_a_liar[] = { /* RFC 9293 3.10.7.3: it does not acknowledge the SYN */
	{ C, Y,     0, 0, 0, 1000, SS, SR, 0, 0, 1 },
	{ S, R | A, 1, 0, 0, 1,    SS, SR, OUT_NOT_QUEUED, 0, 1 },
	{ S, Y | A, 7000, 1, 0, 2000, ES, SR, 0, 0, 1 },
	{ C, A,     1, 7001, 0, 1000, ES, ES, 0, 0, 1 },
};

static const struct line reset_exact[] = {
	OPENED,
	{ C, A,     1, 1, 10, 1000, ES, ES, 0, 0, 1 },
	{ S, R,     1, 0, 0,  0,    CL, CL, OUT_NOT_QUEUED, 0, 1 },
};

static const struct line reset_in_window[] = { /* RFC 5961 3: challenged, not taken */
	OPENED,
	{ S, R,   500, 0, 0,  0,    ES, CL, OUT_NOT_QUEUED, 0, 1 },
};

static const struct line reset_outside_window[] = {
	OPENED,
	{ S, R, 50000, 0, 0,  0,    ES, ES, OUT_NOT_QUEUED, 0, 1 },
	{ C, A,     1, 1, 10, 1000, ES, ES, 0, 0, 1 },
};

static const struct line syn_again[] = {
	{ C, Y,     0, 0, 0, 1000, SS, SR, 0, 0, 1 },
	{ C, Y,     0, 0, 0, 1000, SS, SR, OUT_RETRANSMISSION, CAUSE_SYN, 1000 },
	{ S, Y | A, 0, 1, 0, 2000, ES, SR, 0, 0, 10 },
	{ S, Y | A, 0, 1, 0, 2000, ES, SR, OUT_RETRANSMISSION, CAUSE_SYN, 1000 },
	{ C, A,     1, 1, 0, 1000, ES, ES, 0, 0, 1 },
};

static const struct line syn_again_with_another_isn[] = {
	{ C, Y,       0,    0, 0, 1000, SS, SR, 0, 0, 1 },
	{ C, Y,    7000,    0, 0, 1000, SS, SR, OUT_RETRANSMISSION, CAUSE_SYN, 1000 },
	{ S, Y | A,   0, 7001, 0, 2000, ES, SR, 0, 0, 10 },
	{ C, A,    7001,    1, 5, 1000, ES, ES, 0, 0, 1 },
};

static const struct line syn_ack_for_another_syn[] = {
	{ C, Y,     0,    0, 0, 1000, SS, SR, 0, 0, 1 },
	{ S, Y | A, 0, 5000, 0, 2000, SS, SR, 0, 0, 10 },
};

static const struct line ports_used_again[] = {
	OPENED,
	{ C, A | F, 1, 1, 0, 1000, F1, CW, 0, 0, 1 },
	{ S, A | F, 1, 2, 0, 2000, TW, LA, 0, 0, 1 },
	{ C, A,     2, 2, 0, 1000, TW, CL, 0, 0, 1 },
	{ C, Y,  9000, 0, 0, 1000, SS, SR, OUT_NEW, 0, 1 },
	{ S, Y | A, 7000, 9001, 0, 2000, ES, SR, OUT_NEW, 0, 1 },
	{ C, A,  9001, 7001, 7, 1000, ES, ES, OUT_NEW, 0, 1 }, /* no retransmission of the old */
};

static const struct line ports_used_again_while_open[] = {
	OPENED,
	{ C, A,        1, 1, 10, 1000, ES, ES, 0, 0, 1 },
	{ C, Y, 50000000, 0, 0,  1000, SS, SR, OUT_NEW, 0, 1 },
};

static const struct line blind_syn_in_window[] = { /* RFC 5961 4 */
	OPENED,
	{ C, A,   1, 1, 10, 1000, ES, ES, 0, 0, 1 },
	{ C, Y, 500, 0, 0,  1000, ES, ES, OUT_RETRANSMISSION, CAUSE_SYN, 1 },
	{ S, A,   1, 11, 0, 2000, ES, ES, 0, 0, 1 },
};

static const struct line picked_up_in_the_middle[] = {
	{ C, A,    1,   1, 100, 1000, ES, ES, 0, 0, 1 },
	{ S, A,    1, 101, 200, 2000, ES, ES, 0, 0, 1 },
	{ C, A,  101, 201,   0, 1000, ES, ES, 0, 0, 1 },
	{ C, A,    1, 201, 100, 1000, ES, ES, OUT_RETRANSMISSION, CAUSE_AMBIGUOUS, 1 },
	{ C, A | F, 101, 201, 0, 1000, F1, CW, 0, 0, 1 },
};

static const struct line only_the_syn_ack[] = {
	{ S, Y | A, 0, 1, 0, 2000, ES, SR, 0, 0, 1 },
	{ C, A,     1, 1, 0, 1000, ES, ES, 0, 0, 1 },
};

static const struct line one_side_only[] = {
	{ C, Y,     0, 0, 0,   1000, SS, SR, 0, 0, 1 },
	{ C, A,     1, 1, 0,   1000, ES, ES, 0, 0, 1 },
	{ C, A,     1, 1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ C, A,   101, 501, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ C, A,   101, 901, 100, 1000, ES, ES, OUT_RETRANSMISSION, CAUSE_AMBIGUOUS, 300 },
	{ C, A | F, 201, 902, 0, 1000, F1, CW, 0, 0, 1 },
};

static const struct line retransmission_and_order[] = {
	OPENED,
	{ C, A,   1, 1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ C, A, 201, 1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },                      /* a hole */
	{ C, A, 301, 1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ S, A,   1, 101, 0, 2000, ES, ES, 0, 0, 1 },
	{ S, A,   1, 101, 0, 2000, ES, ES, 0, 0, 1 },                            /* duplicate */
	{ C, A, 201, 1, 100, 1000, ES, ES, OUT_RETRANSMISSION, CAUSE_RECOVERY, 1 }, /* seen */
	{ C, A, 101, 1, 100, 1000, ES, ES, OUT_RETRANSMISSION, CAUSE_RECOVERY, 1 }, /* never seen, but sent later: its IP ID */
	{ C, A, 101, 1, 100, 1000, ES, ES, OUT_RETRANSMISSION, CAUSE_RECOVERY, 1 },
	{ S, A,   1, 401, 0, 2000, ES, ES, 0, 0, 1 },
	{ C, A, 351, 1, 100, 1000, ES, ES, OUT_RETRANSMISSION, CAUSE_RECOVERY, 1 }, /* and half new */
};

static const struct line keep_alive[] = {
	OPENED,
	{ C, A,   1, 1, 10, 1000, ES, ES, 0, 0, 1 },
	{ S, A,   1, 11, 0, 2000, ES, ES, 0, 0, 1 },
	{ C, A,  10, 1, 0, 1000, ES, ES, OUT_NOT_QUEUED, CAUSE_KEEPALIVE, 30000 },
	{ S, A,   1, 11, 0, 2000, ES, ES, 0, 0, 1 },
	{ C, A,  10, 1, 1, 1000, ES, ES, OUT_NOT_QUEUED, CAUSE_KEEPALIVE, 30000 }, /* with a byte */
	{ S, A,   1, 11, 0, 2000, ES, ES, 0, 0, 1 },
};

static const struct line zero_window[] = {
	OPENED,
	{ C, A,   1,  1, 10, 1000, ES, ES, 0, 0, 1 },
	{ S, A,   1, 11,  0,    0, ES, ES, 0, 0, 1 },
	{ C, A,  10,  1,  0, 1000, ES, ES, OUT_NOT_QUEUED, CAUSE_WINDOW_PROBE, 200 }, /* Linux */
	{ S, A,   1, 11,  0,    0, ES, ES, 0, 0, 1 },
	{ C, A,  11,  1,  1, 1000, ES, ES, OUT_NEW, CAUSE_WINDOW_PROBE, 200 },        /* BSD */
	{ S, A,   1, 11,  0,    0, ES, ES, 0, 0, 1 },
	{ C, A,  11,  1,  1, 1000, ES, ES, OUT_NOT_QUEUED, CAUSE_WINDOW_PROBE, 400 },
	{ S, A,   1, 12,  0, 2000, ES, ES, 0, 0, 1 },
};

static const struct line probe_after_a_lost_update[] = { /* it has not heard of the open window */
	OPENED,
	{ C, A,   1,  1, 10, 1000, ES, ES, 0, 0, 1 },
	{ S, A,   1, 11,  0,    0, ES, ES, 0, 0, 1 },
	{ C, A,  10,  1,  0, 1000, ES, ES, OUT_NOT_QUEUED, CAUSE_WINDOW_PROBE, 200 },
	{ S, A,   1, 11,  0,    0, ES, ES, 0, 0, 1 },
	{ S, A,   1, 11,  0, 2000, ES, ES, 0, 0, 100 },
	{ C, A,  10,  1,  0, 1000, ES, ES, OUT_NOT_QUEUED, CAUSE_WINDOW_PROBE, 400 },
	{ S, A,   1, 11,  0, 2000, ES, ES, 0, 0, 1 },
	{ C, A,  11,  1, 10, 1000, ES, ES, 0, 0, 1 },
	{ S, A,   1, 21,  0, 2000, ES, ES, 0, 0, 1 },
	{ C, A,  20,  1,  0, 1000, ES, ES, OUT_NOT_QUEUED, CAUSE_KEEPALIVE, 30000 },
};

static const struct line damaged[] = { /* thrown away by the receiver, and sent again */
	OPENED,
	{ C, A,   1,  1, 10, 1000, ES, ES, 0, 0, 1 },
	{ C, A,  11,  1, 10, 1000, ES, ES, OUT_NEW, CAUSE_BAD_CHECKSUM, 1, 0, CHECKSUM_BAD },
	{ C, A,  21,  1, 10, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ S, A,   1, 11,  0, 2000, ES, ES, 0, 0, 1 },
};

/* Addresses that were changed after the capture: no checksum is good, but the two sides understand each other. */
static const struct line all_damaged[] = {
	{ C, A,   1,  1, 45, 1000, ES, ES, OUT_NEW, CAUSE_BAD_CHECKSUM, 1, 0, CHECKSUM_BAD },
	{ S, A,   1, 46, 39, 2000, ES, ES, OUT_NEW, 0, 1, 0, CHECKSUM_BAD },
	{ C, A,  46, 40, 10, 1000, ES, ES, OUT_NEW, 0, 1, 0, CHECKSUM_BAD },
};

/* The same, and the mirror makes each segment without data twice. */
static const struct line all_damaged_and_doubled[] = {
	{ C, Y,     0, 0,  0, 1000, SS, SR, 0, 0, 1, 0, CHECKSUM_BAD, .ip_id = 5 },
	{ C, Y,     0, 0,  0, 1000, SS, SR, OUT_NOT_QUEUED, CAUSE_MIRROR_DUPLICATE, 0, 0, CHECKSUM_BAD, .ip_id = 5 },
	{ S, Y | A, 0, 1,  0, 2000, ES, SR, 0, 0, 5, 0, CHECKSUM_BAD },
	{ C, A,     1, 1, 10, 1000, ES, ES, OUT_NEW, 0, 1, 0, CHECKSUM_BAD },
};

/* No answer fits what was sent: nothing says that the checksums are wrong for another reason. */
static const struct line all_damaged_and_no_sense[] = {
	{ C, A,   1,  1, 45, 1000, ES, ES, OUT_NEW, CAUSE_BAD_CHECKSUM, 1, 0, CHECKSUM_BAD },
	{ S, A,   1, 30, 39, 2000, ES, ES, OUT_NEW, CAUSE_BAD_CHECKSUM, 1, 0, CHECKSUM_BAD },
};

static const struct line damaged_but_acknowledged[] = { /* by offload only */
	OPENED,
	{ C, A,   1,  1, 10, 1000, ES, ES, OUT_NEW, CAUSE_BAD_CHECKSUM, 1, 0, CHECKSUM_BAD },
	{ C, A,  11,  1, 10, 1000, ES, ES, OUT_NEW, CAUSE_BAD_CHECKSUM, 1, 0, CHECKSUM_BAD },
	{ S, A,   1, 21,  0, 2000, ES, ES, 0, 0, 1 },
	{ C, A,  21,  1, 10, 1000, ES, ES, OUT_NEW, 0, 1, 0, CHECKSUM_BAD },
};

static const struct line of_another_time[] = { /* RFC 7323 5: rejected, answered at once */
	OPENED,
	{ C, A,   1,  1, 10, 1000, ES, ES, 0, 0, 1, 0, 0, 500 },
	{ S, A,   1, 11,  0, 2000, ES, ES, 0, 0, 1, 0, 0, 900 },
	{ C, A,  11,  1, 10, 1000, ES, ES, 0, 0, 1, 0, 0, 510 },
	{ S, A,   1, 21,  0, 2000, ES, ES, 0, 0, 1, 0, 0, 901 },
	{ C, A,  21,  1, 10, 1000, ES, ES, OUT_NEW, 0, 1, 0, 0, 505 },
	{ S, A,   1, 21,  0, 2000, ES, ES, 0, 0, 1, 0, 0, 902 },
};

static const struct line copies_of_acks[] = { /* a mirror sends each twice; no duplicate ACK */
	OPENED,
	{ C, A,   1,  1, 10, 1000, ES, ES, 0, 0, 1 },
	{ C, A,  11,  1, 10, 1000, ES, ES, 0, 0, 1 },
	{ S, A,   1, 11,  0, 2000, ES, ES, 0, 0, 1, 0, 0, 0, 77 },
	{ S, A,   1, 11,  0, 2000, ES, ES, OUT_NOT_QUEUED, CAUSE_MIRROR_DUPLICATE, 1, 0, 0, 0, 77 },
	{ S, A,   1, 11,  0, 2000, ES, ES, 0, 0, 1, 0, 0, 0, 78 }, /* this is one */
};

static const struct line ack_of_unseen_data[] = {
	OPENED,
	{ C, A,   1,   1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ S, A,   1, 301,   0, 2000, ES, ES, 0, 0, 1 },  /* 101..301 never passed the tap */
	{ C, A, 301,   1, 100, 1000, ES, ES, OUT_NEW, CAUSE_CAPTURE_GAP, 1 },
	{ C, A, 201,   1, 100, 1000, ES, ES, OUT_RETRANSMISSION, CAUSE_RECOVERY, 1 },
};

static const struct line far_away[] = { /* a fuzzed number, then a capture that lost more than 1 GB */
	OPENED,
	{ C, A,          1, 1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ C, A, 0x60000000, 1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ C, A,        101, 1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ C, A, 0x60000000, 1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ C, A, 0x60000064, 1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ C, A, 0x600000c8, 1, 100, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ C, A, 0x600000c8, 1, 100, 1000, ES, ES, OUT_RETRANSMISSION, CAUSE_RECOVERY, 1 },
};

static const struct line scaled[] = {
	{ C, Y,     0, 0, 0, 1000, SS, SR, 0, 0, 1, TCPOPT_HAS_WSCALE | TCPOPT_HAS_SACK_PERMITTED },
	{ S, Y | A, 0, 1, 0, 2000, ES, SR, 0, 0, 1, TCPOPT_HAS_WSCALE | TCPOPT_HAS_TIMESTAMP },
	{ C, A,     1, 1, 0, 1000, ES, ES, 0, 0, 1 },
};

static const struct line scale_refused[] = {
	{ C, Y,     0, 0, 0, 1000, SS, SR, 0, 0, 1, TCPOPT_HAS_WSCALE },
	{ S, Y | A, 0, 1, 0, 2000, ES, SR, 0, 0, 1 },
	{ C, A,     1, 1, 0, 1000, ES, ES, 0, 0, 1 },
};

static const struct line data_with_the_syn[] = { /* RFC 7413: the server takes the data */
	{ C, Y,     0,   0, 100, 1000, SS, SR, 0, 0, 1, TCPOPT_HAS_FASTOPEN },
	{ S, Y | A, 0, 101,   0, 2000, ES, SR, 0, 0, 1 },
	{ C, A,   101,   1,  50, 1000, ES, ES, OUT_NEW, 0, 1 },
};

static const struct line idle_for_hours[] = {
	OPENED,
	{ C, A, 1, 1, 10, 1000, ES, ES, OUT_NEW, 0, 1 },
	{ C, A, 11, 1, 10, 1000, ES, ES, OUT_NEW, 0, 3700 * 1000 },
};
/* clang-format on */

static void check_closed(struct connection *conn, uint32_t cb, uint32_t sb)
{
	const struct endpoint *c = &conn->side[C], *s = &conn->side[S];

	assert_int_equal(connection_end_reason(conn, END_INPUT), END_CLOSED);
	assert_int_equal(c->snd_una, cb + 102);
	assert_int_equal(c->snd_max, cb + 102);
	assert_int_equal(c->rcv_nxt, sb + 202);
	assert_int_equal(s->snd_una, sb + 202);
	assert_int_equal(s->rcv_nxt, cb + 102);
	assert_int_equal(s->snd_wnd, 1000);
	assert_int_equal(s->rcv_adv, cb + 102 + 2000);
	assert_int_equal(c->payload_bytes, 100);
	assert_int_equal(c->segments, 5);
	assert_int_equal(c->rtt.samples, 3);
	assert_int_equal(c->rtt.min_us, 10000);
	assert_true(c->t_flags & TF_SENTFIN);
}

static void check_reset(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(connection_end_reason(conn, END_INPUT), END_RESET);
}

static void check_not_reset(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(connection_end_reason(conn, END_INPUT), END_INPUT);
}

static void check_simultaneous(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_true(conn->flags & CONN_SIMULTANEOUS_OPEN);
	assert_int_equal(conn->side[S].rcv_nxt, cb + 6);
}

static void check_other_isn(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(conn->side[C].iss, cb + 7000);
	assert_int_equal(conn->side[S].rcv_nxt, cb + 7006);
	assert_int_equal(conn->side[C].gap_bytes, 0);
}

static void check_order(struct connection *conn, uint32_t cb, uint32_t sb)
{
	const struct endpoint *c = &conn->side[C], *s = &conn->side[S];

	assert_int_equal(c->retransmitted_segments, 4);
	assert_int_equal(c->retransmitted_bytes, 350);
	assert_int_equal(c->out_of_order_segments, 0);
	assert_int_equal(s->duplicate_acks, 1);
	assert_int_equal(s->rcv_nxt, cb + 451);
	assert_int_equal(c->snd_max, cb + 451);
	assert_int_equal(conn->cold->side[S].recvq.count, 0);
	assert_int_equal(c->gap_bytes, 0);
}

static void check_zero_window(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(conn->side[S].zero_windows, 1);
	assert_int_equal(conn->side[C].snd_wnd, 2000);
	assert_false(conn->side[S].t_flags & TF_RXWIN0SENT);
}

static void check_damaged(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(conn->side[S].rcv_nxt, cb + 11);
	assert_int_equal(conn->side[C].snd_max, cb + 31);
	assert_int_equal(conn->side[C].gap_bytes, 0);
}

static void check_all_damaged(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_true(conn->flags & CONN_OFFLOAD);
	assert_int_equal(conn->side[C].rtt.samples, 1);
	assert_int_equal(conn->side[S].rtt.samples, 1);
	assert_int_equal(conn->side[S].snd_una, sb + 40);
}

static void check_doubled(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_true(conn->flags & CONN_OFFLOAD);
	assert_int_equal(conn->side[S].rtt.samples, 1);
}

static void check_no_offload(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_false(conn->flags & CONN_OFFLOAD);
	assert_int_equal(conn->side[C].rtt.samples, 0);
}

static void check_offload(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_true(conn->flags & CONN_OFFLOAD);
	assert_int_equal(conn->side[S].rcv_nxt, cb + 31);
	assert_int_equal(conn->side[C].gap_bytes, 0);
}

static void check_another_time(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(conn->side[S].rcv_nxt, cb + 21);
	assert_int_equal(conn->side[C].snd_max, cb + 31);
}

static void check_copies(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(conn->side[S].duplicate_acks, 1);
	assert_int_equal(conn->side[C].dupacks, 1);
}

static void check_gap(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(conn->side[C].gap_bytes, 200);
	assert_int_equal(conn->side[S].rcv_nxt, cb + 401);
}

static void check_one_side(struct connection *conn, uint32_t cb, uint32_t sb)
{
	struct snapshot snap;

	endpoint_snapshot(&conn->side[C], &conn->side[S], NULL, NULL, 0, &snap);
	assert_int_equal(snap.inflight, 0);
	assert_int_equal(conn->side[S].gap_bytes, 0);
	assert_int_equal(conn->side[C].rcv_nxt, sb + 902);
}

static void check_scaled(struct connection *conn, uint32_t cb, uint32_t sb)
{
	struct snapshot snap;

	endpoint_snapshot(&conn->side[S], &conn->side[C], NULL, NULL, 0, &snap);
	assert_int_equal(snap.snd_wnd, 1000 << 7);
	assert_int_equal(snap.rcv_wnd, 2000); /* from the SYN-ACK: not scaled */
	assert_int_equal(snap.scales, 0x77);
	assert_true(snap.t_flags & TF_REQ_SCALE && snap.t_flags & TF_RCVD_SCALE);
	assert_true(snap.t_flags & TF_SACK_PERMIT);
	assert_true(snap.t_flags & TF_REQ_TSTMP);
	assert_false(snap.t_flags & TF_RCVD_TSTMP);
}

static void check_echo(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(conn->side[C].rtt.samples, 1);
	assert_int_equal(conn->side[C].rtt.srtt_us, 10000);
	assert_int_equal(conn->side[S].rtt.samples, 1);
	assert_int_equal(conn->side[S].rtt.srtt_us, 20000);
}

static void check_late(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(conn->side[C].rtt.samples, 2);
	assert_int_equal(conn->side[C].rtt.min_us, 10000);
	assert_int_equal(conn->side[C].retransmitted_segments, 0);
}

static void check_no_sample(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(conn->side[C].rtt.samples, 0);
}

static void check_scale_refused(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(conn->side[S].snd_wnd, 1000);
}

static void check_far_away(struct connection *conn, uint32_t cb, uint32_t sb)
{
	assert_int_equal(conn->side[C].snd_max, cb + 0x600000c8 + 100);
}

static const struct script scripts[] = {
	{ "open and close", SCRIPT(open_and_close), 1, check_closed, false },
	{ "closing at once", SCRIPT(closing_at_once), 1, NULL, false },
	{ "half close", SCRIPT(half_close), 1, NULL, false },
	{ "FIN before its data", SCRIPT(fin_before_its_data), 1, NULL, false },
	{ "FIN again", SCRIPT(fin_again), 1, NULL, false },
	{ "simultaneous open", SCRIPT(simultaneous_open), 1, check_simultaneous, false },
	{ "refused", SCRIPT(refused), 1, check_reset, false },
	{ "refused but tried again", SCRIPT(refused_but_tried_again), 1, check_not_reset, false },
	{ "refused by a liar", SCRIPT(refused_by_a_liar), 1, check_not_reset, false },
	{ "reset, exact", SCRIPT(reset_exact), 1, check_reset, false },
	{ "reset in the window", SCRIPT(reset_in_window), 1, check_reset, false },
	{ "reset outside the window", SCRIPT(reset_outside_window), 1, check_not_reset, false },
	{ "SYN again", SCRIPT(syn_again), 1, NULL, false },
	{ "SYN again with another ISN", SCRIPT(syn_again_with_another_isn), 1, check_other_isn,
	  false },
	{ "late is timed", SCRIPT(late_is_timed), 1, check_late, false },
	{ "SYN again, told by its echo", SCRIPT(syn_again_told_by_its_echo), 1, check_echo, false },
	{ "SYN again, echo of the first", SCRIPT(syn_again_echo_of_the_first), 1, check_no_sample, false },
	{ "SYN-ACK for another SYN", SCRIPT(syn_ack_for_another_syn), 1, NULL, false },
	{ "ports used again", SCRIPT(ports_used_again), 2, NULL, false },
	{ "ports used again while open", SCRIPT(ports_used_again_while_open), 2, NULL, false },
	{ "blind SYN in the window", SCRIPT(blind_syn_in_window), 1, NULL, false },
	{ "picked up in the middle", SCRIPT(picked_up_in_the_middle), 1, NULL, false },
	{ "only the SYN-ACK", SCRIPT(only_the_syn_ack), 1, NULL, false },
	{ "one side only", SCRIPT(one_side_only), 1, check_one_side, false },
	{ "retransmission and order", SCRIPT(retransmission_and_order), 1, check_order, false },
	{ "keep-alive", SCRIPT(keep_alive), 1, NULL, false },
	{ "zero window", SCRIPT(zero_window), 1, check_zero_window, false },
	{ "probe after a lost update", SCRIPT(probe_after_a_lost_update), 1, NULL, false },
	{ "damaged", SCRIPT(damaged), 1, check_damaged, false },
	{ "all damaged", SCRIPT(all_damaged), 1, check_all_damaged, true },
	{ "all damaged and doubled", SCRIPT(all_damaged_and_doubled), 1, check_doubled, false },
	{ "all damaged and no sense", SCRIPT(all_damaged_and_no_sense), 1, check_no_offload, true },
	{ "damaged but acknowledged", SCRIPT(damaged_but_acknowledged), 1, check_offload, false },
	{ "of another time", SCRIPT(of_another_time), 1, check_another_time, false },
	{ "copies of ACKs", SCRIPT(copies_of_acks), 1, check_copies, false },
	{ "ACK of unseen data", SCRIPT(ack_of_unseen_data), 1, check_gap, false },
	{ "far away", SCRIPT(far_away), 1, check_far_away, false },
	{ "window scale", SCRIPT(scaled), 1, check_scaled, false },
	{ "window scale refused", SCRIPT(scale_refused), 1, check_scale_refused, false },
	{ "data with the SYN", SCRIPT(data_with_the_syn), 1, NULL, false },
	{ "idle for hours", SCRIPT(idle_for_hours), 2, NULL, false },
};

static uint8_t frame[2048];

static struct segment segment_of(const struct line *line, uint64_t ts_ns, uint32_t cb, uint32_t sb)
{
	uint32_t own = line->from == C ? cb : sb;
	uint32_t peer = line->from == C ? sb : cb;

	return (struct segment){
		.ts_ns = ts_ns,
		.number = 1,
		.data = frame,
		.caplen_bytes = 54,
		.wirelen_bytes = 54 + line->bytes,
		.linktype = LINKTYPE_ETHERNET,
		.l3_offset = 14,
		.l4_offset = 34,
		.payload_offset = 54,
		.key = { .port_be = { __builtin_bswap16(40000), __builtin_bswap16(80) },
			 .ip_version = 4 },
		.hash = 0x12345678,
		.sender = line->from,
		.flags = line->flags,
		.seq = own + line->seq,
		.ack = line->flags & TCP_ACK ? peer + line->ack : 0,
		.window = line->window,
		.payload_bytes = line->bytes,
		.options = { .seen = (uint16_t)(line->options |
						(line->tsval ? TCPOPT_HAS_TIMESTAMP : 0)),
			     .wscale = 7,
			     .tsval = line->tsval,
			     .tsecr = line->tsecr },
		.checksum = line->checksum,
		.ip_id = line->ip_id,
	};
}

/* The kind and cause of the last segment that went into the log. */
static void last_packet(struct connection *conn, uint8_t *kind, uint8_t *cause)
{
	static uint8_t buffer[EVLOG_CAPLEN_MAX];
	struct evlog_reader reader;
	struct log_entry entry;

	evlog_reader_init_open(&reader, &conn->log, buffer);
	while (evlog_reader_next(&reader, &entry))
		if (entry.kind == LOG_PACKET) {
			*kind = entry.event.flex8;
			*cause = (uint8_t)(entry.event.flex7 >> 8);
		}
}

static void run_script(const struct script *script, uint32_t cb, uint32_t sb)
{
	static struct log_sink sink;
	struct tracker_config config;
	struct tracker *tracker;
	struct connection *conn = NULL;
	uint64_t ts_ns = UINT64_C(1700000000000000000);

	memset(&sink, 0, sizeof(sink));
	tracker_config_default(&config);
	config.connections_max = 16;
	config.log_memory_bytes = 1 << 20;
	config.sink = log_sink_as_chunk_sink(&sink);
	tracker = tracker_open(&config);
	assert_non_null(tracker);
	for (uint32_t i = 0; i < script->count; i++) {
		const struct line *line = &script->lines[i];
		struct segment seg;
		uint8_t kind = 99, cause = 99;

		ts_ns += (uint64_t)line->ms * 1000000;
		seg = segment_of(line, ts_ns, cb, sb);
		tracker_process(tracker, &seg, 1);
		conn = flow_table_find(&tracker->table, &seg.key, seg.hash);
		assert_non_null(conn);
		last_packet(conn, &kind, &cause);
		if (conn->side[C].state != line->client_state ||
		    conn->side[S].state != line->server_state || kind != line->kind ||
		    cause != line->cause)
			fail_msg("%s, line %u: %s/%s kind %u cause %u, expected %s/%s %u %u",
				 script->name, i + 1, tcp_state_name(conn->side[C].state),
				 tcp_state_name(conn->side[S].state), kind, cause,
				 tcp_state_name(line->client_state),
				 tcp_state_name(line->server_state), line->kind, line->cause);
	}
	if (script->check)
		script->check(conn, cb, sb);
	assert_int_equal(tracker_counters(tracker)->connections, script->connections);
	tracker_finish(tracker, ts_ns);
	assert_int_equal(tracker_counters(tracker)->records_lost, 0);
	assert_int_equal(tracker_counters(tracker)->connections_now, 0);
	tracker_close(&tracker);
}

static void scripts_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		run_script(&scripts[i], 1000, 5000000);
		run_script(&scripts[i], 0xffffffff - 50, 0x7fffffff - 50);
		/* The numbers of the first byte itself. */
		run_script(&scripts[i], 0xffffffff, 0xfffffffe);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
