/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/iface_table.h"

#include <stdio.h>
#include <string.h>

uint16_t iface_table_add(struct iface_table *table, const char *name, uint16_t linktype)
{
	char cut[IFACE_NAME_MAX];
	struct iface *slot;

	snprintf(cut, sizeof(cut), "%s", name);
	for (uint32_t i = 0; i < table->count; i++)
		if (table->entries[i].linktype == linktype &&
		    strcmp(table->entries[i].name, cut) == 0)
			return (uint16_t)i;
	if (table->count == IFACE_TABLE_MAX) {
		table->overflowed++;
		return IFACE_TABLE_MAX - 1;
	}
	slot = &table->entries[table->count];
	memcpy(slot->name, cut, sizeof(cut));
	slot->linktype = linktype;
	return (uint16_t)table->count++;
}
