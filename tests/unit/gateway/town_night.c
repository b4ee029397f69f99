/* SPDX-License-Identifier: Apache-2.0 */
#include "town_night.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cellar.h"
#include "conf/credentials.h"
#include "gateway/credentials_ops.h"
#include "gateway/rouse.h"
#include "gateway/seats.h"
#include "gateway/session.h"
#include "io/inbox.h"
#include "proxy/relay.h"
#include "store/core.h"

enum { SETTLE_ROUNDS = 200, CALM = 3, NIGHT_MS = 120000 };

/* --- operations ------------------------------------------------------------------------------- */

struct waiting {
	struct store_op op;
	town_run *f;
	void *arg;
	enum store_result result;
	sem_t done;
};

static enum store_result run(struct store_txn *x, struct store_op *op)
{
	struct waiting *const w = CONTAINER_OF(op, struct waiting, op);
	return w->f ? w->f(x, w->arg) : STORE_OK;
}

static void done(struct store_op *op, enum store_result r)
{
	struct waiting *const w = CONTAINER_OF(op, struct waiting, op);
	w->result = r;
	(void)sem_post(&w->done);
}

enum store_result town_do(struct town *t, town_run *f, void *arg)
{
	struct waiting w = {
		.op = { .run = run, .done = done, .vital = true }, .f = f, .arg = arg
	};
	(void)sem_init(&w.done, 0, 0);
	store_submit(t->store, &w.op);
	while (sem_wait(&w.done) != 0)
		continue;
	(void)sem_destroy(&w.done);
	return w.result;
}

struct town_stall {
	struct store_op op;
	sem_t reached, go, over;
	bool passed;
};

static enum store_result run_stall(struct store_txn *x, struct store_op *op)
{
	struct town_stall *const s = CONTAINER_OF(op, struct town_stall, op);
	(void)x;
	if (s->passed)
		return STORE_OK;
	(void)sem_post(&s->reached);
	while (sem_wait(&s->go) != 0)
		continue;
	s->passed = true;
	return STORE_OK;
}

static void done_stall(struct store_op *op, enum store_result r)
{
	struct town_stall *const s = CONTAINER_OF(op, struct town_stall, op);
	(void)r;
	(void)sem_post(&s->over);
}

void town_stall(struct town *t)
{
	struct town_stall *const s = calloc(1, sizeof(*s));
	assert_non_null(s);
	assert_null(t->stall);
	s->op = (struct store_op){ .run = run_stall, .done = done_stall, .vital = true };
	(void)sem_init(&s->reached, 0, 0);
	(void)sem_init(&s->go, 0, 0);
	(void)sem_init(&s->over, 0, 0);
	t->stall = s;
	store_submit(t->store, &s->op);
	while (sem_wait(&s->reached) != 0)
		continue;
}

void town_go_on(struct town *t)
{
	struct town_stall *const s = t->stall;
	(void)sem_post(&s->go);
	while (sem_wait(&s->over) != 0)
		continue;
	(void)sem_destroy(&s->reached);
	(void)sem_destroy(&s->go);
	(void)sem_destroy(&s->over);
	free(s);
	t->stall = NULL;
}

void town_fail(struct town *t, enum store_result how, unsigned n)
{
	kv_ram_fail(t->store->parts.kv, how, n);
}

void town_hush(struct town *t)
{
	for (size_t i = 0; i < t->workers_len; i++)
		t->workers[i]->log.fd = -1;
}

/* --- dying and beginning ---------------------------------------------------------------------- */

struct town *town_new_kept(size_t workers, enum conf_power_loss policy, bool anchored)
{
	static const struct log quiet = { .fd = 2, .level = LOG_LEVEL_ERROR, .name = "cellar" };
	struct town *const t = town_found(workers, true);
	t->cellar = cellar_new(&quiet);
	t->cellar->settings.read_ceilings = policy == CONF_POWER_GAP;
	if (anchored)
		cellar_anchor(t->cellar);
	t->conf.store_path = t->cellar->folder;
	t->conf.store_after_power_loss = policy;
	town_make_gateway(t, true);
	return t;
}

void town_die(struct town *t, enum town_end how)
{
	if (!t->stall)
		town_stall(t);
	cellar_freeze(t->cellar, t->store);
	town_go_on(t);
	for (size_t i = 0; i < t->workers_len; i++) {
		gw_worker_free(t->workers[i]);
		t->workers[i] = NULL;
	}
	gw_credentials_free(t->credentials);
	store_abandon(t->store);
	t->store = NULL;
	for (size_t i = 0; i < t->workers_len; i++)
		inbox_free(t->inboxes[i]);
	gw_seats_free(t->shared.seats);
	cellar_thaw(t->cellar);
	if (how == TOWN_DARK)
		cellar_dark(t->cellar);
}

void town_rise(struct town *t)
{
	town_make_gateway(t, true);
}

void town_restart(struct town *t, enum town_end how)
{
	town_die(t, how);
	town_rise(t);
}

/* --- rest ------------------------------------------------------------------------------------- */

