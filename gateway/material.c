/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/material.h"

#include "base/net.h"
#include "base/suite.h"
#include "conf/config.h"
#include "conf/fail.h"
#include "dtls/certificate.h"
#include "gateway/clock.h"
#include "gateway/material_parts.h"
#include "gateway/pem.h"
#include "gateway/routes.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)GW_MATERIAL_UPSTREAM >= (int)CONF_LISTENERS_MAX, "an upstream is none");
_Static_assert((int)GW_MATERIAL_UPSTREAMS >= (int)CONF_UPSTREAMS_MAX, "each has a place");
_Static_assert((int)CONF_NAME_RULES == (int)DTLS_NAME_RULES, "both are ended lists");
_Static_assert((int)CONF_PINS_MAX <= (int)DTLS_PIN_MAX, "each pin has a place");
_Static_assert((int)CONF_DIGEST_LEN == (int)DTLS_DIGEST_LEN && (int)GW_DIGEST == DTLS_DIGEST_LEN,
	"all are SHA-256");

/* --- reading --------------------------------------------------------------------------------- */

static bool read_key(struct gw_part *p, const struct conf_dtls *c, struct conf_error *error)
{
	if (!c->private_key_file)
		return true;
	p->settings.key = gw_pem_key(c->private_key_file, error);
	return p->settings.key != NULL;
}

/* Towards the server R-069 does not hold: no server looks for a host's name there. */
static const char *client_weakness(X509 *own, const STACK_OF(X509) * above, EVP_PKEY *key)
{
	STACK_OF(X509) *const all = above ? sk_X509_dup(above) : sk_X509_new_null();
	const char *why = "no memory";
	if (all && sk_X509_unshift(all, own) > 0)
		why = X509_check_private_key(own, key) != 1
			      ? "it is not the key's"
			      : dtls_chain_weakness(all, true, DTLS_CHAIN_MAX);
	sk_X509_free(all);
	return why;
}

static bool read_certificate(struct gw_part *p, const struct conf_dtls *c, struct conf_error *error)
{
	if (!c->certificate_file)
		return true;
	p->chain = gw_pem_certificates(c->certificate_file, error);
	if (!p->chain)
		return false;
	p->settings.certificate = sk_X509_shift(p->chain);
	p->settings.chain = p->chain;
	const char *const weakness =
		p->is_upstream
			? client_weakness(p->settings.certificate, p->chain, p->settings.key)
			: dtls_own_weakness(p->settings.certificate, p->chain, p->settings.key);
	if (!weakness)
		return true;
	return conf_fail(error, c->certificate_file, 0,
		"%s, so that %s need not take it; have another one made for %s (\"lwgatectl key "
		"csr\" makes the request)",
		weakness, p->is_upstream ? "the server" : "devices", c->private_key_file);
}

static bool read_anchors(struct gw_part *p, const struct conf_dtls *c, struct conf_error *error)
{
	if (c->anchors_file) {
		p->settings.anchors = gw_pem_anchors(c->anchors_file, c->crl_file, error);
		if (!p->settings.anchors)
			return false;
	}
	p->vouchers = gw_vouch_new(p->settings.anchors);
	return p->vouchers || conf_fail(error, p->name, 0, "no memory; free some");
}

static bool read_pins(struct gw_part *p, const struct conf_dtls *c, struct conf_error *error)
{
	for (size_t i = 0; i < c->pins_len; i++) {
		uint8_t *const to = p->settings.pins[p->settings.pins_len++];
		if (!c->pins[i].file)
			memcpy(to, c->pins[i].digest, DTLS_DIGEST_LEN);
		else if (!gw_pem_digest(c->pins[i].file, to, error))
			return false;
	}
	return true;
}

static bool may_be_raw(const struct conf_dtls *c, struct conf_error *error)
{
	if (!c->raw_public_key || dtls_profile_can_raw())
		return true;
	return conf_fail(error, c->private_key_file, 0,
		"raw public keys need OpenSSL 3.2 or newer, and this is %s; build lwgate without "
		"OPENSSL=system (\"make setup\" builds a newer one beside it), or use certificates",
		OpenSSL_version(OPENSSL_VERSION));
}

/* --- settings -------------------------------------------------------------------------------- */

