/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in: credentials of each kind, and nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"
#include "conf/credentials.h"
#include "gateway/credentials_ops.h"
#include "gateway/known.h"
#include "gateway/worker.h"
#include "store/store.h"

/* The same name in each kind; the PSK identity "a" is hexadecimal of nothing else. */
#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define PIN    "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define UP(n)                                                                                      \
	" upstream_identity = \"u" n "\"; upstream_key = \"77b0c1d92e4f8a6350fe11ca9d82b3" n n "\";"

static const char file[] =
	"credentials = ("
	" { endpoint = \"by-psk\"; identity = \"name\"; key = "
	"\"8f3a61c5d27e904b1866aa0f3c95e27d\";" UP(
		"1") " },"
		     " { endpoint = \"by-raw\"; public_key = \"sha-256:" DIGEST "\";" UP(
			     "2") " },"
				  " { endpoint = \"by-cert\"; certificate = \"name\";" UP(
					  "3") " },"
					       " { endpoint = \"by-pin\"; certificate = \"pinned\";"
					       " certificate_pin = \"sha-256:" PIN
					       "\";" UP("4") " } );";

struct world {
	struct cred_set *creds;
	struct store *store;
	struct gw_credentials *credentials;
	struct gw_shared shared;
	struct gw_worker *worker;
};

static const struct log quiet = { .fd = 2, .level = LOG_LEVEL_ERROR, .name = "t" };

static void changed(void *ctx, uint32_t number)
{
	(void)ctx;
	(void)number;
}

static int set_up(void **state)
{
	struct conf_error error = { "" };
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->creds = cred_parse(file, "test", NULL, 0, &error);
	if (!w->creds)
		fail_msg("%s", error.text);
	const struct store_settings memory = { .log = &quiet };
	struct store_error why;
	w->store = store_open(&memory, &why);
	assert_non_null(w->store);
	const struct gw_credentials_settings c = {
		.store = w->store, .log = &quiet, .changed = changed
	};
	w->credentials = gw_credentials_new(&c);
	assert_non_null(w->credentials);
	assert_true(gw_credentials_sync(w->credentials, w->creds, "test", &error));
	w->shared = (struct gw_shared){ .store = w->store };
	w->worker = calloc(1, sizeof(*w->worker));
	assert_non_null(w->worker);
	w->worker->shared = &w->shared;
	w->worker->reader = store_reader_new(w->store);
	assert_non_null(w->worker->reader);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	store_reader_free(w->worker->reader);
	free(w->worker);
	gw_credentials_free(w->credentials);
	store_close(w->store);
	cred_free(w->creds);
	free(w);
	return 0;
}

