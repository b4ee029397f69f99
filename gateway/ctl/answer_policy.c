/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/answer.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"
#include "ctl/out.h"

enum { TEXT_HEAD = 4 + 8 + 2, FROM_LEN = 8, NAME_MAX_LEN = 4096 };

/* FNV-1a. Two texts of one length that somebody wrote on purpose may share it: then he has mixed
   his own words. */
static uint64_t digest(const char *text, size_t len)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static enum ctl_status text_page(const struct ctl_ask *a)
{
	const struct ctl_source *s = a->source;
	struct rd r = rd_from(a->q->body, a->q->body_len);
	const uint32_t from = rd_u32(&r);
	struct ctl_policy p = { 0 };
	uint8_t head[TEXT_HEAD];
	struct wr w = wr_into(head, sizeof(head));
	if (!rd_end(&r))
		return ctl_say_malformed(a);
	if (s->policy == NULL || !s->policy(s->ctx, &p))
		return ctl_say(a, CTL_FAILED, "this gateway has no policy; use a newer one");
	const size_t name_len = strnlen(p.name, NAME_MAX_LEN);
	const size_t at = from < p.len ? from : p.len;
	const size_t len = p.len - at < CTL_TEXT_PAGE ? p.len - at : CTL_TEXT_PAGE;
	wr_u32(&w, (uint32_t)p.len);
	wr_u64(&w, digest(p.text, p.len));
	wr_u16(&w, (uint16_t)name_len);
	ctl_out_bytes(a->out, head, w.len);
	ctl_out_bytes(a->out, p.name, name_len);
	ctl_out_bytes(a->out, p.text + at, len);
	return CTL_DONE;
}

static enum ctl_status failed(const struct ctl_ask *a)
{
	return ctl_say(a, CTL_FAILED,
		"the workers did not answer in time, or the store cannot be read; try again, or "
		"look into the log");
}

/* The place of `from` is filled in when the page is whole. */
static enum ctl_status facts_page(const struct ctl_ask *a)
{
	const struct ctl_source *s = a->source;
	struct rd r = rd_from(a->q->body, a->q->body_len);
	uint64_t from = rd_u64(&r);
	uint8_t at[FROM_LEN] = { 0 };
	const bool one = a->q->arg[0] != '\0';
	if (!rd_end(&r) || (one && from >= CTL_PURPOSES))
		return ctl_say_malformed(a);
	if (s->facts == NULL)
		return ctl_say(a, CTL_FAILED, "this gateway cannot tell; use a newer one");
	const size_t place = a->out->len;
	ctl_out_bytes(a->out, at, sizeof(at));
	const bool good = s->facts(s->ctx, one ? a->q->arg : NULL, &from, a->out);
	const bool nobody = one && a->out->len == place + sizeof(at);
	if (!good || nobody) {
		a->out->len = a->out->bad ? a->out->len : place;
		return good ? ctl_say_unknown(a) : failed(a);
	}
	struct wr w = wr_into(at, sizeof(at));
	wr_u64(&w, one ? 0 : from);
	if (!a->out->bad)
		memcpy(a->out->data + place, at, sizeof(at));
	return CTL_DONE;
}

enum ctl_status ctl_answer_policy(const struct ctl_ask *a)
{
	return a->q->verb == CTL_POLICY_TEXT ? text_page(a) : facts_page(a);
}