static enum dtls_name_rule rule_of(enum conf_name_rule rule)
{
	switch (rule) {
	case CONF_NAME_EUI64:
		return DTLS_NAME_EUI64;
	case CONF_NAME_URI:
		return DTLS_NAME_URI;
	case CONF_NAME_DNS:
		return DTLS_NAME_DNS;
	case CONF_NAME_CN:
		return DTLS_NAME_CN;
	case CONF_NAME_SERIAL:
		return DTLS_NAME_SERIAL;
	case CONF_NAME_NONE:
		break;
	}
	return DTLS_NAME_NONE;
}

/* 512 << (code - 1) octets, RFC 6066 section 4. */
static uint8_t fragment_code(uint16_t octets)
{
	uint8_t code = 0;
	for (uint32_t length = 512; octets >= length; length *= 2)
		code++;
	return code;
}

static const enum dtls_cid_use cid_use[] = {
	[CONF_CID_OFF] = DTLS_CID_NEVER,
	[CONF_CID_SEND] = DTLS_CID_SEND,
	[CONF_CID_ON] = DTLS_CID_BOTH,
};

static bool fill(struct gw_part *p, const struct conf_dtls *c, uint32_t max_ms)
{
	struct dtls_profile_settings *const s = &p->settings;
	*s = dtls_profile_settings_default();
	memcpy(s->suites, c->suites, c->suites_len * sizeof(s->suites[0]));
	s->suites_len = c->suites_len;
	s->server_order = c->server_preference;
	s->initial_ms = c->initial_ms;
	s->max_ms = c->max_ms > 0 ? c->max_ms : max_ms;
	s->lifetime_ms = c->lifetime_ms;
	s->mtu = c->mtu;
	s->mac_then_encrypt = c->mac_then_encrypt;
	s->tickets = c->tickets;
	s->fragment_code = fragment_code(c->fragment_max);
	s->raw_public_key = c->raw_public_key;
	s->cid = cid_use[c->cid];
	s->routability = c->cid != CONF_CID_OFF;
	p->move = c->move;
	s->chain_max = c->chain_max;
	for (size_t i = 0; i < DTLS_NAME_RULES; i++)
		s->names[i] = rule_of(c->names[i]);
	s->clock = DTLS_CLOCK_TRUSTED; /* as long as gw_clock_now_s() has a time */
	s->untrusted = c->refuses_without_clock ? DTLS_CLOCK_REFUSE : DTLS_CLOCK_IGNORE;
	s->now_s = gw_clock_now_s;
	p->server_name = c->server_name ? strdup(c->server_name) : NULL;
	p->certificate_file = c->certificate_file ? strdup(c->certificate_file) : NULL;
	s->server_name = p->server_name;
	return (p->server_name || !c->server_name) && (p->certificate_file || !c->certificate_file);
}

static bool read_part(
	struct gw_part *p, const struct conf_dtls *c, uint32_t max_ms, struct conf_error *error)
{
	if (!fill(p, c, max_ms))
		return conf_fail(error, p->name, 0, "no memory; free some");
	return may_be_raw(c, error) && read_key(p, c, error) && read_certificate(p, c, error) &&
	       read_anchors(p, c, error) && read_pins(p, c, error);
}

/* What the library says to it all: no worker shall be the first to ask. */
static bool try_part(const struct gw_part *p, struct conf_error *error)
{
	const char *why = "";
	struct dtls_profile *const trial = dtls_profile_new(&p->settings, &why);
	if (!trial)
		return conf_fail(error, p->name, 0, "%s", why);
	dtls_profile_unref(trial);
	return true;
}

/* By its name, under which the store's notes know it again; "upstream" had none once. */
static bool read_upstream(struct gw_material *m, const struct conf_gateway *conf, size_t number,
	struct conf_error *error)
{
	struct gw_part *const p = &m->parts[GW_MATERIAL_UPSTREAM + number];
	const struct conf_upstream *const u = &conf->upstreams[number];
	const bool plain = strcmp(u->name, "upstream") == 0;
	(void)snprintf(p->name, sizeof(p->name), plain ? "%s" : "upstream %s", u->name);
	p->is_upstream = true;
	m->upstreams_len = number + 1;
	return read_part(p, &u->dtls, conf->handshake_max_ms, error) && try_part(p, error);
}

static bool copy_learn(
	struct gw_material *m, const struct conf_gateway *conf, struct conf_error *error)
{
	m->learn.settle_s = conf->learn_settle_s;
	for (size_t i = 0; i < conf->learn_uris_len; i++) {
		m->learn_uris[i] = strdup(conf->learn_uris[i]);
		if (!m->learn_uris[i])
			return conf_fail(error, "learn.server_uris", 0, "no memory; free some");
		m->learn.uris[m->learn.len++] = m->learn_uris[i];
	}
	return true;
}

