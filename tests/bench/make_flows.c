/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make_flows - writes a capture file of many interleaved TCP connections, for the benchmarks.
 *
 * Every connection does what an ordinary one does: a handshake with MSS, SACK-permitted, time
 * stamps and window scale; small requests one way and most of the data the other way; an ACK for
 * every second segment; with --loss, holes that three duplicate ACKs with SACK blocks fill again; a
 * close with FINs. Which connection sends next is drawn at random, so that all of them are open at
 * once and a reader meets them in no helpful order. The same arguments give the same bytes.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETHERNET_BYTES	  14
#define IPV4_BYTES	  20
#define TCP_BYTES	  20
#define OPTIONS_MAX_BYTES 40
#define PAYLOAD_MAX_BYTES 1400
#define HEADERS_MAX_BYTES (ETHERNET_BYTES + IPV4_BYTES + TCP_BYTES + OPTIONS_MAX_BYTES)

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_PSH 0x08
#define TCP_ACK 0x10

/* Handshake 3, close 3, and one segment of data: less is no connection. */
#define PACKETS_PER_CONNECTION_MIN 7
/* The last packets of a connection, in which nothing more is lost: room to repair it. */
#define PACKETS_WITHOUT_LOSS 12
#define DUPLICATE_ACKS	     3

#define START_TS_NS (1700000000ull * 1000000000ull)

enum side { CLIENT, SERVER };

enum phase {
	PHASE_SYN,
	PHASE_SYNACK,
	PHASE_ACK,
	PHASE_DATA,
	PHASE_FIN,
	PHASE_FIN_BACK,
	PHASE_LAST
};

struct options {
	uint64_t connections;
	uint64_t packets;
	uint64_t payload_bytes;
	uint64_t interval_ns; /* mean time between two packets of the file */
	uint64_t seed;
	double loss;	 /* share of the server's segments, 0..1 */
	bool leave_open; /* no FINs: connections stay established and idle */
	const char *path;
};

struct connection {
	uint32_t address_be[2];
	uint16_t port_be[2];
	uint32_t nxt[2]; /* SND.NXT of each side */
	uint32_t acked;	 /* what the client has acknowledged of the server's data */
	uint32_t hole;	 /* sequence number of the lost segment, while has_hole */
	uint32_t tsval_base[2];
	uint32_t tsval_last[2];
	uint32_t packets_left;
	uint16_t ip_id[2];
	uint8_t phase;
	uint8_t unacked; /* segments that the client has not acknowledged */
	uint8_t duplicate_acks;
	bool has_hole;
};

struct generator {
	const struct options *options;
	FILE *out;
	uint64_t random_state;
	uint64_t loss_threshold; /* of a 32-bit draw */
	uint64_t ts_ns;
	uint64_t packets_written;
	uint32_t payload_sum; /* ones' complement sum of the payload, which is always the same */
	uint8_t payload[PAYLOAD_MAX_BYTES];
};

/* splitmix64: small, fast, and the same on every machine. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* A number below bound, without a division. */
static uint32_t random_below(struct generator *gen, uint32_t bound)
{
	return (uint32_t)(((random_next(&gen->random_state) >> 32) * bound) >> 32);
}

static void put_be16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_be32(uint8_t *at, uint32_t value)
{
	put_be16(at, (uint16_t)(value >> 16));
	put_be16(at + 2, (uint16_t)value);
}

static uint32_t sum_be16(const uint8_t *bytes, size_t count, uint32_t sum)
{
	for (size_t i = 0; i + 1 < count; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (count & 1)
		sum += (uint32_t)bytes[count - 1] << 8;
	return sum;
}

static uint16_t checksum_of_sum(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Options of a SYN: MSS, SACK permitted, time stamps, window scale: 20 bytes. */
static uint32_t put_syn_options(uint8_t *at, uint32_t tsval, uint32_t tsecr)
{
	static const uint8_t before[] = { 2, 4, 1460 >> 8, 1460 & 0xff, 4, 2, 8, 10 };
	static const uint8_t after[] = { 1, 3, 3, 7 };

	memcpy(at, before, sizeof(before));
	put_be32(at + 8, tsval);
	put_be32(at + 12, tsecr);
	memcpy(at + 16, after, sizeof(after));
	return 20;
}

static uint32_t put_timestamps(uint8_t *at, uint32_t tsval, uint32_t tsecr)
{
	static const uint8_t before[] = { 1, 1, 8, 10 };

	memcpy(at, before, sizeof(before));
	put_be32(at + 4, tsval);
	put_be32(at + 8, tsecr);
	return 12;
}

static uint32_t put_sack_block(uint8_t *at, uint32_t left, uint32_t right)
{
	static const uint8_t before[] = { 1, 1, 5, 10 };

	memcpy(at, before, sizeof(before));
	put_be32(at + 4, left);
	put_be32(at + 8, right);
	return 12;
}

static void put_ipv4(uint8_t *ip, const struct connection *conn, enum side from, uint16_t id,
		     uint32_t total_bytes)
{
	memset(ip, 0, IPV4_BYTES);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)total_bytes);
	put_be16(ip + 4, id);
	ip[6] = 0x40; /* don't fragment */
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, &conn->address_be[from], 4);
	memcpy(ip + 16, &conn->address_be[!from], 4);
	put_be16(ip + 10, checksum_of_sum(sum_be16(ip, IPV4_BYTES, 0)));
}

