/* SPDX-License-Identifier: Apache-2.0 */
/* What an association sends: messages and alerts, and where they go. */
#include "dtls/alert.h"
#include "dtls/state.h"

#include <string.h>

/* --- numbers that run short ------------------------------------------------------------------ */

void dtls_conn_tell_short(struct dtls_engine *e, struct dtls_conn *c)
{
	if (c->told_short || c->dead || !e->owner.runs_short)
		return;
	c->told_short = true;
	e->owner.runs_short(e->owner.ctx, c);
}

void dtls_conn_check_write_end(struct dtls_engine *e, struct dtls_conn *c)
{
	const struct dtls_assoc *const as = &c->assoc;
	if (dtls_assoc_starved(as) || as->write_end - as->wseq < DTLS_NUMBERS_LOW)
		dtls_conn_tell_short(e, c);
}

/* --- sending --------------------------------------------------------------------------------- */

bool dtls_conn_write(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to,
	const struct dtls_text *text)
{
	struct dtls_sealer sealer = e->sealer;
	if (text->bare)
		sealer.bucket = 0;
	const size_t whole = dtls_assoc_size(&c->assoc, &sealer, text->len);
	uint8_t *const out = e->owner.room(e->owner.ctx, to, whole);
	if (!out)
		return true; /* lost before the wire instead of on it */
	if (text->len > 0)
		memcpy(out + dtls_assoc_before(&c->assoc), text->bytes, text->len);
	const size_t sealed = dtls_assoc_seal(&c->assoc, &sealer, text->type, out, text->len);
	e->stats.records_out += sealed > 0;
	e->owner.sent(e->owner.ctx, sealed);
	return sealed > 0;
}

/* The codes 1 to 4 are 2^9 to 2^12 (RFC 6066 4). */
size_t dtls_conn_text_max(const struct dtls_conn *c)
{
	return c->fragment_code > 0 ? (size_t)256 << c->fragment_code
				    : dtls_assoc_text_max(&c->assoc);
}

static void exhaust(struct dtls_engine *e, struct dtls_conn *c)
{
	if (c->spent || c->dead)
		return;
	c->spent = true;
	c->spent_next = e->spent;
	e->spent = c;
}

/* Where it may be sent, a message of len octets: DTLS_OK, or why not. */
static enum dtls_result may_send(struct dtls_engine *e, struct dtls_conn *c, size_t len)
{
	if (len > dtls_conn_text_max(c))
		return DTLS_TOO_LONG;
	if (dtls_assoc_starved(&c->assoc))
		dtls_conn_tell_short(e, c); /* who may give more at once */
	if (dtls_assoc_spent(&c->assoc)) {
		exhaust(e, c);
		return DTLS_EXHAUSTED;
	}
	if (dtls_assoc_starved(&c->assoc)) {
		e->stats.starved++;
		return DTLS_STARVED;
	}
	return DTLS_OK;
}

static enum dtls_result send_message(struct dtls_engine *e, struct dtls_conn *c,
	const struct net_path *to, const struct dtls_text *text)
{
	if (!dtls_conn_write(e, c, to, text))
		return DTLS_BROKEN;
	dtls_conn_check_write_end(e, c);
	return DTLS_OK;
}

enum dtls_result dtls_send(
	struct dtls_engine *e, struct dtls_conn *c, const uint8_t *msg, size_t len)
{
	const enum dtls_result may = may_send(e, c, len);
	if (may != DTLS_OK)
		return may;
	if (c->adrift) {
		e->stats.nowhere++;
		return DTLS_NOWHERE;
	}
	const struct dtls_text text = { .type = DTLS_DATA, .bytes = msg, .len = len };
	return send_message(e, c, &c->node.path, &text);
}

size_t dtls_conn_bare_size(const struct dtls_engine *e, const struct dtls_conn *c, size_t len)
{
	struct dtls_sealer sealer = e->sealer;
	sealer.bucket = 0;
	return dtls_assoc_size(&c->assoc, &sealer, len);
}

/* What goes around a message grows in steps, of blocks and buckets. */
size_t dtls_conn_room(const struct dtls_engine *e, const struct dtls_conn *c, size_t datagram)
{
	size_t len = datagram;
	while (len > 0 && dtls_assoc_size(&c->assoc, &e->sealer, len) > datagram)
		len--;
	return len;
}

/* While nobody asks there yet, the question must still fit below what may go there: one of RFC
   9853, or an owner's short one. */
static size_t reserve(const struct dtls_engine *e, const struct dtls_conn *c)
{
	enum { QUESTION_LEN = 16 };
	const bool asks = c->unproven || wheel_armed(&c->move->timer);
	return asks ? 0 : dtls_conn_bare_size(e, c, QUESTION_LEN);
}

enum dtls_result dtls_send_to(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to,
	const uint8_t *msg, size_t len)
{
	struct dtls_move *const m = c->move;
	if (c->dead || !m || !net_path_same(&m->node.path, to))
		return DTLS_NOWHERE;
	const enum dtls_result may = may_send(e, c, len);
	if (may != DTLS_OK)
		return may;
	struct dtls_text text = { .type = DTLS_DATA, .bytes = msg, .len = len };
	const size_t left = reserve(e, c);
	/* R-151 yields to R-154: what is too long with its padding goes without, or a question
	   could never be asked. */
	text.bare = !dtls_move_spend(m, dtls_assoc_size(&c->assoc, &e->sealer, len), left);
	if (text.bare && !dtls_move_spend(m, dtls_conn_bare_size(e, c, len), left))
		return DTLS_LIMITED;
	const struct net_path path = *to; /* m may go with what the owner does meanwhile */
	return send_message(e, c, &path, &text);
}

static void alert_to(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to,
	const uint8_t body[DTLS_ALERT_LEN])
{
	const struct dtls_text text = { .type = DTLS_ALERT, .bytes = body, .len = DTLS_ALERT_LEN };
	(void)dtls_conn_write(e, c, to, &text);
}

/* Where the peer is now is not always known: then it is said at both places. */
void dtls_conn_alert(struct dtls_engine *e, struct dtls_conn *c, uint8_t level, uint8_t alert)
{
	const uint8_t body[DTLS_ALERT_LEN] = { level, alert };
	const size_t size = dtls_assoc_size(&c->assoc, &e->sealer, sizeof(body));
	struct dtls_move *const m = c->move;
	const bool there = m && dtls_move_spend(m, size, 0);
	e->stats.nowhere += c->adrift && !there;
	if (there)
		alert_to(e, c, &m->node.path, body);
	if (!c->adrift)
		alert_to(e, c, &c->node.path, body);
}

/* What answers a record goes where that came from, if it may. */
void dtls_conn_answer(struct dtls_arrival *a, struct dtls_conn *c, uint8_t alert)
{
	struct dtls_engine *const e = a->e;
	const uint8_t body[DTLS_ALERT_LEN] = { DTLS_WARNING, alert };
	const size_t size = dtls_assoc_size(&c->assoc, &e->sealer, sizeof(body));
	const struct net_path *const to = dtls_move_back(a, c, size);
	e->stats.nowhere += !to;
	if (to)
		alert_to(e, c, to, body);
}

void dtls_close(struct dtls_engine *e, struct dtls_conn *c)
{
	if (c->dead)
		return; /* its down event is running */
	dtls_conn_alert(e, c, DTLS_WARNING, DTLS_CLOSE_NOTIFY);
	dtls_conn_free(e, c);
}
