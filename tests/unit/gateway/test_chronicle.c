/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "chronicle_kit.h"
#include "ctl/sp.h"

static int come(const struct kit *k)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", k->path);
	const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(s >= 0);
	assert_int_equal(connect(s, (const struct sockaddr *)&to, sizeof(to)), 0);
	return s;
}

static int subscribe_raw(const struct kit *k)
{
	const int s = come(k);
	assert_int_equal(send(s, ctl_sp_sub_greeting, CTL_SP_GREETING_LEN, 0), CTL_SP_GREETING_LEN);
	return s;
}

static void serve_until_subscribed(const struct kit *k, uint32_t subscribers)
{
	struct pollfd p = { .fd = gw_chronicle_fd(k->chronicle), .events = POLLIN };
	while (kit_facts(k).subscribers != subscribers) {
		assert_int_equal(poll(&p, 1, KIT_PATIENCE_MS), 1);
		gw_chronicle_serve(k->chronicle);
	}
}

/* True: it was hung up on, after at most the greeting. */
static bool is_shut(int s)
{
	char octets[16];
	struct pollfd p = { .fd = s, .events = POLLIN };
	for (;;) {
		if (poll(&p, 1, 0) == 0)
			return false;
		if (recv(s, octets, sizeof(octets), 0) <= 0)
			return true;
	}
}

static nng_socket subscribe_by_nng(const struct kit *k)
{
	nng_socket s;
	char url[96];
	(void)snprintf(url, sizeof(url), "ipc://%s", k->path);
	assert_int_equal(nng_sub0_open(&s), 0);
	assert_int_equal(nng_socket_set_int(s, NNG_OPT_RECVBUF, 4096), 0);
	assert_int_equal(nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, KIT_PATIENCE_MS), 0);
	assert_int_equal(nng_socket_set(s, NNG_OPT_SUB_SUBSCRIBE, "", 0), 0);
	assert_int_equal(nng_dial(s, url, NULL, NNG_FLAG_NONBLOCK), 0);
	return s;
}

static void test_I8_nngs_subscriber_has_every_entry_as_a_line(void **state)
{
	struct kit *const k = *state;
	kit_open(k, false, true);
	const nng_socket s = subscribe_by_nng(k);
	serve_until_subscribed(k, 1);
	for (uint64_t n = 0; n < 1000; n++)
		kit_put(k, n);
	struct pollfd p = { .fd = gw_chronicle_fd(k->chronicle), .events = POLLIN };
	while (kit_facts(k).entries < 1000) { /* a part each turn */
		assert_int_equal(poll(&p, 1, KIT_PATIENCE_MS), 1);
		gw_chronicle_serve(k->chronicle);
	}
	for (uint64_t n = 0; n < 1000; n++) {
		nng_msg *m = NULL;
		/* What did not fit into the socket goes when there is room. */
		while (nng_recvmsg(s, &m, NNG_FLAG_NONBLOCK) != 0) {
			(void)poll(&p, 1, 1);
			gw_chronicle_serve(k->chronicle);
		}
		assert_int_equal(nng_msg_len(m), strlen(kit_line(n)));
		assert_memory_equal(nng_msg_body(m), kit_line(n), nng_msg_len(m));
		nng_msg_free(m);
	}
	assert_int_equal(kit_facts(k).unheard, 0);
	assert_int_equal(poll(&p, 1, 0), 0); /* nothing to do any more */
	(void)nng_close(s);
	serve_until_subscribed(k, 0);
}

static void test_nngs_topic_is_the_beginning_of_the_line(void **state)
{
	struct kit *const k = *state;
	nng_msg *m = NULL;
	kit_open(k, false, true);
	const nng_socket s = subscribe_by_nng(k);
	assert_int_equal(nng_socket_set(s, NNG_OPT_SUB_UNSUBSCRIBE, "", 0), 0);
	assert_int_equal(nng_socket_set(s, NNG_OPT_SUB_SUBSCRIBE, "{\"time\"", 7), 0);
	serve_until_subscribed(k, 1);
	kit_put(k, 5);
	gw_chronicle_serve(k->chronicle);
	assert_int_equal(nng_recvmsg(s, &m, 0), 0);
	assert_memory_equal(nng_msg_body(m), kit_line(5), nng_msg_len(m));
	nng_msg_free(m);
	(void)nng_close(s);
}

