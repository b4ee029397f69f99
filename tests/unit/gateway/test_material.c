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

#include "base/log.h"
#include "conf/config.h"
#include "conf/spki.h"
#include "dtls/certificate.h"
#include "gateway/clock.h"
#include "gateway/material.h"
#include "gateway/material_parts.h"
#include "gateway/profiles.h"
#include "papers.h"

enum { SAID = 4096 };

static const int64_t day_s = 86400;

#define OWN "private_key_file = \"@/key\"; certificate_file = \"@/cert\"; anchors_file = \"@/ca\"; "
#define RAW "private_key_file = \"@/key\"; raw_public_key = true; "
#define UP_PIN                                                                                     \
	"credential = \"certificate\"; private_key_file = \"@/key\"; certificate_file = "          \
	"\"@/up\"; server_public_key = [ \"@/pub\" ]; "
#define UP_CERT                                                                                    \
	"credential = \"certificate\"; private_key_file = \"@/key\"; certificate_file = "          \
	"\"@/up\"; anchors_file = \"@/ca\"; server_name = \"server.example\"; "

struct world {
	struct papers papers;
	struct pki_one root, own, up, other;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	papers_new(&w->papers);
	w->root = pki_make(pki_root("root"), NULL);
	w->own = pki_make(pki_server("gw.example"), &w->root);
	w->other = pki_make(pki_server("other.example"), &w->root);
	struct pki_ask ask = pki_device("gateway 7");
	ask.key = w->own.key;
	w->up = pki_make(ask, &w->root);
	papers_key(&w->papers, "key", w->own.key);
	papers_certificates(&w->papers, "cert", w->own.cert, NULL);
	papers_certificates(&w->papers, "up", w->up.cert, NULL);
	papers_certificates(&w->papers, "ca", w->root.cert, NULL);
	papers_certificates(&w->papers, "pub", w->other.cert, NULL);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	pki_free(&w->root);
	pki_free(&w->own);
	pki_free(&w->up);
	pki_free(&w->other);
	papers_free(&w->papers);
	free(w);
	return 0;
}

static struct gw_material *good(struct world *w, const char *listener, const char *upstream)
{
	struct conf_error error = { "" };
	struct conf_gateway conf = papers_conf(&w->papers, listener, upstream);
	struct gw_material *const m = gw_material_new(&conf, &error);
	conf_free(&conf);
	if (!m)
		fail_msg("%s", error.text);
	return m;
}

/* The error names the file and what is wrong, and has a remedy. */
static void refused(struct world *w, const char *listener, const char *upstream, const char *file,
	const char *what)
{
	struct conf_error error = { "" };
	struct conf_gateway conf = papers_conf(&w->papers, listener, upstream);
	struct gw_material *const m = gw_material_new(&conf, &error);
	conf_free(&conf);
	assert_null(m);
	if (!strstr(error.text, file) || !strstr(error.text, what) || !strstr(error.text, "; "))
		fail_msg("\"%s\", \"%s\" are not in: %s", file, what, error.text);
}

static void test_R065_what_the_files_have_is_in_the_settings(void **state)
{
	struct world *w = *state;
	struct gw_material *const m = good(w,
		OWN "chain_max = 3; mtu = 300; initial_ms = 700;"
		    " name_from = [ \"cn\" ]; untrusted_clock = \"refuse\";",
		UP_CERT "max_fragment_length = 4096;");
	const struct dtls_profile_settings *s = &m->parts[0].settings;
	assert_int_equal(EVP_PKEY_eq(s->key, w->own.key), 1);
	assert_int_equal(X509_cmp(s->certificate, w->own.cert), 0);
	assert_non_null(s->anchors);
	assert_true(!s->raw_public_key && s->server_order);
	assert_int_equal(s->suites_len, 4);
	assert_int_equal(s->chain_max, 3);
	assert_int_equal(s->mtu, 300);
	assert_int_equal(s->initial_ms, 700);
	assert_int_equal(s->max_ms, 60000);
	assert_int_equal(s->names[0], DTLS_NAME_CN);
	assert_int_equal(s->names[1], DTLS_NAME_NONE);
	assert_int_equal(s->untrusted, DTLS_CLOCK_REFUSE);
	s = &m->parts[GW_MATERIAL_UPSTREAM].settings;
	assert_string_equal(s->server_name, "server.example");
	assert_int_equal(s->fragment_code, 4);
	assert_int_equal(s->untrusted, DTLS_CLOCK_IGNORE);
	assert_int_equal(s->suites_len, 2);
	assert_true(gw_material_has_upstream_key(m, 0));
	gw_material_unref(m);
}

