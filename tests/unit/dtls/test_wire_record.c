/* SPDX-License-Identifier: Apache-2.0 */
/* The record layer of an association that is up, in both roles. */
#include "peer_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

struct pair {
	struct peer_rig *rig;
	struct peer *p;
	struct dtls_conn *c;
};

static int pair_up(void **state, bool server_peer)
{
	struct pair *const pair = calloc(1, sizeof(*pair));
	if (!pair)
		return -1;
	pair->rig = peer_rig_new(NULL);
	pair->p = peer_rig_peer(pair->rig, server_peer, 4000);
	pair->c = peer_rig_meet(pair->rig, pair->p);
	peer_rig_forget(pair->rig);
	*state = pair;
	return 0;
}

static int server_up(void **state)
{
	return pair_up(state, false);
}

static int client_up(void **state)
{
	return pair_up(state, true);
}

static int pair_down(void **state)
{
	struct pair *const pair = *state;
	peer_free(pair->p);
	peer_rig_free(pair->rig);
	free(pair);
	return 0;
}

static size_t messages(const struct pair *pair)
{
	return peer_rig_told(pair->rig, PEER_TOLD_MESSAGE);
}

/* Nothing was answered, nothing but messages was told, and the association works. */
static void check_unharmed(struct pair *pair)
{
	assert_int_equal(pair->rig->outs, 0);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_DOWN), 0);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_FAILED), 0);
	peer_rig_check_alive(pair->rig, pair->p, pair->c);
	peer_check_numbers(pair->p);
}

static void say_at(struct peer *p, uint64_t seq, const char *text)
{
	const struct peer_num n = { .type = PEER_DATA, .version = 0xfefd, .epoch = 1, .seq = seq };
	peer_put(p, &n, text, strlen(text));
	peer_flush(p);
}

/* The peer's next record as bytes, instead of sending it. */
static void catch (struct peer *p, uint64_t seq, struct peer_buf *out)
{
	const struct peer_num n = { .type = PEER_DATA, .version = 0xfefd, .epoch = 1, .seq = seq };
	peer_put(p, &n, "caught", 6);
	peer_set(out, p->out.at, p->out.len);
	peer_buf_clear(&p->out);
}

static void test_R118_R119_R125_R127_records_both_ways(void **state)
{
	struct pair *const pair = *state;
	uint8_t data[300];
	memset(data, 0x6b, sizeof(data));
	for (size_t i = 0; i < sizeof(data); i++) {
		assert_int_equal(dtls_send(pair->rig->e, pair->c, data, i), DTLS_OK);
		peer_rig_pump(pair->rig, pair->p);
		const struct peer_rec *const r = peer_last(pair->p, PEER_DATA, 1);
		assert_true(r->opened);
		assert_int_equal(r->len, i);
		assert_memory_equal(r->body, data, i);
	}
	peer_check_numbers(pair->p);
	peer_rig_check_alive(pair->rig, pair->p, pair->c);
}

static void test_R122_a_record_is_delivered_once(void **state)
{
	struct pair *const pair = *state;
	struct peer_buf b = { 0 };
	catch (pair->p, pair->p->next_seq[1]++, &b);
	for (int i = 0; i < 5; i++)
		peer_rig_input(pair->rig, pair->p, b.at, b.len);
	assert_int_equal(messages(pair), 1);
	assert_int_equal(dtls_stats(pair->rig->e).replayed, 4);
	check_unharmed(pair);
	peer_rig_input(pair->rig, pair->p, b.at, b.len);
	assert_int_equal(messages(pair), 2); /* the one of check_unharmed() */
	peer_buf_free(&b);
}

static void test_R122_the_window_is_64_wide(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	say_at(p, 1000, "top");
	say_at(p, 1000 - 63, "just in");
	assert_int_equal(messages(pair), 2);
	say_at(p, 1000 - 64, "just out");
	say_at(p, 5, "long gone");
	assert_int_equal(messages(pair), 2);
	for (uint64_t seq = 1000 - 62; seq < 1000; seq++) {
		say_at(p, seq, "in");
		say_at(p, seq, "again");
	}
	assert_int_equal(messages(pair), 2 + 62);
	say_at(p, 1063, "ahead");
	say_at(p, 1000, "again");
	assert_int_equal(messages(pair), 2 + 62 + 1);
	say_at(p, 1001, "between");
	assert_int_equal(messages(pair), 2 + 62 + 2);
	p->next_seq[1] = 1064;
	check_unharmed(pair);
}

