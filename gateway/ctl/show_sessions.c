/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suite.h"
#include "ctl/json.h"
#include "ctl/show_time.h"

enum column { ENDPOINT, STATE, DEVICE, UP, HEARD, LINK, LOCATION, EXPIRES, WORKER, COLUMNS };
_Static_assert((int)COLUMNS == (int)CTL_WIDTHS, "each column has its width on the wire");

static const char *const titles[COLUMNS] = { "ENDPOINT", "STATE", "DEVICE", "UP", "HEARD", "LINK",
	"LOCATION", "EXPIRES", "WORKER" };

struct cell {
	char text[NET_TEXT_MAX + CTL_TIME_MAX];
};

static bool any(const struct net_addr *a)
{
	return a->family != 0;
}

/* A length of time with its sign: "in 3h05m", "5m07s ago" are the caller's words. */
static const char *left_text(int64_t seconds, char out[CTL_TIME_MAX])
{
	const uint64_t s = seconds < 0 ? 0 : (uint64_t)seconds;
	return s > UINT64_MAX / 1000 ? ctl_time_text(UINT64_MAX, out)
				     : ctl_time_text(s * 1000, out);
}

/* What stands in a column; may point into *room. */
static const char *cell_of(const struct ctl_session *s, enum column c, struct cell *room)
{
	char *const text = room->text;
	switch (c) {
	case ENDPOINT:
		return s->endpoint;
	case STATE:
		return s->asleep ? "asleep" : "awake";
	case DEVICE:
		return any(&s->device) ? net_addr_text(&s->device, text) : "-";
	case UP:
		return any(&s->device) ? ctl_time_text(s->device_up_ms_ago, text) : "-";
	case HEARD:
		return any(&s->device) && !s->asleep ? ctl_time_text(s->device_heard_ms_ago, text)
						     : "-";
	case LINK:
		return any(&s->link_local) ? net_addr_text(&s->link_local, text) : "-";
	case LOCATION:
		return s->registered ? s->location : "-";
	case EXPIRES:
		return !s->registered        ? "-"
		       : s->expires_in_s < 0 ? "overdue"
					     : left_text(s->expires_in_s, text);
	case WORKER:
		(void)snprintf(text, sizeof(room->text), "%u", s->worker);
		return text;
	case COLUMNS:
		break;
	}
	return "";
}

static void sessions_text(
	struct ctl_out *o, const struct ctl_session *s, size_t len, uint8_t widths[COLUMNS])
{
	struct cell room = { { 0 } };
	for (size_t c = 0; c < COLUMNS; c++) {
		for (size_t i = 0; i < len; i++) {
			const size_t width = ctl_out_width(cell_of(&s[i], (enum column)c, &room));
			widths[c] = width > widths[c] ? (uint8_t)width : widths[c];
		}
	}
	for (size_t i = 0; i < len; i++) {
		for (size_t c = 0; c < COLUMNS; c++) {
			const char *text = cell_of(&s[i], (enum column)c, &room);
			ctl_out_column(o, text, c == COLUMNS - 1 ? 0 : widths[c]);
			ctl_out_text(o, c == COLUMNS - 1 ? "\n" : "  ");
		}
	}
}

void ctl_show_titles(struct ctl_out *o, const uint8_t widths[CTL_WIDTHS])
{
	for (size_t c = 0; c < COLUMNS; c++) {
		ctl_out_column(o, titles[c], c == COLUMNS - 1 ? 0 : widths[c]);
		ctl_out_text(o, c == COLUMNS - 1 ? "\n" : "  ");
	}
}

static void json_number(struct ctl_json *j, const char *key, uint64_t n)
{
	ctl_json_key(j, key);
	ctl_json_number(j, n);
}

static void json_addr(struct ctl_json *j, const char *key, const struct net_addr *a)
{
	char text[NET_TEXT_MAX];
	ctl_json_key(j, key);
	ctl_json_text(j, net_addr_text(a, text));
}

/* What only memory knows is null of a sleeper. */
static void json_awake(struct ctl_json *j, const char *key, bool asleep, uint64_t n)
{
	ctl_json_key(j, key);
	if (asleep)
		ctl_json_null(j);
	else
		ctl_json_number(j, n);
}

