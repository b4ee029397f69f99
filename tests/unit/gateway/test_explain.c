/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log_words.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "gateway/credentials_ops.h"
#include "gateway/explain.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "store/store.h"

static const char file[] =
	"credentials = ( { endpoint = \"urn:dev:1\"; identity = \"dev-1\";"
	" key = \"8f3a61c5d27e904b1866aa0f3c95e27d\"; upstream_identity = \"gw-1\";"
	" upstream_key = \"77b0c1d92e4f8a6350fe11ca9d82b364\"; } );";

struct fixture {
	struct cred_set *creds;
	struct store *store;
	struct gw_credentials *credentials;
	struct gw_shared shared;
	struct gw_worker *worker;
	struct net_path path;
};

static const struct log quiet = { .fd = 2, .level = LOG_LEVEL_ERROR, .name = "t" };

static void changed(void *ctx, uint32_t number)
{
	(void)ctx;
	(void)number;
}

static int set_up(void **state)
{
	struct conf_error error;
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->creds = cred_parse(file, "test", NULL, 0, &error);
	assert_non_null(f->creds);
	const struct store_settings memory = { .log = &quiet };
	struct store_error why;
	f->store = store_open(&memory, &why);
	assert_non_null(f->store);
	const struct gw_credentials_settings c = {
		.store = f->store, .log = &quiet, .changed = changed
	};
	f->credentials = gw_credentials_new(&c);
	assert_non_null(f->credentials);
	assert_true(gw_credentials_sync(f->credentials, f->creds, "test", &error));
	f->shared = (struct gw_shared){
		.creds = f->creds, .store = f->store, .identity_key = { 1, 2 }
	};
	f->worker = calloc(1, sizeof(*f->worker));
	assert_non_null(f->worker);
	f->worker->shared = &f->shared;
	f->worker->reader = store_reader_new(f->store);
	assert_non_null(f->worker->reader);
	f->worker->log = (struct log){ .fd = 2, .level = LOG_LEVEL_WARN, .name = "t" };
	f->path.peer = (struct net_addr){ .ip = { 192, 0, 2, 7 }, .port = 999, .family = NET_IPV4 };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	store_reader_free(f->worker->reader);
	free(f->worker);
	gw_credentials_free(f->credentials);
	store_close(f->store);
	cred_free(f->creds);
	free(f);
	return 0;
}

