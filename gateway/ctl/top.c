/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/top.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/show_time.h"

enum { CELL = 34, LABEL = 20, LINE_MAX_LEN = 512, MS = 1000, WIDTH = 80, SHOWN = 8 };

enum group { NOW, TRAFFIC, HANDSHAKES, COAP, DROPS, SMS, KEYS, GROUPS };

static const char *const titles[GROUPS] = {
	[NOW] = "NOW",
	[TRAFFIC] = "TRAFFIC per second",
	[HANDSHAKES] = "HANDSHAKES per second",
	[COAP] = "COAP per second",
	[DROPS] = "DROPPED per second (records, datagrams)",
	[SMS] = "SHORT MESSAGES per second",
	[KEYS] = "SHORT MESSAGES now: devices without good keys, bridges",
};

/* Names of `status --json`. Of DROPS, SMS and KEYS those are shown that are not 0. */
static const struct {
	enum group group;
	const char *name, *label;
} counts[] = {
	{ NOW, "devices", "awake" },
	{ NOW, "registrations", "registered, awake" },
	{ NOW, "associations", "associations" },
	{ NOW, "handshakes", "handshakes" },
	{ NOW, "handshake_bytes", "handshake octets" },
	{ NOW, "queued_bytes", "waiting octets" },
	{ TRAFFIC, "datagrams_in", "datagrams in" },
	{ TRAFFIC, "datagrams_out", "datagrams out" },
	{ TRAFFIC, "records_in", "records in" },
	{ TRAFFIC, "records_out", "records out" },
	{ TRAFFIC, "woken", "devices woken" },
	{ TRAFFIC, "slept", "fell asleep" },
	{ HANDSHAKES, "device_handshakes_done", "devices, done" },
	{ HANDSHAKES, "device_handshakes_failed", "devices, failed" },
	{ HANDSHAKES, "server_handshakes_done", "servers, done" },
	{ HANDSHAKES, "server_handshakes_failed", "servers, failed" },
	{ HANDSHAKES, "resumed", "resumed" },
	{ COAP, "messages_up", "to the server" },
	{ COAP, "messages_down", "to devices" },
	{ COAP, "messages_refused", "answered 4.xx" },
	{ COAP, "messages_failed", "answered 5.xx" },
	{ COAP, "messages_dropped", "dropped" },
	{ COAP, "registered", "registered" },
	{ DROPS, "junk", "junk" },
	{ DROPS, "replayed", "replayed" },
	{ DROPS, "forged", "forged" },
	{ DROPS, "untried", "untried" },
	{ DROPS, "early", "early" },
	{ DROPS, "late", "late" },
	{ DROPS, "beyond", "beyond" },
	{ DROPS, "unproven", "unproven" },
	{ DROPS, "unwoken", "unwoken" },
	{ DROPS, "unknown_cid", "unknown_cid" },
	{ DROPS, "stray", "stray" },
	{ DROPS, "refused_full", "refused_full" },
	{ DROPS, "deferred", "deferred" },
	{ DROPS, "unanswered", "unanswered" },
	{ DROPS, "no_memory", "no_memory" },
	{ DROPS, "stale", "stale" },
	{ DROPS, "slowed", "slowed" },
	{ DROPS, "held_lost", "held_lost" },
	{ DROPS, "send_failed", "send_failed" },
	{ SMS, "sms_in", "taken" },
	{ SMS, "sms_out", "given to be sent" },
	{ SMS, "sms_lost", "lost" },
	{ SMS, "sms_forged", "forged" },
	{ SMS, "sms_replayed", "replayed" },
	{ SMS, "sms_strangers", "strangers" },
	{ SMS, "sms_old", "under old keys" },
	{ SMS, "sms_keys_refused", "keys not to be had" },
	{ KEYS, "sms_bridges", "bridges" },
	{ KEYS, "sms_key_sets_stale", "keys stale" },
	{ KEYS, "sms_key_sets_expired", "keys expired" },
	{ KEYS, "sms_key_sets_failed", "keys failed" },
};

_Static_assert(COUNT_OF(counts) <= TOP_COUNTS, "each has a place");

enum { W_DEVICES, W_REGISTRATIONS, W_ASSOCIATIONS, W_IN, W_OUT };
static const char *const worker_counts[TOP_WORKER_COUNTS] = {
	[W_DEVICES] = "devices",
	[W_REGISTRATIONS] = "registrations",
	[W_ASSOCIATIONS] = "associations",
	[W_IN] = "datagrams_in",
	[W_OUT] = "datagrams_out",
};

