/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/trace.h"

#include "dtls/engine.h"
#include "gateway/judge_parts.h"
#include "gateway/worker.h"
#include "proxy/coap.h"

#include <stdio.h>
#include <string.h>

enum { CLASS_SHIFT = 5, DETAIL = 31, ERROR = PDU_BAD_REQUEST, SAID = 96 };

/* The message that is being dealt with, and what was seen meanwhile. */
struct gw_trace_took {
	const struct gw_session *session;
	enum gw_leg_name from;
	struct relay_stats before;
	struct ctl_traced line;
	bool passed; /* it went to the other leg */
	bool told;   /* its sender was told something: */
	uint8_t type, code;
	char said[SAID];
};

/* --- a message as a line ---------------------------------------------------------------------- */

static void add_text(char *out, size_t *len, const char *before, const struct pdu_option *o)
{
	for (; *before != '\0' && *len + 1 < CTL_TRACED_PATH; before++)
		out[(*len)++] = *before;
	for (size_t i = 0; i < o->len && *len + 1 < CTL_TRACED_PATH; i++) {
		const bool plain = o->value[i] > ' ' && o->value[i] < 0x7f;
		const uint8_t shown = plain ? o->value[i] : (uint8_t)'?';
		out[(*len)++] = (char)shown;
	}
	out[*len] = '\0';
}

/* Of a request where it goes, of an answer where that has made something. */
static void write_path(const struct pdu *m, char out[CTL_TRACED_PATH])
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	const uint16_t wanted = pdu_is_request(m) ? PDU_URI_PATH : PDU_LOCATION_PATH;
	size_t len = 0;
	bool query = false;
	while (pdu_next(&it, &o)) {
		if (o.number == wanted)
			add_text(out, &len, "/", &o);
		else if (o.number == PDU_URI_QUERY && pdu_is_request(m))
			add_text(out, &len, query ? "&" : "?", &o);
		query = query || o.number == PDU_URI_QUERY;
	}
}

/* The first segment is that word. */
static bool is_below(const char *path, const char *word)
{
	const size_t len = strlen(word);
	return path[0] == '/' && strncmp(path + 1, word, len) == 0 &&
	       (path[1 + len] == '\0' || path[1 + len] == '/' || path[1 + len] == '?');
}

/* Of a request. Objects 0 and 21 have keys; so may what names no path: it has it in its payload. */
static bool may_hold_keys(const struct ctl_traced_coap *c)
{
	return is_below(c->path, "0") || is_below(c->path, "21") || is_below(c->path, "bs") ||
	       is_below(c->path, "bspack") || c->path[0] != '/';
}

static bool is_shown(const struct gw_session *s, bool by_device, const struct ctl_traced_coap *c)
{
	struct gw_trace_says m = { .request = pdu_is_request(&(struct pdu){ .code = c->code }) };
	_Static_assert(sizeof(m.token.octets) == sizeof(c->token), "a token is whole");
	if (c->code == PDU_EMPTY)
		return false;
	m.token.by_device = by_device == m.request;
	m.token.len = c->token_len;
	memcpy(m.token.octets, c->token, c->token_len);
	m.open = m.request && s->purpose != CONF_FOR_BOOTSTRAP && !s->learning && s->relay &&
		 !relay_device_bootstraps(s->relay) && !may_hold_keys(c);
	return gw_tracing_shows(s->worker->shared->tracing, s->cred, &m);
}

/* A message from the device's side, or from the server's. False: it is none. */
static bool read_coap(const struct gw_session *s, bool by_device, const uint8_t *msg, size_t len,
	struct ctl_traced_coap *c)
{
	struct pdu m;
	const enum pdu_verdict v = pdu_parse(msg, len, &m);
	c->is = true;
	c->type = m.type;
	c->code = m.code;
	c->mid = m.mid;
	if (v != PDU_OK)
		return false;
	c->token_len = m.token_len;
	if (m.token_len > 0)
		memcpy(c->token, m.token, m.token_len);
	write_path(&m, c->path);
	c->payload_len = (uint32_t)m.payload_len;
	c->payload_kept = is_shown(s, by_device, c);
	if (!c->payload_kept || m.payload_len == 0)
		return true;
	c->kept = (uint16_t)(m.payload_len < CTL_TRACED_PAYLOAD ? m.payload_len
								: (size_t)CTL_TRACED_PAYLOAD);
	memcpy(c->payload, m.payload, c->kept);
	return true;
}

static const struct net_path *path_of(const struct gw_session *s, enum gw_leg_name leg)
{
	if (leg == GW_DEVICE)
		return gw_session_path(s);
	return s->legs[GW_LINK].conn ? dtls_conn_path(s->legs[GW_LINK].conn) : NULL;
}

