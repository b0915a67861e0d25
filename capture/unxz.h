/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unxz.h - unpacks .xz, as FreeBSD's log files are compressed: streams that follow each other, with
 * padding between them. What it is given and gives are pieces of any size.
 */
#ifndef BBTAP_CAPTURE_UNXZ_H
#define BBTAP_CAPTURE_UNXZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file that needs more to be unpacked is refused: a dictionary of 128 MB, twice that of xz -9. */
#define UNXZ_MEMORY_MAX (144u << 20)

enum unxz_result {
	UNXZ_MORE,    /* go on with what is left of the packed bytes, or the next ones */
	UNXZ_END,     /* the last stream has ended; only with `last` */
	UNXZ_CUT,     /* the packed bytes end inside a stream; only with `last` */
	UNXZ_DAMAGED, /* or refused: unxz_problem() says why */
};

struct unxz;

/* NULL: no memory. What a file needs, at most UNXZ_MEMORY_MAX, is taken once its header is read. */
struct unxz *unxz_open(void);
/* NULL is closed, too. */
void unxz_close(struct unxz **unxz);

/*
 * Unpacks from packed[*position, end) to out, which has room for `room` bytes; sets *position to where
 * the packed bytes are used up to and *made to how many came out, whatever is returned. What only a
 * checksum shows to be damaged has come out before. last: no packed bytes follow behind `end`, from now
 * on.
 */
enum unxz_result unxz_some(struct unxz *unxz, const uint8_t *packed, size_t *position, size_t end,
			   bool last, uint8_t *out, size_t room, size_t *made);

/* The words for the last UNXZ_DAMAGED. */
const char *unxz_problem(const struct unxz *unxz);

#endif
