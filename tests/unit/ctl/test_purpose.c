/* SPDX-License-Identifier: Apache-2.0 */
/* What a credential is for, and which of several is meant: on the wire, in files, and as shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "ctl/answer.h"
#include "ctl/csv_cred.h"
#include "ctl/show.h"
#include "ctl/terms.h"

#define KEY "8f1d2c6be0a94f7735d8c1be90e4537a"

static struct ctl_cred of(enum ctl_purpose purpose, bool repository)
{
	return (struct ctl_cred){ .endpoint = "e",
		.identity_len = 1,
		.identity = { 'i' },
		.key_len = 16,
		.key = { 1, 2, 3 },
		.has_keys = true,
		.purpose = purpose,
		.says_repository = true,
		.repository = repository };
}

/* --- on the wire ------------------------------------------------------------------------------ */

static void test_R023_a_purpose_crosses_the_wire_and_one_that_is_none_does_not(void **state)
{
	(void)state;
	for (unsigned purpose = 0; purpose <= CTL_PURPOSES; purpose++) {
		for (unsigned right = 0; right < 2; right++) {
			const struct ctl_cred c = of((enum ctl_purpose)purpose, right == 1);
			struct ctl_cred back;
			uint8_t wire[CTL_CRED_MAX];
			struct wr w = wr_into(wire, sizeof(wire));
			ctl_cred_write(&w, &c);
			struct rd r = rd_from(wire, w.len);
			assert_int_equal(ctl_cred_read(&r, &back), purpose < CTL_PURPOSES);
			if (purpose == CTL_PURPOSES)
				continue;
			assert_true(back.purpose == c.purpose && back.says_repository);
			assert_int_equal(back.repository, right);
		}
	}
}

/* --- files ------------------------------------------------------------------------------------ */

static bool keep(void *ctx, const struct ctl_cred *c)
{
	memcpy(ctx, c, sizeof(*c));
	return true;
}

/* "LINE: what is wrong", or "". */
static const char *csv(const char *text, struct ctl_cred *out)
{
	static char said[256];
	static struct csv_cred c;
	unsigned line = 0;
	*out = (struct ctl_cred){ 0 };
	csv_cred_begin(&c, keep, out);
	said[0] = '\0';
	if (!csv_cred_feed(&c, text, strlen(text)) || !csv_cred_end(&c)) {
		const char *const why = csv_cred_why(&c, &line);
		(void)snprintf(said, sizeof(said), "%u: %s", line, why);
	}
	return said;
}

static void test_R023_purpose_and_right_come_from_csv(void **state)
{
	(void)state;
	static const struct {
		const char *row;
		enum ctl_purpose purpose;
		bool repository;
	} rows[] = { { "server,true", CTL_FOR_SERVER, true },
		{ "bootstrap,", CTL_FOR_BOOTSTRAP, false }, { "any,false", CTL_FOR_ANY, false },
		{ ",1", CTL_FOR_ANY, true }, { ",no", CTL_FOR_ANY, false } };
	struct ctl_cred c;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[160];
		(void)snprintf(text, sizeof(text),
			"endpoint,key,purpose,repository\ne," KEY ",%s\n", rows[i].row);
		assert_string_equal(csv(text, &c), "");
		assert_int_equal(c.purpose, rows[i].purpose);
		assert_true(c.says_repository && c.repository == rows[i].repository);
	}
	assert_string_equal(csv("endpoint,key\ne," KEY "\n", &c), "");
	assert_true(c.purpose == CTL_FOR_UNSAID && !c.says_repository);
}

/* I5: it may be a key that stands in the wrong column. */
static void test_I5_what_is_no_purpose_is_told_without_what_stands_there(void **state)
{
	(void)state;
	struct ctl_cred c;
	assert_string_equal(csv("endpoint,key,purpose\ne," KEY "," KEY "\n", &c),
		"2: purpose: is unknown; write server, bootstrap or any");
	assert_string_equal(csv("endpoint,key,repository\ne," KEY "," KEY "\n", &c),
		"2: repository: is neither true nor false; write one of them");
}

