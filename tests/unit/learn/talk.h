/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/learn/talk: what a bootstrap server and a device say to each other, and the watch that
 * hears it.
 */
#ifndef LWG_TESTS_LEARN_TALK_H
#define LWG_TESTS_LEARN_TALK_H

#include <stddef.h>
#include <stdint.h>

#include "learn/read.h"
#include "learn/watch.h"
#include "proxy/coap.h"

enum { PUT = 3, GET = 1, CONTENT_FORMAT = 12, TALK_MAX = 6000 };

struct message {
	uint8_t octets[TALK_MAX];
	size_t len;
	uint16_t last; /* option */
};

extern struct message talk_message;
extern struct learn_watch *watch;
extern struct learn_found found;
extern uint16_t mid; /* of the latest Write or Delete */
extern uint8_t content[TALK_MAX];

#define SERVER(uri) "{\"n\":\"0\",\"vs\":\"" uri "\"},{\"n\":\"1\",\"vb\":false}"
#define KEYS(mode)                                                                                 \
	",{\"n\":\"2\",\"v\":" mode "},{\"n\":\"3\",\"vd\":\"YWJj\"},{\"n\":\"5\",\"vd\":"         \
	"\"eHl6\"}"
#define BASE(instance)         "[{\"bn\":\"/0/" instance "/\",\"n\":\"10\",\"v\":300},"
#define ACCOUNT(instance, uri) BASE(instance) SERVER(uri) KEYS("0") "]"

extern const char ours[]; /* the account of this gateway, for /0/1 */

/* For cmocka: a watch of two URIs, and its end. */
int talk_begin(void **state);
int talk_end(void **state);
/* Into talk_message, one after the other, options in their order. */
void talk_start(enum pdu_type type, uint8_t code, uint16_t id, const char *token);
void option(uint16_t number, const void *value, size_t len);
void option_number(uint16_t number, uint32_t v);
void option_path(const char *path);
void payload(const void *octets, size_t len);
/* talk_message, in a copy that is gone afterwards. */
enum learn_event asked(void);
enum learn_event answered(void);
enum learn_event answer(enum pdu_type type, uint8_t code, uint16_t id, const char *token);
/* Into content. */
size_t octets_of(const char *hex);
size_t text_of(const char *text);
/* A Write, with token "w", of a part of content; format 0xffff: none; block: the option's value, or
   UINT32_MAX: none. */
void ask_octets(uint16_t format, const char *path, size_t from, size_t len, uint32_t block);
/* A Write of content, or a Delete, and the answer to it. */
void write_octets(uint16_t format, const char *path, size_t len);
void write_text(const char *path, const char *text);
void erase(const char *path, uint8_t code);
enum learn_event ask_finish(uint16_t id, const char *token);
/* What KEYS("0") says. */
void expect_found(void);
void expect_nothing(const char *why);

#endif
