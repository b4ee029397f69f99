/* SPDX-License-Identifier: Apache-2.0 */
/* A file's content on its way to one card: a card that is made up here, a network that loses,
   doubles and turns around, and a clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms/card.h"

enum { FILE_LEN = 600, PACKET = 512, MINUTE = 60000 };

static const uint8_t path[] = { 0x7f, 0xff, 0x64, 0x32 };

static struct card_ota ota(enum rfm_format f)
{
	struct card_ota o = { .spi2 = 0x39,
		.kic = 0x22,
		.kid = 0x22,
		.cc_len = 8,
		.tar = { 0xb0, 0x00, 0x10 },
		.key_len = 32,
		.path_len = sizeof(path),
		.format = (uint8_t)f };
	memcpy(o.path, path, sizeof(path));
	for (uint8_t i = 0; i < o.key_len; i++)
		o.key[i] = (uint8_t)(5 * i + 9);
	return o;
}

/* --- the card --------------------------------------------------------------------------------- */

struct card {
	struct sms_cipher *cipher;
	struct sms_settings keys;
	uint64_t counter;
	uint8_t format;
	uint16_t fails_with; /* the first UPDATE BINARY; 0: it does not */
	uint8_t status;      /* instead of 00 */
	size_t executed;     /* packets */
	uint8_t file[FILE_LEN + 100];
};

static bool is_whole(const struct card *k, const uint8_t *content, size_t len)
{
	return memcmp(k->file, content, len) == 0;
}

static uint16_t execute_one(struct card *k, const uint8_t *a, size_t len, bool *selected)
{
	static const uint8_t select[] = { 0, 0xa4, 8, 0x0c, 4, 0x7f, 0xff, 0x64, 0x32 };
	if (len == sizeof(select) && memcmp(a, select, len) == 0) {
		*selected = true;
		return 0x9000;
	}
	assert_true(len > 5 && a[0] == 0 && a[1] == 0xd6 && a[4] == len - 5);
	if (!*selected)
		return 0x6986;
	if (k->fails_with != 0)
		return k->fails_with;
	const size_t at = (size_t)a[2] << 8 | a[3];
	if (at + a[4] > sizeof(k->file))
		return 0x6b00;
	memcpy(k->file + at, a + 5, a[4]);
	return 0x9000;
}

/* Where the commands are. */
static void inside(const struct card *k, const uint8_t *data, size_t len, size_t *at, size_t *end)
{
	*at = 0;
	*end = len;
	if (k->format == RFM_EXPANDED) {
		assert_int_equal(data[0], 0xaa);
		*at = data[1] < 0x80 ? 2 : (size_t)(data[1] & 0x7f) + 2;
	} else if (k->format == RFM_INDEFINITE) {
		assert_memory_equal(data, "\xae\x80", 2);
		assert_memory_equal(data + len - 2, "\0\0", 2);
		*at = 2;
		*end = len - 2;
	}
}

/* The length of the command that comes; *at is where it begins. */
static size_t next_len(const struct card *k, const uint8_t *data, size_t *at)
{
	if (k->format == RFM_COMPACT)
		return (size_t)5 + data[*at + 4];
	assert_int_equal(data[*at], 0x22);
	const size_t one = data[*at + 1];
	*at += 2;
	if (one < 0x80)
		return one;
	const size_t octets = one & 0x7f;
	size_t len = 0;
	for (size_t i = 0; i < octets; i++)
		len = len << 8 | data[(*at)++];
	return len;
}

static size_t answer(const struct card *k, const uint8_t *answers, size_t n, uint8_t count,
	uint16_t sw, uint8_t *out)
{
	static const uint8_t open[] = { 0xaf, 0x80 };
	if (k->format == RFM_COMPACT) {
		memcpy(out, (uint8_t[]){ count, (uint8_t)(sw >> 8), (uint8_t)sw }, 3);
		return 3;
	}
	if (k->format == RFM_INDEFINITE) {
		memcpy(out, open, sizeof(open));
		memcpy(out + 2, answers, n);
		memset(out + 2 + n, 0, 2);
		return n + 4;
	}
	memcpy(out, (uint8_t[]){ 0xab, (uint8_t)(n + 3), 0x80, 1, count }, 5);
	memcpy(out + 5, answers, n);
	return n + 5;
}

