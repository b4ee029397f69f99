/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "gateway/advice.h"

static struct conf_gateway usual(void)
{
	static char path[] = "/var/lib/lwgate";
	static struct conf_upstream upstream;
	upstream = (struct conf_upstream){ .sockets = 1000 };
	return (struct conf_gateway){
		.workers = 4,
		.listeners_len = 2,
		.upstreams = &upstream,
		.upstreams_len = 1,
		.device_initial_ms = 9000,
		.upstream_initial_ms = 9000,
		.store_path = path,
	};
}

static uint64_t locked = UINT64_MAX; /* that may be */

static struct log new_log(void)
{
	const struct log log = {
		.fd = memfd_create("log", MFD_CLOEXEC), .level = LOG_LEVEL_INFO, .name = "lwgated"
	};
	assert_true(log.fd >= 0);
	return log;
}

/* What is in a log, until the next call. */
static const char *said_in(const struct log *log)
{
	static char text[4 * LOG_LINE_MAX];
	const ssize_t n = pread(log->fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(close(log->fd), 0);
	return text;
}

static const char *advice(const struct conf_gateway *conf, uint64_t files)
{
	const struct log log = new_log();
	const struct gw_allowance allowance = { .files = files, .locked = locked };
	gw_advise(&log, conf, &allowance);
	return said_in(&log);
}

static const char *advice_on(const struct conf_gateway *conf, const struct cred_set *creds)
{
	const struct log log = new_log();
	gw_advise_kinds(&log, conf, creds);
	return said_in(&log);
}

/* What is said of a file with a raw public key and a certificate. */
static void test_R061_who_proves_what_no_listener_takes_is_told(void **state)
{
	(void)state;
	static const char file[] =
		"credentials = (\n"
		"{ endpoint = \"a\"; upstream_identity = \"a\"; upstream_key = "
		"\"00112233445566778899aabbccddee0f\"; public_key = "
		"\"sha-256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"; },\n"
		"{ endpoint = \"b\"; upstream_identity = \"b\"; upstream_key = "
		"\"10112233445566778899aabbccddee0f\"; certificate = \"b\"; },\n"
		"{ endpoint = \"c\"; upstream_identity = \"c\"; upstream_key = "
		"\"20112233445566778899aabbccddee0f\"; nosec = true; }\n);\n";
	static char anchors[] = "ca.pem";
	static struct conf_air airs[CONF_LISTENERS_MAX];
	struct conf_error error = { .text = "" };
	struct cred_set *const creds = cred_parse(file, "test", NULL, 0, &error);
	struct conf_gateway conf = usual();
	assert_string_equal(error.text, "");
	assert_non_null(creds);
	const char *said = advice_on(&conf, creds);
	assert_non_null(strstr(said, "raw public keys of 1 devices are taken by no listener"));
	assert_non_null(strstr(said, "1 devices are to come without DTLS"));
	assert_non_null(strstr(said, "certificates of 1 devices are taken by no listener"));
	conf.listener_dtls[1].raw_public_key = true; /* one is enough */
	conf.listener_dtls[0].anchors_file = anchors;
	conf.airs = airs;
	assert_string_equal(advice_on(&conf, creds), "");
	cred_free(creds);
}

static void test_R306_who_is_to_give_keys_must_be_there(void **state)
{
	(void)state;
	static const char file[] =
		"credentials = (\n"
		"{ endpoint = \"a\"; upstream_identity = \"a\"; upstream_key = "
		"\"00112233445566778899aabbccddee0f\"; sms = { number = \"4911111\"; "
		"renew = \"gba-push\"; }; },\n"
		"{ endpoint = \"b\"; upstream_identity = \"b\"; upstream_key = "
		"\"10112233445566778899aabbccddee0f\"; sms = { number = \"4922222\"; "
		"profile = \"cr-004\"; tar = \"BFFF00\"; renew = \"udp\"; }; },\n"
		"{ endpoint = \"c\"; upstream_identity = \"c\"; upstream_key = "
		"\"20112233445566778899aabbccddee0f\"; sms = { number = \"4933333\"; "
		"renew = \"smartcard\"; ota = { file = \"7fff6432\"; tar = \"B00010\"; key = "
		"\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"; }; }; "
		"}\n);\n";
	static char anything[] = "https://bsf.example";
	struct conf_error error = { .text = "" };
	struct cred_set *const creds = cred_parse(file, "test", NULL, 0, &error);
	struct conf_gateway conf = usual();
	assert_string_equal(error.text, "");
	conf.sms.socket = anything;
	const char *said = advice_on(&conf, creds);
	assert_non_null(
		strstr(said, "keys of 1 devices by short messages are to come by GBA Push"));
	assert_non_null(strstr(said, "keys of 1 devices by short messages are to come from their"));
	conf.bsf.url = anything;
	said = advice_on(&conf, creds);
	assert_null(strstr(said, "GBA Push"));
	assert_non_null(strstr(said, "learn.server_uris"));
	assert_non_null(strstr(said, "keys of 1 devices by short messages are to be written"));
	conf.sms_keys.card_file = anything;
	assert_null(strstr(advice_on(&conf, creds), "written"));
	conf.learn_uris_len = 1;
	assert_string_equal(advice_on(&conf, creds), "");
	cred_free(creds);
}

