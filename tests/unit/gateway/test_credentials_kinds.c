/* SPDX-License-Identifier: Apache-2.0 */
/* Raw public keys and certificates on their way from file and lwgatectl into the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "conf/hex.h"
#include "gateway/credentials_ops.h"
#include "store/store.h"
#include "unit/conf/samples.h"

static const char key_hex[] = "8f1d2c6be0a94f7735d8c1be90e4537a";
#define PSK     "identity = \"n\"; key = \"8f1d2c6be0a94f7735d8c1be90e4537a\""
#define RAW     "public_key = \"sha-256:" SAMPLE_P256_DIGEST "\""
#define RAW_384 "public_key = \"" SAMPLE_P384 "\""
#define CERT    "certificate = \"n\""
#define PIN     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PINNED  CERT "; certificate_pin = \"" PIN "\""

struct world {
	struct store *store;
	struct store_reader *reader;
	struct gw_credentials *ops;
	struct ctl_store_source source;
	struct log log;
	size_t changed;
	struct ctl_said said;
	struct conf_error error;
};

static void changed(void *ctx, uint32_t number)
{
	struct world *w = ctx;
	assert_true(number > 0);
	w->changed++;
}

static int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct store_error error;
	assert_non_null(w);
	w->log = (struct log){ .fd = -1, .level = LOG_LEVEL_ERROR, .name = "test" };
	const struct store_settings s = {
		.boot_ms = 1000, .wall_ms = UINT64_C(1790000000000), .log = &w->log
	};
	w->store = store_open(&s, &error);
	assert_non_null(w->store);
	const struct gw_credentials_settings set = {
		.store = w->store, .log = &w->log, .derives = true, .changed = changed, .ctx = w
	};
	w->ops = gw_credentials_new(&set);
	assert_non_null(w->ops);
	w->source = gw_credentials_source(w->ops);
	w->reader = store_reader_new(w->store);
	assert_non_null(w->reader);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;
	store_reader_free(w->reader);
	gw_credentials_free(w->ops);
	store_close(w->store);
	free(w);
	return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

/* Each is what a device "d0", "d1" ... proves. */
static bool sync_file(struct world *w, size_t len, const char *const proofs[])
{
	static const uint8_t master[32] = { 1, 2, 3 };
	static char text[4096];
	size_t at = (size_t)snprintf(text, sizeof(text), "credentials = (");
	for (size_t i = 0; i < len; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
			"%s\n{ endpoint = \"d%zu\"; %s; }", i == 0 ? "" : ",", i, proofs[i]);
	(void)snprintf(text + at, sizeof(text) - at, ");");
	struct cred_set *set = cred_parse(text, "F", master, sizeof(master), &w->error);
	if (set == NULL)
		fail_msg("%s", w->error.text);
	w->changed = 0;
	const bool ok = gw_credentials_sync(w->ops, set, "F", &w->error);
	cred_free(set);
	return ok;
}

#define SYNC(w, ...)                                                                               \
	sync_file(w, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *),          \
		(const char *const[]){ __VA_ARGS__ })

static struct ctl_cred of(const char *endpoint, enum ctl_cred_kind kind, const char *name)
{
	struct ctl_cred c = { .kind = kind, .has_keys = true };
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "%s", endpoint);
	c.identity_len = (uint8_t)strlen(name);
	memcpy(c.identity, name, c.identity_len);
	if (kind == CTL_CRED_RAW_KEY) {
		c.identity_len = CTL_PIN_LEN;
		assert_true(conf_hex_read(name, (size_t)2 * CTL_PIN_LEN, c.identity));
	}
	if (kind == CTL_CRED_PSK) {
		c.key_len = 16;
		assert_true(conf_hex_read(key_hex, 32, c.key));
	}
	return c;
}

static enum ctl_status add(struct world *w, const struct ctl_cred *c)
{
	w->changed = 0;
	return w->source.add(w->source.ctx, c, &w->said);
}

static enum ctl_status replace(struct world *w, const struct ctl_cred *c)
{
	w->changed = 0;
	return w->source.replace(w->source.ctx, c, &w->said);
}

/* Good until the next call. */
static const struct ctl_cred *show(struct world *w, const char *endpoint)
{
	static struct ctl_cred c;
	c = (struct ctl_cred){ 0 };
	if (w->source.show(w->source.ctx, endpoint, CTL_FOR_UNSAID, &c, &w->said) != CTL_DONE)
		fail_msg("%s", w->said.text);
	return &c;
}

