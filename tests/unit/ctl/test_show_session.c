/* SPDX-License-Identifier: Apache-2.0 */
/* One session as an operator sees it: connection ids, and where its device is, was and may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/show.h"
#include "ctl/show_time.h"

enum { PEER_CID = 255 };

static const uint64_t hour_ms = 3600000;

/* A device that has moved twice, and speaks from a third address now. */
static struct ctl_session roamer(void)
{
	return (struct ctl_session){
		.endpoint = "urn:dev:1",
		.device = { { 192, 0, 2, 2 }, 40002, NET_IPV4, 0 },
		.device_up_ms_ago = 5 * hour_ms,
		.device_heard_ms_ago = 1500,
		.device_facts = { .records_in = 11, .records_out = 12, .suite = 0xc0a8 },
		.device_cids = { .in_len = 11,
			.in = { 0x2b, 1, 0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8 } },
		.candidate = { { 192, 0, 2, 3 }, 40003, NET_IPV4, 0 },
		.stays_known = true,
		.device_since_ms_ago = hour_ms,
		.moves = 2,
		.stays = { { { { 192, 0, 2, 1 }, 40001, NET_IPV4, 0 }, 2 * hour_ms },
			{ { { 192, 0, 2, 0 }, 40000, NET_IPV4, 0 }, 5 * hour_ms } },
		.link_local = { { 10, 0, 0, 1 }, 5000, NET_IPV4, 0 },
		.link_peer = { { 10, 0, 0, 2 }, 5684, NET_IPV4, 0 },
		.link_facts = { .records_in = 21, .records_out = 22, .suite = 0xc0a8 },
		.link_cids = { .in_len = 1, .in = { 0x2b }, .out_len = 2, .out = { 0xc0, 0xde } },
	};
}

/* Static, and terminated. */
static const char *shown_with(
	enum ctl_form form, const struct ctl_session *s, const struct ctl_about *about)
{
	static char text[4096];
	struct ctl_out o = { 0 };
	ctl_show_session(&o, form, s, about);
	assert_false(o.bad);
	assert_in_range(o.len, 1, sizeof(text) - 1);
	memcpy(text, o.data, o.len);
	text[o.len] = '\0';
	ctl_out_fini(&o);
	return text;
}

static const char *shown(enum ctl_form form, const struct ctl_session *s)
{
	return shown_with(form, s, NULL);
}

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" in:\n%s", part, text);
}

static void test_R153_text_says_where_a_device_is_was_and_may_be(void **state)
{
	(void)state;
	const struct ctl_session s = roamer();
	const char *text = shown(CTL_TEXT, &s);
	has(text, "device          192.0.2.2:40002\n"
		  "  up for        5h00m\n"
		  "  last heard    1s ago\n"
		  "  candidate     192.0.2.3:40003, not shown to be right yet\n"
		  "  there for     1h00m\n"
		  "  moves         2\n"
		  "  earlier       192.0.2.1:40001, since 2h00m ago\n"
		  "                192.0.2.0:40000, since 5h00m ago\n"
		  "  CID in        2b0100a1a2a3a4a5a6a7a8\n"
		  "  CID out       none\n"
		  "  suite         TLS_PSK_WITH_AES_128_CCM_8\n");
	has(text, "server          10.0.0.2:5684\n"
		  "  from          10.0.0.1:5000\n"
		  "  CID in        2b\n"
		  "  CID out       c0de\n");
	lacks(text, "adrift");
}

static void test_R153_JSON_says_where_a_device_is_was_and_may_be(void **state)
{
	(void)state;
	const struct ctl_session s = roamer();
	const char *text = shown(CTL_JSON, &s);
	has(text, "\"max_fragment_length\":null,"
		  "\"connection_id\":{\"in\":\"2b0100a1a2a3a4a5a6a7a8\",\"out\":null,"
		  "\"out_octets\":0},"
		  "\"address_since_ms\":3600000,\"moves\":2,"
		  "\"earlier\":[{\"address\":\"192.0.2.1:40001\",\"since_ms_ago\":7200000},"
		  "{\"address\":\"192.0.2.0:40000\",\"since_ms_ago\":18000000}],"
		  "\"candidate\":\"192.0.2.3:40003\",\"adrift\":false},");
	has(text, "\"max_fragment_length\":null,"
		  "\"connection_id\":{\"in\":\"2b\",\"out\":\"c0de\",\"out_octets\":2}},");
}

