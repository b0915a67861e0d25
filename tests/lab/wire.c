/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire - a bad cable between two interfaces, with a tap in its middle.
 *
 * Carries every frame from one interface to the other: with a delay, at a bounded rate through a
 * queue of bounded length, and losing some at random. With --mirror, a copy of each frame leaves
 * on a third interface, as a switch's mirror port would send it.
 *
 * The tap sits where frames enter the wire; the queue and the delay are behind it, in both
 * directions. Of the frames that the wire loses at random, half are lost in front of the tap,
 * which sees a hole then, and half behind it, so that the tap sees the segment and later its
 * retransmission. Losses are drawn from the seed.
 *
 * Runs until SIGINT or SIGTERM, then says what it did. The interfaces' own offloads must be off
 * (ethtool -K IF tx off tso off gso off gro off): a wire carries frames, not super-packets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLOTS	       8192 /* frames on their way in one direction; a power of two */
#define SLOT_BYTES     2048
#define RECEIVE_BURST  64
#define RECEIVE_BUFFER (8 << 20)

struct slot {
	uint64_t due_ns;
	uint32_t bytes;
	uint8_t frame[SLOT_BYTES];
};

struct options {
	const char *name[2];	/* the ends */
	const char *mirror;	/* or NULL */
	uint64_t delay_us;	/* each way */
	uint64_t rate_kbit;	/* each way; 0: unbounded */
	uint64_t queue_packets; /* that wait for their turn at this rate */
	uint64_t seed;
	double loss; /* 0..1, each way */
};

/* What comes in at one end and leaves at the other. */
struct direction {
	struct slot *slots;  /* ring, in order of due_ns */
	uint32_t head, tail; /* free running */
	uint64_t idle_at_ns; /* when the last queued frame has left the queue */
	uint64_t forwarded, lost_before_tap, lost_behind_tap, queue_full, too_long, send_failed;
};

struct wire {
	const struct options *options;
	int end_fd[2];
	int mirror_fd;		 /* or -1 */
	uint64_t loss_threshold; /* of a 32-bit draw */
	uint64_t random_state;
	uint64_t mirrored, mirror_failed;
	struct direction direction[2]; /* by the end where frames come in */
};

static volatile sig_atomic_t stop_requested;

static void request_stop(int signal_number)
{
	(void)signal_number;
	stop_requested = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* splitmix64 */
static uint32_t random_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static int interface_open(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq promiscuous = { .mr_type = PACKET_MR_PROMISC };
	int buffer_bytes = RECEIVE_BUFFER, one = 1;
	int fd = socket(AF_PACKET, SOCK_RAW, 0), error;

	if (fd < 0)
		return -errno;
	address.sll_ifindex = promiscuous.mr_ifindex = (int)if_nametoindex(name);
	if (!address.sll_ifindex)
		goto err_socket;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes));
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) <
		    0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		goto err_socket;
	return fd;

err_socket:
	error = -errno;
	close(fd);
	return error;
}

/* When the frame leaves the far end, or 0 if the queue has no room for it. */
static uint64_t queue_frame(const struct options *options, struct direction *direction,
			    uint32_t bytes, uint64_t now)
{
	uint64_t frame_ns;

	if (direction->idle_at_ns < now)
		direction->idle_at_ns = now;
	if (options->rate_kbit) {
		frame_ns = bytes * 8000000ull / options->rate_kbit;
		if (direction->idle_at_ns - now > options->queue_packets * frame_ns)
			return 0;
		direction->idle_at_ns += frame_ns;
	}
	return direction->idle_at_ns + options->delay_us * 1000;
}

static bool is_lost(struct wire *wire)
{
	return random_next(&wire->random_state) < wire->loss_threshold;
}

/* One frame has come in. */
static void carry(struct wire *wire, struct direction *direction, struct slot *slot, uint64_t now)
{
	bool lost = is_lost(wire);

	if (lost && (random_next(&wire->random_state) & 1)) {
		direction->lost_before_tap++;
		return;
	}
	if (wire->mirror_fd >= 0) {
		if (send(wire->mirror_fd, slot->frame, slot->bytes, MSG_DONTWAIT) < 0)
			wire->mirror_failed++;
		else
			wire->mirrored++;
	}
	if (lost) {
		direction->lost_behind_tap++;
		return;
	}
	slot->due_ns = queue_frame(wire->options, direction, slot->bytes, now);
	if (!slot->due_ns)
		direction->queue_full++;
	else
		direction->tail++;
}

static void receive_from(struct wire *wire, int end)
{
	struct direction *direction = &wire->direction[end];

	for (int i = 0; i < RECEIVE_BURST && direction->tail - direction->head < SLOTS; i++) {
		struct slot *slot = &direction->slots[direction->tail & (SLOTS - 1)];
		ssize_t bytes =
			recv(wire->end_fd[end], slot->frame, SLOT_BYTES, MSG_DONTWAIT | MSG_TRUNC);

		if (bytes <= 0)
			return;
		if (bytes > SLOT_BYTES) {
			direction->too_long++;
			continue;
		}
		slot->bytes = (uint32_t)bytes;
		carry(wire, direction, slot, now_ns());
	}
}

static void send_due(struct wire *wire, int end)
{
	struct direction *direction = &wire->direction[end];
	uint64_t now = now_ns();

	while (direction->head != direction->tail) {
		struct slot *slot = &direction->slots[direction->head & (SLOTS - 1)];

		if (slot->due_ns > now)
			return;
		if (send(wire->end_fd[!end], slot->frame, slot->bytes, MSG_DONTWAIT) < 0)
			direction->send_failed++;
		else
			direction->forwarded++;
		direction->head++;
	}
}

