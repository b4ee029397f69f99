/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/credentials_ops.h"

#include "base/log.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "conf/cred_build.h"
#include "conf/credentials.h"
#include "conf/fail.h"
#include "gateway/clock.h"
#include "gateway/credentials_choose.h"
#include "gateway/credentials_parts.h"
#include "gateway/credentials_plan.h"
#include "gateway/credentials_shown.h"
#include "store/staging.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(
	(int)CTL_NAME_MAX == (int)STORE_ENDPOINT_MAX &&
		(int)CTL_NAME_MAX == (int)STORE_IDENTITY_MAX &&
		(int)CTL_NAME_MAX == (int)CRED_IDENTITY_MAX &&
		(int)CTL_KEY_MAX == (int)STORE_KEY_MAX && (int)CTL_KEY_MAX == (int)CRED_KEY_MAX &&
		(int)CTL_PIN_LEN == (int)CRED_PIN_LEN && (int)CTL_PIN_LEN == (int)STORE_PIN_LEN,
	"names and keys are of one size everywhere");
_Static_assert((int)CTL_CRED_PSK == (int)CRED_PSK && (int)CTL_CRED_RAW_KEY == (int)CRED_RAW_KEY &&
		       (int)CTL_CRED_CERTIFICATE == (int)CRED_CERTIFICATE,
	"a kind is the same everywhere");
_Static_assert((int)CTL_LABELS_MAX + 1 == (int)CONF_LABELS_TEXT, "and so are labels");

struct gw_credentials *gw_credentials_new(const struct gw_credentials_settings *s)
{
	struct gw_credentials *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->s = *s;
	c->reader = store_reader_new(s->store);
	if (c->reader != NULL)
		return c;
	free(c);
	return NULL;
}

void gw_credentials_free(struct gw_credentials *c)
{
	if (c == NULL)
		return;
	store_reader_free(c->reader);
	free(c);
}

void *gw_credentials_owner(void *ctx)
{
	const struct gw_credentials *c = ctx;
	return c->s.owner;
}

struct cred_plan_by gw_cred_plan_by(
	const struct gw_credentials *c, const char *name, enum cred_plan_mode mode)
{
	return (struct cred_plan_by){
		.store = c->s.store,
		.folder = c->s.folder,
		.reader = c->reader,
		.name = name,
		.mode = mode,
		.now_ms = gw_clock_shown_ms(),
		.overlap_s = c->s.overlap_s,
		.changed = c->s.changed,
		.ctx = c->s.ctx,
	};
}

/* --- the file -------------------------------------------------------------------------------- */

void gw_cred_log_made(
	const struct gw_credentials *c, const char *name, const struct cred_plan_made *m)
{
	log_say(c->s.log, LOG_LEVEL_INFO, "credentials",
		"%s: %zu added, %zu replaced, %zu revoked, %zu as they were", name, m->added,
		m->replaced, m->revoked, m->same);
}

bool gw_credentials_sync(struct gw_credentials *c, const struct cred_set *file, const char *name,
	struct conf_error *error)
{
	const struct cred_plan_by by = gw_cred_plan_by(c, name, CRED_PLAN_FILE);
	struct cred_plan_made m;
	if (!cred_plan_do(&by, file, &m, error))
		return false;
	gw_cred_log_made(c, name, &m);
	if (m.kept > 0)
		log_say(c->s.log, LOG_LEVEL_WARN, "credentials",
			"%s:%u: %s was %s, which stands; %zu more differ; remedy: take "
			"them out of the file, or have it say the same",
			name, cred_line(file, m.kept_first), cred_endpoint(file, m.kept_first),
			m.kept_learned ? "learned from bootstrap"
				       : "changed or revoked by lwgatectl",
			m.kept - 1);
	return true;
}

/* --- one and many ---------------------------------------------------------------------------- */

void gw_cred_said_error(struct ctl_said *said, const struct conf_error *e)
{
	(void)snprintf(said->text, sizeof(said->text), "%s", e->text);
}

static struct cred_octets part(const void *at, size_t len, unsigned line)
{
	return (struct cred_octets){ .at = len == 0 ? NULL : at, .len = len, .line = line };
}