/* Writes one packet of a connection; seq and the payload are the caller's, the rest follows. */
static void write_packet(struct generator *gen, struct connection *conn, enum side from,
			 uint32_t seq, uint8_t flags, uint32_t payload_bytes)
{
	struct {
		uint32_t seconds, nanoseconds, captured_bytes, wire_bytes;
		uint8_t frame[HEADERS_MAX_BYTES];
	} record;
	static const uint8_t ethernet[2][ETHERNET_BYTES] = {
		{ 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 },
		{ 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 },
	};
	uint8_t *ip = record.frame + ETHERNET_BYTES;
	uint8_t *tcp = ip + IPV4_BYTES;
	uint32_t tsval = conn->tsval_base[from] + (uint32_t)((gen->ts_ns - START_TS_NS) / 1000000);
	uint32_t tsecr = conn->tsval_last[!from];
	uint32_t ack = from == CLIENT ? conn->acked : conn->nxt[CLIENT];
	uint32_t options_bytes, segment_bytes, sum;

	if (flags & TCP_SYN) {
		options_bytes = put_syn_options(tcp + TCP_BYTES, tsval, tsecr);
	} else {
		options_bytes = put_timestamps(tcp + TCP_BYTES, tsval, tsecr);
		if (from == CLIENT && conn->has_hole)
			options_bytes +=
				put_sack_block(tcp + TCP_BYTES + options_bytes,
					       conn->hole + (uint32_t)gen->options->payload_bytes,
					       conn->nxt[SERVER]);
	}
	conn->tsval_last[from] = tsval;

	memcpy(tcp, &conn->port_be[from], 2);
	memcpy(tcp + 2, &conn->port_be[!from], 2);
	put_be32(tcp + 4, seq);
	put_be32(tcp + 8, flags & TCP_ACK ? ack : 0);
	tcp[12] = (uint8_t)((TCP_BYTES + options_bytes) / 4 << 4);
	tcp[13] = flags;
	put_be16(tcp + 14, flags & TCP_SYN ? 64240 : 502);
	put_be32(tcp + 16, 0); /* checksum, urgent pointer */

	segment_bytes = TCP_BYTES + options_bytes + payload_bytes;
	put_ipv4(ip, conn, from, conn->ip_id[from]++, IPV4_BYTES + segment_bytes);
	sum = sum_be16(ip + 12, 8, 6 + segment_bytes); /* the pseudo header */
	sum = sum_be16(tcp, TCP_BYTES + options_bytes, sum);
	if (payload_bytes)
		sum += gen->payload_sum;
	put_be16(tcp + 16, checksum_of_sum(sum));

	memcpy(record.frame, ethernet[from], ETHERNET_BYTES);
	record.seconds = (uint32_t)(gen->ts_ns / 1000000000);
	record.nanoseconds = (uint32_t)(gen->ts_ns % 1000000000);
	record.captured_bytes = ETHERNET_BYTES + IPV4_BYTES + segment_bytes;
	record.wire_bytes = record.captured_bytes;
	fwrite_unlocked(&record, 16 + record.captured_bytes - payload_bytes, 1, gen->out);
	if (payload_bytes)
		fwrite_unlocked(gen->payload, payload_bytes, 1, gen->out);

	gen->packets_written++;
	gen->ts_ns += random_below(gen, (uint32_t)gen->options->interval_ns * 2) + 1;
}

static void send_data(struct generator *gen, struct connection *conn, enum side from)
{
	uint32_t payload_bytes = (uint32_t)gen->options->payload_bytes;

	write_packet(gen, conn, from, conn->nxt[from], TCP_ACK | TCP_PSH, payload_bytes);
	conn->nxt[from] += payload_bytes;
}

