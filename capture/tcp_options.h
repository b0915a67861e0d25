/* SPDX-License-Identifier: BSD-2-Clause */
/* tcp_options.h - the option list of a TCP header (RFC 9293 3.1). */
#ifndef BBTAP_CAPTURE_TCP_OPTIONS_H
#define BBTAP_CAPTURE_TCP_OPTIONS_H

#include <stdint.h>

#include "capture/segment.h"

/*
 * Parses the option list of length_bytes, of which captured_bytes are at `list`. Never reads behind
 * them. An option with a wrong length ends the parse, as hosts do it; what came before counts.
 */
void tcp_options_parse(const uint8_t *list, uint32_t length_bytes, uint32_t captured_bytes,
		       struct tcp_options *out);

#endif
