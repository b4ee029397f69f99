/* SPDX-License-Identifier: Apache-2.0 */
/* A row's octets, as the store seals them. */
#include "sms/keyset.h"

#include <string.h>

#include "base/attr.h"
#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"

enum { LAYOUT = 1 };

static void write_keys(struct wr *w, const struct keyset_keys *x)
{
	const struct sms_agreed *const a = &x->agreed;
	wr_u32(w, x->generation);
	if (x->generation == 0)
		return;
	wr_u8(w, x->origin);
	wr_u64(w, x->obtained_ms);
	wr_u64(w, x->until_ms);
	wr_u8(w, a->profile);
	wr_u8(w, a->spi2);
	wr_u8(w, a->kic);
	wr_u8(w, a->kid);
	wr_bytes(w, a->tar, sizeof(a->tar));
	wr_u8(w, a->cc_len);
	wr_u8(w, a->key_len);
	wr_bytes(w, a->key, a->key_len);
}

size_t keyset_save(const struct keyset *k, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	const size_t cause = strnlen(k->cause, KEYSET_CAUSE_MAX);
	_Static_assert(3 * (32 + 2 * SMS_KEY_MAX) + 112 + KEYSET_CAUSE_MAX <= 512, "it fits");
	if (cap < KEYSET_SAVED_MAX || k->blob_len > KEYSET_BLOB_MAX)
		return 0;
	wr_u8(&w, LAYOUT);
	wr_u8(&w, k->state);
	wr_u8(&w, k->tries);
	wr_u8(&w, k->fails);
	wr_u8(&w, k->over);
	wr_u32(&w, k->last);
	wr_u32(&w, k->begun);
	wr_u32(&w, k->lifetime_s);
	wr_u64(&w, k->hour_ms);
	wr_u64(&w, k->due_ms);
	wr_u64(&w, k->sent_ms);
	wr_u64(&w, k->message);
	for (size_t i = 0; i < COUNT_OF(k->counted); i++)
		wr_u64(&w, k->counted[i]);
	wr_u8(&w, (uint8_t)cause);
	wr_bytes(&w, k->cause, cause);
	for (size_t i = 0; i < KEYSET_SETS; i++)
		write_keys(&w, &k->set[i]);
	wr_u16(&w, k->blob_len);
	wr_bytes(&w, k->blob, k->blob_len);
	return wr_ok(&w) ? w.len : 0;
}

static void read_keys(struct rd *r, struct keyset_keys *x)
{
	struct sms_agreed *const a = &x->agreed;
	x->generation = rd_u32(r);
	if (x->generation == 0)
		return;
	x->origin = rd_u8(r);
	x->obtained_ms = rd_u64(r);
	x->until_ms = rd_u64(r);
	a->profile = rd_u8(r);
	a->spi2 = rd_u8(r);
	a->kic = rd_u8(r);
	a->kid = rd_u8(r);
	rd_copy(r, a->tar, sizeof(a->tar));
	a->cc_len = rd_u8(r);
	a->key_len = rd_u8(r);
	if (x->origin >= KEYSET_ORIGINS || a->profile >= SMS_PROFILES ||
		a->key_len > sizeof(a->key)) {
		r->bad = true;
		return;
	}
	rd_copy(r, a->key, a->key_len);
}

static void read_row(struct rd *r, struct keyset *k)
{
	if (rd_u8(r) != LAYOUT)
		r->bad = true;
	k->state = rd_u8(r);
	k->tries = rd_u8(r);
	k->fails = rd_u8(r);
	const uint8_t over = rd_u8(r);
	k->over = over == 1;
	k->last = rd_u32(r);
	k->begun = rd_u32(r);
	k->lifetime_s = rd_u32(r);
	k->hour_ms = rd_u64(r);
	k->due_ms = rd_u64(r);
	k->sent_ms = rd_u64(r);
	k->message = rd_u64(r);
	for (size_t i = 0; i < COUNT_OF(k->counted); i++)
		k->counted[i] = rd_u64(r);
	const uint8_t cause = rd_u8(r);
	if (k->state >= KEYSET_STATES || over > 1 || cause > KEYSET_CAUSE_MAX) {
		r->bad = true;
		return;
	}
	rd_copy(r, (uint8_t *)k->cause, cause);
	if (strlen(k->cause) != cause)
		r->bad = true; /* a text has no NUL in it */
	for (size_t i = 0; i < KEYSET_SETS; i++)
		read_keys(r, &k->set[i]);
	k->blob_len = rd_u16(r);
	if (k->blob_len > KEYSET_BLOB_MAX)
		r->bad = true;
	else
		rd_copy(r, k->blob, k->blob_len);
}

/* What the steps rely on. */
static bool makes_sense(const struct keyset *k)
{
	const bool next = k->set[KEYSET_NEXT].generation != 0;
	const bool delivers = k->state == KEYSET_FRESH || k->state == KEYSET_DELIVERED;
	const bool may = delivers || k->state == KEYSET_REFRESHING || k->state == KEYSET_FAILED;
	if ((delivers && !next) || (next && !may))
		return false;
	for (size_t i = 0; i < KEYSET_SETS; i++)
		if (k->set[i].generation > k->last)
			return false;
	return true;
}

bool keyset_load(const uint8_t *octets, size_t len, struct keyset *k)
{
	struct rd r = rd_from(octets, len);
	memset(k, 0, sizeof(*k));
	read_row(&r, k);
	if (!r.bad && rd_end(&r) && makes_sense(k))
		return true;
	wipe(k, sizeof(*k));
	keyset_begin(k, NULL, 0);
	return false;
}
