/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keyring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/rd.h"
#include "base/secret.h"
#include "base/wipe.h"
#include "base/wr.h"
#include "store/derive.h"

enum {
	VERSION = 1,
	UUID = 16,
	ROOT = 32,
	HEAD = 4 + 1 + UUID + KEK_ID, /* authenticated, in the clear */
	ENTRY = 4 + KEYRING_KEY,
	PLAIN_MAX = 1 + 4 + ROOT + KEYRING_KEYS_MAX * ENTRY,
};
static const uint8_t magic[4] = { 'l', 'w', 'g', 'k' };
static const char wrap_label[] = "lwgate keyring wrap 1";

_Static_assert(HEAD + DERIVE_SALT + PLAIN_MAX + DERIVE_TAG <= KEYRING_WRAPPED_MAX, "room");

struct secrets { /* in locked memory */
	pthread_mutex_t lock;
	uint8_t root[ROOT];
	uint8_t key[KEYRING_KEYS_MAX][KEYRING_KEY];
	uint8_t plain[PLAIN_MAX]; /* while it is wrapped and unwrapped */
	uint8_t wrap_key[DERIVE_KEY];
};

struct keyring {
	uint8_t uuid[UUID];
	uint32_t id[KEYRING_KEYS_MAX]; /* ascending: the newest is the last */
	unsigned len;
	uint32_t next; /* number of the key to come */
	struct secrets *secrets;
	struct derive *derive;
};

static bool kek_hash(const struct kek *kek, uint8_t out[KEK_ID])
{
	static const char label[] = "lwgate kek id 1";
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *const c = EVP_MD_CTX_new();
	const bool good = c != NULL && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 &&
			  EVP_DigestUpdate(c, label, sizeof(label)) == 1 &&
			  EVP_DigestUpdate(c, kek->key, KEK_LEN) == 1 &&
			  EVP_DigestFinal_ex(c, digest, NULL) == 1;
	EVP_MD_CTX_free(c);
	if (good)
		memcpy(out, digest, KEK_ID);
	wipe(digest, sizeof(digest));
	return good;
}

void kek_id(const struct kek *kek, uint8_t out[KEK_ID])
{
	if (!kek_hash(kek, out))
		memset(out, 0, KEK_ID);
}

static void hold(const struct keyring *k)
{
	(void)pthread_mutex_lock(&k->secrets->lock);
}

static void let_go(const struct keyring *k)
{
	(void)pthread_mutex_unlock(&k->secrets->lock);
}

static struct keyring *blank(void)
{
	struct keyring *const k = calloc(1, sizeof(*k));
	if (k == NULL)
		return NULL;
	k->secrets = secret_new(sizeof(*k->secrets));
	if (k->secrets != NULL)
		(void)pthread_mutex_init(&k->secrets->lock, NULL);
	k->derive = derive_new();
	if (k->secrets != NULL && k->derive != NULL)
		return k;
	keyring_free(k);
	return NULL;
}

void keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	if (k->secrets != NULL)
		(void)pthread_mutex_destroy(&k->secrets->lock);
	secret_free(k->secrets, sizeof(*k->secrets));
	derive_free(k->derive);
	free(k);
}

struct keyring *keyring_new(void)
{
	struct keyring *const k = blank();
	if (k == NULL)
		return NULL;
	k->next = 1;
	if (derive_random(k->uuid, UUID) && derive_random(k->secrets->root, ROOT) && keyring_add(k))
		return k;
	keyring_free(k);
	return NULL;
}

/* --- wrapping --------------------------------------------------------------------------------- */

static size_t write_plain(const struct keyring *k)
{
	struct wr w = wr_into(k->secrets->plain, PLAIN_MAX);
	wr_u8(&w, (uint8_t)k->len);
	wr_u32(&w, k->next);
	wr_bytes(&w, k->secrets->root, ROOT);
	for (unsigned i = 0; i < k->len; i++) {
		wr_u32(&w, k->id[i]);
		wr_bytes(&w, k->secrets->key[i], KEYRING_KEY);
	}
	return wr_ok(&w) ? w.len : 0;
}

