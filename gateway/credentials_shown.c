/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/credentials_shown.h"

#include "base/wipe.h"
#include "conf/labels.h"
#include "gateway/clock.h"

#include <string.h>

struct cred_sms gw_cred_agreed(const struct store_sms *x)
{
	struct cred_sms out = { .profile = x->profile,
		.spi2 = x->spi2,
		.kic = x->kic,
		.kid = x->kid,
		.cc_len = x->cc_len };
	memcpy(out.tar, x->tar, sizeof(out.tar));
	memcpy(&out.renew, &x->renew, sizeof(out.renew)); /* the same, see credentials_fill */
	return out;
}

struct card_ota gw_cred_ota(const struct store_ota *x)
{
	struct card_ota out = { .spi2 = x->spi2,
		.kic = x->kic,
		.kid = x->kid,
		.cc_len = x->cc_len,
		.key_len = x->key_len,
		.path_len = x->path_len,
		.format = x->format };
	memcpy(out.tar, x->tar, sizeof(out.tar));
	memcpy(out.key, x->key, sizeof(out.key));
	memcpy(out.path, x->path, sizeof(out.path));
	return out;
}

static enum ctl_cred_state state_of(const struct store_cred *s)
{
	if (s->state != STORE_CRED_ACTIVE)
		return CTL_CRED_REVOKED;
	return s->until_ms != 0 && s->until_ms <= gw_clock_shown_ms() ? CTL_CRED_EXPIRED
								      : CTL_CRED_ACTIVE;
}

static enum ctl_cred_origin origin_of(const struct store_cred *s)
{
	if (s->origin == STORE_BY_BOOTSTRAP)
		return CTL_CRED_BY_BOOTSTRAP;
	return s->origin == STORE_BY_FILE ? CTL_CRED_BY_FILE : CTL_CRED_BY_CONTROL;
}

static void labels_text(const struct store_cred *s, char out[CTL_LABELS_MAX + 1])
{
	struct conf_labels l = { 0 };
	for (size_t i = 0; i < s->labels_len && i < STORE_LABELS_MAX; i++)
		(void)!conf_labels_add(&l, s->labels[i], strlen(s->labels[i]));
	(void)conf_labels_text(&l, out);
}

void gw_cred_shown(const struct store_cred *s, bool secrets, struct ctl_cred *out)
{
	*out = (struct ctl_cred){
		.number = s->number,
		.generation = s->generation,
		.changed_ms = s->changed_ms,
		.state = state_of(s),
		.origin = origin_of(s),
		.kind = (enum ctl_cred_kind)s->kind,
		.pinned = s->pinned,
		.key_len = s->key_len,
		.upstream_key_len = s->upstream_key_len,
		.has_keys = secrets,
		.says_labels = true,
		.says_until = true,
		.says_repository = true,
		.purpose = (enum ctl_purpose)(1 + s->purpose),
		.repository = s->repository,
		.until_ms = s->until_ms,
	};
	if (s->before.generation != 0 && gw_clock_shown_ms() < s->before.until_ms) {
		out->before_generation = s->before.generation;
		out->before_until_ms = s->before.until_ms;
	}
	out->sms = gw_cred_agreed(&s->sms);
	labels_text(s, out->labels);
	memcpy(out->endpoint, s->endpoint, sizeof(out->endpoint));
	memcpy(out->pin, s->pin, sizeof(out->pin));
	out->identity_len = s->identity_len;
	memcpy(out->identity, s->identity, s->identity_len);
	out->upstream_identity_len = s->upstream_identity_len;
	memcpy(out->upstream_identity, s->upstream_identity, s->upstream_identity_len);
	if (!secrets) {
		wipe(out->sms.renew.ota.key, sizeof(out->sms.renew.ota.key));
		return;
	}
	memcpy(out->key, s->key, s->key_len);
	memcpy(out->upstream_key, s->upstream_key, s->upstream_key_len);
}
