/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile repository. The input: a byte (its lowest bit: something is known already), then steps:
 * a byte (bits of STEP_), a length byte, times four, and the message.
 *
 * What must hold: what is handed out is the image from its first octet on, without a gap, of one
 * ETag; a pull that is over says nothing more; a request is sent five times at most, and each is
 * sound CoAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/coap.h"
#include "proxy/pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	STEP_TOKEN = 1, /* the message is made the answer to the request */
	STEP_LINK = 2,  /* the link is another one */
	STEP_LATER = 4, /* until something is due */
	MESSAGE = 4 * 255
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_pull: %s\n", what);
	abort();
}

struct seen {
	struct pull pull;
	uint64_t now_ms, have;
	uint32_t sent; /* of this token */
	uint32_t token;
	struct pull_entity entity; /* of the first block */
};

static void send_it(struct seen *s)
{
	uint8_t out[PULL_MESSAGE_MAX];
	struct pdu m;
	const size_t len = pull_send(&s->pull, s->now_ms, out);
	if (len == 0)
		return;
	must(pdu_parse(out, len, &m) == PDU_OK && m.code == 1, "a request");
	s->sent = s->token == s->pull.token ? s->sent + 1 : 1;
	s->token = s->pull.token;
	must(s->sent <= PULL_TRIES, "five times at most");
	must(pull_send(&s->pull, s->now_ms, out) == 0, "once at a time");
}

static void take(struct seen *s, const struct pull_got *got, const uint8_t *msg, size_t len)
{
	must(got->len <= 1024 || s->have == 0, "a block");
	must(got->len == 0 || (got->data >= msg && got->data + got->len == msg + len),
		"within the message");
	if (s->have == 0)
		s->entity = s->pull.entity;
	must(got->last || s->pull.entity.etag_len > 0, "of one image");
	must(s->pull.entity.etag_len == s->entity.etag_len &&
			memcmp(s->pull.entity.etag, s->entity.etag, s->entity.etag_len) == 0,
		"the ETag of the first one");
	s->have += got->len;
	must(s->have == s->pull.offset, "without a gap");
	must(got->last == !s->pull.active, "the last one is the end");
	must(s->have < UINT64_C(1) << 31, "it ends");
}

static void hear(struct seen *s, const uint8_t *msg, size_t len)
{
	const bool was = s->pull.active;
	struct pull_got got;
	pull_heard(&s->pull, msg, len, s->now_ms, &got);
	must(was || got.what == PULL_NOTHING, "what is over is over");
	switch (got.what) {
	case PULL_NOTHING:
		must(s->pull.active == was, "as it was");
		break;
	case PULL_DATA:
		take(s, &got, msg, len);
		break;
	case PULL_VALID:
		must(s->have == 0 && !s->pull.active, "only of what is known");
		break;
	case PULL_OTHER:
		must(s->have > 0 && !s->pull.active, "only in mid-transfer");
		break;
	case PULL_FAILED:
		must(got.code >= PDU_BAD_REQUEST && got.why && !s->pull.active, "with words");
		break;
	}
	must(s->pull.szx <= 6 && s->pull.tries <= PULL_TRIES, "bounds");
}

/* Its message id and token are those that are waited for, as far as it has a place for them. */
static void answer(const struct pull *p, uint8_t *msg, size_t len)
{
	if (len < 8)
		return;
	msg[0] = (uint8_t)(0x40 | (msg[0] & 0x30) | 4);
	msg[2] = (uint8_t)(p->mid >> 8);
	msg[3] = (uint8_t)p->mid;
	for (unsigned i = 0; i < 4; i++)
		msg[4 + i] = (uint8_t)(p->token >> (24 - 8 * i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t msg[MESSAGE];
	static const struct pull_entity known = { .etag_len = 2, .etag = "v1" };
	struct seen s = { .now_ms = 1000 };
	if (size == 0)
		return 0;
	pull_begin(&s.pull, "fw/m1", (data[0] & 1) != 0 ? &known : NULL, 0x01020304, s.now_ms);
	for (size_t at = 1; at + 2 <= size;) {
		const unsigned step = data[at];
		size_t len = (size_t)data[at + 1] * 4;
		at += 2;
		len = len < size - at ? len : size - at;
		if ((step & STEP_LINK) != 0)
			pull_again(&s.pull, s.now_ms);
		if ((step & STEP_LATER) != 0 && s.pull.active)
			s.now_ms = pull_next_ms(&s.pull);
		send_it(&s);
		(void)!pull_gives_up(&s.pull, s.now_ms);
		memcpy(msg, data + at, len);
		if ((step & STEP_TOKEN) != 0)
			answer(&s.pull, msg, len);
		hear(&s, msg, len);
		at += len;
	}
	return 0;
}
