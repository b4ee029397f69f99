/* SPDX-License-Identifier: Apache-2.0 */
#include "store/schema.h"

#include "base/rd.h"
#include "base/wr.h"
#include "store/key.h"
#include "store/store.h"

/* Credentials have kinds, and resumption state is longer. What was written before stays as it is: a
   row of a PSK is the same in both. But who knows version 1 only takes a row of another kind for
   damage, and would give its endpoint to a second credential: so it must not come near. */
static enum store_result kinds(struct kv_txn *kv)
{
	(void)kv;
	return STORE_OK;
}

/* Associations have CIDs and a history of addresses, and there are tables for CIDs, which are made
   empty. An association without stays as it is. Who knows version 2 only would let one with a CID
   be another's, and give its CID away. */
static enum store_result cids(struct kv_txn *kv)
{
	(void)kv;
	return STORE_OK;
}

/* Credentials have labels, an end, and what was proved before; associations and resumption state
   say when they were made and by which certificates; there are tables for what a policy decided and
   for the ends of credentials, which are made empty. What was written before stays as it is. Who
   knows version 3 only would take a credential with labels for damage, and let a session go on that
   a policy has ended. */
static enum store_result policies(struct kv_txn *kv)
{
	(void)kv;
	return STORE_OK;
}

/* There are tables for what is staged, which are made empty, and its hints among those of
   credentials. What was written before stays as it is. Who knows version 4 only would change or
   revoke a credential and leave what is staged for it. */
static enum store_result learning(struct kv_txn *kv)
{
	(void)kv;
	return STORE_OK;
}

/* Credentials have a purpose and may fetch firmware or not; sessions have an upstream, and what
   their devices said of themselves. What was written before stays as it is: a credential for any
   purpose, a session with the one upstream that there was. Who knows version 5 only would take a
   credential for one purpose for damage, and give its endpoint away. */
static enum store_result purposes(struct kv_txn *kv)
{
	(void)kv;
	return STORE_OK;
}

/* There are tables for short messages, which are made empty, and credentials for them. What was
   written before stays as it is. Who knows version 6 only would take such a credential for damage,
   and give its endpoint away; and revoke one whose messages would stay. */
static enum store_result messages(struct kv_txn *kv)
{
	(void)kv;
	return STORE_OK;
}

/* Credentials for short messages say how their keys are renewed, and may have none of their own;
   there are tables for the sets of keys, which are made empty. What was written before stays as it
   is. Who knows version 7 only would take such a credential for damage, and give its endpoint and
   its number away. */
static enum store_result renewals(struct kv_txn *kv)
{
	(void)kv;
	return STORE_OK;
}

/* Version 1 is the first. A step from n to n + 1 is appended here, with a test that makes a
   database of version n; STORE_SCHEMA grows with it. */
static enum store_result (*const all[])(
	struct kv_txn *kv) = { kinds, cids, policies, learning, purposes, messages, renewals };
_Static_assert(1 + COUNT_OF(all) == STORE_SCHEMA, "the steps end there");

struct schema_steps schema_steps(void)
{
	return (struct schema_steps){ .step = all, .len = COUNT_OF(all), .first = 1 };
}

static enum store_result read_in(struct kv_txn *kv, uint32_t *version)
{
	const struct key k = key_name("schema");
	struct kv_slice v;
	const enum store_result r = kv_get(kv, KEY_META, key_slice(&k), &v);
	*version = 0;
	if (r == STORE_NONE)
		return STORE_OK;
	if (r != STORE_OK)
		return r;
	struct rd in = rd_from(v.data, v.len);
	*version = rd_u32(&in);
	return rd_end(&in) && *version > 0 ? STORE_OK : STORE_DAMAGED;
}

enum store_result schema_read(struct kv *kv, uint32_t *version)
{
	struct kv_txn *txn;
	*version = 0;
	enum store_result r = kv_begin(kv, KV_READ, &txn);
	if (r != STORE_OK)
		return r;
	r = read_in(txn, version);
	kv_abort(txn);
	return r;
}

enum store_result schema_write(struct kv_txn *kv, uint32_t version)
{
	const struct key k = key_name("schema");
	uint8_t value[4];
	struct wr w = wr_into(value, sizeof(value));
	wr_u32(&w, version);
	return kv_put(kv, KEY_META, key_slice(&k), (struct kv_slice){ value, w.len });
}

static enum store_result climb(
	struct kv_txn *kv, const struct schema_steps *steps, uint32_t version)
{
	for (uint32_t i = version - steps->first; i < steps->len; i++) {
		const enum store_result r = steps->step[i](kv);
		if (r != STORE_OK)
			return r;
	}
	return schema_write(kv, steps->first + (uint32_t)steps->len);
}

bool schema_bring_up(struct kv *kv, const struct schema_steps *steps, const char *name,
	struct store_error *error)
{
	const uint32_t last = steps->first + (uint32_t)steps->len;
	uint32_t version;
	struct kv_txn *txn;
	enum store_result r = schema_read(kv, &version);
	if (r != STORE_OK)
		return store_fail(
			error, "%s: the database's version cannot be read: damaged", name);
	if (version > last)
		return store_fail(error,
			"%s: the database has schema %u, this lwgated knows up to %u; start the "
			"newer version again",
			name, version, last);
	if (version == last)
		return true;
	if (version < steps->first)
		return store_fail(error,
			"%s: the database has schema %u, which this lwgated cannot bring to %u; "
			"start a version in between first",
			name, version, last);
	r = kv_begin(kv, KV_WRITE, &txn);
	if (r == STORE_OK) {
		r = climb(txn, steps, version);
		if (r == STORE_OK)
			r = kv_commit(txn);
		else
			kv_abort(txn);
	}
	if (r == STORE_OK)
		return true;
	return store_fail(error,
		"%s: the database could not be brought from schema %u to %u (%s); it is as it was",
		name, version, last,
		r == STORE_FULL      ? "no room"
		: r == STORE_DAMAGED ? "a row is damaged"
				     : "the medium failed");
}
