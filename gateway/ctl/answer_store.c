/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/answer.h"

#include <string.h>

#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"
#include "ctl/show.h"

enum { PAGE_CREDS = 256 };

static enum ctl_status cannot(const struct ctl_ask *a)
{
	return ctl_say(a, CTL_FAILED, "this gateway has no store; set store.path");
}

static enum ctl_status put(const struct ctl_ask *a)
{
	const struct ctl_store_source *s = &a->source->store;
	struct rd r = rd_from(a->q->body, a->q->body_len);
	struct ctl_said said = { "" };
	struct ctl_cred c;
	enum ctl_status (*const act)(void *, const struct ctl_cred *, struct ctl_said *) =
		a->q->verb == CTL_CRED_ADD ? s->add : s->replace;
	const bool good = ctl_cred_read(&r, &c) && rd_end(&r);
	enum ctl_status status = CTL_FAILED;
	if (!good)
		status = ctl_say_malformed(a);
	else if (act == NULL)
		status = cannot(a);
	else
		status = ctl_say(a, act(s->ctx, &c, &said), said.text);
	wipe(&c, sizeof(c));
	return status;
}

static enum ctl_status revoke(const struct ctl_ask *a)
{
	const struct ctl_store_source *s = &a->source->store;
	struct ctl_said said = { "" };
	enum ctl_purpose purpose;
	if (!ctl_ask_purpose(a, &purpose))
		return ctl_say_malformed(a);
	if (s->revoke == NULL)
		return cannot(a);
	const enum ctl_status status = s->revoke(s->ctx, a->q->arg, purpose, &said);
	return ctl_say(a, status, said.text);
}

/* Its keys stay here, whoever asks. */
static void put_cred(struct ctl_out *o, const struct ctl_cred *c, bool secrets)
{
	uint8_t wire[CTL_CRED_MAX];
	struct wr w = wr_into(wire, sizeof(wire));
	struct ctl_cred copy = *c;
	copy.has_keys = copy.has_keys && secrets;
	ctl_cred_write(&w, &copy);
	ctl_out_bytes(o, wire, w.len);
	wipe(&copy, sizeof(copy));
	wipe(wire, sizeof(wire));
}

static enum ctl_status show(const struct ctl_ask *a)
{
	const struct ctl_store_source *s = &a->source->store;
	struct ctl_said said = { "" };
	struct ctl_cred c = { 0 };
	enum ctl_purpose purpose;
	if (!ctl_ask_purpose(a, &purpose))
		return ctl_say_malformed(a);
	if (s->show == NULL)
		return cannot(a);
	const enum ctl_status status = s->show(s->ctx, a->q->arg, purpose, &c, &said);
	if (status == CTL_DONE)
		put_cred(a->out, &c, false);
	else
		(void)ctl_say(a, status, said.text);
	wipe(&c, sizeof(c));
	return status;
}

/* The place of `from` is filled in when the page is whole. */
static enum ctl_status page(const struct ctl_ask *a)
{
	const struct ctl_store_source *s = &a->source->store;
	struct rd r = rd_from(a->q->body, a->q->body_len);
	struct ctl_said said = { "" };
	struct ctl_cred c = { 0 };
	uint8_t at[4];
	uint32_t from = rd_u32(&r);
	const bool secrets = rd_u8(&r) != 0;
	if (!rd_end(&r))
		return ctl_say_malformed(a);
	if (s->next == NULL)
		return cannot(a);
	const size_t place = a->out->len;
	enum ctl_status status = CTL_DONE;
	from = from == 0 ? 1 : from; /* credentials are numbered from 1 */
	ctl_out_bytes(a->out, (const uint8_t[4]){ 0 }, sizeof(at));
	for (size_t i = 0; i < PAGE_CREDS && from != 0 && status == CTL_DONE; i++) {
		status = s->next(s->ctx, &from, secrets, &c, &said);
		if (status == CTL_DONE && from != 0)
			put_cred(a->out, &c, secrets);
	}
	wipe(&c, sizeof(c));
	if (status != CTL_DONE) {
		a->out->len = place;
		return ctl_say(a, status, said.text);
	}
	struct wr w = wr_into(at, sizeof(at));
	wr_u32(&w, from);
	if (!a->out->bad)
		memcpy(a->out->data + place, at, sizeof(at));
	return CTL_DONE;
}

/* --- import ----------------------------------------------------------------------------------- */

static void abort_import(const struct ctl_ask *a)
{
	if (*a->import != NULL)
		a->source->store.import_abort(a->source->store.ctx, *a->import);
	*a->import = NULL;
}

static enum ctl_status import_begin(const struct ctl_ask *a)
{
	const struct ctl_store_source *s = &a->source->store;
	struct ctl_said said = { "" };
	if (s->import_begin == NULL)
		return cannot(a);
	if (a->q->body_len != 1)
		return ctl_say_malformed(a);
	const uint8_t how = a->q->body[0];
	if ((how & CTL_IMPORT_DRY) != 0 && s->import_dry == NULL)
		return cannot(a);
	abort_import(a);
	*a->import = s->import_begin(s->ctx, a->q->arg, (how & CTL_IMPORT_REPLACE) != 0, &said);
	if (*a->import != NULL && (how & CTL_IMPORT_DRY) != 0)
		s->import_dry(s->ctx, *a->import);
	return ctl_say(a, *a->import == NULL ? CTL_FAILED : CTL_DONE, said.text);
}

