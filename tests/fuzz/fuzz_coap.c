/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One CoAP message from either side (R-321, I7): our parser beside libcoap's whole one, and then as
 * a request that is judged. What is judged good names no other endpoint (I4), whatever else it
 * says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/coap.h"
#include "proxy/registration.h"
#include "tests/unit/proxy/oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_coap: %s\n", what);
	abort();
}

/* I4, in the most careless reading: "ep=" at the beginning of an item or after any '&' in it. */
static void names_only_itself(const struct pdu *m, const char *endpoint)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	const size_t n = strlen(endpoint);
	while (pdu_next_of(&it, PDU_URI_QUERY, &o)) {
		for (size_t i = 0; i + 3 <= o.len; i++) {
			if ((i > 0 && o.value[i - 1] != '&') || memcmp(o.value + i, "ep=", 3) != 0)
				continue;
			must(i == 0 && o.len == 3 + n && memcmp(o.value + 3, endpoint, n) == 0,
				"another endpoint's name passes");
		}
	}
}

/* */
static void suits(enum relay_purpose purpose, enum registration_kind kind)
{
	must(purpose != RELAY_FOR_BOOTSTRAP || kind == REGISTRATION_BOOTSTRAP,
		"a bootstrap credential is used for a server");
	must(purpose != RELAY_FOR_SERVER || kind != REGISTRATION_BOOTSTRAP,
		"a server's credential is used for bootstrap");
}

static void judge_for(const struct registration_rules *rules, const struct pdu *m,
	const struct relay_registration *reg)
{
	const struct registration_verdict v = registration_judge(rules, reg, m);
	const enum registration_kind kind = v.request.kind;
	must((v.code == 0) == (v.why == NULL), "a refusal without words");
	if (v.code != 0)
		return;
	names_only_itself(m, rules->endpoint);
	suits(rules->purpose, kind);
	must(!v.unnamed || kind == REGISTRATION_REGISTER || kind == REGISTRATION_BOOTSTRAP,
		"a name is added to another request");
	must(memchr(v.request.said.what.sms, '\0', ATTRIBUTES_SMS_MAX) != NULL,
		"a number without end");
	must(!reg->stale || rules->update != RELAY_UPDATE_REFUSED || kind != REGISTRATION_UPDATE,
		"a registration of an older channel is updated");
	char path[RELAY_LOCATION_MAX];
	must(registration_path(m, path), "a path that can be read in two ways");
	must(!reg->active || strncmp(path, "rd/", 3) != 0 || strcmp(path, reg->location) == 0,
		"another location passes");
}

static void judge(const struct pdu *m, const struct relay_registration *reg)
{
	for (unsigned i = 0; i < 9; i++) {
		const struct registration_rules rules = { .endpoint = "urn:dev:1",
			.wrong_endpoint = PDU_BAD_REQUEST,
			.purpose = (enum relay_purpose)(i % 3),
			.update = (enum relay_update)(i / 3) };
		judge_for(&rules, m, reg);
	}
	const struct registration_refusal no = registration_judge_server(RELAY_FOR_SERVER, m);
	must((no.code == 0) == (no.why == NULL), "a server is refused without words");
}

static void answer(const struct pdu *m, struct relay_registration reg)
{
	for (int kind = REGISTRATION_REGISTER; kind <= REGISTRATION_SEND; kind++) {
		const struct registration_request request = { .kind = (enum registration_kind)kind,
			.claims = true };
		struct relay_registration r = reg;
		const enum registration_change c =
			registration_answered(&r, &request, "rd/claimed", m, 1000);
		must(c != REGISTRATION_UP || r.active, "up, and not registered");
		must(c != REGISTRATION_GONE || !r.active, "gone, and still registered");
		must(memchr(r.location, '\0', sizeof(r.location)) != NULL,
			"a location without end");
		must(!r.active || r.location[0] != '\0', "registered nowhere");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct relay_registration none = { .active = false };
	const struct relay_registration known = { .active = true, .location = "rd/5a3f" };
	const struct relay_registration stale = {
		.active = true, .stale = true, .location = "rd/5a3f"
	};
	const char *const wrong = oracle_compare(data, size);
	must(!wrong, wrong);
	struct pdu m;
	if (pdu_parse(data, size, &m) != PDU_OK)
		return 0;
	if (pdu_is_request(&m)) {
		judge(&m, &none);
		judge(&m, &known);
		judge(&m, &stale);
	}
	if (pdu_is_response(&m)) {
		answer(&m, none);
		answer(&m, known);
	}
	return 0;
}
