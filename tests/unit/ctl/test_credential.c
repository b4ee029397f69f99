/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/credential.h"

static struct ctl_cred whole(void)
{
	struct ctl_cred c = {
		.line = 7,
		.number = 0x01020304,
		.generation = UINT64_C(0x1122334455667788),
		.changed_ms = UINT64_C(1790000000000),
		.state = CTL_CRED_REVOKED,
		.origin = CTL_CRED_BY_BOOTSTRAP,
		.kind = CTL_CRED_CERTIFICATE,
		.pinned = true,
		.own_pin = true,
		.endpoint = "urn:dev:1",
		.identity_len = CTL_NAME_MAX,
		.key_len = CTL_KEY_MAX,
		.upstream_identity_len = 1,
		.upstream_key_len = 16,
		.has_keys = true,
		.says_labels = true,
		.says_overlap = true,
		.until_ms = UINT64_C(1800000000000),
		.overlap_s = 86400,
		.before_generation = UINT64_C(0x1122334455667700),
		.before_until_ms = UINT64_C(1795000000000),
		.labels = "meter,north",
		.staged = { .generation = UINT64_C(0x1122334455667799),
			.until_ms = UINT64_C(1796000000000),
			.kind = CTL_CRED_RAW_KEY,
			.armed = true,
			.identity_len = CTL_PIN_LEN },
	};
	memset(c.staged.identity, 0x77, CTL_PIN_LEN);
	memset(c.identity, 0, sizeof(c.identity)); /* octets, not text */
	memset(c.key, 0xa5, sizeof(c.key));
	c.upstream_identity[0] = 'u';
	memset(c.upstream_key, 0x5a, 16);
	memset(c.pin, 0x3c, sizeof(c.pin));
	return c;
}

static void test_what_is_written_is_read(void **state)
{
	(void)state;
	const struct ctl_cred c = whole();
	struct ctl_cred back;
	uint8_t wire[CTL_CRED_MAX];
	struct wr w = wr_into(wire, sizeof(wire));
	ctl_cred_write(&w, &c);
	assert_true(wr_ok(&w));
	struct rd r = rd_from(wire, w.len);
	assert_true(ctl_cred_read(&r, &back));
	assert_true(rd_end(&r));
	assert_memory_equal(&back.identity, &c.identity, sizeof(c.identity));
	assert_memory_equal(&back.key, &c.key, sizeof(c.key));
	assert_memory_equal(&back.upstream_key, &c.upstream_key, sizeof(c.upstream_key));
	assert_string_equal(back.endpoint, c.endpoint);
	assert_int_equal(back.line, c.line);
	assert_int_equal(back.number, c.number);
	assert_true(back.generation == c.generation && back.changed_ms == c.changed_ms);
	assert_int_equal(back.state, c.state);
	assert_int_equal(back.origin, c.origin);
	assert_int_equal(back.kind, c.kind);
	assert_true(back.pinned && back.own_pin);
	assert_memory_equal(back.pin, c.pin, sizeof(c.pin));
	assert_true(back.says_labels && !back.says_until && back.says_overlap);
	assert_true(back.until_ms == c.until_ms && back.overlap_s == c.overlap_s);
	assert_true(back.before_generation == c.before_generation &&
		    back.before_until_ms == c.before_until_ms);
	assert_string_equal(back.labels, c.labels);
	assert_true(back.staged.generation == c.staged.generation && back.staged.armed &&
		    back.staged.until_ms == c.staged.until_ms &&
		    back.staged.kind == c.staged.kind && back.staged.identity_len == CTL_PIN_LEN);
	assert_memory_equal(back.staged.identity, c.staged.identity, CTL_PIN_LEN);
	assert_int_equal(back.identity_len, CTL_NAME_MAX);
	assert_int_equal(back.upstream_identity_len, 1);
	/* Every octet is needed. */
	for (size_t len = 0; len < w.len; len++) {
		r = rd_from(wire, len);
		assert_false(ctl_cred_read(&r, &back));
	}
}

