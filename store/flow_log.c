/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/flow_log.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "capture/input.h"
#include "tcpstate/event.h"
#include "tcpstate/snapshot.h"

#define HOURS_MAX      4 /* open at once */
#define NUMBER_MAX     1000000
#define NSEC_PER_SEC   UINT64_C(1000000000)
#define NSEC_PER_HOUR  (3600 * NSEC_PER_SEC)
#define LINE_MAX_BYTES (1u << 20)

struct hour_file {
	int fd; /* -1: not open */
	uint64_t hour;
	uint64_t used;
	bool dirty;
	ZSTD_CCtx *zstd;
	char path[PATH_MAX]; /* without ".part" */
};

struct flow_log {
	char dir[PATH_MAX];
	const struct iface_table *ifaces;
	uint64_t clock;
	int failed;
	struct hour_file hours[HOURS_MAX];
	uint8_t out[1 << 16];
};

static int make_dir(const char *path)
{
	return mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

int flow_log_open(struct flow_log **out, const char *dir, const struct iface_table *ifaces)
{
	struct flow_log *log = calloc(1, sizeof(*log));
	int result;

	if (!log)
		return -ENOMEM;
	log->ifaces = ifaces;
	for (uint32_t i = 0; i < HOURS_MAX; i++)
		log->hours[i].fd = -1;
	if (snprintf(log->dir, sizeof(log->dir), "%s/connections", dir) >= PATH_MAX - 64) {
		free(log);
		return -ENAMETOOLONG;
	}
	result = make_dir(dir);
	if (result == 0)
		result = make_dir(log->dir);
	if (result < 0) {
		free(log);
		return result;
	}
	*out = log;
	return 0;
}

/* Compresses bytes into the file; directive as zstd has it. */
static int compress(struct flow_log *log, struct hour_file *file, const void *bytes, size_t count,
		    ZSTD_EndDirective directive)
{
	ZSTD_inBuffer in = { .src = bytes, .size = count };
	size_t left;

	do {
		ZSTD_outBuffer out = { .dst = log->out, .size = sizeof(log->out) };
		size_t written = 0;

		left = ZSTD_compressStream2(file->zstd, &out, &in, directive);
		if (ZSTD_isError(left))
			return -EIO;
		while (written < out.pos) {
			ssize_t result = write(file->fd, log->out + written, out.pos - written);

			if (result < 0 && errno == EINTR)
				continue;
			if (result <= 0)
				return result < 0 ? -errno : -ENOSPC;
			written += (size_t)result;
		}
	} while (directive == ZSTD_e_continue ? in.pos < in.size : left != 0);
	return 0;
}

static int close_hour(struct flow_log *log, struct hour_file *file)
{
	char part[PATH_MAX];
	int result = compress(log, file, NULL, 0, ZSTD_e_end);

	ZSTD_freeCCtx(file->zstd);
	if (close(file->fd) < 0 && result == 0)
		result = -errno;
	file->fd = -1;
	snprintf(part, sizeof(part), "%.*s.part", PATH_MAX - 8, file->path);
	if (rename(part, file->path) < 0 && result == 0)
		result = -errno;
	if (!log->failed)
		log->failed = result;
	return result;
}

int flow_log_close(struct flow_log **log)
{
	struct flow_log *l = *log;
	int failed;

	*log = NULL;
	if (!l)
		return 0;
	for (uint32_t i = 0; i < HOURS_MAX; i++)
		if (l->hours[i].fd >= 0)
			close_hour(l, &l->hours[i]);
	failed = l->failed;
	free(l);
	return failed;
}

static int open_hour(struct flow_log *log, struct hour_file *file, uint64_t hour)
{
	time_t seconds = (time_t)(hour * 3600);
	struct tm utc;
	char name[32], part[PATH_MAX];
	struct stat status;

	gmtime_r(&seconds, &utc);
	strftime(name, sizeof(name), "%Y%m%dT%HZ", &utc);
	for (uint32_t n = 1; n < NUMBER_MAX; n++) {
		char number[16] = "";

		if (n > 1)
			snprintf(number, sizeof(number), "-%u", n);
		snprintf(file->path, sizeof(file->path), "%.*s/%s%s.jsonl.zst", PATH_MAX - 80,
			 log->dir, name, number);
		snprintf(part, sizeof(part), "%.*s.part", PATH_MAX - 8, file->path);
		if (lstat(file->path, &status) == 0)
			continue;
		file->fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (file->fd >= 0)
			break;
		if (errno != EEXIST)
			return -errno;
	}
	if (file->fd < 0)
		return -EEXIST;
	file->hour = hour;
	file->zstd = ZSTD_createCCtx();
	if (!file->zstd) {
		close(file->fd);
		unlink(part);
		file->fd = -1;
		return -ENOMEM;
	}
	return 0;
}

static int find_hour(struct flow_log *log, uint64_t hour, struct hour_file **out)
{
	struct hour_file *place = &log->hours[0];

	for (uint32_t i = 0; i < HOURS_MAX; i++) {
		struct hour_file *file = &log->hours[i];

		if (file->fd >= 0 && file->hour == hour) {
			*out = file;
			return 0;
		}
		if (place->fd >= 0 && (file->fd < 0 || file->used < place->used))
			place = file;
	}
	if (place->fd >= 0)
		close_hour(log, place);
	*out = place;
	return open_hour(log, place, hour);
}

static json_t *time_as_json(uint64_t ts_ns)
{
	time_t seconds = (time_t)(ts_ns / NSEC_PER_SEC);
	struct tm utc;
	char date[32], text[48];

	gmtime_r(&seconds, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text, sizeof(text), "%s.%09lluZ", date,
		 (unsigned long long)(ts_ns % NSEC_PER_SEC));
	return json_string(text);
}

static json_t *side_as_json(const struct flow_summary *summary, enum side which)
{
	const struct flow_side_summary *side = &summary->side[which];
	uint8_t k = which == SIDE_CLIENT ? summary->client : !summary->client;
	char address[INET6_ADDRSTRLEN];
	const uint8_t *bytes = summary->key.addr[k];
	bool v4 = summary->key.ip_version == 4;
	json_t *object;

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + 12 : bytes, address, sizeof(address));
	object = json_pack(
		"{s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:I, s:I, "
		"s:b, s:b, s:b, s:b}",
		"address", address, "port", (int)__builtin_bswap16(summary->key.port_be[k]),
		"state", tcp_state_name(side->state), "segments", (json_int_t)side->segments,
		"payload_bytes", (json_int_t)side->payload_bytes, "retransmitted_segments",
		(json_int_t)side->retransmitted_segments, "retransmitted_bytes",
		(json_int_t)side->retransmitted_bytes, "out_of_order_segments",
		(json_int_t)side->out_of_order_segments, "duplicate_acks",
		(json_int_t)side->duplicate_acks, "zero_windows", (json_int_t)side->zero_windows,
		"gap_bytes", (json_int_t)side->gap_bytes, "bad_checksums",
		(json_int_t)side->bad_checksums, "mirror_duplicates",
		(json_int_t)side->mirror_duplicates, "keepalives", (json_int_t)side->keepalives,
		"window_probes", (json_int_t)side->window_probes, "rtt_samples",
		(json_int_t)side->rtt_samples, "rtt_min_us", (json_int_t)side->rtt_min_us,
		"srtt_us", (json_int_t)side->srtt_us, "rttvar_us", (json_int_t)side->rttvar_us,
		"syn", (int)side->syn_seen, "fin", (int)side->fin_seen, "rst", (int)side->rst_seen,
		"sack_permitted", (int)side->sack_permitted);
	if (object)
		json_object_update_new(
			object, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
					  "acks", (json_int_t)side->acks, "acked_segments",
					  (json_int_t)side->acked_segments, "acked_segments_max",
					  (json_int_t)side->acked_segments_max, "ack_delay_min_us",
					  (json_int_t)side->ack_delay_min_us, "ack_delay_mean_us",
					  (json_int_t)side->ack_delay_mean_us, "ack_delay_max_us",
					  (json_int_t)side->ack_delay_max_us, "delayed_acks",
					  (json_int_t)side->delayed_acks, "dsacks",
					  (json_int_t)side->dsacks, "paws_rejects",
					  (json_int_t)side->paws_rejects, "window_collapses",
					  (json_int_t)side->window_collapses, "super_packets",
					  (json_int_t)side->super_packets));
	/* Inferred, of a side that has sent data. */
	if (side->limited_ms[0] | side->limited_ms[1] | side->limited_ms[2]) {
		json_t *limited = json_object();

		for (uint8_t limit = LIMIT_APPLICATION; limit < LIMIT_COUNT; limit++)
			json_object_set_new(limited, limit_name(limit),
					    json_integer(side->limited_ms[limit - 1]));
		json_object_set_new(object, "limited_ms", limited);
	}
	if (side->cc_family != CC_UNKNOWN) {
		json_object_set_new(object, "cc", json_string(cc_family_name(side->cc_family)));
		json_object_set_new(object, "cc_confidence", json_integer(side->cc_confidence));
	}
	/* What only a SYN tells. */
	if (side->syn_seen) {
		json_object_set_new(object, "iss", json_integer(side->iss));
		if (side->mss_bytes)
			json_object_set_new(object, "mss_bytes", json_integer(side->mss_bytes));
		if (side->wscale != 255)
			json_object_set_new(object, "window_scale", json_integer(side->wscale));
	}
	return object;
}

