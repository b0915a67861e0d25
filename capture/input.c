/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

#include "capture/unxz.h"

#define RAW_BYTES	(256u << 10)
#define BUFFER_FIRST	(1u << 20)
#define ZSTD_WINDOW_MAX 27 /* 128 MB, what the zstd program takes by default */

#define MAGIC_BYTES 6 /* the longest, xz's */

#define LOOK_MS 200 /* how often a wait for a pipe looks whether to stop */

#define SHORTENED "the file became shorter while it was read"

enum kind { MAPPED, STREAM, GZIP, ZSTD, XZ };

struct input {
	enum kind kind;
	int fd;
	bool own_fd;
	const volatile sig_atomic_t *stop;
	/* The bytes at hand: [position, end) of `bytes`, the mapped file or the buffer. */
	const uint8_t *bytes;
	size_t position, end;
	uint64_t base_offset; /* of bytes[0] in the data */
	uint8_t *buffer;
	size_t buffer_bytes;
	bool at_end;
	int failed;
	char failure[160];
	/* The compressed bytes in front of the decompressor. */
	uint8_t *raw;
	size_t raw_position, raw_end;
	uint64_t raw_offset; /* of raw[raw_end] in the file */
	bool raw_at_end;
	z_stream zlib;
	ZSTD_DStream *zstd;
	struct unxz *xz;
	bool in_member; /* decompressor is inside a gzip member or zstd frame */
};

