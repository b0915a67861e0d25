/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/link_layer.h"

#include <stdio.h>
#include <string.h>

#include "capture/bytes.h"
#include "capture/frame.h"

#define ETHERTYPE_IPV4	   0x0800
#define ETHERTYPE_IPV6	   0x86dd
#define ETHERTYPE_VLAN	   0x8100 /* 802.1Q */
#define ETHERTYPE_QINQ	   0x88a8 /* 802.1ad */
#define ETHERTYPE_QINQ_OLD 0x9100 /* before 802.1ad */
#define ETHERTYPE_MIN	   0x0600 /* below: the length field of 802.3 */
#define VLAN_TAGS_MAX	   8

#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057

/* What stands behind an EtherType at `offset`: VLAN tags, LLC/SNAP, IP. */
static enum decode_result from_ethertype(const uint8_t *data, uint32_t caplen_bytes,
					 uint32_t offset, uint32_t *l3_offset)
{
	for (int tags = 0; tags <= VLAN_TAGS_MAX; tags++) {
		uint16_t type;

		if (offset + 2 > caplen_bytes)
			return DECODE_CUT;
		type = get_be16(data + offset);
		offset += 2;
		switch (type) {
		case ETHERTYPE_IPV4:
		case ETHERTYPE_IPV6:
			*l3_offset = offset;
			return DECODE_SEGMENT;
		case ETHERTYPE_VLAN:
		case ETHERTYPE_QINQ:
		case ETHERTYPE_QINQ_OLD:
			offset += 2; /* to the EtherType behind the tag */
			break;
		default:
			if (type >= ETHERTYPE_MIN)
				return DECODE_NOT_IP;
			/* 802.2 LLC with SNAP and OUI 0 holds an EtherType (RFC 1042) */
			if (offset + 8 > caplen_bytes)
				return DECODE_NOT_IP;
			if (data[offset] != 0xaa || data[offset + 1] != 0xaa ||
			    data[offset + 2] != 0x03 || data[offset + 3] || data[offset + 4] ||
			    data[offset + 5])
				return DECODE_NOT_IP;
			offset += 6;
			break;
		}
	}
	return DECODE_NOT_IP;
}

/* PPP in HDLC-like framing may have address and control in front, and a short protocol (RFC 1661). */
static enum decode_result from_ppp(const uint8_t *data, uint32_t caplen_bytes, uint32_t *l3_offset)
{
	uint32_t offset = 0;
	uint16_t protocol;

	if (caplen_bytes >= 2 && data[0] == 0xff && data[1] == 0x03)
		offset = 2;
	if (offset + 1 > caplen_bytes)
		return DECODE_CUT;
	protocol = data[offset++];
	if (!(protocol & 1)) {
		if (offset + 1 > caplen_bytes)
			return DECODE_CUT;
		protocol = (uint16_t)(protocol << 8 | data[offset++]);
	}
	*l3_offset = offset;
	return protocol == PPP_IPV4 || protocol == PPP_IPV6 ? DECODE_SEGMENT : DECODE_NOT_IP;
}

/* NULL has the family in the byte order of the capturing host, LOOP in network order. */
static enum decode_result from_loopback(const uint8_t *data, uint32_t caplen_bytes,
					uint32_t *l3_offset)
{
	uint32_t family;

	if (caplen_bytes < 4)
		return DECODE_CUT;
	family = get_be32(data);
	if (family >= 1u << 16)
		family = __builtin_bswap32(family);
	*l3_offset = 4;
	switch (family) {
	case 2:	 /* AF_INET everywhere */
	case 10: /* AF_INET6 of Linux, */
	case 24: /* NetBSD and OpenBSD, */
	case 28: /* FreeBSD, */
	case 30: /* Darwin */
		return DECODE_SEGMENT;
	default:
		return DECODE_NOT_IP;
	}
}

enum decode_result link_layer_find_ip(uint16_t linktype, const uint8_t *data, uint32_t caplen_bytes,
				      uint32_t *l3_offset)
{
	switch (linktype) {
	case LINKTYPE_ETHERNET:
		return from_ethertype(data, caplen_bytes, 12, l3_offset);
	case LINKTYPE_LINUX_SLL:
		return from_ethertype(data, caplen_bytes, 14, l3_offset);
	case LINKTYPE_LINUX_SLL2: {
		enum decode_result result = from_ethertype(data, caplen_bytes, 0, l3_offset);

		/* The protocol comes first, 18 more bytes of the header follow. */
		if (result == DECODE_SEGMENT)
			*l3_offset += 18;
		return result == DECODE_SEGMENT && *l3_offset > caplen_bytes ? DECODE_CUT : result;
	}
	case LINKTYPE_RAW:
	case LINKTYPE_IPV4:
	case LINKTYPE_IPV6:
		*l3_offset = 0;
		return DECODE_SEGMENT;
	case LINKTYPE_NULL:
	case LINKTYPE_LOOP:
		return from_loopback(data, caplen_bytes, l3_offset);
	case LINKTYPE_PPP:
	case LINKTYPE_PPP_HDLC:
		return from_ppp(data, caplen_bytes, l3_offset);
	default:
		return DECODE_LINKTYPE_UNKNOWN;
	}
}

static bool is_vlan_tag(uint16_t ethertype)
{
	return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ ||
	       ethertype == ETHERTYPE_QINQ_OLD;
}

void link_layer_vlan(uint16_t linktype, const uint8_t *data, uint32_t l3_offset, char out[16])
{
	/* Where the EtherType stands that may be a tag's. */
	uint32_t offset = linktype == LINKTYPE_ETHERNET	   ? 12
			  : linktype == LINKTYPE_LINUX_SLL ? 14
							   : l3_offset;
	uint16_t tags[2];
	int count = 0;

	for (; count < 2 && offset + 6 <= l3_offset && is_vlan_tag(get_be16(data + offset));
	     offset += 4)
		tags[count++] = get_be16(data + offset + 2) & 0x0fff;
	if (count == 0)
		strcpy(out, "none");
	else if (count == 1)
		snprintf(out, 16, "%u", tags[0]);
	else
		snprintf(out, 16, "%u.%u", tags[0], tags[1]);
}
