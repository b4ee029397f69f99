/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/claim.h"

#include "gateway/session.h"
#include "gateway/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { GENERATION = GW_TENURE_WORKER + 1 };

struct gw_taken gw_seat_take(struct gw_seat *seat, uint32_t worker)
{
	assert(worker < GW_TENURE_WORKER);
	uint32_t before = atomic_load(&seat->tenure);
	uint32_t tenure;
	do {
		if (gw_tenure_worker(before) == worker)
			return (struct gw_taken){ .before = before, .tenure = before };
		tenure = (before & ~(uint32_t)GW_TENURE_WORKER) + GENERATION + worker + 1;
	} while (!atomic_compare_exchange_weak(&seat->tenure, &before, tenure));
	return (struct gw_taken){ .before = before, .tenure = tenure };
}

void gw_seat_leave(struct gw_seat *seat, uint32_t tenure)
{
	const uint32_t empty = tenure & ~(uint32_t)GW_TENURE_WORKER;
	(void)atomic_compare_exchange_strong(&seat->tenure, &tenure, empty);
}

static struct gw_session **waiting_at(struct gw_worker *w, uint32_t cred, uint32_t tenure)
{
	struct gw_session **at = &w->waiting;
	while (*at && ((*at)->cred != cred || (*at)->tenure != tenure))
		at = &(*at)->wait->next;
	return at;
}

struct gw_session *gw_session_of(struct gw_worker *w, uint32_t cred)
{
	struct gw_seat *seat = &w->shared->seats[cred];
	const uint32_t tenure = atomic_load(&seat->tenure);
	if (gw_tenure_worker(tenure) != w->number)
		return NULL;
	struct gw_session *waiting = *waiting_at(w, cred, tenure);
	return waiting ? waiting : seat->session;
}

/* Half a hand-over would leave two sessions for one identity, or none for ever. */
static _Noreturn void give_up(const struct gw_worker *w)
{
	log_say(&w->log, LOG_LEVEL_ERROR, "memory",
		"none left to hand a session to another worker; the gateway gives up");
	abort();
}

void gw_claim_send(struct gw_session *s, uint32_t before)
{
	struct gw_worker *w = s->worker;
	const struct gw_claim claim = { .cred = s->cred, .before = before, .tenure = s->tenure };
	struct inbox *to = w->shared->inboxes[gw_tenure_worker(before)];
	s->wait = calloc(1, sizeof(*s->wait));
	if (!s->wait || !inbox_post(to, INBOX_SURE, GW_CLAIM, &claim, sizeof(claim)))
		give_up(w);
	s->wait->next = w->waiting;
	w->waiting = s;
}

static void yield_to(
	struct gw_worker *w, uint32_t cred, uint32_t tenure, const struct relay_registration *r)
{
	const struct gw_yield yield = { .cred = cred, .tenure = tenure, .registration = *r };
	struct inbox *heir = w->shared->inboxes[gw_tenure_worker(tenure)];
	if (!inbox_post(heir, INBOX_SURE, GW_YIELD, &yield, sizeof(yield)))
		give_up(w);
}

void gw_claim_received(struct gw_worker *w, const struct gw_claim *claim)
{
	struct gw_session *waiting = *waiting_at(w, claim->cred, claim->before);
	if (waiting) { /* not ours yet; it passes through */
		waiting->wait->heir = claim->tenure;
		if (waiting->device_conn) {
			dtls_conn_set_user(waiting->device_conn, NULL);
			dtls_close(w->dtls, waiting->device_conn);
		}
		waiting->device_conn = NULL;
		return;
	}
	/* The tenure may have ended by itself in the meantime: then there is nothing to tell. */
	struct relay_registration registration = { .active = false };
	struct gw_seat *seat = &w->shared->seats[claim->cred];
	if (seat->session) {
		assert(seat->session->tenure == claim->before);
		registration = *relay_device_registration(seat->session->relay);
		gw_session_end(seat->session, "the device has come back to another worker");
	}
	yield_to(w, claim->cred, claim->tenure, &registration);
}

static void feed(struct gw_session *s, struct gw_wait *wait)
{
	for (size_t i = 0; i < wait->len; i++) {
		if (s->device_conn)
			relay_from_device(s->relay, wait->messages[i].data, wait->messages[i].len,
				s->worker->now_ms);
	}
}

void gw_yield_received(struct gw_worker *w, const struct gw_yield *yield)
{
	struct gw_session **at = waiting_at(w, yield->cred, yield->tenure);
	struct gw_session *s = *at;
	if (!s) {
		assert(w->stopping); /* only gw_wait_abandon() takes a session from the list */
		return;
	}
	struct gw_wait *wait = s->wait;
	*at = wait->next;
	s->wait = NULL;
	if (wait->heir != 0 || !s->device_conn) {
		gw_session_end(s, "the device left before its session came");
		if (wait->heir != 0)
			yield_to(w, yield->cred, wait->heir, &yield->registration);
		else
			gw_seat_leave(&w->shared->seats[yield->cred], yield->tenure);
	} else if (gw_session_begin(s, &yield->registration)) {
		feed(s, wait);
	}
	gw_wait_free(wait);
}

void gw_wait_abandon(struct gw_session *s)
{
	struct gw_session **at = waiting_at(s->worker, s->cred, s->tenure);
	assert(*at == s);
	*at = s->wait->next;
	gw_wait_free(s->wait);
	s->wait = NULL;
}

void gw_wait_keep(struct gw_wait *wait, const uint8_t *msg, size_t len)
{
	if (wait->len == GW_WAIT_MESSAGES || len == 0)
		return;
	uint8_t *copy = malloc(len);
	if (!copy)
		return;
	memcpy(copy, msg, len);
	wait->messages[wait->len].data = copy;
	wait->messages[wait->len].len = len;
	wait->len++;
}

void gw_wait_free(struct gw_wait *wait)
{
	if (!wait)
		return;
	for (size_t i = 0; i < wait->len; i++)
		free(wait->messages[i].data);
	free(wait);
}
