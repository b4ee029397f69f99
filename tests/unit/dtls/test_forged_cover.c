/* SPDX-License-Identifier: Apache-2.0 */
/* What is said under cover of a handshake that somebody else has begun, or before there are
   keys. */
#include "trust.h"

#include <openssl/err.h>

#include "raw.h"

/* --- a link that resumes, before its keys are known ------------------------------------------ */

static struct fate fate_catch_server(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	const struct rd r = rd_from(d, len);
	(void)r;
	if (from == SERVER && len > 100 && p->caught_len == 0) {
		memcpy(p->caught, d, len);
		p->caught_len = len;
		return (struct fate){ .copies = 0 };
	}
	return (struct fate){ .copies = 1 };
}

/* The ServerHello of an abbreviated handshake comes alone (R-110 sends it so after losses). A
   stranger says data under a key of zeros. */
static void test_I3_nothing_opens_before_there_are_keys(void **state)
{
	(void)state;
	struct trust *const t = trust_new(1, KIND_PSK, 0xc0a8);
	struct pair *const p = t->p;
	trust_meet(t);
	dtls_close(p->side[CLIENT].e, p->side[CLIENT].conn);
	pair_deliver(p);
	t->offer = true;
	p->generation++;
	p->fate = fate_catch_server;
	trust_connect(t, 0);
	pair_deliver(p);
	assert_true(p->caught_len > 0);
	p->fate = NULL;
	/* its first record alone */
	const size_t first = DTLS_RECORD_HEADER + ((size_t)p->caught[11] << 8 | p->caught[12]);
	assert_true(first < p->caught_len);
	pair_input(p, CLIENT, 0, p->caught, first);
	/* the stranger's */
	struct dtls_key zero;
	memset(&zero, 0, sizeof(zero));
	struct dtls_guards *const g = dtls_guards_new();
	uint8_t forged[64];
	const struct dtls_number n = { .type = DTLS_DATA, .epoch = 1, .seq = 1000000 };
	const struct dtls_sealing s = { .key = &zero, .n = &n };
	const size_t len = dtls_guard_seal(g, DTLS_GUARD_CCM_8, &s, forged, 5);
	assert_true(len > 0);
	const uint64_t before = dtls_stats(p->side[CLIENT].e).records_in;
	pair_input(p, CLIENT, 0, forged, len);
	assert_int_equal(dtls_stats(p->side[CLIENT].e).records_in, before);
	/* The rest of it. */
	pair_input(p, CLIENT, 0, p->caught + first, p->caught_len - first);
	pair_run(p, p->now_ms + 100000);
	assert_int_equal(p->side[CLIENT].count[UP], 2);
	dtls_guards_free(g);
	trust_free(t);
}

/* --- tickets --------------------------------------------------------------------------------- */

static struct dtls_profile *ticket_profile(void)
{
	struct dtls_profile_settings s = dtls_profile_settings_default();
	const char *error = NULL;
	s.suites[0] = 0xc0a8;
	s.suites_len = 1;
	s.tickets = true;
	struct dtls_profile *const q = dtls_profile_new(&s, &error);
	assert_non_null(q);
	return q;
}

/* order: of the records of the server's last flight */
static void ticket_meet(bool late)
{
	struct pair *const p = pair_new(1, NULL);
	struct raw *const r = raw_new(p, DTLS_server_method(), "PSK-AES128-CCM8");
	struct dtls_profile *const q = ticket_profile();
	SSL_set_accept_state(r->ssl);
	SSL_clear_options(r->ssl, SSL_OP_NO_TICKET);
	const struct dtls_peer peer = {
		.path = line_path(CLIENT, 0),
		.identity = p->identity,
		.identity_len = p->identity_len,
		.key = p->client_key,
		.key_len = p->key_len,
		.cred = 3,
		.user = p,
		.profile = q,
	};
	assert_int_equal(dtls_connect(p->side[CLIENT].e, &peer, p->now_ms), DTLS_OK);
	raw_step(r, CLIENT, NULL, 0);
	while (p->wire) {
		struct dgram *const g = p->wire;
		p->wire = g->next;
		r->pipe.in = g->data;
		r->pipe.in_len = g->len;
		ERR_clear_error();
		if (!r->up)
			r->up = SSL_do_handshake(r->ssl) == 1;
		r->pipe.in = NULL;
		free(g);
		static uint8_t out[DTLS_PIPE_OUT];
		const size_t out_len = r->pipe.out_len;
		memcpy(out, r->pipe.out, out_len);
		r->pipe.out_len = 0;
		if (out_len == 0)
			continue;
		if (!r->up || !late) {
			pair_input(p, CLIENT, 0, out, out_len);
			continue;
		}
		/* NewSessionTicket, ChangeCipherSpec, Finished: the first comes last. */
		const size_t first = DTLS_RECORD_HEADER + ((size_t)out[11] << 8 | out[12]);
		assert_int_equal(out[0], DTLS_HANDSHAKE);
		assert_int_equal(out[DTLS_RECORD_HEADER], DTLS_HS_NEW_TICKET);
		pair_input(p, CLIENT, 0, out + first, out_len - first);
		pair_input(p, CLIENT, 0, out, first);
	}
	assert_int_equal(p->side[CLIENT].count[FAILED], 0);
	assert_int_equal(p->side[CLIENT].count[UP], 1);
	raw_free(r);
	pair_free(p);
	dtls_profile_unref(q);
}