static void test_what_is_exported_with_keys_keeps_purpose_and_right(void **state)
{
	(void)state;
	for (unsigned purpose = CTL_FOR_ANY; purpose <= CTL_FOR_BOOTSTRAP; purpose++) {
		const struct ctl_cred c = of((enum ctl_purpose)purpose, purpose == CTL_FOR_SERVER);
		struct ctl_cred back;
		struct ctl_out o = { 0 };
		char text[1024];
		csv_cred_titles(&o, true);
		csv_cred_row(&o, true, &c);
		(void)snprintf(text, sizeof(text), "%.*s", (int)o.len, o.data);
		ctl_out_fini(&o);
		assert_string_equal(csv(text, &back), "");
		assert_true(back.purpose == c.purpose && back.repository == c.repository);
	}
}

static void has(enum ctl_form form, bool row, const struct ctl_cred *c, const char *part)
{
	struct ctl_out o = { 0 };
	char text[2048];
	if (row)
		ctl_show_cred_row(&o, form, c);
	else
		ctl_show_cred(&o, form, c);
	(void)snprintf(text, sizeof(text), "%.*s", (int)o.len, o.data);
	ctl_out_fini(&o);
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" has no \"%s\"", text, part);
}

static void test_purpose_and_right_are_shown(void **state)
{
	(void)state;
	struct ctl_cred c = of(CTL_FOR_SERVER, true);
	has(CTL_TEXT, false, &c, "purpose             server, and firmware\n");
	has(CTL_JSON, false, &c, "\"purpose\":\"server\",\"repository\":true,");
	c = of(CTL_FOR_BOOTSTRAP, false);
	has(CTL_TEXT, false, &c, "purpose             bootstrap\n");
	has(CTL_TEXT, true, &c, "  psk          bootstrap  e  ");
	has(CTL_JSON, true, &c, "\"purpose\":\"bootstrap\",\"repository\":false,");
}

/* --- which session ---------------------------------------------------------------------------- */

struct fake {
	size_t sessions; /* of "e": for server, for bootstrap */
	enum ctl_purpose closed, about, facts;
};

static bool sessions(void *ctx, const char *endpoint, struct ctl_session **out, size_t *len)
{
	const struct fake *f = ctx;
	assert_non_null(endpoint);
	*out = calloc(2, sizeof(**out));
	assert_non_null(*out);
	*len = strcmp(endpoint, "e") == 0 ? f->sessions : 0;
	for (size_t i = 0; i < *len; i++) {
		(void)snprintf((*out)[i].endpoint, sizeof((*out)[i].endpoint), "e");
		(*out)[i].purpose = i == 0 ? CTL_FOR_SERVER : CTL_FOR_BOOTSTRAP;
	}
	return true;
}

static bool close_it(void *ctx, const char *endpoint, enum ctl_purpose purpose)
{
	struct fake *f = ctx;
	f->closed = purpose;
	return strcmp(endpoint, "e") == 0;
}

static bool about(void *ctx, const char *endpoint, enum ctl_purpose purpose, struct ctl_about *out)
{
	struct fake *f = ctx;
	(void)endpoint;
	f->about = purpose;
	*out = (struct ctl_about){ 0 };
	return true;
}

static bool facts(void *ctx, const char *endpoint, uint64_t *from, struct ctl_out *out)
{
	struct fake *f = ctx;
	assert_string_equal(endpoint, "e");
	f->facts = (enum ctl_purpose) * from;
	*from = 0; /* there are no more */
	ctl_out_bytes(out, "facts", 5);
	return true;
}

/* The answer to a request about "e" with this body. */
static const char *ask(struct fake *f, enum ctl_verb verb, const uint8_t *body, size_t body_len,
	enum ctl_status status)
{
	static char text[4096];
	const struct ctl_source source = {
		.ctx = f, .sessions = sessions, .close = close_it, .about = about, .facts = facts
	};
	const struct ctl_request q = {
		.verb = verb, .arg = "e", .body = body, .body_len = body_len
	};
	uint8_t wire[64];
	const size_t len = ctl_request_write(&q, wire, sizeof(wire));
	struct ctl_out o = { 0 };
	void *import = NULL;
	assert_true(ctl_answer(&source, &import, wire, len, &o));
	assert_int_equal(o.data[1], status);
	(void)snprintf(text, sizeof(text), "%.*s", (int)(o.len - 2), o.data + 2);
	ctl_out_fini(&o);
	return text;
}

