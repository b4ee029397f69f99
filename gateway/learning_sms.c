/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/learning_sms.h"

#include "base/wipe.h"
#include "conf/config.h"
#include "conf/sms_object.h"
#include "gateway/clock.h"
#include "gateway/session.h"
#include "gateway/sms_keeper.h"
#include "gateway/sms_keys_bsf.h"
#include "gateway/sms_keys_say.h"
#include "gateway/worker.h"
#include "learn/account.h"

#include <string.h>

_Static_assert((int)CRED_SMS_LWM2M_10 == (int)SMS_LWM2M_10 &&
		       (int)CRED_SMS_CR_004 == (int)SMS_CR_004 &&
		       (int)STORE_SMS_CR_004 == (int)SMS_CR_004,
	"a profile is the same everywhere");

/* The endpoint's credential; false: it has none, or it is none of secured packets. */
static bool find(const struct gw_session *s, struct store_cred *c)
{
	const uint64_t wall_ms = gw_clock_shown_ms();
	store_reader_rest(s->worker->reader);
	return store_find_endpoint_sms(s->worker->reader, s->endpoint, c) == STORE_OK &&
	       c->state == STORE_CRED_ACTIVE && c->sms.profile < SMS_PROFILES &&
	       (c->until_ms == 0 || c->until_ms > wall_ms);
}

static void agree(const struct cred_sms *says, const struct learn_sms *found,
	const struct store_cred *c, struct sms_agreed *out)
{
	*out = (struct sms_agreed){
		.profile = says->profile,
		.spi2 = says->spi2,
		.kic = says->kic,
		.kid = says->kid,
		.cc_len = c->sms.cc_len, /* which the object does not say */
		.key_len = found->key_len,
	};
	memcpy(out->tar, says->tar, sizeof(out->tar));
	memcpy(out->key, found->key, found->key_len);
}

static const char *check(const struct gw_session *s, const struct learn_sms *found,
	const struct store_cred *c, struct sms_agreed *out)
{
	const struct conf_sms *const conf = &s->worker->shared->conf->sms;
	const struct sms_object o = { .mode = found->mode,
		.params = found->params,
		.params_len = found->params_len,
		.key = found->key,
		.key_len = found->key_len };
	enum sms_object_says says;
	struct cred_sms agreed;
	struct sms_settings settings;
	const char *why = sms_object_read(&o, &says, &agreed);
	if (why)
		return why;
	if (says != SMS_OBJECT_PACKETS)
		return "resource 6 lets the device have no secured packets, and its credential "
		       "here is for them";
	if (agreed.profile != c->sms.profile)
		return "resource 6 is of another profile than the device's credential for short "
		       "messages";
	agree(&agreed, found, c, out);
	if (!sms_profile_settings(out, conf->allow_3des, &settings, &why))
		return why;
	wipe(&settings, sizeof(settings));
	return NULL;
}

/* Others are asked for, and have not come. */
static bool is_awaited(const struct gw_session *s, const struct store_cred *c, uint64_t now_ms)
{
	struct keyset k;
	bool is;
	const bool awaited = c->sms.renew.how == STORE_RENEW_UDP &&
			     gw_keys_load(s->worker->reader, c, now_ms, &k, &is) == STORE_OK &&
			     k.state == KEYSET_REFRESHING;
	wipe(&k, sizeof(k));
	return awaited;
}

/* It was asked for others, and this bootstrap brings none. */
static void miss(const struct gw_session *s, const struct store_cred *c, const char *cause)
{
	struct gw_keeper_told t = { .cred = c->number, .event = KEYSET_REFUSED };
	if (!is_awaited(s, c, store_time(s->worker->shared->store, s->worker->now_ms)))
		return;
	memcpy(t.cause, cause, strlen(cause));
	(void)gw_keeper_tell(s->worker->shared, &t); /* else it is asked again sooner */
}

const char *gw_learned_sms_check(
	const struct gw_session *s, const struct learn_sms *found, struct gw_learned_sms *out)
{
	struct store_cred c;
	const char *why = NULL;
	memset(out, 0, sizeof(*out));
	memset(&c, 0, sizeof(c));
	const bool is_its = find(s, &c);
	if (is_its && found->mode == 0) {
		miss(s, &c, "no-keys");
	} else if (is_its) {
		why = check(s, found, &c, &out->agreed);
		out->cred = c.number;
		out->end = c.sms.renew.how != STORE_RENEW_NEVER;
		out->proved = c.proved;
		out->now_ms = store_time(s->worker->shared->store, s->worker->now_ms);
		gw_keys_settings_of(s->worker->shared->conf, &out->settings);
	}
	if (why)
		miss(s, &c, "bad-keys");
	wipe(&c, sizeof(c));
	if (why)
		wipe(out, sizeof(*out));
	return why;
}

