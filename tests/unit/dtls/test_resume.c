/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions resumed by their id, by a device that is libssl all the way. */
#include "device.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

/* The device has done a full handshake; its session may be offered again. */
static SSL_SESSION *first_session(struct pair *p)
{
	struct device *const d = device_new(p, NULL);
	device_connect(d);
	assert_true(d->up);
	assert_device_talks(d);
	SSL_SESSION *const s = SSL_get1_session(d->ssl);
	device_free(d);
	p->generation++; /* other keys from now on */
	return s;
}

/* How a handshake ended that was offered a session, on a clean wire. */
enum outcome { FULL, ABBREVIATED };

static void assert_outcome(struct device *d, enum outcome want)
{
	struct side *const s = &d->p->side[SERVER];
	const uint64_t resumed = dtls_stats(s->e).resumed;
	const size_t asked = d->p->asked;
	device_connect(d);
	assert_true(d->up);
	assert_int_equal(d->alert, 0);
	assert_int_equal(s->count[FAILED], 0);
	assert_int_equal(SSL_session_reused(d->ssl), want == ABBREVIATED);
	assert_int_equal(dtls_stats(s->e).resumed - resumed, want == ABBREVIATED);
	assert_int_equal(d->p->asked - asked, want == FULL);
	assert_int_equal(dtls_stats(s->e).handshakes, 0);
	assert_device_talks(d);
	assert_no_number_twice(d->p);
}

static void test_R196_R199_a_session_is_resumed_by_its_id(void **state)
{
	(void)state;
	static struct shelf shelf;
	struct pair *const p = pair_with_shelf(1, &shelf);
	const struct side *const s = &p->side[SERVER];
	SSL_SESSION *const session = first_session(p);
	assert_int_equal(shelf.keeps, 1);
	assert_int_equal(shelf.kept[0].cred, 7);
	assert_int_equal(shelf.kept[0].generation, 41);
	assert_int_equal(shelf.kept[0].id_len, 32);
	/* Again and again: the session stays what it was, the keys do not. */
	for (size_t i = 0; i < 3; i++) {
		shelf.kept[0].cred = (uint32_t)(100 + i);
		p->wire_log_len = 0;
		struct device *const d = device_new(p, session);
		assert_outcome(d, ABBREVIATED);
		/* ServerHello, ChangeCipherSpec, Finished, an answer: no ServerHelloDone, and
		   nothing after the device's Finished. */
		static const uint8_t said[] = { 22, 0, 20, 0, 22, 1, 23, 1 };
		assert_int_equal(p->wire_log_len, sizeof(said) / 2 * 3);
		for (size_t r = 0; r < sizeof(said); r += 2)
			assert_memory_equal(p->wire_log + r / 2 * 3, said + r, 2);
		assert_int_equal(dtls_conn_cred(s->conn), 100 + i);
		assert_int_equal(dtls_conn_generation(s->conn), 41);
		assert_int_equal(s->count[DOWN], 1 + i); /* of the association before */
		assert_int_equal(s->notes[s->note_count - 1].kind, MESSAGE);
		assert_int_equal(p->keylogs, 2 + i);
		assert_int_equal(dtls_stats(s->e).conns, 1);
		device_free(d);
		p->generation++;
	}
	assert_int_equal(shelf.keeps, 1);
	assert_int_equal(shelf.drops, 0);
	assert_int_equal(dtls_stats(s->e).handshakes_done[DTLS_SERVER], 4);
	SSL_SESSION_free(session);
	pair_free(p);
}

static void test_R197_the_library_finds_no_session_too_old(void **state)
{
	(void)state;
	static struct shelf shelf;
	struct pair *const p = pair_with_shelf(2, &shelf);
	SSL_SESSION *const session = first_session(p);
	struct device *const d = device_new(p, session);
	device_clock_ms += UINT64_C(60) * 365 * 86400 * 1000; /* the owner decides */
	assert_outcome(d, ABBREVIATED);
	device_free(d);
	SSL_SESSION_free(session);
	pair_free(p);
}

static void test_R200_an_unknown_id_makes_a_full_handshake(void **state)
{
	(void)state;
	static struct shelf shelf;
	struct pair *const p = pair_with_shelf(3, &shelf);
	SSL_SESSION *const session = first_session(p);
	shelf.count = 0;
	struct device *const d = device_new(p, session);
	assert_outcome(d, FULL);
	assert_int_equal(shelf.asks, 1);
	assert_int_equal(shelf.keeps, 2); /* the new one */
	device_free(d);
	SSL_SESSION_free(session);
	pair_free(p);
}

