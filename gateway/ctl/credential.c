/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/credential.h"

#include <string.h>

#include "conf/purpose.h"
#include "conf/spki.h"

enum {
	OWN = 2,
	SAYS_LABELS = 1,
	SAYS_UNTIL = 2,
	SAYS_OVERLAP = 4,
	SAYS_REPOSITORY = 8,
	SAYS_STAGED = 16,
	SAYS_ALL = 31
};

_Static_assert((int)CTL_FOR_ANY == 1 + (int)CONF_FOR_ANY &&
		       (int)CTL_FOR_SERVER == 1 + (int)CONF_FOR_SERVER &&
		       (int)CTL_FOR_BOOTSTRAP == 1 + (int)CONF_FOR_BOOTSTRAP,
	"a purpose is the same everywhere, but here it may not be said");

const char *ctl_purpose_word(enum ctl_purpose p)
{
	if (p == CTL_FOR_SMS)
		return "sms";
	return conf_purpose_word(
		p == CTL_FOR_UNSAID ? CONF_FOR_ANY : (enum conf_purpose)((int)p - 1));
}

static void write_octets(struct wr *w, const void *octets, uint8_t len)
{
	wr_u8(w, len);
	wr_bytes(w, octets, len);
}

static void write_key(struct wr *w, const struct ctl_cred *c, const uint8_t *key, uint8_t len)
{
	wr_u8(w, len);
	if (c->has_keys)
		wr_bytes(w, key, len);
}

static void write_terms(struct wr *w, const struct ctl_cred *c)
{
	const size_t len = strnlen(c->labels, CTL_LABELS_MAX);
	wr_u8(w, (uint8_t)((c->says_labels ? SAYS_LABELS : 0) | (c->says_until ? SAYS_UNTIL : 0) |
			   (c->says_overlap ? SAYS_OVERLAP : 0) |
			   (c->says_repository ? SAYS_REPOSITORY : 0) |
			   (c->staged.generation > 0 ? SAYS_STAGED : 0)));
	wr_u8(w, (uint8_t)c->purpose);
	wr_u8(w, c->repository);
	wr_u64(w, c->until_ms);
	wr_u32(w, c->overlap_s);
	wr_u64(w, c->before_generation);
	wr_u64(w, c->before_until_ms);
	wr_u16(w, (uint16_t)len);
	wr_bytes(w, c->labels, len);
}

static void write_renew(struct wr *w, const struct ctl_cred *c)
{
	const struct cred_renew *const x = &c->sms.renew;
	const struct cred_ota *const o = &x->ota;
	wr_u8(w, x->how);
	wr_u8(w, x->gba);
	write_octets(w, x->subscriber, (uint8_t)strnlen(x->subscriber, CRED_SUBSCRIBER_MAX));
	if (x->how != CRED_RENEW_SMARTCARD)
		return;
	wr_u8(w, o->spi2);
	wr_u8(w, o->kic);
	wr_u8(w, o->kid);
	wr_u8(w, o->cc_len);
	wr_bytes(w, o->tar, sizeof(o->tar));
	write_key(w, c, o->key, o->key_len);
	write_octets(w, o->path, o->path_len);
	wr_u8(w, o->format);
}

static void write_sms(struct wr *w, const struct ctl_cred *c)
{
	const struct cred_sms *const x = &c->sms;
	wr_u8(w, x->profile);
	wr_u8(w, x->spi2);
	wr_u8(w, x->kic);
	wr_u8(w, x->kid);
	wr_bytes(w, x->tar, sizeof(x->tar));
	wr_u8(w, x->cc_len);
	write_renew(w, c);
}

static void write_staged(struct wr *w, const struct ctl_staged *s)
{
	if (s->generation == 0)
		return;
	wr_u8(w, (uint8_t)s->kind);
	wr_u8(w, s->armed);
	wr_u64(w, s->generation);
	wr_u64(w, s->until_ms);
	write_octets(w, s->identity, s->identity_len);
}

