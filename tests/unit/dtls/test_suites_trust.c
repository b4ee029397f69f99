/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a reload trusts no more resumes nothing. */
#include "trust.h"

static void exchange(struct trust *t, unsigned side)
{
	dtls_profile_unref(t->profile[side]);
	t->profile[side] = NULL;
}

static struct trust *met(enum kind kind)
{
	struct trust *const t = trust_new(1, kind, 0xc0ae);
	trust_meet(t);
	dtls_close(t->p->side[CLIENT].e, t->p->side[CLIENT].conn);
	pair_deliver(t->p);
	t->offer = true;
	return t;
}

/* the anchors are others now; the device's certificate leads to none of them. */
static void test_R207_who_leads_to_no_anchor_any_more_resumes_nothing(void **state)
{
	(void)state;
	struct trust *const t = met(KIND_X509);
	struct pki_one other = pki_make(pki_root("other"), NULL);
	X509_STORE *const store = pki_store(other.cert, NULL);
	t->set[SERVER].anchors = store;
	exchange(t, SERVER);
	trust_connect(t, 0);
	pair_deliver(t->p);
	assert_int_equal(t->p->side[SERVER].count[UP], 1);
	assert_int_equal(dtls_stats(t->p->side[SERVER].e).resumed, 0);
	trust_free(t);
	X509_STORE_free(store);
	pki_free(&other);
}

/* a list that revokes it. */
static void test_R207_whom_a_list_revokes_resumes_nothing(void **state)
{
	(void)state;
	struct trust *const t = met(KIND_X509);
	X509_STORE *const store = pki_store(t->root.cert, NULL);
	X509_CRL *const crl = pki_crl(&t->below, t->below.key, 1, PKI_NOW);
	assert_int_equal(X509_STORE_add_crl(store, crl), 1);
	t->set[SERVER].anchors = store;
	exchange(t, SERVER);
	trust_connect(t, 0);
	pair_deliver(t->p);
	assert_int_equal(t->p->side[SERVER].count[UP], 1);
	assert_int_equal(dtls_stats(t->p->side[SERVER].e).resumed, 0);
	trust_free(t);
	X509_CRL_free(crl);
	X509_STORE_free(store);
}

/* The listener takes no raw public keys any more. */
static void test_R198_raw_keys_that_are_off_resume_nothing(void **state)
{
	(void)state;
	if (!dtls_profile_can_raw())
		skip();
	struct trust *const t = met(KIND_RAW);
	t->set[SERVER].raw_public_key = false;
	t->set[SERVER].certificate = t->one[SERVER].cert;
	t->set[SERVER].chain = t->chain;
	t->set[SERVER].anchors = t->anchors;
	exchange(t, SERVER);
	trust_connect(t, 0);
	pair_deliver(t->p);
	assert_int_equal(t->p->side[SERVER].count[UP], 1);
	assert_int_equal(dtls_stats(t->p->side[SERVER].e).resumed, 0);
	trust_free(t);
}

/* What must go on: same anchors, read again. */
static void test_R197_the_same_anchors_read_again_change_nothing(void **state)
{
	(void)state;
	struct trust *const t = met(KIND_X509);
	X509_STORE *const store = pki_store(t->root.cert, NULL);
	t->set[SERVER].anchors = store;
	exchange(t, SERVER);
	trust_meet(t);
	assert_int_equal(dtls_stats(t->p->side[SERVER].e).resumed, 1);
	trust_free(t);
	X509_STORE_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R207_who_leads_to_no_anchor_any_more_resumes_nothing),
		cmocka_unit_test(test_R207_whom_a_list_revokes_resumes_nothing),
		cmocka_unit_test(test_R198_raw_keys_that_are_off_resume_nothing),
		cmocka_unit_test(test_R197_the_same_anchors_read_again_change_nothing),
	};
	return cmocka_run_group_tests_name("dtls/rv_trust", tests, NULL, NULL);
}
