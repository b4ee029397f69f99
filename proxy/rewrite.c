/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/rewrite.h"

#include <string.h>

#include "base/wr.h"
#include "proxy/coap.h"

static const char ep[] = "ep=";

enum {
	EP = sizeof(ep) - 1,
	/* Beside the value of an added option: its own head (1 + 2 + 2), and what the head of the
	   next may grow by, as that of one whose forerunner is left out. */
	HEADS = 8
};

size_t rewrite_room(const struct rewrite *how, const struct pdu *m)
{
	return m->len + HEADS + (how->endpoint ? EP + strlen(how->endpoint) : 0);
}

struct writing {
	struct wr w;
	uint16_t last; /* number of the option before */
	const struct rewrite *how;
	bool named;
};

static void name(struct writing *to)
{
	char value[EP + REWRITE_ENDPOINT_MAX];
	const size_t len = strnlen(to->how->endpoint, REWRITE_ENDPOINT_MAX);
	memcpy(value, ep, EP);
	memcpy(value + EP, to->how->endpoint, len);
	pdu_write_option(&to->w, &to->last,
		&(struct pdu_option){ .value = (const uint8_t *)value,
			.len = EP + len,
			.number = PDU_URI_QUERY });
	to->named = true;
}

static void option(struct writing *to, const struct pdu_option *o)
{
	const struct rewrite *const how = to->how;
	if (how->without_host && (o->number == PDU_URI_HOST || o->number == PDU_URI_PORT))
		return;
	if (how->without_echo && o->number == PDU_ECHO)
		return;
	const bool hop = how->one_hop_less && o->number == PDU_HOP_LIMIT && o->len == 1;
	if (!hop || o->value[0] == 0) {
		pdu_write_option(&to->w, &to->last, o);
		return;
	}
	const uint8_t less = (uint8_t)(o->value[0] - 1);
	pdu_write_option(&to->w, &to->last,
		&(struct pdu_option){ .value = &less, .len = 1, .number = PDU_HOP_LIMIT });
}

size_t rewrite_write(uint8_t *out, size_t cap, const struct rewrite *how, const struct pdu *m)
{
	struct writing to = { .w = wr_into(out, cap), .how = how, .named = !how->endpoint };
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	wr_bytes(&to.w, m->data, PDU_EMPTY_LEN + (size_t)m->token_len);
	while (pdu_next(&it, &o)) {
		if (!to.named && o.number > PDU_URI_QUERY)
			name(&to);
		option(&to, &o);
	}
	if (!to.named)
		name(&to);
	if (m->payload_len > 0) /* with its marker */
		wr_bytes(&to.w, m->payload - 1, m->payload_len + 1);
	return wr_ok(&to.w) ? to.w.len : 0;
}
