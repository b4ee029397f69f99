/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smpp/session.h"

#include <ctype.h>

#include "base/bucket.h"
#include "sms-bridge/smpp/status.h"

enum {
	SECOND_US = 1000000,
	MS_US = 1000,
	RATE_SLACK_US = SECOND_US / 10, /* what may go at once */
};

/* --- what holds submissions back -------------------------------------------------------------- */

/* After a pause one at a time, until the SMSC takes one: the rest would be refused, too. */
static uint32_t window_now(const struct smpp *s)
{
	return s->pause_len > 0 ? 1 : s->settings.window;
}

static bool rate_lets(struct smpp *s)
{
	if (s->settings.per_second == 0)
		return true;
	return bucket_take(
		&s->rate_us, s->now_ms * MS_US, SECOND_US / s->settings.per_second, RATE_SLACK_US);
}

/* A whole window is refused at once: that is one reason to pause, not one each. */
static void pause_more(struct smpp *s)
{
	if (s->now_ms < s->pause_ms)
		return;
	const uint32_t twice = s->pause_len * 2;
	s->pause_len = twice < SMPP_PAUSE_MIN_MS   ? SMPP_PAUSE_MIN_MS
		       : twice > SMPP_PAUSE_MAX_MS ? SMPP_PAUSE_MAX_MS
						   : twice;
	s->pause_ms = s->now_ms + s->pause_len + smpp_random(s, s->pause_len / 4 + 1);
}

/* --- the window ------------------------------------------------------------------------------- */

static struct smpp_submission *place_of(struct smpp *s, uint32_t sequence)
{
	for (uint32_t i = 0; i < s->settings.window; i++)
		if (s->window[i].sequence == sequence)
			return &s->window[i];
	return NULL;
}

static void settle_one(struct smpp *s, struct smpp_submission *place, const struct way_sent *what)
{
	struct way_sent sent = *what;
	sent.tag = place->tag;
	*place = (struct smpp_submission){ 0 };
	s->under_way--;
	s->owner.sent(s->owner.ctx, &s->way, &sent);
}

static void settle_unanswered(struct smpp *s, struct smpp_submission *place)
{
	const struct way_sent what = { .fate = place->never ? WAY_REFUSED : WAY_UNSURE,
		.smsc_id = "" };
	settle_one(s, place, &what);
}

void smpp_settle(struct smpp *s)
{
	for (uint32_t i = 0; i < s->settings.window; i++)
		if (s->window[i].sequence != 0)
			settle_unanswered(s, &s->window[i]);
}

static bool may_submit(struct smpp *s)
{
	return s->state == SMPP_BOUND && s->now_ms >= s->pause_ms && s->under_way < window_now(s) &&
	       s->out_len - s->out_at < SMPP_OUT_ROOM - SMPP_OUT_KEPT && rate_lets(s);
}

bool smpp_send(struct way *w, const struct way_segment *segment, uint64_t now_ms)
{
	struct smpp *const s = smpp_of(w);
	struct smpp_pdu p = { .id = SMPP_SUBMIT_SM };
	char validity[SMPP_TIME_SIZE];
	s->now_ms = now_ms;
	if (!may_submit(s)) {
		s->wanted = true;
		return false;
	}
	struct smpp_submission *const place = place_of(s, 0);
	const bool good =
		smpp_message_write(segment, &s->settings, validity, &p.sm) && smpp_ask(s, &p);
	if (!place || s->state != SMPP_BOUND)
		return false;
	*place = (struct smpp_submission){
		.sequence = good ? p.sequence : smpp_number(s),
		.tag = segment->tag,
		.until_ms = good ? now_ms + s->settings.answer_ms : now_ms,
		.never = !good,
	};
	s->under_way++;
	return true;
}

/* A name goes into messages and logs: nothing but what can be printed. */
static void copy_name(char out[SMPP_MESSAGE_ID_MAX + 1], const char *name)
{
	size_t len = 0;
	while (len < SMPP_MESSAGE_ID_MAX && name[len] != 0) {
		out[len] = (char)(isprint((unsigned char)name[len]) ? name[len] : '?');
		len++;
	}
	out[len] = 0;
}

bool smpp_answered(struct smpp *s, uint32_t sequence, uint32_t status, const char *name)
{
	struct smpp_submission *const place = sequence != 0 ? place_of(s, sequence) : NULL;
	char id[SMPP_MESSAGE_ID_MAX + 1];
	if (!place || place->never)
		return false;
	s->silent = 0;
	if (smpp_status_pauses(status))
		pause_more(s);
	else if (status == SMPP_OK && s->now_ms >= s->pause_ms)
		s->pause_len = 0;
	copy_name(id, name);
	const struct way_sent what = {
		.fate = smpp_status_fate(status), .code = status, .smsc_id = id
	};
	settle_one(s, place, &what);
	return true;
}

/* --- the clock -------------------------------------------------------------------------------- */

void smpp_submit_tick(struct smpp *s)
{
	const uint32_t stream = s->stream;
	if (s->now_ms >= s->pause_ms)
		s->wanted = false;
	for (uint32_t i = 0; i < s->settings.window; i++) {
		struct smpp_submission *const place = &s->window[i];
		if (place->sequence == 0 || s->now_ms < place->until_ms)
			continue;
		s->silent += !place->never;
		settle_unanswered(s, place);
		if (s->stream != stream || s->state == SMPP_SHUT)
			return;
	}
	if (s->silent >= SMPP_SILENT_MAX)
		smpp_close(s, 1, "the SMSC does not answer what is submitted");
}

uint64_t smpp_submit_next_ms(const struct smpp *s)
{
	uint64_t next = SMPP_NEVER_MS;
	for (uint32_t i = 0; i < s->settings.window; i++)
		if (s->window[i].sequence != 0 && s->window[i].until_ms < next)
			next = s->window[i].until_ms;
	if (!s->wanted || s->state != SMPP_BOUND)
		return next;
	const uint64_t slack = RATE_SLACK_US;
	const uint64_t rate_ms = s->rate_us > slack ? (s->rate_us - slack + MS_US - 1) / MS_US : 0;
	const uint64_t lets_ms = rate_ms > s->pause_ms ? rate_ms : s->pause_ms;
	/* A full window ends with an answer, not with time. */
	return lets_ms > s->now_ms && lets_ms < next ? lets_ms : next;
}