static void test_R112_a_ticket_before_the_Finished(void **state)
{
	(void)state;
	ticket_meet(false);
}

static void test_R112_a_ticket_that_comes_after_the_Finished(void **state)
{
	(void)state;
	ticket_meet(true);
}

/* --- R-130 under cover of a handshake --------------------------------------------------------- */

enum { MAX = 128 };

static struct fate fate_deaf_server(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	(void)p;
	/* no flight of the server arrives: the client never goes on */
	return (struct fate){ .copies = from == CLIENT || len == DTLS_VERIFY_LEN ||
					d[DTLS_RECORD_HEADER] == DTLS_HS_HELLO_VERIFY };
}

static void under_cover(uint8_t type)
{
	struct dtls_settings set = dtls_settings_default();
	set.forged_max = MAX;
	struct pair *const p = pair_up(1, &set);
	assert_talk(p);
	/* On the same path somebody has begun a handshake, and leaves it there. */
	dtls_sleep(p->side[CLIENT].e, p->side[CLIENT].conn);
	p->side[CLIENT].conn = NULL;
	p->generation++;
	if (type != DTLS_DATA)
		p->fate = fate_deaf_server;
	else
		memset(p->client_key, 0x11, 16); /* he has no key; his Finished is dropped below */
	pair_connect(p, 0);
	pair_deliver(p);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 1);
	assert_non_null(p->side[SERVER].conn);
	for (size_t i = 0; i < (size_t)10 * MAX; i++) {
		uint8_t d[DTLS_RECORD_OVERHEAD + 2] = { 0 };
		const struct dtls_number number = { .type = type, .epoch = 1, .seq = 1000 + i };
		dtls_record_header(d, DTLS_VERSION_1_2, &number, sizeof(d) - DTLS_RECORD_HEADER);
		p->now_ms += 1000;
		if (i % 100 == 99 && p->side[SERVER].conn)
			p->now_ms -= 1000;
		pair_input(p, SERVER, 0, d, sizeof(d));
		p->now_ms -= 1000; /* all of it within the handshake's lifetime */
	}
	print_message("# type %u: forged counted %d, conn %s\n", type,
		p->side[SERVER].conn ? (int)dtls_conn_facts(p->side[SERVER].conn).forged : -1,
		p->side[SERVER].conn ? "lives" : "closed");
	const struct dtls_stats s = dtls_stats(p->side[SERVER].e);
	const uint64_t tried = (uint64_t)10 * MAX - s.untried;
	print_message("# tried %d\n", (int)tried);
	assert_true(!p->side[SERVER].conn || tried <= MAX);
	pair_free(p);
}

static void test_R130_alerts_forged_under_cover_of_a_handshake_count(void **state)
{
	(void)state;
	under_cover(DTLS_ALERT);
}

static void test_R130_data_forged_under_cover_of_a_handshake_count(void **state)
{
	(void)state;
	under_cover(DTLS_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I3_nothing_opens_before_there_are_keys),
		cmocka_unit_test(test_R112_a_ticket_before_the_Finished),
		cmocka_unit_test(test_R112_a_ticket_that_comes_after_the_Finished),
		cmocka_unit_test(test_R130_alerts_forged_under_cover_of_a_handshake_count),
		cmocka_unit_test(test_R130_data_forged_under_cover_of_a_handshake_count),
	};
	return cmocka_run_group_tests_name("dtls/rv_engine", tests, NULL, NULL);
}
