/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/source_xsk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <xdp/xsk.h>

#include "capture/netif.h"
#include "capture/xdp/redirect.h"
#include "redirect.skel.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define UMEM_FRAME   4096u
#define FEW_QUEUES   4
#define RING_FEW     8192u /* descriptors for each queue; twice as many frames */
#define RING_MANY    2048u

struct queue {
	struct xsk_socket *socket;
	struct xsk_umem *umem;
	struct xsk_ring_prod fill;
	struct xsk_ring_cons rx;
	struct xsk_ring_cons completion; /* never used: nothing is sent; the library wants one */
	uint8_t *area;
	size_t area_bytes;
};

struct source_xsk {
	struct source base; /* first */
	uint16_t iface;
	char interface[32];
	unsigned int index; /* of the interface when it was opened */
	bool gone;	    /* it is no longer there, as stats() found */
	int ready_fd;	    /* holds the interface promiscuous */
	int link_fd;
	struct redirect_bpf *program;
	uint64_t *per_cpu; /* scratch for counters */
	int cpus;
	int64_t utc_offset_ns; /* UTC less the monotonic clock */
	uint64_t delivered;
	uint32_t queue_count;
	uint32_t next_queue;  /* to look at first */
	uint32_t batch_queue; /* where the batch that is out came from */
	uint64_t batch_addresses[FRAME_BATCH_MAX];
	uint32_t batch_taken; /* descriptors, malformed ones too */
	struct queue queues[REDIRECT_QUEUES_MAX];
};

struct mode {
	const char *name;
	uint32_t attach_flags;
	uint16_t bind_flags;
};

/* In the order of enum xsk_mode. */
static const struct mode modes[XSK_ANY] = {
	{ "zero-copy", XDP_FLAGS_DRV_MODE, XDP_ZEROCOPY | XDP_USE_NEED_WAKEUP },
	{ "copy", XDP_FLAGS_DRV_MODE, XDP_COPY | XDP_USE_NEED_WAKEUP },
	{ "generic", XDP_FLAGS_SKB_MODE, XDP_COPY | XDP_USE_NEED_WAKEUP },
};

enum xsk_mode xsk_mode_of(const char *name)
{
	enum xsk_mode mode = XSK_ZERO_COPY;

	while (mode < XSK_ANY && strcmp(modes[mode].name, name) != 0)
		mode++;
	return mode;
}

static int64_t measure_utc_offset_ns(void)
{
	struct timespec utc, monotonic;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_REALTIME, &utc);
	return (utc.tv_sec - monotonic.tv_sec) * (int64_t)NSEC_PER_SEC + utc.tv_nsec -
	       monotonic.tv_nsec;
}

/* Lends frames [0, count) of the batch's addresses to the kernel. There is always room for all. */
static void fill(struct queue *queue, const uint64_t addresses[], uint32_t count)
{
	uint32_t at;

	if (xsk_ring_prod__reserve(&queue->fill, count, &at) != count)
		return;
	for (uint32_t i = 0; i < count; i++)
		*xsk_ring_prod__fill_addr(&queue->fill, at + i) = addresses[i];
	xsk_ring_prod__submit(&queue->fill, count);
}

