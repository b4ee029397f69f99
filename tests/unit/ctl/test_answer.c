/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/answer.h"
#include "ctl/show_time.h"

struct fake { /* a gateway of two workers and two devices */
	bool broken, no_sleepers, looks_on, counts;
	void *import;
	char closed[160];
	enum ctl_purpose purpose; /* that was said last */
};

static size_t workers(void *ctx)
{
	(void)ctx;
	return 2;
}

/* Of the engine's counts that only grow, a number each that no other has. */
enum { ENGINE_COUNTS = offsetof(struct dtls_stats, conns) / sizeof(uint64_t) };

static uint64_t count_number(size_t i)
{
	return 1000 + i;
}

static bool worker(void *ctx, size_t number, struct ctl_worker *out)
{
	const struct fake *f = ctx;
	*out = (struct ctl_worker){
		.datagrams_in = 10 + number, .relay.devices = 1, .dtls.conns = 2
	};
	out->dtls.handshakes_failed[DTLS_CLIENT] = 3;
	if (f->counts) {
		for (size_t i = 0; i < ENGINE_COUNTS; i++) {
			const uint64_t n = count_number(i);
			memcpy((uint8_t *)&out->dtls + i * sizeof(n), &n, sizeof(n));
		}
		out->stale = 11;
		out->slowed = 12;
		out->held_lost = 13;
	}
	return !f->broken || number == 0;
}

static const struct ctl_session both[] = {
	{ .endpoint = "urn:dev:2", .worker = 1, .generation = 7 },
	{
		.endpoint = "urn:dev:1",
		.device = { { 192, 0, 2, 1 }, 40000, NET_IPV4, 0 },
		.link_local = { { 10, 0, 0, 1 }, 5000, NET_IPV4, 0 },
		.link_peer = { { 10, 0, 0, 2 }, 5684, NET_IPV4, 0 },
		.device_up_ms_ago = 3723000,
		.device_heard_ms_ago = 1500,
		.device_facts = { .records_in = 11,
			.records_out = 12,
			.forged = 1,
			.suite = 0xc023,
			.encrypt_then_mac = true,
			.fragment_max = 512 },
		.link_facts = { .records_in = 21, .records_out = 22, .suite = 0xc0a8 },
		.kind = CTL_CRED_CERTIFICATE,
		.registered = true,
		.location = "rd/5a3f",
		.lifetime_s = 86400,
		.expires_in_s = 86399,
		.binding = "UQ",
		.version = "1.1",
	},
};

static bool sessions(void *ctx, const char *endpoint, struct ctl_session **out, size_t *len)
{
	const struct fake *f = ctx;
	*out = NULL;
	*len = 0;
	if (f->broken)
		return false;
	*out = malloc(sizeof(both));
	assert_non_null(*out);
	for (size_t i = 0; i < COUNT_OF(both); i++) {
		if (endpoint == NULL || strcmp(both[i].endpoint, endpoint) == 0)
			(*out)[(*len)++] = both[i];
	}
	return true;
}

/* Three sleepers: of credentials 5, 300 and 301; who asks for those after 301 is sent on. */
static bool sleepers(void *ctx, uint32_t *from, struct ctl_session *out, size_t cap, size_t *len)
{
	static const uint32_t numbers[] = { 5, 300, 301 };
	const struct fake *f = ctx;
	*len = 0;
	for (size_t i = 0; i < COUNT_OF(numbers) && *len < cap; i++) {
		if (numbers[i] < *from)
			continue;
		struct ctl_session *s = &out[(*len)++];
		*s = (struct ctl_session){ .device = { { 192, 0, 2, 9 }, 9, NET_IPV4, 0 },
			.asleep = true,
			.device_up_ms_ago = 1000,
			.device_heard_ms_ago = 5,
			.generation = 2 };
		(void)snprintf(s->endpoint, sizeof(s->endpoint), "asleep-%u", numbers[i]);
		*from = numbers[i] + 1;
	}
	if (f->looks_on && *from == 302)
		*from = 400;
	else if (*from >= 302)
		*from = 0;
	return !f->no_sleepers;
}

static bool close_it(void *ctx, const char *endpoint, enum ctl_purpose purpose)
{
	struct fake *f = ctx;
	f->purpose = purpose;
	if (strcmp(endpoint, "urn:dev:1") != 0)
		return false;
	(void)snprintf(f->closed, sizeof(f->closed), "%s", endpoint);
	return true;
}

