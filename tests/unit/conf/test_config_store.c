/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"

/* On line 1; what is asked about begins on line 2. */
static const char least[] = "upstream = { address = \"192.0.2.10\"; };\n";

static bool parse(const char *more, struct conf_gateway *c, struct conf_error *e)
{
	char *text = NULL;
	assert_true(asprintf(&text, "%s%s", least, more) > 0);
	*e = (struct conf_error){ 0 };
	const bool ok = conf_parse(text, "/etc/F", c, e);
	free(text);
	return ok;
}

static const char *error_of(const char *more)
{
	static struct conf_error e;
	struct conf_gateway c;
	if (parse(more, &c, &e)) {
		conf_free(&c);
		return "";
	}
	assert_null(c.store_path);
	return e.text;
}

static struct conf_gateway good(const char *more)
{
	struct conf_error e;
	struct conf_gateway c;
	if (!parse(more, &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static void test_defaults_need_no_line(void **state)
{
	(void)state;
	struct conf_gateway c = good("");
	assert_null(c.credentials);
	assert_string_equal(c.store_path, "/var/lib/lwgate");
	assert_string_equal(c.store_key_file, "/etc/lwgate/store.key");
	assert_null(c.store_key_credential);
	assert_null(c.store_key_tpm);
	assert_string_equal(c.store_tpm, "device:/dev/tpmrm0");
	assert_string_equal(c.store_token, "/run/lwgate/token");
	assert_null(c.store_hot);
	assert_null(c.store_anchor);
	assert_int_equal(c.store_after_power_loss, CONF_POWER_RESUME);
	assert_int_equal(c.store_evict_after_s, 60);
	assert_false(c.store_any_filesystem);
	assert_int_equal(c.store_resumption, 1000000);
	assert_int_equal(c.store_resumption_days, 30);
	assert_int_equal(c.store_rotation_days, 90);
	assert_null(conf_caveat(&c, 0));
	conf_free(&c);
}

static void test_every_key_is_read(void **state)
{
	(void)state;
	struct conf_gateway c =
		good("store = { path = \"s\"; key_tpm = \"k\"; tpm = \"swtpm:port=2321\"; token = "
		     "\"t\";\n"
		     " hot = \"h\"; anchor = \"tpm:0x01500001\"; after_power_loss = \"gap\";\n"
		     " evict_after_s = 5; any_filesystem = true; resumption = 0; resumption_days = "
		     "7; rotation_days = 0; };");
	assert_string_equal(c.store_path, "/etc/s");
	assert_null(c.store_key_file);
	assert_null(c.store_key_credential);
	assert_string_equal(c.store_key_tpm, "/etc/k");
	assert_string_equal(c.store_tpm, "swtpm:port=2321");
	assert_string_equal(c.store_token, "/etc/t");
	assert_string_equal(c.store_hot, "/etc/h");
	assert_string_equal(c.store_anchor, "tpm:0x01500001"); /* no file */
	assert_int_equal(c.store_after_power_loss, CONF_POWER_GAP);
	assert_int_equal(c.store_evict_after_s, 5);
	assert_true(c.store_any_filesystem);
	assert_int_equal(c.store_resumption, 0);
	assert_int_equal(c.store_resumption_days, 7);
	assert_int_equal(c.store_rotation_days, 0);
	conf_free(&c);
	c = good("store = { key_credential = \"lwgate.key\"; anchor = \"a\"; after_power_loss = "
		 "\"probe\"; };");
	assert_string_equal(c.store_key_credential, "lwgate.key");
	assert_null(c.store_key_file);
	assert_string_equal(c.store_anchor, "/etc/a");
	assert_int_equal(c.store_after_power_loss, CONF_POWER_PROBE);
	conf_free(&c);
}

static void test_the_key_has_one_place(void **state)
{
	(void)state;
	assert_string_equal(error_of("store = {\n key_file = \"k\";\n key_tpm = \"t\";\n};"),
		"/etc/F:4: store.key_tpm: line 3 has store.key_file; the key has one place: remove "
		"one of the two");
	assert_string_equal(error_of("store = {\n key_credential = \"c\";\n key_tpm = \"t\";\n};"),
		"/etc/F:4: store.key_tpm: line 3 has store.key_credential; the key has one place: "
		"remove one of the two");
	assert_string_equal(error_of("store = {\n key_file = \"\";\n};"),
		"/etc/F:3: store.key_file: is empty, and neither store.key_credential nor "
		"store.key_tpm is set; the store needs a key: set one of them");
	struct conf_gateway c = good("store = { key_file = \"\"; key_credential = \"c\"; };");
	assert_string_equal(c.store_key_credential, "c");
	conf_free(&c);
	assert_non_null(strstr(error_of("store = { key_credential = \"../c\"; };"),
		"store.key_credential: \"../c\" is a path; write the name"));
}

/* R-191, S16: whoever copies the folder must not have the key with it. */
static void test_R191_the_key_does_not_lie_in_the_store(void **state)
{
	(void)state;
	assert_string_equal(error_of("store = { path = \"/s\";\n key_file = \"/s/key\"; };"),
		"/etc/F:3: store.key_file: /s/key lies in store.path, and whoever copies the store "
		"has its key; use another folder");
	assert_non_null(strstr(error_of("store = { path = \"/etc/lwgate\"; };"),
		"/etc/F:2: store.key_file: /etc/lwgate/store.key lies in store.path"));
	assert_non_null(strstr(error_of("store = { path = \"/\"; };"), "lies in store.path"));
	struct conf_gateway c = good("store = { path = \"/s\"; key_file = \"/s2/key\"; };");
	conf_free(&c);
}

static void test_types_and_ranges(void **state)
{
	(void)state;
	assert_string_equal(error_of("store = { any_filesystem = \"yes\"; };"),
		"/etc/F:2: store.any_filesystem: is a text; write true or false, without quotes");
	assert_string_equal(error_of("store = { any_filesystem = 1; };"),
		"/etc/F:2: store.any_filesystem: is a number; write true or false, without quotes");
	assert_string_equal(error_of("store = { evict_after_s = 0; };"),
		"/etc/F:2: store.evict_after_s: 0 is out of range; use 1 to 86400 s");
	assert_string_equal(error_of("store = { after_power_loss = \"guess\"; };"),
		"/etc/F:2: store.after_power_loss: \"guess\" is not known; use one of "
		"resume|probe|gap");
	assert_string_equal(error_of("store = { keyfile = \"k\"; };"),
		"/etc/F:2: unknown key store.keyfile; did you mean store.key_file?");
	assert_non_null(strstr(error_of("store = { resumption_days = 3651; };"), "use 1 to 3650"));
}

/* What is right, but not what somebody would expect (S6, S11). */
static void test_S6_caveats_are_told_with_the_remedy(void **state)
{
	(void)state;
	static struct conf_gateway c;
	c = good("store = { path = \"\"; };");
	assert_null(c.store_path);
	assert_null(c.store_key_file);
	assert_non_null(
		strstr(conf_caveat(&c, 0), "lost with the process; remedy: set store.path"));
	assert_null(conf_caveat(&c, 1));
	conf_free(&c);
	c = good("store = { after_power_loss = \"probe\"; any_filesystem = true; };");
	assert_int_equal(c.store_after_power_loss, CONF_POWER_PROBE);
	assert_non_null(strstr(conf_caveat(&c, 0), "\"probe\" without store.anchor"));
	assert_non_null(strstr(conf_caveat(&c, 0), "\"resume\" is done instead"));
	assert_non_null(strstr(conf_caveat(&c, 1), "store.any_filesystem = true"));
	assert_null(conf_caveat(&c, 2));
	conf_free(&c);
	c = good("store = { after_power_loss = \"gap\"; };");
	assert_non_null(strstr(conf_caveat(&c, 0), "\"gap\" without store.anchor"));
	conf_free(&c);
	c = good("store = { after_power_loss = \"gap\"; anchor = \"/mnt/a\"; };");
	assert_null(conf_caveat(&c, 0));
	conf_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_need_no_line),
		cmocka_unit_test(test_every_key_is_read),
		cmocka_unit_test(test_the_key_has_one_place),
		cmocka_unit_test(test_R191_the_key_does_not_lie_in_the_store),
		cmocka_unit_test(test_types_and_ranges),
		cmocka_unit_test(test_S6_caveats_are_told_with_the_remedy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
