/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * truth - writes what the kernel's own TCP control blocks are, for the lab to compare with.
 *
 *   truth FILE [FIRST-PORT LAST-PORT]
 *
 * FILE gets tab-separated rows, the first one with the names of the columns, in order of time (UTC).
 * Only sockets with one of the ports are looked at. Ends on SIGTERM or SIGINT with a line of counts;
 * exit status 1 if rows were lost.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/libbpf.h>

#include "truth.h"
#include "truth.skel.h"

static volatile sig_atomic_t stop;
static const char *const event_names[] = { "probe", "retransmit", "synack",   "ca_state",
					   "state", "timer",	  "keepalive" };

struct rows {
	struct truth_row *row;
	size_t count, room;
};

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* What turns CLOCK_MONOTONIC into UTC: of some tries the one that took the shortest time. */
static int64_t utc_offset_ns(void)
{
	int64_t best_ns = INT64_MAX, offset_ns = 0;

	for (int i = 0; i < 100; i++) {
		int64_t before = clock_ns(CLOCK_MONOTONIC), utc = clock_ns(CLOCK_REALTIME);
		int64_t after = clock_ns(CLOCK_MONOTONIC);

		if (after - before >= best_ns)
			continue;
		best_ns = after - before;
		offset_ns = utc - before - (after - before) / 2;
	}
	return offset_ns;
}

static int keep(void *context, void *data, size_t bytes)
{
	struct rows *rows = context;

	if (bytes < sizeof(struct truth_row))
		return 0;
	if (rows->count == rows->room) {
		size_t room = rows->room ? rows->room * 2 : 65536;
		void *more = realloc(rows->row, room * sizeof(rows->row[0]));

		if (!more)
			return -ENOMEM;
		rows->row = more;
		rows->room = room;
	}
	memcpy(&rows->row[rows->count++], data, sizeof(struct truth_row));
	return 0;
}

/* Two processors write to the ring: it is nearly in order. */
static int by_time(const void *a, const void *b)
{
	const struct truth_row *left = a, *right = b;

	return (left->ts_ns > right->ts_ns) - (left->ts_ns < right->ts_ns);
}

static int write_rows(const struct rows *rows, const char *path, int64_t offset_ns)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return -errno;
	fputs("ts_ns\tevent\tladdr\tlport\traddr\trport", file);
#define X(name) fputs("\t" #name, file);
	TRUTH_FIELDS(X)
#undef X
	fputc('\n', file);
	for (size_t i = 0; i < rows->count; i++) {
		const struct truth_row *row = &rows->row[i];
		char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];

		inet_ntop(row->family, row->local, local, sizeof(local));
		inet_ntop(row->family, row->remote, remote, sizeof(remote));
		fprintf(file, "%lld\t%s\t%s\t%u\t%s\t%u",
			(long long)row->ts_ns + (long long)offset_ns, event_names[row->event],
			local, row->local_port, remote, row->remote_port);
#define X(name) fprintf(file, "\t%u", row->name);
		TRUTH_FIELDS(X)
#undef X
		fputc('\n', file);
	}
	return fclose(file) == 0 ? 0 : -errno;
}

/* Where the kernel has a function; 0: it does not say. */
static unsigned long long kernel_address(const char *name)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned long long address, found = 0;
	char symbol[128];

	while (file && !found && fscanf(file, "%llx %*c %127s%*[^\n]", &address, symbol) == 2)
		if (strcmp(symbol, name) == 0)
			found = address;
	if (file)
		fclose(file);
	return found;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct rows rows = { 0 };
	struct ring_buffer *ring = NULL;
	struct truth_bpf *bpf;
	int result;

	if (argc != 2 && argc != 4) {
		fputs("Usage: truth FILE [FIRST-PORT LAST-PORT]\n", stderr);
		return 2;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	bpf = truth_bpf__open();
	if (!bpf) {
		fprintf(stderr, "truth: the BPF program can't be opened: %s\n", strerror(errno));
		return 1;
	}
	bpf->rodata->write_timer = kernel_address("tcp_write_timer");
	bpf->rodata->keepalive_timer = kernel_address("tcp_keepalive_timer");
	if (argc == 4) {
		bpf->rodata->first_port = (uint16_t)atoi(argv[2]);
		bpf->rodata->last_port = (uint16_t)atoi(argv[3]);
	}
	result = truth_bpf__load(bpf);
	if (result == 0)
		result = truth_bpf__attach(bpf);
	if (result < 0) {
		fprintf(stderr, "truth: the BPF program is refused: %s\n", strerror(-result));
		goto out;
	}
	ring = ring_buffer__new(bpf_map__fd(bpf->maps.rows), keep, &rows, NULL);
	if (!ring) {
		result = -ENOMEM;
		goto out;
	}
	puts("truth: ready");
	fflush(stdout);
	while (!stop && result >= 0) {
		result = ring_buffer__poll(ring, 100);
		if (result == -EINTR)
			result = 0;
	}
	truth_bpf__detach(bpf);
	ring_buffer__consume(ring);
	if (rows.count)
		qsort(rows.row, rows.count, sizeof(rows.row[0]), by_time);
	result = write_rows(&rows, argv[1], utc_offset_ns());
	if (result < 0)
		fprintf(stderr, "truth: %s: %s\n", argv[1], strerror(-result));
	printf("truth: %zu rows, %llu lost\n", rows.count, (unsigned long long)bpf->bss->lost_rows);
	if (bpf->bss->lost_rows)
		result = -ENOBUFS;
out:
	ring_buffer__free(ring);
	truth_bpf__destroy(bpf);
	free(rows.row);
	return result < 0;
}
