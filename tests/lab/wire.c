/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire - a bad cable between two interfaces, with a tap in its middle.
 *
 * Carries every frame from one interface to the other: with a delay, at a bounded rate through a
 * queue of bounded length, losing, delaying and doubling some at random. Everything random is drawn
 * from the seed. Options that end in -up hold for the direction from the first to the second
 * interface, -down for the other one; without either, for both.
 *
 * With --mirror, a copy of each frame leaves on a third interface, as a switch's mirror port would
 * send it. The mirror sits where frames enter the wire; the queue and the delay are behind it, in
 * both directions. Of the frames that the wire loses at random, half are lost in front of the mirror,
 * which sees a hole then, and half behind it, so that it sees the segment and later its
 * retransmission.
 *
 * --tap-first and --tap-second keep what passes the two ends, --tap-middle what passes halfway: with
 * half of the delay, half of the losses, half of the reordering and half of the copies in front of it.
 * What comes in has the time at which the host sent it, what goes out the time just before it is sent.
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

#include "tap.h"

#define SLOTS	       8192 /* frames on their way in one direction; a power of two */
#define SLOT_BYTES     2048
#define RECEIVE_BURST  64
#define RECEIVE_BUFFER (8 << 20)

#define BLACKOUTS_MAX 4

enum { UP, DOWN }; /* the direction of what comes in at the first, at the second interface */

struct slot {
	uint64_t due_ns; /* CLOCK_MONOTONIC */
	uint64_t order;	 /* of those with the same */
	uint32_t bytes;
	uint8_t frame[SLOT_BYTES];
};

/* What befalls one direction. Shares are 0..1. */
struct impairment {
	double loss, reorder, duplicate;
	double burst_begin, burst_frames; /* Gilbert: a burst begins; frames that it takes */
	uint64_t delay_us, jitter_us, reorder_us;
	uint64_t rate_kbit;	/* 0: unbounded */
	uint64_t queue_packets; /* that wait for their turn at this rate */
	uint64_t blackout_at_ms[BLACKOUTS_MAX], blackout_ms[BLACKOUTS_MAX];
	uint32_t blackouts;
};

struct options {
	const char *name[2]; /* the ends */
	const char *mirror;  /* or NULL */
	const char *tap[3];  /* first, middle, second; or NULL */
	struct impairment impairment[2];
	uint64_t seed;
	uint64_t snap_bytes;
};

/* What comes in at one end and leaves at the other. */
struct direction {
	struct slot **heap; /* by due_ns and order */
	uint32_t used;
	struct slot *slots, **free;
	uint32_t free_count;
	uint64_t next_order;
	uint64_t idle_at_ns; /* when the last queued frame has left the queue */
	uint64_t last_due_ns;
	bool in_burst;
	uint64_t forwarded, lost_before_tap, lost_behind_tap, queue_full, too_long, send_failed;
	uint64_t reordered, duplicated, blacked_out;
};

struct wire {
	const struct options *options;
	int end_fd[2];
	int mirror_fd; /* or -1 */
	uint64_t random_state;
	uint64_t first_ns; /* when the first frame came */
	uint64_t mirrored, mirror_failed;
	struct tap taps[3];
	struct direction direction[2]; /* by the end where frames come in */
};

static volatile sig_atomic_t stop_requested;