static void test_the_usual_needs_no_advice(void **state)
{
	(void)state;
	const struct conf_gateway conf = usual();
	assert_string_equal(advice(&conf, UINT64_MAX), "");
}

static void test_R100_shorter_timers_are_told_with_their_price(void **state)
{
	(void)state;
	struct conf_gateway conf = usual();
	conf.upstream_initial_ms = 8999;
	assert_non_null(strstr(advice(&conf, UINT64_MAX),
		"lwgated info timers handshake.upstream_initial_ms below 9000: RFC 7925, section "
		"11"));
	conf.device_initial_ms = 1000;
	assert_non_null(strstr(advice(&conf, UINT64_MAX),
		" handshake.device_initial_ms and handshake.upstream_initial_ms below 9000"));
	conf.upstream_initial_ms = 9000;
	const char *said = advice(&conf, UINT64_MAX);
	assert_non_null(strstr(said, " handshake.device_initial_ms below 9000"));
	assert_non_null(strstr(said, "congested"));
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); /* once */
}

static void test_R100_a_listeners_own_timer_is_told_too(void **state)
{
	(void)state;
	struct conf_gateway conf = usual();
	conf.listener_dtls[0].initial_ms = conf.listener_dtls[1].initial_ms = 9000;
	assert_string_equal(advice(&conf, UINT64_MAX), "");
	conf.listener_dtls[1].initial_ms = 8999;
	assert_non_null(strstr(advice(&conf, UINT64_MAX), " timers listeners.initial_ms below"));
	/* One that follows the default is not told twice. */
	conf.device_initial_ms = conf.listener_dtls[0].initial_ms = 8999;
	assert_non_null(
		strstr(advice(&conf, UINT64_MAX), " timers handshake.device_initial_ms below"));
}

static void test_too_few_descriptors_are_told_with_the_remedy(void **state)
{
	(void)state;
	struct conf_gateway conf = usual();
	/* Four workers of 1000 links, two listeners and some of their own; and some for all. */
	const char *said = advice(&conf, 4087);
	assert_non_null(strstr(
		said, "lwgated warn descriptors at most 4087 are allowed, 4088 may be needed"));
	assert_non_null(strstr(said, "LimitNOFILE="));
	assert_non_null(strstr(said, "upstream.sources"));
	assert_string_equal(advice(&conf, 4088), "");
	conf.upstreams[0].sources_len = 1; /* links share sockets */
	assert_string_equal(advice(&conf, 1024), "");
}

static void test_R195_too_little_locked_memory_is_told(void **state)
{
	(void)state;
	const struct conf_gateway conf = usual();
	locked = 8 << 20;
	assert_non_null(strstr(advice(&conf, UINT64_MAX), "LimitMEMLOCK"));
	locked = 64 << 20;
	assert_string_equal(advice(&conf, UINT64_MAX), "");
	locked = UINT64_MAX;
}

static void test_a_store_in_memory_is_told(void **state)
{
	(void)state;
	struct conf_gateway conf = usual();
	conf.store_path = NULL;
	assert_non_null(strstr(advice(&conf, UINT64_MAX), "store.path"));
}

static void test_how_many_links_there_can_be_is_told(void **state)
{
	(void)state;
	struct conf_gateway conf = usual();
	const struct log log = new_log(), pool = new_log();
	char name[] = "meters";
	conf.upstreams[0].name = name;
	gw_say_ceilings(&log, &conf);
	assert_non_null(strstr(said_in(&log),
		"upstream=meters at most 4000 at once: workers (4) times upstream.sockets (1000) "
		"times source addresses (1)"));
	conf.upstreams[0].sources_len = 2;
	conf.upstreams[0].sources[0] =
		(struct conf_prefix){ .base = { .family = NET_IPV4, .ip = { 192, 0, 2, 64 } },
			.bits = 26 };
	conf.upstreams[0].sources[1] =
		(struct conf_prefix){ .base = { .family = NET_IPV4, .ip = { 192, 0, 2, 7 } },
			.bits = 32 };
	gw_say_ceilings(&pool, &conf);
	assert_non_null(strstr(said_in(&pool), "at most 252000 at once")); /* 62 + 1 of them */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R195_too_little_locked_memory_is_told),
		cmocka_unit_test(test_a_store_in_memory_is_told),
		cmocka_unit_test(test_R061_who_proves_what_no_listener_takes_is_told),
		cmocka_unit_test(test_R306_who_is_to_give_keys_must_be_there),
		cmocka_unit_test(test_the_usual_needs_no_advice),
		cmocka_unit_test(test_R100_shorter_timers_are_told_with_their_price),
		cmocka_unit_test(test_R100_a_listeners_own_timer_is_told_too),
		cmocka_unit_test(test_too_few_descriptors_are_told_with_the_remedy),
		cmocka_unit_test(test_how_many_links_there_can_be_is_told),
	};
	return cmocka_run_group_tests_name("gateway/advice", tests, NULL, NULL);
}