static void test_R289_of_two_sessions_the_purpose_says_which(void **state)
{
	(void)state;
	struct fake f = { .sessions = 2 };
	assert_string_equal(ask(&f, CTL_SESSION, NULL, 0, CTL_FAILED),
		"e: has a session for server and one for bootstrap; say which: --purpose server, "
		"or --purpose bootstrap\n");
	const uint8_t bootstrap = CTL_FOR_BOOTSTRAP;
	assert_non_null(strstr(
		ask(&f, CTL_SESSION, &bootstrap, 1, CTL_DONE), "purpose         bootstrap\n"));
	assert_int_equal(f.about, CTL_FOR_BOOTSTRAP);
	const uint8_t any = CTL_FOR_ANY;
	(void)ask(&f, CTL_SESSION, &any, 1, CTL_UNKNOWN_ENDPOINT);
	/* Where there is but one, nobody needs to say it. */
	f.sessions = 1;
	assert_non_null(
		strstr(ask(&f, CTL_SESSION, NULL, 0, CTL_DONE), "purpose         server\n"));
	assert_int_equal(f.about, CTL_FOR_SERVER);
	(void)ask(&f, CTL_SESSION, &bootstrap, 1, CTL_UNKNOWN_ENDPOINT);
}

static void test_who_is_closed_is_of_the_purpose_that_was_said(void **state)
{
	(void)state;
	struct fake f = { .closed = CTL_PURPOSES };
	const uint8_t server = CTL_FOR_SERVER;
	(void)ask(&f, CTL_CLOSE, NULL, 0, CTL_DONE);
	assert_int_equal(f.closed, CTL_FOR_UNSAID);
	(void)ask(&f, CTL_CLOSE, &server, 1, CTL_DONE);
	assert_int_equal(f.closed, CTL_FOR_SERVER);
}

static void test_what_would_be_decided_is_asked_of_the_purpose_that_was_said(void **state)
{
	(void)state;
	struct fake f = { .facts = CTL_PURPOSES };
	uint8_t from[8] = { 0 };
	from[7] = CTL_PURPOSES;
	(void)ask(&f, CTL_POLICY_FACTS, from, sizeof(from), CTL_BAD_REQUEST);
	assert_int_equal(f.facts, CTL_PURPOSES);
	from[7] = CTL_FOR_BOOTSTRAP;
	(void)ask(&f, CTL_POLICY_FACTS, from, sizeof(from), CTL_DONE);
	assert_int_equal(f.facts, CTL_FOR_BOOTSTRAP);
}

static void test_I7_what_is_no_purpose_is_a_bad_request(void **state)
{
	(void)state;
	static const enum ctl_verb verbs[] = { CTL_SESSION, CTL_CLOSE, CTL_CRED_SHOW,
		CTL_CRED_REVOKE };
	static const uint8_t bad = CTL_PURPOSES, two[] = { 1, 1 };
	struct fake f = { .closed = CTL_PURPOSES };
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		(void)ask(&f, verbs[i], &bad, 1, CTL_BAD_REQUEST);
		(void)ask(&f, verbs[i], two, sizeof(two), CTL_BAD_REQUEST);
	}
	assert_int_equal(f.closed, CTL_PURPOSES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_R023_a_purpose_crosses_the_wire_and_one_that_is_none_does_not),
		cmocka_unit_test(test_R023_purpose_and_right_come_from_csv),
		cmocka_unit_test(test_I5_what_is_no_purpose_is_told_without_what_stands_there),
		cmocka_unit_test(test_what_is_exported_with_keys_keeps_purpose_and_right),
		cmocka_unit_test(test_purpose_and_right_are_shown),
		cmocka_unit_test(test_R289_of_two_sessions_the_purpose_says_which),
		cmocka_unit_test(test_who_is_closed_is_of_the_purpose_that_was_said),
		cmocka_unit_test(test_what_would_be_decided_is_asked_of_the_purpose_that_was_said),
		cmocka_unit_test(test_I7_what_is_no_purpose_is_a_bad_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