static bool add_terms(
	const char *name, const struct ctl_cred *c, struct cred_draft *d, struct conf_error *error)
{
	struct cred_terms *const t = &d->terms;
	t->says_labels = c->says_labels;
	t->says_until = c->says_until;
	t->says_overlap = c->says_overlap;
	t->until_ms = c->says_until ? c->until_ms : 0;
	t->overlap_s = c->says_overlap ? c->overlap_s : 0;
	t->says_purpose = c->purpose != CTL_FOR_UNSAID && c->purpose != CTL_FOR_SMS;
	t->purpose = t->says_purpose ? (enum conf_purpose)((int)c->purpose - 1) : CONF_FOR_ANY;
	t->says_repository = c->says_repository;
	t->repository = c->says_repository && c->repository;
	const char *const why = c->says_labels ? conf_labels_read(c->labels, &t->labels) : NULL;
	return why == NULL || conf_fail(error, name, c->line, "labels: %s", why);
}

bool gw_cred_add_to(struct cred_build *b, const struct ctl_cred *c, struct conf_error *error)
{
	const size_t endpoint_len = strlen(c->endpoint);
	struct cred_draft d = { .line = c->line,
		.kind = (enum cred_kind)c->kind,
		.own_pin = c->own_pin,
		.sms = c->sms };
	d.parts[CRED_ENDPOINT] = part(c->endpoint, endpoint_len, c->line);
	/* Whoever says no PSK identity means the endpoint's name (RFC 7925 section 4.2.1). */
	d.parts[CRED_IDENTITY] = c->identity_len == 0 && c->kind == CTL_CRED_PSK
					 ? part(c->endpoint, endpoint_len, c->line)
					 : part(c->identity, c->identity_len, c->line);
	d.parts[CRED_PIN] = part(c->pin, c->pinned ? sizeof(c->pin) : 0, c->line);
	if (c->has_keys) {
		d.parts[CRED_KEY] = part(c->key, c->key_len, c->line);
		d.parts[CRED_UPSTREAM_KEY] = part(c->upstream_key, c->upstream_key_len, c->line);
	}
	d.parts[CRED_UPSTREAM_IDENTITY] =
		part(c->upstream_identity, c->upstream_identity_len, c->line);
	return add_terms(b->name, c, &d, error) && cred_build_add(b, &d, error);
}

struct cred_set *gw_cred_set_of(const struct gw_credentials *c, const char *name,
	const struct ctl_cred *one, struct conf_error *error)
{
	struct cred_build b;
	if (!cred_build_begin(&b, name, NULL, 0, c->s.derives)) {
		(void)conf_fail(error, name, 0, "no memory; free some");
		return NULL;
	}
	if (gw_cred_add_to(&b, one, error))
		return cred_build_end(&b, error);
	cred_build_abort(&b);
	return NULL;
}

/* One credential from lwgatectl. */
static enum ctl_status do_one(struct gw_credentials *c, const struct ctl_cred *one,
	enum cred_plan_mode mode, struct ctl_said *said)
{
	const struct cred_plan_by by = gw_cred_plan_by(c, one->endpoint, mode);
	struct conf_error error;
	struct cred_plan_made m;
	struct cred_set *set = gw_cred_set_of(c, one->endpoint, one, &error);
	const bool ok = set != NULL && cred_plan_do(&by, set, &m, &error);
	cred_free(set);
	if (!ok) {
		gw_cred_said_error(said, &error);
		return CTL_FAILED;
	}
	const char *what = m.added > 0 ? "added" : m.replaced > 0 ? "replaced" : "is as it was";
	(void)snprintf(said->text, sizeof(said->text), "%s: %s%s", one->endpoint, what,
		m.overlaps > 0 ? "; what it has proved until now is taken for a while yet" : "");
	log_say(c->s.log, LOG_LEVEL_INFO, "credential", "%s %s, by lwgatectl", one->endpoint, what);
	return CTL_DONE;
}