/* --- a look ----------------------------------------------------------------------------------- */

bool top_look_read(struct ctl_piece status, uint64_t at_ms, struct top_look *out)
{
	const struct ctl_piece total = ctl_member_of(status, "total");
	struct ctl_members workers = ctl_members_of(ctl_member_of(status, "workers"));
	struct ctl_member one;
	*out = (struct top_look){ .at_ms = at_ms };
	if (total.len == 0)
		return false;
	(void)ctl_member_text(status, "version", out->version, sizeof(out->version));
	out->uptime_s = ctl_member_number(status, "uptime_s");
	out->known = ctl_member_number(ctl_member_of(status, "store"), "sessions");
	for (size_t i = 0; i < COUNT_OF(counts); i++)
		out->counts[i] = ctl_member_number(total, counts[i].name);
	while (out->workers_len < TOP_WORKERS && ctl_members_next(&workers, &one)) {
		uint64_t *const to = out->workers[out->workers_len++];
		for (size_t i = 0; i < TOP_WORKER_COUNTS; i++)
			to[i] = ctl_member_number(one.value, worker_counts[i]);
	}
	return true;
}

void top_lines_add(struct top_lines *l, const char *line, size_t len)
{
	char **const to = &l->lines[l->next++ % TOP_LINES];
	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	free(*to);
	*to = strndup(line, len);
}

void top_lines_fini(struct top_lines *l)
{
	for (size_t i = 0; i < TOP_LINES; i++)
		free(l->lines[i]);
	*l = (struct top_lines){ .next = 0 };
}

/* --- rates ------------------------------------------------------------------------------------ */

/* Tenths a second. */
static uint64_t rate_of(const struct top_view *v, uint64_t before, uint64_t now)
{
	const uint64_t ms = v->now->at_ms - v->before->at_ms;
	if (v->before == v->now || ms == 0 || now < before)
		return 0;
	return (now - before) * 10 * MS / ms;
}

static uint64_t rate(const struct top_view *v, size_t i)
{
	return rate_of(v, v->before->counts[i], v->now->counts[i]);
}

static uint64_t sleepers(const struct top_look *l)
{
	return l->known > l->counts[0] ? l->known - l->counts[0] : 0;
}

/* --- for people ------------------------------------------------------------------------------- */

struct page {
	struct ctl_out *out;
	const struct top_view *view;
	size_t columns, row;
	size_t used; /* columns of the line that is being written */
};

static bool has_room(const struct page *p)
{
	return p->view->rows == 0 || p->row < p->view->rows;
}

static void end_line(struct page *p)
{
	ctl_out_text(p->out, p->view->live ? "\033[K\n" : "\n");
	p->row++;
	p->used = 0;
}

/* As much of a text as there is room for. */
static void put(struct page *p, const char *text)
{
	const size_t room = p->columns - p->used;
	size_t octets = 0, width = 0;
	uint32_t code;
	while (text[octets] != '\0' && width < room) {
		const size_t n = ctl_utf8(text + octets, &code);
		octets += n > 0 ? n : 1;
		width++;
	}
	char piece[LINE_MAX_LEN];
	octets = octets < sizeof(piece) ? octets : sizeof(piece) - 1;
	memcpy(piece, text, octets);
	piece[octets] = '\0';
	ctl_out_clean(p->out, piece);
	p->used += width;
}

static void put_line(struct page *p, const char *text, bool bold)
{
	if (!has_room(p))
		return;
	if (bold && p->view->live)
		ctl_out_text(p->out, "\033[1m");
	put(p, text);
	if (bold && p->view->live)
		ctl_out_text(p->out, "\033[0m");
	end_line(p);
}

static void put_cell(struct page *p, const char *label, const char *value)
{
	char cell[LINE_MAX_LEN];
	if (p->used > 0 && p->used + CELL > p->columns)
		end_line(p);
	if (!has_room(p))
		return;
	(void)snprintf(cell, sizeof(cell), "  %-*s %*s", LABEL, label, CELL - LABEL - 3, value);
	put(p, cell);
}

static void put_count(struct page *p, const char *label, uint64_t n)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "%" PRIu64, n);
	put_cell(p, label, text);
}

static void put_rate(struct page *p, const char *label, uint64_t tenths)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "%" PRIu64 ".%u", tenths / 10, (unsigned)(tenths % 10));
	put_cell(p, label, text);
}

/* It is a number, and no rate. */
static bool is_now(size_t i)
{
	return counts[i].group == NOW || counts[i].group == KEYS;
}

