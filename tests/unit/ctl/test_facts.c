/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy is asked about a session goes over the socket and comes out as it was, or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "ctl/facts.h"
#include "ctl/out.h"

static const char *const labels[] = { "meter", "disputed" };

static struct policy_facts some(void)
{
	return (struct policy_facts){ .event = POLICY_AGE,
		.endpoint = "urn:dev:1",
		.labels = labels,
		.labels_len = COUNT_OF(labels),
		.kind = POLICY_CERTIFICATE,
		.channel = POLICY_SMS_DTLS,
		.listener = "0.0.0.0:5684",
		.suite = 0xc0ae,
		.generation = UINT64_C(0x100000002),
		.awake = true,
		.upstream_up = true,
		.exchanges = 3,
		.age_s = 4,
		.idle_s = 5,
		.asleep_s = 6,
		.records = 7,
		.forged = 8 };
}

static const struct ctl_facts_rest rest = { .credential_generation = 10, .decided = 9 };

static void test_facts_come_out_as_they_went_in(void **state)
{
	(void)state;
	const struct policy_facts in = some();
	struct ctl_out o = { 0 };
	struct ctl_facts out;
	ctl_facts_put(&o, &in, &rest);
	struct rd r = rd_from((const uint8_t *)o.data, o.len);
	assert_true(ctl_facts_read(&r, &out));
	assert_true(rd_end(&r));
	const struct policy_facts *f = &out.facts;
	assert_string_equal(f->endpoint, in.endpoint);
	assert_string_equal(f->listener, in.listener);
	assert_int_equal(f->labels_len, 2);
	assert_string_equal(f->labels[0], "meter");
	assert_string_equal(f->labels[1], "disputed");
	assert_int_equal(f->kind, in.kind);
	assert_int_equal(f->channel, in.channel);
	assert_int_equal(f->suite, in.suite);
	assert_int_equal(f->generation, in.generation);
	assert_true(f->awake);
	assert_false(f->registered);
	assert_true(f->upstream_up);
	assert_int_equal(f->exchanges, 3);
	assert_int_equal(f->age_s, 4);
	assert_int_equal(f->idle_s, 5);
	assert_int_equal(f->asleep_s, 6);
	assert_int_equal(f->records, 7);
	assert_int_equal(f->forged, 8);
	assert_int_equal(out.rest.credential_generation, 10);
	assert_int_equal(out.rest.decided, 9);
	ctl_out_fini(&o);
}

/* As long as can be, and longer: cut, never beyond the room. */
static void test_I7_the_longest_facts_fit_and_longer_ones_are_cut(void **state)
{
	(void)state;
	char name[CTL_FACTS_TEXT + 10], label[POLICY_LABEL_MAX + 10];
	const char *many[POLICY_LABELS_MAX + 2];
	struct policy_facts in = some();
	struct ctl_out o = { 0 };
	struct ctl_facts out;
	memset(name, 'n', sizeof(name));
	memset(label, 'l', sizeof(label));
	name[sizeof(name) - 1] = label[sizeof(label) - 1] = '\0';
	for (size_t i = 0; i < COUNT_OF(many); i++)
		many[i] = label;
	in.endpoint = in.listener = name;
	in.labels = many;
	in.labels_len = COUNT_OF(many);
	ctl_facts_put(&o, &in, &rest);
	assert_int_equal(o.len, CTL_FACTS_MAX);
	struct rd r = rd_from((const uint8_t *)o.data, o.len);
	assert_true(ctl_facts_read(&r, &out));
	assert_true(rd_end(&r));
	assert_int_equal(strlen(out.facts.endpoint), CTL_FACTS_TEXT);
	assert_int_equal(strlen(out.facts.labels[POLICY_LABELS_MAX - 1]), POLICY_LABEL_MAX);
	assert_int_equal(out.facts.labels_len, POLICY_LABELS_MAX);
	ctl_out_fini(&o);
}

static void test_I7_facts_that_were_cut_off_are_none(void **state)
{
	(void)state;
	const struct policy_facts in = some();
	struct ctl_out o = { 0 };
	struct ctl_facts out;
	ctl_facts_put(&o, &in, &rest);
	for (size_t len = 0; len < o.len; len++) {
		struct rd r = rd_from((const uint8_t *)o.data, len);
		assert_false(ctl_facts_read(&r, &out));
	}
	ctl_out_fini(&o);
}

/* An octet of the wire is another: it is refused. */
static void refuses(size_t at, uint8_t value)
{
	const struct policy_facts in = some();
	struct ctl_out o = { 0 };
	struct ctl_facts out;
	ctl_facts_put(&o, &in, &rest);
	assert_in_range(at, 0, o.len - 1);
	o.data[at] = (char)value;
	struct rd r = rd_from((const uint8_t *)o.data, o.len);
	if (ctl_facts_read(&r, &out) && rd_end(&r))
		fail_msg("octet %zu may be %u", at, value);
	ctl_out_fini(&o);
}

static void test_I7_words_and_texts_that_cannot_be_are_refused(void **state)
{
	(void)state;
	enum { NUMBERS = 9 + 8 * 8 };
	refuses(0, POLICY_KINDS);
	refuses(1, POLICY_CHANNELS);
	refuses(2, 8);
	refuses(NUMBERS, CTL_FACTS_TEXT + 1); /* length of the endpoint */
	refuses(NUMBERS + 3, '\0');           /* in it */
	refuses(NUMBERS + 1 + strlen("urn:dev:1") + 1 + strlen("0.0.0.0:5684"),
		POLICY_LABELS_MAX + 1);
}

/* A label that is longer than any can be, though all of it has come. */
static void test_I7_a_label_that_is_too_long_is_refused(void **state)
{
	(void)state;
	char label[POLICY_LABEL_MAX + 1];
	const char *const one[] = { label };
	struct policy_facts in = some();
	struct ctl_out o = { 0 };
	struct ctl_facts out;
	memset(label, 'l', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	in.labels = one;
	in.labels_len = 1;
	ctl_facts_put(&o, &in, &rest);
	o.data[o.len - POLICY_LABEL_MAX - 1]++;
	ctl_out_text(&o, "l");
	struct rd r = rd_from((const uint8_t *)o.data, o.len);
	assert_false(ctl_facts_read(&r, &out));
	ctl_out_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts_come_out_as_they_went_in),
		cmocka_unit_test(test_I7_the_longest_facts_fit_and_longer_ones_are_cut),
		cmocka_unit_test(test_I7_facts_that_were_cut_off_are_none),
		cmocka_unit_test(test_I7_words_and_texts_that_cannot_be_are_refused),
		cmocka_unit_test(test_I7_a_label_that_is_too_long_is_refused),
	};
	return cmocka_run_group_tests_name("ctl/facts", tests, NULL, NULL);
}
