/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config_air.h"

#include <stdlib.h>
#include <string.h>

#include "conf/config_upstreams.h"
#include "conf/fail.h"

enum { NOSEC_PORT = 5683 };

static bool is_air(const struct conf_draft *d, size_t listener)
{
	return strcmp(conf_listener_value(d, listener, KEY_LISTENER_SECURITY)->text, "nosec") == 0;
}

uint16_t conf_air_port(const struct conf_draft *d, size_t listener, uint16_t port)
{
	const bool said = conf_listener_value(d, listener, KEY_LISTENER_PORT)->line != 0;
	return said || !is_air(d, listener) ? port : NOSEC_PORT;
}

/* Keys of the other kind of listener. */
static bool has_none_of(const struct conf_draft *d, size_t listener, enum conf_key first,
	enum conf_key last, const char *why)
{
	for (enum conf_key k = first; k <= last; k++) {
		const struct conf_value *const v = conf_listener_value(d, listener, k);
		if (v->line != 0)
			return conf_fail(d->error, d->name, v->line, "%s: %s; leave it out",
				conf_rows[k].path, why);
	}
	return true;
}

static bool is_everywhere(const struct net_addr *a)
{
	static const uint8_t any[sizeof(a->ip)] = { 0 };
	return memcmp(a->ip, any, sizeof(any)) == 0;
}

/* without one of them nobody has thought about it. */
static bool has_needed(const struct conf_draft *d, size_t listener)
{
	static const struct {
		enum conf_key key;
		const char *example;
	} needed[] = {
		{ KEY_LISTENER_LINK, "link_security = \"WHAT PROTECTS THE LINK\";" },
		{ KEY_LISTENER_LINK_ENDS, "link_security_ends = \"WHERE THAT ENDS\";" },
		{ KEY_LISTENER_ANALYSIS, "threat_analysis = \"WHICH ONE FINDS THAT ENOUGH\";" },
		{ KEY_LISTENER_PREFIXES, "source_prefixes = [ \"10.64.0.0/16\" ];" },
	};
	for (size_t i = 0; i < COUNT_OF(needed); i++) {
		const struct conf_value *const v = conf_listener_value(d, listener, needed[i].key);
		const bool is_text = conf_rows[needed[i].key].kind == CONF_TEXT;
		if (v->line != 0 && (!is_text || v->text[strspn(v->text, " \t")] != '\0'))
			continue;
		return conf_fail(d->error, d->name,
			v->line != 0
				? v->line
				: conf_listener_value(d, listener, KEY_LISTENER_SECURITY)->line,
			"%s is missing, without which there is no NoSec listener; add: %s",
			conf_rows[needed[i].key].path, needed[i].example);
	}
	return true;
}

static bool fill_texts(const struct conf_draft *d, size_t listener, struct conf_air *air)
{
	air->link = strdup(conf_listener_value(d, listener, KEY_LISTENER_LINK)->text);
	air->ends = strdup(conf_listener_value(d, listener, KEY_LISTENER_LINK_ENDS)->text);
	air->analysis = strdup(conf_listener_value(d, listener, KEY_LISTENER_ANALYSIS)->text);
	return (air->link && air->ends && air->analysis) ||
	       conf_fail(d->error, d->name, 0, "no memory; free some");
}

/* whoever listens everywhere does not know to which network. */
static bool is_named(const struct conf_draft *d, size_t listener, const struct net_addr *a)
{
	const struct conf_value *const v = conf_listener_value(d, listener, KEY_LISTENER_ADDRESS);
	return !is_everywhere(a) ||
	       conf_fail(d->error, d->name, v->line,
		       "listeners.address: \"%s\" is every address, and a NoSec listener belongs "
		       "to "
		       "one network; write the address that the gateway has there",
		       v->text);
}

static bool fits_address(
	const struct conf_draft *d, size_t listener, const struct net_addr *a, struct conf_air *air)
{
	if (air->sources_len == 0)
		return conf_fail(d->error, d->name,
			conf_listener_value(d, listener, KEY_LISTENER_PREFIXES)->line,
			"listeners.source_prefixes: is empty, and nobody could come; name a "
			"network");
	for (size_t i = 0; i < air->sources_len; i++) {
		if (air->sources[i].base.family != a->family)
			return conf_fail(d->error, d->name,
				conf_listener_value(d, listener, KEY_LISTENER_PREFIXES)->line,
				"listeners.source_prefixes: member %zu is not of the family of "
				"listeners.address; use one family",
				i + 1);
	}
	return true;
}

static bool fill_air(
	const struct conf_draft *d, size_t listener, const struct net_addr *a, struct conf_air *air)
{
	const struct conf_prefixes sources = {
		.value = conf_listener_value(d, listener, KEY_LISTENER_PREFIXES),
		.path = conf_rows[KEY_LISTENER_PREFIXES].path,
		.all = air->sources,
		.len = &air->sources_len,
	};
	if (a->family == NET_SMS)
		return conf_fail(d->error, d->name,
			conf_listener_value(d, listener, KEY_LISTENER_SECURITY)->line,
			"listeners.security: \"nosec\" is not for address = \"sms\"; leave it out");
	air->is = true;
	air->echo_always =
		strcmp(conf_listener_value(d, listener, KEY_LISTENER_ECHO)->text, "always") == 0;
	air->sessions = (uint32_t)conf_listener_value(d, listener, KEY_LISTENER_AIR)->number;
	air->sessions_per_network =
		(uint32_t)conf_listener_value(d, listener, KEY_LISTENER_AIR_PREFIX)->number;
	return has_needed(d, listener) && is_named(d, listener, a) &&
	       has_none_of(d, listener, KEY_LISTENER_SUITES, KEY_LISTENER_MOVE,
		       "is of DTLS, which a listener with security = \"nosec\" has not") &&
	       fill_texts(d, listener, air) && conf_fill_prefixes(d, &sources) &&
	       fits_address(d, listener, a, air);
}

bool conf_fill_airs(const struct conf_draft *d, struct conf_gateway *out)
{
	for (size_t i = 0; i < d->listeners_len; i++) {
		if (!is_air(d, i)) {
			if (!has_none_of(d, i, KEY_LISTENER_LINK, KEY_LISTENER_AIR_PREFIX,
				    "is of a listener with security = \"nosec\", which this is "
				    "not"))
				return false;
			continue;
		}
		if (!out->airs)
			out->airs = calloc(CONF_LISTENERS_MAX, sizeof(*out->airs));
		if (!out->airs)
			return conf_fail(d->error, d->name, 0, "no memory; free some");
		if (!fill_air(d, i, &out->listeners[i], &out->airs[i]))
			return false;
	}
	return true;
}

void conf_free_airs(struct conf_gateway *c)
{
	for (size_t i = 0; c->airs && i < CONF_LISTENERS_MAX; i++) {
		free(c->airs[i].link);
		free(c->airs[i].ends);
		free(c->airs[i].analysis);
	}
	free(c->airs);
	c->airs = NULL;
}

const struct conf_air *conf_air(const struct conf_gateway *c, size_t listener)
{
	return c->airs && listener < c->listeners_len && c->airs[listener].is ? &c->airs[listener]
									      : NULL;
}