void gw_trace_leg(const struct gw_session *s, enum gw_leg_name leg, struct ctl_traced *line)
{
	const struct net_path *const path = path_of(s, leg);
	line->leg = leg == GW_DEVICE ? CTL_WITH_DEVICE : CTL_WITH_SERVER;
	if (path)
		line->peer = path->peer;
}

/* What an association has brought has a record; what has waited has none any more. */
static void number_in(const struct gw_session *s, enum gw_leg_name from, struct ctl_traced *line)
{
	struct dtls_fated f;
	if (!s->legs[from].conn || !dtls_arrived(s->worker->dtls, &f))
		return;
	line->peer = f.path->peer;
	line->octets = (uint32_t)f.len;
	line->numbered = true;
	line->epoch = f.epoch;
	line->record = f.seq;
}

/* --- what was seen meanwhile ------------------------------------------------------------------ */

static bool same_token(const struct ctl_traced_coap *a, const struct ctl_traced_coap *b)
{
	return a->token_len == b->token_len && memcmp(a->token, b->token, a->token_len) == 0;
}

/* Diagnostics are the relay's own sentences. */
static void note_said(
	struct gw_trace_took *t, const struct ctl_traced_coap *c, const uint8_t *msg, size_t len)
{
	struct pdu m;
	t->told = true;
	t->type = c->type;
	t->code = c->code;
	if (c->code < ERROR || pdu_parse(msg, len, &m) != PDU_OK || !m.payload)
		return;
	const size_t n = m.payload_len < SAID ? m.payload_len : SAID - 1;
	memcpy(t->said, m.payload, n);
	t->said[n] = '\0';
}

static void note(struct gw_trace_took *t, enum gw_leg_name to, const struct ctl_traced_coap *c,
	const uint8_t *msg, size_t len)
{
	const struct ctl_traced_coap *const came = &t->line.coap;
	const bool empty = c->code == PDU_EMPTY;
	if (to != t->from)
		t->passed = t->passed || (c->code == came->code && same_token(c, came));
	else if ((empty && c->mid == came->mid) || (c->code >= ERROR && same_token(c, came)))
		note_said(t, c, msg, len);
}

void gw_trace_sends(struct gw_worker *w)
{
	w->trace.sends = true;
	w->trace.left = 0;
}

static const char *origin(const struct gw_trace_took *t, enum gw_leg_name to)
{
	if (!t)
		return "it had waited, or by the gateway's own timers";
	return t->from != to ? "passed on" : "the gateway's own";
}

static struct gw_trace_took *took_of(const struct gw_session *s)
{
	struct gw_trace_took *const t = s->worker->trace.took;
	return t && t->session == s ? t : NULL;
}

void gw_trace_sent_bare(
	struct gw_session *s, const uint8_t *msg, size_t len, const char *fate, const char *why)
{
	struct gw_tracing *const tracing = s->worker->shared->tracing;
	struct gw_trace_took *const t = took_of(s);
	if (!gw_tracing_has(tracing, s->cred))
		return;
	struct ctl_traced line = { .out = true, .octets = (uint32_t)len, .fate = fate };
	gw_trace_leg(s, GW_DEVICE, &line);
	(void)read_coap(s, false, msg, len, &line.coap);
	(void)snprintf(line.why, sizeof(line.why), "%s", why ? why : origin(t, GW_DEVICE));
	if (t)
		note(t, GW_DEVICE, &line.coap, msg, len);
	(void)gw_tracing_add(tracing, s->cred, path_of(s, GW_DEVICE), &line);
}

void gw_trace_sent(
	struct gw_session *s, enum gw_leg_name to, const uint8_t *msg, size_t len, bool ok)
{
	struct gw_worker *const w = s->worker;
	struct gw_trace_took *const t = took_of(s);
	w->trace.sends = false;
	if (!gw_tracing_has(w->shared->tracing, s->cred))
		return;
	struct ctl_traced line = { .out = true, .octets = (uint32_t)w->trace.left };
	gw_trace_leg(s, to, &line);
	(void)read_coap(s, to == GW_LINK, msg, len, &line.coap);
	line.numbered = w->trace.left > 0;
	line.epoch = w->trace.epoch;
	line.record = w->trace.record;
	line.fate = line.numbered ? "sent" : ok ? "held" : "dropped";
	(void)snprintf(line.why, sizeof(line.why), "%s",
		line.numbered ? origin(t, to)
		: ok          ? "until what it says is durable, or where its device is is known"
			      : "the association does not take it");
	if (t)
		note(t, to, &line.coap, msg, len);
	(void)gw_tracing_add(w->shared->tracing, s->cred, path_of(s, to), &line);
}

/* --- its fate --------------------------------------------------------------------------------- */