/* Its answer's data. */
static size_t execute(struct card *k, const uint8_t *data, size_t len, uint8_t *out)
{
	size_t at, n = 0, end;
	uint8_t count = 0, answers[256];
	uint16_t sw = 0x9000;
	bool selected = false;
	inside(k, data, len, &at, &end);
	while (at < end && sw == 0x9000) {
		const size_t one = next_len(k, data, &at);
		sw = execute_one(k, data + at, one, &selected);
		at += one;
		count++;
		memcpy(answers + n, (uint8_t[]){ 0x23, 2, (uint8_t)(sw >> 8), (uint8_t)sw }, 4);
		n += 4;
	}
	k->executed++;
	return answer(k, answers, n, count, sw, out);
}

/* The PoR; 0: none. */
static size_t card_gets(struct card *k, const uint8_t *sent, size_t len, uint8_t *out)
{
	uint8_t packet[PACKET], data[512];
	struct sms_opened o;
	memcpy(packet, sent, len);
	assert_int_equal(sms_open(k->cipher, &k->keys, packet, len, &o), SMS_GOOD);
	struct sms_response r = { .counter = o.counter, .data = data };
	if (o.counter <= k->counter) {
		r.status = 2;
	} else if (k->status != 0) {
		k->counter = o.counter;
		r.status = k->status;
	} else {
		k->counter = o.counter;
		r.len = execute(k, o.data, o.len, data);
	}
	return sms_seal_response(k->cipher, &k->keys, &r, out, PACKET);
}

/* --- both sides ------------------------------------------------------------------------------- */

struct world {
	struct card card;
	struct card_settings settings;
	struct card_state state;
	struct sms_cipher *cipher;
	uint64_t counter, now;
	uint8_t content[FILE_LEN];
	size_t sent;
};

static void begin(struct world *w, enum rfm_format f, size_t len)
{
	const struct card_ota o = ota(f);
	const char *why = NULL;
	memset(w, 0, sizeof(*w));
	assert_true(card_settings(&o, false, &w->settings, &why));
	w->cipher = sms_cipher_new();
	w->card.cipher = sms_cipher_new();
	w->card.keys = w->settings.ota;
	w->card.format = (uint8_t)f;
	memset(w->card.file, 0xff, sizeof(w->card.file));
	w->now = 1000;
	for (size_t i = 0; i < FILE_LEN; i++)
		w->content[i] = (uint8_t)(i * 11 + 1);
	assert_true(card_begin(&w->state, &w->settings, NULL, 0, w->content, len, w->now));
}

static void end(struct world *w)
{
	sms_cipher_free(w->cipher);
	sms_cipher_free(w->card.cipher);
}

/* As the store would have it. */
static void restart(struct world *w)
{
	uint8_t row[CARD_STATE_MAX];
	const size_t n = card_save(&w->state, row, sizeof(row));
	assert_true(n > 0);
	memset(&w->state, 0x5a, sizeof(w->state));
	assert_true(card_load(row, n, &w->state));
}

static size_t send(struct world *w, uint8_t out[PACKET])
{
	assert_true(card_is_due(&w->state, &w->settings, w->now));
	const size_t n =
		card_packet(&w->state, &w->settings, w->cipher, ++w->counter, w->now, out, PACKET);
	assert_true(n > 0 && n <= 132 + 134);
	w->sent++;
	restart(w);
	return n;
}

static enum card_event hear(struct world *w, const uint8_t *por, size_t len)
{
	uint8_t packet[PACKET], status;
	memcpy(packet, por, len);
	const enum card_event e =
		card_open(&w->state, &w->settings, w->cipher, packet, len, w->now, &status);
	restart(w);
	return e;
}