static void test_R122_I2_forged_numbers_do_not_move_the_window(void **state)
{
	struct pair *const pair = *state;
	struct peer_buf b = { 0 };
	const uint64_t seq = pair->p->next_seq[1];
	for (uint64_t ahead = 1; ahead < 60; ahead++) {
		catch (pair->p, seq + (UINT64_C(1) << ahead % 46) + ahead, &b);
		b.at[b.len - 1] ^= 1;
		peer_rig_input(pair->rig, pair->p, b.at, b.len);
	}
	/* a forged one with the number that comes next */
	catch (pair->p, seq, &b);
	b.at[b.len - 9] ^= 1;
	peer_rig_input(pair->rig, pair->p, b.at, b.len);
	assert_int_equal(messages(pair), 0);
	assert_int_equal(dtls_stats(pair->rig->e).forged, 60);
	assert_int_equal(dtls_conn_facts(pair->c).forged, 60);
	peer_buf_free(&b);
	check_unharmed(pair);
}

static void test_R123_R124_every_bit_of_a_record_counts(void **state)
{
	struct pair *const pair = *state;
	struct peer_buf b = { 0 };
	catch (pair->p, pair->p->next_seq[1]++, &b);
	for (size_t i = 0; i < b.len; i++) {
		/* one bit of each octet: no more forgeries than must be borne */
		b.at[i] ^= (uint8_t)(1U << i % 8);
		peer_rig_input(pair->rig, pair->p, b.at, b.len);
		b.at[i] ^= (uint8_t)(1U << i % 8);
		assert_int_equal(messages(pair), 0);
	}
	for (size_t n = 0; n < b.len; n++)
		peer_rig_input(pair->rig, pair->p, b.at, n);
	assert_int_equal(messages(pair), 0);
	peer_rig_input(pair->rig, pair->p, b.at, b.len);
	assert_int_equal(messages(pair), 1);
	peer_buf_free(&b);
	check_unharmed(pair);
}

static void test_R123_R124_noise_is_dropped_without_a_word(void **state)
{
	struct pair *const pair = *state;
	uint8_t d[200];
	uint64_t x = 88172645463325252U;
	for (unsigned i = 0; i < 20000; i++) {
		for (size_t n = 0; n < sizeof(d); n++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			d[n] = (uint8_t)x;
		}
		if (i % 2 == 0) {
			/* looks like ours, but of an epoch that is not */
			const uint8_t head[] = { (uint8_t)(20 + i / 2 % 6), 0xfe, 0xfd,
				(uint8_t)(i / 7 % 3), (uint8_t)(2 + i % 3) };
			memcpy(d, head, sizeof(head));
		}
		peer_rig_input(pair->rig, pair->p, d, x % sizeof(d));
	}
	assert_int_equal(messages(pair), 0);
	check_unharmed(pair);
}

static void test_R121_records_of_other_epochs_are_dropped(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	static const uint16_t epochs[] = { 2, 3, 0x100, 0x101, 0xffff };
	for (size_t i = 0; i < COUNT_OF(epochs); i++) {
		const struct peer_num n = { .type = PEER_DATA,
			.version = 0xfefd,
			.epoch = epochs[i],
			.seq = p->next_seq[1] };
		peer_put(p, &n, "other", 5);
		peer_flush(p);
	}
	for (uint8_t type = 19; type < 28; type++) {
		if (type == PEER_HANDSHAKE)
			continue;
		peer_put_next(p, type, 0, "in clear", 8);
		peer_flush(p);
	}
	assert_int_equal(messages(pair), 0);
	check_unharmed(pair);
}

static void test_R118_R123_records_of_another_version_are_dropped(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	static const uint16_t versions[] = { 0xfeff, 0xfefc, 0x0303, 0 };
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		/* sealed as it says */
		const struct peer_num n = { .type = PEER_DATA,
			.version = versions[i],
			.epoch = 1,
			.seq = p->next_seq[1]++ };
		peer_put(p, &n, "other", 5);
		peer_flush(p);
	}
	assert_int_equal(messages(pair), 0);
	check_unharmed(pair);
}

static void test_R125_the_nonce_of_the_wire_is_used(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	const struct peer_num n = { .type = PEER_DATA,
		.version = 0xfefd,
		.epoch = 1,
		.seq = p->next_seq[1]++,
		.nonce = (const uint8_t *)"whatever" };
	peer_put(p, &n, "hello", 5);
	peer_flush(p);
	assert_int_equal(messages(pair), 1);
	assert_memory_equal(peer_rig_event(pair->rig, PEER_TOLD_MESSAGE)->body.at, "hello", 5);
	check_unharmed(pair);
}

