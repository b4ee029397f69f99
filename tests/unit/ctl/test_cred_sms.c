/* SPDX-License-Identifier: Apache-2.0 */
/* A credential for short messages between lwgatectl and lwgated, as CSV, and as it is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "ctl/credential.h"
#include "ctl/csv_cred.h"
#include "ctl/show.h"

#define KEYS                                                                                       \
	"8f1d2c6be0a94f7735d8c1be90e4537a"                                                         \
	"1b7ce94a03f85d62aa901fd64be73c58"
#define AGREED "number=49151,profile=cr-004,kic=22,kid=32,tar=bfff17,spi2=39,cc_len=4"

static struct ctl_cred whole(bool keys)
{
	struct ctl_cred c = { .kind = CTL_CRED_SMS,
		.generation = 9,
		.endpoint = "e",
		.identity = "49151",
		.identity_len = 5,
		.key_len = 32,
		.has_keys = keys,
		.purpose = CTL_FOR_ANY,
		.sms = { .profile = CRED_SMS_CR_004,
			.spi2 = 0x39,
			.kic = 0x22,
			.kid = 0x32,
			.tar = { 0xbf, 0xff, 0x17 },
			.cc_len = 4 } };
	memset(c.key, 0x8f, sizeof(c.key));
	return c;
}

static void test_it_is_read_as_it_was_written(void **state)
{
	(void)state;
	for (unsigned keys = 0; keys < 2; keys++) {
		struct ctl_cred c = whole(keys == 1), back;
		uint8_t wire[CTL_CRED_MAX];
		struct wr w = wr_into(wire, sizeof(wire));
		ctl_cred_write(&w, &c);
		assert_true(wr_ok(&w));
		struct rd r = rd_from(wire, w.len);
		assert_true(ctl_cred_read(&r, &back));
		assert_true(rd_end(&r));
		assert_int_equal(back.kind, CTL_CRED_SMS);
		assert_memory_equal(&back.sms, &c.sms, sizeof(c.sms));
		assert_memory_equal(back.identity, "49151", 5);
		assert_true(back.key_len == 32 && (back.key[0] == 0x8f) == (keys == 1));
		for (size_t len = 0; len < w.len; len++) {
			r = rd_from(wire, len);
			assert_false(ctl_cred_read(&r, &back));
		}
	}
}

static void test_I7_what_is_out_of_bounds_is_none(void **state)
{
	(void)state;
	struct ctl_cred c = whole(true), back;
	uint8_t wire[CTL_CRED_MAX];
	struct wr w = wr_into(wire, sizeof(wire));
	c.sms.profile = CRED_SMS_PROFILES;
	ctl_cred_write(&w, &c);
	struct rd r = rd_from(wire, w.len);
	assert_false(ctl_cred_read(&r, &back));
	c = whole(true);
	c.pinned = true;
	w = wr_into(wire, sizeof(wire));
	ctl_cred_write(&w, &c);
	r = rd_from(wire, w.len);
	assert_false(ctl_cred_read(&r, &back));
}

/* --- CSV -------------------------------------------------------------------------------------- */

static bool take(void *ctx, const struct ctl_cred *c)
{
	*(struct ctl_cred *)ctx = *c;
	return true;
}

static const char *csv(const char *text, struct ctl_cred *out)
{
	static char said[CSV_WHY_MAX + 16];
	struct csv_cred c;
	unsigned line = 0;
	memset(out, 0, sizeof(*out));
	csv_cred_begin(&c, take, out);
	if (csv_cred_feed(&c, text, strlen(text)) && csv_cred_end(&c))
		return "";
	const char *const why = csv_cred_why(&c, &line);
	(void)snprintf(said, sizeof(said), "%u: %s", line, why);
	return said;
}

