/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials for one purpose, as the credentials file and lwgatectl change them. */
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

#define SERVER    "purpose = \"server\"; "
#define BOOTSTRAP "purpose = \"bootstrap\"; "
/* Entries of a file; each identity has its own key. */
#define ENTRY(endpoint, more, identity, key)                                                       \
	"{ endpoint = \"" endpoint "\"; " more "identity = \"" identity "\"; key = \"" key "\"; }"
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

static struct ctl_cred cred_of(
	const char *endpoint, enum ctl_purpose purpose, const char *identity, const char *key)
{
	struct ctl_cred c = { .has_keys = true, .purpose = purpose };
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "%s", endpoint);
	c.identity_len = (uint8_t)strlen(identity);
	memcpy(c.identity, identity, c.identity_len);
	c.key_len = (uint8_t)(strlen(key) / 2);
	assert_true(conf_hex_read(key, strlen(key), c.key));
	return c;
}

static enum ctl_status add(struct world *w, const char *endpoint, enum ctl_purpose purpose,
	const char *identity, const char *key)
{
	const struct ctl_cred c = cred_of(endpoint, purpose, identity, key);
	w->changed_len = 0;
	return w->source.add(w->source.ctx, &c, &w->said);
}

static enum ctl_status import(struct world *w, bool replace, const struct ctl_cred *all, size_t len)
{
	void *const i = w->source.import_begin(w->source.ctx, "I", replace, &w->said);
	assert_non_null(i);
	w->changed_len = 0;
	for (size_t n = 0; n < len; n++)
		assert_int_equal(
			w->source.import_stage(w->source.ctx, i, &all[n], &w->said), CTL_DONE);
	return w->source.import_commit(w->source.ctx, i, &w->said);
}

