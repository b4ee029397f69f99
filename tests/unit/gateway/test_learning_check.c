/* SPDX-License-Identifier: Apache-2.0 */
/* What may be a device's, of what its bootstrap server has written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/spki.h"
#include "dtls/profile.h"
#include "gateway/credentials_ops.h"
#include "gateway/learning.h"
#include "gateway/material.h"
#include "gateway/session.h"
#include "learn/watch.h"
#include "papers.h"
#include "school.h"

enum { NEW = 7, OTHER = 1 };

#define OWN                                                                                        \
	"private_key_file = \"@/key\"; certificate_file = \"@/cert\"; anchors_file = \"@/ca\"; "   \
	"name_from = [ \"cn\" ]; "
#define RAW "private_key_file = \"@/key\"; raw_public_key = true; "

struct world {
	struct papers papers;
	struct pki_one root, own, device;
	struct town *town;
	struct gw_session *session;
	struct learn_found found;
	struct store_staged out;
};

static int set_up(void **state)
{
	struct world *const w = calloc(1, sizeof(*w));
	assert_non_null(w);
	papers_new(&w->papers);
	w->root = pki_make(pki_root("root"), NULL);
	w->own = pki_make(pki_server("gw.example"), &w->root);
	w->device = pki_make(pki_device("urn:dev:0"), &w->root);
	papers_key(&w->papers, "key", w->own.key);
	papers_certificates(&w->papers, "cert", w->own.cert, NULL);
	papers_certificates(&w->papers, "ca", w->root.cert, NULL);
	w->town = school_new();
	const size_t socket = town_socket(w->town, 0);
	town_connect(w->town, 0, socket);
	town_until(w->town, &w->town->devices.ups, 1);
	town_settle(w->town);
	w->session = town_session(w->town, 0, 0);
	assert_non_null(w->session);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *const w = *state;
	school_free(w->town);
	pki_free(&w->root);
	pki_free(&w->own);
	pki_free(&w->device);
	papers_free(&w->papers);
	free(w);
	return 0;
}

/* The worker has listeners as these lines say. */
static void listens(struct world *w, const char *listener)
{
	struct conf_error error = { "" };
	struct conf_gateway conf = papers_conf(&w->papers, listener, "");
	struct gw_material *const m = gw_material_new(&conf, &error);
	conf_free(&conf);
	if (!m)
		fail_msg("%s", error.text);
	gw_material_unref(w->town->workers[0]->material);
	w->town->workers[0]->material = m;
}

static void find(struct world *w, enum learn_mode mode, const void *octets, size_t len)
{
	w->found = (struct learn_found){ .mode = mode };
	assert_true(len <= sizeof(w->found.identity.octets));
	w->found.identity.len = len;
	memcpy(w->found.identity.octets, octets, len);
}

static void find_psk(struct world *w, const char *identity, uint8_t n)
{
	find(w, LEARN_PSK, identity, strlen(identity));
	w->found.key.len = SCHOOL_KEY;
	school_key(n, w->found.key.octets);
}

static void find_certificate(struct world *w, X509 *x)
{
	uint8_t *der = NULL;
	const int len = i2d_X509(x, &der);
	assert_true(len > 0);
	find(w, LEARN_CERTIFICATE, der, (size_t)len);
	OPENSSL_free(der);
}

static void find_raw_key(struct world *w, EVP_PKEY *key)
{
	uint8_t *der = NULL;
	const int len = i2d_PUBKEY(key, &der);
	assert_true(len > 0);
	find(w, LEARN_RAW_KEY, der, (size_t)len);
	OPENSSL_free(der);
}

static void is_good(struct world *w)
{
	const char *const why = gw_learning_check(w->session, &w->found, &w->out);
	if (why)
		fail_msg("%s", why);
	assert_int_equal(w->out.cred, town_cred(0));
}

static void is_refused(struct world *w, const char *part)
{
	const char *const why = gw_learning_check(w->session, &w->found, &w->out);
	if (!why || !strstr(why, part))
		fail_msg("\"%s\" has no \"%s\"", why ? why : "good", part);
}

/* --- what it is ------------------------------------------------------------------------------- */

