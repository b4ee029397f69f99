/* SPDX-License-Identifier: Apache-2.0 */
/* Requirements of area K that no other test holds: extensions, and what a session keeps of them. */
#include "device.h"
#include "peer_rig.h"

static int rig_up(void **state)
{
	*state = peer_rig_new(NULL);
	return 0;
}

static int rig_down(void **state)
{
	peer_rig_free(*state);
	return 0;
}

/* --- max_fragment_length ---------------------------------------------------------------------- */

static const uint8_t data[4097];

static void check_limit(struct peer_rig *rig, struct dtls_conn *c, size_t max)
{
	assert_int_equal(dtls_send(rig->e, c, data, max), DTLS_OK);
	assert_int_equal(dtls_send(rig->e, c, data, max + 1), DTLS_TOO_LONG);
	assert_int_equal(dtls_conn_facts(c).fragment_max, max);
}

static void test_R163_max_fragment_length_outlives_sleep(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_ext(&p->hello.exts, 1, "\001", 1);
	struct dtls_conn *const c = peer_rig_meet(rig, p);
	check_limit(rig, c, 512);
	struct dtls_sleeper sleeper = {
		.path = p->path, .role = DTLS_SERVER, .cred = 7, .numbers = dtls_conn_numbers(c)
	};
	sleeper.context_len = dtls_context_write(c, sleeper.context);
	dtls_sleep(rig->e, c);
	struct dtls_conn *const woken = dtls_wake(rig->e, &sleeper, rig->now_ms);
	assert_non_null(woken);
	check_limit(rig, woken, 512);
	peer_rig_pump(rig, p);
	peer_rig_check_alive(rig, p, woken);
	peer_free(p);
}

static void test_R163_without_the_extension_there_is_no_such_limit(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	struct dtls_conn *const c = peer_rig_meet(rig, p);
	assert_int_equal(dtls_conn_facts(c).fragment_max, 0);
	assert_int_equal(dtls_send(rig->e, c, data, sizeof(data)), DTLS_OK);
	peer_free(p);
}

/* How long a message the server sends in the association that comes up for d. */
static size_t agreed(struct device *d, uint8_t code)
{
	const struct side *const s = &d->p->side[SERVER];
	SSL_set_tlsext_max_fragment_length(d->ssl, code);
	device_connect(d);
	assert_true(d->up);
	return dtls_conn_facts(s->conn).fragment_max;
}

/* A session has one length for all its life: who wants another one, or none, makes a new one. */
static void test_R163_a_session_has_one_max_fragment_length(void **state)
{
	static const struct {
		uint8_t first, then;
		bool resumed;
	} rows[] = { { 1, 1, true }, { 2, 2, true }, { 1, 2, false }, { 1, 0, false },
		{ 0, 1, false }, { 0, 0, true } };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct shelf shelf;
		struct pair *const p = pair_with_shelf(30 + i, &shelf);
		struct device *const first = device_new(p, NULL);
		const size_t one = rows[i].first ? (size_t)256 << rows[i].first : 0;
		assert_int_equal(agreed(first, rows[i].first), one);
		SSL_SESSION *const session = SSL_get1_session(first->ssl);
		device_free(first);
		p->generation++;
		struct device *const d = device_new(p, session);
		const size_t two = rows[i].then ? (size_t)256 << rows[i].then : 0;
		assert_int_equal(agreed(d, rows[i].then), two);
		assert_int_equal(SSL_session_reused(d->ssl), rows[i].resumed);
		device_free(d);
		SSL_SESSION_free(session);
		pair_free(p);
	}
}

/* RFC 8449 is not spoken here: who offers both gets the older one. */
static void test_R165_record_size_limit_leaves_max_fragment_length_in_force(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_ext(&p->hello.exts, 28, "\x01\x00", 2); /* 256 */
	peer_ext(&p->hello.exts, 1, "\002", 1);
	struct dtls_conn *const c = peer_rig_meet(rig, p);
	assert_null(peer_ext_find(&p->answer.exts, 28, NULL));
	size_t len = 0;
	const uint8_t *const echo = peer_ext_find(&p->answer.exts, 1, &len);
	assert_non_null(echo);
	assert_int_equal(len, 1);
	assert_int_equal(echo[0], 2);
	check_limit(rig, c, 1024);
	peer_free(p);
}

/* --- extended master secret ------------------------------------------------------------------- */

enum { KEPT_FORMAT = 1 }; /* see dtls/resume.c */

