/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload, or a restart, changes for those who are in; and who would be believed still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/log.h"
#include "dtls/certificate.h"
#include "gateway/clock.h"
#include "gateway/material.h"
#include "gateway/store_wait.h"
#include "gateway/waves.h"
#include "papers.h"
#include "store/store.h"

#define OWN "private_key_file = \"@/key\"; certificate_file = \"@/cert\"; anchors_file = \"@/ca\"; "
#define CRL "crl_file = \"@/crl\"; "
#define UP_PIN                                                                                     \
	"credential = \"certificate\"; private_key_file = \"@/key\"; certificate_file = "          \
	"\"@/up\"; server_public_key = [ \"@/pub\" ]; "
#define UP_PINS                                                                                    \
	"credential = \"certificate\"; private_key_file = \"@/key\"; certificate_file = "          \
	"\"@/up\"; server_public_key = [ \"@/more\", \"@/pub\" ]; "
#define UP_CERT                                                                                    \
	"credential = \"certificate\"; private_key_file = \"@/key\"; certificate_file = "          \
	"\"@/up\"; anchors_file = \"@/ca\"; server_name = \"server.example\"; "

enum {
	BIT_OWN = 1 << GW_WAVE_OWN_DEVICE,
	BIT_LINKS = 1 << GW_WAVE_OWN_UPSTREAM,
	BIT_SERVER = 1 << GW_WAVE_SERVER,
	BIT_VOUCHING = 1 << GW_WAVE_VOUCHING
};

struct world {
	struct papers papers;
	struct store *store;
	struct log log;
	struct pki_one root, second, own, up, other, more;
	uint8_t proof[GW_WAVE_UPSTREAMS][GW_WAVE_PROOF];
	struct gw_material *m; /* the last */
};

static int set_up(void **state)
{
	struct world *const w = calloc(1, sizeof(*w));
	struct store_error why;
	assert_non_null(w);
	w->log = (struct log){ .fd = 2, .level = LOG_LEVEL_ERROR, .name = "t" };
	w->store = store_open(&(struct store_settings){ .log = &w->log }, &why);
	assert_non_null(w->store);
	papers_new(&w->papers);
	w->root = pki_make(pki_root("root"), NULL);
	w->second = pki_make(pki_root("second"), NULL);
	w->own = pki_make(pki_server("gw.example"), &w->root);
	w->other = pki_make(pki_server("other.example"), &w->root);
	w->more = pki_make(pki_server("more.example"), &w->root);
	struct pki_ask ask = pki_device("gateway 7");
	ask.key = w->own.key;
	w->up = pki_make(ask, &w->root);
	papers_key(&w->papers, "key", w->own.key);
	papers_certificates(&w->papers, "cert", w->own.cert, NULL);
	papers_certificates(&w->papers, "up", w->up.cert, NULL);
	papers_certificates(&w->papers, "ca", w->root.cert, NULL);
	papers_certificates(&w->papers, "pub", w->other.cert, NULL);
	papers_certificates(&w->papers, "more", w->more.cert, NULL);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *const w = *state;
	gw_material_unref(w->m);
	pki_free(&w->root);
	pki_free(&w->second);
	pki_free(&w->own);
	pki_free(&w->up);
	pki_free(&w->other);
	pki_free(&w->more);
	papers_free(&w->papers);
	store_close(w->store);
	free(w);
	return 0;
}

static void read_conf(struct world *w, struct conf_gateway *conf)
{
	struct conf_error error = { "" };
	gw_material_unref(w->m);
	w->m = gw_material_new(conf, &error);
	conf_free(conf);
	if (!w->m)
		fail_msg("%s", error.text);
}

/* A reload, or the start of another process: nothing but the store knows what was before. */
static unsigned next(struct world *w, const char *listener, const char *upstream)
{
	unsigned raised = ~0U;
	struct conf_gateway conf = papers_conf(&w->papers, listener, upstream);
	read_conf(w, &conf);
	assert_true(gw_waves_follow(w->store, w->m, w->proof, &raised));
	return raised;
}

static uint64_t given(const struct world *w)
{
	uint64_t generation = 0;
	struct store_reader *const r = store_reader_new(w->store);
	assert_non_null(r);
	assert_int_equal(store_read_generation(r, &generation), STORE_OK);
	store_reader_free(r);
	return generation;
}

