/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "base/wr.h"
#include "gateway/sms_parts.h"
#include "gateway/worker.h"

#include <string.h>

enum { TRIGGER_MAX = 32, TOKEN = 2, NO_RESPONSE = 26 /* of any class, RFC 7967 2.1 */ };

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

/* Registration Update Trigger: Execute /1/0/8 (LwM2M 1.0 Core E.2). Nobody waits for the answer,
   which would cost a short message. */
static size_t write_trigger(struct gw_worker *w, uint8_t out[TRIGGER_MAX])
{
	static const char *const path[] = { "1", "0", "8" };
	static const uint8_t none = NO_RESPONSE;
	uint8_t random[2 + TOKEN];
	uint16_t last = 0;
	struct wr x = wr_into(out, TRIGGER_MAX);
	gw_worker_random(w, random, sizeof(random));
	wr_u8(&x, 1 << 6 | PDU_NON << 4 | TOKEN);
	wr_u8(&x, PDU_POST);
	wr_bytes(&x, random, sizeof(random));
	for (size_t i = 0; i < COUNT_OF(path); i++) {
		const struct pdu_option o = { .value = (const uint8_t *)path[i],
			.len = strlen(path[i]),
			.number = PDU_URI_PATH };
		pdu_write_option(&x, &last, &o);
	}
	const struct pdu_option quiet = { .value = &none, .len = 1, .number = PDU_NO_RESPONSE };
	pdu_write_option(&x, &last, &quiet);
	return x.bad ? 0 : x.len;
}

void gw_sms_wanted_received(struct gw_worker *w, uint32_t cred)
{
	const struct gw_session *const here = gw_session_of(w, cred);
	struct gw_sms moment;
	uint8_t msg[TRIGGER_MAX];
	struct gw_sms *x = here ? here->sms : NULL;
	memset(&moment, 0, sizeof(moment));
	if (!x && gw_sms_load(w, cred, NULL, &moment))
		x = &moment;
	const size_t len = write_trigger(w, msg);
	if (x && len > 0)
		w->smses->stats.triggers += gw_sms_seal_and_keep(w, cred, x, msg, len, 0);
	wipe(&moment, sizeof(moment));
}
