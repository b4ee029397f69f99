/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/card.h"

#include <string.h>

#include "base/attr.h"
#include "base/wipe.h"

enum {
	/* Octets of a packet in one short message, in the first of several, in the others. */
	SINGLE = 137,
	FIRST = 132,
	OTHER = 134,
	DATA_MAX = FIRST + (CARD_SEGMENTS - 1) * OTHER,
	HEAD = 4, /* number of objects, and of their octets: 0, there are none */
	/* SPI2 (TS 102 225 5.1.1). */
	POR = 0x03,
	POR_NEVER = 0,
	POR_ALWAYS = 1,
	POR_CHECK = 0x0c,
	POR_BY_CC = 0x08,
	POR_BY_SUBMIT = 0x20,
	/* Status of a response packet (table 5). */
	DONE = 0x00,
	COUNTER_LOW = 0x02,
	NO_MEMORY = 0x07,
	MORE_TIME = 0x08,
	DATA_FOLLOWS = 0x0b,
	NO_STATUS = 0xff,
};

/* --- settings --------------------------------------------------------------------------------- */

static const char *check_spi2(uint8_t spi2)
{
	if ((spi2 & POR) == POR_NEVER)
		return NULL;
	if ((spi2 & POR) != POR_ALWAYS)
		return "ota.spi2 asks for an answer in errors only, or in a reserved way: use "
		       "0x39, "
		       "or 0x00 for none";
	if ((spi2 & POR_CHECK) != POR_BY_CC)
		return "ota.spi2 asks for an answer without a cryptographic checksum, which proves "
		       "nothing: use 0x39";
	if ((spi2 & POR_BY_SUBMIT) == 0)
		return "ota.spi2 asks for an answer in a delivery report, which does not come "
		       "here: use 0x39";
	return NULL;
}

bool card_settings(
	const struct card_ota *o, bool allow_3des, struct card_settings *out, const char **why)
{
	enum { SEGMENTS = 2, TRIES = 6, RETRY_MS = 60000, WAIT_MS = 15 * 60000 };
	uint8_t apdu[RFM_APDU_MAX];
	struct sms_agreed a = { .spi2 = o->spi2,
		.kic = o->kic,
		.kid = o->kid,
		.cc_len = o->cc_len,
		.key_len = o->key_len };
	*out = (struct card_settings){ .path_len = o->path_len,
		.format = o->format,
		.segments = SEGMENTS,
		.tries = TRIES,
		.retry_ms = RETRY_MS,
		.wait_ms = WAIT_MS };
	*why = check_spi2(o->spi2);
	if (*why != NULL)
		return false;
	if (o->format >= RFM_FORMATS || o->key_len > sizeof(a.key) ||
		rfm_select(o->path, o->path_len, apdu) == 0) {
		*why = "ota.file is no path of 1 to 8 files, two octets each, as in 7fff6432";
		return false;
	}
	memcpy(out->path, o->path, o->path_len);
	memcpy(a.tar, o->tar, sizeof(a.tar));
	memcpy(a.key, o->key, a.key_len);
	const bool good = sms_agreed_settings(&a, allow_3des, &out->ota, why);
	wipe(&a, sizeof(a));
	return good;
}

static bool wants_answer(const struct card_settings *c)
{
	return (c->ota.spi[1] & POR) == POR_ALWAYS;
}

/* --- what is in a packet ---------------------------------------------------------------------- */

static size_t data_room(const struct card_settings *c)
{
	const size_t most =
		c->segments <= 1 ? (size_t)SINGLE : FIRST + (size_t)(c->segments - 1) * OTHER;
	size_t n = most < DATA_MAX ? most : (size_t)DATA_MAX;
	while (n > 0 && sms_sealed_len(&c->ota, n) > most)
		n--;
	return n;
}

struct plan { /* of one packet */
	struct rfm_script script;
	uint16_t from; /* what is left after it ... */
	bool all;      /* ... nothing */
	uint8_t out[DATA_MAX];
};

static bool add_head(struct rfm_script *k, const uint8_t head[HEAD])
{
	uint8_t apdu[RFM_APDU_MAX];
	const size_t n = rfm_update(0, head, HEAD, apdu);
	return rfm_add(k, apdu, n);
}

