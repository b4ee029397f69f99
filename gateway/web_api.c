/* SPDX-License-Identifier: Apache-2.0 */
/* What the page shows is what lwgatectl --json is told: the same questions, the same answers. */
#include "gateway/web_api.h"

#include "base/log_ring.h"
#include "base/rd.h"
#include "base/wr.h"
#include "ctl/answer.h"
#include "ctl/json.h"
#include "ctl/proto.h"
#include "gateway/gateway_parts.h"
#include "gateway/web_facts.h"
#include "gateway/web_query.h"
#include "web/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEAD = 2, /* version and status of an answer */
	NOT_FOUND = 404,
	FAILED = 503,
	LISTED_MAX = 2000, /* awake sessions that one answer names */
};

static const char json[] = "application/json";

/* Asks as lwgatectl does; *out is its answer, the octets before its text still in it. */
static bool ask(struct gw_gateway *g, const struct ctl_request *q, struct ctl_out *out)
{
	uint8_t request[CTL_REQUEST_MAX > 1024 ? 1024 : CTL_REQUEST_MAX];
	struct ctl_source source = gw_source(g);
	void *import = NULL;
	source.store = gw_store_source(g);
	const size_t len = ctl_request_write(q, request, sizeof(request));
	return len > 0 && ctl_answer(&source, &import, request, len, out);
}

static enum ctl_status status_of(const struct ctl_out *o)
{
	return o->len >= HEAD ? (enum ctl_status)o->data[1] : CTL_FAILED;
}

static void take_status(const struct ctl_out *o, struct gw_web_answer *out)
{
	const enum ctl_status s = status_of(o);
	out->status = s == CTL_DONE ? 0 : s == CTL_UNKNOWN_ENDPOINT ? NOT_FOUND : FAILED;
}

/* The whole text is the answer. */
static bool plain(
	struct gw_gateway *g, enum ctl_verb verb, const char *arg, struct gw_web_answer *out)
{
	struct ctl_request q = { .form = CTL_JSON, .verb = verb };
	struct ctl_out said = { 0 };
	(void)snprintf(q.arg, sizeof(q.arg), "%s", arg);
	const bool good = ask(g, &q, &said);
	if (good) {
		take_status(&said, out);
		ctl_out_bytes(&out->body, said.data + HEAD, said.len - HEAD);
	}
	ctl_out_fini(&said);
	return good;
}

static bool status(struct gw_gateway *g, const struct gw_web_question *q, struct gw_web_answer *out)
{
	(void)q;
	return plain(g, CTL_STATUS, "", out);
}

static bool named(struct gw_gateway *g, enum ctl_verb verb, const struct gw_web_question *q,
	struct gw_web_answer *out)
{
	char endpoint[CTL_ARG_MAX + 1];
	if (gw_web_query(q->query, "endpoint", endpoint, sizeof(endpoint)))
		return plain(g, verb, endpoint, out);
	out->status = NOT_FOUND;
	ctl_out_text(&out->body, "{\"error\":\"no endpoint is said\"}\n");
	return true;
}

static bool session(
	struct gw_gateway *g, const struct gw_web_question *q, struct gw_web_answer *out)
{
	return named(g, CTL_SESSION, q, out);
}

static bool sms_keys(
	struct gw_gateway *g, const struct gw_web_question *q, struct gw_web_answer *out)
{
	return named(g, CTL_SMS_KEYS, q, out);
}

static uint64_t awake(struct gw_gateway *g)
{
	struct ctl_source source = gw_source(g);
	struct ctl_worker w;
	uint64_t n = 0;
	for (size_t i = 0; i < source.workers(source.ctx); i++)
		n += source.worker(source.ctx, i, &w) ? w.relay.devices : 0;
	return n;
}

/* from=0: who is awake, unless they are too many to be read; from=N: a page of sleepers. next=0:
   there are no more. */
static bool sessions(
	struct gw_gateway *g, const struct gw_web_question *q, struct gw_web_answer *out)
{
	uint8_t body[4 + CTL_WIDTHS] = { 0 };
	struct ctl_request asked = {
		.form = CTL_JSON, .verb = CTL_SESSIONS, .body = body, .body_len = sizeof(body)
	};
	struct ctl_out said = { 0 };
	uint64_t from = 0;
	(void)!gw_web_query_number(q->query, "from", &from);
	if (from > UINT32_MAX) {
		out->status = NOT_FOUND;
		ctl_out_text(&out->body, "{\"error\":\"there is no such page\"}\n");
		return true;
	}
	const uint64_t there = from == 0 ? awake(g) : 0;
	if (there > LISTED_MAX) {
		ctl_out_form(&out->body,
			"{\"awake\":%" PRIu64 ",\"listed\":false,\"sessions\":[],\"next\":1}\n",
			there);
		return true;
	}
	struct wr w = wr_into(body, sizeof(body));
	wr_u32(&w, (uint32_t)from);
	const bool good = ask(g, &asked, &said);
	if (good && status_of(&said) == CTL_DONE) {
		struct rd r = rd_from((const uint8_t *)said.data + HEAD, said.len - HEAD);
		const uint32_t next = rd_u32(&r);
		rd_skip(&r, CTL_WIDTHS);
		ctl_out_text(&out->body, "{\"listed\":true,\"sessions\":[");
		ctl_out_bytes(&out->body, r.at, r.left);
		ctl_out_form(&out->body, "],\"next\":%" PRIu32 "}\n", next);
	} else if (good) {
		take_status(&said, out);
	}
	ctl_out_fini(&said);
	return good;
}

