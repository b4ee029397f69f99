/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/registration.h"

#include <string.h>

#include "proxy/coap.h"

struct query {
	unsigned names;     /* ep= items */
	unsigned lifetimes; /* lt= items */
	bool foreign;       /* an ep= that is not the endpoint's */
	bool hidden;        /* another item that a careless server may read as ep= too */
	bool bad_lifetime;
	uint32_t lifetime_s;
};

/*
 * A segment that can be joined and split again without doubt. "." and ".." are forbidden by RFC
 * 7252 section 5.10.1; an empty one or one with '/' inside is allowed, but two servers might take
 * it for different resources.
 */
static bool segment_is_plain(const struct pdu_option *o)
{
	if (o->len == 0 || memchr(o->value, '/', o->len) || memchr(o->value, '\0', o->len))
		return false;
	return o->value[0] != '.' || (o->len > 1 && (o->value[1] != '.' || o->len > 2));
}

/* On false, out has the segments before the bad one. */
static bool join(const struct pdu *m, uint16_t number, char out[RELAY_LOCATION_MAX])
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	size_t len = 0;
	out[0] = '\0';
	while (pdu_next_of(&it, number, &o)) {
		const size_t slash = len > 0 ? 1 : 0;
		if (!segment_is_plain(&o) || o.len + slash >= RELAY_LOCATION_MAX - len)
			return false;
		if (slash)
			out[len++] = '/';
		memcpy(out + len, o.value, o.len);
		len += o.len;
		out[len] = '\0';
	}
	return true;
}

bool registration_path(const struct pdu *request, char out[RELAY_LOCATION_MAX])
{
	return join(request, PDU_URI_PATH, out);
}

static bool begins(const struct pdu_option *o, const char *prefix)
{
	const size_t n = strlen(prefix);
	return o->len >= n && memcmp(o->value, prefix, n) == 0;
}

/* Digits only; false when there are none, or more than 32 bits of them. */
static bool seconds_parse(const uint8_t *text, size_t len, uint32_t *out)
{
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*out = (uint32_t)v;
	return len > 0;
}

static void query_item(struct query *q, const struct pdu_option *o, const char *endpoint)
{
	static const char ep[] = "ep=", lt[] = "lt=", glued[] = "&ep=";
	if (begins(o, ep)) {
		const size_t len = o->len - strlen(ep);
		q->names++;
		/* exact octets; CoAP options know no percent-encoding */
		q->foreign |= len != strlen(endpoint) ||
			      memcmp(o->value + strlen(ep), endpoint, len) != 0;
		return;
	}
	q->hidden |= memmem(o->value, o->len, glued, strlen(glued)) != NULL;
	if (begins(o, lt)) {
		q->lifetimes++;
		q->bad_lifetime |=
			!seconds_parse(o->value + strlen(lt), o->len - strlen(lt), &q->lifetime_s);
	}
}

static struct query query_read(const struct pdu *m, const char *endpoint)
{
	struct query q = { .names = 0 };
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	while (pdu_next_of(&it, PDU_URI_QUERY, &o))
		query_item(&q, &o, endpoint);
	return q;
}

static struct registration_verdict no(uint8_t code, const char *why)
{
	return (struct registration_verdict){ .code = code, .why = why };
}

static struct registration_verdict yes(enum registration_kind kind)
{
	return (struct registration_verdict){ .request = { .kind = kind } };
}

static struct registration_verdict on_location(uint8_t method, bool claims)
{
	if (method != PDU_POST && method != PDU_DELETE)
		return no(PDU_FORBIDDEN, "a registration takes POST and DELETE");
	struct registration_verdict v =
		yes(method == PDU_POST ? REGISTRATION_UPDATE : REGISTRATION_DEREGISTER);
	v.request.claims = claims;
	return v;
}

/* which resources of its server a device may reach. */
static struct registration_verdict judge_path(
	const struct relay_registration *reg, const struct pdu *m)
{
	static const char below_rd[] = "rd/";
	char path[RELAY_LOCATION_MAX];
	const bool plain = registration_path(m, path);
	const bool post = m->code == PDU_POST;
	if (plain && post && strcmp(path, "rd") == 0)
		return yes(REGISTRATION_REGISTER);
	if (plain && post && strcmp(path, "bs") == 0)
		return yes(REGISTRATION_BOOTSTRAP);
	if (plain && reg->active && strcmp(path, reg->location) == 0)
		return on_location(m->code, false);
	if (plain && post && strcmp(path, "dp") == 0)
		return reg->active ? yes(REGISTRATION_SEND) : no(PDU_FORBIDDEN, "register first");
	/* Where the path is not plain, the segments before the bad one are in `path`. */
	const bool rd_first = !plain && strcmp(path, "rd") == 0;
	if (!rd_first && strncmp(path, below_rd, strlen(below_rd)) != 0)
		return no(PDU_FORBIDDEN, "not permitted to a device");
	if (!plain || reg->active)
		return no(PDU_BAD_REQUEST, "not the location of this device");
	return on_location(m->code, true);
}