static enum ctl_status add(void *ctx, const struct ctl_cred *one, struct ctl_said *said)
{
	return do_one(ctx, one, CRED_PLAN_ADD, said);
}

/* The credential of an endpoint, whatever its state; out is wiped unless CTL_DONE. */
static enum ctl_status find(const struct gw_credentials *c, const char *endpoint,
	enum ctl_purpose purpose, struct store_cred *out, struct ctl_said *said)
{
	struct gw_choice choice;
	return gw_choose(c->reader, endpoint, purpose, &choice, out)
		       ? CTL_DONE
		       : gw_choose_said(&choice, endpoint, purpose, said);
}

static void take(uint8_t *to, uint8_t *to_len, const uint8_t *from, uint8_t from_len)
{
	memcpy(to, from, from_len);
	*to_len = from_len;
}

/* Neither is a card's key shown, so that it need not be said again. */
static void complete_ota(struct cred_renew *x, const struct store_renew *old)
{
	if (x->how != CRED_RENEW_SMARTCARD || old->how != STORE_RENEW_SMARTCARD ||
		x->ota.key_len > 0)
		return;
	x->ota.key_len = old->ota.key_len;
	memcpy(x->ota.key, old->ota.key, sizeof(x->ota.key));
}

/* What the device proves: a name alone has no pin any more, a pin alone leaves the name. */
static void complete_proof(struct ctl_cred *c, const struct store_cred *old)
{
	/* A key alone is a new one of what it is. */
	const bool sms =
		old->kind == STORE_CRED_SMS && c->kind == CTL_CRED_PSK && c->identity_len == 0;
	const bool unsaid =
		sms || (c->kind == CTL_CRED_PSK && c->identity_len == 0 && c->key_len == 0);
	if (unsaid)
		c->kind = (enum ctl_cred_kind)old->kind;
	if ((int)c->kind != (int)old->kind)
		return; /* nothing of another kind is of use */
	if (unsaid && old->pinned) {
		c->pinned = true;
		memcpy(c->pin, old->pin, sizeof(c->pin));
	}
	if (c->identity_len == 0)
		take(c->identity, &c->identity_len, old->identity, old->identity_len);
	if (c->key_len == 0)
		take(c->key, &c->key_len, old->key, old->key_len);
	if (sms)
		c->sms = gw_cred_agreed(&old->sms);
	complete_ota(&c->sms.renew, &old->sms.renew);
}

/* What is not said anew stays. */
static void complete(struct ctl_cred *c, const struct store_cred *old)
{
	if (!c->has_keys)
		c->key_len = c->upstream_key_len = c->sms.renew.ota.key_len = 0;
	c->has_keys = true;
	complete_proof(c, old);
	if (c->upstream_key_len == 0)
		take(c->upstream_key, &c->upstream_key_len, old->upstream_key,
			old->upstream_key_len);
	if (c->upstream_identity_len == 0)
		take(c->upstream_identity, &c->upstream_identity_len, old->upstream_identity,
			old->upstream_identity_len);
	if (old->kind != STORE_CRED_SMS)
		c->purpose = (enum ctl_purpose)(1 + old->purpose);
}

static enum ctl_status replace(void *ctx, const struct ctl_cred *one, struct ctl_said *said)
{
	struct gw_credentials *c = ctx;
	struct ctl_cred whole = *one;
	struct store_cred old;
	const bool sms = one->kind == CTL_CRED_SMS;
	enum ctl_status status =
		find(c, one->endpoint, sms ? CTL_FOR_SMS : one->purpose, &old, said);
	if (status == CTL_DONE && old.state == STORE_CRED_REVOKED) {
		status = CTL_FAILED;
		(void)snprintf(said->text, sizeof(said->text),
			"%s: is revoked; `lwgatectl credential add` makes a new one",
			one->endpoint);
	} else if (status == CTL_DONE) {
		complete(&whole, &old);
		status = do_one(c, &whole, CRED_PLAN_REPLACE, said);
	}
	wipe(&old, sizeof(old));
	wipe(&whole, sizeof(whole));
	return status;
}

