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

#include <string.h>

enum {
	TIMES = 3,          /* what may go to an address, of what came from there */
	CHALLENGES_MAX = 3, /* are sent to one address; RFC 9853 leaves the number open */
	OWNER_CHECKS = 3,   /* times check_ms: what the owner gets for a check of his own */
	COOKIE_LEN = 8,     /* RFC 9853 4 */
	MESSAGE_LEN = 1 + COOKIE_LEN,
};
enum { PATH_CHALLENGE = 0, PATH_RESPONSE = 1, PATH_DROP = 2 }; /* RFC 9853 4 */

/* --- the candidate ---------------------------------------------------------------------------- */

void dtls_move_end(struct dtls_engine *e, struct dtls_conn *c)
{
	if (!c->move)
		return;
	wheel_cancel(&e->wheel, &c->move->timer);
	dtls_table_remove(&e->moves, &c->move->node);
	wipe(c->move, sizeof(*c->move));
	pool_give(&e->move_pool, c->move);
	c->move = NULL;
}

bool dtls_move_spend(struct dtls_move *m, size_t len, size_t left)
{
	if (m->out + len + left > TIMES * m->in)
		return false;
	m->out += len;
	return true;
}

static bool is_on(const struct dtls_move *m, const struct net_path *path)
{
	return m && net_path_same(&m->node.path, path);
}

const struct net_path *dtls_move_back(const struct dtls_arrival *a, struct dtls_conn *c, size_t len)
{
	if (is_on(c->move, a->path) && dtls_move_spend(c->move, len, 0))
		return a->path;
	return c->adrift ? NULL : &c->node.path;
}

/* c is where it was. */
static void stay(struct dtls_engine *e, struct dtls_conn *c)
{
	const bool doubted = c->doubted;
	dtls_move_end(e, c);
	c->doubted = false;
	if (doubted && e->owner.unmoved)
		e->owner.unmoved(e->owner.ctx, c);
}

static void failed(struct dtls_engine *e, struct dtls_conn *c)
{
	e->stats.moves_failed++;
	stay(e, c);
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool say(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to,
	const uint8_t message[MESSAGE_LEN])
{
	const struct dtls_text text = {
		.type = DTLS_ROUTABILITY, .bytes = message, .len = MESSAGE_LEN, .bare = true
	};
	if (dtls_assoc_starved(&c->assoc))
		dtls_conn_tell_short(e, c); /* the owner may give more numbers at once */
	return dtls_conn_write(e, c, to, &text);
}

/* A cookie of its own for each time: an answer says which way it was asked. What is not sent for
   R-154 is sent when more has come from there. */
static void challenge(struct dtls_engine *e, struct dtls_conn *c)
{
	struct dtls_move *const m = c->move;
	uint8_t message[MESSAGE_LEN] = { PATH_CHALLENGE };
	const size_t size = dtls_conn_bare_size(e, c, sizeof(message));
	if (!m->asks_old && !dtls_move_spend(m, size, 0))
		return;
	m->asked = true;
	e->owner.random(e->owner.ctx, m->challenge, sizeof(m->challenge));
	memcpy(message + 1, m->challenge, sizeof(m->challenge));
	(void)say(e, c, m->asks_old ? &c->node.path : &m->node.path, message);
}

static void ask_there(struct dtls_engine *e, struct dtls_conn *c)
{
	struct dtls_move *const m = c->move;
	m->asked = m->asked && !m->asks_old; /* what the old one answers is no answer */
	m->asks_old = false;
	m->tries++;
	wheel_arm(&e->wheel, &m->timer, e->now_ms + e->set.check_ms);
	challenge(e, c);
}

static void due(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	const struct dtls_move *const m = CONTAINER_OF(t, struct dtls_move, timer);
	(void)now_ms;
	/* An old address that does not answer is dead, as after a NAT has forgotten. */
	if (!m->owners && m->tries < CHALLENGES_MAX)
		ask_there(ctx, m->conn);
	else
		failed(ctx, m->conn);
}

static enum dtls_checking check(struct dtls_engine *e, struct dtls_conn *c, bool old_first)
{
	struct dtls_move *const m = c->move;
	m->owners = !c->routability || c->unproven;
	if (m->owners) {
		const uint64_t all_ms = (uint64_t)OWNER_CHECKS * e->set.check_ms;
		wheel_arm(&e->wheel, &m->timer, e->now_ms + all_ms);
		return DTLS_CHECK_YOURS;
	}
	m->asks_old = old_first && !c->adrift;
	if (m->asks_old) {
		wheel_arm(&e->wheel, &m->timer, e->now_ms + e->set.check_ms);
		challenge(e, c);
	} else {
		ask_there(e, c);
	}
	return DTLS_CHECK_BEGUN;
}

/* --- where a record came from ----------------------------------------------------------------- */

static void credit(struct dtls_arrival *a, struct dtls_move *m)
{
	m->in += a->fresh;
	a->fresh = 0;
}

static bool begin(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to)
{
	dtls_move_end(e, c);
	struct dtls_move *const m = pool_take(&e->move_pool);
	if (!m)
		return false;
	m->timer.fire = due;
	m->conn = c;
	m->node.path = *to;
	m->node.hash = sip_hash(&e->sip, to, sizeof(*to));
	dtls_table_add(&e->moves, &m->node);
	c->move = m;
	return true;
}

void dtls_move_restore(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to)
{
	const bool home = !c->adrift && net_path_same(to, &c->node.path);
	if (to->peer.family == 0 || dtls_conn_is_classic(c) || home)
		return;
	c->doubted = true;
	if (begin(e, c, to))
		c->move->in = DTLS_CANDIDATE_CREDIT;
}

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
		return e->owner.moving(e->owner.ctx, c, &c->move->node.path);
	return c->routability ? DTLS_MOVE_CHECK : DTLS_MOVE_STAY;
}

