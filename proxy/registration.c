/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/registration.h"

#include <string.h>

#include "proxy/coap.h"
#include "proxy/rewrite.h"

struct query {
	unsigned names;     /* ep= items */
	unsigned lifetimes; /* lt= items */
	bool foreign;       /* an ep= that is not the endpoint's */
	bool hidden;        /* another item that a careless server may read as ep= too */
	bool bad_lifetime;
	uint32_t lifetime_s;
	struct attributes_said said;
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
		return;
	}
	attributes_read(&q->said, o);
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

/* --- what a device may ask for ---------------------------------------------------------------- */

enum place { /* what a request is about */
	PLACE_RD,
	PLACE_BS,
	PLACE_DP,
	PLACE_OWN,     /* its location */
	PLACE_LEFT,    /* the location that it had until it de-registered */
	PLACE_CLAIMED, /* another location, where none is known here */
	PLACE_FOREIGN, /* below rd, and not its location, or not plain */
	PLACE_OTHER
};

enum state { /* bits */
	STATE_UNKNOWN = 1,
	STATE_UNKNOWN_STRICT = 2, /* and what is not known here is not registered */
	STATE_KNOWN = 4,
	STATE_STALE = 8,      /* to be made anew, since the channel is new */
	STATE_NOT_THERE = 16, /* not registered: it would be known here */
	STATE_NONE_KNOWN = STATE_UNKNOWN | STATE_UNKNOWN_STRICT | STATE_NOT_THERE,
	STATE_ONE_KNOWN = STATE_KNOWN | STATE_STALE,
	STATE_ANY = STATE_NONE_KNOWN | STATE_ONE_KNOWN
};

enum {
	FOR_SERVER = 1 << RELAY_FOR_ANY | 1 << RELAY_FOR_SERVER,
	FOR_BOOTSTRAP = 1 << RELAY_FOR_ANY | 1 << RELAY_FOR_BOOTSTRAP,
	ANY_METHOD = PDU_EMPTY
};

struct rule {
	enum place place;
	uint8_t method;
	uint8_t states, purposes;
	uint8_t code; /* of the refusal; 0: passes */
	const char *why;
	enum registration_kind kind; /* of what passes */
};

/* what of its server a device may reach. The first that fits;
   what is not here is not permitted. */
static const struct rule rules_of_a_device[] = {
	/* clang-format off */
	{ PLACE_RD, PDU_POST, STATE_ANY, FOR_SERVER, 0, NULL, REGISTRATION_REGISTER },
	{ PLACE_BS, PDU_POST, STATE_ANY, FOR_BOOTSTRAP, 0, NULL, REGISTRATION_BOOTSTRAP },
	{ PLACE_DP, PDU_POST, STATE_ONE_KNOWN, FOR_SERVER, 0, NULL, REGISTRATION_SEND },
	{ PLACE_OWN, PDU_POST, STATE_KNOWN, FOR_SERVER, 0, NULL, REGISTRATION_UPDATE },
	{ PLACE_OWN, PDU_DELETE, STATE_ONE_KNOWN, FOR_SERVER, 0, NULL, REGISTRATION_DEREGISTER },
	{ PLACE_CLAIMED, PDU_POST, STATE_UNKNOWN, FOR_SERVER, 0, NULL, REGISTRATION_UPDATE },
	{ PLACE_CLAIMED, PDU_DELETE, STATE_UNKNOWN | STATE_UNKNOWN_STRICT, FOR_SERVER, 0, NULL,
		REGISTRATION_DEREGISTER },
	{ PLACE_LEFT, PDU_POST, STATE_UNKNOWN, FOR_SERVER, 0, NULL, REGISTRATION_UPDATE },
	{ PLACE_LEFT, PDU_DELETE, STATE_NONE_KNOWN, FOR_SERVER, 0, NULL, REGISTRATION_DEREGISTER },

	{ PLACE_OWN, PDU_POST, STATE_STALE, FOR_SERVER, PDU_NOT_FOUND, "register anew", 0 },
	{ PLACE_LEFT, PDU_POST, STATE_NONE_KNOWN, FOR_SERVER, PDU_NOT_FOUND, "register anew", 0 },
	{ PLACE_CLAIMED, PDU_POST, STATE_NONE_KNOWN, FOR_SERVER, PDU_NOT_FOUND, "register anew",
		0 },
	/* What is here may be another device's. */
	{ PLACE_CLAIMED, PDU_DELETE, STATE_NOT_THERE, FOR_SERVER, PDU_NOT_FOUND, "not registered",
		0 },
	{ PLACE_OWN, ANY_METHOD, STATE_ANY, FOR_SERVER, PDU_FORBIDDEN,
		"a registration takes POST and DELETE", 0 },
	{ PLACE_LEFT, ANY_METHOD, STATE_ANY, FOR_SERVER, PDU_FORBIDDEN,
		"a registration takes POST and DELETE", 0 },
	{ PLACE_CLAIMED, ANY_METHOD, STATE_ANY, FOR_SERVER, PDU_FORBIDDEN,
		"a registration takes POST and DELETE", 0 },
	{ PLACE_FOREIGN, ANY_METHOD, STATE_ANY, FOR_SERVER, PDU_BAD_REQUEST,
		"not the location of this device", 0 },
	{ PLACE_DP, PDU_POST, STATE_NONE_KNOWN, FOR_SERVER, PDU_FORBIDDEN, "register first", 0 },
	{ PLACE_RD, PDU_POST, STATE_ANY, 1 << RELAY_FOR_BOOTSTRAP, PDU_FORBIDDEN,
		"this credential is for bootstrap", 0 },
	{ PLACE_BS, PDU_POST, STATE_ANY, 1 << RELAY_FOR_SERVER, PDU_FORBIDDEN,
		"this credential is not for bootstrap", 0 },
	/* clang-format on */
};

