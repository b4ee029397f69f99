/* SPDX-License-Identifier: Apache-2.0 */
/* Fresh keys for a smartcard, and the file that brings them there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/config.h"
#include "gateway/sms_keys_card.h"
#include "gateway/sms_keys_run.h"
#include "sms/efbootstrap.h"

enum { FILE_LEN = 200, T0 = 1000000, LIFE_S = 600, BOTH = 32 };

static const uint8_t ef_path[] = { 0x7f, 0xff, 0x64, 0x32 };

struct desk {
	struct gw_card_file file;
	struct store_cred cred;
	struct keyset now;
	struct gw_keys_settings settings;
	struct keyset_keys keys;
	struct keyset_news news;
	uint8_t blob[KEYSET_BLOB_MAX];
};

/* What an operator has put there: an account whose keys are nothing. */
static size_t personalised(uint8_t out[CARD_FILE_MAX])
{
	const struct ef_new fresh = { .uri = "coap://lwm2m.example", .short_id = 101 };
	struct ef_account a = { .mode = 2, .params_len = 7, .key_len = BOTH, .number = "4040" };
	uint8_t erased[FILE_LEN];
	const char *why = "";
	memset(erased, 0xff, sizeof(erased));
	memcpy(a.params, "\x12\x12\x16\x00\xbf\xff\x01", 7);
	memset(a.key, 0x11, BOTH);
	const size_t len = ef_write(erased, sizeof(erased), &a, &fresh, out, CARD_FILE_MAX, &why);
	assert_int_equal(len, FILE_LEN);
	return len;
}

