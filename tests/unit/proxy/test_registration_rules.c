/* SPDX-License-Identifier: Apache-2.0 */
/* What a device and a server may ask for, by the credential's purpose and the registration's state:
   all of it is tried, and nothing passes but what is listed here. */
#include "base/attr.h"
#include "proxy/registration.h"
#include "tests/unit/proxy/kit.h"

enum { ANY = 1, SERVER = 2, BOOTSTRAP = 4 }; /* purposes, as bits */
/* GONE: not known, where registrations outlive the process. */
enum { UNKNOWN = 1, KNOWN = 2, STALE = 4, GONE = 8, ALL = UNKNOWN | KNOWN | STALE | GONE };

struct asked {
	unsigned method;
	const char *path;
};

static struct registration_verdict judged(const struct registration_rules *rules,
	const struct relay_registration *reg, const struct asked *asked)
{
	struct pdu m;
	const struct build b = build_request(&(struct want){
		PDU_CON, asked->method, 7, "t", asked->path, "ep=urn:dev:1&lwm2m=1.1" });
	assert_int_equal(pdu_parse(b.data, b.len, &m), PDU_OK);
	return registration_judge(rules, reg, &m);
}

static struct relay_registration in_state(unsigned state, uint8_t version)
{
	return (struct relay_registration){
		.active = state == KNOWN || state == STALE,
		.stale = state == STALE,
		.location = "rd/5a3f",
		.attributes = { .version = version },
	};
}

static const char *const paths[] = { NULL, "rd", "bs", "dp", "rd/5a3f", "rd/5a3e", "rd/5a3f/x",
	"rd/..", "3/0/0", "0/0", ".well-known/core", "firmware/image", "RD", "rds", "x/rd/5a3f" };

static const struct allowed {
	struct asked asked;
	unsigned purposes, states;
	enum registration_kind kind;
} allowed[] = {
	{ { PDU_POST, "rd" }, ANY | SERVER, ALL, REGISTRATION_REGISTER },
	{ { PDU_POST, "bs" }, ANY | BOOTSTRAP, ALL, REGISTRATION_BOOTSTRAP },
	{ { PDU_POST, "dp" }, ANY | SERVER, KNOWN | STALE, REGISTRATION_SEND },
	{ { PDU_POST, "rd/5a3f" }, ANY | SERVER, ALL & ~GONE, REGISTRATION_UPDATE },
	{ { PDU_DELETE, "rd/5a3f" }, ANY | SERVER, ALL, REGISTRATION_DEREGISTER },
	/* The gateway knows none of them, the server may: R-267. */
	{ { PDU_POST, "rd/5a3e" }, ANY | SERVER, UNKNOWN, REGISTRATION_UPDATE },
	{ { PDU_DELETE, "rd/5a3e" }, ANY | SERVER, UNKNOWN, REGISTRATION_DEREGISTER },
	{ { PDU_POST, "rd/5a3f/x" }, ANY | SERVER, UNKNOWN, REGISTRATION_UPDATE },
	{ { PDU_DELETE, "rd/5a3f/x" }, ANY | SERVER, UNKNOWN, REGISTRATION_DEREGISTER },
};

static const struct allowed *find(const struct asked *asked, unsigned purpose, unsigned state)
{
	for (size_t i = 0; asked->path && i < COUNT_OF(allowed); i++) {
		const struct allowed *const a = &allowed[i];
		if (a->asked.method == asked->method && strcmp(a->asked.path, asked->path) == 0 &&
			(a->purposes & purpose) != 0 && (a->states & state) != 0)
			return a;
	}
	return NULL;
}