void ctl_cred_write(struct wr *w, const struct ctl_cred *c)
{
	wr_u32(w, c->line);
	wr_u32(w, c->number);
	wr_u64(w, c->generation);
	wr_u64(w, c->changed_ms);
	wr_u8(w, (uint8_t)c->state);
	wr_u8(w, (uint8_t)c->origin);
	wr_u8(w, c->has_keys);
	wr_u8(w, (uint8_t)c->kind);
	wr_u8(w, c->pinned ? (uint8_t)(1 + c->own_pin) : 0);
	write_octets(w, c->endpoint, (uint8_t)strnlen(c->endpoint, CTL_NAME_MAX));
	write_octets(w, c->identity, c->identity_len);
	write_octets(w, c->upstream_identity, c->upstream_identity_len);
	write_key(w, c, c->key, c->key_len);
	write_key(w, c, c->upstream_key, c->upstream_key_len);
	if (c->pinned)
		wr_bytes(w, c->pin, sizeof(c->pin));
	if (c->kind == CTL_CRED_SMS)
		write_sms(w, c);
	write_terms(w, c);
	write_staged(w, &c->staged);
}

static uint8_t read_len(struct rd *r, uint8_t max)
{
	const uint8_t len = rd_u8(r);
	if (len <= max)
		return len;
	r->bad = true;
	return 0;
}

static uint8_t read_octets(struct rd *r, void *out, uint8_t max)
{
	const uint8_t len = read_len(r, max);
	rd_copy(r, out, len);
	return len;
}

static uint8_t read_key(struct rd *r, bool has_keys, uint8_t *out)
{
	return has_keys ? read_octets(r, out, CTL_KEY_MAX) : read_len(r, CTL_KEY_MAX);
}

static void read_renew(struct rd *r, bool has_keys, struct cred_renew *out)
{
	struct cred_ota *const o = &out->ota;
	out->how = rd_u8(r);
	out->gba = rd_u8(r);
	const size_t len = read_octets(r, out->subscriber, CRED_SUBSCRIBER_MAX);
	if (out->how >= CRED_RENEWS || out->gba >= CRED_GBAS || memchr(out->subscriber, '\0', len))
		r->bad = true;
	if (out->how != CRED_RENEW_SMARTCARD)
		return;
	o->spi2 = rd_u8(r);
	o->kic = rd_u8(r);
	o->kid = rd_u8(r);
	o->cc_len = rd_u8(r);
	rd_copy(r, o->tar, sizeof(o->tar));
	o->key_len = read_key(r, has_keys, o->key);
	o->path_len = read_octets(r, o->path, CRED_OTA_PATH);
	o->format = rd_u8(r);
	if (o->format >= CRED_OTA_FORMATS)
		r->bad = true;
}

static void read_sms(struct rd *r, bool has_keys, struct cred_sms *out)
{
	out->profile = rd_u8(r);
	out->spi2 = rd_u8(r);
	out->kic = rd_u8(r);
	out->kid = rd_u8(r);
	rd_copy(r, out->tar, sizeof(out->tar));
	out->cc_len = rd_u8(r);
	if (out->profile >= CRED_SMS_PROFILES)
		r->bad = true;
	read_renew(r, has_keys, &out->renew);
}

static bool read_staged(struct rd *r, struct ctl_staged *out)
{
	const uint8_t kind = rd_u8(r), armed = rd_u8(r);
	out->generation = rd_u64(r);
	out->until_ms = rd_u64(r);
	out->identity_len = read_octets(r, out->identity, CTL_NAME_MAX);
	if (!rd_ok(r) || kind > CTL_CRED_CERTIFICATE || armed > 1 || out->generation == 0)
		return false;
	out->kind = (enum ctl_cred_kind)kind;
	out->armed = armed == 1;
	return true;
}

