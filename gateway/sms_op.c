/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_op.h"

#include "gateway/sms.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <string.h>

struct stored { /* GW_SMS_STORED */
	struct gw_sms_op *op;
	enum store_result result;
};

static void done(struct store_op *op, enum store_result result)
{
	struct gw_sms_op *const o = CONTAINER_OF(op, struct gw_sms_op, op);
	const struct stored stored = { .op = o, .result = result };
	const struct gw_worker *const w = o->worker;
	if (!inbox_post(w->shared->inboxes[w->number], INBOX_SURE, GW_SMS_STORED, &stored,
		    sizeof(stored)))
		abort(); /* memory ended: a session would wait for ever */
}

void gw_sms_op_submit(struct gw_sms_op *o)
{
	struct gw_worker *const w = o->worker;
	struct gw_sms_op **const first = &w->smses->under_way;
	o->op.done = done;
	o->next = *first;
	o->link_to_us = first;
	if (o->next)
		o->next->link_to_us = &o->next;
	*first = o;
	if (o->session)
		o->session->ops++;
	w->ops++;
	store_submit(w->shared->store, &o->op);
}

static void leave(struct gw_sms_op *o)
{
	*o->link_to_us = o->next;
	if (o->next)
		o->next->link_to_us = o->link_to_us;
}

void gw_sms_op_stored(struct gw_worker *w, const struct inbox_message *m)
{
	struct stored stored;
	memcpy(&stored, m->data, sizeof(stored));
	struct gw_session *const s = stored.op->session;
	leave(stored.op);
	w->ops--;
	stored.op->finish(stored.op, stored.result);
	if (!s)
		return;
	s->ops--;
	if (s->ended && s->ops == 0)
		gw_session_free(s);
	else if (!s->ended)
		gw_session_flow(s);
}
