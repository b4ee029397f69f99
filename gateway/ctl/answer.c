/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "base/wr.h"
#include "ctl/show.h"

enum {
	STATUS_AT = 1,
	SENTENCE_MAX = 512,
	SEVERAL_MAX = 160,
	PAGE_HEAD = 4 + CTL_WIDTHS,
	PAGE_SLEEPERS = 256
};

/* What a verb is asked with. */
static const struct shape {
	bool arg;
	bool body;
	bool maybe;          /* an argument, or none */
	const char *missing; /* the argument */
} shapes[CTL_VERBS] = {
	[CTL_STATUS] = { false, false, false, NULL },
	[CTL_SESSIONS] = { false, true, false, NULL },
	[CTL_SESSION] = { true, true, false, "an endpoint is missing; name one" },
	[CTL_CLOSE] = { true, true, false, "an endpoint is missing; name one" },
	[CTL_CRED_ADD] = { false, true, false, NULL },
	[CTL_CRED_REPLACE] = { false, true, false, NULL },
	[CTL_CRED_REVOKE] = { true, true, false, "an endpoint is missing; name one" },
	[CTL_CRED_SHOW] = { true, true, false, "an endpoint is missing; name one" },
	[CTL_CRED_PAGE] = { false, true, false, NULL },
	[CTL_IMPORT_BEGIN] = { true, true, false, "the file's name is missing; say one" },
	[CTL_IMPORT_STAGE] = { false, true, false, NULL },
	[CTL_IMPORT_COMMIT] = { false, false, false, NULL },
	[CTL_STORE_STATUS] = { false, false, false, NULL },
	[CTL_STORE_REWRAP] = { false, true, true, NULL }, /* a name, of some kinds */
	[CTL_STORE_ROTATE] = { false, false, false, NULL },
	[CTL_UPGRADE] = { false, false, false, NULL },
	[CTL_RELOAD] = { false, false, false, NULL },
	[CTL_POLICY_TEXT] = { false, true, false, NULL },
	[CTL_POLICY_FACTS] = { false, true, true, NULL },
	[CTL_SMS_KEYS] = { true, false, false, "an endpoint is missing; name one" },
	[CTL_SMS_REFRESH] = { true, false, false, "an endpoint is missing; name one" },
	[CTL_IMPORT_TRY] = { false, false, false, NULL },
	[CTL_TRACE] = { true, true, false, "an endpoint is missing; name one" },
	[CTL_EVENTS] = { false, true, false, NULL },
	[CTL_HAPPENED] = { false, true, false, NULL },
	[CTL_UPGRADING] = { false, false, false, NULL },
};

enum ctl_status ctl_say(const struct ctl_ask *a, enum ctl_status status, const char *sentence)
{
	ctl_show_sentence(a->out, a->q->form, status, sentence);
	return status;
}

enum ctl_status ctl_say_arg(const struct ctl_ask *a, enum ctl_status status, const char *what)
{
	char sentence[SENTENCE_MAX];
	(void)snprintf(sentence, sizeof(sentence), "%s: %s", a->q->arg, what);
	return ctl_say(a, status, sentence);
}

enum ctl_status ctl_say_malformed(const struct ctl_ask *a)
{
	return ctl_say(a, CTL_BAD_REQUEST,
		"this gateway does not understand the request; use the lwgatectl of the same "
		"version");
}

bool ctl_ask_purpose(const struct ctl_ask *a, enum ctl_purpose *out)
{
	struct rd r = rd_from(a->q->body, a->q->body_len);
	const uint8_t purpose = r.left > 0 ? rd_u8(&r) : (uint8_t)CTL_FOR_UNSAID;
	*out = (enum ctl_purpose)purpose;
	return rd_end(&r) && purpose < CTL_PURPOSES;
}

static enum ctl_status late(const struct ctl_ask *a)
{
	return ctl_say(a, CTL_FAILED,
		"the workers did not answer in time; try again, or look into the log");
}

enum ctl_status ctl_say_unknown(const struct ctl_ask *a)
{
	return ctl_say_arg(a, CTL_UNKNOWN_ENDPOINT,
		"not connected and not registered here; `lwgatectl sessions` lists who is");
}

