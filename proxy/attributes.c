/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/attributes.h"

#include <string.h>

#include "proxy/coap.h"

struct letter {
	char name;
	uint8_t binding;
};

/* What follows the name in the item; NULL: it is another item. */
static const uint8_t *value_of(const struct pdu_option *o, const char *name, size_t *len)
{
	const size_t n = strlen(name);
	if (o->len < n || memcmp(o->value, name, n) != 0)
		return NULL;
	*len = o->len - n;
	return o->value + n;
}

/* Q is none; it is written after U, as 1.0 does. */
static const struct letter letters[] = {
	{ 'U', ATTRIBUTES_UDP },
	{ 'Q', 0 },
	{ 'T', ATTRIBUTES_TCP },
	{ 'S', ATTRIBUTES_SMS },
	{ 'N', ATTRIBUTES_NON_IP },
	{ 'M', ATTRIBUTES_MQTT },
	{ 'H', ATTRIBUTES_HTTP },
};

_Static_assert(COUNT_OF(letters) < ATTRIBUTES_BINDING_MAX, "all of them have room");

/* A letter that is not known is none. */
static uint8_t binding_of(char letter)
{
	for (size_t i = 0; i < COUNT_OF(letters); i++) {
		if (letters[i].name == letter)
			return letters[i].binding;
	}
	return 0;
}

/* 1.0 has U, UQ, S, SQ, US, UQS; 1.1 any of its letters, and Q apart: where it stands in b all the
   same, it means the same. */
static void binding_read(struct attributes_said *said, const uint8_t *text, size_t len)
{
	said->twice |= said->binding;
	said->binding = true;
	said->what.binding = 0;
	for (size_t i = 0; i < len; i++) {
		said->what.binding |= binding_of((char)text[i]);
		said->what.queue |= text[i] == 'Q';
	}
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static void version_read(struct attributes_said *said, const uint8_t *text, size_t len)
{
	said->twice |= said->version;
	said->version = true;
	said->what.version = ATTRIBUTES_OTHER;
	if (len == 3 && is_digit(text[0]) && text[1] == '.' && is_digit(text[2]))
		said->what.version = (uint8_t)((text[0] - '0') << 4 | (text[2] - '0'));
}

/* What is no number is none: it takes the place of the number that was. */
static void sms_read(struct attributes_said *said, const uint8_t *text, size_t len)
{
	said->twice |= said->sms;
	said->sms = true;
	memset(said->what.sms, 0, sizeof(said->what.sms));
	if (len > 0 && text[0] == '+') {
		text++;
		len--;
	}
	if (len >= sizeof(said->what.sms))
		return;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(text[i]))
			return;
	}
	memcpy(said->what.sms, text, len);
}

void attributes_read(struct attributes_said *said, const struct pdu_option *item)
{
	size_t len = 0;
	const uint8_t *text = value_of(item, "Q", &len);
	if (text && len == 0) {
		said->twice |= said->queue;
		said->queue = true;
		said->what.queue = true;
		return;
	}
	if ((text = value_of(item, "b=", &len)))
		binding_read(said, text, len);
	else if ((text = value_of(item, "lwm2m=", &len)))
		version_read(said, text, len);
	else if ((text = value_of(item, "sms=", &len)))
		sms_read(said, text, len);
}

struct attributes attributes_after(
	const struct attributes *known, const struct attributes_said *said, bool anew)
{
	if (anew)
		return said->what;
	struct attributes a = *known;
	if (said->binding)
		a.binding = said->what.binding;
	/* Who says a binding says with it whether messages for it are to wait. */
	if (said->binding || said->queue)
		a.queue = said->what.queue;
	if (said->sms)
		memcpy(a.sms, said->what.sms, sizeof(a.sms));
	return a; /* the version is no affair of an Update */
}

const char *attributes_binding_text(const struct attributes *a, char out[ATTRIBUTES_BINDING_MAX])
{
	size_t len = 0;
	for (size_t i = 0; i < COUNT_OF(letters); i++) {
		const bool is_q = letters[i].binding == 0;
		if (is_q ? a->queue : (a->binding & letters[i].binding) != 0)
			out[len++] = letters[i].name;
	}
	out[len] = '\0';
	return out;
}

const char *attributes_version_text(const struct attributes *a, char out[ATTRIBUTES_VERSION_MAX])
{
	const uint8_t major = a->version >> 4, minor = a->version & 15;
	const bool said = a->version != ATTRIBUTES_UNSAID && major < 10 && minor < 10;
	out[0] = (char)(said ? '0' + major : '\0');
	out[1] = '.';
	out[2] = (char)('0' + minor % 10);
	out[3] = '\0';
	return out;
}

bool attributes_same(const struct attributes *a, const struct attributes *b)
{
	return a->binding == b->binding && a->version == b->version && a->queue == b->queue &&
	       strncmp(a->sms, b->sms, sizeof(a->sms)) == 0;
}

bool attributes_is_1_1(uint8_t version)
{
	return version >= ATTRIBUTES_1_1 && version != ATTRIBUTES_OTHER;
}
