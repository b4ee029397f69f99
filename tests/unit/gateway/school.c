/* SPDX-License-Identifier: Apache-2.0 */
#include "school.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"
#include "conf/credentials.h"
#include "gateway/material.h"
#include "io/inbox.h"
#include "papers.h"

enum {
	CODE_POST = 2,
	CODE_PUT = 3,
	MESSAGE = 1200,
	TKL = 2,
	TOKEN_AT = 4,
	TURNS = 40,
	PROMPT = 60, /* turns in which a good handshake is done */
	PATIENCE = 6000,
	REPEAT_MS = 1000,
};

void school_key(uint8_t n, uint8_t out[SCHOOL_KEY])
{
	for (size_t i = 0; i < SCHOOL_KEY; i++)
		out[i] = (uint8_t)(0x9d + n * 37U + i * 59 + i * i * 7);
}

/* --- its life --------------------------------------------------------------------------------- */

struct town *school_new_under(struct gw_rules *rules)
{
	struct town *const t = court_new(rules);
	school_learn_for(t, SCHOOL_URI);
	return t;
}

struct town *school_new(void)
{
	return school_new_under(court_rules("\"deregistered\"", "\"keep\"", "\"keep\"", ""));
}

void school_free(struct town *t)
{
	court_free(t);
}

void school_learn_for(struct town *t, const char *uri)
{
	const struct papers nowhere = { "" };
	struct conf_error error = { "" };
	struct conf_gateway conf = papers_conf(&nowhere, "", "");
	if (uri) {
		conf.learn_uris[0] = strdup(uri);
		conf.learn_uris_len = 1;
	}
	conf.learn_settle_s = SCHOOL_SETTLE_S;
	struct gw_material *const m = gw_material_new(&conf, &error);
	conf_free(&conf);
	if (!m)
		fail_msg("%s", error.text);
	for (size_t i = 0; i < t->workers_len; i++) {
		const struct gw_renewed one = { .material = gw_material_ref(m) };
		assert_true(inbox_post(t->inboxes[i], INBOX_SURE, GW_MATERIAL, &one, sizeof(one)));
	}
	gw_material_unref(t->shared.material);
	t->shared.material = m;
	town_turns(t, 2);
}

void school_restart(struct town *t)
{
	struct gw_material *const m = t->shared.material;
	town_restart(t, TOWN_KILLED);
	t->shared.material = m;
	town_reboot(t);
	school_learn_for(t, SCHOOL_URI);
}

/* --- messages --------------------------------------------------------------------------------- */

static uint8_t said[MESSAGE]; /* by the server, the last time */
static size_t said_len;

static size_t head(struct town *t, uint8_t code, uint8_t *out)
{
	t->mid++;
	out[0] = 0x40 | TKL;
	out[1] = code;
	out[2] = (uint8_t)(t->mid >> 8);
	out[3] = (uint8_t)(t->mid & 0xff);
	out[TOKEN_AT] = 'b';
	out[TOKEN_AT + 1] = out[3];
	return TOKEN_AT + TKL;
}

static void say(struct town *t, size_t device)
{
	assert_non_null(t->server.conns[device]);
	assert_int_equal(
		dtls_send(t->server.dtls, t->server.conns[device], said, said_len), DTLS_OK);
}

void school_request(struct town *t, size_t device, size_t socket)
{
	/* Uri-Path: bs, Uri-Query: ep=urn:dev:0 */
	static const uint8_t options[] = { 0xb2, 'b', 's', 0x4c, 'e', 'p', '=', 'u', 'r', 'n', ':',
		'd', 'e', 'v', ':', '0' };
	uint8_t msg[TOKEN_AT + TKL + sizeof(options)];
	const size_t at = head(t, CODE_POST, msg), before = t->devices.messages;
	memcpy(msg + at, options, sizeof(options));
	msg[sizeof(msg) - 1] = (uint8_t)('0' + device);
	assert_int_equal(
		dtls_send(t->devices.dtls, t->devices.conns[socket], msg, sizeof(msg)), DTLS_OK);
	town_until(t, &t->devices.messages, before + 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CHANGED);
}

/* A resource in TLV (LwM2M Core 7.4.4), of less than 64 KiB. */
static size_t put(uint8_t *out, uint8_t id, const void *value, size_t len)
{
	size_t at = 0;
	out[at++] = len < 8 ? (uint8_t)(0xc0 | len) : len < 256 ? 0xc8 : 0xd0;
	out[at++] = id;
	if (len >= 256)
		out[at++] = (uint8_t)(len >> 8);
	if (len >= 8)
		out[at++] = (uint8_t)(len & 0xff);
	memcpy(out + at, value, len);
	return at + len;
}

static size_t put_sms(uint8_t *out, const struct school_sms *x)
{
	size_t at = put(out, 6, &x->mode, 1);
	at += put(out + at, 7, x->params, x->params_len);
	return at + put(out + at, 8, x->key, x->key_len);
}

