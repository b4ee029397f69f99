/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the parameters of a radio class. */
#include "proxy/radio.h"
#include "tests/unit/proxy/kit.h"

static void test_R231_the_defaults_are_those_of_RFC_7252(void **state)
{
	(void)state;
	const struct relay_radio *const r = relay_radio_of(RELAY_ETHERNET);
	assert_false(r->governed);
	assert_int_equal(r->ack_timeout_ms, 2000);
	assert_int_equal(r->random_percent, 150);
	assert_int_equal(r->max_retransmit, 4);
	/* section 4.8.2, table 3 */
	assert_int_equal(r->transmit_span_ms, 45000);
	assert_int_equal(r->transmit_wait_ms, 93000);
	assert_int_equal(r->exchange_lifetime_ms, 247000);
}

static void test_R231_slow_radios_have_slower_timers(void **state)
{
	(void)state;
	uint32_t before_ms = relay_radio_of(RELAY_ETHERNET)->ack_timeout_ms;
	for (int c = RELAY_LTE_M; c < RELAY_RADIOS; c++) {
		const struct relay_radio *const r = relay_radio_of((enum relay_radio_class)c);
		const struct relay_radio same =
			relay_radio_make(r->ack_timeout_ms, r->random_percent, r->max_retransmit);
		assert_true(r->governed);
		assert_true(r->ack_timeout_ms > before_ms);
		assert_memory_equal(&same, r, sizeof(same)); /* derived by the same rule */
		before_ms = r->ack_timeout_ms;
	}
	const struct relay_radio *const nb = relay_radio_of(RELAY_NB_IOT);
	assert_int_equal(nb->transmit_span_ms, 225000);
	assert_int_equal(nb->transmit_wait_ms, 465000);
	assert_int_equal(nb->exchange_lifetime_ms, 435000);
	/* what a first answer over such a radio may need */
	assert_true(nb->ack_timeout_ms >= 9000);
	assert_true(relay_radio_of(RELAY_SMS)->ack_timeout_ms >= 30000);
}

static void test_R231_no_setting_makes_it_faster_than_the_RFC(void **state)
{
	(void)state;
	const struct relay_radio low = relay_radio_make(1, 1, 0);
	assert_int_equal(low.ack_timeout_ms, 2000);
	assert_int_equal(low.random_percent, 100);
	assert_int_equal(low.transmit_span_ms, 0);
	assert_int_equal(low.transmit_wait_ms, 2000);
	const struct relay_radio high = relay_radio_make(UINT32_MAX, UINT16_MAX, UINT8_MAX);
	assert_int_equal(high.ack_timeout_ms, RELAY_RADIO_TIMEOUT_MAX_MS);
	assert_int_equal(high.max_retransmit, RELAY_RADIO_RETRANSMIT_MAX);
	assert_int_equal(high.transmit_span_ms, 120000U * 255 * 3);
	assert_int_equal(high.transmit_wait_ms, 120000U * 511 * 3);
	assert_true(high.exchange_lifetime_ms > high.transmit_span_ms);
}

static void test_each_class_is_found_by_its_name(void **state)
{
	(void)state;
	static const char *const names[] = { "ethernet", "lte-m", "nb-iot", "sms" };
	enum relay_radio_class c = RELAY_RADIOS;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_true(relay_radio_named(names[i], &c));
		assert_int_equal(c, i);
		assert_string_equal(relay_radio_name(c), names[i]);
	}
	assert_false(relay_radio_named("NB-IoT", &c));
	assert_false(relay_radio_named("", &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R231_the_defaults_are_those_of_RFC_7252),
		cmocka_unit_test(test_R231_slow_radios_have_slower_timers),
		cmocka_unit_test(test_R231_no_setting_makes_it_faster_than_the_RFC),
		cmocka_unit_test(test_each_class_is_found_by_its_name),
	};
	return cmocka_run_group_tests_name("proxy/radio", tests, NULL, NULL);
}
