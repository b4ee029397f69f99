/* SPDX-License-Identifier: Apache-2.0 */
/* What a session of a credential for one purpose may do, and what it learns of changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/credentials.h"
#include "gateway/credentials_ops.h"
#include "gateway/roll.h"
#include "gateway/session.h"
#include "unit/gateway/court.h"
#include "unit/gateway/town.h"

enum { FORBIDDEN = 131 }; /* 4.03 */

static void done(enum ctl_status status, const struct ctl_said *said)
{
	if (status != CTL_DONE)
		fail_msg("%s", said->text);
}

/* The device's credential once more, for one purpose; the one of the file goes. */
static void give(struct town *t, size_t device, enum ctl_purpose purpose)
{
	const struct ctl_store_source s = gw_credentials_source(t->credentials);
	struct ctl_said said = { "" };
	struct ctl_cred c = { .has_keys = true, .purpose = purpose };
	struct cred_key k;
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "urn:dev:%zu", device);
	cred_device_key(t->creds, (uint32_t)device, &k);
	c.identity_len = (uint8_t)k.identity_len;
	memcpy(c.identity, k.identity, k.identity_len);
	c.key_len = (uint8_t)k.key_len;
	memcpy(c.key, k.key, k.key_len);
	assert_true(cred_upstream_key(t->creds, (uint32_t)device, &k));
	c.upstream_identity_len = (uint8_t)k.identity_len;
	memcpy(c.upstream_identity, k.identity, k.identity_len);
	c.upstream_key_len = (uint8_t)k.key_len;
	memcpy(c.upstream_key, k.key, k.key_len);
	done(s.revoke(s.ctx, c.endpoint, CTL_FOR_UNSAID, &said), &said);
	done(s.add(s.ctx, &c, &said), &said);
}

/* The only one of worker 0. */
static struct gw_session *session(struct town *t)
{
	struct gw_session *const s = t->workers[0]->sessions;
	assert_non_null(s);
	assert_null(s->next);
	return s;
}

static size_t connected(struct town *t, size_t device)
{
	const size_t socket = town_socket(t, 0);
	const size_t ups = t->devices.ups;
	town_connect(t, device, socket);
	town_until(t, &t->devices.ups, ups + 1);
	return socket;
}

static void test_R286_who_may_be_bootstrapped_may_not_register(void **state)
{
	(void)state;
	struct town *const t = town_new(1, true, true);
	give(t, 0, CTL_FOR_BOOTSTRAP);
	const size_t socket = connected(t, 0);
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(t->devices.code, FORBIDDEN);
	assert_int_equal(session(t)->purpose, STORE_FOR_BOOTSTRAP);
	town_turns(t, 20);
	/* Nothing of it has left. */
	assert_int_equal(t->server.ups, 0);
	assert_int_equal(t->server.messages, 0);
	town_free(t);
}

static void test_R023_who_has_a_servers_account_registers(void **state)
{
	(void)state;
	struct town *const t = town_new(1, true, true);
	give(t, 0, CTL_FOR_SERVER);
	const size_t socket = connected(t, 0);
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	assert_int_equal(session(t)->purpose, STORE_FOR_SERVER);
	town_free(t);
}

static void may_fetch(struct store_cred *c)
{
	c->repository = true;
}

static void may_not_fetch(struct store_cred *c)
{
	c->repository = false;
}

static void for_bootstrap(struct store_cred *c)
{
	c->purpose = STORE_FOR_BOOTSTRAP;
}

/* Registered, under a policy that keeps all sessions. */
static struct town *kept(size_t *socket)
{
	struct town *const t = court_new(court_rules(
		"\"mapping-changed\", \"credential-replaced\"", "\"keep\"", "\"keep\"", ""));
	*socket = connected(t, 0);
	town_register(t, 0, *socket);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	return t;
}

/* it must not hold for longer than the operator wants. */
static void test_R288_a_right_that_is_taken_is_taken_from_who_is_awake(void **state)
{
	(void)state;
	size_t socket = 0;
	struct town *const t = kept(&socket);
	struct gw_session *const s = session(t);
	assert_true(s->purpose == STORE_FOR_ANY && !s->repository);
	court_change(t, 0, may_fetch);
	town_turns(t, COURT_QUIET_TURNS);
	assert_ptr_equal(session(t), s);
	assert_true(s->repository);
	court_change(t, 0, may_not_fetch);
	town_turns(t, COURT_QUIET_TURNS);
	assert_ptr_equal(session(t), s);
	assert_false(s->repository);
	/* And nothing else has changed for it. */
	town_update(t, socket);
	town_until(t, &t->devices.messages, 2);
	assert_int_equal(t->devices.code, TOWN_CODE_CHANGED);
	assert_int_equal(t->server.ups, 1);
	court_free(t);
}

/* Whatever a policy keeps. */
static void test_R286_a_session_that_is_kept_goes_by_the_new_purpose(void **state)
{
	(void)state;
	size_t socket = 0;
	struct town *const t = kept(&socket);
	const size_t heard = t->server.messages;
	court_change(t, 0, for_bootstrap);
	town_update(t, socket);
	town_until(t, &t->devices.messages, 2);
	assert_int_equal(t->devices.code, FORBIDDEN);
	assert_int_equal(t->server.messages, heard);
	court_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R286_who_may_be_bootstrapped_may_not_register),
		cmocka_unit_test(test_R023_who_has_a_servers_account_registers),
		cmocka_unit_test(test_R288_a_right_that_is_taken_is_taken_from_who_is_awake),
		cmocka_unit_test(test_R286_a_session_that_is_kept_goes_by_the_new_purpose),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
