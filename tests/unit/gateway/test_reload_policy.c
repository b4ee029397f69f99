/* SPDX-License-Identifier: Apache-2.0 */
/* A reload as a whole: rules, keys and lists are in force together, or none of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "conf/credentials.h"
#include "gateway/chronicle.h"
#include "gateway/gateway_parts.h"
#include "gateway/material.h"
#include "gateway/profiles.h"
#include "gateway/reload.h"
#include "gateway/rules.h"
#include "gateway/seats.h"
#include "gateway/upgrade.h"
#include "io/inbox.h"
#include "papers.h"
#include "policy/policy.h"
#include "store/store.h"

enum { WORKERS = 2, PATH_LEN = 128, TEXT = 1024, KINDS = 4 };

#define KEEP  "policy = { rules = ( ); default = { device = \"keep\"; upstream = \"keep\"; }; };\n"
#define NOTED "# the same\n" KEEP
#define REVOKED                                                                                    \
	"policy = { rules = ( { name = \"out\"; events = [ \"credential-revoked\" ]; device = "    \
	"\"teardown\"; upstream = \"teardown\"; } ); default = { device = \"keep\"; upstream = "   \
	"\"keep\"; }; };\n"
#define WRONG "policy = { rules = ( ); default = { device = \"keep\"; }; };\n"

struct world {
	struct gw_gateway *g;
	struct conf_gateway conf;
	struct log log;
	struct papers papers;
	struct pki_one root, own;
	struct gw_self self;
	struct cred_set *creds;
	char conf_file[PATH_LEN];
	struct ctl_said said;
};

static void write_conf(struct world *w, const char *more)
{
	char text[TEXT];
	const char *const f = w->papers.folder;
	(void)snprintf(text, sizeof(text),
		"listeners = ( { address = \"127.0.0.1\"; private_key_file = \"%s/key\"; "
		"certificate_file = \"%s/cert\"; anchors_file = \"%s/ca\"; } );\n"
		"upstream = { address = \"127.0.0.1\"; };\n"
		"policy = { file = \"%s/policy\"; };\n%s",
		f, f, f, f, more);
	papers_text(&w->papers, "conf", text, 0644);
}

static int set_up(void **state)
{
	struct world *const w = calloc(1, sizeof(*w));
	struct conf_error error = { "" };
	struct store_error why;
	assert_non_null(w);
	struct gw_gateway *const g = w->g = calloc(1, sizeof(*g));
	assert_non_null(g);
	w->log = (struct log){ .fd = -1, .level = LOG_LEVEL_ERROR, .name = "t" };
	papers_new(&w->papers);
	w->root = pki_make(pki_root("root"), NULL);
	w->own = pki_make(pki_server("gw.example"), &w->root);
	papers_key(&w->papers, "key", w->own.key);
	papers_certificates(&w->papers, "cert", w->own.cert, NULL);
	papers_certificates(&w->papers, "ca", w->root.cert, NULL);
	papers_text(&w->papers, "policy", KEEP, 0644);
	(void)snprintf(w->conf_file, sizeof(w->conf_file), "%s/conf", w->papers.folder);
	w->self.conf_file = w->conf_file;
	write_conf(w, "");
	if (!conf_load(w->conf_file, &w->conf, &error))
		fail_msg("%s", error.text);
	g->self = &w->self;
	g->shared.creds = w->creds = cred_load(NULL, NULL, &error);
	assert_non_null(w->creds);
	g->shared.conf = &w->conf;
	g->shared.store = store_open(&(struct store_settings){ .log = &w->log }, &why);
	g->shared.seats = gw_seats_new();
	g->log = &w->log;
	g->len = g->running = WORKERS;
	for (size_t i = 0; i < WORKERS; i++)
		g->inboxes[i] = inbox_new();
	g->loop = ev_loop_new(EVFLAG_AUTO);
	g->chronicle = gw_chronicle_open(
		&(struct gw_chronicle_settings){ .inherited = -1, .log = &w->log }, error.text,
		sizeof(error.text));
	g->rules = gw_rules_new(w->conf.policy_file, &error);
	g->material = gw_material_new(&w->conf, &error);
	if (!g->chronicle || !g->rules || !g->material)
		fail_msg("%s", error.text);
	assert_true(g->shared.store && g->loop);
	g->reader = store_reader_new(g->shared.store);
	assert_non_null(g->reader);
	unsigned raised;
	assert_true(gw_store_follow(g, g->material, &raised));
	gw_sweeping_begin(g);
	ev_invoke(g->loop, &g->sweep_due, EV_TIMER); /* the round of the start */
	assert_int_equal(g->sweep.progress.rounds, 1);
	*state = w;
	return 0;
}

/* Kinds of what a worker got, in order; references are let go. */
static void expect_inbox(struct world *w, size_t worker, const char *kinds)
{
	struct inbox_message m;
	char got[KINDS + 1] = "";
	for (size_t len = 0; inbox_take(w->g->inboxes[worker], &m); len++) {
		struct gw_renewed material;
		struct gw_ruled rules;
		assert_true(len < KINDS);
		assert_true(m.kind == GW_MATERIAL || m.kind == GW_RULES);
		got[len] = m.kind == GW_MATERIAL ? 'm' : 'r';
		if (m.kind == GW_MATERIAL) {
			memcpy(&material, m.data, sizeof(material));
			assert_ptr_equal(material.material, w->g->material);
			gw_material_unref(material.material);
		} else {
			memcpy(&rules, m.data, sizeof(rules));
			assert_ptr_equal(rules.rules, w->g->rules);
			gw_rules_unref(rules.rules);
		}
	}
	assert_string_equal(got, kinds);
}