static void wake(struct queue *queue)
{
	if (xsk_ring_prod__needs_wakeup(&queue->fill))
		recvfrom(xsk_socket__fd(queue->socket), NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

/* What is in front of the frame; a frame without it is not ours. */
static bool set_frame(const struct source_xsk *xsk, struct queue *queue,
		      const struct xdp_desc *desc, struct frame *frame)
{
	const uint8_t *data = queue->area + desc->addr;
	struct redirect_meta meta;

	memcpy(&meta, data - sizeof(meta), sizeof(meta));
	if (meta.magic != REDIRECT_META_MAGIC)
		return false;
	frame->data = data;
	frame->caplen_bytes = desc->len;
	frame->wirelen_bytes = meta.wirelen_bytes > desc->len ? meta.wirelen_bytes : desc->len;
	frame->ts_ns = (uint64_t)((int64_t)meta.monotonic_ns + xsk->utc_offset_ns);
	frame->linktype = LINKTYPE_ETHERNET;
	frame->iface = xsk->iface;
	return true;
}

static int receive(struct source *source, struct frame_batch *batch)
{
	struct source_xsk *xsk = (struct source_xsk *)source;

	batch->count = 0;
	for (uint32_t i = 0; i < xsk->queue_count; i++) {
		uint32_t number = xsk->next_queue;
		struct queue *queue = &xsk->queues[number];
		uint32_t at, count;

		xsk->next_queue = number + 1 < xsk->queue_count ? number + 1 : 0;
		count = xsk_ring_cons__peek(&queue->rx, FRAME_BATCH_MAX, &at);
		if (count == 0) {
			wake(queue);
			continue;
		}
		for (uint32_t j = 0; j < count; j++) {
			const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&queue->rx, at + j);

			xsk->batch_addresses[j] = desc->addr & ~(uint64_t)(UMEM_FRAME - 1);
			batch->count += set_frame(xsk, queue, desc, &batch->frames[batch->count]);
		}
		xsk->batch_queue = number;
		xsk->batch_taken = count;
		xsk->delivered += batch->count;
		if (batch->count)
			return (int)batch->count;
		source->ops->release(source, batch);
	}
	if (xsk->gone) {
		snprintf(source->error, sizeof(source->error),
			 "%s: the interface is gone; what came before is in the log",
			 xsk->interface);
		return -ENODEV;
	}
	return 0;
}

static void release(struct source *source, struct frame_batch *batch)
{
	struct source_xsk *xsk = (struct source_xsk *)source;
	struct queue *queue = &xsk->queues[xsk->batch_queue];

	if (xsk->batch_taken) {
		xsk_ring_cons__release(&queue->rx, xsk->batch_taken);
		fill(queue, xsk->batch_addresses, xsk->batch_taken);
	}
	xsk->batch_taken = 0;
	batch->count = 0;
}

static uint64_t program_counter(struct source_xsk *xsk, uint32_t which)
{
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(xsk->program->maps.counters), &which, xsk->per_cpu) < 0)
		return 0;
	for (int i = 0; i < xsk->cpus; i++)
		sum += xsk->per_cpu[i];
	return sum;
}

/*
 * What the sockets lost is counted by the sockets alone: the device's counters count the same frames
 * again, or not at all, depending on the mode.
 */
static void stats(struct source *source, struct source_stats *out)
{
	struct source_xsk *xsk = (struct source_xsk *)source;

	*out = (struct source_stats){ .received = program_counter(xsk, REDIRECT_SENT),
				      .delivered = xsk->delivered,
				      .passed = program_counter(xsk, REDIRECT_OTHER) +
						program_counter(xsk, REDIRECT_NO_META) };
	for (uint32_t i = 0; i < xsk->queue_count; i++) {
		struct xdp_statistics statistics = { 0 };
		socklen_t length = sizeof(statistics);

		if (getsockopt(xsk_socket__fd(xsk->queues[i].socket), SOL_XDP, XDP_STATISTICS,
			       &statistics, &length) < 0)
			continue;
		out->lost_ring_full += statistics.rx_ring_full;
		out->lost_no_buffer += statistics.rx_dropped;
	}
	/* A socket does not say that its interface was removed: it only stays silent. */
	xsk->gone = netif_index(xsk->interface) != xsk->index;
	/* The clocks drift, and people set them. */
	xsk->utc_offset_ns = measure_utc_offset_ns();
}