static uint64_t uptime_s(void *ctx)
{
	(void)ctx;
	return 90061;
}

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

/* The answer, without its head; static, and terminated. */
static const char *ask_body(struct fake *f, struct ctl_request q, enum ctl_status expect)
{
	static char text[16384];
	const struct ctl_source source = { .ctx = f,
		.workers = workers,
		.worker = worker,
		.sessions = sessions,
		.sleepers = sleepers,
		.close = close_it,
		.uptime_s = uptime_s };
	struct ctl_out o = { 0 };
	static uint8_t wire[CTL_REQUEST_MAX];
	assert_true(ctl_answer(
		&source, &f->import, wire, ctl_request_write(&q, wire, sizeof(wire)), &o));
	assert_in_range(o.len, 2, sizeof(text) - 1);
	assert_int_equal(o.data[0], CTL_VERSION);
	assert_int_equal(o.data[1], expect);
	memcpy(text, o.data + 2, o.len - 2);
	text[o.len - 2] = '\0';
	ctl_out_fini(&o);
	return text;
}

static const char *ask(struct fake *f, enum ctl_form form, enum ctl_verb verb, const char *arg,
	enum ctl_status expect)
{
	struct ctl_request q = { .form = form, .verb = verb };
	(void)snprintf(q.arg, sizeof(q.arg), "%s", arg);
	return ask_body(f, q, expect);
}

/* A page of sessions; head is what stands before the rows. */
static const char *ask_page(
	struct fake *f, enum ctl_form form, uint8_t head[4 + CTL_WIDTHS], enum ctl_status expect)
{
	const struct ctl_request q = {
		.form = form, .verb = CTL_SESSIONS, .body = head, .body_len = 4 + CTL_WIDTHS
	};
	const char *answer = ask_body(f, q, expect);
	if (expect != CTL_DONE)
		return answer;
	memcpy(head, answer, 4 + CTL_WIDTHS);
	return answer + 4 + CTL_WIDTHS;
}

static void test_status_adds_the_workers_up(void **state)
{
	(void)state;
	struct fake f = { 0 };
	const char *text = ask(&f, CTL_TEXT, CTL_STATUS, "", CTL_DONE);
	has(text, "up 1d01h, 2 workers\n");
	has(text, "COUNT                                   VALUE  UNIT\n");
	has(text, "datagrams in                               21  datagrams\n");
	has(text, "server handshakes                           6  failed\n");
	has(text, "     1          1             0            2             11              0\n");
	text = ask(&f, CTL_JSON, CTL_STATUS, "", CTL_DONE);
	has(text, "\"uptime_s\":90061,\"total\":{\"devices\":2,");
	has(text, "\"server_handshakes_failed\":6");
	has(text, "\"workers\":[{\"devices\":1,");
	has(text, "\"datagrams_in\":11");
}

/* Nothing is dropped without a count, and no count of the engine is kept back: who adds one there
   must find words for it here. */
static void test_R145_every_count_of_the_engine_is_shown(void **state)
{
	(void)state;
	struct fake f = { .counts = true };
	const char *text = ask(&f, CTL_JSON, CTL_STATUS, "", CTL_DONE);
	for (size_t i = 0; i < ENGINE_COUNTS; i++) {
		char number[32];
		(void)snprintf(number, sizeof(number), ":%" PRIu64 ",", 2 * count_number(i));
		has(text, number);
	}
	static const char *const names[] = { "heard", "taken", "junk", "replayed", "forged",
		"untried", "early", "late", "beyond", "unproven", "unwoken", "unknown_cid", "stray",
		"refused_full", "deferred", "unanswered", "no_memory", "moves", "moves_failed",
		"adrift", "nowhere", "told_lost" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char member[64];
		const size_t at = offsetof(struct dtls_stats, heard) / sizeof(uint64_t) + i;
		(void)snprintf(member, sizeof(member), "\"%s\":%" PRIu64 ",", names[i],
			2 * count_number(at));
		has(text, member);
	}
	has(text, "\"stale\":22,\"slowed\":24,");
	has(text, "\"held_lost\":26,");
}

