/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/traced.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "ctl/json.h"
#include "ctl/out.h"

enum { TIME_LEN = 32, CODE_LEN = 8, MS = 1000, CODE_SHIFT = 5, DETAIL = 31 };

static const char *const legs[] = {
	[CTL_WITH_DEVICE] = "device",
	[CTL_WITH_SERVER] = "server",
	[CTL_WITH_NOBODY] = "policy",
};

static const char *type_of(const struct ctl_traced_coap *c)
{
	static const char *const types[] = { "CON", "NON", "ACK", "RST" };
	return c->type < COUNT_OF(types) ? types[c->type] : "?";
}

static const char *code_of(const struct ctl_traced_coap *c, char out[CODE_LEN])
{
	(void)snprintf(out, CODE_LEN, "%u.%02u", (unsigned)(c->code >> CODE_SHIFT),
		(unsigned)(c->code & DETAIL));
	return out;
}

/* What everybody calls it; else its number. */
static const char *code_word(const struct ctl_traced_coap *c, char out[CODE_LEN])
{
	static const char *const methods[] = { "empty", "GET", "POST", "PUT", "DELETE", "FETCH",
		"PATCH", "iPATCH" };
	return c->code < COUNT_OF(methods) ? methods[c->code] : code_of(c, out);
}

static void put_hex(struct ctl_out *o, const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ctl_out_form(o, "%02x", octets[i]);
}

/* --- for people ------------------------------------------------------------------------------- */

static void put_clock(struct ctl_out *o, uint64_t wall_ms)
{
	struct tm tm = { 0 };
	const time_t s = (time_t)(wall_ms / MS);
	(void)gmtime_r(&s, &tm);
	ctl_out_form(o, "%02d:%02d:%02d.%03u", tm.tm_hour, tm.tm_min, tm.tm_sec,
		(unsigned)(wall_ms % MS));
}

static void coap_text(struct ctl_out *o, const struct ctl_traced_coap *c)
{
	char code[CODE_LEN];
	ctl_out_form(o, "  %s %s mid=%04x", type_of(c), code_word(c, code), c->mid);
	if (c->token_len > 0)
		ctl_out_text(o, " token=");
	put_hex(o, c->token, c->token_len);
	if (c->path[0] != '\0') {
		ctl_out_text(o, " ");
		ctl_out_clean(o, c->path);
	}
	if (c->payload_len > 0)
		ctl_out_form(o, " +%" PRIu32, c->payload_len);
	if (!c->payload_kept || c->kept == 0)
		return;
	ctl_out_text(o, " payload=");
	put_hex(o, c->payload, c->kept);
	if (c->kept < c->payload_len)
		ctl_out_text(o, "...");
}

static void traced_text(struct ctl_out *o, const struct ctl_traced *t)
{
	char peer[NET_TEXT_MAX];
	put_clock(o, t->wall_ms);
	ctl_out_form(o, "  %s%s",
		t->leg == CTL_WITH_NOBODY ? ""
		: t->out                  ? "to "
					  : "from ",
		legs[t->leg]);
	if (t->peer.family != 0)
		ctl_out_form(o, " %s", net_addr_text(&t->peer, peer));
	if (t->octets > 0)
		ctl_out_form(o, " %" PRIu32 " octets", t->octets);
	if (t->numbered)
		ctl_out_form(o, " %u/%" PRIu64, (unsigned)t->epoch, t->record);
	if (t->coap.is)
		coap_text(o, &t->coap);
	ctl_out_form(o, "  => %s", t->fate);
	if (t->why[0] != '\0') {
		ctl_out_text(o, ": ");
		ctl_out_clean(o, t->why);
	}
	if (t->rule[0] != '\0') {
		ctl_out_text(o, " (rule ");
		ctl_out_clean(o, t->rule);
		ctl_out_text(o, ")");
	}
	ctl_out_text(o, "\n");
}

/* --- for programs ----------------------------------------------------------------------------- */

static void put_text(struct ctl_json *j, const char *key, const char *text)
{
	ctl_json_key(j, key);
	if (text[0] != '\0')
		ctl_json_text(j, text);
	else
		ctl_json_null(j);
}

static void put_number(struct ctl_json *j, const char *key, uint64_t n)
{
	ctl_json_key(j, key);
	ctl_json_number(j, n);
}

static void put_octets(struct ctl_json *j, const char *key, const uint8_t *octets, size_t len)
{
	struct ctl_out hex = { 0 };
	put_hex(&hex, octets, len);
	ctl_out_bytes(&hex, "", 1);
	ctl_json_key(j, key);
	ctl_json_text(j, hex.bad ? "" : hex.data);
	j->out->bad = j->out->bad || hex.bad;
	ctl_out_fini(&hex);
}

static void coap_json(struct ctl_json *j, const struct ctl_traced_coap *c)
{
	char code[CODE_LEN];
	ctl_json_begin(j, '{');
	put_text(j, "type", type_of(c));
	put_text(j, "code", code_of(c, code));
	put_number(j, "message_id", c->mid);
	put_octets(j, "token", c->token, c->token_len);
	put_text(j, "path", c->path);
	put_number(j, "payload_octets", c->payload_len);
	if (c->payload_kept)
		put_octets(j, "payload", c->payload, c->kept);
	ctl_json_end(j, '}');
}

static void put_time(struct ctl_json *j, uint64_t wall_ms)
{
	enum { YEAR_0 = 1900 };
	struct tm tm = { 0 };
	char text[2 * TIME_LEN];
	const time_t s = (time_t)(wall_ms / MS);
	(void)gmtime_r(&s, &tm);
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
		tm.tm_year + YEAR_0, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		(unsigned)(wall_ms % MS));
	put_text(j, "time", text);
}

static void traced_json(struct ctl_out *o, const struct ctl_traced *t)
{
	struct ctl_json j = { .out = o };
	char peer[NET_TEXT_MAX];
	ctl_json_begin(&j, '{');
	put_number(&j, "number", t->number);
	put_time(&j, t->wall_ms);
	put_text(&j, "leg", legs[t->leg]);
	if (t->leg != CTL_WITH_NOBODY) {
		put_text(&j, "way", t->out ? "out" : "in");
		put_text(&j, "peer", t->peer.family != 0 ? net_addr_text(&t->peer, peer) : "");
		put_number(&j, "octets", t->octets);
	}
	if (t->numbered) {
		put_number(&j, "epoch", t->epoch);
		put_number(&j, "record", t->record);
	}
	if (t->coap.is) {
		ctl_json_key(&j, "coap");
		coap_json(&j, &t->coap);
	}
	put_text(&j, "fate", t->fate);
	put_text(&j, "why", t->why);
	put_text(&j, "rule", t->rule);
	ctl_json_end(&j, '}');
	ctl_out_text(o, "\n");
}

void ctl_show_traced(struct ctl_out *o, enum ctl_form form, const struct ctl_traced *t)
{
	if (form == CTL_JSON)
		traced_json(o, t);
	else
		traced_text(o, t);
}
