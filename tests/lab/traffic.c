/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic - real TCP of a known kind between two namespaces of the lab.
 *
 *   traffic [OPTION]... serve [FIRST-PORT]             answers until it is ended
 *   traffic [OPTION]... SCENARIO ADDRESS [FIRST-PORT]  one connection; exit status 0 if it went as
 *                                                      it should
 *   --cc NAME    congestion control of this side (cubic, whatever the host's default is)
 *   --bytes N    what a bulk transfer moves; both sides must be told the same
 *
 * Each scenario has a port of its own, counted from FIRST-PORT (7000), on which the server plays
 * the other half. The table `scenarios` says what happens.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PORT_DEFAULT  7000
#define BULK_BYTES	    (1500 * 1000)
#define SMALL_WRITE_BYTES   100
#define SMALL_WRITES	    300
#define BURST_BYTES	    20000
#define BURSTS		    60
#define GAPS		    8
#define REQUEST_BYTES	    120
#define ANSWER_BYTES	    3000
#define REQUESTS	    25
#define ZERO_WINDOW_BYTES   (200 * 1000)
#define HALF_CLOSE_BYTES    40000
#define SMALL_BUFFER_BYTES  8192
#define NARROW_BUFFER_BYTES 40000 /* a window of fewer segments than the way has room for */
#define SLOW_READS	    50
#define PACED_BYTES	    3000
#define PACED_WRITES	    400
#define LAST_BYTES	    4000
#define PATIENCE_S	    30 /* then a read or write fails */

static const char *congestion_control = "cubic";
static size_t bulk_bytes = BULK_BYTES;

static const struct timespec think_time = { .tv_nsec = 20000000 };
static const struct timespec reader_pause = { .tv_sec = 2 };

/* Writes count bytes of a pattern. */
static int write_bytes(int fd, size_t count)
{
	char block[16384];

	memset(block, 'b', sizeof(block));
	while (count) {
		size_t part = count < sizeof(block) ? count : sizeof(block);
		ssize_t written = send(fd, block, part, MSG_NOSIGNAL);

		if (written < 0)
			return -errno;
		count -= (size_t)written;
	}
	return 0;
}

/* Reads count bytes; -ENODATA if the stream ends before. */
static int read_bytes(int fd, size_t count)
{
	char block[16384];

	while (count) {
		ssize_t got = recv(fd, block, count < sizeof(block) ? count : sizeof(block), 0);

		if (got < 0)
			return -errno;
		if (got == 0)
			return -ENODATA;
		count -= (size_t)got;
	}
	return 0;
}

/* Reads until the peer's FIN. Returns the number of bytes, or a negative errno. */
static int64_t read_to_end(int fd)
{
	char block[16384];
	int64_t total = 0;
	ssize_t got;

	while ((got = recv(fd, block, sizeof(block), 0)) > 0)
		total += got;
	return got < 0 ? -errno : total;
}

/*
 * Waits until little of what was written is left to acknowledge, so that the transfer happens before the
 * FIN: the kernel tells its TCB in ESTABLISHED only.
 */
static int drain(int fd)
{
	int left = 0;

	for (int i = 0; i < PATIENCE_S * 200; i++) {
		if (ioctl(fd, SIOCOUTQ, &left) < 0)
			return -errno;
		if (left <= LAST_BYTES)
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	return -ETIMEDOUT;
}

static int expect_bytes(int64_t got, int64_t want)
{
	if (got < 0)
		return (int)got;
	return got == want ? 0 : -EPROTO;
}

/* bulk: the server sends a lot and closes. */
static int bulk_server(int fd)
{
	int error = read_bytes(fd, REQUEST_BYTES);

	if (!error)
		error = write_bytes(fd, bulk_bytes);
	return error ? error : drain(fd);
}

static int bulk_client(int fd)
{
	int error = write_bytes(fd, REQUEST_BYTES);

	return error ? error : expect_bytes(read_to_end(fd), (int64_t)bulk_bytes);
}

/* requests: many small questions with longer answers on one connection. */
static int requests_server(int fd)
{
	int error;

	while ((error = read_bytes(fd, REQUEST_BYTES)) == 0) {
		error = write_bytes(fd, ANSWER_BYTES);
		if (error)
			return error;
	}
	return error == -ENODATA ? 0 : error;
}

static int requests_client(int fd)
{
	int error = 0;

	for (int i = 0; i < REQUESTS && !error; i++) {
		error = write_bytes(fd, REQUEST_BYTES);
		if (!error)
			error = read_bytes(fd, ANSWER_BYTES);
		nanosleep(&think_time, NULL);
	}
	return error;
}

/* short: one question, one answer. */
static int short_client(int fd)
{
	int error = write_bytes(fd, REQUEST_BYTES);

	return error ? error : read_bytes(fd, ANSWER_BYTES);
}

/* zero-window: the server has a small buffer and reads late, so that its window closes. */
static int zero_window_server(int fd)
{
	nanosleep(&reader_pause, NULL);
	return expect_bytes(read_to_end(fd), ZERO_WINDOW_BYTES);
}

static int zero_window_client(int fd)
{
	int error = write_bytes(fd, ZERO_WINDOW_BYTES);

	if (error)
		return error;
	shutdown(fd, SHUT_WR);
	return expect_bytes(read_to_end(fd), 0);
}

/* reset: the server resets the connection in answer to the request. */
static int reset_server(int fd)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int error = read_bytes(fd, REQUEST_BYTES);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return error;
}

/* A reset may be lost, and nobody sends it again: then the next request is answered with another.
 */
static int reset_client(int fd)
{
	struct timeval patience = { .tv_usec = 300000 };
	int error = -EAGAIN;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (int i = 0; i < REQUESTS && error == -EAGAIN; i++) {
		error = write_bytes(fd, REQUEST_BYTES);
		if (!error)
			error = read_bytes(fd, ANSWER_BYTES);
	}
	return error == -ECONNRESET ? 0 : -EPROTO;
}

/* half-close: the client says that it has no more to send; the server goes on sending. */
static int half_close_server(int fd)
{
	int64_t got = read_to_end(fd);

	return got < 0 ? (int)got : write_bytes(fd, HALF_CLOSE_BYTES);
}

static int half_close_client(int fd)
{
	int error = write_bytes(fd, REQUEST_BYTES);

	shutdown(fd, SHUT_WR);
	return error ? error : expect_bytes(read_to_end(fd), HALF_CLOSE_BYTES);
}

static void wait_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* upload: the client sends a lot and closes. */
static int upload_server(int fd)
{
	return expect_bytes(read_to_end(fd), (int64_t)bulk_bytes);
}

static int upload_client(int fd)
{
	int error = write_bytes(fd, bulk_bytes);

	if (!error)
		error = drain(fd);
	if (error)
		return error;
	shutdown(fd, SHUT_WR);
	return expect_bytes(read_to_end(fd), 0);
}

/* idle-gaps: questions with pauses of 0.2 to 1.3 s between them. */
static int idle_gaps_client(int fd)
{
	int error = 0;

	for (int i = 0; i < GAPS && !error; i++) {
		error = write_bytes(fd, REQUEST_BYTES);
		if (!error)
			error = read_bytes(fd, ANSWER_BYTES);
		wait_ms(200 + 160 * i);
	}
	return error;
}

/* small-writes: a segment every few ms, without Nagle's algorithm; the server only reads. */
static int small_writes_client(int fd)
{
	int one = 1, error = 0;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (int i = 0; i < SMALL_WRITES && !error; i++) {
		error = write_bytes(fd, SMALL_WRITE_BYTES);
		wait_ms(i % 4 ? 2 : 9);
	}
	shutdown(fd, SHUT_WR);
	return error ? error : expect_bytes(read_to_end(fd), 0);
}

static int small_writes_server(int fd)
{
	return expect_bytes(read_to_end(fd), SMALL_WRITES * SMALL_WRITE_BYTES);
}

/* app-limited: the server has a burst of data from time to time. */
static int app_limited_server(int fd)
{
	int error = read_bytes(fd, REQUEST_BYTES);

	for (int i = 0; i < BURSTS && !error; i++) {
		error = write_bytes(fd, BURST_BYTES);
		wait_ms(40);
	}
	return error;
}

static int app_limited_client(int fd)
{
	int error = write_bytes(fd, REQUEST_BYTES);

	return error ? error : expect_bytes(read_to_end(fd), BURSTS * BURST_BYTES);
}

/* keep-alive: the client asks whether the server is still there while both are silent. */
static int keep_alive_client(int fd)
{
	int one = 1, error = write_bytes(fd, REQUEST_BYTES);

	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (!error)
		error = read_bytes(fd, ANSWER_BYTES);
	wait_ms(4500);
	return error ? error : short_client(fd);
}

/* window-probes: the server reads so late that the client asks for the window several times. */
static int window_probes_server(int fd)
{
	wait_ms(7000);
	return expect_bytes(read_to_end(fd), ZERO_WINDOW_BYTES);
}

/* slow-reader: the server reads a little from time to time; its window closes and opens. */
static int slow_reader_server(int fd)
{
	int error = 0;

	for (int i = 0; i < SLOW_READS && !error; i++) {
		error = read_bytes(fd, ZERO_WINDOW_BYTES / SLOW_READS);
		wait_ms(i % 8 ? 50 : 700);
	}
	return error ? error : expect_bytes(read_to_end(fd), 0);
}

/* paced: the client has a little to send every few ms, so that the window never limits it. */
static int paced_client(int fd)
{
	int error = 0;

	for (int i = 0; i < PACED_WRITES && !error; i++) {
		error = write_bytes(fd, PACED_BYTES);
		wait_ms(6);
	}
	shutdown(fd, SHUT_WR);
	return error ? error : expect_bytes(read_to_end(fd), 0);
}

static int paced_server(int fd)
{
	return expect_bytes(read_to_end(fd), PACED_WRITES * PACED_BYTES);
}

/* keep-alives: nothing but keep-alives for a long time. */
static int keep_alives_client(int fd)
{
	int one = 1, patient = 60, error = short_client(fd);

	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &patient, sizeof(patient));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	wait_ms(8500);
	return error ? error : short_client(fd);
}

