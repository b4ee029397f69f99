/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config.h"

#include <string.h>

#include "conf/config_bsf.h"
#include "conf/config_repository.h"
#include "conf/config_sms.h"
#include "conf/config_sms_keys.h"
#include "conf/config_web.h"
#include "conf/keys.h"

enum type { NUMBER, TEXT };

struct setting { /* that is read at the start only */
	enum conf_key key;
	enum type type;
	size_t at, size;
};

#define SETTING(key, type, member)                                                                 \
	{                                                                                          \
		key, type, offsetof(struct conf_gateway, member),                                  \
			sizeof(((struct conf_gateway *)0)->member)                                 \
	}

/* All but what conf/dtls.h has, the timers of handshakes, who is told that he is unknown, the
   policy's file, and what is learned from bootstrap. */
static const struct setting settings[] = {
	SETTING(KEY_WORKERS, NUMBER, workers),
	SETTING(KEY_USER, TEXT, user),
	SETTING(KEY_GROUP, TEXT, group),
	SETTING(KEY_SANDBOX, NUMBER, sandbox),
	SETTING(KEY_CREDENTIALS, TEXT, credentials),
	SETTING(KEY_CID_NODE, NUMBER, cid_node),
	SETTING(KEY_CID_RANDOM, NUMBER, cid_random),
	SETTING(KEY_CID_PADDING, NUMBER, cid_padding),
	SETTING(KEY_HANDSHAKE_LIFETIME, NUMBER, handshake_lifetime_s),
	SETTING(KEY_HANDSHAKE_COUNT, NUMBER, handshakes_max),
	SETTING(KEY_HANDSHAKE_BYTES, NUMBER, handshake_bytes_max),
	SETTING(KEY_QUEUE_MESSAGES, NUMBER, relay_queue_messages),
	SETTING(KEY_QUEUE_BYTES, NUMBER, relay_queue_bytes),
	SETTING(KEY_ANSWER, NUMBER, relay_answer_s),
	SETTING(KEY_MESSAGE_MAX, NUMBER, relay_message_max),
	SETTING(KEY_WRONG_ENDPOINT, NUMBER, wrong_endpoint_403),
	SETTING(KEY_RELAY_UPDATE, NUMBER, relay_update),
	SETTING(KEY_RELAY_AWAKE, NUMBER, relay_awake_ms),
	SETTING(KEY_RELAY_AWAKE_BY, NUMBER, relay_awake_by_update),
	SETTING(KEY_RELAY_ASLEEP, NUMBER, relay_asleep_refused),
	SETTING(KEY_RELAY_ASLEEP_MESSAGES, NUMBER, relay_asleep_messages),
	SETTING(KEY_RELAY_ASLEEP_WAIT, NUMBER, relay_asleep_wait_s),
	SETTING(KEY_CONTROL_PATH, TEXT, control_path),
	SETTING(KEY_CONTROL_GROUP, TEXT, control_group),
	SETTING(KEY_POLICY_PACE, NUMBER, policy_pace),
	SETTING(KEY_POLICY_OVERLAP, NUMBER, policy_overlap_s),
	SETTING(KEY_EVENTS_FILE, TEXT, events_file),
	SETTING(KEY_EVENTS_PATH, TEXT, events_path),
	SETTING(KEY_LOG_LEVEL, NUMBER, log_level),
	SETTING(KEY_LOG_FORMAT, NUMBER, log_format),
	SETTING(KEY_STORE_PATH, TEXT, store_path),
	SETTING(KEY_STORE_KEY_FILE, TEXT, store_key_file),
	SETTING(KEY_STORE_KEY_CREDENTIAL, TEXT, store_key_credential),
	SETTING(KEY_STORE_KEY_TPM, TEXT, store_key_tpm),
	SETTING(KEY_STORE_TPM, TEXT, store_tpm),
	SETTING(KEY_STORE_TOKEN, TEXT, store_token),
	SETTING(KEY_STORE_HOT, TEXT, store_hot),
	SETTING(KEY_STORE_ANCHOR, TEXT, store_anchor),
	SETTING(KEY_STORE_AFTER_POWER_LOSS, NUMBER, store_after_power_loss),
	SETTING(KEY_STORE_EVICT_AFTER, NUMBER, store_evict_after_s),
	SETTING(KEY_STORE_ANY_FILESYSTEM, NUMBER, store_any_filesystem),
	SETTING(KEY_STORE_RESUMPTION, NUMBER, store_resumption),
	SETTING(KEY_STORE_RESUMPTION_DAYS, NUMBER, store_resumption_days),
	SETTING(KEY_STORE_ROTATION_DAYS, NUMBER, store_rotation_days),
};

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same(
	const struct setting *s, const struct conf_gateway *now, const struct conf_gateway *next)
{
	const char *a = (const char *)now + s->at, *b = (const char *)next + s->at;
	char *text[2];
	if (s->type == NUMBER)
		return memcmp(a, b, s->size) == 0;
	memcpy(&text[0], a, sizeof(text[0]));
	memcpy(&text[1], b, sizeof(text[1]));
	return same_text(text[0], text[1]);
}

static bool same_listeners(const struct conf_gateway *now, const struct conf_gateway *next)
{
	bool good = now->listeners_len == next->listeners_len;
	for (size_t i = 0; good && i < now->listeners_len; i++)
		good = net_addr_same(&now->listeners[i], &next->listeners[i]);
	return good;
}