/* "00112233..", as the file has it. */
static void digest_of(uint8_t out[32])
{
	for (size_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(0x11 * (i % 16));
}

static void pin_of(uint8_t out[32])
{
	for (size_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(0xff - 0x11 * (i % 16));
}

static const char *endpoint(struct world *w, uint32_t cred)
{
	static char name[STORE_ENDPOINT_MAX + 1];
	struct store_cred c;
	assert_int_equal(store_read_cred(w->worker->reader, cred, &c), STORE_OK);
	memcpy(name, c.endpoint, sizeof(name));
	return name;
}

static void test_R018_a_PSK_is_found_by_its_identity(void **state)
{
	struct world *w = *state;
	struct dtls_psk psk;
	assert_true(gw_known_psk(w->worker, (const uint8_t *)"name", 4, &psk));
	assert_string_equal(endpoint(w, psk.cred), "by-psk");
	assert_int_equal(psk.len, 16);
	assert_false(gw_known_psk(w->worker, (const uint8_t *)"pinned", 6, &psk));
	assert_false(gw_known_psk(w->worker, (const uint8_t *)"nobody", 6, &psk));
}

static void test_R061_R064_a_raw_key_is_found_by_its_digest(void **state)
{
	struct world *w = *state;
	struct dtls_known known;
	struct dtls_psk psk;
	uint8_t digest[32];
	digest_of(digest);
	assert_true(gw_known_raw_key(w->worker, digest, &known));
	assert_string_equal(endpoint(w, known.cred), "by-raw");
	assert_true(known.generation > 0);
	/* The kinds do not meet: no PSK has this identity, though a credential does. */
	assert_false(gw_known_psk(w->worker, digest, sizeof(digest), &psk));
	digest[31] ^= 1;
	assert_false(gw_known_raw_key(w->worker, digest, &known));
}

static struct dtls_chain chain_of(const char *name, const uint8_t (*pins)[32], size_t len)
{
	return (struct dtls_chain){ .name = (const uint8_t *)name,
		.name_len = strlen(name),
		.pins = pins,
		.pins_len = len };
}

static void test_R068_a_certificate_is_found_by_its_name(void **state)
{
	struct world *w = *state;
	struct dtls_known known;
	uint8_t pins[1][32] = { { 0 } };
	struct dtls_chain chain = chain_of("name", (const uint8_t(*)[32])pins, 1);
	assert_true(gw_known_certificate(w->worker, &chain, &known));
	assert_string_equal(endpoint(w, known.cred), "by-cert");
	chain = chain_of("by-cert", (const uint8_t(*)[32])pins, 1);
	assert_false(gw_known_certificate(w->worker, &chain, &known));
	chain = chain_of("nam", (const uint8_t(*)[32])pins, 1);
	assert_false(gw_known_certificate(w->worker, &chain, &known));
}

static void test_R075_what_is_pinned_must_be_in_the_chain(void **state)
{
	struct world *w = *state;
	struct dtls_known known;
	uint8_t pins[3][32] = { { 1 }, { 2 }, { 3 } };
	struct dtls_chain chain = chain_of("pinned", (const uint8_t(*)[32])pins, 3);
	assert_false(gw_known_certificate(w->worker, &chain, &known));
	for (size_t i = 0; i < 3; i++) {
		const uint8_t before = pins[i][0];
		pin_of(pins[i]);
		assert_true(gw_known_certificate(w->worker, &chain, &known));
		assert_string_equal(endpoint(w, known.cred), "by-pin");
		pins[i][31] ^= 1;
		assert_false(gw_known_certificate(w->worker, &chain, &known));
		memset(pins[i], before, sizeof(pins[i]));
	}
	chain.pins_len = 0;
	assert_false(gw_known_certificate(w->worker, &chain, &known));
}

static void test_R071_a_credential_that_is_revoked_lets_nobody_in(void **state)
{
	struct world *w = *state;
	const struct ctl_store_source source = gw_credentials_source(w->credentials);
	struct ctl_said said;
	struct dtls_known known;
	uint8_t digest[32];
	struct dtls_chain chain = chain_of("name", NULL, 0);
	digest_of(digest);
	assert_int_equal(source.revoke(source.ctx, "by-raw", CTL_FOR_UNSAID, &said), CTL_DONE);
	assert_int_equal(source.revoke(source.ctx, "by-cert", CTL_FOR_UNSAID, &said), CTL_DONE);
	store_reader_rest(w->worker->reader);
	assert_false(gw_known_raw_key(w->worker, digest, &known));
	assert_false(gw_known_certificate(w->worker, &chain, &known));
}

#define WORLDLY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLDLY(test_R018_a_PSK_is_found_by_its_identity),
		WORLDLY(test_R061_R064_a_raw_key_is_found_by_its_digest),
		WORLDLY(test_R068_a_certificate_is_found_by_its_name),
		WORLDLY(test_R075_what_is_pinned_must_be_in_the_chain),
		WORLDLY(test_R071_a_credential_that_is_revoked_lets_nobody_in),
	};
	return cmocka_run_group_tests_name("gateway/known", tests, NULL, NULL);
}
