/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smpp/session.h"

static void say_goodbye(struct smpp *s)
{
	struct smpp_pdu p = { .id = SMPP_UNBIND };
	s->state = SMPP_UNBINDING;
	(void)smpp_ask(s, &p);
}

void smpp_leave(struct way *w, uint64_t now_ms)
{
	struct smpp *const s = smpp_of(w);
	s->now_ms = now_ms;
	if (s->telling)
		return;
	if (s->state == SMPP_SHUT || s->state == SMPP_BINDING) {
		smpp_close(s, 0, "we have left");
		return;
	}
	if (s->state != SMPP_BOUND)
		return;
	const uint32_t wait = s->settings.answer_ms;
	s->until_ms = now_ms + (wait < SMPP_LEAVE_MS ? wait : SMPP_LEAVE_MS);
	smpp_out_of_use(s, SMPP_LEAVING, "we are leaving");
	if (s->state == SMPP_LEAVING && s->under_way == 0)
		say_goodbye(s);
}

static uint64_t enquire_next_ms(const struct smpp *s)
{
	if (s->asked_ms != SMPP_NEVER_MS)
		return s->asked_ms;
	return s->settings.enquire_ms > 0 ? s->heard_ms + s->settings.enquire_ms : SMPP_NEVER_MS;
}

/* The link is asked after a silence; anything that is whole is an answer. */
static void enquire(struct smpp *s)
{
	if (s->now_ms >= s->asked_ms) {
		smpp_close(s, 1, "the SMSC is silent (no answer to enquire_link)");
		return;
	}
	if (s->now_ms < enquire_next_ms(s))
		return;
	struct smpp_pdu p = { .id = SMPP_ENQUIRE_LINK };
	s->asked_ms = s->now_ms + s->settings.answer_ms;
	(void)smpp_ask(s, &p);
}

void smpp_tick(struct way *w, uint64_t now_ms)
{
	struct smpp *const s = smpp_of(w);
	s->now_ms = now_ms;
	if (s->state != SMPP_SHUT)
		smpp_submit_tick(s);
	switch (s->state) {
	case SMPP_SHUT:
		break;
	case SMPP_BINDING:
		if (now_ms >= s->until_ms)
			smpp_close(s, 1, "the SMSC does not answer our log-in");
		break;
	case SMPP_BOUND:
		enquire(s);
		break;
	case SMPP_LEAVING:
		if (s->under_way == 0)
			say_goodbye(s);
		else if (now_ms >= s->until_ms)
			smpp_close(s, 0, "we have left; what was under way has no answer");
		break;
	case SMPP_UNBINDING:
		if (now_ms >= s->until_ms)
			smpp_close(s, 0, "we have left without an answer");
		break;
	case SMPP_PARTING:
		if (s->out_len == 0 || now_ms >= s->until_ms)
			smpp_close(s, 1, "the SMSC has said goodbye (unbind)");
		break;
	}
}

uint64_t smpp_next_ms(const struct way *w)
{
	const struct smpp *const s = (const struct smpp *)(const void *)w;
	if (s->state == SMPP_SHUT)
		return SMPP_NEVER_MS;
	if (s->state == SMPP_LEAVING && s->under_way == 0)
		return s->now_ms;
	if (s->state == SMPP_PARTING && s->out_len == 0)
		return s->now_ms;
	const uint64_t own = s->state == SMPP_BOUND ? enquire_next_ms(s) : s->until_ms;
	const uint64_t submit = smpp_submit_next_ms(s);
	return own < submit ? own : submit;
}
