/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config.h"

#include <inttypes.h>
#include <libconfig.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/uri.h"
#include "conf/address.h"
#include "conf/config_air.h"
#include "conf/config_bsf.h"
#include "conf/config_dtls.h"
#include "conf/config_repository.h"
#include "conf/config_sms.h"
#include "conf/config_sms_keys.h"
#include "conf/config_store.h"
#include "conf/config_upstreams.h"
#include "conf/config_web.h"
#include "conf/draft.h"
#include "conf/fail.h"
#include "conf/mask.h"
#include "conf/text.h"
#include "conf/tree.h"

static bool no_memory(const struct conf_draft *d)
{
	return conf_fail(d->error, d->name, 0, "no memory; free some");
}

static bool fill_listeners(const struct conf_draft *d, struct conf_gateway *out)
{
	static const char *const everywhere[] = { "0.0.0.0", "::" };
	const uint16_t port = (uint16_t)d->values[KEY_LISTENER_PORT].number;
	for (size_t i = 0; d->listeners_len == 0 && i < COUNT_OF(everywhere); i++) {
		if (conf_address_parse(
			    everywhere[i], port, &out->listeners[out->listeners_len++]) != NULL)
			return false;
	}
	for (size_t i = 0; i < d->listeners_len; i++) {
		const struct conf_value *v = conf_listener_value(d, i, KEY_LISTENER_ADDRESS);
		const struct conf_value *port_of = conf_listener_value(d, i, KEY_LISTENER_PORT);
		struct net_addr *to = &out->listeners[out->listeners_len++];
		const char *why = conf_listener_parse(
			v->text, conf_air_port(d, i, (uint16_t)port_of->number), to);
		if (why != NULL)
			return conf_fail(d->error, d->name, v->line, "listeners.address: \"%s\" %s",
				v->text, why);
		for (size_t k = 0; k < i; k++) {
			if (net_addr_same(&out->listeners[k], to))
				return conf_fail(d->error, d->name, v->line,
					"listeners: %s, port %u stands there twice; leave one",
					v->text, to->port);
		}
	}
	return true;
}

static bool fill_told(const struct conf_draft *d, struct conf_gateway *out)
{
	const struct conf_prefixes told = {
		.value = &d->values[KEY_CID_TELL],
		.path = conf_rows[KEY_CID_TELL].path,
		.all = out->told,
		.len = &out->told_len,
	};
	return conf_fill_prefixes(d, &told);
}

static uint32_t processors(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	const int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return n < 1 ? 1 : (uint32_t)(n < CONF_WORKERS_MAX ? n : CONF_WORKERS_MAX);
}

static uint8_t sandbox_of(const char *word)
{
	return strcmp(word, "on") == 0    ? CONF_SANDBOX_ON
	       : strcmp(word, "off") == 0 ? CONF_SANDBOX_OFF
					  : CONF_SANDBOX_TRY;
}

static enum conf_update update_of(const char *word)
{
	if (strcmp(word, "forward") == 0)
		return CONF_UPDATE_FORWARD;
	return strcmp(word, "4.04") == 0 ? CONF_UPDATE_REFUSE : CONF_UPDATE_BY_VERSION;
}

