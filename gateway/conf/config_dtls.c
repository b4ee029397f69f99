/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config_dtls.h"

#include <ctype.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "base/suite.h"
#include "conf/address.h"
#include "conf/config_sms.h"
#include "conf/dtls_check.h"
#include "conf/fail.h"
#include "conf/hex.h"
#include "conf/text.h"

_Static_assert((int)CONF_SUITES_MAX >= (int)SUITES, "each has a place");

static const char digest_prefix[] = "sha-256:";

static const enum conf_key keys[][CONF_PARTS] = {
	{ KEY_LISTENER_SUITES, KEY_LISTENER_KEY, KEY_LISTENER_CERTIFICATE, KEY_LISTENER_ANCHORS,
		KEY_LISTENER_CRL, KEY_LISTENER_CLOCK, KEY_LISTENER_MTE, KEY_LISTENER_CID },
	{ KEY_UPSTREAM_SUITES, KEY_UPSTREAM_KEY, KEY_UPSTREAM_CERTIFICATE, KEY_UPSTREAM_ANCHORS,
		KEY_UPSTREAM_CRL, KEY_UPSTREAM_CLOCK, KEY_UPSTREAM_MTE, KEY_UPSTREAM_CID },
};

const char *conf_place_path(const struct conf_place *p, enum conf_part part)
{
	return conf_rows[keys[p->is_upstream][part]].path;
}

const struct conf_value *conf_place_value(const struct conf_place *p, enum conf_part part)
{
	const enum conf_key key = keys[p->is_upstream][part];
	return p->is_upstream ? conf_upstream_value(p->d, p->number, key)
			      : conf_listener_value(p->d, p->number, key);
}

static bool no_memory(const struct conf_place *p)
{
	return conf_fail(p->d->error, p->d->name, 0, "no memory; free some");
}

/* --- suites ---------------------------------------------------------------------------------- */

/* Which of PSK and ECDHE_ECDSA can be served here at all. */
static bool can_serve(const struct conf_place *p, const struct suite *s, const struct conf_dtls *c)
{
	if (p->is_rfc7925 && s->guard == SUITE_CBC)
		return false;
	if (p->is_upstream)
		return s->ecdsa == (c->proof != CONF_BY_PSK);
	return !s->ecdsa || c->private_key_file != NULL;
}

static void preset_suites(const struct conf_place *p, struct conf_dtls *c)
{
	for (size_t i = 0; i < SUITES; i++) {
		if (suites[i].initial && can_serve(p, &suites[i], c))
			c->suites[c->suites_len++] = suites[i].number;
	}
}

