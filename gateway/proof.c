/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proof.h"

#include "dtls/engine.h"
#include "gateway/material.h"
#include "gateway/waves.h"
#include "gateway/worker.h"
#include "store/store.h"

#include <string.h>

_Static_assert((int)STORE_TRACE == (int)DTLS_TRACE, "what is remembered fits a row");
_Static_assert((int)STORE_CHAIN_MAX == (int)DTLS_TRACES, "what is remembered fits a row");

static const uint64_t second_ms = 1000;

uint64_t gw_proof_born(void *worker)
{
	const struct gw_worker *const w = worker;
	uint64_t newest = 1; /* 0 would be the store's to fill in, with what it has given since */
	for (unsigned which = 0; which < GW_WAVES; which++) {
		for (size_t place = 0; place < GW_MATERIAL_PLACES; place++) {
			const uint64_t at =
				gw_material_wave(w->material, (enum gw_wave)which, place);
			newest = at > newest ? at : newest;
		}
	}
	return newest;
}

void gw_proof_to_store(const struct dtls_belief *b, struct store_proof *out)
{
	*out = (struct store_proof){ .len = b->len };
	if (b->len == 0)
		return;
	out->until_ms = b->until_s > UINT64_MAX / second_ms ? UINT64_MAX : b->until_s * second_ms;
	memcpy(out->anchor, b->anchor, sizeof(out->anchor));
	memcpy(out->chain, b->chain, sizeof(out->chain));
}

void gw_proof_from_store(const struct store_proof *p, struct dtls_belief *out)
{
	*out = (struct dtls_belief){ .until_s = p->until_ms / second_ms, .len = p->len };
	memcpy(out->anchor, p->anchor, sizeof(out->anchor));
	memcpy(out->chain, p->chain, sizeof(out->chain));
}

void gw_proof_write(struct dtls_conn *c, struct store_assoc *a)
{
	const struct dtls_proved *const proved = dtls_conn_proved(c);
	a->born = proved ? proved->born : 0;
	gw_proof_to_store(proved ? &proved->belief : &(struct dtls_belief){ .len = 0 }, &a->proof);
	dtls_conn_forget_proved(c);
}

bool gw_proof_is_over(const struct store_proof *p, int64_t now_s)
{
	return p->len > 0 && now_s >= 0 && p->until_ms / second_ms <= (uint64_t)now_s;
}
