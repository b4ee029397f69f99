/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/modem/machine.h"

#define ESC "\x1b"

static void begin(struct modem *m, enum modem_job job, uint32_t ms)
{
	m->job = job;
	m->until_ms = m->now_ms + ms;
}

void modem_ask(struct modem *m, enum modem_job job, const char *line)
{
	modem_put(m, line);
	modem_put(m, "\r");
	begin(m, job, m->settings.command_ms);
}

void modem_sync(struct modem *m)
{
	m->tries++;
	modem_put(m, ESC);
	modem_ask(m, JOB_SYNC, "AT");
}

void modem_pump(struct modem *m)
{
	if (m->job != JOB_NONE || m->state == MODEM_SHUT)
		return;
	if (m->state == MODEM_LEAVING) {
		/* What comes from now on is to be kept by the modem, not refused by it. */
		modem_ask(m, JOB_BYE, "AT+CNMI=2,1,0,0,0");
		return;
	}
	if (m->next != JOB_NONE) {
		modem_start_next(m);
		return;
	}
	if (modem_serve(m))
		return;
	if (m->state == MODEM_READY && m->sending && !m->never && m->now_ms >= m->pause_ms) {
		m->given = false;
		m->referred = false;
		char line[24] = "AT+CMGS=";
		char *at = line + 8;
		if (m->send_len >= 100)
			*at++ = (char)('0' + m->send_len / 100);
		if (m->send_len >= 10)
			*at++ = (char)('0' + m->send_len / 10 % 10);
		*at++ = (char)('0' + m->send_len % 10);
		*at = '\0';
		modem_ask(m, JOB_SEND, line);
		return;
	}
	if (m->now_ms >= m->check_ms) {
		m->registered = false;
		modem_ask(m, JOB_NETWORK, "AT+CREG?");
	}
}

/* --- the clock -------------------------------------------------------------------------------- */

/* An answer is overdue. */
static void overdue(struct modem *m)
{
	switch ((int)m->job) {
	case JOB_SYNC:
		if (m->tries < MODEM_SYNC_TRIES)
			modem_sync(m);
		else
			modem_close(m, 1, "the modem does not answer AT; is it the right port?");
		break;
	case JOB_SETTLE:
		m->job = JOB_NONE;
		break;
	case JOB_SEND:
		if (m->given)
			modem_close(m, 1, "the modem does not tell what became of a message");
		else
			modem_no_prompt(m);
		break;
	case JOB_BYE:
		modem_close(m, 0, "we have left");
		break;
	default:
		modem_close(m, 1, "the modem does not answer");
		break;
	}
}

void modem_tick(struct way *w, uint64_t now_ms)
{
	struct modem *const m = modem_of(w);
	m->now_ms = now_ms;
	if (m->state == MODEM_SHUT)
		return;
	if (m->never)
		modem_settle(m, WAY_REFUSED, 0);
	if (m->state == MODEM_LEAVING && now_ms >= m->leave_ms) {
		modem_close(m, 0, "we have left");
		return;
	}
	if (m->job != JOB_NONE && now_ms >= m->until_ms)
		overdue(m);
	if (m->state == MODEM_SHUT)
		return;
	if (m->lost_ms != MODEM_NEVER_MS && now_ms - m->lost_ms >= m->settings.register_ms) {
		modem_close(m, 1, "the modem finds no network; look at its antenna and card");
		return;
	}
	if (now_ms >= m->pause_ms)
		m->wanted = false;
	modem_pump(m);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t modem_next_ms(const struct way *w)
{
	const struct modem *const m = (const struct modem *)(const void *)w;
	uint64_t next = MODEM_NEVER_MS;
	if (m->state == MODEM_SHUT)
		return MODEM_NEVER_MS;
	if (m->never)
		return m->now_ms;
	if (m->state == MODEM_LEAVING)
		next = m->leave_ms;
	if (m->lost_ms != MODEM_NEVER_MS)
		next = earlier(next, m->lost_ms + m->settings.register_ms);
	if (m->wanted)
		next = earlier(next, m->pause_ms);
	if (m->job != JOB_NONE)
		return earlier(next, m->until_ms);
	if (m->state == MODEM_READY)
		next = earlier(next, m->list_ms);
	if (m->state == MODEM_READY && m->sending)
		next = earlier(next, m->pause_ms);
	return earlier(next, m->check_ms);
}

void modem_leave(struct way *w, uint64_t now_ms)
{
	struct modem *const m = modem_of(w);
	if (m->telling)
		return;
	if (m->state == MODEM_SHUT && now_ms < m->again_ms) {
		modem_tell_close(m);
		return;
	}
	m->now_ms = now_ms;
	if (m->state == MODEM_SHUT || m->state == MODEM_STARTING) {
		modem_close(m, 0, "we have left");
		return;
	}
	if (m->state != MODEM_READY)
		return;
	m->leave_ms = now_ms + MODEM_LEAVE_MS;
	const uint32_t stream = m->stream;
	modem_out_of_use(m, MODEM_LEAVING, "we are leaving");
	if (m->stream == stream)
		modem_pump(m);
}