bool gw_learned_sms_same(const struct gw_learned_sms *a, const struct gw_learned_sms *b)
{
	return a->cred == b->cred && a->proved == b->proved &&
	       same_secret(&a->agreed, &b->agreed, sizeof(a->agreed));
}

/* --- in the writer's thread ------------------------------------------------------------------- */

static bool is_set(const struct keyset *k, enum keyset_which which, const struct sms_agreed *a)
{
	return k->set[which].generation != 0 && same_secret(&k->set[which].agreed, a, sizeof(*a));
}

/* No older than the registration. 0: they have no end. */
static uint64_t end_of(
	struct store_reader *r, const struct gw_learned_sms *l, const struct keyset *k)
{
	struct store_session row;
	uint32_t lifetime_s = k->lifetime_s;
	if (store_read_session(r, l->cred, &row) == STORE_OK && row.registered)
		lifetime_s = row.lifetime_s;
	if (lifetime_s == 0)
		lifetime_s = GW_KEYS_LIFETIME_S;
	return l->end ? l->now_ms + (uint64_t)lifetime_s * 1000 : 0;
}

/* What these keys are to those that are there. KEYSET_EVENTS: a bootstrap that writes the same
   again brings nothing. */
static enum store_result compare(struct store_reader *r, const struct gw_learned_sms *l,
	enum keyset_event *e, uint64_t *until_ms)
{
	struct store_cred c;
	struct keyset k;
	bool is;
	enum store_result result = store_read_cred(r, l->cred, &c);
	*e = KEYSET_EVENTS;
	memset(&k, 0, sizeof(k));
	if (result == STORE_OK && (c.state != STORE_CRED_ACTIVE || c.proved != l->proved))
		result = STORE_STALE;
	if (result == STORE_OK)
		result = gw_keys_load(r, &c, l->now_ms, &k, &is);
	wipe(&c, sizeof(c));
	if (result == STORE_OK && is_set(&k, KEYSET_CURRENT, &l->agreed))
		*e = k.state == KEYSET_REFRESHING ? KEYSET_REFUSED : KEYSET_EVENTS;
	else if (!is_set(&k, KEYSET_NEXT, &l->agreed))
		*e = KEYSET_BROUGHT;
	*until_ms = end_of(r, l, &k);
	wipe(&k, sizeof(k));
	return result;
}

static enum store_result change(
	struct store_txn *t, struct gw_learned_sms *l, enum keyset_event e, uint64_t until_ms)
{
	struct keyset_keys next = {
		.origin = KEYSET_UDP, .agreed = l->agreed, .until_ms = until_ms
	};
	struct gw_keys_change x;
	memset(&x, 0, sizeof(x));
	x.settings = &l->settings;
	x.cred = l->cred;
	x.now_ms = l->now_ms;
	x.event = e;
	x.news = (struct keyset_news){ .keys = &next, .cause = "same-keys" };
	const enum store_result r = gw_keys_run(t, &x);
	wipe(&next, sizeof(next));
	l->moved = r == STORE_OK && x.moved;
	l->was = x.was;
	l->is = x.is;
	l->generation = x.generation;
	memcpy(l->cause, x.cause, sizeof(l->cause));
	wipe(&x, sizeof(x));
	return r;
}

enum store_result gw_learned_sms_run(struct store_txn *t, struct gw_learned_sms *l)
{
	enum keyset_event e;
	uint64_t until_ms;
	l->moved = false;
	const enum store_result r = compare(store_txn_reader(t), l, &e, &until_ms);
	return r == STORE_OK && e != KEYSET_EVENTS ? change(t, l, e, until_ms) : r;
}

/* --- when it is durable ----------------------------------------------------------------------- */

void gw_learned_sms_stored(const struct gw_session *s, const struct gw_learned_sms *l)
{
	struct gw_worker *const w = s->worker;
	struct gw_keys_change x;
	if (!l->moved)
		return;
	memset(&x, 0, sizeof(x));
	x.cred = l->cred;
	x.event = l->cause[0] ? KEYSET_REFUSED : KEYSET_BROUGHT;
	x.moved = true;
	x.was = l->was;
	x.is = l->is;
	x.generation = l->generation;
	memcpy(x.cause, l->cause, sizeof(x.cause));
	gw_keys_say(w->shared, &w->log, s->endpoint, &x);
}