/* unread: the server closes with data that it has not read, which resets the connection. */
static int unread_server(int fd)
{
	int error = read_bytes(fd, REQUEST_BYTES);

	wait_ms(100);
	return error;
}

static int unread_client(int fd)
{
	int error = write_bytes(fd, bulk_bytes);

	if (!error)
		error = expect_bytes(read_to_end(fd), 0);
	return error == -ECONNRESET || error == -EPIPE ? 0 : -EPROTO;
}

/* abort: the client resets the connection in the midst of a transfer. */
static int abort_client(int fd)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int error = write_bytes(fd, REQUEST_BYTES);

	if (!error)
		error = read_bytes(fd, bulk_bytes / 2);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return error;
}

struct scenario {
	const char *name;
	int (*client)(int fd);
	int (*server)(int fd);	  /* NULL: nobody listens, the client must be refused */
	int receive_buffer_bytes; /* of the server; 0: the system's choice */
};

/* The port is FIRST-PORT and the row. "narrow" is an upload that the receiver's window limits. */
static const struct scenario scenarios[] = {
	{ "bulk", bulk_client, bulk_server, 0 },
	{ "requests", requests_client, requests_server, 0 },
	{ "short", short_client, requests_server, 0 },
	{ "zero-window", zero_window_client, zero_window_server, SMALL_BUFFER_BYTES },
	{ "reset", reset_client, reset_server, 0 },
	{ "half-close", half_close_client, half_close_server, 0 },
	{ "refused", NULL, NULL, 0 },
	{ "upload", upload_client, upload_server, 0 },
	{ "idle-gaps", idle_gaps_client, requests_server, 0 },
	{ "small-writes", small_writes_client, small_writes_server, 0 },
	{ "app-limited", app_limited_client, app_limited_server, 0 },
	{ "keep-alive", keep_alive_client, requests_server, 0 },
	{ "window-probes", zero_window_client, window_probes_server, SMALL_BUFFER_BYTES },
	{ "slow-reader", zero_window_client, slow_reader_server, SMALL_BUFFER_BYTES },
	{ "narrow", upload_client, upload_server, NARROW_BUFFER_BYTES },
	{ "paced", paced_client, paced_server, 0 },
	{ "keep-alives", keep_alives_client, requests_server, 0 },
	{ "unread", unread_client, unread_server, 0 },
	{ "abort", abort_client, bulk_server, 0 },
};
#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static void set_common_options(int fd)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };

	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion_control,
		   (socklen_t)strlen(congestion_control));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static int listen_on(uint16_t port, int receive_buffer_bytes)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port),
				    .sin6_addr = IN6ADDR_ANY_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1, zero = 0;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)); /* IPv4 as well */
	set_common_options(fd);
	if (receive_buffer_bytes)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(int));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 64) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