static void fail(struct input *input, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fail(struct input *input, int error, const char *format, ...)
{
	va_list arguments;

	if (input->failed)
		return;
	input->failed = error;
	input->at_end = true;
	va_start(arguments, format);
	vsnprintf(input->failure, sizeof(input->failure), format, arguments);
	va_end(arguments);
}

/* Reads what there is, at most `bytes`; 0 at the end or on failure. */
static size_t read_some(struct input *input, uint8_t *to, size_t bytes)
{
	for (;;) {
		struct pollfd ready = { .fd = input->fd, .events = POLLIN };
		ssize_t got;

		/* A signal between the look and the read would be missed by the read alone. */
		if (input->stop && *input->stop) {
			fail(input, -ECANCELED, "stopped");
			return 0;
		}
		if (input->stop && poll(&ready, 1, LOOK_MS) <= 0)
			continue;
		got = read(input->fd, to, bytes);
		if (got >= 0)
			return (size_t)got;
		if (errno == EINTR)
			continue;
		fail(input, -errno, "reading failed: %s", strerror(errno));
		return 0;
	}
}

static bool refill_raw(struct input *input)
{
	if (input->raw_position < input->raw_end)
		return true;
	if (input->raw_at_end)
		return false;
	input->raw_position = 0;
	input->raw_end = read_some(input, input->raw, RAW_BYTES);
	input->raw_offset += input->raw_end;
	input->raw_at_end = input->raw_end == 0;
	return !input->raw_at_end;
}

static uint64_t compressed_offset(const struct input *input)
{
	return input->raw_offset - (input->raw_end - input->raw_position);
}

/* Some more decompressed bytes; 0 at the end. Members follow each other (RFC 1952 2.2). */
static size_t inflate_some(struct input *input, uint8_t *to, size_t bytes)
{
	z_stream *z = &input->zlib;

	z->next_out = to;
	z->avail_out = (uInt)(bytes > 1u << 30 ? 1u << 30 : bytes);
	while (z->next_out == to) {
		int result;

		if (!refill_raw(input)) {
			if (input->in_member && !input->failed)
				fail(input, -EBADMSG,
				     "gzip stream cut short at compressed offset %llu",
				     (unsigned long long)compressed_offset(input));
			return 0;
		}
		z->next_in = input->raw + input->raw_position;
		z->avail_in = (uInt)(input->raw_end - input->raw_position);
		input->in_member = true;
		result = inflate(z, Z_NO_FLUSH);
		input->raw_position = input->raw_end - z->avail_in;
		if (result == Z_STREAM_END) {
			input->in_member = false;
			inflateReset(z);
		} else if (result != Z_OK && result != Z_BUF_ERROR) {
			fail(input, -EBADMSG, "gzip stream damaged near compressed offset %llu: %s",
			     (unsigned long long)compressed_offset(input),
			     z->msg ? z->msg : "invalid data");
			break;
		}
	}
	return (size_t)(z->next_out - to);
}

static size_t unzstd_some(struct input *input, uint8_t *to, size_t bytes)
{
	/* At most a block a call: a call that fails keeps what it unpacked before the damage to itself. */
	size_t block_bytes = ZSTD_DStreamOutSize();
	ZSTD_outBuffer out = { .dst = to, .size = bytes < block_bytes ? bytes : block_bytes };

	while (out.pos == 0) {
		ZSTD_inBuffer in;
		size_t result;

		if (!refill_raw(input)) {
			if (input->in_member && !input->failed)
				fail(input, -EBADMSG,
				     "zstd stream cut short at compressed offset %llu",
				     (unsigned long long)compressed_offset(input));
			return 0;
		}
		in = (ZSTD_inBuffer){ .src = input->raw,
				      .size = input->raw_end,
				      .pos = input->raw_position };
		result = ZSTD_decompressStream(input->zstd, &out, &in);
		input->raw_position = in.pos;
		if (ZSTD_isError(result)) {
			fail(input, -EBADMSG, "zstd stream damaged near compressed offset %llu: %s",
			     (unsigned long long)compressed_offset(input),
			     ZSTD_getErrorName(result));
			break;
		}
		input->in_member = result != 0;
	}
	return out.pos;
}

static size_t unxz_bytes(struct input *input, uint8_t *to, size_t bytes)
{
	size_t made = 0;

	while (made == 0) {
		bool last = !refill_raw(input);

		if (input->failed)
			return 0;
		switch (unxz_some(input->xz, input->raw, &input->raw_position, input->raw_end, last,
				  to, bytes, &made)) {
		case UNXZ_MORE:
			break;
		case UNXZ_END:
			return made;
		case UNXZ_CUT:
			fail(input, -EBADMSG, "xz stream cut short at compressed offset %llu",
			     (unsigned long long)compressed_offset(input));
			return made;
		case UNXZ_DAMAGED:
			fail(input, -EBADMSG, "xz stream damaged near compressed offset %llu: %s",
			     (unsigned long long)compressed_offset(input), unxz_problem(input->xz));
			return made;
		}
	}
	return made;
}

static size_t produce(struct input *input, uint8_t *to, size_t bytes)
{
	switch (input->kind) {
	case GZIP:
		return inflate_some(input, to, bytes);
	case ZSTD:
		return unzstd_some(input, to, bytes);
	case XZ:
		return unxz_bytes(input, to, bytes);
	default:
		/* The first bytes, that told it is not compressed, stand in raw. */
		if (input->raw_position < input->raw_end) {
			size_t held = input->raw_end - input->raw_position;

			if (held > bytes)
				held = bytes;
			memcpy(to, input->raw + input->raw_position, held);
			input->raw_position += held;
			return held;
		}
		return read_some(input, to, bytes);
	}
}

/* Room for `want` bytes from position on: throws away what was skipped, then grows. */
static bool make_room(struct input *input, size_t want)
{
	size_t held = input->end - input->position;
	size_t bytes = input->buffer_bytes;
	uint8_t *grown;

	if (input->position + want <= bytes)
		return true;
	if (want <= bytes) {
		memmove(input->buffer, input->buffer + input->position, held);
	} else {
		while (bytes < want)
			bytes *= 2;
		grown = malloc(bytes);
		if (!grown) {
			fail(input, -ENOMEM, "no memory for a record of %zu bytes", want);
			return false;
		}
		memcpy(grown, input->buffer + input->position, held);
		free(input->buffer);
		input->buffer = grown;
		input->bytes = grown;
		input->buffer_bytes = bytes;
	}
	input->base_offset += input->position;
	input->position = 0;
	input->end = held;
	return true;
}

size_t input_peek(struct input *input, size_t want, const uint8_t **bytes)
{
	if (want > INPUT_PEEK_MAX)
		want = INPUT_PEEK_MAX;
	/* Shortened: what is mapped may be zeros. A stream's bytes before its damage are good. */
	if (input->kind == MAPPED && input->failed) {
		*bytes = input->bytes + input->position;
		return 0;
	}
	while (!input->at_end && input->end - input->position < want) {
		size_t got;

		if (!make_room(input, want))
			break;
		got = produce(input, input->buffer + input->end, input->buffer_bytes - input->end);
		input->at_end = got == 0;
		input->end += got;
	}
	*bytes = input->bytes + input->position;
	return input->end - input->position;
}

bool input_has(const struct input *input, size_t want)
{
	return input->end - input->position >= want;
}

void input_skip(struct input *input, size_t count)
{
	input->position += count;
}

uint64_t input_offset_bytes(const struct input *input)
{
	return input->base_offset + input->position;
}

bool input_skip_to(struct input *input, uint64_t offset_bytes)
{
	while (input_offset_bytes(input) < offset_bytes) {
		uint64_t left = offset_bytes - input_offset_bytes(input);
		const uint8_t *bytes;
		size_t there = input_peek(input, 1, &bytes);

		if (there == 0)
			return false;
		input_skip(input, there < left ? there : (size_t)left);
	}
	return input_offset_bytes(input) == offset_bytes;
}

int input_failed(const struct input *input)
{
	return input->failed;
}

const char *input_failure(const struct input *input)
{
	return input->failure;
}

/*
 * A mapped file that becomes shorter while it is read makes an access behind its new end a SIGBUS. The
 * page is replaced by zeros, so that the access ends, and the input has failed: the reader asks before it
 * believes what it has read. Other bus errors are what they were.
 */
static struct input *_Atomic mapped_inputs[8];
static uintptr_t page_bytes; /* set before the handler is */

static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr & ~(page_bytes - 1);

	(void)signal_number;
	(void)context;
	for (size_t i = 0; i < sizeof(mapped_inputs) / sizeof(mapped_inputs[0]); i++) {
		struct input *input = mapped_inputs[i];

		if (!input || page < (uintptr_t)input->bytes ||
		    page >= (uintptr_t)input->bytes + input->end)
			continue;
		if (mmap((void *)page, page_bytes, PROT_READ,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			break;
		input->failed = -EIO;
		memcpy(input->failure, SHORTENED, sizeof(SHORTENED));
		return;
	}
	signal(SIGBUS, SIG_DFL);
}

static void watch(struct input *input, bool on)
{
	struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };

	for (size_t i = 0; i < sizeof(mapped_inputs) / sizeof(mapped_inputs[0]); i++)
		if (mapped_inputs[i] == (on ? NULL : input)) {
			mapped_inputs[i] = on ? input : NULL;
			break;
		}
	page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	if (on)
		sigaction(SIGBUS, &action, NULL);
}

static bool try_map(struct input *input)
{
	struct stat status;
	void *mapping;

	if (fstat(input->fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size == 0)
		return false;
	mapping = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, input->fd, 0);
	if (mapping == MAP_FAILED)
		return false;
	madvise(mapping, (size_t)status.st_size, MADV_SEQUENTIAL);
	input->bytes = mapping;
	input->end = (size_t)status.st_size;
	input->at_end = true;
	watch(input, true);
	return true;
}

static int start_decompressor(struct input *input)
{
	if (input->kind == GZIP && inflateInit2(&input->zlib, 15 + 16) != Z_OK)
		return -ENOMEM;
	if (input->kind == ZSTD) {
		input->zstd = ZSTD_createDStream();
		if (!input->zstd)
			return -ENOMEM;
		ZSTD_DCtx_setParameter(input->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_MAX);
	}
	if (input->kind == XZ) {
		input->xz = unxz_open();
		if (!input->xz)
			return -ENOMEM;
	}
	return 0;
}

static enum kind kind_of(const uint8_t *first, size_t count)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b }, zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
	static const uint8_t skippable[] = { 0x50, 0x2a, 0x4d, 0x18 };
	static const uint8_t xz[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };

	if (count >= 4 && memcmp(first, zstd, sizeof(zstd)) == 0)
		return ZSTD;
	if (count >= 4 && (first[0] & 0xf0) == 0x50 && memcmp(first + 1, skippable + 1, 3) == 0)
		return ZSTD; /* a skippable frame first */
	if (count >= 2 && memcmp(first, gzip, sizeof(gzip)) == 0)
		return GZIP;
	if (count >= sizeof(xz) && memcmp(first, xz, sizeof(xz)) == 0)
		return XZ;
	return STREAM;
}

