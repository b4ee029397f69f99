/* SPDX-License-Identifier: Apache-2.0 */
/* Which events are asked about, of which sessions, now and later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/what_if.h"
#include "policy/diff.h"
#include "policy/load.h"

static struct policy *policy_of(const char *rules)
{
	char text[2048];
	struct conf_error error = { "" };
	(void)snprintf(text, sizeof(text),
		"policy = { rules = ( %s ); default = { device = \"keep\"; upstream = \"keep\"; }; "
		"};",
		rules);
	struct policy *p = policy_parse(text, "F", &error);
	if (p == NULL)
		fail_msg("%s", error.text);
	return p;
}

static struct policy_facts sleeper(void)
{
	return (struct policy_facts){ .endpoint = "e",
		.listener = "",
		.kind = POLICY_PSK,
		.registered = true,
		.age_s = 100,
		.asleep_s = 50 };
}

static void test_an_event_is_put_into_the_facts_and_the_rest_stays(void **state)
{
	(void)state;
	const struct policy_facts f = sleeper();
	struct policy_facts out;
	assert_null(ctl_what_if(&f, POLICY_CRED_REVOKED, &out));
	assert_int_equal(out.event, POLICY_CRED_REVOKED);
	assert_true(out.registered);
	assert_int_equal(out.asleep_s, 50);
}

static void test_after_its_end_there_is_no_registration(void **state)
{
	(void)state;
	struct policy_facts f = sleeper(), out;
	assert_null(ctl_what_if(&f, POLICY_DEREGISTERED, &out));
	assert_false(out.registered);
	assert_null(ctl_what_if(&f, POLICY_REGISTRATION_EXPIRED, &out));
	assert_false(out.registered);
	f.registered = false;
	assert_non_null(ctl_what_if(&f, POLICY_DEREGISTERED, &out));
	assert_non_null(ctl_what_if(&f, POLICY_REGISTRATION_EXPIRED, &out));
}

static void test_what_cannot_happen_is_not_asked(void **state)
{
	(void)state;
	const struct policy_facts f = sleeper();
	struct policy_facts out;
	assert_non_null(ctl_what_if(&f, POLICY_CERT_REVOKED, &out));
	assert_non_null(ctl_what_if(&f, POLICY_ANCHOR_REMOVED, &out));
	assert_non_null(ctl_what_if(&f, POLICY_NOSEC, &out));
	assert_non_null(ctl_what_if(&f, POLICY_SMS_KEY_STALE, &out));
}

/* All but those four, once. */
static void test_each_event_that_can_be_is_asked_once(void **state)
{
	(void)state;
	struct policy *p = policy_of("");
	struct policy_diff *d = policy_diff_new(p, p, 1);
	struct policy_facts f = sleeper();
	assert_non_null(d);
	ctl_what_if_now(d, &f);
	assert_int_equal(policy_diff_seen(d), POLICY_EVENTS - 4);
	f.registered = false;
	ctl_what_if_now(d, &f);
	assert_int_equal(policy_diff_seen(d), 2 * POLICY_EVENTS - 10);
	policy_diff_free(d);
	policy_free(p);
}

#define OLD(s)                                                                                     \
	"{ name = \"old\"; events = [ \"age\" ]; age_at_least_s = " s ";"                          \
	" device = \"teardown\"; upstream = \"teardown\"; }"

/* The session is 100 s old: at 200 s the new policy decides, at 1000 s both. */
static void test_later_is_asked_at_each_bound_of_either_policy(void **state)
{
	(void)state;
	struct policy *from = policy_of(OLD("1000")), *to = policy_of(OLD("200"));
	struct policy_diff *now = policy_diff_new(from, to, 1);
	struct policy_diff *later = policy_diff_new(from, to, 1);
	const struct policy_facts f = sleeper();
	assert_non_null(now);
	assert_non_null(later);
	ctl_what_if_now(now, &f);
	assert_int_equal(policy_diff_changed(now), 0);
	ctl_what_if_later(later, from, to, &f);
	assert_int_equal(policy_diff_seen(later), 2);
	assert_int_equal(policy_diff_changed(later), 1);
	assert_int_equal(policy_diff_example(later, 0)->event, POLICY_AGE);
	policy_diff_free(now);
	policy_diff_free(later);
	policy_free(from);
	policy_free(to);
}

/* What is behind it already does not come again. */
static void test_later_is_never_earlier(void **state)
{
	(void)state;
	struct policy *from = policy_of(OLD("1000")), *to = policy_of(OLD("50"));
	struct policy_diff *later = policy_diff_new(from, to, 1);
	struct policy_facts f = sleeper();
	assert_non_null(later);
	f.age_s = 1000;
	ctl_what_if_later(later, from, to, &f);
	assert_int_equal(policy_diff_seen(later), 0);
	policy_diff_free(later);
	policy_free(from);
	policy_free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_event_is_put_into_the_facts_and_the_rest_stays),
		cmocka_unit_test(test_after_its_end_there_is_no_registration),
		cmocka_unit_test(test_what_cannot_happen_is_not_asked),
		cmocka_unit_test(test_each_event_that_can_be_is_asked_once),
		cmocka_unit_test(test_later_is_asked_at_each_bound_of_either_policy),
		cmocka_unit_test(test_later_is_never_earlier),
	};
	return cmocka_run_group_tests_name("ctl/what_if", tests, NULL, NULL);
}