static void try_one(enum relay_purpose purpose, unsigned state, const struct asked *asked)
{
	const struct registration_rules rules = { .endpoint = "urn:dev:1",
		.wrong_endpoint = PDU_BAD_REQUEST,
		.purpose = purpose,
		.kept = state == GONE };
	const bool none = state == UNKNOWN || state == GONE;
	const struct relay_registration reg = in_state(state, ATTRIBUTES_1_1);
	const struct registration_verdict v = judged(&rules, &reg, asked);
	const struct allowed *const a = find(asked, 1U << purpose, state);
	const char *const path = asked->path ? asked->path : "";
	if ((v.code == 0) != (a != NULL) || (v.code == 0) != (v.why == NULL))
		fail_msg("0.0%u /%s: %u, purpose %d, state %u", asked->method, path, v.code,
			(int)purpose, state);
	if (!a) /* */
		assert_true(v.code == PDU_FORBIDDEN || v.code == PDU_BAD_REQUEST ||
			    (state == GONE && v.code == PDU_NOT_FOUND));
	else if (v.request.kind != a->kind || v.request.claims != (none && path[2]))
		fail_msg("0.0%u /%s is taken for another", asked->method, path);
}

static void test_R014_R023_nothing_passes_but_what_is_listed(void **state)
{
	(void)state;
	for (unsigned purpose = RELAY_FOR_ANY; purpose <= RELAY_FOR_BOOTSTRAP; purpose++) {
		for (unsigned s = UNKNOWN; s <= GONE; s <<= 1) {
			for (size_t i = 0; i < 7 * COUNT_OF(paths); i++)
				try_one((enum relay_purpose)purpose, s,
					&(struct asked){ (unsigned)(1 + i % 7), paths[i / 7] });
		}
	}
}

static void test_R023_R286_the_words_say_that_the_credential_is_the_reason(void **state)
{
	(void)state;
	const struct relay_registration reg = in_state(UNKNOWN, 0);
	struct registration_rules rules = { .endpoint = "urn:dev:1",
		.purpose = RELAY_FOR_BOOTSTRAP };
	struct registration_verdict v = judged(&rules, &reg, &(struct asked){ PDU_POST, "rd" });
	assert_int_equal(v.code, PDU_FORBIDDEN);
	assert_string_equal(v.why, "this credential is for bootstrap");
	rules.purpose = RELAY_FOR_SERVER;
	v = judged(&rules, &reg, &(struct asked){ PDU_POST, "bs" });
	assert_int_equal(v.code, PDU_FORBIDDEN);
	assert_string_equal(v.why, "this credential is not for bootstrap");
}

/* Odd, but a server may say so: the place to register is also the registration. */
static void test_R261_a_location_may_be_rd(void **state)
{
	(void)state;
	const struct registration_rules rules = { .endpoint = "urn:dev:1" };
	const struct relay_registration reg = { .active = true, .location = "rd" };
	const struct registration_verdict anew =
		judged(&rules, &reg, &(struct asked){ PDU_POST, "rd" });
	const struct registration_verdict end =
		judged(&rules, &reg, &(struct asked){ PDU_DELETE, "rd" });
	assert_int_equal(anew.code, 0);
	assert_int_equal(anew.request.kind, REGISTRATION_REGISTER);
	assert_int_equal(end.code, 0);
	assert_int_equal(end.request.kind, REGISTRATION_DEREGISTER);
}

