/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that come: directly, from the storage, garbled, untaken; the PIN; the network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

#include "bed.h"

static void answer(struct bed *b, size_t i, bool taken)
{
	b->way->ops->answer(b->way, b->received[i].segment.tag, taken, b->now);
}

static void test_one_is_acknowledged_when_it_is_taken(void **state)
{
	(void)state;
	char came[BED_LINE];
	struct modem_settings s = bed_settings();
	s.own = (struct wire_number){ .type = 0x81, .len = 4, .digits = "4040" };
	struct bed *const b = bed_ready(&s);
	bed_message(came, "+CMT: ,", 'x');
	bed_say(b, came);
	assert_int_equal(b->receiveds, 1);
	const struct way_segment *const got = &b->received[0].segment;
	assert_string_equal(got->peer.digits, "358401234567");
	assert_string_equal(got->own.digits, "4040");
	assert_int_equal(got->pid, 0x7d);
	assert_int_equal(got->dcs, 0xf5);
	assert_true(got->header);
	assert_int_equal(got->len, 4);
	assert_memory_equal(got->data, "\x02\x70\x00x", 4);
	assert_int_equal(got->scts[0], 0x62);
	assert_true(bed_silent(b));
	answer(b, 0, true);
	bed_does(b, "AT+CNMA", "\r\nOK\r\n");
	assert_true(bed_silent(b));
	answer(b, 0, true); /* again: nobody's */
	assert_true(bed_silent(b));
	bed_free(b);
}

static void test_one_that_is_not_taken_is_refused(void **state)
{
	(void)state;
	char came[BED_LINE];
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	b->answers_at_once = true;
	bed_message(came, "+CMT: \"\",", 'x');
	bed_say(b, came);
	bed_does(b, "AT+CNMA=2", "\r\nOK\r\n");
	/* It may have ceased to deliver. */
	bed_does(b, "AT+CNMI=2,2,0,0,0", "\r\nOK\r\n");
	assert_true(bed_silent(b));
	bed_say(b, came);
	assert_int_equal(b->receiveds, 2);
	assert_int_not_equal(b->received[0].segment.tag, b->received[1].segment.tag);
	bed_free(b);
}

/* The modem has given the first one up: acknowledging it now would be taken for the second. */
static void test_an_answer_that_is_late_acknowledges_no_other(void **state)
{
	(void)state;
	char came[BED_LINE];
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	bed_message(came, "+CMT: ,", 'x');
	bed_say(b, came);
	bed_message(came, "+CMT: ,", 'y');
	bed_say(b, came);
	assert_int_equal(b->receiveds, 2);
	answer(b, 0, true);
	assert_true(bed_silent(b));
	answer(b, 1, true);
	bed_does(b, "AT+CNMA", "\r\n+CMS ERROR: 340\r\n");
	bed_does(b, "AT+CNMI=2,2,0,0,0", "\r\nOK\r\n");
	assert_true(bed_silent(b));
	bed_free(b);
}

static void test_octets_that_were_lost_are_asked_for_again(void **state)
{
	(void)state;
	char came[BED_LINE];
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	bed_message(came, "+CMT: ,", 'x');
	came[strlen(came) - 4] = '\0';
	bed_say(b, came);
	bed_say(b, "\r\n");
	assert_int_equal(b->receiveds, 0);
	bed_does(b, "AT+CNMA=2", "\r\nOK\r\n");
	bed_free(b);
}

static void test_what_nobody_can_use_is_settled(void **state)
{
	(void)state;
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	/* A STATUS-REPORT. */
	bed_say(b, "\r\n+CDS: 25\r\n00"
		   "06010B915384103254F6"
		   "6211326000000062113260000000"
		   "00\r\n");
	assert_int_equal(b->receiveds, 0);
	bed_does(b, "AT+CNMA", "\r\nOK\r\n");
	assert_true(bed_silent(b));
	bed_free(b);
}

