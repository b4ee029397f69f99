/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key.h"

#include <assert.h>
#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

static const char *const names[] = {
	[KEY_META] = "meta",
	[KEY_CRED] = "credentials",
	[KEY_CRED_INDEX] = "credentials-index",
	[KEY_ASSOC] = "associations",
	[KEY_LEASE] = "leases",
	[KEY_PATH] = "paths",
	[KEY_ASSOC_OF] = "associations-of",
	[KEY_FREE] = "free-slots",
	[KEY_SESSION] = "sessions",
	[KEY_DEADLINE] = "deadlines",
	[KEY_RESUME] = "resumption",
	[KEY_RESUME_ID] = "resumption-ids",
	[KEY_RESUME_AGE] = "resumption-age",
	[KEY_PORT] = "ports",
	[KEY_CID] = "cids",
	[KEY_CID_REST] = "cids-resting",
	[KEY_VERDICT] = "verdicts",
	[KEY_EXPIRY] = "credentials-ends",
	[KEY_STAGED] = "staged",
	[KEY_STAGED_END] = "staged-ends",
	[KEY_STAGED_PAST] = "staged-past",
	[KEY_SMS] = "sms",
	[KEY_SMS_COUNT] = "sms-counters",
	[KEY_SMS_IN] = "sms-in",
	[KEY_SMS_OUT] = "sms-out",
	[KEY_SMS_KEYS] = "sms-keys",
	[KEY_SMS_KEYS_DUE] = "sms-keys-due",
};

_Static_assert(COUNT_OF(names) == KEY_TABLES, "each table has a name");

const char *const *key_tables(void)
{
	return names;
}

struct key key_octets(const uint8_t *octets, size_t len)
{
	struct key k = { .len = len };
	assert(len <= sizeof(k.octets));
	memcpy(k.octets, octets, len);
	return k;
}

struct key key_name(const char *name)
{
	return key_octets((const uint8_t *)name, strlen(name));
}

static struct wr begin(struct key *k)
{
	return wr_into(k->octets, sizeof(k->octets));
}

struct key key_number(uint32_t number)
{
	struct key k;
	struct wr w = begin(&k);
	wr_u32(&w, number);
	k.len = w.len;
	return k;
}

struct key key_hash(uint64_t hash)
{
	struct key k;
	struct wr w = begin(&k);
	wr_u64(&w, hash);
	k.len = w.len;
	return k;
}

struct key key_hash_number(uint64_t hash, uint32_t number)
{
	return key_time_number(hash, number);
}

struct key key_pair(uint32_t a, uint32_t b)
{
	struct key k;
	struct wr w = begin(&k);
	wr_u32(&w, a);
	wr_u32(&w, b);
	k.len = w.len;
	return k;
}

struct key key_time_number(uint64_t at, uint32_t number)
{
	struct key k;
	struct wr w = begin(&k);
	wr_u64(&w, at);
	wr_u32(&w, number);
	k.len = w.len;
	return k;
}

struct key key_time_hash(uint64_t at, uint64_t hash)
{
	struct key k;
	struct wr w = begin(&k);
	wr_u64(&w, at);
	wr_u64(&w, hash);
	k.len = w.len;
	return k;
}

struct key key_age(bool registered, uint64_t until_ms, uint32_t cred)
{
	struct key k;
	struct wr w = begin(&k);
	wr_u8(&w, registered);
	wr_u64(&w, until_ms);
	wr_u32(&w, cred);
	k.len = w.len;
	return k;
}

bool key_is_number(struct kv_slice k, uint32_t *number)
{
	struct rd r = rd_from(k.data, k.len);
	*number = rd_u32(&r);
	return rd_end(&r);
}

bool key_is_hash(struct kv_slice k, uint64_t *hash)
{
	struct rd r = rd_from(k.data, k.len);
	*hash = rd_u64(&r);
	return rd_end(&r);
}

bool key_is_hash_number(struct kv_slice k, uint64_t *hash, uint32_t *number)
{
	return key_is_time_number(k, hash, number);
}

bool key_is_pair(struct kv_slice k, uint32_t *a, uint32_t *b)
{
	struct rd r = rd_from(k.data, k.len);
	*a = rd_u32(&r);
	*b = rd_u32(&r);
	return rd_end(&r);
}

bool key_is_time_number(struct kv_slice k, uint64_t *at, uint32_t *number)
{
	struct rd r = rd_from(k.data, k.len);
	*at = rd_u64(&r);
	*number = rd_u32(&r);
	return rd_end(&r);
}

bool key_is_time_hash(struct kv_slice k, uint64_t *at, uint64_t *hash)
{
	struct rd r = rd_from(k.data, k.len);
	*at = rd_u64(&r);
	*hash = rd_u64(&r);
	return rd_end(&r);
}

bool key_is_age(struct kv_slice k, bool *registered, uint64_t *until_ms, uint32_t *cred)
{
	struct rd r = rd_from(k.data, k.len);
	const uint8_t flag = rd_u8(&r);
	*registered = flag == 1;
	*until_ms = rd_u64(&r);
	*cred = rd_u32(&r);
	return rd_end(&r) && flag <= 1;
}
