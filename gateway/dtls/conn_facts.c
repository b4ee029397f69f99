/* SPDX-License-Identifier: Apache-2.0 */
/* What an association tells of itself. */
#include "dtls/state.h"

#include <stdlib.h>

void *dtls_conn_user(const struct dtls_conn *c)
{
	return c->user;
}

void dtls_conn_set_user(struct dtls_conn *c, void *user)
{
	c->user = user;
}

const struct net_path *dtls_conn_path(const struct dtls_conn *c)
{
	return &c->node.path;
}

const uint8_t *dtls_conn_cid(const struct dtls_conn *c, size_t *len)
{
	*len = c->assoc.cid_in_len;
	return *len > 0 ? c->assoc.cid_in : NULL;
}

bool dtls_conn_is_adrift(const struct dtls_conn *c)
{
	return c->adrift;
}

uint32_t dtls_conn_cred(const struct dtls_conn *c)
{
	return c->cred;
}

uint64_t dtls_conn_generation(const struct dtls_conn *c)
{
	return c->generation;
}

const struct dtls_proved *dtls_conn_proved(const struct dtls_conn *c)
{
	return c->proved;
}

void dtls_conn_forget_proved(struct dtls_conn *c)
{
	free(c->proved);
	c->proved = NULL;
}

bool dtls_conn_resumed(const struct dtls_conn *c)
{
	return c->resumed;
}

enum dtls_role dtls_conn_role(const struct dtls_conn *c)
{
	return c->role == DTLS_SERVER ? DTLS_SERVER : DTLS_CLIENT;
}

struct dtls_conn_facts dtls_conn_facts(const struct dtls_conn *c)
{
	return (struct dtls_conn_facts){
		.records_in = c->records_in,
		.records_out = c->assoc.wseq,
		.up_ms = c->up_ms,
		.heard_ms = c->heard_ms,
		.forged = c->forged,
		.suite = c->suite,
		.fragment_max = (uint16_t)(c->fragment_code > 0 ? dtls_conn_text_max(c) : 0),
		.encrypt_then_mac = dtls_assoc_guard(&c->assoc) == DTLS_GUARD_ETM,
		.cid_in = c->assoc.cid_in,
		.cid_out = c->assoc.cid_out,
		.cid_in_len = c->assoc.cid_in_len,
		.cid_out_len = c->assoc.cid_out_len,
		.routability = c->routability,
		.moves = c->moves,
	};
}
