/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/settings: lwgate-smsd.conf, from text to a checked struct.
 *
 * Promise: settings_load() either fills *out wholly, every value in its range, or says in *error
 *          which file, which line, what is wrong and what would be right. Unknown keys are errors.
 *          A password and a PIN are in files of their own, which nobody else may read.
 * Memory:  one struct, away from the heap for what is secret in it; settings_free() wipes it.
 * Threads: any, one struct each.
 * Source:  deploy/man/lwgate-smsd.conf.5.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_SETTINGS_H
#define LWG_SMS_BRIDGE_SMSD_SETTINGS_H

#include "base/attr.h"
#include "base/log_sink.h"
#include "conf/config.h"
#include "confine/confine.h"
#include "sms-bridge/modem/modem.h"
#include "sms-bridge/smpp/smpp.h"
#include "sms-bridge/smsd/bridge.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SETTINGS_PATH_MAX = 512, SETTINGS_WORD_MAX = 64, SETTINGS_HOST_MAX = 254 };

enum settings_kind { SETTINGS_SMPP, SETTINGS_MODEM };

struct settings_way {
	char name[WIRE_NAME_MAX + 1];
	uint8_t kind; /* enum settings_kind */
	struct smpp_settings smpp;
	char host[SETTINGS_HOST_MAX];
	uint16_t port;
	bool tls;
	char anchors[SETTINGS_PATH_MAX];     /* of the SMSC's certificate; with TLS */
	char server_name[SETTINGS_HOST_MAX]; /* in it */
	struct modem_settings modem;
	char device[SETTINGS_PATH_MAX];
	uint32_t speed;
};

struct settings {
	char user[SETTINGS_WORD_MAX], group[SETTINGS_WORD_MAX]; /* "" = stay who we are */
	char gateway[SETTINGS_PATH_MAX];                        /* its socket */
	char spool[SETTINGS_PATH_MAX];                          /* folder */
	enum log_level log_level;
	enum log_form log_format;
	enum confine_mode sandbox;
	uint32_t answer_s;
	struct settings_way ways[BRIDGE_WAYS_MAX];
	size_t ways_len; /* 0: nothing is carried yet */
};

/* NULL: *error says why. */
MUST_USE struct settings *settings_load(const char *file, struct conf_error *error);
void settings_free(struct settings *s);

#endif