/* JSON lines become members of an array. */
static void members(struct ctl_out *out, const char *lines, size_t len)
{
	const char *const end = lines + len;
	for (const char *at = lines; at < end;) {
		const char *const stop = memchr(at, '\n', (size_t)(end - at));
		const size_t n = (size_t)((stop ? stop : end) - at);
		if (at != lines)
			ctl_out_text(out, ",");
		ctl_out_bytes(out, at, n);
		at += n + 1;
	}
}

/* What was decided lately, and what else the chronicle has. */
static bool events(struct gw_gateway *g, const struct gw_web_question *q, struct gw_web_answer *out)
{
	uint8_t body[8] = { 0 };
	struct ctl_request asked = {
		.form = CTL_JSON, .verb = CTL_EVENTS, .body = body, .body_len = sizeof(body)
	};
	struct ctl_out said = { 0 };
	uint64_t after = 0;
	(void)!gw_web_query_number(q->query, "after", &after);
	struct wr w = wr_into(body, sizeof(body));
	wr_u64(&w, after);
	const bool good = ask(g, &asked, &said);
	if (good && status_of(&said) == CTL_DONE) {
		struct rd r = rd_from((const uint8_t *)said.data + HEAD, said.len - HEAD);
		const uint64_t next = rd_u64(&r), lost = rd_u64(&r);
		ctl_out_text(&out->body, "{\"events\":[");
		members(&out->body, (const char *)r.at, r.left);
		ctl_out_form(
			&out->body, "],\"next\":%" PRIu64 ",\"lost\":%" PRIu64 "}\n", next, lost);
	} else if (good) {
		take_status(&said, out);
	}
	ctl_out_fini(&said);
	return good;
}

static void put_line(struct ctl_json *j, const struct log_ring_line *l)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	ctl_json_begin(j, '{');
	ctl_json_key(j, "number");
	ctl_json_number(j, l->number);
	ctl_json_key(j, "wall_ms");
	ctl_json_number(j, l->wall_ms);
	ctl_json_key(j, "level");
	ctl_json_text(j, levels[l->level]);
	ctl_json_key(j, "source");
	ctl_json_text(j, l->source);
	ctl_json_key(j, "event");
	ctl_json_text(j, l->event);
	ctl_json_key(j, "text");
	ctl_json_text(j, l->text);
	ctl_json_end(j, '}');
}

/* What the log has said lately. */
static bool happened(
	struct gw_gateway *g, const struct gw_web_question *q, struct gw_web_answer *out)
{
	struct ctl_json j = { .out = &out->body };
	struct log_ring_line *const lines = calloc(LOG_RING_LINES, sizeof(*lines));
	uint64_t after = 0;
	if (!lines)
		return false;
	(void)!gw_web_query_number(q->query, "after", &after);
	const size_t len =
		g->log->ring ? log_ring_read(g->log->ring, after, lines, LOG_RING_LINES) : 0;
	ctl_json_begin(&j, '[');
	for (size_t i = 0; i < len; i++)
		put_line(&j, &lines[i]);
	ctl_json_end(&j, ']');
	ctl_out_text(&out->body, "\n");
	free(lines);
	return true;
}

/* Of each server: its addresses, those that are passed over, the links that are up. */
static bool upstreams(
	struct gw_gateway *g, const struct gw_web_question *q, struct gw_web_answer *out)
{
	(void)q;
	return gw_web_upstreams(g, &out->body);
}

static bool metrics(
	struct gw_gateway *g, const struct gw_web_question *q, struct gw_web_answer *out)
{
	out->type = q->openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
				   : "text/plain; version=0.0.4; charset=utf-8";
	return gw_web_metrics(g, !q->openmetrics, &out->body);
}

static bool page(struct gw_gateway *g, const struct gw_web_question *q, struct gw_web_answer *out)
{
	(void)g;
	(void)q;
	out->type = "text/html; charset=utf-8";
	out->csp = web_page_csp();
	size_t len;
	const char *const text = web_page(&len);
	ctl_out_bytes(&out->body, text, len);
	return true;
}

bool gw_web_api(struct gw_gateway *g, const struct gw_web_question *q, struct gw_web_answer *out)
{
	static const struct {
		const char *path;
		bool (*answer)(struct gw_gateway *g, const struct gw_web_question *q,
			struct gw_web_answer *out);
	} all[] = {
		{ "/", page },
		{ "/metrics", metrics },
		{ "/api/status", status },
		{ "/api/sessions", sessions },
		{ "/api/session", session },
		{ "/api/sms-keys", sms_keys },
		{ "/api/events", events },
		{ "/api/happened", happened },
		{ "/api/upstreams", upstreams },
	};
	out->type = json;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (strcmp(q->path, all[i].path) == 0)
			return all[i].answer(g, q, out);
	}
	out->status = NOT_FOUND;
	ctl_out_text(&out->body, "{\"error\":\"there is no such page\"}\n");
	return true;
}