static void test_R196_an_owner_without_a_place_for_sessions_gives_no_id(void **state)
{
	(void)state;
	struct pair *const p = pair_new(4, NULL);
	SSL_SESSION *const session = first_session(p);
	assert_false(SSL_SESSION_is_resumable(session));
	SSL_SESSION_free(session);
	pair_free(p);
}

static void test_R211_a_changed_credential_means_a_full_handshake_with_the_new_key(void **state)
{
	(void)state;
	static struct shelf shelf;
	struct pair *const p = pair_with_shelf(5, &shelf);
	SSL_SESSION *const session = first_session(p);
	shelf.generation = p->cred_generation = 42;
	p->key[0] ^= 1;
	/* Who has the session and the old key only is out. */
	struct device *const old = device_new(p, session);
	device_connect(old);
	device_run(old, p->now_ms + 300000);
	assert_false(old->up);
	device_free(old);
	p->generation++;
	assert_int_equal(dtls_stats(p->side[SERVER].e).resumed, 0);
	assert_int_equal(shelf.drops, 0);
	p->side[SERVER].count[FAILED] = 0;
	p->client_key[0] ^= 1;
	struct device *const d = device_new(p, session);
	assert_outcome(d, FULL);
	assert_int_equal(dtls_conn_generation(p->side[SERVER].conn), 42);
	assert_int_equal(shelf.kept[shelf.count - 1].generation, 42);
	device_free(d);
	SSL_SESSION_free(session);
	pair_free(p);
}

/* --- what must be as it was (R-198) ---------------------------------------------------------- */

static void test_R198_without_the_extended_master_secret_nothing_is_kept(void **state)
{
	(void)state;
	static struct shelf shelf;
	struct pair *const p = pair_with_shelf(6, &shelf);
	for (int i = 0; i < 2; i++) {
		struct device *const d = device_new(p, NULL);
		SSL_set_options(d->ssl, i == 0 ? SSL_OP_NO_EXTENDED_MASTER_SECRET : 0);
		device_connect(d);
		assert_true(d->up);
		assert_int_equal(SSL_SESSION_is_resumable(SSL_get_session(d->ssl)), i);
		assert_int_equal(shelf.keeps, i);
		device_free(d);
		p->generation++;
	}
	pair_free(p);
}

static void test_R198_a_hello_without_extended_master_secret_makes_a_full_handshake(void **state)
{
	(void)state;
	static struct shelf shelf;
	struct pair *const p = pair_with_shelf(7, &shelf);
	SSL_SESSION *const session = first_session(p);
	struct device *const d = device_new(p, session);
	SSL_set_options(d->ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	assert_outcome(d, FULL);
	assert_int_equal(shelf.finds, 1);
	assert_int_equal(shelf.keeps, 1);
	device_free(d);
	/* The session itself is as good as before. */
	p->generation++;
	struct device *const again = device_new(p, session);
	assert_outcome(again, ABBREVIATED);
	device_free(again);
	SSL_SESSION_free(session);
	pair_free(p);
}

static void test_R198_max_fragment_length_is_of_the_session(void **state)
{
	(void)state;
	static const struct {
		uint8_t first, then;
		enum outcome outcome;
	} cases[] = {
		{ TLSEXT_max_fragment_length_512, TLSEXT_max_fragment_length_512, ABBREVIATED },
		{ TLSEXT_max_fragment_length_512, TLSEXT_max_fragment_length_1024, FULL },
		{ TLSEXT_max_fragment_length_512, TLSEXT_max_fragment_length_DISABLED, FULL },
		{ TLSEXT_max_fragment_length_DISABLED, TLSEXT_max_fragment_length_512, FULL },
	};
	static const uint8_t long_message[1024];
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		static struct shelf shelf;
		struct pair *const p = pair_with_shelf(8, &shelf);
		const struct side *const s = &p->side[SERVER];
		struct device *const first = device_new(p, NULL);
		SSL_set_tlsext_max_fragment_length(first->ssl, cases[i].first);
		device_connect(first);
		assert_true(first->up);
		SSL_SESSION *const session = SSL_get1_session(first->ssl);
		device_free(first);
		p->generation++;
		struct device *const d = device_new(p, session);
		SSL_set_tlsext_max_fragment_length(d->ssl, cases[i].then);
		assert_outcome(d, cases[i].outcome);
		const size_t max = cases[i].then ? (size_t)256 << cases[i].then : 1024;
		assert_int_equal(dtls_send(s->e, s->conn, long_message, max), DTLS_OK);
		if (cases[i].then)
			assert_int_equal(
				dtls_send(s->e, s->conn, long_message, max + 1), DTLS_TOO_LONG);
		device_free(d);
		SSL_SESSION_free(session);
		pair_free(p);
	}
}