static void test_the_socket_is_closed_to_others(void **state)
{
	struct kit *const k = *state;
	struct stat s;
	kit_open(k, false, true);
	assert_int_equal(stat(k->path, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0660);
	/* A living gateway's is left alone. */
	const struct gw_chronicle_settings again = {
		.path = k->path, .inherited = -1, .log = &k->log
	};
	assert_null(gw_chronicle_open(&again, k->error, sizeof(k->error)));
	assert_non_null(strstr(k->error, "events.path: another gateway answers at"));
	gw_chronicle_close(k->chronicle);
	k->chronicle = NULL;
	assert_int_not_equal(stat(k->path, &s), 0);
}

struct heard {
	uint64_t lines, lost;
	uint64_t next; /* generation that the next line has to have at least */
};

static void hear_line(struct heard *h, const char *line, size_t len)
{
	char text[GW_ENTRY_LINE + 1];
	assert_true(len < sizeof(text));
	memcpy(text, line, len);
	text[len] = '\0';
	assert_int_equal(text[len - 1], '\n');
	const char *const lost = strstr(text, "\"lost\":");
	if (lost) {
		h->lost += strtoull(lost + 7, NULL, 10);
		h->next += strtoull(lost + 7, NULL, 10);
		return;
	}
	assert_string_equal(text, kit_line(h->next));
	h->lines++;
	h->next++;
}

/* What has come to a raw subscriber, while it comes; the chronicle is served when it asks. */
static void hear_all(const struct kit *k, int s, struct heard *h)
{
	static uint8_t in[1 << 16];
	struct pollfd p = { .fd = gw_chronicle_fd(k->chronicle), .events = POLLIN };
	size_t len = 0, body = 0;
	bool greeted = false;
	for (;;) {
		const ssize_t n = recv(s, in + len, sizeof(in) - len, 0);
		if (n <= 0 && poll(&p, 1, 0) == 0)
			return;
		if (n <= 0)
			gw_chronicle_serve(k->chronicle);
		len += n > 0 ? (size_t)n : 0;
		size_t at = greeted || len == 0 ? 0 : CTL_SP_GREETING_LEN;
		greeted = greeted || len > 0;
		while (ctl_sp_unframe(in + at, len - at, GW_ENTRY_LINE, &body) == CTL_SP_GOOD) {
			hear_line(h, (const char *)in + at + CTL_SP_FRAME_LEN, body);
			at += CTL_SP_FRAME_LEN + body;
		}
		len -= at;
		memmove(in, in + at, len);
	}
}

static void test_who_is_slow_loses_whole_entries_and_is_told_how_many(void **state)
{
	struct kit *const k = *state;
	enum { MANY = 5000 };
	struct heard h = { 0 };
	kit_open(k, true, true);
	k->log.level = LOG_LEVEL_WARN;
	const int slow = subscribe_raw(k);
	serve_until_subscribed(k, 1);
	for (uint64_t n = 0; n < MANY; n++) {
		kit_put(k, n);
		gw_chronicle_serve(k->chronicle);
	}
	const struct gw_chronicle_facts f = kit_facts(k);
	assert_true(f.unheard > 0 && f.unheard < MANY);
	assert_int_equal(f.unwritten + f.waiting, 0); /* the file has them all */
	hear_all(k, slow, &h);
	assert_int_equal(h.lost, f.unheard);
	assert_int_equal(h.lines + h.lost, MANY);
	kit_put(k, MANY); /* and from then on it has them again */
	gw_chronicle_serve(k->chronicle);
	uint8_t frame[CTL_SP_FRAME_LEN + GW_ENTRY_LINE];
	const ssize_t n = recv(slow, frame, sizeof(frame), 0);
	assert_int_equal(n, CTL_SP_FRAME_LEN + strlen(kit_line(MANY)));
	assert_memory_equal(frame + CTL_SP_FRAME_LEN, kit_line(MANY), strlen(kit_line(MANY)));
	(void)close(slow);
}

static void test_who_is_no_subscriber_is_hung_up_on(void **state)
{
	struct kit *const k = *state;
	static const uint8_t req[] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0 };
	kit_open(k, false, true);
	const int stranger = come(k), talker = subscribe_raw(k), silent = come(k);
	assert_int_equal(send(stranger, req, sizeof(req), 0), sizeof(req));
	serve_until_subscribed(k, 1);
	gw_chronicle_serve(k->chronicle);
	assert_true(is_shut(stranger));
	assert_false(is_shut(talker));
	assert_int_equal(send(talker, "x", 1, 0), 1);
	gw_chronicle_serve(k->chronicle);
	assert_true(is_shut(talker));
	/* Who has not said what it is hears nothing yet. */
	kit_put(k, 1);
	gw_chronicle_serve(k->chronicle);
	assert_false(is_shut(silent));
	assert_int_equal(kit_facts(k).subscribers, 0);
	assert_int_equal(
		send(silent, ctl_sp_sub_greeting, CTL_SP_GREETING_LEN, 0), CTL_SP_GREETING_LEN);
	serve_until_subscribed(k, 1);
	kit_put(k, 2);
	gw_chronicle_serve(k->chronicle);
	uint8_t frame[CTL_SP_FRAME_LEN + GW_ENTRY_LINE];
	assert_int_equal(
		recv(silent, frame, sizeof(frame), 0), CTL_SP_FRAME_LEN + strlen(kit_line(2)));
	assert_memory_equal(frame + CTL_SP_FRAME_LEN, kit_line(2), strlen(kit_line(2)));
	(void)close(stranger);
	(void)close(talker);
	(void)close(silent);
}

