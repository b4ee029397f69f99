/* SPDX-License-Identifier: Apache-2.0 */
/* Short messages: one row for each credential says what is in its boxes and what they have cost;
   one for each pair of keys has the counters, and stays when the credential goes or gets other
   keys: who comes back to these keys goes on where they were. */
#include "store/sms.h"

#include <string.h>

#include "base/wipe.h"
#include "store/core.h"
#include "store/cred_row.h"
#include "store/row.h"
#include "store/sms_row.h"

enum {
	DAY_MS = 24 * 3600000,
	/* What an older copy of the database may lack. Where it cannot be one that is known of, so
	   many were sent since the last watermark at most ... */
	LEASE = STORE_LEASE,
	/* ... and without an anchor nobody knows: more than a device is sent in its life. */
	LEAP = 1 << 20,
};

/* --- rows ------------------------------------------------------------------------------------- */

/* Zero where there is none. */
enum store_result sms_read_box(struct store_reader *r, uint32_t cred, struct value_sms *out)
{
	const struct key k = key_number(cred);
	struct kv_slice v;
	*out = (struct value_sms){ 0 };
	const enum store_result result = kv_get(r->kv, KEY_SMS, key_slice(&k), &v);
	if (result != STORE_OK)
		return gone(result);
	return value_sms_read(v, &r->s->mac, cred, out) ? STORE_OK
							: reader_damage(r, KEY_SMS, cred);
}

enum store_result sms_put_box(struct store_txn *t, uint32_t cred, const struct value_sms *x)
{
	const struct key k = key_number(cred);
	uint8_t value[VALUE_META_MAX];
	const size_t len = value_sms_write(x, &t->s->mac, cred, value, sizeof(value));
	return kv_put(t->kv, KEY_SMS, key_slice(&k), (struct kv_slice){ value, len });
}

/* Zero where there is none. What was sent since an older copy was made is left out. */
static enum store_result read_count(
	struct store_reader *r, uint64_t keys, struct value_sms_count *out)
{
	const struct store *const s = r->s;
	const struct key k = key_hash(keys);
	struct kv_slice v;
	*out = (struct value_sms_count){ 0 };
	const enum store_result result = kv_get(r->kv, KEY_SMS_COUNT, key_slice(&k), &v);
	if (result != STORE_OK)
		return gone(result);
	if (!value_sms_count_read(v, &s->mac, keys, out))
		return reader_damage(r, KEY_SMS_COUNT, 0);
	if (out->incarnation < s->unsure_since)
		out->out += LEAP;
	else if (out->incarnation != s->start.incarnation && !s->start.continuous)
		out->out += LEASE;
	return STORE_OK;
}

static enum store_result put_count(struct store_txn *t, uint64_t keys, struct value_sms_count *x)
{
	const struct key k = key_hash(keys);
	uint8_t value[VALUE_META_MAX];
	x->incarnation = t->meta.incarnation;
	const size_t len = value_sms_count_write(x, &t->s->mac, keys, value, sizeof(value));
	return kv_put(t->kv, KEY_SMS_COUNT, key_slice(&k), (struct kv_slice){ value, len });
}

static enum store_result put_message(struct store_txn *t, unsigned table, const struct key *k,
	uint64_t proved, const struct store_sms_message *m)
{
	struct row row = { .table = table, .key = *k, .generation = proved };
	row.head_len = value_sms_head_write(proved, row.head, sizeof(row.head));
	row.plain_len = value_message_write(m, row.plain, sizeof(row.plain));
	const enum store_result r = row_put(&row, t);
	row_wipe(&row);
	return r;
}