/* --- what goes well --------------------------------------------------------------------------- */

static void test_R310_a_file_arrives_and_is_proved(void **state)
{
	uint8_t packet[PACKET], por[PACKET];
	struct world w;
	(void)state;
	for (int f = 0; f < RFM_FORMATS; f++) {
		begin(&w, (enum rfm_format)f, 130);
		assert_int_equal(card_due_ms(&w.state), w.now);
		const size_t n = send(&w, packet);
		assert_false(card_is_due(&w.state, &w.settings, w.now));
		const size_t len = card_gets(&w.card, packet, n, por);
		assert_int_equal(hear(&w, por, len), CARD_PROVED);
		assert_int_equal(w.state.phase, CARD_HAS_IT);
		assert_true(w.state.proved && is_whole(&w.card, w.content, 130));
		assert_int_equal(card_due_ms(&w.state), UINT64_MAX);
		assert_int_equal(hear(&w, por, len), CARD_NOT_OURS); /* a second time */
		end(&w);
	}
}

static bool reads_as_empty(const struct card *k)
{
	static const uint8_t none[4] = { 0 };
	return memcmp(k->file, none, sizeof(none)) == 0;
}

/* At no point between is there half of a file. */
static void bring(struct world *w, size_t len)
{
	uint8_t packet[PACKET], por[PACKET];
	size_t packets = 0;
	enum card_event e;
	do {
		const size_t n = send(w, packet);
		const size_t m = card_gets(&w->card, packet, n, por);
		packets++;
		assert_true(is_whole(&w->card, w->content, len) || reads_as_empty(&w->card));
		e = hear(w, por, m);
		assert_int_not_equal(w->state.head, CARD_HEAD_BLANK);
	} while (e == CARD_NEXT && packets < 10);
	assert_int_equal(e, CARD_PROVED);
	assert_true(is_whole(&w->card, w->content, len));
	assert_int_equal(w->card.file[len], 0xff);
	assert_int_equal(w->state.packets, packets);
}

static void test_a_long_file_is_empty_until_it_is_whole(void **state)
{
	struct world w;
	(void)state;
	for (size_t len = 200; len <= FILE_LEN; len++) {
		for (int f = 0; f < RFM_FORMATS; f++) {
			begin(&w, (enum rfm_format)f, len);
			bring(&w, len);
			end(&w);
		}
	}
}

static void test_only_what_differs_is_sent_where_it_fits(void **state)
{
	uint8_t packet[PACKET], por[PACKET], was[FILE_LEN];
	struct world w;
	(void)state;
	begin(&w, RFM_COMPACT, FILE_LEN);
	memcpy(was, w.content, sizeof(was));
	memcpy(w.card.file, was, sizeof(was));
	memset(w.content + 300, 0x3c, 40);
	assert_true(card_begin(&w.state, &w.settings, was, sizeof(was), w.content, FILE_LEN, 0));
	assert_int_equal(w.state.from, 300);
	assert_int_equal(w.state.to, 340);
	const size_t n = send(&w, packet);
	assert_true(n <= 137); /* one short message */
	assert_int_equal(hear(&w, por, card_gets(&w.card, packet, n, por)), CARD_PROVED);
	assert_true(is_whole(&w.card, w.content, FILE_LEN));
	/* What is the same is told again, whole: nothing else proves it. */
	assert_true(card_begin(&w.state, &w.settings, was, 100, was, 100, 0));
	assert_int_equal(w.state.to - w.state.from, 100);
	/* Another length: all of it. */
	assert_true(card_begin(&w.state, &w.settings, was, 99, was, 100, 0));
	assert_int_equal(w.state.from, 0);
	end(&w);
}

/* --- what does not ---------------------------------------------------------------------------- */

