/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int peer_pair_up(void **state)
{
	struct peer_pair *const pair = calloc(1, sizeof(*pair));
	if (!pair)
		return -1;
	pair->rig = peer_rig_new(NULL);
	pair->p = peer_rig_peer(pair->rig, true, 5684);
	*state = pair;
	if (peer_rig_connect(pair->rig, pair->p) != DTLS_OK)
		return -1;
	peer_rig_pump(pair->rig, pair->p);
	return peer_heard(pair->p, PEER_CLIENT_HELLO) ? 0 : -1;
}

int peer_pair_down(void **state)
{
	struct peer_pair *const pair = *state;
	peer_free(pair->p);
	peer_rig_free(pair->rig);
	free(pair);
	return 0;
}

void peer_pair_check_up(struct peer_pair *pair)
{
	peer_rig_pump(pair->rig, pair->p);
	assert_true(pair->p->done);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_UP), 1);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_FAILED), 0);
	const struct peer_event *const ev = peer_rig_event(pair->rig, PEER_TOLD_UP);
	assert_int_equal(ev->role, DTLS_CLIENT);
	assert_int_equal(ev->cred, 7);
	assert_ptr_equal(ev->user, pair->rig);
	peer_rig_check_alive(pair->rig, pair->p, ev->conn);
	peer_check_numbers(pair->p);
}

const struct peer_event *peer_pair_check_failed(struct peer_pair *pair)
{
	peer_rig_pump(pair->rig, pair->p);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_UP), 0);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_MESSAGE), 0);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_FAILED), 1);
	const struct peer_event *const ev = peer_rig_event(pair->rig, PEER_TOLD_FAILED);
	assert_int_equal(ev->role, DTLS_CLIENT);
	assert_ptr_equal(ev->user, pair->rig);
	assert_true(net_path_same(&ev->path, &pair->p->path));
	assert_int_equal(dtls_stats(pair->rig->e).handshakes, 0);
	assert_int_equal(dtls_stats(pair->rig->e).handshake_bytes, 0);
	peer_rig_until(pair->rig, pair->rig->now_ms + 300000);
	assert_int_equal(pair->rig->outs, 0);
	return ev;
}

void peer_pair_check_failed_with(struct peer_pair *pair, int alert_a, int alert_b)
{
	peer_pair_check_failed(pair);
	const int alert = peer_alert(pair->p);
	if (alert != alert_a && alert != alert_b)
		fail_msg("alert %d, not %d or %d", alert, alert_a, alert_b);
}

void peer_pair_verify(struct peer_pair *pair, uint16_t seq, const char *cookie)
{
	peer_make_verify(pair->p, seq, cookie, strlen(cookie));
	peer_put_msg(pair->p, PEER_HELLO_VERIFY);
	peer_flush(pair->p);
	peer_rig_pump(pair->rig, pair->p);
	assert_int_equal(pair->p->hello.cookie.len, strlen(cookie));
	assert_memory_equal(pair->p->hello.cookie.at, cookie, strlen(cookie));
}

void peer_pair_to_flight5(struct peer_pair *pair)
{
	peer_pair_verify(pair, 0, "chocolate");
	peer_server_exts(pair->p);
	peer_say_flight4(pair->p);
	peer_rig_pump(pair->rig, pair->p);
	assert_true(pair->p->done);
}