static void send_client_ack(struct generator *gen, struct connection *conn)
{
	if (!conn->has_hole)
		conn->acked = conn->nxt[SERVER];
	conn->unacked = 0;
	write_packet(gen, conn, CLIENT, conn->nxt[CLIENT], TCP_ACK, 0);
}

/* A segment was lost behind the tap: three more segments and their duplicate ACKs, then it again.
 */
static void repair_step(struct generator *gen, struct connection *conn)
{
	if (conn->duplicate_acks == DUPLICATE_ACKS) {
		write_packet(gen, conn, SERVER, conn->hole, TCP_ACK | TCP_PSH,
			     (uint32_t)gen->options->payload_bytes);
		conn->has_hole = false;
		conn->unacked = 2; /* the receiver answers at once when a hole is filled */
	} else if (conn->unacked) {
		send_client_ack(gen, conn);
		conn->duplicate_acks++;
	} else {
		send_data(gen, conn, SERVER);
		conn->unacked = 1;
	}
}

static void data_step(struct generator *gen, struct connection *conn)
{
	uint32_t draw;

	if (conn->has_hole) {
		repair_step(gen, conn);
		return;
	}
	if (conn->unacked >= 2) {
		send_client_ack(gen, conn);
		return;
	}
	draw = (uint32_t)random_next(&gen->random_state);
	if ((draw & 15) == 0) {
		conn->acked = conn->nxt[SERVER];
		conn->unacked = 0;
		send_data(gen, conn, CLIENT);
		return;
	}
	/* The ACK of what came before is out, so that the hole is at the client's RCV.NXT. */
	if (draw < gen->loss_threshold && conn->unacked == 0 &&
	    conn->packets_left > PACKETS_WITHOUT_LOSS) {
		conn->hole = conn->nxt[SERVER];
		send_data(gen, conn, SERVER);
		conn->has_hole = true;
		conn->duplicate_acks = 0;
		return;
	}
	send_data(gen, conn, SERVER);
	conn->unacked++;
}

/* The next packet of a connection. False: that was its last. */
static bool connection_step(struct generator *gen, struct connection *conn)
{
	switch ((enum phase)conn->phase) {
	case PHASE_SYN:
		write_packet(gen, conn, CLIENT, conn->nxt[CLIENT]++, TCP_SYN, 0);
		break;
	case PHASE_SYNACK:
		write_packet(gen, conn, SERVER, conn->nxt[SERVER]++, TCP_SYN | TCP_ACK, 0);
		break;
	case PHASE_ACK:
		send_client_ack(gen, conn);
		break;
	case PHASE_DATA:
		data_step(gen, conn);
		break;
	case PHASE_FIN:
		conn->acked = conn->nxt[SERVER];
		write_packet(gen, conn, CLIENT, conn->nxt[CLIENT], TCP_FIN | TCP_ACK, 0);
		conn->nxt[CLIENT]++;
		break;
	case PHASE_FIN_BACK:
		write_packet(gen, conn, SERVER, conn->nxt[SERVER]++, TCP_FIN | TCP_ACK, 0);
		break;
	case PHASE_LAST:
		send_client_ack(gen, conn);
		break;
	}
	conn->packets_left--;
	if (conn->phase != PHASE_DATA || (conn->packets_left == 3 && !gen->options->leave_open))
		conn->phase++;
	return conn->packets_left > 0;
}

static void connection_init(struct generator *gen, struct connection *conn, uint64_t number)
{
	const struct options *options = gen->options;
	uint8_t client[4], server[4] = { 192, 0, 2, (uint8_t)(1 + random_below(gen, 64)) };

	/* Eight connections a client, in ranges of ports of their own: no two are the same. */
	put_be32(client, 0x0a000001u + (uint32_t)(number / 8));
	memcpy(&conn->address_be[CLIENT], client, 4);
	memcpy(&conn->address_be[SERVER], server, 4);
	put_be16((uint8_t *)&conn->port_be[CLIENT],
		 (uint16_t)(32768 + (number % 8) * 3500 + random_below(gen, 3500)));
	put_be16((uint8_t *)&conn->port_be[SERVER], random_below(gen, 4) ? 443 : 80);
	for (int side = 0; side < 2; side++) {
		conn->nxt[side] = (uint32_t)random_next(&gen->random_state);
		conn->tsval_base[side] = (uint32_t)random_next(&gen->random_state);
		conn->ip_id[side] = (uint16_t)random_next(&gen->random_state);
	}
	conn->acked = conn->nxt[SERVER];
	conn->packets_left = (uint32_t)(options->packets / options->connections +
					(number < options->packets % options->connections));
}

