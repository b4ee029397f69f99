/* SPDX-License-Identifier: Apache-2.0 */
#include "town_moves.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/roam.h"
#include "gateway/session.h"

struct town *town_roaming(size_t workers, const struct town_cids *cids)
{
	struct town *const t = town_new_kept(workers, CONF_POWER_RESUME, false);
	town_use_cids(t, cids);
	return t;
}

size_t town_moved(struct town *t, size_t from, uint32_t owner)
{
	const size_t to = town_socket(t, owner);
	town_move(t, from, to);
	return to;
}

void town_snatch(struct town *t, size_t device, size_t from)
{
	const size_t i = t->devices.tape_len, up = t->server.messages;
	t->devices.tapes = true;
	t->devices.withholds = true;
	town_update(t, device);
	t->devices.tapes = false;
	t->devices.withholds = false;
	assert_int_equal(t->devices.tape_len, i + 1);
	town_replay_from(&t->devices, i, from);
	town_until(t, &t->server.messages, up + 1);
}

void town_answer_late(struct town *t, size_t device)
{
	uint8_t msg[100] = { 0x51, TOWN_CODE_CONTENT, 0, 0, 'x', 0xff };
	struct dtls_conn *const c = t->server.conns[device];
	t->mid++;
	msg[2] = (uint8_t)(t->mid >> 8);
	msg[3] = (uint8_t)(t->mid & 0xff);
	memset(msg + 6, 'z', sizeof(msg) - 6);
	assert_non_null(c);
	assert_int_equal(dtls_send(t->server.dtls, c, msg, sizeof(msg)), DTLS_OK);
}

struct net_addr town_addr(const struct town *t, size_t socket)
{
	struct net_addr self;
	assert_true(udp_local(t->devices.fds[socket], &self));
	return self;
}

void town_where(struct town *t, size_t device, struct store_assoc *out)
{
	struct store_session row;
	assert_true(town_row(t, device, &row));
	assert_true(town_assoc(t, row.device, out));
}

void assert_at(const struct town *t, const struct store_path *place, size_t socket)
{
	const struct net_addr addr = town_addr(t, socket);
	char is[NET_TEXT_MAX], wanted[NET_TEXT_MAX];
	assert_string_equal(net_addr_text(&place->peer, is), net_addr_text(&addr, wanted));
}

void assert_was_at(const struct town *t, const struct store_assoc *a, size_t socket)
{
	const struct store_path place = { .peer = a->stays[0].peer };
	assert_at(t, &place, socket);
}

bool town_is_at_rest(const struct gw_session *s)
{
	return s && gw_roam_is_idle(s);
}
