/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/config: lwgate.conf, from text to a checked struct, through one table (key, type, range,
 * default, meaning).
 *
 * Promise: config_load() either fills *out wholly, every value in its range, or leaves it zero and
 *          says in *error which file, which line, what is wrong and what would be right. Unknown
 *          keys are errors (a typo must not be silent).
 * Memory:  strings are owned by the struct; config_free() releases them.
 * Threads: any, one struct each.
 * Source:  deploy/man/lwgate.conf.5, whose table is printed by conf_print_table().
 */
#ifndef LWG_CONF_CONFIG_H
#define LWG_CONF_CONFIG_H

#include "base/attr.h"
#include "base/log_sink.h"
#include "base/net.h"
#include "conf/dtls.h"
#include "conf/labels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	CONF_LISTENERS_MAX = 16,
	CONF_SOURCES_MAX = 16,
	CONF_TOLD_MAX = 16,
	CONF_UPSTREAMS_MAX = 8,
	CONF_PORTS = 64511,     /* of an address, without those that need a privilege */
	CONF_SMS_PORT = 1,      /* of a listener that is "sms": not 0, which is none */
	CONF_ADDRESSES_MAX = 4, /* of one upstream: as written, and as resolved */
	CONF_UPSTREAM_NAME_MAX = 32,
	CONF_ROUTES_MAX = 64,
	CONF_URIS_MAX = 8,
	CONF_ERROR_MAX = 512,
	CONF_WORKERS_MAX = 64
};

/* What lies between a listener and its devices. */
enum conf_radio { CONF_RADIO_ETHERNET, CONF_RADIO_LTE_M, CONF_RADIO_NB_IOT, CONF_RADIO_SMS };

/* What a credential is for. */
enum conf_purpose { CONF_FOR_ANY, CONF_FOR_SERVER, CONF_FOR_BOOTSTRAP };

/* An Update after a new handshake. */
enum conf_update { CONF_UPDATE_FORWARD, CONF_UPDATE_REFUSE, CONF_UPDATE_BY_VERSION };

enum conf_power_loss { CONF_POWER_RESUME, CONF_POWER_PROBE, CONF_POWER_GAP };

struct conf_error {
	char text[CONF_ERROR_MAX]; /* "FILE:LINE: what is wrong; what would be right" */
};

enum conf_sandbox { CONF_SANDBOX_TRY, CONF_SANDBOX_ON, CONF_SANDBOX_OFF };

struct conf_prefix {          /* a range of source addresses */
	struct net_addr base; /* port 0; host bits 0 */
	uint8_t bits;         /* prefix length */
};

struct conf_upstream { /* where links go: a server, by whichever of its addresses */
	char *name;    /* "upstream", where the file has one and gives it none */
	char *hosts[CONF_ADDRESSES_MAX]; /* as written: addresses and names */
	size_t hosts_len;                /* >= 1 */
	/* Resolved, of one family, each once, in the order of hosts. */
	struct net_addr addresses[CONF_ADDRESSES_MAX];
	size_t addresses_len; /* >= 1 */
	struct conf_dtls dtls;
	struct conf_prefix sources[CONF_SOURCES_MAX];
	size_t sources_len;        /* 0 = the kernel's choice */
	uint32_t sockets;          /* per worker, at most */
	uint32_t handshakes_per_s; /* of all workers; 0: what gateway/pace says */
	uint32_t handshakes_max;   /* under way, per worker; the same */
	char *master_secret_file;  /* path or NULL */
};

struct conf_route { /* what a session must be, for all of it to go there; as written */
	size_t to;  /* number of the upstream */
	unsigned line;
	bool has_purpose;
	enum conf_purpose purpose; /* if so, the credential's */
	char *endpoint;            /* pattern; NULL: any */
	struct conf_labels labels; /* it has all of them */
	size_t listener;           /* number; CONF_LISTENERS_MAX: any */
};

struct conf_air { /* of a listener without DTLS */
	bool is;  /* else the rest is 0 */
	bool echo_always;
	char *link, *ends, *analysis; /* never empty */
	struct conf_prefix sources[CONF_SOURCES_MAX];
	size_t sources_len;                      /* >= 1 */
	uint32_t sessions, sessions_per_network; /* of the process */
};

struct conf_repository { /* of firmware; all NULL and 0: there is none */
	char *prefix;    /* segments joined by '/' */
	struct net_addr address;
	char *identity, *key_file, *directory;
	uint32_t size_mib;
};

struct conf_bsf { /* where keys by GBA Push come from; url NULL: nowhere, and the rest is 0 */
	char *url, *token_url; /* the second NULL: no token is wanted, and the next two are NULL */
	char *client_id, *client_secret_file;
	char *ca_file, *certificate_file, *key_file; /* NULL: none */
	char *naf_fqdn, *uicc_application;
	char *label_cipher, *label_check;
	uint8_t ua_id[5];
	uint32_t timeout_s, under_way;
};

struct conf_sms {     /* the way to devices by short messages; socket NULL: there is none */
	char *socket; /* of lwgate-smsd; path, made absolute to the configuration's folder */
	char *group;  /* whose members may use it; "" = the gateway's own */
	char *number; /* ours: digits, or letters of a name; NULL: any to which they were sent */
	bool allow_3des;
	uint8_t tag;             /* of the envelope within a secured packet */
	uint32_t segments_max;   /* of one message to a device */
	uint32_t segments_a_day; /* to one device; 0: no limit */
	uint32_t valid_s;        /* how long the network is to try */
};