/* Run from the top of the tree. */
static void test_the_man_page_names_every_count(void **state)
{
	(void)state;
	static char page[65536];
	struct fake f = { 0 };
	FILE *from = fopen("deploy/man/lwgatectl.1", "r");
	assert_non_null(from);
	page[fread(page, 1, sizeof(page) - 1, from)] = '\0';
	assert_int_equal(fclose(from), 0);
	const char *at = strstr(ask(&f, CTL_JSON, CTL_STATUS, "", CTL_DONE), "\"total\":{");
	assert_non_null(at);
	const char *const end = strchr(at, '}');
	size_t counts = 0;
	for (at = strchr(at, '{'); at < end; at = strpbrk(at + 1, ",}"), counts++) {
		char name[64];
		const size_t len = strcspn(at + 2, "\"");
		assert_true(len + 2 < sizeof(name));
		(void)snprintf(name, sizeof(name), " %.*s ", (int)len, at + 2);
		has(page, name);
	}
	assert_true(counts > ENGINE_COUNTS);
}

/* A line that begins with these words and ends with those. */
static void has_row(const char *text, const char *label, const char *unit)
{
	char part[128];
	(void)snprintf(part, sizeof(part), "\n%-24s ", label);
	const char *const line = strstr(text, part);
	if (line == NULL) {
		fail_msg("no \"%s\" in:\n%s", label, text);
		return; /* for analysers */
	}
	(void)snprintf(part, sizeof(part), "  %s\n", unit);
	const char *const there = strstr(line, part);
	if (there == NULL)
		fail_msg("no \"%s\" in:\n%s", unit, line);
	else
		assert_ptr_equal(there + strlen(part), strchr(line + 1, '\n') + 1);
}

static void test_R145_every_reason_to_drop_has_words(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "no DTLS of ours", "datagrams or records dropped" },
		{ "DTLS records replayed", "records dropped" },
		{ "DTLS records forged", "records dropped" },
		{ "unknown connection ids", "records dropped" },
		{ "CID missing, or unwanted", "records dropped" },
		{ "unknown senders told", "alerts sent" },
		{ "devices moved", "addresses changed" },
		{ "addresses not confirmed", "checks without an answer" },
		{ "addresses lost to others", "times" },
		{ "to devices adrift", "messages not sent" },
	};
	static const struct {
		const char *label, *unit;
		unsigned number;
	} own[] = { { "replayed to sleepers", "records dropped", 22 },
		{ "senders slowed down", "records dropped", 24 },
		{ "no room to wait", "messages dropped", 26 } };
	struct fake f = { .counts = true };
	char part[128];
	const char *text = ask(&f, CTL_TEXT, CTL_STATUS, "", CTL_DONE);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		has_row(text, rows[i][0], rows[i][1]);
	for (size_t i = 0; i < COUNT_OF(own); i++) {
		(void)snprintf(part, sizeof(part), "\n%-24s %20u  %s\n", own[i].label,
			own[i].number, own[i].unit);
		has(text, part);
	}
}

static void test_sessions_are_sorted_and_aligned(void **state)
{
	(void)state;
	struct fake f = { 0 };
	uint8_t head[4 + CTL_WIDTHS] = { 0 };
	assert_string_equal(ask_page(&f, CTL_TEXT, head, CTL_DONE),
		"ENDPOINT   STATE  DEVICE           UP     HEARD  LINK           LOCATION  EXPIRES "
		" "
		"WORKER\n"
		"urn:dev:1  awake  192.0.2.1:40000  1h02m  1s     10.0.0.1:5000  rd/5a3f   23h59m  "
		" "
		"0\n"
		"urn:dev:2  awake  -                -      -      -              -         -       "
		" "
		"1\n");
	memset(head, 0, sizeof(head));
	assert_string_equal(ask_page(&f, CTL_JSON, head, CTL_DONE),
		"{\"endpoint\":\"urn:dev:1\",\"worker\":0,\"state\":\"awake\",\"generation\":0,"
		"\"credential\":\"certificate\",\"purpose\":\"any\","
		"\"device\":{\"address\":"
		"\"192.0.2.1:40000\","
		"\"up_ms\":3723000,\"heard_ms_ago\":1500,\"records_in\":11,\"records_out\":12,"
		"\"forged\":1,\"suite\":\"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256\","
		"\"forward_secret\":true,\"encrypt_then_mac\":true,"
		"\"max_fragment_length\":512,"
		"\"connection_id\":{\"in\":null,\"out\":null,\"out_octets\":0},"
		"\"address_since_ms\":null,\"moves\":null,\"earlier\":null,"
		"\"candidate\":null,\"adrift\":false},"
		"\"link\":{\"local\":\"10.0.0.1:5000\",\"peer\":\"10.0.0.2:5684\",\"records_in\":"
		"21,"
		"\"records_out\":22,\"forged\":0,\"suite\":\"TLS_PSK_WITH_AES_128_CCM_8\","
		"\"forward_secret\":false,\"encrypt_then_mac\":false,"
		"\"max_fragment_length\":null,"
		"\"connection_id\":{\"in\":null,\"out\":null,\"out_octets\":0}},"
		"\"registration\":{\"location\":\"rd/"
		"5a3f\",\"lifetime_s\":86400,"
		"\"expires_in_s\":86399,\"queue_mode\":null,"
		"\"binding\":\"UQ\",\"lwm2m\":\"1.1\",\"sms\":null}},{"
		"\"endpoint\":\"urn:dev:2\",\"worker\":1,"
		"\"state\":\"awake\",\"generation\":7,"
		"\"credential\":\"psk\",\"purpose\":\"any\",\"device\":null,"
		"\"link\":null,"
		"\"registration\":null}");
}

