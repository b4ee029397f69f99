/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/modem/machine.h"

#include <stdio.h>
#include <string.h>

static struct modem_waiting *stored_at(struct modem *m, uint32_t index)
{
	for (size_t i = 0; i < MODEM_WAITING_MAX; i++) {
		struct modem_waiting *const w = &m->waiting[i];
		if (w->is != WAITS_FREE && w->stored && w->index == index)
			return w;
	}
	return NULL;
}

static struct modem_waiting *free_place(struct modem *m)
{
	for (size_t i = 0; i < MODEM_WAITING_MAX; i++) {
		if (m->waiting[i].is == WAITS_FREE)
			return &m->waiting[i];
	}
	return NULL;
}

/* A modem waits for one acknowledgement at a time: that another one comes says that it has given
   up the one before. Acknowledging this now would acknowledge the other. */
static void give_up_older(struct modem *m)
{
	for (size_t i = 0; i < MODEM_WAITING_MAX; i++) {
		struct modem_waiting *const w = &m->waiting[i];
		if (w->stored)
			continue;
		if (w->is == WAITS_OPEN)
			w->is = WAITS_LATE;
		else if ((w->is == WAITS_TAKEN || w->is == WAITS_LEFT) &&
			 (m->job != JOB_TAKE || m->served != i))
			w->is = WAITS_FREE;
	}
}

enum use { USELESS, GARBLED, USABLE };

static enum use deliver(const char *hex, uint32_t len, struct tpdu *t, uint8_t octets[])
{
	const size_t all = at_hex(hex, octets, TPDU_MAX + MODEM_SMSC_MAX);
	if (all < (size_t)len + 1 || octets[0] + (size_t)1 + len != all)
		return GARBLED;
	return tpdu_read(octets + 1 + octets[0], len, false, t) && t->kind == TPDU_DELIVER &&
			       t->number.len > 0
		       ? USABLE
		       : USELESS;
}

static void tell(struct modem *m, const struct modem_waiting *w, const struct tpdu *t)
{
	struct way_segment s = { .tag = w->tag,
		.peer = t->number,
		.own = m->settings.own,
		.pid = t->pid,
		.dcs = t->dcs,
		.header = t->header,
		.data = t->data,
		.len = t->len };
	memcpy(s.scts, t->scts, sizeof(s.scts));
	m->owner.received(m->owner.ctx, &m->way, &s);
}

/* What nobody can use (statuses, a sender without a number) is settled at once: it would come again
   for ever, or fill the storage. What has lost octets on its way to us is asked for again. */
void modem_came(struct modem *m, const char *hex, bool stored)
{
	uint8_t octets[TPDU_MAX + MODEM_SMSC_MAX];
	struct tpdu t;
	if (stored && stored_at(m, m->list_index))
		return;
	if (!stored)
		give_up_older(m);
	struct modem_waiting *const w = free_place(m);
	if (!w) {
		m->list_more = true; /* what came directly comes again: it is not acknowledged */
		return;
	}
	const enum use use = deliver(hex, stored ? m->list_len : m->came_len, &t, octets);
	if (use == GARBLED && stored)
		return;
	m->last_tag = m->last_tag < UINT32_MAX ? m->last_tag + 1 : 1;
	*w = (struct modem_waiting){ .is = use == USELESS   ? WAITS_TAKEN
					   : use == GARBLED ? WAITS_LEFT
							    : WAITS_OPEN,
		.tag = m->last_tag,
		.stored = stored,
		.index = m->list_index };
	if (use == USABLE)
		tell(m, w, &t);
}

void modem_answer(struct way *way, uint32_t tag, bool taken, uint64_t now_ms)
{
	struct modem *const m = modem_of(way);
	m->now_ms = now_ms;
	for (size_t i = 0; i < MODEM_WAITING_MAX; i++) {
		struct modem_waiting *const w = &m->waiting[i];
		if (w->tag != tag || (w->is != WAITS_OPEN && w->is != WAITS_LATE))
			continue;
		if (w->is == WAITS_LATE) {
			w->is = WAITS_FREE;
		} else if (w->stored && !taken) {
			/* It stays where it is. */
			w->is = WAITS_FREE;
			if (m->list_ms > now_ms + MODEM_KEPT_MS)
				m->list_ms = now_ms + MODEM_KEPT_MS;
		} else {
			w->is = taken || w->stored ? WAITS_TAKEN : WAITS_LEFT;
		}
		break;
	}
	modem_pump(m);
}

/* --- acknowledging, deleting, looking --------------------------------------------------------- */

static void settle(struct modem *m, struct modem_waiting *w, size_t i)
{
	char line[40];
	m->served = i;
	if (w->stored) {
		(void)snprintf(line, sizeof(line), "AT+CMGD=%u", (unsigned)w->index);
		modem_ask(m, JOB_DELETE, line);
	} else {
		modem_ask(m, JOB_TAKE, w->is == WAITS_TAKEN ? "AT+CNMA" : "AT+CNMA=2");
	}
}

bool modem_serve(struct modem *m)
{
	for (size_t i = 0; i < MODEM_WAITING_MAX; i++) {
		struct modem_waiting *const w = &m->waiting[i];
		if (w->is != WAITS_TAKEN && w->is != WAITS_LEFT)
			continue;
		if (!w->stored && !m->acks) { /* the modem has done it by itself */
			w->is = WAITS_FREE;
			continue;
		}
		settle(m, w, i);
		return true;
	}
	if (m->coming_due) {
		modem_ask_coming(m);
		return true;
	}
	if (m->state != MODEM_READY || m->now_ms < m->list_ms)
		return false;
	m->list_ms = m->now_ms + MODEM_LIST_MS;
	m->list_more = false;
	m->coming_due = m->coming_try == 0; /* it may have stopped delivering */
	modem_ask(m, JOB_LIST, "AT+CMGL=4");
	return true;
}

void modem_served(struct modem *m, enum modem_job job, const struct modem_result *r)
{
	struct modem_waiting *const w = &m->waiting[m->served];
	switch ((int)job) {
	case JOB_TAKE:
		/* A modem that has waited in vain, or that we have refused, may deliver nothing
		   more until it is told to. */
		if (!r->ok || w->is == WAITS_LEFT)
			m->coming_due = m->coming_try == 0;
		w->is = WAITS_FREE;
		break;
	case JOB_DELETE: /* if it could not be: it is found again, and known */
		w->is = WAITS_FREE;
		if (m->list_more)
			m->list_ms = m->now_ms;
		break;
	default: /* of JOB_LIST: its messages have come before */
		m->list_header = false;
		break;
	}
}
