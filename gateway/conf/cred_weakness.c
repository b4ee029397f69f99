/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/credentials.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/wipe.h"
#include "conf/cred_set.h"

enum {
	PRINTABLE_MIN = 32, /* a pass phrase needs twice the length of a random key */
	/* 16 random octets have fewer different values than this once in 10^12 keys. */
	DIFFERENT_MIN = 8,
	/* A shorter name stands in a random key by chance too often. */
	NAME_MIN = 4,
};

static bool printable(const uint8_t *key, size_t len)
{
	size_t n = 0;
	while (n < len && key[n] >= 0x20 && key[n] <= 0x7e)
		n++;
	return n == len;
}

/* Is the key a pattern of at most half its length, again and again? */
static bool repeats(const uint8_t *key, size_t len)
{
	for (size_t period = 1; period <= len / 2; period++) {
		if (memcmp(key, key + period, len - period) == 0)
			return true;
	}
	return false;
}

/* 00 01 02 ..., ff fe fd ..., 00 11 22 ... */
static bool counts(const uint8_t *key, size_t len)
{
	for (size_t i = 2; i < len; i++) {
		if ((uint8_t)(key[i] - key[i - 1]) != (uint8_t)(key[1] - key[0]))
			return false;
	}
	return true;
}

static size_t different(const uint8_t *key, size_t len)
{
	bool seen[256] = { false };
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		n += !seen[key[i]];
		seen[key[i]] = true;
	}
	wipe(seen, sizeof(seen));
	return n;
}

/* Somebody who knows the name guesses its plain hashes first. */
static bool hashed_from(const uint8_t *key, size_t len, const void *name, size_t name_len)
{
	const EVP_MD *const hashes[] = { EVP_sha256(), EVP_sha1(), EVP_md5() };
	uint8_t hash[EVP_MAX_MD_SIZE];
	for (size_t i = 0; i < COUNT_OF(hashes); i++) {
		unsigned hash_len = 0;
		/* A library without MD5 makes no key from it either. */
		if (EVP_Digest(name, name_len, hash, &hash_len, hashes[i], NULL) != 1)
			continue;
		if (memcmp(key, hash, len < hash_len ? len : hash_len) == 0)
			return true;
	}
	return false;
}

const char *cred_key_from_name(const uint8_t *key, size_t len, const void *name, size_t name_len)
{
	if (name_len >= NAME_MIN && memmem(key, len, name, name_len) != NULL)
		return "contains the name of its device";
	if (hashed_from(key, len, name, name_len))
		return "is a hash of the name of its device";
	return NULL;
}

const char *cred_pattern(const uint8_t *key, size_t len)
{
	if (repeats(key, len))
		return "repeats a pattern";
	if (counts(key, len))
		return "is a sequence";
	if (different(key, len) < DIFFERENT_MIN)
		return "has too few different octets";
	return NULL;
}

const char *cred_key_weakness(const uint8_t *key, size_t len, const char *endpoint)
{
	if (len < CRED_KEY_MIN)
		return "is shorter than 16 octets";
	if (len > CRED_KEY_MAX)
		return "is longer than 64 octets";
	const char *pattern = cred_pattern(key, len);
	if (pattern != NULL)
		return pattern;
	if (len < PRINTABLE_MIN && printable(key, len))
		return "is readable text and shorter than 32 octets";
	return cred_key_from_name(key, len, endpoint, strlen(endpoint));
}