static bool read_terms(struct rd *r, struct ctl_cred *out)
{
	const uint8_t says = rd_u8(r);
	out->says_labels = (says & SAYS_LABELS) != 0;
	out->says_until = (says & SAYS_UNTIL) != 0;
	out->says_overlap = (says & SAYS_OVERLAP) != 0;
	out->says_repository = (says & SAYS_REPOSITORY) != 0;
	const uint8_t purpose = rd_u8(r), repository = rd_u8(r);
	out->until_ms = rd_u64(r);
	out->overlap_s = rd_u32(r);
	out->before_generation = rd_u64(r);
	out->before_until_ms = rd_u64(r);
	const uint16_t len = rd_u16(r);
	if (says > SAYS_ALL || len > CTL_LABELS_MAX || purpose >= CTL_PURPOSES || repository > 1)
		return false;
	out->purpose = (enum ctl_purpose)purpose;
	out->repository = repository == 1;
	rd_copy(r, (uint8_t *)out->labels, len);
	return rd_ok(r) && strlen(out->labels) == len &&
	       ((says & SAYS_STAGED) == 0 || read_staged(r, &out->staged));
}

bool ctl_cred_read(struct rd *r, struct ctl_cred *out)
{
	*out = (struct ctl_cred){ 0 };
	out->line = rd_u32(r);
	out->number = rd_u32(r);
	out->generation = rd_u64(r);
	out->changed_ms = rd_u64(r);
	const uint8_t state = rd_u8(r), origin = rd_u8(r), has_keys = rd_u8(r);
	const uint8_t kind = rd_u8(r), pinned = rd_u8(r);
	const uint8_t endpoint_len = read_octets(r, out->endpoint, CTL_NAME_MAX);
	out->identity_len = read_octets(r, out->identity, CTL_NAME_MAX);
	out->upstream_identity_len = read_octets(r, out->upstream_identity, CTL_NAME_MAX);
	out->has_keys = has_keys == 1;
	out->key_len = read_key(r, out->has_keys, out->key);
	out->upstream_key_len = read_key(r, out->has_keys, out->upstream_key);
	out->pinned = pinned > 0;
	out->own_pin = pinned == OWN;
	if (out->pinned)
		rd_copy(r, out->pin, sizeof(out->pin));
	if (kind == CTL_CRED_SMS)
		read_sms(r, out->has_keys, &out->sms);
	if (!read_terms(r, out) || !rd_ok(r) || state > CTL_CRED_EXPIRED ||
		origin > CTL_CRED_BY_BOOTSTRAP || has_keys > 1 || kind > CTL_CRED_SMS ||
		pinned > OWN || (pinned > 0 && kind == CTL_CRED_SMS))
		return false;
	out->kind = (enum ctl_cred_kind)kind;
	out->state = (enum ctl_cred_state)state;
	out->origin = (enum ctl_cred_origin)origin;
	return strlen(out->endpoint) == endpoint_len;
}

const char *ctl_cred_kind_word(enum ctl_cred_kind kind)
{
	static const char *const words[] = {
		[CTL_CRED_PSK] = "psk",
		[CTL_CRED_RAW_KEY] = "public_key",
		[CTL_CRED_CERTIFICATE] = "certificate",
		[CTL_CRED_NOSEC] = "nosec",
		[CTL_CRED_SMS] = "sms",
	};
	return words[kind];
}

const char *ctl_cred_origin_word(enum ctl_cred_origin origin)
{
	switch (origin) {
	case CTL_CRED_BY_FILE:
		return "file";
	case CTL_CRED_BY_BOOTSTRAP:
		return "bootstrap";
	case CTL_CRED_BY_CONTROL:
		break;
	}
	return "lwgatectl";
}

void ctl_cred_by_raw_key(struct ctl_cred *c, const struct conf_spki *key)
{
	_Static_assert(sizeof(key->digest) <= sizeof(c->identity), "an identity has room for it");
	c->kind = CTL_CRED_RAW_KEY;
	c->identity_len = sizeof(key->digest);
	memcpy(c->identity, key->digest, sizeof(key->digest));
}
