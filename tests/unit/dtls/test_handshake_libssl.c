/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against a peer that is libssl all the way, records included. Not another implementation of the
 * handshake, but of everything that we do ourselves: cookies, numbers, flights, record protection,
 * alerts.
 */
#include "raw.h"

#include <time.h>

#include "dtls/alert.h"

static void test_R093_R094_a_libssl_client_meets_our_server(void **state)
{
	(void)state;
	struct pair *const p = pair_new(1, NULL);
	struct raw *const r = raw_new(p, DTLS_client_method(), "PSK-AES128-CCM8");
	SSL_set_connect_state(r->ssl);
	raw_talk(r, SERVER);
	assert_true(r->up);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	assert_data_both_ways(r, SERVER);
	/* R-136, with the other's close_notify */
	assert_int_equal(SSL_shutdown(r->ssl), 0);
	raw_talk(r, SERVER);
	assert_int_equal(p->side[SERVER].count[DOWN], 1);
	assert_true(SSL_get_shutdown(r->ssl) & SSL_RECEIVED_SHUTDOWN);
	assert_no_number_twice(p);
	raw_free(r);
	pair_free(p);
}

/* The secrets of the cookies change, as at a restart, each time that a hello is on its way. */
static size_t meets_after(unsigned restarts)
{
	struct pair *const p = pair_new(7, NULL);
	struct raw *const r = raw_new(p, DTLS_client_method(), "PSK-AES128-CCM8");
	SSL_set_connect_state(r->ssl);
	raw_step(r, SERVER, NULL, 0);
	for (unsigned i = 0; i < restarts; i++) {
		struct dgram *const g = p->wire;
		assert_non_null(g);
		if (!g)
			break; /* for the analyzer: the assertion does not return */
		p->wire = NULL;
		p->now_ms += 2 * (uint64_t)DTLS_COOKIE_PERIOD_MS;
		raw_step(r, SERVER, g->data, g->len);
		free(g);
		assert_int_equal(dtls_stats(p->side[SERVER].e).verify_sent, i + 2);
	}
	raw_talk(r, SERVER);
	const size_t up = p->side[SERVER].count[UP];
	if (up > 0) {
		assert_data_both_ways(r, SERVER);
		assert_no_number_twice(p);
	}
	raw_free(r);
	pair_free(p);
	return up;
}

static void test_R092_a_libssl_client_whose_cookie_died_is_asked_again_and_served(void **state)
{
	(void)state;
	for (unsigned restarts = 0; restarts < DTLS_VERIFIES_MAX; restarts++)
		assert_int_equal(meets_after(restarts), 1);
	assert_int_equal(meets_after(DTLS_VERIFIES_MAX), 0); /* bounded: he may begin anew */
}

static void our_client_meets(bool cookies)
{
	struct pair *const p = pair_new(2, NULL);
	struct raw *const r = raw_new(p, DTLS_server_method(), "PSK-AES128-CCM8");
	if (cookies)
		SSL_set_options(r->ssl, SSL_OP_COOKIE_EXCHANGE);
	SSL_set_accept_state(r->ssl);
	pair_connect(p, 0);
	raw_talk(r, CLIENT);
	assert_true(r->up);
	assert_int_equal(p->side[CLIENT].count[UP], 1);
	assert_data_both_ways(r, CLIENT);
	dtls_close(p->side[CLIENT].e, p->side[CLIENT].conn);
	raw_talk(r, CLIENT);
	assert_true(SSL_get_shutdown(r->ssl) & SSL_RECEIVED_SHUTDOWN);
	assert_no_number_twice(p);
	raw_free(r);
	pair_free(p);
}

static void test_our_client_meets_a_libssl_server_without_cookies(void **state)
{
	(void)state;
	our_client_meets(false);
}

static void test_R095_our_client_meets_a_libssl_server_with_the_longest_cookie(void **state)
{
	(void)state;
	our_client_meets(true);
}

static void test_our_client_hears_why_a_libssl_server_refuses(void **state)
{
	(void)state;
	struct pair *const p = pair_new(3, NULL);
	struct raw *const r = raw_new(p, DTLS_server_method(), "PSK-AES128-CCM8");
	SSL_set_accept_state(r->ssl);
	assert_int_equal(pair_connect_as(p, 0, "nobody", 6), DTLS_OK);
	raw_talk(r, CLIENT);
	assert_int_equal(p->side[CLIENT].count[FAILED], 1);
	assert_int_equal(p->side[CLIENT].notes[0].what, DTLS_FAIL_ALERT);
	assert_int_equal(p->side[CLIENT].notes[0].alert, DTLS_UNKNOWN_PSK_IDENTITY);
	raw_free(r);
	pair_free(p);
}

