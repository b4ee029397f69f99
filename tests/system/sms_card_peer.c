/* SPDX-License-Identifier: Apache-2.0 */
/* gateway/sms/card and efbootstrap for a test: an order a line on stdin, its result a line on
   stdout. All octets are hex; "." is none.

	ota SPI2 KIC KID TAR CC_LEN KEY PATH FORMAT SEGMENTS RETRY_MS   good, or why not
	account FILE MODE PARAMS KEY NUMBER                    FILE, or "-"
	begin WAS CONTENT NOW                                  0 or 1
	due NOW                                                0 or 1
	packet COUNTER NOW                                     PACKET, or "-"
	open PACKET NOW                                        EVENT STATUS
	state                                                  PHASE CAUSE SW PACKETS PROVED DUE WHY
	again                                                  1: as after a restart, from what
	                                                       was saved */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms/card.h"
#include "sms/efbootstrap.h"

enum { ORDER_MAX = 16 * 1024, WORDS = 12, OCTETS = 4000 };

struct peer {
	struct sms_cipher *cipher;
	struct card_settings settings;
	struct card_state state;
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

static uint8_t octet(const char *text)
{
	uint8_t value = 0;
	(void)from_hex(text, &value, 1);
	return value;
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

static void put_hex(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		(void)printf("%02x", data[i]);
	if (len == 0)
		(void)putchar('-');
}

static void take_ota(struct peer *p, char *const *w)
{
	struct card_ota o = {
		.spi2 = octet(w[1]),
		.kic = octet(w[2]),
		.kid = octet(w[3]),
		.cc_len = (uint8_t)number(w[5]),
	};
	const char *why = "good";
	enum rfm_format format = RFM_COMPACT;
	(void)from_hex(w[4], o.tar, sizeof(o.tar));
	o.key_len = (uint8_t)from_hex(w[6], o.key, sizeof(o.key));
	o.path_len = (uint8_t)from_hex(w[7], o.path, sizeof(o.path));
	if (!rfm_format_named(w[8], &format))
		why = "format";
	o.format = (uint8_t)format;
	if (card_settings(&o, true, &p->settings, &why)) {
		p->settings.segments = (uint8_t)number(w[9]);
		if (number(w[10]) > 0)
			p->settings.retry_ms = (uint32_t)number(w[10]);
		why = "good";
	}
	(void)fputs(why, stdout);
}

static void account(char *const *w)
{
	uint8_t file[OCTETS], out[OCTETS];
	struct ef_account a = { .mode = octet(w[2]) };
	const char *why = "";
	const size_t len = from_hex(w[1], file, sizeof(file));
	struct ef_account was;
	if (ef_account(file, len, NULL, &was, &why))
		a.instance = was.instance;
	a.params_len = (uint8_t)from_hex(w[3], a.params, sizeof(a.params));
	a.key_len = (uint8_t)from_hex(w[4], a.key, sizeof(a.key));
	(void)snprintf(a.number, sizeof(a.number), "%s", w[5]);
	put_hex(out, ef_write(file, len, &a, NULL, out, sizeof(out), &why));
	(void)printf(" %s", why ? why : "");
}

static bool begin(struct peer *p, char *const *w)
{
	uint8_t was[CARD_FILE_MAX], content[CARD_FILE_MAX + 1];
	const size_t was_len = from_hex(w[1], was, sizeof(was));
	const size_t len = from_hex(w[2], content, sizeof(content));
	return card_begin(&p->state, &p->settings, was_len > 0 ? was : NULL, was_len, content, len,
		number(w[3]));
}

static bool restart(struct peer *p)
{
	uint8_t saved[CARD_STATE_MAX];
	const size_t len = card_save(&p->state, saved, sizeof(saved));
	memset(&p->state, 0xa5, sizeof(p->state));
	return len > 0 && card_load(saved, len, &p->state);
}

static void put_state(const struct peer *p)
{
	const struct card_state *const s = &p->state;
	(void)printf("%d %d %04x %d %d %" PRIu64 " %s", s->phase, s->cause, s->sw, s->packets,
		s->proved, card_due_ms(s), card_why(s));
}

static void obey(struct peer *p, char *const *w)
{
	uint8_t octets[OCTETS], status = 0;
	size_t len;
	if (strcmp(w[0], "ota") == 0) {
		take_ota(p, w);
	} else if (strcmp(w[0], "account") == 0) {
		account(w);
	} else if (strcmp(w[0], "begin") == 0) {
		(void)printf("%d", begin(p, w));
	} else if (strcmp(w[0], "due") == 0) {
		(void)printf("%d", card_is_due(&p->state, &p->settings, number(w[1])));
	} else if (strcmp(w[0], "packet") == 0) {
		len = card_packet(&p->state, &p->settings, p->cipher, number(w[1]), number(w[2]),
			octets, sizeof(octets));
		put_hex(octets, len);
	} else if (strcmp(w[0], "open") == 0) {
		len = from_hex(w[1], octets, sizeof(octets));
		const enum card_event e = card_open(
			&p->state, &p->settings, p->cipher, octets, len, number(w[2]), &status);
		(void)printf("%d %02x", (int)e, status);
	} else if (strcmp(w[0], "again") == 0) {
		(void)printf("%d", restart(p));
	} else {
		put_state(p);
	}
}

int main(void)
{
	static char line[ORDER_MAX];
	static struct peer p;
	p.cipher = sms_cipher_new();
	while (p.cipher && fgets(line, sizeof(line), stdin)) {
		char *words[WORDS] = { 0 };
		size_t n = 0;
		char *rest = NULL;
		for (char *w = strtok_r(line, " \n", &rest); w && n < WORDS;
			w = strtok_r(NULL, " \n", &rest))
			words[n++] = w;
		for (; n < WORDS; n++)
			words[n] = line + strlen(line); /* "" */
		obey(&p, words);
		(void)putchar('\n');
		(void)fflush(stdout);
	}
	sms_cipher_free(p.cipher);
	return 0;
}
