/* SPDX-License-Identifier: Apache-2.0 */
/* Our client and a server of libssl that gives tickets (RFC 5077). */
#include "raw.h"

static struct dtls_resumable kept; /* an owner's ctx is a side of the pair */
static size_t keeps;

static void keep(void *ctx, void *user, const struct dtls_resumable *x)
{
	const struct side *const s = ctx;
	assert_ptr_equal(user, s->p);
	kept = *x;
	keeps++;
}

static struct dtls_profile *profile(bool tickets)
{
	struct dtls_profile_settings s = dtls_profile_settings_default();
	const char *error = NULL;
	s.suites[0] = 0xc0a8;
	s.suites_len = 1;
	s.tickets = tickets;
	struct dtls_profile *const p = dtls_profile_new(&s, &error);
	assert_non_null(p);
	return p;
}

/* One handshake with a new server that has the keys of the tickets of the last one. */
static void meet(struct pair *p, bool tickets, bool offer, bool resumed)
{
	static unsigned char keys[80] = { 1, 2, 3 };
	struct dtls_profile *const mine = profile(tickets);
	struct raw *const r = raw_new(p, DTLS_server_method(), "PSK-AES128-CCM8");
	struct side *const c = &p->side[CLIENT];
	assert_int_equal(SSL_CTX_set_tlsext_ticket_keys(r->ctx, keys, sizeof(keys)), 1);
	SSL_set_accept_state(r->ssl);
	const struct dtls_peer peer = {
		.path = line_path(CLIENT, 0),
		.identity = p->identity,
		.identity_len = p->identity_len,
		.key = p->client_key,
		.key_len = p->key_len,
		.user = p,
		.profile = mine,
		.resume = offer ? &kept : NULL,
	};
	p->generation++;
	assert_int_equal(dtls_connect(c->e, &peer, p->now_ms), DTLS_OK);
	dtls_profile_unref(mine);
	raw_talk(r, CLIENT);
	assert_true(r->up);
	assert_int_equal(c->count[FAILED], 0);
	assert_int_equal(SSL_session_reused(r->ssl), resumed);
	assert_int_equal(dtls_conn_resumed(c->conn), resumed);
	assert_data_both_ways(r, CLIENT);
	dtls_close(c->e, c->conn);
	raw_talk(r, CLIENT);
	raw_free(r);
}

static struct pair *begin(void)
{
	struct pair *const p = pair_new(1, NULL);
	p->side[CLIENT].e->owner.link_session_keep = keep;
	keeps = 0;
	return p;
}

static void end(struct pair *p)
{
	assert_no_number_twice(p);
	pair_free(p);
}

static void test_R180_R206_a_ticket_is_kept_and_given_back(void **state)
{
	(void)state;
	struct pair *const p = begin();
	meet(p, true, false, false);
	assert_int_equal(keeps, 1);
	assert_int_equal(kept.id_len, 0);
	for (int i = 0; i < 2; i++)
		meet(p, true, true, true);
	end(p);
}

static void test_R180_without_tickets_none_is_asked_for(void **state)
{
	(void)state;
	struct pair *const p = begin();
	meet(p, false, false, false);
	assert_int_equal(keeps, 1);
	assert_int_equal(kept.id_len, 32);
	/* This server has forgotten it: it kept nothing but tickets. */
	meet(p, false, true, false);
	assert_int_equal(keeps, 2);
	end(p);
}

static void keep_none(void *ctx, const struct dtls_resumable *x)
{
	(void)ctx;
	(void)x;
}

/* In server role there are none, whatever the profile says: they could not be revoked. */
static void test_R180_devices_get_no_tickets(void **state)
{
	(void)state;
	struct pair *const p = pair_new(2, NULL);
	struct raw *const r = raw_new(p, DTLS_client_method(), "PSK-AES128-CCM8");
	struct dtls_profile *const mine = p->side[SERVER].e->profile;
	p->side[SERVER].e->owner.session_keep = keep_none;
	(void)SSL_CTX_clear_options(mine->ctx, SSL_OP_NO_TICKET);
	mine->set.tickets = true;
	SSL_set_connect_state(r->ssl);
	raw_talk(r, SERVER);
	assert_true(r->up);
	assert_false(SSL_SESSION_has_ticket(SSL_get_session(r->ssl)));
	raw_free(r);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R180_R206_a_ticket_is_kept_and_given_back),
		cmocka_unit_test(test_R180_without_tickets_none_is_asked_for),
		cmocka_unit_test(test_R180_devices_get_no_tickets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
