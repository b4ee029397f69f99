/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/keyset.h"

#include <stdio.h>
#include <string.h>

#include "base/wipe.h"
#include "sms/keyset_parts.h"

enum { HOUR_MS = 3600000, DOUBLINGS_MAX = 20, ROUNDS_MAX = 8 };

/* --- sets ------------------------------------------------------------------------------------- */

static bool is_there(const struct keyset_keys *x)
{
	return x->generation != 0;
}

static bool is_over(const struct keyset_keys *x, uint64_t now_ms)
{
	return x->until_ms != 0 && x->until_ms <= now_ms;
}

static bool serves(const struct keyset_keys *x, uint64_t now_ms)
{
	return is_there(x) && !is_over(x, now_ms);
}

static void drop(struct keyset_keys *x)
{
	wipe(x, sizeof(*x));
}

static void drop_blob(struct keyset *k)
{
	wipe(k->blob, sizeof(k->blob));
	k->blob_len = 0;
}

/* What a card has stays: the next delivery to it writes what differs. A push is of no use any
   more. */
static void drop_next(struct keyset *k)
{
	if (is_there(&k->set[KEYSET_NEXT]) && k->set[KEYSET_NEXT].origin != KEYSET_SMARTCARD)
		drop_blob(k);
	drop(&k->set[KEYSET_NEXT]);
	k->tries = 0;
}

/* Nobody takes anything under it any more; the device may have it, and is to be told so. */
static void retire(
	struct keyset *k, enum keyset_which which, const struct keyset_rules *r, uint64_t now_ms)
{
	struct keyset_keys *const before = &k->set[KEYSET_OF_BEFORE];
	if (r->overlap_ms == 0 || !is_there(&k->set[which]))
		return;
	*before = k->set[which];
	before->until_ms = now_ms + r->overlap_ms;
}

void keyset_begin(struct keyset *k, const struct sms_agreed *own, uint64_t now_ms)
{
	memset(k, 0, sizeof(*k));
	k->state = own ? KEYSET_CONFIRMED : KEYSET_EXPIRED;
	k->over = !own;
	if (!own) {
		k->due_ms = now_ms > 0 ? now_ms : 1;
		return;
	}
	k->last = 1;
	k->set[KEYSET_CURRENT] = (struct keyset_keys){
		.generation = 1, .origin = KEYSET_PROVISIONED, .agreed = *own, .obtained_ms = now_ms
	};
}

/* --- times ------------------------------------------------------------------------------------ */

static uint64_t doubled(uint32_t first_ms, unsigned times, uint32_t most_ms)
{
	const unsigned n = times < DOUBLINGS_MAX ? times : DOUBLINGS_MAX;
	const uint64_t wait = (uint64_t)first_ms << n;
	return wait < most_ms ? wait : most_ms;
}

static uint64_t until_next_try(const struct keyset *k, const struct keyset_rules *r)
{
	return doubled(r->retry_ms, k->tries > 0 ? k->tries - 1U : 0, r->most_ms);
}

/* When the hour has room for one more. */
static uint64_t allowed_ms(const struct keyset *k, const struct keyset_rules *r, uint64_t now_ms)
{
	const bool spent = r->an_hour != 0 && k->begun >= r->an_hour;
	return spent && now_ms - k->hour_ms < HOUR_MS ? k->hour_ms + HOUR_MS : now_ms;
}

static void count_begun(struct keyset *k, uint64_t now_ms)
{
	if (now_ms - k->hour_ms >= HOUR_MS) {
		k->hour_ms = now_ms;
		k->begun = 0;
	}
	k->begun++;
}

/* Keys that are short-lived are renewed at half their life. */
static uint64_t early_ms(const struct keyset *k, const struct keyset_rules *r, uint64_t now_ms)
{
	const uint64_t until_ms = k->set[KEYSET_CURRENT].until_ms;
	if (until_ms <= now_ms)
		return 0;
	const uint64_t left = until_ms - now_ms;
	return left > 2 * (uint64_t)r->early_ms ? until_ms - r->early_ms : now_ms + left / 2;
}

static void sooner(struct keyset *k, uint64_t at_ms)
{
	if (k->due_ms == 0 || at_ms < k->due_ms)
		k->due_ms = at_ms;
}