static void test_R160_connection_ids_are_in_the_settings_as_the_lines_say(void **state)
{
	static const struct {
		const char *line;
		enum dtls_cid_use cid;
		bool routability;
	} rows[] = {
		{ "", DTLS_CID_BOTH, true },
		{ "connection_ids = \"on\";", DTLS_CID_BOTH, true },
		{ "connection_ids = \"send\";", DTLS_CID_SEND, true },
		{ "connection_ids = \"off\";", DTLS_CID_NEVER, false },
	};
	struct world *w = *state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct gw_part *part;
		struct gw_material *m = good(w, rows[i].line, "");
		part = &m->parts[0];
		assert_int_equal(part->settings.cid, rows[i].cid);
		assert_int_equal(part->settings.routability, rows[i].routability);
		assert_int_equal(m->parts[GW_MATERIAL_UPSTREAM].settings.cid, DTLS_CID_BOTH);
		gw_material_unref(m);
		m = good(w, "", rows[i].line);
		part = &m->parts[GW_MATERIAL_UPSTREAM];
		assert_int_equal(part->settings.cid, rows[i].cid);
		assert_int_equal(part->settings.routability, rows[i].routability);
		assert_int_equal(m->parts[0].settings.cid, DTLS_CID_BOTH);
		gw_material_unref(m);
	}
}

static void test_R153_S27_profiles_have_what_else_a_reload_changes(void **state)
{
	struct world *w = *state;
	struct gw_profiles p;
	const char *why = "";
	struct gw_material *const m = good(w,
		"address_check = \"trust\"; }, { address = \"::1\"; address_check = "
		"\"check-old\"; }, { address = \"127.0.0.2\";",
		"}; connection_ids = { tell = [ \"10.0.0.0/8\", \"2001:db8::/32\" ]; tell_rate = "
		"7;");
	assert_true(gw_profiles_make(&p, m, &why));
	assert_int_equal(p.moves[0], CONF_MOVE_TRUST);
	assert_int_equal(p.moves[1], CONF_MOVE_CHECK_OLD);
	assert_int_equal(p.moves[2], CONF_MOVE_CHECK);
	assert_int_equal(p.told.len, 2);
	assert_int_equal(p.told.prefixes[0].bits, 8);
	assert_int_equal(p.told.prefixes[1].base.ip[0], 0x20);
	assert_int_equal(p.told.rate, 7);
	gw_profiles_fini(&p);
	assert_int_equal(p.told.len, 0);
	gw_material_unref(m);
}

static void test_S31_what_is_learned_and_which_proofs_are_taken(void **state)
{
	struct world *w = *state;
	struct gw_material *m = good(w, OWN "name_from = [ \"cn\" ];",
		"}; learn = { server_uris = [ \"coaps://GW.example\" ]; settle_s = 90;");
	const struct gw_learn *l = gw_material_learn(m);
	assert_int_equal(l->len, 1);
	assert_string_equal(l->uris[0], "coaps://gw.example:5684");
	assert_int_equal(l->settle_s, 90);
	struct gw_kinds k = gw_material_kinds(m, 0);
	assert_true(k.psk && k.certificate && !k.raw_key);
	assert_int_equal(gw_material_names(m, 0)[0], DTLS_NAME_CN);
	gw_material_unref(m);
	m = good(w, "", "");
	assert_int_equal(gw_material_learn(m)->len, 0);
	k = gw_material_kinds(m, 0);
	assert_true(k.psk && !k.certificate && !k.raw_key);
	gw_material_unref(m);
	m = good(w, OWN "suites = [ \"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8\" ];", "");
	k = gw_material_kinds(m, 0);
	assert_true(!k.psk && k.certificate && !k.raw_key);
	gw_material_unref(m);
	if (!dtls_profile_can_raw())
		return;
	m = good(w, RAW, "");
	k = gw_material_kinds(m, 0);
	assert_true(k.psk && !k.certificate && k.raw_key);
	gw_material_unref(m);
}