/* How long nothing has to be sent: at most 100 ms. */
static struct timespec time_to_next(const struct wire *wire)
{
	uint64_t now = now_ns(), wait_ns = 100000000;

	for (int end = 0; end < 2; end++) {
		const struct direction *direction = &wire->direction[end];
		uint64_t due_ns;

		if (direction->head == direction->tail)
			continue;
		due_ns = direction->slots[direction->head & (SLOTS - 1)].due_ns;
		if (due_ns <= now)
			wait_ns = 0;
		else if (due_ns - now < wait_ns)
			wait_ns = due_ns - now;
	}
	return (struct timespec){ .tv_nsec = (long)wait_ns };
}

static void run(struct wire *wire, const sigset_t *signals_while_waiting)
{
	while (!stop_requested) {
		struct pollfd ends[2] = { { .fd = wire->end_fd[0], .events = POLLIN },
					  { .fd = wire->end_fd[1], .events = POLLIN } };
		struct timespec wait = time_to_next(wire);

		ppoll(ends, 2, &wait, signals_while_waiting);
		for (int end = 0; end < 2; end++) {
			receive_from(wire, end);
			send_due(wire, end);
		}
	}
}

static void report(const struct wire *wire)
{
	for (int end = 0; end < 2; end++) {
		const struct direction *d = &wire->direction[end];

		printf("%s to %s: %llu carried, %llu lost before the tap, %llu lost behind it, "
		       "%llu queue full, %llu too long, %llu not sent\n",
		       wire->options->name[end], wire->options->name[!end],
		       (unsigned long long)d->forwarded, (unsigned long long)d->lost_before_tap,
		       (unsigned long long)d->lost_behind_tap, (unsigned long long)d->queue_full,
		       (unsigned long long)d->too_long, (unsigned long long)d->send_failed);
	}
	if (wire->options->mirror)
		printf("%s: %llu mirrored, %llu not sent\n", wire->options->mirror,
		       (unsigned long long)wire->mirrored, (unsigned long long)wire->mirror_failed);
}

static void usage(FILE *out)
{
	fputs("Usage: wire [--delay-us N] [--loss PERCENT] [--rate-kbit N [--queue PACKETS]]\n"
	      "            [--mirror IF] [--seed N] IF IF\n",
	      out);
}

static int parse_number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno || end == text || *end || *value > 1000000000 ? -EINVAL : 0;
}

static int parse_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "delay-us", required_argument, NULL, 'd' },
		{ "loss", required_argument, NULL, 'l' },
		{ "rate-kbit", required_argument, NULL, 'r' },
		{ "queue", required_argument, NULL, 'q' },
		{ "mirror", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 's' },
		{ 0 },
	};
	int option, failed = 0;
	char *end;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 'd':
			failed |= parse_number(optarg, &options->delay_us);
			break;
		case 'r':
			failed |= parse_number(optarg, &options->rate_kbit);
			break;
		case 'q':
			failed |= parse_number(optarg, &options->queue_packets);
			break;
		case 's':
			failed |= parse_number(optarg, &options->seed);
			break;
		case 'm':
			options->mirror = optarg;
			break;
		case 'l':
			options->loss = strtod(optarg, &end) / 100;
			failed |=
				end == optarg || *end || !(options->loss >= 0 && options->loss < 1);
			break;
		default:
			return -EINVAL;
		}
	}
	if (failed || argc - optind != 2)
		return -EINVAL;
	options->name[0] = argv[optind];
	options->name[1] = argv[optind + 1];
	return 0;
}

static int open_all(struct wire *wire)
{
	const char *names[3] = { wire->options->name[0], wire->options->name[1],
				 wire->options->mirror };
	int *fds[3] = { &wire->end_fd[0], &wire->end_fd[1], &wire->mirror_fd };

	for (int i = 0; i < 3; i++) {
		if (!names[i])
			continue;
		*fds[i] = interface_open(names[i]);
		if (*fds[i] < 0) {
			fprintf(stderr, "wire: interface %s: %s\n", names[i], strerror(-*fds[i]));
			return *fds[i];
		}
	}
	for (int end = 0; end < 2; end++) {
		wire->direction[end].slots = calloc(SLOTS, sizeof(struct slot));
		if (!wire->direction[end].slots) {
			fprintf(stderr, "wire: no memory\n");
			return -ENOMEM;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { .queue_packets = 100, .seed = 1 };
	struct wire wire = { .options = &options, .end_fd = { -1, -1 }, .mirror_fd = -1 };
	struct sigaction on_stop = { .sa_handler = request_stop };
	sigset_t stop_signals, before;

	if (parse_options(&options, argc, argv) != 0) {
		usage(stderr);
		return 2;
	}
	wire.random_state = options.seed;
	wire.loss_threshold = (uint64_t)(options.loss * 4294967296.0);

	/* The signals arrive only while ppoll() waits, so that none is missed in front of it. */
	sigemptyset(&stop_signals);
	sigaddset(&stop_signals, SIGINT);
	sigaddset(&stop_signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop_signals, &before);
	sigaction(SIGINT, &on_stop, NULL);
	sigaction(SIGTERM, &on_stop, NULL);
	prctl(PR_SET_TIMERSLACK, 1000);

	if (open_all(&wire) != 0)
		return 1;
	puts("wire: ready");
	fflush(stdout);
	run(&wire, &before);
	report(&wire);
	for (int end = 0; end < 2; end++) {
		close(wire.end_fd[end]);
		free(wire.direction[end].slots);
	}
	if (wire.mirror_fd >= 0)
		close(wire.mirror_fd);
	return 0;
}
