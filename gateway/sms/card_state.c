/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's row has of a delivery. */
#include "sms/card.h"

#include <string.h>

#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"

enum { LAYOUT = 1 };

size_t card_save(const struct card_state *s, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, LAYOUT);
	wr_u8(&w, s->phase);
	wr_u8(&w, s->cause);
	wr_u8(&w, s->status);
	wr_u8(&w, s->head);
	wr_u8(&w, s->tries);
	wr_u8(&w, s->proved);
	wr_u16(&w, s->sw);
	wr_u16(&w, s->packets);
	wr_u64(&w, s->first);
	wr_u64(&w, s->last);
	wr_u64(&w, s->message);
	wr_u64(&w, s->due_ms);
	wr_u16(&w, s->from);
	wr_u16(&w, s->to);
	wr_u16(&w, s->len);
	if (s->len > 0)
		wr_bytes(&w, s->content, s->len);
	if (wr_ok(&w))
		return w.len;
	wipe(out, w.len);
	return 0;
}

static void read(struct rd *r, struct card_state *s)
{
	s->phase = rd_u8(r);
	s->cause = rd_u8(r);
	s->status = rd_u8(r);
	s->head = rd_u8(r);
	s->tries = rd_u8(r);
	const uint8_t proved = rd_u8(r);
	s->proved = proved == 1;
	r->bad = r->bad || proved > 1;
	s->sw = rd_u16(r);
	s->packets = rd_u16(r);
	s->first = rd_u64(r);
	s->last = rd_u64(r);
	s->message = rd_u64(r);
	s->due_ms = rd_u64(r);
	s->from = rd_u16(r);
	s->to = rd_u16(r);
	s->len = rd_u16(r);
}

static bool is_sound(const struct card_state *s)
{
	return s->phase <= CARD_GIVEN_UP && s->cause <= CARD_TOO_LONG &&
	       s->head <= CARD_HEAD_LAST && s->first <= s->last && s->last <= SMS_COUNTER_MAX &&
	       s->from <= s->to && s->to <= s->len && s->len <= CARD_FILE_MAX;
}

bool card_load(const uint8_t *octets, size_t len, struct card_state *s)
{
	struct rd r = rd_from(octets, len);
	memset(s, 0, sizeof(*s));
	r.bad = rd_u8(&r) != LAYOUT;
	read(&r, s);
	if (rd_ok(&r) && is_sound(s)) {
		rd_copy(&r, s->content, s->len);
		if (rd_end(&r))
			return true;
	}
	wipe(s, sizeof(*s));
	return false;
}