static void test_R064_a_pin_is_the_digest_of_the_key_in_the_file(void **state)
{
	struct world *w = *state;
	uint8_t digest[DTLS_DIGEST_LEN];
	struct gw_material *const m = good(w, "", UP_PIN);
	assert_true(dtls_key_digest(w->other.key, digest));
	const struct dtls_profile_settings *s = &m->parts[GW_MATERIAL_UPSTREAM].settings;
	assert_int_equal(s->pins_len, 1);
	assert_memory_equal(s->pins[0], digest, sizeof(digest));
	gw_material_unref(m);
	papers_text(&w->papers, "pub", "no key\n", 0644);
	refused(w, "", UP_PIN, "/pub", "is no public key");
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/pub", w->papers.folder);
	assert_int_equal(unlink(path), 0);
	refused(w, "", UP_PIN, "/pub", "cannot be read");
}

static void test_R058_raw_public_keys_are_on_where_the_library_has_them(void **state)
{
	struct world *w = *state;
	if (!dtls_profile_can_raw()) {
		refused(w, RAW, "", "/key", "raw public keys need OpenSSL 3.2 or newer");
		return;
	}
	struct gw_material *const m = good(w, RAW, "");
	assert_true(m->parts[0].settings.raw_public_key);
	assert_null(m->parts[0].settings.certificate);
	gw_material_unref(m);
}

static void test_a_private_key_that_others_can_read_is_refused(void **state)
{
	struct world *w = *state;
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/key", w->papers.folder);
	assert_int_equal(chmod(path, 0644), 0);
	refused(w, OWN, "", "/key", "mode 0644 lets others at the keys in it; run: chmod 0640");
	assert_int_equal(chmod(path, 0640), 0);
	gw_material_unref(good(w, OWN, ""));
}

static void test_what_is_no_key_is_refused(void **state)
{
	struct world *w = *state;
	papers_text(&w->papers, "key", "hello\n", 0600);
	refused(w, OWN, "", "/key", "holds no private key in PEM");
	static const char locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
				     "MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBC=\n"
				     "-----END ENCRYPTED PRIVATE KEY-----\n";
	papers_text(&w->papers, "key", locked, 0600);
	refused(w, OWN, "", "/key", "key");
	struct conf_error error;
	struct conf_gateway conf = papers_conf(&w->papers,
		"private_key_file = \"@/none\"; certificate_file = \"@/cert\";"
		" anchors_file = \"@/ca\";",
		"");
	assert_null(gw_material_new(&conf, &error));
	conf_free(&conf);
	assert_non_null(strstr(error.text, "cannot be opened"));
}

static void test_R041_a_weak_key_is_refused(void **state)
{
	struct world *w = *state;
	EVP_PKEY *const weak = pki_key("P-224");
	papers_key(&w->papers, "key", weak);
	EVP_PKEY_free(weak);
	refused(w, OWN, "", "/key", "none of P-256, P-384, P-521");
	EVP_PKEY *const rsa = pki_key("RSA");
	papers_key(&w->papers, "key", rsa);
	EVP_PKEY_free(rsa);
	refused(w, OWN, "", "/key", "not an EC key");
}

static void test_R069_a_certificate_that_devices_need_not_take_is_refused(void **state)
{
	struct world *w = *state;
	papers_certificates(&w->papers, "cert", w->other.cert, NULL);
	refused(w, OWN, "", "/cert", "it is not the key's");
	struct pki_ask ask = pki_server("gw.example");
	ask.names = "DNS:*.example";
	ask.key = w->own.key;
	struct pki_one wild = pki_make(ask, &w->root);
	papers_certificates(&w->papers, "cert", wild.cert, NULL);
	refused(w, OWN, "", "/cert", "it has a wildcard");
	pki_free(&wild);
	/* The server looks for no name of ours. */
	gw_material_unref(good(w, "", UP_CERT));
	papers_certificates(&w->papers, "up", w->other.cert, NULL);
	refused(w, "", UP_CERT, "/up", "it is not the key's");
	papers_certificates(&w->papers, "up", w->own.cert, NULL);
	refused(w, "", UP_CERT, "/up", "extended key usage is not clientAuth");
}

