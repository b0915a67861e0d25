/* SPDX-License-Identifier: BSD-2-Clause */
/* values.h - option values as people write them, and numbers as people read them. */
#ifndef BBTAP_CLI_VALUES_H
#define BBTAP_CLI_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "4096", "64K", "2G" (powers of 1024). False: not a size. */
bool value_size(const char *text, uint64_t *bytes);

/* A whole number from min to max. */
bool value_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/* "500ms", "2s", "1m", "1h", "7d", "1w", "10us", and 0. False: not a time. */
bool value_duration(const char *text, uint64_t *ns);

/* "headers", "full" or a number of payload bytes; as tracker_config has it. */
bool value_capture(const char *text, uint32_t *payload_bytes);

/* "server", "client", "both"; enum view. */
bool value_view(const char *text, uint8_t *views);

/* The words with a blank between each two, in memory of its own; NULL: there is no memory. */
char *words_join(const char *const words[], size_t count);

/* "1,234,567" */
#define NUMBER_TEXT_MAX 32
const char *number_text(uint64_t number, char out[NUMBER_TEXT_MAX]);

/* "1.5 MB", powers of 1000 */
const char *bytes_text(uint64_t bytes, char out[NUMBER_TEXT_MAX]);

#endif