static void test_a_storage(void **state)
{
	(void)state;
	char came[BED_LINE];
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_stored(&s);
	bed_say(b, "\r\n+CMTI: \"SM\",3\r\n");
	bed_hears(b, "AT+CMGL=4\r");
	bed_message(came, "+CMGL: 3,0,,", 'x');
	bed_say(b, came);
	bed_message(came, "+CMGL: 4,2,\"a,b\",", 'o'); /* written there, not come */
	bed_say(b, came);
	bed_message(came, "+CMGL: 5,1,,", 'y');
	bed_say(b, came);
	bed_say(b, "\r\nOK\r\n");
	assert_int_equal(b->receiveds, 2);
	assert_true(bed_silent(b));
	answer(b, 1, true);
	bed_does(b, "AT+CMGD=5", "\r\nOK\r\n");
	answer(b, 0, false); /* it stays there, and comes again */
	assert_true(bed_silent(b));
	bed_pass(b, 14999);
	assert_true(bed_silent(b));
	bed_pass(b, 1);
	bed_hears(b, "AT+CMGL=4\r");
	bed_message(came, "+CMGL: 3,1,,", 'x');
	bed_say(b, came);
	assert_int_equal(b->receiveds, 3);
	bed_say(b, came); /* while it waits it is not told again */
	assert_int_equal(b->receiveds, 3);
	bed_free(b);
}

/* +CMT in the middle of a list: its line is the next one, the list's the one behind. */
static void test_one_comes_within_a_list(void **state)
{
	(void)state;
	char came[BED_LINE], listed[BED_LINE];
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	bed_say(b, "\r\n+CMTI: \"SM\",3\r\n");
	bed_hears(b, "AT+CMGL=4\r");
	bed_message(listed, "+CMGL: 3,0,,", 'x');
	bed_message(came, "+CMT: ,", 'y');
	char *const octets = strstr(listed + 2, "\r\n");
	assert_non_null(octets);
	const char kept = *octets;
	*octets = '\0';
	bed_say(b, listed);
	*octets = kept;
	bed_say(b, came);
	bed_say(b, octets);
	bed_say(b, "\r\nOK\r\n");
	assert_int_equal(b->receiveds, 2);
	assert_memory_equal(b->received[0].data, "\x02\x70\x00y", 4);
	assert_memory_equal(b->received[1].data, "\x02\x70\x00x", 4);
	bed_does(b, "AT+CNMI=2,2,0,0,0", "\r\nOK\r\n"); /* as behind each list */
	answer(b, 0, true);
	bed_does(b, "AT+CNMA", "\r\nOK\r\n");
	answer(b, 1, true);
	bed_does(b, "AT+CMGD=3", "\r\nOK\r\n");
	assert_true(bed_silent(b));
	bed_free(b);
}

static void test_more_than_there_is_room_for_comes_later(void **state)
{
	(void)state;
	char came[BED_LINE], header[32];
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_stored(&s);
	bed_say(b, "\r\n+CMTI: \"SM\",1\r\n");
	bed_hears(b, "AT+CMGL=4\r");
	for (int i = 1; i <= 12; i++) {
		(void)snprintf(header, sizeof(header), "+CMGL: %d,0,,", i);
		bed_message(came, header, (char)i);
		bed_say(b, came);
	}
	bed_say(b, "\r\nOK\r\n");
	assert_int_equal(b->receiveds, 8);
	answer(b, 0, true);
	bed_does(b, "AT+CMGD=1", "\r\nOK\r\n");
	bed_hears(b, "AT+CMGL=4\r");
	bed_message(came, "+CMGL: 9,0,,", 9);
	bed_say(b, came);
	assert_int_equal(b->receiveds, 9);
	bed_free(b);
}

/* --- the PIN and the network ------------------------------------------------------------------ */