static void set_due(
	struct keyset *k, const struct keyset_rules *r, uint32_t does, const struct keyset_news *n)
{
	const uint64_t now_ms = n->now_ms;
	const bool rests = k->due_ms == 0 || k->due_ms > now_ms + r->most_ms;
	if ((does & AS_REST) != 0 ||
		((does & AS_WAIT) != 0 && serves(&k->set[KEYSET_CURRENT], now_ms)))
		k->due_ms = 0;
	if ((does & AS_EARLY) != 0)
		k->due_ms = early_ms(k, r, now_ms);
	if ((does & (AS_NOW | AS_AGAIN)) != 0)
		k->due_ms = now_ms;
	if ((does & AS_SOON) != 0 || ((does & AS_NEARER) != 0 && rests))
		sooner(k, allowed_ms(k, r, now_ms));
	if ((does & AS_RETRY) != 0)
		k->due_ms = now_ms + until_next_try(k, r);
	if ((does & AS_LONG) != 0)
		k->due_ms = r->rest_ms != 0 ? now_ms + r->rest_ms : 0;
	if ((does & AS_LATER) != 0) {
		const uint64_t asked_for = (uint64_t)n->retry_s * 1000;
		const uint64_t wait = doubled(r->backoff_ms, k->fails, r->most_ms);
		k->due_ms = now_ms + (asked_for > wait ? asked_for : wait);
		if (k->fails < UINT8_MAX)
			k->fails++;
	}
}

/* --- a step ----------------------------------------------------------------------------------- */

static void put_next(struct keyset *k, const struct keyset_rules *r, const struct keyset_news *n)
{
	retire(k, KEYSET_NEXT, r, n->now_ms);
	drop_next(k);
	k->set[KEYSET_NEXT] = *n->keys;
	k->set[KEYSET_NEXT].generation = ++k->last;
	k->set[KEYSET_NEXT].obtained_ms = n->now_ms;
	if (n->blob_len > 0) {
		memcpy(k->blob, n->blob, n->blob_len);
		k->blob_len = (uint16_t)n->blob_len;
	}
	k->fails = 0;
}

static void promote(struct keyset *k, const struct keyset_rules *r, uint64_t now_ms)
{
	drop(&k->set[KEYSET_OF_BEFORE]);
	retire(k, KEYSET_CURRENT, r, now_ms);
	k->set[KEYSET_CURRENT] = k->set[KEYSET_NEXT];
	drop_next(k);
	k->over = false;
	k->cause[0] = '\0';
	k->counted[2]++;
}

/* What the operator gave has an end only if he said so. */
static void end_current(struct keyset *k, uint64_t now_ms)
{
	struct keyset_keys *const x = &k->set[KEYSET_CURRENT];
	if (!is_there(x) || x->origin == KEYSET_PROVISIONED)
		return;
	if (!is_over(x, now_ms))
		x->until_ms = now_ms;
	k->over = true;
}

static void change(
	struct keyset *k, const struct keyset_rules *r, uint32_t does, const struct keyset_news *n)
{
	if ((does & AS_END) != 0)
		end_current(k, n->now_ms);
	if ((does & AS_DROP) != 0) {
		retire(k, KEYSET_NEXT, r, n->now_ms);
		drop_next(k);
	}
	if ((does & AS_PUT) != 0)
		put_next(k, r, n);
	if ((does & AS_PROMOTE) != 0)
		promote(k, r, n->now_ms);
	if ((does & KEYSET_DO_ASK) != 0) {
		count_begun(k, n->now_ms);
		k->counted[0]++;
		k->due_ms = n->now_ms + r->answer_ms;
	}
	if ((does & KEYSET_DO_SEND) != 0) {
		if (k->tries < UINT8_MAX)
			k->tries++;
		k->counted[1]++;
		k->sent_ms = n->now_ms;
		k->due_ms = n->now_ms + until_next_try(k, r);
	}
	if ((does & KEYSET_DO_REFUSE) != 0)
		k->counted[3]++;
}

/* Not now, and then not at all: true. */
static bool is_held_back(
	struct keyset *k, const struct keyset_rules *r, uint32_t does, const struct keyset_news *n)
{
	if ((does & AS_PUT) != 0)
		return !n->keys || n->blob_len > KEYSET_BLOB_MAX || k->last == UINT32_MAX;
	if ((does & AS_AGAIN) != 0 && n->now_ms - k->sent_ms < until_next_try(k, r)) {
		sooner(k, k->sent_ms + until_next_try(k, r)); /* but then it is */
		return true;
	}
	const uint64_t allowed = allowed_ms(k, r, n->now_ms);
	if ((does & KEYSET_DO_ASK) == 0 || allowed <= n->now_ms)
		return false;
	k->due_ms = allowed;
	return true;
}

static void note_cause(struct keyset *k, enum keyset_event e, const struct keyset_news *n)
{
	const char *const cause = e == KEYSET_LATE    ? "expired-unproved"
				  : e == KEYSET_SPENT ? "not-proved"
						      : n->cause;
	if (cause && (e == KEYSET_LATE || e == KEYSET_SPENT || e == KEYSET_REFUSED ||
			     e == KEYSET_UNSENT))
		(void)snprintf(k->cause, sizeof(k->cause), "%s", cause);
}

/* Keys that were there before the registration end with it. */
static void hear_lifetime(struct keyset *k, const struct keyset_news *n)
{
	struct keyset_keys *const x = &k->set[KEYSET_CURRENT];
	const uint64_t end_ms = n->now_ms + (uint64_t)n->lifetime_s * 1000;
	k->lifetime_s = n->lifetime_s;
	if (n->lifetime_s > 0 && is_there(x) && x->origin != KEYSET_PROVISIONED &&
		(x->until_ms == 0 || x->until_ms > end_ms))
		x->until_ms = end_ms;
}

