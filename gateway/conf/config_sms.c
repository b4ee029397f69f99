/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config_sms.h"

#include <stdlib.h>
#include <string.h>

#include "conf/fail.h"
#include "conf/text.h"

enum { SOCKET_MAX = 107 }; /* of sockaddr_un */

/* One without the socket is a slip, not a wish. */
static bool is_wanted(const struct conf_draft *d)
{
	for (enum conf_key k = KEY_SMS_GROUP; k <= KEY_SMS_VALID; k++)
		if (d->values[k].line != 0)
			return conf_fail(d->error, d->name, d->values[k].line,
				"%s: there is no sms.socket, without which there are no short "
				"messages; add: socket = \"/run/lwgate/sms\";",
				conf_rows[k].path);
	return true;
}

static bool number_is_good(const struct conf_draft *d, const char *number)
{
	return strspn(number, "0123456789") == strlen(number) ||
	       conf_fail(d->error, d->name, d->values[KEY_SMS_NUMBER].line,
		       "sms.number: \"%s\" is no number; write digits only, with the country's "
		       "first and no +",
		       number);
}

bool conf_fill_sms(const struct conf_draft *d, struct conf_gateway *out)
{
	struct conf_sms *const s = &out->sms;
	const char *const socket = d->values[KEY_SMS_SOCKET].text;
	const char *const number = d->values[KEY_SMS_NUMBER].text;
	if (socket[0] == '\0')
		return is_wanted(d);
	if (!number_is_good(d, number))
		return false;
	s->allow_3des = d->values[KEY_SMS_ALLOW_3DES].number != 0;
	s->tag = (uint8_t)d->values[KEY_SMS_TAG].number;
	s->segments_max = (uint32_t)d->values[KEY_SMS_SEGMENTS_MAX].number;
	s->segments_a_day = (uint32_t)d->values[KEY_SMS_SEGMENTS_A_DAY].number;
	s->valid_s = (uint32_t)d->values[KEY_SMS_VALID].number;
	s->socket = conf_path(d->folder, socket);
	s->group = strdup(d->values[KEY_SMS_GROUP].text);
	s->number = number[0] != '\0' ? strdup(number) : NULL;
	if (!s->socket || !s->group || (number[0] != '\0' && !s->number))
		return conf_fail(d->error, d->name, 0, "no memory; free some");
	return strlen(s->socket) <= SOCKET_MAX ||
	       conf_fail(d->error, d->name, d->values[KEY_SMS_SOCKET].line,
		       "sms.socket: is longer than %d bytes with its folder; write a shorter one",
		       SOCKET_MAX);
}

static bool fail_listener(const struct conf_draft *d, const struct conf_value *v, const char *why)
{
	return conf_fail(d->error, d->name, v->line, "listeners: address = \"sms\" %s", why);
}

/* A message waits in the network for seconds, or for as long as its device sleeps. */
bool conf_fill_sms_listener(const struct conf_draft *d, size_t number, struct conf_gateway *out)
{
	enum { MTU = 140, INITIAL_MS = 30000, MAX_MS = 120000, LIFETIME_MS = 600000 };
	struct conf_dtls *const c = &out->listener_dtls[number];
	const struct conf_value *const address =
		conf_listener_value(d, number, KEY_LISTENER_ADDRESS);
	const struct conf_value *const mtu = conf_listener_value(d, number, KEY_LISTENER_MTU);
	const struct conf_value *const radio = conf_listener_value(d, number, KEY_LISTENER_RADIO);
	if (d->values[KEY_SMS_SOCKET].text[0] == '\0')
		return fail_listener(d, address,
			"needs the way that short messages come; add: sms = { socket = "
			"\"/run/lwgate/sms\"; };");
	if (mtu->line != 0 && mtu->number > MTU)
		return fail_listener(d, mtu,
			"has messages of 140 octets; set mtu to 140 or less, or leave it out");
	if (radio->line != 0 && strcmp(radio->text, "sms") != 0)
		return fail_listener(d, radio, "is the radio \"sms\"; leave radio out");
	if (conf_listener_value(d, number, KEY_LISTENER_INITIAL)->line == 0)
		c->initial_ms = INITIAL_MS;
	c->mtu = mtu->line != 0 ? (uint16_t)mtu->number : (uint16_t)MTU;
	c->max_ms = MAX_MS;
	c->lifetime_ms = LIFETIME_MS;
	out->listener_radio[number] = CONF_RADIO_SMS;
	return true;
}

void conf_free_sms(struct conf_gateway *c)
{
	free(c->sms.socket);
	free(c->sms.group);
	free(c->sms.number);
	c->sms = (struct conf_sms){ 0 };
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool conf_same_sms(const struct conf_gateway *now, const struct conf_gateway *next)
{
	const struct conf_sms *const a = &now->sms, *const b = &next->sms;
	return same_text(a->socket, b->socket) && same_text(a->group, b->group) &&
	       same_text(a->number, b->number) && a->allow_3des == b->allow_3des &&
	       a->tag == b->tag && a->segments_max == b->segments_max &&
	       a->segments_a_day == b->segments_a_day && a->valid_s == b->valid_s;
}