static void fill_numbers(const struct conf_draft *d, struct conf_gateway *out)
{
	const struct conf_value *v = d->values;
	const uint64_t least = conf_rows[KEY_HANDSHAKE_BYTES].min;
	out->workers = v[KEY_WORKERS].number == 0 ? processors() : (uint32_t)v[KEY_WORKERS].number;
	out->device_initial_ms = (uint32_t)v[KEY_DEVICE_INITIAL].number;
	out->upstream_initial_ms = (uint32_t)v[KEY_UPSTREAM_INITIAL].number;
	out->handshake_max_ms = (uint32_t)v[KEY_HANDSHAKE_MAX].number;
	out->handshake_lifetime_s = (uint32_t)v[KEY_HANDSHAKE_LIFETIME].number;
	out->handshakes_max = (uint32_t)v[KEY_HANDSHAKE_COUNT].number;
	out->handshake_bytes_max = v[KEY_HANDSHAKE_BYTES].number;
	/* What nobody has written must serve on a machine of any size. */
	if (v[KEY_HANDSHAKE_BYTES].line == 0 && out->handshake_bytes_max / out->workers < least)
		out->handshake_bytes_max = least * out->workers;
	out->sandbox = sandbox_of(v[KEY_SANDBOX].text);
	out->relay_queue_messages = (uint32_t)v[KEY_QUEUE_MESSAGES].number;
	out->relay_queue_bytes = v[KEY_QUEUE_BYTES].number;
	out->relay_answer_s = (uint32_t)v[KEY_ANSWER].number;
	out->relay_message_max = (uint32_t)v[KEY_MESSAGE_MAX].number;
	out->cid_node = (uint8_t)v[KEY_CID_NODE].number;
	out->cid_random = (uint8_t)v[KEY_CID_RANDOM].number;
	out->cid_padding = (uint16_t)v[KEY_CID_PADDING].number;
	out->told_rate = (uint32_t)v[KEY_CID_TELL_RATE].number;
	out->policy_pace = (uint32_t)v[KEY_POLICY_PACE].number;
	out->policy_overlap_s = (uint32_t)v[KEY_POLICY_OVERLAP].number;
	out->relay_update = update_of(v[KEY_RELAY_UPDATE].text);
	out->relay_awake_ms = (uint32_t)v[KEY_RELAY_AWAKE].number;
	out->relay_awake_by_update = strcmp(v[KEY_RELAY_AWAKE_BY].text, "update") == 0;
	out->relay_asleep_refused = strcmp(v[KEY_RELAY_ASLEEP].text, "5.03") == 0;
	out->relay_asleep_messages = (uint32_t)v[KEY_RELAY_ASLEEP_MESSAGES].number;
	out->relay_asleep_wait_s = (uint32_t)v[KEY_RELAY_ASLEEP_WAIT].number;
	out->learn_settle_s = (uint32_t)v[KEY_LEARN_SETTLE].number;
	out->wrong_endpoint_403 = strcmp(v[KEY_WRONG_ENDPOINT].text, "4.03") == 0;
}

static bool fill_texts(const struct conf_draft *d, struct conf_gateway *out)
{
	const struct conf_value *v = d->values;
	out->file = strdup(d->name);
	out->user = strdup(v[KEY_USER].text);
	out->group = strdup(v[KEY_GROUP].text);
	out->control_group = strdup(v[KEY_CONTROL_GROUP].text);
	out->control_path = conf_path(d->folder, v[KEY_CONTROL_PATH].text);
	if (out->file == NULL || out->user == NULL || out->group == NULL ||
		out->control_group == NULL || out->control_path == NULL ||
		!conf_fill_path(d, KEY_CREDENTIALS, &out->credentials) ||
		!conf_fill_path(d, KEY_POLICY_FILE, &out->policy_file) ||
		!conf_fill_path(d, KEY_EVENTS_FILE, &out->events_file) ||
		!conf_fill_path(d, KEY_EVENTS_PATH, &out->events_path))
		return no_memory(d);
	return log_level_parse(v[KEY_LOG_LEVEL].text, &out->log_level) &&
	       log_form_parse(v[KEY_LOG_FORMAT].text, &out->log_format);
}

