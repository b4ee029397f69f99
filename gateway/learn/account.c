/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/account.h"

#include "base/wipe.h"

#include <string.h>

struct learn_account *learn_account_of(struct learn_object *o, uint16_t instance)
{
	for (size_t i = 0; i < o->len; i++) {
		if (o->accounts[i].instance == instance)
			return &o->accounts[i];
	}
	if (o->len == LEARN_ACCOUNTS)
		return NULL;
	struct learn_account *const a = &o->accounts[o->len++];
	*a = (struct learn_account){ .instance = instance };
	return a;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Two's complement of 1, 2, 4 or 8 octets (Core 1.1 appendix C). */
static bool raw_integer(const struct learn_octets *t, int64_t *out)
{
	if (t->len != 1 && t->len != 2 && t->len != 4 && t->len != 8)
		return false;
	uint64_t n = (t->octets[0] & 0x80U) != 0 ? UINT64_MAX : 0;
	for (size_t i = 0; i < t->len; i++)
		n = n << 8 | t->octets[i];
	memcpy(out, &n, sizeof(n));
	return true;
}

static bool integer_of(const struct learn_value *v, int64_t least, int64_t most, int64_t *out)
{
	*out = v->integer;
	if (v->kind == LEARN_RAW ? !raw_integer(&v->text, out) : v->kind != LEARN_INTEGER)
		return false;
	return *out >= least && *out <= most;
}

static bool boolean_of(const struct learn_value *v, bool *out)
{
	int64_t n = v->integer;
	if (v->kind == LEARN_RAW ? v->text.len != 1 || !raw_integer(&v->text, &n)
				 : v->kind != LEARN_BOOLEAN)
		return false;
	*out = n != 0;
	return n == 0 || n == 1;
}

static bool octets_of(const struct learn_value *v, struct learn_octets *out)
{
	if (v->kind == LEARN_BASE64)
		return learn_base64(
			v->text.octets, v->text.len, out->octets, sizeof(out->octets), &out->len);
	if (v->kind != LEARN_RAW && v->kind != LEARN_OCTETS)
		return false;
	out->len = v->text.len;
	memcpy(out->octets, v->text.octets, v->text.len);
	return true;
}

static bool text_of(const struct learn_value *v, char *out, size_t cap)
{
	if (v->kind != LEARN_RAW && v->kind != LEARN_TEXT && v->kind != LEARN_BASE64)
		return false;
	if (v->text.len >= cap || memchr(v->text.octets, 0, v->text.len) != NULL)
		return false;
	memcpy(out, v->text.octets, v->text.len);
	out[v->text.len] = '\0';
	return true;
}

/* --- of short messages ------------------------------------------------------------------------ */

/* 204 to 255 in one octet has lost its sign. */
static void put_sms_mode(struct learn_sms *s, const struct learn_value *v)
{
	int64_t n = 0;
	if (integer_of(v, INT8_MIN, UINT8_MAX, &n))
		s->mode = (uint8_t)n;
	else
		s->mode = 0;
}

static uint8_t put_sms_octets(const struct learn_value *v, uint8_t *out, size_t cap)
{
	struct learn_octets o;
	size_t n = 0;
	memset(out, 0, cap);
	if (octets_of(v, &o) && o.len <= cap) {
		n = o.len;
		memcpy(out, o.octets, n);
	}
	wipe(&o, sizeof(o));
	return (uint8_t)n;
}

static void put_sms(struct learn_sms *s, uint16_t resource, const struct learn_value *v)
{
	if (resource == LEARN_SMS_MODE)
		put_sms_mode(s, v);
	else if (resource == LEARN_SMS_PARAMS)
		s->params_len = put_sms_octets(v, s->params, sizeof(s->params));
	else if (resource == LEARN_SMS_KEYS)
		s->key_len = put_sms_octets(v, s->key, sizeof(s->key));
	else if (!text_of(v, s->number, sizeof(s->number)))
		s->number[0] = '\0';
}

bool learn_account_put(
	struct learn_object *o, const struct learn_path *p, const struct learn_value *v)
{
	struct learn_account *const a = learn_account_of(o, p->instance);
	int64_t n = 0;
	bool ok = true;
	if (!a)
		return false;
	if (p->resource >= LEARN_RESOURCES)
		return true;
	switch ((enum learn_resource)p->resource) {
	case LEARN_SERVER_URI:
		ok = text_of(v, a->uri, sizeof(a->uri));
		break;
	case LEARN_BOOTSTRAP:
		ok = boolean_of(v, &a->bootstrap);
		break;
	case LEARN_MODE:
		ok = integer_of(v, 0, 4, &n);
		a->mode = (uint8_t)n;
		break;
	case LEARN_IDENTITY:
		ok = octets_of(v, &a->identity);
		break;
	case LEARN_SECRET:
		ok = octets_of(v, &a->secret);
		break;
	case LEARN_SMS_MODE:
	case LEARN_SMS_PARAMS:
	case LEARN_SMS_KEYS:
	case LEARN_SMS_NUMBER:
		if (p->deeper)
			return true;
		put_sms(&a->sms, p->resource, v);
		break;
	case LEARN_SHORT_ID:
		ok = integer_of(v, 1, 65534, &n);
		a->short_id = (uint16_t)n;
		break;
	case LEARN_RESOURCES:
	default:
		return true;
	}
	a->has |= (uint16_t)(1U << p->resource);
	return ok && !p->deeper;
}

/* --- what is written as text ------------------------------------------------------------------ */

static bool number_of(const char **text, uint16_t *out)
{
	unsigned n = 0, digits = 0;
	for (; **text >= '0' && **text <= '9' && digits < 5; ++*text, digits++)
		n = n * 10 + (unsigned)(**text - '0');
	*out = (uint16_t)n;
	return digits > 0 && n < LEARN_NONE && (**text == '/' || **text == '\0');
}

bool learn_path_read(const char *text, struct learn_path *out)
{
	uint16_t numbers[4] = { LEARN_NONE, LEARN_NONE, LEARN_NONE, LEARN_NONE };
	size_t len = 0;
	if (*text == '/')
		text++;
	while (*text != '\0') {
		if (len == 4 || !number_of(&text, &numbers[len++]))
			return false;
		if (*text == '/' && *++text == '\0')
			return false;
	}
	*out = (struct learn_path){ numbers[0], numbers[1], numbers[2], len == 4 };
	return true;
}

static int digit64(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

bool learn_base64(const uint8_t *text, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	uint32_t bits = 0;
	size_t n = 0, padding = 0;
	while (len > 0 && padding < 2 && len % 4 == 0 && text[len - 1] == '=') {
		padding++;
		len--;
		if (len % 4 != 3 && len % 4 != 2)
			return false;
		if (text[len - 1] != '=')
			break;
		padding++;
		len--;
	}
	if (len % 4 == 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		const int digit = digit64(text[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 == 0)
			continue;
		if (n == cap)
			return false;
		out[n++] = (uint8_t)(bits >> (6 - i % 4 * 2));
	}
	*out_len = n;
	/* What is left over must be 0: octets are written in one way (RFC 4648 3.5). */
	return len % 4 == 0 || (bits & (len % 4 == 2 ? 0xfU : 3U)) == 0;
}
