/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requirements of areas C, F and K, as a device that follows a script sees them: what the engine
 * answers to a hello that offers ECDHE_ECDSA, byte for byte, up to its ServerHelloDone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "dtls/state.h"
#include "peer_rig.h"
#include "pki.h"

#include <openssl/ec.h>
#include <openssl/err.h>

enum { ECDSA_CCM_8 = 0xc0ae, SIGALGS = 13, GROUPS = 10, FORMATS = 11, HANDSHAKE_FAILURE = 40 };

/* What the gateway is: a chain of three. */
struct gate {
	struct peer_rig *rig;
	struct pki_one root, authority, below, server;
	X509_STORE *anchors;
	STACK_OF(X509) * chain;
	struct dtls_profile *profile;
};

static struct gate gate; /* the owner's context is the rig's */

static struct dtls_profile *on_profile(void *ctx, const struct net_path *path)
{
	(void)ctx;
	(void)path;
	return gate.profile;
}

static int64_t on_now_s(void *ctx)
{
	(void)ctx;
	return PKI_NOW;
}

static struct dtls_profile *usual_profile(void)
{
	const char *error = NULL;
	struct dtls_profile_settings s = dtls_profile_settings_default();
	s.key = gate.server.key;
	s.certificate = gate.server.cert;
	s.chain = gate.chain;
	s.anchors = gate.anchors;
	s.now_s = on_now_s;
	struct dtls_profile *const p = dtls_profile_new(&s, &error);
	if (!p)
		fail_msg("no profile: %s", error);
	return p;
}

static int gate_up(void **state)
{
	gate.root = pki_make(pki_root("root"), NULL);
	gate.authority = pki_make(pki_authority("authority"), &gate.root);
	gate.below = pki_make(pki_authority("below"), &gate.authority);
	gate.server = pki_make(pki_server("gw.example"), &gate.below);
	gate.anchors = pki_store(gate.root.cert, NULL);
	gate.chain = pki_chain(gate.below.cert, gate.authority.cert, NULL);
	gate.profile = usual_profile();
	gate.rig = peer_rig_new(NULL);
	gate.rig->e->owner.profile = on_profile;
	*state = gate.rig;
	return 0;
}

static int gate_down(void **state)
{
	(void)state;
	peer_rig_free(gate.rig);
	dtls_profile_unref(gate.profile);
	X509_STORE_free(gate.anchors);
	sk_X509_pop_free(gate.chain, X509_free);
	pki_free(&gate.server);
	pki_free(&gate.below);
	pki_free(&gate.authority);
	pki_free(&gate.root);
	ERR_clear_error();
	return 0;
}

/* A device that offers one suite, and SHA-256 with ECDSA; from a network of its own, as who fails
   often is let in late. */
static struct peer *ecdsa_peer(struct peer_rig *rig, unsigned number)
{
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	p->path.peer.ip[0] = 10;
	p->path.peer.ip[1] = (uint8_t)(number >> 8);
	p->path.peer.ip[2] = (uint8_t)number;
	peer_set(&p->hello.suites, "\xc0\xae", 2);
	peer_ext(&p->hello.exts, SIGALGS, "\x00\x02\x04\x03", 4);
	return p;
}

/* The same, with P-256. */
static struct peer *p256_peer(struct peer_rig *rig, unsigned number)
{
	struct peer *const p = ecdsa_peer(rig, number);
	peer_ext(&p->hello.exts, GROUPS, "\x00\x02\x00\x17", 4);
	return p;
}

static bool is_served(struct peer_rig *rig, struct peer *p)
{
	peer_rig_ask(rig, p);
	return p->flight;
}

/* The flight of a server with a certificate that wants one of its client. */
static void check_flight(const struct peer *p)
{
	static const uint8_t types[] = { PEER_SERVER_HELLO, PEER_CERTIFICATE, PEER_SERVER_KEY, 13,
		PEER_HELLO_DONE };
	assert_int_equal(p->msgs, COUNT_OF(types) + 1); /* and the HelloVerifyRequest */
	for (size_t i = 0; i < COUNT_OF(types); i++)
		assert_int_equal(p->msg[i + 1].type, types[i]);
	assert_int_equal(p->answer.suite, ECDSA_CCM_8);
}