/* It is the same for each try: it depends on what is proved, and on the settings. */
static bool make(const struct card_state *s, const struct card_settings *c, struct plan *p)
{
	static const uint8_t blank[HEAD] = { 0 };
	uint8_t apdu[RFM_APDU_MAX];
	struct rfm_script *const k = &p->script;
	*k = rfm_begin((enum rfm_format)c->format, p->out, data_room(c));
	p->from = s->from;
	const size_t select = rfm_select(c->path, c->path_len, apdu);
	if (select == 0 || !rfm_add(k, apdu, select))
		return false;
	if (s->head == CARD_HEAD_BLANK && !add_head(k, blank))
		return false;
	const size_t left = (size_t)(s->to - s->from);
	const size_t done = rfm_update_all(k, s->from, s->content + s->from, left);
	p->from = (uint16_t)(s->from + done);
	p->all = done == left;
	if (p->all && s->head != CARD_HEAD_PLAIN)
		p->all = add_head(k, s->content);
	const uint16_t least = s->head == CARD_HEAD_BLANK ? 2 : 1;
	return k->commands > least && rfm_end(k) > 0;
}

static bool is_one_packet(const struct card_state *s, const struct card_settings *c)
{
	struct plan p;
	const bool one = make(s, c, &p) && p.all;
	wipe(&p, sizeof(p));
	return one;
}

/* --- its life --------------------------------------------------------------------------------- */

static void give_up(struct card_state *s, enum card_cause cause)
{
	s->phase = CARD_GIVEN_UP;
	s->cause = (uint8_t)cause;
	s->due_ms = UINT64_MAX;
}

/* From the first to the last octet that is another. */
static void only_what_differs(struct card_state *s, const uint8_t *was)
{
	while (s->from < s->to && was[s->from] == s->content[s->from])
		s->from++;
	while (s->from < s->to && was[s->to - 1] == s->content[s->to - 1])
		s->to--;
}

/* NOLINTNEXTLINE(readability-function-size): what is there, what is to be there, and when */
bool card_begin(struct card_state *s, const struct card_settings *c, const uint8_t *was,
	size_t was_len, const uint8_t *content, size_t len, uint64_t now_ms)
{
	struct card_state next = { .phase = CARD_TO_SEND, .status = NO_STATUS, .due_ms = now_ms };
	bool good = len > HEAD && len <= CARD_FILE_MAX;
	if (good) {
		memcpy(next.content, content, len);
		next.len = next.to = (uint16_t)len;
		if (was && was_len == len)
			only_what_differs(&next, was);
		/* Also where nothing differs: only its answer proves that the card has it. */
		if (!is_one_packet(&next, c)) {
			next.from = 0;
			next.to = next.len;
		}
		if (!is_one_packet(&next, c)) {
			next.from = HEAD;
			next.head = CARD_HEAD_BLANK;
		}
		struct plan p;
		good = make(&next, c, &p);
		wipe(&p, sizeof(p));
	}
	if (!good)
		give_up(&next, CARD_TOO_LONG);
	memcpy(s, &next, sizeof(*s));
	wipe(&next, sizeof(next));
	return good;
}

/* How long this try is waited for. */
static uint64_t wait_ms(const struct card_state *s, const struct card_settings *c)
{
	uint64_t ms = c->retry_ms;
	for (unsigned i = 1; i < s->tries && ms < c->wait_ms; i++)
		ms *= 2;
	return ms < c->wait_ms ? ms : c->wait_ms;
}

bool card_is_due(struct card_state *s, const struct card_settings *c, uint64_t now_ms)
{
	if ((s->phase != CARD_TO_SEND && s->phase != CARD_WAITING) || now_ms < s->due_ms)
		return false;
	if (s->tries >= c->tries) {
		const bool told = s->cause != CARD_NO_CAUSE;
		give_up(s, told ? (enum card_cause)s->cause : CARD_NO_ANSWER);
		return false;
	}
	s->phase = CARD_TO_SEND;
	return true;
}