static void test_the_longest_fits_to_the_octet(void **state)
{
	(void)state;
	struct ctl_cred c = whole();
	uint8_t wire[CTL_CRED_MAX];
	memset(c.endpoint, 'e', CTL_NAME_MAX);
	memset(c.labels, 'l', CTL_LABELS_MAX);
	c.upstream_identity_len = CTL_NAME_MAX;
	c.upstream_key_len = CTL_KEY_MAX;
	c.staged.identity_len = CTL_NAME_MAX;
	c.kind = CTL_CRED_SMS; /* which has more than a pin */
	c.pinned = false;
	c.sms.renew.how = CRED_RENEW_SMARTCARD;
	memset(c.sms.renew.subscriber, 's', CRED_SUBSCRIBER_MAX);
	c.sms.renew.ota.key_len = CRED_OTA_KEY;
	c.sms.renew.ota.path_len = CRED_OTA_PATH;
	struct wr w = wr_into(wire, sizeof(wire));
	ctl_cred_write(&w, &c);
	assert_true(wr_ok(&w));
	assert_int_equal(w.len, CTL_CRED_MAX);
}

static void test_I5_an_OTA_key_goes_where_keys_go(void **state)
{
	(void)state;
	struct ctl_cred c = whole(), back;
	uint8_t wire[CTL_CRED_MAX];
	c.kind = CTL_CRED_SMS;
	c.pinned = false;
	c.staged.generation = 0;
	c.sms = cred_sms_default(CRED_SMS_CR_004);
	c.sms.renew.how = CRED_RENEW_SMARTCARD;
	struct cred_ota *const o = &c.sms.renew.ota;
	*o = (struct cred_ota){ .spi2 = 0x39,
		.kic = 0x22,
		.kid = 0x32,
		.cc_len = 4,
		.tar = { 0xb0, 1, 2 },
		.key_len = 32,
		.path_len = 4,
		.path = { 0x7f, 0xff, 0x64 },
		.format = CRED_OTA_INDEFINITE };
	memset(o->key, 0xa7, o->key_len);
	for (unsigned with = 0; with < 2; with++) {
		c.has_keys = with == 1;
		struct wr w = wr_into(wire, sizeof(wire));
		ctl_cred_write(&w, &c);
		assert_true(wr_ok(&w));
		struct rd r = rd_from(wire, w.len);
		assert_true(ctl_cred_read(&r, &back) && rd_end(&r));
		assert_int_equal(memmem(wire, w.len, o->key, 4) != NULL, with);
		assert_int_equal(back.sms.renew.ota.key_len, 32);
		assert_int_equal(back.sms.renew.ota.key[31], with ? 0xa7 : 0);
		back.sms.renew.ota = *o;
		assert_memory_equal(&back.sms, &c.sms, sizeof(c.sms));
		for (size_t len = 0; len < w.len; len++) {
			r = rd_from(wire, len);
			assert_false(ctl_cred_read(&r, &back));
		}
	}
}

static void test_I7_a_subscriber_with_a_NUL_is_refused(void **state)
{
	(void)state;
	struct ctl_cred c = whole(), back;
	uint8_t wire[CTL_CRED_MAX];
	c.kind = CTL_CRED_SMS;
	c.pinned = false;
	c.sms = cred_sms_default(CRED_SMS_CR_004);
	c.sms.renew.how = CRED_RENEW_GBA_PUSH;
	memcpy(c.sms.renew.subscriber, "sub@home", sizeof("sub@home"));
	struct wr w = wr_into(wire, sizeof(wire));
	ctl_cred_write(&w, &c);
	struct rd r = rd_from(wire, w.len);
	assert_true(ctl_cred_read(&r, &back));
	assert_string_equal(back.sms.renew.subscriber, "sub@home");
	uint8_t *const at = memmem(wire, w.len, "sub@home", 8);
	assert_non_null(at);
	at[3] = '\0';
	r = rd_from(wire, w.len);
	assert_false(ctl_cred_read(&r, &back));
}

/* I5: what is shown has only the lengths. */
static void test_I5_without_keys_none_is_on_the_wire(void **state)
{
	(void)state;
	struct ctl_cred c = whole(), back;
	uint8_t wire[CTL_CRED_MAX] = { 0 };
	c.has_keys = false;
	struct wr w = wr_into(wire, sizeof(wire));
	ctl_cred_write(&w, &c);
	assert_null(memmem(wire, sizeof(wire), "\xa5\xa5", 2));
	assert_null(memmem(wire, sizeof(wire), "\x5a\x5a", 2));
	struct rd r = rd_from(wire, w.len);
	assert_true(ctl_cred_read(&r, &back));
	assert_false(back.has_keys);
	assert_int_equal(back.key_len, CTL_KEY_MAX);
	assert_int_equal(back.upstream_key_len, 16);
}