static enum ctl_status status(const struct ctl_ask *a)
{
	const struct ctl_source *s = a->source;
	const size_t len = s->workers(s->ctx);
	struct ctl_worker *w = calloc(len + 1, sizeof(*w));
	struct ctl_store_facts facts = { 0 };
	struct ctl_deciding deciding = { 0 };
	struct ctl_policy policy = { 0 };
	size_t done = 0;
	while (w != NULL && done < len && s->worker(s->ctx, done, &w[done]))
		done++;
	const bool all = w != NULL && done == len;
	if (s->store.facts != NULL)
		s->store.facts(s->store.ctx, &facts);
	const bool decides = s->policy != NULL && s->deciding != NULL &&
			     s->policy(s->ctx, &policy) && s->deciding(s->ctx, &deciding);
	if (all) {
		const struct ctl_totals t = {
			.workers = w,
			.len = len,
			.uptime_s = s->uptime_s(s->ctx),
			.store = s->store.facts == NULL ? NULL : &facts,
			.deciding = decides ? &deciding : NULL,
			.policy = &policy,
		};
		ctl_show_status(a->out, a->q->form, &t);
	}
	free(w);
	return all ? CTL_DONE : late(a);
}

/* Page 0 has those who are awake, the others are of sleepers. */
static bool gather(
	const struct ctl_source *s, uint32_t *from, struct ctl_session **found, size_t *len)
{
	*found = NULL;
	*len = 0;
	if (*from == 0) {
		*from = s->sleepers == NULL ? 0 : 1; /* credentials are numbered from 1 */
		return s->sessions(s->ctx, NULL, found, len);
	}
	*found = calloc(PAGE_SLEEPERS, sizeof(**found));
	if (*found == NULL || s->sleepers == NULL ||
		!s->sleepers(s->ctx, from, *found, PAGE_SLEEPERS, len)) {
		free(*found);
		return false;
	}
	return true;
}

static enum ctl_status sessions(const struct ctl_ask *a)
{
	struct rd r = rd_from(a->q->body, a->q->body_len);
	struct ctl_session *found = NULL;
	size_t len = 0;
	uint8_t widths[CTL_WIDTHS], head[PAGE_HEAD];
	uint32_t from = rd_u32(&r);
	const bool first = from == 0;
	rd_copy(&r, widths, sizeof(widths));
	if (!rd_end(&r))
		return ctl_say(a, CTL_BAD_REQUEST, "the page is missing; say which");
	if (!gather(a->source, &from, &found, &len))
		return late(a);
	struct ctl_out rows = { 0 };
	struct wr w = wr_into(head, sizeof(head));
	ctl_show_sessions(&rows, a->q->form, found, len, widths);
	wr_u32(&w, from);
	wr_bytes(&w, widths, sizeof(widths));
	ctl_out_bytes(a->out, head, w.len);
	if (first && a->q->form == CTL_TEXT)
		ctl_show_titles(a->out, widths);
	ctl_out_bytes(a->out, rows.data, rows.len);
	a->out->bad = a->out->bad || rows.bad;
	ctl_out_fini(&rows);
	free(found);
	return CTL_DONE;
}

static void show_one(const struct ctl_ask *a, const struct ctl_session *found)
{
	const struct ctl_source *s = a->source;
	struct ctl_about about = { 0 };
	const bool known =
		s->about != NULL && s->about(s->ctx, found->endpoint, found->purpose, &about);
	ctl_show_session(a->out, a->q->form, found, known ? &about : NULL);
}

/* Those with the purpose that was said come first; returns how many. Where none is said, those of
   short messages are meant if there are no others. */
static size_t pick(struct ctl_session *s, size_t len, enum ctl_purpose purpose)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		if (purpose == CTL_FOR_UNSAID ? s[i].purpose != CTL_FOR_SMS
					      : s[i].purpose == purpose)
			s[n++] = s[i];
	}
	return purpose == CTL_FOR_UNSAID && n == 0 ? len : n;
}

static enum ctl_status say_several(const struct ctl_ask *a, const struct ctl_session found[2])
{
	char what[SEVERAL_MAX];
	(void)snprintf(what, sizeof(what),
		"has a session for %s and one for %s; say which: --purpose %s, or --purpose %s",
		ctl_purpose_word(found[0].purpose), ctl_purpose_word(found[1].purpose),
		ctl_purpose_word(found[0].purpose), ctl_purpose_word(found[1].purpose));
	return ctl_say_arg(a, CTL_FAILED, what);
}

static enum ctl_status session(const struct ctl_ask *a)
{
	const struct ctl_source *s = a->source;
	struct ctl_session *found = NULL;
	enum ctl_purpose purpose;
	enum ctl_status status = CTL_DONE;
	size_t len = 0;
	if (!ctl_ask_purpose(a, &purpose))
		return ctl_say_malformed(a);
	if (!s->sessions(s->ctx, a->q->arg, &found, &len))
		return late(a);
	len = pick(found, len, purpose);
	if (len == 1)
		show_one(a, &found[0]);
	else
		status = len == 0 ? ctl_say_unknown(a) : say_several(a, found);
	free(found);
	return status;
}

