/* SPDX-License-Identifier: Apache-2.0 */
/* The main thread goes round what the store has, and tells workers whom to judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gateway/gateway_parts.h"
#include "gateway/material.h"
#include "gateway/rules.h"
#include "gateway/seats.h"
#include "gateway/store_wait.h"
#include "gateway/waves.h"
#include "io/inbox.h"
#include "papers.h"
#include "store/store.h"

#define LISTENER                                                                                   \
	"private_key_file = \"@/key\"; certificate_file = \"@/cert\"; anchors_file = \"@/ca\";"

enum { WORKERS = 2, PEOPLE = 8, PORT = 5684, DEVICES_FROM = 1000, LINKS_FROM = 2000, ROUNDS = 500 };

struct world {
	struct gw_gateway *g;
	struct conf_gateway conf;
	struct log log;
	struct papers papers;
	struct pki_one root, own;
	struct store_cred creds[PEOPLE + 1]; /* by number */
	uint8_t proof[GW_WAVE_UPSTREAMS][GW_WAVE_PROOF];
	unsigned asked[PEOPLE + 1], changed[PEOPLE + 1]; /* what workers got */
	uint32_t by[PEOPLE + 1];                         /* who was asked last */
};

/* --- the store ------------------------------------------------------------------------------- */

static enum store_result put_cred(struct store_txn *t, void *c)
{
	return store_cred_put(t, c);
}

static enum store_result put_assoc(struct store_txn *t, void *a)
{
	return store_assoc_put(t, a, slot_owner(1, 0)); /* the first run */
}

static enum store_result put_session(struct store_txn *t, void *s)
{
	return store_session_put(t, s);
}

static enum store_result put_verdict(struct store_txn *t, void *v)
{
	return store_verdict_put(t, v);
}

static enum store_result revoke_cred(struct store_txn *t, void *number)
{
	return store_cred_revoke(t, *(const uint32_t *)number, STORE_BY_CONTROL);
}

static void must(struct world *w, enum store_result (*what)(struct store_txn *, void *), void *arg)
{
	assert_int_equal(gw_store_do(w->g->shared.store, what, arg, true), STORE_OK);
	store_reader_rest(w->g->reader);
}

static void add_cred(struct world *w, uint32_t number, enum store_cred_kind kind)
{
	struct store_cred *const c = &w->creds[number];
	*c = (struct store_cred){ .kind = (uint8_t)kind, .identity_len = 2 };
	(void)snprintf(c->endpoint, sizeof(c->endpoint), "e%u", number);
	memcpy(c->identity, c->endpoint, 2);
	if (kind == STORE_CRED_PSK) {
		c->key_len = 16;
		memset(c->key, (int)number, sizeof(c->key));
	}
	must(w, put_cred, c);
	assert_int_equal(c->number, number);
}

static struct store_assoc add_leg(
	struct world *w, uint32_t number, enum store_role role, const struct store_proof *proof)
{
	const uint16_t from = role == STORE_DEVICE ? DEVICES_FROM : LINKS_FROM;
	struct store_assoc a = { .cred = number,
		.generation = w->creds[number].generation,
		.path = { .role = (uint8_t)role,
			.peer = { .ip = { 192, 0, 2, 1 },
				.port = (uint16_t)(from + number),
				.family = NET_IPV4 },
			.local = { .ip = { 127, 0, 0, 1 },
				.port = role == STORE_DEVICE ? PORT : (uint16_t)(from + number),
				.family = NET_IPV4 } },
		.context_len = 40 };
	if (proof)
		a.proof = *proof;
	must(w, put_assoc, &a);
	return a;
}

/* A sleeper. */
static void add_session(struct world *w, uint32_t number, const struct store_proof *proof)
{
	struct store_session row = { .cred = number,
		.device = add_leg(w, number, STORE_DEVICE, proof).slot,
		.link = STORE_NO_SLOT,
		.worker = number % WORKERS,
		.workers = WORKERS };
	must(w, put_session, &row);
}