/* A session of the device's that has no extended master secret, as if we had kept it. */
static void keep_all_the_same(struct shelf *shelf, SSL_SESSION *session)
{
	struct dtls_resumable r = { .id_len = 32, .cred = 7, .generation = 41 };
	memset(r.id, 0x1d, r.id_len);
	assert_int_equal(SSL_SESSION_set1_id(session, r.id, 32), 1);
	uint8_t *at = r.session;
	*at++ = KEPT_FORMAT;
	const int len = i2d_SSL_SESSION(session, NULL);
	assert_in_range(len, 1, sizeof(r.session) - 1);
	r.len = 1 + (size_t)i2d_SSL_SESSION(session, &at);
	shelf_keep(shelf, &r);
}

/* RFC 7627 section 5.3: an abbreviated handshake only where both the session and the hello have
   it. */
static void test_R169_no_resumption_unless_both_have_extended_master_secret(void **state)
{
	(void)state;
	static struct shelf shelf; /* what is large is not on the stack */
	for (unsigned i = 0; i < 4; i++) {
		const bool first_has = (i & 1) != 0, then_has = (i & 2) != 0;
		memset(&shelf, 0, sizeof(shelf));
		struct pair *const p = pair_with_shelf(40 + i, &shelf);
		struct device *const first = device_new(p, NULL);
		SSL_set_options(first->ssl, first_has ? 0 : SSL_OP_NO_EXTENDED_MASTER_SECRET);
		device_connect(first);
		assert_true(first->up);
		assert_int_equal(SSL_get_extms_support(first->ssl), first_has);
		assert_int_equal(shelf.keeps, first_has);
		if (first_has)
			assert_int_equal(shelf.kept[0].session[0], KEPT_FORMAT);
		SSL_SESSION *const session = SSL_get1_session(first->ssl);
		if (!first_has)
			keep_all_the_same(&shelf, session);
		device_free(first);
		p->generation++;
		struct device *const d = device_new(p, session);
		SSL_set_options(d->ssl, then_has ? 0 : SSL_OP_NO_EXTENDED_MASTER_SECRET);
		device_connect(d);
		assert_true(d->up);
		assert_int_equal(shelf.finds, 1);
		assert_int_equal(SSL_session_reused(d->ssl), first_has && then_has);
		assert_int_equal(dtls_stats(p->side[SERVER].e).resumed, first_has && then_has);
		assert_device_talks(d);
		device_free(d);
		SSL_SESSION_free(session);
		pair_free(p);
	}
}

/* --- server_name ----------------------------------------------------------------------------- */

/* R-166 is not done (see conformance.md): whatever host is named, it is the one that there is, and
   nothing is said of it. */
static void test_a_server_name_is_read_over(void **state)
{
	struct peer_rig *const rig = *state;
	static const char *const names[] = { "gw.example", "GW.EXAMPLE", "somebody.else.example" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		struct peer_buf body = { 0 };
		peer_add_int(&body, strlen(names[i]) + 3, 2);
		peer_add_int(&body, 0, 1); /* host_name */
		peer_add_vec(&body, 2, names[i], strlen(names[i]));
		peer_ext(&p->hello.exts, 0, body.at, body.len);
		peer_rig_check_alive(rig, p, peer_rig_meet(rig, p));
		assert_null(peer_ext_find(&p->answer.exts, 0, NULL));
		peer_buf_free(&body);
		peer_free(p);
	}
}

/* --- nothing is sent unasked ------------------------------------------------------------------ */

/* R-178's pings are not there (see conformance.md): an association that nobody uses is silent in
   either role, for ever. */
static void test_R179_an_idle_association_sends_nothing(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const device = peer_rig_peer(rig, false, 4000);
	struct peer *const server = peer_rig_peer(rig, true, 5684);
	struct dtls_conn *const down = peer_rig_meet(rig, device);
	struct dtls_conn *const up = peer_rig_meet(rig, server);
	assert_int_equal(rig->outs, 0);
	for (int day = 0; day < 60; day++) {
		peer_rig_until(rig, rig->now_ms + UINT64_C(86400000));
		assert_int_equal(rig->outs, 0);
	}
	peer_rig_check_alive(rig, device, down);
	peer_rig_check_alive(rig, server, up);
	peer_free(device);
	peer_free(server);
}

int main(void)
{
#define RIG(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)
	const struct CMUnitTest tests[] = {
		RIG(test_R163_max_fragment_length_outlives_sleep),
		RIG(test_R163_without_the_extension_there_is_no_such_limit),
		cmocka_unit_test(test_R163_a_session_has_one_max_fragment_length),
		RIG(test_R165_record_size_limit_leaves_max_fragment_length_in_force),
		cmocka_unit_test(test_R169_no_resumption_unless_both_have_extended_master_secret),
		RIG(test_a_server_name_is_read_over),
		RIG(test_R179_an_idle_association_sends_nothing),
	};
	return cmocka_run_group_tests_name("dtls/conf_hello", tests, NULL, NULL);
}
