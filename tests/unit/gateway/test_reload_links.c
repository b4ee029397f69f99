/* SPDX-License-Identifier: Apache-2.0 */
/* A link's session that was made while a reload came does not outlive it. */
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

static void test_R046_no_session_of_a_handshake_that_a_reload_has_overtaken_is_kept(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = t->workers[0];
	const size_t socket = town_socket(t, 0), ups = t->devices.ups, links = t->server.ups;
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, ups + 1);
	town_register(t, 0, socket);
	for (int i = 0; i < 200 && dtls_stats(w->dtls).handshakes == 0; i++)
		town_turn(t);
	assert_int_equal(dtls_stats(w->dtls).handshakes, 1); /* the link's is under way */
	struct gw_material *const m = material("", "");
	const struct gw_renewed one = { .material = gw_material_ref(m) };
	assert_true(inbox_post(t->inboxes[0], INBOX_SURE, GW_MATERIAL, &one, sizeof(one)));
	gw_material_unref(m);
	town_until(t, &t->server.ups, links + 1);
	town_turns(t, 8);
	assert_non_null(w->profiles.upstreams[0]);
	assert_non_null(town_session(t, 0, 0)->legs[GW_LINK].conn);
	assert_int_equal(w->link_session_bytes, 0);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_R046_no_session_of_a_handshake_that_a_reload_has_overtaken_is_kept),
	};
	return cmocka_run_group_tests_name("gateway/rv_reload", tests, NULL, NULL);
}
