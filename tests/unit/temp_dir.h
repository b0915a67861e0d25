/* SPDX-License-Identifier: BSD-2-Clause */
/* temp_dir.h - a folder for the files of one test program, as cmocka's group setup and teardown. */
#ifndef BBTAP_TESTS_TEMP_DIR_H
#define BBTAP_TESTS_TEMP_DIR_H

#include <stdio.h>
#include <stdlib.h>

static char dir[] = "/tmp/bbtap-test-XXXXXX";

static inline int temp_dir_make(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static inline int temp_dir_remove(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

#endif
