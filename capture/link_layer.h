/* SPDX-License-Identifier: BSD-2-Clause */
/* link_layer.h - where the IP packet begins in a frame of any link type that is known. */
#ifndef BBTAP_CAPTURE_LINK_LAYER_H
#define BBTAP_CAPTURE_LINK_LAYER_H

#include <stdint.h>

#include "capture/decode.h"

/*
 * Returns DECODE_SEGMENT if there is an IP header, of version 4 or 6 as the link layer says, at
 * *l3_offset <= caplen_bytes. Else DECODE_NOT_IP, DECODE_CUT or DECODE_LINKTYPE_UNKNOWN.
 */
enum decode_result link_layer_find_ip(uint16_t linktype, const uint8_t *data, uint32_t caplen_bytes,
				      uint32_t *l3_offset);

/*
 * The VLAN tags in front of the IP header at l3_offset: "100", "100.200" with the outer one first (the
 * first two), or "none". out: 16 bytes.
 */
void link_layer_vlan(uint16_t linktype, const uint8_t *data, uint32_t l3_offset, char out[16]);

#endif