static void test_R066_R067_anchors_that_vouch_for_nobody_are_refused(void **state)
{
	struct world *w = *state;
	struct pki_ask ask = pki_root("rsa");
	ask.curve = "RSA";
	struct pki_one rsa = pki_make(ask, NULL);
	papers_certificates(&w->papers, "ca", w->root.cert, rsa.cert);
	pki_free(&rsa);
	refused(w, OWN, "", "/ca", "certificate 2 can vouch for nobody");
	papers_text(&w->papers, "ca", "", 0644);
	refused(w, OWN, "", "/ca", "holds no certificate in PEM");
	papers_text(&w->papers, "ca",
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", 0644);
	refused(w, OWN, "", "/ca", "cannot be read; it must be PEM, unharmed");
}

static void test_R071_lists_are_read_with_the_anchors(void **state)
{
	struct world *w = *state;
	X509_CRL *const crl = pki_crl(&w->root, w->root.key, 7, PKI_NOW);
	papers_crl(&w->papers, "crl", crl);
	X509_CRL_free(crl);
	struct gw_material *const m = good(w, OWN "crl_file = \"@/crl\";", "");
	gw_material_unref(m);
	papers_text(&w->papers, "crl", "none\n", 0644);
	refused(w, OWN "crl_file = \"@/crl\";", "", "/crl", "holds no revocation list");
}

static void test_R046_each_worker_makes_its_profiles_of_one_material(void **state)
{
	struct world *w = *state;
	struct gw_profiles one, two;
	const char *why = "";
	struct gw_material *const m = good(w, OWN, UP_CERT);
	assert_true(gw_profiles_make(&one, m, &why));
	assert_true(gw_profiles_make(&two, gw_material_ref(m), &why));
	gw_material_unref(m);
	gw_material_unref(m);
	assert_non_null(one.listeners[0]);
	assert_null(one.listeners[1]);
	assert_non_null(one.upstreams[0]);
	assert_true(one.upstream_keys[0]);
	assert_ptr_not_equal(one.listeners[0], two.listeners[0]);
	gw_profiles_fini(&one);
	gw_profiles_fini(&two);
	assert_null(one.upstreams[0]);
}

/* --- what the log is told -------------------------------------------------------------------- */

static const char *said(const struct gw_material *m, int64_t now_s, enum gw_material_say what)
{
	static char text[SAID];
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	const struct log log = { .fd = ends[1], .level = LOG_LEVEL_INFO, .name = "t" };
	gw_material_say(m, &log, now_s, what);
	(void)close(ends[1]);
	const ssize_t len = read(ends[0], text, sizeof(text) - 1);
	(void)close(ends[0]);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

static void test_R070_the_log_tells_when_a_certificate_ends(void **state)
{
	struct world *w = *state;
	struct gw_material *const m = good(w, OWN, "");
	const int64_t until_s = PKI_NOW + PKI_YEAR;
	char digest[CONF_SPKI_TEXT];
	uint8_t octets[DTLS_DIGEST_LEN];
	assert_true(dtls_key_digest(w->own.key, octets));
	conf_spki_text(octets, digest);
	const char *text = said(m, PKI_NOW, GW_SAY_ALL);
	has(text, "info certificate listener 127.0.0.1:5684: ");
	has(text, "/cert until=2028-01-15T");
	has(text, digest);
	assert_null(strstr(text, "warn"));
	assert_string_equal(said(m, PKI_NOW, GW_SAY_WARNINGS), "");
	has(said(m, until_s - 29 * day_s, GW_SAY_WARNINGS), "warn certificate-expires");
	has(said(m, until_s - 29 * day_s, GW_SAY_WARNINGS), "in 29 days; remedy: put a new one");
	has(said(m, until_s + 1, GW_SAY_WARNINGS), "error certificate-expired");
	has(said(m, PKI_NOW - 2 * PKI_YEAR, GW_SAY_WARNINGS), "error certificate-not-yet-valid");
	gw_material_unref(m);
}

static void test_R070_an_untrusted_clock_is_told_once_where_it_matters(void **state)
{
	struct world *w = *state;
	struct gw_material *const m = good(w, OWN, "");
	const char *text = said(m, -1, GW_SAY_ALL);
	has(text, "warn clock");
	has(text, "remedy: set the clock");
	assert_null(strstr(text, "expire"));
	gw_material_unref(m);
	struct gw_material *const psk = good(w, "", "");
	assert_string_equal(said(psk, -1, GW_SAY_ALL), "");
	gw_material_unref(psk);
}

/* R-153 (c): a waiver is written down, at the start and at each reload. */
static void test_R153_an_address_that_is_trusted_is_a_waiver_in_the_log(void **state)
{
	struct world *w = *state;
	struct gw_material *m = good(w, "address_check = \"trust\";", "");
	const char *text = said(m, PKI_NOW, GW_SAY_ALL);
	has(text, "warn address-check listener 127.0.0.1:5684: address_check = \"trust\"");
	has(text, "remedy: address_check = \"check\"");
	assert_string_equal(said(m, PKI_NOW, GW_SAY_WARNINGS), "");
	gw_material_unref(m);
	m = good(w, "address_check = \"check-old\";", "");
	assert_string_equal(said(m, PKI_NOW, GW_SAY_ALL), "");
	gw_material_unref(m);
}

static void test_S27_who_may_be_told_is_in_the_log(void **state)
{
	struct world *w = *state;
	struct gw_material *const m =
		good(w, "", "}; connection_ids = { tell = [ \"10.0.0.0/8\" ];");
	has(said(m, PKI_NOW, GW_SAY_ALL), "warn tell connection_ids.tell: who sends from 1 prefix");
	gw_material_unref(m);
}

static void test_R070_a_clock_from_before_the_program_was_made_is_not_trusted(void **state)
{
	(void)state;
	const int64_t built_s = gw_clock_built_s();
	assert_true(built_s > 1700000000); /* the build says when */
	assert_true(gw_clock_trusted_s(0) < 0);
	assert_true(gw_clock_trusted_s(built_s - 1) < 0);
	assert_int_equal(gw_clock_trusted_s(built_s), built_s);
}

#define WORLDLY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLDLY(test_R065_what_the_files_have_is_in_the_settings),
		WORLDLY(test_R160_connection_ids_are_in_the_settings_as_the_lines_say),
		WORLDLY(test_R153_S27_profiles_have_what_else_a_reload_changes),
		WORLDLY(test_S31_what_is_learned_and_which_proofs_are_taken),
		WORLDLY(test_R064_a_pin_is_the_digest_of_the_key_in_the_file),
		WORLDLY(test_R058_raw_public_keys_are_on_where_the_library_has_them),
		WORLDLY(test_a_private_key_that_others_can_read_is_refused),
		WORLDLY(test_what_is_no_key_is_refused),
		WORLDLY(test_R041_a_weak_key_is_refused),
		WORLDLY(test_R069_a_certificate_that_devices_need_not_take_is_refused),
		WORLDLY(test_R066_R067_anchors_that_vouch_for_nobody_are_refused),
		WORLDLY(test_R071_lists_are_read_with_the_anchors),
		WORLDLY(test_R046_each_worker_makes_its_profiles_of_one_material),
		WORLDLY(test_R070_the_log_tells_when_a_certificate_ends),
		WORLDLY(test_R070_an_untrusted_clock_is_told_once_where_it_matters),
		WORLDLY(test_R153_an_address_that_is_trusted_is_a_waiver_in_the_log),
		WORLDLY(test_S27_who_may_be_told_is_in_the_log),
		cmocka_unit_test(test_R070_a_clock_from_before_the_program_was_made_is_not_trusted),
	};
	return cmocka_run_group_tests_name("gateway/material", tests, NULL, NULL);
}