static bool ends_with(const char *text, const char *end)
{
	const size_t len = strlen(text), end_len = strlen(end);
	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool unknown_suite(const struct conf_place *p, const char *name, unsigned line)
{
	char all[CONF_ERROR_MAX] = "";
	size_t len = 0;
	for (size_t i = 0; i < SUITES; i++) {
		const size_t more = strlen(suites[i].name);
		if (len + more + 2 >= sizeof(all))
			break;
		memcpy(all + len, i > 0 ? ", " : "", i > 0 ? 2 : 0);
		len += i > 0 ? 2 : 0;
		memcpy(all + len, suites[i].name, more + 1);
		len += more;
	}
	return conf_fail(p->d->error, p->d->name, line, "%s: \"%.64s\" %s; use some of %s",
		conf_place_path(p, CONF_PART_SUITES), name,
		ends_with(name, "_SHA") ? "has SHA-1, which is never on" : "is not known", all);
}

static bool misplaced_suite(const struct conf_place *p, const struct suite *s, unsigned line)
{
	const char *path = conf_place_path(p, CONF_PART_SUITES);
	if (p->is_rfc7925 && s->guard == SUITE_CBC)
		return conf_fail(p->d->error, p->d->name, line,
			"%s: %s is not in the profile \"rfc7925\"; remove it, or use profile = "
			"\"lwm2m\"",
			path, s->name);
	if (p->is_upstream)
		return conf_fail(p->d->error, p->d->name, line,
			"%s: %s does not fit upstream.credential; use suites of %s there, or set "
			"the credential",
			path, s->name, s->ecdsa ? "PSK" : "ECDHE_ECDSA");
	return conf_fail(p->d->error, p->d->name, line,
		"%s: %s needs a key of the gateway; set listeners.private_key_file, or remove it",
		path, s->name);
}

static bool take_suite(
	const struct conf_place *p, const char *name, unsigned line, struct conf_dtls *c)
{
	const struct suite *s = suite_named(name);
	if (s == NULL)
		return unknown_suite(p, name, line);
	if (!can_serve(p, s, c))
		return misplaced_suite(p, s, line);
	for (size_t i = 0; i < c->suites_len; i++) {
		if (c->suites[i] == s->number)
			return conf_fail(p->d->error, p->d->name, line,
				"%s: %s stands there twice; leave one",
				conf_place_path(p, CONF_PART_SUITES), name);
	}
	c->suites[c->suites_len++] = s->number;
	return true;
}

static bool fill_suites(const struct conf_place *p, struct conf_dtls *c)
{
	const struct conf_value *v = conf_place_value(p, CONF_PART_SUITES);
	if (v->node == NULL) {
		preset_suites(p, c);
		return true;
	}
	for (int i = 0; i < config_setting_length(v->node); i++) {
		if (!take_suite(p, config_setting_get_string_elem(v->node, i), v->line, c))
			return false;
	}
	return c->suites_len > 0 ||
	       conf_fail(p->d->error, p->d->name, v->line,
		       "%s: is empty, and nobody could connect; name a suite, or remove the line",
		       conf_place_path(p, CONF_PART_SUITES));
}

/* --- what both have -------------------------------------------------------------------------- */

static bool fill_file(const struct conf_place *p, enum conf_part part, char **out)
{
	const char *text = conf_place_value(p, part)->text;
	*out = text[0] == '\0' ? NULL : conf_path(p->d->folder, text);
	return text[0] == '\0' || *out != NULL;
}

static enum conf_cid cid_of(const char *word)
{
	if (strcmp(word, "off") == 0)
		return CONF_CID_OFF;
	return strcmp(word, "send") == 0 ? CONF_CID_SEND : CONF_CID_ON;
}

static enum conf_move move_of(const char *word)
{
	if (strcmp(word, "trust") == 0)
		return CONF_MOVE_TRUST;
	return strcmp(word, "check") == 0 ? CONF_MOVE_CHECK : CONF_MOVE_CHECK_OLD;
}

static bool fill_common(const struct conf_place *p, struct conf_dtls *c)
{
	c->mac_then_encrypt = conf_place_value(p, CONF_PART_MTE)->number != 0;
	c->cid = cid_of(conf_place_value(p, CONF_PART_CID)->text);
	c->refuses_without_clock =
		strcmp(conf_place_value(p, CONF_PART_CLOCK)->text, "refuse") == 0;
	if (!fill_file(p, CONF_PART_KEY, &c->private_key_file) ||
		!fill_file(p, CONF_PART_CERTIFICATE, &c->certificate_file) ||
		!fill_file(p, CONF_PART_ANCHORS, &c->anchors_file) ||
		!fill_file(p, CONF_PART_CRL, &c->crl_file))
		return no_memory(p);
	return fill_suites(p, c);
}

/* --- a listener ------------------------------------------------------------------------------ */

static bool fill_names(const struct conf_place *p, struct conf_dtls *c)
{
	static const char *const words[] = { "eui64", "uri", "dns", "cn", "serial" };
	static const enum conf_name_rule initial[CONF_NAME_RULES] = { CONF_NAME_EUI64,
		CONF_NAME_URI, CONF_NAME_CN, CONF_NAME_NONE, CONF_NAME_NONE, CONF_NAME_NONE };
	const struct conf_value *v = conf_listener_value(p->d, p->number, KEY_LISTENER_NAMES);
	const int len = v->node == NULL ? 0 : config_setting_length(v->node);
	memcpy(c->names, initial, sizeof(initial));
	if (v->node != NULL && len == 0)
		return conf_fail(p->d->error, p->d->name, v->line,
			"listeners.name_from: is empty, and no certificate would have a name; name "
			"a rule, or remove the line");
	for (int i = 0; i < len; i++) {
		const char *word = config_setting_get_string_elem(v->node, i);
		size_t rule = 0;
		while (rule < COUNT_OF(words) && strcmp(words[rule], word) != 0)
			rule++;
		if (rule == COUNT_OF(words))
			return conf_fail(p->d->error, p->d->name, v->line,
				"listeners.name_from: \"%.32s\" is not known; use some of eui64, "
				"uri, dns, cn, serial",
				word);
		c->names[i] = (enum conf_name_rule)rule;
		c->names[i + 1] = CONF_NAME_NONE;
	}
	return true;
}

static enum conf_radio radio_of(const char *word)
{
	if (strcmp(word, "lte-m") == 0)
		return CONF_RADIO_LTE_M;
	if (strcmp(word, "nb-iot") == 0)
		return CONF_RADIO_NB_IOT;
	return strcmp(word, "sms") == 0 ? CONF_RADIO_SMS : CONF_RADIO_ETHERNET;
}

static bool fill_listener(const struct conf_draft *d, size_t number, struct conf_gateway *out)
{
	struct conf_dtls *c = &out->listener_dtls[number];
	const struct conf_value *v = conf_listener_value(d, number, KEY_LISTENER_ADDRESS);
	const struct conf_place p = {
		.d = d,
		.number = number,
		.is_rfc7925 =
			strcmp(v[KEY_LISTENER_PROFILE - KEY_LISTENER_ADDRESS].text, "rfc7925") == 0,
	};
	c->server_preference = v[KEY_LISTENER_PREFERENCE - KEY_LISTENER_ADDRESS].number != 0;
	c->raw_public_key = v[KEY_LISTENER_RAW - KEY_LISTENER_ADDRESS].number != 0;
	c->mtu = (uint16_t)v[KEY_LISTENER_MTU - KEY_LISTENER_ADDRESS].number;
	const bool sms = out->listeners[number].family == NET_SMS;
	c->chain_max = (uint8_t)v[KEY_LISTENER_CHAIN - KEY_LISTENER_ADDRESS].number;
	c->move = move_of(v[KEY_LISTENER_MOVE - KEY_LISTENER_ADDRESS].text);
	out->listener_radio[number] = radio_of(v[KEY_LISTENER_RADIO - KEY_LISTENER_ADDRESS].text);
	const struct conf_value *initial = &v[KEY_LISTENER_INITIAL - KEY_LISTENER_ADDRESS];
	c->initial_ms = initial->line == 0 ? out->device_initial_ms : (uint32_t)initial->number;
	if (sms && !conf_fill_sms_listener(d, number, out))
		return false;
	if (!sms && c->initial_ms > out->handshake_max_ms && initial->line != 0)
		return conf_fail(d->error, d->name, initial->line,
			"listeners.initial_ms: %u ms is more than handshake.max_ms, %u ms; lower "
			"the one or raise the other",
			c->initial_ms, out->handshake_max_ms);
	return fill_names(&p, c) && fill_common(&p, c) && conf_check_listener(&p, c);
}

/* --- the upstream ---------------------------------------------------------------------------- */

static bool is_host_name(const char *text)
{
	struct net_addr a;
	if (conf_address_parse(text, 1, &a) == NULL)
		return false;
	for (const char *c = text; *c != '\0'; c++) {
		if (isalnum((unsigned char)*c) == 0 && *c != '-' && *c != '.' && *c != '_')
			return false;
	}
	return text[0] != '\0' && text[0] != '.' && text[0] != '-';
}

/* RFC 6066 section 3: a name, never an address. */
static const char *first_name(const struct conf_upstream *u)
{
	for (size_t i = 0; i < u->hosts_len; i++) {
		if (is_host_name(u->hosts[i]))
			return u->hosts[i];
	}
	return NULL;
}

static bool fill_server_name(
	const struct conf_place *p, const struct conf_upstream *u, struct conf_dtls *c)
{
	const struct conf_value *v = conf_upstream_value(p->d, p->number, KEY_UPSTREAM_NAME);
	if (v->text[0] != '\0' && !is_host_name(v->text))
		return conf_fail(p->d->error, p->d->name, v->line,
			"upstream.server_name: \"%s\" is no name of a host; write one, as in the "
			"server's certificate, or remove the line",
			v->text);
	const char *name = v->text[0] != '\0' ? v->text : first_name(u);
	c->server_name = name == NULL ? NULL : strdup(name);
	return name == NULL || c->server_name != NULL || no_memory(p);
}

static bool fill_pin(const struct conf_place *p, const char *text, struct conf_pin *out)
{
	enum { DIGITS = 2 * CONF_DIGEST_LEN };
	const size_t prefix = sizeof(digest_prefix) - 1;
	const bool is_digest = strncmp(text, digest_prefix, prefix) == 0;
	if (is_digest && strlen(text + prefix) == DIGITS &&
		conf_hex_read(text + prefix, DIGITS, out->digest))
		return true;
	if (is_digest || text[0] == '\0')
		return conf_fail(p->d->error, p->d->name,
			conf_upstream_value(p->d, p->number, KEY_UPSTREAM_PINS)->line,
			"upstream.server_public_key: \"%.80s\" is neither a file nor sha-256: and "
			"64 hexadecimal digits; use what \"lwgatectl key show\" prints of the "
			"server's key",
			text);
	out->file = conf_path(p->d->folder, text);
	return out->file != NULL || no_memory(p);
}

static bool fill_pins(const struct conf_place *p, struct conf_dtls *c)
{
	const struct conf_value *v = conf_upstream_value(p->d, p->number, KEY_UPSTREAM_PINS);
	const int len = v->node == NULL ? 0 : config_setting_length(v->node);
	c->pins = len == 0 ? NULL : calloc(CONF_PINS_MAX, sizeof(*c->pins));
	if (len > 0 && c->pins == NULL)
		return no_memory(p);
	for (int i = 0; i < len; i++) {
		if (!fill_pin(p, config_setting_get_string_elem(v->node, i), &c->pins[i]))
			return false;
		c->pins_len++;
	}
	return true;
}

static bool fill_fragment(const struct conf_place *p, struct conf_dtls *c)
{
	static const uint16_t lengths[] = { 0, 512, 1024, 2048, 4096 }; /* RFC 6066 section 4 */
	const struct conf_value *v = conf_upstream_value(p->d, p->number, KEY_UPSTREAM_FRAGMENT);
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		if (v->number == lengths[i]) {
			c->fragment_max = lengths[i];
			return true;
		}
	}
	return conf_fail(p->d->error, p->d->name, v->line,
		"upstream.max_fragment_length: there is no such length in RFC 6066; use 0, 512, "
		"1024, 2048 or 4096");
}

