/* SPDX-License-Identifier: Apache-2.0 */
#include "store/cred_rules.h"

#include <string.h>

#include "base/wipe.h"

static bool same_octets(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && same_secret(a, b, a_len);
}

static bool same_pin(bool a_has, const uint8_t *a, bool b_has, const uint8_t *b)
{
	return a_has == b_has && (!a_has || memcmp(a, b, STORE_PIN_LEN) == 0);
}

/* --- soundness -------------------------------------------------------------------------------- */

static bool has_no_octets(const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (octets[i] != 0)
			return false;
	return true;
}

/* Nothing of another way than its own. */
static bool is_renewal(const struct store_renew *x)
{
	static const struct store_ota none = { .spi2 = 0 };
	const bool push = x->how == STORE_RENEW_GBA_PUSH, card = x->how == STORE_RENEW_SMARTCARD;
	const struct store_ota *const o = &x->ota;
	if (x->how >= STORE_RENEWS || x->gba >= STORE_GBAS ||
		!memchr(x->subscriber, '\0', sizeof(x->subscriber)) ||
		(!push && (x->gba != STORE_GBA_ME || x->subscriber[0] != '\0')))
		return false;
	return card ? o->key_len <= STORE_OTA_KEY && o->path_len <= STORE_OTA_PATH
		    : memcmp(o, &none, sizeof(none)) == 0;
}

/* No more than the bounds of each; whether they serve is for who uses them. What was proved before
   would need counters beside those of now: there is none. */
static bool is_of_messages(const struct store_cred *c)
{
	const bool dtls = c->sms.profile == STORE_SMS_DTLS;
	const bool renews = c->sms.renew.how != STORE_RENEW_NEVER;
	const bool keyed = c->key_len == 32 || c->key_len == 48 || c->key_len == 64;
	if (dtls ? c->key_len != 0 || renews : !keyed && !(renews && c->key_len == 0))
		return false;
	if (c->identity_len >= STORE_SMS_MAX || c->sms.profile >= STORE_SMS_PROFILES ||
		(c->sms.cc_len != 4 && c->sms.cc_len != 8))
		return false;
	for (size_t i = 0; i < c->identity_len; i++)
		if (c->identity[i] < '0' || c->identity[i] > '9')
			return false;
	return !c->pinned && c->purpose == STORE_FOR_ANY && !c->repository &&
	       c->before.generation == 0 && is_renewal(&c->sms.renew);
}

static bool has_no_messages(const struct store_sms *x)
{
	return has_no_octets(x->tar, sizeof(x->tar)) && x->renew.how == STORE_RENEW_NEVER &&
	       is_renewal(&x->renew) && (x->profile | x->spi2 | x->kic | x->kid | x->cc_len) == 0;
}

/* What its kind has, and nothing else. */
static bool is_of_its_kind(const struct store_cred *c)
{
	if (!c->pinned && !has_no_octets(c->pin, sizeof(c->pin)))
		return false;
	if (c->kind != STORE_CRED_SMS && !has_no_messages(&c->sms))
		return false;
	if (c->kind == STORE_CRED_PSK)
		return c->key_len > 0 && !c->pinned;
	if (c->kind == STORE_CRED_RAW_KEY)
		return c->key_len == 0 && !c->pinned && c->identity_len == STORE_PIN_LEN;
	if (c->kind == STORE_CRED_NOSEC)
		return c->key_len == 0 && !c->pinned && c->identity_len == strlen(c->endpoint) &&
		       memcmp(c->identity, c->endpoint, c->identity_len) == 0;
	if (c->kind == STORE_CRED_SMS)
		return is_of_messages(c);
	return c->kind == STORE_CRED_CERTIFICATE && c->key_len == 0;
}

static bool has_sound_labels(const struct store_cred *c)
{
	if (c->labels_len > STORE_LABELS_MAX)
		return false;
	for (size_t i = 0; i < c->labels_len; i++)
		if (c->labels[i][0] == '\0' || !memchr(c->labels[i], '\0', sizeof(c->labels[i])))
			return false;
	return true;
}

bool cred_excludes(const struct store_cred *a, const struct store_cred *b)
{
	if (a->kind == STORE_CRED_SMS || b->kind == STORE_CRED_SMS)
		return a->kind == b->kind;
	return a->purpose == b->purpose || a->purpose == STORE_FOR_ANY ||
	       b->purpose == STORE_FOR_ANY ||
	       (a->kind == STORE_CRED_NOSEC) != (b->kind == STORE_CRED_NOSEC);
}

bool cred_is_sound(const struct store_cred *c)
{
	const struct store_cred_before *const b = &c->before;
	return c->endpoint[0] != '\0' && memchr(c->endpoint, '\0', sizeof(c->endpoint)) &&
	       c->identity_len > 0 && c->identity_len <= STORE_IDENTITY_MAX &&
	       c->purpose <= STORE_FOR_BOOTSTRAP &&
	       /* Who may only be bootstrapped, may fetch nothing. */
	       !(c->purpose == STORE_FOR_BOOTSTRAP && c->repository) &&
	       c->key_len <= STORE_KEY_MAX && c->upstream_identity_len <= STORE_IDENTITY_MAX &&
	       c->upstream_key_len <= STORE_KEY_MAX && c->origin <= STORE_BY_BOOTSTRAP &&
	       is_of_its_kind(c) && has_sound_labels(c) &&
	       (b->generation == 0 || (c->number != 0 && b->identity_len <= STORE_IDENTITY_MAX &&
					      b->key_len <= STORE_KEY_MAX));
}

