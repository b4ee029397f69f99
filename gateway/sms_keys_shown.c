/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_keys_shown.h"

#include "base/wipe.h"
#include "conf/config.h"
#include "conf/cred_renew.h"
#include "ctl/show_time.h"
#include "gateway/bsf.h"
#include "gateway/credentials_choose.h"
#include "gateway/gateway_parts.h"
#include "gateway/sms.h"
#include "gateway/sms_keeper.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HOUR_MS = 3600000, SECOND = 1000 };

static bool is_renewed(const struct store_cred *c)
{
	return c->sms.renew.how != STORE_RENEW_NEVER;
}

/* --- what there is ---------------------------------------------------------------------------- */

static int64_t left_s(uint64_t until_ms, uint64_t now_ms)
{
	return until_ms >= now_ms ? (int64_t)((until_ms - now_ms) / SECOND)
				  : -(int64_t)((now_ms - until_ms + SECOND - 1) / SECOND);
}

static enum store_result show_set(
	struct store_reader *r, const struct keyset_keys *x, uint64_t now_ms, struct ctl_key_set *o)
{
	struct store_sms_counters n = { 0 };
	if (x->generation == 0)
		return STORE_OK;
	o->generation = x->generation;
	(void)snprintf(o->origin, sizeof(o->origin), "%s", keyset_origin_name(x->origin));
	(void)snprintf(o->profile, sizeof(o->profile), "%s",
		sms_profile_name((enum sms_profile)x->agreed.profile));
	o->kic = x->agreed.kic;
	o->kid = x->agreed.kid;
	o->octets = x->agreed.key_len;
	o->since_ms_ago = now_ms > x->obtained_ms ? now_ms - x->obtained_ms : 0;
	o->ends = x->until_ms != 0;
	o->ends_in_s = o->ends ? left_s(x->until_ms, now_ms) : 0;
	const enum store_result result = store_sms_read_under(
		r, store_sms_keys_hash(r, x->agreed.key, x->agreed.key_len), &n);
	o->counter_in = n.in;
	o->counter_out = n.out;
	return result == STORE_NONE ? STORE_OK : result;
}

static bool is_in_box(struct store_reader *r, uint32_t cred, uint64_t id)
{
	struct store_sms_message m;
	uint64_t after = 0;
	bool is = false;
	for (unsigned i = 0; id != 0 && !is && i < STORE_SMS_OUT; i++) {
		if (store_sms_next_out(r, cred, &after, &m) != STORE_OK)
			break;
		is = m.id == id;
	}
	wipe(&m, sizeof(m));
	return is;
}

static void show_state(const struct keyset *k, const struct keyset_rules *rules, uint64_t now_ms,
	struct ctl_sms_keys *out)
{
	const uint64_t due_ms = keyset_next_ms(k);
	(void)snprintf(out->state, sizeof(out->state), "%s", keyset_state_name(k->state));
	(void)snprintf(out->cause, sizeof(out->cause), "%s", k->cause);
	out->is_due = due_ms != UINT64_MAX;
	out->due_in_s = out->is_due ? left_s(due_ms, now_ms) : 0;
	out->lifetime_s = k->lifetime_s;
	out->deliveries = k->tries;
	out->deliveries_max = rules->tries;
	out->failed = k->fails;
	out->begun = now_ms - k->hour_ms < HOUR_MS ? k->begun : 0;
	out->begun_max = rules->an_hour;
	for (size_t i = 0; i < CTL_KEYS_COUNTED; i++)
		out->counted[i] = k->counted[i];
}

enum store_result gw_keys_shown(struct store_reader *r, const struct store_cred *c,
	const struct gw_keys_settings *s, uint64_t now_ms, struct ctl_sms_keys *out)
{
	struct keyset k;
	_Static_assert((int)CTL_KEY_SETS == (int)KEYSET_SETS, "all are shown");
	_Static_assert((int)CTL_KEYS_CAUSE == (int)KEYSET_CAUSE_MAX + 1, "whole");
	*out = (struct ctl_sms_keys){ .is_stored = false };
	enum store_result result = gw_keys_load(r, c, now_ms, &k, &out->is_stored);
	if (result == STORE_OK) {
		(void)snprintf(out->endpoint, sizeof(out->endpoint), "%s", c->endpoint);
		(void)snprintf(out->renew, sizeof(out->renew), "%s",
			is_renewed(c) ? cred_renew_word(c->sms.renew.how) : "");
		show_state(&k, &s->rules, now_ms, out);
		out->message = is_in_box(r, c->number, k.message);
	}
	for (size_t i = 0; result == STORE_OK && i < KEYSET_SETS; i++)
		result = show_set(r, &k.set[i], now_ms, &out->sets[i]);
	wipe(&k, sizeof(k));
	return result;
}

