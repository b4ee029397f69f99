/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/cred_build.h"
#include "conf/credentials.h"

/* A random key of this test; nobody else's. */
static const char one[] = "credentials = ( { endpoint = \"ep-a\"; identity = \"dev-a\"; "
			  "key = \"8f1d2c6be0a94f7735d8c1be90e4537a\"; } );";

struct files {
	char folder[32], credentials[64], master[64];
};

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int make_files(void **state)
{
	struct files *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/lwgate-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	(void)snprintf(f->credentials, sizeof(f->credentials), "%s/c", f->folder);
	(void)snprintf(f->master, sizeof(f->master), "%s/m", f->folder);
	put(f->credentials, one, 0640);
	put(f->master, "0b4e913cd762a815f32a7dc0589e04b6\ne1378c49fa601dd285732ebb960f54c9\n",
		0600);
	*state = f;
	return 0;
}

static int remove_files(void **state)
{
	struct files *f = *state;
	(void)unlink(f->credentials);
	(void)unlink(f->master);
	(void)rmdir(f->folder);
	free(f);
	return 0;
}

static void test_files_that_others_can_read_are_refused(void **state)
{
	const struct files *f = *state;
	struct conf_error e = { 0 };
	char expect[256];
	struct cred_set *s = cred_load(f->credentials, f->master, &e);
	assert_non_null(s);
	cred_free(s);
	assert_int_equal(chmod(f->credentials, 0644), 0);
	assert_null(cred_load(f->credentials, f->master, &e));
	(void)snprintf(expect, sizeof(expect),
		"%s: mode 0644 lets others at the keys in it; run: chmod 0640 %s", f->credentials,
		f->credentials);
	assert_string_equal(e.text, expect);
	assert_int_equal(chmod(f->credentials, 0660), 0);
	assert_null(cred_load(f->credentials, f->master, &e));
	assert_int_equal(chmod(f->credentials, 0600), 0);
	assert_int_equal(chmod(f->master, 0604), 0);
	assert_null(cred_load(f->credentials, f->master, &e));
	assert_non_null(strstr(e.text, "/m: mode 0604"));
}

static void test_files_of_other_users_are_refused(void **state)
{
	const struct files *f = *state;
	struct conf_error e = { 0 };
	if (geteuid() != 0)
		skip(); /* only root can give a file away */
	assert_int_equal(chown(f->credentials, 12345, (gid_t)-1), 0);
	assert_null(cred_load(f->credentials, f->master, &e));
	assert_non_null(strstr(e.text,
		"belongs to user 12345, who is neither root nor the gateway; run: chown root"));
}

static void test_master_secret_must_be_long_random_hex(void **state)
{
	const struct files *f = *state;
	struct conf_error e = { 0 };
	static const struct {
		const char *text, *error;
	} rows[] = { { "0b4e913cd762a815f32a7dc0589e04b6e1378c49fa601dd285732ebb960f54",
			     "holds 31 octets" },
		{ "", "holds 0 octets" },
		{ "0b4e913cd762a815f32a7dc0589e04b6e1378c49fa601dd285732ebb960f54cx",
			"is not hexadecimal" },
		{ "0000000000000000000000000000000000000000000000000000000000000000",
			"repeats a pattern" } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		put(f->master, rows[i].text, 0600);
		assert_null(cred_load(f->credentials, f->master, &e));
		assert_non_null(strstr(e.text, rows[i].error));
		assert_null(strstr(e.text, "0b4e"));
	}
	assert_null(cred_load(f->credentials, "/nonexistent/m", &e));
	assert_non_null(strstr(e.text, "/nonexistent/m: cannot be opened"));
}

static void test_a_NUL_in_the_file_is_refused(void **state)
{
	const struct files *f = *state;
	struct conf_error e = { 0 };
	FILE *file = fopen(f->credentials, "a");
	assert_non_null(file);
	assert_int_equal(fputc('\0', file), 0);
	assert_int_equal(fclose(file), 0);
	assert_null(cred_load(f->credentials, f->master, &e));
	assert_non_null(strstr(e.text, "holds a NUL byte"));
}

