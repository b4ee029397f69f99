/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/waves.h"

#include "base/rd.h"
#include "base/sip.h"
#include "base/wr.h"
#include "gateway/material.h"
#include "gateway/store_wait.h"
#include "store/store.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	NAME = 24,
	TRACE_LEN = 3 * GW_TRACE,
	PINS_LEN = GW_TRACE_PINS * GW_TRACE,
	WAVES_LEN = GW_WAVES * 8,
};

_Static_assert((int)GW_WAVE_UPSTREAMS == (int)GW_MATERIAL_UPSTREAMS, "each has a proof");
_Static_assert((int)PINS_LEN <= (int)STORE_NOTE_MAX, "a note has room for them");

struct place { /* as the store knows it, and as it is now */
	struct gw_trace then, now;
	uint64_t waves[GW_WAVES];
	unsigned raised; /* a bit for each */
	bool known;      /* then is good */
	bool is_upstream;
};

struct following {
	const struct gw_material *m;
	const uint8_t (*proof)[GW_WAVE_PROOF]; /* by upstream */
	struct gw_waves waves;
	unsigned raised;
	uint64_t generation; /* of what is raised; 0: not taken yet */
};

/* --- notes ----------------------------------------------------------------------------------- */

/* A listener is its address, and an upstream its own name, which its name has in it. */
static void note_name(const struct gw_material *m, size_t place, const char *what, char out[NAME])
{
	static const struct sip_key key = { .k0 = 0 };
	const char *const name = gw_material_name(m, place);
	(void)snprintf(out, NAME, "%s.%016" PRIx64, what, sip_hash(&key, name, strlen(name)));
}

/* STORE_NONE: out is zeroes. */
static enum store_result read_note(
	struct store_txn *t, const char *name, uint8_t *out, size_t expected)
{
	size_t len = 0;
	memset(out, 0, expected);
	const enum store_result r = store_read_note(store_txn_reader(t), name, out, expected, &len);
	return r == STORE_OK && len != expected ? STORE_DAMAGED : r;
}

/* What is damaged counts as unknown: it is written anew. */
static enum store_result read_place(
	struct store_txn *t, const struct following *f, size_t place, struct place *p)
{
	uint8_t trace[TRACE_LEN], waves[WAVES_LEN];
	char name[NAME];
	note_name(f->m, place, "is", name);
	enum store_result r = read_note(t, name, trace, sizeof(trace));
	p->known = r == STORE_OK;
	memcpy(p->then.own, trace, GW_TRACE);
	memcpy(p->then.anchors, trace + GW_TRACE, GW_TRACE);
	memcpy(p->then.revoked, trace + 2 * (size_t)GW_TRACE, GW_TRACE);
	if (p->is_upstream && r != STORE_BROKEN) {
		note_name(f->m, place, "pins", name);
		r = read_note(t, name, (uint8_t *)p->then.pins, PINS_LEN);
	}
	if (r == STORE_BROKEN)
		return r;
	note_name(f->m, place, "waves", name);
	r = read_note(t, name, waves, sizeof(waves));
	struct rd in = rd_from(waves, sizeof(waves));
	for (size_t i = 0; i < GW_WAVES; i++)
		p->waves[i] = r == STORE_OK ? rd_u64(&in) : 0;
	return r == STORE_BROKEN ? r : STORE_OK;
}

static enum store_result write_trace(
	struct store_txn *t, const struct following *f, size_t place, const struct place *p)
{
	uint8_t text[TRACE_LEN];
	char name[NAME];
	struct wr out = wr_into(text, sizeof(text));
	wr_bytes(&out, p->now.own, GW_TRACE);
	wr_bytes(&out, p->now.anchors, GW_TRACE);
	wr_bytes(&out, p->now.revoked, GW_TRACE);
	note_name(f->m, place, "is", name);
	const enum store_result r = store_note_put(t, name, text, out.len);
	if (r != STORE_OK || !p->is_upstream)
		return r;
	note_name(f->m, place, "pins", name);
	return store_note_put(t, name, (const uint8_t *)p->now.pins, PINS_LEN);
}

static enum store_result write_waves(
	struct store_txn *t, struct following *f, size_t place, struct place *p)
{
	uint8_t text[WAVES_LEN];
	char name[NAME];
	struct wr out = wr_into(text, sizeof(text));
	const enum store_result r =
		f->generation == 0 ? store_take_generation(t, &f->generation) : STORE_OK;
	if (r != STORE_OK)
		return r;
	for (size_t i = 0; i < GW_WAVES; i++) {
		if (p->raised & 1U << i)
			p->waves[i] = f->generation;
		wr_u64(&out, p->waves[i]);
	}
	note_name(f->m, place, "waves", name);
	return store_note_put(t, name, text, out.len);
}

/* --- what is another ------------------------------------------------------------------------- */

