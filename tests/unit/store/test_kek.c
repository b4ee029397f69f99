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

#include "base/attr.h"
#include "store/kek.h"
#include "unit/store/folder.h"

static const char digits[] = "00112233445566778899aAbBcCdDeEfF00112233445566778899aabbccddeeff";

struct world {
	char folder[FOLDER_MAX];
	char file[2 * FOLDER_MAX];
	struct kek_source source;
	struct kek kek;
	struct store_error error;
};

static int begin(void **state)
{
	struct world *const w = calloc(1, sizeof(*w));
	assert_non_null(w);
	folder_make(w->folder);
	(void)snprintf(w->file, sizeof(w->file), "%s/kek", w->folder);
	w->source = (struct kek_source){ .kind = KEK_FILE, .name = w->file };
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *const w = *state;
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	folder_remove(w->folder);
	free(w);
	return 0;
}

static void give(struct world *w, const void *data, size_t len, mode_t mode)
{
	folder_write(w->file, data, len);
	assert_int_equal(chmod(w->file, mode), 0);
}

static void assert_reads(struct world *w)
{
	w->error.text[0] = '\0';
	const bool good = kek_read(&w->source, &w->kek, &w->error);
	assert_string_equal(w->error.text, "");
	assert_true(good);
	assert_int_equal(w->kek.key[0], 0x00);
	assert_int_equal(w->kek.key[10], 0xaa);
	assert_int_equal(w->kek.key[31], 0xff);
}

static void assert_refuses(struct world *w, const char *because)
{
	static const struct kek nothing;
	w->error.text[0] = '\0';
	memset(&w->kek, 0x5a, sizeof(w->kek));
	assert_false(kek_read(&w->source, &w->kek, &w->error));
	assert_memory_equal(&w->kek, &nothing, sizeof(nothing));
	if (strstr(w->error.text, because) == NULL)
		fail_msg("'%s' lacks '%s'", w->error.text, because);
	assert_null(strstr(w->error.text, "0011"));
}

static void test_a_file_holds_32_octets_or_64_digits(void **state)
{
	struct world *const w = *state;
	char text[80];
	uint8_t raw[KEK_LEN];
	static const char *const ends[] = { "", "\n", "\r\n" };
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		const int len = snprintf(text, sizeof(text), "%s%s", digits, ends[i]);
		give(w, text, (size_t)len, 0600);
		assert_reads(w);
	}
	memcpy(raw, w->kek.key, sizeof(raw));
	give(w, raw, sizeof(raw), 0400);
	assert_reads(w);
}

static void test_what_is_no_key_is_refused(void **state)
{
	struct world *const w = *state;
	static const char *const wrong[] = { "", "x", "0011", "00112233445566778899aabbccddeeff0" };
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		give(w, wrong[i], strlen(wrong[i]), 0600);
		assert_refuses(w, "is no key");
	}
	char text[2000];
	memset(text, 'a', sizeof(text));
	memmove(text, digits, sizeof(digits) - 1);
	give(w, text, 65, 0600);
	assert_refuses(w, "is no key");
	give(w, text, 63, 0600);
	assert_refuses(w, "is no key");
	give(w, text, sizeof(text), 0600);
	assert_refuses(w, "is too long");
	text[17] = 'g';
	give(w, text, 64, 0600);
	assert_refuses(w, "is no key");
	memset(text, 0, 64);
	give(w, text, 32, 0600);
	assert_refuses(w, "repeats one octet");
	memset(text, '0', 64);
	give(w, text, 64, 0600);
	assert_refuses(w, "repeats one octet");
}

static void test_R191_others_may_not_read_it(void **state)
{
	struct world *const w = *state;
	static const mode_t bad[] = { 0604, 0602, 0620, 0610, 0601, 0644 };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		give(w, digits, 64, bad[i]);
		assert_refuses(w, "chmod 0600");
	}
	give(w, digits, 64, 0640); /* root and the gateway's group */
	assert_reads(w);
}

static void test_a_missing_file_is_never_made_up(void **state)
{
	struct world *const w = *state;
	assert_false(kek_exists(&w->source));
	assert_refuses(w, "No such file");
	assert_int_equal(access(w->file, F_OK), -1);
	assert_int_equal(mkdir(w->file, 0700), 0);
	assert_refuses(w, "is no regular file");
	w->source.name = "";
	assert_refuses(w, "no file is named");
	w->source.name = NULL;
	assert_refuses(w, "no file is named");
}

static void test_R191_it_may_not_lie_in_the_store(void **state)
{
	struct world *const w = *state;
	give(w, digits, 64, 0600);
	w->source.store_dir = w->folder;
	assert_refuses(w, "lies in the store's folder");
	char beside[FOLDER_MAX + 8];
	(void)snprintf(beside, sizeof(beside), "%s/ke", w->folder); /* begins alike */
	assert_int_equal(mkdir(beside, 0700), 0);
	w->source.store_dir = beside;
	assert_reads(w);
	/* A link out of the folder does not hide where it lies. */
	char link[FOLDER_MAX + 8];
	(void)snprintf(link, sizeof(link), "%s/ke/link", w->folder);
	assert_int_equal(symlink(w->file, link), 0);
	w->source.name = link;
	w->source.store_dir = w->folder;
	assert_refuses(w, "lies in the store's folder");
	w->source.name = w->file;
	assert_int_equal(unlink(w->file), 0);
	assert_false(kek_make(&w->source, &w->kek, &w->error));
	assert_non_null(strstr(w->error.text, "lies in the store's folder"));
	assert_int_equal(access(w->file, F_OK), -1);
}

static void test_one_that_is_made_is_random_and_kept(void **state)
{
	struct world *const w = *state;
	struct kek first, second;
	assert_true(kek_make(&w->source, &first, &w->error));
	assert_true(kek_exists(&w->source));
	struct stat st;
	assert_int_equal(stat(w->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(kek_read(&w->source, &second, &w->error));
	assert_memory_equal(&first, &second, sizeof(first));
	assert_false(kek_make(&w->source, &second, &w->error));
	assert_non_null(strstr(w->error.text, "is there already"));
	assert_true(kek_read(&w->source, &second, &w->error));
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_equal(unlink(w->file), 0);
	assert_true(kek_make(&w->source, &second, &w->error));
	assert_memory_not_equal(&first, &second, sizeof(first));
}

static void test_a_systemd_credential_is_read_from_its_folder(void **state)
{
	struct world *const w = *state;
	give(w, digits, 64, 0440);
	w->source = (struct kek_source){ .kind = KEK_SYSTEMD, .name = "kek" };
	assert_refuses(w, "CREDENTIALS_DIRECTORY");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", w->folder, 1), 0);
	assert_true(kek_exists(&w->source));
	assert_reads(w);
	w->source.name = "../kek";
	assert_refuses(w, "without a slash");
	w->source.name = "missing";
	assert_refuses(w, "No such file");
	assert_false(kek_make(&w->source, &w->kek, &w->error));
	assert_non_null(strstr(w->error.text, "systemd-creds encrypt --name=missing"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_a_file_holds_32_octets_or_64_digits),
		TEST(test_what_is_no_key_is_refused),
		TEST(test_R191_others_may_not_read_it),
		TEST(test_a_missing_file_is_never_made_up),
		TEST(test_R191_it_may_not_lie_in_the_store),
		TEST(test_one_that_is_made_is_random_and_kept),
		TEST(test_a_systemd_credential_is_read_from_its_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
