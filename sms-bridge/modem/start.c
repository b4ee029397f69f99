/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/modem/machine.h"

#include <stdio.h>

#include "base/wipe.h"

enum { CME_PUK = 12, CME_WRONG = 16 }; /* TS 27.007 9.2 */
enum { NO_COMING = 3 };                /* the storage is looked into, no more */

/* Directly, with our acknowledgement; else into the storage, with a line that says so: a modem
   without +CNMA acknowledges by itself what it has not kept. */
void modem_ask_coming(struct modem *m)
{
	static const char *const lines[NO_COMING] = { "AT+CNMI=2,2,0,0,0", "AT+CNMI=2,1,0,0,0",
		"AT+CNMI=1,1,0,0,0" };
	m->coming_due = false;
	if (!m->acks && m->coming_try == 0)
		m->coming_try = 1;
	if (m->coming_try < NO_COMING)
		modem_ask(m, JOB_COMING, lines[m->coming_try]);
	else
		m->next = JOB_NONE;
}

static void enter_pin(struct modem *m)
{
	char line[sizeof("AT+CPIN=\"\"") + MODEM_PIN_SIZE];
	const struct modem_pin_book *const book = &m->settings.pin_book;
	m->pin_refused = true; /* unless it is open then: the third refusal would lock the card */
	if (book->enter && !book->enter(book->ctx)) {
		modem_close(m, 8, "the PIN may have been refused before; the log names the file");
		return;
	}
	(void)snprintf(line, sizeof(line), "AT+CPIN=\"%s\"", m->pin);
	modem_ask(m, JOB_PIN, line);
	wipe(line, sizeof(line));
}

void modem_start_next(struct modem *m)
{
	switch ((int)m->next) {
	case JOB_ECHO:
		modem_ask(m, JOB_ECHO, "ATE0");
		break;
	case JOB_ERRORS:
		modem_ask(m, JOB_ERRORS, "AT+CMEE=1");
		break;
	case JOB_PIN_ASK:
		m->pin_wanted = false;
		m->pin_ready = false;
		modem_ask(m, JOB_PIN_ASK, "AT+CPIN?");
		break;
	case JOB_PIN:
		enter_pin(m);
		break;
	case JOB_FORMAT:
		modem_ask(m, JOB_FORMAT, "AT+CMGF=0");
		break;
	case JOB_STORE:
		modem_ask(m, JOB_STORE, "AT+CPMS=\"SM\",\"SM\",\"SM\"");
		break;
	case JOB_SERVICE:
		modem_ask(m, JOB_SERVICE, "AT+CSMS=1");
		break;
	default:
		modem_ask_coming(m);
		break;
	}
}

static void pin_ended(const struct modem *m, bool good)
{
	const struct modem_pin_book *const book = &m->settings.pin_book;
	if (book->entered)
		book->entered(book->ctx, good);
}

/* The card may take a while to be there: then it is asked again, until register_ms. */
static void asked_pin(struct modem *m, const struct modem_result *r)
{
	if (m->pin_ready) {
		m->pin_refused = false;
		pin_ended(m, true);
		m->next = JOB_FORMAT;
	} else if (m->pin_wanted && m->pin_refused) {
		modem_close(m, 8, "the card has refused our PIN; it is not entered again");
	} else if (m->pin_wanted && m->pin[0] == '\0') {
		modem_close(m, 8, "the card wants a PIN; set pin_file");
	} else if (m->pin_wanted) {
		m->next = JOB_PIN;
	} else if (r->ok || r->code == CME_PUK) {
		modem_close(m, 8, "the card wants something else than its PIN, maybe the PUK");
	} else {
		m->job = JOB_SETTLE;
		m->until_ms = m->now_ms + MODEM_NETWORK_MS;
	}
}

static void entered_pin(struct modem *m, const struct modem_result *r)
{
	if (r->ok) {
		m->next = JOB_PIN_ASK;
		return;
	}
	if (r->code == CME_WRONG)
		pin_ended(m, false);
	modem_close(m, 8,
		r->code == CME_WRONG ? "the card has refused our PIN; it is not entered again"
				     : "the PIN could not be entered; it is not entered again");
}

static void asked_coming(struct modem *m, const struct modem_result *r)
{
	if (r->ok) {
		m->next = JOB_NONE;
		return;
	}
	m->coming_try++;
	m->next = m->coming_try < NO_COMING ? JOB_COMING : JOB_NONE;
}

void modem_started(struct modem *m, enum modem_job job, const struct modem_result *r)
{
	switch ((int)job) {
	case JOB_PIN_ASK:
		asked_pin(m, r);
		break;
	case JOB_PIN:
		entered_pin(m, r);
		break;
	case JOB_FORMAT:
		if (r->ok)
			m->next = JOB_STORE;
		else
			modem_close(m, 8, "the modem has no PDU mode (AT+CMGF=0)");
		break;
	case JOB_SERVICE:
		m->acks = r->ok;
		m->next = JOB_COMING;
		break;
	case JOB_COMING:
		asked_coming(m, r);
		break;
	default: /* of use, and not needed */
		m->next = (enum modem_job)(job + 1);
		break;
	}
}

/* --- the network ------------------------------------------------------------------------------ */

static void found(struct modem *m)
{
	m->lost_ms = MODEM_NEVER_MS;
	m->check_ms = m->now_ms + MODEM_CHECK_MS;
	if (m->state != MODEM_STARTING)
		return;
	m->state = MODEM_READY;
	m->ready_ms = m->now_ms;
	m->list_ms = m->now_ms;
	m->owner.ready(m->owner.ctx, &m->way, true, "");
}

void modem_network(struct modem *m, enum modem_job job)
{
	if (m->registered) {
		found(m);
		return;
	}
	if (job == JOB_NETWORK) {
		modem_ask(m, JOB_NETWORK_LTE, "AT+CEREG?");
		return;
	}
	m->check_ms = m->now_ms + MODEM_NETWORK_MS;
	if (m->lost_ms == MODEM_NEVER_MS)
		m->lost_ms = m->now_ms;
	if (m->state == MODEM_READY)
		modem_out_of_use(m, MODEM_STARTING, "the modem has lost its network");
}
