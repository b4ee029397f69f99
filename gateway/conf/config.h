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
#include "base/log.h"
#include "base/net.h"
#include "conf/dtls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	CONF_LISTENERS_MAX = 16,
	CONF_SOURCES_MAX = 16,
	CONF_TOLD_MAX = 16,
	CONF_ERROR_MAX = 512,
	CONF_WORKERS_MAX = 64
};

enum conf_power_loss { CONF_POWER_RESUME, CONF_POWER_PROBE, CONF_POWER_GAP };

struct conf_error {
	char text[CONF_ERROR_MAX]; /* "FILE:LINE: what is wrong; what would be right" */
};

struct conf_prefix {          /* a range of source addresses */
	struct net_addr base; /* port 0; host bits 0 */
	uint8_t bits;         /* prefix length */
};

struct conf_gateway {
	uint32_t workers;   /* >= 1: 0 in the file has become the number of processors */
	char *user, *group; /* "" = stay who we are */
	char *credentials;  /* path, made absolute to the configuration's folder; NULL: none */
	struct net_addr listeners[CONF_LISTENERS_MAX];
	size_t listeners_len;                               /* >= 1 */
	struct net_addr upstream;                           /* resolved */
	struct conf_dtls listener_dtls[CONF_LISTENERS_MAX]; /* of listeners, by number */
	struct conf_dtls upstream_dtls;
	struct conf_prefix sources[CONF_SOURCES_MAX];
	size_t sources_len;        /* 0 = the kernel's choice */
	uint32_t upstream_sockets; /* per worker, at most */
	char *master_secret_file;  /* path or NULL */
	uint32_t device_initial_ms, upstream_initial_ms, handshake_max_ms, handshake_lifetime_s;
	uint32_t handshakes_max;       /* of the process, like the next and relay_queue_bytes; */
	uint64_t handshake_bytes_max;  /* each worker has its share */
	uint32_t relay_queue_messages; /* of one device */
	uint64_t relay_queue_bytes;
	uint32_t relay_answer_s, relay_message_max;
	bool wrong_endpoint_403;
	bool store_any_filesystem;
	uint8_t cid_node, cid_random;           /* see dtls/cid */
	uint16_t cid_padding;                   /* octets; 0: none */
	struct conf_prefix told[CONF_TOLD_MAX]; /* who may be told that he is not known (S27) */
	size_t told_len;                        /* 0: nobody */
	uint32_t told_rate;                     /* at most so many a second, of the process */
	enum log_level log_level;
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