/* D-5. */
static void test_R267_an_update_in_a_newer_channel(void **state)
{
	(void)state;
	static const struct row {
		enum relay_update update;
		unsigned state;
		uint8_t version;
		unsigned code; /* of the Update */
	} rows[] = {
		{ RELAY_UPDATE_FORWARDED, STALE, ATTRIBUTES_1_1, 0 },
		{ RELAY_UPDATE_FORWARDED, UNKNOWN, ATTRIBUTES_UNSAID, 0 },
		{ RELAY_UPDATE_REFUSED, STALE, ATTRIBUTES_1_0, PDU_NOT_FOUND },
		{ RELAY_UPDATE_REFUSED, UNKNOWN, ATTRIBUTES_UNSAID, PDU_NOT_FOUND },
		{ RELAY_UPDATE_REFUSED, KNOWN, ATTRIBUTES_1_1, 0 },
		{ RELAY_UPDATE_BY_VERSION, STALE, ATTRIBUTES_UNSAID, 0 },
		{ RELAY_UPDATE_BY_VERSION, STALE, ATTRIBUTES_1_0, 0 },
		{ RELAY_UPDATE_BY_VERSION, STALE, ATTRIBUTES_OTHER, 0 },
		{ RELAY_UPDATE_BY_VERSION, STALE, ATTRIBUTES_1_1, PDU_NOT_FOUND },
		{ RELAY_UPDATE_BY_VERSION, STALE, ATTRIBUTES_1_2, PDU_NOT_FOUND },
		{ RELAY_UPDATE_BY_VERSION, KNOWN, ATTRIBUTES_1_1, 0 },
		{ RELAY_UPDATE_BY_VERSION, UNKNOWN, ATTRIBUTES_UNSAID, 0 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct registration_rules rules = { .endpoint = "urn:dev:1",
			.update = rows[i].update };
		const struct relay_registration reg = in_state(rows[i].state, rows[i].version);
		const struct asked update = { PDU_POST, "rd/5a3f" };
		const struct asked end = { PDU_DELETE, "rd/5a3f" };
		const struct asked anew = { PDU_POST, "rd" };
		const struct asked send = { PDU_POST, "dp" };
		if (judged(&rules, &reg, &update).code != rows[i].code)
			fail_msg("row %zu", i);
		assert_int_equal(judged(&rules, &reg, &end).code, 0);
		assert_int_equal(judged(&rules, &reg, &anew).code, 0);
		if (reg.active)
			assert_int_equal(judged(&rules, &reg, &send).code, 0);
	}
}

static struct registration_refusal server_asks(
	enum relay_purpose purpose, unsigned method, const char *path)
{
	struct pdu m;
	const struct build b = build_request(&(struct want){ PDU_CON, method, 7, "t", path, NULL });
	assert_int_equal(pdu_parse(b.data, b.len, &m), PDU_OK);
	return registration_judge_server(purpose, &m);
}

static void test_R008_a_server_does_not_bootstrap_on_a_servers_channel(void **state)
{
	(void)state;
	static const struct row {
		unsigned method;
		bool forbidden;
		const char *path;
	} rows[] = {
		{ 1, true, "0" },
		{ 1, true, "0/0/3" },
		{ 3, true, "00/1" }, /* devices read numbers */
		{ 3, true, "0/1" },
		{ 1, true, "/0/1" }, /* an empty segment first */
		{ 5, true, "000000000" },
		{ 1, true, "21/0" },
		{ 4, true, "21" },
		{ PDU_POST, true, "bs" },
		{ PDU_DELETE, true, NULL },
		{ PDU_DELETE, true, "0" },
		{ PDU_POST, false, "bs/x" },
		{ 1, false, "bs" },
		{ 1, false, NULL }, /* FETCH and GET of the root are for servers too */
		{ 5, false, NULL },
		{ 1, false, "1/0" },
		{ 1, false, "3/0/0" },
		{ PDU_DELETE, false, "3300/0" },
		{ 1, false, "210" },
		{ 1, false, "65536" },
		{ 1, false, "0x" },
		{ 3, false, "5/0/0" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *const r = &rows[i];
		const char *const path = r->path ? r->path : "";
		const struct registration_refusal no =
			server_asks(RELAY_FOR_SERVER, r->method, r->path);
		if (no.code != (r->forbidden ? PDU_UNAUTHORIZED : 0))
			fail_msg("0.0%u /%s: %u", r->method, path, no.code);
		assert_int_equal(no.why != NULL, r->forbidden);
		assert_int_equal(server_asks(RELAY_FOR_ANY, r->method, r->path).code, 0);
		assert_int_equal(server_asks(RELAY_FOR_BOOTSTRAP, r->method, r->path).code, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R014_R023_nothing_passes_but_what_is_listed),
		cmocka_unit_test(test_R023_R286_the_words_say_that_the_credential_is_the_reason),
		cmocka_unit_test(test_R261_a_location_may_be_rd),
		cmocka_unit_test(test_R267_an_update_in_a_newer_channel),
		cmocka_unit_test(test_R008_a_server_does_not_bootstrap_on_a_servers_channel),
	};
	return cmocka_run_group_tests_name("proxy/registration: rules", tests, NULL, NULL);
}