static struct bed *at_pin(const struct modem_settings *s)
{
	struct bed *const b = bed_new(s);
	b->way->ops->up(b->way, b->now);
	bed_sync(b);
	bed_does(b, "ATE0", "\r\nOK\r\n");
	bed_does(b, "AT+CMEE=1", "\r\nOK\r\n");
	bed_does(b, "AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
	return b;
}

static void test_the_pin_is_entered_and_does_not_stay(void **state)
{
	(void)state;
	struct modem_settings s = bed_settings();
	memcpy(s.pin, "2468", 5);
	struct bed *const b = at_pin(&s);
	const uint8_t *data;
	(void)b->way->ops->output(b->way, &data);
	bed_hears(b, "AT+CPIN=\"2468\"\r");
	assert_null(memmem(data, 64, "2468", 4));
	bed_say(b, "\r\nOK\r\n");
	bed_does(b, "AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n");
	bed_hears(b, "AT+CMGF=0\r");
	bed_free(b);
}

static void test_a_pin_that_was_refused_is_not_entered_again(void **state)
{
	(void)state;
	struct modem_settings s = bed_settings();
	memcpy(s.pin, "2468", 5);
	for (int ends = 0; ends < 3; ends++) {
		struct bed *const b = at_pin(&s);
		bed_hears(b, "AT+CPIN=\"2468\"\r");
		if (ends == 0)
			bed_say(b, "\r\n+CME ERROR: 16\r\n");
		else if (ends == 1)
			bed_pass(b, 5000); /* nobody knows */
		else
			b->way->ops->down(b->way, b->now);
		assert_int_equal(b->closes, 1);
		b->now = b->again_ms;
		b->way->ops->up(b->way, b->now);
		bed_sync(b);
		bed_does(b, "ATE0", "\r\nOK\r\n");
		bed_does(b, "AT+CMEE=1", "\r\nOK\r\n");
		bed_does(b, "AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
		assert_true(bed_silent(b));
		assert_int_equal(b->closes, 2);
		assert_null(strstr(b->close_why, "2468"));
		bed_free(b);
	}
}

struct noted {
	bool allows;
	int entries, opened, refused;
};

static bool note_entry(void *ctx)
{
	struct noted *const n = ctx;
	n->entries++;
	return n->allows;
}

static void note_end(void *ctx, bool good)
{
	struct noted *const n = ctx;
	n->opened += good;
	n->refused += !good;
}

static void test_the_book_knows_before_the_card(void **state)
{
	(void)state;
	struct noted n = { .allows = false };
	struct modem_settings s = bed_settings();
	memcpy(s.pin, "2468", 5);
	s.pin_book = (struct modem_pin_book){ .ctx = &n, .enter = note_entry, .entered = note_end };
	struct bed *b = at_pin(&s);
	assert_true(bed_silent(b)); /* it is not allowed */
	assert_int_equal(b->closes, 1);
	bed_free(b);
	n = (struct noted){ .allows = true };
	b = at_pin(&s);
	assert_int_equal(n.entries, 1);
	bed_hears(b, "AT+CPIN=\"2468\"\r");
	bed_say(b, "\r\n+CME ERROR: 16\r\n");
	assert_int_equal(n.refused, 1);
	assert_int_equal(n.opened, 0);
	bed_free(b);
	b = at_pin(&s);
	bed_hears(b, "AT+CPIN=\"2468\"\r");
	bed_say(b, "\r\nOK\r\n");
	assert_int_equal(n.opened, 0); /* not before the card says so */
	bed_does(b, "AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n");
	assert_int_equal(n.opened, 1);
	bed_free(b);
}

/* A modem that says OK to whatever comes would let the card be locked. */
static void test_ok_is_not_yet_open(void **state)
{
	(void)state;
	struct modem_settings s = bed_settings();
	memcpy(s.pin, "2468", 5);
	struct bed *const b = at_pin(&s);
	bed_does(b, "AT+CPIN=\"2468\"", "\r\nOK\r\n");
	bed_does(b, "AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
	assert_true(bed_silent(b));
	assert_int_equal(b->closes, 1);
	bed_free(b);
}

static void test_a_network_that_is_lost_and_found(void **state)
{
	(void)state;
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	bed_pass(b, 30000);
	bed_does(b, "AT+CREG?", "\r\n+CREG: 0,2\r\n\r\nOK\r\n");
	assert_true(b->ready); /* not before LTE is asked for, too */
	bed_does(b, "AT+CEREG?", "\r\n+CEREG: 0,0\r\n\r\nOK\r\n");
	assert_false(b->ready);
	bed_pass(b, 2000);
	bed_does(b, "AT+CREG?", "\r\n+CREG: 0,2\r\n\r\nOK\r\n");
	bed_does(b, "AT+CEREG?", "\r\n+CEREG: 0,1\r\n\r\nOK\r\n");
	assert_true(b->ready);
	assert_int_equal(b->closes, 0);
	bed_free(b);
}

static void test_a_segment_waits_while_the_network_is_lost(void **state)
{
	(void)state;
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	bed_pass(b, 30000);
	assert_true(bed_send(b, 70));
	bed_does(b, "AT+CREG?", "\r\n+CREG: 0,2\r\n\r\nOK\r\n");
	bed_does(b, "AT+CEREG?", "\r\n+CEREG: 0,0\r\n\r\nOK\r\n");
	assert_false(b->ready);
	assert_int_equal(b->way->ops->next_ms(b->way), b->now + 2000);
	bed_pass(b, 2000);
	bed_does(b, "AT+CREG?", "\r\n+CREG: 0,1\r\n\r\nOK\r\n");
	assert_true(b->ready);
	bed_does(b, "AT+CMGL=4", "\r\nOK\r\n");
	bed_does(b, "AT+CNMI=2,2,0,0,0", "\r\nOK\r\n");
	bed_hears(b, "AT+CMGS=18\r");
	assert_int_equal(b->sents, 0);
	bed_free(b);
}

static void test_a_modem_without_a_network_is_begun_again(void **state)
{
	(void)state;
	struct modem_settings s = bed_settings();
	s.register_ms = 5000;
	struct bed *const b = bed_ready(&s);
	bed_pass(b, 30000);
	while (b->closes == 0) {
		bed_does(b, "AT+CREG?", "\r\n+CREG: 0,3\r\n\r\nOK\r\n");
		bed_does(b, "AT+CEREG?", "\r\nERROR\r\n");
		assert_true(b->now < BED_START_MS + 60000);
		bed_pass(b, 2000);
	}
	assert_true(b->now >= BED_START_MS + 35000);
	bed_free(b);
}

static void test_nobody_is_there(void **state)
{
	(void)state;
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_new(&s);
	uint64_t last = 0;
	for (int i = 0; i < 4; i++) {
		b->way->ops->up(b->way, b->now);
		for (int tries = 0; tries < 3; tries++) {
			bed_hears(b, "\x1b"
				     "AT\r");
			bed_pass(b, 5000);
		}
		assert_int_equal(b->closes, i + 1);
		assert_true(b->again_ms - b->now > last);
		last = (b->again_ms - b->now) / 2;
		b->now = b->again_ms;
	}
	bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_is_acknowledged_when_it_is_taken),
		cmocka_unit_test(test_one_that_is_not_taken_is_refused),
		cmocka_unit_test(test_an_answer_that_is_late_acknowledges_no_other),
		cmocka_unit_test(test_octets_that_were_lost_are_asked_for_again),
		cmocka_unit_test(test_what_nobody_can_use_is_settled),
		cmocka_unit_test(test_a_storage),
		cmocka_unit_test(test_one_comes_within_a_list),
		cmocka_unit_test(test_more_than_there_is_room_for_comes_later),
		cmocka_unit_test(test_the_pin_is_entered_and_does_not_stay),
		cmocka_unit_test(test_a_pin_that_was_refused_is_not_entered_again),
		cmocka_unit_test(test_the_book_knows_before_the_card),
		cmocka_unit_test(test_ok_is_not_yet_open),
		cmocka_unit_test(test_a_network_that_is_lost_and_found),
		cmocka_unit_test(test_a_segment_waits_while_the_network_is_lost),
		cmocka_unit_test(test_a_modem_without_a_network_is_begun_again),
		cmocka_unit_test(test_nobody_is_there),
	};
	return cmocka_run_group_tests_name("sms-bridge/modem, coming", tests, NULL, NULL);
}
