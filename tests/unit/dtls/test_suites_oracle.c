/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever has overheard a public key or a certificate does not learn, without its private key,
   whether somebody with it exists here. */
#include "trust.h"

static struct fate fate_one_piece(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	(void)len;
	const bool certificate = d[DTLS_RECORD_HEADER] == DTLS_HS_CERTIFICATE && from == CLIENT;
	const bool hello = d[DTLS_RECORD_HEADER] == DTLS_HS_CLIENT_HELLO;
	(void)p;
	return (struct fate){ .copies = from == SERVER || certificate || hello };
}

static size_t said_to(enum kind kind, bool strangers)
{
	struct trust *const t = trust_new(1, kind, 0xc0ae);
	struct pair *const p = t->p;
	t->strangers = strangers;
	t->set[CLIENT].mtu = 150;
	p->fate = fate_one_piece;
	trust_connect(t, 0);
	pair_deliver(p);
	assert_int_equal(p->asked, 1);
	const size_t sent = p->side[SERVER].sent, failed = p->side[SERVER].count[FAILED];
	trust_free(t);
	return sent + 1000 * failed;
}

static void test_R051_nobody_learns_who_exists_without_a_key(void **state)
{
	(void)state;
	for (enum kind k = KIND_RAW; k < KINDS; k++) {
		if (k == KIND_RAW && !dtls_profile_can_raw())
			continue;
		assert_int_equal(said_to(k, true), said_to(k, false));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R051_nobody_learns_who_exists_without_a_key),
	};
	return cmocka_run_group_tests_name("dtls/suites_oracle", tests, NULL, NULL);
}
