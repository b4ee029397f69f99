/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/queue.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/coap.h"

static size_t cost(size_t len)
{
	return sizeof(struct queue_entry) + len;
}

static bool same(const struct queue_entry *e, const struct pdu *m)
{
	return e->confirmable && m->type == PDU_CON && e->mid == m->mid;
}

bool queue_put(struct queue *q, struct queue_budget *b, uint32_t count_max, const struct pdu *m)
{
	struct queue_entry **at = &q->head;
	while (*at && !same(*at, m))
		at = &(*at)->next;
	struct queue_entry *const old = *at;
	const size_t used = b->used - (old ? cost(old->len) : 0);
	if ((!old && q->count >= count_max) || used > b->max || cost(m->len) > b->max - used)
		return false;
	struct queue_entry *const e = malloc(cost(m->len));
	if (!e)
		return false;
	e->next = old ? old->next : NULL;
	e->len = m->len;
	e->mid = m->mid;
	e->confirmable = m->type == PDU_CON;
	memcpy(e->data, m->data, m->len);
	*at = e;
	free(old);
	b->used = used + cost(m->len);
	if (!old)
		q->count++;
	return true;
}

bool queue_has(const struct queue *q, const struct pdu *m)
{
	const struct queue_entry *e = q->head;
	while (e && !same(e, m))
		e = e->next;
	return e != NULL;
}

struct queue_entry *queue_take(struct queue *q)
{
	struct queue_entry *const e = q->head;
	if (!e)
		return NULL;
	q->head = e->next;
	q->count--;
	return e;
}

void queue_drop(struct queue_budget *b, struct queue_entry *e)
{
	b->used -= cost(e->len);
	free(e);
}

void queue_clear(struct queue *q, struct queue_budget *b)
{
	struct queue_entry *e;
	while ((e = queue_take(q)))
		queue_drop(b, e);
}
