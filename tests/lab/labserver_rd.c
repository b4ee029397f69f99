/* SPDX-License-Identifier: Apache-2.0 */
/* Registration interface: POST /rd, POST /rd/<location>, DELETE /rd/<location>. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lab/labserver.h"
#include "tests/lab/msg.h"

static struct server *server_of(const coap_session_t *session)
{
	return coap_get_app_data(coap_session_get_context(session));
}

struct peer *server_peer_of(struct server *s, const coap_session_t *session)
{
	const coap_bin_const_t *identity = coap_session_get_psk_identity(session);
	size_t number;
	if (!identity || !keyfile_find(&s->keys, identity->s, identity->length, &number))
		return NULL;
	return &s->peers[number];
}

static void answer(coap_pdu_t *response, coap_pdu_code_t code)
{
	coap_pdu_set_code(response, code);
}

/* 2.01 with Location-Path rd/<location>. */
static void answer_created(const struct peer *p, coap_pdu_t *response)
{
	char text[16];
	const int len = snprintf(text, sizeof(text), "%u", (unsigned)p->location);
	answer(response, COAP_RESPONSE_CODE_CREATED);
	(void)coap_add_option(response, COAP_OPTION_LOCATION_PATH, 2, (const uint8_t *)"rd");
	(void)coap_add_option(
		response, COAP_OPTION_LOCATION_PATH, (size_t)len, (const uint8_t *)text);
}

/* The device may come on a new session: the gateway has made a new link. */
static void bind_session(struct peer *p, coap_session_t *session)
{
	if (p->session == session)
		return;
	if (p->session)
		coap_session_release(p->session);
	p->session = coap_session_reference(session);
}

static bool endpoint_of(const coap_string_t *query, char *out, size_t cap)
{
	char text[LAB_QUERY_MAX];
	if (!query || query->length >= sizeof(text))
		return false;
	memcpy(text, query->s, query->length);
	text[query->length] = 0;
	return lab_query_value(text, "ep", out, cap);
}

static void on_register(coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct server *s = server_of(session);
	struct peer *p = server_peer_of(s, session);
	char claimed[KEYFILE_NAME_MAX];
	const coap_mid_t mid = coap_pdu_get_mid(request);
	(void)resource;
	if (!p || !endpoint_of(query, claimed, sizeof(claimed))) {
		answer(response, COAP_RESPONSE_CODE_BAD_REQUEST);
		return;
	}
	if (strcmp(claimed, p->entry->endpoint) != 0) { /* LwM2M Transport 1.1, 5.2.8.1 */
		s->counts.wrong_endpoint++;
		server_say_wrong(p, claimed);
		answer(response, COAP_RESPONSE_CODE_BAD_REQUEST);
		return;
	}
	/* A retransmission gets the same answer (RFC 7252 section 4.5). */
	if (p->location != 0 && p->session == session && p->register_mid == mid) {
		answer_created(p, response);
		return;
	}
	if (p->session != session)
		server_ops_stop(s, p);
	bind_session(p, session);
	p->location = ++s->next_location;
	p->register_mid = mid;
	s->counts.registered++;
	server_say(p, "registered");
	answer_created(p, response);
	server_ops_registered(s, p);
}

/* The number of "rd/<number>"; 0 = something else. */
static uint32_t location_of(const coap_pdu_t *request)
{
	coap_string_t *path = coap_get_uri_path(request);
	unsigned long number = 0;
	char *end = NULL;
	if (path && path->length > 3 && memcmp(path->s, "rd/", 3) == 0) {
		number = strtoul((const char *)path->s + 3, &end, 10);
		if (end != (const char *)path->s + path->length || number > UINT32_MAX)
			number = 0;
	}
	if (path)
		coap_delete_string(path);
	return (uint32_t)number;
}

void server_count_unknown(struct server *s, const struct peer *p)
{
	const bool has_left = p && p->location == 0 && p->deleted != 0;
	s->counts.unknown_location += !has_left;
	s->counts.late += has_left;
	if (p)
		server_say(p, has_left ? "late" : "unknown");
}

static void on_update(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
	const coap_string_t *query, coap_pdu_t *response)
{
	struct server *s = server_of(session);
	struct peer *p = server_peer_of(s, session);
	const uint32_t location = location_of(request);
	(void)resource;
	(void)query;
	if (!p || location == 0 || location != p->location || p->session != session) {
		server_count_unknown(s, p);
		answer(response, COAP_RESPONSE_CODE_NOT_FOUND);
		return;
	}
	s->counts.updated++;
	server_say(p, "updated");
	answer(response, COAP_RESPONSE_CODE_CHANGED);
}

static void on_deregister(coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct server *s = server_of(session);
	struct peer *p = server_peer_of(s, session);
	const uint32_t location = location_of(request);
	const coap_mid_t mid = coap_pdu_get_mid(request);
	(void)resource;
	(void)query;
	answer(response, COAP_RESPONSE_CODE_DELETED);
	if (p && location != 0 && location == p->deleted && mid == p->delete_mid)
		return; /* a retransmission */
	if (!p || location == 0 || location != p->location) {
		server_count_unknown(s, p);
		answer(response, COAP_RESPONSE_CODE_NOT_FOUND);
		return;
	}
	s->counts.deregistered++;
	server_say(p, "deregistered");
	server_ops_stop(s, p);
	p->deleted = location;
	p->delete_mid = mid;
	p->location = 0;
}

static int on_event(coap_session_t *session, coap_event_t event)
{
	struct server *s = server_of(session);
	const coap_fixed_point_t ack = { .integer_part = (uint16_t)(s->set->ack_ms / 1000),
		.fractional_part = (uint16_t)(s->set->ack_ms % 1000) };
	if (event == COAP_EVENT_DTLS_CONNECTED) {
		s->counts.handshakes++;
		coap_session_set_ack_timeout(session, ack);
		coap_session_set_max_retransmit(session, (uint16_t)(s->set->tries - 1));
		return 0;
	}
	struct peer *p = server_peer_of(s, session);
	if ((event != COAP_EVENT_DTLS_CLOSED && event != COAP_EVENT_DTLS_ERROR) || !p ||
		p->session != session)
		return 0;
	server_ops_stop(s, p);
	if (p->location != 0)
		server_say(p, "closed");
	p->location = 0;
	p->session = NULL;
	coap_session_release(session);
	return 0;
}

void server_registry_init(struct server *s, coap_context_t *context)
{
	coap_resource_t *rd = coap_resource_init(coap_make_str_const("rd"), 0);
	coap_resource_t *any = coap_resource_unknown_init(NULL);
	coap_set_app_data(context, s);
	coap_register_request_handler(rd, COAP_REQUEST_POST, on_register);
	coap_add_resource(context, rd);
	coap_register_request_handler(any, COAP_REQUEST_POST, on_update);
	coap_register_request_handler(any, COAP_REQUEST_DELETE, on_deregister);
	coap_add_resource(context, any);
	coap_register_event_handler(context, on_event);
}