static enum ctl_status import_stage(const struct ctl_ask *a)
{
	const struct ctl_store_source *s = &a->source->store;
	struct rd r = rd_from(a->q->body, a->q->body_len);
	struct ctl_said said = { "" };
	struct ctl_cred c = { 0 };
	enum ctl_status status = CTL_DONE;
	if (*a->import == NULL)
		return ctl_say(a, CTL_FAILED, "no import has begun here; begin again");
	while (status == CTL_DONE && r.left > 0) {
		if (!ctl_cred_read(&r, &c)) {
			wipe(&c, sizeof(c));
			abort_import(a);
			return ctl_say_malformed(a);
		}
		status = s->import_stage(s->ctx, *a->import, &c, &said);
	}
	wipe(&c, sizeof(c));
	if (status != CTL_DONE)
		abort_import(a);
	return ctl_say(a, status, said.text);
}

static enum ctl_status import_commit(const struct ctl_ask *a)
{
	const struct ctl_store_source *s = &a->source->store;
	struct ctl_said said = { "" };
	if (*a->import == NULL)
		return ctl_say(a, CTL_FAILED, "no import has begun here; begin again");
	const enum ctl_status status = s->import_commit(s->ctx, *a->import, &said);
	*a->import = NULL;
	return ctl_say(a, status, said.text);
}

static enum ctl_status import_try(const struct ctl_ask *a)
{
	const struct ctl_store_source *s = &a->source->store;
	struct ctl_said said = { "" };
	if (*a->import == NULL || s->import_try == NULL)
		return ctl_say(a, CTL_FAILED, "no import has begun here; begin again");
	const enum ctl_status status = s->import_try(s->ctx, *a->import, a->out, &said);
	*a->import = NULL;
	return status == CTL_DONE ? status : ctl_say(a, status, said.text);
}

/* --- the store's keys ------------------------------------------------------------------------- */

static bool read_rewrap(const struct ctl_ask *a, struct ctl_rewrap *out)
{
	struct rd r = rd_from(a->q->body, a->q->body_len);
	const uint8_t kind = rd_u8(&r);
	*out = (struct ctl_rewrap){ .kind = CTL_KEK_KEY };
	if (kind == CTL_KEK_KEY)
		rd_copy(&r, out->key, sizeof(out->key));
	memcpy(out->name, a->q->arg, sizeof(out->name));
	if (!rd_end(&r) || kind > CTL_KEK_TPM || (kind == CTL_KEK_KEY) != (out->name[0] == '\0'))
		return false;
	out->kind = (enum ctl_kek)kind;
	return true;
}

static enum ctl_status rewrap(const struct ctl_ask *a)
{
	const struct ctl_store_source *s = &a->source->store;
	struct ctl_said said = { "" };
	struct ctl_rewrap r;
	enum ctl_status status = CTL_FAILED;
	if (!read_rewrap(a, &r))
		status = ctl_say_malformed(a);
	else if (s->rewrap == NULL)
		status = cannot(a);
	else
		status = ctl_say(a, s->rewrap(s->ctx, &r, &said), said.text);
	wipe(&r, sizeof(r));
	return status;
}

static enum ctl_status rotate(const struct ctl_ask *a)
{
	const struct ctl_store_source *s = &a->source->store;
	struct ctl_said said = { "" };
	if (s->rotate == NULL)
		return cannot(a);
	const enum ctl_status status = s->rotate(s->ctx, &said);
	return ctl_say(a, status, said.text);
}

static enum ctl_status facts(const struct ctl_ask *a)
{
	const struct ctl_store_source *s = &a->source->store;
	struct ctl_store_facts f = { 0 };
	if (s->facts == NULL)
		return cannot(a);
	s->facts(s->ctx, &f);
	ctl_show_store(a->out, a->q->form, &f);
	return CTL_DONE;
}

enum ctl_status ctl_answer_store(const struct ctl_ask *a)
{
	static enum ctl_status (*const verbs[CTL_VERBS])(const struct ctl_ask *) = {
		[CTL_CRED_ADD] = put,
		[CTL_CRED_REPLACE] = put,
		[CTL_CRED_REVOKE] = revoke,
		[CTL_CRED_SHOW] = show,
		[CTL_CRED_PAGE] = page,
		[CTL_IMPORT_BEGIN] = import_begin,
		[CTL_IMPORT_STAGE] = import_stage,
		[CTL_IMPORT_COMMIT] = import_commit,
		[CTL_IMPORT_TRY] = import_try,
		[CTL_STORE_STATUS] = facts,
		[CTL_STORE_REWRAP] = rewrap,
		[CTL_STORE_ROTATE] = rotate,
	};
	return verbs[a->q->verb](a);
}