/* Nobody can have been let in by what was not there. */
static bool gone(const uint8_t then[GW_TRACE], const uint8_t now[GW_TRACE])
{
	static const uint8_t none[GW_TRACE];
	return memcmp(then, none, GW_TRACE) != 0 && memcmp(then, now, GW_TRACE) != 0;
}

static bool has_pins(const struct gw_trace *t)
{
	static const uint8_t none[GW_TRACE];
	return memcmp(t->pins[0], none, GW_TRACE) != 0;
}

static bool has_pin(const struct gw_trace *t, const uint8_t pin[GW_TRACE])
{
	for (size_t i = 0; i < GW_TRACE_PINS; i++) {
		if (memcmp(t->pins[i], pin, GW_TRACE) == 0)
			return true;
	}
	return false;
}

/* One more pin takes nobody's trust away; the first one does, for until now none was asked for. */
static bool distrusts(const struct place *p)
{
	static const uint8_t none[GW_TRACE];
	for (size_t i = 0; i < GW_TRACE_PINS; i++) {
		const uint8_t *const pin = p->then.pins[i];
		if (memcmp(pin, none, GW_TRACE) != 0 && !has_pin(&p->now, pin))
			return true;
	}
	return gone(p->then.anchors, p->now.anchors) ||
	       (memcmp(p->then.anchors, none, GW_TRACE) != 0 && !has_pins(&p->then) &&
		       has_pins(&p->now));
}

static bool is_trusted_otherwise(const struct place *p)
{
	return memcmp(p->then.anchors, p->now.anchors, GW_TRACE) != 0 ||
	       memcmp(p->then.pins, p->now.pins, sizeof(p->now.pins)) != 0;
}

static unsigned raised_at(const struct place *p)
{
	unsigned raised = 0;
	if (!p->known)
		return 0;
	if (gone(p->then.own, p->now.own))
		raised |= 1U << (p->is_upstream ? GW_WAVE_OWN_UPSTREAM : GW_WAVE_OWN_DEVICE);
	if (p->is_upstream && distrusts(p))
		raised |= 1U << GW_WAVE_SERVER;
	/* The first list of a place is another than none. Of the server also what it is trusted by
	   in addition counts: who waits for that in quarantine has to hear of it. */
	if (memcmp(p->then.revoked, p->now.revoked, GW_TRACE) != 0 ||
		(p->is_upstream ? is_trusted_otherwise(p) : gone(p->then.anchors, p->now.anchors)))
		raised |= 1U << GW_WAVE_VOUCHING;
	return raised;
}

/* What the links prove is its own key, or what their PSKs are derived from. */
static bool trace_now(const struct following *f, size_t place, struct place *p)
{
	static const uint8_t none[GW_TRACE];
	if (!gw_material_trace(f->m, place, &p->now))
		return false;
	if (!p->is_upstream || memcmp(p->now.own, none, GW_TRACE) != 0)
		return true;
	memcpy(p->now.own, f->proof[place - GW_MATERIAL_UPSTREAM], GW_TRACE);
	return true;
}

static enum store_result follow_place(struct store_txn *t, struct following *f, size_t place)
{
	struct place p = { .is_upstream = place >= GW_MATERIAL_UPSTREAM };
	enum store_result r = read_place(t, f, place, &p);
	if (r != STORE_OK)
		return r;
	if (!trace_now(f, place, &p))
		return STORE_DAMAGED;
	p.raised = raised_at(&p);
	if (!p.known || memcmp(&p.then, &p.now, sizeof(p.now)) != 0)
		r = write_trace(t, f, place, &p);
	if (r == STORE_OK && p.raised)
		r = write_waves(t, f, place, &p);
	f->raised |= p.raised;
	for (size_t i = 0; i < GW_WAVES; i++) {
		const bool is_upstreams = i == GW_WAVE_OWN_UPSTREAM || i == GW_WAVE_SERVER;
		if (p.is_upstream || !is_upstreams)
			f->waves.at[i][place] = p.waves[i];
	}
	return r;
}

static enum store_result follow(struct store_txn *t, void *ctx)
{
	struct following *const f = ctx;
	enum store_result r = STORE_OK;
	f->raised = 0; /* it may be run more than once */
	f->generation = 0;
	for (size_t i = 0; r == STORE_OK && i < gw_material_listeners(f->m); i++)
		r = follow_place(t, f, i);
	for (size_t i = 0; r == STORE_OK && i < gw_material_upstreams(f->m); i++)
		r = follow_place(t, f, GW_MATERIAL_UPSTREAM + i);
	return r;
}

bool gw_waves_follow(struct store *s, struct gw_material *m,
	const uint8_t proof[GW_WAVE_UPSTREAMS][GW_WAVE_PROOF], unsigned *raised)
{
	struct following f = { .m = m, .proof = proof };
	*raised = 0;
	if (gw_store_do(s, follow, &f, true) != STORE_OK)
		return false;
	gw_material_set_waves(m, &f.waves);
	*raised = f.raised;
	return true;
}