/* The radio is given to a session when it begins. */
static bool same_radios(const struct conf_gateway *now, const struct conf_gateway *next)
{
	return memcmp(now->listener_radio, next->listener_radio, sizeof(now->listener_radio)) == 0;
}

static bool same_air(const struct conf_air *a, const struct conf_air *b)
{
	bool good = a->is == b->is && a->echo_always == b->echo_always &&
		    a->sessions == b->sessions &&
		    a->sessions_per_network == b->sessions_per_network &&
		    a->sources_len == b->sources_len && same_text(a->link, b->link) &&
		    same_text(a->ends, b->ends) && same_text(a->analysis, b->analysis);
	for (size_t i = 0; good && i < a->sources_len; i++)
		good = a->sources[i].bits == b->sources[i].bits &&
		       net_addr_same(&a->sources[i].base, &b->sources[i].base);
	return good;
}

/* What a listener without DTLS is allowed to be is said once, at the start, in the log. */
static bool same_airs(const struct conf_gateway *now, const struct conf_gateway *next)
{
	static const struct conf_air none = { .is = false };
	bool good = true;
	for (size_t i = 0; good && i < now->listeners_len && i < next->listeners_len; i++)
		good = same_air(
			now->airs ? &now->airs[i] : &none, next->airs ? &next->airs[i] : &none);
	return good;
}

static bool same_titles(const struct conf_gateway *now, const struct conf_gateway *next)
{
	bool good = now->upstreams_len == next->upstreams_len;
	for (size_t i = 0; good && i < now->upstreams_len; i++)
		good = strcmp(now->upstreams[i].name, next->upstreams[i].name) == 0;
	return good;
}

/* The rest is asked only of upstreams that are the same ones. */
static bool same_hosts(const struct conf_upstream *now, const struct conf_upstream *next)
{
	bool good = now->hosts_len == next->hosts_len;
	for (size_t i = 0; good && i < now->hosts_len; i++)
		good = strcmp(now->hosts[i], next->hosts[i]) == 0;
	return good;
}

static bool same_port(const struct conf_upstream *now, const struct conf_upstream *next)
{
	return now->addresses[0].port == next->addresses[0].port;
}

static bool same_sources(const struct conf_upstream *now, const struct conf_upstream *next)
{
	bool good = now->sources_len == next->sources_len;
	for (size_t i = 0; good && i < now->sources_len; i++)
		good = now->sources[i].bits == next->sources[i].bits &&
		       net_addr_same(&now->sources[i].base, &next->sources[i].base);
	return good;
}

/* Which credentials are whole depends on it. */
static bool same_proof(const struct conf_upstream *now, const struct conf_upstream *next)
{
	return now->dtls.proof == next->dtls.proof;
}

static bool same_sockets(const struct conf_upstream *now, const struct conf_upstream *next)
{
	return now->sockets == next->sockets;
}

static bool same_pace(const struct conf_upstream *now, const struct conf_upstream *next)
{
	return now->handshakes_per_s == next->handshakes_per_s;
}

static bool same_under_way(const struct conf_upstream *now, const struct conf_upstream *next)
{
	return now->handshakes_max == next->handshakes_max;
}

static bool same_master(const struct conf_upstream *now, const struct conf_upstream *next)
{
	return same_text(now->master_secret_file, next->master_secret_file);
}

typedef bool same_upstream(const struct conf_upstream *now, const struct conf_upstream *next);

static bool all_same(
	const struct conf_gateway *now, const struct conf_gateway *next, same_upstream *is)
{
	bool good = true;
	for (size_t i = 0; good && i < now->upstreams_len; i++)
		good = is(&now->upstreams[i], &next->upstreams[i]);
	return good;
}

const char *conf_fixed(
	const struct conf_gateway *now, const struct conf_gateway *next, size_t number)
{
	const struct {
		enum conf_key key;
		bool (*same)(const struct conf_gateway *now, const struct conf_gateway *next);
	} all[] = {
		{ KEY_LISTENERS, same_listeners },
		{ KEY_LISTENER_RADIO, same_radios },
		{ KEY_LISTENER_SECURITY, same_airs },
		{ KEY_REPOSITORY_PREFIX, conf_same_repository },
		{ KEY_SMS_SOCKET, conf_same_sms },
		{ KEY_SMS_KEYS_OVERLAP, conf_same_sms_keys },
		{ KEY_BSF_URL, conf_same_bsf },
		{ KEY_WEB_ADDRESS, conf_same_web },
		{ KEY_UPSTREAMS, same_titles },
	};
	const struct {
		enum conf_key key;
		same_upstream *same;
	} each[] = {
		{ KEY_UPSTREAM_ADDRESS, same_hosts },
		{ KEY_UPSTREAM_PORT, same_port },
		{ KEY_UPSTREAM_SOURCES, same_sources },
		{ KEY_UPSTREAM_CREDENTIAL, same_proof },
		{ KEY_UPSTREAM_SOCKETS, same_sockets },
		{ KEY_UPSTREAM_HANDSHAKES, same_pace },
		{ KEY_UPSTREAM_UNDER_WAY, same_under_way },
		{ KEY_UPSTREAM_MASTER, same_master },
	};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (!all[i].same(now, next) && number-- == 0)
			return conf_rows[all[i].key].path;
	}
	for (size_t i = 0; same_titles(now, next) && i < COUNT_OF(each); i++) {
		if (!all_same(now, next, each[i].same) && number-- == 0)
			return conf_rows[each[i].key].path;
	}
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		if (!same(&settings[i], now, next) && number-- == 0)
			return conf_rows[settings[i].key].path;
	}
	return NULL;
}
