/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "base/wr.h"
#include "ctl/answer.h"
#include "ctl/facts.h"
#include "ctl/sms_keys.h"
#include "ctl/sp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct octets {
	const uint8_t *data;
	size_t size;
};

static size_t workers(void *ctx)
{
	const struct octets *o = ctx;
	return o->size % 4;
}

static bool worker(void *ctx, size_t number, struct ctl_worker *out)
{
	const struct octets *o = ctx;
	*out = (struct ctl_worker){ .datagrams_in = UINT64_MAX / 4 };
	return number != o->size % 8;
}

/* Sessions whose every text and number is the input's. */
static bool sessions(void *ctx, const char *endpoint, struct ctl_session **out, size_t *len)
{
	const struct octets *o = ctx;
	*len = endpoint == NULL ? o->size / 32 % 4 : 1 + o->size % 2;
	*out = calloc(*len + 1, sizeof(**out));
	if (*out == NULL)
		return false;
	for (size_t i = 0; i < *len; i++) {
		struct ctl_session *s = *out + i;
		uint8_t *const octets = (uint8_t *)s;
		for (size_t k = 0; o->size > 0 && k < sizeof(*s); k++)
			octets[k] = o->data[(i * 7 + k) % o->size];
		s->endpoint[sizeof(s->endpoint) - 1] = s->location[sizeof(s->location) - 1] = '\0';
		s->binding[sizeof(s->binding) - 1] = s->version[sizeof(s->version) - 1] = '\0';
		s->sms[sizeof(s->sms) - 1] = s->upstream[sizeof(s->upstream) - 1] = '\0';
		/* Of these not every octet is a value. */
		s->registered = o->size % 2 == 0;
		s->asleep = o->size % 3 == 0;
		s->queues = o->size % 11 < 4;
		s->adrift = o->size % 5 == 0;
		s->stays_known = o->size % 7 < 3;
		s->kind = (enum ctl_cred_kind)(o->size % CTL_PROOFS);
		s->device_facts.encrypt_then_mac = s->link_facts.encrypt_then_mac = false;
		s->device.family = (uint8_t)(o->size % 7);
		s->purpose = (enum ctl_purpose)(1 + (i + o->size) % 3);
		s->link_peer.family = s->link_local.family = (uint8_t)(o->size % 5 + 2);
	}
	return true;
}

static bool close_it(void *ctx, const char *endpoint, enum ctl_purpose purpose)
{
	(void)ctx;
	return endpoint[0] == 'a' && purpose != CTL_FOR_SERVER;
}

static uint64_t uptime_s(void *ctx)
{
	const struct octets *o = ctx;
	return o->size;
}

/* What the store is asked: everything that comes is looked at, to the last octet. */
static void look(const struct ctl_cred *c)
{
	if (c->endpoint[CTL_NAME_MAX] != '\0' || c->labels[CTL_LABELS_MAX] != '\0' ||
		c->identity_len > CTL_NAME_MAX || c->upstream_identity_len > CTL_NAME_MAX ||
		c->key_len > CTL_KEY_MAX || c->upstream_key_len > CTL_KEY_MAX)
		abort();
}

static enum ctl_status put(void *ctx, const struct ctl_cred *c, struct ctl_said *said)
{
	(void)ctx;
	(void)said;
	look(c);
	return CTL_DONE;
}

static enum ctl_status next(
	void *ctx, uint32_t *number, bool secrets, struct ctl_cred *out, struct ctl_said *said)
{
	const struct octets *o = ctx;
	struct rd r = rd_from(o->data, o->size);
	(void)said;
	if (!ctl_cred_read(&r, out))
		*out = (struct ctl_cred){ .has_keys = secrets };
	*number = *number == UINT32_MAX || *number % 3 == 2 ? 0 : *number + 1;
	return CTL_DONE;
}

static enum ctl_status show_one(void *ctx, const char *endpoint, enum ctl_purpose purpose,
	struct ctl_cred *out, struct ctl_said *said)
{
	uint32_t number = (uint32_t)purpose;
	return endpoint[0] == 'a' ? next(ctx, &number, true, out, said) : CTL_FAILED;
}

