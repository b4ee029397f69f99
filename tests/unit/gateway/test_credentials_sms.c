/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials for short messages, as the credentials file and lwgatectl change them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/log.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "conf/hex.h"
#include "gateway/credentials_ops.h"
#include "store/store.h"

enum { CHANGES_MAX = 16 };

/* Random keys of this test; nobody else's. */
#define KEY_A "8f1d2c6be0a94f7735d8c1be90e4537a"
#define KEY_B "1b7ce94a03f85d62aa901fd64be73c58"
#define KEY_C "c6037ab9e15f4d28907be31ac45d6f82"

#define KEYS   KEY_A KEY_B
#define OTHERS KEY_B KEY_C
#define PSK    "{ endpoint = \"e\"; identity = \"i\"; key = \"" KEY_C "\"; }"
#define SMS(more, keys)                                                                            \
	"{ endpoint = \"e\"; sms = { number = \"49151\"; profile = \"cr-004\"; " more              \
	" }; key = \"" keys "\"; }"
#define FILE_OF(entries) "credentials = (" entries ");"

struct world {
	struct store *store;
	struct store_reader *reader;
	struct gw_credentials *ops;
	struct ctl_store_source source;
	struct log log;
	uint32_t changed[CHANGES_MAX];
	size_t changed_len;
	struct ctl_said said;
	struct conf_error error;
	struct ctl_cred shown;
	struct store_cred found;
};

static void changed(void *ctx, uint32_t number)
{
	struct world *w = ctx;
	assert_in_range(w->changed_len, 0, CHANGES_MAX - 1);
	w->changed[w->changed_len++] = number;
}

static int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct store_error error;
	assert_non_null(w);
	w->log = (struct log){
		.fd = memfd_create("log", MFD_CLOEXEC), .level = LOG_LEVEL_DEBUG, .name = "test"
	};
	const struct store_settings s = {
		.boot_ms = 1000, .wall_ms = UINT64_C(1790000000000), .log = &w->log
	};
	w->store = store_open(&s, &error);
	if (w->store == NULL)
		fail_msg("%s", error.text);
	const struct gw_credentials_settings set = {
		.store = w->store, .log = &w->log, .derives = true, .changed = changed, .ctx = w
	};
	w->ops = gw_credentials_new(&set);
	w->reader = store_reader_new(w->store);
	assert_true(w->ops != NULL && w->reader != NULL);
	w->source = gw_credentials_source(w->ops);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;
	store_reader_free(w->reader);
	gw_credentials_free(w->ops);
	store_close(w->store);
	(void)close(w->log.fd);
	free(w);
	return 0;
}

/* --- as the file says ------------------------------------------------------------------------- */

static void sync_file(struct world *w, const char *text)
{
	static const uint8_t master[32] = { 1, 2, 3 };
	struct cred_set *set = cred_parse(text, "F", master, sizeof(master), &w->error);
	if (set == NULL)
		fail_msg("%s", w->error.text);
	w->changed_len = 0;
	if (!gw_credentials_sync(w->ops, set, "F", &w->error))
		fail_msg("%s", w->error.text);
	cred_free(set);
}

/* --- as lwgatectl says ------------------------------------------------------------------------ */

static struct ctl_cred cred_of(const char *endpoint, const char *number, const char *key)
{
	struct ctl_cred c = { .has_keys = true, .kind = CTL_CRED_SMS };
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "%s", endpoint);
	c.sms = cred_sms_default(CRED_SMS_CR_004);
	c.identity_len = (uint8_t)strlen(number);
	memcpy(c.identity, number, c.identity_len);
	c.key_len = (uint8_t)(strlen(key) / 2);
	assert_true(conf_hex_read(key, strlen(key), c.key));
	return c;
}

static struct ctl_cred psk_of(const char *endpoint, const char *identity, const char *key)
{
	struct ctl_cred c = cred_of(endpoint, identity, key);
	c.kind = CTL_CRED_PSK;
	c.sms = (struct cred_sms){ 0 };
	return c;
}