static void said(const struct world *w, const char *part)
{
	if (strstr(w->said.text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", w->said.text, part);
}

/* Whom a handshake finds: "" nobody. */
static const char *who(struct world *w, enum store_cred_kind kind, const char *name)
{
	static struct store_cred c;
	uint8_t octets[STORE_IDENTITY_MAX];
	size_t len = strlen(name);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(octets, name, len);
	if (kind == STORE_CRED_RAW_KEY) {
		assert_true(conf_hex_read(name, len, octets));
		len /= 2;
	}
	store_reader_rest(w->reader);
	return store_find_identity(w->reader, kind, octets, len, &c) == STORE_OK ? c.endpoint : "";
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_R061_what_the_file_says_is_found_by_a_handshake(void **state)
{
	struct world *w = *state;
	assert_true(SYNC(w, PSK, RAW, PINNED));
	assert_string_equal(who(w, STORE_CRED_PSK, "n"), "d0");
	assert_string_equal(who(w, STORE_CRED_RAW_KEY, SAMPLE_P256_DIGEST), "d1");
	assert_string_equal(who(w, STORE_CRED_CERTIFICATE, "n"), "d2");
	const struct ctl_cred c = *show(w, "d2");
	assert_int_equal(c.kind, CTL_CRED_CERTIFICATE);
	assert_true(c.pinned);
	uint8_t pin[CTL_PIN_LEN];
	assert_true(conf_hex_read(PIN, 64, pin));
	assert_memory_equal(c.pin, pin, sizeof(pin));
	assert_int_equal(show(w, "d1")->kind, CTL_CRED_RAW_KEY);
	/* The same again touches nobody, whether it is compared or known by its digest. */
	const uint64_t before = c.generation;
	assert_true(SYNC(w, PSK, RAW, PINNED));
	assert_true(SYNC(w, PSK, RAW, PINNED, "certificate = \"x\""));
	assert_int_equal(w->changed, 0);
	assert_true(show(w, "d2")->generation == before);
}

static void test_R028_another_kind_or_pin_is_a_change_with_a_higher_generation(void **state)
{
	struct world *w = *state;
	/* The same octets may be a digest, or a name; 32 zeros may be a pin, or none. */
	static const char *const proofs[] = { PSK, CERT, PINNED, RAW, RAW_384,
		"public_key = \"sha-256:61616161616161616161616161616161"
		"61616161616161616161616161616161\"",
		"certificate = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", CERT,
		CERT "; certificate_pin = \"00000000000000000000000000000000"
		     "00000000000000000000000000000000\"",
		CERT };
	uint64_t last = 0;
	for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
		assert_true(SYNC(w, proofs[i]));
		assert_true(show(w, "d0")->generation > last);
		last = show(w, "d0")->generation;
		assert_int_equal(w->changed, i > 0);
		assert_true(SYNC(w, proofs[i]));
		assert_int_equal(w->changed, 0);
	}
	assert_string_equal(who(w, STORE_CRED_PSK, "n"), "");
	assert_string_equal(who(w, STORE_CRED_RAW_KEY, SAMPLE_P256_DIGEST), "");
	assert_string_equal(who(w, STORE_CRED_CERTIFICATE, "n"), "d0");
	assert_false(show(w, "d0")->pinned);
}

static void test_R022_a_key_or_a_name_that_another_has_is_refused(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = of("a", CTL_CRED_RAW_KEY, SAMPLE_P256_DIGEST);
	assert_int_equal(add(w, &c), CTL_DONE);
	c = of("b", CTL_CRED_RAW_KEY, SAMPLE_P256_DIGEST);
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "b: the public key is also that of a in the store");
	c = of("b", CTL_CRED_CERTIFICATE, "n");
	assert_int_equal(add(w, &c), CTL_DONE);
	c = of("c", CTL_CRED_CERTIFICATE, "n");
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "c: the name in the certificate is also that of b in the store");
	c = of("c", CTL_CRED_PSK, "n"); /* */
	assert_int_equal(add(w, &c), CTL_DONE);
	/* By a file neither. */
	assert_false(SYNC(w, RAW));
	assert_string_equal(w->error.text,
		"F:2: the public key is also that of a in the store; each device needs its own "
		"(RFC 7925)");
	assert_false(SYNC(w, RAW_384, CERT));
	assert_string_equal(w->error.text,
		"F:3: the name in the certificate is also that of b in the store; each device "
		"needs its own (RFC 7925)");
	c = of("a", CTL_CRED_CERTIFICATE, "a");
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "a is in the store with another key, identity, certificate, label, right or end");
}