static void lists(const struct world *w, const struct pki_one *issuer, uint64_t serial, int64_t now)
{
	X509_CRL *const crl = pki_crl(issuer, issuer->key, serial, now);
	papers_crl(&w->papers, "crl", crl);
	X509_CRL_free(crl);
}

static void test_R215_what_is_the_same_raises_nothing(void **state)
{
	struct world *const w = *state;
	assert_int_equal(next(w, OWN, UP_CERT), 0); /* nothing is known of before */
	const uint64_t before = given(w);
	const uint64_t commits = store_stats(w->store).operations;
	assert_int_equal(next(w, OWN, UP_CERT), 0);
	assert_int_equal(given(w), before);
	assert_int_equal(store_stats(w->store).operations, commits + 1);
	assert_int_equal(gw_material_newest(w->m), 0);
	assert_int_equal(gw_material_wave(NULL, GW_WAVE_SERVER, GW_MATERIAL_UPSTREAM), 0);
}

static void test_R217_another_certificate_of_ours_is_a_wave_that_lasts(void **state)
{
	struct world *const w = *state;
	assert_int_equal(next(w, OWN, ""), 0);
	const uint64_t before = given(w);
	struct pki_ask ask = pki_server("gw.example");
	ask.key = w->own.key;
	struct pki_one anew = pki_make(ask, &w->root);
	papers_certificates(&w->papers, "cert", anew.cert, NULL);
	pki_free(&anew);
	assert_int_equal(next(w, OWN, ""), BIT_OWN);
	const uint64_t wave = gw_material_wave(w->m, GW_WAVE_OWN_DEVICE, 0);
	assert_true(wave > before);
	assert_int_equal(given(w), wave);
	assert_int_equal(gw_material_newest(w->m), wave);
	assert_int_equal(gw_material_wave(w->m, GW_WAVE_OWN_DEVICE, 1), 0);
	assert_int_equal(gw_material_wave(w->m, GW_WAVE_VOUCHING, 0), 0);
	/* Everybody who comes later has it, too, and it is not raised again. */
	assert_int_equal(next(w, OWN, ""), 0);
	assert_int_equal(gw_material_wave(w->m, GW_WAVE_OWN_DEVICE, 0), wave);
	/* It is there no more; then it is there again, which nobody was let in by. */
	assert_int_equal(next(w, "", ""), BIT_OWN | BIT_VOUCHING);
	assert_int_equal(next(w, OWN, ""), 0);
}

static void test_R207_lists_and_anchors_are_waves_when_they_say_something_else(void **state)
{
	struct world *const w = *state;
	lists(w, &w->root, 6, PKI_NOW);
	assert_int_equal(next(w, OWN CRL, ""), 0); /* nothing is known of before */
	lists(w, &w->root, 7, PKI_NOW);
	assert_int_equal(next(w, OWN CRL, ""), BIT_VOUCHING);
	const uint64_t first = gw_material_wave(w->m, GW_WAVE_VOUCHING, 0);
	/* Made anew each day, it says the same. */
	lists(w, &w->root, 7, PKI_NOW + 86400);
	assert_int_equal(next(w, OWN CRL, ""), 0);
	lists(w, &w->root, 8, PKI_NOW);
	assert_int_equal(next(w, OWN CRL, ""), BIT_VOUCHING);
	assert_true(gw_material_wave(w->m, GW_WAVE_VOUCHING, 0) > first);
	/* Another order of the same anchors. */
	papers_certificates(&w->papers, "ca", w->root.cert, w->second.cert);
	assert_int_equal(next(w, OWN CRL, ""), BIT_VOUCHING);
	papers_certificates(&w->papers, "ca", w->second.cert, w->root.cert);
	assert_int_equal(next(w, OWN CRL, ""), 0);
	/* Two places, one change. */
	assert_int_equal(next(w, OWN CRL, UP_CERT), BIT_VOUCHING);
	const uint64_t before = given(w);
	papers_certificates(&w->papers, "ca", w->second.cert, NULL);
	assert_int_equal(next(w, OWN CRL, UP_CERT), BIT_VOUCHING | BIT_SERVER);
	assert_int_equal(given(w), before + 1);
}

