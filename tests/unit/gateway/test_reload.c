/* SPDX-License-Identifier: Apache-2.0 */
/* Workers exchange what they shake hands by, between two turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dtls/profile.h"
#include "gateway/link_session.h"
#include "gateway/material.h"
#include "gateway/material_parts.h"
#include "gateway/session.h"
#include "io/inbox.h"
#include "papers.h"
#include "town_night.h"

enum { RETRY_MS = 2000, QUIET_TURNS = 12 };

#define ONLY(suite) "suites = [ \"" suite "\" ];"
#define CCM_8       "TLS_PSK_WITH_AES_128_CCM_8"
#define GCM         "TLS_PSK_WITH_AES_128_GCM_SHA256"

static struct gw_material *material(const char *listener, const char *upstream)
{
	const struct papers nowhere = { "" };
	struct conf_error error = { "" };
	struct conf_gateway conf = papers_conf(&nowhere, listener, upstream);
	struct gw_material *const m = gw_material_new(&conf, &error);
	conf_free(&conf);
	if (!m)
		fail_msg("%s", error.text);
	return m;
}

/* As gateway/reload does it; m is taken. */
static void hand_out(struct town *t, struct gw_material *m)
{
	for (size_t i = 0; i < t->workers_len; i++) {
		const struct gw_renewed one = { .material = gw_material_ref(m) };
		assert_true(inbox_post(t->inboxes[i], INBOX_SURE, GW_MATERIAL, &one, sizeof(one)));
	}
	gw_material_unref(m);
	town_turns(t, 2);
}

static void test_R046_a_reload_is_for_new_handshakes_only(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, true);
	town_hush(t);
	const size_t socket = town_registered(t, 0, 0);
	assert_null(t->workers[0]->profiles.listeners[0]);
	hand_out(t, material(ONLY(GCM), ""));
	assert_non_null(t->workers[0]->profiles.listeners[0]);
	assert_non_null(t->workers[1]->profiles.listeners[0]);
	/* Who is in stays in. */
	town_updated(t, socket);
	/* The devices speak CCM_8 alone. */
	const size_t failures = t->devices.failures, ups = t->devices.ups;
	town_connect(t, 1, town_socket(t, 1));
	town_until(t, &t->devices.failures, failures + 1);
	assert_int_equal(t->devices.ups, ups);
	hand_out(t, material(ONLY(CCM_8), ""));
	town_connect(t, 2, town_socket(t, 1));
	town_until(t, &t->devices.ups, ups + 1);
	town_updated(t, socket);
	town_free(t);
}

static void test_R046_links_are_opened_by_the_new_settings(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	town_hush(t);
	hand_out(t, material(ONLY(CCM_8), ONLY(GCM)));
	const size_t links = t->server.ups;
	const size_t socket = town_socket(t, 0), ups = t->devices.ups;
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, ups + 1);
	/* The server speaks CCM_8 alone. */
	const size_t messages = t->devices.messages;
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, messages + 1);
	assert_int_not_equal(t->devices.code, TOWN_CODE_CREATED);
	assert_int_equal(t->server.ups, links);
	hand_out(t, material(ONLY(CCM_8), ONLY(CCM_8)));
	town_pass(RETRY_MS);
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, messages + 2);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	town_free(t);
}

static bool has_cid(struct town *t, size_t device)
{
	size_t len = 0;
	const struct gw_session *const s = town_session(t, 0, device);
	assert_non_null(s);
	return dtls_conn_cid(s->legs[GW_DEVICE].conn, &len) != NULL;
}

static void test_R160_connection_ids_change_for_new_handshakes_only(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	town_hush(t);
	town_use_cids(t, &(struct town_cids){ .gateway = true });
	const size_t first = town_registered(t, 0, 0);
	assert_true(has_cid(t, 0));
	hand_out(t, material("connection_ids = \"off\";", ""));
	/* The devices still offer them. */
	(void)town_registered(t, 1, 0);
	assert_false(has_cid(t, 1));
	town_updated(t, first);
	assert_true(has_cid(t, 0));
	hand_out(t, material("", ""));
	(void)town_registered(t, 2, 0);
	assert_true(has_cid(t, 2));
	town_free(t);
}

static void test_R153_S27_addresses_and_who_is_told_change_at_once(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, false);
	hand_out(t, material("address_check = \"trust\";",
			    "}; connection_ids = { tell = [ \"10.0.0.0/8\" ]; tell_rate = 3;"));
	for (size_t i = 0; i < t->workers_len; i++) {
		const struct gw_profiles *const p = &t->workers[i]->profiles;
		assert_int_equal(p->moves[0], CONF_MOVE_TRUST);
		assert_int_equal(p->told.len, 1);
		assert_int_equal(p->told.rate, 3);
	}
	hand_out(t, material("", ""));
	assert_int_equal(t->workers[1]->profiles.moves[0], CONF_MOVE_CHECK);
	assert_int_equal(t->workers[1]->profiles.told.len, 0);
	town_free(t);
}

