/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule: one operation per device at a time, its outcome counted, then the next. */
#include <stdio.h>
#include <string.h>

#include "tests/lab/labserver.h"
#include "tests/lab/loop.h"

struct request {             /* of an operation */
	const char *path[3]; /* NULL: no more */
	const char *payload;
	coap_pdu_code_t method;
	int accept, format, observe; /* -1 = no such option */
};

enum {
	TEXT = COAP_MEDIATYPE_TEXT_PLAIN,
	LINKS = COAP_MEDIATYPE_APPLICATION_LINK_FORMAT,
	TLV = 11542, /* application/vnd.oma.lwm2m+tlv */
};

/* LwM2M Core 6.3, 6.4, Transport 6.4: what the issue of the lab asks for. */
static const struct request requests[OP_KINDS] = {
	[OP_READ] = { { "3", "0" }, NULL, COAP_REQUEST_CODE_GET, TLV, -1, -1 },
	[OP_DISCOVER] = { { "3" }, NULL, COAP_REQUEST_CODE_GET, LINKS, -1, -1 },
	[OP_WRITE] = { { "1", "0", "1" }, "3600", COAP_REQUEST_CODE_PUT, -1, TEXT, -1 },
	[OP_EXECUTE] = { { "3", "0", "4" }, NULL, COAP_REQUEST_CODE_POST, -1, -1, -1 },
	[OP_OBSERVE] = { { "3", "0", "13" }, NULL, COAP_REQUEST_CODE_GET, -1, -1, 0 },
	[OP_CANCEL] = { { "3", "0", "13" }, NULL, COAP_REQUEST_CODE_GET, -1, -1, 1 },
};

static enum server_op op_of(const struct server *s, const struct peer *p)
{
	return s->set->ops[p->at];
}

static void add_number(coap_pdu_t *pdu, uint16_t option, int value)
{
	uint8_t bytes[4];
	if (value >= 0)
		(void)coap_add_option(pdu, option,
			coap_encode_var_safe(bytes, sizeof(bytes), (unsigned)value), bytes);
}

static coap_pdu_t *build(const struct server *s, coap_session_t *session, const struct request *r,
	const uint8_t *token)
{
	coap_pdu_t *pdu = coap_pdu_init(s->set->non ? COAP_MESSAGE_NON : COAP_MESSAGE_CON,
		r->method, coap_new_message_id(session), coap_session_max_pdu_size(session));
	if (!pdu || !coap_add_token(pdu, SERVER_TOKEN, token))
		return pdu;
	add_number(pdu, COAP_OPTION_OBSERVE, r->observe);
	for (size_t i = 0; i < 3 && r->path[i]; i++)
		(void)coap_add_option(
			pdu, COAP_OPTION_URI_PATH, strlen(r->path[i]), (const uint8_t *)r->path[i]);
	add_number(pdu, COAP_OPTION_CONTENT_FORMAT, r->format);
	add_number(pdu, COAP_OPTION_ACCEPT, r->accept);
	if (r->payload)
		(void)coap_add_data(pdu, strlen(r->payload), (const uint8_t *)r->payload);
	return pdu;
}

static void await(struct peer *p, enum peer_state state, uint64_t deadline_ms)
{
	p->state = state;
	p->deadline_ms = deadline_ms;
}

/* The end of a round, or the next operation. */
static void advance(struct server *s, struct peer *p, uint64_t now_ms)
{
	p->again = false;
	p->state = PEER_READY;
	if (++p->at < s->set->ops_len)
		return;
	p->at = 0;
	p->rounds++;
	s->counts.rounds++;
	if (s->finishing || (s->set->rounds > 0 && p->rounds >= s->set->rounds))
		await(p, PEER_IDLE, 0);
	else
		await(p, PEER_PAUSE, now_ms + s->set->pause_ms);
}

static void count_code(struct op_counts *c, uint8_t code)
{
	for (size_t i = 0; i < SERVER_CODES; i++) {
		if (c->codes[i].code != 0 && c->codes[i].code != code)
			continue;
		c->codes[i].code = code;
		c->codes[i].count++;
		return;
	}
}

