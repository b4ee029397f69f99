/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/efbootstrap.h"

#include <string.h>

#include "base/attr.h"
#include "base/rd.h"
#include "base/tlv.h"
#include "base/wipe.h"
#include "base/wr.h"

enum {
	UNUSED = 0xff,
	HEADER = 4, /* number of objects, octets of all of them */
	SECURITY = 0,
	/* Resources of it (LwM2M Core 1.1 E.1). */
	URI = 0,
	BOOTSTRAP = 1,
	MODE = 2,
	SMS_MODE = 6,
	SMS_PARAMS = 7,
	SMS_KEYS = 8,
	SMS_NUMBER = 9,
	SHORT_ID = 10,
	/* Of modes. */
	WITHOUT_SECURITY = 3,
	SECURED_PACKETS = 2,
	PROPRIETARY = 204,
};

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_erased(const uint8_t *file, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (file[i] != UNUSED)
			return false;
	}
	return true;
}

static void read_object(struct rd *r, bool bare, struct ef_object *out)
{
	out->id = rd_u16(r);
	out->major = bare ? 0 : rd_u8(r);
	out->minor = out->major != 0 ? rd_u8(r) : 0;
	out->len = rd_u16(r);
	out->instances = rd_bytes(r, out->len);
}

static bool read_objects(const uint8_t *file, size_t len, bool bare, struct ef_bootstrap *out)
{
	struct rd r = rd_from(file, len);
	*out = (struct ef_bootstrap){ .bare = bare };
	const size_t number = rd_u16(&r);
	const size_t size = rd_u16(&r);
	struct rd all = rd_sub(&r, size);
	if (!rd_ok(&r) || number > EF_OBJECTS)
		return false;
	for (size_t i = 0; i < number; i++)
		read_object(&all, bare, &out->objects[out->len++]);
	out->used = HEADER + size;
	return rd_end(&all);
}

/* A file whose totals disagree with the version may have been written without one. */
bool ef_read(const uint8_t *file, size_t len, struct ef_bootstrap *out)
{
	*out = (struct ef_bootstrap){ .used = 0 };
	if (len > EF_MAX)
		return false;
	if (is_erased(file, len) || read_objects(file, len, false, out) ||
		read_objects(file, len, true, out))
		return true;
	*out = (struct ef_bootstrap){ .used = 0 };
	return false;
}

/* --- accounts --------------------------------------------------------------------------------- */

struct seen { /* an instance, as far as it matters which one it is */
	struct ef_account account;
	bool server;  /* not a bootstrap server's */
	bool packets; /* its mode is one of secured packets */
};

static bool is_packets(unsigned mode)
{
	return mode == SECURED_PACKETS || mode >= PROPRIETARY;
}

/* Two's complement: 204 to 255 has two octets, and one where somebody has forgotten the sign. */
static void see_mode(struct seen *s, struct rd v)
{
	unsigned mode = 0;
	if (v.left == 1)
		mode = rd_u8(&v);
	else if (v.left == 2)
		mode = rd_u16(&v);
	s->packets = mode <= UINT8_MAX && is_packets(mode);
	s->account.mode = s->packets ? (uint8_t)mode : 0;
}

static void see(struct seen *s, const struct tlv *t)
{
	struct ef_account *const a = &s->account;
	struct rd v = t->value;
	const size_t n = v.left;
	switch (t->id) {
	case BOOTSTRAP:
		s->server = n == 1 && rd_u8(&v) == 0;
		break;
	case SMS_MODE:
		see_mode(s, v);
		break;
	case SMS_PARAMS:
		a->params_len = n <= sizeof(a->params) ? (uint8_t)n : 0;
		rd_copy(&v, a->params, a->params_len);
		break;
	case SMS_KEYS:
		a->key_len = n <= sizeof(a->key) ? (uint8_t)n : 0;
		rd_copy(&v, a->key, a->key_len);
		break;
	case SMS_NUMBER:
		memset(a->number, 0, sizeof(a->number));
		if (n <= EF_NUMBER_MAX)
			rd_copy(&v, (uint8_t *)a->number, n);
		break;
	default:
		break;
	}
}

static bool see_instance(const struct tlv *instance, struct seen *s)
{
	struct rd r = instance->value;
	struct tlv t;
	*s = (struct seen){ .account.instance = instance->id };
	while (tlv_next(&r, &t)) {
		if (t.type != TLV_RESOURCE && t.type != TLV_MULTIPLE)
			return false;
		if (t.type == TLV_RESOURCE)
			see(s, &t);
	}
	return rd_end(&r);
}

/* "+" is how people write it. */
static bool is_number(const char *a, const char *b)
{
	return strcmp(a + (a[0] == '+'), b + (b[0] == '+')) == 0;
}

static const char no_account[] = "the file has no account of a server in its Security object: put "
				 "one into the template";

struct choice {
	struct seen best;
	unsigned rank, many;
};