static void request_stop(int signal_number)
{
	(void)signal_number;
	stop_requested = 1;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
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
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
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

static bool chance(struct wire *wire, double share)
{
	return random_next(&wire->random_state) < share * 4294967296.0;
}

static bool is_before(const struct slot *a, const struct slot *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void heap_add(struct direction *direction, struct slot *slot)
{
	uint32_t at = direction->used++;

	slot->order = direction->next_order++;
	for (; at && is_before(slot, direction->heap[(at - 1) / 2]); at = (at - 1) / 2)
		direction->heap[at] = direction->heap[(at - 1) / 2];
	direction->heap[at] = slot;
}

static struct slot *heap_take(struct direction *direction)
{
	struct slot *first = direction->heap[0], *last = direction->heap[--direction->used];
	uint32_t at = 0, child;

	for (; (child = at * 2 + 1) < direction->used; at = child) {
		if (child + 1 < direction->used &&
		    is_before(direction->heap[child + 1], direction->heap[child]))
			child++;
		if (!is_before(direction->heap[child], last))
			break;
		direction->heap[at] = direction->heap[child];
	}
	direction->heap[at] = last;
	return first;
}

/* How long the frame waits for its turn at the bottleneck; -1: the queue has no room for it. */
static int64_t queue_ns(const struct impairment *impairment, struct direction *direction,
			uint32_t bytes, uint64_t now)
{
	uint64_t frame_ns;

	if (!impairment->rate_kbit)
		return 0;
	if (direction->idle_at_ns < now)
		direction->idle_at_ns = now;
	frame_ns = bytes * 8000000ull / impairment->rate_kbit;
	if (direction->idle_at_ns - now > impairment->queue_packets * frame_ns)
		return -1;
	direction->idle_at_ns += frame_ns;
	return (int64_t)(direction->idle_at_ns - now);
}

static bool is_lost(struct wire *wire, int end)
{
	const struct impairment *impairment = &wire->options->impairment[end];
	struct direction *direction = &wire->direction[end];

	if (direction->in_burst)
		direction->in_burst = !chance(wire, 1 / impairment->burst_frames);
	else
		direction->in_burst =
			impairment->burst_begin > 0 && chance(wire, impairment->burst_begin);
	return chance(wire, impairment->loss) || direction->in_burst;
}

static bool is_blacked_out(const struct wire *wire, int end, uint64_t now)
{
	const struct impairment *impairment = &wire->options->impairment[end];
	uint64_t ms = (now - wire->first_ns) / 1000000;

	for (uint32_t i = 0; i < impairment->blackouts; i++)
		if (ms >= impairment->blackout_at_ms[i] &&
		    ms < impairment->blackout_at_ms[i] + impairment->blackout_ms[i])
			return true;
	return false;
}

/* Puts a copy of the frame on its way; due_ns: when it leaves. */
static void put(struct direction *direction, const struct slot *from, uint64_t due_ns)
{
	struct slot *slot;

	if (direction->free_count == 0) {
		direction->queue_full++;
		return;
	}
	slot = direction->free[--direction->free_count];
	slot->bytes = from->bytes;
	slot->due_ns = due_ns;
	memcpy(slot->frame, from->frame, from->bytes);
	heap_add(direction, slot);
}

/* One frame has come in, at this time. */
static void carry(struct wire *wire, int end, const struct slot *slot, uint64_t utc_ns)
{
	const struct impairment *impairment = &wire->options->impairment[end];
	struct direction *direction = &wire->direction[end];
	uint32_t snap = (uint32_t)wire->options->snap_bytes;
	uint64_t now = clock_ns(CLOCK_MONOTONIC), middle_ns, late_ns = 0, due_ns;
	bool lost = is_lost(wire, end), before_tap = random_next(&wire->random_state) & 1;
	int64_t wait_ns;

	if (!wire->first_ns)
		wire->first_ns = now;
	tap_keep(&wire->taps[end == UP ? 0 : 2], utc_ns, slot->frame, slot->bytes, snap);
	if (is_blacked_out(wire, end, now)) {
		direction->blacked_out++;
		return;
	}
	if (lost && before_tap) {
		direction->lost_before_tap++;
		return;
	}
	if (wire->mirror_fd >= 0) {
		if (send(wire->mirror_fd, slot->frame, slot->bytes, MSG_DONTWAIT) < 0)
			wire->mirror_failed++;
		else
			wire->mirrored++;
	}
	wait_ns = queue_ns(impairment, direction, slot->bytes, now);
	if (wait_ns < 0) {
		direction->queue_full++;
		return;
	}
	middle_ns = (uint64_t)wait_ns + impairment->delay_us * 500;
	if (chance(wire, impairment->reorder)) {
		direction->reordered++;
		late_ns = impairment->reorder_us * 1000;
	}
	if (impairment->jitter_us)
		middle_ns += random_next(&wire->random_state) % (impairment->jitter_us * 1000);
	/* Jitter alone does not change the order. */
	if (!late_ns && now + middle_ns < direction->last_due_ns)
		middle_ns = direction->last_due_ns - now;
	if (!late_ns)
		direction->last_due_ns = now + middle_ns;
	due_ns = now + middle_ns + impairment->delay_us * 500 + late_ns;
	tap_keep(&wire->taps[1], utc_ns + middle_ns + (before_tap ? late_ns : 0), slot->frame,
		 slot->bytes, snap);
	if (lost) {
		direction->lost_behind_tap++;
		return;
	}
	put(direction, slot, due_ns);
	if (chance(wire, impairment->duplicate)) {
		direction->duplicated++;
		if (before_tap)
			tap_keep(&wire->taps[1], utc_ns + middle_ns + 2000, slot->frame,
				 slot->bytes, snap);
		put(direction, slot, due_ns + 2000);
	}
}

/* When the host sent it, as the kernel has noted. */
static uint64_t stamp_of(struct msghdr *message)
{
	struct timespec stamp;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
			return (uint64_t)stamp.tv_sec * 1000000000 + (uint64_t)stamp.tv_nsec;
		}
	return clock_ns(CLOCK_REALTIME);
}

static void receive_from(struct wire *wire, int end)
{
	static struct slot slot;

	for (int i = 0; i < RECEIVE_BURST; i++) {
		char control[256];
		struct iovec part = { .iov_base = slot.frame, .iov_len = SLOT_BYTES };
		struct msghdr message = { .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		ssize_t bytes = recvmsg(wire->end_fd[end], &message, MSG_DONTWAIT | MSG_TRUNC);

		if (bytes <= 0)
			return;
		if (bytes > SLOT_BYTES) {
			wire->direction[end].too_long++;
			continue;
		}
		slot.bytes = (uint32_t)bytes;
		carry(wire, end, &slot, stamp_of(&message));
	}
}

static void send_due(struct wire *wire, int end)
{
	struct direction *direction = &wire->direction[end];

	while (direction->used && direction->heap[0]->due_ns <= clock_ns(CLOCK_MONOTONIC)) {
		struct slot *slot = heap_take(direction);

		tap_keep(&wire->taps[end == UP ? 2 : 0], clock_ns(CLOCK_REALTIME), slot->frame,
			 slot->bytes, (uint32_t)wire->options->snap_bytes);
		if (send(wire->end_fd[!end], slot->frame, slot->bytes, MSG_DONTWAIT) < 0)
			direction->send_failed++;
		else
			direction->forwarded++;
		direction->free[direction->free_count++] = slot;
	}
}

/* How long nothing has to be sent: at most 100 ms. */
static struct timespec time_to_next(const struct wire *wire)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), wait_ns = 100000000;

	for (int end = 0; end < 2; end++) {
		const struct direction *direction = &wire->direction[end];
		uint64_t due_ns;

		if (!direction->used)
			continue;
		due_ns = direction->heap[0]->due_ns;
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
		       "%llu queue full, %llu too long, %llu not sent, %llu late, %llu doubled, "
		       "%llu in a blackout\n",
		       wire->options->name[end], wire->options->name[!end],
		       (unsigned long long)d->forwarded, (unsigned long long)d->lost_before_tap,
		       (unsigned long long)d->lost_behind_tap, (unsigned long long)d->queue_full,
		       (unsigned long long)d->too_long, (unsigned long long)d->send_failed,
		       (unsigned long long)d->reordered, (unsigned long long)d->duplicated,
		       (unsigned long long)d->blacked_out);
	}
	if (wire->options->mirror)
		printf("%s: %llu mirrored, %llu not sent\n", wire->options->mirror,
		       (unsigned long long)wire->mirrored, (unsigned long long)wire->mirror_failed);
}