static struct dtls_failure from_device(const struct fixture *f, enum dtls_cause cause)
{
	static const uint8_t suites[] = { 0xc0, 0x2b, 0x00, 0xff };
	return (struct dtls_failure){
		.role = DTLS_SERVER,
		.cause = cause,
		.path = &f->path,
		.cred = DTLS_NO_CRED,
		.identity = (const uint8_t *)"secret-name",
		.identity_len = 11,
		.suites = suites,
		.suites_len = sizeof(suites),
	};
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

static void test_R055_an_identity_is_shown_as_a_keyed_hash_only(void **state)
{
	struct fixture *f = *state;
	char text[GW_EXPLAIN_MAX], other[GW_EXPLAIN_MAX];
	const struct dtls_failure failure = from_device(f, DTLS_FAIL_IDENTITY);
	has(gw_explain_text(f->worker, &failure, text), "identity=#");
	assert_null(strstr(text, "secret-name"));
	f->shared.identity_key.k0++;
	assert_string_not_equal(text, gw_explain_text(f->worker, &failure, other));
	f->worker->log.level = LOG_LEVEL_DEBUG;
	has(gw_explain_text(f->worker, &failure, text), " identity_text=\"secret-name\" ");
}

static void test_R055_an_identity_cannot_forge_a_line(void **state)
{
	struct fixture *f = *state;
	char text[GW_EXPLAIN_MAX];
	struct dtls_failure failure = from_device(f, DTLS_FAIL_IDENTITY);
	failure.identity = (const uint8_t *)"a\n\0\"why=\\";
	failure.identity_len = 9;
	f->worker->log.level = LOG_LEVEL_DEBUG;
	has(gw_explain_text(f->worker, &failure, text),
		" identity_text=\"a\\x0a\\x00\\x22why=\\x5c\" ");
}

/* Also where it is longer than what is shown of it. */
static void test_R055_an_identity_cannot_forge_a_pair(void **state)
{
	struct fixture *f = *state;
	char text[GW_EXPLAIN_MAX];
	static const char said[] = "x endpoint=urn:forged \" why=none and much more of it";
	struct dtls_failure failure = from_device(f, DTLS_FAIL_IDENTITY);
	failure.identity = (const uint8_t *)said;
	f->worker->log.level = LOG_LEVEL_DEBUG;
	for (failure.identity_len = 1; failure.identity_len < sizeof(said);
		failure.identity_len++) {
		gw_explain_text(f->worker, &failure, text);
		struct log_words words = { .at = text, .end = text + strlen(text) };
		struct log_piece p;
		unsigned texts = 0, whys = 0;
		while (log_words_next(&words, &p)) {
			assert_non_null(p.key);
			assert_true(strncmp(p.key, "endpoint=", 9) != 0);
			texts += strncmp(p.key, "identity_text=", 14) == 0;
			whys += strncmp(p.key, "why=", 4) == 0;
		}
		assert_int_equal(texts, 1);
		assert_int_equal(whys, 1);
	}
}

static void test_a_failure_says_what_was_offered_and_what_would_change_it(void **state)
{
	struct fixture *f = *state;
	char text[GW_EXPLAIN_MAX];
	const struct dtls_failure failure = from_device(f, DTLS_FAIL_SUITE);
	gw_explain_text(f->worker, &failure, text);
	has(text, "with=device peer=192.0.2.7:999");
	has(text, "suites=2:c02b,00ff");
	has(text, "none of ours is in the offer");
	has(text, "listeners.suites");
}

static void test_R046_a_failure_shows_what_is_on_here(void **state)
{
	struct fixture *f = *state;
	char text[GW_EXPLAIN_MAX];
	struct conf_gateway *const conf = calloc(1, sizeof(*conf));
	assert_non_null(conf);
	conf->listeners_len = 1;
	conf->listener_dtls[0] =
		(struct conf_dtls){ .suites = { 0xc0a8, 0x00ae }, .suites_len = 2 };
	f->shared.conf = conf;
	struct dtls_failure failure = from_device(f, DTLS_FAIL_SUITE);
	has(gw_explain_text(f->worker, &failure, text), " suites=2:c02b,00ff ours=c0a8,00ae ");
	failure.cause = DTLS_FAIL_TIMEOUT;
	assert_null(strstr(gw_explain_text(f->worker, &failure, text), "ours="));
	f->shared.conf = NULL;
	free(conf);
}

static void test_R064_a_raw_key_that_nobody_has_is_shown_as_one_adds_it(void **state)
{
	struct fixture *f = *state;
	char text[GW_EXPLAIN_MAX];
	uint8_t digest[32];
	memset(digest, 0xab, sizeof(digest));
	struct dtls_failure failure = from_device(f, DTLS_FAIL_RAW_KEY);
	failure.identity = digest;
	failure.identity_len = sizeof(digest);
	gw_explain_text(f->worker, &failure, text);
	has(text, " key=sha-256:abababababababababababababababababababababababababababababababab ");
	has(text, "lwgatectl credential add ENDPOINT --public-key FILE");
	assert_null(strstr(text, "identity="));
}

static void test_R068_a_certificate_is_explained_with_its_remedy(void **state)
{
	struct fixture *f = *state;
	char endpoint[] = "urn:dev:1", text[GW_EXPLAIN_MAX];
	struct gw_session session = { .endpoint = endpoint };
	struct dtls_failure failure = from_device(f, DTLS_FAIL_CERTIFICATE);
	failure.detail = "it has expired";
	gw_explain_text(f->worker, &failure, text);
	has(text, "detail=\"it has expired\"");
	has(text, "listeners.anchors_file");
	failure.cause = DTLS_FAIL_NAME;
	gw_explain_text(f->worker, &failure, text);
	has(text, "--certificate-name NAME");
	has(text, "identity=#"); /* R-055 */
	assert_null(strstr(text, "secret-name"));
	failure.role = DTLS_CLIENT;
	failure.user = &session;
	has(gw_explain_text(f->worker, &failure, text), "upstream.server_name");
	failure.cause = DTLS_FAIL_CERTIFICATE;
	has(gw_explain_text(f->worker, &failure, text), "upstream.anchors_file");
	failure.cause = DTLS_FAIL_RAW_KEY;
	has(gw_explain_text(f->worker, &failure, text), "upstream.server_public_key");
}

static void test_every_cause_has_a_remedy_and_fits(void **state)
{
	struct fixture *f = *state;
	char endpoint[] = "urn:dev:1";
	struct gw_session session = { .endpoint = endpoint };
	static char name[] = "0123456789012345678901234567890";
	struct conf_upstream upstream = { .name = name, .dtls = { .suites_len = CONF_SUITES_MAX } };
	char text[GW_EXPLAIN_MAX];
	uint8_t identity[CRED_IDENTITY_MAX], suites[400];
	memset(identity, 0xff, sizeof(identity));
	memset(suites, 0xff, sizeof(suites));
	struct conf_gateway *const conf = calloc(1, sizeof(*conf));
	assert_non_null(conf);
	conf->listeners_len = 1;
	conf->listener_dtls[0].suites_len = CONF_SUITES_MAX;
	conf->upstreams = &upstream;
	conf->upstreams_len = 1;
	f->shared.conf = conf;
	f->worker->log.level = LOG_LEVEL_DEBUG;
	for (int cause = DTLS_FAIL_TIMEOUT; cause <= DTLS_FAIL_ANEW; cause++) {
		struct dtls_failure failure = from_device(f, (enum dtls_cause)cause);
		failure.identity = identity;
		failure.identity_len = sizeof(identity);
		failure.suites = suites;
		failure.suites_len = sizeof(suites);
		failure.alert = 51;
		failure.detail = "a reason of libssl";
		gw_explain_text(f->worker, &failure, text);
		assert_null(strstr(text, "remedy=\"\""));
		assert_int_equal(text[strlen(text) - 1], '"'); /* not cut short */
		failure.role = DTLS_CLIENT;
		failure.user = &session;
		has(gw_explain_text(f->worker, &failure, text), "with=upstream");
		has(text, "endpoint=urn:dev:1");
		assert_null(strstr(text, "remedy=\"\""));
		assert_int_equal(text[strlen(text) - 1], '"');
	}
	f->shared.conf = NULL;
	free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_R055_an_identity_is_shown_as_a_keyed_hash_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_R055_an_identity_cannot_forge_a_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_R055_an_identity_cannot_forge_a_pair, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_failure_says_what_was_offered_and_what_would_change_it, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_R046_a_failure_shows_what_is_on_here, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_R064_a_raw_key_that_nobody_has_is_shown_as_one_adds_it, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_R068_a_certificate_is_explained_with_its_remedy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_every_cause_has_a_remedy_and_fits, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("gateway/explain", tests, NULL, NULL);
}
