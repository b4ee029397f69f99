/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of all that the governor holds when a channel, or the session, ends. */
#include "proxy/carry.h"

bool governor_last_said(const struct governor *g, enum side by, struct governor_said *out)
{
	const struct carry *last = NULL;
	for (const struct carry *c = g ? g->first : NULL; c; c = c->next) {
		if (c->asker == by && c->confirmable && !c->request && c->answered && c->acked)
			last = c;
	}
	*out = (struct governor_said){ .until_ms = 0 };
	if (last)
		*out = (struct governor_said){
			.until_ms = last->due_ms, .sum = last->sum, .mid = last->mid
		};
	return last != NULL;
}

struct governor_said governor_said_of(const struct pdu *m)
{
	return (struct governor_said){ .sum = carry_sum(m), .mid = m->mid };
}

bool governor_is_busy(const struct governor *g)
{
	for (const struct carry *c = g ? g->first : NULL; c; c = c->next) {
		const bool open = c->request && c->confirmable && !c->answered && !c->given_up;
		if (c->flight != CARRY_RESTS || open)
			return true;
	}
	return false;
}

uint32_t governor_pending(const struct governor *g, enum side asker)
{
	uint32_t n = 0;
	for (const struct carry *c = g ? g->first : NULL; c; c = c->next)
		n += c->request && c->asker == asker && !c->answered && !c->given_up ? 1 : 0;
	return n;
}

enum fate { STAYS /* also of what is new */, GOES, IS_GIVEN_UP };
typedef enum fate fate_of(const struct carry *c);

/* The registration's server has gone, and what it said with it. What the device asked is asked
   again, on a new link. */
static enum fate without_server(const struct carry *c)
{
	if (c->asker == SIDE_SERVER)
		return GOES;
	return c->answered || c->request ? STAYS : GOES;
}

/* nothing that was said in a device's association goes on in another. What has never been
   said there may be. */
static enum fate without_device(const struct carry *c)
{
	if (c->asker == SIDE_DEVICE)
		return GOES;
	const bool said = c->flight != CARRY_WAITS || c->sent > 0;
	if (c->answered || c->given_up || (c->request && !said))
		return STAYS;
	return c->request && c->acked ? IS_GIVEN_UP : GOES;
}

static enum fate without_session(const struct carry *c)
{
	if (c->answered || c->given_up)
		return STAYS;
	return c->request ? IS_GIVEN_UP : GOES;
}

/* All are judged before anything changes; nobody's turn comes who is about to go. */
static void judge_all(struct governor *g, fate_of *judge)
{
	for (struct carry *c = g ? g->first : NULL; c; c = c->next) {
		c->fate = (uint8_t)judge(c);
		if (c->fate != STAYS && c->flight == CARRY_WAITS)
			c->flight = CARRY_RESTS;
	}
}

static struct carry *condemned(struct governor *g)
{
	struct carry *c = g ? g->first : NULL;
	while (c && c->fate == STAYS)
		c = c->next;
	return c;
}

static void sift(const struct governor_port *p, fate_of *judge)
{
	struct carry *c;
	judge_all(*p->seat, judge);
	while ((c = condemned(*p->seat))) {
		const bool goes = c->fate == GOES;
		c->fate = STAYS;
		if (goes)
			carry_drop(p->home, c);
		else
			carry_give_up(p, c, GOVERNOR_CUT);
	}
	carry_next(p);
}

void governor_leg_gone(const struct governor_port *p, enum side leg)
{
	sift(p, leg == SIDE_DEVICE ? without_device : without_server);
}

void governor_cut(const struct governor_port *p)
{
	sift(p, without_session);
}