static void ended(struct server *s, struct peer *p, enum server_end how, uint8_t code)
{
	static const char *const names[END_KINDS] = { "answered", "reset", "timeout", "closed" };
	const enum server_op op = op_of(s, p);
	struct op_counts *c = &s->counts.ops[op];
	char text[8];
	c->ended[how]++;
	p->answered += how == END_ANSWERED;
	if (how == END_ANSWERED)
		count_code(c, code);
	if (s->set->quiet)
		return;
	(void)snprintf(text, sizeof(text), "%u.%02u", code >> 5 & 7U, code & 31U);
	server_say_op(p, op, how == END_ANSWERED ? text : names[how]);
}

static void send_request(struct server *s, struct peer *p)
{
	coap_pdu_t *pdu = build(s, p->session, &requests[op_of(s, p)], p->token);
	p->again = false;
	if (pdu) /* one that cannot be sent meets its deadline */
		(void)coap_send(p->session, pdu);
}

static void begin(struct server *s, struct peer *p, uint64_t now_ms)
{
	const enum server_op op = op_of(s, p);
	if (op == OP_CANCEL &&
		!p->observing) { /* the Observe before has failed: nothing to cancel */
		advance(s, p, now_ms);
		return;
	}
	const uint64_t token = ++s->next_token;
	memcpy(p->token, &token, sizeof(p->token));
	if (op == OP_OBSERVE) {
		memcpy(p->observe_token, p->token, sizeof(p->observe_token));
		p->observing = true;
		p->notes = 0;
	}
	if (op == OP_CANCEL) /* RFC 7641 section 3.6: the token of the relation */
		memcpy(p->token, p->observe_token, sizeof(p->token));
	s->counts.ops[op].sent++;
	await(p, PEER_ANSWER, now_ms + s->set->timeout_ms);
	send_request(s, p);
}

/* The operation is over; what follows depends on its kind. */
static void finish(struct server *s, struct peer *p, enum server_end how, uint8_t code)
{
	const enum server_op op = op_of(s, p);
	const uint64_t now_ms = loop_now_ms();
	const bool good = how == END_ANSWERED && code >> 5 == 2;
	ended(s, p, how, code);
	if (op == OP_CANCEL || (op == OP_OBSERVE && !good))
		p->observing = false;
	if (op == OP_OBSERVE && good && s->set->notifications > 0) {
		await(p, PEER_NOTES, now_ms + s->set->notify_ms);
		return;
	}
	advance(s, p, now_ms);
}

static bool token_is(const coap_pdu_t *pdu, const uint8_t *token)
{
	const coap_bin_const_t t = coap_pdu_get_token(pdu);
	return t.length == SERVER_TOKEN && memcmp(t.s, token, SERVER_TOKEN) == 0;
}

/* RFC 7641 section 3.4: newer when ahead by less than half the range (its clock rule is not
   needed here). */
static bool newer(uint32_t a, uint32_t b)
{
	return a != b && ((a - b) & 0xffffff) < 0x800000;
}

static void take_note(struct server *s, struct peer *p, const coap_pdu_t *pdu, uint32_t number)
{
	const uint8_t *value = NULL;
	size_t len = 0;
	if (p->notes > 0 && !newer(number, p->last_note))
		return;
	p->last_note = number;
	p->notes++;
	s->counts.notified++;
	(void)coap_get_data(pdu, &len, &value);
	if (!s->set->quiet)
		server_say_note(p, value, len);
	if (p->state != PEER_NOTES)
		return;
	p->deadline_ms = loop_now_ms() + s->set->notify_ms;
	if (p->notes >= s->set->notifications)
		advance(s, p, loop_now_ms());
}

static coap_response_t on_note(
	struct server *s, struct peer *p, const coap_pdu_t *pdu, uint32_t number)
{
	if (!p->observing || !token_is(pdu, p->observe_token))
		return COAP_RESPONSE_FAIL; /* a relation that is over: RST tells the device */
	/* It overtook the answer to Observe, or that was lost. While Cancel waits: libcoap stops to
	   repeat a request when its token comes by. */
	if (p->state == PEER_ANSWER && op_of(s, p) == OP_OBSERVE)
		finish(s, p, END_ANSWERED, (uint8_t)coap_pdu_get_code(pdu));
	else if (p->state == PEER_ANSWER && op_of(s, p) == OP_CANCEL)
		p->again = true;
	take_note(s, p, pdu, number);
	return COAP_RESPONSE_OK;
}

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
	const coap_pdu_t *received, const coap_mid_t mid)
{
	struct server *s = coap_get_app_data(coap_session_get_context(session));
	struct peer *p = server_peer_of(s, session);
	coap_opt_iterator_t it;
	const coap_opt_t *observe = coap_check_option(received, COAP_OPTION_OBSERVE, &it);
	(void)sent;
	(void)mid;
	if (!p || p->session != session)
		return COAP_RESPONSE_FAIL;
	if (observe && coap_pdu_get_type(received) != COAP_MESSAGE_ACK) {
		const uint32_t number =
			coap_decode_var_bytes(coap_opt_value(observe), coap_opt_length(observe));
		return on_note(s, p, received, number);
	}
	if (p->state == PEER_ANSWER && token_is(received, p->token))
		finish(s, p, END_ANSWERED, (uint8_t)coap_pdu_get_code(received));
	return COAP_RESPONSE_OK;
}

