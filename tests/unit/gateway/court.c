/* SPDX-License-Identifier: Apache-2.0 */
#include "court.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/config.h"
#include "conf/fail.h"
#include "gateway/material.h"
#include "gateway/rules.h"
#include "gateway/waves.h"
#include "io/inbox.h"
#include "papers.h"

struct gw_rules *court_rules(
	const char *events, const char *device, const char *upstream, const char *more)
{
	char text[2048], name[] = "/tmp/lwg-court-XXXXXX";
	struct conf_error error = { "" };
	const int len = snprintf(text, sizeof(text),
		"policy = { rules = ( { name = \"one\"; events = [ %s ]; device = %s; upstream = "
		"%s; "
		"reason = \"a test\"; %s } );\n"
		"default = { device = \"keep\"; upstream = \"keep\"; reason = \"none\"; }; };\n",
		events, device, upstream, more);
	const int fd = mkstemp(name);
	assert_true(len > 0 && (size_t)len < sizeof(text) && fd >= 0);
	assert_int_equal(write(fd, text, (size_t)len), len);
	assert_int_equal(close(fd), 0);
	struct gw_rules *const r = gw_rules_new(name, &error);
	assert_int_equal(unlink(name), 0);
	if (!r)
		fail_msg("%s", error.text);
	return r;
}

static struct town *begin(struct town *t, struct gw_rules *rules)
{
	t->chronicle = inbox_new();
	assert_non_null(t->chronicle);
	t->shared.chronicle = t->chronicle;
	court_reload(t, rules);
	return t;
}

struct town *court_new(struct gw_rules *rules)
{
	return begin(town_new_kept(1, CONF_POWER_RESUME, false), rules);
}

struct town *court_new_anchored(struct gw_rules *rules, enum conf_power_loss after)
{
	return begin(town_new_kept(1, after, true), rules);
}

void court_free(struct town *t)
{
	struct gw_rules *const rules = t->rules;
	struct inbox *const chronicle = t->chronicle;
	struct gw_material *const m = t->shared.material;
	town_free(t);
	gw_rules_unref(rules);
	gw_material_unref(m);
	inbox_free(chronicle);
}

void court_reload(struct town *t, struct gw_rules *rules)
{
	gw_rules_unref(t->rules);
	t->rules = rules;
	t->shared.rules = rules;
	for (size_t i = 0; i < t->workers_len; i++) {
		const struct gw_ruled one = { .rules = gw_rules_ref(rules) };
		assert_true(inbox_post(t->inboxes[i], INBOX_SURE, GW_RULES, &one, sizeof(one)));
	}
	town_turns(t, 2);
}

bool court_entry(struct town *t, struct gw_entry *out)
{
	static struct inbox_message m;
	if (!inbox_take(t->chronicle, &m))
		return false;
	assert_int_equal(m.len, sizeof(*out));
	memcpy(out, m.data, sizeof(*out));
	return true;
}

void court_assert_said(
	struct town *t, enum gw_outcome outcome, enum policy_event event, bool asleep)
{
	struct gw_entry e = { .wall_ms = 0 };
	assert_true(court_entry(t, &e));
	assert_string_equal(e.rule, "one");
	assert_string_equal(e.reason, "a test");
	assert_int_equal(e.event, event);
	assert_int_equal(e.outcome, outcome);
	assert_int_equal(e.asleep, asleep);
	assert_string_equal(e.endpoint, "urn:dev:0");
	assert_true(e.old_generation > 0 && e.new_generation >= e.old_generation);
}

void court_assert_silent(struct town *t)
{
	struct gw_entry e;
	if (court_entry(t, &e))
		fail_msg("said: %s, %s, outcome %d", policy_event_word(e.event), e.rule, e.outcome);
}

bool court_verdict(struct town *t, size_t device, struct store_verdict *out)
{
	struct store_reader *const r = store_reader_new(t->store);
	assert_non_null(r);
	const enum store_result got = store_read_verdict(r, town_cred(device), out);
	store_reader_free(r);
	assert_true(got == STORE_OK || got == STORE_NONE);
	return got == STORE_OK;
}

static void post(struct town *t, enum gw_kind kind, size_t device)
{
	const uint32_t cred = town_cred(device);
	for (size_t i = 0; i < t->workers_len; i++)
		assert_true(inbox_post(t->inboxes[i], INBOX_SURE, kind, &cred, sizeof(cred)));
}

void court_sweep(struct town *t, size_t device)
{
	post(t, GW_JUDGE, device);
	town_settle(t);
}

/* --- what changes ----------------------------------------------------------------------------- */

struct edit {
	uint32_t cred;
	court_edit *f;
};

static enum store_result run_edit(struct store_txn *x, void *arg)
{
	const struct edit *const e = arg;
	struct store_cred c;
	const enum store_result r = store_read_cred(store_txn_reader(x), e->cred, &c);
	if (r != STORE_OK)
		return r;
	e->f(&c);
	return store_cred_put(x, &c);
}

void court_change(struct town *t, size_t device, court_edit *edit)
{
	struct edit e = { .cred = town_cred(device), .f = edit };
	assert_int_equal(town_do(t, run_edit, &e), STORE_OK);
	post(t, GW_CHANGED, device);
}

void court_label(struct store_cred *c)
{
	(void)snprintf(c->labels[0], sizeof(c->labels[0]), "l%zu", strlen(c->labels[0]));
	c->labels_len = 1;
}

static uint64_t wall_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000;
}

void court_expire(struct store_cred *c)
{
	c->until_ms = wall_ms() - 1000;
}

void court_prolong(struct store_cred *c)
{
	c->until_ms = wall_ms() + 86400000;
}

/* --- what many rest on ------------------------------------------------------------------------ */

static enum store_result run_take(struct store_txn *x, void *arg)
{
	return store_take_generation(x, arg);
}

static void hand_out(struct town *t, const struct gw_waves *waves)
{
	const struct papers nowhere = { "" };
	struct conf_error error = { "" };
	struct conf_gateway conf = papers_conf(&nowhere, "", "");
	struct gw_material *const m = gw_material_new(&conf, &error);
	conf_free(&conf);
	if (!m)
		fail_msg("%s", error.text);
	gw_material_set_waves(m, waves);
	for (size_t i = 0; i < t->workers_len; i++) {
		const struct gw_renewed one = { .material = gw_material_ref(m) };
		assert_true(inbox_post(t->inboxes[i], INBOX_SURE, GW_MATERIAL, &one, sizeof(one)));
	}
	gw_material_unref(t->shared.material);
	t->shared.material = m;
	town_turns(t, 2);
}

void court_material(struct town *t)
{
	hand_out(t, &(struct gw_waves){ .at = { { 0 } } });
}

void court_wave(struct town *t, enum gw_court_wave which)
{
	struct gw_waves waves = { .at = { { 0 } } };
	uint64_t generation = 0;
	assert_int_equal(town_do(t, run_take, &generation), STORE_OK);
	waves.at[which == COURT_SERVER ? GW_WAVE_SERVER : GW_WAVE_OWN_UPSTREAM]
		[GW_MATERIAL_UPSTREAM] = generation;
	hand_out(t, &waves);
}
