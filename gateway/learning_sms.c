/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/learning_sms.h"

#include "base/wipe.h"
#include "conf/config.h"
#include "conf/sms_object.h"
#include "gateway/clock.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "learn/account.h"
#include "sms/keyset.h"
#include "store/sms_keys.h"

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

static void own_of(const struct store_cred *c, struct gw_learned_sms *out)
{
	struct sms_agreed *const a = &out->own;
	out->has_own = c->key_len > 0 && c->key_len <= sizeof(a->key);
	if (!out->has_own)
		return;
	*a = (struct sms_agreed){ .profile = c->sms.profile,
		.spi2 = c->sms.spi2,
		.kic = c->sms.kic,
		.kid = c->sms.kid,
		.cc_len = c->sms.cc_len,
		.key_len = c->key_len };
	memcpy(a->tar, c->sms.tar, sizeof(a->tar));
	memcpy(a->key, c->key, c->key_len);
}

const char *gw_learned_sms_check(
	const struct gw_session *s, const struct learn_sms *found, struct gw_learned_sms *out)
{
	struct store_cred c;
	const char *why = NULL;
	memset(out, 0, sizeof(*out));
	memset(&c, 0, sizeof(c));
	if (found->mode != 0 && find(s, &c)) {
		why = check(s, found, &c, &out->agreed);
		out->cred = c.number;
		out->proved = c.proved;
		out->now_ms = store_time(s->worker->shared->store, s->worker->now_ms);
		own_of(&c, out);
	}
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

/* As it is in the row, or as it begins with the credential's own keys. */
static enum store_result load(struct store_txn *t, const struct gw_learned_sms *l,
	struct store_sms_keys *row, struct keyset *k)
{
	struct store_reader *const reader = store_txn_reader(t);
	const enum store_result r = store_sms_keys_read(reader, l->cred, row);
	if (r == STORE_OK)
		return keyset_load(row->data, row->len, k) ? STORE_OK : STORE_DAMAGED;
	if (r == STORE_NONE)
		keyset_begin(k, l->has_own ? &l->own : NULL, l->now_ms);
	return r == STORE_NONE ? STORE_OK : r;
}

/* A bootstrap that writes the same again brings nothing. */
static bool is_there(const struct keyset *k, const struct sms_agreed *a)
{
	for (size_t i = 0; i <= KEYSET_NEXT; i++) {
		if (k->set[i].generation != 0 && same_secret(&k->set[i].agreed, a, sizeof(*a)))
			return true;
	}
	return false;
}

static enum store_result bring(struct store_txn *t, const struct gw_learned_sms *l,
	struct store_sms_keys *row, struct keyset *k)
{
	static const struct keyset_rules any; /* none of them says how long this may take */
	struct keyset_keys next = { .origin = KEYSET_UDP, .agreed = l->agreed };
	const struct keyset_news n = { .now_ms = l->now_ms, .keys = &next };
	const enum store_result r = load(t, l, row, k);
	if (r != STORE_OK || is_there(k, &l->agreed)) {
		wipe(&next, sizeof(next));
		return r;
	}
	(void)keyset_step(k, &any, KEYSET_BROUGHT, &n);
	wipe(&next, sizeof(next));
	row->cred = l->cred;
	row->proved = l->proved;
	row->due_ms = keyset_next_ms(k);
	row->len = keyset_save(k, row->data, sizeof(row->data));
	return store_sms_keys_put(t, row);
}

enum store_result gw_learned_sms_run(struct store_txn *t, const struct gw_learned_sms *l)
{
	struct store_sms_keys row;
	struct keyset k;
	struct store_cred_mark mark;
	enum store_result r = store_read_cred_mark(store_txn_reader(t), l->cred, &mark);
	memset(&row, 0, sizeof(row));
	memset(&k, 0, sizeof(k));
	if (r == STORE_OK && (!mark.active || mark.proved != l->proved))
		r = STORE_STALE;
	if (r == STORE_OK)
		r = bring(t, l, &row, &k);
	wipe(&row, sizeof(row));
	wipe(&k, sizeof(k));
	return r;
}
