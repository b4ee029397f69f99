/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway answers to those who write policies: its text, facts of sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rd.h"
#include "base/wr.h"
#include "ctl/answer.h"
#include "ctl/facts.h"

struct fake {
	bool none, broken;
	size_t text_len;
	uint64_t asked; /* where the last page began */
	char text[3 * CTL_TEXT_PAGE];
};

static bool policy(void *ctx, struct ctl_policy *out)
{
	const struct fake *f = ctx;
	*out = (struct ctl_policy){ .name = "/etc/p.conf", .text = f->text, .len = f->text_len };
	return !f->none;
}

/* Three pages of one session each; "e" has one, "half" had one when the store failed. */
static bool facts(void *ctx, const char *endpoint, uint64_t *from, struct ctl_out *out)
{
	struct fake *f = ctx;
	const struct policy_facts one = { .endpoint = endpoint == NULL ? "all" : endpoint };
	const struct ctl_facts_rest rest = { 0 };
	f->asked = *from;
	if (endpoint == NULL || strcmp(endpoint, "e") == 0 || strcmp(endpoint, "half") == 0)
		ctl_facts_put(out, &one, &rest);
	*from = *from == 0 ? UINT64_C(1) << 32 : *from == UINT64_C(1) << 32 ? 77 : 0;
	return !f->broken && (endpoint == NULL || strcmp(endpoint, "half") != 0);
}

/* The answer with its head; the caller's. */
static struct ctl_out ask(
	struct fake *f, enum ctl_verb verb, const char *arg, const uint8_t *body, size_t body_len)
{
	const struct ctl_source source = { .ctx = f, .policy = policy, .facts = facts };
	struct ctl_request q = { .verb = verb, .body = body, .body_len = body_len };
	static uint8_t wire[CTL_REQUEST_MAX];
	struct ctl_out o = { 0 };
	void *import = NULL;
	(void)snprintf(q.arg, sizeof(q.arg), "%s", arg);
	assert_true(
		ctl_answer(&source, &import, wire, ctl_request_write(&q, wire, sizeof(wire)), &o));
	return o;
}

static struct ctl_out ask_text(struct fake *f, uint32_t from)
{
	uint8_t body[4];
	struct wr w = wr_into(body, sizeof(body));
	wr_u32(&w, from);
	return ask(f, CTL_POLICY_TEXT, "", body, w.len);
}

static struct ctl_out ask_facts(struct fake *f, const char *endpoint, uint64_t from)
{
	uint8_t body[8];
	struct wr w = wr_into(body, sizeof(body));
	wr_u64(&w, from);
	return ask(f, CTL_POLICY_FACTS, endpoint, body, w.len);
}

static void is(const struct ctl_out *o, enum ctl_status status, const char *sentence)
{
	assert_int_equal(o->data[1], status);
	if (sentence != NULL && memmem(o->data, o->len, sentence, strlen(sentence)) == NULL)
		fail_msg("no \"%s\" in %.*s", sentence, (int)o->len, o->data);
}

static struct rd body_of(const struct ctl_out *o)
{
	assert_int_equal(o->data[1], CTL_DONE);
	return rd_from((const uint8_t *)o->data + 2, o->len - 2);
}

static struct fake *fake_new(size_t text_len)
{
	struct fake *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->text_len = text_len;
	for (size_t i = 0; i < text_len; i++)
		f->text[i] = (char)('a' + i % 26);
	return f;
}

/* Whoever asks page by page has the text, and sees that it is one. */
static void test_a_long_text_comes_in_pages(void **state)
{
	(void)state;
	struct fake *f = fake_new(2 * CTL_TEXT_PAGE + 5);
	uint64_t digest = 0;
	size_t at = 0;
	for (size_t page = 0; page < 3; page++) {
		struct ctl_out o = ask_text(f, (uint32_t)at);
		struct rd r = body_of(&o);
		assert_int_equal(rd_u32(&r), f->text_len);
		const uint64_t d = rd_u64(&r);
		assert_true(page == 0 || d == digest);
		digest = d;
		struct rd name = rd_sub(&r, rd_u16(&r));
		assert_int_equal(name.left, strlen("/etc/p.conf"));
		assert_memory_equal(name.at, "/etc/p.conf", name.left);
		assert_int_equal(r.left, page < 2 ? CTL_TEXT_PAGE : 5);
		assert_memory_equal(r.at, f->text + at, r.left);
		at += r.left;
		ctl_out_fini(&o);
	}
	assert_int_equal(at, f->text_len);
	f->text[0]++;
	struct ctl_out o = ask_text(f, 0);
	struct rd r = body_of(&o);
	(void)rd_u32(&r);
	assert_int_not_equal(rd_u64(&r), digest);
	ctl_out_fini(&o);
	free(f);
}

