/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smpp/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/wipe.h"

/* xorshift32: the pauses of many bridges are to differ, no more. */
uint32_t smpp_random(struct smpp *s, uint32_t below)
{
	uint32_t x = s->random;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	s->random = x;
	return below > 0 ? x % below : 0;
}

/* --- what goes out ---------------------------------------------------------------------------- */

bool smpp_put(struct smpp *s, const struct smpp_pdu *p)
{
	if (s->out_at > 0 && SMPP_OUT_ROOM - s->out_len < SMPP_FRAME_MAX) {
		memmove(s->out, s->out + s->out_at, s->out_len - s->out_at);
		s->out_len -= s->out_at;
		s->out_at = 0;
	}
	if (SMPP_OUT_ROOM - s->out_len < SMPP_FRAME_MAX) {
		smpp_close(s, 1, "the SMSC does not read what we send");
		return false;
	}
	const size_t len = smpp_write(p, s->out + s->out_len, SMPP_OUT_ROOM - s->out_len);
	s->out_len += len;
	return len > 0;
}

uint32_t smpp_number(struct smpp *s)
{
	s->sequence = s->sequence < SMPP_SEQUENCE_MAX ? s->sequence + 1 : 1;
	return s->sequence;
}

bool smpp_ask(struct smpp *s, struct smpp_pdu *p)
{
	p->sequence = smpp_number(s);
	return smpp_put(s, p);
}

void smpp_reply(struct smpp *s, const struct smpp_pdu *to, uint32_t id, uint32_t status)
{
	const struct smpp_pdu p = { .id = id, .status = status, .sequence = to->sequence };
	(void)smpp_put(s, &p);
}

static size_t output(struct way *w, const uint8_t **data)
{
	const struct smpp *const s = smpp_of(w);
	*data = s->out + s->out_at;
	return s->out_len - s->out_at;
}

static void consumed(struct way *w, size_t len)
{
	struct smpp *const s = smpp_of(w);
	const size_t there = s->out_len - s->out_at;
	const size_t gone = len < there ? len : there;
	wipe(s->out + s->out_at, gone); /* the password was in the first of them */
	s->out_at += gone;
	if (s->out_at < s->out_len)
		return;
	s->out_at = 0;
	s->out_len = 0;
}

/* --- life ------------------------------------------------------------------------------------- */

void smpp_out_of_use(struct smpp *s, enum smpp_state next, const char *why)
{
	const bool was = s->state == SMPP_BOUND;
	s->state = next;
	if (was)
		s->owner.ready(s->owner.ctx, &s->way, false, why);
}

void smpp_let_in(struct smpp *s)
{
	s->state = SMPP_BOUND;
	s->bound_ms = s->now_ms;
	s->owner.ready(s->owner.ctx, &s->way, true, "");
}

/* Between one and one and a half of what the failures have made of it, within the bounds: those
   who lost the same SMSC at once do not come back at once. */
static uint32_t pause_of(struct smpp *s)
{
	const uint64_t min = s->settings.again_min_ms, max = s->settings.again_max_ms;
	const uint32_t doublings = s->failures > 0 ? s->failures - 1 : 0;
	uint64_t base = min << (doublings < 31 ? doublings : 31);
	if (base > max / 3 * 2)
		base = max / 3 * 2 > min ? max / 3 * 2 : min;
	const uint64_t pause = base + smpp_random(s, (uint32_t)(base / 2) + 1);
	return (uint32_t)(pause < max ? pause : max);
}

static void count_failure(struct smpp *s, uint32_t steps)
{
	if (s->state >= SMPP_BOUND && s->now_ms - s->bound_ms >= SMPP_STEADY_MS)
		s->failures = 0;
	if (steps > 0)
		s->failures = s->failures + 1 < steps ? steps : s->failures + 1;
	if (s->failures > 32)
		s->failures = 32;
}

static void drop_stream(struct smpp *s)
{
	wipe(s->out, s->out_len);
	s->out_at = 0;
	s->out_len = 0;
	s->in_len = 0;
	memset(s->waiting, 0, sizeof(s->waiting));
}

