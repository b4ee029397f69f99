/* SPDX-License-Identifier: Apache-2.0 */
/* What the sink answers. A repeated request is simply answered again: none of them changes what
   it does twice. */
#include <stdio.h>
#include <string.h>

#include "tests/lab/msg.h"
#include "tests/lab/sink.h"

enum { ANSWER_MAX = SINK_PAYLOAD_MAX + 64 };

static uint32_t number_of(const struct sink_peer *p)
{
	return p->entry + 1; /* of the location */
}

static uint8_t do_register(struct sink *s, struct sink_peer *p, const struct lab_msg *m)
{
	char endpoint[KEYFILE_NAME_MAX];
	const struct keyfile_entry *e = &s->keys.entries[p->entry];
	if (!lab_query_value(m->query, "ep", endpoint, sizeof(endpoint)) ||
		strcmp(endpoint, e->endpoint) != 0) {
		s->counts.wrong_endpoint++;
		return LAB_BAD_REQUEST;
	}
	s->counts.registered++;
	s->registered += !p->registered;
	p->registered = true;
	return LAB_CREATED;
}

static uint8_t do_at_location(struct sink *s, struct sink_peer *p, const struct lab_msg *m)
{
	char own[16];
	(void)snprintf(own, sizeof(own), "rd/%u", (unsigned)number_of(p));
	if (strcmp(m->path, own) != 0)
		return LAB_NOT_FOUND;
	if (m->head.code == LAB_DELETE) {
		s->counts.deregistered++;
		s->registered -= p->registered;
		p->registered = false;
		return LAB_DELETED;
	}
	if (!p->registered)
		return LAB_NOT_FOUND;
	s->counts.updated++;
	return LAB_CHANGED;
}

static uint8_t decide(struct sink *s, struct sink_peer *p, const struct lab_msg *m)
{
	const bool post = m->head.code == LAB_POST;
	if (post && strcmp(m->path, "dp") == 0) {
		s->counts.posts++;
		return LAB_CHANGED;
	}
	if (post && strcmp(m->path, "rd") == 0)
		return do_register(s, p, m);
	if (strncmp(m->path, "rd/", 3) == 0 && (post || m->head.code == LAB_DELETE))
		return do_at_location(s, p, m);
	s->counts.other++;
	return LAB_NOT_FOUND;
}

static void answer(struct sink *s, struct sink_peer *p, const struct lab_msg *m)
{
	uint8_t buffer[ANSWER_MAX], payload[SINK_PAYLOAD_MAX];
	char location[16];
	struct lab_head head = m->head;
	struct lab_out o;
	head.code = decide(s, p, m);
	head.type = m->head.type == LAB_CON ? LAB_ACK : LAB_NON;
	if (head.type == LAB_NON)
		head.id = s->next_id++;
	lab_out_begin(&o, buffer, sizeof(buffer), &head);
	if (head.code == LAB_CREATED) {
		(void)snprintf(location, sizeof(location), "rd/%u", (unsigned)number_of(p));
		lab_out_parts(&o, LAB_OPT_LOCATION, location, '/');
	}
	if (strcmp(m->path, "dp") == 0 && s->set->payload > 0) {
		memset(payload, 'd', s->set->payload);
		lab_out_uint(&o, LAB_OPT_FORMAT, LAB_OCTETS);
		lab_out_payload(&o, payload, s->set->payload);
	}
	const size_t len = lab_out_end(&o);
	if (len == 0 || dtls_send(s->host.engine, p->conn, buffer, len) != DTLS_OK)
		s->counts.other++;
}

static void send_empty(struct sink *s, struct sink_peer *p, enum lab_type type, uint16_t id)
{
	uint8_t buffer[LAB_HEADER];
	struct lab_out o;
	lab_out_begin(&o, buffer, sizeof(buffer), &(struct lab_head){ .type = type, .id = id });
	if (dtls_send(s->host.engine, p->conn, buffer, lab_out_end(&o)) != DTLS_OK)
		s->counts.other++;
}

static void take_response(struct sink *s, struct sink_peer *p, const struct lab_msg *m)
{
	uint32_t token = 0;
	if (m->head.type == LAB_CON)
		send_empty(s, p, LAB_ACK, m->head.id);
	if (m->head.token_len == sizeof(token))
		memcpy(&token, m->head.token, sizeof(token));
	if (m->observe != LAB_ABSENT)
		s->counts.notes++;
	else
		sink_drive_answered(s, p, token);
}

void sink_take(struct sink *s, struct sink_peer *p, const uint8_t *msg, size_t len)
{
	struct lab_msg m;
	if (!lab_msg_parse(&m, msg, len)) {
		s->counts.malformed++;
		return;
	}
	if (lab_is_request(m.head.code) && m.head.type <= LAB_NON)
		answer(s, p, &m);
	else if (lab_is_response(m.head.code))
		take_response(s, p, &m);
	else if (m.head.type == LAB_CON)
		send_empty(s, p, LAB_RST, m.head.id); /* a ping */
}
