/* SPDX-License-Identifier: Apache-2.0 */
#include "base/attr.h"
#include "proxy/registration.h"
#include "proxy/rewrite.h"
#include "tests/unit/proxy/kit.h"

enum { WRONG = PDU_FORBIDDEN }; /* what the tests configure for a wrong endpoint */

static const struct relay_registration nobody = { .active = false };
static const struct relay_registration known = {
	.active = true,
	.location = "rd/5a3f",
	.lifetime_s = 300,
	.expires_ms = 301000,
};

static const struct registration_rules rules = { .endpoint = "urn:dev:1", .wrong_endpoint = WRONG };

static void expect_known(const struct relay_registration *reg)
{
	assert_true(reg->active);
	assert_string_equal(reg->location, known.location);
	assert_int_equal(reg->lifetime_s, known.lifetime_s);
	assert_int_equal(reg->expires_ms, known.expires_ms);
}

static struct pdu parsed(const struct build *b)
{
	struct pdu m;
	assert_int_equal(pdu_parse(b->data, b->len, &m), PDU_OK);
	return m;
}

static struct registration_verdict judged(
	const struct relay_registration *reg, unsigned code, const char *path, const char *query)
{
	const struct build b = build_request(&(struct want){ PDU_CON, code, 7, "t", path, query });
	const struct pdu m = parsed(&b);
	return registration_judge(&rules, reg, &m);
}

static void test_R264_I4_only_the_own_endpoint_name_passes(void **state)
{
	(void)state;
	static const struct row {
		const char *query;
		unsigned code;
	} rows[] = {
		{ "ep=urn:dev:1&lt=300", 0 },
		{ "lt=300&lwm2m=1.1&b=U&Q&pid=x&ep=urn:dev:1", 0 },
		{ "ep=urn:dev:2&lt=300", WRONG },
		{ "ep=urn:dev:", WRONG },
		{ "ep=urn:dev:11", WRONG },
		{ "ep=urn%3Adev%3A1", WRONG }, /* options know no percent-encoding */
		{ "ep=URN:DEV:1", WRONG },
		{ "ep=", WRONG },
		{ "ep=urn:dev:1&ep=urn:dev:2", PDU_BAD_REQUEST },
		{ "ep=urn:dev:1&ep=urn:dev:1", PDU_BAD_REQUEST },
		{ "ep=urn:dev:2&lwm2m=1.1", WRONG },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (judged(&nobody, PDU_POST, "rd", rows[i].query).code != rows[i].code)
			fail_msg("Register ?%s", rows[i].query);
		if (judged(&nobody, PDU_POST, "bs", rows[i].query).code != rows[i].code)
			fail_msg("R284: Bootstrap-Request ?%s", rows[i].query);
	}
	assert_int_equal(judged(&known, PDU_POST, "rd/5a3f", "ep=urn:dev:2").code, WRONG);
	assert_int_equal(judged(&known, PDU_POST, "dp", "ep=urn:dev:2").code, WRONG);
}