void school_write(struct town *t, size_t device, const struct school_account *a)
{
	/* Uri-Path: 0, 1, Content-Format: 11542 */
	static const uint8_t options[] = { 0xb1, '0', 0x01, '1', 0x12, 0x2d, 0x16, 0xff };
	const uint8_t mode = (uint8_t)a->mode, no = 0, id = 123;
	const size_t before = t->devices.messages;
	assert_true(a->identity_len + a->key_len + 200 < sizeof(said));
	size_t at = head(t, CODE_PUT, said);
	memcpy(said + at, options, sizeof(options));
	at += sizeof(options);
	at += put(said + at, 0, a->uri, strlen(a->uri));
	at += put(said + at, 1, &no, 1);
	at += put(said + at, 2, &mode, 1);
	at += put(said + at, 3, a->identity, a->identity_len);
	if (a->key)
		at += put(said + at, 5, a->key, a->key_len);
	if (a->sms)
		at += put_sms(said + at, a->sms);
	at += put(said + at, 10, &id, 1);
	said_len = at;
	say(t, device);
	town_until(t, &t->devices.messages, before + 1);
	assert_int_equal(t->devices.code, CODE_PUT);
}

void school_finish(struct town *t, size_t device)
{
	static const uint8_t options[] = { 0xb2, 'b', 's' };
	const size_t at = head(t, CODE_POST, said);
	memcpy(said + at, options, sizeof(options));
	said_len = at + sizeof(options);
	say(t, device);
}

void school_repeat(struct town *t, size_t device)
{
	say(t, device);
}

void school_answer(struct town *t, size_t socket, uint8_t code)
{
	const uint8_t *const asked = t->devices.last;
	const size_t before = t->server.messages;
	uint8_t msg[TOKEN_AT + TKL] = { 0x60 | TKL, code, asked[2], asked[3], asked[4], asked[5] };
	assert_int_equal(
		dtls_send(t->devices.dtls, t->devices.conns[socket], msg, sizeof(msg)), DTLS_OK);
	town_until(t, &t->server.messages, before + 1);
}

void school_teach(struct town *t, size_t socket, const char *identity, uint8_t n)
{
	uint8_t key[SCHOOL_KEY];
	school_key(n, key);
	const struct school_account a = { .uri = SCHOOL_URI,
		.identity = identity,
		.identity_len = strlen(identity),
		.key = key,
		.key_len = sizeof(key) };
	school_request(t, 0, socket);
	school_write(t, 0, &a);
	school_answer(t, socket, TOWN_CODE_CHANGED);
}

void school_bootstrap(struct town *t, size_t socket, const char *identity, uint8_t n, bool answered)
{
	school_teach(t, socket, identity, n);
	const size_t before = t->devices.messages;
	school_finish(t, 0);
	town_until(t, &t->devices.messages, before + 1);
	assert_int_equal(t->devices.code, CODE_POST);
	if (answered)
		school_answer(t, socket, TOWN_CODE_CHANGED);
	town_settle(t);
}

/* --- handshakes ------------------------------------------------------------------------------- */

static bool comes(struct town *t, struct dtls_peer *peer, size_t *socket)
{
	const size_t ups = t->devices.ups, failures = t->devices.failures;
	const size_t from = town_socket(t, 0);
	peer->path = (struct net_path){ .peer = t->gateway, .sock = (uint32_t)from };
	assert_int_equal(dtls_connect(t->devices.dtls, peer, town_clock_ms()), DTLS_OK);
	/* Who is refused hears that after some repetitions: their time passes by itself. */
	for (size_t i = 0; t->devices.ups == ups && t->devices.failures == failures; i++) {
		assert_true(i < PATIENCE);
		if (i >= PROMPT && i % PROMPT == 0)
			town_pass(REPEAT_MS);
		town_turns(t, 2);
	}
	town_settle(t);
	if (t->devices.ups > ups)
		*socket = from;
	return t->devices.ups > ups;
}

bool school_comes(struct town *t, size_t *socket, const char *identity, uint8_t n)
{
	uint8_t key[SCHOOL_KEY];
	school_key(n, key);
	struct dtls_peer peer = {
		.identity = (const uint8_t *)identity,
		.identity_len = strlen(identity),
		.key = key,
		.key_len = sizeof(key),
	};
	return comes(t, &peer, socket);
}

bool school_comes_as_before(struct town *t, size_t *socket)
{
	struct cred_key key;
	cred_device_key(t->creds, 0, &key);
	struct dtls_peer peer = {
		.identity = key.identity,
		.identity_len = key.identity_len,
		.key = key.key,
		.key_len = key.key_len,
	};
	return comes(t, &peer, socket);
}

/* --- what there is afterwards ----------------------------------------------------------------- */

bool school_staged(struct town *t, size_t device, struct store_staged *out)
{
	struct store_reader *const r = store_reader_new(t->store);
	assert_non_null(r);
	const enum store_result got = store_read_staged(r, town_cred(device), out);
	store_reader_free(r);
	assert_true(got == STORE_OK || got == STORE_NONE);
	return got == STORE_OK;
}

void school_cred(struct town *t, size_t device, struct store_cred *out)
{
	struct store_reader *const r = store_reader_new(t->store);
	assert_non_null(r);
	assert_int_equal(store_read_cred(r, town_cred(device), out), STORE_OK);
	store_reader_free(r);
}

void school_assert_told(struct town *t, enum gw_entry_kind kind, const char *why)
{
	struct gw_entry e = { .wall_ms = 0 };
	for (size_t i = 0; i < TURNS && e.kind == GW_ENTRY_DECISION; i++) {
		while (e.kind == GW_ENTRY_DECISION && court_entry(t, &e))
			continue;
		if (e.kind == GW_ENTRY_DECISION)
			town_turn(t);
	}
	if (e.kind != kind)
		fail_msg("told: %d, not %d: %s", e.kind, kind, e.reason);
	assert_string_equal(e.endpoint, "urn:dev:0");
	if (!strstr(e.reason, why))
		fail_msg("\"%s\" has no \"%s\"", e.reason, why);
}