static bool is_shown(const struct top_view *v, size_t i)
{
	const bool seldom = counts[i].group == DROPS || counts[i].group == SMS;
	return is_now(i) ? counts[i].group == NOW || v->now->counts[i] > 0
			 : !seldom || rate(v, i) > 0;
}

static void put_group(struct page *p, enum group g)
{
	bool any = false;
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		if (counts[i].group != g || !is_shown(p->view, i))
			continue;
		if (!any)
			put_line(p, titles[g], true);
		any = true;
		if (is_now(i))
			put_count(p, counts[i].label, p->view->now->counts[i]);
		else
			put_rate(p, counts[i].label, rate(p->view, i));
	}
	if (any && g == NOW && p->view->now->known > 0)
		put_count(p, "asleep", sleepers(p->view->now));
	if (p->used > 0)
		end_line(p);
}

static void put_head(struct page *p)
{
	const struct top_view *const v = p->view;
	char up[CTL_TIME_MAX], line[LINE_MAX_LEN];
	(void)snprintf(line, sizeof(line), "lwgated %s  up %s  %s  every %" PRIu64 " s%s",
		v->now->version, ctl_time_text(v->now->uptime_s * MS, up), v->wall,
		v->every_ms / MS, v->live ? "  q ends" : "");
	put_line(p, line, true);
}

static void put_workers(struct page *p)
{
	const struct top_view *const v = p->view;
	char line[LINE_MAX_LEN];
	put_line(p, "WORKER     DEVICES  REGISTERED  ASSOCIATIONS      IN/s     OUT/s", true);
	for (size_t i = 0; i < v->now->workers_len; i++) {
		const uint64_t *const now = v->now->workers[i];
		const uint64_t *const before =
			i < v->before->workers_len ? v->before->workers[i] : now;
		(void)snprintf(line, sizeof(line),
			"%6zu %11" PRIu64 " %11" PRIu64 " %13" PRIu64 " %9" PRIu64 " %9" PRIu64, i,
			now[W_DEVICES], now[W_REGISTRATIONS], now[W_ASSOCIATIONS],
			rate_of(v, before[W_IN], now[W_IN]) / 10,
			rate_of(v, before[W_OUT], now[W_OUT]) / 10);
		put_line(p, line, false);
	}
}

/* 18:20:31 urn:dev:1 credential-revoked: rule (outcome) reason */
static void put_decision(struct page *p, const char *text)
{
	enum { CLOCK_AT = 11, CLOCK_END = 19 };
	const struct ctl_piece line = { .at = text, .len = strlen(text) };
	char time[32], endpoint[160], event[48], rule[64], outcome[32], reason[192],
		out[LINE_MAX_LEN + 64];
	(void)ctl_member_text(line, "time", time, sizeof(time));
	(void)ctl_member_text(line, "rule", rule, sizeof(rule));
	(void)snprintf(out, sizeof(out), "  %.8s %s %s %s%s%s %s",
		strlen(time) > CLOCK_END ? time + CLOCK_AT : time,
		ctl_member_text(line, "endpoint", endpoint, sizeof(endpoint)),
		ctl_member_text(line, "event", event, sizeof(event)), rule,
		rule[0] != '\0' ? ": " : "",
		ctl_member_text(line, "outcome", outcome, sizeof(outcome)),
		ctl_member_text(line, "reason", reason, sizeof(reason)));
	put_line(p, out, false);
}

/* 18:20:31 warn handshake-failed with=device ... */
static void put_failure(struct page *p, const char *text)
{
	enum { CLOCK_AT = 11, CLOCK_END = 19 };
	const struct ctl_piece line = { .at = text, .len = strlen(text) };
	char time[32], level[16], event[48], words[LINE_MAX_LEN], out[LINE_MAX_LEN + 128];
	(void)ctl_member_text(line, "time", time, sizeof(time));
	(void)snprintf(out, sizeof(out), "  %.8s %s %s %s",
		strlen(time) > CLOCK_END ? time + CLOCK_AT : time,
		ctl_member_text(line, "level", level, sizeof(level)),
		ctl_member_text(line, "event", event, sizeof(event)),
		ctl_member_text(line, "text", words, sizeof(words)));
	put_line(p, out, false);
}