struct conf_sms_keys { /* of devices by short messages whose keys are renewed; see keyset_rules */
	uint32_t overlap_s, early_s, answer_s, retry_s, backoff_s, most_s, rest_s;
	uint32_t refreshes_an_hour; /* of one device; 0: no bound */
	uint32_t tries;             /* 1 to 100 */
	char *card_file;            /* NULL: none */
};

struct conf_gateway {
	char *file;          /* its name, as it is in errors */
	uint32_t workers;    /* >= 1: 0 in the file has become the number of processors */
	char *user, *group;  /* "" = stay who we are */
	uint8_t sandbox;     /* enum conf_sandbox */
	struct net_addr web; /* of the status page and the metrics; family 0: none */
	char *credentials;   /* path, made absolute to the configuration's folder; NULL: none */
	struct net_addr listeners[CONF_LISTENERS_MAX];
	size_t listeners_len;                               /* >= 1 */
	struct conf_dtls listener_dtls[CONF_LISTENERS_MAX]; /* of listeners, by number */
	enum conf_radio listener_radio[CONF_LISTENERS_MAX]; /* the same */
	struct conf_air *airs; /* of listeners, by number; NULL: all have DTLS */
	struct conf_upstream *upstreams;
	size_t upstreams_len; /* >= 1 */
	struct conf_route *routes;
	size_t routes_len; /* 0: there is one upstream, and all goes there */
	uint32_t device_initial_ms, upstream_initial_ms, handshake_max_ms, handshake_lifetime_s;
	uint32_t handshakes_max;       /* of the process, like the next and relay_queue_bytes; */
	uint64_t handshake_bytes_max;  /* each worker has its share */
	uint32_t relay_queue_messages; /* of one device */
	uint64_t relay_queue_bytes;
	uint32_t relay_answer_s, relay_message_max;
	bool wrong_endpoint_403;
	enum conf_update relay_update;
	uint32_t relay_awake_ms; /* this and the next four: of devices in queue mode */
	bool relay_awake_by_update, relay_asleep_refused;
	uint32_t relay_asleep_messages, relay_asleep_wait_s;
	struct conf_repository repository;
	struct conf_sms sms;
	struct conf_sms_keys sms_keys;
	struct conf_bsf bsf;
	bool store_any_filesystem;
	uint8_t cid_node, cid_random;           /* see dtls/cid */
	uint16_t cid_padding;                   /* octets; 0: none */
	struct conf_prefix told[CONF_TOLD_MAX]; /* who may be told that he is not known (S27) */
	size_t told_len;                        /* 0: nobody */
	uint32_t told_rate;                     /* at most so many a second, of the process */
	enum log_level log_level;
	enum log_form log_format;
	/* As written; without store_anchor the gateway does RESUME (S6, S11). */
	enum conf_power_loss store_after_power_loss;
	uint32_t store_evict_after_s;
	uint32_t store_resumption; /* entries; 0: off */
	uint32_t store_resumption_days;
	uint32_t store_rotation_days; /* 0: never by itself */
	char *control_path, *control_group;
	char *policy_file;         /* NULL: the built-in one */
	uint32_t policy_pace;      /* decisions a second, at most, of the process */
	uint32_t policy_overlap_s; /* what was proved before is taken so long; 0: not */
	/* URIs by which devices know this gateway (LwM2M Server URI), as uri_coaps() of base/uri
	   has them. What a bootstrap server writes for one of them is learned (S31); none: nothing
	   is. */
	char *learn_uris[CONF_URIS_MAX];
	size_t learn_uris_len;
	uint32_t learn_settle_s; /* how long what was learned may stay unused; see store_staged */
	char *events_file, *events_path; /* NULL: none */
	char *store_path;                /* NULL: all in memory, and then the next three are NULL */
	/* Exactly one is not NULL: */
	char *store_key_file, *store_key_credential, *store_key_tpm;
	char *store_tpm; /* TCTI */
	char *store_token;
	char *store_hot;    /* NULL: in store_path */
	char *store_anchor; /* path, or "tpm:0x..."; NULL: none */
};

MUST_USE bool conf_load(const char *file, struct conf_gateway *out, struct conf_error *error);
/* The same over text that is already in memory (tests, fuzzing); name stands for the file in
   errors. */
MUST_USE bool conf_parse(
	const char *text, const char *name, struct conf_gateway *out, struct conf_error *error);
void conf_free(struct conf_gateway *c);
/* What is right, but not what somebody would expect: the number-th caveat (0 ..) about the store as
   a sentence with its remedy; NULL: there are no more. For the log at the start. */
const char *conf_caveat(const struct conf_gateway *c, size_t number);
/* The path of the number-th setting (0 ..) that differs between the two and that lwgated takes only
   at its start; NULL: there are no more. The rest it takes at a reload. */
const char *conf_fixed(
	const struct conf_gateway *now, const struct conf_gateway *next, size_t number);
/* The table of all keys as man page source (mdoc or man macros), for lwgate.conf(5). */
void conf_print_table(FILE *to);

#endif
