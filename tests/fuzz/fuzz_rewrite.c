/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that leaves otherwise than it came (R-321, I7, R-240, R-242, R-265): the first byte
 * says how, the rest is the message.
 *
 * What must hold: what is written is read alike by libcoap; header, token and payload stay; the
 * options are those that came, less those to be left out, more the one name; and what passes
 * options_of_request() once passes it again, but for a Hop-Limit that has run out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/coap.h"
#include "proxy/options.h"
#include "proxy/rewrite.h"
#include "tests/unit/proxy/oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char endpoint[] = "urn:imei:356938035643809";

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_rewrite: %s\n", what);
	abort();
}

static bool is_left_out(const struct rewrite *how, const struct pdu_option *o)
{
	return how->without_host && (o->number == PDU_URI_HOST || o->number == PDU_URI_PORT);
}

static bool is_the_name(const struct pdu_option *o)
{
	return o->number == PDU_URI_QUERY && o->len == 3 + strlen(endpoint) &&
	       memcmp(o->value, "ep=", 3) == 0 &&
	       memcmp(o->value + 3, endpoint, strlen(endpoint)) == 0;
}

static void same_option(
	const struct rewrite *how, const struct pdu_option *was, const struct pdu_option *is)
{
	must(was->number == is->number && was->len == is->len, "another option");
	const bool hop = how->one_hop_less && was->number == PDU_HOP_LIMIT && was->len == 1;
	if (hop)
		must(is->value[0] == (was->value[0] > 0 ? was->value[0] - 1 : 0), "another count");
	else
		must(was->len == 0 || memcmp(was->value, is->value, was->len) == 0,
			"another value");
}

static void same_options(const struct rewrite *how, const struct pdu *was, const struct pdu *is)
{
	struct pdu_options a = pdu_options(was), b = pdu_options(is);
	struct pdu_option x, y;
	bool named = !how->endpoint;
	while (pdu_next(&a, &x)) {
		if (!named && x.number > PDU_URI_QUERY) {
			must(pdu_next(&b, &y) && is_the_name(&y), "the name is not there");
			named = true;
		}
		if (is_left_out(how, &x))
			continue;
		must(pdu_next(&b, &y), "an option less");
		same_option(how, &x, &y);
	}
	if (!named)
		must(pdu_next(&b, &y) && is_the_name(&y), "the name is not at the end");
	must(!pdu_next(&b, &y), "an option more");
}

static void same_message(
	const struct rewrite *how, const struct pdu *was, const uint8_t *out, size_t len)
{
	struct pdu is;
	const char *const wrong = oracle_compare(out, len);
	must(!wrong, wrong);
	must(pdu_parse(out, len, &is) == PDU_OK, "what is written is malformed");
	must(is.type == was->type && is.code == was->code && is.mid == was->mid &&
			pdu_same_token(&is, was->token, was->token_len),
		"another header");
	must(is.payload_len == was->payload_len &&
			(is.payload_len == 0 ||
				memcmp(is.payload, was->payload, is.payload_len) == 0),
		"another payload");
	same_options(how, was, &is);
	const struct options_found before = options_of_request(was, true);
	const struct options_found after = options_of_request(&is, true);
	must(before.code != 0 || after.code == 0 || after.code == PDU_HOP_LIMIT_REACHED,
		"what passed does not pass again");
	must(!after.host || !how->without_host, "it names us still");
}

/* In a block of exactly that size: one byte too far is seen. */
static size_t write_into(size_t room, const struct rewrite *how, const struct pdu *m, bool look)
{
	uint8_t *const out = malloc(room ? room : 1);
	if (!out)
		return 0;
	const size_t len = rewrite_write(out, room, how, m);
	must(len <= room, "more than there is room for");
	if (look && len > 0)
		same_message(how, m, out, len);
	free(out);
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pdu m;
	if (size == 0)
		return 0;
	const struct rewrite how = {
		.endpoint = data[0] & 1 ? endpoint : NULL,
		.without_host = (data[0] & 2) != 0,
		.one_hop_less = (data[0] & 4) != 0,
	};
	if (pdu_parse(data + 1, size - 1, &m) != PDU_OK || !pdu_is_request(&m))
		return 0;
	const size_t len = write_into(rewrite_room(&how, &m), &how, &m, true);
	must(len > 0, "the room is not enough");
	must(rewrite_changes(&how) || len == m.len, "it changes without a reason");
	must(write_into(len - 1, &how, &m, false) == 0, "it fits where it can not");
	return 0;
}
