/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter_terms.h - what a libpcap filter demands of addresses and ports, as far as its text tells at once: for the
 * indexes of the catalogue. Only what each packet that passes must meet; what is not understood demands nothing.
 */
#ifndef BBTAP_STORE_FILTER_TERMS_H
#define BBTAP_STORE_FILTER_TERMS_H

#include "store/query.h"

/* The terms of an expression that filter_compile() takes. */
void filter_terms(const char *expression, struct query_terms *out);

#endif