static enum place place_of(const struct relay_registration *reg, const struct pdu *m)
{
	static const char below_rd[] = "rd/";
	char path[RELAY_LOCATION_MAX];
	const bool plain = registration_path(m, path);
	if (!plain) /* the segments before the bad one are in `path` */
		return strcmp(path, "rd") == 0 || strncmp(path, below_rd, strlen(below_rd)) == 0
			       ? PLACE_FOREIGN
			       : PLACE_OTHER;
	if (m->code == PDU_POST && strcmp(path, "rd") == 0)
		return PLACE_RD;
	if (m->code == PDU_POST && strcmp(path, "bs") == 0)
		return PLACE_BS;
	if (reg->active && strcmp(path, reg->location) == 0)
		return PLACE_OWN;
	if (strcmp(path, "dp") == 0)
		return PLACE_DP;
	if (strncmp(path, below_rd, strlen(below_rd)) != 0)
		return PLACE_OTHER;
	if (reg->active)
		return PLACE_FOREIGN;
	return strcmp(path, reg->location) == 0 ? PLACE_LEFT : PLACE_CLAIMED;
}

/* R-267, D-5. Of a registration that is not known the version is not known either. */
static enum state state_of(
	const struct registration_rules *rules, const struct relay_registration *reg)
{
	const bool strict = rules->update == RELAY_UPDATE_REFUSED;
	if (!reg->active && rules->kept)
		return STATE_NOT_THERE;
	if (!reg->active)
		return strict ? STATE_UNKNOWN_STRICT : STATE_UNKNOWN;
	const bool anew = strict || (rules->update == RELAY_UPDATE_BY_VERSION &&
					    attributes_is_1_1(reg->attributes.version));
	return reg->stale && anew ? STATE_STALE : STATE_KNOWN;
}

static const struct rule *rule_for(const struct registration_rules *rules,
	const struct relay_registration *reg, const struct pdu *m)
{
	static const struct rule none = { .code = PDU_FORBIDDEN,
		.why = "not permitted to a device" };
	const enum place place = place_of(reg, m);
	const unsigned state = state_of(rules, reg), purpose = 1U << rules->purpose;
	for (size_t i = 0; i < COUNT_OF(rules_of_a_device); i++) {
		const struct rule *const r = &rules_of_a_device[i];
		if (r->place == place && (r->method == ANY_METHOD || r->method == m->code) &&
			(r->states & state) != 0 && (r->purposes & purpose) != 0)
			return r;
	}
	return &none;
}

static struct registration_verdict no(uint8_t code, const char *why)
{
	return (struct registration_verdict){ .code = code, .why = why };
}

/* who needs a name and has none. 1.1 lets the channel say it; a Bootstrap-Request has no
   version to go by. Servers know no such channel, since it ends here: they are told. */
static struct registration_verdict judge_absence(const struct registration_rules *rules,
	const struct query *q, struct registration_verdict v)
{
	const bool may =
		v.request.kind == REGISTRATION_BOOTSTRAP || attributes_is_1_1(q->said.what.version);
	if (!may || strlen(rules->endpoint) > REWRITE_ENDPOINT_MAX)
		return no(PDU_BAD_REQUEST, "ep is missing");
	v.unnamed = true;
	return v;
}

/* Any request that names an endpoint must name its own, also where LwM2M wants no
   name. */
static struct registration_verdict judge_name(const struct registration_rules *rules,
	const struct query *q, const struct registration_verdict v)
{
	const enum registration_kind kind = v.request.kind;
	if (q->names > 1 || q->hidden)
		return no(PDU_BAD_REQUEST, "more than one ep");
	if (q->foreign)
		return no(rules->wrong_endpoint, "ep is not the endpoint of this channel");
	if (q->names == 0 && (kind == REGISTRATION_REGISTER || kind == REGISTRATION_BOOTSTRAP))
		return judge_absence(rules, q, v);
	return v;
}