static void test_a_record_says_it_in_any_order(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"endpoint,sms,key\ne,\"" AGREED "\"," KEYS "\n",
		"key,endpoint,sms\n" KEYS ",e,\"" AGREED "\"\n",
		"key,kind,endpoint,sms,identity\n" KEYS ",sms,e,\"" AGREED "\",\n",
	};
	const struct ctl_cred want = whole(true);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct ctl_cred c;
		assert_string_equal(csv(texts[i], &c), "");
		assert_true(c.kind == CTL_CRED_SMS && c.key_len == 32 && c.identity_len == 5);
		assert_memory_equal(&c.sms, &want.sms, sizeof(c.sms));
	}
	/* Beside others, whose column is empty. */
	struct ctl_cred c;
	assert_string_equal(csv("endpoint,sms,key\ne,," KEYS "\n", &c), "");
	assert_int_equal(c.kind, CTL_CRED_PSK);
}

static void test_what_is_exported_is_read_again(void **state)
{
	(void)state;
	const struct ctl_cred c = whole(true);
	struct ctl_cred back;
	struct ctl_out o = { 0 };
	char text[1024];
	csv_cred_titles(&o, true);
	csv_cred_row(&o, true, &c);
	(void)snprintf(text, sizeof(text), "%.*s", (int)o.len, o.data);
	ctl_out_fini(&o);
	assert_string_equal(csv(text, &back), "");
	assert_int_equal(back.kind, CTL_CRED_SMS);
	assert_memory_equal(&back.sms, &c.sms, sizeof(c.sms));
	assert_true(back.identity_len == 5 && back.key_len == 32);
	assert_memory_equal(back.key, c.key, 32);
}