/* A process for each connection, so that a scenario may wait as it likes. */
static void accept_one(int listener, const struct scenario *scenario)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		return;
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(scenario->server(fd) ? 1 : 0);
	}
	close(fd);
}

static int serve(uint16_t first_port)
{
	struct pollfd listeners[SCENARIOS];

	signal(SIGCHLD, SIG_IGN); /* nobody waits for the children */
	for (size_t i = 0; i < SCENARIOS; i++) {
		listeners[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
		if (!scenarios[i].server)
			continue;
		listeners[i].fd =
			listen_on((uint16_t)(first_port + i), scenarios[i].receive_buffer_bytes);
		if (listeners[i].fd < 0) {
			fprintf(stderr, "traffic: port %zu: %s\n", first_port + i,
				strerror(-listeners[i].fd));
			return 1;
		}
	}
	puts("traffic: ready");
	fflush(stdout);
	for (;;) {
		if (poll(listeners, SCENARIOS, -1) < 0 && errno != EINTR)
			return 1;
		for (size_t i = 0; i < SCENARIOS; i++)
			if (listeners[i].revents & POLLIN)
				accept_one(listeners[i].fd, &scenarios[i]);
	}
}

static int connect_to(const char *address, uint16_t port)
{
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool is_ipv4 = inet_pton(AF_INET, address, &ipv4.sin_addr) == 1;
	int fd, error;

	if (!is_ipv4 && inet_pton(AF_INET6, address, &ipv6.sin6_addr) != 1)
		return -EINVAL;
	fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
	if (fd < 0)
		return -errno;
	set_common_options(fd);
	error = is_ipv4 ? connect(fd, (struct sockaddr *)&ipv4, sizeof(ipv4))
			: connect(fd, (struct sockaddr *)&ipv6, sizeof(ipv6));
	if (error) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

static int play_client(const struct scenario *scenario, const char *address, uint16_t first_port)
{
	int fd = connect_to(address, (uint16_t)(first_port + (scenario - scenarios)));
	int error;

	if (!scenario->client) {
		error = fd == -ECONNREFUSED ? 0 : fd < 0 ? fd : -EPROTO;
	} else if (fd < 0) {
		error = fd;
	} else {
		error = scenario->client(fd);
	}
	if (fd >= 0)
		close(fd);
	if (error)
		fprintf(stderr, "traffic: %s %s: %s\n", scenario->name, address, strerror(-error));
	return error ? 1 : 0;
}

static int usage(void)
{
	fputs("Usage: traffic [--cc NAME] [--bytes N] serve [FIRST-PORT]\n"
	      "       traffic [--cc NAME] [--bytes N] SCENARIO ADDRESS [FIRST-PORT]\n"
	      "Scenarios:",
	      stderr);
	for (size_t i = 0; i < SCENARIOS; i++)
		fprintf(stderr, " %s", scenarios[i].name);
	fputc('\n', stderr);
	return 2;
}

int main(int argc, char **argv)
{
	bool is_server;
	int port_at;
	long first_port;

	for (; argc > 2 && strncmp(argv[1], "--", 2) == 0; argc -= 2, argv += 2) {
		if (strcmp(argv[1], "--cc") == 0)
			congestion_control = argv[2];
		else if (strcmp(argv[1], "--bytes") == 0)
			bulk_bytes = strtoul(argv[2], NULL, 10);
		else
			return usage();
	}
	is_server = argc >= 2 && strcmp(argv[1], "serve") == 0;
	port_at = is_server ? 2 : 3;
	first_port = argc > port_at ? strtol(argv[port_at], NULL, 10) : FIRST_PORT_DEFAULT;
	if (argc < port_at || argc > port_at + 1 || first_port < 1 || first_port > 65000)
		return usage();
	if (is_server)
		return serve((uint16_t)first_port);
	for (size_t i = 0; i < SCENARIOS; i++)
		if (strcmp(argv[1], scenarios[i].name) == 0)
			return play_client(&scenarios[i], argv[2], (uint16_t)first_port);
	return usage();
}