static void test_without_an_answer_it_is_tried_again_ever_later_and_given_up(void **state)
{
	static const uint64_t waits[] = { 1, 2, 4, 8, 15, 15 };
	uint8_t packet[PACKET], first[PACKET];
	struct world w;
	(void)state;
	begin(&w, RFM_COMPACT, 130);
	for (size_t i = 0; i < COUNT_OF(waits); i++) {
		const size_t n = send(&w, packet);
		assert_int_equal(card_due_ms(&w.state), w.now + waits[i] * MINUTE);
		if (i == 0)
			memcpy(first, packet, n);
		else
			assert_memory_not_equal(first + 10, packet + 10, n - 10);
		w.now += waits[i] * MINUTE - 1;
		assert_false(card_is_due(&w.state, &w.settings, w.now));
		w.now++;
	}
	assert_false(card_is_due(&w.state, &w.settings, w.now));
	assert_int_equal(w.state.phase, CARD_GIVEN_UP);
	assert_int_equal(w.state.cause, CARD_NO_ANSWER);
	assert_non_null(strstr(card_why(&w.state), "not answered"));
	assert_int_equal(card_due_ms(&w.state), UINT64_MAX);
	end(&w);
}

/* Each try has its own counter, and the answer to any of them is good. */
static void test_an_answer_that_is_late_proves(void **state)
{
	uint8_t packet[PACKET], por[PACKET], other[PACKET];
	struct world w;
	(void)state;
	begin(&w, RFM_COMPACT, 130);
	size_t n = send(&w, packet);
	const size_t len = card_gets(&w.card, packet, n, por);
	w.now += (uint64_t)2 * MINUTE;
	n = send(&w, packet);
	(void)card_gets(&w.card, packet, n, other); /* is lost */
	assert_int_equal(hear(&w, por, len), CARD_PROVED);
	end(&w);
}

/* A repeat by the network says "CNTR low"; the first one's answer is still to come. */
static void test_a_message_that_comes_twice_does_no_harm(void **state)
{
	uint8_t packet[PACKET], por[PACKET], twice[PACKET];
	struct world w;
	(void)state;
	begin(&w, RFM_COMPACT, 130);
	const size_t n = send(&w, packet);
	const size_t len = card_gets(&w.card, packet, n, por);
	const size_t len2 = card_gets(&w.card, packet, n, twice);
	assert_int_equal(w.card.executed, 1);
	assert_int_equal(hear(&w, twice, len2), CARD_AGAIN);
	assert_int_equal(w.state.status, 2);
	assert_int_equal(w.state.phase, CARD_WAITING);
	assert_int_equal(hear(&w, por, len), CARD_PROVED);
	assert_string_equal(card_why(&w.state), "");
	end(&w);
}

static void test_R310_each_status_of_a_PoR_has_its_end(void **state)
{
	static const struct {
		uint8_t status, event;
	} all[] = { { 0x01, CARD_GAVE_UP }, { 0x02, CARD_AGAIN }, { 0x03, CARD_GAVE_UP },
		{ 0x04, CARD_GAVE_UP }, { 0x05, CARD_GAVE_UP }, { 0x06, CARD_GAVE_UP },
		{ 0x07, CARD_AGAIN }, { 0x08, CARD_LATER }, { 0x09, CARD_GAVE_UP },
		{ 0x0a, CARD_GAVE_UP }, { 0x0b, CARD_LATER }, { 0x0c, CARD_GAVE_UP },
		{ 0x0d, CARD_GAVE_UP }, { 0xc0, CARD_GAVE_UP }, { 0xff, CARD_GAVE_UP } };
	uint8_t packet[PACKET], por[PACKET];
	char want[] = "PoR 00";
	struct world w;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		begin(&w, RFM_COMPACT, 130);
		w.card.status = all[i].status;
		const size_t n = send(&w, packet);
		const size_t len = card_gets(&w.card, packet, n, por);
		assert_int_equal(hear(&w, por, len), all[i].event);
		assert_int_equal(w.state.status, all[i].status);
		want[5] = "0123456789abcdef"[all[i].status & 15];
		if (all[i].event == CARD_LATER) {
			assert_int_equal(card_due_ms(&w.state), w.now + (uint64_t)15 * MINUTE);
			w.card.status = 0; /* what was announced */
			w.card.counter = 0;
			assert_int_equal(
				hear(&w, por, card_gets(&w.card, packet, n, por)), CARD_PROVED);
		} else if (all[i].status <= 0x0c) {
			assert_non_null(strstr(card_why(&w.state), want));
		} else {
			assert_non_null(strstr(card_why(&w.state), "does not have"));
		}
		end(&w);
	}
}

