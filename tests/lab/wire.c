/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire - a bad cable between two interfaces, with a tap in its middle.
 *
 * Carries every frame from one interface to the other: with a delay, at a bounded rate through a
 * queue of bounded length, losing, delaying and doubling some at random. Everything random is drawn
 * from the seed. Options that end in -up hold for the direction from the first to the second
 * interface, -down for the other one; without either, for both.
 *
 * A blackout loses what comes in for a time, a stall holds it and lets it go, in order, at its end: in
 * front of the middle and behind it by turns, the first one in front. Both are timed from the first TCP segment and,
 * with --repeat-ms, again and again.
 *
 * --tap-first and --tap-second keep what passes the two ends, the first interface's and the second's,
 * --tap-middle what passes halfway: with half of the delay, half of the losses, half of the reordering
 * and half of the copies in front of it. What comes in has the time at which the host sent it, what
 * goes out the time just before it is sent.
 *
 * With --mirror, a copy of each frame leaves on a third interface, as a switch's mirror port would send
 * it. --mirror-at says where the mirror sits: at one of the taps, or, without it, where frames enter
 * the wire, the queue and the delay behind it in both directions and half of the losses in front.
 *
 * The taps have faults of their own, drawn apart from the wire's. --tap-loss: bursts of frames that a
 * tap does not keep. --mirror-duplicate: frames that the middle (and a mirror there) has twice, half of
 * them as they are, half as a router would forward them, with other MAC addresses and a lower TTL.
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
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
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

#define PERIODS_MAX 8

#define MIRROR_COPY_NS	  20000	 /* from a frame to its copy in the mirror */
#define MIRROR_FORWARD_NS 150000 /* and to the same frame behind the router */

enum { UP, DOWN }; /* the direction of what comes in at the first, at the second interface */

/* Where frames are seen. */
enum position { FIRST, MIDDLE, SECOND, POSITIONS, ENTRANCE = POSITIONS };

/* Times at which something befalls what comes in, in ms since the first TCP segment. */
struct periods {
	uint64_t at_ms[PERIODS_MAX], ms[PERIODS_MAX];
	uint32_t count;
};

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
	struct periods blackouts, stalls;
};

struct options {
	const char *name[2]; /* the ends */
	const char *mirror;  /* or NULL */
	enum position mirror_at;
	const char *tap[POSITIONS]; /* or NULL */
	struct impairment impairment[2];
	uint64_t repeat_ms; /* after which blackouts and stalls begin anew; 0: never */
	double mirror_duplicate, tap_loss_begin[POSITIONS], tap_loss_frames[POSITIONS];
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
	uint64_t reordered, duplicated, blacked_out, stalled;
};

