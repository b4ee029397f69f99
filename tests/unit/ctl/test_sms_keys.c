/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of keys of a device by short messages, as an operator sees them; and that it is to have
   others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/answer.h"
#include "ctl/sms_keys.h"

struct fake {
	enum ctl_status status;
	char refreshed[CTL_ARG_MAX + 1];
	struct ctl_sms_keys keys;
};

static enum ctl_status keys(
	void *ctx, const char *endpoint, struct ctl_sms_keys *out, struct ctl_said *said)
{
	const struct fake *const f = ctx;
	*out = f->keys;
	(void)snprintf(out->endpoint, sizeof(out->endpoint), "%s", endpoint);
	(void)snprintf(said->text, sizeof(said->text), "no keys there");
	return f->status;
}

static enum ctl_status refresh(void *ctx, const char *endpoint, struct ctl_said *said)
{
	struct fake *const f = ctx;
	(void)snprintf(f->refreshed, sizeof(f->refreshed), "%s", endpoint);
	(void)snprintf(said->text, sizeof(said->text), "%s: others are asked for", endpoint);
	return f->status;
}

/* What a gateway that can (or cannot) answers; out is terminated, and the caller frees it. */
static enum ctl_status ask(
	struct fake *f, enum ctl_verb verb, enum ctl_form form, const char *arg, struct ctl_out *o)
{
	const struct ctl_source s = {
		.ctx = f, .sms_keys = f ? keys : NULL, .sms_refresh = f ? refresh : NULL
	};
	struct ctl_request q = { .form = form, .verb = verb };
	uint8_t wire[4 + CTL_ARG_MAX];
	void *import = NULL;
	(void)snprintf(q.arg, sizeof(q.arg), "%s", arg);
	const size_t len = ctl_request_write(&q, wire, sizeof(wire));
	*o = (struct ctl_out){ 0 };
	assert_true(len > 0);
	assert_true(ctl_answer(&s, &import, wire, len, o));
	ctl_out_bytes(o, "", 1);
	assert_false(o->bad);
	return (enum ctl_status)o->data[1];
}

static void answers(struct fake *f, enum ctl_verb verb, enum ctl_form form, const char *arg,
	enum ctl_status status, const char *wanted)
{
	struct ctl_out o;
	assert_int_equal(ask(f, verb, form, arg, &o), status);
	assert_string_equal(o.data + 2, wanted);
	ctl_out_fini(&o);
}

static struct fake whole(void)
{
	return (struct fake){ .keys = {
				      .renew = "gba-push",
				      .is_stored = true,
				      .state = "delivered",
				      .cause = "bsf-down",
				      .is_due = true,
				      .due_in_s = 61,
				      .lifetime_s = 86400,
				      .deliveries = 2,
				      .deliveries_max = 4,
				      .failed = 1,
				      .begun = 3,
				      .begun_max = 30,
				      .message = true,
				      .counted = { 5, 6, 7, 8 },
				      .sets = { { .generation = 7,
							.origin = "gba-push",
							.profile = "cr-004",
							.kic = 0x12,
							.kid = 0x22,
							.octets = 32,
							.since_ms_ago = 5025000,
							.ends = true,
							.ends_in_s = -3,
							.counter_in = 40,
							.counter_out = 41 },
					      { .generation = 8,
						      .origin = "smartcard",
						      .profile = "lwm2m-1.0",
						      .kic = 0x19,
						      .kid = 0x19,
						      .octets = 48,
						      .since_ms_ago = 59000 } },
			      } };
}

static void test_R317_people_see_each_set_and_what_is_to_come(void **state)
{
	struct fake f = whole();
	(void)state;
	answers(&f, CTL_SMS_KEYS, CTL_TEXT, "urn:a", CTL_DONE,
		"endpoint         urn:a\n"
		"keys             renewed by gba-push\n"
		"state            delivered\n"
		"last failure     bsf-down\n"
		"next step        in 1m01s\n"
		"registration     lifetime 86400 s\n"
		"deliveries       2 of 4, a message is under way\n"
		"failed questions 1 in a row\n"
		"refreshes        3 of 30 in this hour\n"
		"counted          asked 5, delivered 6, proved 7, refused 8\n"
		"\n"
		"SET      GENERATION  ORIGIN      PROFILE         SINCE    ENDS IN  KIC KID BITS "
		"COUNTER IN        OUT\n"
		"current           7  gba-push    cr-004          1h23m       over  12  22   128 "
		"        40         41\n"
		"next              8  smartcard   lwm2m-1.0         59s      never  19  19   192 "
		"         0          0\n"
		"stale          none\n");
}

