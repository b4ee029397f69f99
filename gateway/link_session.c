/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/link_session.h"

#include "base/vault.h"
#include "gateway/session.h"
#include "gateway/worker.h"

#include <stddef.h>
#include <string.h>

/* As long as it must be: of what the server was believed by only what there is of it. */
struct gw_kept {
	size_t size;
	uint64_t generation, born;
	uint32_t cred;
	uint8_t id_len;
	uint8_t belief_len; /* octets of struct dtls_belief, before the session */
	uint8_t id[DTLS_SESSION_ID_MAX];
	uint8_t octets[];
};

static size_t belief_size(const struct dtls_belief *b)
{
	return b->len > 0 ? offsetof(struct dtls_belief, chain) + (size_t)b->len * DTLS_TRACE : 0;
}

void gw_link_session_drop(struct gw_session *s)
{
	if (!s->kept)
		return;
	s->worker->link_session_bytes -= s->kept->size;
	vault_release(s->kept);
	s->kept = NULL;
}

void gw_link_sessions_drop(struct gw_worker *w)
{
	for (struct gw_session *s = w->sessions; s; s = s->next)
		gw_link_session_drop(s);
}

void gw_link_session_keep(void *worker, void *user, const struct dtls_resumable *r)
{
	struct gw_worker *const w = worker;
	struct gw_session *const s = user;
	if (!s)
		return;
	gw_link_session_drop(s);
	if (s->link_reload != w->reloads)
		return; /* a reload has overtaken the handshake: it was made on the old trust */
	const size_t belief = belief_size(&r->proved.belief);
	const size_t size = sizeof(*s->kept) + belief + r->len;
	if (w->link_session_bytes + size > GW_LINK_SESSIONS)
		return;
	s->kept = vault_alloc(size);
	if (!s->kept)
		return;
	*s->kept = (struct gw_kept){ .size = size,
		.generation = r->generation,
		.cred = r->cred,
		.born = r->proved.born,
		.id_len = (uint8_t)r->id_len,
		.belief_len = (uint8_t)belief };
	memcpy(s->kept->id, r->id, sizeof(r->id));
	memcpy(s->kept->octets, &r->proved.belief, belief);
	memcpy(s->kept->octets + belief, r->session, r->len);
	w->link_session_bytes += size;
}

bool gw_link_session_find(const struct gw_session *s, struct dtls_resumable *out)
{
	const struct gw_kept *const k = s->kept;
	if (!k)
		return false;
	*out = (struct dtls_resumable){ .id_len = k->id_len,
		.cred = k->cred,
		.generation = k->generation,
		.proved = { .born = k->born },
		.len = k->size - sizeof(*k) - k->belief_len };
	memcpy(out->id, k->id, sizeof(out->id));
	memcpy(&out->proved.belief, k->octets, k->belief_len);
	memcpy(out->session, k->octets + k->belief_len, out->len);
	return true;
}
