/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transfer units, as a modem gives them and as one takes them (I7).
 *
 * What must hold: data lies in the unit, and its digits are digits; what was read is written, and
 * is read the same then; written once more it has the same octets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms-bridge/pdu/tpdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_tpdu: %s\n", what);
	abort();
}

static void look(const struct tpdu *t, const uint8_t *data, size_t size)
{
	must(t->len <= TPDU_DATA_MAX, "too much data");
	must(t->len == 0 || (t->data >= data && t->len <= size &&
				    (size_t)(t->data - data) <= size - t->len),
		"data lies elsewhere");
	must(strlen(t->number.digits) == t->number.len, "a number of another length");
	must(strspn(t->number.digits, "0123456789*#abc") == t->number.len, "digits that are none");
	must((t->number.len == 0) == (t->number.type == 0), "a number without a type");
}

static void write_again(const struct tpdu *t, bool upwards)
{
	uint8_t once[TPDU_MAX], twice[TPDU_MAX];
	struct tpdu back;
	const size_t len = tpdu_write(t, once);
	if (t->number.len == 0) { /* nobody, or somebody with a name */
		must(len == 0, "it is written to nobody");
		return;
	}
	must(len > 0, "what was read cannot be written");
	must(tpdu_read(once, len, upwards, &back), "what was written cannot be read");
	must(back.kind == t->kind && back.pid == t->pid && back.dcs == t->dcs &&
			back.header == t->header && back.validity == t->validity &&
			back.len == t->len,
		"it says something else");
	must(memcmp(&back.number, &t->number, sizeof(back.number)) == 0, "another number");
	must(t->len == 0 || memcmp(back.data, t->data, t->len) == 0, "other data");
	must(tpdu_write(&back, twice) == len && memcmp(once, twice, len) == 0, "written otherwise");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int upwards = 0; upwards < 2; upwards++) {
		struct tpdu t;
		if (!tpdu_read(data, size, upwards != 0, &t)) {
			must(t.kind == TPDU_NONE && t.len == 0, "something is left");
			continue;
		}
		if (t.kind == TPDU_STATUS)
			continue;
		must((t.kind == TPDU_SUBMIT) == (upwards != 0), "of the other direction");
		look(&t, data, size);
		write_again(&t, upwards != 0);
	}
	return 0;
}