static void test_people_see_what_is_not_there(void **state)
{
	struct fake f = { .keys = { .state = "confirmed" } };
	(void)state;
	struct ctl_out o;
	assert_int_equal(ask(&f, CTL_SMS_KEYS, CTL_TEXT, "a", &o), CTL_DONE);
	assert_non_null(strstr(o.data + 2, "keys             the credential's own, not renewed\n"));
	assert_non_null(
		strstr(o.data + 2, "state            confirmed (nothing has happened yet)\n"));
	assert_non_null(strstr(o.data + 2, "last failure     -\n"));
	assert_non_null(strstr(o.data + 2, "next step        when something happens\n"));
	assert_non_null(strstr(o.data + 2, "registration     lifetime not known\n"));
	assert_non_null(strstr(o.data + 2, "refreshes        0 in this hour\n"));
	assert_null(strstr(o.data + 2, "under way"));
	ctl_out_fini(&o);
	f.keys.is_due = true;
	f.keys.due_in_s = -1;
	assert_int_equal(ask(&f, CTL_SMS_KEYS, CTL_TEXT, "a", &o), CTL_DONE);
	assert_non_null(strstr(o.data + 2, "next step        now\n"));
	ctl_out_fini(&o);
}

static void test_programs_see_the_same(void **state)
{
	struct fake f = whole();
	(void)state;
	answers(&f, CTL_SMS_KEYS, CTL_JSON, "urn:\"a\"", CTL_DONE,
		"{\"endpoint\":\"urn:\\\"a\\\"\",\"renew\":\"gba-push\",\"stored\":true,"
		"\"state\":\"delivered\",\"cause\":\"bsf-down\",\"due_in_s\":61,"
		"\"lifetime_s\":86400,\"deliveries\":2,\"deliveries_max\":4,\"message\":true,"
		"\"failed_questions\":1,\"refreshes\":3,\"refreshes_max\":30,\"asked\":5,"
		"\"delivered\":6,\"proved\":7,\"refused\":8,"
		"\"current\":{\"generation\":7,\"origin\":\"gba-push\",\"profile\":\"cr-004\","
		"\"kic\":\"12\",\"kid\":\"22\",\"key_octets\":32,\"age_s\":5025,"
		"\"ends_in_s\":-3,\"counter_in\":40,\"counter_out\":41},"
		"\"next\":{\"generation\":8,\"origin\":\"smartcard\",\"profile\":\"lwm2m-1.0\","
		"\"kic\":\"19\",\"kid\":\"19\",\"key_octets\":48,\"age_s\":59,"
		"\"ends_in_s\":null,\"counter_in\":0,\"counter_out\":0},"
		"\"stale\":null}\n");
	f = (struct fake){ .keys = { .state = "expired" } };
	struct ctl_out o;
	assert_int_equal(ask(&f, CTL_SMS_KEYS, CTL_JSON, "a", &o), CTL_DONE);
	assert_non_null(strstr(o.data + 2, "\"renew\":null,\"stored\":false,\"state\":\"expired\","
					   "\"cause\":null,\"due_in_s\":null,\"lifetime_s\":0,"));
	ctl_out_fini(&o);
}

static void test_an_order_goes_to_the_gateway_and_says_what_follows(void **state)
{
	struct fake f = { .status = CTL_DONE };
	(void)state;
	answers(&f, CTL_SMS_REFRESH, CTL_TEXT, "urn:a", CTL_DONE, "urn:a: others are asked for\n");
	assert_string_equal(f.refreshed, "urn:a");
	answers(&f, CTL_SMS_REFRESH, CTL_JSON, "b", CTL_DONE,
		"{\"done\":\"b: others are asked for\"}\n");
	f.status = CTL_FAILED;
	answers(&f, CTL_SMS_REFRESH, CTL_JSON, "b", CTL_FAILED,
		"{\"error\":\"b: others are asked for\"}\n");
}

static void test_what_cannot_be_answered_is_said(void **state)
{
	static const enum ctl_verb verbs[] = { CTL_SMS_KEYS, CTL_SMS_REFRESH };
	struct fake f = { .status = CTL_UNKNOWN_ENDPOINT };
	(void)state;
	answers(&f, CTL_SMS_KEYS, CTL_TEXT, "x", CTL_UNKNOWN_ENDPOINT, "no keys there\n");
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		answers(NULL, verbs[i], CTL_TEXT, "x", CTL_FAILED,
			"this gateway keeps no keys of short messages\n");
		answers(&f, verbs[i], CTL_TEXT, "", CTL_BAD_REQUEST,
			"an endpoint is missing; name one\n");
	}
	assert_string_equal(f.refreshed, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R317_people_see_each_set_and_what_is_to_come),
		cmocka_unit_test(test_people_see_what_is_not_there),
		cmocka_unit_test(test_programs_see_the_same),
		cmocka_unit_test(test_an_order_goes_to_the_gateway_and_says_what_follows),
		cmocka_unit_test(test_what_cannot_be_answered_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
