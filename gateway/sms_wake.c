/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "gateway/question.h"
#include "gateway/sms_parts.h"
#include "gateway/worker.h"

#include <string.h>

void gw_sms_wanted(const struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	struct store_cred c;
	if (!w->smses || s->sms)
		return; /* short messages wait for their device in the network */
	const bool good = store_find_endpoint_sms(w->reader, s->endpoint, &c) == STORE_OK &&
			  c.state == STORE_CRED_ACTIVE;
	const uint32_t cred = c.number;
	wipe(&c, sizeof(c));
	if (!good)
		return;
	const uint32_t to = gw_sms_worker(w->shared, w->reader, cred);
	if (!inbox_post(w->shared->inboxes[to], INBOX_LOSSY, GW_SMS_WANTED, &cred, sizeof(cred)))
		w->smses->stats.lost++;
}

/* Nobody waits for the answer, which would cost a short message. */
static size_t write_trigger(struct gw_worker *w, const struct gw_session *here,
	enum gw_trigger what, uint8_t out[GW_TRIGGER_MAX])
{
	static const struct gw_question_mids unknown;
	uint8_t random[GW_QUESTION_RANDOM];
	struct gw_question q;
	gw_worker_random(w, random, sizeof(random));
	gw_question_draw(&q, here ? &here->mids : &unknown, random);
	return gw_trigger_write(&q, what, 0, out);
}

bool gw_sms_trigger(struct gw_worker *w, uint32_t cred, enum gw_trigger what)
{
	const struct gw_session *const here = gw_session_of(w, cred);
	struct gw_sms moment;
	uint8_t msg[GW_TRIGGER_MAX];
	struct gw_sms *x = here ? here->sms : NULL;
	memset(&moment, 0, sizeof(moment));
	if (!x && gw_sms_load(w, cred, NULL, &moment))
		x = &moment;
	const size_t len = write_trigger(w, here, what, msg);
	const bool kept = x && len > 0 && gw_sms_seal_and_keep(w, cred, x, msg, len, 0);
	w->smses->stats.triggers += kept;
	wipe(&moment, sizeof(moment));
	return kept;
}
