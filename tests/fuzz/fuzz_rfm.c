/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card's answers to remote file management, the operator's own commands, and a delivery as the
 * store has it. The input is an octet that says which format, one for the number of commands, and
 * the octets.
 *
 * What must hold: what is read lies within the answer, and what is malformed gives nothing; a
 * script is no longer than its room; a delivery that can be read is written as it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms/card.h"
#include "sms/rfm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 2048, ROOM = 300 };

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_rfm: %s\n", what);
	abort();
}

static void answer(enum rfm_format f, uint16_t commands, const uint8_t *data, size_t len)
{
	struct rfm_answer a;
	const enum rfm_fault fault = rfm_answer(f, commands, data, len, &a);
	if (fault == RFM_MALFORMED) {
		must(a.data == NULL && a.len == 0 && a.sw == 0 && a.executed == 0, "nothing of it");
		return;
	}
	must(a.executed <= commands, "no more than it was given");
	must(a.data == NULL ||
			(a.data >= data && a.len <= len && (size_t)(a.data - data) <= len - a.len),
		"within the answer");
	if (fault == RFM_GOOD)
		must(a.executed == commands && rfm_is_good(a.sw), "good is all of it");
	if (fault == RFM_REFUSED)
		must(!rfm_is_good(a.sw) && rfm_why(a.sw) != NULL, "why");
}

static void script(enum rfm_format f, size_t cap, const uint8_t *data, size_t len)
{
	uint8_t out[ROOM];
	size_t at = 0;
	for (size_t before = 0;; before = at) {
		struct rfm_script s = rfm_begin(f, out, cap);
		if (!rfm_opaque(&s, data, len, &at))
			return;
		must(at <= len && (at > before || at == len), "it goes on");
		must(rfm_end(&s) <= cap, "no longer than its room");
		if (at == len)
			return;
	}
}

static void state(const uint8_t *data, size_t len)
{
	uint8_t out[CARD_STATE_MAX];
	struct card_state s;
	if (!card_load(data, len, &s)) {
		must(s.phase == CARD_NOTHING && s.len == 0, "nothing of a damaged one");
		return;
	}
	must(card_save(&s, out, sizeof(out)) == len && memcmp(out, data, len) == 0, "as it was");
	must(card_why(&s) != NULL, "why");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > MOST)
		return 0;
	const enum rfm_format f = (enum rfm_format)(data[0] % RFM_FORMATS);
	answer(f, data[1], data + 2, size - 2);
	script(f, data[1] + (size_t)ROOM - UINT8_MAX, data + 2, size - 2);
	state(data + 2, size - 2);
	return 0;
}