static enum ctl_status add(struct world *w, const struct ctl_cred *c)
{
	w->changed_len = 0;
	return w->source.add(w->source.ctx, c, &w->said);
}

static enum ctl_status replace(struct world *w, const struct ctl_cred *c)
{
	w->changed_len = 0;
	return w->source.replace(w->source.ctx, c, &w->said);
}

static enum ctl_status end_cred(struct world *w, const char *endpoint, enum ctl_purpose purpose)
{
	return w->source.revoke(w->source.ctx, endpoint, purpose, &w->said);
}

static enum ctl_status show(struct world *w, const char *endpoint, enum ctl_purpose purpose)
{
	return w->source.show(w->source.ctx, endpoint, purpose, &w->shown, &w->said);
}

static void said(const struct world *w, const char *text)
{
	assert_string_equal(w->said.text, text);
}

/* The active ones: "psk sms". */
static const char *of(struct world *w, const char *endpoint)
{
	static const char *const words[] = { "psk", "key", "certificate", "nosec", "sms" };
	static char text[64];
	struct store_cred c;
	uint32_t number = 0;
	text[0] = '\0';
	store_reader_rest(w->reader);
	while (store_next_of_endpoint(w->reader, endpoint, &number, &c) == STORE_OK) {
		if (c.state != STORE_CRED_ACTIVE)
			continue;
		const size_t at = strlen(text);
		(void)snprintf(
			text + at, sizeof(text) - at, "%s%s", at > 0 ? " " : "", words[c.kind]);
	}
	return text;
}

static const struct store_cred *sms_now(struct world *w, const char *endpoint)
{
	store_reader_rest(w->reader);
	assert_int_equal(store_find_endpoint_sms(w->reader, endpoint, &w->found), STORE_OK);
	store_reader_rest(w->reader);
	return &w->found;
}

/* --- as the file says it ---------------------------------------------------------------------- */

static void test_a_file_has_it_beside_one_for_dtls(void **state)
{
	struct world *const w = *state;
	sync_file(w, FILE_OF(PSK "," SMS("", KEYS)));
	assert_string_equal(of(w, "e"), "psk sms");
	const struct store_cred *const c = sms_now(w, "e");
	const uint32_t number = c->number;
	const uint64_t generation = c->generation;
	assert_true(c->key_len == 32 && c->identity_len == 5 && c->sms.kic == 0x12);
	assert_true(
		c->sms.profile == STORE_SMS_CR_004 && c->sms.tar[0] == 0xbf && c->sms.cc_len == 8);
	sync_file(w, FILE_OF(PSK "," SMS("", KEYS)));
	assert_int_equal(w->changed_len, 0);
	assert_int_equal(sms_now(w, "e")->generation, generation);
	/* What was agreed is followed, the keys' number being the same. */
	sync_file(w, FILE_OF(PSK "," SMS("tar = \"BFFF01\";", KEYS)));
	assert_true(w->changed_len == 1 && w->changed[0] == number);
	assert_true(sms_now(w, "e")->sms.tar[2] == 1 && sms_now(w, "e")->number == number);
	sync_file(w, FILE_OF(SMS("tar = \"BFFF01\";", KEYS)));
	assert_string_equal(of(w, "e"), "sms");
	sync_file(w, FILE_OF(PSK));
	assert_string_equal(of(w, "e"), "psk");
}

static void test_R022_what_another_has_in_the_store_is_refused(void **state)
{
	struct world *const w = *state;
	struct ctl_cred c = cred_of("f", "49151", OTHERS);
	sync_file(w, FILE_OF(SMS("", KEYS)));
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "f: the number is also that of e in the store; each device needs its own (RFC "
		"7925)");
	c = cred_of("f", "49152", KEYS);
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "f: the key is also that of e in the store; each device needs its own (RFC 7925)");
	c = cred_of("f", "49152", KEY_A);
	assert_int_equal(add(w, &c), CTL_FAILED);
	assert_null(strstr(w->said.text, "8f1d"));
}