/* --- groups and points ------------------------------------------------------------------------ */

static void check_point(const struct peer *p)
{
	enum { P256 = 23, POINT_LEN = 65 };
	const struct peer_msg *const m = peer_heard(p, PEER_SERVER_KEY);
	assert_non_null(m);
	assert_true(m->body.len > 4 + POINT_LEN);
	assert_int_equal(m->body.at[0], 3); /* named_curve */
	assert_int_equal(peer_int(m->body.at + 1, 2), P256);
	assert_int_equal(m->body.at[3], POINT_LEN);
	assert_int_equal(m->body.at[4], 4); /* uncompressed */
	assert_int_equal(peer_int(m->body.at + 4 + POINT_LEN, 2), 0x0403);
}

static void test_R176_R175_P256_uncompressed_always_works(void **state)
{
	struct peer_rig *const rig = *state;
	static const struct {
		const char *groups, *formats;
		size_t groups_len, formats_len;
	} rows[] = {
		{ "\x00\x02\x00\x17", "\x01\x00", 4, 2 },
		{ "\x00\x02\x00\x17", "\x03\x01\x02\x00", 4, 4 },
		{ "\x00\x04\x00\x1d\x00\x17", NULL, 6, 0 }, /* x25519 is not ours */
		{ "\x00\x06\x00\x19\x00\x18\x00\x17", "\x01\x00", 8, 2 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct peer *const p = ecdsa_peer(rig, (unsigned)i);
		peer_ext(&p->hello.exts, GROUPS, rows[i].groups, rows[i].groups_len);
		if (rows[i].formats)
			peer_ext(&p->hello.exts, FORMATS, rows[i].formats, rows[i].formats_len);
		assert_true(is_served(rig, p));
		check_flight(p);
		check_point(p);
		size_t len = 0;
		const uint8_t *const formats = peer_ext_find(&p->answer.exts, FORMATS, &len);
		assert_true(!formats || (rows[i].formats && memchr(formats + 1, 0, len - 1)));
		peer_free(p);
	}
}

static void test_R041_R040_R175_weaker_groups_and_signatures_are_refused(void **state)
{
	struct peer_rig *const rig = *state;
	static const struct {
		const char *sigalgs, *groups;
		size_t sigalgs_len, groups_len;
	} rows[] = {
		{ "\x00\x02\x04\x03", "\x00\x02\x00\x1d", 4, 4 },         /* x25519 */
		{ "\x00\x02\x04\x03", "\x00\x04\x00\x15\x00\x13", 4, 6 }, /* P-224, P-192 */
		{ "\x00\x02\x02\x03", "\x00\x02\x00\x17", 4, 4 },         /* SHA-1 */
		{ "\x00\x04\x02\x03\x03\x03", "\x00\x02\x00\x17", 6, 4 }, /* SHA-1, SHA-224 */
		{ "\x00\x04\x04\x01\x08\x04", "\x00\x02\x00\x17", 6, 4 }, /* RSA */
		{ NULL, "\x00\x02\x00\x17", 0, 4 },                       /* SHA-1 is meant */
		{ "\x00\x02\x04\x03", NULL, 4, 0 }, /* libssl takes none for granted */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct peer *const p = ecdsa_peer(rig, (unsigned)i);
		peer_client_exts(p);
		if (rows[i].sigalgs)
			peer_ext(&p->hello.exts, SIGALGS, rows[i].sigalgs, rows[i].sigalgs_len);
		if (rows[i].groups)
			peer_ext(&p->hello.exts, GROUPS, rows[i].groups, rows[i].groups_len);
		assert_false(is_served(rig, p));
		assert_null(peer_heard(p, PEER_SERVER_HELLO));
		assert_int_equal(peer_alert(p), HANDSHAKE_FAILURE);
		peer_free(p);
	}
}

/* --- suites ----------------------------------------------------------------------------------- */

/* Alone, each of 65,536; the device offers all that any of them could want. */
static void test_R043_R039_R037_any_of_the_four_of_lwm2m_and_no_others(void **state)
{
	struct peer_rig *const rig = *state;
	size_t served = 0;
	for (unsigned n = 0; n <= UINT16_MAX; n++) {
		const uint8_t number[2] = { (uint8_t)(n >> 8), (uint8_t)n };
		struct peer *const p = p256_peer(rig, n);
		peer_set(&p->hello.suites, number, 2);
		peer_ext(&p->hello.exts, 22, "", 0); /* encrypt-then-MAC */
		if (is_served(rig, p)) {
			const struct suite *const s = suite_find((uint16_t)n);
			assert_true(s && s->initial);
			assert_int_equal(p->answer.suite, n);
			served++;
		}
		peer_free(p);
	}
	assert_int_equal(served, 4);
}

/* --- raw public keys ------------------------------------------------------------------------- */

enum { CLIENT_TYPE = 19, SERVER_TYPE = 20, SPKI_LEN = 91 /* of P-256 */ };

static void check_type(const struct peer *p, uint16_t extension, uint8_t type)
{
	size_t len = 0;
	const uint8_t *const at = peer_ext_find(&p->answer.exts, extension, &len);
	assert_non_null(at);
	assert_int_equal(len, 1); /* the one that is chosen, no list */
	assert_int_equal(at[0], type);
}

static void test_R058_R060_the_chosen_types_and_the_bare_key(void **state)
{
	struct peer_rig *const rig = *state;
	const char *error = NULL;
	if (!dtls_profile_can_raw())
		skip();
	struct dtls_profile_settings s = dtls_profile_settings_default();
	s.key = gate.server.key;
	s.raw_public_key = true;
	dtls_profile_unref(gate.profile);
	gate.profile = dtls_profile_new(&s, &error);
	assert_non_null(gate.profile);
	struct peer *const p = p256_peer(rig, 0);
	peer_ext(&p->hello.exts, CLIENT_TYPE, "\x02\x02\x00", 3);
	peer_ext(&p->hello.exts, SERVER_TYPE, "\x02\x00\x02", 3);
	assert_true(is_served(rig, p));
	check_flight(p);
	check_type(p, CLIENT_TYPE, 2);
	check_type(p, SERVER_TYPE, 2);
	uint8_t spki[SPKI_LEN], *end = spki;
	assert_int_equal(i2d_PUBKEY(gate.server.key, NULL), SPKI_LEN);
	assert_int_equal(i2d_PUBKEY(gate.server.key, &end), SPKI_LEN);
	const struct peer_buf *const b = &peer_heard(p, PEER_CERTIFICATE)->body;
	assert_int_equal(b->len, 3 + SPKI_LEN);
	assert_int_equal(peer_int(b->at, 3), SPKI_LEN);
	assert_memory_equal(b->at + 3, spki, SPKI_LEN);
	peer_free(p);
	/* Who says nothing of types means X.509, which this gateway has not. */
	struct peer *const old = p256_peer(rig, 1);
	assert_false(is_served(rig, old));
	assert_int_equal(peer_alert(old), 43);
	peer_free(old);
}

/* --- extensions that are not ours ------------------------------------------------------------- */

static void check_ignored(struct peer_rig *rig, uint16_t code, const char *body, size_t len)
{
	struct peer *const p = p256_peer(rig, code);
	peer_ext(&p->hello.exts, code, body, len);
	assert_true(is_served(rig, p));
	check_flight(p);
	assert_null(peer_ext_find(&p->answer.exts, code, NULL));
	/* Its certificates go out whole, each with its length (RFC 5246 7.4.2). */
	const struct peer_buf *const b = &peer_heard(p, PEER_CERTIFICATE)->body;
	assert_int_equal(peer_int(b->at, 3), b->len - 3);
	size_t n = 0;
	for (size_t at = 3; at < b->len; at += 3 + (size_t)peer_int(b->at + at, 3))
		n++;
	assert_int_equal(n, 3);
	peer_free(p);
}

static void test_R072_cached_info_is_borne_and_not_used(void **state)
{
	check_ignored(*state, 25,
		"\x00\x21\x01\x20"
		"0123456789abcdef0123456789abcdef",
		36);
	check_ignored(*state, 25, "\x00\x00", 2);
}

static void test_R073_no_certificate_is_fetched_by_its_URL(void **state)
{
	check_ignored(*state, 2, "", 0);
}

static void test_R074_trusted_ca_keys_choose_nothing(void **state)
{
	check_ignored(*state, 3, "\x00\x01\x00", 3);
	check_ignored(*state, 3, "\x00\x00", 2);
}

/* --- sizes ------------------------------------------------------------------------------------ */

static void test_R161_the_flight_with_certificates_keeps_to_it(void **state)
{
	struct peer_rig *const rig = *state;
	for (size_t i = 1; i <= 2; i++) {
		struct peer *const p = p256_peer(rig, (unsigned)i);
		const uint8_t code = (uint8_t)i;
		peer_ext(&p->hello.exts, 1, &code, 1);
		assert_true(is_served(rig, p));
		check_flight(p);
		assert_true(peer_heard(p, PEER_CERTIFICATE)->body.len > 1024);
		for (size_t r = 0; r < p->recs; r++)
			assert_true(p->rec[r].len <= (size_t)256 << i);
		peer_free(p);
	}
}

/* A device that cuts its hello at 128 can not take more itself. */
static void test_R097_fragments_are_as_small_as_the_devices(void **state)
{
	enum { PIECE = 128 };
	struct peer_rig *const rig = *state;
	struct peer *const p = p256_peer(rig, 0);
	uint8_t filler[400] = { 0 };
	peer_ext(&p->hello.exts, 0x4242, filler, sizeof(filler));
	for (int i = 0; i < 2; i++) { /* without a cookie, and with it */
		peer_make_client_hello(p);
		const size_t len = p->mine[PEER_CLIENT_HELLO].body.len;
		for (size_t at = 0; at < len; at += PIECE) {
			peer_put_part(
				p, PEER_CLIENT_HELLO, at, len - at < PIECE ? len - at : PIECE);
			peer_flush(p);
		}
		peer_rig_pump(rig, p);
	}
	assert_true(p->flight);
	check_flight(p);
	for (size_t r = 0; r < p->recs; r++)
		assert_true(p->rec[r].len <= PEER_MESSAGE_HEADER + PIECE);
	peer_free(p);
}

/* --- strength --------------------------------------------------------------------------------- */

/* Of all curves that the library knows, those that are taken have 128 bits of strength. */
static void test_R045_no_key_of_less_than_128_bits_of_strength(void **state)
{
	(void)state;
	EC_builtin_curve all[128];
	const size_t n = EC_get_builtin_curves(all, COUNT_OF(all));
	size_t taken = 0, refused = 0;
	assert_in_range(n, 3, COUNT_OF(all));
	for (size_t i = 0; i < n; i++) {
		EVP_PKEY *const key = EVP_EC_gen(OBJ_nid2sn(all[i].nid));
		if (!key)
			continue;
		if (dtls_key_weakness(key)) {
			refused++;
		} else {
			assert_true(EVP_PKEY_get_security_bits(key) >= 128);
			assert_true(all[i].nid == NID_X9_62_prime256v1 ||
				    all[i].nid == NID_secp384r1 ||
				    all[i].nid == NID_secp521r1); /* */
			taken++;
		}
		EVP_PKEY_free(key);
	}
	assert_int_equal(taken, 3);
	assert_true(refused > 0);
	ERR_clear_error();
}

int main(void)
{
#define GATE(f) cmocka_unit_test_setup_teardown(f, gate_up, gate_down)
	const struct CMUnitTest tests[] = {
		GATE(test_R176_R175_P256_uncompressed_always_works),
		GATE(test_R041_R040_R175_weaker_groups_and_signatures_are_refused),
		GATE(test_R043_R039_R037_any_of_the_four_of_lwm2m_and_no_others),
		GATE(test_R058_R060_the_chosen_types_and_the_bare_key),
		GATE(test_R072_cached_info_is_borne_and_not_used),
		GATE(test_R073_no_certificate_is_fetched_by_its_URL),
		GATE(test_R074_trusted_ca_keys_choose_nothing),
		GATE(test_R161_the_flight_with_certificates_keeps_to_it),
		GATE(test_R097_fragments_are_as_small_as_the_devices),
		cmocka_unit_test(test_R045_no_key_of_less_than_128_bits_of_strength),
	};
	return cmocka_run_group_tests_name("dtls/conf_certs", tests, NULL, NULL);
}