/* JSON is UTF-8, but an interface's name, from a capture file, may be any bytes. */
static json_t *name_as_json(const char *name)
{
	json_t *string = json_string(name);
	char plain[IFACE_NAME_MAX];
	size_t i = 0;

	if (string)
		return string;
	for (; name[i] && i + 1 < sizeof(plain); i++)
		plain[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
	plain[i] = '\0';
	return json_string(plain);
}

static json_t *summary_as_json(const struct flow_log *log, const struct flow_summary *summary)
{
	static const char *const starts[] = { "?", "syn", "syn-ack", "midstream" };
	uint64_t duration_us = summary->last_ts_ns > summary->first_ts_ns
				       ? (summary->last_ts_ns - summary->first_ts_ns) / 1000
				       : 0;

	return json_pack(
		"{s:I, s:o, s:o, s:I, s:s, s:s, s:o, s:I, s:o, s:o}", "connection",
		(json_int_t)summary->connection, "first", time_as_json(summary->first_ts_ns),
		"last", time_as_json(summary->last_ts_ns), "duration_us", (json_int_t)duration_us,
		"start", starts[summary->start & 3], "end", end_reason_name(summary->end_reason),
		"interface", name_as_json(log->ifaces->entries[summary->iface].name), "events_lost",
		(json_int_t)summary->events_lost, "client", side_as_json(summary, SIDE_CLIENT),
		"server", side_as_json(summary, SIDE_SERVER));
}

int flow_log_append(struct flow_log *log, const struct flow_summary *summary)
{
	json_t *object = summary_as_json(log, summary);
	char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
	struct hour_file *file;
	int result = -ENOMEM;

	if (line) {
		result = find_hour(log, summary->last_ts_ns / NSEC_PER_HOUR, &file);
		if (result == 0) {
			file->used = ++log->clock;
			file->dirty = true;
			result = compress(log, file, line, strlen(line), ZSTD_e_continue);
			if (result == 0)
				result = compress(log, file, "\n", 1, ZSTD_e_continue);
		}
	}
	free(line);
	json_decref(object);
	return result;
}

int flow_log_flush(struct flow_log *log)
{
	int failed = 0;

	for (uint32_t i = 0; i < HOURS_MAX; i++) {
		struct hour_file *file = &log->hours[i];
		int result;

		if (file->fd < 0 || !file->dirty)
			continue;
		result = compress(log, file, NULL, 0, ZSTD_e_flush);
		file->dirty = result < 0;
		failed = failed ? failed : result;
	}
	return failed;
}

/* Hands out the lines of one file. False: the receiver wants no more, or *failed is set. */
static bool read_file(const char *path, bool (*line)(void *context, json_t *object), void *context,
		      int *failed, char *error, size_t error_bytes)
{
	struct input *input;
	uint64_t number = 0;
	bool more = true;

	*failed = input_open(&input, path, NULL, error, error_bytes);
	if (*failed < 0)
		return false;
	while (more) {
		const uint8_t *bytes, *end;
		size_t want = 4096, there;
		json_t *object;
		json_error_t problem;

		/* The next line, however long it is. */
		do {
			there = input_peek(input, want, &bytes);
			end = memchr(bytes, '\n', there);
			want *= 2;
		} while (!end && there >= want / 2 && want <= LINE_MAX_BYTES);
		if (!end) {
			/* A recorder that still runs, or was killed, has not ended its last file. */
			bool open_end =
				strlen(path) > 5 && strcmp(path + strlen(path) - 5, ".part") == 0;

			if ((there || input_failed(input)) && !open_end) {
				*failed = -EBADMSG;
				snprintf(error, error_bytes, "%s: damaged behind line %llu: %s",
					 path, (unsigned long long)number,
					 input_failed(input) ? input_failure(input)
							     : "a line without an end");
			}
			break;
		}
		number++;
		object = json_loadb((const char *)bytes, (size_t)(end - bytes), 0, &problem);
		if (!object) {
			*failed = -EBADMSG;
			snprintf(error, error_bytes, "%s: line %llu is not JSON: %s", path,
				 (unsigned long long)number, problem.text);
			break;
		}
		more = line(context, object);
		json_decref(object);
		input_skip(input, (size_t)(end - bytes) + 1);
	}
	input_close(&input);
	return more && *failed == 0;
}

static int is_flow_file(const struct dirent *entry)
{
	return strstr(entry->d_name, ".jsonl.zst") != NULL;
}

int flow_log_read(const char *dir, bool (*line)(void *context, json_t *object), void *context,
		  char *error, size_t error_bytes)
{
	char folder[PATH_MAX];
	struct dirent **names;
	int count, failed = 0;
	bool more = true;

	snprintf(folder, sizeof(folder), "%.*s/connections", PATH_MAX - 300, dir);
	count = scandir(folder, &names, is_flow_file, alphasort);
	if (count < 0) {
		failed = -errno;
		snprintf(error, error_bytes, "%s: no flow log: %s", folder, strerror(errno));
		return failed;
	}
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 280, folder, names[i]->d_name);
		if (more)
			more = read_file(path, line, context, &failed, error, error_bytes);
		free(names[i]);
	}
	free(names);
	return failed;
}