struct wire {
	const struct options *options;
	int end_fd[2];
	int mirror_fd; /* or -1 */
	uint64_t random_state;
	uint64_t tap_random_state;
	uint64_t first_ns; /* when the first TCP segment came */
	uint64_t mirrored, mirror_failed, mirror_doubled;
	struct tap taps[POSITIONS];
	bool tap_in_burst[POSITIONS];
	uint64_t tap_lost[POSITIONS];
	struct direction direction[2]; /* by the end where frames come in */
	struct direction mirror_queue; /* to the mirror: what passes the middle later */
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

static bool chance_of(uint64_t *state, double share)
{
	return random_next(state) < share * 4294967296.0;
}

static bool chance(struct wire *wire, double share)
{
	return chance_of(&wire->random_state, share);
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

/* The number of the period that is on, counted from 1 through all repetitions; 0: none. */
static uint64_t period_on(const struct wire *wire, const struct periods *periods, uint64_t now,
			  uint64_t *left_ns)
{
	uint64_t since_ns = now - wire->first_ns, repeat_ns = wire->options->repeat_ms * 1000000;
	uint64_t round = 0;

	if (!wire->first_ns)
		return 0;
	if (repeat_ns) {
		round = since_ns / repeat_ns;
		since_ns %= repeat_ns;
	}
	for (uint32_t i = 0; i < periods->count; i++) {
		uint64_t at_ns = periods->at_ms[i] * 1000000;
		uint64_t end_ns = at_ns + periods->ms[i] * 1000000;

		if (since_ns < at_ns || since_ns >= end_ns)
			continue;
		*left_ns = end_ns - since_ns;
		return round * periods->count + i + 1;
	}
	return 0;
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

static void mirror_now(struct wire *wire, const struct slot *slot)
{
	if (send(wire->mirror_fd, slot->frame, slot->bytes, MSG_DONTWAIT) < 0)
		wire->mirror_failed++;
	else
		wire->mirrored++;
}

/* A frame passes a tap, later_ns from now. */
static void see(struct wire *wire, enum position position, uint64_t utc_ns, uint64_t later_ns,
		const struct slot *slot)
{
	const struct options *options = wire->options;
	bool *burst = &wire->tap_in_burst[position];

	if (*burst)
		*burst =
			!chance_of(&wire->tap_random_state, 1 / options->tap_loss_frames[position]);
	else
		*burst = options->tap_loss_begin[position] > 0 &&
			 chance_of(&wire->tap_random_state, options->tap_loss_begin[position]);
	if (*burst) {
		wire->tap_lost[position]++;
		return;
	}
	tap_keep(&wire->taps[position], utc_ns + later_ns, slot->frame, slot->bytes,
		 (uint32_t)options->snap_bytes);
	if (wire->mirror_fd < 0 || options->mirror_at != position)
		return;
	if (later_ns)
		put(&wire->mirror_queue, slot, clock_ns(CLOCK_MONOTONIC) + later_ns);
	else
		mirror_now(wire, slot);
}

/* The frame as a router forwards it: other MAC addresses, TTL or hop limit one less. */
static void forward_as_router(struct slot *slot)
{
	uint8_t *ip = slot->frame + ETH_HLEN;
	uint32_t sum;

	slot->frame[5] ^= 0x55;
	slot->frame[11] ^= 0x55;
	if (ip[0] >> 4 == 6) {
		ip[7]--;
		return;
	}
	ip[8]--;
	sum = (uint32_t)(ip[10] << 8 | ip[11]) + 0x100; /* RFC 1141 */
	sum += sum >> 16;
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static bool is_tcp(const struct slot *slot)
{
	const uint8_t *frame = slot->frame;

	if (slot->bytes < ETH_HLEN + 40)
		return false;
	return (frame[12] == 0x08 && frame[13] == 0x00 && frame[ETH_HLEN + 9] == IPPROTO_TCP) ||
	       (frame[12] == 0x86 && frame[13] == 0xdd && frame[ETH_HLEN + 6] == IPPROTO_TCP);
}

/* A frame passes the middle; a mirror there may have it twice. */
static void see_in_middle(struct wire *wire, uint64_t utc_ns, uint64_t later_ns,
			  const struct slot *slot)
{
	struct slot copy;

	see(wire, MIDDLE, utc_ns, later_ns, slot);
	if (wire->options->mirror_duplicate <= 0 ||
	    !chance_of(&wire->tap_random_state, wire->options->mirror_duplicate) || !is_tcp(slot))
		return;
	wire->mirror_doubled++;
	if (random_next(&wire->tap_random_state) & 1) {
		see(wire, MIDDLE, utc_ns, later_ns + MIRROR_COPY_NS, slot);
		return;
	}
	copy.bytes = slot->bytes;
	memcpy(copy.frame, slot->frame, slot->bytes);
	forward_as_router(&copy);
	see(wire, MIDDLE, utc_ns, later_ns + MIRROR_FORWARD_NS, &copy);
}

static uint64_t at_least(uint64_t value, uint64_t floor)
{
	return value < floor ? floor : value;
}

/* One frame has come in, at this time. */
static void carry(struct wire *wire, int end, const struct slot *slot, uint64_t utc_ns)
{
	const struct impairment *impairment = &wire->options->impairment[end];
	struct direction *direction = &wire->direction[end];
	uint64_t now = clock_ns(CLOCK_MONOTONIC), middle_ns, late_ns = 0, due_ns, held_ns = 0;
	uint64_t half_ns = impairment->delay_us * 500, stall, blackout;
	bool lost = is_lost(wire, end), before_tap = random_next(&wire->random_state) & 1;
	int64_t wait_ns;

	if (!wire->first_ns && is_tcp(slot))
		wire->first_ns = now;
	see(wire, end == UP ? FIRST : SECOND, utc_ns, 0, slot);
	blackout = period_on(wire, &impairment->blackouts, now, &held_ns);
	direction->blacked_out += blackout != 0;
	if (blackout & 1)
		return;
	if (lost && before_tap) {
		direction->lost_before_tap++;
		return;
	}
	if (wire->mirror_fd >= 0 && wire->options->mirror_at == ENTRANCE)
		mirror_now(wire, slot);
	wait_ns = queue_ns(impairment, direction, slot->bytes, now);
	if (wait_ns < 0) {
		direction->queue_full++;
		return;
	}
	middle_ns = (uint64_t)wait_ns + half_ns;
	held_ns = 0;
	stall = period_on(wire, &impairment->stalls, now, &held_ns);
	direction->stalled += stall != 0;
	if (stall & 1)
		middle_ns = at_least(middle_ns, held_ns + half_ns);
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
	due_ns = now + at_least(middle_ns, held_ns) + half_ns + late_ns;
	see_in_middle(wire, utc_ns, middle_ns + (before_tap ? late_ns : 0), slot);
	if (blackout)
		return;
	if (lost) {
		direction->lost_behind_tap++;
		return;
	}
	put(direction, slot, due_ns);
	if (chance(wire, impairment->duplicate)) {
		direction->duplicated++;
		if (before_tap)
			see_in_middle(wire, utc_ns, middle_ns + 2000, slot);
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

		see(wire, end == UP ? SECOND : FIRST, clock_ns(CLOCK_REALTIME), 0, slot);
		if (send(wire->end_fd[!end], slot->frame, slot->bytes, MSG_DONTWAIT) < 0)
			direction->send_failed++;
		else
			direction->forwarded++;
		direction->free[direction->free_count++] = slot;
	}
}

static void mirror_due(struct wire *wire)
{
	struct direction *queue = &wire->mirror_queue;

	while (queue->used && queue->heap[0]->due_ns <= clock_ns(CLOCK_MONOTONIC)) {
		struct slot *slot = heap_take(queue);

		mirror_now(wire, slot);
		queue->free[queue->free_count++] = slot;
	}
}

/* How long nothing has to be sent: at most 100 ms. */
static struct timespec time_to_next(const struct wire *wire)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), wait_ns = 100000000;

	for (int i = 0; i < 3; i++) {
		const struct direction *direction =
			i < 2 ? &wire->direction[i] : &wire->mirror_queue;
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
		mirror_due(wire);
	}
}

static void report(const struct wire *wire)
{
	for (int end = 0; end < 2; end++) {
		const struct direction *d = &wire->direction[end];

		printf("%s to %s: %llu carried, %llu lost before the tap, %llu lost behind it, "
		       "%llu queue full, %llu too long, %llu not sent, %llu late, %llu doubled, "
		       "%llu in a blackout, %llu in a stall\n",
		       wire->options->name[end], wire->options->name[!end],
		       (unsigned long long)d->forwarded, (unsigned long long)d->lost_before_tap,
		       (unsigned long long)d->lost_behind_tap, (unsigned long long)d->queue_full,
		       (unsigned long long)d->too_long, (unsigned long long)d->send_failed,
		       (unsigned long long)d->reordered, (unsigned long long)d->duplicated,
		       (unsigned long long)d->blacked_out, (unsigned long long)d->stalled);
	}
	printf("taps: %llu, %llu, %llu not kept on purpose, %llu doubled in the middle\n",
	       (unsigned long long)wire->tap_lost[FIRST],
	       (unsigned long long)wire->tap_lost[MIDDLE],
	       (unsigned long long)wire->tap_lost[SECOND],
	       (unsigned long long)wire->mirror_doubled);
	if (wire->options->mirror)
		printf("%s: %llu mirrored, %llu not sent\n", wire->options->mirror,
		       (unsigned long long)wire->mirrored, (unsigned long long)wire->mirror_failed);
}

static void usage(FILE *out)
{
	fputs("Usage: wire [OPTION]... IF IF\n"
	      "A bad cable between two interfaces.\n"
	      "Each way, or with -up or -down behind the name one way, up from the first "
	      "interface:\n"
	      "  --delay-us N   --jitter-us N   --rate-kbit N   --queue PACKETS   --loss PERCENT\n"
	      "  --burst PERCENT,FRAMES (lost; how often one begins, its mean length)\n"
	      "  --reorder PERCENT,US   --duplicate PERCENT\n"
	      "  --blackout AT-MS,MS (frames are lost)   --stall AT-MS,MS (frames are held);\n"
	      "  each up to eight times, timed from the first TCP segment\n"
	      "Others:\n"
	      "  --repeat-ms N (blackouts and stalls begin anew)   --seed N   --snap BYTES\n"
	      "  --tap-first FILE   --tap-middle FILE   --tap-second FILE (captures)\n"
	      "  --tap-loss PERCENT,FRAMES   --tap-loss-first, -middle, -second: what taps miss\n"
	      "  --mirror IF   --mirror-at first|middle|second   --mirror-duplicate PERCENT\n",
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

enum option_kind {
	DELAY = 256,
	JITTER,
	RATE,
	QUEUE,
	LOSS,
	BURST,
	REORDER,
	DUPLICATE,
	BLACKOUT,
	STALL,
	TAP_LOSS = 1000, /* then those of the positions */
};

static bool takes_two(int kind)
{
	return kind == BURST || kind == REORDER || kind == BLACKOUT || kind == STALL ||
	       kind >= TAP_LOSS;
}

static int add_period(struct periods *periods, const double value[2])
{
	if (periods->count == PERIODS_MAX)
		return -EINVAL;
	periods->at_ms[periods->count] = (uint64_t)value[0];
	periods->ms[periods->count++] = (uint64_t)value[1];
	return 0;
}

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
		return add_period(&impairment->blackouts, value);
	case STALL:
		return add_period(&impairment->stalls, value);
	case TAP_LOSS:
		break;
	}
	return -EINVAL;
}

/* Of one tap, or of all with POSITIONS. */
static int lose_at_tap(struct options *options, int position, const double value[2])
{
	if (value[0] >= 100 || value[1] < 1)
		return -EINVAL;
	for (int i = 0; i < POSITIONS; i++)
		if (position == POSITIONS || position == i) {
			options->tap_loss_begin[i] = value[0] / 100;
			options->tap_loss_frames[i] = value[1];
		}
	return 0;
}

static int parse_position(const char *text, enum position *position)
{
	static const char *const names[POSITIONS] = { "first", "middle", "second" };

	for (int i = 0; i < POSITIONS; i++)
		if (strcmp(text, names[i]) == 0) {
			*position = (enum position)i;
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
		EACH_WAY("stall", STALL),
		{ "mirror", required_argument, NULL, 'm' },
		{ "mirror-at", required_argument, NULL, 'a' },
		{ "mirror-duplicate", required_argument, NULL, 'd' },
		{ "repeat-ms", required_argument, NULL, 'r' },
		{ "tap-loss-first", required_argument, NULL, TAP_LOSS + FIRST },
		{ "tap-loss-middle", required_argument, NULL, TAP_LOSS + MIDDLE },
		{ "tap-loss-second", required_argument, NULL, TAP_LOSS + SECOND },
		{ "tap-loss", required_argument, NULL, TAP_LOSS + POSITIONS },
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
		bool is_impairment = option >= DELAY && option < TAP_LOSS;
		int way = is_impairment ? (option - DELAY) / 100 : 0, kind = option - way * 100;

		if (option == 'm') {
			options->mirror = optarg;
		} else if (option >= '0' && option <= '2') {
			options->tap[option - '0'] = optarg;
		} else if (option == 'a') {
			if (parse_position(optarg, &options->mirror_at) < 0)
				return -EINVAL;
		} else if (option == '?' ||
			   parse_numbers(optarg, value, takes_two(kind) ? 2 : 1) < 0) {
			return -EINVAL;
		} else if (option == 'd') {
			options->mirror_duplicate = value[0] / 100;
		} else if (option == 'r') {
			options->repeat_ms = (uint64_t)value[0];
		} else if (option >= TAP_LOSS) {
			if (lose_at_tap(options, option - TAP_LOSS, value) < 0)
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

static int direction_init(struct direction *direction)
{
	direction->slots = calloc(SLOTS, sizeof(struct slot));
	direction->heap = calloc(SLOTS, sizeof(direction->heap[0]));
	direction->free = calloc(SLOTS, sizeof(direction->free[0]));
	if (!direction->slots || !direction->heap || !direction->free)
		return -ENOMEM;
	for (; direction->free_count < SLOTS; direction->free_count++)
		direction->free[direction->free_count] = &direction->slots[direction->free_count];
	return 0;
}

static void direction_dispose(struct direction *direction)
{
	free(direction->slots);
	free(direction->heap);
	free(direction->free);
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
	if (direction_init(&wire->direction[UP]) < 0 ||
	    direction_init(&wire->direction[DOWN]) < 0 || direction_init(&wire->mirror_queue) < 0) {
		fprintf(stderr, "wire: no memory\n");
		return -ENOMEM;
	}
	return 0;
}

/*
 * Stays on one processor: each has a queue of its own into the receiving host, and frames that were sent
 * from two of them would overtake each other behind the tap.
 */
static void stay_on_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

int main(int argc, char **argv)
{
	struct options options = { .seed = 1,
				   .snap_bytes = 128,
				   .mirror_at = ENTRANCE,
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
	wire.tap_random_state = options.seed + 0x7461700000000000ull;
	for (int i = 0; i < POSITIONS; i++)
		wire.taps[i].path = options.tap[i];

	/* The signals arrive only while ppoll() waits, so that none is missed in front of it. */
	sigemptyset(&stop_signals);
	sigaddset(&stop_signals, SIGINT);
	sigaddset(&stop_signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop_signals, &before);
	sigaction(SIGINT, &on_stop, NULL);
	sigaction(SIGTERM, &on_stop, NULL);
	prctl(PR_SET_TIMERSLACK, 1000);

	stay_on_processor();
	if (open_all(&wire) != 0)
		return 1;
	puts("wire: ready");
	fflush(stdout);
	run(&wire, &before);
	report(&wire);
	for (int end = 0; end < 2; end++) {
		close(wire.end_fd[end]);
		direction_dispose(&wire.direction[end]);
	}
	direction_dispose(&wire.mirror_queue);
	if (wire.mirror_fd >= 0)
		close(wire.mirror_fd);
	for (int i = 0; i < POSITIONS; i++) {
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