static bool is_calm(const struct town *t)
{
	for (size_t i = 0; i < t->workers_len; i++) {
		const struct gw_worker *const w = t->workers[i];
		if (w->ops > 0 || w->waiting > 0 || w->loose || dtls_stats(w->dtls).handshakes > 0)
			return false;
	}
	return dtls_stats(t->devices.dtls).handshakes == 0 &&
	       dtls_stats(t->server.dtls).handshakes == 0;
}

void town_settle(struct town *t)
{
	size_t calm = 0;
	for (size_t i = 0; i < SETTLE_ROUNDS && calm < CALM; i++) {
		town_turns(t, 2);
		(void)town_do(t, NULL, NULL); /* what may wait for company has it */
		calm = is_calm(t) ? calm + 1 : 0;
	}
	assert_int_equal(calm, CALM);
}

void town_night(struct town *t)
{
	town_settle(t);
	for (size_t i = 0; i < t->workers_len; i++) {
		struct gw_worker *const w = t->workers[i];
		const uint64_t now_ms = w->now_ms;
		w->now_ms += NIGHT_MS;
		gw_sessions_doze(w);
		w->now_ms = now_ms;
		w->dozed_ms = now_ms;
		assert_null(w->sessions);
		assert_int_equal(dtls_stats(w->dtls).conns, 0);
	}
}

/* --- what the store has ----------------------------------------------------------------------- */

bool town_row(struct town *t, size_t device, struct store_session *out)
{
	struct store_reader *const r = store_reader_new(t->store);
	assert_non_null(r);
	const enum store_result got = store_read_session(r, town_cred(device), out);
	store_reader_free(r);
	assert_true(got == STORE_OK || got == STORE_NONE);
	return got == STORE_OK;
}

bool town_assoc(struct town *t, uint32_t slot, struct store_assoc *out)
{
	struct store_reader *const r = store_reader_new(t->store);
	assert_non_null(r);
	const enum store_result got = store_read_assoc(r, slot, out);
	store_reader_free(r);
	assert_true(got == STORE_OK || got == STORE_NONE);
	return got == STORE_OK;
}

/* --- devices ---------------------------------------------------------------------------------- */

size_t town_registered(struct town *t, size_t device, uint32_t worker)
{
	const size_t socket = town_socket(t, worker);
	const size_t ups = t->devices.ups, messages = t->devices.messages;
	town_connect(t, device, socket);
	town_until(t, &t->devices.ups, ups + 1);
	town_register(t, device, socket);
	town_until(t, &t->devices.messages, messages + 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	return socket;
}

void town_updated(struct town *t, size_t socket)
{
	const size_t messages = t->devices.messages;
	town_update(t, socket);
	town_until(t, &t->devices.messages, messages + 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CHANGED);
}

struct gw_session *town_session(struct town *t, size_t worker, size_t device)
{
	return gw_session_of(t->workers[worker], town_cred(device));
}

size_t town_awake(const struct town *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->workers_len; i++)
		n += t->workers[i]->sessions_len;
	return n;
}

size_t town_relays(const struct town *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->workers_len; i++)
		n += relay_stats(t->workers[i]->relay).devices;
	return n;
}

size_t town_registrations(const struct town *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->workers_len; i++)
		n += relay_stats(t->workers[i]->relay).registrations;
	return n;
}

static struct ctl_cred cred_of(size_t device)
{
	struct ctl_cred c = { .has_keys = true };
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "urn:dev:%zu", device);
	return c;
}

static void apply(struct town *t,
	enum ctl_status (*what)(void *ctx, const struct ctl_cred *c, struct ctl_said *said),
	const struct ctl_cred *c)
{
	struct ctl_said said;
	if (what(gw_credentials_source(t->credentials).ctx, c, &said) != CTL_DONE)
		fail_msg("%s", said.text);
}

void town_revoke(struct town *t, size_t device)
{
	const struct ctl_store_source s = gw_credentials_source(t->credentials);
	const struct ctl_cred c = cred_of(device);
	struct ctl_said said;
	assert_int_equal(s.revoke(s.ctx, c.endpoint, CTL_FOR_UNSAID, &said), CTL_DONE);
}

void town_replace_key(struct town *t, size_t device)
{
	struct ctl_cred c = cred_of(device);
	c.key_len = 16;
	for (size_t i = 0; i < c.key_len; i++)
		c.key[i] = (uint8_t)(0x5b + 41 * i + 7 * i * i);
	apply(t, gw_credentials_source(t->credentials).replace, &c);
}

void town_add_again(struct town *t, size_t device)
{
	struct ctl_cred c = cred_of(device);
	struct cred_key own, up;
	cred_device_key(t->creds, (uint32_t)device, &own);
	assert_true(cred_upstream_key(t->creds, (uint32_t)device, &up));
	c.identity_len = (uint8_t)own.identity_len;
	c.key_len = (uint8_t)own.key_len;
	c.upstream_identity_len = (uint8_t)up.identity_len;
	c.upstream_key_len = (uint8_t)up.key_len;
	memcpy(c.identity, own.identity, own.identity_len);
	memcpy(c.key, own.key, own.key_len);
	memcpy(c.upstream_identity, up.identity, up.identity_len);
	memcpy(c.upstream_key, up.key, up.key_len);
	apply(t, gw_credentials_source(t->credentials).add, &c);
}