/* Takes the program off the interface: afterwards nothing new comes, and the counters stand still. */
static void stop(struct source *source)
{
	struct source_xsk *xsk = (struct source_xsk *)source;

	if (xsk->link_fd < 0)
		return;
	bpf_link_detach(xsk->link_fd);
	close(xsk->link_fd);
	xsk->link_fd = -1;
	/* Frames that the program has seen are in the rings when the softirq that it ran in has ended. */
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

static void close_queues(struct source_xsk *xsk)
{
	for (uint32_t i = 0; i < xsk->queue_count; i++) {
		struct queue *queue = &xsk->queues[i];

		if (queue->socket)
			xsk_socket__delete(queue->socket);
		if (queue->umem)
			xsk_umem__delete(queue->umem);
		if (queue->area)
			munmap(queue->area, queue->area_bytes);
		memset(queue, 0, sizeof(*queue));
	}
}

static void close_mode(struct source_xsk *xsk)
{
	if (xsk->link_fd >= 0)
		close(xsk->link_fd);
	xsk->link_fd = -1;
	close_queues(xsk);
	redirect_bpf__destroy(xsk->program);
	xsk->program = NULL;
}

static void source_xsk_close(struct source *source)
{
	struct source_xsk *xsk = (struct source_xsk *)source;

	close_mode(xsk);
	if (xsk->ready_fd >= 0)
		close(xsk->ready_fd);
	free(xsk->per_cpu);
	free(xsk);
}

static const struct source_ops ops = {
	.name = "xsk",
	.receive = receive,
	.release = release,
	.stats = stats,
	.stop = stop,
	.close = source_xsk_close,
};

/* Adds "; MODE: WORDS" to the reasons why nothing worked. */
static void say(char *error, size_t error_bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void say(char *error, size_t error_bytes, const char *format, ...)
{
	size_t length = strlen(error);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error + length, error_bytes - length, format, arguments);
	va_end(arguments);
}

/* Memory in huge pages if there are any, else as it comes. */
static uint8_t *map_area(size_t bytes)
{
	void *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (area == MAP_FAILED)
		area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return area == MAP_FAILED ? NULL : area;
}

static int open_queue(struct source_xsk *xsk, uint32_t number, const char *interface,
		      const struct mode *mode)
{
	struct queue *queue = &xsk->queues[number];
	uint32_t ring = xsk->queue_count <= FEW_QUEUES ? RING_FEW : RING_MANY;
	uint32_t frames = 2 * ring;
	struct xsk_umem_config umem = {
		.fill_size = frames, .comp_size = 64, .frame_size = UMEM_FRAME, .frame_headroom = 0
	};
	struct xsk_socket_config socket = { .rx_size = ring,
					    .tx_size = 0,
					    .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
					    .bind_flags = mode->bind_flags };
	int fd, result;

	queue->area_bytes = (size_t)frames * UMEM_FRAME;
	queue->area = map_area(queue->area_bytes);
	if (!queue->area)
		return -ENOMEM;
	result = xsk_umem__create(&queue->umem, queue->area, queue->area_bytes, &queue->fill,
				  &queue->completion, &umem);
	if (result < 0)
		return result;
	result = xsk_socket__create(&queue->socket, interface, number, queue->umem, &queue->rx,
				    NULL, &socket);
	if (result < 0)
		return result;
	for (uint32_t i = 0; i < frames; i += FRAME_BATCH_MAX) {
		uint64_t addresses[FRAME_BATCH_MAX];

		for (uint32_t j = 0; j < FRAME_BATCH_MAX; j++)
			addresses[j] = (uint64_t)(i + j) * UMEM_FRAME;
		fill(queue, addresses, FRAME_BATCH_MAX);
	}
	fd = xsk_socket__fd(queue->socket);
	return bpf_map_update_elem(bpf_map__fd(xsk->program->maps.sockets), &number, &fd, BPF_ANY);
}

/* Who has a program on the interface, for the message that it is taken. */
static void name_owner(const char *interface, char *out, size_t bytes)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_prog_info info = { 0 };
	uint32_t length = sizeof(info), id;
	int fd;

	out[0] = '\0';
	if (bpf_xdp_query((int)netif_index(interface), 0, &query) < 0)
		return;
	id = query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id;
	if (!id)
		return;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &length) == 0)
		snprintf(out, bytes, " (the interface has the XDP program \"%s\", id %u)",
			 info.name, id);
	if (fd >= 0)
		close(fd);
}