static size_t wrap(const struct keyring *k, const struct kek *kek, uint8_t *out)
{
	struct secrets *const s = k->secrets;
	struct wr w = wr_into(out, KEYRING_WRAPPED_MAX);
	uint8_t id[KEK_ID];
	uint8_t salt[DERIVE_SALT];
	if (!kek_hash(kek, id) || !derive_random(salt, sizeof(salt)))
		return 0;
	wr_bytes(&w, magic, sizeof(magic));
	wr_u8(&w, VERSION);
	wr_bytes(&w, k->uuid, UUID);
	wr_bytes(&w, id, KEK_ID);
	wr_bytes(&w, salt, sizeof(salt));
	const size_t len = write_plain(k);
	uint8_t *const sealed = wr_room(&w, len + DERIVE_TAG);
	const struct derive_message m = {
		.key = s->wrap_key,
		.aad = { out, HEAD },
		.in = { s->plain, len },
	};
	const bool good = len > 0 && sealed != NULL &&
			  derive_key(k->derive, kek->key, (struct kv_slice){ salt, sizeof(salt) },
				  wrap_label, s->wrap_key, DERIVE_KEY) &&
			  derive_seal(k->derive, &m, sealed);
	wipe(s->plain, PLAIN_MAX);
	wipe(s->wrap_key, DERIVE_KEY);
	return good ? w.len : 0;
}

size_t keyring_wrap(
	const struct keyring *k, const struct kek *kek, uint8_t out[KEYRING_WRAPPED_MAX])
{
	hold(k);
	const size_t len = wrap(k, kek, out);
	let_go(k);
	return len;
}

/* --- unwrapping ------------------------------------------------------------------------------- */

static bool read_plain(struct keyring *k, size_t len)
{
	struct rd r = rd_from(k->secrets->plain, len);
	const unsigned count = rd_u8(&r);
	k->next = rd_u32(&r);
	rd_copy(&r, k->secrets->root, ROOT);
	if (count == 0 || count > KEYRING_KEYS_MAX)
		return false;
	uint32_t before = 0;
	for (unsigned i = 0; i < count; i++) {
		k->id[i] = rd_u32(&r);
		rd_copy(&r, k->secrets->key[i], KEYRING_KEY);
		if (k->id[i] <= before)
			return false;
		before = k->id[i];
	}
	k->len = count;
	return rd_end(&r) && k->next > before;
}

static bool right_kek(
	const struct kek *kek, const uint8_t wanted[KEK_ID], struct store_error *error)
{
	uint8_t given[KEK_ID];
	if (!kek_hash(kek, given))
		return store_fail(error, "OpenSSL has no SHA-256; no key can be checked");
	if (memcmp(given, wanted, KEK_ID) == 0)
		return true;
	const uint8_t *const w = wanted;
	const uint8_t *const g = given;
	return store_fail(error,
		"the keyring was wrapped by key %02x%02x%02x%02x%02x%02x%02x%02x, but the key "
		"given is "
		"%02x%02x%02x%02x%02x%02x%02x%02x; give the right one, or move the store's folder "
		"away "
		"to begin anew",
		w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], g[0], g[1], g[2], g[3], g[4], g[5],
		g[6], g[7]);
}

static bool fail_damaged(struct store_error *error)
{
	return store_fail(error, "the keyring is damaged; restore a backup of it, or move the "
				 "store's folder away to "
				 "begin anew (every device then shakes hands once)");
}