/* *out has cred and id. */
static enum store_result open_message(struct store_reader *r, unsigned table, const struct key *k,
	struct kv_slice v, struct store_sms_message *out)
{
	struct row row = { .table = table, .key = *k };
	struct kv_slice rest;
	(void)atomic_fetch_add(&r->s->unseals, 1);
	const bool good = value_sms_head_read(v, &row.generation, &rest) &&
			  row_open(&row, r->sealer, rest) &&
			  value_message_read(row_plain(&row), out);
	row_wipe(&row);
	return good ? STORE_OK : reader_damage(r, table, out->cred);
}

/* --- whose they are --------------------------------------------------------------------------- */

struct owner {
	uint64_t proved;
	uint64_t keys; /* keyed hash; 0: it has none */
};

/* Of an active credential of any kind. */
static enum store_result read_owner(struct store_reader *r, uint32_t cred, struct owner *out)
{
	struct store_cred c;
	const enum store_result result = store_read_cred(r, cred, &c);
	*out = (struct owner){ 0 };
	if (result == STORE_OK && c.state == STORE_CRED_ACTIVE) {
		out->proved = c.proved;
		if (c.kind == STORE_CRED_SMS && c.key_len > 0)
			out->keys = store_sms_keys_hash(r, c.key, c.key_len);
	}
	wipe(&c, sizeof(c));
	if (result != STORE_OK)
		return result == STORE_NONE ? STORE_STALE : result;
	return out->proved != 0 ? STORE_OK : STORE_STALE;
}

enum store_result store_sms_read(
	struct store_reader *r, uint32_t cred, struct store_sms_counters *out)
{
	struct value_sms_count n = { 0 };
	struct value_sms box;
	struct owner who;
	*out = (struct store_sms_counters){ .cred = cred };
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = read_owner(r, cred, &who);
	if (result != STORE_OK)
		return result == STORE_STALE ? STORE_NONE : result;
	out->proved = who.proved;
	result = sms_read_box(r, cred, &box);
	if (result == STORE_OK && who.keys != 0)
		result = read_count(r, who.keys, &n);
	if (result != STORE_OK)
		return result;
	out->in = n.in;
	out->out = n.out;
	out->reference = box.reference;
	out->day = box.day;
	out->segments = box.segments;
	return (n.in | n.out | box.reference | box.day) != 0 ? STORE_OK : STORE_NONE;
}

uint64_t store_sms_keys_hash(const struct store_reader *r, const uint8_t *key, size_t len)
{
	const uint64_t hash = cred_key_hash(r->s, key, len);
	return hash != 0 ? hash : 1;
}

enum store_result store_sms_read_under(
	struct store_reader *r, uint64_t keys, struct store_sms_counters *out)
{
	struct value_sms_count n = { 0 };
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = read_count(r, keys, &n);
	out->in = n.in;
	out->out = n.out;
	return result;
}

bool store_sms_is_own(struct store_reader *r, uint32_t cred, uint64_t mark)
{
	struct owner who;
	return reader_ready(r) == STORE_OK && read_owner(r, cred, &who) == STORE_OK &&
	       store_sms_is_own_under(r, who.keys, mark);
}

bool store_sms_is_own_under(struct store_reader *r, uint64_t keys, uint64_t mark)
{
	struct value_sms_count n = { 0 };
	_Static_assert((int)STORE_SMS_OWN == (int)VALUE_SMS_OWN, "as it is said");
	if (mark == 0 || keys == 0 || reader_ready(r) != STORE_OK ||
		read_count(r, keys, &n) != STORE_OK)
		return false;
	for (size_t i = 0; i < n.own_len; i++)
		if (n.own[i] == mark)
			return true;
	return false;
}

/* --- going round ------------------------------------------------------------------------------ */

/* The lowest above *after of those that it has. */
static bool next_of_box(const struct value_sms *box, uint64_t *after)
{
	uint64_t best = 0;
	for (size_t i = 0; i < box->in_len; i++)
		if (box->in[i] > *after && (best == 0 || box->in[i] < best))
			best = box->in[i];
	if (best == 0)
		return false;
	*after = best;
	return true;
}

