/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of sets of keys, and what happens to them. The input is the length of a row (2 octets), the
 * row, and then events, three octets each: which, and how much time has passed.
 *
 * What must hold: a row that was read is written again octet by octet; whatever happens, what is
 * written can be read; nobody is asked and sent to by one event; nothing is sent under keys that
 * are over; and what is due is not put off for good once time was told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms/keyset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 96 }; /* octets of events */

static const struct keyset_rules rules = { .overlap_ms = 300000,
	.early_ms = 60000,
	.answer_ms = 30000,
	.retry_ms = 60000,
	.backoff_ms = 4000,
	.most_ms = 900000,
	.rest_ms = 86400000,
	.an_hour = 20,
	.tries = 4 };

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_keyset: %s\n", what);
	abort();
}

static void write_it(const struct keyset *k, const uint8_t *was, size_t was_len)
{
	uint8_t out[KEYSET_SAVED_MAX];
	struct keyset again;
	const size_t len = keyset_save(k, out, sizeof(out));
	must(len > 0, "it can be written");
	must(!was || (len == was_len && memcmp(out, was, len) == 0), "octet by octet");
	must(keyset_load(out, len, &again), "what was written can be read");
}

static void happens(struct keyset *k, const uint8_t *three, uint64_t *now)
{
	static const uint8_t blob[100] = { 1 };
	const struct keyset_keys keys = { .origin = three[1] % KEYSET_ORIGINS,
		.agreed = { .key_len = 32 },
		.until_ms = (three[1] & 1) != 0 ? *now + three[2] * UINT64_C(10000) : 0 };
	const struct keyset_news n = { .now_ms = *now,
		.keys = &keys,
		.blob = blob,
		.blob_len = sizeof(blob),
		.cause = "cause",
		.lifetime_s = three[2] };
	const unsigned does =
		keyset_step(k, &rules, (enum keyset_event)(three[0] % KEYSET_EVENTS), &n);
	must((does & KEYSET_DO_ASK) == 0 || (does & KEYSET_DO_SEND) == 0, "one at a time");
	*now += (uint64_t)three[1] * three[2] * 100;
	(void)keyset_time(k, &rules, *now);
	must(keyset_next_ms(k) > *now, "all that was due is told");
	const struct keyset_keys *const under = keyset_sends(k, *now);
	must(!under || under->until_ms == 0 || under->until_ms > *now, "under none that is over");
	write_it(k, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keyset k;
	uint64_t now = 10000000;
	if (size < 2)
		return 0;
	const size_t said = (size_t)data[0] << 8 | data[1];
	const size_t len = said < size - 2 ? said : size - 2;
	if (keyset_load(data + 2, len, &k))
		write_it(&k, data + 2, len);
	else
		keyset_begin(&k, NULL, now);
	const size_t end = size - len > 2 + MOST ? 2 + len + MOST : size;
	for (size_t at = 2 + len; end - at >= 3; at += 3)
		happens(&k, data + at, &now);
	return 0;
}