/* NOLINTNEXTLINE(readability-function-size): what is sealed, how, when, and where to */
size_t card_packet(struct card_state *s, const struct card_settings *c, struct sms_cipher *cipher,
	uint64_t counter, uint64_t now_ms, uint8_t *out, size_t cap)
{
	struct plan p;
	size_t n = 0;
	if (s->phase == CARD_TO_SEND && counter > 0 && counter > s->last && make(s, c, &p)) {
		n = sms_seal(cipher, &c->ota, counter, p.out, p.script.len, out, cap, NULL);
		wipe(&p, sizeof(p));
	}
	if (n == 0)
		return 0;
	if (s->first == 0)
		s->first = counter;
	s->last = counter;
	s->tries++;
	s->phase = CARD_WAITING;
	s->due_ms = now_ms + wait_ms(s, c);
	return n;
}

/* What was under way is done. */
static enum card_event advance(struct card_state *s, const struct card_settings *c, uint64_t now_ms)
{
	struct plan p;
	const bool good = make(s, c, &p);
	const bool all = good && p.all;
	const uint16_t from = p.from;
	wipe(&p, sizeof(p));
	if (!good) {
		give_up(s, CARD_TOO_LONG);
		return CARD_GAVE_UP;
	}
	s->packets++;
	s->first = s->last = s->message = 0;
	s->tries = 0;
	s->cause = CARD_NO_CAUSE;
	s->from = from;
	if (s->head == CARD_HEAD_BLANK)
		s->head = CARD_HEAD_LAST;
	s->phase = all ? CARD_HAS_IT : CARD_TO_SEND;
	s->due_ms = all ? UINT64_MAX : now_ms;
	s->proved = all && wants_answer(c);
	return all ? CARD_PROVED : CARD_NEXT;
}

void card_network(struct card_state *s, const struct card_settings *c, uint64_t message, bool has,
	uint64_t now_ms)
{
	if (s->phase != CARD_WAITING || message == 0 || message != s->message)
		return;
	if (!has)
		s->due_ms = now_ms + wait_ms(s, c);
	else if (!wants_answer(c))
		(void)advance(s, c, now_ms);
}

/* --- what the card says ----------------------------------------------------------------------- */

/* It may be done the next time. */
static enum card_event again(struct card_state *s, enum card_cause cause)
{
	s->cause = (uint8_t)cause;
	return CARD_AGAIN;
}

static enum card_event stop(struct card_state *s, enum card_cause cause)
{
	give_up(s, cause);
	return CARD_GAVE_UP;
}

static bool may_pass(uint16_t sw)
{
	enum { MEMORY = 0x6581, CONDITIONS = 0x6985, NO_REASON = 0x6f00 };
	return sw == MEMORY || sw == CONDITIONS || sw == NO_REASON;
}

static enum card_event executed(struct card_state *s, const struct card_settings *c,
	const struct sms_response *r, uint64_t now_ms)
{
	struct plan p;
	struct rfm_answer a;
	const bool good = make(s, c, &p);
	const uint16_t commands = p.script.commands;
	wipe(&p, sizeof(p));
	if (!good)
		return stop(s, CARD_TOO_LONG);
	const enum rfm_fault f =
		rfm_answer((enum rfm_format)c->format, commands, r->data, r->len, &a);
	s->sw = a.sw;
	switch (f) {
	case RFM_GOOD:
		return advance(s, c, now_ms);
	case RFM_MALFORMED:
		return again(s, CARD_BAD_ANSWER);
	case RFM_FEWER:
		return again(s, CARD_BAD_COMMAND);
	case RFM_BAD_FORMAT:
		return stop(s, CARD_BAD_FORMAT);
	case RFM_REFUSED:
		break;
	}
	return may_pass(a.sw) ? again(s, CARD_BAD_COMMAND) : stop(s, CARD_BAD_COMMAND);
}

/* A repeat of the network's has a counter that is low by then: what the first one's answer says is
   waited for. */
static enum card_event told(struct card_state *s, const struct card_settings *c,
	const struct sms_response *r, uint64_t now_ms)
{
	s->status = r->status;
	switch (r->status) {
	case DONE:
		return executed(s, c, r, now_ms);
	case MORE_TIME:
	case DATA_FOLLOWS:
		s->phase = CARD_WAITING;
		s->due_ms = now_ms + c->wait_ms;
		return CARD_LATER;
	case COUNTER_LOW:
	case NO_MEMORY:
		return again(s, CARD_BAD_STATUS);
	default:
		return stop(s, CARD_BAD_STATUS);
	}
}

