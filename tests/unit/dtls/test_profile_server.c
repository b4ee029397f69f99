/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of upstream servers: whose are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dtls/alert.h"
#include "meeting.h"
#include "pki.h"

static void assert_server_refused(struct visit *v, enum dtls_cause cause, const char *why)
{
	assert_false(v->m.up);
	assert_int_equal(v->guest->asked, 1);
	assert_false(v->guest->proof.good);
	assert_int_equal(v->guest->proof.cause, cause);
	assert_string_equal(v->guest->proof.detail, why);
	assert_int_not_equal(v->guest->alert, 0);
	meeting_end(&v->m);
}

static void test_R292_the_server_must_have_the_name(void **state)
{
	struct meeting_world *const w = *state;
	const char *const why = X509_verify_cert_error_string(X509_V_ERR_HOSTNAME_MISMATCH);
	struct visit v;
	visit_plan(&v, w);
	v.client.server_name = "GW.Example";
	visit_run(&v);
	visit_taken(&v);
	visit_plan(&v, w);
	v.client.server_name = "other.example";
	visit_run(&v);
	assert_server_refused(&v, DTLS_FAIL_NAME, why);
	/* Neither a wildcard nor a common name will do. */
	static const char host[] = "gw.lwm2m.example";
	struct pki_one wild = pki_make(pki_server("*.lwm2m.example"), &w->root);
	struct pki_one right = pki_make(pki_server(host), &w->root);
	struct pki_ask ask = pki_server("x");
	ask.names = NULL;
	ask.cn = host;
	struct pki_one named = pki_make(ask, &w->root);
	const struct pki_one *const servers[] = { &wild, &named, &right };
	for (size_t i = 0; i < COUNT_OF(servers); i++) {
		visit_plan(&v, w);
		v.client.server_name = host;
		v.server.key = servers[i]->key;
		v.server.certificate = servers[i]->cert;
		visit_run(&v);
		if (servers[i] == &right)
			visit_taken(&v);
		else
			assert_server_refused(&v, DTLS_FAIL_NAME, why);
	}
	pki_free(&wild);
	pki_free(&right);
	pki_free(&named);
}

static void test_R292_anchors_alone_do_not_say_which_server(void **state)
{
	struct meeting_world *const w = *state;
	struct visit v;
	visit_plan(&v, w);
	v.client.server_name = NULL;
	visit_run(&v);
	assert_server_refused(
		&v, DTLS_FAIL_NAME, "neither a name nor a pin says which server it must be");
}

static void test_R292_a_pin_may_say_which_server(void **state)
{
	struct meeting_world *const w = *state;
	EVP_PKEY *const keys[] = { w->server.key, w->root.key, w->device.key };
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		struct visit v;
		visit_plan(&v, w);
		v.client.server_name = NULL;
		assert_true(dtls_key_digest(keys[i], v.client.pins[0]));
		v.client.pins_len = 1;
		visit_run(&v);
		if (i < 2)
			visit_taken(&v);
		else
			assert_server_refused(
				&v, DTLS_FAIL_NAME, "no key of the server's chain is pinned");
	}
}

static void test_R292_a_devices_certificate_is_no_servers(void **state)
{
	struct meeting_world *const w = *state;
	struct pki_ask ask = pki_device("a device");
	ask.names = "DNS:gw.example";
	struct pki_one device = pki_make(ask, &w->root);
	struct visit v;
	visit_plan(&v, w);
	v.server.key = device.key;
	v.server.certificate = device.cert;
	visit_run(&v);
	assert_server_refused(&v, DTLS_FAIL_CERTIFICATE,
		X509_verify_cert_error_string(X509_V_ERR_INVALID_PURPOSE));
	pki_free(&device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R292_the_server_must_have_the_name),
		cmocka_unit_test(test_R292_anchors_alone_do_not_say_which_server),
		cmocka_unit_test(test_R292_a_pin_may_say_which_server),
		cmocka_unit_test(test_R292_a_devices_certificate_is_no_servers),
	};
	return cmocka_run_group_tests(tests, meeting_world_new, meeting_world_free);
}