static enum store_result next_in_of(
	struct store_reader *r, uint32_t cred, uint64_t *after, struct store_sms_message *out)
{
	struct value_sms box;
	enum store_result result = sms_read_box(r, cred, &box);
	while (result == STORE_OK) {
		if (!next_of_box(&box, after))
			return STORE_NONE;
		const struct key k = key_hash_number(*after, cred);
		struct kv_slice v;
		*out = (struct store_sms_message){ .cred = cred, .id = *after };
		result = kv_get(r->kv, KEY_SMS_IN, key_slice(&k), &v);
		if (result == STORE_OK && open_message(r, KEY_SMS_IN, &k, v, out) == STORE_OK)
			return STORE_OK;
		result = gone(result);
	}
	return result;
}

static enum store_result next_in(
	struct store_reader *r, uint64_t *after, struct store_sms_message *out)
{
	enum store_result result = STORE_OK;
	while (result == STORE_OK && *after < UINT64_MAX) {
		const struct key from = key_hash_number(*after + 1, 0);
		struct kv_slice k, v;
		*out = (struct store_sms_message){ 0 };
		result = kv_seek(r->kv, KEY_SMS_IN, key_slice(&from), &k, &v);
		if (result != STORE_OK)
			return result;
		if (!key_is_hash_number(k, &out->id, &out->cred))
			return reader_damage(r, KEY_SMS_IN, 0);
		const struct key is = key_hash_number(out->id, out->cred);
		*after = out->id;
		if (open_message(r, KEY_SMS_IN, &is, v, out) == STORE_OK)
			return STORE_OK;
	}
	return result == STORE_OK ? STORE_NONE : result;
}

enum store_result store_sms_next_in(
	struct store_reader *r, uint32_t cred, uint64_t *after, struct store_sms_message *out)
{
	const enum store_result result = reader_ready(r);
	*out = (struct store_sms_message){ 0 };
	if (result != STORE_OK)
		return result;
	return cred != 0 ? next_in_of(r, cred, after, out) : next_in(r, after, out);
}

/* The next of the box out, without a look at it: its number, and its value. */
enum store_result sms_seek_out(
	struct store_reader *r, uint64_t after, uint64_t *id, struct kv_slice *v)
{
	const struct key from = key_hash(after + 1);
	struct kv_slice k;
	const enum store_result result = kv_seek(r->kv, KEY_SMS_OUT, key_slice(&from), &k, v);
	if (result != STORE_OK)
		return result;
	return key_is_hash(k, id) ? STORE_OK : reader_damage(r, KEY_SMS_OUT, 0);
}

enum store_result store_sms_next_out(
	struct store_reader *r, uint32_t cred, uint64_t *after, struct store_sms_message *out)
{
	enum store_result result = reader_ready(r);
	*out = (struct store_sms_message){ 0 };
	if (cred != 0 && *after < sms_out_id(cred, 0))
		*after = sms_out_id(cred, 0);
	while (result == STORE_OK && *after < UINT64_MAX) {
		struct kv_slice v;
		*out = (struct store_sms_message){ 0 };
		result = sms_seek_out(r, *after, &out->id, &v);
		if (result != STORE_OK)
			return result;
		out->cred = (uint32_t)(out->id >> 32);
		if (cred != 0 && out->cred != cred)
			break;
		const struct key is = key_hash(out->id);
		*after = out->id;
		if (open_message(r, KEY_SMS_OUT, &is, v, out) == STORE_OK)
			return STORE_OK;
	}
	*out = (struct store_sms_message){ 0 };
	return result == STORE_OK ? STORE_NONE : result;
}

/* --- in --------------------------------------------------------------------------------------- */

static bool is_known(const struct value_sms *box, uint64_t id)
{
	for (size_t i = 0; i < box->in_len; i++)
		if (box->in[i] == id)
			return true;
	for (size_t i = 0; i < VALUE_SMS_RECENT; i++)
		if (box->recent[i] == id)
			return true;
	return false;
}