static void tell_close(struct smpp *s)
{
	s->telling = true;
	s->owner.close(s->owner.ctx, &s->way, s->again_ms, s->why);
	s->telling = false;
}

void smpp_close(struct smpp *s, uint32_t steps, const char *why)
{
	if (why != s->why)
		(void)snprintf(s->why, sizeof(s->why), "%s", why);
	count_failure(s, steps);
	s->again_ms = s->now_ms + pause_of(s);
	drop_stream(s);
	smpp_out_of_use(s, SMPP_SHUT, s->why);
	smpp_settle(s);
	tell_close(s);
}

static void up(struct way *w, uint64_t now_ms)
{
	struct smpp *const s = smpp_of(w);
	if (s->state != SMPP_SHUT)
		return;
	drop_stream(s);
	s->now_ms = now_ms;
	s->stream++;
	s->sequence = 0;
	s->silent = 0;
	s->heard_ms = now_ms;
	s->asked_ms = SMPP_NEVER_MS;
	s->until_ms = now_ms + s->settings.answer_ms;
	s->state = SMPP_BINDING;
	struct smpp_pdu p = { .id = SMPP_BIND_TRANSCEIVER,
		.bind = { .system_id = s->settings.system_id,
			.password = s->password,
			.system_type = s->settings.system_type,
			.version = SMPP_VERSION } };
	if (!smpp_ask(s, &p))
		smpp_close(s, SMPP_REFUSED_STEP, "the log-in is longer than SMPP has room for");
}

static void down(struct way *w, uint64_t now_ms)
{
	struct smpp *const s = smpp_of(w);
	if (s->telling)
		return;
	if (s->state == SMPP_SHUT && now_ms < s->again_ms) {
		/* Of what we have closed, or opened a little early: the time stands. */
		tell_close(s);
		return;
	}
	s->now_ms = now_ms;
	if (s->state == SMPP_SHUT)
		smpp_close(s, 1, "the SMSC cannot be reached");
	else if (s->state == SMPP_BINDING)
		smpp_close(s, 1, "the SMSC has closed the connection instead of letting us in");
	else if (s->state == SMPP_UNBINDING)
		smpp_close(s, 0, "we have left");
	else
		smpp_close(s, 1, "the connection to the SMSC has ended");
}

static void free_session(struct way *w)
{
	struct smpp *const s = smpp_of(w);
	wipe(s->out, s->out_len);
	secret_free(s->password, SMPP_PASSWORD_MAX + 1);
	free(s);
}

struct smpp_settings smpp_settings_default(void)
{
	return (struct smpp_settings){
		.window = 10,
		.enquire_ms = 30000,
		.answer_ms = 30000,
		.again_min_ms = 1000,
		.again_max_ms = 300000,
		.seed = 1,
	};
}

struct way *smpp_new(const struct smpp_settings *settings, const struct way_owner *o)
{
	static const struct way_ops ops = {
		.free = free_session,
		.up = up,
		.down = down,
		.input = smpp_input,
		.output = output,
		.consumed = consumed,
		.send = smpp_send,
		.answer = smpp_answer,
		.tick = smpp_tick,
		.next_ms = smpp_next_ms,
		.leave = smpp_leave,
	};
	struct smpp *const s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->password = secret_new(SMPP_PASSWORD_MAX + 1);
	if (!s->password) {
		free(s);
		return NULL;
	}
	memcpy(s->password, settings->password, SMPP_PASSWORD_MAX);
	s->way.ops = &ops;
	s->settings = *settings;
	wipe(s->settings.password, sizeof(s->settings.password));
	if (s->settings.window == 0)
		s->settings.window = 1;
	if (s->settings.again_min_ms == 0)
		s->settings.again_min_ms = 1;
	if (s->settings.again_max_ms < s->settings.again_min_ms)
		s->settings.again_max_ms = s->settings.again_min_ms;
	s->owner = *o;
	s->random = settings->seed != 0 ? settings->seed : 1;
	return &s->way;
}
