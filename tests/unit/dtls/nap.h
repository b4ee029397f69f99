/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/nap: a pair with connection ids whose server keeps one association that sleeps.
 *
 *	struct roam *const r = up(1, NULL, 0xc0a8);
 *	to_sleep(r);
 *	restart(r);
 *	roam_say(r, "after");
 *
 * Threads: one.
 */
#ifndef LWG_TESTS_DTLS_NAP_H
#define LWG_TESTS_DTLS_NAP_H

#include "roam.h"

/* What a store keeps of one association; the server's owner looks into it. */
struct shelf_of_one {
	struct dtls_sleeper s;
	bool there;
	struct net_path from; /* of the last record by CID */
	bool unwanted;        /* once it is awake */
	size_t by_cid, by_path, woken, not_woken, unproven;
	uint8_t cid[DTLS_CID_OURS_MAX];
	size_t cid_len;
};

static struct shelf_of_one kept;

static inline bool own_by_cid(
	void *ctx, enum dtls_role role, const struct dtls_knock *k, struct dtls_sleeper *out)
{
	(void)ctx;
	kept.by_cid++;
	kept.from = *k->from;
	if (!kept.there || role != kept.s.role || k->cid_len != kept.cid_len ||
		memcmp(k->cid, kept.cid, kept.cid_len) != 0)
		return false;
	*out = kept.s;
	return true;
}

static inline bool own_by_path(void *ctx, enum dtls_role role, const struct net_path *path,
	uint64_t seq, struct dtls_sleeper *out)
{
	(void)ctx;
	(void)seq;
	kept.by_path++;
	if (!kept.there || role != kept.s.role || !net_path_same(path, &kept.s.path))
		return false;
	*out = kept.s;
	return true;
}

static inline bool own_woken(void *ctx, struct dtls_conn *c, const struct dtls_sleeper *s)
{
	struct roam *const r = roam_of(ctx);
	assert_memory_equal(s->context, kept.s.context, s->context_len);
	kept.woken++;
	kept.there = false;
	if (kept.unwanted)
		return false;
	r->up = c;
	r->p->side[SERVER].conn = c;
	return true;
}

static inline void own_not_woken(void *ctx, const struct dtls_sleeper *s)
{
	(void)ctx;
	(void)s;
	kept.not_woken++;
}

static inline void watch(struct roam *r)
{
	struct dtls_owner *const o = &r->p->side[SERVER].e->owner;
	o->asleep_by_cid = own_by_cid;
	o->asleep = own_by_path;
	o->woken = own_woken;
	o->not_woken = own_not_woken;
}

static inline struct roam *up(uint64_t seed, const struct dtls_settings *set, uint16_t suite)
{
	struct roam *const r = roam_with(seed, KIND_PSK, suite, set);
	memset(&kept, 0, sizeof(kept));
	watch(r);
	trust_meet(r->t);
	r->up = r->p->side[SERVER].conn;
	return r;
}

static inline void to_sleep(struct roam *r)
{
	const uint8_t *const cid = dtls_conn_cid(r->up, &kept.cid_len);
	if (cid)
		memcpy(kept.cid, cid, kept.cid_len);
	kept.s = (struct dtls_sleeper){
		.path = *dtls_conn_path(r->up),
		.role = DTLS_SERVER,
		.cred = dtls_conn_cred(r->up),
		.numbers = dtls_conn_numbers(r->up),
		.adrift = dtls_conn_is_adrift(r->up),
		.unproven = r->up->unproven,
		.up_ms = r->p->now_ms,
	};
	kept.s.context_len = dtls_context_write(r->up, kept.s.context);
	if (dtls_conn_candidate(r->up))
		kept.s.candidate = *dtls_conn_candidate(r->up);
	kept.there = true;
	dtls_sleep(r->p->side[SERVER].e, r->up);
	r->up = NULL;
	r->p->side[SERVER].conn = NULL;
}

/* kill -9, and another process. */
static inline void restart(struct roam *r)
{
	struct side *const s = &r->p->side[SERVER];
	const struct dtls_settings set = s->e->set;
	const struct dtls_owner owner = s->e->owner;
	dtls_engine_free(s->e);
	s->e = dtls_engine_new(&set, &owner, r->p->now_ms);
	assert_non_null(s->e);
}

#endif