static int open_mode(struct source_xsk *xsk, const struct source_xsk_config *config,
		     const struct mode *mode, char *error, size_t error_bytes)
{
	LIBBPF_OPTS(bpf_link_create_opts, link, .flags = mode->attach_flags);
	uint32_t snaplen = config->snaplen_bytes;
	char owner[128];
	int result = -ENOMEM;

	if (snaplen == 0 || snaplen > XSK_FRAME_BYTES_MAX)
		snaplen = XSK_FRAME_BYTES_MAX;
	xsk->program = redirect_bpf__open();
	if (xsk->program) {
		xsk->program->rodata->snaplen_bytes = snaplen;
		xsk->program->rodata->other_action = config->drop_others ? XDP_DROP : XDP_PASS;
		result = redirect_bpf__load(xsk->program);
	}
	if (result < 0) {
		say(error, error_bytes, "; %s: the program can't be loaded: %s", mode->name,
		    strerror(-result));
		return result;
	}
	for (uint32_t i = 0; i < xsk->queue_count; i++) {
		result = open_queue(xsk, i, config->interface, mode);
		if (result < 0) {
			say(error, error_bytes, "; %s: queue %u: %s%s", mode->name, i,
			    strerror(-result),
			    result == -ENOBUFS ? " (locked memory: CAP_IPC_LOCK or ulimit -l)"
			    : result == -EBUSY ? " (another AF_XDP socket has the queue)"
					       : "");
			return result;
		}
	}
	xsk->link_fd = bpf_link_create(bpf_program__fd(xsk->program->progs.redirect),
				       (int)netif_index(config->interface), BPF_XDP, &link);
	if (xsk->link_fd < 0) {
		result = xsk->link_fd;
		xsk->link_fd = -1;
		owner[0] = '\0';
		if (result == -EBUSY || result == -EEXIST)
			name_owner(config->interface, owner, sizeof(owner));
		say(error, error_bytes, "; %s: the program can't be attached: %s%s", mode->name,
		    strerror(-result), owner);
		return result;
	}
	return 0;
}

int source_xsk_open(struct source **out, const struct source_xsk_config *config, char *error,
		    size_t error_bytes)
{
	struct source_xsk *xsk = calloc(1, sizeof(*xsk));
	int result = -ENOMEM;

	snprintf(error, error_bytes, "%s: AF_XDP can't be had", config->interface);
	if (!xsk)
		return result;
	xsk->base.ops = &ops;
	xsk->base.live = true;
	xsk->iface = config->iface;
	snprintf(xsk->interface, sizeof(xsk->interface), "%s", config->interface);
	xsk->index = netif_index(config->interface);
	xsk->link_fd = -1;
	xsk->cpus = libbpf_num_possible_cpus();
	xsk->per_cpu = calloc((size_t)(xsk->cpus > 0 ? xsk->cpus : 1), sizeof(uint64_t));
	xsk->queue_count = netif_queues(config->interface);
	if (xsk->queue_count > REDIRECT_QUEUES_MAX)
		xsk->queue_count = REDIRECT_QUEUES_MAX;
	xsk->utc_offset_ns = measure_utc_offset_ns();
	/* What the libraries would print is in our own messages. */
	libbpf_set_print(NULL);
	xsk->ready_fd = netif_make_ready(config->interface);
	if (xsk->ready_fd < 0 || !xsk->per_cpu) {
		result = xsk->ready_fd < 0 ? xsk->ready_fd : -ENOMEM;
		say(error, error_bytes, ": %s", strerror(-result));
		source_xsk_close(&xsk->base);
		return result;
	}
	for (enum xsk_mode i = XSK_ZERO_COPY; i < XSK_ANY; i++) {
		if (config->mode != XSK_ANY && config->mode != i)
			continue;
		result = open_mode(xsk, config, &modes[i], error, error_bytes);
		if (result < 0) {
			close_mode(xsk);
			continue;
		}
		snprintf(xsk->base.description, sizeof(xsk->base.description),
			 "%s: AF_XDP, %s mode, %u queue%s", config->interface, modes[i].name,
			 xsk->queue_count, xsk->queue_count == 1 ? "" : "s");
		*out = &xsk->base;
		return 0;
	}
	source_xsk_close(&xsk->base);
	return result;
}