/* Reads the first bytes of a file and finds out what it is. */
static int tell_kind(struct input *input)
{
	while (input->raw_end < MAGIC_BYTES) {
		size_t got =
			read_some(input, input->raw + input->raw_end, RAW_BYTES - input->raw_end);

		if (got == 0)
			break;
		input->raw_end += got;
	}
	if (input->failed)
		return input->failed;
	input->raw_offset = input->raw_end;
	input->kind = kind_of(input->raw, input->raw_end);
	return 0;
}

int input_open(struct input **out, const char *path, const volatile sig_atomic_t *stop, char *error,
	       size_t error_bytes)
{
	struct input *input = calloc(1, sizeof(*input));
	int result = -ENOMEM;

	*out = NULL;
	if (!input)
		goto err;
	input->kind = STREAM;
	input->stop = stop;
	input->own_fd = strcmp(path, "-") != 0;
	input->fd = input->own_fd ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (input->fd < 0) {
		result = -errno;
		goto err;
	}
	input->raw = malloc(RAW_BYTES);
	if (!input->raw)
		goto err;
	result = tell_kind(input);
	if (result < 0)
		goto err;
	if (input->kind == STREAM && input->own_fd && try_map(input)) {
		input->kind = MAPPED;
		*out = input;
		return 0;
	}
	input->buffer_bytes = BUFFER_FIRST;
	input->buffer = malloc(input->buffer_bytes);
	input->bytes = input->buffer;
	result = input->buffer ? start_decompressor(input) : -ENOMEM;
	if (result < 0)
		goto err;
	*out = input;
	return 0;
err:
	snprintf(error, error_bytes, "%s: can't be read: %s", path, strerror(-result));
	input_close(&input);
	return result;
}

