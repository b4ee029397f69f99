/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the nonce of AES-256-GCM may be constant (S18). GCM breaks when one key sees one nonce twice.
 * Here each key is used for one message: key = HKDF-SHA256(data key, salt) with 256 random bits of
 * salt for each seal, straight from the kernel. Two of n seals share a key only if they share a
 * salt, with a chance of n^2 / 2^257: below 2^-128 for 2^64 seals, far beyond what a flash chip
 * lives to store. No counter is kept that a copy put back could set back, and a cloned virtual
 * machine has no state to repeat but the kernel's, which reseeds. The limits of SP 800-38D on
 * invocations and length for each key are met by one message of some hundred octets.
 */
#include "store/seal.h"

#include <stdlib.h>

#include "base/secret.h"
#include "base/wipe.h"
#include "base/wr.h"
#include "store/derive.h"
#include "store/keyring.h"

enum {
	VERSION = 1,
	HEAD = 1 + 4,
	AAD_MAX = 12 + HEAD + 16 + 4 + 1 + 16 + 8 + 2 + KV_KEY_MAX,
};
static const char label[] = "lwgate seal 1";

struct keys { /* in locked memory */
	uint8_t data[KEYRING_KEY], value[DERIVE_KEY];
};

struct sealer {
	const struct keyring *keyring;
	struct derive *derive;
	struct keys *keys;
	uint8_t uuid[16];
};

void sealer_free(struct sealer *s)
{
	if (s == NULL)
		return;
	secret_free(s->keys, sizeof(*s->keys));
	derive_free(s->derive);
	free(s);
}

struct sealer *sealer_new(const struct keyring *k)
{
	struct sealer *const s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->keyring = k;
	keyring_uuid(k, s->uuid);
	s->derive = derive_new();
	s->keys = secret_new(sizeof(*s->keys));
	if (s->derive != NULL && s->keys != NULL)
		return s;
	sealer_free(s);
	return NULL;
}

/* S20. Everything has a fixed length but the key, which comes last. head: version and key id. */
static size_t additional(const struct sealer *s, const struct seal_bind *b, const uint8_t *head,
	uint8_t out[AAD_MAX])
{
	struct wr w = wr_into(out, AAD_MAX);
	wr_bytes(&w, "lwgate-value", 12);
	wr_bytes(&w, head, HEAD);
	wr_bytes(&w, s->uuid, sizeof(s->uuid));
	wr_u32(&w, b->table);
	wr_u8(&w, b->schema);
	wr_bytes(&w, b->assoc, sizeof(b->assoc));
	wr_u64(&w, b->generation);
	wr_u16(&w, (uint16_t)b->key.len);
	wr_bytes(&w, b->key.data, b->key.len);
	return wr_ok(&w) && b->key.len <= KV_KEY_MAX ? w.len : 0;
}

/* s->keys->value from the data key and the salt. */
static bool value_key(struct sealer *s, uint32_t id, const uint8_t salt[SEAL_SALT])
{
	const bool good = keyring_key(s->keyring, id, s->keys->data) &&
			  derive_key(s->derive, s->keys->data, (struct kv_slice){ salt, SEAL_SALT },
				  label, s->keys->value, DERIVE_KEY);
	wipe(s->keys->data, KEYRING_KEY);
	return good;
}

bool seal_value(struct sealer *s, const struct seal_bind *bind, const uint8_t *plain, size_t len,
	uint8_t *out)
{
	uint8_t aad[AAD_MAX];
	const uint8_t *const head = out;
	const uint32_t id = keyring_newest(s->keyring);
	struct wr w = wr_into(out, HEAD + SEAL_SALT);
	wr_u8(&w, VERSION);
	wr_u32(&w, id);
	uint8_t *const salt = wr_room(&w, SEAL_SALT);
	const struct derive_message m = {
		.key = s->keys->value,
		.aad = { aad, additional(s, bind, head, aad) },
		.in = { plain, len },
	};
	const bool good = m.aad.len > 0 && derive_random(salt, SEAL_SALT) &&
			  value_key(s, id, salt) && derive_seal(s->derive, &m, salt + SEAL_SALT);
	wipe(s->keys, sizeof(*s->keys));
	return good;
}

bool seal_open(struct sealer *s, const struct seal_bind *bind, struct kv_slice sealed, uint8_t *out,
	size_t cap, size_t *len)
{
	uint8_t aad[AAD_MAX];
	const uint32_t id = seal_key_id(sealed);
	*len = 0;
	if (id == 0 || sealed.len - SEAL_OVERHEAD > cap) {
		wipe(out, cap);
		return false;
	}
	const uint8_t *const head = sealed.data;
	const uint8_t *const salt = head + HEAD;
	const struct derive_message m = {
		.key = s->keys->value,
		.aad = { aad, additional(s, bind, head, aad) },
		.in = { salt + SEAL_SALT, sealed.len - HEAD - SEAL_SALT },
	};
	const bool good =
		m.aad.len > 0 && value_key(s, id, salt) && derive_open(s->derive, &m, out);
	wipe(s->keys, sizeof(*s->keys));
	if (good)
		*len = sealed.len - SEAL_OVERHEAD;
	else
		wipe(out, cap);
	return good;
}

uint32_t seal_key_id(struct kv_slice sealed)
{
	const uint8_t *const p = sealed.data;
	if (sealed.len < SEAL_OVERHEAD || p[0] != VERSION)
		return 0;
	return (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
}
