/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/repository.h"

#include "conf/config.h"
#include "gateway/session.h"
#include "gateway/worker.h"

/* The numbers of its records may have run out, while more are being written down (S2): then it
   goes when they are, for which the session is woken up (gateway/keep_done). */
static void say(struct gw_session *s, const uint8_t *msg, size_t len)
{
	if (len > 0 && s->device.ops->send(&s->device, msg, len))
		return;
	if (len > 0 && s->ops > 0 && gw_hold_put(&s->hold, GW_TO_DEVICE, msg, len))
		return;
	log_limited(&s->worker->log, gw_session_lines(s), s->worker->now_ms, LOG_LEVEL_DEBUG,
		"image", "endpoint=%s an answer is not sent", s->endpoint);
}

/* Who has no DTLS cannot be answered with a thousand octets before it is known where he is, and may
   be anybody. */
static bool may_fetch(const struct gw_session *s)
{
	return s->repository && !s->air && s->purpose != CONF_FOR_BOOTSTRAP;
}

bool gw_session_image(struct gw_session *s, const uint8_t *msg, size_t len)
{
	struct gw_worker *const w = s->worker;
	struct image_request request;
	struct pdu m;
	uint8_t code, out[IMAGE_MESSAGE_MAX];
	const char *why;
	if (!w->shared->repository || relay_device_gated(s->relay) != RELAY_OPEN ||
		pdu_parse(msg, len, &m) != PDU_OK)
		return false;
	const enum image_verdict is =
		image_read(&m, w->shared->conf->repository.prefix, &request, &code, &why);
	if (is == IMAGE_NOT_OURS)
		return false;
	relay_device_heard(s->relay, &m, w->now_ms);
	if (!may_fetch(s)) {
		code = PDU_FORBIDDEN;
		why = "not a credential for the repository";
	}
	if (is == IMAGE_REFUSED || !may_fetch(s)) {
		log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_INFO,
			"image-refused", "endpoint=%s code=%u.%02u why=\"%s\"", s->endpoint,
			code >> 5, code & 31U, why);
		say(s, out, image_refuse(&request, code, why, 0, out));
		return true;
	}
	const struct gw_image_asker who = {
		.worker = w->number,
		.cred = s->cred,
		.tenure = s->tenure,
		.room = s->device.ops->room(&s->device),
	};
	const size_t answer = gw_repository_ask(w->shared->repository, &who, &request, out);
	if (answer > 0)
		say(s, out, answer);
	return true;
}

/* It may have ended, or been judged, since it asked. */
void gw_image_received(struct gw_worker *w, const struct gw_image_answer *a)
{
	struct gw_session *const s = gw_session_of(w, a->cred);
	if (!s || s->tenure != a->tenure || a->len > sizeof(a->msg) || !gw_session_is_open(s) ||
		relay_device_gated(s->relay) != RELAY_OPEN || !may_fetch(s))
		return;
	say(s, a->msg, a->len);
}