/* Where the store says who may come in, the master secret is still ours to know. */
static void test_without_a_file_there_is_the_master_secret_and_nobody(void **state)
{
	const struct files *f = *state;
	struct conf_error e = { 0 };
	uint8_t key[16], other[16];
	uint32_t n = 0;
	struct cred_set *s = cred_load(NULL, f->master, &e);
	assert_non_null(s);
	assert_int_equal(cred_count(s), 0);
	assert_true(cred_has_master(s));
	assert_false(cred_by_identity(s, CRED_PSK, (const uint8_t *)"dev-a", 5, &n));
	assert_false(cred_by_key(s, (const uint8_t *)"dev-a", 5, &n));
	/* As the man page says. */
	assert_true(cred_derived(s, "urn:dev:1", key));
	assert_memory_equal(
		key, "\x2f\x4d\xe8\x55\x3d\xa9\x85\xfe\xd9\xb3\xec\x19\x39\x41\x96\x24", 16);
	assert_true(cred_derived(s, "urn:dev:2", other));
	assert_memory_not_equal(key, other, 16);
	cred_free(s);
	s = cred_load(NULL, NULL, &e);
	assert_non_null(s);
	assert_false(cred_has_master(s));
	assert_false(cred_derived(s, "urn:dev:1", key));
	assert_memory_equal(key, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	cred_free(s);
}

/* lwgatectl does not know whether the gateway has a master secret. */
static void test_to_import_a_file_no_master_secret_is_needed(void **state)
{
	const struct files *f = *state;
	struct conf_error e = { 0 };
	struct cred_key k;
	uint32_t n = 1;
	assert_null(cred_load(f->credentials, NULL, &e));
	assert_non_null(strstr(e.text, "has no upstream_key"));
	struct cred_set *s = cred_load_import(f->credentials, &e);
	assert_non_null(s);
	assert_int_equal(cred_count(s), 1);
	assert_int_equal(cred_line(s, 0), 1);
	assert_true(cred_derives(s, 0));
	cred_device_key(s, 0, &k);
	assert_true(cred_by_key(s, k.key, k.key_len, &n));
	assert_int_equal(n, 0);
	assert_true(cred_by_upstream_identity(s, (const uint8_t *)"ep-a", 4, &n));
	assert_false(cred_upstream_key(s, 0, &k)); /* which is not known here */
	cred_free(s);
	assert_int_equal(chmod(f->credentials, 0644), 0);
	assert_null(cred_load_import(f->credentials, &e));
}

/* It grows as it must, and what was in it is found again. */
static void test_R022_thousands_from_octets(void **state)
{
	enum { MANY = 3000 };
	struct conf_error e = { 0 };
	struct cred_build b;
	char name[24];
	uint8_t key[16] = { 0x8f, 0x1d, 0x2c, 0x6b, 0xe0, 0xa9, 0x4f, 0x77, 0x35, 0xd8 };
	(void)state;
	assert_true(cred_build_begin(&b, "N", NULL, 0, true));
	for (uint32_t i = 0; i <= MANY; i++) {
		const uint32_t number =
			i == MANY ? 17 : i; /* the last one has the key of another */
		(void)snprintf(name, sizeof(name), "device-%u", i);
		memcpy(key + 12, &number, sizeof(number));
		const struct cred_octets text = { .at = name, .len = strlen(name), .line = i + 1 };
		const struct cred_draft d = { .line = i + 1,
			.parts = { [CRED_ENDPOINT] = text,
				[CRED_IDENTITY] = text,
				[CRED_KEY] = { .at = key, .len = 16, .line = i + 1 } } };
		assert_true(cred_build_add(&b, &d, &e));
	}
	assert_null(cred_build_end(&b, &e));
	assert_string_equal(e.text, "N:3001: the key is also in the entry at line 18; each device "
				    "needs its own (RFC 7925)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_without_a_file_there_is_the_master_secret_and_nobody, make_files,
			remove_files),
		cmocka_unit_test_setup_teardown(
			test_to_import_a_file_no_master_secret_is_needed, make_files, remove_files),
		cmocka_unit_test(test_R022_thousands_from_octets),
		cmocka_unit_test_setup_teardown(
			test_files_that_others_can_read_are_refused, make_files, remove_files),
		cmocka_unit_test_setup_teardown(
			test_files_of_other_users_are_refused, make_files, remove_files),
		cmocka_unit_test_setup_teardown(
			test_master_secret_must_be_long_random_hex, make_files, remove_files),
		cmocka_unit_test_setup_teardown(
			test_a_NUL_in_the_file_is_refused, make_files, remove_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