static enum ctl_status end_cred(struct world *w, const char *endpoint, enum ctl_purpose purpose)
{
	w->changed_len = 0;
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

/* --- as it is then ---------------------------------------------------------------------------- */

/* Who of the endpoint is active: "server+ bootstrap-", + who may fetch firmware. */
static const char *of(struct world *w, const char *endpoint)
{
	static char text[64];
	static const char *const words[] = { "any", "server", "bootstrap" };
	struct store_cred c;
	text[0] = '\0';
	for (unsigned p = 0; p < COUNT_OF(words); p++) {
		store_reader_rest(w->reader);
		if (store_find_endpoint(w->reader, endpoint, (enum store_purpose)p, &c) !=
				STORE_OK ||
			c.state != STORE_CRED_ACTIVE)
			continue;
		const size_t at = strlen(text);
		(void)snprintf(text + at, sizeof(text) - at, "%s%s%c", at > 0 ? " " : "", words[p],
			c.repository ? '+' : '-');
	}
	return text;
}

/* For what the device gets in by this identity. */
static int purpose_by(struct world *w, const char *identity)
{
	struct store_cred c;
	store_reader_rest(w->reader);
	return store_find_identity(w->reader, STORE_CRED_PSK, (const uint8_t *)identity,
		       strlen(identity), &c) == STORE_OK
		       ? c.purpose
		       : -1;
}

/* --- one at a time ---------------------------------------------------------------------------- */

static void test_R023_a_device_gets_one_for_each_purpose(void **state)
{
	struct world *const w = *state;
	assert_int_equal(add(w, "e", CTL_FOR_SERVER, "a", KEY_A), CTL_DONE);
	said(w, "e: added");
	assert_int_equal(add(w, "e", CTL_FOR_BOOTSTRAP, "b", KEY_B), CTL_DONE);
	assert_string_equal(of(w, "e"), "server- bootstrap-");
	assert_int_equal(purpose_by(w, "a"), STORE_FOR_SERVER);
	assert_int_equal(purpose_by(w, "b"), STORE_FOR_BOOTSTRAP);
	assert_int_equal(w->changed_len, 0);
	assert_int_equal(add(w, "e", CTL_FOR_UNSAID, "c", KEY_C), CTL_FAILED);
	said(w, "e: e has a credential for server in the store, beside which there can be none "
		"for any purpose; revoke that one first, or leave this one out");
	assert_int_equal(add(w, "f", CTL_FOR_UNSAID, "c", KEY_C), CTL_DONE);
	assert_string_equal(of(w, "f"), "any-");
}

static void test_R022_what_one_purpose_proves_is_not_for_the_other(void **state)
{
	struct world *const w = *state;
	assert_int_equal(add(w, "e", CTL_FOR_SERVER, "a", KEY_A), CTL_DONE);
	assert_int_equal(add(w, "e", CTL_FOR_BOOTSTRAP, "a", KEY_B), CTL_FAILED);
	said(w, "e: the identity is also that of e in the store; each device needs its own "
		"(RFC 7925)");
	assert_int_equal(add(w, "e", CTL_FOR_BOOTSTRAP, "b", KEY_A), CTL_FAILED);
	said(w, "e: the key is also that of e in the store; each device needs its own "
		"(RFC 7925)");
	/* What is upstream of one device is of both its credentials, and of nobody else's. */
	struct ctl_cred c = cred_of("e", CTL_FOR_BOOTSTRAP, "b", KEY_B);
	c.upstream_identity_len = 1;
	c.upstream_identity[0] = 'e';
	c.upstream_key_len = 16;
	assert_true(conf_hex_read(KEY_C, 32, c.upstream_key));
	struct ctl_cred other = c;
	assert_int_equal(w->source.add(w->source.ctx, &c, &w->said), CTL_DONE);
	other.endpoint[0] = 'f';
	other.identity[0] = 'f';
	other.key[0] ^= 1;
	other.upstream_key[0] ^= 1;
	assert_int_equal(w->source.add(w->source.ctx, &other, &w->said), CTL_FAILED);
	said(w, "f: the upstream identity is also that of e in the store; each device needs its "
		"own (RFC 7925)");
}

static void test_of_several_the_operator_says_which(void **state)
{
	struct world *const w = *state;
	struct ctl_cred c = cred_of("e", CTL_FOR_UNSAID, "a", KEY_C);
	assert_int_equal(add(w, "e", CTL_FOR_SERVER, "a", KEY_A), CTL_DONE);
	assert_int_equal(show(w, "e", CTL_FOR_UNSAID), CTL_DONE);
	assert_int_equal(w->shown.purpose, CTL_FOR_SERVER);
	assert_int_equal(show(w, "e", CTL_FOR_BOOTSTRAP), CTL_UNKNOWN_ENDPOINT);
	said(w, "e: has no credential for bootstrap; it has one for server");
	assert_int_equal(add(w, "e", CTL_FOR_BOOTSTRAP, "b", KEY_B), CTL_DONE);
	static const char which[] = "e: has a credential for server and one for bootstrap; say "
				    "which: --purpose server, or --purpose bootstrap";
	assert_int_equal(show(w, "e", CTL_FOR_UNSAID), CTL_FAILED);
	said(w, which);
	assert_int_equal(end_cred(w, "e", CTL_FOR_UNSAID), CTL_FAILED);
	said(w, which);
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_FAILED);
	said(w, which);
	assert_string_equal(of(w, "e"), "server- bootstrap-");
	assert_int_equal(show(w, "e", CTL_FOR_ANY), CTL_UNKNOWN_ENDPOINT);
	said(w, "e: has no credential for any; it has one for server, and one for bootstrap");
	assert_int_equal(show(w, "e", CTL_FOR_BOOTSTRAP), CTL_DONE);
	assert_int_equal(w->shown.purpose, CTL_FOR_BOOTSTRAP);
	assert_int_equal(show(w, "g", CTL_FOR_BOOTSTRAP), CTL_UNKNOWN_ENDPOINT);
	said(w, "g: there is no such credential; `lwgatectl credential list` shows all");
}

