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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	CONF_LISTENERS_MAX = 16,
	CONF_SOURCES_MAX = 16,
	CONF_ERROR_MAX = 512,
	CONF_WORKERS_MAX = 64
};

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
	char *credentials;  /* path, made absolute to the configuration's folder */
	struct net_addr listeners[CONF_LISTENERS_MAX];
	size_t listeners_len;     /* >= 1 */
	struct net_addr upstream; /* resolved */
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
	char *control_path, *control_group;
	enum log_level log_level;
};

MUST_USE bool conf_load(const char *file, struct conf_gateway *out, struct conf_error *error);
/* The same over text that is already in memory (tests, fuzzing); name stands for the file in
   errors. */
MUST_USE bool conf_parse(
	const char *text, const char *name, struct conf_gateway *out, struct conf_error *error);
void conf_free(struct conf_gateway *c);
/* The table of all keys as man page source (mdoc or man macros), for lwgate.conf(5). */
void conf_print_table(FILE *to);

#endif