static bool take_uri(const struct conf_draft *d, const char *text, struct conf_gateway *out)
{
	const struct conf_value *v = &d->values[KEY_LEARN_URIS];
	const char *path = conf_rows[KEY_LEARN_URIS].path;
	char uri[URI_MAX];
	if (strlen(text) > URI_TEXT_MAX || !uri_coaps(text, uri, sizeof(uri)))
		return conf_fail(d->error, d->name, v->line,
			"%s: \"%s\" is no URI of a server; write \"coaps://HOST\" or "
			"\"coaps://HOST:PORT\"",
			path, text);
	for (size_t i = 0; i < out->learn_uris_len; i++) {
		if (strcmp(out->learn_uris[i], uri) == 0)
			return conf_fail(d->error, d->name, v->line,
				"%s: \"%s\" stands there twice; leave one", path, text);
	}
	char *const copy = strdup(uri);
	if (copy == NULL)
		return no_memory(d);
	out->learn_uris[out->learn_uris_len++] = copy;
	return true;
}

static bool fill_uris(const struct conf_draft *d, struct conf_gateway *out)
{
	const struct config_setting_t *node = d->values[KEY_LEARN_URIS].node;
	const int len = node == NULL ? 0 : config_setting_length(node);
	for (int i = 0; i < len; i++) {
		if (!take_uri(d, config_setting_get_string_elem(node, i), out))
			return false;
	}
	return true;
}

/* The bounds that are shared out among the workers: the row's least is what one of them needs. */
static bool serves_each_worker(const struct conf_draft *d, const struct conf_gateway *c)
{
	const struct {
		enum conf_key key;
		uint64_t value;
	} shared[] = {
		{ KEY_HANDSHAKE_COUNT, c->handshakes_max },
		{ KEY_HANDSHAKE_BYTES, c->handshake_bytes_max },
		{ KEY_QUEUE_BYTES, c->relay_queue_bytes },
	};
	for (size_t i = 0; i < COUNT_OF(shared); i++) {
		const struct conf_row *r = &conf_rows[shared[i].key];
		const unsigned line = d->values[shared[i].key].line;
		if (shared[i].value / c->workers >= r->min)
			continue;
		return conf_fail(d->error, d->name, line != 0 ? line : d->values[KEY_WORKERS].line,
			"%s: %" PRIu64 " %s are not enough for %u workers, who share them and need "
			"%" PRIu64 " each; use at least %" PRIu64 ", or fewer workers",
			r->path, shared[i].value, r->unit, c->workers, r->min, r->min * c->workers);
	}
	return true;
}

static bool fits_socket(const struct conf_draft *d, enum conf_key key, const char *path)
{
	const size_t path_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	if (path == NULL || strlen(path) <= path_max)
		return true;
	return conf_fail(d->error, d->name, d->values[key].line,
		"%s: %s is %zu bytes long, a socket's path at most %zu; use a shorter one",
		conf_rows[key].path, path, strlen(path), path_max);
}

/* Each of the three is made anew by who opens it. */
static bool events_apart(const struct conf_draft *d, const struct conf_gateway *c)
{
	const struct {
		enum conf_key key, other;
		const char *path, *of_other;
	} pairs[] = {
		{ KEY_EVENTS_PATH, KEY_CONTROL_PATH, c->events_path, c->control_path },
		{ KEY_EVENTS_FILE, KEY_CONTROL_PATH, c->events_file, c->control_path },
		{ KEY_EVENTS_FILE, KEY_EVENTS_PATH, c->events_file, c->events_path },
	};
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		if (pairs[i].path == NULL || pairs[i].of_other == NULL ||
			strcmp(pairs[i].path, pairs[i].of_other) != 0)
			continue;
		return conf_fail(d->error, d->name, d->values[pairs[i].key].line,
			"%s: %s is %s, too; use another path", conf_rows[pairs[i].key].path,
			pairs[i].path, conf_rows[pairs[i].other].path);
	}
	return true;
}