static void test_who_is_revoked_or_replaced_is_the_one_that_was_said(void **state)
{
	struct world *const w = *state;
	assert_int_equal(add(w, "e", CTL_FOR_SERVER, "a", KEY_A), CTL_DONE);
	assert_int_equal(add(w, "e", CTL_FOR_BOOTSTRAP, "b", KEY_B), CTL_DONE);
	struct ctl_cred c = cred_of("e", CTL_FOR_BOOTSTRAP, "", KEY_C);
	assert_int_equal(show(w, "e", CTL_FOR_BOOTSTRAP), CTL_DONE);
	const uint32_t number = w->shown.number;
	w->changed_len = 0;
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_DONE);
	said(w, "e: replaced");
	assert_true(w->changed_len == 1 && w->changed[0] == number);
	assert_int_equal(purpose_by(w, "b"), STORE_FOR_BOOTSTRAP);
	assert_int_equal(end_cred(w, "e", CTL_FOR_BOOTSTRAP), CTL_DONE);
	assert_true(w->changed_len == 1 && w->changed[0] == number);
	assert_string_equal(of(w, "e"), "server-");
	assert_int_equal(purpose_by(w, "b"), -1);
	/* The other one is the only one now. */
	assert_int_equal(show(w, "e", CTL_FOR_UNSAID), CTL_DONE);
	assert_int_equal(w->shown.purpose, CTL_FOR_SERVER);
	assert_int_equal(show(w, "e", CTL_FOR_BOOTSTRAP), CTL_DONE);
	assert_int_equal(w->shown.state, CTL_CRED_REVOKED);
	/* And a new one can be given. */
	assert_int_equal(add(w, "e", CTL_FOR_BOOTSTRAP, "b", KEY_B), CTL_DONE);
	assert_string_equal(of(w, "e"), "server- bootstrap-");
	/* Who is active is meant before who is revoked, whoever came first. */
	assert_int_equal(end_cred(w, "e", CTL_FOR_SERVER), CTL_DONE);
	assert_int_equal(show(w, "e", CTL_FOR_UNSAID), CTL_DONE);
	assert_int_equal(w->shown.purpose, CTL_FOR_BOOTSTRAP);
	assert_int_equal(w->shown.state, CTL_CRED_ACTIVE);
}

static void test_R288_the_right_to_fetch_firmware_is_given_and_taken(void **state)
{
	struct world *const w = *state;
	struct ctl_cred c = cred_of("e", CTL_FOR_UNSAID, "", "");
	assert_int_equal(add(w, "e", CTL_FOR_SERVER, "a", KEY_A), CTL_DONE);
	assert_string_equal(of(w, "e"), "server-");
	c.says_repository = c.repository = true;
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_DONE);
	said(w, "e: replaced");
	assert_string_equal(of(w, "e"), "server+");
	/* Who does not speak of it, leaves it. */
	struct ctl_cred key = cred_of("e", CTL_FOR_SERVER, "", KEY_B);
	assert_int_equal(w->source.replace(w->source.ctx, &key, &w->said), CTL_DONE);
	assert_string_equal(of(w, "e"), "server+");
	c.repository = false;
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_DONE);
	assert_string_equal(of(w, "e"), "server-");
	assert_int_equal(w->source.replace(w->source.ctx, &c, &w->said), CTL_DONE);
	said(w, "e: is as it was");
	/* Not with what is for bootstrap only. */
	struct ctl_cred bs = cred_of("f", CTL_FOR_BOOTSTRAP, "c", KEY_C);
	bs.says_repository = bs.repository = true;
	assert_int_equal(w->source.add(w->source.ctx, &bs, &w->said), CTL_FAILED);
	said(w, "f: repository does not go with purpose = \"bootstrap\", which allows nothing "
		"else; have the device's other credential say it");
}

/* --- many at once ----------------------------------------------------------------------------- */