static void test_R204_what_we_did_not_write_is_not_resumed(void **state)
{
	(void)state;
	static struct shelf shelf;
	struct pair *const p = pair_with_shelf(9, &shelf);
	SSL_SESSION *const session = first_session(p);
	const struct dtls_resumable good = shelf.kept[0];
	for (int i = 0; i < 7; i++) {
		struct dtls_resumable *const x = &shelf.kept[0];
		shelf.count = 1;
		*x = good;
		if (i == 0)
			x->session[0]++; /* another format */
		if (i == 1)
			x->session[1]++; /* no SEQUENCE */
		if (i == 2)
			x->len--;
		if (i == 3)
			x->session[x->len++] = 0; /* something after it */
		if (i == 4)
			x->len = 1;
		if (i == 5)
			x->len = sizeof(x->session) + 1;
		if (i == 6) { /* another session under this id */
			uint8_t *const id = memmem(x->session, x->len, x->id, x->id_len);
			assert_non_null(id);
			id[0]++;
		}
		struct device *const d = device_new(p, session);
		assert_outcome(d, FULL);
		assert_int_equal(shelf.finds, 1 + i);
		device_free(d);
		p->generation++;
	}
	SSL_SESSION_free(session);
	pair_free(p);
}

static void test_R050_a_session_of_the_longest_identity_fits(void **state)
{
	(void)state;
	static struct shelf shelf;
	struct pair *const p = pair_with_shelf(10, &shelf);
	p->identity_len = DTLS_IDENTITY_MAX;
	memset(p->identity, 'i', p->identity_len);
	p->key_len = DTLS_PSK_MAX;
	memset(p->key, 0x77, sizeof(p->key));
	memcpy(p->client_key, p->key, sizeof(p->key));
	SSL_SESSION *const session = first_session(p);
	assert_int_equal(shelf.keeps, 1);
	print_message("# a session of the longest identity takes %zu bytes\n", shelf.kept[0].len);
	struct device *const d = device_new(p, session);
	assert_outcome(d, ABBREVIATED);
	device_free(d);
	SSL_SESSION_free(session);
	pair_free(p);
}

/* --- fresh randomness ------------------------------------------------------------------------ */

static unsigned reseeds(void)
{
	unsigned n = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint(OSSL_DRBG_PARAM_RESEED_COUNTER, &n),
		OSSL_PARAM_construct_end(),
	};
	uint8_t byte = 0;
	assert_int_equal(RAND_bytes(&byte, 1), 1); /* it looks above itself when it is asked */
	assert_int_equal(EVP_RAND_CTX_get_params(RAND_get0_public(NULL), params), 1);
	return n;
}

static void test_S7_each_handshake_draws_on_fresh_randomness(void **state)
{
	(void)state;
	struct pair *const p = pair_new(11, NULL);
	for (int i = 0; i < 3; i++) {
		const unsigned before = reseeds();
		struct device *const d = device_new(p, NULL);
		device_connect(d);
		assert_true(d->up);
		assert_int_equal(reseeds(), before + 1);
		device_free(d);
		p->generation++;
	}
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R196_R199_a_session_is_resumed_by_its_id),
		cmocka_unit_test(test_R197_the_library_finds_no_session_too_old),
		cmocka_unit_test(test_R200_an_unknown_id_makes_a_full_handshake),
		cmocka_unit_test(test_R196_an_owner_without_a_place_for_sessions_gives_no_id),
		cmocka_unit_test(
			test_R211_a_changed_credential_means_a_full_handshake_with_the_new_key),
		cmocka_unit_test(test_R198_without_the_extended_master_secret_nothing_is_kept),
		cmocka_unit_test(
			test_R198_a_hello_without_extended_master_secret_makes_a_full_handshake),
		cmocka_unit_test(test_R198_max_fragment_length_is_of_the_session),
		cmocka_unit_test(test_R204_what_we_did_not_write_is_not_resumed),
		cmocka_unit_test(test_R050_a_session_of_the_longest_identity_fits),
		cmocka_unit_test(test_S7_each_handshake_draws_on_fresh_randomness),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