/* A page of those who are awake, then as many of sleepers as there are. */
static void test_sleepers_follow_page_by_page_in_the_same_columns(void **state)
{
	(void)state;
	static const uint8_t first[] = { 0, 0, 0, 1 }, last[] = { 0, 0, 1, 0x2d },
			     behind[] = { 0, 0, 1, 0x2e };
	struct fake f = { 0 };
	uint8_t head[4 + CTL_WIDTHS] = { 0 };
	(void)ask_page(&f, CTL_TEXT, head, CTL_DONE);
	assert_memory_equal(head, "\0\0\0\1", 4);
	assert_string_equal(ask_page(&f, CTL_TEXT, head, CTL_DONE),
		"asleep-300  asleep  192.0.2.9:9      1s     -      -              -         -     "
		"   "
		"0\n"
		"asleep-301  asleep  192.0.2.9:9      1s     -      -              -         -     "
		"   "
		"0\n"
		"asleep-5    asleep  192.0.2.9:9      1s     -      -              -         -     "
		"   "
		"0\n");
	assert_memory_equal(head, "\0\0\0\0", 4);
	/* What only memory knows is null. */
	memcpy(head, last, sizeof(last));
	has(ask_page(&f, CTL_JSON, head, CTL_DONE),
		"{\"endpoint\":\"asleep-301\",\"worker\":0,\"state\":\"asleep\",\"generation\":2,"
		"\"credential\":\"psk\",\"purpose\":\"any\","
		"\"device\":{\"address\":\"192.0.2.9:9\",\"up_ms\":1000,\"heard_ms_ago\":null,"
		"\"records_in\":null,\"records_out\":null,\"forged\":null,"
		"\"suite\":null,\"forward_secret\":null,\"encrypt_then_mac\":null,"
		"\"max_fragment_length\":null,"
		"\"connection_id\":{\"in\":null,\"out\":null,\"out_octets\":null},");
	/* Where nobody was found there may be more behind. */
	f.looks_on = true;
	memcpy(head, behind, sizeof(behind));
	assert_string_equal(ask_page(&f, CTL_JSON, head, CTL_DONE), "");
	assert_memory_equal(head, "\0\0\1\x90", 4);
	assert_string_equal(ask_page(&f, CTL_TEXT, head, CTL_DONE), "");
	assert_memory_equal(head, "\0\0\0\0", 4);
	f.no_sleepers = true;
	memcpy(head, first, sizeof(first));
	has(ask_page(&f, CTL_TEXT, head, CTL_FAILED), "did not answer");
	has(ask(&f, CTL_TEXT, CTL_SESSIONS, "", CTL_BAD_REQUEST), "the page is missing");
}

static void test_R047_session_shows_one_or_says_that_there_is_none(void **state)
{
	(void)state;
	struct fake f = { 0 };
	const char *text = ask(&f, CTL_TEXT, CTL_SESSION, "urn:dev:1", CTL_DONE);
	has(text, "endpoint        urn:dev:1\n");
	has(text, "  last heard    1s ago\n");
	has(text, "server          10.0.0.2:5684\n");
	has(text, "  expires       in 23h59m\n");
	/* whether a key that is lost later opens what was said. */
	has(text, "credential      certificate\npurpose         any\n");
	has(text, "  suite         TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256\n"
		  "  PFS           yes\n  MAC           encrypt-then-MAC\n"
		  "  record        at most 512 bytes\n");
	has(text, "  suite         TLS_PSK_WITH_AES_128_CCM_8\n  PFS           no\n");
	text = ask(&f, CTL_TEXT, CTL_SESSION, "urn:dev:2", CTL_DONE);
	has(text, "device          not connected\n");
	has(text, "registration    none\n");
	has(ask(&f, CTL_JSON, CTL_SESSION, "urn:dev:2", CTL_DONE), "{\"endpoint\":\"urn:dev:2\"");
	has(ask(&f, CTL_TEXT, CTL_SESSION, "x\x1b[1m", CTL_UNKNOWN_ENDPOINT),
		"x?[1m: not connected");
	has(ask(&f, CTL_JSON, CTL_SESSION, "\"", CTL_UNKNOWN_ENDPOINT),
		"{\"error\":\"\\\": not connected");
}

