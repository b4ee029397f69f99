/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/answer.h"
#include "ctl/sms_keys.h"

static enum ctl_status keys(const struct ctl_ask *a)
{
	struct ctl_said said = { "" };
	struct ctl_sms_keys k = { 0 };
	const enum ctl_status s = a->source->sms_keys(a->source->ctx, a->q->arg, &k, &said);
	if (s != CTL_DONE)
		return ctl_say(a, s, said.text);
	ctl_show_sms_keys(a->out, a->q->form, &k);
	return CTL_DONE;
}

static enum ctl_status refresh(const struct ctl_ask *a)
{
	struct ctl_said said = { "" };
	const enum ctl_status s = a->source->sms_refresh(a->source->ctx, a->q->arg, &said);
	return ctl_say(a, s, said.text);
}

enum ctl_status ctl_answer_sms(const struct ctl_ask *a)
{
	if (!a->source->sms_keys || !a->source->sms_refresh)
		return ctl_say(a, CTL_FAILED, "this gateway keeps no keys of short messages");
	return a->q->verb == CTL_SMS_KEYS ? keys(a) : refresh(a);
}