static enum ctl_status revoke(
	void *ctx, const char *endpoint, enum ctl_purpose purpose, struct ctl_said *said)
{
	struct gw_credentials *c = ctx;
	struct store_cred old;
	struct conf_error error;
	const struct cred_plan_by by = gw_cred_plan_by(c, endpoint, CRED_PLAN_REPLACE);
	enum ctl_status status = find(c, endpoint, purpose, &old, said);
	if (status != CTL_DONE)
		return status;
	if (old.state == STORE_CRED_REVOKED && cred_stands_over_file(&old)) {
		(void)snprintf(said->text, sizeof(said->text), "%s: was revoked already", endpoint);
	} else if (cred_plan_revoke(&by, &old, &error)) {
		(void)snprintf(said->text, sizeof(said->text),
			"%s: revoked; it does not come in any more, and the policy decides what "
			"becomes of its session",
			endpoint);
		log_say(c->s.log, LOG_LEVEL_INFO, "credential", "%s revoked, by lwgatectl",
			endpoint);
	} else {
		gw_cred_said_error(said, &error);
		status = CTL_FAILED;
	}
	wipe(&old, sizeof(old));
	return status;
}

/* --- looking --------------------------------------------------------------------------------- */

/* What is staged beside it; where that cannot be read, nothing is shown. */
static void add_staged(const struct gw_credentials *c, struct ctl_cred *out)
{
	struct store_staged s;
	if (store_read_staged(c->reader, out->number, &s) == STORE_OK) {
		out->staged = (struct ctl_staged){ .generation = s.generation,
			.until_ms = s.until_ms,
			.kind = (enum ctl_cred_kind)s.kind,
			.armed = s.armed };
		take(out->staged.identity, &out->staged.identity_len, s.identity, s.identity_len);
	}
	wipe(&s, sizeof(s));
}

static enum ctl_status show(void *ctx, const char *endpoint, enum ctl_purpose purpose,
	struct ctl_cred *out, struct ctl_said *said)
{
	struct store_cred found;
	const enum ctl_status status = find(ctx, endpoint, purpose, &found, said);
	if (status == CTL_DONE) {
		gw_cred_shown(&found, false, out);
		add_staged(ctx, out);
		store_reader_rest(((const struct gw_credentials *)ctx)->reader);
	}
	wipe(&found, sizeof(found));
	return status;
}

static enum ctl_status next(
	void *ctx, uint32_t *number, bool secrets, struct ctl_cred *out, struct ctl_said *said)
{
	struct gw_credentials *c = ctx;
	struct store_cred found;
	/* Ours is the number to begin with, the store's the one behind which to begin. */
	uint32_t at = *number - 1;
	enum store_result r = STORE_OK;
	do {
		r = store_next_cred(c->reader, &at, &found);
	} while (r == STORE_DAMAGED && at >= *number);
	if (r == STORE_OK) {
		gw_cred_shown(&found, secrets, out);
		add_staged(c, out);
	}
	store_reader_rest(c->reader);
	if (secrets && !c->told_export)
		log_say(c->s.log, LOG_LEVEL_WARN, "credential",
			"all keys are exported, by lwgatectl");
	c->told_export = secrets && r == STORE_OK;
	*number = r == STORE_OK ? at + 1 : 0;
	wipe(&found, sizeof(found));
	if (r == STORE_OK || r == STORE_NONE)
		return CTL_DONE;
	(void)snprintf(said->text, sizeof(said->text),
		"the store cannot be read: what is on the disk of store.path is damaged (see "
		"store-damaged), or the disk has failed; put a backup back");
	return CTL_FAILED;
}

struct ctl_store_source gw_credentials_source(struct gw_credentials *c)
{
	return (struct ctl_store_source){
		.ctx = c,
		.add = add,
		.replace = replace,
		.revoke = revoke,
		.show = show,
		.next = next,
		.import_begin = gw_cred_import_begin,
		.import_stage = gw_cred_import_stage,
		.import_commit = gw_cred_import_commit,
		.import_abort = gw_cred_import_abort,
		.import_dry = gw_cred_import_dry,
		.import_try = gw_cred_import_try,
	};
}