static void usage(FILE *out)
{
	fputs("Usage: wire [OPTION]... IF IF\n"
	      "Each way, or with -up or -down behind the name one way:\n"
	      "  --delay-us N   --jitter-us N   --rate-kbit N   --queue PACKETS   --loss PERCENT\n"
	      "  --burst PERCENT,FRAMES   --reorder PERCENT,US   --duplicate PERCENT\n"
	      "  --blackout AT-MS,MS (up to four times)\n"
	      "Others: --mirror IF   --seed N   --snap BYTES\n"
	      "        --tap-first FILE   --tap-middle FILE   --tap-second FILE\n",
	      out);
}

/* One number, or two with a comma. */
static int parse_numbers(const char *text, double value[2], int count)
{
	char *end;

	for (int i = 0; i < count; i++) {
		errno = 0;
		value[i] = strtod(text, &end);
		if (errno || end == text || !(value[i] >= 0 && value[i] <= 1e9) ||
		    *end != (i + 1 < count ? ',' : '\0'))
			return -EINVAL;
		text = end + 1;
	}
	return 0;
}

enum option_kind { DELAY = 256, JITTER, RATE, QUEUE, LOSS, BURST, REORDER, DUPLICATE, BLACKOUT };

/* value is checked. */
static int impair(struct impairment *impairment, enum option_kind kind, const double value[2])
{
	switch (kind) {
	case DELAY:
		impairment->delay_us = (uint64_t)value[0];
		return 0;
	case JITTER:
		impairment->jitter_us = (uint64_t)value[0];
		return 0;
	case RATE:
		impairment->rate_kbit = (uint64_t)value[0];
		return 0;
	case QUEUE:
		impairment->queue_packets = (uint64_t)value[0];
		return 0;
	case LOSS:
		impairment->loss = value[0] / 100;
		return value[0] < 100 ? 0 : -EINVAL;
	case BURST:
		impairment->burst_begin = value[0] / 100;
		impairment->burst_frames = value[1];
		return value[0] < 100 && value[1] >= 1 ? 0 : -EINVAL;
	case REORDER:
		impairment->reorder = value[0] / 100;
		impairment->reorder_us = (uint64_t)value[1];
		return value[0] <= 100 ? 0 : -EINVAL;
	case DUPLICATE:
		impairment->duplicate = value[0] / 100;
		return value[0] <= 100 ? 0 : -EINVAL;
	case BLACKOUT:
		if (impairment->blackouts == BLACKOUTS_MAX)
			return -EINVAL;
		impairment->blackout_at_ms[impairment->blackouts] = (uint64_t)value[0];
		impairment->blackout_ms[impairment->blackouts++] = (uint64_t)value[1];
		return 0;
	}
	return -EINVAL;
}

