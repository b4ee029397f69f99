/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/exchange.h"

#include "base/pool.h"

#include <string.h>

struct exchange *exchange_of_copy(struct exchange_table *t, const struct pdu *m)
{
	for (size_t i = 0; t && i < EXCHANGE_MAX; i++) {
		struct exchange *const e = &t->slots[i];
		if (e->used && e->mid == m->mid && e->confirmable == (m->type == PDU_CON) &&
			pdu_same_token(m, e->token, e->token_len))
			return e;
	}
	return NULL;
}

/* Would we rather lose a than b? */
static bool cheaper(const struct exchange *a, const struct exchange *b)
{
	if (a->used != b->used)
		return !a->used;
	if (a->answered != b->answered)
		return a->answered;
	return (int32_t)(a->born - b->born) < 0;
}

static struct exchange *find_room(struct exchange_table *t)
{
	struct exchange *best = &t->slots[0];
	for (size_t i = 1; i < EXCHANGE_MAX; i++) {
		if (cheaper(&t->slots[i], best))
			best = &t->slots[i];
	}
	return best;
}

static void claim(struct exchange_table *t, const struct exchange *e, const struct pdu *m)
{
	const uint8_t slot = (uint8_t)(e - t->slots);
	if (e->request.claims && registration_path(m, t->claim)) {
		t->claimant = slot;
		return;
	}
	if (t->claimant == slot || e->request.claims)
		t->claim[0] = '\0';
}

/* What claims a location is taken to differ: its path is not in the request. */
static bool differ(const struct registration_request *a, const struct registration_request *b)
{
	return !registration_same_effect(a, b) || a->claims || b->claims;
}

/* A true retransmission asks for the same. */
static bool same_effect(const struct exchange_table *t, const struct exchange *e,
	const struct pdu *m, const struct registration_request *what)
{
	char path[RELAY_LOCATION_MAX];
	if (!what->claims)
		return !differ(&e->request, what);
	const char *const claimed = exchange_claim(t, e);
	return registration_same_effect(&e->request, what) && claimed &&
	       registration_path(m, path) && strcmp(path, claimed) == 0;
}

struct exchange *exchange_open(struct pool *home, struct exchange_table **t,
	const struct pdu *request, const struct registration_request *what, uint64_t due_ms)
{
	if (!*t) {
		*t = pool_take(home);
		if (!*t)
			return NULL;
		(*t)->home = home;
	}
	struct exchange *e = exchange_of_copy(*t, request);
	if (e && !e->answered) {
		/* The server answers only one of two requests with one id, we don't know which. */
		e->doubtful = e->doubtful || !same_effect(*t, e, request, what);
		return e;
	}
	const bool settled = e && e->settled && same_effect(*t, e, request, what);
	if (!e)
		e = find_room(*t);
	*e = (struct exchange){
		.used = true,
		.mid = request->mid,
		.due_ms = due_ms,
		.first_ms = (uint32_t)due_ms,
		.settled = settled,
	};
	e->born = (*t)->births++;
	e->confirmable = request->type == PDU_CON;
	e->token_len = request->token_len;
	if (request->token_len > 0)
		memcpy(e->token, request->token, request->token_len);
	e->request = *what;
	e->no_5xx = pdu_unwanted(request, PDU_GATEWAY_TIMEOUT);
	claim(*t, e, request);
	return e;
}

struct exchange *exchange_of_mid(struct exchange_table *t, uint16_t mid)
{
	for (size_t i = 0; t && i < EXCHANGE_MAX; i++) {
		struct exchange *const e = &t->slots[i];
		if (e->used && e->confirmable && e->mid == mid)
			return e;
	}
	return NULL;
}

/* Of two requests with one token (the blocks of a Register, say) the younger is meant. */
static bool fits_better(const struct exchange *e, const struct exchange *best)
{
	return !best || (int32_t)(e->born - best->born) > 0;
}

struct exchange *exchange_of_answer(struct exchange_table *t, const struct pdu *answer)
{
	struct exchange *best = NULL;
	for (size_t i = 0; t && i < EXCHANGE_MAX; i++) {
		struct exchange *const e = &t->slots[i];
		if (!e->used || !pdu_same_token(answer, e->token, e->token_len))
			continue;
		if (answer->type == PDU_ACK && (!e->confirmable || e->mid != answer->mid))
			continue;
		if (answer->type == PDU_CON && e->has_server_mid && e->server_mid == answer->mid)
			return e; /* said again */
		/* One token on two open requests: the answer may be to either. */
		if (answer->type != PDU_ACK && best && !best->answered && !e->answered &&
			differ(&best->request, &e->request))
			best->doubtful = e->doubtful = true;
		if (fits_better(e, best))
			best = e;
	}
	return best;
}

struct exchange *exchange_of_server_mid(struct exchange_table *t, uint16_t mid)
{
	for (size_t i = 0; t && i < EXCHANGE_MAX; i++) {
		struct exchange *const e = &t->slots[i];
		if (e->used && e->has_server_mid && e->server_mid == mid)
			return e;
	}
	return NULL;
}

bool exchange_registering(const struct exchange_table *t)
{
	for (size_t i = 0; t && i < EXCHANGE_MAX; i++) {
		const struct exchange *const e = &t->slots[i];
		const bool register_or_claim =
			e->request.kind == REGISTRATION_REGISTER || e->request.claims;
		if (e->used && !e->answered && register_or_claim)
			return true;
	}
	return false;
}

uint32_t exchange_pending_count(const struct exchange_table *t)
{
	uint32_t n = 0;
	for (size_t i = 0; t && i < EXCHANGE_MAX; i++)
		n += t->slots[i].used && !t->slots[i].answered ? 1 : 0;
	return n;
}

bool exchange_pending(const struct exchange_table *t)
{
	return exchange_pending_count(t) > 0;
}

const char *exchange_claim(const struct exchange_table *t, const struct exchange *e)
{
	return t->claim[0] != '\0' && e == &t->slots[t->claimant] ? t->claim : NULL;
}

struct exchange *exchange_due(struct exchange_table *t, uint64_t now_ms)
{
	for (size_t i = 0; t && i < EXCHANGE_MAX; i++) {
		if (t->slots[i].used && t->slots[i].due_ms <= now_ms)
			return &t->slots[i];
	}
	return NULL;
}

uint64_t exchange_next_ms(const struct exchange_table *t)
{
	uint64_t next = UINT64_MAX;
	for (size_t i = 0; t && i < EXCHANGE_MAX; i++) {
		if (t->slots[i].used && t->slots[i].due_ms < next)
			next = t->slots[i].due_ms;
	}
	return next;
}

void exchange_close(struct exchange_table **t, struct exchange *e)
{
	if ((*t)->claimant == (uint8_t)(e - (*t)->slots))
		(*t)->claim[0] = '\0';
	e->used = false;
	for (size_t i = 0; i < EXCHANGE_MAX; i++) {
		if ((*t)->slots[i].used)
			return;
	}
	exchange_clear(t);
}

void exchange_clear(struct exchange_table **t)
{
	if (*t)
		pool_give((*t)->home, *t);
	*t = NULL;
}