/* --- an order --------------------------------------------------------------------------------- */

static bool refuse(const struct store_cred *c, const char *why, struct ctl_said *said)
{
	(void)snprintf(said->text, sizeof(said->text), "%s: %s", c->endpoint, why);
	return false;
}

/* When the hour has room for one more refresh; 0: now. */
static uint64_t wait_ms(const struct keyset *k, const struct keyset_rules *r, uint64_t now_ms)
{
	const bool spent = r->an_hour != 0 && k->begun >= r->an_hour;
	return spent && now_ms - k->hour_ms < HOUR_MS ? k->hour_ms + HOUR_MS - now_ms : 0;
}

/* All tries are spent, or it is not for us to deliver them: see keyset_time(). */
static bool is_given_up(const struct keyset *k, const struct keyset_rules *r)
{
	return k->tries >= r->tries || k->set[KEYSET_NEXT].origin == KEYSET_UDP;
}

static void say_follows(const struct store_cred *c, const struct keyset *k,
	const struct keyset_rules *rules, uint64_t now_ms, struct ctl_said *said)
{
	char time[CTL_TIME_MAX];
	const uint64_t later_ms = wait_ms(k, rules, now_ms);
	const char *const how = cred_renew_word(c->sms.renew.how);
	if (k->state == KEYSET_FRESH || k->state == KEYSET_DELIVERED)
		(void)snprintf(said->text, sizeof(said->text),
			"%s: keys of generation %" PRIu32
			" are here already, and the device has not used them: %s",
			c->endpoint, k->set[KEYSET_NEXT].generation,
			is_given_up(k, rules) ? "they are given up; order once more, and others "
						"are asked for"
					      : "they are delivered again now");
	else if (k->state == KEYSET_REFRESHING)
		(void)snprintf(said->text, sizeof(said->text),
			"%s: others are asked for already (%s)", c->endpoint, how);
	else if (later_ms > 0)
		(void)snprintf(said->text, sizeof(said->text),
			"%s: others are asked for (%s) in %s: sms_keys.refreshes_an_hour is "
			"%" PRIu32,
			c->endpoint, how, ctl_time_text(later_ms, time), rules->an_hour);
	else
		(void)snprintf(said->text, sizeof(said->text),
			"%s: others are asked for now (%s); `lwgatectl sms keys` shows how it goes",
			c->endpoint, how);
}

bool gw_keys_order(const struct store_cred *c, const struct keyset *k,
	const struct keyset_rules *rules, const struct gw_keys_means *means, uint64_t now_ms,
	struct ctl_said *said)
{
	if (!is_renewed(c))
		return refuse(c,
			"its keys are its credential's own, and are not renewed; give it others by "
			"`lwgatectl credential replace`, or say there how they are renewed "
			"(renew=)",
			said);
	if (!means->channel)
		return refuse(c, "there are no short messages; set sms.socket, and restart", said);
	if (c->sms.renew.how == STORE_RENEW_GBA_PUSH && !means->bsf)
		return refuse(c,
			"its keys come by GBA Push, and there is nobody to ask for them; set "
			"bsf.url, and restart",
			said);
	if (c->sms.renew.how == STORE_RENEW_SMARTCARD && !means->card)
		return refuse(c,
			"its keys are written into its card, and nobody has said what cards have; "
			"set sms_keys.card_file, and restart",
			said);
	say_follows(c, k, rules, now_ms, said);
	if (!means->bridge && c->sms.renew.how != STORE_RENEW_UDP) {
		const size_t len = strlen(said->text);
		(void)snprintf(said->text + len, sizeof(said->text) - len,
			"; no lwgate-smsd is connected, so what is sent waits for one");
	}
	return true;
}

/* --- the control room ------------------------------------------------------------------------- */

static enum ctl_status no_packets(const struct store_cred *c, struct ctl_said *said)
{
	(void)refuse(c,
		c->state != STORE_CRED_ACTIVE
			? "its credential for short messages was revoked, and its keys with it"
			: "has no keys for short messages: it speaks DTLS there",
		said);
	return CTL_FAILED;
}