static void test_R129_lengths(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	uint8_t *const big = calloc(1, 19000);
	assert_non_null(big);
	peer_say_data(p, big, 16384);
	assert_int_equal(messages(pair), 1);
	assert_int_equal(peer_rig_event(pair->rig, PEER_TOLD_MESSAGE)->body.len, 16384);
	peer_say_data(p, big, 16385);
	peer_say_data(p, big, 18432 - 16);
	peer_say_data(p, big, 18432 - 15);
	peer_say_data(p, big, 19000);
	assert_int_equal(messages(pair), 1);
	assert_int_equal(dtls_send(pair->rig->e, pair->c, big, 16385), DTLS_TOO_LONG);
	for (size_t n = 0; n < 16; n++) { /* shorter than nonce and tag */
		const uint8_t head[13] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0x70, 0, 0,
			(uint8_t)n };
		memcpy(big, head, sizeof(head));
		peer_rig_input(pair->rig, p, big, 13 + n);
	}
	free(big);
	assert_int_equal(messages(pair), 1);
	check_unharmed(pair);
}

static void test_R111_several_records_in_a_datagram(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	peer_put_next(p, PEER_DATA, 1, "one", 3);
	peer_put_next(p, PEER_DATA, 1, "bad", 3);
	p->out.at[p->out.len - 1] ^= 1;
	peer_put_next(p, PEER_DATA, 1, "two", 3);
	peer_put_next(p, PEER_DATA, 1, "cut", 3);
	p->out.len--;
	peer_flush(p);
	assert_int_equal(messages(pair), 2);
	const struct peer_event *const last = peer_rig_event(pair->rig, PEER_TOLD_MESSAGE);
	assert_memory_equal(last->body.at, "two", 3);
	assert_memory_equal(last[-1].body.at, "one", 3);
	check_unharmed(pair);
}

static void test_R134_other_content_types_are_dropped(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	for (unsigned type = 0; type < 256; type++) {
		if (type >= PEER_ALERT && type <= PEER_DATA)
			continue;
		peer_put_next(p, (uint8_t)type, 1, "\001\000", 2);
		peer_flush(p);
	}
	assert_int_equal(messages(pair), 0);
	check_unharmed(pair);
}

static void test_R135_an_empty_record_is_no_message(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	const uint64_t in = dtls_conn_facts(pair->c).records_in;
	peer_say_data(p, "", 0);
	assert_int_equal(messages(pair), 0);
	assert_int_equal(dtls_conn_facts(pair->c).records_in, in + 1);
	p->next_seq[1]--;
	peer_say_data(p, "again", 5);
	assert_int_equal(messages(pair), 0);
	assert_int_equal(dtls_stats(pair->rig->e).replayed, 1);
	check_unharmed(pair);
}

static void test_R136_close_notify_is_answered_once(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	peer_say_alert(p, 1, 1, 0);
	const struct peer_event *const ev = peer_rig_event(pair->rig, PEER_TOLD_DOWN);
	assert_non_null(ev);
	assert_int_equal(ev->why, DTLS_END_CLOSE_NOTIFY);
	assert_int_equal(peer_rig_pump(pair->rig, p), 1);
	assert_int_equal(peer_count(p, PEER_ALERT, 1), 1);
	assert_int_equal(peer_alert(p), 0);
	assert_int_equal(peer_last(p, PEER_ALERT, 1)->body[0], 1);
	peer_check_numbers(p);
	peer_say_alert(p, 1, 1, 0);
	peer_say_data(p, "late", 4);
	assert_int_equal(pair->rig->outs, 0);
	assert_int_equal(messages(pair), 0);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_DOWN), 1);
	assert_int_equal(dtls_stats(pair->rig->e).conns, 0);
}

static void test_R136_our_own_close_says_close_notify(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	dtls_close(pair->rig->e, pair->c);
	assert_int_equal(peer_rig_pump(pair->rig, p), 1);
	assert_int_equal(peer_alert(p), 0);
	assert_int_equal(peer_count(p, PEER_ALERT, 1), 1);
	peer_check_numbers(p);
	assert_int_equal(pair->rig->events, 0);
	assert_int_equal(dtls_stats(pair->rig->e).conns, 0);
	peer_say_alert(p, 1, 1, 0);
	peer_say_data(p, "late", 4);
	assert_int_equal(pair->rig->outs, 0);
	assert_int_equal(pair->rig->events, 0);
}

static void test_R115_a_fatal_alert_ends_and_a_warning_does_not(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	peer_say_alert(p, 1, 1, 90);
	peer_say_alert(p, 1, 1, 100);
	peer_put_next(p, PEER_ALERT, 1, "\002", 1);
	peer_put_next(p, PEER_ALERT, 1, "", 0);
	peer_flush(p);
	check_unharmed(pair);
	peer_say_alert(p, 1, 2, 80);
	const struct peer_event *const ev = peer_rig_event(pair->rig, PEER_TOLD_DOWN);
	assert_non_null(ev);
	assert_int_equal(ev->why, DTLS_END_ALERT);
	assert_ptr_equal(ev->conn, pair->c);
	assert_int_equal(pair->rig->outs, 0);
	assert_int_equal(dtls_stats(pair->rig->e).conns, 0);
}

