/* SPDX-License-Identifier: Apache-2.0 */
/* sms-bridge/pdu for a test: the words of one message are its arguments, its transfer units are the
   lines of stdout, in hex.

	submit|deliver NUMBER PID DCS MARKER PORT REFERENCE VALID_S DATA

   All but NUMBER, PORT, REFERENCE and VALID_S is hex. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms-bridge/pdu/segments.h"
#include "sms-bridge/pdu/tpdu.h"

enum { SUBMIT = 1, NUMBER, PID, DCS, MARKER, PORT, REFERENCE, VALID_S, DATA, WORDS };

static const uint8_t scts[TPDU_SCTS] = { 0x62, 0x11, 0x32, 0x50, 0x00, 0x00, 0x00 };

static unsigned long value(const char *text, int base)
{
	return strtoul(text, NULL, base);
}

static size_t from_hex(const char *text, uint8_t *out, size_t cap)
{
	size_t len = 0;
	for (; text[0] != '\0' && text[1] != '\0' && len < cap; text += 2) {
		const char octet[] = { text[0], text[1], '\0' };
		out[len++] = (uint8_t)value(octet, 16);
	}
	return len;
}

static int put(const struct wire_text *t, char **words, size_t count, size_t i)
{
	uint8_t data[UDH_SPACE], out[TPDU_MAX];
	struct tpdu unit = { .number = t->peer, .pid = t->pid, .dcs = t->dcs, .data = data };
	unit.len = segments_cut(
		t, (uint16_t)value(words[REFERENCE], 10), count, i, data, &unit.header);
	unit.kind = strcmp(words[SUBMIT], "submit") == 0 ? TPDU_SUBMIT : TPDU_DELIVER;
	unit.reference = (uint8_t)i;
	unit.validity = tpdu_validity((uint32_t)value(words[VALID_S], 10));
	memcpy(unit.scts, scts, sizeof(scts));
	const size_t len = tpdu_write(&unit, out);
	for (size_t o = 0; o < len; o++)
		(void)printf("%02x", out[o]);
	(void)putchar('\n');
	return len > 0 ? 0 : 1;
}

int main(int argc, char **words)
{
	static uint8_t data[WIRE_DATA_MAX];
	struct wire_text t = { .data = data };
	if (argc != WORDS || !wire_number_from_text(words[NUMBER], &t.peer))
		return 2;
	t.pid = (uint8_t)value(words[PID], 16);
	t.dcs = (uint8_t)value(words[DCS], 16);
	t.marker = (uint8_t)value(words[MARKER], 16);
	t.port = (uint16_t)value(words[PORT], 10);
	t.len = from_hex(words[DATA], data, sizeof(data));
	const size_t count = segments_count(&t);
	int failed = count == 0;
	for (size_t i = 0; i < count; i++)
		failed |= put(&t, words, count, i);
	return failed;
}