/* The credential for short messages of an endpoint; the caller wipes it. */
static enum ctl_status find(
	struct gw_gateway *g, const char *endpoint, struct store_cred *c, struct ctl_said *said)
{
	struct gw_choice choice = { 0 };
	if (gw_choose(g->reader, endpoint, CTL_FOR_SMS, &choice, c))
		return CTL_DONE;
	if (choice.result == STORE_NONE && choice.len == 0 && choice.others != 0) {
		(void)snprintf(said->text, sizeof(said->text),
			"%s: has no credential for short messages; add one by `lwgatectl "
			"credential add --sms`",
			endpoint);
		return CTL_UNKNOWN_ENDPOINT;
	}
	return gw_choose_said(&choice, endpoint, CTL_FOR_SMS, said);
}

static enum ctl_status say_broken(const char *endpoint, struct ctl_said *said)
{
	(void)snprintf(said->text, sizeof(said->text),
		"%s: the store cannot be read there; look into the log", endpoint);
	return CTL_FAILED;
}

enum ctl_status gw_keys_asked(
	void *ctx, const char *endpoint, struct ctl_sms_keys *out, struct ctl_said *said)
{
	struct gw_gateway *const g = ctx;
	struct gw_keys_settings s;
	struct store_cred c = { 0 };
	enum ctl_status status = find(g, endpoint, &c, said);
	gw_keys_settings_of(g->shared.conf, &s);
	if (status == CTL_DONE) {
		const enum store_result r = gw_keys_shown(g->reader, &c, &s, gw_source_now(g), out);
		if (r == STORE_NONE)
			status = no_packets(&c, said);
		else if (r != STORE_OK)
			status = say_broken(endpoint, said);
	}
	store_reader_rest(g->reader);
	wipe(&c, sizeof(c));
	return status;
}

static enum ctl_status order(
	struct gw_gateway *g, const struct store_cred *c, struct ctl_said *said)
{
	const uint64_t now_ms = gw_source_now(g);
	const struct gw_keys_means means = {
		.channel = g->sms,
		.bridge = g->sms && gw_sms_desk_stats(g->sms).connected,
		.bsf = g->shared.bsf,
		.card = g->shared.conf->sms_keys.card_file,
	};
	const struct gw_keeper_told t = { .cred = c->number, .event = KEYSET_ORDERED };
	struct gw_keys_settings s;
	struct keyset k;
	bool is;
	gw_keys_settings_of(g->shared.conf, &s);
	const enum store_result r = gw_keys_load(g->reader, c, now_ms, &k, &is);
	enum ctl_status status = CTL_FAILED;
	if (r == STORE_NONE)
		status = no_packets(c, said);
	else if (r != STORE_OK)
		status = say_broken(c->endpoint, said);
	else if (gw_keys_order(c, &k, &s.rules, &means, now_ms, said))
		status = CTL_DONE;
	wipe(&k, sizeof(k));
	if (status != CTL_DONE || gw_keeper_tell(&g->shared, &t))
		return status;
	(void)refuse(c, "no memory; free some, and try again", said);
	return CTL_FAILED;
}

enum ctl_status gw_keys_refresh(void *ctx, const char *endpoint, struct ctl_said *said)
{
	struct gw_gateway *const g = ctx;
	struct store_cred c = { 0 };
	enum ctl_status status = find(g, endpoint, &c, said);
	if (status == CTL_DONE)
		status = order(g, &c, said);
	store_reader_rest(g->reader);
	wipe(&c, sizeof(c));
	return status;
}

void gw_keys_count(const struct gw_gateway *g, struct ctl_sms *out)
{
	struct gw_bsf_counts b = { 0 };
	if (g->keeper) {
		const struct gw_keeper_stats s = gw_sms_keeper_stats(g->keeper);
		out->keys.changes = s.changes;
		out->keys.failed = s.failed;
		out->keys.asked = s.asked;
		out->keys.obtained = s.obtained;
		out->keys.refused = s.refused;
		out->keys.pushes = s.pushes;
		out->keys.under_way = s.under_way;
		_Static_assert((int)CTL_KEY_STATES == (int)KEYSET_STATES, "all are counted");
		memcpy(out->keys.sets, s.sets, sizeof(out->keys.sets));
	}
	if (g->shared.bsf)
		gw_bsf_counts(g->shared.bsf, &b);
	out->bsf.asked = b.asked;
	out->bsf.tokens = b.tokens;
	out->bsf.under_way = b.under_way;
	out->bsf.waiting = b.waiting;
	out->bsf.answered = b.results[GW_BSF_OK];
	for (size_t i = 0; i < GW_BSF_RESULTS; i++)
		out->bsf.failed += i != GW_BSF_OK ? b.results[i] : 0;
}