/* Its address is another's, and must not be taken for its own. */
static void test_R109_who_is_adrift_is_shown_so(void **state)
{
	(void)state;
	struct ctl_session s = roamer();
	uint8_t widths[CTL_WIDTHS] = { 0 };
	struct ctl_out o = { 0 };
	s.adrift = true;
	has(shown(CTL_TEXT, &s),
		"  adrift        this address is another device's now; it is reached again when it "
		"speaks\n");
	has(shown(CTL_JSON, &s), "\"adrift\":true");
	ctl_show_sessions(&o, CTL_TEXT, &s, 1, widths);
	ctl_out_bytes(&o, "", 1);
	has(o.data, "awake  adrift  5h00m");
	lacks(o.data, "192.0.2.2");
	ctl_out_fini(&o);
}

/* Of a sleeper the peer's CID is not known; ours is, as it is found by it. */
static void test_S24_of_a_sleeper_the_CID_that_wakes_it_is_shown(void **state)
{
	(void)state;
	struct ctl_session s = roamer();
	s.asleep = true;
	const char *text = shown(CTL_TEXT, &s);
	has(text, "  CID in        2b0100a1a2a3a4a5a6a7a8\n");
	has(text, "  moves         2\n");
	lacks(text, "CID out");
	has(shown(CTL_JSON, &s), "\"connection_id\":{\"in\":\"2b0100a1a2a3a4a5a6a7a8\","
				 "\"out\":null,\"out_octets\":null},"
				 "\"address_since_ms\":3600000,");
}

/* In a list the store is not asked for each that is awake. */
static void test_what_the_store_was_not_asked_for_is_null(void **state)
{
	(void)state;
	struct ctl_session s = roamer();
	s.stays_known = false;
	has(shown(CTL_JSON, &s), "\"address_since_ms\":null,\"moves\":null,\"earlier\":null,"
				 "\"candidate\":\"192.0.2.3:40003\",");
	lacks(shown(CTL_TEXT, &s), "moves");
}

static void test_R160_who_has_no_CID_has_one_address_only(void **state)
{
	(void)state;
	struct ctl_session s = roamer();
	s.device_cids.in_len = 0;
	s.candidate.family = 0;
	s.moves = 0;
	memset(s.stays, 0, sizeof(s.stays));
	const char *text = shown(CTL_TEXT, &s);
	has(text, "  CID in        none\n  CID out       none\n");
	lacks(text, "moves");
	lacks(text, "candidate");
	has(shown(CTL_JSON, &s), "\"connection_id\":{\"in\":null,\"out\":null,\"out_octets\":0},"
				 "\"address_since_ms\":3600000,\"moves\":0,\"earlier\":[],"
				 "\"candidate\":null,\"adrift\":false");
}

/* RFC 9146 3: a peer's may have 255 octets. */
static void test_a_long_CID_of_the_peer_is_cut_with_its_length(void **state)
{
	(void)state;
	struct ctl_session s = roamer();
	s.device_cids.out_len = PEER_CID;
	memset(s.device_cids.out, 0xee, sizeof(s.device_cids.out));
	has(shown(CTL_TEXT, &s),
		"  CID out       eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee... (255 octets)\n");
	has(shown(CTL_JSON, &s), "\"out\":\"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\","
				 "\"out_octets\":255}");
	s.device_cids.out_len = CTL_CID_MAX;
	has(shown(CTL_TEXT, &s), "  CID out       eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\n");
}

static void test_seconds_that_are_left_are_a_time_or_overdue(void **state)
{
	(void)state;
	char out[CTL_TIME_MAX];
	assert_string_equal(ctl_left_text(-1, out), "overdue");
	assert_string_equal(ctl_left_text(0, out), "0s");
	assert_string_equal(ctl_left_text(61, out), "1m01s");
	assert_string_equal(ctl_left_text(INT64_MAX, out), "213503982334d14h");
}

static void test_R275_what_a_device_says_of_itself_is_shown(void **state)
{
	(void)state;
	struct ctl_session s = roamer();
	s.registered = true;
	lacks(shown(CTL_TEXT, &s), "binding");
	has(shown(CTL_JSON, &s), "\"binding\":null,\"lwm2m\":null,\"sms\":null}");
	memcpy(s.binding, "UQS", sizeof("UQS"));
	memcpy(s.version, "1.0", sizeof("1.0"));
	memcpy(s.sms, "491711234567", sizeof("491711234567"));
	has(shown(CTL_TEXT, &s), "  binding       UQS\n"
				 "  LwM2M         1.0\n"
				 "  MSISDN        491711234567\n");
	has(shown(CTL_JSON, &s), "\"binding\":\"UQS\",\"lwm2m\":\"1.0\",\"sms\":\"491711234567\"}");
	lacks(shown(CTL_TEXT, &s), "queue mode");
	has(shown(CTL_JSON, &s), "\"queue_mode\":null,");
	s.queues = true;
	s.asked = 1;
	has(shown(CTL_TEXT, &s), "  queue mode    sleeps, 1 request to it without an answer\n");
	has(shown(CTL_JSON, &s),
		"\"queue_mode\":{\"asleep\":true,\"listens_ms\":0,\"waiting\":1},");
	s.listens_ms = 34000;
	s.asked = 0;
	has(shown(CTL_TEXT, &s),
		"  queue mode    listens for 34s, 0 requests to it without an answer\n");
	has(shown(CTL_JSON, &s),
		"\"queue_mode\":{\"asleep\":false,\"listens_ms\":34000,\"waiting\":0},");
	s.registered = false;
	lacks(shown(CTL_TEXT, &s), "UQS");
}