static void say(struct ctl_traced *line, const char *fate, const char *why)
{
	line->fate = fate;
	(void)snprintf(line->why, sizeof(line->why), "%s", why);
}

static void say_told(struct gw_trace_took *t)
{
	struct ctl_traced *const line = &t->line;
	if (t->code == PDU_EMPTY) {
		say(line, t->type == PDU_RST ? "reset" : "acknowledged",
			t->type == PDU_RST ? "the other side has no part in it"
					   : "it goes on in its time");
		return;
	}
	line->fate = "answered";
	(void)snprintf(line->why, sizeof(line->why), "%u.%02u %s",
		(unsigned)(t->code >> CLASS_SHIFT), (unsigned)(t->code & DETAIL), t->said);
}

/* Of what the relay neither passed on nor answered: what it has counted. */
static void say_counted(struct gw_trace_took *t, const struct relay_stats *now)
{
	const struct relay_stats *const was = &t->before;
	struct ctl_traced *const line = &t->line;
	if (now->asleep_held > was->asleep_held)
		say(line, "waiting", "its device sleeps");
	else if (now->queued_bytes > was->queued_bytes)
		say(line, "waiting", "for the link to the server");
	else if (now->malformed > was->malformed)
		say(line, "dropped", "it is no good CoAP");
	else if (now->suppressed > was->suppressed ||
		 now->answered_from_kept > was->answered_from_kept)
		say(line, "copy", "it was dealt with before");
	else if (now->dropped > was->dropped)
		say(line, "dropped", "nobody awaits it");
	else if (now->kept_bytes > was->kept_bytes)
		say(line, "waiting", "for its turn on the radio");
	else
		say(line, "taken", "");
}

/* What a policy lets through is no accident. */
static void name_rule(const struct gw_session *s, struct ctl_traced *line)
{
	if (!s->relay || !s->sentence || relay_device_gated(s->relay) == RELAY_OPEN)
		return;
	memcpy(line->rule, s->sentence->ruling.rule, sizeof(line->rule));
}

static void say_passed(struct gw_trace_took *t)
{
	const struct gw_session *const s = t->session;
	const struct relay_stats now = relay_stats(s->worker->relay);
	if (t->passed) {
		say(&t->line, "relayed", "");
		return;
	}
	name_rule(s, &t->line);
	if (t->told)
		say_told(t);
	else
		say_counted(t, &now);
}

static void conclude(struct gw_trace_took *t, enum gw_took took)
{
	switch (took) {
	case GW_TOOK_PASSED:
		say_passed(t);
		break;
	case GW_TOOK_HELD:
		say(&t->line, "held", "until its session is durable, or judged");
		break;
	case GW_TOOK_LOST:
		say(&t->line, "dropped", "too much waits already");
		break;
	case GW_TOOK_REPLY:
		say(&t->line, "taken", "it answers the gateway's own question");
		break;
	case GW_TOOK_IMAGE:
		say(&t->line, "answered", "by the repository of firmware");
		break;
	case GW_TOOK_ELSEWHERE:
		say(&t->line, "dropped", "it is led to another server by now");
		break;
	}
}

/* A bootstrap may begin with this; it is over when the device registers. */
static void look_at_bootstrap(const struct gw_session *s, const struct ctl_traced_coap *c)
{
	struct gw_tracing *const t = s->worker->shared->tracing;
	if (is_below(c->path, "bs") || is_below(c->path, "bspack"))
		gw_tracing_hide(t, s->cred, true);
	else if (is_below(c->path, "rd"))
		gw_tracing_hide(t, s->cred, false);
}

void gw_trace_take(
	struct gw_session *s, enum gw_leg_name from, uint8_t *msg, size_t len, gw_taker *take)
{
	struct gw_worker *const w = s->worker;
	struct gw_tracing *const tracing = w->shared->tracing;
	if (!gw_tracing_has(tracing, s->cred) || w->trace.took) {
		(void)take(s, from, msg, len);
		return;
	}
	struct gw_trace_took t = { .session = s, .from = from };
	t.before = relay_stats(w->relay);
	gw_trace_leg(s, from, &t.line);
	number_in(s, from, &t.line);
	if (from == GW_DEVICE && (s->air || s->sms))
		t.line.octets = (uint32_t)len;
	(void)read_coap(s, from == GW_DEVICE, msg, len, &t.line.coap);
	if (from == GW_DEVICE && pdu_is_request(&(struct pdu){ .code = t.line.coap.code }))
		look_at_bootstrap(s, &t.line.coap);
	const struct gw_line_place place =
		gw_tracing_add(tracing, s->cred, path_of(s, from), &t.line);
	w->trace.took = &t;
	const enum gw_took took = take(s, from, msg, len);
	w->trace.took = NULL;
	conclude(&t, took);
	gw_tracing_settle(tracing, &place, &t.line);
}