static enum conf_proof proof_of(const char *word)
{
	if (strcmp(word, "psk") == 0)
		return CONF_BY_PSK;
	return strcmp(word, "certificate") == 0 ? CONF_BY_CERTIFICATE : CONF_BY_RAW_KEY;
}

static bool fill_upstream(const struct conf_draft *d, size_t number, struct conf_gateway *out)
{
	struct conf_upstream *const u = &out->upstreams[number];
	struct conf_dtls *c = &u->dtls;
	const struct conf_place p = { .d = d, .number = number, .is_upstream = true };
	c->proof = proof_of(conf_upstream_value(d, number, KEY_UPSTREAM_CREDENTIAL)->text);
	c->raw_public_key = c->proof == CONF_BY_RAW_KEY;
	c->server_preference = true;
	c->tickets = conf_upstream_value(d, number, KEY_UPSTREAM_TICKETS)->number != 0;
	c->initial_ms = out->upstream_initial_ms;
	c->chain_max = (uint8_t)conf_row_number(&conf_rows[KEY_LISTENER_CHAIN]);
	c->names[0] = CONF_NAME_NONE;
	return fill_server_name(&p, u, c) && fill_pins(&p, c) && fill_fragment(&p, c) &&
	       fill_common(&p, c) && conf_check_upstream(&p, c);
}

bool conf_fill_dtls(const struct conf_draft *d, struct conf_gateway *out)
{
	for (size_t i = 0; i < out->listeners_len; i++) {
		if (!fill_listener(d, i, out))
			return false;
	}
	for (size_t i = 0; i < out->upstreams_len; i++) {
		if (!fill_upstream(d, i, out))
			return false;
	}
	return true;
}

static void free_one(struct conf_dtls *c)
{
	free(c->private_key_file);
	free(c->certificate_file);
	free(c->anchors_file);
	free(c->crl_file);
	free(c->server_name);
	for (size_t i = 0; c->pins != NULL && i < CONF_PINS_MAX; i++)
		free(c->pins[i].file);
	free(c->pins);
}

void conf_free_dtls(struct conf_gateway *c)
{
	for (size_t i = 0; i < CONF_LISTENERS_MAX; i++)
		free_one(&c->listener_dtls[i]);
	for (size_t i = 0; i < c->upstreams_len; i++)
		free_one(&c->upstreams[i].dtls);
}
