/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay ROUNDS FILE... - a fuzz target without libFuzzer: gives it each file as it is, cut at
 * random places, and with random bytes changed, ROUNDS times each. The same arguments make the same
 * inputs.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz_target.h"

#define FILE_MAX (1u << 20)

static uint64_t random_state = 1;

/* xorshift64, Marsaglia 2003 */
static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* A copy of its own size, so that a read behind it is a read behind an allocation. */
static void run(const uint8_t *bytes, size_t count, bool change)
{
	uint8_t *copy = malloc(count ? count : 1);

	if (!copy)
		exit(1);
	memcpy(copy, bytes, count);
	for (uint64_t i = change ? 1 + next_random() % 8 : 0; i > 0 && count > 0; i--) {
		/* half of the changes near the start, where the headers are */
		size_t within = next_random() % 2 && count > 256 ? 256 : count;

		copy[next_random() % within] = (uint8_t)(next_random() >> 32);
	}
	LLVMFuzzerTestOneInput(copy, count);
	free(copy);
}

static bool replay(const char *path, unsigned long rounds)
{
	static uint8_t bytes[FILE_MAX];
	FILE *file = fopen(path, "rb");
	size_t count;

	if (!file) {
		perror(path);
		return false;
	}
	count = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	run(bytes, count, false);
	for (unsigned long i = 0; i < rounds; i++) {
		run(bytes, next_random() % (count + 1), false);
		run(bytes, count, true);
	}
	return true;
}

int main(int argc, char *argv[])
{
	bool good = argc > 2;

	if (!good)
		fprintf(stderr, "usage: %s ROUNDS FILE...\n", argv[0]);
	for (int i = 2; i < argc; i++)
		good &= replay(argv[i], strtoul(argv[1], NULL, 10));
	return good ? 0 : 1;
}
