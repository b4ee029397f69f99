/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/folder.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void folder_make(char folder[FOLDER_MAX])
{
	const char *const top = getenv("TMPDIR");
	(void)snprintf(folder, FOLDER_MAX, "%s/lwgate-store-XXXXXX", top != NULL ? top : "/tmp");
	assert_non_null(mkdtemp(folder));
}

static int remove_one(const char *file, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(file);
}

void folder_remove(const char *folder)
{
	assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *folder_file(const char *folder, const char *name)
{
	static char names[2][2 * FOLDER_MAX];
	static unsigned turn;
	char *const out = names[turn++ % 2];
	(void)snprintf(out, sizeof(names[0]), "%s/%s", folder, name);
	return out;
}

long folder_size(const char *file)
{
	struct stat st;
	return stat(file, &st) == 0 ? (long)st.st_size : -1;
}

void folder_write(const char *file, const void *data, size_t len)
{
	FILE *const f = fopen(file, "wbe");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

uint8_t *folder_read(const char *file, size_t *len)
{
	const long size = folder_size(file);
	assert_true(size >= 0);
	uint8_t *const data = calloc(1, (size_t)(size > 0 ? size : 1));
	FILE *const f = fopen(file, "rbe");
	assert_non_null(f);
	assert_non_null(data);
	*len = fread(data, 1, (size_t)size, f);
	assert_int_equal(*len, size);
	assert_int_equal(fclose(f), 0);
	return data;
}