static void test_R046_a_reload_that_comes_too_late_is_let_go(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_material *const m = material("", "");
	const struct gw_renewed one = { .material = gw_material_ref(m) };
	assert_true(inbox_post(t->inboxes[0], INBOX_SURE, GW_MATERIAL, &one, sizeof(one)));
	town_free(t);
	assert_int_equal(atomic_load(&m->refs), 1);
	gw_material_unref(m);
}

/* --- sessions with the server ---------------------------------------------------------------- */

static struct dtls_resumable some(uint8_t octet, size_t len)
{
	struct dtls_resumable r = {
		.id = { octet }, .id_len = 32, .cred = 1, .generation = 9, .len = len
	};
	memset(r.session, octet, len);
	return r;
}

static void test_R201_a_links_session_is_kept_once_and_dropped_when_it_fails(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = t->workers[0];
	(void)town_registered(t, 0, 0);
	struct gw_session *const s = town_session(t, 0, 0);
	struct dtls_resumable r = some(7, 100), found;
	gw_link_session_keep(w, s, &r);
	const size_t bytes = w->link_session_bytes;
	assert_true(bytes > 100 && bytes < 300);
	assert_true(gw_link_session_find(s, &found));
	assert_memory_equal(&found, &r, sizeof(r));
	r = some(8, DTLS_SESSION_MAX);
	gw_link_session_keep(w, s, &r);
	assert_true(gw_link_session_find(s, &found));
	assert_memory_equal(&found, &r, sizeof(r));
	assert_int_equal(w->link_session_bytes, bytes + DTLS_SESSION_MAX - 100);
	gw_link_session_drop(s);
	assert_false(gw_link_session_find(s, &found));
	assert_int_equal(w->link_session_bytes, 0);
	gw_link_session_keep(w, NULL, &r); /* the session has gone meanwhile */
	assert_int_equal(w->link_session_bytes, 0);
	/* A bound for all. */
	w->link_session_bytes = GW_LINK_SESSIONS - 100;
	gw_link_session_keep(w, s, &r);
	assert_false(gw_link_session_find(s, &found));
	w->link_session_bytes = 0;
	town_free(t);
}

static void test_R196_a_link_that_the_server_has_closed_is_resumed(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	const size_t socket = town_registered(t, 0, 0);
	assert_true(t->workers[0]->link_session_bytes > 0);
	assert_int_equal(dtls_stats(t->server.dtls).resumed, 0);
	dtls_close(t->server.dtls, t->server.conns[0]);
	t->server.conns[0] = NULL;
	town_turns(t, QUIET_TURNS);
	assert_null(town_session(t, 0, 0)->legs[GW_LINK].conn);
	town_updated(t, socket);
	assert_int_equal(dtls_stats(t->server.dtls).resumed, 1);
	/* One that the server has forgotten costs a full handshake, and no more. */
	t->server.kept.id_len = 0;
	dtls_close(t->server.dtls, t->server.conns[0]);
	t->server.conns[0] = NULL;
	town_turns(t, QUIET_TURNS);
	town_updated(t, socket);
	assert_int_equal(dtls_stats(t->server.dtls).resumed, 1);
	assert_int_equal(dtls_stats(t->server.dtls).handshakes_done[DTLS_SERVER], 3);
	town_free(t);
}

/* What was trusted before may be trusted no more. */
static void test_R046_no_links_session_outlives_a_reload(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = t->workers[0];
	(void)town_registered(t, 0, 0);
	struct gw_session *const s = town_session(t, 0, 0);
	struct dtls_resumable r = some(7, 100);
	gw_link_session_keep(w, s, &r);
	hand_out(t, material("", ""));
	assert_false(gw_link_session_find(s, &r));
	assert_int_equal(w->link_session_bytes, 0);
	gw_link_session_keep(w, s, &r);
	town_free(t); /* and none is leaked */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R046_a_reload_is_for_new_handshakes_only),
		cmocka_unit_test(test_R046_links_are_opened_by_the_new_settings),
		cmocka_unit_test(test_R160_connection_ids_change_for_new_handshakes_only),
		cmocka_unit_test(test_R153_S27_addresses_and_who_is_told_change_at_once),
		cmocka_unit_test(test_R046_a_reload_that_comes_too_late_is_let_go),
		cmocka_unit_test(test_R201_a_links_session_is_kept_once_and_dropped_when_it_fails),
		cmocka_unit_test(test_R196_a_link_that_the_server_has_closed_is_resumed),
		cmocka_unit_test(test_R046_no_links_session_outlives_a_reload),
	};
	return cmocka_run_group_tests_name("gateway/reload", tests, NULL, NULL);
}