/* --- as lwgatectl says it --------------------------------------------------------------------- */

static void test_it_is_added_beside_others_and_named_by_its_kind(void **state)
{
	struct world *const w = *state;
	const struct ctl_cred psk = psk_of("e", "i", KEY_C), sms = cred_of("e", "49151", KEYS);
	assert_int_equal(add(w, &sms), CTL_DONE);
	assert_int_equal(show(w, "e", CTL_FOR_UNSAID), CTL_DONE); /* the only one */
	assert_int_equal(w->shown.kind, CTL_CRED_SMS);
	assert_true(!w->shown.has_keys && w->shown.key_len == 32 && w->shown.key[0] == 0);
	assert_int_equal(w->shown.sms.profile, CRED_SMS_CR_004);
	assert_int_equal(add(w, &psk), CTL_DONE);
	assert_string_equal(of(w, "e"), "sms psk");
	assert_int_equal(show(w, "e", CTL_FOR_UNSAID), CTL_DONE);
	assert_int_equal(w->shown.kind, CTL_CRED_PSK);
	assert_int_equal(show(w, "e", CTL_FOR_SMS), CTL_DONE);
	assert_int_equal(w->shown.kind, CTL_CRED_SMS);
	assert_int_equal(end_cred(w, "e", CTL_FOR_SMS), CTL_DONE);
	assert_string_equal(of(w, "e"), "psk");
	assert_int_equal(add(w, &sms), CTL_DONE);
	assert_int_equal(end_cred(w, "e", CTL_FOR_UNSAID), CTL_DONE);
	assert_string_equal(of(w, "e"), "sms");
	assert_int_equal(show(w, "e", CTL_FOR_UNSAID), CTL_DONE); /* who is active, before */
	assert_int_equal(w->shown.kind, CTL_CRED_SMS);
	assert_int_equal(show(w, "g", CTL_FOR_SMS), CTL_UNKNOWN_ENDPOINT);
}

static void test_what_is_not_said_anew_stays(void **state)
{
	struct world *const w = *state;
	struct ctl_cred c = cred_of("e", "49151", KEYS);
	const struct ctl_cred psk = psk_of("e", "i", KEY_C);
	assert_int_equal(add(w, &c), CTL_DONE);
	assert_int_equal(add(w, &psk), CTL_DONE);
	const uint32_t number = sms_now(w, "e")->number;
	uint8_t key[32];
	memcpy(key, w->found.key, sizeof(key));
	c.sms.tar[2] = 7;
	c.key_len = 0;
	assert_int_equal(replace(w, &c), CTL_DONE);
	const struct store_cred *const now = sms_now(w, "e");
	assert_true(now->number == number && now->sms.tar[2] == 7 && now->key_len == 32);
	assert_memory_equal(now->key, key, 32);
	/* Another key alone, by --purpose sms. */
	c = psk_of("e", "", OTHERS);
	c.purpose = CTL_FOR_SMS;
	c.says_overlap = true; /* its old counters would be needed beside */
	c.overlap_s = 3600;
	assert_int_equal(replace(w, &c), CTL_DONE);
	(void)sms_now(w, "e");
	assert_true(now->number == number && now->sms.tar[2] == 7);
	assert_memory_not_equal(now->key, key, 32);
	assert_int_equal(now->before.generation, 0);
	assert_string_equal(of(w, "e"), "sms psk");
	/* And nothing at all. */
	assert_int_equal(replace(w, &c), CTL_DONE);
	said(w, "e: is as it was");
}