static struct ctl_cred pinned(const char *endpoint, const char *digest, bool own)
{
	struct ctl_cred c = of(endpoint, CTL_CRED_CERTIFICATE, endpoint);
	c.pinned = true;
	c.own_pin = own;
	assert_true(conf_hex_read(digest, (size_t)2 * CTL_PIN_LEN, c.pin));
	return c;
}

static void test_R022_a_certificates_key_that_another_has_is_refused(void **state)
{
	struct world *w = *state;
	/* An authority's may be the pin of many. */
	struct ctl_cred c = pinned("a", PIN, false);
	assert_int_equal(add(w, &c), CTL_DONE);
	c = pinned("b", PIN, false);
	assert_int_equal(add(w, &c), CTL_DONE);
	/* A device's own is neither theirs, nor a raw key. */
	c = pinned("c", PIN, true);
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "c: the key of the certificate is also that of a in the store");
	c = of("c", CTL_CRED_RAW_KEY, PIN);
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "c: the public key is also that of a in the store");
	c = pinned("c", SAMPLE_P256_DIGEST, true);
	assert_int_equal(add(w, &c), CTL_DONE);
	c = pinned("d", SAMPLE_P256_DIGEST, true);
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "d: the key of the certificate is also that of c in the store");
	assert_false(SYNC(w, RAW));
	assert_string_equal(w->error.text,
		"F:2: the key of the certificate is also that of c in the store; each device needs "
		"its own (RFC 7925)");
	/* c itself may have it as a raw key instead, and then nobody pins it. */
	c = of("c", CTL_CRED_RAW_KEY, SAMPLE_P256_DIGEST);
	assert_int_equal(replace(w, &c), CTL_DONE);
	assert_false(SYNC(w, CERT "; certificate_pin = \"" SAMPLE_P256_DIGEST "\""));
	assert_string_equal(w->error.text,
		"F:2: the key of the certificate is also that of c in the store; each device needs "
		"its own (RFC 7925)");
	c = pinned("d", SAMPLE_P256_DIGEST, false);
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "d: the key of the certificate is also that of c in the store");
	assert_int_equal(w->source.revoke(w->source.ctx, "c", CTL_FOR_UNSAID, &w->said), CTL_DONE);
	assert_int_equal(add(w, &c), CTL_DONE);
}

static void test_R022_within_one_import_too(void **state)
{
	struct world *w = *state;
	const struct ctl_store_source *s = &w->source;
	enum proof { BY_RAW_KEY, BY_OWN_PIN, BY_PIN };
	static const enum proof rows[][2] = { { BY_OWN_PIN, BY_OWN_PIN }, { BY_RAW_KEY, BY_PIN },
		{ BY_PIN, BY_RAW_KEY }, { BY_OWN_PIN, BY_PIN }, { BY_PIN, BY_PIN } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *import = s->import_begin(s->ctx, "x.csv", false, &w->said);
		assert_non_null(import);
		for (size_t k = 0; k < 2; k++) {
			const char *const name = k == 0 ? "a" : "b";
			const struct ctl_cred c =
				rows[i][k] == BY_RAW_KEY
					? of(name, CTL_CRED_RAW_KEY, PIN)
					: pinned(name, PIN, rows[i][k] == BY_OWN_PIN);
			assert_int_equal(s->import_stage(s->ctx, import, &c, &w->said), CTL_DONE);
		}
		const bool good = i == sizeof(rows) / sizeof(rows[0]) - 1;
		if (s->import_commit(s->ctx, import, &w->said) != (good ? CTL_DONE : CTL_FAILED))
			fail_msg("row %zu: %s", i, w->said.text);
		if (!good)
			said(w, "the key of the certificate is also in the entry at line");
	}
}

static void test_replace_keeps_what_is_not_said(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = of("a", CTL_CRED_CERTIFICATE, "n");
	c.pinned = true;
	memset(c.pin, 0x11, sizeof(c.pin));
	assert_int_equal(add(w, &c), CTL_DONE);
	/* A pin alone: the name stays. */
	c.identity_len = 0;
	c.pin[0] = 0x22;
	assert_int_equal(replace(w, &c), CTL_DONE);
	said(w, "replaced");
	assert_int_equal(show(w, "a")->pin[0], 0x22);
	assert_string_equal(who(w, STORE_CRED_CERTIFICATE, "n"), "a");
	/* What goes upstream alone: all that the device proves stays. */
	c = (struct ctl_cred){ .endpoint = "a", .has_keys = true, .upstream_key_len = 16 };
	c.upstream_identity_len = 1;
	c.upstream_identity[0] = 'u';
	assert_true(conf_hex_read(key_hex, 32, c.upstream_key));
	assert_int_equal(replace(w, &c), CTL_DONE);
	assert_int_equal(show(w, "a")->kind, CTL_CRED_CERTIFICATE);
	assert_true(show(w, "a")->pinned);
	assert_int_equal(show(w, "a")->upstream_key_len, 16);
}