static bool read_all(
	struct gw_material *m, const struct conf_gateway *conf, struct conf_error *error)
{
	char text[NET_TEXT_MAX];
	if (!copy_learn(m, conf, error))
		return false;
	m->listeners_len = conf->listeners_len;
	m->told = (struct gw_told){ .len = conf->told_len, .rate = conf->told_rate };
	memcpy(m->told.prefixes, conf->told, conf->told_len * sizeof(conf->told[0]));
	for (size_t i = 0; i < conf->listeners_len; i++) {
		struct gw_part *const p = &m->parts[i];
		(void)snprintf(p->name, sizeof(p->name), "listener %s",
			net_addr_text(&conf->listeners[i], text));
		if (!read_part(p, &conf->listener_dtls[i], conf->handshake_max_ms, error) ||
			!try_part(p, error))
			return false;
	}
	for (size_t i = 0; i < conf->upstreams_len; i++) {
		if (!read_upstream(m, conf, i, error))
			return false;
	}
	m->routes = gw_routes_new(conf, error);
	return m->routes != NULL;
}

struct gw_material *gw_material_new(const struct conf_gateway *conf, struct conf_error *error)
{
	struct gw_material *const m = calloc(1, sizeof(*m));
	if (!m) {
		(void)conf_fail(error, "lwgated", 0, "no memory; free some");
		return NULL;
	}
	atomic_init(&m->refs, 1);
	if (read_all(m, conf, error))
		return m;
	gw_material_unref(m);
	return NULL;
}

/* --- using ----------------------------------------------------------------------------------- */

struct gw_material *gw_material_ref(struct gw_material *m)
{
	(void)atomic_fetch_add(&m->refs, 1);
	return m;
}

void gw_material_unref(struct gw_material *m)
{
	if (!m || atomic_fetch_sub(&m->refs, 1) != 1)
		return;
	for (size_t i = 0; i < GW_PARTS; i++) {
		struct gw_part *const p = &m->parts[i];
		EVP_PKEY_free(p->settings.key);
		X509_free(p->settings.certificate);
		sk_X509_pop_free(p->chain, X509_free);
		X509_STORE_free(p->settings.anchors);
		gw_vouch_free(p->vouchers);
		free(p->server_name);
		free(p->certificate_file);
	}
	for (size_t i = 0; i < m->learn.len; i++)
		free(m->learn_uris[i]);
	gw_routes_free(m->routes);
	free(m);
}

size_t gw_material_listeners(const struct gw_material *m)
{
	return m->listeners_len;
}

struct dtls_profile *gw_material_profile(
	const struct gw_material *m, size_t place, const char **why)
{
	return dtls_profile_new(&m->parts[place].settings, why);
}

enum conf_move gw_material_move(const struct gw_material *m, size_t listener)
{
	return m->parts[listener].move;
}

const struct gw_told *gw_material_told(const struct gw_material *m)
{
	return &m->told;
}

const struct gw_learn *gw_material_learn(const struct gw_material *m)
{
	return &m->learn;
}

struct gw_kinds gw_material_kinds(const struct gw_material *m, size_t listener)
{
	const struct dtls_profile_settings *const s = &m->parts[listener].settings;
	struct gw_kinds k = { .psk = false };
	bool ecdsa = false;
	for (size_t i = 0; i < s->suites_len; i++) {
		const struct suite *const one = suite_find(s->suites[i]);
		ecdsa = ecdsa || (one && one->ecdsa);
		k.psk = k.psk || (one && !one->ecdsa);
	}
	k.raw_key = ecdsa && s->key && s->raw_public_key;
	k.certificate = ecdsa && s->key && s->anchors;
	return k;
}

const enum dtls_name_rule *gw_material_names(const struct gw_material *m, size_t listener)
{
	return m->parts[listener].settings.names;
}

bool gw_material_has_upstream_key(const struct gw_material *m, size_t upstream)
{
	return m->parts[GW_MATERIAL_UPSTREAM + upstream].settings.key != NULL;
}

size_t gw_material_upstreams(const struct gw_material *m)
{
	return m->upstreams_len;
}

const struct gw_routes *gw_material_routes(const struct gw_material *m)
{
	return m->routes;
}