static void test_R218_the_server_is_distrusted_by_what_is_taken_away(void **state)
{
	struct world *const w = *state;
	assert_int_equal(next(w, "", UP_PIN), 0);
	assert_int_equal(next(w, "", UP_PINS), BIT_VOUCHING); /* one more: nobody is distrusted */
	const uint64_t more = gw_material_wave(w->m, GW_WAVE_VOUCHING, GW_MATERIAL_UPSTREAM);
	assert_true(more > 0);
	assert_int_equal(next(w, "", UP_PINS), 0);
	assert_int_equal(next(w, "", UP_PIN), BIT_SERVER | BIT_VOUCHING);
	const uint64_t wave = gw_material_wave(w->m, GW_WAVE_SERVER, GW_MATERIAL_UPSTREAM);
	assert_true(wave > 0);
	papers_certificates(&w->papers, "pub", w->more.cert, NULL);
	assert_int_equal(next(w, "", UP_PIN), BIT_SERVER | BIT_VOUCHING);
	assert_true(gw_material_wave(w->m, GW_WAVE_SERVER, GW_MATERIAL_UPSTREAM) > wave);
	/* By its name instead. */
	assert_int_equal(next(w, "", UP_CERT), BIT_SERVER | BIT_VOUCHING);
	assert_int_equal(next(w, "", UP_CERT), 0);
	papers_certificates(&w->papers, "ca", w->second.cert, NULL);
	assert_int_equal(next(w, "", UP_CERT), BIT_SERVER | BIT_VOUCHING);
	/* The first pin: until now none was asked for. */
	assert_int_equal(next(w, "", UP_CERT "server_public_key = [ \"@/pub\" ];"),
		BIT_SERVER | BIT_VOUCHING);
	lists(w, &w->second, 7, PKI_NOW);
	assert_int_equal(
		next(w, "", UP_CERT CRL "server_public_key = [ \"@/pub\" ];"), BIT_VOUCHING);
	assert_true(gw_material_wave(w->m, GW_WAVE_VOUCHING, GW_MATERIAL_UPSTREAM) > more);
	assert_int_equal(gw_material_wave(w->m, GW_WAVE_VOUCHING, 0), 0);
}

static void test_R217_what_the_links_prove_may_be_another(void **state)
{
	struct world *const w = *state;
	memset(w->proof, 7, sizeof(w->proof));
	assert_int_equal(next(w, "", ""), 0);
	assert_int_equal(next(w, "", ""), 0);
	memset(w->proof, 8, sizeof(w->proof));
	assert_int_equal(next(w, "", ""), BIT_LINKS);
	memset(w->proof, 0, sizeof(w->proof));
	assert_int_equal(next(w, "", UP_PIN), BIT_LINKS | BIT_VOUCHING); /* and a pin */
	const uint64_t wave = gw_material_wave(w->m, GW_WAVE_OWN_UPSTREAM, GW_MATERIAL_UPSTREAM);
	assert_int_equal(gw_material_newest(w->m), wave);
	struct pki_ask ask = pki_device("gateway 8");
	ask.key = w->own.key;
	struct pki_one anew = pki_make(ask, &w->root);
	papers_certificates(&w->papers, "up", anew.cert, NULL);
	pki_free(&anew);
	assert_int_equal(next(w, "", UP_PIN), BIT_LINKS);
}

/* Numbers of listeners are of one file; what is remembered is of their addresses. */
static void test_R215_a_listener_is_known_again_by_its_address(void **state)
{
	struct world *const w = *state;
	unsigned raised = 0;
	assert_int_equal(next(w, OWN, ""), 0);
	papers_certificates(&w->papers, "ca", w->second.cert, NULL);
	assert_int_equal(next(w, OWN, ""), BIT_VOUCHING);
	const uint64_t wave = gw_material_wave(w->m, GW_WAVE_VOUCHING, 0);
	struct conf_gateway conf =
		papers_conf(&w->papers, "port = 5999; }, { address = \"127.0.0.1\"; " OWN, "");
	assert_int_equal(conf.listeners_len, 2);
	read_conf(w, &conf);
	assert_true(gw_waves_follow(w->store, w->m, w->proof, &raised));
	assert_int_equal(raised, 0);
	assert_int_equal(gw_material_wave(w->m, GW_WAVE_VOUCHING, 0), 0);
	assert_int_equal(gw_material_wave(w->m, GW_WAVE_VOUCHING, 1), wave);
}

/* --- who would be believed still -------------------------------------------------------------- */

