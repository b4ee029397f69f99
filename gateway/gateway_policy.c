/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "ctl/facts.h"
#include "gateway/ask.h"
#include "gateway/credentials_choose.h"
#include "gateway/facts.h"
#include "gateway/gateway_parts.h"
#include "gateway/rules.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

/* A page begins at `stage << 32 | number`: of the workers their number, of those who sleep the
   credential to go on with. */
enum { STAGE_AWAKE, STAGE_ASLEEP, STAGE_BITS = 32, SLEEPERS_AT_ONCE = 256 };

bool gw_policy_asked(void *ctx, struct ctl_policy *out)
{
	const struct gw_gateway *g = ctx;
	if (!g->rules)
		return false;
	out->name = gw_rules_name(g->rules);
	out->text = gw_rules_text(g->rules, &out->len);
	return true;
}

/* --- facts ------------------------------------------------------------------------------------ */

static uint64_t ago(uint64_t now_ms, uint64_t then_ms)
{
	return now_ms > then_ms ? now_ms - then_ms : 0;
}

/* Nothing is appended of one whose association has gone meanwhile. */
static void put_sleeper(struct gw_gateway *g, const struct store_session *row, struct ctl_out *out)
{
	struct store_assoc a;
	struct gw_facts f;
	if (gw_source_leg(g, row, STORE_DEVICE, &a) &&
		gw_facts_of_sleeper(&g->shared, g->reader, &a, gw_source_now(g), &f)) {
		const struct ctl_facts_rest rest = { .credential_generation = f.mark.generation,
			.decided = f.upto };
		ctl_facts_put(out, &f.facts, &rest);
	}
	wipe(&a, sizeof(a));
}

/* Of all that one worker has awake. */
static bool awake_page(struct gw_gateway *g, uint32_t number, uint64_t *from, struct ctl_out *out)
{
	struct gw_ask *a = gw_source_ask(g, number, GW_ASK_FACTS, 0);
	const bool good = a && a->good;
	if (good)
		ctl_out_bytes(out, a->facts.data, a->facts.len);
	if (a)
		gw_ask_release(a);
	*from = number + 1 < g->len ? number + 1 : (uint64_t)STAGE_ASLEEP << STAGE_BITS;
	return good;
}

static bool asleep_page(struct gw_gateway *g, uint32_t after, uint64_t *from, struct ctl_out *out)
{
	struct store_session row;
	enum store_result r = STORE_OK;
	uint32_t at = after;
	for (size_t i = 0; i < SLEEPERS_AT_ONCE && r == STORE_OK; i++) {
		r = store_next_session(g->reader, &at, &row);
		if (r == STORE_OK && !gw_source_is_awake(g, at))
			put_sleeper(g, &row, out);
	}
	*from = r == STORE_OK ? (uint64_t)STAGE_ASLEEP << STAGE_BITS | at : 0;
	store_reader_rest(g->reader);
	return r == STORE_OK || r == STORE_NONE;
}

/* One that falls asleep, or wakes, while it is asked for is found at the second look. */
static bool facts_of(struct gw_gateway *g, uint32_t cred, struct ctl_out *out)
{
	struct store_session row;
	const size_t begin = out->len;
	for (size_t i = 0; i < g->len && gw_source_is_awake(g, cred); i++) {
		struct gw_ask *a = gw_source_ask(g, i, GW_ASK_FACTS_OF, cred);
		if (!a)
			return false;
		if (a->good)
			ctl_out_bytes(out, a->facts.data, a->facts.len);
		gw_ask_release(a);
		if (out->len > begin)
			return true;
	}
	const enum store_result r = store_read_session(g->reader, cred, &row);
	if (r == STORE_OK)
		put_sleeper(g, &row, out);
	store_reader_rest(g->reader);
	return r == STORE_OK || r == STORE_NONE;
}

bool gw_policy_facts(void *ctx, const char *endpoint, uint64_t *from, struct ctl_out *out)
{
	struct gw_gateway *g = ctx;
	uint32_t creds[GW_CREDS_OF];
	if (endpoint) {
		const size_t n = gw_source_find(g, endpoint, (enum ctl_purpose) * from, creds);
		bool good = true;
		for (size_t i = 0; i < n && good; i++)
			good = facts_of(g, creds[i], out);
		return good;
	}
	const uint32_t number = (uint32_t)*from;
	if (*from >> STAGE_BITS == STAGE_AWAKE && number < g->len)
		return awake_page(g, number, from, out);
	return asleep_page(g, number, from, out);
}

/* --- what was decided ------------------------------------------------------------------------- */

static bool is_verdict(const struct store_verdict *v)
{
	return v->event < POLICY_EVENTS && v->device < POLICY_ACTIONS &&
	       v->upstream < POLICY_ACTIONS;
}

static void fill_verdict(const struct store_verdict *v, uint64_t now_ms, struct ctl_verdict *out)
{
	*out = (struct ctl_verdict){ .event = (enum policy_event)v->event,
		.device = (enum policy_action)v->device,
		.upstream = (enum policy_action)v->upstream,
		.ms_ago = ago(now_ms, v->at_ms),
		.bounded = v->until_ms > 0,
		.ends_in_s = ((int64_t)v->until_ms - (int64_t)now_ms) / 1000,
		.until_registration = v->until_registration,
		.done = v->done };
	(void)snprintf(out->rule, sizeof(out->rule), "%s", v->rule);
}

static void fill_labels(const struct store_cred *c, struct ctl_about *out)
{
	_Static_assert((int)STORE_LABELS_MAX == (int)POLICY_LABELS_MAX, "all are shown");
	_Static_assert((int)STORE_LABEL_MAX == (int)POLICY_LABEL_MAX, "and whole");
	out->credential_generation = c->generation;
	out->labels_len = c->labels_len;
	memcpy(out->labels, c->labels, sizeof(out->labels));
}

bool gw_policy_about(
	void *ctx, const char *endpoint, enum ctl_purpose purpose, struct ctl_about *out)
{
	struct gw_gateway *g = ctx;
	struct store_cred c = { 0 };
	struct store_verdict v = { 0 };
	*out = (struct ctl_about){ 0 };
	struct gw_choice choice = { 0 };
	const bool known = gw_choose(g->reader, endpoint, purpose, &choice, &c);
	if (known && choice.len > 0) {
		fill_labels(&c, out);
		out->decided =
			store_read_verdict(g->reader, c.number, &v) == STORE_OK && is_verdict(&v);
	}
	if (out->decided)
		fill_verdict(&v, gw_source_now(g), &out->verdict);
	wipe(&c, sizeof(c));
	store_reader_rest(g->reader);
	return known;
}
