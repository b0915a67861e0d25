/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/reframe.h"

#include <string.h>

#include "capture/frame.h"

static void put_ethertype(uint8_t *out, uint8_t ip_version)
{
	out[0] = ip_version == 4 ? 0x08 : 0x86;
	out[1] = ip_version == 4 ? 0x00 : 0xdd;
}

uint32_t reframe_header(uint16_t linktype, uint8_t ip_version, uint8_t out[REFRAME_MAX])
{
	memset(out, 0, REFRAME_MAX);
	switch (linktype) {
	case LINKTYPE_ETHERNET:
		put_ethertype(out + 12, ip_version);
		return 14;
	case LINKTYPE_LINUX_SLL:
		out[3] = 1; /* ARPHRD_ETHER, without an address */
		put_ethertype(out + 14, ip_version);
		return 16;
	case LINKTYPE_LINUX_SLL2:
		put_ethertype(out, ip_version);
		out[9] = 1;
		return 20;
	case LINKTYPE_NULL: /* of either byte order, readers find out: this is little endian */
		out[0] = ip_version == 4 ? 2 : 28;
		return 4;
	case LINKTYPE_LOOP: /* the same in network order */
		out[3] = ip_version == 4 ? 2 : 28;
		return 4;
	case LINKTYPE_PPP:
		out[1] = ip_version == 4 ? 0x21 : 0x57;
		return 2;
	case LINKTYPE_PPP_HDLC:
		out[0] = 0xff;
		out[1] = 0x03;
		out[3] = ip_version == 4 ? 0x21 : 0x57;
		return 4;
	default:
		return 0;
	}
}