/* Plain bytes are handed out where they are; compressed ones are all that the decompressor gets. */
int input_open_memory(struct input **out, const uint8_t *bytes, size_t count)
{
	struct input *input = calloc(1, sizeof(*input));
	int result = -ENOMEM;

	*out = NULL;
	if (!input)
		return result;
	input->fd = -1;
	input->kind = kind_of(bytes, count);
	if (input->kind == STREAM) {
		input->bytes = bytes;
		input->end = count;
		input->at_end = true;
	} else {
		input->raw = malloc(count);
		input->buffer_bytes = BUFFER_FIRST;
		input->buffer = malloc(input->buffer_bytes);
		input->bytes = input->buffer;
		if (!input->raw || !input->buffer)
			goto err;
		memcpy(input->raw, bytes, count);
		input->raw_end = input->raw_offset = count;
		input->raw_at_end = true;
		result = start_decompressor(input);
		if (result < 0)
			goto err;
	}
	*out = input;
	return 0;
err:
	input_close(&input);
	return result;
}

void input_close(struct input **input)
{
	struct input *i = *input;

	*input = NULL;
	if (!i)
		return;
	if (i->kind == MAPPED) {
		watch(i, false);
		munmap((void *)i->bytes, i->end);
	}
	if (i->kind == GZIP)
		inflateEnd(&i->zlib);
	ZSTD_freeDStream(i->zstd);
	unxz_close(&i->xz);
	free(i->buffer);
	free(i->raw);
	if (i->own_fd && i->fd >= 0)
		close(i->fd);
	free(i);
}
