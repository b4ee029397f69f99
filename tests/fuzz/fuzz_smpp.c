/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets of an SMSC as units: cut into frames, read, made a message of, written again.
 *
 * What must hold: no octet outside the frame is read, whatever its lengths say; what was read can
 * be written, and is read the same then; a message lies within the unit or the scratch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms-bridge/smpp/message.h"
#include "sms-bridge/smpp/pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_smpp: %s\n", what);
	abort();
}

struct bed { /* too large for a stack that the sanitizers make larger still */
	uint8_t once[2 * SMPP_FRAME_MAX], twice[2 * SMPP_FRAME_MAX];
	uint8_t scratch[SMPP_SCRATCH];
	unsigned sum;
};

static bool within(const uint8_t *at, size_t len, const uint8_t *block, size_t size)
{
	return at >= block && len <= size && (size_t)(at - block) <= size - len;
}

static void make_message(struct bed *b, const struct smpp_sm *m, const uint8_t *frame, size_t len)
{
	struct way_segment s;
	if (!smpp_message_read(m, b->scratch, &s))
		return;
	must(s.len == 0 || within(s.data, s.len, frame, len) ||
			within(s.data, s.len, b->scratch, sizeof(b->scratch)),
		"a message lies elsewhere");
	for (size_t i = 0; i < s.len; i++)
		b->sum += s.data[i]; /* all of it can be read */
	must(s.peer.len > 0 && s.peer.len <= WIRE_DIGITS_MAX && strlen(s.peer.digits) == s.peer.len,
		"a sender without a number");
	must(strlen(s.own.digits) == s.own.len, "a number of another length");
	must((m->esm_class & SMPP_ESM_TYPE) == 0, "a receipt is a message");
	must(!s.header || (m->esm_class & SMPP_ESM_HEADER) || m->sar, "a header of nothing");
}

static void one(struct bed *b, const uint8_t *frame, size_t len)
{
	struct smpp_pdu p, q;
	const enum smpp_status status = smpp_read(frame, len, &p);
	if (status != SMPP_OK)
		return;
	const bool message =
		p.id == SMPP_SUBMIT_SM || p.id == SMPP_DELIVER_SM || p.id == SMPP_DATA_SM;
	if (message)
		make_message(b, &p.sm, frame, len);
	const size_t first = smpp_write(&p, b->once, sizeof(b->once));
	must(first >= SMPP_HEADER && first <= SMPP_FRAME_MAX, "what was read cannot be written");
	must(message ? first <= len + 1 : true, "it grows");
	must(smpp_read(b->once, first, &q) == SMPP_OK, "what was written cannot be read");
	must(q.id == p.id && q.status == p.status && q.sequence == p.sequence, "another header");
	const size_t second = smpp_write(&q, b->twice, sizeof(b->twice));
	must(second == first && memcmp(b->once, b->twice, first) == 0, "written otherwise");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bed *const b = calloc(1, sizeof(*b));
	size_t len;
	if (!b)
		return 0;
	while (smpp_frame(data, size, &len) == SMPP_WHOLE) {
		uint8_t *const exact = malloc(len); /* of its own length, gone when it was seen */
		if (!exact)
			abort();
		memcpy(exact, data, len);
		one(b, exact, len);
		free(exact);
		data += len;
		size -= len;
	}
	free(b);
	return 0;
}
