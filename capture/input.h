/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * input.h - the bytes of a file in order, whatever it is: a mapped plain file, standard input, gzip,
 * zstd or xz (told by the first bytes, not by the name). Knows nothing of capture formats.
 */
#ifndef BBTAP_CAPTURE_INPUT_H
#define BBTAP_CAPTURE_INPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input;

/*
 * Opens path, or standard input for "-". Returns 0, or a negative errno with the words in error. Once
 * *stop is set, no more is read: the input ends, failed with -ECANCELED. NULL: never.
 */
int input_open(struct input **out, const char *path, const volatile sig_atomic_t *stop, char *error,
	       size_t error_bytes);
/* The same over memory, which the caller keeps until input_close(). 0 or -ENOMEM. */
int input_open_memory(struct input **out, const uint8_t *bytes, size_t count);
void input_close(struct input **input);

/*
 * Points *bytes at the next contiguous bytes, without going on. Returns how many there are: at least
 * `want` unless the input ends or is damaged before. Blocks while reading. `want` is at most
 * INPUT_PEEK_MAX. Bytes handed out before may move, unless input_has() was true for this `want`; in a
 * mapped file none ever do.
 */
#define INPUT_PEEK_MAX (64u << 20)
size_t input_peek(struct input *input, size_t want, const uint8_t **bytes);

/* Whether so many bytes are at hand: input_peek() for them neither blocks nor moves any. */
bool input_has(const struct input *input, size_t want);

/* Goes on by count bytes, which were peeked at. */
void input_skip(struct input *input, size_t count);

/* Goes on to this offset, reading what is in front of it. False: the input ends before, or stands behind it. */
bool input_skip_to(struct input *input, uint64_t offset_bytes);

/* Where the next byte stands, from the start of the (uncompressed) data. */
uint64_t input_offset_bytes(const struct input *input);

/* 0 while all is well or at a clean end; a negative errno if reading or decompressing failed. */
int input_failed(const struct input *input);
/* The words for it: "gzip stream damaged near compressed offset 4711". */
const char *input_failure(const struct input *input);

#endif