static const char *const credentials[] = { [CTL_CRED_PSK] = "psk",
	[CTL_CRED_RAW_KEY] = "raw_public_key",
	[CTL_CRED_CERTIFICATE] = "certificate" };
static const char *const credential_words[] = { [CTL_CRED_PSK] = "pre-shared key",
	[CTL_CRED_RAW_KEY] = "raw public key",
	[CTL_CRED_CERTIFICATE] = "certificate" };

/* How the records are protected. What of it only memory knows is null of a sleeper. */
static void json_protection(struct ctl_json *j, bool asleep, const struct dtls_conn_facts *f)
{
	const struct suite *suite = asleep ? NULL : suite_find(f->suite);
	ctl_json_key(j, "suite");
	if (suite == NULL)
		ctl_json_null(j);
	else
		ctl_json_text(j, suite->name);
	ctl_json_key(j, "forward_secret"); /* */
	if (suite == NULL)
		ctl_json_null(j);
	else
		ctl_json_bool(j, suite->ecdsa);
	ctl_json_key(j, "encrypt_then_mac");
	if (suite == NULL)
		ctl_json_null(j);
	else
		ctl_json_bool(j, f->encrypt_then_mac);
	json_awake(j, "max_fragment_length", asleep || f->fragment_max == 0, f->fragment_max);
}

static void json_facts(struct ctl_json *j, bool asleep, const struct dtls_conn_facts *f)
{
	json_awake(j, "records_in", asleep, f->records_in);
	json_awake(j, "records_out", asleep, f->records_out);
	json_awake(j, "forged", asleep, f->forged);
	json_protection(j, asleep, f);
}

static void json_device(struct ctl_json *j, const struct ctl_session *s)
{
	ctl_json_key(j, "device");
	if (!any(&s->device)) {
		ctl_json_null(j);
		return;
	}
	ctl_json_begin(j, '{');
	json_addr(j, "address", &s->device);
	json_number(j, "up_ms", s->device_up_ms_ago);
	json_awake(j, "heard_ms_ago", s->asleep, s->device_heard_ms_ago);
	json_facts(j, s->asleep, &s->device_facts);
	ctl_json_end(j, '}');
}

static void json_link(struct ctl_json *j, const struct ctl_session *s)
{
	ctl_json_key(j, "link");
	if (!any(&s->link_peer)) {
		ctl_json_null(j);
		return;
	}
	ctl_json_begin(j, '{');
	json_addr(j, "local", &s->link_local);
	json_addr(j, "peer", &s->link_peer);
	json_facts(j, s->asleep, &s->link_facts);
	ctl_json_end(j, '}');
}

static void json_registration(struct ctl_json *j, const struct ctl_session *s)
{
	ctl_json_key(j, "registration");
	if (!s->registered) {
		ctl_json_null(j);
		return;
	}
	ctl_json_begin(j, '{');
	ctl_json_key(j, "location");
	ctl_json_text(j, s->location);
	json_number(j, "lifetime_s", s->lifetime_s);
	ctl_json_key(j, "expires_in_s");
	ctl_json_signed(j, s->expires_in_s);
	ctl_json_end(j, '}');
}

static void json_session(struct ctl_json *j, const struct ctl_session *s)
{
	ctl_json_begin(j, '{');
	ctl_json_key(j, "endpoint");
	ctl_json_text(j, s->endpoint);
	json_number(j, "worker", s->worker);
	ctl_json_key(j, "state");
	ctl_json_text(j, s->asleep ? "asleep" : "awake");
	json_number(j, "generation", s->generation);
	ctl_json_key(j, "credential");
	ctl_json_text(j, credentials[s->kind]);
	json_device(j, s);
	json_link(j, s);
	json_registration(j, s);
	ctl_json_end(j, '}');
}

static int by_endpoint(const void *a, const void *b)
{
	const struct ctl_session *x = a, *y = b;
	return strcmp(x->endpoint, y->endpoint);
}