/* What no single value shows. */
static bool fits_together(const struct conf_draft *d, const struct conf_gateway *c)
{
	const struct conf_value *v = d->values;
	for (enum conf_key k = KEY_DEVICE_INITIAL; k <= KEY_UPSTREAM_INITIAL; k++) {
		if (v[k].number > c->handshake_max_ms)
			return conf_fail(d->error, d->name,
				v[k].line != 0 ? v[k].line : v[KEY_HANDSHAKE_MAX].line,
				"%s: %" PRIu64
				" ms is more than handshake.max_ms, %u ms; lower the one or raise "
				"the other",
				conf_rows[k].path, v[k].number, c->handshake_max_ms);
	}
	return fits_socket(d, KEY_CONTROL_PATH, c->control_path) &&
	       fits_socket(d, KEY_EVENTS_PATH, c->events_path) && events_apart(d, c) &&
	       serves_each_worker(d, c);
}

static bool fill(const struct conf_draft *d, struct conf_gateway *out)
{
	*out = (struct conf_gateway){ 0 };
	fill_numbers(d, out);
	if (fill_texts(d, out) && fill_listeners(d, out) && conf_fill_airs(d, out) &&
		fill_told(d, out) && conf_fill_upstreams(d, out) && conf_fill_dtls(d, out) &&
		conf_fill_store(d, out) && fill_uris(d, out) && conf_fill_repository(d, out) &&
		conf_fill_sms(d, out) && conf_fill_bsf(d, out) && conf_fill_sms_keys(d, out) &&
		conf_fill_web(d, out) && fits_together(d, out))
		return true;
	conf_free(out);
	return false;
}

static bool parse(struct conf_draft *d, struct conf_text *text, struct conf_gateway *out)
{
	config_t tree;
	*out = (struct conf_gateway){ 0 };
	if (!conf_mask(text->data, NULL, d->name, NULL, d->error))
		return false;
	const bool ok = conf_tree_read(&tree, text->data, d->name, d->error) &&
			conf_draft_read(d, &tree) && fill(d, out);
	config_destroy(&tree);
	return ok;
}

static bool parse_text(const char *name, char *folder, struct conf_text *text, bool resolve,
	struct conf_gateway *out, struct conf_error *error)
{
	struct conf_draft *d = calloc(1, sizeof(*d));
	bool ok = false;
	if (folder == NULL || d == NULL) {
		ok = conf_fail(error, name, 0, "no memory; free some");
	} else {
		*d = (struct conf_draft){
			.name = name, .folder = folder, .resolve = resolve, .error = error
		};
		ok = parse(d, text, out);
	}
	free(d);
	free(folder);
	conf_text_free(text);
	return ok;
}

bool conf_parse(
	const char *text, const char *name, struct conf_gateway *out, struct conf_error *error)
{
	struct conf_text copy = { 0 };
	*out = (struct conf_gateway){ 0 };
	return conf_text_copy(text, name, &copy, error) &&
	       parse_text(name, conf_folder(name), &copy, false, out, error);
}

bool conf_load(const char *file, struct conf_gateway *out, struct conf_error *error)
{
	struct conf_text text = { 0 };
	*out = (struct conf_gateway){ 0 };
	if (!conf_text_read(file, false, &text, error))
		return false;
	/* Absolute: the names must mean the same after the daemon has changed its folder. */
	char *const folder = conf_folder(file);
	char *const absolute = folder == NULL ? NULL : realpath(folder, NULL);
	free(folder);
	return parse_text(file, absolute, &text, true, out, error);
}

void conf_free(struct conf_gateway *c)
{
	free(c->file);
	free(c->user);
	free(c->group);
	free(c->credentials);
	free(c->control_path);
	free(c->control_group);
	free(c->policy_file);
	free(c->events_file);
	free(c->events_path);
	for (size_t i = 0; i < c->learn_uris_len; i++)
		free(c->learn_uris[i]);
	conf_free_airs(c);
	conf_free_repository(c);
	conf_free_sms(c);
	conf_free_sms_keys(c);
	conf_free_bsf(c);
	conf_free_dtls(c);
	conf_free_upstreams(c);
	conf_free_store(c);
	*c = (struct conf_gateway){ 0 };
}
