/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/facts.h"

#include <string.h>

#include "base/wr.h"
#include "ctl/out.h"

enum { AWAKE = 1, REGISTERED = 2, UPSTREAM_UP = 4, BITS = 7 };

static void put_text(struct wr *w, const char *text, size_t most)
{
	const size_t len = text == NULL ? 0 : strnlen(text, most);
	wr_u8(w, (uint8_t)len);
	wr_bytes(w, text == NULL ? "" : text, len);
}

void ctl_facts_put(
	struct ctl_out *o, const struct policy_facts *f, const struct ctl_facts_rest *rest)
{
	uint8_t wire[CTL_FACTS_MAX];
	struct wr w = wr_into(wire, sizeof(wire));
	const size_t labels = f->labels_len < POLICY_LABELS_MAX ? f->labels_len : POLICY_LABELS_MAX;
	wr_u8(&w, (uint8_t)f->kind);
	wr_u8(&w, (uint8_t)f->channel);
	wr_u8(&w, (uint8_t)((f->awake ? AWAKE : 0) | (f->registered ? REGISTERED : 0) |
			    (f->upstream_up ? UPSTREAM_UP : 0)));
	wr_u16(&w, f->suite);
	wr_u32(&w, f->exchanges);
	wr_u64(&w, f->generation);
	wr_u64(&w, rest->credential_generation);
	wr_u64(&w, rest->decided);
	wr_u64(&w, f->age_s);
	wr_u64(&w, f->idle_s);
	wr_u64(&w, f->asleep_s);
	wr_u64(&w, f->records);
	wr_u64(&w, f->forged);
	put_text(&w, f->endpoint, CTL_FACTS_TEXT);
	put_text(&w, f->listener, CTL_FACTS_TEXT);
	wr_u8(&w, (uint8_t)labels);
	for (size_t i = 0; i < labels; i++)
		put_text(&w, f->labels[i], POLICY_LABEL_MAX);
	ctl_out_bytes(o, wire, w.len);
}

/* out has room for most + 1. */
static bool take_text(struct rd *r, char *out, size_t most)
{
	const size_t len = rd_u8(r);
	const uint8_t *text = rd_bytes(r, len);
	if (text == NULL || len > most || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static bool take_labels(struct rd *r, struct ctl_facts *out)
{
	const size_t len = rd_u8(r);
	if (len > POLICY_LABELS_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!take_text(r, out->label_octets[i], POLICY_LABEL_MAX))
			return false;
		out->labels[i] = out->label_octets[i];
	}
	out->facts.labels = out->labels;
	out->facts.labels_len = len;
	return true;
}

static bool take_words(struct rd *r, struct policy_facts *f)
{
	const uint8_t kind = rd_u8(r), channel = rd_u8(r), bits = rd_u8(r);
	if (!rd_ok(r) || kind >= POLICY_KINDS || channel >= POLICY_CHANNELS || bits > BITS)
		return false;
	f->kind = (enum policy_kind)kind;
	f->channel = (enum policy_channel)channel;
	f->awake = (bits & AWAKE) != 0;
	f->registered = (bits & REGISTERED) != 0;
	f->upstream_up = (bits & UPSTREAM_UP) != 0;
	return true;
}

bool ctl_facts_read(struct rd *r, struct ctl_facts *out)
{
	struct policy_facts *f = &out->facts;
	*f = (struct policy_facts){ .endpoint = out->endpoint, .listener = out->listener };
	if (!take_words(r, f))
		return false;
	f->suite = rd_u16(r);
	f->exchanges = rd_u32(r);
	f->generation = rd_u64(r);
	out->rest.credential_generation = rd_u64(r);
	out->rest.decided = rd_u64(r);
	f->age_s = rd_u64(r);
	f->idle_s = rd_u64(r);
	f->asleep_s = rd_u64(r);
	f->records = rd_u64(r);
	f->forged = rd_u64(r);
	return take_text(r, out->endpoint, CTL_FACTS_TEXT) &&
	       take_text(r, out->listener, CTL_FACTS_TEXT) && take_labels(r, out) && rd_ok(r);
}
