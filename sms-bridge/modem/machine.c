/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/modem/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/wipe.h"

/* --- what goes out ---------------------------------------------------------------------------- */

void modem_put(struct modem *m, const char *text)
{
	const size_t len = strlen(text);
	if (m->out_at > 0) {
		memmove(m->out, m->out + m->out_at, m->out_len - m->out_at);
		m->out_len -= m->out_at;
		wipe(m->out + m->out_len, m->out_at);
		m->out_at = 0;
	}
	/* A modem that reads nothing misses a command, whose time-out closes the stream. */
	if (len > MODEM_OUT_ROOM - m->out_len)
		return;
	memcpy(m->out + m->out_len, text, len);
	m->out_len += len;
}

static size_t output(struct way *w, const uint8_t **data)
{
	const struct modem *const m = modem_of(w);
	*data = m->out + m->out_at;
	return m->out_len - m->out_at;
}

static void consumed(struct way *w, size_t len)
{
	struct modem *const m = modem_of(w);
	const size_t there = m->out_len - m->out_at;
	const size_t gone = len < there ? len : there;
	wipe(m->out + m->out_at, gone); /* the PIN was in some of it */
	m->out_at += gone;
	if (m->out_at < m->out_len)
		return;
	m->out_at = 0;
	m->out_len = 0;
}

/* --- life ------------------------------------------------------------------------------------- */

void modem_out_of_use(struct modem *m, enum modem_state next, const char *why)
{
	const bool was = m->state == MODEM_READY;
	m->state = next;
	if (was)
		m->owner.ready(m->owner.ctx, &m->way, false, why);
}

static void drop_stream(struct modem *m)
{
	wipe(m->out, sizeof(m->out));
	m->out_at = 0;
	m->out_len = 0;
	memset(&m->lines, 0, sizeof(m->lines));
	memset(m->waiting, 0, sizeof(m->waiting));
	m->job = JOB_NONE;
	m->came_header = false;
	m->list_header = false;
}

static uint32_t random_below(struct modem *m, uint32_t below)
{
	uint32_t x = m->random;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	m->random = x;
	return x % below;
}

/* Between one and one and a half of what the failures have made of it, within the bounds. */
static uint32_t pause_of(struct modem *m)
{
	const uint64_t min = m->settings.again_min_ms, max = m->settings.again_max_ms;
	const uint32_t doublings = m->failures > 0 ? m->failures - 1 : 0;
	uint64_t base = min << (doublings < 31 ? doublings : 31);
	if (base > max)
		base = max;
	const uint64_t pause = base + random_below(m, (uint32_t)(base / 2) + 1);
	return (uint32_t)(pause < max ? pause : max);
}

void modem_close(struct modem *m, uint32_t steps, const char *why)
{
	const bool unsure = m->sending && m->given;
	if (why != m->why)
		(void)snprintf(m->why, sizeof(m->why), "%s", why);
	if (m->ready_ms != MODEM_NEVER_MS && m->now_ms - m->ready_ms >= MODEM_STEADY_MS)
		m->failures = 0;
	m->ready_ms = MODEM_NEVER_MS;
	if (m->failures < 32)
		m->failures += steps;
	m->again_ms = m->now_ms + pause_of(m);
	drop_stream(m);
	m->telling = true;
	modem_out_of_use(m, MODEM_SHUT, m->why);
	modem_settle(m, m->never ? WAY_REFUSED : unsure ? WAY_UNSURE : WAY_AGAIN, 0);
	m->owner.close(m->owner.ctx, &m->way, m->again_ms, m->why);
	m->telling = false;
}

void modem_tell_close(struct modem *m)
{
	m->telling = true;
	m->owner.close(m->owner.ctx, &m->way, m->again_ms, m->why);
	m->telling = false;
}

static void up(struct way *w, uint64_t now_ms)
{
	struct modem *const m = modem_of(w);
	if (m->state != MODEM_SHUT || m->telling)
		return;
	drop_stream(m);
	m->now_ms = now_ms;
	m->stream++;
	m->state = MODEM_STARTING;
	m->tries = 0;
	m->no_prompt = 0;
	m->next = JOB_ECHO;
	m->acks = true;
	m->coming_try = 0;
	m->coming_due = false;
	m->lost_ms = now_ms;
	m->check_ms = now_ms;
	m->list_ms = now_ms;
	m->list_more = false;
	m->pause_ms = now_ms;
	m->pause_len = 0;
	m->wanted = false;
	modem_sync(m);
}

static void down(struct way *w, uint64_t now_ms)
{
	struct modem *const m = modem_of(w);
	if (m->telling)
		return;
	if (m->state == MODEM_SHUT && now_ms < m->again_ms) {
		/* Of what we have closed, or opened a little early. */
		modem_tell_close(m);
		return;
	}
	m->now_ms = now_ms;
	if (m->state == MODEM_SHUT)
		modem_close(m, 1, "the modem cannot be opened");
	else if (m->state == MODEM_LEAVING)
		modem_close(m, 0, "we have left");
	else
		modem_close(m, 1, "the modem has gone");
}

static void free_machine(struct way *w)
{
	struct modem *const m = modem_of(w);
	wipe(m->out, sizeof(m->out));
	secret_free(m->pin, MODEM_PIN_SIZE);
	free(m);
}

struct modem_settings modem_settings_default(void)
{
	return (struct modem_settings){
		.command_ms = 5000,
		.send_ms = 60000,
		.register_ms = 120000,
		.again_min_ms = 1000,
		.again_max_ms = 300000,
		.seed = 1,
	};
}

struct way *modem_new(const struct modem_settings *s, const struct way_owner *o)
{
	static const struct way_ops ops = {
		.free = free_machine,
		.up = up,
		.down = down,
		.input = modem_input,
		.output = output,
		.consumed = consumed,
		.send = modem_send,
		.answer = modem_answer,
		.tick = modem_tick,
		.next_ms = modem_next_ms,
		.leave = modem_leave,
	};
	struct modem *const m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->pin = secret_new(MODEM_PIN_SIZE);
	if (!m->pin) {
		free(m);
		return NULL;
	}
	memcpy(m->pin, s->pin, MODEM_PIN_SIZE - 1);
	m->way.ops = &ops;
	m->settings = *s;
	wipe(m->settings.pin, sizeof(m->settings.pin));
	if (m->settings.again_min_ms == 0)
		m->settings.again_min_ms = 1;
	if (m->settings.again_max_ms < m->settings.again_min_ms)
		m->settings.again_max_ms = m->settings.again_min_ms;
	m->owner = *o;
	m->ready_ms = MODEM_NEVER_MS;
	m->random = s->seed != 0 ? s->seed : 1;
	return &m->way;
}