/* --- what is the same ------------------------------------------------------------------------- */

bool store_agreement_same(const struct store_sms *a, const struct store_sms *b)
{
	return a->profile == b->profile && a->spi2 == b->spi2 && a->kic == b->kic &&
	       a->kid == b->kid && a->cc_len == b->cc_len &&
	       memcmp(a->tar, b->tar, sizeof(a->tar)) == 0;
}

/* Octets only. */
bool store_renewal_same(const struct store_renew *a, const struct store_renew *b)
{
	return same_secret(a, b, sizeof(*a));
}

bool cred_same_face(const struct store_cred *a, const struct store_cred *b)
{
	return a->kind == b->kind && store_agreement_same(&a->sms, &b->sms) &&
	       same_pin(a->pinned, a->pin, b->pinned, b->pin) &&
	       same_octets(a->identity, a->identity_len, b->identity, b->identity_len) &&
	       same_octets(a->key, a->key_len, b->key, b->key_len);
}

static bool is_face_of(const struct store_cred_before *b, const struct store_cred *c)
{
	return same_pin(b->pinned, b->pin, c->pinned, c->pin) &&
	       same_octets(b->identity, b->identity_len, c->identity, c->identity_len) &&
	       same_octets(b->key, b->key_len, c->key, c->key_len);
}

static bool same_before(const struct store_cred_before *a, const struct store_cred_before *b)
{
	return same_pin(a->pinned, a->pin, b->pinned, b->pin) &&
	       same_octets(a->identity, a->identity_len, b->identity, b->identity_len) &&
	       same_octets(a->key, a->key_len, b->key, b->key_len);
}

static bool same_labels(const struct store_cred *a, const struct store_cred *b)
{
	if (a->labels_len != b->labels_len)
		return false;
	for (size_t i = 0; i < a->labels_len; i++)
		if (strcmp(a->labels[i], b->labels[i]) != 0)
			return false;
	return true;
}

static bool same_upstream(const struct store_cred *a, const struct store_cred *b)
{
	return same_octets(a->upstream_identity, a->upstream_identity_len, b->upstream_identity,
		       b->upstream_identity_len) &&
	       same_octets(
		       a->upstream_key, a->upstream_key_len, b->upstream_key, b->upstream_key_len);
}

static bool same_use(const struct store_cred *a, const struct store_cred *b)
{
	return a->purpose == b->purpose && a->repository == b->repository;
}

bool cred_same_content(const struct store_cred *a, const struct store_cred *b)
{
	const bool overlap = a->before.generation == b->before.generation &&
			     a->before.until_ms == b->before.until_ms;
	return strcmp(a->endpoint, b->endpoint) == 0 && same_use(a, b) && cred_same_face(a, b) &&
	       store_renewal_same(&a->sms.renew, &b->sms.renew) && same_upstream(a, b) &&
	       same_labels(a, b) && a->until_ms == b->until_ms && overlap &&
	       (a->before.generation == 0 || same_before(&a->before, &b->before));
}

/* --- what follows what ------------------------------------------------------------------------ */

bool cred_succeeds(struct store_cred *c, const struct store_cred *old)
{
	struct store_cred_before *const b = &c->before;
	c->proved = 0;
	/* What was proved for one purpose is nothing for another. */
	if (c->purpose != old->purpose && b->generation != 0)
		return false;
	if (c->purpose == old->purpose && cred_same_face(c, old)) {
		c->proved = old->proved;
		/* An overlap that runs goes on, unless another end of it is said. */
		if (b->generation == 0 || is_face_of(b, old))
			*b = old->before;
		else if (old->before.generation == 0 || !same_before(b, &old->before))
			return false;
		b->generation = old->before.generation;
		return true;
	}
	if (b->generation == 0) {
		wipe(b, sizeof(*b));
		return true;
	}
	/* Whoever has proved it, did so since then. */
	b->generation = old->proved;
	return c->kind == old->kind && is_face_of(b, old);
}

void cred_take_face(struct store_cred *c, const struct store_staged *s)
{
	c->kind = s->kind;
	c->pinned = s->pinned;
	c->identity_len = s->identity_len;
	c->key_len = s->key_len;
	memcpy(c->pin, s->pin, sizeof(c->pin));
	memcpy(c->identity, s->identity, sizeof(c->identity));
	memcpy(c->key, s->key, sizeof(c->key));
	wipe(&c->sms, sizeof(c->sms));
	wipe(&c->before, sizeof(c->before));
}

struct store_cred_mark cred_mark_of(const struct store_cred *c)
{
	return (struct store_cred_mark){
		.generation = c->generation,
		.proved = c->proved,
		.before = c->before.generation,
		.before_until_ms = c->before.until_ms,
		.until_ms = c->until_ms,
		.active = c->state == STORE_CRED_ACTIVE,
	};
}

bool store_cred_stands(const struct store_cred_mark *m, uint64_t generation, uint64_t wall_ms)
{
	if (!m->active || (m->until_ms != 0 && wall_ms >= m->until_ms) || generation == 0 ||
		generation > m->generation)
		return false;
	if (generation >= m->proved)
		return true;
	return m->before != 0 && generation >= m->before && wall_ms < m->before_until_ms;
}