static struct store_proof proof_of(
	const X509 *leaf, const X509 *between, const X509 *anchor, uint64_t until_ms)
{
	uint8_t digest[DTLS_DIGEST_LEN];
	struct store_proof p = { .until_ms = until_ms, .len = between ? 2 : 1 };
	assert_true(dtls_spki_digest(X509_get_X509_PUBKEY(anchor), digest));
	memcpy(p.anchor, digest, STORE_TRACE);
	assert_true(dtls_certificate_trace(
		X509_get_issuer_name(leaf), X509_get0_serialNumber(leaf), p.chain[0]));
	if (between)
		assert_true(dtls_certificate_trace(X509_get_issuer_name(between),
			X509_get0_serialNumber(between), p.chain[1]));
	return p;
}

static void test_R207_who_is_vouched_for_is_told_by_the_lists_of_now(void **state)
{
	struct world *const w = *state;
	const uint64_t now = (uint64_t)gw_clock_built_s() * 1000 + 5000;
	struct pki_ask ask = pki_authority("between");
	ask.serial = 5;
	struct pki_one between = pki_make(ask, &w->root);
	ask = pki_device("urn:dev:1");
	ask.serial = 77;
	struct pki_one leaf = pki_make(ask, &between);
	const struct store_proof p = proof_of(leaf.cert, between.cert, w->root.cert, now + 1000);
	const struct store_proof psk = { .len = 0 };
	(void)next(w, OWN, "");
	assert_int_equal(gw_material_vouches(w->m, 0, &p, now), GW_VOUCH_FINE);
	assert_int_equal(gw_material_vouches(w->m, 0, &p, now + 1000), GW_VOUCH_EXPIRED);
	assert_int_equal(gw_material_vouches(w->m, 0, &p, 5000), GW_VOUCH_FINE); /* no clock */
	assert_int_equal(gw_material_vouches(NULL, 0, &p, now), GW_VOUCH_FINE);
	/* Another's serial number, or another authority's the same number. */
	lists(w, &between, 78, PKI_NOW);
	(void)next(w, OWN CRL, "");
	assert_int_equal(gw_material_vouches(w->m, 0, &p, now), GW_VOUCH_FINE);
	lists(w, &w->root, 77, PKI_NOW);
	(void)next(w, OWN CRL, "");
	assert_int_equal(gw_material_vouches(w->m, 0, &p, now), GW_VOUCH_FINE);
	/* Its own; or that of who vouches for it. */
	lists(w, &between, 77, PKI_NOW);
	(void)next(w, OWN CRL, "");
	assert_int_equal(gw_material_vouches(w->m, 0, &p, now + 1000), GW_VOUCH_REVOKED);
	lists(w, &w->root, 5, PKI_NOW);
	(void)next(w, OWN CRL, "");
	assert_int_equal(gw_material_vouches(w->m, 0, &p, now), GW_VOUCH_REVOKED);
	papers_certificates(&w->papers, "ca", w->second.cert, NULL);
	(void)next(w, OWN, "");
	assert_int_equal(gw_material_vouches(w->m, 0, &p, now), GW_VOUCH_ANCHOR_REMOVED);
	papers_certificates(&w->papers, "ca", w->second.cert, w->root.cert);
	(void)next(w, OWN, "");
	assert_int_equal(gw_material_vouches(w->m, 0, &p, now), GW_VOUCH_FINE);
	/* A listener that takes none any more; and one that is none any more. */
	(void)next(w, "", "");
	assert_int_equal(gw_material_vouches(w->m, 0, &p, now), GW_VOUCH_ANCHOR_REMOVED);
	assert_int_equal(gw_material_vouches(w->m, 9, &p, now), GW_VOUCH_ANCHOR_REMOVED);
	assert_int_equal(gw_material_vouches(w->m, 0, &psk, now), GW_VOUCH_FINE);
	pki_free(&leaf);
	pki_free(&between);
}

#define WORLDLY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLDLY(test_R215_what_is_the_same_raises_nothing),
		WORLDLY(test_R217_another_certificate_of_ours_is_a_wave_that_lasts),
		WORLDLY(test_R207_lists_and_anchors_are_waves_when_they_say_something_else),
		WORLDLY(test_R218_the_server_is_distrusted_by_what_is_taken_away),
		WORLDLY(test_R217_what_the_links_prove_may_be_another),
		WORLDLY(test_R215_a_listener_is_known_again_by_its_address),
		WORLDLY(test_R207_who_is_vouched_for_is_told_by_the_lists_of_now),
	};
	return cmocka_run_group_tests_name("gateway/waves", tests, NULL, NULL);
}