/* A better one than before, or another that is as good. */
static void choose(struct choice *c, const struct seen *s, const char *number)
{
	unsigned rank = 0;
	if (s->server)
		rank = s->packets ? 2 : 1;
	if (rank > 0 && number != NULL && number[0] != '\0' && is_number(s->account.number, number))
		rank = 3;
	if (rank == 0 || rank < c->rank)
		return;
	c->many = rank == c->rank ? c->many + 1 : 1;
	c->rank = rank;
	c->best = *s;
}

static bool choose_of(const struct ef_object *o, const char *number, struct choice *c)
{
	struct rd r = rd_from(o->instances, o->len);
	struct seen s;
	struct tlv t;
	bool good = true;
	while (good && tlv_next(&r, &t)) {
		good = t.type == TLV_OBJECT_INSTANCE && see_instance(&t, &s);
		if (good)
			choose(c, &s, number);
		wipe(&s, sizeof(s));
	}
	return good && rd_end(&r);
}

static bool find(
	const struct ef_bootstrap *f, const char *number, struct ef_account *out, const char **why)
{
	struct choice c = { .rank = 0 };
	bool good = true;
	for (size_t i = 0; good && i < f->len; i++) {
		if (f->objects[i].id == SECURITY)
			good = choose_of(&f->objects[i], number, &c);
	}
	*why = NULL;
	if (!good)
		*why = "the Security object in the file is no sound TLV: write the template anew";
	else if (c.rank == 0)
		*why = no_account;
	else if (c.many > 1)
		*why = "more than one account could be meant: give one of them the gateway's "
		       "number (resource 9)";
	else
		*out = c.best.account;
	wipe(&c, sizeof(c));
	return *why == NULL;
}

bool ef_account(const uint8_t *file, size_t len, const char *number, struct ef_account *out,
	const char **why)
{
	struct ef_bootstrap f;
	memset(out, 0, sizeof(*out));
	if (ef_read(file, len, &f))
		return find(&f, number, out, why);
	*why = "the file is no EF_LWM2M_Bootstrap: its lengths disagree";
	return false;
}

/* --- writing ---------------------------------------------------------------------------------- */

struct resource {
	uint16_t id;
	const uint8_t *octets;
	size_t len;
};
enum { RESOURCES = 4 };

struct change { /* of one account */
	uint16_t instance;
	struct resource set[RESOURCES];
	size_t len;
	uint8_t mode[2];
};

static const char *check(const struct ef_account *a)
{
	if (!is_packets(a->mode))
		return "the mode (resource 6) is none of secured packets: 2, or 204 to 255";
	if (a->params_len != 6 && a->params_len != 7)
		return "the key parameters (resource 7) are not 6 or 7 octets long";
	if (a->key_len != 32 && a->key_len != 48 && a->key_len != 64)
		return "the keys (resource 8) are not 32, 48 or 64 octets long";
	return NULL;
}

static void change_of(struct change *c, const struct ef_account *a)
{
	const bool wide = a->mode > INT8_MAX;
	*c = (struct change){ .instance = a->instance, .mode = { 0, a->mode } };
	c->set[c->len++] = (struct resource){ SMS_MODE, c->mode + !wide, wide ? 2 : 1 };
	c->set[c->len++] = (struct resource){ SMS_PARAMS, a->params, a->params_len };
	c->set[c->len++] = (struct resource){ SMS_KEYS, a->key, a->key_len };
	if (a->number[0] != '\0')
		c->set[c->len++] = (struct resource){ SMS_NUMBER, (const uint8_t *)a->number,
			strnlen(a->number, EF_NUMBER_MAX) };
}

static void put(struct wr *w, enum tlv_type type, uint16_t id, const uint8_t *octets, size_t len)
{
	tlv_head(w, type, id, len);
	if (len > 0)
		wr_bytes(w, octets, len);
}

static void put_missing(struct wr *w, const struct change *c, unsigned done)
{
	for (size_t i = 0; i < c->len; i++) {
		if ((done & 1U << i) == 0)
			put(w, TLV_RESOURCE, c->set[i].id, c->set[i].octets, c->set[i].len);
	}
}

/* Which of the change's it is; c->len: none. */
static size_t which(const struct change *c, uint16_t id)
{
	size_t i = 0;
	while (i < c->len && c->set[i].id != id)
		i++;
	return i;
}

/* As it stands there, length and all. */
static void keep(struct wr *w, const uint8_t *from, const struct rd *r)
{
	wr_bytes(w, from, (size_t)(r->at - from));
}

/* Resources stay where they are; those that were not there come behind the others. */
static void put_resources(struct wr *w, const struct change *c, struct rd r)
{
	struct tlv t;
	unsigned done = 0;
	const uint8_t *at = r.at;
	for (; tlv_next(&r, &t); at = r.at) {
		const size_t i = which(c, t.id);
		if (i == c->len)
			keep(w, at, &r);
		else if ((done & 1U << i) == 0)
			put(w, TLV_RESOURCE, t.id, c->set[i].octets, c->set[i].len);
		if (i < c->len)
			done |= 1U << i;
	}
	put_missing(w, c, done);
}

