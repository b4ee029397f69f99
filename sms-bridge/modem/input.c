/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/modem/machine.h"

#include <string.h>

/* --- the end of an answer --------------------------------------------------------------------- */

static bool is_result(const char *text, struct modem_result *r)
{
	const char *rest;
	*r = (struct modem_result){ .ok = strcmp(text, "OK") == 0 };
	if (r->ok || strcmp(text, "ERROR") == 0)
		return true;
	if (!at_is(text, "+CMS ERROR:", &rest) && !at_is(text, "+CME ERROR:", &rest))
		return false;
	if (!at_number(rest, 0, &r->code))
		r->code = 0;
	return true;
}

static void pass_by(struct modem *m)
{
	m->job = JOB_SETTLE;
	m->until_ms = m->now_ms + MODEM_SETTLE_MS;
}

static void ended(struct modem *m, const struct modem_result *r)
{
	const enum modem_job job = m->job;
	if (job == JOB_NONE || job == JOB_SETTLE)
		return; /* of something before us */
	if (job == JOB_SYNC) {
		pass_by(m);
		return;
	}
	m->job = JOB_NONE;
	switch ((int)job) {
	case JOB_NETWORK:
	case JOB_NETWORK_LTE:
		modem_network(m, job);
		break;
	case JOB_LIST:
	case JOB_TAKE:
	case JOB_DELETE:
		modem_served(m, job, r);
		break;
	case JOB_SEND:
		modem_sent(m, r);
		break;
	case JOB_BYE:
		modem_close(m, 0, "we have left");
		break;
	default:
		modem_started(m, job, r);
		break;
	}
}

/* --- lines ------------------------------------------------------------------------------------ */

/* "<n>,<stat>,..." as an answer, "<stat>,..." by itself: the second may have an area in quotes. */
static void registration(struct modem *m, const char *fields)
{
	uint32_t first, state;
	if (m->job != JOB_NETWORK && m->job != JOB_NETWORK_LTE)
		return;
	if (!at_number(fields, 0, &first))
		return;
	if (!at_number(fields, 1, &state))
		return;
	/* 1 at home, 5 roaming; 6, 7: the same, for short messages only. TS 27.007 7.2 */
	if (state == 1 || (state >= 5 && state <= 7))
		m->registered = true;
}

static void pin_state(struct modem *m, const char *state)
{
	m->pin_ready = strcmp(state, "READY") == 0;
	m->pin_wanted = strcmp(state, "SIM PIN") == 0;
}

/* Of a list: index, status, name, length. */
static void list_line(struct modem *m, const char *fields)
{
	uint32_t status;
	m->list_header = at_number(fields, 0, &m->list_index) && at_number(fields, 1, &status) &&
			 at_last_number(fields, &m->list_len);
	m->list_ours = m->list_header && status <= 1; /* received, unread or read */
}

static bool answer_line(struct modem *m, const char *text)
{
	const char *rest;
	if (at_is(text, "+CREG:", &rest) || at_is(text, "+CEREG:", &rest))
		registration(m, rest);
	else if (at_is(text, "+CPIN:", &rest) && m->job == JOB_PIN_ASK)
		pin_state(m, rest);
	else if (at_is(text, "+CMGL:", &rest) && m->job == JOB_LIST)
		list_line(m, rest);
	else if (at_is(text, "+CMGS:", &rest) && m->job == JOB_SEND && m->given)
		m->referred = at_number(rest, 0, &m->reference);
	else
		return false;
	return true;
}

/* The line behind +CMT is its message, whatever else is under way; that behind +CMGL follows. */
static bool octets_line(struct modem *m, const char *text)
{
	const size_t len = strlen(text);
	if (len < 2 || strspn(text, "0123456789ABCDEFabcdef") != len)
		return false;
	if (m->came_header) {
		m->came_header = false;
		modem_came(m, text, false);
	} else if (m->list_header) {
		m->list_header = false;
		if (m->list_ours)
			modem_came(m, text, true);
	}
	return true;
}

static void line(struct modem *m, const char *text)
{
	struct modem_result r;
	const char *rest;
	if (at_is(text, "+CMT:", &rest) || at_is(text, "+CDS:", &rest)) {
		m->came_header = at_last_number(rest, &m->came_len);
	} else if (at_is(text, "+CMTI:", &rest)) {
		m->list_ms = m->now_ms;
	} else if (is_result(text, &r)) {
		ended(m, &r);
	} else if (!octets_line(m, text)) {
		(void)answer_line(m, text); /* and what is left is of no use to us */
	}
}

static void too_long(struct modem *m)
{
	if (m->came_header)
		m->came_header = false;
	else
		m->list_header = false;
}

void modem_input(struct way *w, const uint8_t *data, size_t len, uint64_t now_ms)
{
	struct modem *const m = modem_of(w);
	const uint32_t stream = m->stream;
	struct rd r = rd_from(data, len);
	m->now_ms = now_ms;
	while (m->state != MODEM_SHUT && m->stream == stream) {
		const bool prompt = m->job == JOB_SEND && !m->given;
		switch (at_lines_next(&m->lines, &r, prompt)) {
		case AT_MORE:
			modem_pump(m);
			return;
		case AT_LINE:
			line(m, m->lines.text);
			break;
		case AT_TOO_LONG:
			too_long(m);
			break;
		case AT_PROMPT:
			modem_prompted(m);
			break;
		}
	}
}