static void ask(struct dtls_engine *e, struct dtls_conn *c)
{
	const enum dtls_moving how = decide(e, c);
	c->doubted = how != DTLS_MOVE_STAY && how != DTLS_MOVE_TRUST;
	switch (how) {
	case DTLS_MOVE_STAY:
		dtls_move_end(e, c);
		break;
	case DTLS_MOVE_LATER:
		break;
	case DTLS_MOVE_CHECK:
	case DTLS_MOVE_CHECK_OLD:
		(void)check(e, c, how == DTLS_MOVE_CHECK_OLD);
		break;
	case DTLS_MOVE_TRUST:
		(void)dtls_confirm(e, c, &c->move->node.path);
		break;
	}
}

/* It is there still; a challenge may have waited for these octets. */
static void hear_again(struct dtls_engine *e, struct dtls_conn *c)
{
	const struct dtls_move *const m = c->move;
	if (wheel_armed(&m->timer) && !m->owners && !m->asked)
		challenge(e, c);
}

/* R-152, S26. The window has the record's number already: it is the newest if nothing is above it.
   What belongs to a check is not the peer's own idea to come from there. */
void dtls_move_look(struct dtls_arrival *a, struct dtls_conn *c, const struct dtls_opened *o)
{
	const bool newest = c->assoc.window.next == o->seq + 1;
	if (dtls_conn_is_classic(c))
		return;
	const bool there = is_on(c->move, a->path);
	if (there)
		credit(a, c->move);
	if (!newest || o->type == DTLS_ROUTABILITY)
		return;
	if (is_home(a, c)) {
		stay(a->e, c);
		return;
	}
	if (there && !c->move->noted) {
		hear_again(a->e, c);
		return;
	}
	if (!there && !begin(a->e, c, a->path))
		return;
	c->move->noted = false;
	credit(a, c->move);
	ask(a->e, c);
}

/* It may be an old record that somebody sends again from where he likes: that is all it is good
   for, until the peer has answered something fresh (S12). The owner is told nothing: what he knows
   of a candidate is not undone by it. */
void dtls_move_note(struct dtls_arrival *a, struct dtls_conn *c)
{
	if (dtls_conn_is_classic(c))
		return;
	if (is_home(a, c)) {
		dtls_move_end(a->e, c);
		return;
	}
	if (!is_on(c->move, a->path)) {
		if (!begin(a->e, c, a->path))
			return;
		c->move->noted = true;
	}
	credit(a, c->move);
}

/* --- RFC 9853 --------------------------------------------------------------------------------- */

/* R-154, of what asks to be answered: elsewhere than at home of what came from there, if that is
   remembered; otherwise this datagram is all that has. A response may be much longer than its
   challenge: by our padding, or by the peer's CID. */
static bool may_answer(struct dtls_arrival *a, const struct dtls_conn *c)
{
	const size_t size = dtls_conn_bare_size(a->e, c, MESSAGE_LEN);
	if (is_home(a, c))
		return true;
	if (is_on(c->move, a->path))
		return dtls_move_spend(c->move, size, 0);
	const bool may = size <= TIMES * a->fresh;
	a->fresh = 0;
	return may;
}