static void test_replace_takes_nothing_over_from_another_proof(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = of("a", CTL_CRED_CERTIFICATE, "n");
	c.pinned = true;
	memset(c.pin, 0x11, sizeof(c.pin));
	c.upstream_key_len = 16;
	c.upstream_identity_len = 1;
	c.upstream_identity[0] = 'u';
	assert_true(conf_hex_read(key_hex, 32, c.upstream_key));
	assert_int_equal(add(w, &c), CTL_DONE);
	/* A name alone: another certificate, without a pin. */
	c = of("a", CTL_CRED_CERTIFICATE, "m");
	assert_int_equal(replace(w, &c), CTL_DONE);
	assert_false(show(w, "a")->pinned);
	assert_int_equal(show(w, "a")->upstream_key_len, 16);
	/* Another kind takes nothing over from this one. */
	c = of("a", CTL_CRED_PSK, "");
	assert_true(conf_hex_read("1b7ce94a03f85d62aa901fd64be73c58", 32, c.key));
	assert_int_equal(replace(w, &c), CTL_DONE);
	assert_string_equal(who(w, STORE_CRED_PSK, "a"), "a");
	assert_string_equal(who(w, STORE_CRED_CERTIFICATE, "m"), "");
	c = of("a", CTL_CRED_RAW_KEY, SAMPLE_P256_DIGEST);
	assert_int_equal(replace(w, &c), CTL_DONE);
	assert_int_equal(show(w, "a")->key_len, 0);
	assert_int_equal(w->changed, 1);
	c = (struct ctl_cred){ .endpoint = "a", .identity_len = 1, .identity = { 'i' } };
	assert_int_equal(replace(w, &c), CTL_FAILED);
	said(w, "add: key");
}

static void test_R020_what_proves_nothing_is_refused(void **state)
{
	struct world *w = *state;
	struct ctl_cred c = of("a", CTL_CRED_CERTIFICATE, "");
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "a: the entry is not complete; add: certificate");
	c = of("a", CTL_CRED_RAW_KEY, SAMPLE_P256_DIGEST);
	c.identity_len--;
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "public_key: is no SHA-256 digest");
	c = of("a", CTL_CRED_PSK, "n");
	c.pinned = true;
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "certificate_pin goes with certificate");
	c = of("a", CTL_CRED_CERTIFICATE, "n");
	c.key_len = 16;
	assert_true(conf_hex_read(key_hex, 32, c.key));
	assert_int_equal(add(w, &c), CTL_FAILED);
	said(w, "certificate and key are two ways");
}

static void test_S31_lwgatectl_stands_over_a_file_of_another_kind(void **state)
{
	struct world *w = *state;
	assert_true(SYNC(w, PSK));
	struct ctl_cred c = of("d0", CTL_CRED_CERTIFICATE, "n");
	assert_int_equal(replace(w, &c), CTL_DONE);
	assert_true(SYNC(w, PSK));
	assert_int_equal(show(w, "d0")->kind, CTL_CRED_CERTIFICATE);
	assert_int_equal(w->source.revoke(w->source.ctx, "d0", CTL_FOR_UNSAID, &w->said), CTL_DONE);
	assert_int_equal(show(w, "d0")->kind, CTL_CRED_CERTIFICATE);
	assert_int_equal(show(w, "d0")->state, CTL_CRED_REVOKED);
	assert_string_equal(who(w, STORE_CRED_CERTIFICATE, "n"), "");
	assert_true(SYNC(w, PSK));
	assert_string_equal(who(w, STORE_CRED_PSK, "n"), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_R061_what_the_file_says_is_found_by_a_handshake),
		TEST(test_R028_another_kind_or_pin_is_a_change_with_a_higher_generation),
		TEST(test_R022_a_key_or_a_name_that_another_has_is_refused),
		TEST(test_R022_a_certificates_key_that_another_has_is_refused),
		TEST(test_R022_within_one_import_too),
		TEST(test_replace_keeps_what_is_not_said),
		TEST(test_replace_takes_nothing_over_from_another_proof),
		TEST(test_R020_what_proves_nothing_is_refused),
		TEST(test_S31_lwgatectl_stands_over_a_file_of_another_kind),
	};
	return cmocka_run_group_tests_name("gateway/credentials_kinds", tests, NULL, NULL);
}
