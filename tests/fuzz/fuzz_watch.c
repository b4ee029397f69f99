/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bootstrap as it is followed: messages of both sides. The input is steps: an octet, even: of the
 * server, odd: of the device; a length of two octets; the message.
 *
 * What must hold: copies do nothing (one watch is told everything twice); what was found once is
 * found again; it is found or there is a reason, or nothing of it was written; what is found has
 * what its mode needs; only what the device has answered changes it, or a request that makes it
 * unknown, for good.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/read.h"
#include "learn/watch.h"
#include "proxy/coap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_watch: %s\n", what);
	abort();
}

struct view { /* what can be seen of a watch */
	bool found;
	const char *why;
	struct learn_found what;
};

/* Too large for a stack that the sanitizers make larger still. */
struct bed {
	struct learn_watch *once, *twice;
	struct view before, now, other;
	bool lost;
};

static void look(const struct learn_watch *w, struct view *v)
{
	v->found = learn_watch_found(w, &v->what);
	v->why = learn_watch_why(w);
	must(!v->found || !v->why, "it is found, and not");
	if (!v->found)
		return;
	must(v->what.identity.len > 0 && v->what.identity.len <= LEARN_OCTETS_MAX,
		"nothing to be proved is found");
	must(v->what.key.len <= LEARN_OCTETS_MAX &&
			(v->what.key.len > 0) == (v->what.mode == LEARN_PSK),
		"a key is found where there is none, or none where there is one");
}

static bool same_octets(const struct learn_octets *a, const struct learn_octets *b)
{
	return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

/* Texts of the watch are compared as such: both are of one program. */
static bool same(const struct view *a, const struct view *b)
{
	return a->found == b->found && a->why == b->why && a->what.mode == b->what.mode &&
	       same_octets(&a->what.identity, &b->what.identity) &&
	       same_octets(&a->what.key, &b->what.key);
}

/* In a block of its own length, gone when the watch has seen it. */
static enum learn_event tell(struct learn_watch *w, bool device, const uint8_t *msg, size_t len)
{
	struct pdu m;
	uint8_t *const copy = malloc(len + (len == 0));
	if (!copy)
		abort();
	memcpy(copy, msg, len);
	enum learn_event e = LEARN_PASSES;
	if (pdu_parse(copy, len, &m) == PDU_OK)
		e = device ? learn_watch_answered(w, &m) : learn_watch_asked(w, &m);
	free(copy);
	return e;
}

static void step(struct bed *b, bool device, const uint8_t *msg, size_t len)
{
	look(b->once, &b->before);
	const enum learn_event first = tell(b->once, device, msg, len);
	look(b->once, &b->now);
	must(tell(b->twice, device, msg, len) == first, "an event of its own");
	const enum learn_event copy = tell(b->twice, device, msg, len);
	must(copy == (first == LEARN_FINISHES ? LEARN_FINISHES : LEARN_PASSES), "a copy happens");
	look(b->twice, &b->other);
	must(same(&b->now, &b->other), "a copy changes what is found");
	must(device || first == LEARN_PASSES || first == LEARN_FINISHES, "the server answers");
	must(!device || first != LEARN_FINISHES, "the device finishes");
	if (device && (first == LEARN_FINISHED || first == LEARN_BREAKS))
		must(same(&b->before, &b->now), "the last answer changes what is found");
	must(device || !b->now.found || same(&b->before, &b->now),
		"something is found that the device has not answered");
	must(!b->lost || !b->now.found, "what is lost comes back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const uris[] = { "coaps://gw.example:5684" };
	struct bed *const b = calloc(1, sizeof(*b));
	if (!b)
		return 0;
	b->once = learn_watch_new(uris, 1);
	b->twice = learn_watch_new(uris, 1);
	if (!b->once || !b->twice)
		abort();
	for (size_t at = 0; size - at >= 3;) {
		const bool device = (data[at] & 1) != 0;
		const size_t want = (size_t)(data[at + 1] << 8 | data[at + 2]);
		at += 3;
		const size_t len = want < size - at ? want : size - at;
		step(b, device, data + at, len);
		at += len;
		/* Why it is lost does not change any more. */
		b->lost = b->lost || (b->now.why && strstr(b->now.why, "out of order") != NULL);
	}
	learn_watch_free(b->once);
	learn_watch_free(b->twice);
	free(b);
	return 0;
}