void ctl_show_sessions(struct ctl_out *o, enum ctl_form form, struct ctl_session *s, size_t len,
	uint8_t widths[CTL_WIDTHS])
{
	struct ctl_json j = { .out = o };
	if (len > 1)
		qsort(s, len, sizeof(*s), by_endpoint);
	for (size_t c = 0; c < COLUMNS; c++) {
		const uint8_t title = (uint8_t)strlen(titles[c]);
		widths[c] = widths[c] > title ? widths[c] : title;
	}
	if (form == CTL_TEXT)
		sessions_text(o, s, len, widths);
	for (size_t i = 0; form == CTL_JSON && i < len; i++)
		json_session(&j, &s[i]);
}

/* --- one session for people ------------------------------------------------------------------- */

static void line(struct ctl_out *o, const char *label, const char *value)
{
	ctl_out_form(o, "%-16s", label);
	ctl_out_clean(o, value);
	ctl_out_text(o, "\n");
}

static void protection_text(struct ctl_out *o, const struct dtls_conn_facts *f)
{
	const struct suite *suite = suite_find(f->suite);
	if (suite == NULL)
		return;
	ctl_out_form(o, "  %-14s%s\n", "suite", suite->name);
	ctl_out_form(o, "  %-14s%s\n", "PFS", suite->ecdsa ? "yes" : "no");
	if (suite->guard == SUITE_CBC)
		ctl_out_form(o, "  %-14s%s\n", "MAC",
			f->encrypt_then_mac ? "encrypt-then-MAC" : "MAC-then-encrypt");
	if (f->fragment_max > 0)
		ctl_out_form(o, "  %-14sat most %u bytes\n", "record", f->fragment_max);
}

static void facts_text(
	struct ctl_out *o, const struct ctl_session *s, const struct dtls_conn_facts *f)
{
	if (s->asleep)
		return;
	protection_text(o, f);
	ctl_out_form(o, "  %-14s%" PRIu64 " records\n", "in", f->records_in);
	ctl_out_form(o, "  %-14s%" PRIu64 " records\n", "out", f->records_out);
	ctl_out_form(o, "  %-14s%u records dropped\n", "forged", f->forged);
}

static void session_text(struct ctl_out *o, const struct ctl_session *s)
{
	struct cell room = { { 0 } };
	char time[CTL_TIME_MAX];
	line(o, "endpoint", s->endpoint);
	line(o, "state", cell_of(s, STATE, &room));
	line(o, "worker", cell_of(s, WORKER, &room));
	ctl_out_form(o, "%-16s%" PRIu64 "\n", "generation", s->generation);
	line(o, "credential", credential_words[s->kind]);
	line(o, "device", any(&s->device) ? cell_of(s, DEVICE, &room) : "not connected");
	if (any(&s->device)) {
		ctl_out_form(o, "  %-14s%s\n", "up for", ctl_time_text(s->device_up_ms_ago, time));
		if (!s->asleep)
			ctl_out_form(o, "  %-14s%s ago\n", "last heard",
				ctl_time_text(s->device_heard_ms_ago, time));
		facts_text(o, s, &s->device_facts);
	}
	line(o, "server",
		any(&s->link_peer) ? net_addr_text(&s->link_peer, room.text) : "not connected");
	if (any(&s->link_peer)) {
		ctl_out_form(o, "  %-14s%s\n", "from", net_addr_text(&s->link_local, room.text));
		facts_text(o, s, &s->link_facts);
	}
	line(o, "registration", s->registered ? s->location : "none");
	if (s->registered) {
		ctl_out_form(o, "  %-14s%u s\n", "lifetime", s->lifetime_s);
		ctl_out_form(o, "  %-14s%s%s\n", "expires", s->expires_in_s < 0 ? "" : "in ",
			cell_of(s, EXPIRES, &room));
	}
}

void ctl_show_session(struct ctl_out *o, enum ctl_form form, const struct ctl_session *s)
{
	struct ctl_json j = { .out = o };
	if (form == CTL_TEXT) {
		session_text(o, s);
		return;
	}
	json_session(&j, s);
	ctl_out_text(o, "\n");
}