static void test_an_import_with_replace_gives_each_its_purpose(void **state)
{
	struct world *const w = *state;
	assert_int_equal(add(w, "e", CTL_FOR_ANY, "a", KEY_A), CTL_DONE);
	const struct ctl_cred two[] = { cred_of("e", CTL_FOR_SERVER, "a", KEY_A),
		cred_of("e", CTL_FOR_BOOTSTRAP, "b", KEY_B) };
	assert_int_equal(import(w, false, two, 2), CTL_FAILED);
	said(w, "I: e has a credential for any purpose in the store, beside which there can be "
		"none for server; revoke that one first, or leave this one out");
	assert_string_equal(of(w, "e"), "any-");
	assert_int_equal(import(w, true, two, 2), CTL_DONE);
	assert_string_equal(of(w, "e"), "server- bootstrap-");
	assert_int_equal(w->changed_len, 1); /* who was for any purpose, once */
	assert_int_equal(purpose_by(w, "a"), STORE_FOR_SERVER);
	/* The same again changes nothing. */
	assert_int_equal(import(w, true, two, 2), CTL_DONE);
	said(w, "I: 0 added, 0 replaced, 2 as they were");
	const struct ctl_cred any = cred_of("e", CTL_FOR_ANY, "b", KEY_B);
	assert_int_equal(import(w, true, &any, 1), CTL_DONE);
	assert_string_equal(of(w, "e"), "any-");
	assert_int_equal(w->changed_len, 2);
	assert_int_equal(purpose_by(w, "b"), STORE_FOR_ANY);
	assert_int_equal(purpose_by(w, "a"), -1);
}

static void test_a_file_that_says_no_purpose_means_the_one_that_there_is(void **state)
{
	struct world *const w = *state;
	assert_int_equal(add(w, "e", CTL_FOR_SERVER, "a", KEY_A), CTL_DONE);
	const struct ctl_cred c = cred_of("e", CTL_FOR_UNSAID, "a", KEY_C);
	assert_int_equal(import(w, true, &c, 1), CTL_DONE);
	said(w, "I: 0 added, 1 replaced, 0 as they were");
	assert_string_equal(of(w, "e"), "server-");
	assert_int_equal(add(w, "e", CTL_FOR_BOOTSTRAP, "b", KEY_B), CTL_DONE);
	assert_int_equal(import(w, true, &c, 1), CTL_FAILED);
	said(w, "I: e has credentials for server and for bootstrap; say which one it is: a column "
		"purpose");
	assert_int_equal(end_cred(w, "e", CTL_FOR_SERVER), CTL_DONE);
	struct ctl_cred right = cred_of("e", CTL_FOR_UNSAID, "b", KEY_B);
	right.says_repository = right.repository = true;
	assert_int_equal(import(w, true, &right, 1), CTL_FAILED);
	said(w, "I: e has a credential for bootstrap, which repository does not go with");
	/* Of one that is nobody's yet it is for any. */
	const struct ctl_cred other = cred_of("f", CTL_FOR_UNSAID, "f", KEY_C);
	assert_int_equal(import(w, true, &other, 1), CTL_DONE);
	assert_string_equal(of(w, "f"), "any-");
}

static void test_identities_may_change_places_between_purposes(void **state)
{
	struct world *const w = *state;
	assert_int_equal(add(w, "e", CTL_FOR_SERVER, "a", KEY_A), CTL_DONE);
	assert_int_equal(add(w, "e", CTL_FOR_BOOTSTRAP, "b", KEY_B), CTL_DONE);
	const struct ctl_cred two[] = { cred_of("e", CTL_FOR_SERVER, "b", KEY_B),
		cred_of("e", CTL_FOR_BOOTSTRAP, "a", KEY_A) };
	assert_int_equal(import(w, true, two, 2), CTL_DONE);
	assert_int_equal(purpose_by(w, "b"), STORE_FOR_SERVER);
	assert_int_equal(purpose_by(w, "a"), STORE_FOR_BOOTSTRAP);
	/* But not to one while the other stays. */
	const struct ctl_cred one = cred_of("e", CTL_FOR_SERVER, "a", KEY_C);
	assert_int_equal(import(w, true, &one, 1), CTL_FAILED);
	said(w, "I: the identity is also that of e in the store; each device needs its own "
		"(RFC 7925)");
}

/* --- the file of the start -------------------------------------------------------------------- */