static void test_a_command_that_fails_is_told_with_its_remedy(void **state)
{
	uint8_t packet[PACKET], por[PACKET];
	struct world w;
	(void)state;
	for (int f = 0; f < RFM_FORMATS; f++) {
		begin(&w, (enum rfm_format)f, 130);
		w.card.fails_with = 0x6982;
		size_t n = send(&w, packet);
		assert_int_equal(hear(&w, por, card_gets(&w.card, packet, n, por)), CARD_GAVE_UP);
		assert_int_equal(w.state.cause, CARD_BAD_COMMAND);
		assert_non_null(strstr(card_why(&w.state), "6982"));
		end(&w);
		begin(&w, (enum rfm_format)f, 130);
		w.card.fails_with = 0x6581; /* may pass */
		n = send(&w, packet);
		assert_int_equal(hear(&w, por, card_gets(&w.card, packet, n, por)), CARD_AGAIN);
		w.card.fails_with = 0;
		w.now = card_due_ms(&w.state);
		n = send(&w, packet);
		assert_int_equal(hear(&w, por, card_gets(&w.card, packet, n, por)), CARD_PROVED);
		end(&w);
	}
}

/* An answer that is none of the packet under way, or that anybody could have made, changes
   nothing. */
static void test_A12_only_what_the_card_has_signed_counts(void **state)
{
	uint8_t packet[PACKET], por[PACKET], bad[PACKET], status;
	struct card_state before;
	struct world w;
	(void)state;
	begin(&w, RFM_COMPACT, 130);
	const size_t n = send(&w, packet);
	const size_t len = card_gets(&w.card, packet, n, por);
	memcpy(&before, &w.state, sizeof(before));
	for (size_t i = 0; i < 8 * len; i++) {
		memcpy(bad, por, len);
		bad[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(
			card_open(&w.state, &w.settings, w.cipher, bad, len, w.now, &status),
			CARD_NOT_OURS);
	}
	/* In the clear: "TAR unknown", and "OK". */
	struct sms_settings clear = w.settings.ota;
	clear.spi[1] = 0x01;
	for (uint8_t said = 0; said < 10; said += 9) {
		const struct sms_response r = { .counter = 1, .status = said };
		const size_t m = sms_seal_response(w.cipher, &clear, &r, bad, sizeof(bad));
		assert_true(m > 0);
		assert_int_equal(card_open(&w.state, &w.settings, w.cipher, bad, m, w.now, &status),
			CARD_HINT);
		assert_int_equal(status, said);
	}
	/* Of a counter that was not used. */
	const struct sms_response r = { .counter = 2, .data = (const uint8_t *)"\2\x90", .len = 3 };
	const size_t m = sms_seal_response(w.cipher, &w.settings.ota, &r, bad, sizeof(bad));
	assert_int_equal(hear(&w, bad, m), CARD_NOT_OURS);
	assert_memory_equal(&before.content, &w.state.content, sizeof(before.content));
	assert_int_equal(before.phase, w.state.phase);
	assert_int_equal(before.due_ms, w.state.due_ms);
	assert_int_equal(hear(&w, por, len), CARD_PROVED);
	end(&w);
}

/* --- without PoR ------------------------------------------------------------------------------ */

static void test_without_PoR_the_network_is_all_there_is(void **state)
{
	struct card_ota o = ota(RFM_COMPACT);
	uint8_t packet[PACKET];
	const char *why = NULL;
	struct world w;
	size_t packets = 0;
	(void)state;
	begin(&w, RFM_COMPACT, 400);
	o.spi2 = 0;
	assert_true(card_settings(&o, false, &w.settings, &why));
	for (; w.state.phase != CARD_HAS_IT; packets++) {
		assert_true(packets < 5);
		(void)send(&w, packet);
		w.state.message = 70 + packets;
		restart(&w);
		card_network(&w.state, &w.settings, 69 + packets, true, w.now); /* another's */
		assert_int_equal(w.state.phase, CARD_WAITING);
		card_network(&w.state, &w.settings, 70 + packets, true, w.now);
	}
	assert_false(w.state.proved);
	assert_int_equal(packets, 2);
	end(&w);
}

static void test_what_the_network_refuses_is_tried_again(void **state)
{
	uint8_t packet[PACKET];
	struct world w;
	(void)state;
	begin(&w, RFM_COMPACT, 130);
	(void)send(&w, packet);
	w.state.message = 7;
	w.now += 30000;
	card_network(&w.state, &w.settings, 7, true, w.now); /* proves nothing */
	assert_int_equal(w.state.phase, CARD_WAITING);
	card_network(&w.state, &w.settings, 7, false, w.now);
	assert_int_equal(card_due_ms(&w.state), w.now + MINUTE);
	w.now += MINUTE;
	(void)send(&w, packet);
	end(&w);
}

/* --- the whole of it -------------------------------------------------------------------------- */

static bool chance(unsigned *seed, unsigned percent)
{
	*seed = *seed * 1103515245U + 12345U;
	return (*seed >> 16) % 100 < percent;
}

struct late { /* an answer that comes after the next try */
	size_t len;
	uint8_t por[PACKET];
};

/* 30 % of messages are lost, 30 % come twice, 30 % of answers are lost, 30 % come late. */
static void travel(
	struct world *w, const uint8_t *packet, size_t n, struct late *late, unsigned *seed)
{
	uint8_t por[PACKET];
	const unsigned times = chance(seed, 30) ? 0 : 1 + chance(seed, 30);
	for (unsigned i = 0; i < times; i++) {
		const size_t m = card_gets(&w->card, packet, n, por);
		if (chance(seed, 30))
			continue;
		if (chance(seed, 30)) {
			memcpy(late->por, por, m);
			late->len = m;
		} else {
			(void)hear(w, por, m);
		}
	}
}

static void deliver(struct world *w, unsigned *seed)
{
	uint8_t packet[PACKET];
	struct late late = { .len = 0 };
	while (w->state.phase != CARD_HAS_IT && w->state.phase != CARD_GIVEN_UP) {
		w->now = card_due_ms(&w->state);
		if (!card_is_due(&w->state, &w->settings, w->now))
			return;
		const size_t n = send(w, packet);
		if (late.len > 0)
			(void)hear(w, late.por, late.len);
		late.len = 0;
		travel(w, packet, n, &late, seed);
	}
}

static void test_a_bad_network_only_takes_longer(void **state)
{
	struct world w;
	unsigned seed = 1;
	size_t sent = 0, given_up = 0;
	(void)state;
	for (unsigned run = 0; run < 300; run++) {
		const size_t len = 100 + run;
		begin(&w, (enum rfm_format)(run % RFM_FORMATS), len);
		deliver(&w, &seed);
		given_up += w.state.phase == CARD_GIVEN_UP;
		if (w.state.phase == CARD_HAS_IT)
			assert_true(w.state.proved && is_whole(&w.card, w.content, len));
		else
			assert_true(w.state.cause == CARD_NO_ANSWER ||
				    w.state.cause == CARD_BAD_STATUS);
		sent += w.sent;
		end(&w);
	}
	(void)printf("%zu packets, %zu of 300 given up\n", sent, given_up);
	assert_true(given_up <= 30);
}

/* --- settings, and the row -------------------------------------------------------------------- */

static void test_settings_that_prove_nothing_are_refused(void **state)
{
	static const uint8_t bad[] = { 0x02, 0x03, 0x01, 0x11, 0x35, 0x19, 0x3a, 0x3b, 0x3d };
	struct card_settings c;
	struct card_ota o = ota(RFM_COMPACT);
	const char *why = NULL;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		o.spi2 = bad[i];
		why = NULL;
		assert_false(card_settings(&o, false, &c, &why));
		assert_non_null(strstr(why, "ota.spi2"));
	}
	o = ota(RFM_COMPACT);
	o.path_len = 3;
	assert_false(card_settings(&o, false, &c, &why));
	assert_non_null(strstr(why, "ota.file"));
	o = ota(RFM_COMPACT);
	o.kic = o.kid = 0x29; /* 3DES */
	o.key_len = 48;
	for (uint8_t i = 0; i < o.key_len; i++)
		o.key[i] = (uint8_t)(i * 5 + 1);
	assert_false(card_settings(&o, false, &c, &why));
	assert_true(card_settings(&o, true, &c, &why));
	o.kic = o.kid = 0x25; /* two keys */
	o.key_len = 32;
	assert_false(card_settings(&o, true, &c, &why));
}