static void test_I7_what_is_out_of_bounds_is_refused(void **state)
{
	(void)state;
	enum { STATE = 24, ORIGIN, KEYS, KIND, PINNED, ENDPOINT_LEN, ENDPOINT };
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = { { STATE, 3 }, { ORIGIN, 3 }, { KEYS, 2 }, { KIND, 4 }, { PINNED, 3 },
		{ ENDPOINT_LEN, 129 }, { ENDPOINT + 2, 0 } };
	const struct ctl_cred c = whole();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t wire[CTL_CRED_MAX + 200] = { 0 };
		struct ctl_cred back;
		struct wr w = wr_into(wire, sizeof(wire));
		ctl_cred_write(&w, &c);
		wire[rows[i].at] = rows[i].value;
		struct rd r = rd_from(wire, sizeof(wire));
		if (ctl_cred_read(&r, &back))
			fail_msg("row %zu", i);
	}
}

static void test_I7_labels_and_what_is_said_of_them_are_bounded(void **state)
{
	(void)state;
	struct ctl_cred c = whole();
	c.staged.generation = 0; /* the labels are the last */
	const size_t labels_len = strlen(c.labels), tail = 31 + labels_len;
	const struct {
		size_t from_end;
		uint8_t value;
	} rows[] = {
		{ tail, 8 },              /* what is staged is not there */
		{ tail, 16 },             /* what is said: four bits */
		{ labels_len + 2, 0x02 }, /* 0x020b octets of labels, and some */
		{ labels_len + 1, 0xff }, /* more than there are */
		{ 1, 0 },                 /* a NUL in them */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t wire[CTL_CRED_MAX];
		struct ctl_cred back;
		struct wr w = wr_into(wire, sizeof(wire));
		ctl_cred_write(&w, &c);
		wire[w.len - rows[i].from_end] = rows[i].value;
		struct rd r = rd_from(wire, w.len);
		if (ctl_cred_read(&r, &back))
			fail_msg("row %zu", i);
	}
	/* Longer than the place for them, and all there. */
	static uint8_t wire[CTL_CRED_MAX + 1000];
	struct ctl_cred back;
	struct wr w = wr_into(wire, sizeof(wire));
	ctl_cred_write(&w, &c);
	memset(wire + w.len, 'x', 600);
	wire[w.len - labels_len - 2] = (CTL_LABELS_MAX + 1) >> 8;
	wire[w.len - labels_len - 1] = (CTL_LABELS_MAX + 1) & 0xff;
	struct rd r = rd_from(wire, sizeof(wire));
	assert_false(ctl_cred_read(&r, &back));
	wire[w.len - labels_len - 1]--;
	r = rd_from(wire, sizeof(wire));
	assert_true(ctl_cred_read(&r, &back));
}

static void test_I7_what_is_staged_is_bounded(void **state)
{
	(void)state;
	enum { STAGED_LEN = 19 + CTL_PIN_LEN };
	const struct ctl_cred c = whole();
	const struct {
		size_t at, len;
		uint8_t value;
	} rows[] = {
		{ 0, 1, 3 },    /* its kind */
		{ 1, 1, 2 },    /* armed, or not */
		{ 2, 8, 0 },    /* its generation: then there is nothing */
		{ 18, 1, 129 }, /* octets of its identity, and some */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t wire[CTL_CRED_MAX + 200] = { 0 };
		struct ctl_cred back;
		struct wr w = wr_into(wire, sizeof(wire));
		ctl_cred_write(&w, &c);
		memset(wire + w.len - STAGED_LEN + rows[i].at, rows[i].value, rows[i].len);
		struct rd r = rd_from(wire, sizeof(wire));
		if (ctl_cred_read(&r, &back))
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_the_longest_fits_to_the_octet),
		cmocka_unit_test(test_I5_an_OTA_key_goes_where_keys_go),
		cmocka_unit_test(test_I7_a_subscriber_with_a_NUL_is_refused),
		cmocka_unit_test(test_I5_without_keys_none_is_on_the_wire),
		cmocka_unit_test(test_I7_what_is_out_of_bounds_is_refused),
		cmocka_unit_test(test_I7_labels_and_what_is_said_of_them_are_bounded),
		cmocka_unit_test(test_I7_what_is_staged_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
