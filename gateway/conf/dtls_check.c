/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/dtls_check.h"

#include "base/suite.h"
#include "conf/fail.h"

struct rule { /* what is wrong when it holds */
	bool broken;
	enum conf_part at;
	const char *sentence;
};

static bool report(const struct conf_place *p, const struct rule *r)
{
	return conf_fail(p->d->error, p->d->name, conf_place_value(p, r->at)->line, "%s: %s",
		conf_place_path(p, r->at), r->sentence);
}

static bool all_hold(const struct conf_place *p, const struct rule *rules, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (rules[i].broken)
			return report(p, &rules[i]);
	}
	return true;
}

static bool has_cbc(const struct conf_dtls *c)
{
	for (size_t i = 0; i < c->suites_len; i++) {
		if (suite_find(c->suites[i])->guard == SUITE_CBC)
			return true;
	}
	return false;
}

static bool has_ecdsa(const struct conf_dtls *c)
{
	for (size_t i = 0; i < c->suites_len; i++) {
		if (suite_find(c->suites[i])->ecdsa)
			return true;
	}
	return false;
}

static bool check_common(const struct conf_place *p, const struct conf_dtls *c)
{
	const struct rule rules[] = {
		{ c->certificate_file != NULL && c->private_key_file == NULL, CONF_PART_CERTIFICATE,
			"a certificate without its key proves nothing; set private_key_file, too" },
		{ c->crl_file != NULL && c->anchors_file == NULL, CONF_PART_CRL,
			"without anchors_file no certificate is taken, and none can be revoked; "
			"set "
			"anchors_file, or remove this line" },
		{ c->mac_then_encrypt && !has_cbc(c), CONF_PART_MTE,
			"no CBC suite is on; enable one, or remove this line" },
	};
	return all_hold(p, rules, COUNT_OF(rules));
}

/* Without a connection id of ours a device has no other address. */
static bool check_move(const struct conf_place *p, const struct conf_dtls *c)
{
	const struct conf_value *move = conf_listener_value(p->d, p->number, KEY_LISTENER_MOVE);
	if (move->line == 0 || c->cid == CONF_CID_ON)
		return true;
	return conf_fail(p->d->error, p->d->name, move->line,
		"listeners.address_check: without a connection id of the gateway's a device is "
		"known at one address only, and none is checked; set connection_ids = \"on\", or "
		"remove this line");
}

bool conf_check_listener(const struct conf_place *p, const struct conf_dtls *c)
{
	const struct conf_value *raw = conf_listener_value(p->d, p->number, KEY_LISTENER_RAW);
	const bool key = c->private_key_file != NULL;
	if (c->raw_public_key && !key)
		return conf_fail(p->d->error, p->d->name, raw->line,
			"listeners.raw_public_key: there is no key to show; set private_key_file "
			"(\"lwgatectl key new\" makes one), or remove this line");
	const struct rule rules[] = {
		{ key && c->certificate_file == NULL && !c->raw_public_key, CONF_PART_KEY,
			"the key would never be used; add certificate_file, or raw_public_key = "
			"true" },
		{ c->anchors_file != NULL && !key, CONF_PART_ANCHORS,
			"devices with certificates want the gateway to prove itself, too; set "
			"private_key_file, and certificate_file or raw_public_key = true" },
		{ key && c->anchors_file == NULL && !c->raw_public_key, CONF_PART_CERTIFICATE,
			"no device could prove itself in return; add anchors_file, or "
			"raw_public_key = true" },
		{ key && !has_ecdsa(c), CONF_PART_KEY,
			"no suite of ECDHE_ECDSA is on, and the key would never be used; add one "
			"to "
			"suites, or remove the key" },
	};
	return all_hold(p, rules, COUNT_OF(rules)) && check_move(p, c) && check_common(p, c);
}

/* With PSK, all of these would be without effect. */
static bool check_psk(const struct conf_place *p, const struct conf_dtls *c)
{
	static const char sentence[] =
		"is not used with upstream.credential = \"psk\"; set the credential to "
		"\"raw_public_key\" or \"certificate\", or remove this line";
	const struct rule rules[] = {
		{ c->private_key_file != NULL, CONF_PART_KEY, sentence },
		{ c->certificate_file != NULL, CONF_PART_CERTIFICATE, sentence },
		{ c->anchors_file != NULL, CONF_PART_ANCHORS, sentence },
		{ c->crl_file != NULL, CONF_PART_CRL, sentence },
	};
	if (c->pins_len > 0)
		return conf_fail(p->d->error, p->d->name,
			conf_upstream_value(p->d, p->number, KEY_UPSTREAM_PINS)->line,
			"upstream.server_public_key: %s", sentence);
	return all_hold(p, rules, COUNT_OF(rules));
}

static bool check_keys(const struct conf_place *p, const struct conf_dtls *c)
{
	const unsigned line = conf_upstream_value(p->d, p->number, KEY_UPSTREAM_CREDENTIAL)->line;
	const bool certificate = c->proof == CONF_BY_CERTIFICATE;
	if (c->private_key_file == NULL)
		return conf_fail(p->d->error, p->d->name, line,
			"upstream.credential: \"%s\" needs a key; set upstream.private_key_file "
			"(\"lwgatectl key new\" makes one)",
			certificate ? "certificate" : "raw_public_key");
	if (certificate != (c->certificate_file != NULL))
		return conf_fail(p->d->error, p->d->name, line,
			certificate ? "upstream.credential: \"certificate\" needs one; set "
				      "upstream.certificate_file"
				    : "upstream.credential: \"raw_public_key\" does not use "
				      "upstream.certificate_file; remove it, or set "
				      "\"certificate\"");
	if (c->anchors_file == NULL && c->pins_len == 0)
		return conf_fail(p->d->error, p->d->name, line,
			"upstream.credential: nothing says who the server is; set "
			"upstream.anchors_file, or upstream.server_public_key");
	if (c->pins_len == 0 && c->server_name == NULL)
		return conf_fail(p->d->error, p->d->name,
			conf_upstream_value(p->d, p->number, KEY_UPSTREAM_ANCHORS)->line,
			"upstream.anchors_file: upstream.address is no name, so that any "
			"certificate of these would do; set upstream.server_name, or "
			"upstream.server_public_key");
	return true;
}

bool conf_check_upstream(const struct conf_place *p, const struct conf_dtls *c)
{
	return (c->proof == CONF_BY_PSK ? check_psk(p, c) : check_keys(p, c)) && check_common(p, c);
}
