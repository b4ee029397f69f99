/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame between gateway and bridge (I7).
 *
 * What must hold: what is read is written again octet by octet, and in no less room; its octets lie
 * in the frame, its texts have an end; what is not read leaves nothing behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms-bridge/wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_sms_wire: %s\n", what);
	abort();
}

static void number(const struct wire_number *n)
{
	must(n->len <= WIRE_DIGITS_MAX && strlen(n->digits) == n->len, "a number without end");
	must((n->len == 0) == (n->type == 0), "a number without a type");
}

static void text(const struct wire_text *t, const uint8_t *frame, size_t size)
{
	number(&t->peer);
	number(&t->own);
	must(t->len <= WIRE_DATA_MAX, "a message is too long");
	must(t->len == 0 || (t->data >= frame && t->len <= size &&
				    (size_t)(t->data - frame) <= size - t->len),
		"a message lies elsewhere");
	must(wire_mo_id(t, frame, size < 7 ? size : 7) == wire_mo_id(t, frame, size < 7 ? size : 7),
		"an id changes");
}

static void look(const struct wire_message *m, const uint8_t *frame, size_t size)
{
	if (m->type == WIRE_MT)
		text(&m->mt.text, frame, size);
	if (m->type == WIRE_MO) {
		text(&m->mo.text, frame, size);
		must(strnlen(m->mo.way, sizeof(m->mo.way)) <= WIRE_NAME_MAX, "a way without end");
	}
	if (m->type == WIRE_MT_OUTCOME) {
		must(m->mt_outcome.outcome > 0 && m->mt_outcome.outcome <= WIRE_BUSY,
			"an outcome that is none");
		must(memchr(m->mt_outcome.smsc_id, 0, sizeof(m->mt_outcome.smsc_id)) != NULL,
			"an id without end");
	}
}

/* A number as text: what is taken is only digits, and has the same text again. */
static void from_text(const uint8_t *data, size_t size)
{
	char digits[24];
	struct wire_number n, again;
	const size_t len = size < sizeof(digits) - 1 ? size : sizeof(digits) - 1;
	memcpy(digits, data, len);
	digits[len] = '\0';
	const bool good = wire_number_from_text(digits, &n);
	number(&n);
	if (!good)
		return;
	must(wire_number_from_text(n.digits, &again) && memcmp(&n, &again, sizeof(n)) == 0,
		"a number is another when it is read again");
}

static bool is_zero(const void *what, size_t len)
{
	const uint8_t *const octets = what;
	uint8_t sum = 0;
	for (size_t i = 0; i < len; i++)
		sum |= octets[i];
	return sum == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_message m;
	if (size > 0)
		from_text(data, size);
	memset(&m, 0xaa, sizeof(m));
	if (!wire_read(data, size, &m)) {
		must(is_zero(&m, sizeof(m)), "something is left behind");
		return 0;
	}
	look(&m, data, size);
	must(size > 0, "nothing is a frame");
	uint8_t *const out = malloc(size > 0 ? size : 1);
	if (!out)
		return 0;
	must(wire_write(&m, out, size) == size, "it has another length");
	must(memcmp(out, data, size) == 0, "it is written otherwise");
	must(wire_write(&m, out, size - 1) == 0, "it is written in less room");
	free(out);
	return 0;
}