/* The latest first. */
static void put_lines(struct page *p, const struct top_lines *l, size_t room,
	void (*put_one)(struct page *p, const char *text))
{
	if (l == NULL || l->next == 0 || room == 0)
		return;
	put_line(p, put_one == put_decision ? "LAST DECISIONS" : "LAST FAILURES", true);
	for (size_t i = l->next; i > 0 && room > 0 && l->next - i < TOP_LINES; i--, room--) {
		const char *const text = l->lines[(i - 1) % TOP_LINES];
		if (text != NULL)
			put_one(p, text);
	}
}

/* Lines of either kind for which there is room, behind its title. */
static size_t room_of(const struct page *p)
{
	if (p->view->rows == 0)
		return SHOWN;
	const size_t room = p->view->rows > p->row + 1 ? p->view->rows - p->row - 1 : 0;
	return room < TOP_LINES ? room : TOP_LINES;
}

static void put_news(struct page *p)
{
	const struct top_lines *const failures = p->view->failures;
	const bool both = failures != NULL && failures->next > 0;
	const size_t room = room_of(p);
	put_lines(p, p->view->decisions, both && p->view->rows > 0 ? room / 2 : room, put_decision);
	put_lines(p, failures, room_of(p), put_failure);
}

void top_show_text(struct ctl_out *o, const struct top_view *v)
{
	struct page p = { .out = o, .view = v, .columns = v->columns > 0 ? v->columns : WIDTH };
	put_head(&p);
	for (unsigned g = 0; g < GROUPS; g++)
		put_group(&p, (enum group)g);
	put_workers(&p);
	put_news(&p);
}

/* --- for programs ----------------------------------------------------------------------------- */

static void json_rate(struct ctl_json *j, const char *key, uint64_t tenths)
{
	ctl_json_key(j, key);
	ctl_out_form(j->out, "%" PRIu64 ".%u", tenths / 10, (unsigned)(tenths % 10));
	j->comma = true;
}

static void json_number(struct ctl_json *j, const char *key, uint64_t n)
{
	ctl_json_key(j, key);
	ctl_json_number(j, n);
}

static void json_workers(struct ctl_json *j, const struct top_view *v)
{
	ctl_json_begin(j, '[');
	for (size_t i = 0; i < v->now->workers_len; i++) {
		const uint64_t *const now = v->now->workers[i];
		const uint64_t *const before =
			i < v->before->workers_len ? v->before->workers[i] : now;
		ctl_json_begin(j, '{');
		for (size_t n = 0; n < W_IN; n++)
			json_number(j, worker_counts[n], now[n]);
		json_rate(j, "datagrams_in_per_s", rate_of(v, before[W_IN], now[W_IN]));
		json_rate(j, "datagrams_out_per_s", rate_of(v, before[W_OUT], now[W_OUT]));
		ctl_json_end(j, '}');
	}
	ctl_json_end(j, ']');
}

/* They are JSON already; each stands in one object alone. */
static void json_lines(struct ctl_json *j, const struct top_lines *l)
{
	const size_t next = l == NULL ? 0 : l->next;
	ctl_json_begin(j, '[');
	for (size_t i = next > TOP_LINES ? next - TOP_LINES : 0; i < next; i++) {
		const char *const text = l->lines[i % TOP_LINES];
		if (text == NULL)
			continue;
		ctl_out_text(j->out, j->comma ? "," : "");
		ctl_out_text(j->out, text);
		j->comma = true;
	}
	ctl_json_end(j, ']');
}

void top_show_json(struct ctl_out *o, const struct top_view *v)
{
	struct ctl_json j = { .out = o };
	ctl_json_begin(&j, '{');
	ctl_json_key(&j, "time");
	ctl_json_text(&j, v->wall);
	json_number(&j, "uptime_s", v->now->uptime_s);
	json_number(&j, "interval_ms", v->now->at_ms - v->before->at_ms);
	ctl_json_key(&j, "now");
	ctl_json_begin(&j, '{');
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		if (is_now(i))
			json_number(&j, counts[i].name, v->now->counts[i]);
	}
	json_number(&j, "asleep", sleepers(v->now));
	ctl_json_end(&j, '}');
	ctl_json_key(&j, "per_s");
	ctl_json_begin(&j, '{');
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		if (!is_now(i))
			json_rate(&j, counts[i].name, rate(v, i));
	}
	ctl_json_end(&j, '}');
	ctl_json_key(&j, "workers");
	json_workers(&j, v);
	ctl_json_key(&j, "decisions");
	json_lines(&j, v->decisions);
	ctl_json_key(&j, "failures");
	json_lines(&j, v->failures);
	ctl_json_end(&j, '}');
	ctl_out_text(o, "\n");
}