static void test_I5_what_is_wrong_is_told_without_what_stands_there(void **state)
{
	(void)state;
	const struct {
		const char *text, *error;
	} rows[] = {
		{ "endpoint,sms,key\ne," KEYS "," KEYS "\n",
			"2: sms: is no list of name=value; write number=DIGITS,profile=cr-004" },
		{ "endpoint,sms,key\ne,number=8f1d2c6b," KEYS "\n",
			"2: sms: number: is none; write up to 15 digits, the country's first, "
			"without +" },
		{ "endpoint,sms,key,identity\ne,number=49," KEYS ",i\n",
			"2: the device has more than one of identity with key, public_key, and "
			"certificate; leave one" },
		{ "endpoint,identity,sms,key\ne,i,number=49," KEYS "\n",
			"2: sms: the device has identity or certificate, too; leave one" },
		{ "endpoint,kind,key\ne,sms," KEYS "\n",
			"2: the device has more than one of identity with key, public_key, and "
			"certificate; leave one" },
		{ "endpoint,kind,sms\ne,sms,\n",
			"2: sms: is empty; write number=DIGITS,profile=cr-004" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctl_cred c;
		assert_string_equal(csv(rows[i].text, &c), rows[i].error);
	}
}

/* --- shown ------------------------------------------------------------------------------------ */

static void test_I5_its_keys_are_in_no_output(void **state)
{
	(void)state;
	const struct ctl_cred c = whole(true);
	for (unsigned how = 0; how < 5; how++) {
		struct ctl_out o = { 0 };
		if (how < 2)
			ctl_show_cred(&o, how == 0 ? CTL_TEXT : CTL_JSON, &c);
		else if (how < 4)
			ctl_show_cred_row(&o, how == 2 ? CTL_TEXT : CTL_JSON, &c);
		else
			csv_cred_row(&o, false, &c);
		ctl_out_bytes(&o, "", 1);
		assert_non_null(strstr(o.data, "49151"));
		assert_non_null(strstr(o.data, "sms"));
		assert_null(strstr(o.data, "8f8f"));
		assert_null(strstr(o.data, "\x8f\x8f"));
		ctl_out_fini(&o);
	}
}

/* --- how its keys are renewed ----------------------------------------------------------------- */

static struct ctl_cred by_card(bool keys)
{
	struct ctl_cred c = whole(keys);
	struct cred_renew *const x = &c.sms.renew;
	x->how = CRED_RENEW_SMARTCARD;
	x->ota = (struct cred_ota){ .spi2 = 0x39,
		.kic = 0x42,
		.kid = 0x42,
		.cc_len = 8,
		.tar = { 0xb0, 0x00, 0x10 },
		.key_len = 32,
		.path_len = 4,
		.path = { 0x7f, 0xff, 0x64, 0x32 },
		.format = CRED_OTA_EXPANDED };
	for (uint8_t i = 0; i < x->ota.key_len; i++)
		x->ota.key[i] = (uint8_t)(0xc0 + i);
	return c;
}

static void test_I5_a_cards_key_is_where_keys_are_written_and_nowhere_else(void **state)
{
	const struct ctl_cred c = by_card(true);
	struct ctl_cred back;
	char text[1024];
	(void)state;
	for (unsigned how = 0; how < 6; how++) {
		struct ctl_out o = { 0 };
		if (how < 2)
			ctl_show_cred(&o, how == 0 ? CTL_TEXT : CTL_JSON, &c);
		else if (how < 4)
			ctl_show_cred_row(&o, how == 2 ? CTL_TEXT : CTL_JSON, &c);
		else
			csv_cred_row(&o, how == 5, &c);
		ctl_out_bytes(&o, "", 1);
		assert_int_equal(strstr(o.data, "c0c1c2") != NULL, how == 5);
		if (how != 2)
			assert_non_null(
				strstr(o.data, how == 3 || how == 1 ? "smartcard" : "7fff6432"));
		ctl_out_fini(&o);
	}
	struct ctl_out o = { 0 };
	csv_cred_titles(&o, true);
	csv_cred_row(&o, true, &c);
	(void)snprintf(text, sizeof(text), "%.*s", (int)o.len, o.data);
	ctl_out_fini(&o);
	assert_string_equal(csv(text, &back), "");
	assert_memory_equal(&back.sms, &c.sms, sizeof(c.sms));
	/* One whose first keys come by push has none. */
	assert_string_equal(
		csv("endpoint,sms,key\ne,\"number=4915,profile=cr-004,renew=gba-push\",\n", &back),
		"");
	assert_true(back.key_len == 0 && back.sms.renew.how == CRED_RENEW_GBA_PUSH);
}

static void test_what_was_agreed_is_shown(void **state)
{
	(void)state;
	const struct ctl_cred c = whole(false);
	struct ctl_out o = { 0 };
	ctl_show_cred(&o, CTL_TEXT, &c);
	ctl_out_bytes(&o, "", 1);
	assert_non_null(strstr(o.data, "number              49151\n"));
	assert_non_null(strstr(o.data, "profile             cr-004, TAR bfff17\n"));
	assert_non_null(strstr(o.data, "KIc 22, KID 32, SPI2 39, checksum of 4 octets\n"));
	assert_non_null(strstr(o.data, "key                 32 octets\n"));
	ctl_out_fini(&o);
	ctl_show_cred(&o, CTL_JSON, &c);
	ctl_out_bytes(&o, "", 1);
	assert_non_null(strstr(o.data, "\"number\":\"49151\""));
	assert_non_null(strstr(o.data, "\"profile\":\"cr-004\""));
	assert_non_null(strstr(o.data, "\"tar\":\"bfff17\""));
	assert_non_null(strstr(o.data, "\"cc_len\":4"));
	ctl_out_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_read_as_it_was_written),
		cmocka_unit_test(test_I7_what_is_out_of_bounds_is_none),
		cmocka_unit_test(test_a_record_says_it_in_any_order),
		cmocka_unit_test(test_what_is_exported_is_read_again),
		cmocka_unit_test(test_I5_what_is_wrong_is_told_without_what_stands_there),
		cmocka_unit_test(test_I5_its_keys_are_in_no_output),
		cmocka_unit_test(test_I5_a_cards_key_is_where_keys_are_written_and_nowhere_else),
		cmocka_unit_test(test_what_was_agreed_is_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
