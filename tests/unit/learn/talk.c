/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/learn/talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static const char *const uris[] = { "coaps://gw.example:5684", "coaps://[2001:db8::1]:5684" };

struct message talk_message;
struct learn_watch *watch;
struct learn_found found;
uint16_t mid;
uint8_t content[TALK_MAX];
const char ours[] = ACCOUNT("1", "coaps://GW.example/");

int talk_begin(void **state)
{
	(void)state;
	watch = learn_watch_new(uris, COUNT_OF(uris));
	mid = 100;
	return watch ? 0 : -1;
}

int talk_end(void **state)
{
	(void)state;
	learn_watch_free(watch);
	return 0;
}

/* --- messages --------------------------------------------------------------------------------- */

static void put(const void *octets, size_t len)
{
	assert_true(len <= sizeof(talk_message.octets) - talk_message.len);
	if (len > 0)
		memcpy(talk_message.octets + talk_message.len, octets, len);
	talk_message.len += len;
}

static void put_octet(size_t v)
{
	const uint8_t octet = (uint8_t)v;
	put(&octet, 1);
}

void talk_start(enum pdu_type type, uint8_t code, uint16_t id, const char *token)
{
	memset(&talk_message, 0, sizeof(talk_message));
	put_octet(0x40U | (unsigned)type << 4 | strlen(token));
	put_octet(code);
	put_octet(id >> 8);
	put_octet(id & 0xffU);
	put(token, strlen(token));
}

void option(uint16_t number, const void *value, size_t len)
{
	const size_t delta = (size_t)(number - talk_message.last);
	put_octet((delta < 13 ? delta : 13) << 4 | (len < 13 ? len : 13));
	if (delta >= 13)
		put_octet(delta - 13);
	if (len >= 13)
		put_octet(len - 13);
	put(value, len);
	talk_message.last = number;
}

void option_number(uint16_t number, uint32_t v)
{
	const uint8_t octets[] = { (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
	option(number, octets, sizeof(octets));
}

void option_path(const char *path)
{
	while (*path == '/')
		path++;
	for (size_t len = 0; *path != '\0'; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		option(PDU_URI_PATH, path, len);
	}
}

void payload(const void *octets, size_t len)
{
	if (len == 0)
		return;
	put_octet(0xff);
	put(octets, len);
}

/* In a copy of its own length, that is gone afterwards. */
static enum learn_event give(enum learn_event (*to)(struct learn_watch *, const struct pdu *))
{
	struct pdu m;
	uint8_t *const copy = malloc(talk_message.len);
	assert_non_null(copy);
	memcpy(copy, talk_message.octets, talk_message.len);
	assert_int_equal(pdu_parse(copy, talk_message.len, &m), PDU_OK);
	const enum learn_event e = to(watch, &m);
	memset(copy, 0, talk_message.len);
	free(copy);
	return e;
}

enum learn_event asked(void)
{
	return give(learn_watch_asked);
}

enum learn_event answered(void)
{
	return give(learn_watch_answered);
}

enum learn_event answer(enum pdu_type type, uint8_t code, uint16_t id, const char *token)
{
	talk_start(type, code, id, token);
	return answered();
}

size_t octets_of(const char *hex)
{
	const size_t len = strlen(hex) / 2;
	assert_true(len <= sizeof(content));
	for (size_t i = 0; i < len; i++) {
		const char two[] = { hex[2 * i], hex[2 * i + 1], '\0' };
		content[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return len;
}

size_t text_of(const char *text)
{
	const size_t len = strlen(text);
	assert_true(len <= sizeof(content));
	for (size_t i = 0; i < len; i++)
		content[i] = (uint8_t)text[i];
	return len;
}

void ask_octets(uint16_t format, const char *path, size_t from, size_t len, uint32_t block)
{
	talk_start(PDU_CON, PUT, ++mid, "w");
	option_path(path);
	if (format != 0xffff)
		option_number(CONTENT_FORMAT, format);
	if (block != UINT32_MAX)
		option_number(PDU_BLOCK1, block);
	payload(content + from, len);
	assert_int_equal(asked(), LEARN_PASSES);
}

void write_octets(uint16_t format, const char *path, size_t len)
{
	ask_octets(format, path, 0, len, UINT32_MAX);
	assert_int_equal(answer(PDU_ACK, PDU_CHANGED, mid, "w"), LEARN_PASSES);
}

void write_text(const char *path, const char *text)
{
	write_octets(LEARN_SENML_JSON, path, text_of(text));
}

void erase(const char *path, uint8_t code)
{
	talk_start(PDU_CON, PDU_DELETE, ++mid, "d");
	option_path(path);
	assert_int_equal(asked(), LEARN_PASSES);
	assert_int_equal(answer(PDU_ACK, code, mid, "d"), LEARN_PASSES);
}

enum learn_event ask_finish(uint16_t id, const char *token)
{
	talk_start(PDU_CON, PDU_POST, id, token);
	option_path("bs");
	return asked();
}

void expect_found(void)
{
	assert_null(learn_watch_why(watch));
	assert_true(learn_watch_found(watch, &found));
	assert_int_equal(found.mode, LEARN_PSK);
	assert_int_equal(found.identity.len, 3);
	assert_memory_equal(found.identity.octets, "abc", 3);
	assert_int_equal(found.key.len, 3);
	assert_memory_equal(found.key.octets, "xyz", 3);
}

void expect_nothing(const char *why)
{
	static const struct learn_found none;
	assert_false(learn_watch_found(watch, &found));
	assert_memory_equal(&found, &none, sizeof(none));
	if (!why)
		assert_null(learn_watch_why(watch));
	else if (!learn_watch_why(watch) || !strstr(learn_watch_why(watch), why))
		fail_msg("\"%s\" has no \"%s\"", learn_watch_why(watch), why);
}