static int parse_options(struct options *options, int argc, char **argv)
{
#define EACH_WAY(name, kind)                                                                       \
	{ name, required_argument, NULL, kind },                                                   \
		{ name "-up", required_argument, NULL, kind + 100 },                               \
	{                                                                                          \
		name "-down", required_argument, NULL, kind + 200                                  \
	}
	static const struct option names[] = {
		EACH_WAY("delay-us", DELAY),
		EACH_WAY("jitter-us", JITTER),
		EACH_WAY("rate-kbit", RATE),
		EACH_WAY("queue", QUEUE),
		EACH_WAY("loss", LOSS),
		EACH_WAY("burst", BURST),
		EACH_WAY("reorder", REORDER),
		EACH_WAY("duplicate", DUPLICATE),
		EACH_WAY("blackout", BLACKOUT),
		{ "mirror", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 's' },
		{ "snap", required_argument, NULL, 'n' },
		{ "tap-first", required_argument, NULL, '0' },
		{ "tap-middle", required_argument, NULL, '1' },
		{ "tap-second", required_argument, NULL, '2' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		double value[2] = { 0 };
		int way = option < 256 ? 0 : (option - 256) / 100, kind = option - way * 100;

		if (option == 'm') {
			options->mirror = optarg;
		} else if (option >= '0' && option <= '2') {
			options->tap[option - '0'] = optarg;
		} else if (option == '?' ||
			   parse_numbers(optarg, value,
					 kind == BURST || kind == REORDER || kind == BLACKOUT
						 ? 2
						 : 1) < 0) {
			return -EINVAL;
		} else if (option == 's') {
			options->seed = (uint64_t)value[0];
		} else if (option == 'n') {
			options->snap_bytes = (uint64_t)value[0];
		} else {
			if (way != 2 && impair(&options->impairment[UP], kind, value) < 0)
				return -EINVAL;
			if (way != 1 && impair(&options->impairment[DOWN], kind, value) < 0)
				return -EINVAL;
		}
	}
	if (argc - optind != 2)
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
		struct direction *d = &wire->direction[end];

		d->slots = calloc(SLOTS, sizeof(struct slot));
		d->heap = calloc(SLOTS, sizeof(d->heap[0]));
		d->free = calloc(SLOTS, sizeof(d->free[0]));
		if (!d->slots || !d->heap || !d->free) {
			fprintf(stderr, "wire: no memory\n");
			return -ENOMEM;
		}
		for (d->free_count = 0; d->free_count < SLOTS; d->free_count++)
			d->free[d->free_count] = &d->slots[d->free_count];
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { .seed = 1,
				   .snap_bytes = 128,
				   .impairment = { { .queue_packets = 100 },
						   { .queue_packets = 100 } } };
	struct wire wire = { .options = &options, .end_fd = { -1, -1 }, .mirror_fd = -1 };
	struct sigaction on_stop = { .sa_handler = request_stop };
	sigset_t stop_signals, before;
	int status = 0;

	if (parse_options(&options, argc, argv) != 0) {
		usage(stderr);
		return 2;
	}
	wire.random_state = options.seed;
	for (int i = 0; i < 3; i++)
		wire.taps[i].path = options.tap[i];

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
		free(wire.direction[end].heap);
		free(wire.direction[end].free);
	}
	if (wire.mirror_fd >= 0)
		close(wire.mirror_fd);
	for (int i = 0; i < 3; i++) {
		uint64_t not_kept = wire.taps[i].not_kept;
		int result = tap_write(&wire.taps[i]);

		if (result < 0 || not_kept)
			status = 1;
		if (result < 0)
			fprintf(stderr, "wire: %s: %s\n", options.tap[i], strerror(-result));
		if (not_kept)
			fprintf(stderr, "wire: %s: %llu frames not kept\n", options.tap[i],
				(unsigned long long)not_kept);
	}
	return status;
}