static void add_link(struct world *w, uint32_t number)
{
	struct store_session row;
	assert_int_equal(store_read_session(w->g->reader, number, &row), STORE_OK);
	row.link = add_leg(w, number, STORE_LINK, NULL).slot;
	must(w, put_session, &row);
}

static void replace_key(struct world *w, uint32_t number)
{
	w->creds[number].key[0] ^= 1;
	must(w, put_cred, &w->creds[number]);
}

/* --- the gateway ----------------------------------------------------------------------------- */

static void read_conf(struct world *w, const char *listener, const char *upstream)
{
	struct conf_error error = { "" };
	struct gw_gateway *const g = w->g;
	unsigned raised;
	conf_free(&w->conf);
	w->conf = papers_conf(&w->papers, listener, upstream);
	w->conf.policy_pace = 1000000;
	gw_material_unref(g->material);
	g->material = gw_material_new(&w->conf, &error);
	if (!g->material)
		fail_msg("%s", error.text);
	assert_true(gw_waves_follow(g->shared.store, g->material, w->proof, &raised));
}

static int set_up(void **state)
{
	struct world *const w = calloc(1, sizeof(*w));
	struct store_error why;
	assert_non_null(w);
	struct gw_gateway *const g = w->g = calloc(1, sizeof(*g));
	assert_non_null(g);
	w->log = (struct log){ .fd = 2, .level = LOG_LEVEL_ERROR, .name = "t" };
	papers_new(&w->papers);
	w->root = pki_make(pki_root("root"), NULL);
	w->own = pki_make(pki_server("gw.example"), &w->root);
	papers_key(&w->papers, "key", w->own.key);
	papers_certificates(&w->papers, "cert", w->own.cert, NULL);
	papers_certificates(&w->papers, "ca", w->root.cert, NULL);
	g->shared.store = store_open(&(struct store_settings){ .log = &w->log }, &why);
	assert_non_null(g->shared.store);
	g->shared.conf = &w->conf;
	g->shared.seats = gw_seats_new();
	g->log = &w->log;
	g->len = g->running = WORKERS;
	for (size_t i = 0; i < WORKERS; i++)
		g->inboxes[i] = inbox_new();
	g->reader = store_reader_new(g->shared.store);
	g->loop = ev_loop_new(EVFLAG_AUTO);
	assert_true(g->reader && g->loop && g->inboxes[0] && g->inboxes[1]);
	for (uint32_t i = 1; i <= PEOPLE; i++)
		add_cred(w, i, i <= 4 ? STORE_CRED_PSK : STORE_CRED_CERTIFICATE);
	read_conf(w, LISTENER, "");
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *const w = *state;
	struct gw_gateway *const g = w->g;
	gw_sweeping_end(g);
	for (size_t i = 0; i < WORKERS; i++)
		inbox_free(g->inboxes[i]);
	gw_material_unref(g->material);
	gw_rules_unref(g->rules);
	gw_seats_free(g->shared.seats);
	store_reader_free(g->reader);
	store_close(g->shared.store);
	ev_loop_destroy(g->loop);
	conf_free(&w->conf);
	pki_free(&w->root);
	pki_free(&w->own);
	papers_free(&w->papers);
	free(g);
	free(w);
	return 0;
}

static void take(struct world *w, uint32_t worker, const struct inbox_message *m)
{
	uint32_t cred;
	assert_int_equal(m->len, sizeof(cred));
	memcpy(&cred, m->data, sizeof(cred));
	assert_in_range(cred, 1, PEOPLE);
	if (m->kind == GW_CHANGED) {
		w->changed[cred]++;
		return;
	}
	assert_int_equal(m->kind, GW_JUDGE);
	w->asked[cred]++;
	w->by[cred] = worker;
}