/* We prefer a way that ends where we are now; where the peer is, is its own matter. */
static void answer(struct dtls_arrival *a, struct dtls_conn *c, const uint8_t *cookie)
{
	const struct net_path *const mine = &c->node.path;
	const bool preferred =
		a->path->sock == mine->sock &&
		memcmp(a->path->local_ip, mine->local_ip, sizeof(mine->local_ip)) == 0;
	uint8_t message[MESSAGE_LEN] = { preferred ? PATH_RESPONSE : PATH_DROP };
	if (a->answered || !may_answer(a, c)) {
		dtls_drop(a, &a->e->stats.unanswered);
		return;
	}
	memcpy(message + 1, cookie, COOKIE_LEN);
	(void)say(a->e, c, a->path, message);
	a->answered = true;
}

static bool is_answer(const struct dtls_move *m, const uint8_t *cookie)
{
	return m && m->asked && same_secret(m->challenge, cookie, sizeof(m->challenge));
}

/* An answer that is the newest record and comes from a third place: the peer has moved on since it
   was asked, or somebody has handed the question on to it. It is looked at there as in any new
   place (S26). But some NATs give each datagram a port of its own: then the way on which it was
   asked counts in the end, as it has worked. */
static void answered(struct dtls_arrival *a, struct dtls_conn *c, const struct dtls_opened *o)
{
	enum { STRAYS = 2 };
	const bool newest = c->assoc.window.next == o->seq + 1;
	const uint8_t strays = c->move->strays;
	if (!newest || is_on(c->move, a->path) || strays >= STRAYS) {
		(void)dtls_confirm(a->e, c, &c->move->node.path);
	} else if (is_home(a, c)) {
		stay(a->e, c);
	} else if (begin(a->e, c, a->path)) {
		c->move->strays = (uint8_t)(strays + 1);
		credit(a, c->move);
		ask(a->e, c);
	}
}

void dtls_move_heard(struct dtls_arrival *a, struct dtls_conn *c, const struct dtls_opened *o)
{
	struct dtls_engine *const e = a->e;
	struct dtls_move *const m = c->move;
	const uint8_t *const cookie = o->plain + 1;
	if (!c->routability || o->len != MESSAGE_LEN || o->plain[0] > PATH_DROP) {
		dtls_drop(a, &e->stats.junk);
		return;
	}
	if (o->plain[0] == PATH_CHALLENGE) {
		answer(a, c, cookie);
		return;
	}
	const bool left = o->plain[0] == PATH_DROP;
	if (!is_answer(m, cookie) || (left && !m->asks_old))
		dtls_drop(a, &e->stats.late);
	else if (left)
		ask_there(e, c);
	else if (m->asks_old)
		failed(e, c); /* it is still where it was: somebody has forwarded its record */
	else
		answered(a, c, o);
}

/* --- the owner's ------------------------------------------------------------------------------ */

const struct net_path *dtls_conn_candidate(const struct dtls_conn *c)
{
	return c->move ? &c->move->node.path : NULL;
}

enum dtls_checking dtls_check(
	struct dtls_engine *e, struct dtls_conn *c, bool old_first, uint64_t now_ms)
{
	const struct dtls_move *const m = c->move;
	if (now_ms > e->now_ms)
		e->now_ms = now_ms;
	if (!m)
		return DTLS_CHECK_NONE;
	if (wheel_armed(&m->timer))
		return m->owners ? DTLS_CHECK_YOURS : DTLS_CHECK_BEGUN;
	c->doubted = true;
	return check(e, c, old_first);
}

bool dtls_confirm(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to)
{
	const struct net_path path = *to, from = c->node.path; /* to may be in what ends here */
	const uint64_t hash = sip_hash(&e->sip, &path, sizeof(path));
	if (c->dead || c->unproven)
		return false;
	if (net_path_same(&path, &from) && !c->adrift) {
		dtls_move_end(e, c);
		c->doubted = false;
		return true;
	}
	if (dtls_conn_is_classic(c) && dtls_conn_on(e, hash, &path, dtls_conn_is_classic))
		return false;
	dtls_move_end(e, c);
	dtls_table_remove(&e->conns, &c->node);
	c->node.path = path;
	c->node.hash = hash;
	c->adrift = false;
	c->doubted = false;
	dtls_table_add(&e->conns, &c->node);
	c->moves++;
	e->stats.moves++;
	e->changes++;
	if (e->owner.moved)
		e->owner.moved(e->owner.ctx, c, &from);
	return true;
}