static void test_R114_alerts_in_clear_do_nothing(void **state)
{
	struct pair *const pair = *state;
	for (unsigned what = 0; what < 256; what++) {
		peer_say_alert(pair->p, 0, 2, (uint8_t)what);
		peer_say_alert(pair->p, 0, 1, (uint8_t)what);
	}
	check_unharmed(pair);
}

/* Server role: an encrypted ClientHello; client role: a HelloRequest. */
static void test_R107_renegotiation_is_refused_by_alert_100(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->p;
	const struct peer_msg request = { .type = PEER_HELLO_REQUEST };
	struct peer_buf b = { 0 };
	peer_add_fragment(&b, p->server ? &request : &p->mine[PEER_CLIENT_HELLO], 0,
		p->server ? 0 : p->mine[PEER_CLIENT_HELLO].body.len);
	peer_put_next(p, PEER_HANDSHAKE, 1, b.at, b.len);
	peer_flush(p);
	assert_int_equal(peer_rig_pump(pair->rig, p), 1);
	assert_int_equal(peer_count(p, PEER_ALERT, 1), 1);
	assert_int_equal(peer_alert(p), 100);
	assert_int_equal(peer_last(p, PEER_ALERT, 1)->body[0], 1);
	assert_int_equal(dtls_stats(pair->rig->e).handshakes, 0);
	peer_buf_free(&b);
	check_unharmed(pair);
}

static void test_R134_other_handshake_messages_are_dropped(void **state)
{
	struct pair *const pair = *state;
	for (uint8_t type = 2; type < 30; type++) {
		if (type == PEER_FINISHED)
			continue;
		const uint8_t m[13] = { type, 0, 0, 1, 0, 9, 0, 0, 0, 0, 0, 1, 'x' };
		peer_put_next(pair->p, PEER_HANDSHAKE, 1, m, sizeof(m));
		peer_flush(pair->p);
	}
	check_unharmed(pair);
}

static void test_R182_a_month_of_silence_changes_nothing(void **state)
{
	struct pair *const pair = *state;
	peer_rig_until(pair->rig, pair->rig->now_ms + UINT64_C(30) * 24 * 3600 * 1000);
	check_unharmed(pair);
}

static void test_R120_the_highest_number_is_the_last(void **state)
{
	struct pair *const pair = *state;
	const uint64_t top = (UINT64_C(1) << 48) - 1;
	say_at(pair->p, top, "top");
	say_at(pair->p, top, "again");
	say_at(pair->p, 0, "wrapped");
	assert_int_equal(messages(pair), 1);
	pair->p->next_seq[1] = top - 1;
	check_unharmed(pair);
}

int main(void)
{
/* #f is taken for a directive */
/* clang-format off */
#define AS(f, role, up) { #f " as " role, f, up, pair_down, NULL }
#define BOTH(f) AS(f, "server", server_up), AS(f, "client", client_up)
	/* clang-format on */
	const struct CMUnitTest tests[] = {
		BOTH(test_R118_R119_R125_R127_records_both_ways),
		BOTH(test_R122_a_record_is_delivered_once),
		BOTH(test_R122_the_window_is_64_wide),
		BOTH(test_R122_I2_forged_numbers_do_not_move_the_window),
		BOTH(test_R123_R124_every_bit_of_a_record_counts),
		BOTH(test_R123_R124_noise_is_dropped_without_a_word),
		BOTH(test_R121_records_of_other_epochs_are_dropped),
		BOTH(test_R118_R123_records_of_another_version_are_dropped),
		BOTH(test_R125_the_nonce_of_the_wire_is_used),
		BOTH(test_R129_lengths),
		BOTH(test_R111_several_records_in_a_datagram),
		BOTH(test_R134_other_content_types_are_dropped),
		BOTH(test_R135_an_empty_record_is_no_message),
		BOTH(test_R136_close_notify_is_answered_once),
		BOTH(test_R136_our_own_close_says_close_notify),
		BOTH(test_R115_a_fatal_alert_ends_and_a_warning_does_not),
		BOTH(test_R114_alerts_in_clear_do_nothing),
		BOTH(test_R107_renegotiation_is_refused_by_alert_100),
		BOTH(test_R134_other_handshake_messages_are_dropped),
		BOTH(test_R182_a_month_of_silence_changes_nothing),
		BOTH(test_R120_the_highest_number_is_the_last),
	};
	return cmocka_run_group_tests_name("dtls/wire_record", tests, NULL, NULL);
}