static enum ctl_status close_one(const struct ctl_ask *a)
{
	enum ctl_purpose purpose;
	if (!ctl_ask_purpose(a, &purpose))
		return ctl_say_malformed(a);
	if (!a->source->close(a->source->ctx, a->q->arg, purpose))
		return ctl_say_unknown(a);
	return ctl_say_arg(a, CTL_DONE, "closed");
}

static enum ctl_status upgrade(const struct ctl_ask *a)
{
	struct ctl_said said = { "" };
	if (a->source->upgrade == NULL)
		return ctl_say(a, CTL_FAILED, "this gateway cannot replace itself; restart it");
	const enum ctl_status s = a->source->upgrade(a->source->ctx, &said);
	return ctl_say(a, s, said.text);
}

/* For lwgatectl alone: "none|tried|refused RUN VERSION". */
static enum ctl_status upgrading(const struct ctl_ask *a)
{
	static const char *const words[] = { "none", "tried", "refused" };
	struct ctl_upgrading is;
	if (a->source->upgrading == NULL)
		return ctl_say(a, CTL_FAILED, "this gateway cannot replace itself; restart it");
	a->source->upgrading(a->source->ctx, &is);
	ctl_out_form(a->out, "%s %u %s\n", words[is.trial], is.run, is.version);
	return CTL_DONE;
}

static enum ctl_status reload(const struct ctl_ask *a)
{
	struct ctl_said said = { "" };
	if (a->source->reload == NULL)
		return ctl_say(a, CTL_FAILED, "this gateway cannot reload; restart it");
	const enum ctl_status s = a->source->reload(a->source->ctx, &said);
	return ctl_say(a, s, said.text);
}

static enum ctl_status act(const struct ctl_ask *a)
{
	const struct ctl_request *q = a->q;
	const struct shape *shape = &shapes[q->verb];
	if (shape->arg && q->arg[0] == '\0')
		return ctl_say(a, CTL_BAD_REQUEST, shape->missing);
	if (!shape->arg && !shape->maybe && q->arg[0] != '\0')
		return ctl_say(a, CTL_BAD_REQUEST, "too much said; leave the endpoint out");
	if (!shape->body && q->body_len > 0)
		return ctl_say(
			a, CTL_BAD_REQUEST, "too much said; use the lwgatectl of the same version");
	switch (q->verb) {
	case CTL_STATUS:
		return status(a);
	case CTL_SESSIONS:
		return sessions(a);
	case CTL_SESSION:
		return session(a);
	case CTL_CLOSE:
		return close_one(a);
	case CTL_UPGRADE:
		return upgrade(a);
	case CTL_UPGRADING:
		return upgrading(a);
	case CTL_RELOAD:
		return reload(a);
	case CTL_CRED_ADD:
	case CTL_CRED_REPLACE:
	case CTL_CRED_REVOKE:
	case CTL_CRED_SHOW:
	case CTL_CRED_PAGE:
	case CTL_IMPORT_BEGIN:
	case CTL_IMPORT_STAGE:
	case CTL_IMPORT_COMMIT:
	case CTL_IMPORT_TRY:
	case CTL_STORE_STATUS:
	case CTL_STORE_REWRAP:
	case CTL_STORE_ROTATE:
		return ctl_answer_store(a);
	case CTL_POLICY_TEXT:
	case CTL_POLICY_FACTS:
		return ctl_answer_policy(a);
	case CTL_SMS_KEYS:
	case CTL_SMS_REFRESH:
		return ctl_answer_sms(a);
	case CTL_TRACE:
	case CTL_EVENTS:
	case CTL_HAPPENED:
		return ctl_answer_live(a);
	case CTL_VERBS:
		break;
	}
	return CTL_BAD_REQUEST;
}

bool ctl_answer(const struct ctl_source *source, void **import, const uint8_t *request, size_t len,
	struct ctl_out *out)
{
	static const uint8_t head[] = { CTL_VERSION, CTL_FAILED };
	struct ctl_request q;
	const bool good = ctl_request_parse(request, len, &q);
	const struct ctl_ask a = { .source = source, .q = &q, .import = import, .out = out };
	/* Set while there is nothing in it. */
	out->secret = good && q.verb == CTL_CRED_PAGE;
	ctl_out_bytes(out, head, sizeof(head));
	const enum ctl_status s = good ? act(&a) : ctl_say_malformed(&a);
	if (out->bad)
		return false;
	out->data[STATUS_AT] = (char)s;
	return true;
}