/* Who is to have something new, and what he has. */
struct change {
	struct owner who;
	struct value_sms box;
	struct value_sms_count n;
};

/* keys 0: the credential's own. STORE_STALE: these are others'. */
static enum store_result begin(struct store_txn *t, uint32_t cred, uint64_t proved, uint64_t keys,
	bool counted, struct change *out)
{
	*out = (struct change){ 0 };
	enum store_result r = read_owner(&t->reader, cred, &out->who);
	if (r != STORE_OK)
		return r;
	if (out->who.proved != proved)
		return STORE_STALE;
	if (keys != 0)
		out->who.keys = keys;
	if (counted && out->who.keys == 0)
		return STORE_DAMAGED;
	r = sms_read_box(&t->reader, cred, &out->box);
	return r == STORE_OK && counted ? read_count(&t->reader, out->who.keys, &out->n) : r;
}

enum store_result store_sms_take(struct store_txn *t, const struct store_sms_message *m,
	uint64_t proved, bool counted, uint64_t counter)
{
	const struct key k = key_hash_number(m->id, m->cred);
	struct change x;
	if (m->id == 0 || m->len > STORE_SMS_DATA_MAX)
		return STORE_DAMAGED;
	enum store_result r = begin(t, m->cred, proved, m->keys, counted, &x);
	if (r != STORE_OK)
		return r;
	if (is_known(&x.box, m->id) || (counted && counter <= x.n.in))
		return STORE_STALE;
	if (x.box.in_len == STORE_SMS_IN)
		return STORE_FULL;
	x.box.in[x.box.in_len++] = m->id;
	x.n.in = counter;
	if (counted)
		r = put_count(t, x.who.keys, &x.n);
	if (r == STORE_OK)
		r = put_message(t, KEY_SMS_IN, &k, proved, m);
	return r == STORE_OK ? sms_put_box(t, m->cred, &x.box) : r;
}

enum store_result store_sms_pass(
	struct store_txn *t, uint32_t cred, uint64_t proved, uint64_t keys, uint64_t counter)
{
	struct change x;
	const enum store_result r = begin(t, cred, proved, keys, true, &x);
	if (r != STORE_OK)
		return r;
	if (counter <= x.n.in)
		return STORE_STALE;
	x.n.in = counter;
	return put_count(t, x.who.keys, &x.n);
}

/* The id is known on, so that the same message is not taken again. False: it was not there. */
static bool leave_in(struct value_sms *box, uint64_t id)
{
	size_t at = 0;
	while (at < box->in_len && box->in[at] != id)
		at++;
	if (at == box->in_len)
		return false;
	box->in_len--;
	memmove(&box->in[at], &box->in[at + 1], (box->in_len - at) * sizeof(box->in[0]));
	memmove(&box->recent[1], &box->recent[0], sizeof(box->recent) - sizeof(box->recent[0]));
	box->recent[0] = id;
	return true;
}

enum store_result sms_drop_in(struct store_txn *t, uint32_t cred, uint64_t id)
{
	const struct key k = key_hash_number(id, cred);
	return gone(kv_del(t->kv, KEY_SMS_IN, key_slice(&k)));
}

enum store_result store_sms_in_done(struct store_txn *t, uint32_t cred, uint64_t id)
{
	struct value_sms box;
	enum store_result r = sms_read_box(&t->reader, cred, &box);
	if (r != STORE_OK)
		return r;
	if (!leave_in(&box, id))
		return STORE_NONE;
	r = sms_drop_in(t, cred, id);
	return r == STORE_OK ? sms_put_box(t, cred, &box) : r;
}

/* --- out -------------------------------------------------------------------------------------- */

uint32_t store_sms_day(uint64_t now_ms)
{
	return (uint32_t)(now_ms / DAY_MS);
}