/* What comes behind a place whose length is only known when it was written. */
static void put_head_before(struct wr *w, size_t from, uint16_t id)
{
	uint8_t head[TLV_HEAD_MAX];
	struct wr h = wr_into(head, sizeof(head));
	const size_t len = w->len - from;
	tlv_head(&h, TLV_OBJECT_INSTANCE, id, len);
	if (!wr_ok(w) || !wr_room(w, h.len))
		return;
	memmove(w->data + from + h.len, w->data + from, len);
	memcpy(w->data + from, head, h.len);
}

static void put_instances(struct wr *w, const struct change *c, const struct ef_object *o)
{
	struct rd r = rd_from(o->instances, o->len);
	struct tlv t;
	const uint8_t *at = r.at;
	for (; tlv_next(&r, &t); at = r.at) {
		const size_t from = w->len;
		if (t.id != c->instance) {
			keep(w, at, &r);
			continue;
		}
		put_resources(w, c, t.value);
		put_head_before(w, from, t.id);
	}
}

static void set_u16(const struct wr *w, size_t at, size_t v)
{
	w->data[at] = (uint8_t)(v >> 8);
	w->data[at + 1] = (uint8_t)v;
}

static void put_object(struct wr *w, const struct ef_bootstrap *f, const struct ef_object *o,
	const struct change *c)
{
	wr_u16(w, o->id);
	if (!f->bare)
		wr_u8(w, o->major);
	if (o->major != 0)
		wr_u8(w, o->minor);
	const size_t length = w->len;
	wr_u16(w, 0);
	if (o->id == SECURITY)
		put_instances(w, c, o);
	else if (o->len > 0)
		wr_bytes(w, o->instances, o->len);
	if (wr_ok(w))
		set_u16(w, length, w->len - length - 2);
}

/* A file with nothing but the account. */
static void put_fresh(struct wr *w, const struct ef_new *n, const struct change *c)
{
	static const uint8_t server = 0, mode = WITHOUT_SECURITY;
	const uint8_t id[2] = { (uint8_t)(n->short_id >> 8), (uint8_t)n->short_id };
	const bool wide = n->short_id > INT8_MAX;
	wr_u16(w, SECURITY);
	wr_u8(w, 0);
	const size_t length = w->len;
	wr_u16(w, 0);
	const size_t from = w->len;
	put(w, TLV_RESOURCE, URI, (const uint8_t *)n->uri, strlen(n->uri));
	put(w, TLV_RESOURCE, BOOTSTRAP, &server, 1);
	put(w, TLV_RESOURCE, MODE, &mode, 1);
	put_missing(w, c, 0);
	put(w, TLV_RESOURCE, SHORT_ID, id + !wide, wide ? 2 : 1);
	put_head_before(w, from, c->instance);
	if (wr_ok(w))
		set_u16(w, length, w->len - length - 2);
}

static size_t finish(struct wr *w, size_t number, size_t was, const char **why)
{
	if (!wr_ok(w) || w->len > EF_MAX) {
		*why = "the file gets too long for the card: shorten the template";
		wipe(w->data, w->len);
		return 0;
	}
	set_u16(w, 0, number);
	set_u16(w, 2, w->len - HEADER);
	while (w->len < was && w->len < w->cap)
		wr_u8(w, UNUSED);
	return w->len;
}

/* A short id of 32768 and above would be a negative number in two octets. */
static const char *check_fresh(const struct ef_new *n)
{
	if (n == NULL)
		return no_account;
	if (n->uri == NULL || n->uri[0] == '\0' || strnlen(n->uri, EF_URI_MAX + 1) > EF_URI_MAX)
		return "the server's URI is empty, or longer than 255 octets";
	if (n->short_id < 1 || n->short_id > INT16_MAX)
		return "the Short Server ID is not 1 to 32767";
	return NULL;
}

/* NOLINTNEXTLINE(readability-function-size): what is there, what is to be, and where to */
size_t ef_write(const uint8_t *file, size_t len, const struct ef_account *a,
	const struct ef_new *fresh, uint8_t *out, size_t cap, const char **why)
{
	struct ef_bootstrap f;
	struct ef_account found;
	struct change c;
	struct wr w = wr_into(out, cap);
	*why = check(a);
	if (*why == NULL && !ef_read(file, len, &f))
		*why = "the file is no EF_LWM2M_Bootstrap: its lengths disagree";
	if (*why != NULL)
		return 0;
	change_of(&c, a);
	wr_u32(&w, 0);
	if (f.len == 0) {
		*why = check_fresh(fresh);
		if (*why != NULL)
			return 0;
		put_fresh(&w, fresh, &c);
		return finish(&w, 1, len, why);
	}
	memset(&found, 0, sizeof(found));
	const bool known = find(&f, a->number, &found, why);
	c.instance = found.instance;
	wipe(&found, sizeof(found));
	if (!known)
		return 0;
	for (size_t i = 0; i < f.len; i++)
		put_object(&w, &f, &f.objects[i], &c);
	return finish(&w, f.len, len, why);
}
