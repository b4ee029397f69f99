/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/trigger.h"

#include "base/wr.h"
#include "dtls/engine.h"
#include "gateway/question.h"
#include "gateway/roam.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "proxy/coap.h"

#include <stdio.h>
#include <string.h>

enum { NO_ANSWER = 26 /* of any class, RFC 7967 2.1 */, SERVER = 1 /* the object */ };

static void write_path(struct wr *w, uint16_t *last, unsigned number)
{
	char text[sizeof("65535")];
	(void)snprintf(text, sizeof(text), "%u", number & UINT16_MAX);
	const struct pdu_option o = {
		.value = (const uint8_t *)text, .len = strlen(text), .number = PDU_URI_PATH
	};
	pdu_write_option(w, last, &o);
}

size_t gw_trigger_write(const struct gw_question *q, enum gw_trigger what, uint16_t instance,
	uint8_t out[GW_TRIGGER_MAX])
{
	static const uint8_t none = NO_ANSWER;
	const struct pdu_option quiet = { .value = &none, .len = 1, .number = PDU_NO_RESPONSE };
	struct wr w = wr_into(out, GW_TRIGGER_MAX);
	uint16_t last = 0;
	wr_u8(&w, (uint8_t)(1U << 6 | (unsigned)PDU_NON << 4 | sizeof(q->token)));
	wr_u8(&w, PDU_POST);
	wr_bytes(&w, q->mid, sizeof(q->mid));
	wr_bytes(&w, q->token, sizeof(q->token));
	write_path(&w, &last, SERVER);
	write_path(&w, &last, instance);
	write_path(&w, &last, what);
	pdu_write_option(&w, &last, &quiet);
	return wr_ok(&w) ? w.len : 0;
}

bool gw_trigger_send(struct gw_session *s, enum gw_trigger what, uint16_t instance)
{
	struct gw_worker *const w = s->worker;
	uint8_t random[GW_QUESTION_RANDOM], msg[GW_TRIGGER_MAX];
	struct gw_question q;
	if (!s->legs[GW_DEVICE].conn || !gw_session_may_flow(s) ||
		relay_device_gated(s->relay) != RELAY_OPEN ||
		relay_device_rest(s->relay, w->now_ms).asleep)
		return false;
	gw_worker_random(w, random, sizeof(random));
	gw_question_draw(&q, &s->mids, random);
	const size_t len = gw_trigger_write(&q, what, instance, msg);
	return len > 0 && gw_roam_send(s, msg, len);
}
