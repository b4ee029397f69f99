/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Associations whose peer comes from another address (RFC 9146 6).
 *
 * A record that verified proves who made it, not where he is: whoever sees it on its way can send
 * it on from anywhere. So only the newest of all may say that the peer has moved, and what it says
 * is checked by asking there (RFC 9853, or the owner's own way) before anything but little is sent
 * there.
 */
#include "base/wipe.h"
#include "base/wr.h"
#include "dtls/state.h"

#include <stdlib.h>
#include <string.h>

enum {
	TIMES = 3,          /* what may go to an address, of what came from there */
	CHALLENGES_MAX = 3, /* are sent to one address; RFC 9853 leaves the number open */
	OWNER_CHECKS = 3,   /* times check_ms: what the owner gets for a check of his own */
	COOKIE_LEN = 8,     /* RFC 9853 4 */
	MESSAGE_LEN = 1 + COOKIE_LEN,
};
enum { PATH_CHALLENGE = 0, PATH_RESPONSE = 1, PATH_DROP = 2 }; /* RFC 9853 4 */

/* --- the address that is being checked -------------------------------------------------------- */

void dtls_move_end(struct dtls_engine *e, struct dtls_conn *c)
{
	if (!c->move)
		return;
	wheel_cancel(&e->wheel, &c->move->timer);
	wipe(c->move, sizeof(*c->move));
	free(c->move);
	c->move = NULL;
}

bool dtls_move_spend(struct dtls_move *m, size_t len)
{
	if (m->out + len > TIMES * m->in)
		return false;
	m->out += len;
	return true;
}

static bool say(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to,
	const uint8_t message[MESSAGE_LEN])
{
	const struct dtls_text text = {
		.type = DTLS_ROUTABILITY, .bytes = message, .len = MESSAGE_LEN
	};
	return dtls_conn_write(e, c, to, &text);
}

/* A cookie of its own for each time: an answer says which way it was asked. */
static bool challenge(struct dtls_engine *e, struct dtls_conn *c)
{
	struct dtls_move *const m = c->move;
	uint8_t message[MESSAGE_LEN] = { PATH_CHALLENGE };
	const size_t size = dtls_assoc_size(&c->assoc, &e->sealer, sizeof(message));
	if (!m->asks_old && !dtls_move_spend(m, size))
		return false;
	e->owner.random(e->owner.ctx, m->challenge, sizeof(m->challenge));
	memcpy(message + 1, m->challenge, sizeof(m->challenge));
	m->sent += !m->asks_old;
	return say(e, c, m->asks_old ? &c->node.path : &m->path, message);
}

static void failed(struct dtls_engine *e, struct dtls_conn *c)
{
	e->stats.moves_failed++;
	dtls_move_end(e, c);
}

static void due(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	struct dtls_move *const m = CONTAINER_OF(t, struct dtls_move, timer);
	struct dtls_engine *const e = ctx;
	struct dtls_conn *const c = m->conn;
	const bool again = m->asks_old || (m->sent > 0 && m->sent < CHALLENGES_MAX);
	m->asks_old = false; /* it is dead, as after a NAT has forgotten */
	if (again && challenge(e, c))
		wheel_arm(&e->wheel, &m->timer, now_ms + e->set.check_ms);
	else
		failed(e, c);
}

static bool is_on(const struct dtls_move *m, const struct net_path *path)
{
	return m && net_path_same(&m->path, path);
}

static void credit(struct dtls_arrival *a, struct dtls_move *m)
{
	m->in += a->fresh;
	a->fresh = 0;
}

static bool begin(struct dtls_arrival *a, struct dtls_conn *c)
{
	struct dtls_engine *const e = a->e;
	dtls_move_end(e, c);
	struct dtls_move *const m = calloc(1, sizeof(*m));
	if (!m)
		return false;
	m->timer.fire = due;
	m->conn = c;
	m->path = *a->path;
	credit(a, m);
	c->move = m;
	wheel_arm(&e->wheel, &m->timer, e->now_ms + (uint64_t)OWNER_CHECKS * e->set.check_ms);
	return true;
}

/* --- where a record came from ----------------------------------------------------------------- */

/* Which of our own sockets a server's record comes to, is not the server's to say. */
static bool is_home(const struct dtls_arrival *a, const struct dtls_conn *c)
{
	if (c->role == DTLS_CLIENT && net_addr_same(&a->path->peer, &c->node.path.peer))
		return true;
	return !c->adrift && net_path_same(a->path, &c->node.path);
}

static enum dtls_moving decide(struct dtls_engine *e, struct dtls_conn *c)
{
	if (e->owner.moving)
		return e->owner.moving(e->owner.ctx, c, &c->move->path);
	return c->routability ? DTLS_MOVE_CHECK : DTLS_MOVE_STAY;
}

static void ask(struct dtls_engine *e, struct dtls_conn *c)
{
	const enum dtls_moving how = decide(e, c);
	struct dtls_move *const m = c->move;
	if (how == DTLS_MOVE_STAY) {
		dtls_move_end(e, c);
		return;
	}
	if (how == DTLS_MOVE_TRUST) {
		(void)dtls_confirm(e, c, &m->path);
		return;
	}
	if (!c->routability)
		return; /* the owner's to check */
	m->asks_old = how == DTLS_MOVE_CHECK_OLD && !c->adrift;
	wheel_arm(&e->wheel, &m->timer, e->now_ms + e->set.check_ms);
	if (!challenge(e, c))
		failed(e, c);
}

/* R-152, S26. The window has the record's number already: it is the newest if nothing is above it.
   What belongs to a check is not the peer's own idea to come from there. */
void dtls_move_look(struct dtls_arrival *a, struct dtls_conn *c, const struct dtls_opened *o)
{
	const bool newest = c->assoc.window.next == o->seq + 1;
	if (dtls_conn_is_classic(c))
		return;
	if (is_on(c->move, a->path))
		credit(a, c->move);
	if (!newest || o->type == DTLS_ROUTABILITY)
		return;
	if (is_home(a, c)) {
		dtls_move_end(a->e, c);
		return;
	}
	if (is_on(c->move, a->path) && !c->move->noted)
		return;
	if (!is_on(c->move, a->path) && !begin(a, c))
		return;
	c->move->noted = false;
	ask(a->e, c);
}

/* It may be an old record that somebody sends again from where he likes: that is all it is good
   for, until the peer has answered something fresh (S12). */
void dtls_move_note(struct dtls_arrival *a, struct dtls_conn *c)
{
	if (dtls_conn_is_classic(c) || is_home(a, c))
		return;
	if (is_on(c->move, a->path))
		credit(a, c->move);
	else if (begin(a, c))
		c->move->noted = true;
}

/* --- RFC 9853 --------------------------------------------------------------------------------- */

/* We prefer a way that ends where we are now; where the peer is, is its own matter. */
static void answer(struct dtls_arrival *a, struct dtls_conn *c, const uint8_t *cookie)
{
	const struct net_path *const mine = &c->node.path;
	const bool preferred =
		a->path->sock == mine->sock &&
		memcmp(a->path->local_ip, mine->local_ip, sizeof(mine->local_ip)) == 0;
	uint8_t message[MESSAGE_LEN] = { preferred ? PATH_RESPONSE : PATH_DROP };
	memcpy(message + 1, cookie, COOKIE_LEN);
	if (!a->answered)
		(void)say(a->e, c, a->path, message);
	a->answered = true;
}

static bool is_answer(const struct dtls_move *m, const uint8_t *cookie)
{
	return m && (m->asks_old || m->sent > 0) &&
	       same_secret(m->challenge, cookie, sizeof(m->challenge));
}

void dtls_move_heard(struct dtls_arrival *a, struct dtls_conn *c, const struct dtls_opened *o)
{
	struct dtls_engine *const e = a->e;
	struct dtls_move *const m = c->move;
	const uint8_t *const cookie = o->plain + 1;
	if (!c->routability || o->len != MESSAGE_LEN) {
		e->stats.junk++;
		return;
	}
	if (o->plain[0] == PATH_CHALLENGE) {
		answer(a, c, cookie);
		return;
	}
	if (!is_answer(m, cookie))
		return; /* late, or of a kind that we do not know */
	if (o->plain[0] == PATH_RESPONSE && m->asks_old) {
		failed(e, c); /* it is still where it was: somebody has forwarded its record */
	} else if (o->plain[0] == PATH_RESPONSE) {
		(void)dtls_confirm(e, c, &m->path);
	} else if (o->plain[0] == PATH_DROP && m->asks_old) {
		m->asks_old = false;
		wheel_arm(&e->wheel, &m->timer, e->now_ms + e->set.check_ms);
		if (!challenge(e, c))
			failed(e, c);
	}
}

/* --- the owner's ------------------------------------------------------------------------------ */

const struct net_path *dtls_conn_candidate(const struct dtls_conn *c)
{
	return c->move ? &c->move->path : NULL;
}

bool dtls_confirm(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to)
{
	const struct net_path path = *to, from = c->node.path; /* to may be in what ends here */
	const uint64_t hash = sip_hash(&e->sip, &path, sizeof(path));
	if (c->dead || c->unproven)
		return false;
	if (net_path_same(&path, &from) && !c->adrift) {
		dtls_move_end(e, c);
		return true;
	}
	if (dtls_conn_is_classic(c) && dtls_conn_on(e, hash, &path, dtls_conn_is_classic))
		return false;
	dtls_move_end(e, c);
	dtls_table_remove(&e->conns, &c->node);
	c->node.path = path;
	c->node.hash = hash;
	c->adrift = false;
	dtls_table_add(&e->conns, &c->node);
	c->moves++;
	e->stats.moves++;
	e->changes++;
	if (e->owner.moved)
		e->owner.moved(e->owner.ctx, c, &from);
	return true;
}