static void *import_begin(void *ctx, const char *name, bool replace, struct ctl_said *said)
{
	(void)said;
	return replace && name[0] != 'a' ? NULL : ctx;
}

static enum ctl_status import_stage(
	void *ctx, void *import, const struct ctl_cred *c, struct ctl_said *said)
{
	if (import != ctx)
		abort();
	return put(ctx, c, said);
}

static enum ctl_status import_commit(void *ctx, void *import, struct ctl_said *said)
{
	(void)said;
	return import == ctx ? CTL_DONE : CTL_FAILED;
}

static void import_abort(void *ctx, void *import)
{
	if (import != ctx)
		abort();
}

static enum ctl_status rewrap(void *ctx, const struct ctl_rewrap *r, struct ctl_said *said)
{
	(void)ctx;
	(void)said;
	if (r->name[CTL_ARG_MAX] != '\0' || r->kind > CTL_KEK_TPM)
		abort();
	return CTL_DONE;
}

static void facts(void *ctx, struct ctl_store_facts *out)
{
	const struct octets *o = ctx;
	*out = (struct ctl_store_facts){ .commits = o->size };
	memcpy(out->why, o->data, o->size < sizeof(out->why) ? o->size : sizeof(out->why) - 1);
}

static bool policy(void *ctx, struct ctl_policy *out)
{
	const struct octets *o = ctx;
	*out = (struct ctl_policy){
		.name = "policy.conf", .text = (const char *)o->data, .len = o->size
	};
	return o->size % 4 != 3;
}

static bool session_facts(void *ctx, const char *endpoint, uint64_t *from, struct ctl_out *out)
{
	const struct octets *o = ctx;
	const struct policy_facts f = { .endpoint = endpoint, .age_s = *from };
	const struct ctl_facts_rest none = { 0 };
	if (o->size % 5 != 0)
		ctl_facts_put(out, &f, &none);
	*from = *from % 3 == 0 ? 0 : *from - 1;
	return o->size % 7 != 0;
}

/* Words that are none of ours do not get here: gateway/gateway_policy sees to it. */
static bool about(void *ctx, const char *endpoint, enum ctl_purpose purpose, struct ctl_about *out)
{
	const struct octets *o = ctx;
	(void)endpoint;
	(void)purpose;
	*out = (struct ctl_about){ .labels_len = o->size % (POLICY_LABELS_MAX + 1),
		.decided = o->size % 2 == 0 };
	for (size_t i = 0; i < out->labels_len; i++)
		memcpy(out->labels[i], o->data,
			o->size < POLICY_LABEL_MAX ? o->size : POLICY_LABEL_MAX);
	out->verdict.event = (enum policy_event)(o->size % POLICY_EVENTS);
	out->verdict.device = (enum policy_action)(o->size % POLICY_ACTIONS);
	out->verdict.bounded = o->size % 3 == 0;
	out->verdict.ends_in_s = 50 - (int64_t)(o->size % 100);
	memcpy(out->verdict.rule, o->data, o->size < POLICY_NAME_MAX ? o->size : POLICY_NAME_MAX);
	return o->size % 9 != 0;
}

/* Every number is the input's; words are ours, but for the cause. */
static enum ctl_status sms_keys(
	void *ctx, const char *endpoint, struct ctl_sms_keys *out, struct ctl_said *said)
{
	const struct octets *o = ctx;
	uint8_t *const octets = (uint8_t *)out;
	for (size_t k = 0; o->size > 0 && k < sizeof(*out); k++)
		octets[k] = o->data[k % o->size];
	strncpy(out->endpoint, endpoint, sizeof(out->endpoint) - 1);
	out->endpoint[sizeof(out->endpoint) - 1] = out->cause[sizeof(out->cause) - 1] = '\0';
	memcpy(out->renew, "udp", sizeof("udp"));
	memcpy(out->state, "stale", sizeof("stale"));
	out->is_stored = o->size % 2 == 0;
	out->is_due = o->size % 3 == 0;
	out->message = o->size % 5 == 0;
	for (size_t i = 0; i < CTL_KEY_SETS; i++) {
		memcpy(out->sets[i].origin, "smartcard", sizeof("smartcard"));
		memcpy(out->sets[i].profile, "cr-004", sizeof("cr-004"));
		out->sets[i].ends = (o->size + i) % 2 == 0;
	}
	memcpy(said->text, "no", sizeof("no"));
	return o->size % 11 == 0 ? CTL_UNKNOWN_ENDPOINT : CTL_DONE;
}

