/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a device bootstraps from. The input is an octet that says which keys are put into it,
 * and the file.
 *
 * What must hold: objects lie within the file; what is written can be read and has the keys;
 * written again it is the same; nothing is written beyond the room.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms/efbootstrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 2048, ROOM = MOST + 1024 };

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_efbootstrap: %s\n", what);
	abort();
}

static void read_it(const uint8_t *file, size_t len)
{
	struct ef_bootstrap f;
	const bool good = ef_read(file, len, &f);
	must(good || (f.len == 0 && f.used == 0), "nothing of a refused one");
	must(f.used <= len && f.len <= EF_OBJECTS, "bounded");
	for (size_t i = 0; i < f.len; i++) {
		const struct ef_object *const o = &f.objects[i];
		must(o->instances >= file && o->len <= len &&
				(size_t)(o->instances - file) <= len - o->len,
			"within the file");
	}
}

static struct ef_account keys(uint8_t how)
{
	static const uint8_t lengths[] = { 32, 48, 64 };
	struct ef_account a = { .mode = how & 1 ? 2 : 204,
		.params_len = how & 2 ? 6 : 7,
		.key_len = lengths[how % 3] };
	memset(a.params, how, sizeof(a.params));
	memset(a.key, how ^ 0xa5, sizeof(a.key));
	if (how & 4)
		memcpy(a.number, "49151", 5);
	return a;
}

static void write_it(uint8_t how, const uint8_t *file, size_t len)
{
	static const struct ef_new fresh = { "sms:+49151", 101 };
	static uint8_t first[ROOM], second[ROOM];
	const struct ef_account a = keys(how);
	struct ef_account got;
	const char *why = NULL;
	const size_t n = ef_write(file, len, &a, &fresh, first, sizeof(first), &why);
	if (n == 0) {
		must(why != NULL, "why");
		return;
	}
	must(n >= len, "as long as it was, at least");
	read_it(first, n);
	/* Which account is meant may be another by the keys that it has now, but for its number. */
	if (!ef_account(first, n, a.number, &got, &why)) {
		must(why != NULL, "why it is not found");
		return;
	}
	must(got.mode == a.mode && got.params_len == a.params_len && got.key_len == a.key_len &&
			memcmp(got.params, a.params, a.params_len) == 0 &&
			memcmp(got.key, a.key, a.key_len) == 0,
		"it has the keys");
	must(ef_write(first, n, &a, &fresh, second, sizeof(second), &why) == n &&
			memcmp(first, second, n) == 0,
		"and again");
	for (size_t cap = n > 16 ? n - 16 : 0; cap < n; cap++) {
		second[cap] = 0x5a;
		must(ef_write(file, len, &a, &fresh, second, cap, &why) <= cap &&
				second[cap] == 0x5a,
			"within the room");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > MOST)
		return 0;
	read_it(data + 1, size - 1);
	write_it(data[0], data + 1, size - 1);
	return 0;
}
