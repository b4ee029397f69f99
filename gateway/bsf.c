/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/bsf.h"

#include "base/secret.h"
#include "base/vault.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/bsf_parts.h"
#include "gateway/worker.h"
#include "io/inbox.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { P_TID_RANDOM = 16, TAKEN_A_TURN = 256 };

static uint64_t clock_of(clockid_t id)
{
	struct timespec t;
	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t now_ms(void)
{
	return clock_of(CLOCK_BOOTTIME);
}

/* --- answers ---------------------------------------------------------------------------------- */

void gw_bsf_answer_free(struct gw_bsf_answer *a)
{
	secret_free(a, sizeof(*a));
}

static void job_free(struct gw_bsf_job *j)
{
	gw_bsf_setup_unref(j->setup);
	wipe(j, sizeof(*j));
	free(j);
}

static void answer(struct gw_bsf *b, const struct gw_bsf_job *j, struct gw_bsf_answer *a)
{
	const struct gw_bsf_told told = { .answer = a };
	a->tag = j->ask.tag;
	a->cred = j->ask.cred;
	if (inbox_post(b->inboxes[j->ask.worker], INBOX_SURE, GW_BSF_ANSWER, &told, sizeof(told)))
		return;
	log_say(b->log, LOG_LEVEL_ERROR, "memory", "none left to tell a worker what a BSF said");
	gw_bsf_answer_free(a);
}

/* Not in the list any more. */
static void end(struct gw_bsf *b, struct gw_bsf_job *j, enum gw_bsf_result result,
	const struct gw_bsf_reply *reply, const char *why)
{
	struct gw_bsf_answer *const a = secret_new(sizeof(*a));
	gw_bsf_say(b, j->setup ? j->setup : b->setup, j, result, reply ? reply->status : 0, why);
	if (a) {
		a->result = (uint8_t)result;
		a->status = reply ? (uint16_t)reply->status : 0;
		a->retry_after_s = reply ? reply->retry_after_s : 0;
		answer(b, j, a);
	}
	job_free(j);
}

static void leave(struct gw_bsf *b, struct gw_bsf_job *j)
{
	struct gw_bsf_job **at = &b->active;
	while (*at && *at != j)
		at = &(*at)->next;
	assert(*at == j);
	*at = j->next;
	j->next = NULL;
	b->counts.under_way--;
}

static void fail(struct gw_bsf *b, struct gw_bsf_job *j, enum gw_bsf_result result,
	const struct gw_bsf_reply *reply, const char *why)
{
	leave(b, j);
	end(b, j, result, reply, why);
}

/* 200: what is in it. NULL: *a has it. */
static enum gw_bsf_result read_answer(const struct gw_bsf_job *j, const struct gw_bsf_reply *reply,
	struct gw_bsf_answer *a, const char **why)
{
	struct bsf_keys keys;
	struct gba_keys derived;
	enum gw_bsf_result result = GW_BSF_OK;
	*why = bsf_answer_read(reply->body, reply->len, j->ask.uicc, &keys);
	if (*why)
		return GW_BSF_BAD_ANSWER;
	const enum gba_fault fault = gba_derive(
		&j->setup->labels, j->ask.uicc ? keys.uicc : keys.me, j->ask.triple_des, &derived);
	*why = "";
	if (fault == GBA_FAILED) {
		result = GW_BSF_SHORT;
	} else if (fault != GBA_GOOD) {
		result = GW_BSF_WEAK_KEYS;
	} else if (keys.until_ms != 0 && keys.until_ms <= clock_of(CLOCK_REALTIME)) {
		result = GW_BSF_EXPIRED;
	} else {
		a->key_len = derived.len;
		memcpy(a->kic, derived.kic, sizeof(a->kic));
		memcpy(a->kid, derived.kid, sizeof(a->kid));
		a->until_ms = keys.until_ms != 0 ? keys.until_ms : j->wished_ms;
		a->gpi_len = (uint16_t)keys.gpi_len;
		memcpy(a->gpi, keys.gpi, keys.gpi_len);
		memcpy(a->p_tid, j->p_tid, sizeof(a->p_tid));
	}
	wipe(&keys, sizeof(keys));
	wipe(&derived, sizeof(derived));
	return result;
}

static void succeed(struct gw_bsf *b, struct gw_bsf_job *j, const struct gw_bsf_reply *reply)
{
	const char *why = "";
	struct gw_bsf_answer *const a = secret_new(sizeof(*a));
	const enum gw_bsf_result result = a ? read_answer(j, reply, a, &why) : GW_BSF_SHORT;
	if (result != GW_BSF_OK) {
		gw_bsf_answer_free(a);
		fail(b, j, result, reply, why);
		return;
	}
	leave(b, j);
	a->result = GW_BSF_OK;
	a->status = (uint16_t)reply->status;
	gw_bsf_say(b, j->setup, j, GW_BSF_OK, reply->status, "");
	answer(b, j, a);
	job_free(j);
}

/* --- what one does next ----------------------------------------------------------------------- */

static bool post_request(struct gw_bsf *b, struct gw_bsf_job *j, uint64_t left_ms)
{
	char body[BSF_REQUEST_MAX];
	struct gw_bsf_setup *const s = j->setup;
	const struct bsf_request r = {
		.ask = &j->ask,
		.naf_fqdn = s->naf_fqdn,
		.uicc_application = s->uicc_application,
		.p_tid = j->p_tid,
		.ua = s->ua,
		.until_ms = j->wished_ms,
	};
	const struct gw_bsf_post post = {
		.setup = s,
		.job = j,
		.url = s->url,
		.type = "application/json",
		.bearer = s->access.wanted ? s->token : NULL,
		.body = body,
		.len = bsf_request_write(&r, body, sizeof(body)),
		.timeout_ms = left_ms,
	};
	return post.len > 0 && gw_bsf_http_post(b->http, &post);
}

static bool post_for_token(struct gw_bsf *b, struct gw_bsf_setup *s, uint64_t left_ms)
{
	char body[BSF_REQUEST_MAX];
	const struct gw_bsf_post post = {
		.setup = s,
		.url = s->token_url,
		.type = "application/x-www-form-urlencoded",
		.body = body,
		.len = bsf_token_request_write(s->client_id, s->client_secret, body, sizeof(body)),
		.timeout_ms = left_ms,
	};
	const bool good = post.len > 0 && gw_bsf_http_post(b->http, &post);
	wipe(body, sizeof(body));
	b->counts.tokens += good;
	return good;
}

static void carry_out(struct gw_bsf *b, struct gw_bsf_job *j, enum bsf_step step)
{
	const uint64_t now = now_ms();
	const uint64_t left_ms = j->try.until_ms > now ? j->try.until_ms - now : 1;
	j->parked = step == BSF_WAITS || step == BSF_FETCHES;
	switch (step) {
	case BSF_WAITS:
	case BSF_ENDS: /* not here */
		return;
	case BSF_FETCHES:
		if (post_for_token(b, j->setup, left_ms))
			return;
		bsf_token_failed(&j->setup->access);
		fail(b, j, GW_BSF_SHORT, NULL, "");
		return;
	case BSF_SENDS:
		if (!post_request(b, j, left_ms))
			fail(b, j, GW_BSF_SHORT, NULL, "");
		return;
	case BSF_IS_SLOW:
		fail(b, j, GW_BSF_SLOW, NULL, "");
		return;
	}
}

static void go_on(struct gw_bsf *b, struct gw_bsf_job *j)
{
	carry_out(b, j, bsf_try_next(&j->try, &j->setup->access, now_ms()));
}

static bool make_p_tid(struct gw_bsf_job *j)
{
	uint8_t random[P_TID_RANDOM];
	char *at = j->p_tid;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		at += snprintf(at, 3, "%02x", random[i]);
	(void)snprintf(at, sizeof(j->p_tid) - 2 * sizeof(random), "@%s", j->setup->naf_fqdn);
	return true;
}

static void begin(struct gw_bsf *b, struct gw_bsf_job *j)
{
	j->setup = gw_bsf_setup_ref(b->setup);
	j->try = bsf_try_begin(now_ms(), b->setup->timeout_ms);
	j->wished_ms = clock_of(CLOCK_REALTIME) + (uint64_t)j->ask.lifetime_s * 1000;
	j->next = b->active;
	b->active = j;
	b->counts.under_way++;
	if (make_p_tid(j))
		go_on(b, j);
	else
		fail(b, j, GW_BSF_SHORT, NULL, "");
}

static struct gw_bsf_job *first_waiting(struct gw_bsf *b)
{
	struct gw_bsf_job *const j = b->first;
	if (!j)
		return NULL;
	b->first = j->next;
	if (!b->first)
		b->last = &b->first;
	j->next = NULL;
	b->counts.waiting--;
	return j;
}

static void fill_up(struct gw_bsf *b)
{
	while (b->first && b->counts.under_way < b->setup->under_way)
		begin(b, first_waiting(b));
}

/* Whoever has waited as long as a question may take is told so, and asks again. */
static void on_age(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gw_bsf *const b = timer->data;
	const uint64_t now = now_ms();
	(void)events;
	while (b->first && now - b->first->since_ms >= b->setup->timeout_ms)
		end(b, first_waiting(b), GW_BSF_CROWDED, NULL, "");
	if (!b->first)
		ev_timer_stop(loop, timer);
}

static void take(struct gw_bsf *b, const struct gw_bsf_ask *ask)
{
	struct gw_bsf_job *const j = calloc(1, sizeof(*j));
	b->counts.asked++;
	if (!j) {
		log_say(b->log, LOG_LEVEL_ERROR, "memory", "none left to ask a BSF");
		return;
	}
	j->ask = *ask;
	j->since_ms = now_ms();
	if (b->counts.waiting >= GW_BSF_WAITING) {
		end(b, j, GW_BSF_CROWDED, NULL, "");
		return;
	}
	*b->last = j;
	b->last = &j->next;
	b->counts.waiting++;
	if (!ev_is_active(&b->age))
		ev_timer_again(b->loop, &b->age);
}

static void on_inbox(struct ev_loop *loop, ev_io *io, int events)
{
	struct gw_bsf *const b = io->data;
	struct inbox_message m;
	struct gw_bsf_ask ask;
	(void)loop;
	(void)events;
	for (size_t i = 0; i < TAKEN_A_TURN && inbox_take(b->inbox, &m); i++) {
		memcpy(&ask, m.data, sizeof(ask));
		take(b, &ask);
	}
	fill_up(b);
}

/* --- what comes back -------------------------------------------------------------------------- */

/* All that wait for a token of this setup. */
static void go_on_all(struct gw_bsf *b, const struct gw_bsf_setup *s, const char *why,
	const struct gw_bsf_reply *reply)
{
	struct gw_bsf_job *next;
	for (struct gw_bsf_job *j = b->active; j; j = next) {
		next = j->next;
		if (!j->parked || j->setup != s)
			continue;
		if (why)
			fail(b, j, GW_BSF_NO_TOKEN, reply, why);
		else
			go_on(b, j);
	}
}

static const char *read_token(struct gw_bsf_setup *s, const struct gw_bsf_reply *reply)
{
	struct bsf_token *const t = secret_new(sizeof(*t));
	const char *why = t ? bsf_token_read(reply->body, reply->len, t) : "memory is short";
	if (!why) {
		const size_t len = strlen(t->text) + 1;
		vault_release(s->token);
		s->token = vault_alloc(len);
		if (s->token)
			memcpy(s->token, t->text, len);
		else
			why = "memory is short";
	}
	if (!why)
		bsf_token_came(&s->access, t->expires_s, now_ms());
	secret_free(t, sizeof(*t));
	return why;
}

static void token_replied(
	struct gw_bsf *b, struct gw_bsf_setup *s, const struct gw_bsf_reply *reply)
{
	enum { OK = 200 };
	const char *why = "not status 200";
	if (reply->result != GW_BSF_OK)
		why = reply->why[0] != '\0' ? reply->why : gw_bsf_cause(reply->result);
	else if (reply->status == OK)
		why = read_token(s, reply);
	if (why)
		bsf_token_failed(&s->access);
	gw_bsf_setup_ref(s); /* the last that had it may end */
	go_on_all(b, s, why, reply);
	gw_bsf_setup_unref(s);
}

static void job_replied(struct gw_bsf *b, struct gw_bsf_job *j, const struct gw_bsf_reply *reply)
{
	char cause[BSF_PROBLEM_MAX + 1] = "";
	enum gw_bsf_result result = reply->result;
	if (result != GW_BSF_OK) {
		fail(b, j, result, reply, reply->why);
		return;
	}
	const enum bsf_step step =
		bsf_try_status(&j->try, &j->setup->access, reply->status, now_ms(), &result);
	if (step != BSF_ENDS) {
		carry_out(b, j, step);
	} else if (result == GW_BSF_OK) {
		succeed(b, j, reply);
	} else {
		bsf_problem_read(reply->body, reply->len, cause);
		fail(b, j, result, reply, cause);
	}
}

void gw_bsf_replied(struct gw_bsf *b, struct gw_bsf_setup *setup, struct gw_bsf_job *job,
	const struct gw_bsf_reply *reply)
{
	if (job)
		job_replied(b, job, reply);
	else
		token_replied(b, setup, reply);
	fill_up(b);
}

/* --- its life --------------------------------------------------------------------------------- */

bool gw_bsf_open(const struct conf_gateway *conf, const struct log *log,
	struct inbox *const *inboxes, struct gw_bsf **out, struct conf_error *error)
{
	*out = NULL;
	if (!conf->bsf.url)
		return true;
	struct gw_bsf *const b = calloc(1, sizeof(*b));
	(void)snprintf(error->text, sizeof(error->text), "memory is short");
	if (!b)
		return false;
	b->log = log;
	b->inboxes = inboxes;
	b->last = &b->first;
	b->inbox = inbox_new();
	b->setup = gw_bsf_http_prepare(error) ? gw_bsf_setup_new(&conf->bsf, error) : NULL;
	*out = b;
	return b->inbox && b->setup;
}

bool gw_bsf_read(struct gw_bsf *b, const struct conf_gateway *conf, struct gw_bsf_setup **out,
	struct conf_error *error)
{
	*out = NULL;
	if (!b || !conf->bsf.url)
		return true;
	*out = gw_bsf_setup_new(&conf->bsf, error);
	return *out != NULL;
}

void gw_bsf_take(struct gw_bsf *b, struct gw_bsf_setup *setup)
{
	if (!setup)
		return;
	gw_bsf_setup_unref(b->setup);
	b->setup = setup;
}

void gw_bsf_begin(struct gw_bsf *b, struct ev_loop *loop)
{
	b->http = gw_bsf_http_new(b, loop);
	if (!b->http) {
		log_say(b->log, LOG_LEVEL_ERROR, "memory", "none left to ask a BSF, ever");
		return;
	}
	b->loop = loop;
	ev_io_init(&b->inbox_io, on_inbox, inbox_fd(b->inbox), EV_READ);
	b->inbox_io.data = b;
	ev_io_start(loop, &b->inbox_io);
	ev_init(&b->age, on_age);
	b->age.data = b;
	b->age.repeat = 1.0;
}

void gw_bsf_end(struct gw_bsf *b)
{
	if (!b || !b->loop)
		return;
	ev_io_stop(b->loop, &b->inbox_io);
	ev_timer_stop(b->loop, &b->age);
	gw_bsf_http_free(b->http);
	b->http = NULL;
	b->loop = NULL;
	while (b->active)
		fail(b, b->active, GW_BSF_STOPPING, NULL, "");
	while (b->first)
		end(b, first_waiting(b), GW_BSF_STOPPING, NULL, "");
}

void gw_bsf_free(struct gw_bsf *b)
{
	if (!b)
		return;
	gw_bsf_end(b);
	if (b->inbox)
		inbox_free(b->inbox);
	gw_bsf_setup_unref(b->setup);
	free(b);
}

void gw_bsf_counts(const struct gw_bsf *b, struct gw_bsf_counts *out)
{
	*out = b->counts;
}

bool gw_bsf_ask(const struct gw_shared *s, const struct gw_bsf_ask *ask)
{
	assert(ask->lifetime_s > 0 && memchr(ask->subscriber, 0, sizeof(ask->subscriber)));
	return s->bsf && inbox_post(s->bsf->inbox, INBOX_LOSSY, 0, ask, sizeof(*ask));
}