static void test_a_file_gives_and_takes_purposes(void **state)
{
	struct world *const w = *state;
	sync_file(w, FILE_OF(ENTRY("e", "", "a", KEY_A)));
	assert_string_equal(of(w, "e"), "any-");
	sync_file(w, FILE_OF(ENTRY("e", SERVER "repository = true; ", "a", KEY_A) "," ENTRY(
			     "e", BOOTSTRAP, "b", KEY_B)));
	assert_string_equal(of(w, "e"), "server+ bootstrap-");
	assert_int_equal(w->changed_len, 1);
	sync_file(w, FILE_OF(ENTRY("e", SERVER "repository = true; ", "a", KEY_A) "," ENTRY(
			     "e", BOOTSTRAP, "b", KEY_B)));
	assert_int_equal(w->changed_len, 0);
	/* A right alone is seen, too. */
	sync_file(w, FILE_OF(ENTRY("e", SERVER, "a", KEY_A) "," ENTRY("e", BOOTSTRAP, "b", KEY_B)));
	assert_string_equal(of(w, "e"), "server- bootstrap-");
	assert_int_equal(w->changed_len, 1);
	sync_file(w, FILE_OF(ENTRY("e", BOOTSTRAP, "b", KEY_B)));
	assert_string_equal(of(w, "e"), "bootstrap-");
	sync_file(w, FILE_OF(ENTRY("e", "", "b", KEY_B)));
	assert_string_equal(of(w, "e"), "any-");
}

static void test_what_lwgatectl_has_said_of_a_purpose_stands_over_the_file(void **state)
{
	struct world *const w = *state;
	assert_int_equal(add(w, "e", CTL_FOR_ANY, "a", KEY_A), CTL_DONE);
	sync_file(w, FILE_OF(ENTRY("e", SERVER, "a", KEY_A) "," ENTRY("e", BOOTSTRAP, "b", KEY_B)));
	assert_string_equal(of(w, "e"), "any-");
	/* What it has revoked for any purpose comes back for none. */
	assert_int_equal(end_cred(w, "e", CTL_FOR_UNSAID), CTL_DONE);
	sync_file(w, FILE_OF(ENTRY("e", SERVER, "a", KEY_A) "," ENTRY("e", BOOTSTRAP, "c", KEY_C)));
	assert_string_equal(of(w, "e"), "");
	assert_int_equal(purpose_by(w, "a"), -1);
}

static void test_what_lwgatectl_has_said_of_one_purpose_leaves_the_other_to_the_file(void **state)
{
	struct world *const w = *state;
	sync_file(w, FILE_OF(ENTRY("e", SERVER, "a", KEY_A) "," ENTRY("e", BOOTSTRAP, "b", KEY_B)));
	assert_int_equal(end_cred(w, "e", CTL_FOR_BOOTSTRAP), CTL_DONE);
	sync_file(w, FILE_OF(ENTRY("e", SERVER, "a", KEY_C) "," ENTRY("e", BOOTSTRAP, "b", KEY_B)));
	assert_string_equal(of(w, "e"), "server-");
	assert_int_equal(purpose_by(w, "b"), -1);
	sync_file(w, FILE_OF(ENTRY("e", SERVER, "a", KEY_C) "," ENTRY("e", BOOTSTRAP, "c", KEY_B)));
	assert_string_equal(of(w, "e"), "server-");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)
	const struct CMUnitTest tests[] = {
		TEST(test_R023_a_device_gets_one_for_each_purpose),
		TEST(test_R022_what_one_purpose_proves_is_not_for_the_other),
		TEST(test_of_several_the_operator_says_which),
		TEST(test_who_is_revoked_or_replaced_is_the_one_that_was_said),
		TEST(test_R288_the_right_to_fetch_firmware_is_given_and_taken),
		TEST(test_an_import_with_replace_gives_each_its_purpose),
		TEST(test_a_file_that_says_no_purpose_means_the_one_that_there_is),
		TEST(test_identities_may_change_places_between_purposes),
		TEST(test_a_file_gives_and_takes_purposes),
		TEST(test_what_lwgatectl_has_said_of_a_purpose_stands_over_the_file),
		TEST(test_what_lwgatectl_has_said_of_one_purpose_leaves_the_other_to_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