static int tear_down(void **state)
{
	struct world *const w = *state;
	struct gw_gateway *const g = w->g;
	gw_sweeping_end(g);
	for (size_t i = 0; i < WORKERS; i++) {
		expect_inbox(w, i, "");
		inbox_free(g->inboxes[i]);
	}
	gw_chronicle_close(g->chronicle);
	gw_material_unref(g->material);
	gw_rules_unref(g->rules);
	gw_seats_free(g->shared.seats);
	store_reader_free(g->reader);
	store_close(g->shared.store);
	ev_loop_destroy(g->loop);
	conf_free(&w->conf);
	cred_free(w->creds);
	pki_free(&w->root);
	pki_free(&w->own);
	papers_free(&w->papers);
	free(g);
	free(w);
	return 0;
}

static enum ctl_status reload(struct world *w)
{
	return gw_reload_asked(w->g, &w->said);
}

static bool said(const struct world *w, const char *what)
{
	return strstr(w->said.text, what) != NULL;
}

static void renew(struct world *w)
{
	struct pki_ask ask = pki_server("gw.example");
	ask.key = w->own.key;
	struct pki_one anew = pki_make(ask, &w->root);
	papers_certificates(&w->papers, "cert", anew.cert, NULL);
	pki_free(&anew);
}

static uint64_t given(const struct world *w)
{
	uint64_t generation = 0;
	store_reader_rest(w->g->reader);
	assert_int_equal(store_read_generation(w->g->reader, &generation), STORE_OK);
	return generation;
}

static void test_a_reload_of_the_same_decides_nothing(void **state)
{
	struct world *const w = *state;
	const uint64_t before = given(w);
	papers_text(&w->papers, "policy", NOTED, 0644);
	assert_int_equal(reload(w), CTL_DONE);
	assert_string_equal(w->said.text, "reloaded: in effect for new handshakes");
	for (size_t i = 0; i < WORKERS; i++)
		expect_inbox(w, i, "m");
	assert_int_equal(given(w), before);
	assert_false(w->g->sweep.again);
	/* But who asks is shown what the file says now. */
	size_t len;
	assert_int_equal(strncmp(gw_rules_text(w->g->rules, &len), "# the same", 10), 0);
}

static void test_other_rules_go_to_each_worker_behind_the_material(void **state)
{
	struct world *const w = *state;
	papers_text(&w->papers, "policy", REVOKED, 0644);
	assert_int_equal(reload(w), CTL_DONE);
	assert_true(said(w, "the policy for all sessions"));
	for (size_t i = 0; i < WORKERS; i++)
		expect_inbox(w, i, "mr");
	assert_int_equal(policy_rules(gw_rules_policy(w->g->rules)), 1);
	assert_ptr_equal(w->g->shared.rules, w->g->rules);
	assert_true(w->g->sweep.again);
	/* Without a line for it: what is built in. */
	(void)remove(w->conf.policy_file);
	papers_text(&w->papers, "conf",
		"listeners = ( { address = \"127.0.0.1\"; } );\n"
		"upstream = { address = \"127.0.0.1\"; };\n",
		0644);
	assert_int_equal(reload(w), CTL_DONE);
	for (size_t i = 0; i < WORKERS; i++)
		expect_inbox(w, i, "mr");
	assert_string_equal(gw_rules_name(w->g->rules), "built in");
}

/* A change that lasts is made only when all else is good. */
static void test_one_that_is_wrong_changes_nothing_at_all(void **state)
{
	struct world *const w = *state;
	const uint64_t before = given(w);
	const struct gw_rules *const rules = w->g->rules;
	const struct gw_material *const material = w->g->material;
	renew(w);
	papers_text(&w->papers, "policy", WRONG, 0644);
	assert_int_equal(reload(w), CTL_FAILED);
	assert_true(said(w, "nothing was changed") && said(w, "/policy:1: "));
	papers_text(&w->papers, "policy", REVOKED, 0644);
	papers_text(&w->papers, "key", "none\n", 0600);
	assert_int_equal(reload(w), CTL_FAILED);
	assert_ptr_equal(w->g->rules, rules);
	assert_ptr_equal(w->g->material, material);
	assert_int_equal(given(w), before);
	assert_false(w->g->sweep.again);
	for (size_t i = 0; i < WORKERS; i++)
		expect_inbox(w, i, "");
}

static void test_R217_what_has_changed_is_durable_before_it_is_in_force(void **state)
{
	struct world *const w = *state;
	const uint64_t before = given(w);
	renew(w);
	assert_int_equal(reload(w), CTL_DONE);
	assert_true(said(w, "what sessions were based on has changed"));
	assert_int_equal(gw_material_wave(w->g->material, GW_WAVE_OWN_DEVICE, 0), before + 1);
	assert_int_equal(given(w), before + 1);
	assert_true(w->g->sweep.again);
	for (size_t i = 0; i < WORKERS; i++)
		expect_inbox(w, i, "m"); /* which has it: see there */
	/* What comes later has it, too. */
	assert_int_equal(reload(w), CTL_DONE);
	assert_int_equal(gw_material_wave(w->g->material, GW_WAVE_OWN_DEVICE, 0), before + 1);
	for (size_t i = 0; i < WORKERS; i++)
		expect_inbox(w, i, "m");
}

#define WORLDLY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLDLY(test_a_reload_of_the_same_decides_nothing),
		WORLDLY(test_other_rules_go_to_each_worker_behind_the_material),
		WORLDLY(test_one_that_is_wrong_changes_nothing_at_all),
		WORLDLY(test_R217_what_has_changed_is_durable_before_it_is_in_force),
	};
	return cmocka_run_group_tests_name("gateway/reload_policy", tests, NULL, NULL);
}
