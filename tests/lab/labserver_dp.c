/* SPDX-License-Identifier: Apache-2.0 */
/* POST /dp (LwM2M 1.1 Send), and which copy of a numbered one has come before: see
   device_settings.load_serial. */
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "tests/lab/device.h"
#include "tests/lab/labserver.h"

enum { SERIALS_MAX = 1 << 20, TRIES = 8 };

/* Grows by doubling; a byte for each serial, a bit for each try. */
static bool room_for(struct peer *p, uint32_t serial)
{
	uint32_t room = p->serials_room ? p->serials_room : 64;
	if (serial < p->serials_room)
		return true;
	while (room <= serial)
		room *= 2;
	uint8_t *more = realloc(p->serials, room);
	if (!more)
		return false;
	memset(more + p->serials_room, 0, room - p->serials_room);
	p->serials = more;
	p->serials_room = room;
	return true;
}

static void count_serial(struct server *s, struct peer *p, const uint8_t *payload, size_t len)
{
	struct rd r = rd_from(payload, len);
	const uint8_t *mark = rd_bytes(&r, sizeof(DEVICE_SERIAL_MARK) - 1);
	const uint32_t serial = rd_u32(&r);
	if (!rd_ok(&r) || r.left == 0 ||
		memcmp(mark, DEVICE_SERIAL_MARK, sizeof(DEVICE_SERIAL_MARK) - 1) != 0)
		return;
	const uint8_t try = payload[len - 1];
	if (serial >= SERIALS_MAX || try >= TRIES || !room_for(p, serial)) {
		s->counts.serial_odd++;
		return;
	}
	const uint8_t bit = (uint8_t)(1U << try);
	s->counts.serial_once += (p->serials[serial] & bit) == 0;
	s->counts.serial_twice += (p->serials[serial] & bit) != 0;
	if (p->serials[serial] & bit)
		server_say_twice(p, serial, try);
	p->serials[serial] |= bit;
}

static void on_send(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
	const coap_string_t *query, coap_pdu_t *response)
{
	struct server *s = coap_get_app_data(coap_session_get_context(session));
	struct peer *p = server_peer_of(s, session);
	const uint8_t *payload = NULL;
	size_t len = 0;
	(void)resource;
	(void)query;
	if (!p || p->location == 0 || p->session != session) {
		server_count_unknown(s, p);
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_NOT_FOUND);
		return;
	}
	s->counts.posts++;
	if (!s->set->quiet)
		server_say(p, "posted");
	if (coap_get_data(request, &len, &payload) && len > 0)
		count_serial(s, p, payload, len);
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CHANGED);
}

void server_dp_init(coap_context_t *context)
{
	coap_resource_t *dp = coap_resource_init(coap_make_str_const("dp"), 0);
	coap_register_request_handler(dp, COAP_REQUEST_POST, on_send);
	coap_add_resource(context, dp);
}