static void test_R024_a_psk_as_it_was_written(void **state)
{
	struct world *const w = *state;
	static const char longest[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	find_psk(w, longest, NEW);
	is_good(w);
	assert_int_equal(w->out.kind, STORE_CRED_PSK);
	assert_int_equal(w->out.identity_len, 128);
	assert_memory_equal(w->out.identity, longest, 128);
	assert_int_equal(w->out.key_len, SCHOOL_KEY);
	assert_memory_equal(w->out.key, w->found.key.octets, SCHOOL_KEY);
	assert_false(w->out.pinned || w->out.armed);
	w->found.identity.octets[128] = 'x';
	w->found.identity.len = 129;
	is_refused(w, "longer than 128");
	w->found.identity.len = 0;
	is_refused(w, "longer than 128");
}

static void test_R021_a_psk_that_can_be_guessed_is_refused(void **state)
{
	struct world *const w = *state;
	find_psk(w, "next", NEW);
	memset(w->found.key.octets, 7, SCHOOL_KEY);
	is_refused(w, "can be guessed");
	find_psk(w, "next", NEW);
	w->found.key.len = 15;
	is_refused(w, "can be guessed");
	w->found.key.len = 0;
	is_refused(w, "can be guessed");
	find_psk(w, "next", NEW);
	w->found.key.len = 65;
	is_refused(w, "can be guessed");
	/* The identity in it. */
	find_psk(w, "meter-number-9", NEW);
	static const uint8_t named[] = "\x91meter-number-9\xfe\x03\x7f\x80";
	w->found.key.len = sizeof(named) - 1;
	memcpy(w->found.key.octets, named, w->found.key.len);
	is_refused(w, "can be guessed");
	find_psk(w, "meter-number-8", NEW);
	w->found.key.len = sizeof(named) - 1;
	memcpy(w->found.key.octets, named, w->found.key.len);
	is_good(w);
	/* Derived from the endpoint's name. */
	w->found.key.len = (size_t)snprintf((char *)w->found.key.octets, 64, "%s%s%s%s",
		"urn:dev:0", "urn:dev:0", "urn:dev:0", "urn:dev:0");
	is_refused(w, "can be guessed");
}

static void test_R075_a_certificate_is_its_name_and_its_key(void **state)
{
	struct world *const w = *state;
	uint8_t digest[DTLS_DIGEST_LEN];
	find_certificate(w, w->device.cert);
	is_refused(w, "does not take this security mode");
	listens(w, OWN);
	is_good(w);
	assert_int_equal(w->out.kind, STORE_CRED_CERTIFICATE);
	assert_int_equal(w->out.identity_len, strlen("urn:dev:0"));
	assert_memory_equal(w->out.identity, "urn:dev:0", w->out.identity_len);
	assert_true(dtls_key_digest(w->device.key, digest));
	assert_true(w->out.pinned);
	assert_memory_equal(w->out.pin, digest, sizeof(digest));
	assert_int_equal(w->out.key_len, 0);
	/* Octets behind it. */
	w->found.identity.len++;
	is_refused(w, "certificate is none");
	w->found.identity.len -= 2;
	is_refused(w, "certificate is none");
}

static void test_R041_R068_R070_certificates_that_would_not_be_taken(void **state)
{
	struct world *const w = *state;
	listens(w, OWN);
	struct pki_ask ask = pki_device("urn:dev:0");
	ask.curve = "RSA";
	struct pki_one one = pki_make(ask, &w->root);
	find_certificate(w, one.cert);
	is_refused(w, "P-256");
	pki_free(&one);
	ask = pki_device("urn:dev:0");
	ask.until_s = PKI_NOW - PKI_YEAR / 2;
	one = pki_make(ask, &w->root);
	find_certificate(w, one.cert);
	is_refused(w, "expired");
	pki_free(&one);
	listens(w, "private_key_file = \"@/key\"; certificate_file = \"@/cert\"; anchors_file = "
		   "\"@/ca\"; name_from = [ \"uri\" ];");
	find_certificate(w, w->device.cert);
	is_refused(w, "no name where the listener looks");
}

static void test_R062_R064_a_raw_key_is_its_digest(void **state)
{
	struct world *const w = *state;
	uint8_t digest[DTLS_DIGEST_LEN];
	find_raw_key(w, w->device.key);
	is_refused(w, "does not take this security mode");
	if (!dtls_profile_can_raw())
		skip();
	listens(w, RAW);
	is_good(w);
	assert_int_equal(w->out.kind, STORE_CRED_RAW_KEY);
	assert_true(dtls_key_digest(w->device.key, digest));
	assert_int_equal(w->out.identity_len, sizeof(digest));
	assert_memory_equal(w->out.identity, digest, sizeof(digest));
	assert_false(w->out.pinned);
	assert_int_equal(w->out.key_len, 0);
	EVP_PKEY *const point = pki_public(w->device.key, 1);
	find_raw_key(w, point);
	is_refused(w, "public key is not one");
	EVP_PKEY_free(point);
	find(w, LEARN_RAW_KEY, "\x30\x00", 2);
	is_refused(w, "public key is not one");
}

/* The device's own listener, or else another one. */
static void test_another_listener_may_take_it(void **state)
{
	struct world *const w = *state;
	listens(w, "}, { address = \"127.0.0.2\"; " OWN);
	find_certificate(w, w->device.cert);
	is_good(w);
}

/* --- whose it is ------------------------------------------------------------------------------ */

static enum store_result run_put(struct store_txn *x, void *arg)
{
	return store_cred_put(x, arg);
}

/* Device 1 has this. */
static void give(struct world *w, enum store_cred_kind kind, const char *name, size_t len,
	const uint8_t *pin)
{
	static struct store_cred c;
	school_cred(w->town, OTHER, &c);
	c.kind = (uint8_t)kind;
	c.key_len = 0;
	memset(c.key, 0, sizeof(c.key));
	memset(c.identity, 0, sizeof(c.identity));
	c.identity_len = (uint8_t)len;
	memcpy(c.identity, name, len);
	c.pinned = pin != NULL;
	memset(c.pin, 0, sizeof(c.pin));
	if (pin)
		memcpy(c.pin, pin, sizeof(c.pin));
	assert_int_equal(town_do(w->town, run_put, &c), STORE_OK);
}

static void test_R022_nobody_learns_what_is_anothers(void **state)
{
	struct world *const w = *state;
	uint8_t digest[DTLS_DIGEST_LEN];
	char name[DTLS_DIGEST_LEN];
	assert_true(dtls_key_digest(w->device.key, digest));
	memcpy(name, digest, sizeof(name));
	find_psk(w, "dev-1", NEW);
	is_refused(w, "identity is another device's");
	listens(w, OWN);
	find_certificate(w, w->device.cert);
	is_good(w);
	give(w, STORE_CRED_CERTIFICATE, "urn:dev:0", 9, NULL);
	is_refused(w, "identity is another device's");
	give(w, STORE_CRED_CERTIFICATE, "other", 5, digest);
	is_refused(w, "key is another device's");
	give(w, STORE_CRED_RAW_KEY, name, sizeof(name), NULL);
	is_refused(w, "key is another device's");
	if (!dtls_profile_can_raw())
		return;
	listens(w, RAW);
	find_raw_key(w, w->device.key);
	is_refused(w, "identity is another device's");
	give(w, STORE_CRED_CERTIFICATE, "other", 5, digest);
	is_refused(w, "key is another device's");
}

static void test_what_is_its_own_already_is_good(void **state)
{
	struct world *const w = *state;
	static struct store_cred c;
	school_cred(w->town, 0, &c);
	find_psk(w, "dev-0", NEW);
	is_good(w);
	memcpy(w->found.key.octets, c.key, c.key_len);
	w->found.key.len = c.key_len;
	is_good(w);
}

static void test_S28_who_has_expired_learns_nothing(void **state)
{
	struct world *const w = *state;
	court_change(w->town, 0, court_expire);
	find_psk(w, "next", NEW);
	is_refused(w, "withdrawn");
}

/* --- shown ------------------------------------------------------------------------------------ */

static enum store_result run_stage(struct store_txn *x, void *arg)
{
	return store_stage(x, arg);
}

static void test_I5_what_is_staged_is_shown_without_its_key(void **state)
{
	struct world *const w = *state;
	const struct ctl_store_source s = gw_credentials_source(w->town->credentials);
	static struct ctl_cred c;
	struct ctl_said said;
	find_psk(w, "next", NEW);
	is_good(w);
	w->out.until_ms = UINT64_MAX / 2;
	assert_int_equal(town_do(w->town, run_stage, &w->out), STORE_OK);
	assert_int_equal(s.show(s.ctx, "urn:dev:0", CTL_FOR_UNSAID, &c, &said), CTL_DONE);
	assert_true(c.staged.generation == w->out.generation && !c.staged.armed);
	assert_int_equal(c.staged.identity_len, 4);
	assert_memory_equal(c.staged.identity, "next", 4);
	assert_null(memmem(&c, sizeof(c), w->found.key.octets, SCHOOL_KEY));
	for (uint32_t at = 1; at != 0;) {
		assert_int_equal(s.next(s.ctx, &at, true, &c, &said), CTL_DONE);
		const bool its = at != 0 && strcmp(c.endpoint, "urn:dev:0") == 0;
		if (at != 0)
			assert_int_equal(c.staged.generation != 0, its);
		assert_null(memmem(&c, sizeof(c), w->found.key.octets, SCHOOL_KEY));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_R024_a_psk_as_it_was_written),
		TEST(test_R021_a_psk_that_can_be_guessed_is_refused),
		TEST(test_R075_a_certificate_is_its_name_and_its_key),
		TEST(test_R041_R068_R070_certificates_that_would_not_be_taken),
		TEST(test_R062_R064_a_raw_key_is_its_digest),
		TEST(test_another_listener_may_take_it),
		TEST(test_R022_nobody_learns_what_is_anothers),
		TEST(test_what_is_its_own_already_is_good),
		TEST(test_S28_who_has_expired_learns_nothing),
		TEST(test_I5_what_is_staged_is_shown_without_its_key),
	};
	return cmocka_run_group_tests_name("gateway/learning_check", tests, NULL, NULL);
}