static bool unwrap(struct keyring *k, const struct kek *kek, const uint8_t *blob, size_t len,
	struct store_error *error)
{
	struct secrets *const s = k->secrets;
	struct rd r = rd_from(blob, len);
	uint8_t id[KEK_ID];
	const uint8_t *const mark = rd_bytes(&r, sizeof(magic));
	if (mark == NULL || memcmp(mark, magic, sizeof(magic)) != 0)
		return fail_damaged(error);
	const uint8_t version = rd_u8(&r);
	rd_copy(&r, k->uuid, UUID);
	rd_copy(&r, id, KEK_ID);
	const uint8_t *const salt = rd_bytes(&r, DERIVE_SALT);
	if (!rd_ok(&r) || r.left < DERIVE_TAG || r.left - DERIVE_TAG > PLAIN_MAX)
		return fail_damaged(error);
	if (version != VERSION)
		return store_fail(error,
			"the keyring is of format %u, this program knows %u; run the lwgated that "
			"wrote it, or a newer one",
			version, (unsigned)VERSION);
	if (!right_kek(kek, id, error))
		return false;
	const struct derive_message m = {
		.key = s->wrap_key,
		.aad = { blob, HEAD },
		.in = { r.at, r.left },
	};
	const bool good = derive_key(k->derive, kek->key, (struct kv_slice){ salt, DERIVE_SALT },
				  wrap_label, s->wrap_key, DERIVE_KEY) &&
			  derive_open(k->derive, &m, s->plain) &&
			  read_plain(k, r.left - DERIVE_TAG);
	wipe(s->plain, PLAIN_MAX);
	wipe(s->wrap_key, DERIVE_KEY);
	return good || fail_damaged(error);
}

struct keyring *keyring_unwrap(
	const struct kek *kek, const uint8_t *blob, size_t len, struct store_error *error)
{
	struct keyring *const k = blank();
	if (k == NULL) {
		(void)store_fail(error, "no memory for the keyring, or OpenSSL lacks a cipher");
		return NULL;
	}
	if (unwrap(k, kek, blob, len, error))
		return k;
	keyring_free(k);
	return NULL;
}

/* --- keys ------------------------------------------------------------------------------------- */

void keyring_uuid(const struct keyring *k, uint8_t out[16])
{
	memcpy(out, k->uuid, UUID);
}

uint32_t keyring_newest(const struct keyring *k)
{
	hold(k);
	const uint32_t id = k->id[k->len - 1];
	let_go(k);
	return id;
}

bool keyring_key(const struct keyring *k, uint32_t id, uint8_t out[KEYRING_KEY])
{
	bool found = false;
	hold(k);
	for (unsigned i = 0; i < k->len && !found; i++) {
		found = k->id[i] == id;
		if (found)
			memcpy(out, k->secrets->key[i], KEYRING_KEY);
	}
	let_go(k);
	return found;
}

bool keyring_add(struct keyring *k)
{
	hold(k);
	const bool good = k->len < KEYRING_KEYS_MAX && k->next < UINT32_MAX &&
			  derive_random(k->secrets->key[k->len], KEYRING_KEY);
	if (good)
		k->id[k->len++] = k->next++;
	let_go(k);
	return good;
}

void keyring_undo_add(struct keyring *k)
{
	hold(k);
	if (k->len > 1) {
		k->len--;
		wipe(k->secrets->key[k->len], KEYRING_KEY);
	}
	let_go(k);
}

void keyring_drop(struct keyring *k, uint32_t id)
{
	hold(k);
	for (unsigned i = 0; i + 1 < k->len; i++) {
		if (k->id[i] != id)
			continue;
		k->len--;
		memmove(&k->id[i], &k->id[i + 1], (k->len - i) * sizeof(k->id[0]));
		memmove(k->secrets->key[i], k->secrets->key[i + 1],
			(size_t)(k->len - i) * KEYRING_KEY);
		wipe(k->secrets->key[k->len], KEYRING_KEY);
		break;
	}
	let_go(k);
}

bool keyring_mac_key(const struct keyring *k, const char *label, uint8_t out[16])
{
	hold(k);
	const bool good =
		derive_key(k->derive, k->secrets->root, (struct kv_slice){ 0 }, label, out, 16);
	let_go(k);
	return good;
}
