/* SPDX-License-Identifier: BSD-2-Clause */
/* How a connection begins and when it ends. */
#include "tcpstate/connection.h"

#include <string.h>

#include "capture/frame.h"
#include "tcpstate/seq.h"

#define SECOND_NS UINT64_C(1000000000)

/* A SYN is given up after 127 s by Linux, 75 s by FreeBSD. */
#define SYN_TIMEOUT_NS (130 * SECOND_NS)
/* Both FINs were seen, not both ACKs of them: the retransmissions of a FIN. */
#define CLOSING_TIMEOUT_NS (60 * SECOND_NS)
/* All is said: what is still on its way must not look like a connection of its own. */
#define CLOSED_TIMEOUT_NS (30 * SECOND_NS)

/*
 * Without a SYN the lower port is taken for the server's: services listen on low ports, clients use
 * ephemeral ones (RFC 6335 6).
 */
static uint8_t guess_client(const struct segment *seg)
{
	uint16_t port[2];

	if (seg->flags & TCP_SYN)
		return seg->flags & TCP_ACK ? !seg->sender : seg->sender;
	for (int i = 0; i < 2; i++)
		port[i] = __builtin_bswap16(seg->key.port_be[i]);
	if (port[0] == port[1])
		return seg->sender;
	return port[0] > port[1] ? 0 : 1;
}

/*
 * libpcap can't read a file with more than one interface of LINKTYPE_RAW: it takes them for different
 * ones. The link types for one IP version alone mean the same and do not have that flaw.
 */
static uint16_t log_linktype(const struct segment *seg)
{
	if (seg->linktype != LINKTYPE_RAW)
		return seg->linktype;
	return seg->key.ip_version == 4 ? LINKTYPE_IPV4 : LINKTYPE_IPV6;
}

void connection_init(struct connection *conn, const struct segment *seg)
{
	bool syn = seg->flags & TCP_SYN;
	uint32_t hash = seg->hash;
	uint8_t first_state = syn ? TCPS_CLOSED : TCPS_ESTABLISHED;

	memset(conn, 0, sizeof(*conn));
	conn->key = seg->key;
	conn->hash = hash;
	conn->client = guess_client(seg);
	conn->start = !syn ? START_MIDSTREAM : seg->flags & TCP_ACK ? START_SYNACK : START_SYN;
	conn->flags = CONN_LIVE;
	conn->linktype = log_linktype(seg);
	conn->iface = seg->iface;
	conn->number = seg->number;
	conn->first_ts_ns = seg->ts_ns;
	conn->last_ts_ns = seg->ts_ns;
	endpoint_init(&conn->side[SIDE_CLIENT], first_state);
	endpoint_init(&conn->side[SIDE_SERVER], syn ? TCPS_LISTEN : first_state);
}

static bool both_fins_seen(const struct connection *conn)
{
	return conn->side[0].seen & conn->side[1].seen & SEEN_FIN;
}

static bool fin_acknowledged(const struct endpoint *endpoint)
{
	return endpoint->seen & SEEN_FIN && !seq_before(endpoint->snd_una, endpoint->fin_end);
}

bool connection_is_reused_by(const struct connection *conn, const struct segment *seg)
{
	enum side sender = connection_sender(conn, seg);
	const struct endpoint *s = &conn->side[sender];
	const struct endpoint *r = &conn->side[side_other(sender)];

	if (!(seg->flags & TCP_SYN) || seg->flags & TCP_RST)
		return false;
	if (s->seen & SEEN_SYN && seg->seq == s->iss)
		return false; /* sent again, or late */
	if (conn->flags & CONN_RESET || both_fins_seen(conn))
		return true;
	if (!(s->seen & SEEN_SEGMENT))
		return conn->start == START_MIDSTREAM; /* the answer, or the other SYN */
	/* An attempt that nobody has answered goes on with another ISN: the same attempt. */
	if (!(r->seen & SEEN_SEGMENT) && conn->start != START_MIDSTREAM)
		return false;
	if (seg->flags & TCP_ACK)
		return false;
	/*
	 * In the receiver's window it is a blind attack or an old duplicate, and is challenged
	 * (RFC 5961 4). Elsewhere a host that knows nothing of the old connection begins a new one.
	 */
	return seg->seq - r->rcv_nxt >= (r->rcv_wnd ? r->rcv_wnd : 1);
}

uint64_t connection_timeout_ns(const struct connection *conn, uint64_t idle_timeout_ns)
{
	const struct endpoint *client = &conn->side[SIDE_CLIENT];
	const struct endpoint *server = &conn->side[SIDE_SERVER];
	uint64_t timeout_ns = idle_timeout_ns;

	if (conn->flags & CONN_RESET || (fin_acknowledged(client) && fin_acknowledged(server)))
		timeout_ns = CLOSED_TIMEOUT_NS;
	else if (both_fins_seen(conn))
		timeout_ns = CLOSING_TIMEOUT_NS;
	else if (client->state == TCPS_SYN_SENT || server->state == TCPS_SYN_RECEIVED)
		timeout_ns = SYN_TIMEOUT_NS;
	return timeout_ns < idle_timeout_ns ? timeout_ns : idle_timeout_ns;
}

enum end_reason connection_end_reason(const struct connection *conn, enum end_reason found)
{
	if (conn->flags & CONN_RESET)
		return END_RESET;
	if (fin_acknowledged(&conn->side[SIDE_CLIENT]) &&
	    fin_acknowledged(&conn->side[SIDE_SERVER]))
		return END_CLOSED;
	return found;
}
