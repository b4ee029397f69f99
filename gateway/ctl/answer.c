/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "ctl/show.h"

enum { STATUS_AT = 1, SENTENCE_MAX = 512 };

static enum ctl_status say(
	struct ctl_out *o, enum ctl_form form, enum ctl_status status, const char *sentence)
{
	ctl_show_sentence(o, form, status, sentence);
	return status;
}

static enum ctl_status say_endpoint(
	struct ctl_out *o, const struct ctl_request *q, enum ctl_status status, const char *what)
{
	char sentence[SENTENCE_MAX];
	(void)snprintf(sentence, sizeof(sentence), "%s: %s", q->arg, what);
	return say(o, q->form, status, sentence);
}

static enum ctl_status late(struct ctl_out *o, const struct ctl_request *q)
{
	return say(o, q->form, CTL_FAILED,
		"the workers did not answer in time; try again, or look into the log");
}

static enum ctl_status unknown(struct ctl_out *o, const struct ctl_request *q)
{
	return say_endpoint(o, q, CTL_UNKNOWN_ENDPOINT,
		"not connected and not registered here; `lwgatectl sessions` lists who is");
}

static enum ctl_status status(
	const struct ctl_source *s, const struct ctl_request *q, struct ctl_out *o)
{
	const size_t len = s->workers(s->ctx);
	struct ctl_worker *w = calloc(len + 1, sizeof(*w));
	size_t done = 0;
	while (w != NULL && done < len && s->worker(s->ctx, done, &w[done]))
		done++;
	const bool all = w != NULL && done == len;
	if (all) {
		const struct ctl_totals t = {
			.workers = w, .len = len, .uptime_s = s->uptime_s(s->ctx)
		};
		ctl_show_status(o, q->form, &t);
	}
	free(w);
	return all ? CTL_DONE : late(o, q);
}

static enum ctl_status sessions(
	const struct ctl_source *s, const struct ctl_request *q, struct ctl_out *o)
{
	struct ctl_session *found = NULL;
	size_t len = 0;
	if (!s->sessions(s->ctx, NULL, &found, &len))
		return late(o, q);
	ctl_show_sessions(o, q->form, found, len);
	free(found);
	return CTL_DONE;
}

static enum ctl_status session(
	const struct ctl_source *s, const struct ctl_request *q, struct ctl_out *o)
{
	struct ctl_session *found = NULL;
	size_t len = 0;
	if (!s->sessions(s->ctx, q->arg, &found, &len))
		return late(o, q);
	if (len > 0)
		ctl_show_session(o, q->form, &found[0]);
	free(found);
	return len > 0 ? CTL_DONE : unknown(o, q);
}

static enum ctl_status close_one(
	const struct ctl_source *s, const struct ctl_request *q, struct ctl_out *o)
{
	if (!s->close(s->ctx, q->arg))
		return unknown(o, q);
	return say_endpoint(o, q, CTL_DONE, "closed");
}

static enum ctl_status act(
	const struct ctl_source *s, const struct ctl_request *q, struct ctl_out *o)
{
	const bool wants_arg = q->verb == CTL_SESSION || q->verb == CTL_CLOSE;
	if (wants_arg != (q->arg[0] != '\0'))
		return say(o, q->form, CTL_BAD_REQUEST,
			wants_arg ? "an endpoint is missing; name one"
				  : "too much said; leave the endpoint out");
	switch (q->verb) {
	case CTL_STATUS:
		return status(s, q, o);
	case CTL_SESSIONS:
		return sessions(s, q, o);
	case CTL_SESSION:
		return session(s, q, o);
	case CTL_CLOSE:
		return close_one(s, q, o);
	}
	return CTL_BAD_REQUEST;
}

bool ctl_answer(
	const struct ctl_source *source, const uint8_t *request, size_t len, struct ctl_out *out)
{
	static const uint8_t head[] = { CTL_VERSION, CTL_FAILED };
	struct ctl_request q;
	ctl_out_bytes(out, head, sizeof(head));
	const enum ctl_status s =
		ctl_request_parse(request, len, &q)
			? act(source, &q, out)
			: say(out, CTL_TEXT, CTL_BAD_REQUEST,
				  "this gateway does not understand the request; use the lwgatectl "
				  "of the same version");
	if (out->bad)
		return false;
	out->data[STATUS_AT] = (char)s;
	return true;
}