/* Who says no name has the one of the channel, where its LwM2M knows that. */
static void test_R265_who_may_leave_its_name_to_the_channel(void **state)
{
	(void)state;
	static const struct row {
		const char *path, *query;
		unsigned code;
	} rows[] = {
		{ "rd", "lt=300", PDU_BAD_REQUEST }, /* 1.0 */
		{ "rd", "epx=urn:dev:1", PDU_BAD_REQUEST },
		{ "rd", "lwm2m=1.0&lt=300", PDU_BAD_REQUEST },
		{ "rd", NULL, PDU_BAD_REQUEST },
		{ "rd", "lwm2m=new", PDU_BAD_REQUEST },
		{ "rd", "lwm2m=1.1&lt=300", 0 },
		{ "rd", "lwm2m=1.2", 0 },
		{ "bs", NULL, 0 },
		{ "bs", "pct=11543", 0 },
		{ "bs", "pct=1&ep=urn:dev:2", WRONG },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct registration_verdict v =
			judged(&nobody, PDU_POST, rows[i].path, rows[i].query);
		if (v.code != rows[i].code || v.unnamed != (v.code == 0))
			fail_msg("/%s?%s", rows[i].path, rows[i].query ? rows[i].query : "");
	}
	assert_false(judged(&nobody, PDU_POST, "rd", "lwm2m=1.1&ep=urn:dev:1").unnamed);
	assert_false(judged(&known, PDU_POST, "rd/5a3f", "lwm2m=1.1").unnamed);
	assert_false(judged(&known, PDU_POST, "dp", NULL).unnamed);
	/* A name that no Uri-Query can hold. */
	char endless[REWRITE_ENDPOINT_MAX + 2];
	memset(endless, 'e', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	const struct registration_rules odd = { .endpoint = endless };
	const struct build b =
		build_request(&(struct want){ PDU_CON, PDU_POST, 7, "t", "bs", NULL });
	const struct pdu m = parsed(&b);
	assert_int_equal(registration_judge(&odd, &nobody, &m).code, PDU_BAD_REQUEST);
}

static void test_I4_no_second_name_hides_in_another_item(void **state)
{
	(void)state;
	static const char *const items[] = { "lt=300&ep=urn:dev:2", "x&ep=", "lt=1&ep=urn:dev:1" };
	for (size_t i = 0; i < COUNT_OF(items); i++) {
		struct build b = build_request(
			&(struct want){ PDU_CON, PDU_POST, 1, "", "rd", "ep=urn:dev:1" });
		build_text(&b, PDU_URI_QUERY, items[i]);
		const struct pdu m = parsed(&b);
		assert_int_equal(registration_judge(&rules, &nobody, &m).code, PDU_BAD_REQUEST);
	}
	/* NUL in a name is a byte like others. */
	struct build b = build_start(PDU_CON, PDU_POST, 1, "");
	build_text(&b, PDU_URI_PATH, "rd");
	build_option(&b, PDU_URI_QUERY, "ep=urn:dev:1\0x", 14);
	const struct pdu m = parsed(&b);
	assert_int_equal(registration_judge(&rules, &nobody, &m).code, WRONG);
}

static void test_R014_R268_which_resources_a_device_may_reach(void **state)
{
	(void)state;
	static const char ep[] = "ep=urn:dev:1";
	static const struct row {
		unsigned method;
		const char *path;
		unsigned before, after; /* registration; 0 = passes */
	} rows[] = {
		{ 2, "rd", 0, 0 },
		{ 2, "bs", 0, 0 },
		{ 2, "dp", PDU_FORBIDDEN, 0 },
		{ 2, "rd/5a3f", 0, 0 }, /* before: not known here, the server judges */
		{ 4, "rd/5a3f", 0, 0 },
		{ 2, "rd/5a3e", 0, PDU_BAD_REQUEST },
		{ 4, "rd/5a3e", 0, PDU_BAD_REQUEST },
		{ 2, "rd/5a3f/x", 0, PDU_BAD_REQUEST },
		{ 2, "rd/5a3", 0, PDU_BAD_REQUEST },
		{ 1, "rd/5a3f", PDU_FORBIDDEN, PDU_FORBIDDEN },
		{ 3, "rd/5a3f", PDU_FORBIDDEN, PDU_FORBIDDEN },
		{ 1, "rd", PDU_FORBIDDEN, PDU_FORBIDDEN },
		{ 4, "rd", PDU_FORBIDDEN, PDU_FORBIDDEN },
		{ 1, "bs", PDU_FORBIDDEN, PDU_FORBIDDEN },
		{ 1, "dp", PDU_FORBIDDEN, PDU_FORBIDDEN },
		{ 1, NULL, PDU_FORBIDDEN, PDU_FORBIDDEN },
		{ 2, NULL, PDU_FORBIDDEN, PDU_FORBIDDEN },
		{ 1, ".well-known/core", PDU_FORBIDDEN, PDU_FORBIDDEN },
		{ 2, "RD", PDU_FORBIDDEN, PDU_FORBIDDEN },
		{ 2, "rdx", PDU_FORBIDDEN, PDU_FORBIDDEN },
		{ 2, "rd/..", PDU_BAD_REQUEST, PDU_BAD_REQUEST },
		{ 2, "rd/.", PDU_BAD_REQUEST, PDU_BAD_REQUEST },
		{ 2, "rd/0123456789012345678901234567890123456789012345678901234567890123",
			PDU_BAD_REQUEST, PDU_BAD_REQUEST },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *const r = &rows[i];
		if (judged(&nobody, r->method, r->path, ep).code != r->before)
			fail_msg("0.0%u %s before registration", r->method, r->path);
		if (judged(&known, r->method, r->path, ep).code != r->after)
			fail_msg("0.0%u %s when registered", r->method, r->path);
	}
}

static void test_R268_a_path_is_never_read_in_two_ways(void **state)
{
	(void)state;
	static const char *const segments[][2] = { { "rd/5a3f", NULL }, { "rd", "" }, { "", "rd" },
		{ "rd", "5a3f/" }, { "rd", "x/../5a3f" } };
	for (size_t i = 0; i < COUNT_OF(segments); i++) {
		struct build b = build_start(PDU_CON, PDU_POST, 1, "");
		build_text(&b, PDU_URI_PATH, segments[i][0]);
		if (segments[i][1])
			build_text(&b, PDU_URI_PATH, segments[i][1]);
		build_text(&b, PDU_URI_QUERY, "ep=urn:dev:1");
		const struct pdu m = parsed(&b);
		assert_int_not_equal(registration_judge(&rules, &known, &m).code, 0);
		assert_int_not_equal(registration_judge(&rules, &nobody, &m).code, 0);
	}
}

static void test_R269_lifetime_is_read_or_refused(void **state)
{
	(void)state;
	static const struct row {
		const char *query;
		unsigned code;
		bool has;
		uint32_t seconds;
	} rows[] = {
		{ "ep=urn:dev:1", 0, false, 0 },
		{ "ep=urn:dev:1&lt=60", 0, true, 60 },
		{ "ep=urn:dev:1&lt=4294967295", 0, true, UINT32_MAX },
		{ "ep=urn:dev:1&lt=0", 0, true, 0 },
		{ "ep=urn:dev:1&lt=4294967296", PDU_BAD_REQUEST, false, 0 },
		{ "ep=urn:dev:1&lt=99999999999999999999999", PDU_BAD_REQUEST, false, 0 },
		{ "ep=urn:dev:1&lt=", PDU_BAD_REQUEST, false, 0 },
		{ "ep=urn:dev:1&lt=-1", PDU_BAD_REQUEST, false, 0 },
		{ "ep=urn:dev:1&lt=60s", PDU_BAD_REQUEST, false, 0 },
		{ "ep=urn:dev:1&lt=60&lt=61", PDU_BAD_REQUEST, false, 0 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct registration_verdict v =
			judged(&nobody, PDU_POST, "rd", rows[i].query);
		assert_int_equal(v.code, rows[i].code);
		assert_int_equal(v.request.has_lifetime, rows[i].has);
		assert_int_equal(v.request.lifetime_s, rows[i].seconds);
	}
}

static enum registration_change after(struct relay_registration *reg, enum registration_kind kind,
	unsigned code, const char *location)
{
	const struct registration_request q = {
		.kind = kind, .has_lifetime = true, .lifetime_s = 60
	};
	struct build b = build_start(PDU_ACK, code, 7, "t");
	build_parts(&b, PDU_LOCATION_PATH, location, '/');
	const struct pdu m = parsed(&b);
	return registration_answered(reg, &q, NULL, &m, 1000);
}

static void test_R261_location_of_any_number_of_segments(void **state)
{
	(void)state;
	static const char *const good[] = { "rd/1", "x", "a/b/c/d/e/f", "rd/with space",
		"012345678901234567890123456789012345678901234567890123456789012" };
	static const char *const bad[] = { NULL, "rd/..", ".",
		"0123456789012345678901234567890123456789012345678901234567890123",
		"rd/01234567890123456789012345678901234567890123456789012345678901" };
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct relay_registration reg = nobody;
		assert_int_equal(
			after(&reg, REGISTRATION_REGISTER, PDU_CREATED, good[i]), REGISTRATION_UP);
		assert_true(reg.active);
		assert_string_equal(reg.location, good[i]);
		assert_int_equal(reg.expires_ms, 61000);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct relay_registration reg = known;
		assert_int_equal(after(&reg, REGISTRATION_REGISTER, PDU_CREATED, bad[i]),
			REGISTRATION_BAD_ANSWER);
		assert_string_equal(reg.location, known.location); /* untouched */
	}
}

static void test_R262_R263_only_the_right_answer_changes_anything(void **state)
{
	(void)state;
	static const unsigned codes[] = { PDU_CREATED, PDU_DELETED, 0x43, PDU_CHANGED, 0x45,
		PDU_CONTINUE, PDU_BAD_REQUEST, PDU_FORBIDDEN, 0x84, 0x8c, 0xa0,
		PDU_GATEWAY_TIMEOUT };
	static const unsigned right[] = { [REGISTRATION_REGISTER] = PDU_CREATED,
		[REGISTRATION_UPDATE] = PDU_CHANGED,
		[REGISTRATION_DEREGISTER] = PDU_DELETED,
		[REGISTRATION_BOOTSTRAP] = PDU_CHANGED,
		[REGISTRATION_SEND] = 0 };
	static const enum registration_change change[] = { REGISTRATION_UP, REGISTRATION_UPDATED,
		REGISTRATION_GONE, REGISTRATION_BOOTSTRAPPING, REGISTRATION_SAME };
	for (int kind = 0; kind <= REGISTRATION_SEND; kind++) {
		for (size_t i = 0; i < COUNT_OF(codes); i++) {
			struct relay_registration reg = known;
			const enum registration_change c =
				after(&reg, (enum registration_kind)kind, codes[i], "rd/new");
			const bool is_right = codes[i] == right[kind];
			assert_int_equal(c, is_right ? change[kind] : REGISTRATION_SAME);
			if (!is_right || kind >= REGISTRATION_BOOTSTRAP)
				expect_known(&reg); /* R-274 too */
		}
	}
	struct relay_registration reg = known;
	assert_int_equal(after(&reg, REGISTRATION_UPDATE, PDU_CHANGED, NULL), REGISTRATION_UPDATED);
	assert_int_equal(reg.lifetime_s, 60);
	assert_int_equal(reg.expires_ms, 61000);
	assert_int_equal(
		after(&reg, REGISTRATION_DEREGISTER, PDU_DELETED, NULL), REGISTRATION_GONE);
	assert_false(reg.active);
	assert_string_equal(reg.location, "rd/5a3f"); /* to leave it again */
	const struct relay_registration nothing = { .channels = known.channels };
	assert_memory_equal(&reg.attributes, &nothing.attributes, sizeof(reg.attributes));
	assert_true(reg.lifetime_s == 0 && reg.expires_ms == 0 && reg.channels == known.channels);
}

static void test_R267_a_claim_counts_when_the_server_says_so(void **state)
{
	(void)state;
	const struct registration_request q = { .kind = REGISTRATION_UPDATE, .claims = true };
	const struct build changed = build_start(PDU_ACK, PDU_CHANGED, 7, "t");
	const struct pdu m = parsed(&changed);
	struct relay_registration reg = nobody;
	assert_int_equal(registration_answered(&reg, &q, NULL, &m, 1000), REGISTRATION_SAME);
	assert_false(reg.active);
	assert_int_equal(registration_answered(&reg, &q, "rd/9", &m, 1000), REGISTRATION_UP);
	assert_string_equal(reg.location, "rd/9");
	assert_int_equal(reg.lifetime_s, RELAY_LIFETIME_DEFAULT_S);
	/* Registered meanwhile elsewhere: an old claim is about another registration. */
	reg = known;
	assert_int_equal(registration_answered(&reg, &q, "rd/9", &m, 5000), REGISTRATION_SAME);
	expect_known(&reg);
	const struct registration_request end = { .kind = REGISTRATION_DEREGISTER, .claims = true };
	const struct build deleted = build_start(PDU_ACK, PDU_DELETED, 7, "t");
	const struct pdu gone = parsed(&deleted);
	assert_int_equal(registration_answered(&reg, &end, "rd/9", &gone, 1), REGISTRATION_SAME);
	assert_true(reg.active);
}

static void test_R269_grace_and_lifetimes_without_end(void **state)
{
	(void)state;
	struct relay_registration reg = known;
	assert_true(REGISTRATION_GRACE_MS >= 93000);
	assert_int_equal(registration_ends_ms(&reg), 301000 + REGISTRATION_GRACE_MS);
	/* lt=0 is "for ever" to some servers and "over at once" to none. */
	const struct registration_request q = { .kind = REGISTRATION_UPDATE, .has_lifetime = true };
	const struct build changed = build_start(PDU_ACK, PDU_CHANGED, 7, "t");
	const struct pdu m = parsed(&changed);
	assert_int_equal(registration_answered(&reg, &q, NULL, &m, 1), REGISTRATION_UPDATED);
	assert_true(registration_ends_ms(&reg) == UINT64_MAX);
	assert_true(registration_ends_ms(&nobody) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R264_I4_only_the_own_endpoint_name_passes),
		cmocka_unit_test(test_R265_who_may_leave_its_name_to_the_channel),
		cmocka_unit_test(test_I4_no_second_name_hides_in_another_item),
		cmocka_unit_test(test_R014_R268_which_resources_a_device_may_reach),
		cmocka_unit_test(test_R268_a_path_is_never_read_in_two_ways),
		cmocka_unit_test(test_R269_lifetime_is_read_or_refused),
		cmocka_unit_test(test_R261_location_of_any_number_of_segments),
		cmocka_unit_test(test_R262_R263_only_the_right_answer_changes_anything),
		cmocka_unit_test(test_R267_a_claim_counts_when_the_server_says_so),
		cmocka_unit_test(test_R269_grace_and_lifetimes_without_end),
	};
	return cmocka_run_group_tests_name("proxy/registration", tests, NULL, NULL);
}