static void test_what_is_too_long_is_not_begun(void **state)
{
	static const uint8_t content[CARD_FILE_MAX + 1] = { 0 };
	struct world w;
	(void)state;
	begin(&w, RFM_COMPACT, 130);
	assert_false(card_begin(&w.state, &w.settings, NULL, 0, content, sizeof(content), 0));
	assert_int_equal(w.state.phase, CARD_GIVEN_UP);
	assert_int_equal(w.state.cause, CARD_TOO_LONG);
	assert_false(card_begin(&w.state, &w.settings, NULL, 0, content, 4, 0));
	assert_true(card_begin(&w.state, &w.settings, NULL, 0, content, CARD_FILE_MAX, 0));
	restart(&w);
	end(&w);
}

static void test_a_damaged_row_is_nothing(void **state)
{
	uint8_t row[CARD_STATE_MAX];
	struct card_state s;
	struct world w;
	(void)state;
	begin(&w, RFM_COMPACT, 130);
	const size_t n = card_save(&w.state, row, sizeof(row));
	for (size_t i = 0; i < n; i++)
		assert_false(card_load(row, i, &s));
	assert_false(card_load(row, n + 1, &s));
	assert_int_equal(s.phase, CARD_NOTHING);
	row[0]++;
	assert_false(card_load(row, n, &s));
	assert_int_equal(card_save(&w.state, row, n - 1), 0);
	end(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R310_a_file_arrives_and_is_proved),
		cmocka_unit_test(test_a_long_file_is_empty_until_it_is_whole),
		cmocka_unit_test(test_only_what_differs_is_sent_where_it_fits),
		cmocka_unit_test(test_without_an_answer_it_is_tried_again_ever_later_and_given_up),
		cmocka_unit_test(test_an_answer_that_is_late_proves),
		cmocka_unit_test(test_a_message_that_comes_twice_does_no_harm),
		cmocka_unit_test(test_R310_each_status_of_a_PoR_has_its_end),
		cmocka_unit_test(test_a_command_that_fails_is_told_with_its_remedy),
		cmocka_unit_test(test_A12_only_what_the_card_has_signed_counts),
		cmocka_unit_test(test_without_PoR_the_network_is_all_there_is),
		cmocka_unit_test(test_what_the_network_refuses_is_tried_again),
		cmocka_unit_test(test_a_bad_network_only_takes_longer),
		cmocka_unit_test(test_settings_that_prove_nothing_are_refused),
		cmocka_unit_test(test_what_is_too_long_is_not_begun),
		cmocka_unit_test(test_a_damaged_row_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