/* Kept for a day by a rule, an hour ago. */
static struct ctl_about decided(void)
{
	return (struct ctl_about){ .labels_len = 2,
		.labels = { "meter", "wa\x1bter" },
		.credential_generation = 9,
		.decided = true,
		.verdict = { .event = POLICY_CRED_REPLACED,
			.device = POLICY_KEEP,
			.upstream = POLICY_DRAIN,
			.rule = "new-keys",
			.ms_ago = hour_ms,
			.bounded = true,
			.ends_in_s = 86400 - 3600,
			.done = true } };
}

static void test_R223_the_verdict_says_what_by_which_rule_and_until_when(void **state)
{
	(void)state;
	const struct ctl_session s = roamer();
	struct ctl_about about = decided();
	const char *text = shown_with(CTL_TEXT, &s, &about);
	has(text, "generation      0 (its credential has 9)\n");
	has(text, "labels          meter, wa?ter\n"
		  "verdict         device keep, upstream drain\n"
		  "  rule          new-keys\n"
		  "  event         credential-replaced, 1h00m ago\n"
		  "  ends          in 23h00m\n");
	lacks(text, "carried out");
	about.verdict.until_registration = true;
	about.verdict.done = false;
	text = shown_with(CTL_TEXT, &s, &about);
	has(text, "  ends          in 23h00m\n  or            with the registration\n"
		  "  carried out   when the device wakes\n");
	about.verdict.bounded = false;
	has(shown_with(CTL_TEXT, &s, &about), "ago\n  ends          with the registration\n");
}

static void test_R223_the_verdict_in_JSON(void **state)
{
	(void)state;
	const struct ctl_session s = roamer();
	struct ctl_about about = decided();
	has(shown_with(CTL_JSON, &s, &about),
		"\"credential_generation\":9,\"labels\":[\"meter\",\"wa\\u001bter\"],\"verdict\":{"
		"\"event\":\"credential-replaced\",\"rule\":\"new-keys\",\"device\":\"keep\","
		"\"upstream\":\"drain\",\"ms_ago\":3600000,\"ends_in_s\":82800,"
		"\"until_registration\":false,\"done\":true}}\n");
	about.verdict.bounded = false;
	has(shown_with(CTL_JSON, &s, &about), "\"ends_in_s\":null,");
	about.decided = false;
	about.labels_len = 0;
	has(shown_with(CTL_JSON, &s, &about), "\"labels\":[],\"verdict\":null}\n");
}

/* Of what nobody has asked the store, nothing is said. */
static void test_what_is_not_known_of_decisions_is_not_shown(void **state)
{
	(void)state;
	const struct ctl_session s = roamer();
	struct ctl_about about = decided();
	about.decided = false;
	about.labels_len = 0;
	has(shown_with(CTL_TEXT, &s, &about), "labels          none\nverdict         none\n");
	lacks(shown(CTL_TEXT, &s), "verdict");
	lacks(shown(CTL_JSON, &s), "verdict");
	about.credential_generation = 0;
	has(shown_with(CTL_TEXT, &s, &about), "generation      0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R153_text_says_where_a_device_is_was_and_may_be),
		cmocka_unit_test(test_R153_JSON_says_where_a_device_is_was_and_may_be),
		cmocka_unit_test(test_R109_who_is_adrift_is_shown_so),
		cmocka_unit_test(test_S24_of_a_sleeper_the_CID_that_wakes_it_is_shown),
		cmocka_unit_test(test_what_the_store_was_not_asked_for_is_null),
		cmocka_unit_test(test_R160_who_has_no_CID_has_one_address_only),
		cmocka_unit_test(test_a_long_CID_of_the_peer_is_cut_with_its_length),
		cmocka_unit_test(test_seconds_that_are_left_are_a_time_or_overdue),
		cmocka_unit_test(test_R275_what_a_device_says_of_itself_is_shown),
		cmocka_unit_test(test_R223_the_verdict_says_what_by_which_rule_and_until_when),
		cmocka_unit_test(test_R223_the_verdict_in_JSON),
		cmocka_unit_test(test_what_is_not_known_of_decisions_is_not_shown),
	};
	return cmocka_run_group_tests_name("ctl/show_session", tests, NULL, NULL);
}