unsigned keyset_step(struct keyset *k, const struct keyset_rules *r, enum keyset_event e,
	const struct keyset_news *n)
{
	const struct keyset_cell *const c = keyset_cell(k->state, e);
	const unsigned told = KEYSET_DO_ASK | KEYSET_DO_SEND | KEYSET_DO_REFUSE;
	if (e == KEYSET_WANTED)
		hear_lifetime(k, n);
	if (e == KEYSET_OVER)
		k->over = true;
	if (!c->is)
		return 0;
	if (e == KEYSET_PROVED && !serves(&k->set[KEYSET_NEXT], n->now_ms))
		return 0;
	if (is_held_back(k, r, c->does, n)) {
		k->counted[3] += (c->does & KEYSET_DO_REFUSE) != 0;
		return c->does & KEYSET_DO_REFUSE;
	}
	note_cause(k, e, n);
	change(k, r, c->does, n);
	k->state = c->to;
	set_due(k, r, c->does, n);
	if (k->state == KEYSET_EXPIRED && serves(&k->set[KEYSET_CURRENT], n->now_ms))
		k->state = KEYSET_CONFIRMED; /* what has no end */
	return c->does & told;
}

/* --- time ------------------------------------------------------------------------------------- */

static bool delivers(const struct keyset *k)
{
	return k->state == KEYSET_FRESH || k->state == KEYSET_DELIVERED;
}

static enum keyset_event time_event(
	const struct keyset *k, const struct keyset_rules *r, uint64_t now_ms)
{
	const bool due = k->due_ms != 0 && k->due_ms <= now_ms;
	const struct keyset_keys *const next = &k->set[KEYSET_NEXT];
	if (!k->over && is_there(&k->set[KEYSET_CURRENT]) &&
		is_over(&k->set[KEYSET_CURRENT], now_ms))
		return KEYSET_OVER;
	if (is_there(next) && is_over(next, now_ms))
		return KEYSET_LATE;
	if (due && delivers(k) && (k->tries >= r->tries || next->origin == KEYSET_UDP))
		return KEYSET_SPENT;
	return due ? KEYSET_DUE : KEYSET_EVENTS;
}

unsigned keyset_time(struct keyset *k, const struct keyset_rules *r, uint64_t now_ms)
{
	const struct keyset_news n = { .now_ms = now_ms };
	unsigned all = 0;
	struct keyset_keys *const before = &k->set[KEYSET_OF_BEFORE];
	if (is_there(before) && is_over(before, now_ms))
		drop(before);
	for (unsigned i = 0; i < ROUNDS_MAX; i++) {
		const enum keyset_event e = time_event(k, r, now_ms);
		if (e == KEYSET_EVENTS)
			break;
		all |= keyset_step(k, r, e, &n);
	}
	return all;
}

uint64_t keyset_next_ms(const struct keyset *k)
{
	const struct keyset_keys *const s = k->set;
	uint64_t next = k->due_ms != 0 ? k->due_ms : UINT64_MAX;
	if (!k->over && is_there(&s[KEYSET_CURRENT]) && s[KEYSET_CURRENT].until_ms != 0 &&
		s[KEYSET_CURRENT].until_ms < next)
		next = s[KEYSET_CURRENT].until_ms;
	if (is_there(&s[KEYSET_NEXT]) && s[KEYSET_NEXT].until_ms != 0 &&
		s[KEYSET_NEXT].until_ms < next)
		next = s[KEYSET_NEXT].until_ms;
	if (is_there(&s[KEYSET_OF_BEFORE]) && s[KEYSET_OF_BEFORE].until_ms < next)
		next = s[KEYSET_OF_BEFORE].until_ms;
	return next;
}

/* --- which one -------------------------------------------------------------------------------- */

enum keyset_event keyset_heard(const struct keyset *k, enum keyset_which under, uint64_t now_ms)
{
	if (under >= KEYSET_OF_BEFORE || !serves(&k->set[under], now_ms))
		return KEYSET_HEARD_OLD;
	return under == KEYSET_NEXT ? KEYSET_PROVED : KEYSET_HEARD;
}

const struct keyset_keys *keyset_sends(const struct keyset *k, uint64_t now_ms)
{
	const struct keyset_keys *const s = k->set;
	if (serves(&s[KEYSET_CURRENT], now_ms))
		return &s[KEYSET_CURRENT];
	return k->state == KEYSET_DELIVERED && serves(&s[KEYSET_NEXT], now_ms) ? &s[KEYSET_NEXT]
									       : NULL;
}

uint32_t keyset_lifetime(const struct keyset *k, uint32_t configured_s)
{
	if (configured_s == 0 || (k->lifetime_s != 0 && k->lifetime_s < configured_s))
		return k->lifetime_s;
	return configured_s;
}