static void test_close_reaches_the_gateway(void **state)
{
	(void)state;
	struct fake f = { 0 };
	assert_string_equal(
		ask(&f, CTL_TEXT, CTL_CLOSE, "urn:dev:1", CTL_DONE), "urn:dev:1: closed\n");
	assert_string_equal(f.closed, "urn:dev:1");
	has(ask(&f, CTL_TEXT, CTL_CLOSE, "urn:dev:9", CTL_UNKNOWN_ENDPOINT),
		"urn:dev:9: not connected");
}

static void test_workers_that_do_not_answer_are_reported(void **state)
{
	(void)state;
	struct fake f = { .broken = true };
	has(ask(&f, CTL_TEXT, CTL_STATUS, "", CTL_FAILED), "did not answer in time");
	uint8_t head[4 + CTL_WIDTHS] = { 0 };
	has(ask_page(&f, CTL_TEXT, head, CTL_FAILED), "did not answer in time");
	has(ask(&f, CTL_JSON, CTL_SESSION, "x", CTL_FAILED), "{\"error\":\"the workers");
}

static void test_arguments_must_fit_the_verb(void **state)
{
	(void)state;
	struct fake f = { 0 };
	has(ask(&f, CTL_TEXT, CTL_STATUS, "x", CTL_BAD_REQUEST), "too much said");
	has(ask(&f, CTL_TEXT, CTL_CLOSE, "", CTL_BAD_REQUEST), "an endpoint is missing");
	has(ask_body(&f, (struct ctl_request){ .body = (const uint8_t *)"x", .body_len = 1 },
		    CTL_BAD_REQUEST),
		"too much said");
	has(ask(&f, CTL_TEXT, CTL_IMPORT_BEGIN, "", CTL_BAD_REQUEST), "name is missing");
	has(ask(&f, CTL_TEXT, CTL_UPGRADE, "", CTL_FAILED), "cannot replace itself");
	has(ask(&f, CTL_TEXT, CTL_RELOAD, "", CTL_FAILED), "cannot reload");
}

static void test_malformed_requests_are_answered(void **state)
{
	(void)state;
	const struct ctl_source none = { 0 };
	struct ctl_out o = { 0 };
	void *import = NULL;
	assert_true(ctl_answer(&none, &import, (const uint8_t *)"\2", 1, &o));
	assert_int_equal(o.data[1], CTL_BAD_REQUEST);
	ctl_out_fini(&o);
}

static void test_times_fit_in_seven_letters(void **state)
{
	(void)state;
	char out[CTL_TIME_MAX];
	assert_string_equal(ctl_time_text(59999, out), "59s");
	assert_string_equal(ctl_time_text(60000, out), "1m00s");
	assert_string_equal(ctl_time_text(3599999, out), "59m59s");
	assert_string_equal(ctl_time_text(3600000, out), "1h00m");
	assert_string_equal(ctl_time_text(UINT64_C(86400000) * 400, out), "400d00h");
	assert_string_equal(ctl_time_text(UINT64_MAX, out), "213503982334d14h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_adds_the_workers_up),
		cmocka_unit_test(test_R145_every_count_of_the_engine_is_shown),
		cmocka_unit_test(test_the_man_page_names_every_count),
		cmocka_unit_test(test_R145_every_reason_to_drop_has_words),
		cmocka_unit_test(test_sessions_are_sorted_and_aligned),
		cmocka_unit_test(test_sleepers_follow_page_by_page_in_the_same_columns),
		cmocka_unit_test(test_R047_session_shows_one_or_says_that_there_is_none),
		cmocka_unit_test(test_close_reaches_the_gateway),
		cmocka_unit_test(test_workers_that_do_not_answer_are_reported),
		cmocka_unit_test(test_arguments_must_fit_the_verb),
		cmocka_unit_test(test_malformed_requests_are_answered),
		cmocka_unit_test(test_times_fit_in_seven_letters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