/* A card that could not read what came may answer in the clear: anybody could have. */
static bool is_hint(const struct card_settings *c, struct sms_cipher *cipher, uint8_t *packet,
	size_t len, uint8_t *status)
{
	enum { RHL = 2, WITHOUT_CHECK = 10 };
	struct sms_settings clear;
	struct sms_response r;
	if (len <= RHL || packet[RHL] != WITHOUT_CHECK)
		return false;
	clear = (struct sms_settings){ .spi = { 0, POR_ALWAYS } };
	memcpy(clear.tar, c->ota.tar, sizeof(clear.tar));
	if (sms_open_response(cipher, &clear, packet, len, &r) != SMS_GOOD)
		return false;
	*status = r.status;
	return true;
}

/* NOLINTNEXTLINE(readability-function-size): what has come, for what, and when */
enum card_event card_open(struct card_state *s, const struct card_settings *c,
	struct sms_cipher *cipher, uint8_t *packet, size_t len, uint64_t now_ms, uint8_t *status)
{
	struct sms_response r;
	*status = NO_STATUS;
	if ((s->phase != CARD_TO_SEND && s->phase != CARD_WAITING) || s->first == 0 ||
		(c->ota.spi[1] & POR) == POR_NEVER)
		return CARD_NOT_OURS;
	if (is_hint(c, cipher, packet, len, status))
		return CARD_HINT;
	if (sms_open_response(cipher, &c->ota, packet, len, &r) != SMS_GOOD ||
		r.counter < s->first || r.counter > s->last)
		return CARD_NOT_OURS;
	*status = r.status;
	return told(s, c, &r, now_ms);
}

uint64_t card_due_ms(const struct card_state *s)
{
	return s->phase == CARD_TO_SEND || s->phase == CARD_WAITING ? s->due_ms : UINT64_MAX;
}

static const char *status_why(uint8_t status)
{
	static const char *const names[] = {
		[0x01] = "PoR 01: RC/CC/DS failed: ota.key, ota.kid or ota.cc_len are not the "
			 "card's",
		[0x02] = "PoR 02: CNTR low: another server counts with these OTA keys, too: give "
			 "this "
			 "gateway a key set of its own",
		[0x03] = "PoR 03: CNTR high: the card wants each counter to be one more than the "
			 "last",
		[0x04] = "PoR 04: CNTR blocked: the card takes nothing more under these OTA keys",
		[0x05] = "PoR 05: ciphering error: ota.key or ota.kic are not the card's",
		[0x06] = "PoR 06: unidentified security error",
		[0x07] = "PoR 07: not enough memory in the card for the packet: shorten "
			 "sms_keys.card_file",
		[0x09] = "PoR 09: TAR unknown: check ota.tar",
		[0x0a] = "PoR 0a: the card demands more security than ota has: check ota.spi2",
		[0x0c] = "PoR 0c: the answer goes by USSD, which does not come here",
	};
	return status < COUNT_OF(names) && names[status]
		       ? names[status]
		       : "a PoR with a status that the standard does not have";
}

const char *card_why(const struct card_state *s)
{
	switch ((enum card_cause)s->cause) {
	case CARD_NO_CAUSE:
		return "";
	case CARD_NO_ANSWER:
		return "the card has not answered: is ota.tar right, and is the device in reach?";
	case CARD_BAD_STATUS:
		return status_why(s->status);
	case CARD_BAD_COMMAND:
		return s->sw == 0 || rfm_is_good(s->sw)
			       ? "the card has executed fewer commands than it was given"
			       : rfm_why(s->sw);
	case CARD_BAD_ANSWER:
		return "the card's answer could not be read: check ota.format";
	case CARD_BAD_FORMAT:
		return "the card could not read the commands: check ota.format";
	case CARD_TOO_LONG:
		return "the file does not fit: shorten sms_keys.card_file";
	}
	return "";
}
