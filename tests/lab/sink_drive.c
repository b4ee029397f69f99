/* SPDX-License-Identifier: Apache-2.0 */
/* GET /3/0 down to the devices, at a window over all of them, each device at most one. */
#include <string.h>

#include "tests/lab/msg.h"
#include "tests/lab/sink.h"

enum { REQUEST_MAX = 64 };

static void ask(struct sink *s, struct sink_peer *p)
{
	uint8_t buffer[REQUEST_MAX];
	struct lab_head head = { .type = LAB_NON,
		.code = LAB_GET,
		.id = s->next_id++,
		.token_len = sizeof(s->next_token) };
	struct lab_out o;
	p->token = ++s->next_token;
	memcpy(head.token, &p->token, sizeof(p->token));
	lab_out_begin(&o, buffer, sizeof(buffer), &head);
	lab_out_parts(&o, LAB_OPT_PATH, "3/0", '/');
	lab_out_uint(&o, LAB_OPT_ACCEPT, LAB_TLV);
	if (dtls_send(s->host.engine, p->conn, buffer, lab_out_end(&o)) != DTLS_OK)
		s->counts.other++; /* counted as lost in its time */
	p->asked = true;
	s->out++;
	wheel_arm(&s->host.wheel, &p->timer, s->host.now_ms + s->set->lost_ms);
}

void sink_drive(struct sink *s)
{
	for (size_t tried = 0; s->driving && s->out < s->set->window && tried < s->keys.len;
		tried++) {
		struct sink_peer *p = &s->peers[s->at];
		s->at = (uint32_t)((s->at + 1) % s->keys.len);
		if (p->registered && !p->asked)
			ask(s, p);
	}
}

static void over(struct sink *s, struct sink_peer *p)
{
	wheel_cancel(&s->host.wheel, &p->timer);
	p->asked = false;
	s->out--;
}

void sink_drive_answered(struct sink *s, struct sink_peer *p, uint32_t token)
{
	if (!p->asked || p->token != token)
		return;
	over(s, p);
	s->counts.pairs++;
}

void sink_drive_stop(struct sink *s, struct sink_peer *p)
{
	if (!p->asked)
		return;
	over(s, p);
	s->counts.lost++;
}

void sink_drive_late(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	(void)now_ms;
	sink_drive_stop(ctx, CONTAINER_OF(t, struct sink_peer, timer));
}