/* A client that offers what we do not have. */
static void refused(const char *names, int version, enum dtls_cause cause, uint8_t alert)
{
	struct pair *const p = pair_new(4, NULL);
	struct raw *const r = raw_new(p, DTLS_client_method(), names);
	assert_int_equal(SSL_set_max_proto_version(r->ssl, version), 1);
	SSL_set_connect_state(r->ssl);
	raw_talk(r, SERVER);
	assert_false(r->up);
	assert_int_equal(p->side[SERVER].count[FAILED], 1);
	assert_int_equal(p->side[SERVER].notes[0].what, (int)cause);
	assert_int_equal(p->side[SERVER].notes[0].alert, alert);
	assert_int_equal(r->alert, DTLS_FATAL << 8 | alert);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 0);
	raw_free(r);
	pair_free(p);
}

static void test_a_suite_that_we_lack_is_named_to_the_operator(void **state)
{
	(void)state;
	refused("PSK-AES128-CBC-SHA256:PSK-AES256-GCM-SHA384", DTLS1_2_VERSION, DTLS_FAIL_SUITE,
		DTLS_HANDSHAKE_FAILURE);
}

static void test_R048_the_exemption_is_for_one_suite_only(void **state)
{
	(void)state;
	refused("PSK-AES256-CCM8:PSK-AES128-CCM:PSK-NULL-SHA256:eNULL", DTLS1_2_VERSION,
		DTLS_FAIL_SUITE, DTLS_HANDSHAKE_FAILURE);
}

static void test_R085_a_lower_version_gets_protocol_version(void **state)
{
	(void)state;
	refused("PSK-AES128-CBC-SHA", DTLS1_VERSION, DTLS_FAIL_VERSION, DTLS_PROTOCOL_VERSION);
}

static void test_R107_a_libssl_client_that_renegotiates_is_declined(void **state)
{
	(void)state;
	struct pair *const p = pair_new(5, NULL);
	struct raw *const r = raw_new(p, DTLS_client_method(), "PSK-AES128-CCM8");
	SSL_set_connect_state(r->ssl);
	raw_talk(r, SERVER);
	assert_true(r->up);
	assert_int_equal(SSL_renegotiate(r->ssl), 1);
	assert_int_equal(SSL_do_handshake(r->ssl), -1);
	raw_talk(r, SERVER);
	assert_int_equal(r->alert, DTLS_WARNING << 8 | DTLS_NO_RENEGOTIATION);
	/* libssl takes our no for an answer, and leaves with a fatal alert of its own. */
	assert_int_equal(p->side[SERVER].notes[1].what, DTLS_END_ALERT);
	raw_free(r);
	pair_free(p);
}

static void test_R103_a_libssl_client_that_lost_the_final_flight_asks_again(void **state)
{
	(void)state;
	struct pair *const p = pair_new(6, NULL);
	struct raw *const r = raw_new(p, DTLS_client_method(), "PSK-AES128-CCM8");
	DTLS_set_timer_cb(r->ssl, soon);
	SSL_set_connect_state(r->ssl);
	raw_step(r, SERVER, NULL, 0); /* until our Finished is on the wire */
	while (p->side[SERVER].count[UP] == 0) {
		struct dgram *const g = p->wire;
		assert_non_null(g);
		p->wire = g->next;
		raw_step(r, SERVER, g->data, g->len);
		free(g);
	}
	free(p->wire); /* lost */
	p->wire = NULL;
	pair_say(p, SERVER, "a number more");
	free(p->wire);
	p->wire = NULL;
	struct timeval left;
	while (DTLSv1_get_timeout(r->ssl, &left) == 1 && (left.tv_sec > 0 || left.tv_usec > 0)) {
		const struct timespec until = { .tv_sec = left.tv_sec,
			.tv_nsec = left.tv_usec * 1000 };
		(void)nanosleep(&until, NULL);
	}
	assert_int_equal(DTLSv1_handle_timeout(r->ssl), 1);
	raw_talk(r, SERVER);
	assert_true(r->up);
	assert_data_both_ways(r, SERVER);
	assert_no_number_twice(p);
	raw_free(r);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R093_R094_a_libssl_client_meets_our_server),
		cmocka_unit_test(
			test_R092_a_libssl_client_whose_cookie_died_is_asked_again_and_served),
		cmocka_unit_test(test_our_client_meets_a_libssl_server_without_cookies),
		cmocka_unit_test(
			test_R095_our_client_meets_a_libssl_server_with_the_longest_cookie),
		cmocka_unit_test(test_our_client_hears_why_a_libssl_server_refuses),
		cmocka_unit_test(test_a_suite_that_we_lack_is_named_to_the_operator),
		cmocka_unit_test(test_R048_the_exemption_is_for_one_suite_only),
		cmocka_unit_test(test_R085_a_lower_version_gets_protocol_version),
		cmocka_unit_test(test_R107_a_libssl_client_that_renegotiates_is_declined),
		cmocka_unit_test(test_R103_a_libssl_client_that_lost_the_final_flight_asks_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