static enum ctl_status sms_refresh(void *ctx, const char *endpoint, struct ctl_said *said)
{
	(void)ctx;
	strncpy(said->text, endpoint, sizeof(said->text) - 1);
	return CTL_FAILED;
}

/* A credential that is read is written again as it came. */
static void check_cred(const uint8_t *data, size_t size)
{
	struct rd r = rd_from(data, size);
	struct ctl_cred c;
	uint8_t wire[CTL_CRED_MAX];
	struct wr w = wr_into(wire, sizeof(wire));
	if (!ctl_cred_read(&r, &c))
		return;
	look(&c);
	ctl_cred_write(&w, &c);
	if (!wr_ok(&w) || w.len != size - r.left || memcmp(wire, data, w.len) != 0)
		abort();
}

/* JSON is one line of ASCII; text for people has no controls but newlines. */
static void check(const struct ctl_out *o, const struct ctl_request *q)
{
	const bool json = q != NULL && q->form == CTL_JSON;
	const bool pages =
		q != NULL &&
		(q->verb == CTL_SESSIONS || q->verb == CTL_CRED_PAGE || q->verb == CTL_CRED_SHOW ||
			q->verb == CTL_POLICY_TEXT || q->verb == CTL_POLICY_FACTS);
	if (pages && o->data[1] == CTL_DONE)
		return; /* not all of it is text */
	if (o->len < 3 || o->data[o->len - 1] != '\n' || o->data[1] > CTL_FAILED)
		abort();
	for (size_t i = 2; i + 1 < o->len; i++) {
		const unsigned char c = (unsigned char)o->data[i];
		if (c == 0x7f || (c < 0x20 && (json || c != '\n')) || (json && c > 0x7f))
			abort();
	}
}

/* What is parsed lies within, and goes back as an answer's beginning. */
static void check_sp(const uint8_t *data, size_t size)
{
	struct ctl_sp_request q;
	uint8_t head[CTL_SP_HEAD_MAX];
	(void)(ctl_sp_greeted(data, size) == CTL_SP_GOOD);
	if (ctl_sp_parse(data, size, &q) != CTL_SP_GOOD)
		return;
	if (q.len > size || q.len > CTL_SP_REQUEST_MAX || q.body_len > size || q.stack_len < 4 ||
		q.stack + q.stack_len != q.body || q.body + q.body_len != data + q.len)
		abort();
	const size_t len = ctl_sp_head(&q, q.body_len, head);
	if (len + q.body_len != q.len || memcmp(head, data, len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t request_len = size < CTL_REQUEST_MAX ? size : CTL_REQUEST_MAX;
	struct octets rest = { .data = data, .size = size };
	const struct ctl_source source = {
		.ctx = &rest,
		.workers = workers,
		.worker = worker,
		.sessions = sessions,
		.close = close_it,
		.uptime_s = uptime_s,
		.policy = policy,
		.facts = session_facts,
		.about = about,
		.sms_keys = sms_keys,
		.sms_refresh = sms_refresh,
		.store = {
			.ctx = &rest,
			.facts = facts,
			.add = put,
			.replace = put,
			.show = show_one,
			.next = next,
			.import_begin = import_begin,
			.import_stage = import_stage,
			.import_commit = import_commit,
			.import_abort = import_abort,
			.rewrap = rewrap,
		},
	};
	struct ctl_out out = { 0 };
	struct ctl_request q;
	static uint8_t wire[CTL_REQUEST_MAX];
	void *import = size % 2 == 0 ? &rest : NULL;
	check_sp(data, size);
	check_cred(data, size);
	if (!ctl_answer(&source, &import, data, request_len, &out))
		abort();
	const bool good = ctl_request_parse(data, request_len, &q);
	check(&out, good ? &q : NULL);
	if (good && (ctl_request_write(&q, wire, sizeof(wire)) != request_len ||
			    memcmp(wire, data, request_len) != 0))
		abort();
	ctl_out_fini(&out);
	return 0;
}