static int write_file_header(FILE *out)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snaplen_bytes, linktype;
	} header = { 0xa1b23c4d, 2, 4, 0, 0, 262144, 1 };

	return fwrite(&header, sizeof(header), 1, out) == 1 ? 0 : -EIO;
}

static int generate(const struct options *options, FILE *out)
{
	struct generator gen = { .options = options,
				 .out = out,
				 .random_state = options->seed,
				 .loss_threshold = (uint64_t)(options->loss * 4294967296.0),
				 .ts_ns = START_TS_NS };
	struct connection *conns = calloc(options->connections, sizeof(*conns));
	uint32_t *open = calloc(options->connections, sizeof(*open));
	uint32_t open_count = (uint32_t)options->connections;

	if (!conns || !open || write_file_header(out) != 0) {
		free(conns);
		free(open);
		return -errno;
	}
	for (uint32_t i = 0; i < PAYLOAD_MAX_BYTES; i++)
		gen.payload[i] = (uint8_t)random_next(&gen.random_state);
	gen.payload_sum = sum_be16(gen.payload, options->payload_bytes, 0);
	for (uint32_t i = 0; i < open_count; i++) {
		connection_init(&gen, &conns[i], i);
		open[i] = i;
	}
	while (open_count) {
		uint32_t pick = random_below(&gen, open_count);

		if (!connection_step(&gen, &conns[open[pick]]))
			open[pick] = open[--open_count];
	}
	free(conns);
	free(open);
	return ferror(out) ? -EIO : 0;
}

static void usage(FILE *out)
{
	fputs("Usage: make_flows --connections N --packets N [--payload BYTES] [--loss PERCENT]\n"
	      "                  [--interval NANOSECONDS] [--leave-open] [--seed N] -o FILE\n",
	      out);
}

static int parse_number(const char *text, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno || end == text || *end || *value > max ? -EINVAL : 0;
}

static int parse_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "connections", required_argument, NULL, 'c' },
		{ "packets", required_argument, NULL, 'p' },
		{ "payload", required_argument, NULL, 'b' },
		{ "loss", required_argument, NULL, 'l' },
		{ "interval", required_argument, NULL, 'i' },
		{ "leave-open", no_argument, NULL, 'e' },
		{ "seed", required_argument, NULL, 's' },
		{ "output", required_argument, NULL, 'o' },
		{ 0 },
	};
	int option, failed = 0;
	char *end;

	while ((option = getopt_long(argc, argv, "o:", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			failed |= parse_number(optarg, 16000000, &options->connections);
			break;
		case 'p':
			failed |= parse_number(optarg, UINT32_MAX, &options->packets);
			break;
		case 'b':
			failed |= parse_number(optarg, PAYLOAD_MAX_BYTES, &options->payload_bytes);
			break;
		case 'i':
			failed |= parse_number(optarg, 1000000000, &options->interval_ns);
			break;
		case 's':
			failed |= parse_number(optarg, UINT64_MAX, &options->seed);
			break;
		case 'l':
			options->loss = strtod(optarg, &end) / 100;
			failed |=
				end == optarg || *end || !(options->loss >= 0 && options->loss < 1);
			break;
		case 'e':
			options->leave_open = true;
			break;
		case 'o':
			options->path = optarg;
			break;
		default:
			return -EINVAL;
		}
	}
	if (failed || optind != argc || !options->path || !options->connections ||
	    !options->payload_bytes || !options->interval_ns)
		return -EINVAL;
	if (options->packets / options->connections < PACKETS_PER_CONNECTION_MIN) {
		fprintf(stderr, "make_flows: --packets: a connection needs at least %d of them\n",
			PACKETS_PER_CONNECTION_MIN);
		return -EINVAL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { .payload_bytes = 100, .interval_ns = 1000, .seed = 1 };
	FILE *out;
	int error;

	if (parse_options(&options, argc, argv) != 0) {
		usage(stderr);
		return 2;
	}
	out = fopen(options.path, "wb");
	if (!out) {
		fprintf(stderr, "make_flows: %s: %s\n", options.path, strerror(errno));
		return 1;
	}
	setvbuf(out, NULL, _IOFBF, 1 << 20);
	error = generate(&options, out);
	if (fclose(out) != 0 && !error)
		error = -errno;
	if (error) {
		fprintf(stderr, "make_flows: %s: %s\n", options.path, strerror(-error));
		remove(options.path);
		return 1;
	}
	return 0;
}
