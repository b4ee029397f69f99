/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config.h"

#include <string.h>

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

/* All but what conf/dtls.h has, the timers of handshakes, who is told that he is unknown, and the
   policy's file. */
static const struct setting settings[] = {
	SETTING(KEY_WORKERS, NUMBER, workers),
	SETTING(KEY_USER, TEXT, user),
	SETTING(KEY_GROUP, TEXT, group),
	SETTING(KEY_CREDENTIALS, TEXT, credentials),
	SETTING(KEY_UPSTREAM_SOCKETS, NUMBER, upstream_sockets),
	SETTING(KEY_UPSTREAM_MASTER, TEXT, master_secret_file),
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
	SETTING(KEY_CONTROL_PATH, TEXT, control_path),
	SETTING(KEY_CONTROL_GROUP, TEXT, control_group),
	SETTING(KEY_POLICY_PACE, NUMBER, policy_pace),
	SETTING(KEY_POLICY_OVERLAP, NUMBER, policy_overlap_s),
	SETTING(KEY_EVENTS_FILE, TEXT, events_file),
	SETTING(KEY_EVENTS_PATH, TEXT, events_path),
	SETTING(KEY_LOG_LEVEL, NUMBER, log_level),
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

static bool same_sources(const struct conf_gateway *now, const struct conf_gateway *next)
{
	bool good = now->sources_len == next->sources_len;
	for (size_t i = 0; good && i < now->sources_len; i++)
		good = now->sources[i].bits == next->sources[i].bits &&
		       net_addr_same(&now->sources[i].base, &next->sources[i].base);
	return good;
}

static bool same_upstream(const struct conf_gateway *now, const struct conf_gateway *next)
{
	struct net_addr there = next->upstream;
	there.port = now->upstream.port;
	return net_addr_same(&now->upstream, &there);
}

static bool same_upstream_port(const struct conf_gateway *now, const struct conf_gateway *next)
{
	return now->upstream.port == next->upstream.port;
}

/* Which credentials are whole depends on it. */
static bool same_proof(const struct conf_gateway *now, const struct conf_gateway *next)
{
	return now->upstream_dtls.proof == next->upstream_dtls.proof;
}

const char *conf_fixed(
	const struct conf_gateway *now, const struct conf_gateway *next, size_t number)
{
	const struct {
		enum conf_key key;
		bool (*same)(const struct conf_gateway *now, const struct conf_gateway *next);
	} addresses[] = {
		{ KEY_LISTENERS, same_listeners },
		{ KEY_UPSTREAM_ADDRESS, same_upstream },
		{ KEY_UPSTREAM_PORT, same_upstream_port },
		{ KEY_UPSTREAM_SOURCES, same_sources },
		{ KEY_UPSTREAM_CREDENTIAL, same_proof },
	};
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		if (!addresses[i].same(now, next) && number-- == 0)
			return conf_rows[addresses[i].key].path;
	}
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		if (!same(&settings[i], now, next) && number-- == 0)
			return conf_rows[settings[i].key].path;
	}
	return NULL;
}
