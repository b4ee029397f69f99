/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/modem/machine.h"

#include <string.h>

#include "base/attr.h"

/* --- taking a segment ------------------------------------------------------------------------- */

static uint8_t semi_octet(char c)
{
	const char *const all = "0123456789*#abc";
	const char *const at = strchr(all, c);
	return (uint8_t)(at && c != '\0' ? at - all : 0xf);
}

/* The SMSC before the TPDU; one octet 0: as the card has it. */
static size_t write_smsc(const struct wire_number *n, uint8_t out[MODEM_SMSC_MAX])
{
	const size_t octets = ((size_t)n->len + 1) / 2;
	out[0] = 0;
	if (n->len == 0 || octets + 2 > MODEM_SMSC_MAX)
		return 1;
	out[0] = (uint8_t)(octets + 1);
	out[1] = n->type != 0 ? n->type : 0x91;
	for (size_t i = 0; i < octets; i++) {
		const uint8_t low = semi_octet(n->digits[2 * i]);
		const bool odd = 2 * i + 1 == n->len;
		const uint8_t high = odd ? 0xf : semi_octet(n->digits[2 * i + 1]);
		out[2 + i] = (uint8_t)(high << 4 | low);
	}
	return octets + 2;
}

static bool write_segment(struct modem *m, const struct way_segment *s)
{
	uint8_t octets[MODEM_SMSC_MAX + TPDU_MAX], tpdu[TPDU_MAX];
	const struct tpdu t = { .kind = TPDU_SUBMIT,
		.number = s->peer,
		.pid = s->pid,
		.dcs = s->dcs,
		.header = s->header,
		.validity = s->valid_s > 0 ? tpdu_validity(s->valid_s) : 0,
		.data = s->data,
		.len = s->len };
	const size_t len = s->len <= TPDU_DATA_MAX ? tpdu_write(&t, tpdu) : 0;
	const size_t smsc = write_smsc(&m->settings.smsc, octets);
	if (len == 0)
		return false;
	memcpy(octets + smsc, tpdu, len);
	at_hex_write(octets, smsc + len, m->send_hex);
	m->send_len = (uint32_t)len;
	return true;
}

bool modem_send(struct way *w, const struct way_segment *s, uint64_t now_ms)
{
	struct modem *const m = modem_of(w);
	m->now_ms = now_ms;
	m->wanted = m->state == MODEM_READY && !m->sending && now_ms < m->pause_ms;
	if (m->state != MODEM_READY || m->sending || now_ms < m->pause_ms)
		return false;
	m->sending = true;
	m->given = false;
	m->send_tag = s->tag;
	m->never = !write_segment(m, s);
	modem_pump(m);
	return true;
}

/* --- what becomes of it ----------------------------------------------------------------------- */

void modem_settle(struct modem *m, enum way_fate fate, uint32_t code)
{
	char id[16] = "";
	if (!m->sending)
		return;
	m->sending = false;
	m->never = false;
	m->given = false;
	if (fate == WAY_SENT && m->referred) {
		const uint32_t r = m->reference % 1000;
		id[0] = (char)('0' + r / 100);
		id[1] = (char)('0' + r / 10 % 10);
		id[2] = (char)('0' + r % 10);
	}
	const struct way_sent s = { .tag = m->send_tag, .fate = fate, .code = code, .smsc_id = id };
	m->owner.sent(m->owner.ctx, &m->way, &s);
}

void modem_prompted(struct modem *m)
{
	m->given = true;
	m->no_prompt = 0;
	m->until_ms = m->now_ms + m->settings.send_ms;
	modem_put(m, m->send_hex);
	modem_put(m, "\x1a");
}

static void pause_sending(struct modem *m)
{
	m->pause_len = m->pause_len == 0 ? MODEM_PAUSE_MIN_MS : m->pause_len * 2;
	if (m->pause_len > MODEM_PAUSE_MAX_MS)
		m->pause_len = MODEM_PAUSE_MAX_MS;
	m->pause_ms = m->now_ms + m->pause_len;
}

void modem_no_prompt(struct modem *m)
{
	if (++m->no_prompt >= MODEM_NO_PROMPT_MAX) {
		modem_close(m, 1, "the modem does not ask for a message that is to be sent");
		return;
	}
	m->tries = 0;
	pause_sending(m);
	modem_sync(m);
	modem_settle(m, WAY_AGAIN, 0);
}

/* Errors that stay what they are however often it is sent: TS 24.011 E.2 (of the recipient, the
   subscription, the message), TS 23.040 9.2.3.22, TS 27.005 3.2.5. */
static bool is_final(uint32_t code)
{
	static const uint16_t final[] = { 1, 8, 10, 21, 28, 29, 30, 50, 69, 81, 95, 96, 97, 98, 99,
		111, 127, 128, 129, 130, 144, 145, 159, 160, 176, 177, 193, 195, 197, 198, 199, 303,
		304, 305 };
	for (size_t i = 0; i < COUNT_OF(final); i++) {
		if (final[i] == code)
			return true;
	}
	return false;
}

void modem_sent(struct modem *m, const struct modem_result *r)
{
	if (r->ok && m->given) {
		m->pause_len = 0;
		modem_settle(m, WAY_SENT, 0);
		return;
	}
	if (!r->ok && is_final(r->code)) {
		modem_settle(m, WAY_REFUSED, r->code);
		return;
	}
	pause_sending(m);
	modem_settle(m, WAY_AGAIN, r->code);
}
