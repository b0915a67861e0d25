/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpstate/log_mode.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct mode_words {
	const char *name, *reason, *id_reason;
};

static const struct mode_words words[] = {
	[LOG_OFF] = { "off", NULL, NULL },
	[LOG_TAIL] = { "tail", NULL, NULL },
	[LOG_HEAD] = { "head", NULL, NULL },
	[LOG_HEAD_AUTO] = { "head-auto", "auto-dumped from head",
			    "auto-dumped from head at id switch" },
	[LOG_CONTINUAL] = { "continual", "auto-dumped from continual",
			    "auto-dumped from continual at id switch" },
	[LOG_TAIL_AUTO] = { "tail-auto", "auto-dumped from tail",
			    "auto-dumped from tail at id switch" },
};

#define MODE_COUNT ((int)(sizeof(words) / sizeof(words[0])))

const char *log_mode_name(int mode)
{
	if (mode == LOG_CLEAR)
		return "clear";
	return mode >= 0 && mode < MODE_COUNT ? words[mode].name : "?";
}

bool log_mode_parse(const char *text, int8_t *mode)
{
	for (int i = LOG_CLEAR; i < MODE_COUNT; i++) {
		char number[4];

		snprintf(number, sizeof(number), "%d", i);
		if (strcmp(text, log_mode_name(i)) != 0 && strcmp(text, number) != 0)
			continue;
		*mode = (int8_t)i;
		return true;
	}
	return false;
}

const char *log_mode_reason(int mode)
{
	return mode >= 0 && mode < MODE_COUNT ? words[mode].reason : NULL;
}

const char *log_mode_id_reason(int mode)
{
	return mode >= 0 && mode < MODE_COUNT ? words[mode].id_reason : NULL;
}
