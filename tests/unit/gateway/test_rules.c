/* SPDX-License-Identifier: Apache-2.0 */
/* The policy in force: built in, or a file's; whole, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/rules.h"
#include "papers.h"
#include "policy/policy.h"

enum { DAY = 86400, PATH_LEN = 128 };

static struct policy_decision decide(
	const struct gw_rules *r, enum policy_event e, bool awake, enum policy_kind kind)
{
	const struct policy_facts f = { .event = e,
		.endpoint = "urn:dev:a",
		.kind = kind,
		.listener = "0.0.0.0:5684",
		.suite = 0xc0a8,
		.generation = 7,
		.awake = awake,
		.registered = true,
		.upstream_up = awake };
	return policy_decide(gw_rules_policy(r), &f);
}

static void test_R208_without_a_file_withdrawn_ends_and_replaced_drains(void **state)
{
	struct conf_error error = { "" };
	struct gw_rules *const r = gw_rules_new(NULL, &error);
	(void)state;
	if (!r)
		fail_msg("%s", error.text);
	for (int e = 0; e < POLICY_EVENTS; e++) {
		const struct policy_decision d =
			decide(r, (enum policy_event)e, true, POLICY_CERTIFICATE);
		const bool withdrawn = e == POLICY_CRED_REVOKED || e == POLICY_CRED_EXPIRED ||
				       e == POLICY_CERT_REVOKED || e == POLICY_ANCHOR_REMOVED;
		const bool replaced = e == POLICY_CRED_REPLACED;
		assert_int_equal(d.device.action, withdrawn  ? POLICY_TEARDOWN
						  : replaced ? POLICY_DRAIN
							     : POLICY_KEEP);
		assert_int_equal(d.device.bound_s, replaced ? DAY : 0);
		const bool new_link = replaced || e == POLICY_MAPPING_CHANGED;
		const bool no_link = withdrawn || e == POLICY_SERVER_DISTRUSTED;
		assert_int_equal(d.upstream.action, no_link    ? POLICY_TEARDOWN
						    : new_link ? POLICY_DRAIN
							       : POLICY_KEEP);
		assert_int_equal(d.upstream.bound_s, new_link ? DAY : 0);
		/* */
		assert_true(!(withdrawn || replaced) || d.refuse_resumption);
	}
	gw_rules_unref(r);
}

static void test_the_built_in_text_is_shown_and_can_be_a_file(void **state)
{
	struct conf_error error = { "" };
	struct papers p;
	size_t len = 0, again = 0;
	char path[PATH_LEN];
	struct gw_rules *const r = gw_rules_new(NULL, &error);
	(void)state;
	assert_non_null(r);
	assert_string_equal(gw_rules_name(r), "built in");
	const char *const text = gw_rules_text(r, &len);
	assert_int_equal(strlen(text), len);
	papers_new(&p);
	papers_text(&p, "policy", text, 0644);
	(void)snprintf(path, sizeof(path), "%s/policy", p.folder);
	struct gw_rules *const of_file = gw_rules_new(path, &error);
	if (!of_file)
		fail_msg("%s", error.text);
	assert_string_equal(gw_rules_name(of_file), path);
	/* As it stands there, to the octet. */
	assert_string_equal(gw_rules_text(of_file, &again), text);
	assert_int_equal(again, len);
	assert_true(policy_same(gw_rules_policy(r), gw_rules_policy(of_file)));
	gw_rules_unref(r);
	gw_rules_unref(of_file);
	papers_free(&p);
}

static void test_a_file_that_is_wrong_is_refused_whole_with_its_line(void **state)
{
	static const char wrong[] =
		"policy = {\n"
		"\trules = (\n"
		"\t\t{ name = \"a\"; events = [ \"age\" ]; device = \"teardown\";\n"
		"\t\t  upstream = \"qeep\"; }\n"
		"\t);\n"
		"\tdefault = { device = \"keep\"; upstream = \"keep\"; };\n"
		"};\n";
	struct conf_error error = { "" };
	struct papers p;
	char path[PATH_LEN], place[PATH_LEN + 8];
	(void)state;
	papers_new(&p);
	papers_text(&p, "policy", wrong, 0644);
	(void)snprintf(path, sizeof(path), "%s/policy", p.folder);
	(void)snprintf(place, sizeof(place), "%s:4: ", path);
	assert_null(gw_rules_new(path, &error));
	if (strncmp(error.text, place, strlen(place)) != 0)
		fail_msg("not at %s: %s", place, error.text);
	assert_non_null(strstr(error.text, "qeep"));
	(void)snprintf(path, sizeof(path), "%s/none", p.folder);
	assert_null(gw_rules_new(path, &error));
	assert_non_null(strstr(error.text, "cannot be opened"));
	papers_free(&p);
}

static void test_each_who_has_a_reference_keeps_it_alive(void **state)
{
	struct conf_error error = { "" };
	struct gw_rules *const r = gw_rules_new(NULL, &error);
	(void)state;
	assert_non_null(r);
	struct gw_rules *const other = gw_rules_ref(r);
	assert_ptr_equal(other, r);
	gw_rules_unref(r);
	assert_int_equal(policy_rules(gw_rules_policy(other)), 4);
	gw_rules_unref(other);
	gw_rules_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R208_without_a_file_withdrawn_ends_and_replaced_drains),
		cmocka_unit_test(test_the_built_in_text_is_shown_and_can_be_a_file),
		cmocka_unit_test(test_a_file_that_is_wrong_is_refused_whole_with_its_line),
		cmocka_unit_test(test_each_who_has_a_reference_keeps_it_alive),
	};
	return cmocka_run_group_tests_name("gateway/rules", tests, NULL, NULL);
}