static void test_no_more_than_sixteen_are_let_in(void **state)
{
	struct kit *const k = *state;
	enum { PLACES = 16 };
	int s[PLACES + 1];
	kit_open(k, false, true);
	for (size_t i = 0; i < PLACES; i++)
		s[i] = subscribe_raw(k);
	serve_until_subscribed(k, PLACES);
	s[PLACES] = subscribe_raw(k);
	gw_chronicle_serve(k->chronicle);
	assert_true(is_shut(s[PLACES]));
	assert_non_null(strstr(kit_log(k), "warn events no more than 16 subscribers"));
	assert_int_equal(kit_facts(k).subscribers, PLACES);
	(void)close(s[0]);
	serve_until_subscribed(k, PLACES - 1);
	(void)close(s[PLACES]);
	s[0] = subscribe_raw(k);
	s[PLACES] = -1;
	serve_until_subscribed(k, PLACES);
	for (size_t i = 0; i < PLACES; i++)
		(void)close(s[i]);
}

static void test_a_successor_goes_on_with_the_same_socket(void **state)
{
	struct kit *const k = *state;
	kit_open(k, false, true);
	const int door = fcntl(gw_chronicle_listener(k->chronicle), F_DUPFD_CLOEXEC, 0);
	assert_true(door >= 0);
	const int early = subscribe_raw(k);
	gw_chronicle_close(k->chronicle);
	(void)close(early);
	const struct gw_chronicle_settings s = {
		.path = k->path, .inherited = door, .log = &k->log
	};
	k->chronicle = gw_chronicle_open(&s, k->error, sizeof(k->error));
	assert_non_null(k->chronicle);
	assert_int_equal(gw_chronicle_listener(k->chronicle), door);
}

static void test_R223_the_log_has_a_line_with_a_level_by_its_weight(void **state)
{
	struct kit *const k = *state;
	struct gw_entry e = kit_entry(7);
	kit_open(k, false, false);
	struct inbox *const to = gw_chronicle_inbox(k->chronicle);
	assert_true(gw_chronicle_put(to, &e));
	e.alert = e.asleep = true;
	e.outcome = GW_DECIDED;
	assert_true(gw_chronicle_put(to, &e));
	e.outcome = GW_FAILED;
	assert_true(gw_chronicle_put(to, &e));
	(void)snprintf(e.endpoint, sizeof(e.endpoint), "x\ny");
	assert_true(gw_chronicle_put(to, &e));
	gw_chronicle_serve(k->chronicle);
	const char *const log = kit_log(k);
	assert_non_null(strstr(log,
		"test info policy meter-1: event=credential-revoked rule=withdrawn outcome=done "
		"awake generation=7->9: device teardown, upstream drain within 60 s, resumption "
		"refused (the credential was withdrawn)\n"));
	assert_non_null(strstr(log, "test warn policy meter-1: event=credential-revoked "
				    "rule=withdrawn outcome=decided asleep"));
	assert_non_null(strstr(log, "resumption refused, alert (the"));
	assert_non_null(strstr(log, "test error policy meter-1: "));
	assert_non_null(strstr(log, "policy x.y: "));
	assert_int_equal(kit_count(log, "\n"), 4);
}

#define CASE_OF(test) cmocka_unit_test_setup_teardown(test, kit_make, kit_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_OF(test_I8_nngs_subscriber_has_every_entry_as_a_line),
		CASE_OF(test_nngs_topic_is_the_beginning_of_the_line),
		CASE_OF(test_the_socket_is_closed_to_others),
		CASE_OF(test_who_is_slow_loses_whole_entries_and_is_told_how_many),
		CASE_OF(test_who_is_no_subscriber_is_hung_up_on),
		CASE_OF(test_no_more_than_sixteen_are_let_in),
		CASE_OF(test_a_successor_goes_on_with_the_same_socket),
		CASE_OF(test_R223_the_log_has_a_line_with_a_level_by_its_weight),
	};
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	nng_fini();
	return failed;
}