static void on_nack(coap_session_t *session, const coap_pdu_t *sent,
	const coap_nack_reason_t reason, const coap_mid_t mid)
{
	struct server *s = coap_get_app_data(coap_session_get_context(session));
	struct peer *p = server_peer_of(s, session);
	(void)mid;
	if (!p || p->session != session || p->state != PEER_ANSWER || !sent ||
		!token_is(sent, p->token))
		return;
	if (reason == COAP_NACK_RST)
		finish(s, p, END_RESET, 0);
	else if (reason == COAP_NACK_TOO_MANY_RETRIES)
		finish(s, p, END_TIMEOUT, 0);
	else if (reason != COAP_NACK_ICMP_ISSUE)
		server_ops_stop(s, p);
}

void server_ops_init(struct server *s, coap_context_t *context)
{
	(void)s;
	coap_register_response_handler(context, on_response);
	coap_register_nack_handler(context, on_nack);
}

void server_ops_registered(struct server *s, struct peer *p)
{
	/* After a new Register the device knows no observation any more: LwM2M Core 6.4.5. */
	const bool again = p->state == PEER_NOTES;
	if (p->state == PEER_ANSWER)
		return; /* that one ends by itself */
	if (again)
		p->observing = false;
	if (!again) {
		p->at = 0;
		p->rounds = 0;
	}
	await(p, s->set->ops_len > 0 && !s->finishing ? PEER_READY : PEER_IDLE, 0);
}

void server_ops_again(struct server *s, const char *endpoint)
{
	for (size_t i = 0; i < s->keys.len; i++) {
		struct peer *p = &s->peers[i];
		const bool idle = p->state == PEER_IDLE || p->state == PEER_PAUSE;
		if (idle && (!endpoint || strcmp(endpoint, p->entry->endpoint) == 0))
			await(p, PEER_READY, 0);
	}
}

void server_ops_stop(struct server *s, struct peer *p)
{
	if (p->state == PEER_ANSWER)
		ended(s, p, END_CLOSED, 0);
	p->observing = p->again = false;
	await(p, PEER_OFF, 0);
}

static void overdue(struct server *s, struct peer *p, uint64_t now_ms)
{
	p->deadline_ms = 0;
	if (p->state == PEER_ANSWER) {
		finish(s, p, END_TIMEOUT, 0);
	} else if (p->state == PEER_NOTES) {
		s->counts.notify_short++;
		advance(s, p, now_ms);
	} else if (p->state == PEER_PAUSE) {
		await(p, s->finishing ? PEER_IDLE : PEER_READY, 0);
	}
}

uint64_t server_ops_run(struct server *s, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;
	for (size_t i = 0; i < s->keys.len; i++) {
		struct peer *p = &s->peers[i];
		if (p->state == PEER_PAUSE && s->finishing)
			await(p, PEER_IDLE, 0);
		if (p->deadline_ms != 0 && p->deadline_ms <= now_ms)
			overdue(s, p, now_ms);
		while (p->state == PEER_READY)
			begin(s, p, now_ms);
		if (p->again)
			send_request(s, p);
		if (p->deadline_ms != 0 && p->deadline_ms < next)
			next = p->deadline_ms;
	}
	return next;
}

bool server_ops_idle(const struct server *s)
{
	for (size_t i = 0; i < s->keys.len; i++) {
		if (s->peers[i].state != PEER_OFF && s->peers[i].state != PEER_IDLE)
			return false;
	}
	return true;
}
