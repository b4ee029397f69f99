/* SPDX-License-Identifier: Apache-2.0 */
/* gateway/sms/keyset for a test: an order a line on stdin, its result a line on stdout. DEVICE is a
   number below 16; octets are hex, "." is none. Each row is saved and loaded between two orders.

	begin DEVICE NOW                                          0
	step DEVICE EVENT NOW LIFETIME_S UNTIL KEYS BLOB CAUSE    ACTIONS
	time DEVICE NOW                                           ACTIONS
	heard DEVICE WHICH NOW                                    EVENT
	next DEVICE                                               MS
	show DEVICE                      STATE CAUSE BLOB {GENERATION UNTIL KEYS} of the
	                                 three sets */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms/keyset.h"

enum { ORDER_MAX = 8192, WORDS = 12, DEVICES = 16, SECOND = 1000, MINUTE = 60 * SECOND };

static const struct keyset_rules rules = {
	.overlap_ms = 5 * MINUTE,
	.early_ms = MINUTE,
	.answer_ms = 30 * SECOND,
	.retry_ms = 30 * SECOND,
	.backoff_ms = 30 * SECOND,
	.most_ms = 5 * MINUTE,
	.rest_ms = 5 * MINUTE,
	.an_hour = 60,
	.tries = 6,
};

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static size_t from_hex(const char *text, uint8_t *out, size_t cap)
{
	size_t len = 0;
	while (text[0] && text[1] && len < cap) {
		out[len++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
		text += 2;
	}
	return len;
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

static void put_hex(const uint8_t *data, size_t len)
{
	(void)putchar(' ');
	for (size_t i = 0; i < len; i++)
		(void)printf("%02x", data[i]);
	if (len == 0)
		(void)putchar('.');
}

static unsigned step(struct keyset *k, char *const *w)
{
	uint8_t blob[KEYSET_BLOB_MAX];
	struct keyset_keys keys = { .origin = KEYSET_GBA_PUSH,
		.agreed = sms_agreed_default(SMS_CR_004),
		.obtained_ms = number(w[3]),
		.until_ms = number(w[5]) };
	struct keyset_news n = { .now_ms = number(w[3]),
		.lifetime_s = (uint32_t)number(w[4]),
		.blob = blob,
		.cause = w[8] };
	keys.agreed.key_len = (uint8_t)from_hex(w[6], keys.agreed.key, sizeof(keys.agreed.key));
	n.blob_len = from_hex(w[7], blob, sizeof(blob));
	n.keys = keys.agreed.key_len > 0 ? &keys : NULL;
	return keyset_step(k, &rules, (enum keyset_event)number(w[2]), &n);
}

static void show(const struct keyset *k)
{
	(void)printf("%d %s", k->state, k->cause[0] ? k->cause : ".");
	put_hex(k->blob, k->blob_len);
	for (size_t i = 0; i < KEYSET_SETS; i++) {
		const struct keyset_keys *const x = &k->set[i];
		(void)printf(" %" PRIu32 " %" PRIu64, x->generation, x->until_ms);
		put_hex(x->agreed.key, x->agreed.key_len);
	}
}

static void obey(struct keyset *k, char *const *w)
{
	if (strcmp(w[0], "begin") == 0) {
		keyset_begin(k, NULL, number(w[2]));
		(void)putchar('0');
	} else if (strcmp(w[0], "step") == 0) {
		(void)printf("%u", step(k, w));
	} else if (strcmp(w[0], "time") == 0) {
		(void)printf("%u", keyset_time(k, &rules, number(w[2])));
	} else if (strcmp(w[0], "heard") == 0) {
		(void)printf(
			"%d", (int)keyset_heard(k, (enum keyset_which)number(w[2]), number(w[3])));
	} else if (strcmp(w[0], "next") == 0) {
		(void)printf("%" PRIu64, keyset_next_ms(k));
	} else {
		show(k);
	}
}

/* As the store keeps it. */
static bool keep(struct keyset *k)
{
	uint8_t saved[KEYSET_SAVED_MAX];
	const size_t len = keyset_save(k, saved, sizeof(saved));
	memset(k, 0xa5, sizeof(*k));
	return len > 0 && keyset_load(saved, len, k);
}

int main(void)
{
	static struct keyset sets[DEVICES];
	static char line[ORDER_MAX];
	while (fgets(line, sizeof(line), stdin)) {
		char *words[WORDS] = { 0 };
		size_t n = 0;
		char *rest = NULL;
		for (char *w = strtok_r(line, " \n", &rest); w && n < WORDS;
			w = strtok_r(NULL, " \n", &rest))
			words[n++] = strcmp(w, ".") == 0 ? w + 1 : w;
		for (; n < WORDS; n++)
			words[n] = line + strlen(line); /* "" */
		struct keyset *const k = &sets[number(words[1]) % DEVICES];
		obey(k, words);
		(void)fputs(keep(k) ? "\n" : " damaged\n", stdout);
		(void)fflush(stdout);
	}
	return 0;
}
