/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/keys: the one table of what may stand in lwgate.conf. The reader, the errors and the man
 * page all use it.
 *
 * Promise: every key has a type, a range, a default (or is required, and then an example) and a
 *          meaning.
 * Threads: any; constant.
 */
#ifndef LWG_CONF_KEYS_H
#define LWG_CONF_KEYS_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_key {
	KEY_WORKERS,
	KEY_USER,
	KEY_GROUP,
	KEY_SANDBOX,
	KEY_CREDENTIALS,
	KEY_LISTENERS,
	KEY_LISTENER_ADDRESS,
	KEY_LISTENER_PORT,
	KEY_LISTENER_SUITES,
	KEY_LISTENER_PROFILE,
	KEY_LISTENER_PREFERENCE,
	KEY_LISTENER_INITIAL,
	KEY_LISTENER_MTU,
	KEY_LISTENER_KEY,
	KEY_LISTENER_RAW,
	KEY_LISTENER_CERTIFICATE,
	KEY_LISTENER_ANCHORS,
	KEY_LISTENER_CRL,
	KEY_LISTENER_CHAIN,
	KEY_LISTENER_NAMES,
	KEY_LISTENER_CLOCK,
	KEY_LISTENER_MTE,
	KEY_LISTENER_CID,
	KEY_LISTENER_MOVE,
	KEY_LISTENER_RADIO,
	KEY_LISTENER_SECURITY,
	KEY_LISTENER_LINK,
	KEY_LISTENER_LINK_ENDS,
	KEY_LISTENER_ANALYSIS,
	KEY_LISTENER_PREFIXES,
	KEY_LISTENER_ECHO,
	KEY_LISTENER_AIR,
	KEY_LISTENER_AIR_PREFIX,
	KEY_UPSTREAMS,
	KEY_UPSTREAM_TITLE,
	KEY_UPSTREAM_ADDRESS,
	KEY_UPSTREAM_PORT,
	KEY_UPSTREAM_SOURCES,
	KEY_UPSTREAM_SOCKETS,
	KEY_UPSTREAM_HANDSHAKES,
	KEY_UPSTREAM_UNDER_WAY,
	KEY_UPSTREAM_MASTER,
	KEY_UPSTREAM_CREDENTIAL,
	KEY_UPSTREAM_SUITES,
	KEY_UPSTREAM_KEY,
	KEY_UPSTREAM_CERTIFICATE,
	KEY_UPSTREAM_PINS,
	KEY_UPSTREAM_ANCHORS,
	KEY_UPSTREAM_CRL,
	KEY_UPSTREAM_NAME,
	KEY_UPSTREAM_CLOCK,
	KEY_UPSTREAM_FRAGMENT,
	KEY_UPSTREAM_MTE,
	KEY_UPSTREAM_TICKETS,
	KEY_UPSTREAM_CID,
	KEY_ROUTES,
	KEY_ROUTE_TO,
	KEY_ROUTE_PURPOSE,
	KEY_ROUTE_ENDPOINT,
	KEY_ROUTE_LABELS,
	KEY_ROUTE_LISTENER,
	KEY_CID_NODE,
	KEY_CID_RANDOM,
	KEY_CID_PADDING,
	KEY_CID_TELL,
	KEY_CID_TELL_RATE,
	KEY_DEVICE_INITIAL,
	KEY_UPSTREAM_INITIAL,
	KEY_HANDSHAKE_MAX,
	KEY_HANDSHAKE_LIFETIME,
	KEY_HANDSHAKE_COUNT,
	KEY_HANDSHAKE_BYTES,
	KEY_QUEUE_MESSAGES,
	KEY_QUEUE_BYTES,
	KEY_ANSWER,
	KEY_MESSAGE_MAX,
	KEY_WRONG_ENDPOINT,
	KEY_RELAY_UPDATE,
	KEY_RELAY_AWAKE,
	KEY_RELAY_AWAKE_BY,
	KEY_RELAY_ASLEEP,
	KEY_RELAY_ASLEEP_MESSAGES,
	KEY_RELAY_ASLEEP_WAIT,
	KEY_REPOSITORY_PREFIX,
	KEY_REPOSITORY_ADDRESS,
	KEY_REPOSITORY_PORT,
	KEY_REPOSITORY_IDENTITY,
	KEY_REPOSITORY_KEY,
	KEY_REPOSITORY_DIRECTORY,
	KEY_REPOSITORY_SIZE,
	KEY_SMS_SOCKET,
	KEY_SMS_GROUP,
	KEY_SMS_NUMBER,
	KEY_SMS_ALLOW_3DES,
	KEY_SMS_TAG,
	KEY_SMS_SEGMENTS_MAX,
	KEY_SMS_SEGMENTS_A_DAY,
	KEY_SMS_VALID,
	KEY_SMS_KEYS_OVERLAP,
	KEY_SMS_KEYS_EARLY,
	KEY_SMS_KEYS_ANSWER,
	KEY_SMS_KEYS_RETRY,
	KEY_SMS_KEYS_BACKOFF,
	KEY_SMS_KEYS_MOST,
	KEY_SMS_KEYS_REST,
	KEY_SMS_KEYS_AN_HOUR,
	KEY_SMS_KEYS_TRIES,
	KEY_SMS_KEYS_CARD_FILE,
	KEY_BSF_URL,
	KEY_BSF_TOKEN_URL,
	KEY_BSF_CLIENT_ID,
	KEY_BSF_CLIENT_SECRET,
	KEY_BSF_CA,
	KEY_BSF_CERTIFICATE,
	KEY_BSF_KEY,
	KEY_BSF_NAF_FQDN,
	KEY_BSF_UA_ID,
	KEY_BSF_UICC_APPLICATION,
	KEY_BSF_LABELS,
	KEY_BSF_H2C,
	KEY_BSF_TIMEOUT,
	KEY_BSF_UNDER_WAY,
	KEY_CONTROL_PATH,
	KEY_CONTROL_GROUP,
	KEY_POLICY_FILE,
	KEY_POLICY_PACE,
	KEY_POLICY_OVERLAP,
	KEY_LEARN_URIS,
	KEY_LEARN_SETTLE,
	KEY_EVENTS_FILE,
	KEY_EVENTS_PATH,
	KEY_WEB_ADDRESS,
	KEY_WEB_PORT,
	KEY_LOG_LEVEL,
	KEY_LOG_FORMAT,
	KEY_STORE_PATH,
	KEY_STORE_KEY_FILE,
	KEY_STORE_KEY_CREDENTIAL,
	KEY_STORE_KEY_TPM,
	KEY_STORE_TPM,
	KEY_STORE_TOKEN,
	KEY_STORE_HOT,
	KEY_STORE_ANCHOR,
	KEY_STORE_AFTER_POWER_LOSS,
	KEY_STORE_EVICT_AFTER,
	KEY_STORE_ANY_FILESYSTEM,
	KEY_STORE_RESUMPTION,
	KEY_STORE_RESUMPTION_DAYS,
	KEY_STORE_ROTATION_DAYS,
	KEY_COUNT
};

