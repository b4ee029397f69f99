/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a record, for who wants to know: by the name of what counted it. */
#include "base/attr.h"
#include "dtls/state.h"

#include <stddef.h>

static const struct {
	size_t at;
	const char *name;
} reasons[] = {
	{ offsetof(struct dtls_stats, junk), "junk" },
	{ offsetof(struct dtls_stats, replayed), "replayed" },
	{ offsetof(struct dtls_stats, forged), "forged" },
	{ offsetof(struct dtls_stats, untried), "untried" },
	{ offsetof(struct dtls_stats, early), "early" },
	{ offsetof(struct dtls_stats, late), "late" },
	{ offsetof(struct dtls_stats, beyond), "beyond" },
	{ offsetof(struct dtls_stats, unproven), "unproven" },
	{ offsetof(struct dtls_stats, unwoken), "unwoken" },
	{ offsetof(struct dtls_stats, unknown_cid), "unknown_cid" },
	{ offsetof(struct dtls_stats, stray), "stray" },
	{ offsetof(struct dtls_stats, refused_full), "refused_full" },
	{ offsetof(struct dtls_stats, deferred), "deferred" },
	{ offsetof(struct dtls_stats, unanswered), "unanswered" },
	{ offsetof(struct dtls_stats, no_memory), "no_memory" },
};

static const char *why(const struct dtls_arrival *a)
{
	const char *const stats = (const char *)&a->e->stats;
	if (!a->dropped)
		return NULL;
	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		if ((const char *)a->reason == stats + reasons[i].at)
			return reasons[i].name;
	}
	return "dropped";
}

static struct dtls_fated fated(const struct dtls_arrival *a)
{
	return (struct dtls_fated){ .role = a->role,
		.path = a->path,
		.cred = a->cred,
		.len = a->len,
		.epoch = a->record->epoch,
		.seq = a->record->seq,
		.type = a->record->type,
		.is_message = a->delivered,
		.why = why(a) };
}

void dtls_fate_tell(const struct dtls_arrival *a)
{
	const struct dtls_owner *const o = &a->e->owner;
	const struct dtls_fated f = fated(a);
	if (o->fate)
		o->fate(o->ctx, &f);
}

void dtls_trace(struct dtls_engine *e, bool on)
{
	e->tells = on;
}

bool dtls_arrived(const struct dtls_engine *e, struct dtls_fated *out)
{
	if (!e->arrival || !e->arrival->record)
		return false;
	*out = fated(e->arrival);
	return true;
}