static void test_a_cards_key_is_not_said_again(void **state)
{
	struct world *const w = *state;
	struct ctl_cred c = cred_of("e", "49151", KEYS);
	struct cred_ota *const o = &c.sms.renew.ota;
	c.sms.renew.how = CRED_RENEW_SMARTCARD;
	*o = (struct cred_ota){ .spi2 = 0x39,
		.kic = 0x12,
		.kid = 0x12,
		.cc_len = 8,
		.key_len = 32,
		.path_len = 2,
		.path = { 0x64, 0x32 } };
	assert_true(conf_hex_read(OTHERS, sizeof(OTHERS) - 1, o->key));
	assert_int_equal(add(w, &c), CTL_DONE);
	const uint64_t proved = sms_now(w, "e")->proved;
	assert_int_equal(show(w, "e", CTL_FOR_SMS), CTL_DONE);
	assert_int_equal(w->shown.sms.renew.ota.key_len, 32);
	assert_int_equal(w->shown.sms.renew.ota.key[0], 0);
	/* Another file of the card; nothing that the device proves has changed. */
	o->path[1] = 0x33;
	o->key_len = 0;
	memset(o->key, 0, sizeof(o->key));
	assert_int_equal(replace(w, &c), CTL_DONE);
	const struct store_cred *now = sms_now(w, "e");
	assert_int_equal(now->sms.renew.ota.path[1], 0x33);
	assert_int_equal(now->sms.renew.ota.key_len, 32);
	assert_int_equal(now->sms.renew.ota.key[0], 0x1b);
	assert_int_equal(now->proved, proved);
	/* By push: nothing of the card is left. */
	memset(&c.sms.renew, 0, sizeof(c.sms.renew));
	c.sms.renew.how = CRED_RENEW_GBA_PUSH;
	assert_int_equal(replace(w, &c), CTL_DONE);
	now = sms_now(w, "e");
	assert_int_equal(now->sms.renew.how, STORE_RENEW_GBA_PUSH);
	assert_int_equal(now->sms.renew.ota.key_len, 0);
	assert_int_equal(now->proved, proved);
	assert_int_equal(replace(w, &c), CTL_DONE);
	said(w, "e: is as it was");
}

static void test_one_whose_first_keys_come_by_push_has_none(void **state)
{
	struct world *const w = *state;
	sync_file(w, FILE_OF("{ endpoint = \"e\"; sms = { number = \"49151\"; profile = "
			     "\"cr-004\"; renew = \"gba-push\"; }; }"));
	const struct store_cred *c = sms_now(w, "e");
	assert_int_equal(c->key_len, 0);
	const uint64_t proved = c->proved;
	sync_file(w, FILE_OF("{ endpoint = \"e\"; sms = { number = \"49151\"; profile = "
			     "\"cr-004\"; renew = \"gba-push\"; gba = \"u\"; }; }, "
			     "{ endpoint = \"f\"; sms = { number = \"49152\"; profile = "
			     "\"cr-004\"; renew = \"udp\"; }; }"));
	c = sms_now(w, "e");
	assert_true(w->changed_len == 1 && w->changed[0] == c->number);
	assert_int_equal(c->sms.renew.gba, STORE_GBA_U);
	assert_int_equal(c->proved, proved);
	assert_int_equal(sms_now(w, "f")->sms.renew.how, STORE_RENEW_UDP);
}

static void test_I5_no_key_is_in_the_log(void **state)
{
	struct world *const w = *state;
	char text[4096] = { 0 };
	struct ctl_cred c = cred_of("e", "49151", KEYS);
	assert_int_equal(add(w, &c), CTL_DONE);
	assert_int_equal(end_cred(w, "e", CTL_FOR_SMS), CTL_DONE);
	assert_true(pread(w->log.fd, text, sizeof(text) - 1, 0) > 0);
	assert_null(strstr(text, "8f1d"));
	assert_null(strstr(text, "1b7c"));
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)
	const struct CMUnitTest tests[] = {
		EACH(test_a_file_has_it_beside_one_for_dtls),
		EACH(test_R022_what_another_has_in_the_store_is_refused),
		EACH(test_it_is_added_beside_others_and_named_by_its_kind),
		EACH(test_what_is_not_said_anew_stays),
		EACH(test_a_cards_key_is_not_said_again),
		EACH(test_one_whose_first_keys_come_by_push_has_none),
		EACH(test_I5_no_key_is_in_the_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