static int set_up(void **state)
{
	struct desk *const d = calloc(1, sizeof(*d));
	assert_non_null(d);
	d->file.len = personalised(d->file.octets);
	d->cred = (struct store_cred){ .number = 7,
		.state = STORE_CRED_ACTIVE,
		.kind = STORE_CRED_SMS,
		.sms = { .profile = STORE_SMS_CR_004,
			.kic = 0x22,
			.kid = 0x32,
			.tar = { 0xbf, 0xff, 0x07 },
			.cc_len = 8,
			.renew = { .how = STORE_RENEW_SMARTCARD,
				.ota = { .spi2 = 0x39,
					.kic = 0x12,
					.kid = 0x12,
					.cc_len = 8,
					.tar = { 0xb0, 0x00, 0x10 },
					.key_len = BOTH,
					.path_len = sizeof(ef_path) } } } };
	for (size_t i = 0; i < BOTH; i++)
		d->cred.sms.renew.ota.key[i] = (uint8_t)i;
	memcpy(d->cred.sms.renew.ota.path, ef_path, sizeof(ef_path));
	d->settings.rules.retry_ms = 60000;
	d->settings.rules.most_ms = 3600000;
	d->settings.rules.tries = 4;
	*state = d;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static enum keyset_event make(struct desk *d, uint32_t lifetime_s)
{
	const struct gw_card_wish w = { .cred = &d->cred,
		.now = &d->now,
		.file = &d->file,
		.number = "4040",
		.lifetime_s = lifetime_s,
		.now_ms = T0,
		.settings = &d->settings };
	return gw_keys_card_make(&w, &d->keys, d->blob, &d->news);
}

static void test_the_account_gets_them_and_the_rest_stays(void **state)
{
	struct desk *const d = *state;
	struct card_state s;
	struct ef_account a, was;
	struct ef_bootstrap e;
	const char *why;
	assert_int_equal(make(d, LIFE_S), KEYSET_OBTAINED);
	assert_ptr_equal(d->news.keys, &d->keys);
	assert_ptr_equal(d->news.blob, d->blob);
	assert_int_equal(d->keys.origin, KEYSET_SMARTCARD);
	assert_int_equal(d->keys.until_ms, T0 + (uint64_t)LIFE_S * 1000);
	assert_true(card_load(d->blob, d->news.blob_len, &s));
	assert_true(s.phase == CARD_TO_SEND && s.len == FILE_LEN);
	assert_true(ef_account(s.content, s.len, "4040", &a, &why));
	assert_int_equal(a.key_len, BOTH);
	assert_memory_equal(a.key, d->keys.agreed.key, BOTH);
	assert_memory_equal(a.params, "\x22\x32\x16\x00\xbf\xff\x07", 7);
	/* As the device will have them, it is what is agreed. */
	struct sms_agreed says = d->keys.agreed;
	assert_true(sms_agreed_from_resource_7(a.params, a.params_len, &says));
	assert_memory_equal(&says, &d->keys.agreed, sizeof(says));
	assert_true(ef_account(d->file.octets, d->file.len, "4040", &was, &why));
	assert_true(was.mode == a.mode && was.instance == a.instance);
	assert_true(ef_read(s.content, s.len, &e) && e.used <= s.len);
}

static void test_each_has_others(void **state)
{
	struct desk *const d = *state;
	uint8_t before[BOTH];
	assert_int_equal(make(d, 0), KEYSET_OBTAINED);
	assert_int_equal(d->keys.until_ms, T0 + (uint64_t)86400 * 1000);
	assert_memory_not_equal(d->keys.agreed.key, d->keys.agreed.key + BOTH / 2, BOTH / 2);
	memcpy(before, d->keys.agreed.key, BOTH);
	assert_int_equal(make(d, 0), KEYSET_OBTAINED);
	assert_memory_not_equal(d->keys.agreed.key, before, BOTH / 2);
	assert_memory_not_equal(d->keys.agreed.key + BOTH / 2, before + BOTH / 2, BOTH / 2);
}

/* Of a card that is known to have the one before, only what differs is written. */
static void test_what_a_card_has_is_not_written_again(void **state)
{
	struct desk *const d = *state;
	struct card_state s;
	assert_int_equal(make(d, LIFE_S), KEYSET_OBTAINED);
	assert_true(card_load(d->blob, d->news.blob_len, &s));
	const unsigned all = s.to - s.from;
	s.phase = CARD_HAS_IT;
	d->now.blob_len = (uint16_t)card_save(&s, d->now.blob, sizeof(d->now.blob));
	assert_int_equal(make(d, LIFE_S), KEYSET_OBTAINED);
	assert_true(card_load(d->blob, d->news.blob_len, &s));
	assert_int_equal(s.to - s.from, all); /* it was not proved */
	s.phase = CARD_HAS_IT;
	s.proved = true;
	d->now.blob_len = (uint16_t)card_save(&s, d->now.blob, sizeof(d->now.blob));
	assert_int_equal(make(d, LIFE_S), KEYSET_OBTAINED);
	assert_true(card_load(d->blob, d->news.blob_len, &s));
	assert_true(s.to - s.from <= BOTH && s.to > s.from);
}

static void test_what_cannot_be_is_named(void **state)
{
	struct desk *const d = *state;
	d->file.len = 0;
	assert_int_equal(make(d, LIFE_S), KEYSET_REFUSED);
	assert_string_equal(d->news.cause, "no-card-file");
	assert_null(d->news.keys);
	d->file.len = personalised(d->file.octets);
	d->cred.sms.renew.ota.path_len = 3; /* half a file id */
	assert_int_equal(make(d, LIFE_S), KEYSET_REFUSED);
	assert_string_equal(d->news.cause, "card-file-or-ota");
	d->cred.sms.renew.ota.path_len = sizeof(ef_path);
	d->cred.sms.kic = 0x21; /* single DES */
	assert_int_equal(make(d, LIFE_S), KEYSET_REFUSED);
	assert_string_equal(d->news.cause, "no-random-keys");
}

static void write_to(const char *path, const void *octets, size_t len)
{
	FILE *const f = fopen(path, "wbe");
	assert_non_null(f);
	assert_int_equal(fwrite(octets, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void test_the_operators_file(void **state)
{
	struct desk *const d = *state;
	struct conf_error error;
	char path[] = "/tmp/lwgate-card-XXXXXX";
	static uint8_t too_long[CARD_FILE_MAX + 1];
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_true(gw_card_file_read(NULL, NULL, &d->file, &error));
	assert_int_equal(d->file.len, 0);
	assert_false(gw_card_file_read("/nowhere/card", NULL, &d->file, &error));
	assert_non_null(strstr(error.text, "sms_keys.card_file: /nowhere/card: "));
	assert_false(gw_card_file_read(path, NULL, &d->file, &error)); /* it is empty */
	assert_non_null(strstr(error.text, "empty"));
	uint8_t octets[CARD_FILE_MAX];
	const size_t len = personalised(octets);
	write_to(path, octets, len);
	assert_true(gw_card_file_read(path, "4040", &d->file, &error));
	assert_int_equal(d->file.len, len);
	assert_memory_equal(d->file.octets, octets, len);
	memset(too_long, 0xff, sizeof(too_long));
	memcpy(too_long, octets, len);
	write_to(path, too_long, CARD_FILE_MAX);
	assert_true(gw_card_file_read(path, NULL, &d->file, &error));
	write_to(path, too_long, sizeof(too_long));
	assert_false(gw_card_file_read(path, NULL, &d->file, &error));
	write_to(path, "no file of a card", 17);
	assert_false(gw_card_file_read(path, NULL, &d->file, &error));
	assert_non_null(strstr(error.text, path));
	(void)unlink(path);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_the_account_gets_them_and_the_rest_stays),
		EACH(test_each_has_others),
		EACH(test_what_a_card_has_is_not_written_again),
		EACH(test_what_cannot_be_is_named),
		EACH(test_the_operators_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