static void take_all(struct world *w)
{
	struct inbox_message m;
	for (uint32_t i = 0; i < WORKERS; i++) {
		while (inbox_take(w->g->inboxes[i], &m))
			take(w, i, &m);
	}
}

/* One round, and what was waiting. */
static void go_round(struct world *w)
{
	struct gw_gateway *const g = w->g;
	const uint64_t rounds = g->sweep.progress.rounds;
	memset(w->asked, 0, sizeof(w->asked));
	gw_sweeping_all(g);
	for (size_t i = 0; i < ROUNDS && g->sweep.progress.rounds == rounds; i++)
		ev_invoke(g->loop, &g->sweep_due, EV_TIMER);
	assert_int_equal(g->sweep.progress.rounds, rounds + 1);
	take_all(w);
}

/* Exactly those who are in the list, each once. */
static void expect(const struct world *w, const char *list)
{
	char got[PEOPLE + 1] = "";
	for (uint32_t i = 1, len = 0; i <= PEOPLE; i++) {
		assert_true(w->asked[i] <= 1);
		if (w->asked[i])
			got[len++] = (char)('0' + i);
	}
	assert_string_equal(got, list);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void test_R215_a_start_finds_whose_credential_has_changed(void **state)
{
	struct world *const w = *state;
	for (uint32_t i = 1; i <= 3; i++)
		add_session(w, i, NULL);
	replace_key(w, 2);
	must(w, revoke_cred, &w->creds[3].number);
	replace_key(w, 4); /* has no session */
	gw_sweeping_begin(w->g);
	assert_true(ev_is_active(&w->g->sweep_due)); /* by itself */
	go_round(w);
	expect(w, "23");
	assert_int_equal(w->by[2], 0); /* where its link's sockets are */
	assert_int_equal(w->by[3], 1);
	assert_int_equal(w->g->sweep.progress.looked, 3);
	assert_int_equal(w->g->sweep.progress.found, 2);
}

static void test_whoever_has_it_awake_is_asked(void **state)
{
	struct world *const w = *state;
	add_session(w, 2, NULL);
	replace_key(w, 2);
	(void)gw_seat_take(gw_seat(w->g->shared.seats, 2), 1);
	gw_sweeping_begin(w->g);
	go_round(w);
	expect(w, "2");
	assert_int_equal(w->by[2], 1);
}

static void test_S28_what_was_decided_is_not_asked_again(void **state)
{
	struct world *const w = *state;
	add_session(w, 1, NULL);
	add_session(w, 2, NULL);
	replace_key(w, 1);
	replace_key(w, 2);
	struct store_verdict v = { .cred = 2, .upto = w->creds[2].generation, .rule = "r" };
	must(w, put_verdict, &v);
	gw_sweeping_begin(w->g);
	go_round(w);
	expect(w, "1");
	replace_key(w, 2); /* once more */
	go_round(w);
	expect(w, "12");
}

static void test_a_single_change_is_told_at_once(void **state)
{
	struct world *const w = *state;
	add_session(w, 1, NULL);
	add_session(w, 2, NULL);
	gw_sweeping_begin(w->g);
	go_round(w);
	expect(w, "");
	replace_key(w, 1);
	gw_credential_changed(w->g, 1);
	gw_credential_changed(w->g, 4); /* has no session */
	assert_true(ev_is_active(&w->g->sweep_due));
	ev_invoke(w->g->loop, &w->g->sweep_due, EV_TIMER);
	take_all(w);
	expect(w, "1");
	assert_int_equal(w->changed[1], WORKERS);
	assert_int_equal(w->changed[4], WORKERS);
	assert_int_equal(w->g->sweep.progress.rounds, 1);
}

/* One change after another does not put off the first for ever. */
static void test_changes_that_come_fast_do_not_put_each_other_off(void **state)
{
	struct world *const w = *state;
	add_session(w, 1, NULL);
	gw_sweeping_begin(w->g);
	go_round(w);
	replace_key(w, 1);
	gw_credential_changed(w->g, 1);
	ev_timer_stop(w->g->loop, &w->g->sweep_due);
	ev_timer_set(&w->g->sweep_due, 0.001, 0.0); /* it is nearly time */
	ev_timer_start(w->g->loop, &w->g->sweep_due);
	const double due = ev_timer_remaining(w->g->loop, &w->g->sweep_due);
	gw_credential_changed(w->g, 1);
	gw_sweeping_all(w->g);
	assert_true(ev_timer_remaining(w->g->loop, &w->g->sweep_due) <= due);
	take_all(w);
}

/* Those who would be believed still are not asked about. */
static void test_R207_a_list_concerns_whom_it_names(void **state)
{
	struct world *const w = *state;
	struct pki_ask ask = pki_device("one");
	uint8_t digest[DTLS_DIGEST_LEN];
	assert_true(dtls_spki_digest(X509_get_X509_PUBKEY(w->root.cert), digest));
	for (uint32_t i = 5; i <= 7; i++) {
		struct store_proof p = { .len = 1 };
		ask.serial = i;
		struct pki_one leaf = pki_make(ask, &w->root);
		memcpy(p.anchor, digest, STORE_TRACE);
		assert_true(dtls_certificate_trace(X509_get_issuer_name(leaf.cert),
			X509_get0_serialNumber(leaf.cert), p.chain[0]));
		add_session(w, i, &p);
		pki_free(&leaf);
	}
	add_session(w, 1, NULL);
	gw_sweeping_begin(w->g);
	go_round(w);
	expect(w, "");
	X509_CRL *const crl = pki_crl(&w->root, w->root.key, 6, PKI_NOW);
	papers_crl(&w->papers, "crl", crl);
	X509_CRL_free(crl);
	read_conf(w, LISTENER "crl_file = \"@/crl\";", "");
	go_round(w);
	expect(w, "6");
	/* Whoever comes by now was looked at with the list. */
	add_session(w, 8, &(struct store_proof){ .len = 1 });
	go_round(w);
	expect(w, "6");
	/* And nobody vouches for anybody. */
	read_conf(w, "", "");
	go_round(w);
	expect(w, "5678");
}

static void test_R217_another_key_of_ours_concerns_who_was_shown_it(void **state)
{
	struct world *const w = *state;
	struct store_session row;
	add_session(w, 1, NULL);
	add_session(w, 5, NULL);
	add_session(w, 6, NULL);
	add_link(w, 6);
	gw_sweeping_begin(w->g);
	struct pki_ask ask = pki_server("gw.example");
	ask.key = w->own.key;
	struct pki_one anew = pki_make(ask, &w->root);
	papers_certificates(&w->papers, "cert", anew.cert, NULL);
	pki_free(&anew);
	read_conf(w, LISTENER, "");
	/* It has been here since, and only its link is from before. */
	assert_int_equal(store_read_session(w->g->reader, 6, &row), STORE_OK);
	row.device = add_leg(w, 6, STORE_DEVICE, NULL).slot;
	must(w, put_session, &row);
	go_round(w);
	expect(w, "5");
}

static void test_R217_R218_what_is_of_links_concerns_who_has_one(void **state)
{
	struct world *const w = *state;
	memset(w->proof, 7, sizeof(w->proof));
	read_conf(w, LISTENER, "");
	for (uint32_t i = 1; i <= 3; i++)
		add_session(w, i, NULL);
	add_link(w, 1);
	add_link(w, 3);
	gw_sweeping_begin(w->g);
	go_round(w);
	expect(w, "");
	memset(w->proof, 8, sizeof(w->proof));
	read_conf(w, LISTENER, "");
	go_round(w);
	expect(w, "13");
}

static uint64_t real_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void test_what_expires_is_found_by_the_round_and_by_the_clock(void **state)
{
	struct world *const w = *state;
	const uint64_t over_ms = real_ms() - 5000;
	for (uint32_t i = 1; i <= 3; i++)
		add_session(w, i, NULL);
	w->creds[2].until_ms = over_ms;
	must(w, put_cred, &w->creds[2]);
	/* That it ends is a change, which was decided; that it is over was not. */
	struct store_verdict v = {
		.cred = 2, .upto = w->creds[2].generation, .upto_ms = over_ms - 1, .rule = "r"
	};
	must(w, put_verdict, &v);
	gw_sweeping_begin(w->g);
	go_round(w);
	expect(w, "2");
	v.upto_ms = over_ms;
	must(w, put_verdict, &v);
	go_round(w);
	expect(w, "");
	/* An end that was over when it was set is one nevertheless; decided, it is decided. */
	w->creds[2].until_ms = over_ms - 1000;
	must(w, put_cred, &w->creds[2]);
	go_round(w);
	expect(w, "2");
	v.event = POLICY_CRED_EXPIRED;
	must(w, put_verdict, &v);
	go_round(w);
	expect(w, "");
	w->creds[2].until_ms = over_ms;
	must(w, put_cred, &w->creds[2]);
	/* While it runs, nobody needs a round. */
	gw_due_begin(w->g);
	w->g->expiry_after_ms = over_ms - 1;
	memset(w->asked, 0, sizeof(w->asked));
	ev_invoke(w->g->loop, &w->g->due, EV_TIMER);
	ev_invoke(w->g->loop, &w->g->sweep_due, EV_TIMER);
	take_all(w);
	expect(w, "2");
	assert_int_equal(w->changed[2], WORKERS);
	ev_invoke(w->g->loop, &w->g->due, EV_TIMER);
	take_all(w);
	assert_int_equal(w->changed[2], WORKERS); /* once */
	gw_due_end(w->g);
}

static void test_the_operator_sees_how_far_it_is(void **state)
{
	struct world *const w = *state;
	struct conf_error error;
	struct ctl_deciding d;
	assert_false(gw_sweeping_facts(w->g, &d));
	w->g->rules = gw_rules_new(NULL, &error);
	assert_non_null(w->g->rules);
	for (uint32_t i = 1; i <= 3; i++)
		add_session(w, i, NULL);
	replace_key(w, 1);
	gw_sweeping_begin(w->g);
	assert_true(gw_sweeping_facts(w->g, &d));
	assert_true(!d.walking && !d.ended);
	go_round(w);
	assert_true(gw_sweeping_facts(w->g, &d));
	assert_true(!d.walking && d.ended);
	assert_int_equal(d.rules, 4);
	assert_int_equal(d.pace, 1000000);
	assert_int_equal(d.sessions, 3);
	assert_int_equal(d.looked, 3);
	assert_int_equal(d.found, 1);
	assert_int_equal(d.judged, 1);
	assert_int_equal(d.rounds, 1);
	assert_int_equal(d.waiting, 0);
}

#define WORLDLY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLDLY(test_R215_a_start_finds_whose_credential_has_changed),
		WORLDLY(test_whoever_has_it_awake_is_asked),
		WORLDLY(test_S28_what_was_decided_is_not_asked_again),
		WORLDLY(test_a_single_change_is_told_at_once),
		WORLDLY(test_changes_that_come_fast_do_not_put_each_other_off),
		WORLDLY(test_R207_a_list_concerns_whom_it_names),
		WORLDLY(test_R217_another_key_of_ours_concerns_who_was_shown_it),
		WORLDLY(test_R217_R218_what_is_of_links_concerns_who_has_one),
		WORLDLY(test_what_expires_is_found_by_the_round_and_by_the_clock),
		WORLDLY(test_the_operator_sees_how_far_it_is),
	};
	return cmocka_run_group_tests_name("gateway/sweeping", tests, NULL, NULL);
}
