/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/attributes.h"

#include "base/attr.h"
#include "proxy/registration.h"
#include "tests/unit/proxy/kit.h"

static struct attributes_said said(const char *query)
{
	struct attributes_said s = { .twice = false };
	while (query && *query) {
		const char *const end = strchr(query, '&');
		const size_t n = end ? (size_t)(end - query) : strlen(query);
		/* A block of its own, so that one byte too far is seen under ASan. */
		uint8_t *const item = malloc(n ? n : 1);
		assert_non_null(item);
		for (size_t i = 0; i < n; i++)
			item[i] = (uint8_t)query[i];
		attributes_read(&s, &(struct pdu_option){ .value = item, .len = n });
		free(item);
		query += n + (end ? 1 : 0);
	}
	return s;
}

static void test_R275_bindings_of_each_version(void **state)
{
	(void)state;
	enum { U = 1, T = 2, S = 4, N = 8, M = 16, H = 32 };
	static const struct row {
		const char *query;
		unsigned binding;
		bool queue;
	} rows[] = {
		{ "b=U", U, false },
		{ "b=UQ", U, true },
		{ "b=S", S, false },
		{ "b=SQ", S, true },
		{ "b=US", U | S, false },
		{ "b=UQS", U | S, true },
		{ "b=U&Q", U, true },
		{ "Q&b=U", U, true },
		{ "b=UT&Q", U | T, true },
		{ "b=UTSN", U | T | S | N, false },
		{ "b=N", N, false },
		{ "b=TU", T | U, false },
		{ "b=MH", M | H, false }, /* 1.2 */
		{ "b=", 0, false },
		{ "b=u", 0, false },
		{ "b=UXYZ", U, false },
		{ "b", 0, false },
		{ "Q", 0, true },
		{ "Q=1", 0, false },
		{ "QQ", 0, false },
		{ "q", 0, false },
		{ "bb=U", 0, false },
		{ "", 0, false },
		{ "lt=60&ep=x", 0, false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct attributes_said s = said(rows[i].query);
		if (s.what.binding != rows[i].binding || s.what.queue != rows[i].queue || s.twice)
			fail_msg("?%s", rows[i].query);
	}
}

static void test_R271_versions_are_read_and_not_judged(void **state)
{
	(void)state;
	static const struct row {
		const char *query;
		unsigned version;
		bool is_1_1;
	} rows[] = {
		{ "lwm2m=1.0", ATTRIBUTES_1_0, false },
		{ "lwm2m=1.1", ATTRIBUTES_1_1, true },
		{ "lwm2m=1.2", ATTRIBUTES_1_2, true },
		{ "lwm2m=2.0", 0x20, true },
		{ "lwm2m=9.9", 0x99, true },
		{ "lwm2m=0.9", 0x09, false },
		{ "lwm2m=", ATTRIBUTES_OTHER, false },
		{ "lwm2m=1", ATTRIBUTES_OTHER, false },
		{ "lwm2m=1.1.1", ATTRIBUTES_OTHER, false },
		{ "lwm2m=1,1", ATTRIBUTES_OTHER, false },
		{ "lwm2m=1.x", ATTRIBUTES_OTHER, false },
		{ "lwm2m", ATTRIBUTES_UNSAID, false },
		{ "", ATTRIBUTES_UNSAID, false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct attributes_said s = said(rows[i].query);
		if (s.what.version != rows[i].version ||
			attributes_is_1_1(s.what.version) != rows[i].is_1_1)
			fail_msg("?%s", rows[i].query);
	}
}

static void test_R260_a_number_is_kept_if_it_is_one(void **state)
{
	(void)state;
	static const struct row {
		const char *query, *sms;
	} rows[] = {
		{ "sms=491711234567", "491711234567" },
		{ "sms=+491711234567", "491711234567" },
		{ "sms=0171", "0171" },
		{ "sms=123456789012345", "123456789012345" }, /* the longest: E.164 */
		{ "sms=1234567890123456", "" },
		{ "sms=+1234567890123456", "" },
		{ "sms=", "" },
		{ "sms=+", "" },
		{ "sms=++49", "" },
		{ "sms=49-171", "" },
		{ "sms=4917x", "" },
		{ "sms", "" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct attributes_said s = said(rows[i].query);
		if (strcmp(s.what.sms, rows[i].sms) != 0)
			fail_msg("?%s: %s", rows[i].query, s.what.sms);
		assert_int_equal(s.sms, strchr(rows[i].query, '=') != NULL);
	}
}

static void test_R260_what_is_said_twice_is_noticed(void **state)
{
	(void)state;
	static const char *const queries[] = { "b=U&b=S", "b=U&b=U", "Q&Q", "lwm2m=1.0&lwm2m=1.1",
		"sms=1&sms=2" };
	for (size_t i = 0; i < COUNT_OF(queries); i++)
		assert_true(said(queries[i]).twice);
	const struct attributes_said last = said("sms=491&sms=5");
	assert_string_equal(last.what.sms, "5");
	assert_false(said("b=UQ&Q&lwm2m=1.1&sms=1&pid=x&pid=y").twice);
}

static void test_R262_an_update_changes_what_it_says(void **state)
{
	(void)state;
	const struct attributes_said first = said("b=U&Q&lwm2m=1.1&sms=491");
	const struct attributes nothing = { .binding = 0 };
	const struct attributes known = attributes_after(&nothing, &first, true);
	static const struct row {
		const char *query;
		struct attributes after;
	} rows[] = {
		{ "", { ATTRIBUTES_UDP, ATTRIBUTES_1_1, true, "491" } },
		{ "lt=60&pid=1", { ATTRIBUTES_UDP, ATTRIBUTES_1_1, true, "491" } },
		{ "b=US", { ATTRIBUTES_UDP | ATTRIBUTES_SMS, ATTRIBUTES_1_1, false, "491" } },
		{ "b=S&Q", { ATTRIBUTES_SMS, ATTRIBUTES_1_1, true, "491" } },
		{ "sms=492", { ATTRIBUTES_UDP, ATTRIBUTES_1_1, true, "492" } },
		{ "sms=none", { ATTRIBUTES_UDP, ATTRIBUTES_1_1, true, "" } },
		{ "lwm2m=1.0", { ATTRIBUTES_UDP, ATTRIBUTES_1_1, true, "491" } },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct attributes_said s = said(rows[i].query);
		const struct attributes after = attributes_after(&known, &s, false);
		if (!attributes_same(&after, &rows[i].after))
			fail_msg("Update ?%s", rows[i].query);
	}
	/* A Register says all of it anew. */
	const struct attributes_said bare = said("lt=60");
	const struct attributes after = attributes_after(&known, &bare, true);
	assert_true(attributes_same(&after, &nothing));
}

static void test_R275_as_people_read_it(void **state)
{
	(void)state;
	static const struct row {
		const char *query, *binding, *version;
	} rows[] = {
		{ "", "", "" },
		{ "b=U&lwm2m=1.0", "U", "1.0" },
		{ "b=SUQ&lwm2m=1.1", "UQS", "1.1" },
		{ "b=HMNSTU&Q&lwm2m=9.9", "UQTSNMH", "9.9" },
		{ "b=T&Q&lwm2m=one", "QT", "" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct attributes_said s = said(rows[i].query);
		char binding[ATTRIBUTES_BINDING_MAX], version[ATTRIBUTES_VERSION_MAX];
		assert_string_equal(attributes_binding_text(&s.what, binding), rows[i].binding);
		assert_string_equal(attributes_version_text(&s.what, version), rows[i].version);
	}
	/* Of a row that somebody has written. */
	const struct attributes odd = { .binding = 0xff, .version = 0x1a, .queue = true };
	char binding[ATTRIBUTES_BINDING_MAX], version[ATTRIBUTES_VERSION_MAX];
	assert_string_equal(attributes_binding_text(&odd, binding), "UQTSNMH");
	assert_string_equal(attributes_version_text(&odd, version), "");
}

/* A request, and its answer. */
static void asked(struct world *w, const struct want *what, unsigned code)
{
	const struct build request = build_request(what);
	up(w, &request);
	const struct build answer = code == PDU_CREATED
					    ? build_created(PDU_ACK, what->mid, what->token, "rd/1")
					    : build_start(PDU_ACK, code, what->mid, what->token);
	down(w, &answer);
}

/* By the answer, and by nothing else. */
static void test_R275_a_registration_has_what_the_server_took(void **state)
{
	(void)state;
	static const struct want begin = { PDU_CON, PDU_POST, 1, "r", "rd",
		"ep=urn:dev:1&lt=300&lwm2m=1.1&b=U&Q&sms=x" };
	static const struct want change = { PDU_CON, PDU_POST, 2, "u", "rd/1", "b=SQ&sms=4917" };
	static const struct want again = { PDU_CON, PDU_POST, 3, "v", "rd/1", "b=SQ&sms=4917" };
	struct world w;
	world_begin(&w, NULL);
	const struct attributes *const is = &registration_of(&w)->attributes;
	const struct build b = build_request(&begin);
	up(&w, &b);
	assert_int_equal(is->binding, 0);
	asked(&w, &begin, PDU_CREATED);
	assert_int_equal(is->binding, ATTRIBUTES_UDP);
	assert_int_equal(is->version, ATTRIBUTES_1_1);
	assert_true(is->queue);
	asked(&w, &change, PDU_BAD_REQUEST);
	assert_int_equal(is->binding, ATTRIBUTES_UDP);
	asked(&w, &again, PDU_CHANGED);
	assert_int_equal(is->binding, ATTRIBUTES_SMS);
	assert_int_equal(is->version, ATTRIBUTES_1_1);
	assert_string_equal(is->sms, "4917");
	world_end(&w);
}

static void test_R267_an_update_of_an_unknown_registration_says_what_is_known(void **state)
{
	(void)state;
	static const struct want end = { PDU_CON, PDU_DELETE, 4, "d", "rd/1", NULL };
	static const struct want claim = { PDU_CON, PDU_POST, 5, "c", "rd/1", "b=UQ" };
	static const struct want begin = { PDU_CON, PDU_POST, 1, "r", "rd",
		"ep=urn:dev:1&lwm2m=1.1&b=S&sms=491" };
	struct world w;
	world_begin(&w, NULL);
	const struct attributes *const is = &registration_of(&w)->attributes;
	asked(&w, &begin, PDU_CREATED);
	asked(&w, &end, PDU_DELETED);
	assert_string_equal(is->sms, "");
	asked(&w, &claim, PDU_CHANGED);
	assert_int_equal(is->binding, ATTRIBUTES_UDP);
	assert_true(is->queue);
	assert_int_equal(is->version, ATTRIBUTES_UNSAID);
	world_end(&w);
}

/* A server takes two requests with one message id for one, and we do not know which. */
static void test_R262_an_answer_to_either_of_two_updates_changes_nothing(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	struct build b =
		build_request(&(struct want){ PDU_CON, PDU_POST, 2, "u", "rd/5a3f", "b=U" });
	up(&w, &b);
	b = build_request(&(struct want){ PDU_CON, PDU_POST, 2, "u", "rd/5a3f", "b=UQ" });
	up(&w, &b);
	b = build_start(PDU_ACK, PDU_CHANGED, 2, "u");
	down(&w, &b);
	assert_false(registration_of(&w)->attributes.queue);
	assert_int_equal(w.changed, 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R275_bindings_of_each_version),
		cmocka_unit_test(test_R271_versions_are_read_and_not_judged),
		cmocka_unit_test(test_R260_a_number_is_kept_if_it_is_one),
		cmocka_unit_test(test_R260_what_is_said_twice_is_noticed),
		cmocka_unit_test(test_R262_an_update_changes_what_it_says),
		cmocka_unit_test(test_R275_as_people_read_it),
		cmocka_unit_test(test_R275_a_registration_has_what_the_server_took),
		cmocka_unit_test(test_R267_an_update_of_an_unknown_registration_says_what_is_known),
		cmocka_unit_test(test_R262_an_answer_to_either_of_two_updates_changes_nothing),
	};
	return cmocka_run_group_tests_name("proxy/attributes", tests, NULL, NULL);
}
