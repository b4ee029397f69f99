/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-*,readability-identifier-naming): a tool's */
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the text at hand when it finds a syntax error. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-*,readability-identifier-naming): a tool's */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

/* Every credential of an accepted set is found again, and by nobody else's name. */
static bool is_found(const struct cred_set *s, uint32_t i, const struct cred_key *k)
{
	const enum cred_kind kind = cred_kind(s, i);
	uint32_t n = i + 1;
	if (!cred_by_identity(s, kind, k->identity, k->identity_len, &n) || n != i)
		return false;
	n = i + 1;
	const bool found =
		kind == CRED_SMS ? cred_by_endpoint_sms(s, cred_endpoint(s, i), &n)
				 : cred_by_endpoint(s, cred_endpoint(s, i), cred_purpose(s, i), &n);
	return found && n == i;
}

static bool is_strong(const struct cred_set *s, uint32_t i, const struct cred_key *k)
{
	const enum cred_kind kind = cred_kind(s, i);
	const struct cred_sms sms = cred_sms_of(s, i);
	if (kind == CRED_SMS ? cred_sms_wrong(&sms, k->key, k->key_len) != NULL : sms.cc_len != 0)
		return false;
	if (kind != CRED_PSK && kind != CRED_SMS)
		return k->key_len == 0;
	return cred_key_weakness(k->key, k->key_len, cred_endpoint(s, i)) == NULL;
}

static void check(const struct cred_set *s)
{
	for (uint32_t i = 0; i < cred_count(s); i++) {
		struct cred_key k;
		cred_device_key(s, i, &k);
		if (!is_strong(s, i, &k) || !is_found(s, i, &k))
			abort();
		if (cred_pin(s, i) != NULL && cred_kind(s, i) != CRED_CERTIFICATE)
			abort();
		if (!cred_upstream_key(s, i, &k) || k.identity_len < 1 || k.key_len < CRED_KEY_MIN)
			abort();
	}
}

/* The first byte's last bit: is there a master secret? */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t master[32] = { 1, 2, 3 };
	struct conf_error e = { { 0 } };
	if (size < 1)
		return 0;
	char *text = malloc(size);
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	struct cred_set *s =
		cred_parse(text, "fuzz", master, (data[0] & 1) != 0 ? sizeof(master) : 0, &e);
	if (s != NULL)
		check(s);
	else if (strncmp(e.text, "fuzz:", 5) != 0 || strchr(e.text, '\n') != NULL)
		abort();
	cred_free(s);
	free(text);
	return 0;
}