static void test_I7_beyond_the_text_there_is_nothing(void **state)
{
	(void)state;
	struct fake *f = fake_new(3);
	struct ctl_out o = ask_text(f, UINT32_MAX);
	struct rd r = body_of(&o);
	rd_skip(&r, 12);
	rd_skip(&r, rd_u16(&r));
	assert_true(rd_end(&r));
	ctl_out_fini(&o);
	free(f);
}

static void test_a_gateway_without_a_policy_says_so(void **state)
{
	(void)state;
	struct fake *f = fake_new(0);
	f->none = true;
	struct ctl_out o = ask_text(f, 0);
	is(&o, CTL_FAILED, "this gateway has no policy; use a newer one");
	ctl_out_fini(&o);
	free(f);
}

static void test_I7_a_page_that_is_not_said_is_refused(void **state)
{
	(void)state;
	struct fake *f = fake_new(3);
	static const uint8_t octets[9] = { 0 };
	for (size_t len = 0; len < sizeof(octets); len++) {
		struct ctl_out o = ask(f, CTL_POLICY_TEXT, "", octets, len);
		is(&o, len == 4 ? CTL_DONE : CTL_BAD_REQUEST, NULL);
		ctl_out_fini(&o);
	}
	for (size_t len = 0; len <= sizeof(octets); len++) {
		struct ctl_out o = ask(f, CTL_POLICY_FACTS, "", octets, len);
		is(&o, len == 8 ? CTL_DONE : CTL_BAD_REQUEST, NULL);
		ctl_out_fini(&o);
	}
	struct ctl_out o = ask(f, CTL_POLICY_TEXT, "e", octets, 4);
	is(&o, CTL_BAD_REQUEST, "too much said");
	ctl_out_fini(&o);
	free(f);
}

static void test_all_sessions_come_in_pages(void **state)
{
	(void)state;
	struct fake *f = fake_new(0);
	struct ctl_facts one;
	uint64_t from = 0;
	size_t pages = 0;
	do {
		struct ctl_out o = ask_facts(f, "", from);
		assert_int_equal(f->asked, from);
		struct rd r = body_of(&o);
		from = rd_u64(&r);
		assert_true(ctl_facts_read(&r, &one));
		assert_string_equal(one.facts.endpoint, "all");
		assert_true(rd_end(&r));
		ctl_out_fini(&o);
		pages++;
	} while (from != 0);
	assert_int_equal(pages, 3);
	free(f);
}

static void test_one_endpoint_is_one_page(void **state)
{
	(void)state;
	struct fake *f = fake_new(0);
	struct ctl_facts one;
	struct ctl_out o = ask_facts(f, "e", 0);
	struct rd r = body_of(&o);
	assert_int_equal(rd_u64(&r), 0);
	assert_true(ctl_facts_read(&r, &one));
	assert_true(rd_end(&r));
	ctl_out_fini(&o);
	o = ask_facts(f, "nobody", 0);
	is(&o, CTL_UNKNOWN_ENDPOINT, "nobody: not connected and not registered here");
	ctl_out_fini(&o);
	free(f);
}

/* Nothing of what had come before the failure is in the answer. */
static void test_a_page_that_fails_is_a_sentence(void **state)
{
	(void)state;
	static const char sentence[] = "the workers did not answer in time, or the store cannot be "
				       "read; try again, or look into the log\n";
	struct fake *f = fake_new(0);
	f->broken = true;
	struct ctl_out o = ask_facts(f, "", 0);
	is(&o, CTL_FAILED, NULL);
	assert_int_equal(o.len - 2, strlen(sentence));
	assert_memory_equal(o.data + 2, sentence, o.len - 2);
	ctl_out_fini(&o);
	f->broken = false;
	o = ask_facts(f, "half", 0);
	is(&o, CTL_FAILED, sentence);
	ctl_out_fini(&o);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_long_text_comes_in_pages),
		cmocka_unit_test(test_I7_beyond_the_text_there_is_nothing),
		cmocka_unit_test(test_a_gateway_without_a_policy_says_so),
		cmocka_unit_test(test_I7_a_page_that_is_not_said_is_refused),
		cmocka_unit_test(test_all_sessions_come_in_pages),
		cmocka_unit_test(test_one_endpoint_is_one_page),
		cmocka_unit_test(test_a_page_that_fails_is_a_sentence),
	};
	return cmocka_run_group_tests_name("ctl/answer_policy", tests, NULL, NULL);
}