/* Any request that names an endpoint must name its own, also where LwM2M wants
   no name. */
static struct registration_verdict judge_name(const struct registration_rules *rules,
	const struct query *q, struct registration_verdict v)
{
	const enum registration_kind kind = v.request.kind;
	if (q->names > 1 || q->hidden)
		return no(PDU_BAD_REQUEST, "more than one ep");
	if (q->foreign)
		return no(rules->wrong_endpoint, "ep is not the endpoint of this channel");
	if (q->names == 0 && (kind == REGISTRATION_REGISTER || kind == REGISTRATION_BOOTSTRAP))
		return no(PDU_BAD_REQUEST, "ep is missing");
	if (kind != REGISTRATION_REGISTER && kind != REGISTRATION_UPDATE)
		return v;
	if (q->lifetimes > 1 || q->bad_lifetime)
		return no(PDU_BAD_REQUEST, "lt is not a number of seconds");
	v.request.has_lifetime = q->lifetimes == 1;
	v.request.lifetime_s = q->lifetime_s;
	return v;
}

struct registration_verdict registration_judge(const struct registration_rules *rules,
	const struct relay_registration *reg, const struct pdu *request)
{
	if (request->proxying)
		return no(PDU_NO_PROXYING, "no forward proxy"); /* */
	const struct registration_verdict v = judge_path(reg, request);
	if (v.code != 0)
		return v;
	const struct query q = query_read(request, rules->endpoint);
	return judge_name(rules, &q, v);
}

static void live_on(struct relay_registration *reg, uint32_t lifetime_s, uint64_t now_ms)
{
	reg->active = true;
	reg->lifetime_s = lifetime_s;
	/* Some servers take 0 for "for ever", others for their default: nobody for "over at once".
	   */
	reg->expires_ms = lifetime_s > 0 ? now_ms + (uint64_t)lifetime_s * 1000 : UINT64_MAX;
}

/* what was registered before is void. */
static enum registration_change registered(struct relay_registration *reg,
	const struct registration_request *request, const struct pdu *answer, uint64_t now_ms)
{
	char location[RELAY_LOCATION_MAX];
	if (!join(answer, PDU_LOCATION_PATH, location) || location[0] == '\0')
		return REGISTRATION_BAD_ANSWER;
	memcpy(reg->location, location, sizeof(location));
	live_on(reg, request->has_lifetime ? request->lifetime_s : RELAY_LIFETIME_DEFAULT_S,
		now_ms);
	return REGISTRATION_UP;
}

/* A request to a location that was not known then may be about another one than that which is known
   by now. */
static bool about_this(const struct relay_registration *reg,
	const struct registration_request *request, const char *claim)
{
	return !request->claims || !reg->active || (claim && strcmp(claim, reg->location) == 0);
}

/* the server knows the device, so identity decides. */
static enum registration_change updated(struct relay_registration *reg,
	const struct registration_request *request, const char *claim, uint64_t now_ms)
{
	const bool known = reg->active;
	if (!about_this(reg, request, claim) || (!known && !claim))
		return REGISTRATION_SAME;
	if (!known) {
		memset(reg->location, 0, sizeof(reg->location));
		strncpy(reg->location, claim, sizeof(reg->location) - 1);
	}
	const uint32_t was_s = known ? reg->lifetime_s : RELAY_LIFETIME_DEFAULT_S;
	live_on(reg, request->has_lifetime ? request->lifetime_s : was_s, now_ms);
	return known ? REGISTRATION_UPDATED : REGISTRATION_UP;
}

enum registration_change registration_answered(struct relay_registration *reg,
	const struct registration_request *request, const char *claim, const struct pdu *answer,
	uint64_t now_ms)
{
	switch (request->kind) {
	case REGISTRATION_REGISTER:
		return answer->code == PDU_CREATED ? registered(reg, request, answer, now_ms)
						   : REGISTRATION_SAME;
	case REGISTRATION_UPDATE:
		return answer->code == PDU_CHANGED ? updated(reg, request, claim, now_ms)
						   : REGISTRATION_SAME;
	case REGISTRATION_DEREGISTER:
		if (answer->code != PDU_DELETED || !reg->active || !about_this(reg, request, claim))
			return REGISTRATION_SAME;
		memset(reg, 0, sizeof(*reg));
		return REGISTRATION_GONE;
	case REGISTRATION_BOOTSTRAP:
		return answer->code == PDU_CHANGED ? REGISTRATION_BOOTSTRAPPING : REGISTRATION_SAME;
	case REGISTRATION_SEND:
		break; /* lives on, but not longer */
	}
	return REGISTRATION_SAME;
}

uint64_t registration_ends_ms(const struct relay_registration *reg)
{
	if (!reg->active || reg->expires_ms > UINT64_MAX - REGISTRATION_GRACE_MS)
		return UINT64_MAX;
	return reg->expires_ms + REGISTRATION_GRACE_MS;
}