static struct registration_verdict judge_items(const struct query *q, struct registration_verdict v)
{
	const enum registration_kind kind = v.request.kind;
	if (kind != REGISTRATION_REGISTER && kind != REGISTRATION_UPDATE)
		return v;
	if (q->lifetimes > 1 || q->bad_lifetime)
		return no(PDU_BAD_REQUEST, "lt is not a number of seconds");
	if (q->said.twice)
		return no(PDU_BAD_REQUEST, "b, Q, lwm2m or sms is said twice");
	v.request.has_lifetime = q->lifetimes == 1;
	v.request.lifetime_s = q->lifetime_s;
	v.request.said = q->said;
	return v;
}

static bool claims(enum place p)
{
	return p == PLACE_CLAIMED || p == PLACE_LEFT;
}

struct registration_verdict registration_judge(const struct registration_rules *rules,
	const struct relay_registration *reg, const struct pdu *request)
{
	if (request->proxying)
		return no(PDU_NO_PROXYING, "no forward proxy"); /* */
	const struct rule *const r = rule_for(rules, reg, request);
	if (r->code != 0)
		return no(r->code, r->why);
	const struct query q = query_read(request, rules->endpoint);
	const struct registration_verdict v = judge_name(rules, &q,
		(struct registration_verdict){
			.request = { .kind = r->kind, .claims = claims(r->place) } });
	return v.code == 0 ? judge_items(&q, v) : v;
}

/* --- what a server may ask for ---------------------------------------------------------------- */

/* The first segment that is not empty as a number, which is how devices read it; -1: it is none. */
static int object_of(const struct pdu *m)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	do {
		if (!pdu_next_of(&it, PDU_URI_PATH, &o))
			return -1;
	} while (o.len == 0);
	uint32_t id;
	return seconds_parse(o.value, o.len, &id) && id <= UINT16_MAX ? (int)id : -1;
}

struct registration_refusal registration_judge_server(
	enum relay_purpose purpose, const struct pdu *request)
{
	/* "MUST NOT be accessible by any other LwM2M Server" than one for bootstrap: LwM2M 1.1 Core
	   E.1 (Security) and E.21 (OSCORE). */
	enum { SECURITY = 0, OSCORE = 21 };
	char path[RELAY_LOCATION_MAX];
	const struct registration_refusal none = { .code = 0 };
	if (purpose != RELAY_FOR_SERVER)
		return none;
	const int object = object_of(request);
	if (object == SECURITY || object == OSCORE)
		return (struct registration_refusal){ PDU_UNAUTHORIZED,
			"credentials are for the bootstrap server" };
	const bool plain = registration_path(request, path);
	const bool finish = request->code == PDU_POST && plain && strcmp(path, "bs") == 0;
	const bool root = request->code == PDU_DELETE && path[0] == '\0';
	if (finish || root)
		return (struct registration_refusal){ PDU_UNAUTHORIZED,
			"this server is not for bootstrap" };
	return none;
}

/* --- what answers make of it ------------------------------------------------------------------ */

bool registration_same_effect(
	const struct registration_request *a, const struct registration_request *b)
{
	const struct attributes_said *const x = &a->said, *const y = &b->said;
	return a->kind == b->kind && a->has_lifetime == b->has_lifetime &&
	       a->lifetime_s == b->lifetime_s && x->binding == y->binding && x->sms == y->sms &&
	       attributes_same(&x->what, &y->what);
}

static void live_on(struct relay_registration *reg, uint32_t lifetime_s, uint64_t now_ms)
{
	reg->active = true;
	reg->stale = false;
	reg->lifetime_s = lifetime_s;
	/* Some servers take 0 for "for ever", others for their default: nobody for "over at once".
	   */
	reg->expires_ms = lifetime_s > 0 ? now_ms + (uint64_t)lifetime_s * 1000 : UINT64_MAX;
}

void registration_void(struct relay_registration *reg)
{
	*reg = (struct relay_registration){ .channels = reg->channels };
}

/* its answer may be lost, and then it is asked for again: the location is not forgotten. */
static void left(struct relay_registration *reg)
{
	struct relay_registration gone = { .channels = reg->channels };
	memcpy(gone.location, reg->location, sizeof(gone.location));
	*reg = gone;
}

/* what was registered before is void. */
static enum registration_change registered(struct relay_registration *reg,
	const struct registration_request *request, const struct pdu *answer, uint64_t now_ms)
{
	char location[RELAY_LOCATION_MAX];
	if (!join(answer, PDU_LOCATION_PATH, location) || location[0] == '\0')
		return REGISTRATION_BAD_ANSWER;
	memcpy(reg->location, location, sizeof(location));
	reg->attributes = attributes_after(&reg->attributes, &request->said, true);
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
		registration_void(reg);
		strncpy(reg->location, claim, sizeof(reg->location) - 1);
	}
	reg->attributes = attributes_after(&reg->attributes, &request->said, false);
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
		left(reg);
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
