/* SPDX-License-Identifier: Apache-2.0 */
/* Leshan's security store. What is taken can be a credential; with those that are refused passed
   over, no less is taken; nothing of a key is left behind. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/leshan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ctl_cred *c)
{
	const bool psk = c->kind == CTL_CRED_PSK;
	if (c->endpoint[0] == '\0' || strlen(c->endpoint) > CTL_NAME_MAX || c->line < 1 ||
		c->identity_len < 1 || c->identity_len > CTL_NAME_MAX || (c->key_len > 0) != psk ||
		c->key_len > CTL_KEY_MAX || c->pinned || c->upstream_key_len > 0 ||
		(c->kind == CTL_CRED_RAW_KEY && c->identity_len != CTL_PIN_LEN))
		abort();
}

static bool each(void *ctx, const struct ctl_cred *c)
{
	check(c);
	++*(size_t *)ctx;
	return true;
}

static bool refused(void *ctx, unsigned line, const char *endpoint, const char *why)
{
	(void)ctx;
	if (line < 1 || strlen(endpoint) > CTL_NAME_MAX || why[0] == '\0')
		abort();
	return true;
}

static bool is_empty(const struct leshan_text *t)
{
	for (size_t i = 0; i < sizeof(t->octets); i++) {
		if (t->octets[i] != 0)
			return false;
	}
	return !t->said && t->len == 0;
}

static bool read_all(struct leshan *l, bool goes_on, size_t *n, const uint8_t *data, size_t size)
{
	*l = (struct leshan){ .each = each, .refused = goes_on ? refused : NULL, .ctx = n };
	*n = 0;
	const bool ok = leshan_read(l, data, size);
	if ((!ok && (l->why[0] == '\0' || l->line < 1)) || l->cred.key_len != 0 ||
		!is_empty(&l->key))
		abort();
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leshan *const l = calloc(1, sizeof(*l));
	size_t strict = 0, all = 0;
	if (l == NULL)
		abort();
	const bool good = read_all(l, false, &strict, data, size);
	const bool whole = read_all(l, true, &all, data, size);
	if (all < strict || (good && (!whole || all != strict)))
		abort();
	free(l);
	return 0;
}