/* Those of one member of `listeners`, `upstreams` and `routes`. */
enum {
	CONF_LISTENER_KEYS = KEY_LISTENER_AIR_PREFIX - KEY_LISTENER_ADDRESS + 1,
	CONF_UPSTREAM_KEYS = KEY_UPSTREAM_CID - KEY_UPSTREAM_TITLE + 1,
	CONF_ROUTE_KEYS = KEY_ROUTE_LISTENER - KEY_ROUTE_TO + 1,
};

enum conf_kind {
	CONF_NUMBER,
	CONF_TEXT,
	CONF_WORD,   /* one of `words` */
	CONF_BOOL,   /* true or false */
	CONF_TEXTS,  /* array of texts */
	CONF_HOSTS,  /* text, or array of CONF_ADDRESSES_MAX texts */
	CONF_GROUPS, /* list of groups, whose keys are the rows below it */
};

struct conf_row {
	const char *path;
	enum conf_kind kind;
	/* Number: its range. Text, of hosts each: its length. List and array: how many. */
	uint64_t min, max;
	const char *words; /* kind WORD: "a|b|c" */
	/* The default as text; NULL: see below; "" of a text: none; of a number, perhaps the path
	   of the key whose value it is. */
	const char *initial;
	const char *example; /* how it is written, for a key that is required; NULL: it is not */
	const char *unit;    /* of a number; NULL: a count */
	const char *meaning;
};

extern const struct conf_row conf_rows[KEY_COUNT];

/* The default of a number. */
uint64_t conf_row_number(const struct conf_row *r);
/* The key with this path; KEY_COUNT: there is none. */
enum conf_key conf_key_find(const char *path);
/* Is there a key inside this group? */
bool conf_key_is_group(const char *path);
/* The path that somebody who wrote `path` probably meant, or NULL. */
const char *conf_key_nearest(const char *path);
/* The word of `words` that looks most like `word`, by number of edits; above 64 characters
   always far. */
size_t conf_distance(const char *a, const char *b);
/* Is `word` one of "a|b|c"? */
bool conf_word_known(const char *words, const char *word);

#endif
