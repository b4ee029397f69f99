/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a BSF and a token endpoint answer. The input is an octet that says who answers, and the
 * body.
 *
 * What must hold: what is taken is within its bounds, and what is refused leaves nothing; a date
 * that is read is the same when it is written and read again; a token has nothing that ends a
 * header.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/bsf_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_bsf_answer: %s\n", what);
	abort();
}

static void answer(const uint8_t *data, size_t size, bool uicc)
{
	static const struct bsf_keys none;
	struct bsf_keys k;
	if (bsf_answer_read(data, size, uicc, &k)) {
		must(memcmp(k.me, none.me, sizeof(k.me)) == 0, "what is refused leaves a key");
		must(memcmp(k.uicc, none.uicc, sizeof(k.uicc)) == 0, "the same of the card's");
		must(memcmp(k.gpi, none.gpi, sizeof(k.gpi)) == 0, "the same of the GPI");
		must(k.gpi_len == 0 && k.until_ms == 0 && !k.has_uicc, "the same of the rest");
		return;
	}
	must(k.gpi_len > 0 && k.gpi_len <= GW_BSF_GPI_MAX, "a GPI is out of its bounds");
	must(!uicc || k.has_uicc, "keys of the card are missing");
}

static void token(const uint8_t *data, size_t size)
{
	static struct bsf_token t;
	const char *const why = bsf_token_read(data, size, &t);
	const size_t len = strnlen(t.text, sizeof(t.text));
	must(len <= BSF_TOKEN_MAX, "a token is too long");
	must((why != NULL) == (len == 0), "no token is none");
	for (size_t i = 0; i < len; i++)
		must(t.text[i] > ' ' && t.text[i] <= '~', "a token has what no header may have");
	must(!why || t.expires_s == 0, "what is refused leaves something");
}

static void problem(const uint8_t *data, size_t size)
{
	char out[BSF_PROBLEM_MAX + 1];
	bsf_problem_read(data, size, out);
	for (size_t i = 0; i < strnlen(out, sizeof(out)); i++)
		must(out[i] > ' ' && out[i] <= 'z' && out[i] != '"', "a cause is no word");
}

static void date(const uint8_t *data, size_t size)
{
	char text[64], written[BSF_DATE];
	uint64_t ms, again;
	const size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	memcpy(text, data, len);
	text[len] = '\0';
	if (!bsf_date_read(text, &ms))
		return;
	bsf_date_write(ms, written);
	/* An offset may lead beyond the last second that can be written. */
	must(bsf_date_read(written, &again) && again <= ms, "a date is another when written");
	must(again == ms || ms > UINT64_C(253402300799000), "a date is another when written");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 5) {
	case 0:
		answer(data + 1, size - 1, false);
		break;
	case 1:
		answer(data + 1, size - 1, true);
		break;
	case 2:
		token(data + 1, size - 1);
		break;
	case 3:
		problem(data + 1, size - 1);
		break;
	default:
		date(data + 1, size - 1);
	}
	return 0;
}
