/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/answer.h"

static void count(struct relay *r, uint8_t code)
{
	if (code >= PDU_BAD_GATEWAY)
		r->stats.failed++;
	else
		r->stats.refused++;
}

static void send(struct relay_device *d, enum side to, const uint8_t *data, size_t len)
{
	struct pdu m;
	if (len == 0 || pdu_parse(data, len, &m) != PDU_OK ||
		relay_pass(d, to, &m, NULL) != RELAY_PASSED)
		d->relay->stats.dropped++;
}

/* As a message of our own: an RST that comes back for it must not reach the other side, who may use
   the same id. */
static uint16_t own_mid(struct relay_device *d, enum side to)
{
	const uint16_t mid = d->relay->owner.message_id(d->relay->owner.ctx);
	d->own_mid[to] = mid;
	d->own_mid_set[to] = true;
	return mid;
}

static void say(struct relay_device *d, enum side to, struct pdu_answer *p, const struct answer *a)
{
	uint8_t out[PDU_OWN_MAX];
	if (p->type == PDU_NON)
		p->mid = own_mid(d, to);
	p->code = a->code;
	p->diagnostic = a->why;
	p->max_age_s = a->max_age_s;
	p->has_block1 = a->has_block1;
	p->block1 = a->block1;
	const size_t room = relay_room(d, to);
	send(d, to, out, pdu_write(out, room < sizeof(out) ? room : sizeof(out), p));
	count(d->relay, a->code);
}

static void acknowledge(struct relay_device *d, enum side to, uint16_t mid)
{
	uint8_t out[PDU_EMPTY_LEN];
	pdu_write_empty(out, PDU_ACK, mid);
	send(d, to, out, sizeof(out));
}

void answer_request(
	struct relay_device *d, enum side to, const struct pdu *request, const struct answer *a)
{
	if (pdu_unwanted(request, a->code)) {
		/* Of a failure nothing is said: an ACK would end the retransmissions that may still
		   succeed. */
		if (request->type == PDU_CON && a->code < PDU_BAD_GATEWAY)
			acknowledge(d, to, request->mid);
		count(d->relay, a->code);
		return;
	}
	struct pdu_answer p = { .type = request->type == PDU_CON ? PDU_ACK : PDU_NON };
	p.mid = request->mid;
	p.token = request->token;
	p.token_len = request->token_len;
	say(d, to, &p, a);
}

void answer_instead(
	struct relay_device *d, enum side to, const struct pdu *response, const struct answer *a)
{
	struct pdu_answer p = { .type = response->type == PDU_ACK ? PDU_ACK : PDU_NON };
	p.mid = response->mid;
	p.token = response->token;
	p.token_len = response->token_len;
	say(d, to, &p, a);
}

void answer_exchange(
	struct relay_device *d, enum side to, const struct exchange *e, const struct answer *a)
{
	if (e->no_5xx)
		return;
	struct pdu_answer p = { .type = e->confirmable && !e->acked ? PDU_ACK : PDU_NON };
	p.mid = e->mid;
	p.token = e->token;
	p.token_len = e->token_len;
	say(d, to, &p, a);
}

void answer_reset(struct relay_device *d, enum side to, uint16_t mid)
{
	uint8_t out[PDU_EMPTY_LEN];
	pdu_write_empty(out, PDU_RST, mid);
	send(d, to, out, sizeof(out));
	d->relay->stats.reset++;
}

bool answer_is_ours(struct relay_device *d, enum side from, const struct pdu *m)
{
	if (m->code != PDU_EMPTY || !d->own_mid_set[from] || m->mid != d->own_mid[from])
		return false;
	d->own_mid_set[from] = false;
	return true;
}