/* STORE_FULL: it would cost more than a day may. */
static enum store_result add_cost(
	const struct store_txn *t, struct value_sms *box, uint8_t segments, uint32_t a_day)
{
	const uint32_t day = store_sms_day(store_now(t->s));
	if (day != box->day)
		box->segments = 0;
	box->day = day;
	if (a_day != 0 && (box->segments >= a_day || segments > a_day - box->segments))
		return STORE_FULL;
	box->segments += box->segments < UINT32_MAX - UINT8_MAX ? segments : 0;
	return STORE_OK;
}

enum store_result store_sms_spend(struct store_txn *t, uint32_t cred, uint8_t segments)
{
	struct owner who;
	struct value_sms box;
	enum store_result r = read_owner(&t->reader, cred, &who);
	if (r == STORE_OK)
		r = sms_read_box(&t->reader, cred, &box);
	if (r == STORE_OK)
		r = add_cost(t, &box, segments, 0);
	return r == STORE_OK ? sms_put_box(t, cred, &box) : r;
}

/* The first one of a process, and each whose number an older copy might lack. */
static void mind_anchor(struct store_txn *t, const struct value_sms_count *n, uint64_t counter)
{
	const bool raise =
		n->incarnation != t->meta.incarnation || counter / LEASE != n->out / LEASE;
	if (raise)
		txn_needs_anchor(t, true);
}

static void note_own(struct value_sms_count *n, uint64_t mark)
{
	if (mark == 0)
		return;
	if (n->own_len < VALUE_SMS_OWN)
		n->own_len++;
	memmove(&n->own[1], &n->own[0], (n->own_len - (size_t)1) * sizeof(n->own[0]));
	n->own[0] = mark;
}

/* NOLINTNEXTLINE(readability-function-size): seven parameters, all of one change */
enum store_result store_sms_send(struct store_txn *t, struct store_sms_message *m, uint64_t proved,
	bool counted, uint64_t counter, uint64_t answers, uint32_t a_day)
{
	struct change x;
	if (m->len > STORE_SMS_DATA_MAX)
		return STORE_DAMAGED;
	enum store_result r = begin(t, m->cred, proved, m->keys, counted, &x);
	if (r != STORE_OK)
		return r;
	if (counted && counter <= x.n.out)
		return STORE_STALE;
	if (x.box.out_len == STORE_SMS_OUT || x.box.next == UINT32_MAX ||
		add_cost(t, &x.box, m->segments, a_day) != STORE_OK)
		return STORE_FULL;
	x.box.out_len++;
	if (m->segments > 1)
		x.box.reference = m->reference;
	m->id = sms_out_id(m->cred, ++x.box.next);
	if (counted) {
		mind_anchor(t, &x.n, counter);
		x.n.out = counter;
		note_own(&x.n, m->mark);
		r = put_count(t, x.who.keys, &x.n);
	}
	if (r == STORE_OK && answers != 0 && leave_in(&x.box, answers))
		r = sms_drop_in(t, m->cred, answers);
	const struct key k = key_hash(m->id);
	if (r == STORE_OK)
		r = put_message(t, KEY_SMS_OUT, &k, proved, m);
	return r == STORE_OK ? sms_put_box(t, m->cred, &x.box) : r;
}

uint32_t store_sms_cred_of(uint64_t id)
{
	return (uint32_t)(id >> 32);
}

enum store_result store_sms_out_done(struct store_txn *t, uint64_t id)
{
	const uint32_t cred = store_sms_cred_of(id);
	const struct key k = key_hash(id);
	struct value_sms box;
	enum store_result r = sms_read_box(&t->reader, cred, &box);
	if (r == STORE_OK)
		r = kv_del(t->kv, KEY_SMS_OUT, key_slice(&k));
	if (r != STORE_OK)
		return r;
	if (box.out_len > 0)
		box.out_len--;
	return sms_put_box(t, cred, &box);
}
