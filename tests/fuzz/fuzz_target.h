/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_target.h - what each tests/fuzz/fuzz_*.c defines, for libFuzzer or for replay.c. */
#ifndef BBTAP_TESTS_FUZZ_TARGET_H
#define BBTAP_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* Takes any bytes. Returns 0; a crash or a sanitizer's report is the finding. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#endif
